// SPDX-License-Identifier: MIT
#include <sst/base/error_interval.hpp>

#include <Eigen/Core>
#include <cmath>

#include "../catch.hpp"
#include "../matrices.hpp"

namespace error_interval_tests {

namespace {

Eigen::VectorXd normal(Eigen::Index n, unsigned seed) { return sst_test::normal(n, 1, seed); }

}  // namespace

TEST_CASE("Errors of a small sample by hand", "[base][interval]") {
  Eigen::VectorXd truth(4), prediction(4);
  truth << 1, 2, 3, 6;
  prediction << 1, 3, 3, 3;
  const auto errors = sst::regression_errors(truth, prediction);
  CHECK(errors.rmse.value == Approx(std::sqrt(10.0 / 4)));
  CHECK(errors.mae.value == Approx(1));
  CHECK(errors.r2.value == Approx(1 - 10.0 / 14));
  const auto perfect = sst::regression_errors(truth, truth);
  CHECK(perfect.rmse.high == 0);
  CHECK(perfect.r2.value == 1);
  CHECK(sst::regression_errors(Eigen::VectorXd::Ones(3), prediction.head(3)).r2.value == 0);
  CHECK_THROWS_AS(sst::regression_errors(truth, prediction.head(3)), sst::DataError);
  CHECK_THROWS_AS(sst::regression_errors({}, {}), sst::DataError);
}

TEST_CASE("The bootstrap's interval of the RMSE is the asymptotic one in a large sample",
          "[base][interval]") {
  // Errors are standard normal: RMSE has the standard deviation 1/sqrt(2n).
  const Eigen::VectorXd truth = 5 * normal(20000, 1), error = normal(20000, 2);
  const auto errors = sst::regression_errors(truth, truth + error, 7);
  const double half = 1.96 / std::sqrt(2 * 20000.0);
  CHECK(errors.rmse.high - errors.rmse.low == Approx(2 * half).epsilon(0.15));
  CHECK(std::abs(errors.rmse.value - 1) < 2 * half);
  CHECK(errors.mae.low < errors.mae.value);
  CHECK(errors.mae.value < errors.mae.high);
  CHECK(std::abs(errors.mae.value - std::sqrt(2 / 3.141592653589793)) < 0.02);
  const auto again = sst::regression_errors(truth, truth + error, 7);
  CHECK(again.rmse.low == errors.rmse.low);
  CHECK(again.r2.high == errors.r2.high);
}

TEST_CASE("Intervals hold the truth as often as they say", "[base][interval]") {
  int inside = 0;
  for (unsigned s = 0; s < 200; ++s) {
    const auto errors = sst::regression_errors(Eigen::VectorXd::Zero(100), normal(100, 100 + s), s, 200);
    inside += errors.rmse.low <= 1 && 1 <= errors.rmse.high;
  }
  CHECK(inside >= 176);  // 95 % nominal; percentile intervals of 100 rows hold a little less
  CHECK(inside <= 199);
}

TEST_CASE("Errors are in proportion to the numbers, whatever their size", "[base][interval]") {
  const Eigen::VectorXd truth = normal(50, 1), prediction = truth + 0.3 * normal(50, 2);
  const auto one = sst::regression_errors(truth, prediction);
  for (const double scale : {1e-170, 1e-300, 1e160, 1e200}) {
    const auto found = sst::regression_errors(scale * truth, scale * prediction);
    CHECK(found.rmse.value / scale == Approx(one.rmse.value).epsilon(1e-12));
    CHECK(found.mae.high / scale == Approx(one.mae.high).epsilon(1e-12));
    CHECK(found.r2.value == Approx(one.r2.value).epsilon(1e-10));
  }
}

TEST_CASE("Wilson's interval", "[base][interval]") {
  // Both ends solve |p - c| = z sqrt(c (1 - c) / n).
  for (const auto& [hits, count] :
       {std::pair<std::size_t, std::size_t>{0, 10}, {3, 10}, {10, 10}, {57, 99}}) {
    const auto found = sst::share(hits, count);
    const auto n = static_cast<double>(count);
    CHECK(found.value == static_cast<double>(hits) / n);
    for (const double c : {found.low, found.high})
      CHECK(std::pow(found.value - c, 2) ==
            Approx(1.959963984540054 * 1.959963984540054 * c * (1 - c) / n).margin(1e-14));
    CHECK(found.low >= 0);
    CHECK(found.high <= 1);
  }
  CHECK_THROWS_AS(sst::share(0, 0), sst::DataError);
  CHECK_THROWS_AS(sst::share(2, 1), sst::DataError);
}

TEST_CASE("quantiles of the normal distribution", "[base]") {
  // scipy.special.ndtri
  CHECK(sst::normal_quantile(0.5) == Approx(0).margin(1e-15));
  CHECK(sst::normal_quantile(0.975) == Approx(1.959963984540054).epsilon(1e-14));
  CHECK(sst::normal_quantile(0.9) == Approx(1.2815515655446004).epsilon(1e-14));
  CHECK(sst::normal_quantile(1e-12) == Approx(-7.034483825301131).epsilon(1e-13));
  CHECK(sst::normal_quantile(0.2) == Approx(-sst::normal_quantile(0.8)).epsilon(1e-14));
  for (const double p : {0.0, 1.0, -1.0, std::nan("")})
    CHECK_THROWS_AS(sst::normal_quantile(p), sst::DataError);
}

}  // namespace error_interval_tests
