// SPDX-License-Identifier: MIT
#include "../../examples/program.hpp"

#include "../catch.hpp"

namespace program_tests {

TEST_CASE("how far a program is, and the time that is left", "[examples][program]") {
  CHECK(program::progress_text(0.25, 0.25, 0) == "25.0 % done");
  CHECK(program::progress_text(0.25, 0.25, 7) == "25.0 % done");
  // An eighth took 20 s; what an earlier run did does not count.
  CHECK(program::progress_text(0.375, 0.25, 20) == "37.5 % done, 1 min 40 s left");
  CHECK(program::progress_text(1, 0.25, 20) == "100.0 % done, 0.0 s left");
}

}  // namespace program_tests
