// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <type_traits>
#include <vector>

#include <Eigen/Core>
#include <Eigen/SparseCore>

#include <sst/engine/pack.hpp>
#include <sst/version.hpp>

namespace sst {
inline namespace SST_ABI {
namespace gram_detail {

/// Samples scaled to norm one (or zero), dense or sparse.
template <class Scalar>
struct UnitRows {
  using Array = Eigen::Array<Scalar, Eigen::Dynamic, Eigen::Dynamic>;
  using Sparse = Eigen::SparseMatrix<Scalar, Eigen::RowMajor>;

  Array dense;    ///< padded samples x features, sample-contiguous; empty when sparse
  Sparse sparse;  ///< samples x features
  Array rest;  ///< sparse: what the entries that are not stored are (-mean/norm of centred rows), padded x 1
  bool is_sparse = false;
  bool empty() const { return dense.size() == 0 && !is_sparse; }
};

/// The correlation c of pairs of samples, as (1 - c)/2 and (1 + c)/2 with full relative accuracy each.
///
/// Few features: h = |u - u'|^2/4 of the unit rows, where nothing cancels and identical rows give zero.
/// Many features, and sparse rows: a product of matrices gives c for a whole tile, and pairs for which
/// (1 -+ c)/2 would lose digits are computed again from the differences (1 - c) and sums (1 + c).
template <class Scalar>
class InputPairs {
 public:
  InputPairs(const UnitRows<Scalar>& left, const UnitRows<Scalar>& right) : left_(left), right_(right) {}

  /// Announces that the next strips lie in this tile.
  void tile(std::size_t left, std::size_t lefts, std::size_t right, std::size_t rights) {
    if constexpr (!std::is_same_v<Scalar, long double>) {
      left0_ = left;
      right0_ = right;
      if (!by_product()) return;
      products_.setZero(index((rights + width - 1) / width * width), index(lefts));
      auto tile = products_.topRows(index(rights));
      if (left_.is_sparse) {
        sparse_products(left, lefts, right, rights);
        return;
      }
      // In runs of features: a long sum in one accumulator would round more.
      for (Eigen::Index k = 0; k < left_.dense.cols(); k += run) {
        const Eigen::Index n = std::min<Eigen::Index>(run, left_.dense.cols() - k);
        tile.noalias() += right_.dense.block(index(right), k, index(rights), n).matrix() *
                          left_.dense.block(index(left), k, index(lefts), n).matrix().transpose();
      }
    }
  }

  /// Left sample i against right samples first .. first + lanes - 1; `complement` may be null.
  void strip(std::size_t i, std::size_t first, std::size_t lanes, Scalar* half, Scalar* complement) const {
    if (by_product() && products_.size() > 0)
      from_products(i, first, lanes, half, complement);
    else if (left_.is_sparse)
      for (std::size_t l = 0; l < lanes; ++l)
        sparse_pair(i, first + l, half[l], complement ? complement + l : nullptr);
    else
      from_differences(i, first, lanes, half, complement);
  }

 private:
  using P = Pack<Scalar>;
  static constexpr std::size_t width = static_cast<std::size_t>(P::size);
  static constexpr Eigen::Index run = 256;
  /// From so many features on the product pays (measured; below it the differences are as fast).
  static constexpr Eigen::Index many = 8;
  /// (1 -+ c)/2 below this is computed again: above it the rounding of c costs a few units in the last place.
  static constexpr double near = std::is_same_v<Scalar, float> ? 0.05 : 0.01;

  static Eigen::Index index(std::size_t i) { return static_cast<Eigen::Index>(i); }
  static std::size_t stride(const UnitRows<Scalar>& rows) {
    return static_cast<std::size_t>(rows.dense.rows());
  }

  bool by_product() const {
    return !std::is_same_v<Scalar, long double> && (left_.is_sparse || left_.dense.cols() >= many);
  }

  /// |u -+ u'|^2/4 of n packs of right samples.
  template <std::size_t n, bool sum>
  void squares(std::size_t i, std::size_t first, Scalar* out) const {
    const auto zero = P::all(Scalar(0)), quarter = P::all(Scalar(0.25)), one = P::all(Scalar(1));
    const std::size_t right_stride = stride(right_), left_stride = stride(left_);
    const Scalar* base = right_.dense.data() + first;
    const Scalar* own = left_.dense.data() + i;
    std::array<P, n> total;
    total.fill(zero);
    const Eigen::Index features = right_.dense.cols();
    for (Eigen::Index k0 = 0; k0 < features; k0 += run) {
      std::array<P, n> part;
      part.fill(zero);
      for (Eigen::Index k = k0; k < std::min(k0 + run, features);
           ++k, base += right_stride, own += left_stride) {
        const auto v = P::all(*own);
        for (std::size_t r = 0; r < n; ++r) {
          const auto w = P::load(base + r * width);
          const auto d = sum ? w + v : w - v;
          part[r] = fma(d, d, part[r]);
        }
      }
      for (std::size_t r = 0; r < n; ++r) total[r] = total[r] + part[r];
    }
    for (std::size_t r = 0; r < n; ++r) min(total[r] * quarter, one).store(out + r * width);
  }

  void from_differences(std::size_t i, std::size_t first, std::size_t lanes, Scalar* half,
                        Scalar* complement) const {
    constexpr std::size_t rows = 4;
    std::size_t j = 0;
    for (; j + rows * width <= lanes; j += rows * width) squares<rows, false>(i, first + j, half + j);
    for (; j < lanes; j += width) squares<1, false>(i, first + j, half + j);
    if (!complement) return;
    const auto one = P::all(Scalar(1));
    auto least_seen = one;
    for (j = 0; j < lanes; j += width) {
      const auto m = one - P::load(half + j);
      m.store(complement + j);
      least_seen = min(least_seen, m);
    }
    if (least(least_seen) >= static_cast<Scalar>(near)) return;
    for_near(complement, lanes, [&](std::size_t l) { squares<1, true>(i, first + l, complement + l); });
  }

  void from_products(std::size_t i, std::size_t first, std::size_t lanes, Scalar* half,
                     Scalar* complement) const {
    const Scalar* c =
        products_.data() + (i - left0_) * static_cast<std::size_t>(products_.rows()) + (first - right0_);
    const auto middle = P::all(Scalar(0.5)), one = P::all(Scalar(1)), zero = P::all(Scalar(0));
    auto least_seen = one;
    for (std::size_t j = 0; j < lanes; j += width) {
      const auto h = min(max(fma(P::load(c + j), zero - middle, middle), zero), one), m = one - h;
      h.store(half + j);
      if (complement) m.store(complement + j);
      least_seen = min(least_seen, min(h, m));
    }
    if (least(least_seen) >= static_cast<Scalar>(near)) return;
    if (complement)
      for_near(complement, lanes, [&](std::size_t l) { again<true>(i, first + l, complement + l); });
    for_near(half, lanes, [&](std::size_t l) { again<false>(i, first + l, half + l); });
  }

  /// Calls again(l) for every pack from l on that has a value below `near`.
  static void for_near(const Scalar* values, std::size_t lanes, const auto& again) {
    constexpr std::size_t group = 4;  // packs looked at together
    for (std::size_t j = 0; j < lanes; j += group * width) {
      const std::size_t end = std::min(j + group * width, lanes);
      auto smallest = P::load(values + j);
      for (std::size_t l = j + width; l < end; l += width) smallest = min(smallest, P::load(values + l));
      if (least(smallest) >= static_cast<Scalar>(near)) continue;
      for (std::size_t l = j; l < end; l += width)
        if (least(P::load(values + l)) < static_cast<Scalar>(near)) again(l);
    }
  }

  /// One pack from differences or sums.
  template <bool sum>
  void again(std::size_t i, std::size_t first, Scalar* out) const {
    if (!left_.is_sparse) {
      squares<1, sum>(i, first, out);
      return;
    }
    for (std::size_t l = 0; l < width; ++l)
      if (out[l] < static_cast<Scalar>(near)) out[l] = merge<sum>(i, first + l);
  }

  void sparse_pair(std::size_t i, std::size_t j, Scalar& half, Scalar* complement) const {
    half = std::min(merge<false>(i, j), Scalar(1));
    if (complement) *complement = std::min(merge<true>(i, j), Scalar(1));
  }

  /// |u -+ u'|^2/4 of two sparse rows, over the entries that either of them stores and the rest.
  template <bool sum>
  Scalar merge(std::size_t i, std::size_t j) const {
    if (j >= static_cast<std::size_t>(right_.sparse.rows())) return Scalar(0.25);  // padding
    typename UnitRows<Scalar>::Sparse::InnerIterator a(left_.sparse, index(i)), b(right_.sparse, index(j));
    const Scalar a0 = left_.rest(index(i), 0), b0 = right_.rest(index(j), 0);
    const auto square = [](Scalar u, Scalar v) { return sum ? (u + v) * (u + v) : (u - v) * (u - v); };
    Scalar total = 0;
    Eigen::Index visited = 0;
    for (; a || b; ++visited) {
      const bool only_a = !b || (a && a.col() < b.col()), only_b = !a || (b && b.col() < a.col());
      total += square(only_b ? a0 : a.value(), only_a ? b0 : b.value());
      if (!only_b) ++a;
      if (!only_a) ++b;
    }
    total += static_cast<Scalar>(left_.sparse.cols() - visited) * square(a0, b0);
    return total / 4;
  }

  /// c = sum over the entries that the right row stores, the left row being spread out.
  void sparse_products(std::size_t left, std::size_t lefts, std::size_t right, std::size_t rights) {
    using Iterator = typename UnitRows<Scalar>::Sparse::InnerIterator;
    const auto* const begin = right_.sparse.outerIndexPtr() + right;
    const Scalar* const values = right_.sparse.valuePtr() + *begin;
    number_columns(right_.sparse.innerIndexPtr() + *begin, begin[rights] - *begin);
    for (std::size_t i = 0; i < lefts; ++i) {
      const Eigen::Index row = index(left + i);
      const Scalar a0 = left_.rest(row, 0);
      Scalar all = a0 * static_cast<Scalar>(left_.sparse.cols());  // the sum of the left row's entries
      for (Iterator a(left_.sparse, row); a; ++a) {
        if (Scalar* const at = spread(a.col())) *at = a.value() - a0;
        all += a.value() - a0;
      }
      for (std::size_t j = 0; j < rights; ++j) {
        const Scalar b0 = right_.rest(index(right + j), 0);
        Scalar c = b0 * all;
        for (auto k = begin[j] - *begin; k < begin[j + 1] - *begin; ++k)
          c += (values[k] - b0) * (spread_(numbers_[static_cast<std::size_t>(k)]) + a0);
        products_(index(j), index(i)) = c;
      }
      for (Iterator a(left_.sparse, row); a; ++a)
        if (Scalar* const at = spread(a.col())) *at = 0;
    }
  }

  using Column = typename UnitRows<Scalar>::Sparse::StorageIndex;

  /// Where the entries of a tile's right rows find those of a left row: at their columns, or at the columns'
  /// numbers among those that occur, where most do not.
  void number_columns(const Column* columns, Eigen::Index entries) {
    numbers_.assign(columns, columns + entries);
    occurring_.clear();
    if (left_.sparse.cols() <= entries) {
      spread_.setZero(left_.sparse.cols());
      return;
    }
    occurring_ = numbers_;
    std::sort(occurring_.begin(), occurring_.end());
    occurring_.erase(std::unique(occurring_.begin(), occurring_.end()), occurring_.end());
    for (Column& c : numbers_) c = static_cast<Column>(place(c) - occurring_.begin());
    spread_.setZero(index(occurring_.size()));
  }
  auto place(Eigen::Index column) const {
    return std::lower_bound(occurring_.begin(), occurring_.end(), column);
  }
  /// Of a left row's entry; null where no right row has one.
  Scalar* spread(Eigen::Index column) {
    if (left_.sparse.cols() == spread_.size()) return spread_.data() + column;
    const auto at = place(column);
    return at != occurring_.end() && *at == column ? spread_.data() + (at - occurring_.begin()) : nullptr;
  }

  const UnitRows<Scalar>& left_;
  const UnitRows<Scalar>& right_;
  std::size_t left0_ = 0, right0_ = 0;
  Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic> products_;
  std::vector<Column> numbers_;                      // of the right rows' entries, in spread_
  std::vector<Column> occurring_;                    // their columns, ascending; empty: all
  Eigen::Matrix<Scalar, Eigen::Dynamic, 1> spread_;  // a left row
};

}  // namespace gram_detail
}  // namespace SST_ABI
}  // namespace sst
