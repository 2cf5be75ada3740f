// SPDX-License-Identifier: MIT
#include "../catch.hpp"
#include "../matrices.hpp"

#include <cmath>

#include <Eigen/Cholesky>
#include <Eigen/Core>
#include <Eigen/QR>

#include <sst/linalg/mixed.hpp>

namespace mixed_tests {

using Catch::Matchers::Contains;
using Eigen::Index;
using Eigen::MatrixXd;

namespace {

using sst_test::same_bits;
using sst_test::Wide;

/// Eigenvalues from 1 to 1/condition, evenly in their logarithms.
MatrixXd with_condition(Index n, double condition) {
  std::srand(static_cast<unsigned>(n));
  const MatrixXd random = MatrixXd::Random(n, n);
  const MatrixXd q = Eigen::HouseholderQR<MatrixXd>(random).householderQ();
  Eigen::VectorXd d(n);
  for (Index i = 0; i < n; ++i)
    d[i] = std::pow(condition, -static_cast<double>(i) / static_cast<double>(std::max<Index>(1, n - 1)));
  const MatrixXd a = q * d.asDiagonal() * q.transpose();
  return (a + a.transpose()) / 2;
}

double residual(const MatrixXd& a, const MatrixXd& x, const MatrixXd& b) {
  const Wide r = b.cast<long double>() - a.cast<long double>() * x.cast<long double>();
  return static_cast<double>(
      (r.colwise().norm().array() / b.cast<long double>().colwise().norm().array()).maxCoeff());
}

}  // namespace

TEST_CASE("mixed precision reaches the accuracy of double", "[linalg]") {
  for (const Index n : {1, 60, 300})
    for (const double condition : {1.0, 1e3, 1e5}) {
      const MatrixXd a = with_condition(n, condition), exact = MatrixXd::Random(n, 3), b = a * exact;
      const auto solution = sst::solve_mixed(a, b);
      INFO("n " << n << ", condition " << condition << ": " << solution.message);
      CHECK(solution.refined);
      CHECK(residual(a, solution.x, b) <= 1.1e-12);
      CHECK(solution.residuals.maxCoeff() <= 1e-12);
      const MatrixXd wanted = a.cast<long double>().llt().solve(b.cast<long double>()).cast<double>();
      CHECK((solution.x - wanted).norm() <= 1e-12 * condition * wanted.norm());
      CHECK(same_bits(sst::solve_mixed(a, b, {.threads = 1}).x, sst::solve_mixed(a, b, {.threads = 3}).x));
    }
}

TEST_CASE("mixed precision does not care for the scale of the matrix", "[linalg]") {
  const MatrixXd a = with_condition(80, 1e4), b = a * MatrixXd::Ones(80, 1);
  for (const double scale : {1e-60, 1e60}) {
    const auto solution = sst::solve_mixed(a * scale, b / scale);
    CHECK(solution.refined);
    CHECK((solution.x * scale * scale - MatrixXd::Ones(80, 1)).norm() <= 1e-7);
  }
}

TEST_CASE("where float does not do, double takes over and says why", "[linalg]") {
  const Index n = 200;
  const MatrixXd a = with_condition(n, 1e12), b = a * MatrixXd::Ones(n, 2);
  const auto solution = sst::solve_mixed(a, b);
  INFO(solution.message);
  CHECK_FALSE(solution.refined);
  CHECK_THAT(solution.message, Contains("factored in double"));
  CHECK(solution.residuals.maxCoeff() == Approx(residual(a, solution.x, b)).margin(1e-14));
  CHECK(residual(a, solution.x, b) <= 1e-12);
  const auto unreachable = sst::solve_mixed(with_condition(n, 10), b, {.tolerance = 1e-18});
  CHECK_THAT(unreachable.message, Contains("refining stopped"));
  CHECK_THROWS_AS(sst::solve_mixed(-MatrixXd::Identity(3, 3), MatrixXd::Ones(3, 1)),
                  sst::NotPositiveDefinite);
}

TEST_CASE("bad input of the mixed solver is an error", "[linalg]") {
  const MatrixXd a = MatrixXd::Identity(3, 3), b = MatrixXd::Ones(3, 1);
  CHECK_THROWS_WITH(sst::solve_mixed(MatrixXd::Ones(3, 2), b), Contains("3 x 2"));
  CHECK_THROWS_WITH(sst::solve_mixed(a, MatrixXd::Ones(2, 1)), Contains("2 rows"));
  CHECK_THROWS_WITH(sst::solve_mixed(a * std::nan(""), b), Contains("row 0, column 0"));
  CHECK_THROWS_AS(sst::solve_mixed(a, b * std::nan("")), sst::DataError);
  CHECK_THROWS_AS(sst::solve_mixed(a, b, {.progress = [](double) { return false; }}), sst::Cancelled);
  const auto zero = sst::solve_mixed(a, MatrixXd::Zero(3, 1));
  CHECK(zero.x.norm() == 0);
}

}  // namespace mixed_tests
