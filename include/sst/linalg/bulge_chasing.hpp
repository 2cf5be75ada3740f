// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#include <Eigen/Core>

#include <sst/linalg/product.hpp>
#include <sst/linalg/reflectors.hpp>
#include <sst/linalg/tile_tasks.hpp>
#include <sst/version.hpp>

/// \file
/// From a symmetric band to a tridiagonal matrix, one column after the other: what a reflector fills in below
/// the band is chased off its end (Lang 1993, "A parallel algorithm for reducing symmetric banded matrices to
/// tridiagonal form"). The basis takes the reflectors of many columns at a time, as products of matrices
/// (Bischof, Lang and Sun 2000, "A framework for symmetric band reduction").

namespace sst {
inline namespace SST_ABI {
namespace band_detail {

/// The lower triangle of a symmetric n x n matrix, as far as `diagonals` diagonals: column by column.
class LowerBand {
 public:
  /// Zero.
  LowerBand(Index n, Index diagonals) : entries_(MatrixXd::Zero(diagonals, n)) {}
  /// n.
  Index size() const { return entries_.cols(); }
  /// Rows and columns from (row, column) on, of which those in the band may be used.
  cholesky_detail::Block<double> block(Index row, Index column, Index rows, Index columns) {
    return {&entries_(row - column, column), rows, columns, Eigen::OuterStride<>(entries_.rows() - 1)};
  }
  /// That many below the main one; n - below numbers.
  VectorXd diagonal(Index below) const {
    return entries_.row(below).head(std::max<Index>(0, size() - below));
  }

 private:
  MatrixXd entries_;
};

/// The k-th reflectors of consecutive columns, as one: I - V R V', from row `first` on.
struct ReflectorGroup {
  Index first = 0;
  MatrixXd v = {};
  VectorXd taus = {};
  MatrixXd rv = {};  ///< R V'
};

/// Columns from..from + count - 1 of the band, of `width` diagonals below the main one, become tridiagonal;
/// the groups of reflectors that did it.
inline std::vector<ReflectorGroup> chase(LowerBand& band, Index width, Index from, Index count) {
  const Index n = band.size();
  std::vector<ReflectorGroup> groups;
  for (Index first = from + 1; first < n; first += width) {
    const Index rows = std::min(width + count - 1, n - first);
    groups.push_back({first, MatrixXd::Zero(rows, count), VectorXd::Zero(count)});
  }
  VectorXd v, w;
  for (Index j = from; j < from + count; ++j) {
    // The reflector that leaves an image in the first of the rows from `at` on of a column.
    const auto eliminate = [&](auto column) {
      const Reflector reflector(column);
      v = column;
      column.setZero();
      column[0] = reflector.image;
      return reflector.tau;
    };
    Index at = j + 1, rows = std::min(width, n - at);
    double tau = eliminate(band.block(at, j, rows, 1).col(0));
    for (std::size_t k = 0;; ++k) {
      groups[k].v.col(j - from).segment(j - from, rows) = v;
      groups[k].taus[j - from] = tau;
      auto corner = band.block(at, at, rows, rows);
      w.noalias() = corner.selfadjointView<Eigen::Lower>() * (tau * v);
      w -= 0.5 * tau * w.dot(v) * v;
      corner.selfadjointView<Eigen::Lower>().rankUpdate(v, w, -1);
      const Index next = at + rows, below = std::min(width, n - next);
      if (below <= 0) break;
      auto bulge = band.block(next, at, below, rows);
      w.noalias() = bulge * (tau * v);
      bulge.noalias() -= w * v.transpose();
      tau = eliminate(bulge.col(0));
      auto others = bulge.rightCols(rows - 1);
      const Eigen::RowVectorXd along = tau * (v.transpose() * others);
      others.noalias() -= v * along;
      at = next;
      rows = below;
    }
  }
  for (ReflectorGroup& group : groups)
    group.rv.noalias() = compact(group.v, group.taus) * group.v.transpose();
  return groups;
}

/// The band, of `width` diagonals below the main one, becomes tridiagonal, and q, n x n, takes what did it
/// from the right. `step` gets the columns that are done.
template <class Step>
void tridiagonalise(LowerBand& band, Index width, MatrixXd& q, int threads, Step&& step) {
  const Index n = band.size();
  const cholesky_detail::SerialEigen serial;
  for (Index from = 0; from < n - 2; from += width) {
    const Index count = std::min(width, n - 2 - from);
    const auto groups = chase(band, width, from, count);
    // From the last to the first: those of one column are disjoint, and those of the next have to come after
    // both that they overlap with.
    detail::over_rows(n, threads, [&](Index row, Index rows) {
      for (auto group = groups.rbegin(); group != groups.rend(); ++group) {
        auto part = q.block(row, group->first, rows, group->v.rows());
        const MatrixXd along = part * group->v;
        part.noalias() -= along * group->rv;
      }
    });
    step(from + count);
  }
}

}  // namespace band_detail
}  // namespace SST_ABI
}  // namespace sst
