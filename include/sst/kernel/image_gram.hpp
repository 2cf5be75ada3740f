// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <type_traits>
#include <utility>

#include <Eigen/Core>

#include <sst/base/memory.hpp>
#include <sst/base/progress.hpp>
#include <sst/error.hpp>
#include <sst/kernel/gram.hpp>
#include <sst/kernel/image_tiles.hpp>
#include <sst/version.hpp>

namespace sst {
inline namespace SST_ABI {

namespace spatial {

/// Fills the matrices of `out` rectangle by rectangle; of a symmetric one, the lower half, and mirrors it.
/// Throws Error when there is not memory for what that takes, Cancelled.
template <class Scalar, class Arithmetic>
void fill(const ImageTiles<Scalar, Arithmetic>& tiles, const Execution& execution, TileTarget<Scalar> out) {
  const std::size_t n = tiles.rows(), m = tiles.cols();
  // Large rectangles prepare each image less often; 1 GiB of that.
  const double each = tiles.bytes(1, 1) - tiles.bytes(0, 0);  // of a row and a column
  const auto side = static_cast<std::size_t>(std::clamp(double{1 << 30} / each, 32.0, 1024.0));
  const std::size_t tile = std::min(side, std::max<std::size_t>({n, m, 1}));
  require_memory(tiles.bytes(tile, tile),
                 "a Gram matrix of " + std::to_string(n) + " x " + std::to_string(m) + " images");
  const bool symmetric = tiles.symmetric();
  const double total = symmetric ? static_cast<double>(n) * static_cast<double>(n + 1) / 2
                                 : static_cast<double>(n) * static_cast<double>(m);
  detail::Counter progress(execution.progress, total, "the Gram matrix");
  const auto report = [&](std::size_t entries) { progress.add(static_cast<double>(entries)); };
  for (std::size_t j = 0; j < m; j += tile)
    for (std::size_t i = symmetric ? j : 0; i < n; i += tile) {
      const std::size_t r = std::min(tile, n - i), c = std::min(tile, m - j);
      const std::size_t at = j * out.stride + i;
      tiles.evaluate(i, r, j, c,
                     TileTarget<Scalar>{out.nngp ? out.nngp + at : nullptr, out.ntk ? out.ntk + at : nullptr,
                                        out.stride},
                     report);
    }
  for (Scalar* values : {out.nngp, out.ntk})
    if (symmetric && values)
      kernel_detail::mirror(values, values, static_cast<Eigen::Index>(out.stride),
                            static_cast<Eigen::Index>(n), static_cast<Eigen::Index>(n), true);
}

/// The same into matrices that are made for it. Throws Error (memory), Cancelled.
template <class Scalar, class Arithmetic>
void fill(const ImageTiles<Scalar, Arithmetic>& tiles, const GramOptions& options, GramMatrices<Scalar>& out,
          bool nngp, bool ntk) {
  const auto rows = static_cast<Eigen::Index>(tiles.rows()),
             columns = static_cast<Eigen::Index>(tiles.cols());
  const double each = static_cast<double>(rows) * static_cast<double>(columns) * sizeof(Scalar);
  require_memory(each * (nngp + ntk),
                 "a Gram matrix of " + std::to_string(rows) + " x " + std::to_string(columns) + " images");
  if (nngp) out.nngp.resize(rows, columns);
  if (ntk) out.ntk.resize(rows, columns);
  fill(tiles, options.execution(),
       TileTarget<Scalar>{nngp ? out.nngp.data() : nullptr, ntk ? out.ntk.data() : nullptr, tiles.rows()});
}

}  // namespace spatial

/// The NNGP and NTK Gram matrices of images: K(x, x), exactly symmetric.
///
/// x is n x (H W C), one image a row, channels fastest. Scalar, double or float, is what the matrices hold;
/// Arithmetic, what is computed in. The cost of a pair of images is that of the pairs of positions that the
/// topology needs (SpatialPlan::entries): H W without pooling, (H W)^2 before a global one. Accuracy:
/// docs/spatial.md. The result does not depend on the number of threads, to the last bit. Throws NoClosedForm
/// and TopologyError (node and reason), DataError, Error (memory, before it is spent), Cancelled.
template <class Scalar = double, class Arithmetic = Scalar>
GramMatrices<Scalar> gram(const Topology& topology, const ImageShape& shape, const Eigen::MatrixXd& x,
                          const GramOptions& options = {}) {
  GramMatrices<Scalar> out;
  spatial::fill(ImageTiles<Scalar, Arithmetic>(topology, Kernel::ntk, shape, x, options.threads), options,
                out, true, true);
  return out;
}

/// The same between the images of a (rows of the result) and of b (columns).
template <class Scalar = double, class Arithmetic = Scalar, class Columns>
GramMatrices<Scalar> gram(const Topology& topology, const ImageShape& shape, const Eigen::MatrixXd& a,
                          const Eigen::MatrixBase<Columns>& b, const GramOptions& options = {}) {
  const Eigen::MatrixXd& columns = b.derived();  // a copy of an expression, none of a matrix
  GramMatrices<Scalar> out;
  spatial::fill(ImageTiles<Scalar, Arithmetic>(topology, Kernel::ntk, shape, a, columns, options.threads),
                options, out, true, true);
  return out;
}

/// One kernel alone, n x n; the NNGP costs less than both.
template <class Scalar = double, class Arithmetic = Scalar>
typename GramMatrices<Scalar>::Matrix gram(const Topology& topology, Kernel kernel, const ImageShape& shape,
                                           const Eigen::MatrixXd& x, const GramOptions& options = {}) {
  GramMatrices<Scalar> out;
  spatial::fill(ImageTiles<Scalar, Arithmetic>(topology, kernel, shape, x, options.threads), options, out,
                kernel == Kernel::nngp, kernel == Kernel::ntk);
  return std::move(kernel == Kernel::nngp ? out.nngp : out.ntk);
}
/// One kernel between the rows of `a` and those of `b`: a.rows() x b.rows().
template <class Scalar = double, class Arithmetic = Scalar, class Columns>
typename GramMatrices<Scalar>::Matrix gram(const Topology& topology, Kernel kernel, const ImageShape& shape,
                                           const Eigen::MatrixXd& a, const Eigen::MatrixBase<Columns>& b,
                                           const GramOptions& options = {}) {
  const Eigen::MatrixXd& columns = b.derived();
  GramMatrices<Scalar> out;
  spatial::fill(ImageTiles<Scalar, Arithmetic>(topology, kernel, shape, a, columns, options.threads), options,
                out, kernel == Kernel::nngp, kernel == Kernel::ntk);
  return std::move(kernel == Kernel::nngp ? out.nngp : out.ntk);
}

}  // namespace SST_ABI
}  // namespace sst
