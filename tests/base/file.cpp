// SPDX-License-Identifier: MIT
#include <sst/base/file.hpp>

#include <filesystem>
#include <fstream>
#include <istream>
#include <sstream>
#include <streambuf>
#include <string>
#include <vector>

#include "../catch.hpp"
#include "../folder.hpp"
#include "../little_memory.hpp"

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

/// A stream of zeros.
class Endless : public std::streambuf {
 protected:
  int_type underflow() override {
    setg(zeros_.data(), zeros_.data(), zeros_.data() + zeros_.size());
    return 0;
  }

 private:
  std::vector<char> zeros_ = std::vector<char>(1 << 16);
};

TEST_CASE("All of a stream, unless it has no end", "[base][file]") {
  std::istringstream text("one\ntwo");
  CHECK(sst::detail::read_all(text, "text") == "one\ntwo");
  const Folder folder;
  std::ofstream(folder.path / "file", std::ios::binary) << "three";
  CHECK(sst::detail::read_all(folder.path / "file") == "three");
  Endless endless;
  std::istream in(&endless);
  const sst_test::LittleMemory limit(4e8);
  CHECK_THROWS_WITH(sst::detail::read_all(in, "/dev/zero"),
                    Contains("cannot read '/dev/zero' (it is longer than 0."));
}

}  // namespace file_tests
