// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

#include <Eigen/Core>

#include <sst/base/execution.hpp>
#include <sst/base/parallel.hpp>
#include <sst/base/progress.hpp>
#include <sst/version.hpp>

/// \file
/// Kernel matrices tile by tile: each is computed once, by whichever thread is free.

namespace sst {
inline namespace SST_ABI {
namespace kernel_detail {

/// Calls work(row0, rows, col0, cols, workspace) for every tile, in parallel; of a symmetric matrix for
/// those on and below the diagonal. The first error, or a cancellation, ends it and is thrown.
template <class Tiles, class Work>
void over_tiles(const Tiles& tiles, const Execution& execution, Work&& work) {
  const Eigen::Index size = Tiles::tile();
  std::vector<std::pair<Eigen::Index, Eigen::Index>> corners;
  for (Eigen::Index i = 0; i < tiles.cols(); i += size)
    for (Eigen::Index j = tiles.symmetric() ? i : 0; j < tiles.rows(); j += size) corners.emplace_back(i, j);

  detail::Counter progress(execution.progress, static_cast<double>(corners.size()), "the Gram matrix");
  detail::workers<typename Tiles::Workspace>(
      corners.size(), execution.threads, [&] { return tiles.workspace(); },
      [&](auto& workspace, std::size_t k) {
        const auto [i, j] = corners[k];
        work(j, std::min(size, tiles.rows() - j), i, std::min(size, tiles.cols() - i), workspace);
        progress.add();
      });
}

/// Copies the part of a diagonal tile below its diagonal above it, or a whole tile to its mirror image.
template <class Scalar>
void mirror(const Scalar* from, Scalar* to, Eigen::Index stride, Eigen::Index rows, Eigen::Index cols,
            bool diagonal) {
  // Blocks of one cache line a column, so that both sides stay in cache.
  constexpr Eigen::Index block = 16;
  using Matrix = Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic>;
  const Eigen::Map<const Matrix, 0, Eigen::OuterStride<>> source(from, rows, cols,
                                                                 Eigen::OuterStride<>(stride));
  Eigen::Map<Matrix, 0, Eigen::OuterStride<>> target(to, cols, rows, Eigen::OuterStride<>(stride));
  for (Eigen::Index i = 0; i < cols; i += block)
    for (Eigen::Index j = diagonal ? i : 0; j < rows; j += block) {
      const Eigen::Index m = std::min(block, cols - i), n = std::min(block, rows - j);
      if (diagonal && i == j)
        target.block(i, i, m, m).template triangularView<Eigen::StrictlyUpper>() =
            source.block(i, i, m, m).transpose();
      else
        target.block(i, j, m, n) = source.block(j, i, n, m).transpose();
    }
}

}  // namespace kernel_detail
}  // namespace SST_ABI
}  // namespace sst
