// SPDX-License-Identifier: MIT
#include <cmath>
#include <vector>

#include <Eigen/SparseCore>

#include <sst/kernel/gram.hpp>
#include <sst/kernel/image_gram.hpp>
#include <sst/kernel/network_kernel.hpp>
#include <sst/kernel/own_kernel.hpp>
#include <sst/testing/kernel.hpp>
#include <sst/topology/families.hpp>
#include <sst/topology/node.hpp>

#include "../catch.hpp"
#include "../matrices.hpp"

namespace kernel_function_tests {

using Catch::Matchers::Contains;
using Eigen::MatrixXd;
using sst_test::uniform;

namespace {

const sst::ImageShape shape{.height = 3, .width = 2, .channels = 2};
const sst::Topology net = sst::sparse_shortcut(4, {.weight_std = 1.5, .bias_std = 0.05});
const sst::Topology pooled = sst::trace(
    [](sst::Node x) { return dense(global_avg_pool(relu(conv(x, {.weight_std = 1.4, .bias_std = 0.1})))); });
const sst::Topology normed = sst::trace([](sst::Node x) { return dense(relu(layer_norm(dense(x)))); });

sst::KernelFunction laplace() {
  return sst::kernel_function("laplace",
                              [](const auto& a, const auto& b) { return std::exp(-(a - b).norm() / 3); });
}

/// Kernels of every kind, on rows of twelve numbers.
std::vector<sst::KernelFunction> every_kind() {
  return {sst::ntk(net),
          sst::nngp(net),
          sst::ntk(net, {.precision = sst::Precision::in_float}),
          sst::ntk(pooled, shape),
          sst::nngp(pooled, shape),
          sst::ntk(normed),
          laplace(),
          0.5 * sst::ntk(net) + 2 * laplace() + sst::nngp(pooled, shape)};
}

}  // namespace

TEST_CASE("every kernel function keeps the laws of kernels", "[kernel]") {
  const MatrixXd few = uniform(24, 12, 1), tiles = uniform(300, 12, 1);
  MatrixXd bad = few;
  bad(3, 2) = std::nan("");
  for (const auto& k : every_kind()) {
    INFO(k.description());
    CHECK(sst::testing::violations(k, few) == std::vector<std::string>{});
    CHECK_THROWS_WITH(k.matrix(bad), Contains("row 3, column 2"));
  }
  for (const auto& k : {sst::ntk(net), 0.5 * sst::ntk(net) + 2 * laplace()})
    CHECK(sst::testing::violations(k, tiles) == std::vector<std::string>{});
}

TEST_CASE("tiles of images run in parallel themselves, in sums too", "[kernel]") {
  const MatrixXd few = uniform(4, 12, 1);
  for (const auto& k : {sst::ntk(pooled, shape), sst::ntk(net) + sst::ntk(pooled, shape)})
    CHECK(k.against(few).tiles()->parallel());
  for (const auto& k : {sst::ntk(net), sst::ntk(net) + laplace()})
    CHECK_FALSE(k.against(few).tiles()->parallel());
}

TEST_CASE("network kernels are those of gram, to the last bit", "[kernel]") {
  const MatrixXd x = uniform(310, 12, 3), a = uniform(20, 12, 4);
  const auto both = sst::gram(net, x);
  CHECK(sst::ntk(net).matrix(x) == both.ntk);
  CHECK(sst::nngp(net).matrix(x) == both.nngp);
  const MatrixXd few = x.topRows(25);
  CHECK(sst::ntk(pooled, shape).matrix(few) == sst::gram(pooled, shape, few).ntk);
  CHECK(sst::ntk(pooled, shape).matrix(a, few) == sst::gram(pooled, shape, a, few).ntk);
  // A row is an image of one position.
  CHECK(sst::ntk(normed).matrix(few) ==
        sst::gram(normed, sst::ImageShape{.height = 1, .width = 1, .channels = 12}, few).ntk);
  const auto network = sst::network_of(sst::ntk(pooled, shape));
  REQUIRE(network);
  CHECK((network->topology == pooled && network->kernel == sst::Kernel::ntk && network->shape));
  CHECK(sst::network_of(laplace()) == nullptr);
}

TEST_CASE("sums and multiples are what they say", "[kernel]") {
  const MatrixXd x = uniform(30, 12, 5), a = uniform(7, 12, 6);
  const auto first = sst::ntk(net), second = laplace();
  const auto mixed = 0.5 * first + 0.25 * (second + first * 2);
  CHECK((mixed.matrix(a, x) - first.matrix(a, x) - 0.25 * second.matrix(a, x)).norm() < 1e-13);
  CHECK((mixed.prior().matrix(x) - sst::nngp(net).matrix(x) - 0.25 * second.matrix(x)).norm() < 1e-12);
  CHECK_THAT(mixed.description(), Contains("laplace") && Contains("ntk of"));
  CHECK_THROWS_WITH(-1 * first, Contains("-1"));
  CHECK_THROWS_AS(0 * first, sst::Error);
  CHECK_THROWS_AS(std::nan("") * first, sst::Error);
}

TEST_CASE("functions of one's own: sparse rows, values that are none, matrices that are there", "[kernel]") {
  const MatrixXd x = (uniform(20, 12, 7).array() > 0.3).select(uniform(20, 12, 8), 0);
  const Eigen::SparseMatrix<double> sparse = x.sparseView();
  CHECK(laplace().matrix(sparse) == laplace().matrix(x));
  CHECK(laplace().matrix(sparse, x) == laplace().matrix(x, x));
  const auto broken =
      sst::kernel_function("broken", [](const auto& a, const auto& b) { return std::log(a[0] * b[0] - 9); });
  CHECK_THROWS_WITH(broken.matrix(x), Contains("finite values"));

  const MatrixXd k = sst::nngp(net).matrix(x);
  const auto there = sst::precomputed_kernel(k);
  CHECK(there.matrix(Eigen::VectorXd::LinSpaced(20, 0, 19)) == k);
  CHECK(there.matrix(Eigen::VectorXd::LinSpaced(3, 2, 4), Eigen::VectorXd::LinSpaced(5, 0, 4)) ==
        k.block(2, 0, 3, 5));
  CHECK_THROWS_WITH(there.matrix(Eigen::VectorXd::Constant(1, 20)), Contains("0 to 19"));
  CHECK_THROWS_WITH(there.matrix(Eigen::VectorXd::Constant(1, 0.5)), Contains("0 to 19"));
  CHECK_THROWS_WITH(sst::precomputed_kernel(k.leftCols(3)), Contains("20 x 3"));
  CHECK_THROWS_WITH(sst::ntk(pooled, shape).matrix(sparse), Contains("dense matrix"));
}

TEST_CASE("long work reports progress and can be cancelled", "[kernel]") {
  const MatrixXd x = uniform(600, 12, 9);
  for (const auto& k : {sst::ntk(net), laplace()}) {
    double last = 0;
    k.matrix(x, {.progress = [&](double done) { return done >= std::exchange(last, done); }});
    CHECK(last == 1);
    CHECK_THROWS_AS(k.matrix(x, {.progress = [](double) { return false; }}), sst::Cancelled);
  }
}

TEST_CASE("sparse rows list each column once, in ascending order", "[kernel]") {
  using Sparse = Eigen::SparseMatrix<double, Eigen::RowMajor>;
  const auto row = [](int first, int second) {
    Sparse x(1, 3);
    x.resizeNonZeros(2);
    x.outerIndexPtr()[1] = 2;
    x.innerIndexPtr()[0] = first, x.innerIndexPtr()[1] = second;
    x.valuePtr()[0] = 1, x.valuePtr()[1] = 2;
    return x;
  };
  const auto kernel = sst::nngp(sst::chain(2));
  CHECK(kernel.matrix(row(0, 2)).rows() == 1);
  CHECK_THROWS_WITH(kernel.matrix(row(2, 0)), Catch::Contains("row 0 lists column 0 after column 2"));
  CHECK_THROWS_WITH(kernel.matrix(row(1, 1)), Catch::Contains("row 0 lists column 1 after column 1"));
}

}  // namespace kernel_function_tests
