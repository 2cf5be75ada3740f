// SPDX-License-Identifier: MIT
#include "../catch.hpp"
#include "../error_message.hpp"

#include <vector>

#include <Eigen/Core>

#include <sst/linalg/spectrum.hpp>
#include <sst/ntk.hpp>
#include <sst/selection/complexity.hpp>
#include <sst/selection/ridge_path.hpp>
#include <sst/selection/system_score.hpp>
#include <sst/selection/training_measures.hpp>
#include <sst/topology/families.hpp>

namespace training_measures_tests {

using Eigen::MatrixXd;

namespace {

struct Fit {
  MatrixXd x = MatrixXd::Random(40, 3), y = MatrixXd::Random(40, 2);
  MatrixXd k = sst::ntk(sst::chain(3, {.weight_std = 1.5, .bias_std = 0.1})).matrix(x);
  double lambda = 0.3;
  sst::Cholesky<double> factor{MatrixXd(k + lambda * MatrixXd::Identity(40, 40))};
  MatrixXd w = factor.solve(y);

  sst::TrainingMeasures measures(int threads) const {
    return sst::training_measures(factor, y, w, lambda, k.diagonal().mean(), threads);
  }
};

}  // namespace

TEST_CASE("measures by a factor are those by a spectrum", "[selection]") {
  const Fit f;
  const sst::Spectrum spectrum(f.k);
  const auto path = sst::ridge_path(sst::BandForm(f.k), f.y, {sst::Ridge::absolute(f.lambda)});
  const auto complexity = sst::complexity(spectrum, f.y, sst::Ridge::absolute(f.lambda));
  const sst::TrainingMeasures found = f.measures(1);
  const auto near = [](double value) { return Approx(value).epsilon(1e-10); };
  CHECK(found.leave_one_out == near(path.leave_one_out_error.mean()));
  CHECK(found.gcv == near(path.gcv.mean()));
  CHECK(found.effective_dimension == near(path.effective_dimension[0]));
  CHECK(found.scaled_norm == near(complexity.scaled_norm.sum()));
  const double bound = complexity.rkhs_norm_squared.sum() * f.k.diagonal().mean() / 40;
  CHECK(found.norm_bound * found.norm_bound == near(bound));
  CHECK(f.measures(2).leave_one_out == found.leave_one_out);
}

TEST_CASE("evidence does not depend on the kernel's scale", "[selection]") {
  const Fit f;
  const double found = sst::evidence_score(f.factor, f.y, f.w);
  CHECK(found == Approx(sst::system_score(sst::Criterion::log_marginal_likelihood, f.y, f.factor).value));
  const sst::Cholesky<double> scaled(MatrixXd(7 * (f.k + f.lambda * MatrixXd::Identity(40, 40))));
  CHECK(sst::evidence_score(scaled, f.y, f.w / 7) == Approx(found).epsilon(1e-12));
  // A target of zeros adds its determinant and no more.
  MatrixXd y(40, 1), none = MatrixXd::Zero(40, 1);
  y = f.y.col(0);
  CHECK(sst::evidence_score(f.factor, none, none) == Approx(f.factor.log_determinant() / 2));
}

TEST_CASE("the margin that a share of the rows stays below", "[selection]") {
  MatrixXd scores(5, 3);
  scores << 3, 1, 2, 0, 5, 1, 1, 0, 2, 2, 2, 2, 9, 0, 0;
  const std::vector<std::size_t> truth{0, 1, 0, 2, 0};  // margins 1, 4, -1, 0, 9
  CHECK(sst::margin_quantile(scores, truth, 0) == -1);
  CHECK(sst::margin_quantile(scores, truth, 0.25) == 0);
  CHECK(sst::margin_quantile(scores, truth, 0.5) == 1);
  CHECK(sst::margin_quantile(scores, truth, 1) == 9);
}

TEST_CASE("what does not fit is refused with what to correct", "[selection]") {
  const Fit f;
  const auto message = [](auto&& call) { return sst_test::error_message<sst::DataError>(call); };
  const MatrixXd few = f.y.topRows(3);
  using Catch::Matchers::Contains;
  CHECK_THAT(message([&] { sst::training_measures(f.factor, few, f.w, 0.3, 1); }), Contains("give one row"));
  CHECK_THAT(message([&] { sst::training_measures(f.factor, f.y, few, 0.3, 1); }), Contains("give one row"));
  CHECK_THAT(message([&] { sst::evidence_score(f.factor, f.y, few); }), Contains("give one row"));
  CHECK_THAT(message([&] { sst::margin_quantile(f.y, {0, 1}); }), Contains("correct them"));
  CHECK_THAT(message([&] { sst::margin_quantile(few, {0, 1, 2}); }), Contains("correct them"));
  CHECK_THAT(message([&] { sst::margin_quantile(few, {0, 1, 1}, 2); }), Contains("correct them"));
}

}  // namespace training_measures_tests
