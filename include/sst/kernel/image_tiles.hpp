// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include <Eigen/Core>

#include <sst/base/parallel.hpp>
#include <sst/engine/images/image_engine.hpp>
#include <sst/error.hpp>
#include <sst/plan/images/plan.hpp>
#include <sst/topology/image_shape.hpp>
#include <sst/topology/topology.hpp>
#include <sst/version.hpp>

/// \file
/// The kernel matrix of images by rectangles.

namespace sst {
inline namespace SST_ABI {

namespace spatial {

/// Where a tile's kernels go, column by column: entry (r, c) at [c stride + r]; null where nobody asks.
template <class Scalar>
struct TileTarget {
  Scalar* nngp = nullptr;  ///< the covariances
  Scalar* ntk = nullptr;   ///< the tangents
  std::size_t stride = 0;  ///< from one column to the next; at least the rows of the tile
};

/// Throws DataError unless the rows of x are finite images of this shape: as many columns as it has
/// numbers.
inline void require_images(const Eigen::MatrixXd& x, const ImageShape& shape, const char* name) {
  if (static_cast<std::size_t>(x.cols()) != shape.size())
    throw DataError(std::string(name) + " has " + std::to_string(x.cols()) + " columns (images of " +
                    to_string(shape) + " have " + std::to_string(shape.size()) +
                    " numbers); give one image a row");
  for (Eigen::Index j = 0; j < x.cols(); ++j)
    for (Eigen::Index i = 0; i < x.rows(); ++i)
      if (!std::isfinite(x(i, j)))
        throw DataError(std::string(name) + ", row " + std::to_string(i) + ", column " + std::to_string(j) +
                        " is not a finite number; remove or replace it");
}

}  // namespace spatial

/// Any rectangle of the kernel matrix of images, computed when it is asked for: K(rows, columns) with rows
/// and columns from one data set (exactly symmetric), or from two.
///
/// x is n x (H W C), one image a row, channels fastest. Scalar, double or float, is what is stored,
/// Arithmetic what is computed in; float gives way to double where it would not keep float's accuracy
/// (docs/spatial.md). An entry is the same to the last bit whatever rectangle it is computed in, and for any
/// number of threads. Refers to the data sets, which must outlive it; temporaries
/// are refused at compile time. Const member functions can be called from several threads at
/// once; each call runs in parallel itself (one thread inside a parallel region). Throws NoClosedForm and
/// TopologyError (node and reason), DataError.
template <class Scalar, class Arithmetic = Scalar>
class ImageTiles {
 public:
  using Index = std::size_t;  ///< of samples

  /// Tiles of K(x, x), symmetric: x has a row per image. `threads`: 0 for all.
  ImageTiles(const Topology& topology, Kernel kernel, const ImageShape& shape, const Eigen::MatrixXd& x,
             int threads = 0)
      : ImageTiles(topology, kernel, shape, x, x, threads, true) {}
  ImageTiles(const Topology&, Kernel, const ImageShape&, const Eigen::MatrixXd&&, int = 0) = delete;
  /// Tiles of K(rows, columns): a row per image in both.
  ImageTiles(const Topology& topology, Kernel kernel, const ImageShape& shape, const Eigen::MatrixXd& rows,
             const Eigen::MatrixXd& columns, int threads = 0)
      : ImageTiles(topology, kernel, shape, rows, columns, threads, false) {}
  ImageTiles(const Topology&, Kernel, const ImageShape&, const Eigen::MatrixXd&&, const Eigen::MatrixXd&,
             int = 0) = delete;
  ImageTiles(const Topology&, Kernel, const ImageShape&, const Eigen::MatrixXd&, const Eigen::MatrixXd&&,
             int = 0) = delete;
  ImageTiles(const Topology&, Kernel, const ImageShape&, const Eigen::MatrixXd&&, const Eigen::MatrixXd&&,
             int = 0) = delete;

  /// Rows of the kernel matrix.
  Index rows() const { return static_cast<Index>(rows_.rows()); }
  /// Columns of the kernel matrix.
  Index cols() const { return static_cast<Index>(columns_.rows()); }
  /// Whether it is K(x, x).
  bool symmetric() const { return symmetric_; }
  /// Whether evaluate() runs on several threads: images are prepared once for all of them.
  bool parallel() const { return threads_ != 1; }
  /// What is computed.
  const SpatialPlan& plan() const { return engine_->plan(); }
  /// Bytes that evaluate() takes for a rectangle on its threads, beside its result.
  double bytes(Index tile_rows, Index tile_cols) const {
    const auto pieces = static_cast<std::ptrdiff_t>(tile_rows * tile_cols);
    const auto threads = static_cast<Index>(detail::team_size(threads_, pieces));
    return engine_->bytes(tile_rows, tile_cols, threads);
  }

  /// K(x, x), the NNGP, of each image of the rows: a column.
  Eigen::VectorXd row_variances() const { return engine_->variances({&rows_, 0, rows()}, threads_); }

  /// Entry (row0 + r, col0 + c) goes to out[c leading_dimension + r].
  void evaluate(Index row0, Index row_count, Index col0, Index col_count, Scalar* out,
                Index leading_dimension) const {
    spatial::TileTarget<Scalar> target{nullptr, nullptr, leading_dimension};
    (kernel_ == Kernel::nngp ? target.nngp : target.ntk) = out;
    evaluate(row0, row_count, col0, col_count, target);
  }

  /// Both kernels at once, of tiles made for the NTK: the row_count x col_count entries from (row0, col0) on.
  /// `report` takes numbers of entries that are done. Throws Error for a tile that reaches beyond the matrix,
  /// DataError for an entry that overflows Scalar.
  void evaluate(Index row0, Index row_count, Index col0, Index col_count,
                const spatial::TileTarget<Scalar>& target,
                const std::function<void(Index)>& report = {}) const {
    if (row0 + row_count > rows() || col0 + col_count > cols())
      throw Error("the tile of rows " + std::to_string(row0) + " to " + std::to_string(row0 + row_count) +
                  " and columns " + std::to_string(col0) + " to " + std::to_string(col0 + col_count) +
                  " reaches beyond the " + std::to_string(rows()) + " x " + std::to_string(cols()) +
                  " matrix; choose one inside");
    const spatial::ImageRange from_rows{&rows_, row0, row_count}, from_columns{&columns_, col0, col_count};
    const auto put = [&](Index r, Index c, double nngp, double ntk) {
      const Index at = (c - col0) * target.stride + r - row0;
      const auto write = [&](Scalar* to, double value) {
        if (!to) return;
        to[at] = static_cast<Scalar>(value);
        if (!std::isfinite(to[at]))
          throw DataError("the kernel of images " + std::to_string(r) + " and " + std::to_string(c) +
                          " overflows its scalar type; scale the inputs down or use double");
      };
      write(target.nngp, nngp);
      write(target.ntk, ntk);
    };
    if (!symmetric_) {
      engine_->evaluate(
          from_columns, from_rows, [](Index, Index) { return true; },
          [&](Index c, Index r, double k, double t) { put(r, c, k, t); }, threads_, report);
      return;
    }
    // The image of the lower number is always the left one.
    const bool mirrored = row0 == col0 && row_count == col_count;
    engine_->evaluate(
        from_columns, from_rows, [](Index c, Index r) { return c <= r; },
        [&](Index c, Index r, double k, double t) {
          put(r, c, k, t);
          if (mirrored && r != c) put(c, r, k, t);
        },
        threads_, report);
    if (mirrored || row0 >= col0 + col_count) return;
    engine_->evaluate(
        from_rows, from_columns, [](Index r, Index c) { return r < c; },
        [&](Index r, Index c, double k, double t) { put(r, c, k, t); }, threads_, report);
  }

 private:
  ImageTiles(const Topology& topology, Kernel kernel, const ImageShape& shape, const Eigen::MatrixXd& rows,
             const Eigen::MatrixXd& columns, int threads, bool symmetric)
      : rows_(rows), columns_(columns), kernel_(kernel), threads_(threads), symmetric_(symmetric) {
    spatial::require_images(rows, shape, symmetric ? "the data set" : "the first data set");
    if (!symmetric) spatial::require_images(columns, shape, "the second data set");
    engine_ = spatial::image_engine<Arithmetic>(topology, kernel, shape);
  }

  const Eigen::MatrixXd& rows_;
  const Eigen::MatrixXd& columns_;
  Kernel kernel_;
  int threads_;
  bool symmetric_;
  std::unique_ptr<const spatial::ImageEngine> engine_;
};

}  // namespace SST_ABI
}  // namespace sst
