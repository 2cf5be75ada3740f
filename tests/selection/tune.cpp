// SPDX-License-Identifier: MIT
#include "../catch.hpp"
#include "../matrices.hpp"

#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include <Eigen/Core>

#include <sst/kernel/network_kernel.hpp>
#include <sst/kernel/own_kernel.hpp>
#include <sst/regression/model.hpp>
#include <sst/selection/system_score.hpp>
#include <sst/selection/tune.hpp>
#include <sst/topology/families.hpp>

namespace tune_tests {

using Catch::Matchers::Contains;
using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;
using sst_test::uniform;

namespace {

const sst::Topology net = sst::chain(2, {.weight_std = 1.2, .bias_std = 0.3});

/// Two of twelve features matter.
struct Data {
  MatrixXd x = std::sqrt(3.0) * uniform(200, 12, 1), y, x_new = std::sqrt(3.0) * uniform(300, 12, 2), y_new;
  Data() {
    y = f(x) + 0.02 * uniform(200, 1, 3);
    y_new = f(x_new);
  }
  static MatrixXd f(const MatrixXd& x) {
    return (1.5 * x.col(0)).array().sin() + 0.5 * x.col(1).array() * x.col(0).array();
  }
};

}  // namespace

TEST_CASE("minimise finds the valley of Rosenbrock, and stops at bounds", "[selection]") {
  const auto f = [](const VectorXd& x, VectorXd& gradient) {
    gradient << -400 * x[0] * (x[1] - x[0] * x[0]) - 2 * (1 - x[0]), 200 * (x[1] - x[0] * x[0]);
    return 100 * std::pow(x[1] - x[0] * x[0], 2) + std::pow(1 - x[0], 2);
  };
  const VectorXd start = (VectorXd(2) << -1.2, 1).finished(), wide = VectorXd::Constant(2, 10);
  const auto found = sst::minimise(f, start, -wide, wide, {.steps = 500, .tolerance = 1e-14});
  CHECK(found.converged);
  CHECK((found.at - VectorXd::Ones(2)).norm() < 1e-5);
  const VectorXd upper = VectorXd::Constant(2, 0.5);
  const auto bounded = sst::minimise(f, start, -wide, upper, {.steps = 500, .tolerance = 1e-14});
  CHECK(bounded.converged);
  CHECK(std::abs(bounded.at[0] - 0.5) < 1e-6);
  CHECK(std::abs(bounded.at[1] - 0.25) < 1e-6);
  const auto nowhere = [](const VectorXd&, VectorXd&) { return std::numeric_limits<double>::infinity(); };
  CHECK(std::isinf(sst::minimise(nowhere, start, -wide, wide).value));
}

TEST_CASE("the criteria's derivatives by the system are what differences give", "[selection]") {
  const MatrixXd root = uniform(30, 30, 4), y = uniform(30, 2, 5);
  const MatrixXd a = root * root.transpose() + MatrixXd::Identity(30, 30);
  MatrixXd e = uniform(30, 30, 6);
  e += MatrixXd(e.transpose());
  for (const auto criterion :
       {sst::Criterion::log_marginal_likelihood, sst::Criterion::leave_one_out, sst::Criterion::gcv}) {
    const auto value = [&](double step) {
      return sst::system_score(criterion, y, sst::Cholesky<double>(MatrixXd(a + step * e)), 1).value;
    };
    const MatrixXd slope = sst::system_score(criterion, y, sst::Cholesky<double>(MatrixXd(a)), 1).slope;
    const double step = 1e-4,
                 expected =
                     (8 * (value(step) - value(-step)) - value(2 * step) + value(-2 * step)) / (12 * step);
    CHECK(slope.isApprox(slope.transpose(), 1e-12));
    CHECK(std::abs(slope.cwiseProduct(e).sum() / 2 - expected) < 1e-7 * std::abs(expected));
  }
}

TEST_CASE("the criteria are those of a fitted model", "[selection]") {
  const Data d;
  const auto model = sst::fit(sst::nngp(net), d.x, d.y, sst::Ridge::absolute(0.1));
  MatrixXd a = model.kernel().matrix(d.x);
  a.diagonal().array() += 0.1;
  const sst::Cholesky<double> factor(std::move(a));
  const double n = 200, mse = (model.leave_one_out() - d.y).squaredNorm() / n;
  const auto score = [&](sst::Criterion criterion) {
    return sst::system_score(criterion, d.y, factor, 1).value;
  };
  CHECK(std::abs(score(sst::Criterion::leave_one_out) - n / 2 * std::log(n * mse)) < 1e-9 * n);
  // The likelihood at the best amplitude: s^2 = y' A^-1 y / n.
  const double s2 = d.y.cwiseProduct(model.weights()).sum() / n;
  const double best = -model.log_marginal_likelihood()[0] - n / 2 * s2 + n / 2 + n / 2 * std::log(s2);
  CHECK(std::abs(score(sst::Criterion::log_marginal_likelihood) -
                 (best - n / 2 * (1 + std::log(2 * std::acos(-1.0))))) < 1e-8 * n);
}

TEST_CASE("tuning finds the features that matter, and predicts better", "[selection]") {
  const Data d;
  for (const auto& kernel : {sst::ntk(net), sst::nngp(net)})
    for (const auto criterion : {sst::Criterion::log_marginal_likelihood, sst::Criterion::leave_one_out}) {
      const sst::Ridge ridge = sst::Ridge::relative(0.01);
      const auto tuned = sst::tune(kernel, d.x, d.y, ridge, {.criterion = criterion});
      INFO(tuned.scales << ", " << tuned.start << " -> " << tuned.end << ", steps " << tuned.steps);
      CHECK(tuned.rows == 200);
      CHECK(tuned.end < tuned.start);
      const auto left_out = [&](const Eigen::RowVectorXd& scales, const sst::Ridge& by) {
        const auto model = sst::fit(kernel, d.x * scales.asDiagonal(), d.y, by);
        return (model.leave_one_out() - d.y).squaredNorm() / 200;
      };
      CHECK(tuned.start_error == Approx(left_out(Eigen::RowVectorXd::Ones(12), ridge)).epsilon(1e-8));
      CHECK(tuned.end_error == Approx(left_out(tuned.scales, tuned.ridge)).epsilon(1e-6));
      CHECK(tuned.scales.head(2).minCoeff() > tuned.scales.tail(10).maxCoeff());
      CHECK(tuned.scales[0] > 10 * tuned.scales.tail(10).maxCoeff());
      const auto error = [&](const Eigen::RowVectorXd& s, const sst::Ridge& by) {
        const auto model = sst::fit(kernel, d.x * s.asDiagonal(), d.y, by);
        return (model.predict(d.x_new * s.asDiagonal()) - d.y_new).norm();
      };
      CHECK(3 * error(tuned.scales, tuned.ridge) < error(Eigen::RowVectorXd::Ones(12), ridge));
    }
}

TEST_CASE("tuning does not depend on threads, reports what it did, and can be cancelled", "[selection]") {
  const Data d;
  sst::TuneOptions options{.rows = 90, .seed = 3, .steps = {.steps = 5}, .threads = 1};
  const auto one = sst::tune(sst::ntk(net), d.x, d.y, sst::Ridge::relative(0.01), options);
  CHECK(one.rows == 90);
  CHECK(one.steps <= 5);
  CHECK(one.evaluations > one.steps);
  CHECK(one.ridge.scale() == sst::Ridge::Scale::relative);
  options.threads = 3;
  const auto three = sst::tune(sst::ntk(net), d.x, d.y, sst::Ridge::relative(0.01), options);
  CHECK(sst_test::same_bits(one.scales, three.scales));
  CHECK(one.ridge == three.ridge);
  options.steps = {.seconds = 1e-9};
  const auto hurried = sst::tune(sst::ntk(net), d.x, d.y, sst::Ridge::relative(0.01), options);
  CHECK(hurried.steps == 0);
  CHECK_FALSE(hurried.converged);
  CHECK(hurried.end_error == hurried.start_error);
  options.progress = [](double) { return false; };
  CHECK_THROWS_AS(sst::tune(sst::ntk(net), d.x, d.y, sst::Ridge::relative(0.01), options), sst::Cancelled);
  options = {.prior_std = 1e3, .reach = 1.5};
  const auto held = sst::tune(sst::ntk(net), d.x, d.y, sst::Ridge::relative(0.01), options);
  CHECK(!held.at_bounds.empty());
  CHECK(held.scales.maxCoeff() <= 1.5 * (1 + 1e-12));
  for (const auto& fixed : {sst::Ridge::relative(0.02), sst::Ridge::absolute(0.03)}) {
    const auto kept = sst::tune(sst::ntk(net), d.x, d.y, fixed, {.ridge = false, .rows = 90});
    CHECK(kept.ridge == fixed);
    CHECK(kept.end_error < kept.start_error);
  }
}

TEST_CASE("tuning finds the numbers of a family of kernels", "[selection]") {
  const Data d;
  const sst::KernelFamily family{
      [](const VectorXd& p) {
        return std::exp(p[0]) *
                   sst::nngp(sst::chain(2, {.weight_std = std::exp(p[1]), .bias_std = std::exp(p[2])})) +
               std::exp(-p[0]) * sst::nngp(sst::chain(1));
      },
      Eigen::Vector3d(0, 0, -1)};
  const auto criterion = sst::Criterion::log_marginal_likelihood;
  const auto tuned =
      sst::tune(family, d.x, d.y, sst::Ridge::relative(0.01), {.criterion = criterion, .scales = false});
  CHECK(tuned.scales == Eigen::RowVectorXd::Ones(12));
  CHECK(tuned.converged);
  CHECK(tuned.end < tuned.start);
  // A neighbour in any direction is no better.
  for (Index k = 0; k < 3; ++k)
    for (const double step : {-0.1, 0.1}) {
      sst::KernelFamily moved = family;
      moved.start = tuned.parameters;
      moved.start[k] += step;
      const auto there = sst::tune(moved, d.x, d.y, tuned.ridge,
                                   {.criterion = criterion, .scales = false, .steps = {.steps = 0}});
      const double prior = 2 * ((moved.start - family.start).squaredNorm());
      CHECK(there.start + prior > tuned.end - 0.01);
    }
  const auto both = sst::tune(family, d.x, d.y, sst::Ridge::relative(0.01), {.steps = {.steps = 20}});
  CHECK(both.end_error < tuned.end_error);
}

TEST_CASE("tuning refuses what it cannot do", "[selection]") {
  const Data d;
  const auto bare = sst::kernel_function("bare", [](const auto& a, const auto& b) { return 1 + a.dot(b); });
  CHECK_THROWS_WITH(sst::tune(bare, d.x, d.y, sst::Ridge::relative(1)),
                    Contains("'bare' has no derivatives"));
  CHECK_THROWS_WITH(sst::tune(sst::ntk(net), d.x, d.y, sst::Ridge::relative(1), {.rows = 1}),
                    Contains("2 rows or more"));
  const auto negative = sst::kernel_function(
      "minus one", [](const auto&, const auto& b) { return -1 - 0 * b[0]; },
      [](const auto& a, const auto&) -> VectorXd { return VectorXd::Zero(a.size()); });
  CHECK_THROWS_AS(sst::tune(negative, d.x, d.y, sst::Ridge::relative(1)), sst::Error);
}

}  // namespace tune_tests
