// SPDX-License-Identifier: MIT
#include "../../catch.hpp"
#include "../../folder.hpp"
#include "../../matrices.hpp"

#include <filesystem>
#include <fstream>

#include <Eigen/Core>

#include <sst/io/store/stored_kernel.hpp>
#include <sst/io/store/tile_store.hpp>
#include <sst/kernel/network_kernel.hpp>
#include <sst/kernel/own_kernel.hpp>
#include <sst/kernel/tiles.hpp>
#include <sst/plan/compile.hpp>
#include <sst/regression/model.hpp>
#include <sst/topology/families.hpp>

namespace stored_kernel_tests {

namespace {

namespace fs = std::filesystem;
using Catch::Matchers::Contains;
using Eigen::Index;
using Eigen::MatrixXd;
using sst_test::Folder;
using sst_test::same_bits;

const sst::Topology net = sst::sparse_shortcut(3, {.weight_std = 1.4, .bias_std = 0.1});

template <class Scalar>
void store(const fs::path& directory, const MatrixXd& x, Index tile) {
  const sst::Plan plan = sst::compile(net, sst::Kernel::ntk);
  const sst::GramTiles<Scalar> tiles(plan, sst::Kernel::ntk, x);
  sst::TileStore<Scalar>(directory, {.rows = x.rows(),
                                     .columns = x.rows(),
                                     .tile = tile,
                                     .data = "x",
                                     .topology = "net",
                                     .kernel = "ntk",
                                     .arithmetic = "double"})
      .fill(tiles);
}

MatrixXd indices(Index first, Index count) {
  return Eigen::VectorXd::LinSpaced(count, static_cast<double>(first),
                                    static_cast<double>(first + count - 1));
}

}  // namespace

TEST_CASE("a stored kernel is the kernel that was stored", "[io]") {
  std::srand(1);
  const Folder folder;
  const Index n = 90;
  const MatrixXd x = MatrixXd::Random(n, 4);
  for (const Index tile : {1, 7, 32, 200}) {
    const fs::path directory = folder.path / std::to_string(tile);
    store<double>(directory, x, tile);
    const auto k = sst::stored_kernel(directory);
    const auto whole = sst::precomputed_kernel(sst::StoredMatrix<double>(directory).assemble());
    MatrixXd some(6, 1);
    some << 89, 0, 33, 33, 31, 64;
    INFO("tiles of " << tile);
    CHECK(same_bits(k.matrix(indices(0, n)), whole.matrix(indices(0, n))));
    CHECK(same_bits(k.matrix(some, indices(10, 70)), whole.matrix(some, indices(10, 70))));
    CHECK(same_bits(k.diagonal(some), whole.diagonal(some)));
    CHECK(k.is_its_own_prior());
    CHECK_THAT(k.description(), Contains("ntk in the store"));
    CHECK((k.interface().in_float(some)->tiles()->row_variances() - whole.diagonal(some)).norm() < 1e-5);
  }
  store<float>(folder.path / "float", x, 16);
  const auto narrow = sst::stored_kernel(folder.path / "float");
  const MatrixXd wanted = sst::ntk(net).matrix(x);
  CHECK((narrow.matrix(indices(0, n)) - wanted).norm() <= 1e-6 * wanted.norm());
  CHECK(narrow.interface().epsilon() > 1e-8);
}

TEST_CASE("kernels on disk are solved without holding them", "[io]") {
  std::srand(2);
  const Folder folder;
  const Index n = 1200, known = 1100;
  const MatrixXd x = MatrixXd::Random(n, 4), y = MatrixXd::Random(known, 2);
  store<double>(folder.path / "k", x, 256);
  const auto k = sst::stored_kernel(folder.path / "k");
  const auto direct = sst::fit(sst::ntk(net), x.topRows(known), y, sst::Ridge::relative(1e-2));
  const auto model =
      sst::fit(k, indices(0, known), y, sst::Ridge::relative(1e-2),
               {.solver = sst::Solver::conjugate_gradients, .tolerance = 1e-9, .rank = 60, .memory = 2.4e7});
  INFO(model.report().sentence);
  CHECK(model.report().converged);
  const MatrixXd wanted = direct.predict(x.bottomRows(n - known));
  CHECK((model.predict(indices(known, n - known)) - wanted).norm() <= 1e-6 * wanted.norm());
}

TEST_CASE("what a stored kernel cannot give is an error", "[io]") {
  const Folder folder;
  const MatrixXd x = MatrixXd::Random(20, 4);
  CHECK_THROWS_AS(sst::stored_kernel(folder.path / "none"), sst::DataError);
  store<double>(folder.path / "k", x, 8);
  const auto k = sst::stored_kernel(folder.path / "k");
  CHECK_THROWS_WITH(k.matrix(indices(0, 21)), Contains("no index from 0 to 19"));
  CHECK_THROWS_WITH(k.matrix(MatrixXd::Constant(1, 1, 0.5)), Contains("sample 0"));
  CHECK_THROWS_WITH(k.matrix(MatrixXd::Zero(2, 3)), Contains("one index a row"));
  fs::remove(folder.path / "k" / "2-1.tile");
  CHECK(k.matrix(indices(0, 16)).rows() == 16);
  CHECK_THROWS_WITH(k.matrix(indices(0, 20)), Contains("row 16, column 8"));
  const sst::GramTiles<double> cross(sst::compile(net, sst::Kernel::ntk), sst::Kernel::ntk, x, x.topRows(3));
  sst::TileStore<double>(folder.path / "cross", {.rows = 20,
                                                 .columns = 3,
                                                 .symmetry = sst::TileSymmetry::general,
                                                 .tile = 8,
                                                 .data = "x",
                                                 .topology = "net",
                                                 .kernel = "ntk",
                                                 .arithmetic = "double"})
      .fill(cross);
  CHECK_THROWS_WITH(sst::stored_kernel(folder.path / "cross"), Contains("one data set with itself"));
}

}  // namespace stored_kernel_tests
