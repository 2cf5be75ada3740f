// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <string>

#include <Eigen/Core>

#include <sst/base/data_ref.hpp>
#include <sst/engine/rows/tile_engine.hpp>
#include <sst/error.hpp>
#include <sst/kernel/path.hpp>
#include <sst/plan/plan.hpp>
#include <sst/version.hpp>

namespace sst {
inline namespace SST_ABI {

namespace gram_detail {

/// The engine of K(X, X), or of K(A, X) for A = *rows, and the path that it took. Throws DataError, Error.
template <class Scalar, class Arithmetic>
std::shared_ptr<const TileEngine<Scalar>> row_engine(const Plan& plan, const DataRef& x, const DataRef* rows,
                                                     Path path, Path& taken);

}  // namespace gram_detail

/// Tiles of the kernel matrix of one or two data sets, computed when asked for.
///
/// Immutable and shared by threads; each brings a Workspace of its own. Any tile has the same bits as
/// the same entries of a whole matrix cut into the same tiles; other cuts round differently in the last
/// digits.
template <class Scalar = double, class Arithmetic = Scalar>
class GramTiles {
 public:
  /// Of samples.
  using Index = Eigen::Index;
  /// What a thread needs while it computes a tile.
  using Workspace = typename gram_detail::TileEngine<Scalar>::Workspace;

  /// K(X, X). Throws DataError, Error.
  GramTiles(const Plan& plan, const DataRef& x, Path path = Path::automatic)
      : GramTiles(plan, x, nullptr, path) {}
  /// K(A, B): rows of the result are samples of a, columns of b.
  GramTiles(const Plan& plan, const DataRef& a, const DataRef& b, Path path = Path::automatic)
      : GramTiles(plan, b, &a, path) {}
  /// K(X, X), x with a sample per row, of which evaluate(..., out, stride) writes this kernel.
  GramTiles(const Plan& plan, Kernel kernel, const DataRef& x, Path path = Path::automatic)
      : GramTiles(plan, x, nullptr, path) {
    choose(plan, kernel);
  }
  /// The same of K(A, B): rows of the result are samples of a, columns of b.
  GramTiles(const Plan& plan, Kernel kernel, const DataRef& a, const DataRef& b, Path path = Path::automatic)
      : GramTiles(plan, b, &a, path) {
    choose(plan, kernel);
  }

  /// Rows of the kernel matrix.
  Index rows() const { return rows_; }
  /// Columns of the kernel matrix.
  Index cols() const { return cols_; }
  /// Whether it is K(X, X).
  bool symmetric() const { return symmetric_; }
  /// Path::direct or Path::profile, as it was chosen.
  Path path() const { return path_; }
  /// Rows and columns of tiles that suit the caches.
  static constexpr Index tile() { return tile_; }

  /// A workspace; each thread needs one of its own.
  std::unique_ptr<Workspace> workspace() const { return engine_->workspace(); }

  /// Writes a tile. With `lower` (tiles with row0 == col0 of a symmetric matrix) entries above the
  /// diagonal may be left as they are. Throws Error for a tile that reaches beyond the matrix, DataError for
  /// an entry that overflows.
  void evaluate(Index row0, Index rows, Index col0, Index cols, TileView<Scalar> out, Workspace& workspace,
                bool lower = false) const {
    if (row0 < 0 || rows < 0 || rows > rows_ - row0 || col0 < 0 || cols < 0 || cols > cols_ - col0)
      throw Error("the tile of " + std::to_string(rows) + " x " + std::to_string(cols) +
                  " entries from row " + std::to_string(row0) + ", column " + std::to_string(col0) +
                  " reaches beyond the " + std::to_string(rows_) + " x " + std::to_string(cols_) +
                  " matrix; choose one inside");
    using gram_detail::Index;
    engine_->evaluate(static_cast<Index>(row0), static_cast<Index>(rows), static_cast<Index>(col0),
                      static_cast<Index>(cols), out, lower, workspace);
  }
  /// The same of the chosen kernel alone, `stride` scalars from column to column of `out`.
  void evaluate(Index row0, Index rows, Index col0, Index cols, Scalar* out, Index stride,
                Workspace& workspace) const {
    evaluate(row0, rows, col0, cols, view(out, stride), workspace);
  }
  /// The same with a workspace for this call.
  void evaluate(Index row0, Index rows, Index col0, Index cols, Scalar* out, Index stride) const {
    const auto own = workspace();
    evaluate(row0, rows, col0, cols, view(out, stride), *own);
  }

 private:
  static constexpr Index tile_ = 256;

  GramTiles(const Plan& plan, const DataRef& columns, const DataRef* rows, Path path)
      : rows_(rows ? rows->rows() : columns.rows()), cols_(columns.rows()), symmetric_(rows == nullptr) {
    columns.require_finite(rows ? "the second data set" : "the data set");
    if (rows) {
      rows->require_finite("the first data set");
      if (rows->cols() != columns.cols())
        throw DataError("the data sets have " + std::to_string(rows->cols()) + " and " +
                        std::to_string(columns.cols()) + " columns; give them the same features");
    }
    engine_ = gram_detail::row_engine<Scalar, Arithmetic>(plan, columns, rows, path, path_);
  }

  void choose(const Plan& plan, Kernel kernel) {
    if (kernel == Kernel::ntk && !plan.ntk)
      throw Error("the plan was compiled for the NNGP and cannot give the NTK; compile it for Kernel::ntk");
    kernel_ = kernel;
  }
  TileView<Scalar> view(Scalar* out, Index stride) const {
    return kernel_ == Kernel::nngp ? TileView<Scalar>{out, nullptr, stride}
                                   : TileView<Scalar>{nullptr, out, stride};
  }

  Index rows_, cols_;
  bool symmetric_;
  Kernel kernel_ = Kernel::ntk;
  Path path_ = Path::direct;
  std::shared_ptr<const gram_detail::TileEngine<Scalar>> engine_;
};

}  // namespace SST_ABI
}  // namespace sst

#ifndef SST_EXTERN_TEMPLATES
#include <sst/kernel/tiles_impl.hpp>
#endif
