// SPDX-License-Identifier: MIT
#include "../catch.hpp"
#include "../matrices.hpp"

#include <limits>

#include <Eigen/Eigenvalues>
#include <Eigen/LU>

#include <sst/kernel/gram.hpp>
#include <sst/kernel/network_kernel.hpp>
#include <sst/regression/model.hpp>
#include <sst/regression/posterior.hpp>
#include <sst/selection/grid_search.hpp>
#include <sst/topology/activations.hpp>
#include <sst/topology/families.hpp>
#include <sst/topology/node.hpp>

namespace posterior_tests {

using Catch::Matchers::Contains;
using Eigen::MatrixXd;
using sst::Ridge;
using sst_test::relative_error;
using sst_test::wide;
using sst_test::Wide;

namespace {

struct Problem {
  sst::Topology topology = sst::residual(4, {.weight_std = 1.4, .bias_std = 0.3});
  MatrixXd x, y, x_test;
  sst::GramMatrices<double> dd, td, tt;

  Problem(Eigen::Index n, Eigen::Index m, int outputs) {
    std::srand(7);
    x = MatrixXd::Random(n, 3);
    y = MatrixXd::Random(n, outputs);
    x_test = MatrixXd::Random(m, 3);
    dd = gram(topology, x);
    td = gram(topology, x_test, x);
    tt = gram(topology, x_test);
  }
};

/// A^-1 by Gaussian elimination in long double.
Wide inverse(const MatrixXd& k, double lambda) {
  Wide a = wide(k);
  a.diagonal().array() += static_cast<long double>(lambda);
  return a.fullPivLu().inverse();
}

}  // namespace

TEST_CASE("the NNGP posterior against elimination in long double", "[regression]") {
  const Problem p(23, 9, 2);
  for (const Ridge ridge : {Ridge::relative(1e-3), Ridge::absolute(0.2)}) {
    const sst::NngpPosterior model(p.dd.nngp, p.y, ridge);
    const Wide inv = inverse(p.dd.nngp, model.lambda());
    const Wide covariance = wide(p.tt.nngp) - wide(p.td.nngp) * inv * wide(p.td.nngp).transpose();
    CHECK(relative_error(model.mean(p.td.nngp), wide(p.td.nngp) * inv * wide(p.y)) < 1e-10);
    CHECK(relative_error(model.covariance(p.td.nngp, p.tt.nngp), covariance) < 1e-10);
    CHECK(relative_error(model.variance(p.td.nngp, p.tt.nngp.diagonal()), covariance.diagonal()) < 1e-10);
  }
}

TEST_CASE("the ensemble's mean and covariance against elimination in long double", "[regression]") {
  const Problem p(23, 9, 3);
  const sst::EnsemblePosterior model(p.dd.ntk, p.dd.nngp, p.y, Ridge::relative(1e-2));
  const Wide inv = inverse(p.dd.ntk, model.lambda()), t = wide(p.td.ntk), k = wide(p.td.nngp);
  const Wide cross = t * inv * k.transpose();
  const Wide covariance =
      wide(p.tt.nngp) + t * inv * wide(p.dd.nngp) * inv * t.transpose() - cross - cross.transpose();
  CHECK(relative_error(model.mean(p.td.ntk), t * inv * wide(p.y)) < 1e-10);
  CHECK(relative_error(model.covariance(p.td.ntk, p.td.nngp, p.tt.nngp), covariance) < 1e-10);
  CHECK(relative_error(model.variance(p.td.ntk, p.td.nngp, p.tt.nngp.diagonal()), covariance.diagonal()) <
        1e-10);
}

TEST_CASE("with one kernel and no ridge the ensemble is the posterior", "[regression]") {
  const Problem p(15, 6, 1);
  const sst::NngpPosterior posterior(p.dd.nngp, p.y, Ridge::absolute(0));
  const sst::EnsemblePosterior ensemble(p.dd.nngp, p.dd.nngp, p.y, Ridge::absolute(0));
  const MatrixXd expected = posterior.covariance(p.td.nngp, p.tt.nngp);
  CHECK((ensemble.covariance(p.td.nngp, p.td.nngp, p.tt.nngp) - expected).norm() < 1e-9 * expected.norm());
}

TEST_CASE("covariances are symmetric to the last bit and positive semidefinite", "[regression]") {
  const Problem p(20, 11, 1);
  const MatrixXd nngp =
      sst::NngpPosterior(p.dd.nngp, p.y, Ridge::relative(1e-2)).covariance(p.td.nngp, p.tt.nngp);
  const MatrixXd ensemble = sst::EnsemblePosterior(p.dd.ntk, p.dd.nngp, p.y, Ridge::relative(1e-2))
                                .covariance(p.td.ntk, p.td.nngp, p.tt.nngp);
  for (const MatrixXd& c : {nngp, ensemble}) {
    CHECK(c == c.transpose());
    CHECK(Eigen::SelfAdjointEigenSolver<MatrixXd>(c).eigenvalues().minCoeff() > -1e-12 * c.norm());
  }
}

TEST_CASE("a model's posterior is that of the matrices", "[regression]") {
  const Problem p(20, 70, 2);
  const Ridge ridge = Ridge::relative(0.05);
  const auto bayes = sst::fit(sst::nngp(p.topology), p.x, p.y, ridge);
  const auto trained = sst::fit(sst::ntk(p.topology), p.x, p.y, ridge);
  const sst::NngpPosterior posterior(p.dd.nngp, p.y, ridge);
  const sst::EnsemblePosterior ensemble(p.dd.ntk, p.dd.nngp, p.y, ridge);
  CHECK((bayes.predict(p.x_test) - posterior.mean(p.td.nngp)).norm() < 1e-12);
  CHECK((trained.predict(p.x_test) - ensemble.mean(p.td.ntk)).norm() < 1e-12);
  CHECK((bayes.covariance(p.x_test) - posterior.covariance(p.td.nngp, p.tt.nngp)).norm() < 1e-11);
  CHECK((trained.covariance(p.x_test) - ensemble.covariance(p.td.ntk, p.td.nngp, p.tt.nngp)).norm() < 1e-11);
}

TEST_CASE("networks whose tangent does not exist have the NNGP's posterior", "[regression]") {
  const Problem p(20, 5, 1);
  const auto tied = sst::trace([](sst::Node x) {
    const sst::DenseOptions shared{.weight_std = 1.2, .bias_std = 0.1, .weights = "w"};
    return dense(relu(dense(relu(dense(x, {.bias_std = 0.3})), shared)), shared);
  });
  const auto signs = sst::trace([](sst::Node x) { return dense(sign(dense(x, {.bias_std = 0.3}))); });
  for (const sst::Topology& net : {tied, signs}) {
    CHECK_THROWS_AS(sst::ntk(net), sst::NoClosedForm);
    const auto band = sst::fit(sst::nngp(net), p.x, p.y, Ridge::relative(0.1)).predict_with_std(p.x_test);
    CHECK(band.std.minCoeff() > 0);
    const auto board = sst::grid_search({{"only", sst::nngp(net)}}, p.x, p.y, {Ridge::relative(0.1)});
    CHECK(board.best().failure.empty());
  }
}

TEST_CASE("variances at training points: rounding is clamped, nonsense is an error", "[regression]") {
  const Problem p(12, 4, 1);
  const sst::NngpPosterior model(p.dd.nngp, p.y, Ridge::absolute(0));
  const Eigen::VectorXd at_training = model.variance(p.dd.nngp, p.dd.nngp.diagonal());
  CHECK(at_training.minCoeff() >= 0);
  CHECK(at_training.maxCoeff() < 1e-9);
  const sst::EnsemblePosterior ensemble(p.dd.ntk, p.dd.nngp, p.y, Ridge::absolute(0));
  const Eigen::VectorXd trained = ensemble.variance(p.dd.ntk, p.dd.nngp, p.dd.nngp.diagonal());
  CHECK(trained.minCoeff() >= 0);
  CHECK(trained.maxCoeff() < 1e-9);

  // A test kernel that is too small to be one.
  CHECK_THROWS_WITH(model.variance(p.dd.nngp, 0.9 * p.dd.nngp.diagonal()),
                    Contains("the variance of test sample") && Contains("do not belong together"));
  CHECK_THROWS_WITH(ensemble.variance(p.dd.ntk, p.dd.nngp, 0.9 * p.dd.nngp.diagonal()),
                    Contains("the variance of test sample"));
}

TEST_CASE("posteriors name what does not fit", "[regression]") {
  const Problem p(8, 3, 1);
  const Ridge ridge = Ridge::relative(0.1);
  CHECK_THROWS_WITH(sst::NngpPosterior(p.dd.nngp, p.y.topRows(7), ridge), Contains("7 rows of targets"));
  CHECK_THROWS_WITH(sst::NngpPosterior(MatrixXd(), MatrixXd(), ridge), Contains("no training samples"));
  const sst::NngpPosterior model(p.dd.nngp, p.y, ridge);
  CHECK_THROWS_WITH(model.mean(p.td.nngp.transpose()), Contains("K_td is 8 x 3"));
  CHECK_THROWS_WITH(model.variance(p.td.nngp, Eigen::VectorXd(4)), Contains("K_td is 3 x 8"));
  CHECK_THROWS_WITH(sst::EnsemblePosterior(p.dd.ntk, p.td.nngp, p.y, ridge), Contains("K_dd is 3 x 8"));
  CHECK_THROWS_AS(sst::NngpPosterior(MatrixXd::Ones(8, 8), p.y, Ridge::absolute(0)),
                  sst::NotPositiveDefinite);
  MatrixXd y = p.y;
  y(2, 0) = std::numeric_limits<double>::quiet_NaN();
  CHECK_THROWS_WITH(sst::NngpPosterior(p.dd.nngp, y, ridge), Contains("row 2"));
}

}  // namespace posterior_tests
