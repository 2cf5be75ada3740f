// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstddef>

#include <Eigen/Core>

#include <sst/engine/pack.hpp>
#include <sst/engine/rows/sample_derivatives.hpp>
#include <sst/engine/rows/strip.hpp>
#include <sst/version.hpp>

/// \file
/// The numbers of two samples, and how they move, where a strip of pairs stands.

namespace sst {
inline namespace SST_ABI {
namespace gram_detail {

/// A left sample and as many right ones as a strip has.
class MovingSides {
 protected:
  using P = Pack<double>;
  static constexpr Index length = strip_length<double>;

  MovingSides(const SampleDerivatives& left, const SampleDerivatives& right) : left_(left), right_(right) {
    zeros_.fill(0);
  }
  /// Left sample i, and right samples from `first` on.
  void place(Index i, Index first) {
    i_ = i;
    first_ = first;
  }
  /// Whether anything moves in this direction.
  bool moves(int d) const { return list(left_.columns, d).size() + list(right_.columns, d).size() > 0; }

  /// The outputs' standard deviations, and their derivatives.
  double left_scale() const { return left_.samples.scale[static_cast<Eigen::Index>(i_)]; }
  double left_scale(int d) const { return of(list(left_.scale, d), i_); }
  double right_scale(Index l) const { return right_.samples.scale[static_cast<Eigen::Index>(first_ + l)]; }
  double right_scale(int d, Index l) const { return of(list(right_.scale, d), first_ + l); }

  /// A column of the left sample, and its derivative.
  double left(Index column) const { return left_.samples.column(column)[i_]; }
  double left(Index column, int d) const {
    const double* slopes = this->slopes(left_, column, d);
    return slopes ? slopes[i_] : 0;
  }
  /// A column of the right samples, and its derivatives.
  const double* right(Index column) const { return right_.samples.column(column) + first_; }
  const double* right(Index column, int d) const {
    const double* slopes = this->slopes(right_, column, d);
    return slopes ? slopes + first_ : zeros_.data();
  }
  double right(Index column, int d, Index l) const { return right(column, d)[l]; }
  P right_pack(Index column, int d, Index l) const { return P::load(right(column, d) + l); }

  /// A strip of zeros.
  double* zeros() { return zeros_.data(); }

  Index i_ = 0, first_ = 0;

 private:
  template <class List>
  static const typename List::value_type& list(const List& lists, int d) {
    return lists[static_cast<std::size_t>(d)];
  }
  static double of(const Eigen::ArrayXd& numbers, Index i) {
    return numbers.size() ? numbers[static_cast<Eigen::Index>(i)] : 0;
  }
  static const double* slopes(const SampleDerivatives& side, Index column, int d) {
    const auto& columns = list(side.columns, d);
    return columns.size() ? columns.data() + column * side.samples.padded : nullptr;
  }

  const SampleDerivatives& left_;
  const SampleDerivatives& right_;
  std::array<double, length> zeros_;
};

}  // namespace gram_detail
}  // namespace SST_ABI
}  // namespace sst
