// SPDX-License-Identifier: MIT
#include "../catch.hpp"
#include "../folder.hpp"

#include <mutex>

#include <sst/io/npy.hpp>
#include <sst/io/npy_gram.hpp>
#include <sst/kernel/packed.hpp>
#include <sst/ntk.hpp>

namespace sinks_tests {

using Eigen::MatrixXd;

namespace {
const Eigen::Index n = 600;  // more than two tiles, the last one cut
MatrixXd data() {
  return MatrixXd::NullaryExpr(
      n, 3, [](Eigen::Index i, Eigen::Index j) { return std::sin(static_cast<double>(7 * i + 3 * j + 1)); });
}
sst::Plan plan() {
  return sst::compile(sst::residual(4, {.weight_std = 1.3, .bias_std = 0.2}), sst::Kernel::ntk);
}
}  // namespace

TEST_CASE("a packed kernel matrix is the lower triangle", "[kernel]") {
  const MatrixXd x = data(), k = sst::gram(plan(), sst::Kernel::ntk, x);
  const auto packed = sst::gram_packed(plan(), sst::Kernel::ntk, x);
  REQUIRE(packed.size() == n * (n + 1) / 2);
  bool same = true;
  for (Eigen::Index j = 0; j < n; ++j)
    for (Eigen::Index i = 0; i < n; ++i) same = same && packed(i, j) == k(i, j);
  CHECK(same);
  CHECK(packed.data()[0] == k(0, 0));
  CHECK(packed.data()[n] == k(1, 1));
  CHECK(sst::gram_packed<float>(plan(), sst::Kernel::nngp, x)(3, 500) ==
        sst::gram<float>(plan(), sst::Kernel::nngp, x)(3, 500));
  CHECK_THROWS_WITH(sst::PackedMatrix<double>(20'000'000), Catch::Contains("GiB are free"));
}

TEST_CASE("tiles go to a callback once each, and cover the matrix", "[kernel]") {
  const MatrixXd x = data(), y = data().topRows(300);
  const auto both = sst::gram(sst::residual(4, {.weight_std = 1.3, .bias_std = 0.2}), x);
  MatrixXd nngp = MatrixXd::Zero(n, n), ntk = nngp;
  std::mutex mutex;
  sst::for_each_tile(sst::GramTiles<double>(plan(), x), {sst::Kernel::nngp, sst::Kernel::ntk},
                     [&](const sst::GramTile<double>& tile) {
                       const std::lock_guard lock(mutex);
                       nngp.block(tile.row, tile.col, tile.rows, tile.cols) += tile.nngp();
                       ntk.block(tile.row, tile.col, tile.rows, tile.cols) += tile.ntk();
                     });
  const MatrixXd lower = both.ntk.triangularView<Eigen::Lower>();
  CHECK(MatrixXd(ntk.triangularView<Eigen::Lower>()) == lower);
  CHECK(MatrixXd(nngp.triangularView<Eigen::Lower>()) == MatrixXd(both.nngp.triangularView<Eigen::Lower>()));

  MatrixXd cross = MatrixXd::Zero(n, 300);
  sst::for_each_tile(sst::GramTiles<double>(plan(), x, y), {sst::Kernel::ntk},
                     [&](const sst::GramTile<double>& tile) {
                       const std::lock_guard lock(mutex);
                       cross.block(tile.row, tile.col, tile.rows, tile.cols) += tile.ntk();
                     });
  CHECK(cross == sst::gram(plan(), sst::Kernel::ntk, x, y));
  CHECK_THROWS_AS(sst::for_each_tile(sst::GramTiles<double>(plan(), x), {sst::Kernel::ntk},
                                     [](const auto&) { throw std::runtime_error("the sink is full"); }),
                  std::runtime_error);
}

TEST_CASE("any tile of a kernel matrix can be asked for", "[kernel]") {
  const MatrixXd x = data(), k = sst::gram(plan(), sst::Kernel::ntk, x);
  const sst::GramTiles<double> tiles(plan(), sst::Kernel::ntk, x);
  MatrixXd tile(37, 21);
  for (const auto& [row, col] : {std::pair{0, 0}, {100, 90}, {90, 100}, {563, 579}}) {
    tiles.evaluate(row, 37, col, 21, tile.data(), 37);
    CHECK((tile - k.block(row, col, 37, 21)).cwiseAbs().maxCoeff() < 1e-14 * k.maxCoeff());
  }
}

TEST_CASE("a tile that reaches beyond the matrix is refused", "[kernel]") {
  const MatrixXd x = data().topRows(5);
  const sst::GramTiles<double> tiles(plan(), sst::Kernel::ntk, x);
  MatrixXd out(3, 3);
  tiles.evaluate(2, 3, 2, 3, out.data(), 3);
  for (const Eigen::Index at : {3, -1, 1000, 100000000}) {
    CHECK_THROWS_WITH(tiles.evaluate(at, 3, 0, 3, out.data(), 3), Catch::Contains("beyond the 5 x 5 matrix"));
    CHECK_THROWS_WITH(tiles.evaluate(0, 3, at, 3, out.data(), 3), Catch::Contains("beyond the 5 x 5 matrix"));
  }
  CHECK_THROWS_AS(tiles.evaluate(0, -1, 0, 3, out.data(), 3), sst::Error);
}

TEST_CASE("a kernel matrix goes to an .npy file tile by tile", "[kernel]") {
  const MatrixXd x = data(), y = data().topRows(300);
  const sst_test::Folder folder;
  const auto path = folder.path / "gram.npy";
  sst::write_gram_npy(path, sst::GramTiles<double>(plan(), x), sst::Kernel::ntk);
  CHECK(sst::read_npy_matrix(path) == sst::gram(plan(), sst::Kernel::ntk, x));
  sst::write_gram_npy(path, sst::GramTiles<float>(plan(), y, x), sst::Kernel::nngp);
  CHECK(sst::read_npy_matrix(path).cast<float>() == sst::gram<float>(plan(), sst::Kernel::nngp, y, x));
  // What is cancelled leaves the old file and nothing beside it.
  const MatrixXd before = sst::read_npy_matrix(path);
  CHECK_THROWS_AS(sst::write_gram_npy(path, sst::GramTiles<double>(plan(), x), sst::Kernel::ntk,
                                      {.progress = [](double) { return false; }}),
                  sst::Cancelled);
  CHECK(sst::read_npy_matrix(path) == before);
  CHECK(folder.entries() == 1);
  CHECK_THROWS_WITH(
      sst::write_gram_npy("/no/such/folder/k.npy", sst::GramTiles<double>(plan(), y), sst::Kernel::ntk),
      Catch::Contains("cannot write"));
}

}  // namespace sinks_tests
