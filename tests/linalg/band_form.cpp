// SPDX-License-Identifier: MIT
#include "../cancellable.hpp"
#include "../catch.hpp"
#include "../matrices.hpp"

#include <cmath>
#include <limits>
#include <vector>

#include <Eigen/Core>

#include <sst/error.hpp>
#include <sst/linalg/band_form.hpp>
#include <sst/linalg/cholesky.hpp>
#include <sst/linalg/product.hpp>

namespace band_form_tests {

using Catch::Matchers::Contains;
using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;
using sst_test::uniform;

namespace {

MatrixXd kernel(Index n, Index rank) {
  const MatrixXd x = uniform(n, rank, static_cast<unsigned>(n));
  return x * x.transpose();
}

constexpr double eps = std::numeric_limits<double>::epsilon();

}  // namespace

TEST_CASE("a band form solves what Cholesky solves, at every size beside its blocks", "[linalg]") {
  for (const Index n : {1, 2, 3, 31, 32, 33, 63, 64, 65, 96, 97, 200, 331}) {
    const MatrixXd k = kernel(n, n), y = uniform(n, 2, 1);
    const sst::BandForm form(k);
    const MatrixXd& q = form.basis();
    INFO("n " << n);
    CHECK((q.transpose() * q - MatrixXd::Identity(n, n)).norm() <= 4 * static_cast<double>(n) * eps);
    CHECK(form.mean_diagonal() == Approx(k.diagonal().mean()).epsilon(1e-13));
    for (const double lambda : {0.01, 1.0, 300.0}) {
      const sst::BandFactor factor(form, lambda);
      MatrixXd a = k;
      a.diagonal().array() += lambda;
      const sst::Cholesky<double> expected(std::move(a));
      MatrixXd w = q.transpose() * y;
      factor.solve_in_place(w);
      const MatrixXd x = expected.solve(y);
      CHECK((q * w - x).norm() <= 1e-10 * x.norm());
      CHECK(factor.log_determinant() == Approx(static_cast<double>(expected.log_determinant())));
      const VectorXd d = sst::detail::inverse_diagonal(expected.storage());
      CHECK((factor.inverse_diagonal(q) - d).cwiseAbs().maxCoeff() <= 1e-10 * d.maxCoeff());
    }
  }
}

TEST_CASE("a band form reads the lower triangle alone", "[linalg]") {
  const MatrixXd k = kernel(100, 7);
  MatrixXd half = k;
  half.triangularView<Eigen::StrictlyUpper>().setConstant(std::numeric_limits<double>::quiet_NaN());
  const sst::BandForm form(k), other(half);
  CHECK(sst_test::same_bits(form.basis(), other.basis()));
  const sst::BandFactor factor(form, 1), of_other(other, 1);
  CHECK(factor.log_determinant() == of_other.log_determinant());
}

TEST_CASE("band forms of hard kernels stay orthogonal and solve", "[linalg]") {
  constexpr Index n = 130;
  VectorXd graded(n);
  for (Index i = 0; i < n; ++i) graded[i] = std::pow(10.0, -300.0 * static_cast<double>(i) / n);
  std::vector<MatrixXd> all{MatrixXd::Zero(n, n), MatrixXd::Identity(n, n),    MatrixXd::Ones(n, n),
                            graded.asDiagonal(),  graded * graded.transpose(), graded.reverse().asDiagonal(),
                            kernel(n, 3)};
  for (const MatrixXd& k : all) {
    const sst::BandForm form(k);
    const MatrixXd& q = form.basis();
    CHECK((q.transpose() * q - MatrixXd::Identity(n, n)).norm() <= 4 * n * eps);
    MatrixXd w = q.transpose() * MatrixXd::Ones(n, 1);
    sst::BandFactor(form, 0.5).solve_in_place(w);
    const MatrixXd x = q * w;
    CHECK((k * x + 0.5 * x - MatrixXd::Ones(n, 1)).norm() <= 1e-12 * n * (k.norm() + 0.5));
  }
  for (const double scale : {1e-290, 1e-150, 1e150, 1e290}) {
    const MatrixXd k = kernel(n, n);
    const sst::BandFactor factor(sst::BandForm(k), 0.125);
    const sst::BandForm form(scale * k);
    const sst::BandFactor scaled(form, scale * 0.125);
    CHECK(scaled.log_determinant() ==
          Approx(factor.log_determinant() + static_cast<double>(n) * std::log(scale)));
    CHECK(form.mean_diagonal() / scale == Approx(k.diagonal().mean()));
  }
}

TEST_CASE("a band form does not depend on the number of threads", "[linalg]") {
  const MatrixXd k = kernel(401, 401);
  const sst::BandForm one(k, {.threads = 1});
  const VectorXd diagonal = sst::BandFactor(one, 0.5).inverse_diagonal(one.basis(), 1);
  for (const int threads : {2, 3, 7}) {
    const sst::BandForm other(k, {.threads = threads});
    CHECK(sst_test::same_bits(one.basis(), other.basis()));
    CHECK(
        sst_test::same_bits(diagonal, sst::BandFactor(other, 0.5).inverse_diagonal(other.basis(), threads)));
  }
}

TEST_CASE("a band form says how far it is, and can be cancelled at each step", "[linalg]") {
  const MatrixXd k = kernel(300, 300);
  const auto seen = sst_test::cancelled_at_each_step(
      [&](const sst::ProgressFunction& progress) { sst::BandForm(k, {.progress = progress}); });
  REQUIRE(seen.size() >= 300 / 32 * 3 / 2);
  CHECK(seen.back() <= 1);
}

TEST_CASE("what has no band form, and singular systems, are errors", "[linalg]") {
  CHECK_THROWS_WITH(sst::BandForm(MatrixXd(0, 0)), Contains("no rows"));
  CHECK_THROWS_WITH(sst::BandForm(MatrixXd::Ones(3, 2)), Contains("3 x 2"));
  MatrixXd k = kernel(4, 4);
  k(2, 1) = std::numeric_limits<double>::infinity();
  CHECK_THROWS_WITH(sst::BandForm(k), Contains("row 2, column 1"));
  for (const Index n : {2, 40, 150}) {
    const sst::BandForm form(MatrixXd::Ones(n, n));
    CHECK_THROWS_WITH(sst::BandFactor(form, 0), Contains("singular") && Contains("larger ridge"));
    CHECK_THROWS_AS(sst::BandFactor(form, -1), sst::NotPositiveDefinite);
    CHECK(sst::BandFactor(form, 1).log_determinant() == Approx(std::log1p(static_cast<double>(n))));
  }
}

}  // namespace band_form_tests
