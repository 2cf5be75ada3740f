// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <cstddef>

#include <Eigen/Core>

#include <sst/error.hpp>
#include <sst/images/image_transforms.hpp>
#include <sst/images/images.hpp>
#include <sst/kernel/image_tiles.hpp>
#include <sst/plan/kernel.hpp>
#include <sst/topology/image_shape.hpp>
#include <sst/topology/topology.hpp>
#include <sst/version.hpp>

namespace sst {
inline namespace SST_ABI {

/// Any rectangle of a kernel matrix of images that is averaged over mirror images,
///
///     K'(x, y) = (K(x, y) + K(x, f y)) / 2,    f: left to right,
///
/// which is the mean over both sides wherever K(f x, f y) = K(x, y): for networks whose windows and pools see
/// an image and its mirror image alike. It predicts as the doubled data (x, f x) do. With A = K(x, x) and
/// B = K(x, f x) these solve [[A, B], [B, A]] + r I for labels that come twice, so both halves get the same
/// weights w, (A + B + r I) w = y, and K' with the ridge r/2 gets 2 w: the same predictions, at a quarter of
/// the memory and an eighth of the solving.
///
/// x is n x (H W C), one image a row, channels fastest. A tile costs two of ImageTiles, and several can be
/// computed at once, as there. Refers to the data sets, which must outlive it. Throws TopologyError
/// where a first pair shows that K(f x, f y) is another number than K(x, y), and what ImageTiles throws.
template <class Scalar>
class FlipAverageTiles {
 public:
  using Index = std::size_t;  ///< of samples

  /// Tiles of K'(x, x), symmetric to rounding (tile stores keep one half): x has a row per image. `threads`:
  /// 0 for all. Throws TopologyError and DataError: for networks that see mirror images in another way, and
  /// for rows that are no images of this shape.
  FlipAverageTiles(const Topology& topology, Kernel kernel, const ImageShape& shape, const Eigen::MatrixXd& x,
                   int threads = 0)
      : flipped_(flip(shape, x)),
        direct_(topology, kernel, shape, x, threads),
        crossed_(topology, kernel, shape, x, flipped_, threads) {
    require_alike(topology, kernel, shape, x, x);
  }
  /// Tiles of K'(rows, columns): a row per image in both. Throws TopologyError and DataError likewise.
  FlipAverageTiles(const Topology& topology, Kernel kernel, const ImageShape& shape,
                   const Eigen::MatrixXd& rows, const Eigen::MatrixXd& columns, int threads = 0)
      : flipped_(flip(shape, columns)),
        direct_(topology, kernel, shape, rows, columns, threads),
        crossed_(topology, kernel, shape, rows, flipped_, threads) {
    require_alike(topology, kernel, shape, rows, columns);
  }
  FlipAverageTiles(const FlipAverageTiles&) = delete;
  FlipAverageTiles& operator=(const FlipAverageTiles&) = delete;

  /// Rows of the kernel matrix.
  Index rows() const { return direct_.rows(); }
  /// Columns of the kernel matrix.
  Index cols() const { return direct_.cols(); }
  /// Whether evaluate() runs on several threads.
  bool parallel() const { return direct_.parallel(); }
  /// Bytes that evaluate() takes for a rectangle on its threads, beside its result.
  double bytes(Index tile_rows, Index tile_cols) const {
    return direct_.bytes(tile_rows, tile_cols) + static_cast<double>(tile_rows * tile_cols * sizeof(Scalar));
  }

  /// Entry (row0 + r, col0 + c) goes to out[c leading_dimension + r].
  void evaluate(Index row0, Index row_count, Index col0, Index col_count, Scalar* out,
                Index leading_dimension) const {
    direct_.evaluate(row0, row_count, col0, col_count, out, leading_dimension);
    Matrix mirrored(static_cast<Eigen::Index>(row_count), static_cast<Eigen::Index>(col_count));
    crossed_.evaluate(row0, row_count, col0, col_count, mirrored.data(), row_count);
    Eigen::Map<Matrix, 0, Eigen::OuterStride<>> tile(
        out, mirrored.rows(), mirrored.cols(),
        Eigen::OuterStride<>(static_cast<Eigen::Index>(leading_dimension)));
    tile = Scalar(0.5) * (tile + mirrored);
  }

 private:
  using Matrix = Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic>;

  static Eigen::MatrixXd flip(const ImageShape& shape, const Eigen::MatrixXd& x) {
    spatial::require_images(x, shape, "the data set");
    return flip_horizontally({shape, x, {}}).pixels;
  }

  /// K(x, f y) = K(f x, y) for one pair, as far as float can tell.
  void require_alike(const Topology& topology, Kernel kernel, const ImageShape& shape,
                     const Eigen::MatrixXd& rows, const Eigen::MatrixXd& columns) const {
    if (rows.rows() == 0 || columns.rows() == 0) return;
    const Eigen::MatrixXd mirrored = flip(shape, rows.topRows(1)), other = columns.bottomRows(1);
    Scalar here = 0, there = 0;
    crossed_.evaluate(0, 1, cols() - 1, 1, &here, 1);
    ImageTiles<Scalar>(topology, kernel, shape, mirrored, other, 1).evaluate(0, 1, 0, 1, &there, 1);
    if (std::abs(here - there) > Scalar(1e-3) * std::abs(here))
      throw TopologyError("the network '" + topology.name() + "' sees mirror images of " + to_string(shape) +
                          " in another way (a pool or a stride leaves out a column at one side); choose a "
                          "width that its pools divide");
  }

  Eigen::MatrixXd flipped_;
  ImageTiles<Scalar> direct_, crossed_;
};

}  // namespace SST_ABI
}  // namespace sst
