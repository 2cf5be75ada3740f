// SPDX-License-Identifier: MIT
#include <sst/base/output_file.hpp>

#include <chrono>
#include <filesystem>
#include <iterator>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>

#include <sys/wait.h>
#include <unistd.h>

#include <sst/base/folder.hpp>

#include "../catch.hpp"
#include "../folder.hpp"

namespace output_file_tests {

using Catch::Matchers::Contains;
namespace fs = std::filesystem;
using sst_test::content;
using sst_test::Folder;

namespace {

void write(const fs::path& path, const std::string& text) {
  sst::detail::write_file(path, [&](std::ostream& out) { out << text; });
}

}  // namespace

TEST_CASE("A file is replaced when it is complete, and not before", "[base][output_file]") {
  const Folder folder;
  const fs::path file = folder.path / "a.txt";
  write(file, "old");
  CHECK_THROWS_WITH(sst::detail::write_file(file,
                                            [](std::ostream& out) {
                                              out << "half" << std::flush;
                                              throw std::runtime_error("stopped");
                                            }),
                    "stopped");
  CHECK(content(file) == "old");
  CHECK(folder.entries() == 1);
  fs::create_symlink(file, folder.path / "link");
  write(folder.path / "link", "new");
  CHECK(content(file) == "new");
  CHECK(fs::is_symlink(folder.path / "link"));
  fs::create_symlink("nowhere", folder.path / "dangling");
  CHECK_THROWS_WITH(write(folder.path / "dangling", "x"), Contains("a link that leads nowhere"));
  CHECK(fs::is_symlink(folder.path / "dangling"));
  fs::permissions(file, fs::perms::owner_read);
  CHECK_THROWS_WITH(write(file, "x"), Contains("read-only"));
  CHECK_THROWS_WITH(write(folder.path, "x"), Contains("it is a directory"));
  CHECK_THROWS_WITH(write(folder.path / "no" / "a", "x"), Contains("cannot write"));
}

TEST_CASE("A place is tried without a trace", "[base][output_file]") {
  const Folder folder;
  sst::detail::require_writable(folder.path / "new");
  CHECK(folder.entries() == 0);
  folder.write("old", "old");
  sst::detail::require_writable(folder.path / "old");
  CHECK(folder.entries() == 1);
  CHECK(content(folder.path / "old") == "old");
  CHECK_THROWS_WITH(sst::detail::require_writable(folder.path / "no" / "a"), Contains("there is no folder"));
  CHECK_THROWS_WITH(sst::detail::require_writable(folder.path), Contains("it is a directory"));
}

TEST_CASE("Long names are written, and keep the rights of the old file", "[base][output_file]") {
  const Folder folder;
  const fs::path file = folder.path / std::string(255, 'n');
  write(file, "old");
  fs::permissions(file, fs::perms::owner_read | fs::perms::owner_write);
  write(file, "new");
  CHECK(content(file) == "new");
  CHECK(fs::status(file).permissions() == (fs::perms::owner_read | fs::perms::owner_write));
  CHECK(folder.entries() == 1);
}

TEST_CASE("A program that ends at once leaves the old files and nothing else", "[base][output_file]") {
  const Folder folder;
  folder.write("a", "old");
  const fs::path saved = folder.path / "saved";
  const auto save = [&](const std::string& text) {
    sst::detail::write_folder(
        saved, {"one", "two"}, [](const auto&) { return std::string(); },
        [&](const fs::path& fresh) {
          write(fresh / "one", text);
          write(fresh / "two", text);
        });
  };
  save("old");
  const pid_t child = fork();
  if (child == 0) {
    sst::detail::OutputFile file(folder.path / "a");
    file.stream() << "half" << std::flush;
    std::error_code error;
    const sst::detail::TemporaryFolder half(sst::detail::sibling(saved), {"one", "two"}, error);
    sst::detail::OutputFile within(half.path() / "one");
    within.stream() << "half" << std::flush;
    const auto entries = std::distance(fs::directory_iterator(folder.path), fs::directory_iterator());
    sst::detail::Temporaries::all().remove_for_good();
    // Whatever others do meanwhile.
    std::thread([&] { file.commit(); }).detach();
    std::thread([&] { write(folder.path / "b", "new"); }).detach();
    std::thread([&] { save("new"); }).detach();
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    _exit(entries == 4 ? 0 : 1);
  }
  int status = -1;
  REQUIRE(waitpid(child, &status, 0) == child);
  CHECK(status == 0);
  CHECK(folder.entries() == 2);
  CHECK(content(folder.path / "a") == "old");
  CHECK(content(saved / "one") == "old");
  CHECK(content(saved / "two") == "old");
}

}  // namespace output_file_tests
