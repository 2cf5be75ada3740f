// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <chrono>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <string>
#include <vector>

#include <Eigen/Core>

#include <sst/base/memory.hpp>
#include <sst/base/parallel.hpp>
#include <sst/base/plain_text.hpp>
#include <sst/base/progress.hpp>
#include <sst/error.hpp>
#include <sst/version.hpp>

namespace sst {
inline namespace SST_ABI {

/// Anything that computes tiles of a matrix: GramTiles, ImageTiles, or a class of your own.
///
/// `evaluate(row0, rows, col0, cols, out, stride)` writes the entries of those rows and columns,
/// column-major, `stride` scalars from column to column. It is called from several threads at once, unless
/// the evaluator has a member parallel() that is true: then it runs on several threads itself, since tiles
/// need much memory or time, and they are computed one after the other.
template <class Evaluator, class Scalar>
concept TileEvaluator = requires(const Evaluator& tiles, Eigen::Index i, Scalar* out) {
  { tiles.rows() } -> std::convertible_to<Eigen::Index>;
  { tiles.cols() } -> std::convertible_to<Eigen::Index>;
  tiles.evaluate(i, i, i, i, out, i);
};

/// Whether a matrix is that of one data set with itself, `symmetric`, of which half is enough, or `general`.
enum class TileSymmetry { general, symmetric };

/// How the tiles of a matrix are computed.
struct TileOptions {
  /// Tiles computed at the same time, unless each is computed in parallel (see TileEvaluator); 0: as many as
  /// OpenMP has threads. The result does not depend on it.
  int threads = 0;
  ProgressFunction progress = {};  ///< of the entries, first of those that a store has already
};

/// What computing a matrix by tiles took.
struct TileReport {
  Eigen::Index computed = 0;  ///< tiles computed now
  Eigen::Index reused = 0;    ///< tiles that a store had already
  Eigen::Index damaged = 0;   ///< among those computed: found torn or changed, and done again
  double entries = 0;         ///< matrix entries computed now; those above a symmetric diagonal do not count
  double seconds = 0;         ///< of this run
};

/// Where a tile lies in its matrix.
struct TilePlace {
  Eigen::Index row = 0;      ///< its first one
  Eigen::Index rows = 0;     ///< how many
  Eigen::Index column = 0;   ///< its first one
  Eigen::Index columns = 0;  ///< how many
  double entries = 0;        ///< the different ones that it adds
};

namespace store_detail {

/// All tiles of a matrix, or the lower ones of a symmetric one, column after column.
inline std::vector<TilePlace> places(Eigen::Index rows, Eigen::Index columns, TileSymmetry symmetry,
                                     Eigen::Index tile) {
  const bool half = symmetry == TileSymmetry::symmetric;
  const auto along = [tile](Eigen::Index extent) {
    return std::ceil(static_cast<double>(extent) / static_cast<double>(tile));
  };
  const double count = along(rows) * along(columns) / (half ? 2 : 1);
  detail::PlainText text;
  text << "a list of " << count << " tiles";
  require_memory(count * sizeof(TilePlace), text.str(), "make tiles larger");
  tile = std::min(tile, std::max(rows, columns));  // no sum of the two overflows
  std::vector<TilePlace> out;
  for (Eigen::Index column = 0; column < columns; column += tile)
    for (Eigen::Index row = half ? column : 0; row < rows; row += tile) {
      TilePlace place{row, std::min(tile, rows - row), column, std::min(tile, columns - column)};
      const auto n = static_cast<double>(place.rows), m = static_cast<double>(place.columns);
      place.entries = half && row == column ? n * (n + 1) / 2 : n * m;
      out.push_back(place);
    }
  return out;
}

/// Puts a tile in its place, and of a symmetric matrix its mirror image too; what a tile on the diagonal
/// has above the diagonal does not count.
template <class Tile, class Matrix>
void place_tile(const TilePlace& place, const Tile& tile, TileSymmetry symmetry, Matrix& out) {
  using Entry = typename Matrix::Scalar;
  auto block = out.block(place.row, place.column, place.rows, place.columns);
  block = tile.template cast<Entry>();
  if (symmetry == TileSymmetry::general) return;
  if (place.row == place.column)
    block.template triangularView<Eigen::StrictlyUpper>() = tile.transpose().template cast<Entry>();
  else
    out.block(place.column, place.row, place.columns, place.rows) = tile.transpose().template cast<Entry>();
}

/// Whether each tile is computed on several threads.
template <class Evaluator>
bool parallel_within(const Evaluator& evaluator) {
  if constexpr (requires { evaluator.parallel(); }) return evaluator.parallel();
  return false;
}

/// Computes tiles in parallel and hands each to sink(place, tile), which may throw and is called from
/// several threads at once. `before`: entries that are there already; `name` is what is told of.
template <class Scalar, TileEvaluator<Scalar> Evaluator, class Sink>
TileReport compute_tiles(const Evaluator& evaluator, const std::vector<TilePlace>& places, double before,
                         const TileOptions& options, const std::string& name, const Sink& sink) {
  const auto start = std::chrono::steady_clock::now();
  double total = before;
  for (const TilePlace& place : places) total += place.entries;
  detail::Counter progress(options.progress, total, name);
  if (before > 0 && !places.empty()) progress.add(before);
  const int at_once = parallel_within(evaluator) ? 1 : options.threads;
  detail::parallel(places.size(), at_once, [&](std::size_t k) {
    const TilePlace& place = places[k];
    Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic> tile(place.rows, place.columns);
    const auto number = [](Eigen::Index i) { return static_cast<decltype(evaluator.rows())>(i); };
    evaluator.evaluate(number(place.row), number(place.rows), number(place.column), number(place.columns),
                       tile.data(), number(place.rows));
    sink(place, tile);
    progress.add(place.entries);
  });
  return {.computed = static_cast<Eigen::Index>(places.size()),
          .entries = total - before,
          .seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count()};
}

}  // namespace store_detail

/// A matrix computed tile by tile in memory: the same bits as through a TileStore with the same tiles.
///
/// Throws Error when it does not fit into memory, Cancelled, and what the evaluator throws.
template <class Scalar, TileEvaluator<Scalar> Evaluator>
Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic> compute_by_tiles(const Evaluator& evaluator,
                                                                       TileSymmetry symmetry,
                                                                       Eigen::Index tile,
                                                                       const TileOptions& options = {},
                                                                       TileReport* report = nullptr) {
  const auto rows = static_cast<Eigen::Index>(evaluator.rows());
  const auto columns = static_cast<Eigen::Index>(evaluator.cols());
  if (tile < 1)
    throw Error("tiles of " + std::to_string(tile) + " rows do not exist; choose one row or more");
  if (symmetry == TileSymmetry::symmetric && rows != columns)
    throw Error("a matrix of " + std::to_string(rows) + " x " + std::to_string(columns) +
                " is not symmetric; compute it as a general one");
  require_memory(static_cast<double>(rows) * static_cast<double>(columns) * sizeof(Scalar),
                 "a matrix of " + std::to_string(rows) + " x " + std::to_string(columns));
  Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic> out(rows, columns);
  const auto places = store_detail::places(rows, columns, symmetry, tile);
  const TileReport done = store_detail::compute_tiles<Scalar>(
      evaluator, places, 0, options, "the matrix",
      [&](const auto& place, const auto& values) { store_detail::place_tile(place, values, symmetry, out); });
  if (report) *report = done;
  return out;
}

}  // namespace SST_ABI
}  // namespace sst
