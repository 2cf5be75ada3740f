// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include <Eigen/Core>

#include <sst/base/data_ref.hpp>
#include <sst/base/execution.hpp>
#include <sst/base/memory.hpp>
#include <sst/base/progress.hpp>
#include <sst/error.hpp>
#include <sst/kernel/fill.hpp>
#include <sst/kernel/tiles.hpp>
#include <sst/plan/compile.hpp>
#include <sst/topology/topology.hpp>
#include <sst/version.hpp>

namespace sst {
inline namespace SST_ABI {

/// The NNGP and NTK Gram matrices of one data set, or between two.
template <class Scalar>
struct GramMatrices {
  /// n x n, or m x n between two data sets.
  using Matrix = Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic>;
  Matrix nngp;  ///< K, the covariances of the outputs
  Matrix ntk;   ///< T, the tangent kernel
};

/// How kernel matrices are computed.
struct GramOptions {
  /// 0: as many as OpenMP gives. The result does not depend on it, to the last bit.
  int threads = 0;
  ProgressFunction progress = {};  ///< of all of it
  Path path = Path::automatic;     ///< by steps or by a radial profile; see Path

  /// All of it but the path.
  Execution execution() const { return {threads, progress}; }
};

/// A finished tile, on its way to whoever asked for it. Of a symmetric matrix only tiles on and below the
/// diagonal come (row >= col), those on it complete.
template <class Scalar>
struct GramTile {
  Eigen::Index row, rows, col, cols;  ///< where its first entry is, and its size
  TileView<Scalar> values;            ///< its numbers, valid until the call ends

  /// A matrix of rows x cols in the tile's memory.
  using Block =
      Eigen::Map<const Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic>, 0, Eigen::OuterStride<>>;
  /// Its entries, rows x cols; only of kernels that were asked for.
  Block nngp() const { return {values.nngp, rows, cols, Eigen::OuterStride<>(values.stride)}; }
  /// As `nngp`: its entries of the NTK, rows x cols.
  Block ntk() const { return {values.ntk, rows, cols, Eigen::OuterStride<>(values.stride)}; }
};

/// Writes kernel matrices to where the caller wants them: `out` points to rows x cols column-major
/// matrices, null where nobody asks. Symmetric ones are computed once and mirrored.
/// Throws DataError, Error, Cancelled.
template <class Scalar, class Arithmetic>
void gram_into(const GramTiles<Scalar, Arithmetic>& tiles, TileView<Scalar> out,
               const GramOptions& options = {}) {
  kernel_detail::over_tiles(
      tiles, options.execution(), [&](auto row0, auto rows, auto col0, auto cols, auto& workspace) {
        const Eigen::Index at = col0 * out.stride + row0, mirrored = row0 * out.stride + col0;
        const bool diagonal = tiles.symmetric() && row0 == col0;
        const TileView<Scalar> tile{out.nngp ? out.nngp + at : nullptr, out.ntk ? out.ntk + at : nullptr,
                                    out.stride};
        tiles.evaluate(row0, rows, col0, cols, tile, workspace, diagonal);
        if (!tiles.symmetric()) return;
        if (tile.nngp)
          kernel_detail::mirror(tile.nngp, out.nngp + mirrored, out.stride, rows, cols, diagonal);
        if (tile.ntk) kernel_detail::mirror(tile.ntk, out.ntk + mirrored, out.stride, rows, cols, diagonal);
      });
}

/// Hands every tile to `sink` as soon as it is there, so that the whole matrix never is: sink(const
/// GramTile<Scalar>&), called by several threads at once, once for each tile, in no order. `kernels`: which
/// of the two to compute.
template <class Scalar, class Arithmetic, class Sink>
void for_each_tile(const GramTiles<Scalar, Arithmetic>& tiles, std::initializer_list<Kernel> kernels,
                   Sink&& sink, const GramOptions& options = {}) {
  const auto wanted = [&](Kernel k) { return std::find(kernels.begin(), kernels.end(), k) != kernels.end(); };
  constexpr Eigen::Index size = GramTiles<Scalar, Arithmetic>::tile();
  kernel_detail::over_tiles(tiles, options.execution(),
                            [&](auto row0, auto rows, auto col0, auto cols, auto& workspace) {
                              std::vector<Scalar> nngp(wanted(Kernel::nngp) ? size * size : 0),
                                  ntk(wanted(Kernel::ntk) ? size * size : 0);
                              const bool diagonal = tiles.symmetric() && row0 == col0;
                              const TileView<Scalar> out{nngp.empty() ? nullptr : nngp.data(),
                                                         ntk.empty() ? nullptr : ntk.data(), rows};
                              tiles.evaluate(row0, rows, col0, cols, out, workspace, diagonal);
                              if (diagonal)
                                for (Scalar* values : {out.nngp, out.ntk})
                                  if (values) kernel_detail::mirror(values, values, rows, rows, cols, true);
                              sink(GramTile<Scalar>{row0, rows, col0, cols, out});
                            });
}

namespace gram_detail {

template <class Scalar, class Arithmetic>
void fill(const GramTiles<Scalar, Arithmetic>& tiles, const GramOptions& options, GramMatrices<Scalar>& out,
          bool nngp, bool ntk) {
  const Eigen::Index n = tiles.rows(), m = tiles.cols();
  const double each = static_cast<double>(n) * static_cast<double>(m) * sizeof(Scalar);
  require_memory(each * (nngp + ntk), "a Gram matrix of " + std::to_string(n) + " x " + std::to_string(m));
  if (nngp) out.nngp.resize(n, m);
  if (ntk) out.ntk.resize(n, m);
  gram_into(tiles, {nngp ? out.nngp.data() : nullptr, ntk ? out.ntk.data() : nullptr, n}, options);
}

template <class Scalar, class Arithmetic>
typename GramMatrices<Scalar>::Matrix one(const GramTiles<Scalar, Arithmetic>& tiles, Kernel kernel,
                                          const GramOptions& options) {
  GramMatrices<Scalar> out;
  fill(tiles, options, out, kernel == Kernel::nngp, kernel == Kernel::ntk);
  return std::move(kernel == Kernel::nngp ? out.nngp : out.ntk);
}

}  // namespace gram_detail

/// The NNGP and NTK Gram matrices of the rows of x: K_ij = E[f(x_i) f(x_j)] and
/// T_ij = E[<grad f(x_i), grad f(x_j)>] of the network at infinite width.
///
/// x is n x d, one sample a row, dense or sparse; the results are n x n, exactly symmetric. Scalar, double or
/// float, is what the matrices hold; Arithmetic, what the steps compute in (float arithmetic in a double
/// matrix keeps the range of double). Accuracy: docs/accuracy.md. Throws NoClosedForm (node and reason),
/// DataError, Error (memory), Cancelled.
template <class Scalar = double, class Arithmetic = Scalar>
GramMatrices<Scalar> gram(const Topology& topology, const DataRef& x, const GramOptions& options = {}) {
  GramMatrices<Scalar> out;
  gram_detail::fill(GramTiles<Scalar, Arithmetic>(compile(topology, Kernel::ntk), x, options.path), options,
                    out, true, true);
  return out;
}

/// The same between the rows of a (rows of the result) and of b (columns).
template <class Scalar = double, class Arithmetic = Scalar>
GramMatrices<Scalar> gram(const Topology& topology, const DataRef& a, const DataRef& b,
                          const GramOptions& options = {}) {
  GramMatrices<Scalar> out;
  gram_detail::fill(GramTiles<Scalar, Arithmetic>(compile(topology, Kernel::ntk), a, b, options.path),
                    options, out, true, true);
  return out;
}

/// One kernel alone, n x n, without the cost of the other, of a plan compiled for it.
template <class Scalar = double, class Arithmetic = Scalar>
typename GramMatrices<Scalar>::Matrix gram(const Plan& plan, Kernel kernel, const DataRef& x,
                                           const GramOptions& options = {}) {
  return gram_detail::one(GramTiles<Scalar, Arithmetic>(plan, kernel, x, options.path), kernel, options);
}
/// The same between the rows of a (rows of the result) and of b (columns).
template <class Scalar = double, class Arithmetic = Scalar>
typename GramMatrices<Scalar>::Matrix gram(const Plan& plan, Kernel kernel, const DataRef& a,
                                           const DataRef& b, const GramOptions& options = {}) {
  return gram_detail::one(GramTiles<Scalar, Arithmetic>(plan, kernel, a, b, options.path), kernel, options);
}

/// What instantiate.hpp compiles of this header, for the other files of a program.
#define SST_GRAM_TEMPLATES(prefix, Scalar)                                                                   \
  prefix template GramMatrices<Scalar> gram<Scalar, Scalar>(const Topology&, const DataRef&,                 \
                                                            const GramOptions&);                             \
  prefix template GramMatrices<Scalar> gram<Scalar, Scalar>(const Topology&, const DataRef&, const DataRef&, \
                                                            const GramOptions&);                             \
  prefix template GramMatrices<Scalar>::Matrix gram<Scalar, Scalar>(const Plan&, Kernel, const DataRef&,     \
                                                                    const GramOptions&);                     \
  prefix template GramMatrices<Scalar>::Matrix gram<Scalar, Scalar>(const Plan&, Kernel, const DataRef&,     \
                                                                    const DataRef&, const GramOptions&);
#ifdef SST_EXTERN_TEMPLATES
SST_GRAM_TEMPLATES(extern, double)
SST_GRAM_TEMPLATES(extern, float)
#endif

}  // namespace SST_ABI
}  // namespace sst
