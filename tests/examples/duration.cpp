// SPDX-License-Identifier: MIT
#include "../../examples/duration.hpp"

#include <cmath>

#include "../catch.hpp"

namespace duration_tests {

TEST_CASE("durations as people say them", "[examples][program]") {
  CHECK(program::format_duration(0.84) == "0.8 s");
  CHECK(program::format_duration(9.96) == "10 s");
  CHECK(program::format_duration(59.6) == "1 min");
  CHECK(program::format_duration(200) == "3 min 20 s");
  CHECK(program::format_duration(3600) == "1 h");
  CHECK(program::format_duration(7512) == "2 h 5 min");
  CHECK(program::format_duration(100 * 3600) == "4 d 4 h");
  CHECK(program::format_duration(NAN) == "an unknown time");
}

}  // namespace duration_tests
