// SPDX-License-Identifier: MIT
// A tile store: settings (size, tile, symmetry), header.txt, and the tiles' files in the order of their
// places. Lowest bit of the first byte: header.txt is the right one; second bit: so are the start and the
// hash of each tile, since no fuzzer guesses them.
#include "fuzz.hpp"

#include <algorithm>
#include <string>

#include <sst/io/store/tile_store.hpp>

namespace {

struct Ones {
  Eigen::Index rows_, columns_;
  Eigen::Index rows() const { return rows_; }
  Eigen::Index cols() const { return columns_; }
  void evaluate(Eigen::Index, Eigen::Index rows, Eigen::Index, Eigen::Index columns, double* out,
                Eigen::Index stride) const {
    Eigen::Map<Eigen::MatrixXd, 0, Eigen::OuterStride<>>(out, rows, columns, Eigen::OuterStride<>(stride))
        .setOnes();
  }
};

/// The bytes as the entries of a tile with the right start and hash.
void write_tile(const std::filesystem::path& path, std::uint64_t identity, const sst::TilePlace& place,
                std::string_view bytes) {
  Eigen::MatrixXd tile = Eigen::MatrixXd::Zero(place.rows, place.columns);
  std::memcpy(tile.data(), bytes.data(),
              std::min(bytes.size(), static_cast<std::size_t>(tile.size()) * sizeof(double)));
  sst::store_detail::TileFile<double>(path, identity, place).write(tile);
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace fs = std::filesystem;
  const fuzz::Stopwatch stopwatch;
  const fs::path folder = fuzz::folder() / "store";
  fs::remove_all(folder);
  fs::create_directories(folder);
  fuzz::Parts parts(data, size);
  const unsigned choice = parts.byte();
  const auto symmetry = (choice & 4U) != 0 ? sst::TileSymmetry::general : sst::TileSymmetry::symmetric;
  // Sizes from -1: what makes no sense is part of it, large ones are not.
  sst::TileStoreHeader header;
  header.rows = parts.byte() % 10 - 1;
  header.columns = (choice & 8U) != 0 ? parts.byte() % 10 - 1 : header.rows;
  header.tile = parts.byte() % 6 - 1;
  header.symmetry = symmetry;
  header.kernel = "ntk";
  header.arithmetic = "double";
  header.data = std::string(parts.next());
  header.topology = std::string(parts.next());
  const std::string right = sst::store_detail::to_text(sst::store_detail::fields(header, "float64"));
  const std::string_view found = parts.next();
  if ((choice & 1U) != 0)
    fuzz::write(folder / "header.txt", right);
  else if (!found.empty())
    fuzz::write(folder / "header.txt", found);

  bool sealed = false, damaged = false;
  if (fuzz::succeeds([&] { sst::store_detail::validate(header); })) {
    const std::uint64_t identity = sst::Fingerprint().add(right).value();
    for (const auto& place : sst::store_detail::places(header.rows, header.columns, symmetry, header.tile)) {
      const std::string_view bytes = parts.next();
      if (bytes.empty()) continue;
      const auto path = folder / (std::to_string(place.row / header.tile) + "-" +
                                  std::to_string(place.column / header.tile) + ".tile");
      if ((choice & 2U) != 0) {
        write_tile(path, identity, place, bytes);
        sealed = true;
      } else {
        fuzz::write(path, bytes);
        damaged = true;
      }
    }
  }

  const auto copy = fuzz::folder() / "copy.npy";
  fuzz::succeeds([&] {  // whatever header there is
    const sst::TileStoreHeader found = sst::read_store_header(folder).header;
    if (found.rows > 1000 || found.columns > 1000) return;  // a list of tiles may take what memory there is
    const sst::StoredMatrix<double> stored(folder);
    fuzz::succeeds([&] { stored.assemble(); });
  });
  fuzz::succeeds([&] {
    sst::TileStore<double> store(folder, header);
    fuzz::succeeds([&] { store.assemble(); });
    fuzz::succeeds([&] { store.write_npy(copy); });
    const auto report = store.fill(Ones{header.rows, header.columns}, {.threads = 1});
    fuzz::require(report.computed + report.reused == store.tiles(), "a filled store has all tiles");
    fuzz::require(report.damaged == 0 || damaged, "a tile with the right hash is not damaged");
    fuzz::require(report.reused == 0 || sealed, "a tile with a wrong hash is not used");
    const Eigen::MatrixXd matrix = store.assemble();
    if (report.reused == 0) fuzz::require((matrix.array() == 1).all(), "a store holds what was computed");
    store.write_npy(copy);
    const sst::NpyArray written = sst::read_npy(copy);
    fuzz::require(written.values.size() == static_cast<std::size_t>(matrix.size()),
                  "the NPY file has the matrix's size");
    Eigen::MatrixXd again(matrix.rows(), matrix.cols());
    for (Eigen::Index i = 0; i < matrix.size(); ++i)
      again(i / matrix.cols(), i % matrix.cols()) = written.values[static_cast<std::size_t>(i)];
    fuzz::require(fuzz::same_bits(again, matrix), "the NPY file is the matrix");
    fuzz::require(store.fill(Ones{header.rows, header.columns}, {.threads = 1}).computed == 0,
                  "a full store computes nothing");
  });
  return 0;
}
