// SPDX-License-Identifier: MIT
#include <sst/base/output_file.hpp>

#include <filesystem>
#include <stdexcept>
#include <string>

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

TEST_CASE("What is half written can be taken along by a program that ends", "[base][output_file]") {
  const Folder folder;
  folder.write("a", "old");
  sst::detail::OutputFile file(folder.path / "a");
  file.stream() << "half" << std::flush;
  CHECK(folder.entries() == 2);
  sst::detail::Temporaries::all().remove();
  CHECK(folder.entries() == 1);
  CHECK_THROWS_WITH(file.commit(), Contains("cannot write"));
  CHECK(content(folder.path / "a") == "old");
}

}  // namespace output_file_tests
