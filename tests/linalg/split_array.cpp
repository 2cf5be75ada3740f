// SPDX-License-Identifier: MIT
#include "../catch.hpp"
#include "../matrices.hpp"

#include <cmath>
#include <random>

#include <Eigen/Core>

#include <sst/linalg/split_array.hpp>

TEST_CASE("the halves of a split array are its doubles, to the bit", "[linalg]") {
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
  sst::SplitArray split(values.size() + 3);
  CHECK(split.set(3, values, 1, 0x1p127));
  MatrixXd joined(61, 37);
  split.join(3, joined);
  CHECK(sst_test::same_bits(joined, values));
  CHECK(Eigen::Map<const Eigen::MatrixXf>(split.heads() + 3, 61, 37) == values.cast<float>());
  // A power of two brings other sizes into the range of float; what is beside is left alone.
  const MatrixXd first = values.block(0, 0, 3, 1), small = first * 0x1p-900;
  CHECK(split.set(0, small, 0x1p900, 0x1p127));
  MatrixXd three(3, 1);
  split.join(0, three);
  CHECK(sst_test::same_bits(three, first));
  split.join(3, joined);
  CHECK(sst_test::same_bits(joined, values));
  // What float has not all digits of is 0; what is too large, or no number, is told of.
  three << 0x1p-127, -std::nextafter(0x1p-126, 0.0), 5;
  CHECK(split.set(0, three, 1, 5));
  split.join(0, three);
  CHECK(three == Eigen::Vector3d(0, 0, 5));
  for (const double bad : {std::nextafter(5.0, 6.0), -6.0, std::nan(""), HUGE_VAL})
    CHECK_FALSE(split.set(0, Eigen::Vector3d(1, bad, 1), 1, 5));
  CHECK(split.size() == 61 * 37 + 3);
  CHECK(sst::SplitArray().size() == 0);
}
