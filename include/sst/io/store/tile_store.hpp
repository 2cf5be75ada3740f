// SPDX-License-Identifier: MIT
#pragma once

#include <cerrno>
#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <Eigen/Core>

#include <sst/base/file.hpp>
#include <sst/error.hpp>
#include <sst/io/store/compute.hpp>
#include <sst/io/store/directory.hpp>
#include <sst/io/store/header.hpp>
#include <sst/io/store/lock.hpp>
#include <sst/io/store/shard.hpp>
#include <sst/io/store/stored_matrix.hpp>
#include <sst/io/store/tile_file.hpp>
#include <sst/version.hpp>

namespace sst {
inline namespace SST_ABI {

/// A matrix on disk as tiles, for computations of hours that may be killed at any moment, by one process or
/// by many on any machines that see the folder.
///
/// \code
/// sst::TileStore<double> store("gram", {.rows = n, .columns = n, .data = ..., .topology = ...});
/// store.fill(tiles);                        // computes what is missing, in parallel
/// Eigen::MatrixXd gram = store.assemble();  // or store.write_npy("gram.npy")
/// \endcode
/// The directory has header.txt (what the matrix is), locks, and a file for each finished tile, written
/// under another name, flushed to the disk, then renamed. A run that is killed leaves complete tiles
/// alone, and the next one computes the others: the matrix is the same to the last bit. Every tile has
/// a hash; one that does not fit is computed again by `fill` and an error in `assemble`. Of a symmetric
/// matrix there are the lower tiles only, and the upper triangle is their mirror image.
///
/// Either one run has the store alone, or shards do, all of one number and each of them once; who only reads
/// (StoredMatrix) is never kept out. Locks are of flock, on network file systems as far as they support it.
/// POSIX systems, little-endian.
template <class Scalar>
class TileStore : public StoredMatrix<Scalar> {
  using Base = StoredMatrix<Scalar>;

 public:
  /// Of rows, columns and tiles.
  using Index = Eigen::Index;
  /// A tile: rows x columns.
  using Matrix = typename Base::Matrix;

  /// Opens a store, or makes one where the directory is missing or empty (its parent has to exist), for a run
  /// alone or for a shard.
  ///
  /// Throws DataError for a header that makes no sense; for a directory that holds something else; for
  /// a store of other data, another topology, kernel, precision or size, naming what is different; for
  /// one that is in use, by this shard, a run alone, or shards of another number; where the directory cannot
  /// be written; and for a file system without locks, or without renames in one step.
  explicit TileStore(std::filesystem::path directory, TileStoreHeader header, const Shard& shard = {})
      : Base(std::move(directory), header, store_detail::fields(header, store_detail::scalar_name<Scalar>())),
        shard_(shard) {
    namespace fs = std::filesystem;
    validate(shard);
    const auto fields = store_detail::fields(this->header(), store_detail::scalar_name<Scalar>());
    const fs::path& folder = this->directory();
    std::error_code error;
    fs::create_directory(folder, error);
    if (error || !fs::is_directory(folder, error))
      store_detail::fail("make the store", folder, error ? error.value() : ENOTDIR);
    require_own_files();
    locks_.emplace(folder, shard, [&] {
      const fs::path file = folder / "header.txt";
      if (!fs::exists(file, error)) {
        store_detail::require_replacing_rename(folder);
        store_detail::write_durably(file, store_detail::to_text(fields), store_detail::Existing::keep);
      }
      store_detail::require_same(folder, fields);
    });
  }

  /// Bytes of all files of a store with this header once it is full. Throws DataError for a header that makes
  /// no sense.
  static double bytes(const TileStoreHeader& header) {
    store_detail::validate(header);
    auto total = static_cast<double>(
        store_detail::to_text(store_detail::fields(header, store_detail::scalar_name<Scalar>())).size());
    for (const auto& place : store_detail::places(header.rows, header.columns, header.symmetry, header.tile))
      total += static_cast<double>(store_detail::TileFile<Scalar>::size(place));
    return total;
  }

  /// Computes the tiles, of this shard, that are missing or damaged. Throws DataError for an evaluator of
  /// another size and when a tile cannot be written, Cancelled, and what the evaluator throws; finished tiles
  /// stay.
  template <TileEvaluator<Scalar> Evaluator>
  TileReport fill(const Evaluator& evaluator, const TileOptions& options = {}) {
    const TileStoreHeader& header = this->header();
    const std::string name = "the store '" + this->directory().string() + "'";
    if (static_cast<Index>(evaluator.rows()) != header.rows ||
        static_cast<Index>(evaluator.cols()) != header.columns)
      throw DataError(name + " of " + std::to_string(header.rows) + " x " + std::to_string(header.columns) +
                      " entries cannot hold a matrix of " + std::to_string(evaluator.rows()) + " x " +
                      std::to_string(evaluator.cols()) + "; open it with the right header");
    const auto start = std::chrono::steady_clock::now();
    Index reused = 0, damaged = 0;
    double before = 0;
    std::vector<TilePlace> missing;
    Matrix scratch;
    for (const Index k : this->tiles_of(shard_)) {
      const TilePlace& place = this->place(k);
      const auto file = this->file_of(place);
      if (file.read(scratch)) {
        ++reused;
        before += place.entries;
        continue;
      }
      if (file.exists()) ++damaged;
      missing.push_back(place);
    }
    TileReport report = store_detail::compute_tiles<Scalar>(
        evaluator, missing, before, options, "filling " + name,
        [&](const auto& place, const Matrix& tile) { this->file_of(place).write(tile); });
    report.reused = reused;
    report.damaged = damaged;
    report.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    return report;
  }

 private:
  /// A directory without header.txt may have what a run leaves that is killed at its very start.
  void require_own_files() const {
    namespace fs = std::filesystem;
    std::error_code error;
    std::string foreign;
    for (const auto& entry : fs::directory_iterator(this->directory(), error)) {
      const fs::path name = entry.path().filename();
      if (name != "lock" && name != "header.txt" && name.extension() != ".part" &&
          name.extension() != ".lock")
        foreign = name.string();
    }
    if (error) store_detail::fail("read", this->directory(), error.value());
    // In this order: another run may make the header meanwhile, and then tiles.
    if (!foreign.empty() && !fs::exists(this->directory() / "header.txt", error))
      throw DataError("'" + this->directory().string() +
                      "' is not a tile store (it has no header.txt, but holds " + detail::quote(foreign) +
                      "); choose a directory that is empty or does not exist");
  }

  Shard shard_;
  std::optional<store_detail::Locks> locks_;
};

}  // namespace SST_ABI
}  // namespace sst
