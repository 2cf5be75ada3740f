// SPDX-License-Identifier: MIT
#include "../cancellable.hpp"
#include "../catch.hpp"
#include "../matrices.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <vector>

#include <Eigen/Core>
#include <Eigen/LU>

#include <sst/base/every.hpp>
#include <sst/kernel/gram.hpp>
#include <sst/kernel/network_kernel.hpp>
#include <sst/selection/complexity.hpp>
#include <sst/selection/ridge_path.hpp>
#include <sst/topology/families.hpp>

namespace ridge_path_tests {

using Catch::Matchers::Contains;
using Eigen::Index;
using Eigen::MatrixXd;
using sst::Criterion;
using sst::Ridge;
using sst_test::Wide;

namespace {

struct Problem {
  MatrixXd x, y, k;
  explicit Problem(Index n, int outputs = 2) {
    std::srand(11);
    x = MatrixXd::Random(n, 4);
    y = MatrixXd::Random(n, outputs);
    k = gram(sst::chain(3, {.bias_std = 0.5}), x).nngp;
  }
};

}  // namespace

TEST_CASE("the ridge path equals refits, determinants and traces in long double", "[selection]") {
  const Problem p(17);
  const Index n = p.y.rows();
  const auto ridges = sst::relative_ridges(1e-4, 10, 50);
  const sst::RidgePath path = ridge_path(sst::BandForm(p.k), p.y, ridges);
  REQUIRE(path.lambdas.size() == 50);
  for (Index r = 0; r < 50; r += 7) {
    const double lambda = path.lambdas[static_cast<std::size_t>(r)];
    CHECK(lambda == Approx(ridges[static_cast<std::size_t>(r)].value() * p.k.diagonal().mean()));
    Wide a = p.k.cast<long double>();
    a.diagonal().array() += static_cast<long double>(lambda);
    const Wide y = p.y.cast<long double>();
    // Leave-one-out by leaving one out.
    for (Index i = 0; i < n; ++i) {
      std::vector<Index> others;
      for (Index j = 0; j < n; ++j)
        if (j != i) others.push_back(j);
      const std::vector<Index> one{i};
      const Wide left = a(others, others), cross = a(one, others), rest = y(others, sst::every);
      const Wide expected = y.row(i) - cross * left.fullPivLu().solve(rest);
      const auto found = path.leave_one_out[static_cast<std::size_t>(r)].row(i).cast<long double>();
      CHECK((found - expected).cwiseAbs().maxCoeff() < 1e-9L * expected.cwiseAbs().maxCoeff());
    }
    const Wide hat = p.k.cast<long double>() * a.fullPivLu().inverse(), id = Wide::Identity(n, n);
    const long double trace = (id - hat).trace();
    CHECK(path.effective_dimension[r] == Approx(static_cast<double>(hat.trace())).epsilon(1e-10));
    for (Index o = 0; o < 2; ++o) {
      const long double residual = ((id - hat) * y.col(o)).squaredNorm();
      CHECK(path.gcv(r, o) ==
            Approx(static_cast<double>(static_cast<long double>(n) * residual / (trace * trace)))
                .epsilon(1e-9));
      const long double quadratic = y.col(o).dot(Wide(a.fullPivLu().solve(y.col(o))).col(0));
      const long double likelihood =
          -0.5L * (quadratic + std::log(a.fullPivLu().determinant()) +
                   static_cast<long double>(n) * std::log(2 * std::numbers::pi_v<long double>));
      CHECK(path.log_marginal_likelihood(r, o) == Approx(static_cast<double>(likelihood)).epsilon(1e-9));
      CHECK(path.leave_one_out_error(r, o) ==
            Approx(path.leave_one_out[static_cast<std::size_t>(r)].col(o).squaredNorm() /
                   static_cast<double>(n)));
    }
  }
}

TEST_CASE("each criterion finds its best ridge", "[selection]") {
  const Problem p(40);
  const MatrixXd y = p.x.rowwise().sum() + 0.3 * p.y.col(0);  // smooth, and noise
  const sst::RidgePath path =
      ridge_path(sst::nngp(sst::chain(3, {.bias_std = 0.5})), p.x, y, sst::relative_ridges(1e-8, 1e3, 45));
  for (const Criterion criterion :
       {Criterion::leave_one_out, Criterion::gcv, Criterion::log_marginal_likelihood}) {
    const std::size_t best = best_ridge(path, criterion);
    const Eigen::VectorXd all = scores(path, criterion);
    CHECK((all.array() >= all[static_cast<Index>(best)]).all());
    CHECK(best > 0);
    CHECK(best < 44);
  }
}

TEST_CASE("the ridge path does not depend on the number of threads", "[selection]") {
  const Problem p(300, 1);
  const auto ridges = sst::relative_ridges(1e-3, 1, 5);
  const auto one = ridge_path(sst::BandForm(p.k, {.threads = 1}), p.y, ridges, {.threads = 1});
  for (const int threads : {2, 3, 7}) {
    const auto other =
        ridge_path(sst::BandForm(p.k, {.threads = threads}), p.y, ridges, {.threads = threads});
    CHECK(one.leave_one_out[2] == other.leave_one_out[2]);
    CHECK(one.gcv == other.gcv);
    CHECK(one.log_marginal_likelihood == other.log_marginal_likelihood);
  }
}

TEST_CASE("the path of a kernel function can be cancelled at each step", "[selection]") {
  const Problem p(100, 1);
  const auto kernel = sst::nngp(sst::chain(3, {.bias_std = 0.5}));
  const auto ridges = sst::relative_ridges(1e-3, 1, 5);
  const auto seen = sst_test::cancelled_at_each_step([&](const sst::ProgressFunction& progress) {
    ridge_path(kernel, p.x, p.y, ridges, {.progress = progress});
  });
  REQUIRE(seen.size() > 8);
}

TEST_CASE("the ridge path names what it cannot do", "[selection]") {
  const Problem p(6);
  const sst::BandForm form(p.k);
  CHECK_THROWS_WITH(ridge_path(form, p.y, {}), Contains("no ridges"));
  CHECK_THROWS_WITH(ridge_path(form, p.y.topRows(5), {Ridge::absolute(1)}), Contains("5 rows of targets"));
  CHECK_THROWS_WITH(ridge_path(sst::BandForm(MatrixXd::Ones(6, 6)), p.y, {Ridge::absolute(0)}),
                    Contains("singular") && Contains("larger ridge"));
  MatrixXd indefinite = MatrixXd::Identity(6, 6);
  indefinite(1, 0) = 3;
  CHECK_THROWS_WITH(ridge_path(sst::BandForm(indefinite), p.y, {Ridge::absolute(0.5)}),
                    Contains("pivot -4.5"));
  CHECK_THROWS_AS(sst::relative_ridges(0, 1, 3), sst::Error);
  CHECK_THROWS_AS(sst::relative_ridges(2, 1, 3), sst::Error);
  CHECK(sst::relative_ridges(0.5, 7, 1).front() == Ridge::relative(0.5));
}

}  // namespace ridge_path_tests
