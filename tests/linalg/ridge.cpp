// SPDX-License-Identifier: MIT
#include "../catch.hpp"

#include <limits>
#include <string>

#include <sst/linalg/ridge.hpp>

namespace ridge_tests {

using sst::Ridge;

TEST_CASE("a relative ridge is a multiple of the mean diagonal, an absolute one is not", "[linalg]") {
  CHECK(Ridge::relative(0.5).lambda_for(3.0) == 1.5);
  CHECK(Ridge::relative(0.0).lambda_for(3.0) == 0.0);
  CHECK(Ridge::relative(0.5).lambda_for(0.0) == 0.0);
  CHECK(Ridge::absolute(0.5).lambda_for(3.0) == 0.5);
  CHECK(Ridge::absolute(0.0).lambda_for(0.0) == 0.0);
}

TEST_CASE("relative and absolute ridges differ whatever their value", "[linalg]") {
  CHECK(Ridge::relative(0.1) == Ridge::relative(0.1));
  CHECK(Ridge::relative(0.1) != Ridge::relative(0.2));
  CHECK(Ridge::relative(0.1) != Ridge::absolute(0.1));
  CHECK(Ridge::relative(0.1).scale() == Ridge::Scale::relative);
  CHECK(Ridge::absolute(0.1).value() == 0.1);
}

TEST_CASE("a ridge prints the shortest number that reads back", "[linalg]") {
  CHECK(Ridge::relative(0.1).to_string() == "relative:0.1");
  CHECK(Ridge::absolute(0.01).to_string() == "absolute:0.01");
  CHECK(Ridge::absolute(1e-300).to_string() == "absolute:1e-300");
  CHECK(Ridge::relative(0).to_string() == "relative:0");
  CHECK(Ridge::relative(-0.0).to_string() == "relative:0");
  const double awkward = 0.1 + 0.2;
  CHECK(std::stod(Ridge::relative(awkward).to_string().substr(9)) == awkward);
}

TEST_CASE("a ridge that is not a finite number >= 0 is refused", "[linalg]") {
  const double infinity = std::numeric_limits<double>::infinity();
  const double nan = std::numeric_limits<double>::quiet_NaN();
  for (const double bad : {-1e-300, -1.0, infinity, -infinity, nan}) {
    CHECK_THROWS_AS(Ridge::relative(bad), sst::Error);
    CHECK_THROWS_AS(Ridge::absolute(bad), sst::Error);
    CHECK_THROWS_AS(Ridge::relative(1).lambda_for(bad), sst::Error);
    CHECK_THROWS_AS(Ridge::absolute(1).lambda_for(bad), sst::Error);
  }
  CHECK_THROWS_AS(Ridge::relative(1e200).lambda_for(1e200), sst::Error);
  CHECK_THROWS_WITH(
      Ridge::relative(-0.5),
      "the relative ridge is -0.5 (it has to be finite and not negative); give it a number >= 0");
}

}  // namespace ridge_tests
