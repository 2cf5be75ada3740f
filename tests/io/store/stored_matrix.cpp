// SPDX-License-Identifier: MIT

#include <filesystem>
#include <string>

#include <sst/io/npy.hpp>
#include <sst/io/store/stored_matrix.hpp>
#include <sst/io/store/tile_store.hpp>

#include "../../catch.hpp"
#include "../../folder.hpp"
#include "../../matrices.hpp"

namespace stored_matrix_tests {

namespace {

namespace fs = std::filesystem;
using Catch::Matchers::Contains;
using Eigen::Index;
using sst_test::content;
using sst_test::Folder;

/// Rectangles of a matrix that is there.
struct Tiles {
  Eigen::MatrixXd k;
  Index rows() const { return k.rows(); }
  Index cols() const { return k.cols(); }
  template <class Scalar>
  void evaluate(Index row0, Index rows, Index col0, Index cols, Scalar* out, Index stride) const {
    for (Index j = 0; j < cols; ++j)
      for (Index i = 0; i < rows; ++i) out[j * stride + i] = static_cast<Scalar>(k(row0 + i, col0 + j));
  }
};

Tiles symmetric(Index n) {
  const Eigen::MatrixXd a = sst_test::normal(n, n, 1);
  return {a + a.transpose()};
}

sst::TileStoreHeader header(const Tiles& tiles, Index tile, sst::TileSymmetry symmetry) {
  return {.rows = tiles.rows(),
          .columns = tiles.cols(),
          .symmetry = symmetry,
          .tile = tile,
          .data = "0123456789abcdef",
          .topology = "{}",
          .kernel = "nngp",
          .arithmetic = "float"};
}

}  // namespace

TEST_CASE("a store says what it holds, and gives its tiles by their numbers", "[io]") {
  const Folder folder;
  const Tiles tiles{sst_test::normal(11, 7, 2)};
  const auto made = header(tiles, 4, sst::TileSymmetry::general);
  sst::TileStore<float>(folder.path / "k", made).fill(tiles);
  const sst::FoundStore found = sst::read_store_header(folder.path / "k");
  CHECK(found.scalar == "float32");
  CHECK(found.version == sst::store_detail::own_version());
  CHECK(sst::store_detail::to_text(sst::store_detail::fields(found.header, found.scalar)) ==
        content(folder.path / "k" / "header.txt"));

  const sst::StoredMatrix<float> stored(folder.path / "k");
  REQUIRE(stored.tiles() == 6);
  Eigen::MatrixXf tile, whole = Eigen::MatrixXf::Zero(11, 7);
  for (Index k = 0; k < 6; ++k) {
    CHECK(stored.has(k));
    stored.read(k, tile);
    const sst::TilePlace& at = stored.place(k);
    CHECK(stored.number(at.row / 4, at.column / 4) == k);
    whole.block(at.row, at.column, at.rows, at.columns) += tile;
  }
  CHECK(whole == tiles.k.cast<float>());
  CHECK(stored.assemble() == whole);
  CHECK(stored.assemble<double>() == whole.cast<double>());
  stored.write_npy(folder.path / "k.npy");
  CHECK(sst::read_npy_matrix(folder.path / "k.npy").cast<float>() == whole);
  CHECK_THROWS_WITH(sst::StoredMatrix<double>(folder.path / "k"),
                    Contains("holds float32, not float64; read it as what it is"));
}

TEST_CASE("a reader changes nothing, and says what is missing", "[io][error]") {
  const Folder folder;
  const fs::path k = folder.path / "k";
  const Tiles tiles = symmetric(9);
  { sst::TileStore<double>(k, header(tiles, 4, sst::TileSymmetry::symmetric), {1, 2}).fill(tiles); }
  const auto entries = std::distance(fs::directory_iterator(k), fs::directory_iterator());
  const sst::StoredMatrix<double> stored(k);
  Index there = 0;
  for (Index t = 0; t < stored.tiles(); ++t) there += stored.has(t);
  CHECK(there == 3);
  CHECK_THROWS_WITH(stored.assemble(), Contains("has no valid tile at row 0, column 0 (it was not computed"));
  { sst::TileStore<double>(k, stored.header(), {2, 2}).fill(tiles); }
  CHECK(stored.assemble() == tiles.k);  // the same reader, now that they are there
  CHECK(std::distance(fs::directory_iterator(k), fs::directory_iterator()) == entries + 3 + 1);

  int asked = 0;
  const sst::Execution twice{.progress = [&](double) { return ++asked < 2; }};
  CHECK_THROWS_AS(stored.assemble(twice), sst::Cancelled);
  CHECK(asked == 2);
  asked = 0;
  CHECK_THROWS_AS(stored.write_npy(folder.path / "k.npy", twice), sst::Cancelled);
  CHECK(asked == 2);
  CHECK_FALSE(fs::exists(folder.path / "k.npy"));
}

TEST_CASE("stores of other versions are read, and never filled", "[io]") {
  const Folder folder;
  const fs::path k = folder.path / "k";
  const Tiles tiles = symmetric(5);
  const auto made = header(tiles, 3, sst::TileSymmetry::symmetric);
  { sst::TileStore<double>(k, made).fill(tiles); }
  const std::string older = sst::store_detail::to_text(sst::store_detail::fields(made, "float64", "0.0.7"));
  const std::uint64_t identity = sst::Fingerprint().add(older).value();
  for (const auto& place : sst::store_detail::places(5, 5, made.symmetry, 3))
    sst::store_detail::TileFile<double>(
        k / (std::to_string(place.row / 3) + "-" + std::to_string(place.column / 3) + ".tile"), identity,
        place)
        .write(tiles.k.block(place.row, place.column, place.rows, place.columns));
  CHECK_THROWS_WITH(sst::StoredMatrix<double>(k).assemble(), Contains("no valid tile at row 0, column 0"));
  folder.write("k/header.txt", older);
  CHECK(sst::StoredMatrix<double>(k).assemble() == tiles.k);
  CHECK(sst::read_store_header(k).version == "0.0.7");
  CHECK_THROWS_WITH(sst::TileStore<double>(k, made), Contains("another version of the library ('0.0.7'"));
}

TEST_CASE("folders that hold no store that can be read", "[io][error]") {
  const Folder folder;
  CHECK_THROWS_WITH(sst::read_store_header(folder.path / "none"), Contains("none' is no tile store"));
  CHECK_THROWS_WITH(sst::read_store_header(folder.path), Contains("it has no header.txt"));
  const Tiles tiles = symmetric(5);
  { sst::TileStore<double> made(folder.path / "k", header(tiles, 3, sst::TileSymmetry::symmetric)); }
  const std::string good = content(folder.path / "k" / "header.txt");
  for (std::size_t length = 0; length < good.size(); ++length) {
    folder.write("k/header.txt", good.substr(0, length));
    CHECK_THROWS_AS(sst::read_store_header(folder.path / "k"), sst::DataError);
  }
  const auto refuse = [&](const std::string& from, const std::string& to, const std::string& text) {
    std::string bad = good;
    bad.replace(bad.find(from), from.size(), to);
    folder.write("k/header.txt", bad);
    CHECK_THROWS_WITH(sst::read_store_header(folder.path / "k"), Contains(text));
  };
  refuse("tile_store: 1", "tile_store: 2", "another format ('2', not '1')");
  refuse("rows: 5", "rows: -5", "-5 rows");
  refuse("rows: 5", "rows: 05", "a value that no store has");
  refuse("rows: 5", "rows: 99999999999999999999", "a value that no store has");
  refuse("rows: 5", "rows: 6", "a symmetric matrix of 6 x 5");
  for (const char* many : {"1073741825", "1000000000000", "9223372036854775807"})
    refuse("rows: 5", "rows: " + std::string(many), "give one or more of each, and 2^30 at most");
  refuse("tile: 3", "tile: 0", "tiles of 0 rows");
  refuse("symmetric", "hermitian", "a value that no store has");
  refuse("float64", "float16", "a value that no store has");
  refuse("columns", "rows", "has no 'columns' where it should be");
  // Sizes that nobody has memory for are an error before it is taken, and none overflows.
  std::string vast = good;
  for (const char* extent : {"rows: 5", "columns: 5"})
    vast.replace(vast.find(extent), std::string(extent).size(),
                 std::string(extent).substr(0, std::string(extent).size() - 1) + "1073741824");
  vast.replace(vast.find("tile: 3"), 7, "tile: 1");
  folder.write("k/header.txt", vast);
  CHECK_THROWS_WITH(sst::StoredMatrix<double>(folder.path / "k"),
                    Contains("a list of 5.76461e+17 tiles takes") && Contains("make tiles larger"));
  vast.replace(vast.find("tile: 1\n"), 8, "tile: 9223372036854775807\n");
  folder.write("k/header.txt", vast);
  CHECK_THROWS_WITH(sst::StoredMatrix<double>(folder.path / "k").assemble(), Contains("GiB are free"));
  folder.write("k/header.txt", good + "more\n");
  CHECK_THROWS_WITH(sst::read_store_header(folder.path / "k"), Contains("goes on after its end"));
  folder.write("k/header.txt", good);
  CHECK(sst::read_store_header(folder.path / "k").header.rows == 5);
}

}  // namespace stored_matrix_tests
