// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <limits>
#include <memory>
#include <string>
#include <type_traits>

#include <Eigen/Core>

#include <sst/base/data_ref.hpp>
#include <sst/engine/pack.hpp>
#include <sst/engine/rows/samples.hpp>
#include <sst/engine/rows/strip.hpp>
#include <sst/error.hpp>
#include <sst/plan/plan.hpp>
#include <sst/topology/operation.hpp>
#include <sst/version.hpp>

/// \file
/// The two sides of a kernel matrix, tabulated, and what becomes of strips between them.

namespace sst {
inline namespace SST_ABI {
namespace gram_detail {

/// The variances of the outputs of a table's samples.
template <class Strip>
Eigen::VectorXd variances(const Samples<Strip>& samples) {
  return samples.scale.template cast<double>().square().head(static_cast<Eigen::Index>(samples.count));
}

/// A data set in the scalar of the strips, and the standard deviations of its outputs in that of the matrix.
template <class Strip, class Scalar>
struct Tabulated {
  Tabulated(const Plan& plan, const DataRef& data)
      : samples(tabulate<Strip>(plan, data)), scale(samples.scale.template cast<Scalar>()) {}
  Samples<Strip> samples;
  Eigen::Array<Scalar, Eigen::Dynamic, 1> scale;
};

/// The columns and the rows of a kernel matrix; of K(X, X) one table is both.
template <class Strip, class Scalar>
struct Sides {
  std::shared_ptr<const Tabulated<Strip, Scalar>> columns, rows;
  bool symmetric() const { return columns == rows; }
};

/// Throws DataError where no entry of the matrix is a normal number, though its outputs are not zero.
template <class Strip, class Scalar>
void require_no_underflow(const Sides<Strip, Scalar>& sides) {
  const auto largest = [](const auto& side) -> long double {
    return side.samples.count > 0 ? side.samples.scale.maxCoeff() : 0;
  };
  const long double size = largest(*sides.columns), other = largest(*sides.rows);
  if (size > 0 && other > 0 && size * other < std::numeric_limits<Scalar>::min())
    throw DataError("the whole kernel underflows its scalar type (the largest output is of size " +
                    detail::format_number(static_cast<double>(std::max(size, other))) +
                    "); scale the inputs up or use double");
}

inline void require_no_overflow(bool finite, Index row, Index col) {
  if (!finite)
    throw DataError(
        "the kernel of samples " + std::to_string(col) + " and " + std::to_string(row) +
        " or one of the next ones overflows its scalar type; scale the inputs down or use double");
}

/// K = s s' factor value of one column's strip, value given by value(l) for a pack of lanes from l on;
/// whether all of them are finite.
template <class Strip, class Scalar>
bool write(const Sides<Strip, Scalar>& sides, Index column, Index row, Index count, Scalar factor,
           const auto& value, Scalar* to) {
  using P = Pack<Strip>;
  constexpr auto width = static_cast<Index>(P::size);
  const Scalar s = sides.columns->scale[static_cast<Eigen::Index>(column)] * factor;
  const Scalar* t = sides.rows->scale.data() + row;
  Scalar check = 0;
  Index l = 0;
  if constexpr (std::is_same_v<Strip, Scalar>) {
    const auto scale = P::all(s), zero = P::all(Scalar(0));
    auto sum = zero;  // 0 unless one of them is not finite
    for (; l + width <= count; l += width) {
      const auto k = (scale * P::load(t + l)) * value(l);
      k.store(to + l);
      sum = fma(k, zero, sum);
    }
    check = total(sum);
  }
  std::array<Strip, width> some;
  for (; l < count; l += width) {
    value(l).store(some.data());
    for (Index k = l; k < std::min(l + width, count); ++k) {
      to[k] = s * t[k] * static_cast<Scalar>(some[k - l]);
      check += 0 * to[k];
    }
  }
  return check == 0;
}

/// Calls strip(column, first row, rows, which of them is the column's own sample or none) over a tile.
template <class Strip, class Scalar>
void for_each_strip(const Sides<Strip, Scalar>& sides, Index row0, Index rows, Index col0, Index cols,
                    bool lower, const auto& strip) {
  constexpr Index length = StripMachine<Strip>::length;
  for (Index i = col0; i < col0 + cols; ++i)
    for (Index j = row0; j < row0 + rows; j += length) {
      const Index count = std::min(length, row0 + rows - j);
      if (lower && j + count <= i) continue;
      strip(i, j, count, sides.symmetric() && i >= j && i < j + count ? i - j : none);
    }
}

}  // namespace gram_detail
}  // namespace SST_ABI
}  // namespace sst
