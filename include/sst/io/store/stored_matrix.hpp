// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <ostream>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <Eigen/Core>

#include <sst/base/execution.hpp>
#include <sst/base/fingerprint.hpp>
#include <sst/base/memory.hpp>
#include <sst/base/output_file.hpp>
#include <sst/base/progress.hpp>
#include <sst/error.hpp>
#include <sst/io/npy.hpp>
#include <sst/io/store/compute.hpp>
#include <sst/io/store/header.hpp>
#include <sst/io/store/shard.hpp>
#include <sst/io/store/tile_file.hpp>
#include <sst/version.hpp>

namespace sst {
inline namespace SST_ABI {

/// A matrix in a tile store, to be read, by tiles or as a whole.
///
/// \code
/// const sst::StoredMatrix<double> stored("gram");
/// Eigen::MatrixXd gram = stored.assemble();  // or stored.write_npy("gram.npy"), or tile by tile
/// \endcode
/// It takes no lock and writes nothing: a finished tile never changes, so that any number of processes can
/// read, also while others fill the store, and from a disk that is read-only.
template <class Scalar>
class StoredMatrix {
  static_assert(std::is_same_v<Scalar, float> || std::is_same_v<Scalar, double>,
                "a tile store holds float or double");

 public:
  /// Of rows, columns and tiles.
  using Index = Eigen::Index;
  /// A tile: rows x columns.
  using Matrix = Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic>;

  /// Opens a store whatever it holds, of any version of the library; read_store_header tells its scalar type
  /// before. Throws DataError for a directory that is no store, a damaged header, and entries of another
  /// type.
  explicit StoredMatrix(const std::filesystem::path& directory)
      : StoredMatrix(directory, read_store_header(directory)) {}

  /// The folder.
  const std::filesystem::path& directory() const { return directory_; }
  /// What the store holds.
  const TileStoreHeader& header() const { return header_; }
  /// Of how many tiles the whole matrix is made.
  Index tiles() const { return static_cast<Index>(places_.size()); }
  /// Where tile k lies, k from 0 to tiles() - 1: column after column; of a symmetric matrix the lower ones
  /// alone.
  const TilePlace& place(Index k) const { return places_[static_cast<std::size_t>(k)]; }
  /// The number of the tile in this row and column of tiles, of a symmetric matrix a lower one: see `place`.
  Index number(Index tile_row, Index tile_column) const {
    const Index below = (header_.rows + header_.tile - 1) / header_.tile;
    const Index missing = symmetric() ? tile_column * (tile_column + 1) / 2 : 0;  // above the diagonal
    return tile_column * below - missing + tile_row;
  }
  /// The tiles of a shard, by their numbers: they are dealt one by one, those with most entries first, so
  /// that the work of any two shards differs by one tile at most.
  std::vector<Index> tiles_of(const Shard& shard) const {
    std::vector<Index> all(places_.size()), out;
    for (Index k = 0; k < tiles(); ++k) all[static_cast<std::size_t>(k)] = k;
    std::sort(all.begin(), all.end(), [&](Index a, Index b) {
      return place(a).entries > place(b).entries || (place(a).entries == place(b).entries && a < b);
    });
    for (auto at = static_cast<std::size_t>(shard.number - 1); at < all.size();
         at += static_cast<std::size_t>(shard.of))
      out.push_back(all[at]);
    std::sort(out.begin(), out.end());
    return out;
  }

  /// Whether tile k is there, by the size of its file: what is in it is checked when it is read.
  bool has(Index k) const { return file_of(place(k)).is_whole(); }
  /// Reads tile k. Of one on the diagonal of a symmetric matrix the lower triangle counts. Throws DataError,
  /// with its place, for one that is missing or damaged.
  void read(Index k, Matrix& tile) const {
    const TilePlace& at = place(k);
    if (!file_of(at).read(tile))
      throw DataError("the store '" + directory_.string() + "' has no valid tile at row " +
                      std::to_string(at.row) + ", column " + std::to_string(at.column) +
                      " (it was not computed yet, or is damaged); fill the store first");
  }

  /// The whole matrix, its entries as they are stored or as Entry: double of float, without both in memory.
  /// Throws DataError, with its place, for a tile that is missing or damaged; Error when the matrix does not
  /// fit into memory; Cancelled.
  template <class Entry = Scalar>
  Eigen::Matrix<Entry, Eigen::Dynamic, Eigen::Dynamic> assemble(const Execution& execution = {}) const {
    require_memory(static_cast<double>(header_.rows) * static_cast<double>(header_.columns) * sizeof(Entry),
                   "a matrix of " + std::to_string(header_.rows) + " x " + std::to_string(header_.columns));
    Eigen::Matrix<Entry, Eigen::Dynamic, Eigen::Dynamic> out(header_.rows, header_.columns);
    Matrix tile;
    detail::Counter counter(execution.progress, static_cast<double>(tiles()), "reading a store");
    for (Index k = 0; k < tiles(); ++k) {
      read(k, tile);
      store_detail::place_tile(place(k), tile, header_.symmetry, out);
      counter.add();
    }
    return out;
  }

  /// The same as an NPY file of two dimensions (Fortran order), with no more memory than a row of tiles.
  /// Throws DataError, Cancelled.
  void write_npy(const std::filesystem::path& path, const Execution& execution = {}) const {
    detail::Counter counter(execution.progress, static_cast<double>(header_.columns), "reading a store");
    detail::write_file(path, [&](std::ostream& out) {
      out << detail::npy_header<Scalar>(header_.rows, header_.columns, false);
      Matrix panel, tile;
      for (Index column = 0; column < header_.columns; column += header_.tile) {
        panel.resize(header_.rows, std::min(header_.tile, header_.columns - column));
        for (Index row = 0; row < header_.rows; row += header_.tile) {
          const bool mirrored = symmetric() && row < column;
          const Index along = row / header_.tile, across = column / header_.tile;
          read(mirrored ? number(across, along) : number(along, across), tile);
          if (symmetric() && row == column)
            tile.template triangularView<Eigen::StrictlyUpper>() = tile.transpose();
          if (mirrored)
            panel.middleRows(row, tile.cols()) = tile.transpose();
          else
            panel.middleRows(row, tile.rows()) = tile;
        }
        out.write(reinterpret_cast<const char*>(panel.data()),
                  static_cast<std::streamsize>(static_cast<std::size_t>(panel.size()) * sizeof(Scalar)));
        counter.add(static_cast<double>(panel.cols()));
      }
    });
  }

 protected:
  /// Of a store that may not be there yet, whose header.txt has these fields.
  StoredMatrix(std::filesystem::path directory, TileStoreHeader header,
               const std::vector<store_detail::Field>& fields)
      : directory_(std::move(directory)),
        header_(std::move(header)),
        identity_(Fingerprint().add(store_detail::to_text(fields)).value()) {
    store_detail::validate(header_);
    places_ = store_detail::places(header_.rows, header_.columns, header_.symmetry, header_.tile);
  }

  /// The file of a tile.
  store_detail::TileFile<Scalar> file_of(const TilePlace& place) const {
    const std::string name = std::to_string(place.row / header_.tile) + "-" +
                             std::to_string(place.column / header_.tile) + ".tile";
    return {directory_ / name, identity_, place};
  }

 private:
  StoredMatrix(const std::filesystem::path& directory, const FoundStore& found)
      : StoredMatrix(directory, found.header,
                     store_detail::fields(found.header, found.scalar, found.version)) {
    if (found.scalar != store_detail::scalar_name<Scalar>())
      throw DataError("the store '" + directory.string() + "' holds " + found.scalar + ", not " +
                      store_detail::scalar_name<Scalar>() + "; read it as what it is");
  }
  bool symmetric() const { return header_.symmetry == TileSymmetry::symmetric; }

  std::filesystem::path directory_;
  TileStoreHeader header_;
  std::uint64_t identity_ = 0;
  std::vector<TilePlace> places_;
};

}  // namespace SST_ABI
}  // namespace sst
