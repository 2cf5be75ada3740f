// SPDX-License-Identifier: MIT
#include <sst/base/file.hpp>

#include <filesystem>
#include <string>

#include "../catch.hpp"
#include "../folder.hpp"

namespace file_tests {

using Catch::Matchers::Contains;

using sst_test::Folder;

TEST_CASE("Quotes are one line of printable text", "[base][file]") {
  using sst::detail::quote;
  CHECK(quote("abc") == "'abc'");
  CHECK(quote("a\nb\x7f") == "'a\\x0ab\\x7f'");
  CHECK(quote(std::string(41, 'x')) == "'" + std::string(40, 'x') + "...'");
  CHECK(quote(std::string(39, 'x') + "\xC3\xA9") == "'" + std::string(39, 'x') + "...'");  // whole characters
}

TEST_CASE("What is no file cannot be opened for reading", "[base][file]") {
  const Folder folder;
  CHECK_THROWS_WITH(sst::detail::open_for_reading(folder.path), Contains("it is a directory"));
  CHECK_THROWS_WITH(sst::detail::open_for_reading(folder.path / "no"), Contains("No such file"));
}

}  // namespace file_tests
