// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>

#include <Eigen/Core>

#include <sst/base/ranks.hpp>
#include <sst/version.hpp>

namespace sst {
inline namespace SST_ABI {

/// A matrix of sums that have the same bits in whatever order and by whichever thread or rank their terms are
/// added: integers add without rounding.
///
/// A term x of column c is kept as two integers, x / u = h + l / 2^40 with u = 2^-40 times the power of two
/// above the column's bound on terms: to 2^-80 of that bound, where a sum in double has 2^-53 of its largest
/// partial sum. Room for 2^22 terms an entry. Memory: 16 bytes an entry.
class FixedPointSums {
 public:
  using Index = Eigen::Index;  ///< of rows and columns

  /// rows x bounds.size() sums, 0 at first. bounds: what terms of a column are at the most, 0 or more.
  FixedPointSums(Index rows, const Eigen::RowVectorXd& bounds)
      : high_(Integers::Zero(rows, bounds.size())), low_(high_), unit_(bounds.size()) {
    using Limits = std::numeric_limits<double>;
    for (Index c = 0; c < unit_.size(); ++c) {
      const double bound = bounds[c] > Limits::min() ? std::min(bounds[c], Limits::max()) : Limits::min();
      unit_[c] = std::ilogb(bound) + 1 - bits;
    }
  }

  /// Adds a term to each of the sums from row `first` on, all columns. False where a term is above its
  /// column's bound, or not a number: then sums are good for nothing.
  template <class Derived>
  [[nodiscard]] bool add(Index first, const Eigen::MatrixBase<Derived>& terms) {
    std::int64_t outside = 0;  // as wide as what is added: else the loop does not vectorise
    for (Index c = 0; c < terms.cols(); ++c) {
      // In two steps, since 2^-unit alone may overflow.
      const double half = std::ldexp(1.0, -unit_[c] / 2), rest = std::ldexp(1.0, -unit_[c] - -unit_[c] / 2);
      const Eigen::ArrayXd scaled = terms.col(c).template cast<double>().array() * half * rest;
      std::int64_t *high = high_.col(c).data() + first, *low = low_.col(c).data() + first;
      for (Index i = 0; i < scaled.size(); ++i) {
        outside |= !(std::abs(scaled[i]) <= limit);
        const double shifted = scaled[i] + rounder,
                     fraction = (scaled[i] - (shifted - rounder)) * limit + rounder;
        high[i] += integer(shifted);
        low[i] += integer(fraction);
      }
    }
    return !outside;
  }

  /// Over all ranks.
  void sum(const Ranks& ranks) {
    ranks.sum(high_.data(), static_cast<std::size_t>(high_.size()));
    ranks.sum(low_.data(), static_cast<std::size_t>(low_.size()));
  }

  /// The sums, rows x columns, each rounded once or twice.
  Eigen::MatrixXd values() const {
    Eigen::MatrixXd out(high_.rows(), high_.cols());
    for (Index c = 0; c < out.cols(); ++c)
      for (Index i = 0; i < out.rows(); ++i) {
        const double units = static_cast<double>(high_(i, c)) + static_cast<double>(low_(i, c)) * (1 / limit);
        out(i, c) = std::ldexp(units, unit_[c]);
      }
    return out;
  }

 private:
  using Integers = Eigen::Matrix<std::int64_t, Eigen::Dynamic, Eigen::Dynamic>;
  static constexpr int bits = 40;
  static constexpr double limit = 0x1p40;
  /// Added to a number below 2^51 it leaves the nearest integer in the last bits, which vectorises where a
  /// conversion does not.
  static constexpr double rounder = 0x1.8p52;
  static std::int64_t integer(double shifted) {
    return std::bit_cast<std::int64_t>(shifted) - std::bit_cast<std::int64_t>(rounder);
  }

  Integers high_, low_;
  Eigen::RowVectorXi unit_;  ///< its logarithm to base 2
};

}  // namespace SST_ABI
}  // namespace sst
