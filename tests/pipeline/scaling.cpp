// SPDX-License-Identifier: MIT
#include <sst/pipeline/scaling.hpp>

#include <Eigen/Core>
#include <cmath>
#include <limits>

#include "../catch.hpp"
#include "../matrices.hpp"

namespace scaling_tests {

using Catch::Matchers::Contains;

namespace {

Eigen::MatrixXd table() {
  Eigen::MatrixXd x = sst_test::normal(200, 5, 3);
  x.col(1) = x.col(1).array() * 1e-9 + 1e3;  // small beside its mean
  x.col(2) *= 1e300;                         // squares would overflow
  x.col(3) *= 1e-300;                        // squares would vanish
  x.col(4) = x.col(4).array().round();
  return x;
}

}  // namespace

TEST_CASE("Scaling gives mean 0 and standard deviation 1", "[pipeline][scaling]") {
  const Eigen::MatrixXd x = table();
  const auto scaling = sst::Scaling::standard(x);
  const Eigen::MatrixXd z = scaling.apply(x);
  for (Eigen::Index j = 0; j < x.cols(); ++j) {
    INFO("column " << j);
    const double tolerance = j == 1 ? 1e-4 : 1e-13;  // 1e-9 beside 1e3 has 4 digits left of double's 16
    CHECK(std::abs(z.col(j).mean()) <= tolerance);
    CHECK(std::abs(z.col(j).squaredNorm() / 200 - 1) <= tolerance);
  }
}

TEST_CASE("Scaling against long double", "[pipeline][scaling]") {
  const Eigen::MatrixXd x = table();
  const auto scaling = sst::Scaling::standard(x);
  for (Eigen::Index j = 0; j < x.cols(); ++j) {
    const auto column = x.col(j).cast<long double>().eval();
    const long double mean = column.mean();
    const long double std = std::sqrt((column.array() - mean).square().mean());
    INFO("column " << j);
    CHECK(std::abs(scaling.shift[j] - static_cast<double>(mean)) <=
          1e-15 * static_cast<double>(column.cwiseAbs().maxCoeff()));
    CHECK(scaling.scale[j] == Approx(static_cast<double>(std)).epsilon(j == 1 ? 1e-7 : 1e-13));
  }
}

TEST_CASE("Scaling is remembered, applied to other rows and undone", "[pipeline][scaling]") {
  Eigen::MatrixXd x(2, 2), other(1, 2);
  x << 1, 10, 3, 30;
  other << 5, 20;
  const auto scaling = sst::Scaling::standard(x);
  Eigen::MatrixXd expected(1, 2);
  expected << 3, 0;
  CHECK(scaling.apply(other) == expected);
  CHECK(scaling.undo(expected) == other);
  CHECK(scaling == sst::Scaling::standard(x));
  CHECK_FALSE(scaling == sst::Scaling::standard(2 * x));
  CHECK_FALSE(scaling == sst::Scaling::standard(x.leftCols(1)));
}

TEST_CASE("Columns that cannot be scaled", "[pipeline][scaling]") {
  Eigen::MatrixXd x(3, 2);
  x << 1, 0.1, 2, 0.1, 3, 0.1;
  CHECK_THROWS_WITH(sst::Scaling::standard(x), Contains("column 1, counted from 0, is constant"));
  CHECK_THROWS_WITH(sst::Scaling::standard(x, {"a", "b"}), Contains("column 'b' is constant"));
  CHECK_THROWS_WITH(sst::Scaling::standard(x.topRows(1)), Contains("column 0, counted from 0, is constant"));
  x(1, 1) = std::numeric_limits<double>::infinity();
  CHECK_THROWS_WITH(sst::Scaling::standard(x), Contains("not finite"));
  x.col(1) << -1.7e308, 1.7e308, 1.7e308;
  CHECK_THROWS_WITH(sst::Scaling::standard(x), Contains("spans more"));
  CHECK_THROWS_WITH(sst::Scaling::standard(Eigen::MatrixXd(0, 2)), Contains("nothing to standardise"));
  const auto scaling = sst::Scaling::standard(Eigen::MatrixXd::Identity(3, 3));
  CHECK_THROWS_WITH(scaling.apply(x), Contains("2 columns and the scaling was learnt on 3"));
  CHECK_THROWS_WITH(scaling.undo(x), Contains("2 columns"));
}

}  // namespace scaling_tests
