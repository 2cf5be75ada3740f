// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <ostream>
#include <string>
#include <system_error>
#include <type_traits>
#include <utility>
#include <vector>

#include <Eigen/Core>

#include <sst/base/duration.hpp>
#include <sst/base/file.hpp>
#include <sst/base/memory.hpp>
#include <sst/base/output_file.hpp>
#include <sst/error.hpp>
#include <sst/io/npy.hpp>
#include <sst/io/store/compute.hpp>
#include <sst/io/store/directory.hpp>
#include <sst/io/store/header.hpp>
#include <sst/io/store/tile_file.hpp>
#include <sst/version.hpp>

namespace sst {
inline namespace SST_ABI {

/// A matrix on disk as tiles, for computations of hours that may be killed at any moment.
///
/// \code
/// sst::TileStore<double> store("gram", {.rows = n, .columns = n, .data = ..., .topology = ...});
/// store.fill(tiles);                        // computes what is missing, in parallel
/// Eigen::MatrixXd gram = store.assemble();  // or store.write_npy("gram.npy")
/// \endcode
/// The directory has header.txt (what the matrix is), lock, and a file for each finished tile, written
/// under another name, flushed to the disk, then renamed. A run that is killed leaves complete tiles
/// alone, and the next one computes the others: the matrix is the same to the last bit. Every tile has
/// a hash; one that does not fit is computed again by `fill` and an error in `assemble`. Of a symmetric
/// matrix there are the lower tiles only, and the upper triangle is their mirror image.
///
/// One store is open at most once at a time, in all processes (flock; on network file systems as far
/// as they support it). POSIX systems, little-endian.
template <class Scalar>
class TileStore {
  static_assert(std::is_same_v<Scalar, float> || std::is_same_v<Scalar, double>,
                "TileStore holds float or double");

 public:
  /// Of rows, columns and tiles.
  using Index = Eigen::Index;
  /// A tile: rows x columns.
  using Matrix = Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic>;

  /// Opens a store, or makes one where the directory is missing or empty (its parent has to exist).
  ///
  /// Throws DataError for a header that makes no sense; for a directory that holds something else; for
  /// a store of other data, another topology, kernel, precision or size, naming what is different; for
  /// one that is in use; and where the directory cannot be written.
  TileStore(std::filesystem::path directory, TileStoreHeader header)
      : directory_(std::move(directory)), header_(std::move(header)) {
    namespace fs = std::filesystem;
    store_detail::validate(header_);
    const std::string text = store_detail::to_text(fields(header_));
    identity_ = Fingerprint().add(text).value();
    std::error_code error;
    fs::create_directory(directory_, error);
    if (error || !fs::is_directory(directory_, error))
      store_detail::fail("make the store", directory_, error ? error.value() : ENOTDIR);
    const fs::path file = directory_ / "header.txt";
    if (!fs::exists(file, error)) require_empty();
    lock_ = store_detail::lock(directory_);
    if (fs::exists(file, error))
      store_detail::require_same(directory_, file, fields(header_));
    else
      store_detail::write_durably(file, text);
    for (const auto& entry : fs::directory_iterator(directory_))  // left by a run that was killed
      if (entry.path().extension() == ".part") fs::remove(entry.path(), error);

    places_ = store_detail::places(header_.rows, header_.columns, header_.symmetry, header_.tile);
  }

  /// What the store holds.
  const TileStoreHeader& header() const { return header_; }
  /// How many tiles the whole matrix has.
  Index tiles() const { return static_cast<Index>(places_.size()); }

  /// Bytes of all files of a store with this header once it is full. Throws DataError for a header that makes
  /// no sense.
  static double bytes(const TileStoreHeader& header) {
    store_detail::validate(header);
    auto total = static_cast<double>(store_detail::to_text(fields(header)).size());
    for (const auto& place : store_detail::places(header.rows, header.columns, header.symmetry, header.tile))
      total += static_cast<double>(store_detail::TileFile<Scalar>::size(place));
    return total;
  }

  /// Computes the tiles that are missing or damaged. Throws DataError for an evaluator of another size
  /// and when a tile cannot be written, Cancelled, and what the evaluator throws; finished tiles stay.
  template <TileEvaluator<Scalar> Evaluator>
  TileReport fill(const Evaluator& evaluator, const TileOptions& options = {}) {
    if (static_cast<Index>(evaluator.rows()) != header_.rows ||
        static_cast<Index>(evaluator.cols()) != header_.columns)
      throw DataError("the store '" + directory_.string() + "' of " + std::to_string(header_.rows) + " x " +
                      std::to_string(header_.columns) + " entries cannot hold a matrix of " +
                      std::to_string(evaluator.rows()) + " x " + std::to_string(evaluator.cols()) +
                      "; open it with the right header");
    const auto start = std::chrono::steady_clock::now();
    Index reused = 0, damaged = 0;
    ProgressEta eta;
    std::vector<store_detail::Place> missing;
    Matrix scratch;
    for (const auto& place : places_) {
      const auto file = file_of(place);
      eta.total += place.entries;
      if (file.read(scratch)) {
        ++reused;
        eta.done_before += place.entries;
        continue;
      }
      if (file.exists()) ++damaged;
      missing.push_back(place);
    }
    eta.done = eta.done_before;
    TileReport report = store_detail::compute_tiles<Scalar>(
        evaluator, missing, eta, options, "filling the store '" + directory_.string() + "'",
        [&](const auto& place, const Matrix& tile) { file_of(place).write(tile); });
    report.reused = reused;
    report.damaged = damaged;
    report.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    return report;
  }

  /// The whole matrix. Throws DataError, with its place, for a tile that is missing or damaged; Error
  /// when the matrix does not fit into memory.
  Matrix assemble() const {
    require_memory(static_cast<double>(header_.rows) * static_cast<double>(header_.columns) * sizeof(Scalar),
                   "a matrix of " + std::to_string(header_.rows) + " x " + std::to_string(header_.columns));
    Matrix out(header_.rows, header_.columns), tile;
    for (const auto& place : places_) {
      read(place, tile);
      store_detail::place_tile(place, tile, header_.symmetry, out);
    }
    return out;
  }

  /// The same as an NPY file of two dimensions (Fortran order), with no more memory than a row of tiles.
  void write_npy(const std::filesystem::path& path) const {
    detail::write_file(path, [&](std::ostream& out) {
      out << detail::npy_header<Scalar>(header_.rows, header_.columns, false);
      Matrix panel, tile;
      for (Index column = 0; column < header_.columns; column += header_.tile) {
        panel.resize(header_.rows, std::min(header_.tile, header_.columns - column));
        for (const auto& place : places_) {
          const bool here = place.column == column, mirrored = symmetric() && place.row == column;
          if (!here && !mirrored) continue;
          read(place, tile);
          if (symmetric() && place.row == place.column)
            tile.template triangularView<Eigen::StrictlyUpper>() = tile.transpose();
          if (here)
            panel.middleRows(place.row, place.rows) = tile;
          else
            panel.middleRows(place.column, place.columns) = tile.transpose();
        }
        out.write(reinterpret_cast<const char*>(panel.data()),
                  static_cast<std::streamsize>(static_cast<std::size_t>(panel.size()) * sizeof(Scalar)));
      }
    });
  }

 private:
  static std::vector<store_detail::Field> fields(const TileStoreHeader& header) {
    return store_detail::fields(header, sizeof(Scalar) == 8 ? "float64" : "float32");
  }
  bool symmetric() const { return header_.symmetry == TileSymmetry::symmetric; }

  store_detail::TileFile<Scalar> file_of(const store_detail::Place& place) const {
    const std::string name = std::to_string(place.row / header_.tile) + "-" +
                             std::to_string(place.column / header_.tile) + ".tile";
    return {directory_ / name, identity_, place};
  }

  void read(const store_detail::Place& place, Matrix& tile) const {
    if (!file_of(place).read(tile))
      throw DataError("the store '" + directory_.string() + "' has no valid tile at row " +
                      std::to_string(place.row) + ", column " + std::to_string(place.column) +
                      " (it was not computed yet, or is damaged); fill the store first");
  }

  /// A directory without header.txt may have what a run leaves that is killed at its very start.
  void require_empty() const {
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(directory_, error))
      if (const auto name = entry.path().filename();
          name != "lock" && name != "header.txt" && name.extension() != ".part")
        throw DataError(
            "'" + directory_.string() + "' is not a tile store (it has no header.txt, but holds " +
            detail::quote(name.string()) + "); choose a directory that is empty or does not exist");
    if (error) store_detail::fail("read", directory_, error.value());
  }

  std::filesystem::path directory_;
  TileStoreHeader header_;
  std::uint64_t identity_ = 0;
  store_detail::File lock_;
  std::vector<store_detail::Place> places_;
};

}  // namespace SST_ABI
}  // namespace sst
