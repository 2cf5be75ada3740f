// SPDX-License-Identifier: MIT
//
// The matrices: symmetry, tiles, threads, scalars, hard images, errors.
#include <string>
#include <type_traits>
#include <utility>

#include <Eigen/Core>
#include <Eigen/Eigenvalues>

#include <sst/kernel/image_gram.hpp>
#include <sst/topology/spatial_families.hpp>

#include "../catch.hpp"
#include "../images.hpp"

namespace tiles_tests {

namespace {

using sst::ImageShape;
using sst::Kernel;
using sst::Node;

constexpr ImageShape shape{4, 6, 3};

Eigen::MatrixXd images(Eigen::Index count, const ImageShape& size = shape) {
  return sst_test::images(count, size);
}

sst::Topology pooled() {
  return sst::trace([](Node x) {
    const auto h = relu(avg_pool(conv(x, {.weight_std = 1.4, .bias_std = 0.1})));
    return dense(global_avg_pool(relu(conv(h, {.strides = {1, 2}}))));
  });
}

}  // namespace

TEST_CASE("images: matrices are symmetric, and the same to the bit on any number of threads", "[kernel]") {
  const Eigen::MatrixXd x = images(21);
  for (const auto& net : {sst::conv_residual(3), pooled()}) {
    const auto one = sst::gram(net, shape, x, {.threads = 1}),
               three = sst::gram(net, shape, x, {.threads = 3});
    CHECK(one.nngp == one.nngp.transpose());
    CHECK(one.ntk == one.ntk.transpose());
    CHECK(one.nngp == three.nngp);
    CHECK(one.ntk == three.ntk);
    CHECK(sst::gram(net, Kernel::nngp, shape, x).isApprox(one.nngp, 1e-14));
    const auto cross = sst::gram(net, shape, x.topRows(5), x);
    CHECK(cross.ntk.isApprox(one.ntk.topRows(5), 1e-13));
    CHECK(sst::gram<float>(net, shape, x).ntk.cast<double>().isApprox(one.ntk, 1e-5));
    const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> eigen(one.ntk);
    CHECK(eigen.eigenvalues().minCoeff() > -1e-12 * one.ntk.norm());
  }
}

TEST_CASE("images: any tile has the entries of the matrix, to the bit", "[kernel]") {
  const Eigen::MatrixXd x = images(19);
  const auto net = pooled();
  const Eigen::MatrixXd whole = sst::gram(net, Kernel::ntk, shape, x);
  const sst::ImageTiles<double> tiles(net, Kernel::ntk, shape, x);
  CHECK(tiles.rows() == 19);
  CHECK(tiles.cols() == 19);
  const std::size_t rectangles[][4] = {{0, 19, 0, 19}, {3, 5, 7, 9},  {7, 9, 3, 5},
                                       {0, 4, 10, 9},  {10, 9, 0, 4}, {18, 1, 18, 1}};
  for (const auto& [row, rows, col, cols] : rectangles) {
    Eigen::MatrixXd out = Eigen::MatrixXd::Constant(30, static_cast<Eigen::Index>(cols), -1);
    tiles.evaluate(row, rows, col, cols, out.data(), 30);
    const auto at = [](std::size_t k) { return static_cast<Eigen::Index>(k); };
    CHECK(out.topRows(at(rows)) == whole.block(at(row), at(col), at(rows), at(cols)));
    CHECK((out.bottomRows(30 - at(rows)).array() == -1).all());
  }
  CHECK_THROWS_WITH(tiles.evaluate(10, 10, 0, 1, nullptr, 10), Catch::Contains("beyond the 19 x 19"));
  CHECK(tiles.parallel());
  CHECK_FALSE(sst::ImageTiles<double>(net, Kernel::ntk, shape, x, 1).parallel());
}

// A temporary would be gone before the first tile.
template <class... X>
constexpr bool made_of =
    std::is_constructible_v<sst::ImageTiles<double>, const sst::Topology&, Kernel, const ImageShape&, X...>;
using Temporary = decltype(std::declval<Eigen::MatrixXd>().topRows(1));
static_assert(made_of<const Eigen::MatrixXd&> && made_of<Eigen::MatrixXd&, const Eigen::MatrixXd&, int>);
static_assert(!made_of<Eigen::MatrixXd> && !made_of<Temporary> && !made_of<Temporary, Eigen::MatrixXd&> &&
              !made_of<Eigen::MatrixXd&, Temporary> && !made_of<Temporary, Temporary>);

TEST_CASE("images: the memory of a rectangle is that of all threads that work on it", "[kernel]") {
  const Eigen::MatrixXd x = images(8);
  const auto bytes = [&](int threads, std::size_t side) {
    return sst::ImageTiles<double>(pooled(), Kernel::ntk, shape, x, threads).bytes(side, side);
  };
  CHECK(bytes(4, 1) == bytes(1, 1));  // one entry is one thread's
#ifdef _OPENMP
  const double one = bytes(1, 8), each = bytes(2, 8) - one;
  CHECK(each > 0);
  CHECK(bytes(5, 8) == Approx(one + 4 * each));
#endif
}

TEST_CASE("images: collinear, nearly equal, constant and black images keep their digits", "[kernel]") {
  const ImageShape size{5, 5, 1};
  Eigen::MatrixXd x = Eigen::MatrixXd::Zero(6, 25);
  x.row(0) = images(1, size);
  x.row(1) = 3 * x.row(0);
  x.row(2) = x.row(0) * 1e-30;
  x.row(3) = x.row(0);
  x(3, 7) += 1e-9;
  x.row(4).setConstant(0.3);  // all windows of one kind are collinear; row 5 is black
  for (const auto& net : {sst::conv_chain(8), sst::conv_chain(8, {.readout = sst::ImageReadout::flatten}),
                          sst::conv_residual(5), sst::conv_sparse_shortcut(5)}) {
    INFO(net.name());
    const auto check = [&](const auto& k, double tolerance) {
      for (const auto* matrix : {&k.nngp, &k.ntk}) {
        const double own = static_cast<double>((*matrix)(0, 0));
        CHECK(static_cast<double>((*matrix)(1, 0)) == Approx(3 * own).epsilon(tolerance));
        CHECK(static_cast<double>((*matrix)(1, 1)) == Approx(9 * own).epsilon(tolerance));
        CHECK(static_cast<double>((*matrix)(2, 0)) / 1e-30 == Approx(own).epsilon(tolerance));
        CHECK(static_cast<double>((*matrix)(3, 0)) == Approx(own).epsilon(1e-8 + tolerance));
        CHECK((*matrix)(4, 5) == 0);
        CHECK((*matrix)(5, 5) == 0);
      }
    };
    check(sst::gram(net, size, x), 1e-13);
    check(sst::gram<float>(net, size, x), 4e-6);
    check(sst::gram<double, float>(net, size, x), 4e-6);
  }
}

TEST_CASE("images: progress, cancelling, and what cannot be computed", "[kernel]") {
  const Eigen::MatrixXd x = images(9);
  const auto net = pooled();
  double last = 0;
  sst::gram(net, shape, x, {.threads = 1, .progress = [&](double done) {
                              CHECK(done >= last);
                              last = done;
                              return true;
                            }});
  CHECK(last == Approx(1));
  CHECK_THROWS_AS(sst::gram(net, shape, x, {.progress = [](double) { return false; }}), sst::Cancelled);

  CHECK_THROWS_WITH(sst::gram(net, ImageShape{4, 6, 2}, x),
                    Catch::Contains("72 columns") && Catch::Contains("4 x 6 x 2"));
  CHECK_THROWS_WITH(sst::gram(net, x), Catch::Contains("(conv)") && Catch::Contains("shape"));
  Eigen::MatrixXd bad = x;
  bad(3, 5) = std::nan("");
  CHECK_THROWS_WITH(sst::gram(net, shape, bad), Catch::Contains("row 3, column 5"));
  CHECK_THROWS_WITH(sst::gram(net, shape, 1e200 * x), Catch::Contains("overflow"));

  const auto refuses = [&](auto network, const std::string& node, const std::string& why) {
    CHECK_THROWS_WITH(sst::gram(sst::trace(network), shape, x),
                      Catch::Contains(node) && Catch::Contains(why));
  };
  refuses([](Node y) { return conv(y).named("c"); }, "node 'c' (conv)", "4 x 6 positions");
  refuses(
      [](Node y) {
        return dense(flatten(conv(y, {.window = {5, 1}, .padding = sst::Padding::valid}).named("c")));
      },
      "node 'c' (conv)", "does not fit into the 4 x 6");
  refuses(
      [](Node y) {
        return dense(flatten((conv(y) + conv(y, {.strides = {2, 2}})).named("s")));
      },
      "node 's' (sum)", "2 x 3");
  refuses([](Node y) { return dense(conv(flatten(y).named("f")).named("c")); }, "node 'c' (conv)",
          "'f' is flattened");
  refuses([](Node y) { return dense(flatten(relu(avg_pool(relu(conv(y))).named("p")).named("a"))); },
          "node 'a' (relu)", "'p' is not Gaussian");
  refuses(
      [](Node y) {
        const auto h = dense(global_avg_pool(relu(dense(conv(y), {1, 0, "W"}))), {1, 0, "W"});
        return h.named("y");
      },
      "node 'y' (dense)", "shares");
}

}  // namespace tiles_tests
