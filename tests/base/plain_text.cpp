// SPDX-License-Identifier: MIT
#include <ostream>

#include <sst/base/memory.hpp>
#include <sst/base/output_file.hpp>
#include <sst/base/plain_text.hpp>

#include "../catch.hpp"
#include "../comma_locale.hpp"
#include "../folder.hpp"

namespace plain_text_tests {

TEST_CASE("messages and files have points and no groups, whatever the locale is", "[base]") {
  const sst_test::Folder folder;
  const sst_test::CommaLocale comma;
  sst::detail::PlainText text;
  text << 1234.5 << ' ' << 1000000;
  CHECK(text.str() == "1234.5 1000000");
  sst::detail::write_file(folder.path / "numbers", [](std::ostream& out) { out << 1234.5 << ' ' << 10000; });
  CHECK(sst_test::content(folder.path / "numbers") == "1234.5 10000");
  CHECK_THROWS_WITH(sst::require_memory(1.5 * 1024 * 1024 * 1024 * 1024 * 1024, "that"),
                    Catch::Contains("that takes 1.57e+06 GiB"));
}

}  // namespace plain_text_tests
