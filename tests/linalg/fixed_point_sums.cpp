// SPDX-License-Identifier: MIT
#include "../catch.hpp"
#include "../matrices.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <random>
#include <vector>

#include <Eigen/Core>

#include <sst/linalg/fixed_point_sums.hpp>

namespace fixed_point_sums_tests {

using Eigen::Index;
using Eigen::MatrixXd;

TEST_CASE("sums have the same bits in any order, and those of long double sums", "[linalg]") {
  std::srand(3);
  std::mt19937 words(3);
  const Index rows = 7, terms = 400;
  Eigen::RowVectorXd bounds(4);
  bounds << 1, 1e-300, 3e300, 1e-5;
  std::vector<MatrixXd> parts;
  for (Index t = 0; t < terms; ++t)
    parts.push_back((MatrixXd::Random(rows, 4) * bounds.asDiagonal()).array() *
                    Eigen::ArrayXXd::Random(rows, 4).pow(9));
  sst_test::Wide wanted = sst_test::Wide::Zero(rows, 4);
  for (const MatrixXd& part : parts) wanted += part.cast<long double>();
  MatrixXd first;
  for (int round = 0; round < 5; ++round) {
    sst::FixedPointSums sums(rows, bounds);
    for (const MatrixXd& part : parts) REQUIRE(sums.add(0, part));
    if (round == 0) {
      first = sums.values();
      const MatrixXd error = (first.cast<long double>() - wanted).cwiseAbs().cast<double>();
      CHECK((error.array() <= 1.2e-16 * first.cwiseAbs().array() + 1e-21 * bounds.replicate(rows, 1).array())
                .all());
    }
    CHECK(sst_test::same_bits(sums.values(), first));
    std::shuffle(parts.begin(), parts.end(), words);
  }
}

TEST_CASE("terms go to their rows, and opposite ones leave nothing", "[linalg]") {
  sst::FixedPointSums sums(5, Eigen::RowVectorXd::Constant(2, 10));
  MatrixXd part(2, 2);
  part << 0.1, -7.3, 1e-9, 10;
  REQUIRE(sums.add(3, part));
  REQUIRE(sums.add(0, part.cast<float>()));
  REQUIRE(sums.add(3, -part));
  MatrixXd wanted = MatrixXd::Zero(5, 2);
  wanted.topRows(2) = part.cast<float>().cast<double>();
  CHECK(sst_test::same_bits(sums.values(), wanted));
}

TEST_CASE("a term above its bound, or none at all, is refused", "[linalg]") {
  for (const double bound : {0.0, 1.0, 1e300}) {
    sst::FixedPointSums sums(1, Eigen::RowVectorXd::Constant(1, bound));
    CHECK(sums.add(0, MatrixXd::Constant(1, 1, bound)));
    CHECK_FALSE(sums.add(0, MatrixXd::Constant(1, 1, 4 * bound + 1e-200)));
    for (const double bad : {std::numeric_limits<double>::infinity(), std::nan("")})
      CHECK_FALSE(sums.add(0, MatrixXd::Constant(1, 1, bad)));
  }
}

}  // namespace fixed_point_sums_tests
