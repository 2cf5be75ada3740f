// SPDX-License-Identifier: MIT
#pragma once

#include <random>

#include <Eigen/Core>

#include "catch.hpp"

namespace sst_test {

/// For references: dense algebra with 64 bits of mantissa.
using Wide = Eigen::Matrix<long double, Eigen::Dynamic, Eigen::Dynamic>;

inline Wide wide(const Eigen::MatrixXd& a) { return a.cast<long double>(); }

/// Entries from [-1, 1), row by row: the same numbers on every platform.
inline Eigen::MatrixXd uniform(Eigen::Index rows, Eigen::Index columns, unsigned seed) {
  std::mt19937_64 words(seed);
  Eigen::MatrixXd x(rows, columns);
  for (Eigen::Index i = 0; i < rows; ++i)
    for (Eigen::Index j = 0; j < columns; ++j)
      x(i, j) = 2 * (static_cast<double>(words() >> 11) * 0x1p-53) - 1;
  return x;
}

/// Standard normal entries.
inline Eigen::MatrixXd normal(Eigen::Index rows, Eigen::Index columns, unsigned seed) {
  std::mt19937 words(seed);
  std::normal_distribution<double> draw;
  return Eigen::MatrixXd::NullaryExpr(rows, columns, [&] { return draw(words); });
}

template <class A, class B>
bool same_bits(const Eigen::MatrixBase<A>& a, const Eigen::MatrixBase<B>& b) {
  return a.rows() == b.rows() && a.cols() == b.cols() && (a.array() == b.array()).all();
}

/// The largest error relative to the largest expected entry.
inline double relative_error(const Eigen::MatrixXd& found, const Wide& expected) {
  REQUIRE(found.rows() == expected.rows());
  REQUIRE(found.cols() == expected.cols());
  return static_cast<double>((wide(found) - expected).cwiseAbs().maxCoeff() / expected.cwiseAbs().maxCoeff());
}

}  // namespace sst_test
