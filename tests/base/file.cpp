// SPDX-License-Identifier: MIT
#include <sst/base/file.hpp>

#include <filesystem>
#include <stdexcept>
#include <string>

#include "../catch.hpp"
#include "../folder.hpp"

namespace file_tests {

using Catch::Matchers::Contains;
namespace fs = std::filesystem;

namespace {

using sst_test::content;
using sst_test::Folder;

void write(const fs::path& path, const std::string& text) {
  sst::detail::write_file(path, [&](std::ostream& out) { out << text; });
}

}  // namespace

TEST_CASE("Quotes are one line of printable text", "[base][file]") {
  using sst::detail::quote;
  CHECK(quote("abc") == "'abc'");
  CHECK(quote("a\nb\x7f") == "'a\\x0ab\\x7f'");
  CHECK(quote(std::string(41, 'x')) == "'" + std::string(40, 'x') + "...'");
  CHECK(quote(std::string(39, 'x') + "\xC3\xA9") == "'" + std::string(39, 'x') + "...'");  // whole characters
}

TEST_CASE("A file is replaced when it is complete, and not before", "[base][file]") {
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
  CHECK_THROWS_WITH(sst::detail::open_for_reading(folder.path), Contains("it is a directory"));
  CHECK_THROWS_WITH(sst::detail::open_for_reading(folder.path / "no"), Contains("No such file"));
}

}  // namespace file_tests
