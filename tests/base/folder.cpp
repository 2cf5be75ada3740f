// SPDX-License-Identifier: MIT
#include <sst/base/folder.hpp>

#include <filesystem>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "../catch.hpp"
#include "../folder.hpp"

namespace folder_tests {

namespace {

using Catch::Matchers::Contains;
namespace fs = std::filesystem;
using sst_test::content;
using sst_test::Folder;

const std::vector<std::string> names{"mark", "text"};

void write(const fs::path& path, const std::string& text) {
  sst::detail::write_file(path, [&](std::ostream& out) { out << text; });
}

/// A folder of ours has the text "ours" in its mark.
std::string foreign(const fs::path& folder) {
  return content(folder / "mark") == "ours" ? "" : "its mark is another";
}

void write_folder(const fs::path& path, const std::string& text) {
  sst::detail::write_folder(path, names, foreign, [&](const fs::path& part) {
    write(part / "mark", "ours");
    write(part / "text", text);
  });
}

/// All that is under the folder, with its bytes.
std::string everything(const fs::path& folder) {
  std::string out;
  for (const auto& entry : fs::recursive_directory_iterator(folder))
    out += entry.path().string() + "=" + (entry.is_regular_file() ? content(entry) : "") + ";";
  return out;
}

}  // namespace

TEST_CASE("A folder is replaced when it is complete", "[base][folder]") {
  const Folder folder;
  const fs::path place = folder.path / "m";
  write_folder(place, "first");
  fs::permissions(place, fs::perms::owner_all);
  write_folder(place, "second");
  CHECK(content(place / "text") == "second");
  CHECK(fs::status(place).permissions() == fs::perms::owner_all);
  CHECK_THROWS_WITH(sst::detail::write_folder(place, names, foreign,
                                              [](const fs::path& part) {
                                                write(part / "mark", "");
                                                throw std::runtime_error("stopped");
                                              }),
                    "stopped");
  CHECK(content(place / "text") == "second");
  write_folder(folder.path / "slash" / "", "third");
  CHECK(content(folder.path / "slash" / "text") == "third");
  fs::create_directory(folder.path / "empty");
  write_folder(folder.path / "empty", "fourth");
  CHECK(content(folder.path / "empty" / "text") == "fourth");
  fs::create_directory_symlink(place, folder.path / "link");
  write_folder(folder.path / "link", "fifth");
  CHECK(content(place / "text") == "fifth");
  CHECK(fs::is_symlink(folder.path / "link"));
  CHECK(folder.entries() == 4);
}

TEST_CASE("What is not ours is never replaced, nor a part of it removed", "[base][folder]") {
  const Folder folder;
  const auto refuse = [&](const fs::path& path, const std::string& why) {
    const std::string before = everything(folder.path);
    CHECK_THROWS_WITH(write_folder(path, "x"), Contains("cannot write the folder") && Contains(why));
    CHECK(everything(folder.path) == before);
  };
  const fs::path place = folder.path / "m";
  write_folder(place, "first");
  write(place / "notes", "mine");
  refuse(place, "it holds 'notes', which is not ours");
  fs::remove(place / "notes");
  fs::create_directory(place / "notes");
  refuse(place, "'notes'");
  fs::remove(place / "notes");
  fs::remove(place / "text");
  fs::create_directory(place / "text");
  refuse(place, "'text'");
  fs::remove(place / "text");
  fs::create_symlink("/dev/zero", place / "text");
  refuse(place, "'text'");
  fs::remove(place / "text");
  write(place / "mark", "yours");
  refuse(place, "its mark is another");
  write(folder.path / "file", "x");
  refuse(folder.path / "file", "something else has that name");
  refuse(folder.path / "no" / "m", "there is no folder");
  refuse("", "it is not a path");
  refuse("/", "which is not ours");
  fs::create_directory(folder.path / "here");
  const fs::path before = fs::current_path();
  fs::current_path(folder.path / "here");
  refuse(".", "it is the current folder");
  fs::current_path(before);
}

TEST_CASE("What comes into a folder while the new one is written stays", "[base][folder]") {
  const Folder folder;
  const fs::path place = folder.path / "m";
  write_folder(place, "first");
  CHECK_THROWS_WITH(sst::detail::write_folder(place, names, foreign,
                                              [&](const fs::path& part) {
                                                write(part / "mark", "ours");
                                                write(place / "notes", "mine");
                                              }),
                    Contains("'notes'"));
  CHECK(content(place / "notes") == "mine");
  CHECK(content(place / "text") == "first");
  CHECK(folder.entries() == 1);
}

TEST_CASE("Several writers of one folder: the last one stays, whole", "[base][folder]") {
  const Folder folder;
  std::vector<std::thread> writers;
  for (int writer = 0; writer < 4; ++writer)
    writers.emplace_back([&, writer] {
      for (int i = 0; i < 25; ++i) write_folder(folder.path / "m", std::to_string(writer));
    });
  for (auto& writer : writers) writer.join();
  CHECK(content(folder.path / "m" / "mark") == "ours");
  CHECK(folder.entries() == 1);
}

TEST_CASE("Names that are as long as a file system allows", "[base][folder]") {
  const Folder folder;
  for (const std::size_t length : {200U, 240U, 250U, 255U}) {
    const fs::path place = folder.path / std::string(length, 'm'),
                   file = folder.path / std::string(length, 'f');
    write_folder(place, "first");
    write_folder(place, "second");
    CHECK(content(place / "text") == "second");
    write(file, "first");
    write(file, "second");
    CHECK(content(file) == "second");
  }
  CHECK_THROWS_WITH(write_folder(folder.path / std::string(256, 'm'), "x"), Contains("cannot write"));
  CHECK_THROWS_WITH(write(folder.path / std::string(256, 'f'), "x"), Contains("cannot write"));
  CHECK(folder.entries() == 8);
}

}  // namespace folder_tests
