// SPDX-License-Identifier: MIT
#include "../catch.hpp"
#include "../matrices.hpp"

#include <cmath>
#include <limits>

#include <Eigen/Core>
#include <Eigen/LU>

#include <sst/kernel/gram.hpp>
#include <sst/kernel/network_kernel.hpp>
#include <sst/regression/gradient_flow.hpp>
#include <sst/regression/posterior.hpp>
#include <sst/topology/families.hpp>

namespace gradient_flow_tests {

using Catch::Matchers::Contains;
using Eigen::MatrixXd;
using sst::Ridge;
using sst_test::relative_error;
using sst_test::wide;
using sst_test::Wide;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

/// Two different kernels on the same n training and m test samples.
struct Problem {
  Eigen::Index n, m;
  MatrixXd t, k, y;
  explicit Problem(Eigen::Index train = 12, Eigen::Index test = 5, int outputs = 2) : n(train), m(test) {
    std::srand(3);
    const MatrixXd f = MatrixXd::Random(n + m, n + m + 4), g = MatrixXd::Random(n + m, n + m + 4);
    k = f * f.transpose() / 3;
    t = k + g * g.transpose() / 2;
    for (MatrixXd* kernel : {&k, &t})  // a blocked product need not be symmetric to the last bit
      kernel->triangularView<Eigen::StrictlyUpper>() = kernel->transpose();
    y = MatrixXd::Random(n, outputs);
  }
  MatrixXd dd(const MatrixXd& a) const { return a.topLeftCorner(n, n); }
  MatrixXd td(const MatrixXd& a) const { return a.bottomLeftCorner(m, n); }
  MatrixXd tt(const MatrixXd& a) const { return a.bottomRightCorner(m, m); }
};

/// exp(a) by its series, scaled and squared.
Wide exponential(Wide a) {
  int squarings = 0;
  for (long double size = a.cwiseAbs().sum(); size > 0.1L; size /= 2) ++squarings;
  a /= std::pow(2.0L, squarings);
  Wide sum = Wide::Identity(a.rows(), a.cols()), term = sum;
  for (int i = 1; i < 20; ++i) sum += term = (term * a / i).eval();
  while (squarings-- > 0) sum = (sum * sum).eval();
  return sum;
}

struct Dense {
  Wide solve;  ///< A^-1 (1 - exp(-A tau))
  Dense(const MatrixXd& kernel, double lambda, double tau) {
    Wide a = wide(kernel);
    a.diagonal().array() += static_cast<long double>(lambda);
    Wide change = Wide::Identity(a.rows(), a.cols());
    if (std::isfinite(tau)) change -= exponential(-a * static_cast<long double>(tau));
    solve = a.fullPivLu().solve(change);
  }
};

}  // namespace

TEST_CASE("finite-time mean and covariance against dense exponentials in long double", "[regression]") {
  const Problem p;
  const double rate = 0.7;
  for (const Ridge ridge : {Ridge::absolute(0), Ridge::relative(0.05)})
    for (const double t : {1e-6, 0.3, 5.0, 60.0, infinity}) {
      INFO(ridge.to_string() << ", t " << t);
      const double tau = rate * t / static_cast<double>(p.y.size());
      {
        const sst::GradientFlow flow(p.dd(p.k), p.y, ridge, rate);
        const Wide s = Dense(p.dd(p.k), flow.lambda(), tau).solve;
        const Wide twice = Dense(p.dd(p.k), flow.lambda(), 2 * tau).solve;
        const Wide td = wide(p.td(p.k)), dd = wide(p.dd(p.k)), tt = wide(p.tt(p.k));
        CHECK(relative_error(flow.train_mean(t), dd * s * wide(p.y)) < 1e-10);
        CHECK(relative_error(flow.test_mean(p.td(p.k), t), td * s * wide(p.y)) < 1e-10);
        const Wide covariance = tt - td * twice * td.transpose();
        CHECK(relative_error(flow.test_covariance(p.td(p.k), p.tt(p.k), t), covariance) < 1e-10);
        const Eigen::VectorXd times = Eigen::VectorXd::Constant(1, t);
        CHECK(relative_error(flow.test_variance(p.td(p.k), p.tt(p.k).diagonal(), times),
                             covariance.diagonal()) < 1e-10);
        CHECK((wide(flow.train_covariance(t)) - (dd - dd * twice * dd)).norm() < 1e-12L * dd.norm());
      }
      const sst::EnsembleFlow flow(p.dd(p.t), p.dd(p.k), p.y, ridge, rate);
      const Wide s = Dense(p.dd(p.t), flow.lambda(), tau).solve, id = Wide::Identity(p.n, p.n);
      const Wide td = wide(p.td(p.t)), cross = td * s * wide(p.td(p.k)).transpose();
      const Wide covariance =
          wide(p.tt(p.k)) + td * s * wide(p.dd(p.k)) * s * td.transpose() - cross - cross.transpose();
      CHECK(relative_error(flow.test_mean(p.td(p.t), t), td * s * wide(p.y)) < 1e-10);
      CHECK(relative_error(flow.test_covariance(p.td(p.t), p.td(p.k), p.tt(p.k), t), covariance) < 1e-10);
      const Eigen::VectorXd times = Eigen::VectorXd::Constant(1, t);
      CHECK(relative_error(flow.test_variance(p.td(p.t), p.td(p.k), p.tt(p.k).diagonal(), times),
                           covariance.diagonal()) < 1e-10);
      const Wide left = id - wide(p.dd(p.t)) * s;
      CHECK((wide(flow.train_covariance(t)) - left * wide(p.dd(p.k)) * left.transpose()).norm() <
            1e-12L * wide(p.dd(p.k)).norm());
    }
}

TEST_CASE("t = 0 is the prior and t = infinity the solve", "[regression]") {
  const Problem p;
  const Ridge ridge = Ridge::relative(0.1);
  const sst::GradientFlow flow(p.dd(p.k), p.y, ridge);
  CHECK(flow.train_mean(0).norm() == 0);
  CHECK(flow.test_mean(p.td(p.k), 0).norm() == 0);
  CHECK(flow.test_covariance(p.td(p.k), p.tt(p.k), 0) == p.tt(p.k));
  CHECK((flow.train_covariance(0) - p.dd(p.k)).norm() < 1e-13 * p.k.norm());
  const sst::NngpPosterior posterior(p.dd(p.k), p.y, ridge);
  CHECK((flow.test_mean(p.td(p.k), infinity) - posterior.mean(p.td(p.k))).norm() < 1e-12);
  CHECK((flow.test_covariance(p.td(p.k), p.tt(p.k), infinity) - posterior.covariance(p.td(p.k), p.tt(p.k)))
            .norm() < 1e-12 * p.k.norm());

  const sst::EnsembleFlow trained(p.dd(p.t), p.dd(p.k), p.y, ridge);
  const sst::EnsemblePosterior ensemble(p.dd(p.t), p.dd(p.k), p.y, ridge);
  CHECK(trained.test_covariance(p.td(p.t), p.td(p.k), p.tt(p.k), 0) == p.tt(p.k));
  CHECK((trained.test_covariance(p.td(p.t), p.td(p.k), p.tt(p.k), infinity) -
         ensemble.covariance(p.td(p.t), p.td(p.k), p.tt(p.k)))
            .norm() < 1e-12 * p.k.norm());
}

TEST_CASE("many small steps of gradient descent follow the flow", "[regression]") {
  // Weights of a linear model on features are trained on |f - y|^2 / (2 n outputs) with weight decay lambda
  // / (n outputs): a different computation altogether.
  const Eigen::Index n = 6, m = 3;
  std::srand(5);
  const MatrixXd train = MatrixXd::Random(n, 9), test = MatrixXd::Random(m, 9), y = MatrixXd::Random(n, 2);
  for (const double lambda : {0.0, 0.4}) {
    const double rate = 0.5, t = 30;
    const auto descend = [&](int steps_a_unit) {
      MatrixXd w = MatrixXd::Zero(9, 2);
      const double step = rate / steps_a_unit / static_cast<double>(y.size());
      for (int i = 0; i < t * steps_a_unit; ++i)
        w -= step * (train.transpose() * (train * w - y) + lambda * w);
      return w;
    };
    // Halving the step halves the error: extrapolate.
    const MatrixXd coarse = descend(400), w = 2 * descend(800) - coarse;
    const sst::GradientFlow flow(train * train.transpose(), y, Ridge::absolute(lambda), rate);
    CHECK((flow.train_mean(t) - train * w).cwiseAbs().maxCoeff() < 1e-6);
    CHECK((flow.test_mean(test * train.transpose(), t) - test * w).cwiseAbs().maxCoeff() < 1e-6);
    CHECK((train * coarse - train * w).cwiseAbs().maxCoeff() > 1e-6);  // so the extrapolation was needed
  }
}

TEST_CASE("gradient descent converges below the largest learning rate and diverges above", "[regression]") {
  const Problem p;
  const MatrixXd kernel = p.dd(p.t);
  const double largest = sst::max_learning_rate(sst::Spectrum(kernel), p.y.cols());
  const auto residual = [&](double rate) {
    MatrixXd r = p.y;
    for (int i = 0; i < 4000; ++i) r -= rate / static_cast<double>(p.y.size()) * kernel * r;
    return r.norm() / p.y.norm();
  };
  CHECK(residual(0.99 * largest) < 0.9);
  CHECK(residual(1.01 * largest) > 1e6);
}

TEST_CASE("a singular kernel flows, and only the end of time needs a ridge", "[regression]") {
  const MatrixXd kernel = MatrixXd::Ones(4, 4), y = MatrixXd::Ones(4, 1);
  const sst::GradientFlow flow(kernel, y, Ridge::absolute(0));
  CHECK((flow.train_mean(2).array() - (1 - std::exp(-2.0))).abs().maxCoeff() < 1e-14);
  CHECK(flow.train_covariance(1e300).cwiseAbs().maxCoeff() < 1e-12);
  CHECK_THROWS_AS(flow.train_mean(infinity), sst::NotPositiveDefinite);
  CHECK(flow.train_mean(1e-320).allFinite());
}

TEST_CASE("gradient flow names what it cannot do", "[regression]") {
  const Problem p;
  const sst::GradientFlow flow(p.dd(p.k), p.y, Ridge::absolute(0));
  CHECK_THROWS_WITH(flow.train_mean(-1), Contains("the training time is -1"));
  CHECK_THROWS_WITH(flow.train_mean(std::nan("")), Contains("the training time is nan"));
  CHECK_THROWS_WITH(sst::GradientFlow(p.dd(p.k), p.y, Ridge::absolute(0), 0), Contains("the learning rate"));
  CHECK_THROWS_WITH(sst::GradientFlow(-p.dd(p.k), p.y, Ridge::absolute(0)), Contains("eigenvalue"));
  CHECK_THROWS_WITH(flow.test_variance(p.td(p.k), 0.1 * p.tt(p.k).diagonal(), Eigen::VectorXd::Ones(1) * 1e9),
                    Contains("the variance of test sample"));
}

TEST_CASE("a model's flow: the prior at the start, the posterior at the end, the matrices' between",
          "[regression]") {
  std::srand(13);
  const MatrixXd x = MatrixXd::Random(14, 3), y = MatrixXd::Random(14, 2), x_test = MatrixXd::Random(37, 3);
  const auto net = sst::residual(3, {.weight_std = 1.3, .bias_std = 0.4});
  const auto dd = gram(net, x), td = gram(net, x_test, x), tt = gram(net, x_test);
  const Ridge ridge = Ridge::relative(0.02);
  for (const bool ntk : {false, true}) {
    const auto model = sst::fit(ntk ? sst::ntk(net) : sst::nngp(net), x, y, ridge);
    const sst::TrainingFlow flow(model, 0.8);
    const MatrixXd end = model.predict(x_test);
    CHECK((flow.predict(x_test, infinity) - end).norm() < 1e-10 * end.norm());
    CHECK((flow.covariance(x_test, infinity) - model.covariance(x_test)).norm() < 1e-10 * tt.nngp.norm());
    CHECK(flow.predict(x_test, 0).norm() == 0);
    CHECK((flow.covariance(x_test, 0) - tt.nngp).norm() < 1e-14 * tt.nngp.norm());
    const sst::EnsembleFlow all(dd.ntk, dd.nngp, y, ridge, 0.8);
    const sst::GradientFlow last(dd.nngp, y, ridge, 0.8);
    const MatrixXd middle = ntk ? all.test_mean(td.ntk, 50) : last.test_mean(td.nngp, 50);
    CHECK((flow.predict(x_test, 50) - middle).norm() < 1e-11 * middle.norm());
    const MatrixXd spread =
        ntk ? all.test_covariance(td.ntk, td.nngp, tt.nngp, 50) : last.test_covariance(td.nngp, tt.nngp, 50);
    CHECK((flow.covariance(x_test, 50) - spread).norm() < 1e-11 * spread.norm());
    const auto band = flow.predict_with_std(x_test, 50);
    CHECK((band.mean - middle).norm() < 1e-11 * middle.norm());
    CHECK((band.std.col(1).cwiseAbs2() - spread.diagonal()).norm() < 1e-10 * spread.norm());
    CHECK_THROWS_WITH(flow.predict(x_test, -1), Contains("training time"));
  }
  CHECK(sst::max_learning_rate(sst::ntk(net), x, 2) ==
        Approx(sst::max_learning_rate(sst::Spectrum(dd.ntk), 2)));
}

TEST_CASE("a sample that comes twice converges to the mean of its targets and stays there", "[regression]") {
  MatrixXd x(5, 2), y(5, 1);
  x << 1, 2, 3, 1, -1, 1, 0.5, -2, 1, 2;
  y << 0, 1, 2, 3, 100;
  const auto net = sst::chain(3, {.weight_std = 1.4, .bias_std = 0.1});
  const MatrixXd k = gram(net, x).ntk;
  const sst::GradientFlow flow(k, y, Ridge::absolute(0));
  for (const double t : {1e8, 1e12, 1e14, 1e17, 1e300}) {
    const MatrixXd mean = flow.test_mean(k.topRows(2), t);
    INFO("t = " << t);
    CHECK(mean(0, 0) == Approx(50).epsilon(1e-6));
    CHECK(mean(1, 0) == Approx(1).epsilon(1e-6));
  }
  CHECK_THROWS_AS(flow.test_mean(k.topRows(2), infinity), sst::NotPositiveDefinite);
}

}  // namespace gradient_flow_tests
