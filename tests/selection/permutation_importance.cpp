// SPDX-License-Identifier: MIT
#include <cstdint>
#include <vector>

#include <Eigen/Core>
#include <Eigen/SparseCore>

#include <sst/kernel/network_kernel.hpp>
#include <sst/regression/model.hpp>
#include <sst/selection/permutation_importance.hpp>
#include <sst/selection/split.hpp>
#include <sst/topology/families.hpp>

#include "../catch.hpp"
#include "../matrices.hpp"

namespace permutation_importance_tests {

using Catch::Matchers::Contains;
using Eigen::Index;
using Eigen::MatrixXd;
using sst_test::uniform;

namespace {

const sst::KernelFunction kernel = sst::ntk(sst::chain(2, {.weight_std = 1.3, .bias_std = 0.3}));
const sst::Ridge ridge = sst::Ridge::relative(1e-2);

/// Two outputs, of which one depends on the first feature and the other on it and the second.
MatrixXd targets(const MatrixXd& x) {
  MatrixXd y(x.rows(), 2);
  y.col(0) = (2 * x.col(0)).array().sin();
  y.col(1) = x.col(0).array() * x.col(1).array();
  return y;
}

MatrixXd without_row(const MatrixXd& m, Index row) {
  MatrixXd out(m.rows() - 1, m.cols());
  out << m.topRows(row), m.bottomRows(m.rows() - row - 1);
  return out;
}

}  // namespace

TEST_CASE("importance is that of fits without each sample", "[selection]") {
  constexpr Index n = 23;
  const MatrixXd x = uniform(n, 4, 1), y = targets(x);
  const std::vector<std::vector<Index>> groups{{0}, {1, 3}};
  const auto found =
      sst::permutation_importance(kernel, x, y, ridge, {.groups = groups, .repeats = 2, .seed = 5});
  const double lambda = ridge.lambda_for(kernel.diagonal(x).mean());
  double plain = 0;
  Eigen::Array22d shuffled = Eigen::Array22d::Zero();  // group, repeat
  for (Index i = 0; i < n; ++i) {
    const auto model = sst::fit(kernel, without_row(x, i), without_row(y, i), sst::Ridge::absolute(lambda));
    plain += (model.predict(x.row(i)) - y.row(i)).squaredNorm() / (2 * n);
    for (std::size_t g = 0; g < 2; ++g)
      for (std::uint32_t r = 0; r < 2; ++r) {
        MatrixXd z = x.row(i);
        const Index other = sst::permutation(n, 5 + r + 1)[static_cast<std::size_t>(i)];
        for (const Index column : groups[g]) z(0, column) = x(other, column);
        shuffled(static_cast<Index>(g), r) += (model.predict(z) - y.row(i)).squaredNorm() / (2 * n);
      }
  }
  CHECK(found.rows == n);
  CHECK(found.error == Approx(plain).epsilon(1e-9));
  for (Index g = 0; g < 2; ++g) {
    CHECK(found.shuffled[g] == Approx(shuffled.row(g).mean()).epsilon(1e-9));
    CHECK(found.std[g] == Approx(std::abs(shuffled(g, 0) - shuffled(g, 1)) / std::sqrt(2.0)).epsilon(1e-7));
  }
}

TEST_CASE("features that matter are those whose loss costs", "[selection]") {
  const MatrixXd x = uniform(300, 5, 2), y = targets(x);
  const auto found = sst::permutation_importance(kernel, x, y, ridge);
  REQUIRE(found.shuffled.size() == 5);
  CHECK(found.shuffled[0] > 10 * found.error);
  CHECK(found.shuffled[1] > 3 * found.error);
  for (Index k = 2; k < 5; ++k) CHECK(found.shuffled[k] < 3 * found.error);
}

TEST_CASE("importance by sparse rows, after a transform, by a few rows, at any thread count", "[selection]") {
  const MatrixXd x = uniform(60, 4, 3), y = targets(x), turn = uniform(4, 3, 4);
  const sst::PermutationOptions options{.transform = turn, .repeats = 1, .rows = 40, .threads = 1};
  const auto found = sst::permutation_importance(kernel, x, y, ridge, options);
  CHECK(found.rows == 40);
  CHECK(found.std.isZero());
  sst::PermutationOptions three = options;
  three.threads = 3;
  const auto other =
      sst::permutation_importance(kernel, Eigen::SparseMatrix<double>(x.sparseView()), y, ridge, three);
  CHECK(sst_test::same_bits(found.shuffled, other.shuffled));
  // A transform of all columns alike: shuffling all features is shuffling all that the kernel sees.
  const std::vector<std::vector<Index>> all{{0, 1, 2, 3}}, all_seen{{0, 1, 2}};
  const auto before =
      sst::permutation_importance(kernel, x, y, ridge, {.groups = all, .transform = turn, .rows = 60});
  const auto after = sst::permutation_importance(kernel, MatrixXd(x * turn), y, ridge, {.groups = all_seen});
  CHECK(before.shuffled[0] == Approx(after.shuffled[0]));
}

TEST_CASE("shuffles end in time, and then are those that come first", "[selection]") {
  const MatrixXd x = uniform(60, 3, 6), y = targets(x);
  const auto all = sst::permutation_importance(kernel, x, y, ridge, {.repeats = 1});
  CHECK(all.repeats == 1);
  CHECK_FALSE(all.out_of_time);
  const auto some = sst::permutation_importance(kernel, x, y, ridge, {.repeats = 1000000, .seconds = 1e-9});
  CHECK(some.repeats == 1);
  CHECK(some.out_of_time);
  CHECK(sst_test::same_bits(some.shuffled, all.shuffled));
  CHECK(some.std.isZero());
  CHECK_THROWS_WITH(sst::permutation_importance(kernel, x, y, ridge, {.seconds = -1}),
                    Contains("limit of time"));
}

TEST_CASE("importance refuses what it cannot do", "[selection]") {
  const MatrixXd x = uniform(20, 3, 5), y = targets(x);
  const auto run = [&](const sst::PermutationOptions& options) {
    return sst::permutation_importance(kernel, x, y, ridge, options);
  };
  CHECK_THROWS_WITH(run({.groups = {{3}}}), Contains("column 3") && Contains("there are 3"));
  CHECK_THROWS_WITH(run({.repeats = 0}), Contains("at least one shuffle"));
  CHECK_THROWS_WITH(run({.transform = uniform(2, 2, 6)}), Contains("2 rows for 3 features"));
  CHECK_THROWS_AS(run({.progress = [](double done) { return done < 0.5; }}), sst::Cancelled);
  CHECK_THROWS_AS(sst::permutation_importance(kernel, MatrixXd::Ones(5, 2), MatrixXd::Ones(5, 1),
                                              sst::Ridge::absolute(0)),
                  sst::NotPositiveDefinite);
}

}  // namespace permutation_importance_tests
