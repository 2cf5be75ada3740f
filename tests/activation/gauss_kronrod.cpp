// SPDX-License-Identifier: MIT
#include <cmath>
#include <limits>
#include <numbers>
#include <utility>
#include <vector>

#include <sst/activation/gauss_kronrod.hpp>

#include "../catch.hpp"

namespace gauss_kronrod_tests {

namespace quadrature = sst::quadrature;

TEST_CASE("the rules are exact for the polynomials that they are made for", "[activation]") {
  for (int degree = 0; degree <= 46; degree += 2) {
    double kronrod = 0, gauss = 0;
    for (const auto& node : quadrature::nodes) {
      const double both = node.at == 0 ? 1 : 2;  // odd powers cancel
      kronrod += both * node.kronrod * std::pow(node.at, degree);
      gauss += both * node.gauss * std::pow(node.at, degree);
    }
    INFO(degree);
    CHECK(kronrod == Approx(2.0 / (degree + 1)).epsilon(1e-14));
    if (degree <= 28) CHECK(gauss == Approx(2.0 / (degree + 1)).epsilon(1e-14));
  }
}

TEST_CASE("several integrals at once, to their tolerances, with cuts at kinks", "[activation]") {
  const auto f = [](double z) {
    return quadrature::Values<3>{std::exp(z), std::abs(z - 0.3), 1 / (1 + z * z)};
  };
  std::vector<double> cuts{0.3, 7.0, -2.0};  // those outside are no cuts
  std::vector<std::pair<double, double>> panels;
  const auto found = quadrature::integrate<3>(f, -1, 2, cuts, {1e-14, 1e-14, 1e-14}, &panels);
  CHECK(found[0] == Approx(std::exp(2.0) - std::exp(-1.0)).epsilon(1e-15));
  CHECK(found[1] == Approx((1.3 * 1.3 + 1.7 * 1.7) / 2).epsilon(1e-15));
  CHECK(found[2] == Approx(std::atan(2.0) + std::numbers::pi / 4).epsilon(1e-15));
  CHECK(cuts == std::vector<double>{-1, 0.3, 2});
  CHECK(panels.front().first == -1);
  CHECK(panels.back().second == 2);
  // A kink that nobody names is found by bisection.
  std::vector<double> none;
  CHECK(quadrature::integrate<3>(f, -1, 2, none, {1e-10, 1e-10, 1e-10})[1] ==
        Approx((1.3 * 1.3 + 1.7 * 1.7) / 2).epsilon(1e-10));
}

TEST_CASE("what is not a number is the answer and not bisected for ever", "[activation]") {
  int calls = 0;
  const auto f = [&](double) {
    ++calls;
    return quadrature::Values<1>{std::numeric_limits<double>::quiet_NaN()};
  };
  std::vector<double> none;
  CHECK(std::isnan(quadrature::integrate<1>(f, 0, 1, none, {1e-10})[0]));
  CHECK(calls == 31);
}

}  // namespace gauss_kronrod_tests
