// SPDX-License-Identifier: MIT
#include "../catch.hpp"
#include "../matrices.hpp"

#include <cmath>
#include <random>

#include <Eigen/Core>

#include <sst/linalg/split_matrix.hpp>

TEST_CASE("the halves of a split matrix are its doubles, to the bit", "[linalg]") {
  using Eigen::MatrixXd;
  std::mt19937_64 words(3);
  MatrixXd values(61, 37);
  for (Eigen::Index k = 0; k < values.size(); ++k) {
    const double significand = 1 + static_cast<double>(words() >> 12) * 0x1p-52;
    const int exponent = static_cast<int>(words() % 252) - 126;
    values.data()[k] = (words() % 2 ? 1 : -1) * std::ldexp(significand, exponent);
  }
  values(0, 0) = 0, values(1, 0) = -0.0, values(2, 0) = 1, values(3, 0) = 0x1p-126;
  values(4, 0) = std::nextafter(2.0, 0.0);           // float rounds it to the next power of two
  values(5, 0) = 1 + 0x1p-24;                        // halfway between two floats
  values(6, 0) = -std::nextafter(1 + 0x1p-24, 2.0);  // and beyond
  MatrixXd joined;
  sst::SplitMatrix(values).join(joined);
  CHECK(sst_test::same_bits(joined, values));
  CHECK(sst::SplitMatrix(values).head() == values.cast<float>());
  // A power of two brings other sizes into the range of float.
  const MatrixXd small = values.block(0, 0, 3, 1) * 0x1p-900;
  const sst::SplitMatrix split(small * 0x1p900);
  split.join(joined);
  CHECK(sst_test::same_bits(joined, MatrixXd(small * 0x1p900)));
  CHECK(split.rows() == 3);
  CHECK(split.cols() == 1);
  CHECK(sst::SplitMatrix().rows() == 0);
}
