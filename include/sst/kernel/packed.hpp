// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include <Eigen/Core>

#include <sst/base/memory.hpp>
#include <sst/error.hpp>
#include <sst/kernel/gram.hpp>
#include <sst/version.hpp>

namespace sst {
inline namespace SST_ABI {

/// A symmetric matrix by its lower triangle, column after column: n (n + 1)/2 numbers, half of a square
/// one. The order is LAPACK's packed storage with uplo = 'L'.
template <class Scalar = double>
class PackedMatrix {
 public:
  /// n x n, uninitialised. Throws Error when there is not memory for n (n + 1)/2 numbers.
  explicit PackedMatrix(Eigen::Index n) : n_(n) {
    const double count = 0.5 * static_cast<double>(n) * static_cast<double>(n + 1);
    require_memory(count * sizeof(Scalar), "a packed matrix of " + std::to_string(n) + " rows");
    values_.resize(static_cast<std::size_t>(n) * (static_cast<std::size_t>(n) + 1) / 2);
  }

  /// n, of rows and of columns.
  Eigen::Index rows() const { return n_; }
  /// How many numbers are held: n (n + 1)/2.
  Eigen::Index size() const { return static_cast<Eigen::Index>(values_.size()); }
  /// The numbers, column by column from the diagonal down.
  const Scalar* data() const { return values_.data(); }
  /// Entry (i, j), in any order of the two.
  Scalar operator()(Eigen::Index i, Eigen::Index j) const {
    return column(std::min(i, j))[std::max(i, j) - std::min(i, j)];
  }
  /// Column j from its diagonal entry down: n - j numbers.
  Scalar* column(Eigen::Index j) { return values_.data() + start(j); }
  /// Column j from its diagonal entry down: n - j numbers.
  const Scalar* column(Eigen::Index j) const { return values_.data() + start(j); }

 private:
  std::size_t start(Eigen::Index j) const {
    const auto c = static_cast<std::size_t>(j), n = static_cast<std::size_t>(n_);
    return c * n - c * (c + 1) / 2 + c;
  }

  Eigen::Index n_;
  std::vector<Scalar> values_;
};

/// One kernel matrix of a data set in half the memory. Throws DataError, Error (memory), Cancelled.
template <class Scalar = double, class Arithmetic = Scalar>
PackedMatrix<Scalar> gram_packed(const Plan& plan, Kernel kernel, const DataRef& x,
                                 const GramOptions& options = {}) {
  const GramTiles<Scalar, Arithmetic> tiles(plan, kernel, x, options.path);
  PackedMatrix<Scalar> out(tiles.rows());
  for_each_tile(
      tiles, {kernel},
      [&](const GramTile<Scalar>& tile) {
        const auto values = kernel == Kernel::nngp ? tile.nngp() : tile.ntk();
        for (Eigen::Index c = 0; c < tile.cols; ++c) {
          const Eigen::Index column = tile.col + c, first = std::max(tile.row, column);
          std::copy_n(&values.coeffRef(first - tile.row, c), tile.row + tile.rows - first,
                      out.column(column) + (first - column));
        }
      },
      options);
  return out;
}

}  // namespace SST_ABI
}  // namespace sst
