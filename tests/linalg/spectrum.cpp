// SPDX-License-Identifier: MIT
#include "../cancellable.hpp"
#include "../catch.hpp"
#include "../matrices.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include <Eigen/Core>

#include <sst/linalg/spectrum.hpp>

namespace spectrum_tests {

using Catch::Matchers::Contains;
using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

namespace {

using sst_test::Wide;

MatrixXd semidefinite(Index n, Index rank) {
  std::srand(static_cast<unsigned>(n));
  const MatrixXd x = MatrixXd::Random(n, rank);
  return x * x.transpose();
}

}  // namespace

TEST_CASE("a spectrum reproduces its matrix, in long double", "[linalg]") {
  for (const Index n : {1, 2, 17, 150})
    for (const Index rank : {n, (n + 1) / 2}) {
      const MatrixXd k = semidefinite(n, rank);
      const sst::Spectrum spectrum(k);
      const Wide v = spectrum.vectors().cast<long double>();
      const Wide d = spectrum.values().cast<long double>().asDiagonal();
      const auto bound =
          static_cast<long double>(4 * static_cast<double>(n) * std::numeric_limits<double>::epsilon());
      INFO("n " << n << ", rank " << rank);
      CHECK((v * d * v.transpose() - k.cast<long double>()).norm() <= bound * d.norm());
      CHECK((v.transpose() * v - Wide::Identity(n, n)).norm() <= bound * 4);
      for (Index i = 1; i < n; ++i) CHECK(spectrum.values()[i - 1] <= spectrum.values()[i]);
    }
}

TEST_CASE("eigenvalues of the second difference matrix are 2 - 2 cos", "[linalg]") {
  constexpr Index n = 60;
  MatrixXd k = 2 * MatrixXd::Identity(n, n);
  k.diagonal(-1).setConstant(-1);  // the lower triangle alone is read
  k.diagonal(1).setConstant(99);
  const sst::Spectrum spectrum(k);
  for (Index i = 0; i < n; ++i)
    CHECK(spectrum.values()[i] ==
          Approx(2 - 2 * std::cos(static_cast<double>(i + 1) * std::acos(-1.0) / (n + 1))).margin(1e-13));
}

TEST_CASE("spectra of hard matrices are as accurate as those of easy ones", "[linalg]") {
  const auto turned = [](const VectorXd& values) {  // by a product of reflectors
    MatrixXd k = values.asDiagonal();
    for (unsigned seed = 1; seed < 4; ++seed) {
      const VectorXd v = sst_test::uniform(k.rows(), 1, seed).normalized();
      k -= 2 * v * (v.transpose() * k).eval();
      k -= 2 * (k * v).eval() * v.transpose();
    }
    return MatrixXd((k + k.transpose()) / 2);
  };
  constexpr Index n = 140;
  VectorXd graded(n), clustered = VectorXd::Ones(n);
  for (Index i = 0; i < n; ++i) graded[i] = std::pow(10.0, -300.0 * static_cast<double>(i) / n);
  for (Index i = 0; i < n; ++i) clustered[i] += i < 70 ? 0 : 1e-14 * static_cast<double>(i % 5);
  MatrixXd wilkinson = MatrixXd::Zero(n + 1, n + 1);  // W+: pairs of eigenvalues that agree to all digits
  wilkinson.diagonal() = VectorXd::LinSpaced(n + 1, -n / 2, n / 2).cwiseAbs();
  wilkinson.diagonal(1).setOnes();
  wilkinson.diagonal(-1).setOnes();
  wilkinson.diagonal().array() += 2;
  MatrixXd repeated = semidefinite(n, 5);  // rows that are equal
  repeated.bottomRows(n / 2) = repeated.topRows(n / 2).eval();
  repeated.rightCols(n / 2) = repeated.leftCols(n / 2).eval();
  const std::vector<std::pair<const char*, MatrixXd>> all{
      {"zero", MatrixXd::Zero(n, n)},
      {"identity", MatrixXd::Identity(n, n)},
      {"ones", MatrixXd::Ones(n, n)},
      {"diagonal", VectorXd::LinSpaced(n, 0, 1).asDiagonal()},
      {"graded", graded.asDiagonal()},
      {"graded upwards", graded.reverse().asDiagonal()},
      {"graded and full", graded * graded.transpose()},
      {"graded and turned", turned(graded)},
      {"clustered", turned(clustered)},
      {"two values", turned((VectorXd(n) << VectorXd::Ones(n / 2), VectorXd::Zero(n / 2)).finished())},
      {"Wilkinson", wilkinson},
      {"repeated", repeated},
      {"three", MatrixXd(semidefinite(3, 2))}};
  for (const auto& [name, k] : all)
    for (const double scale : {1.0, 1e-310, 1e-150, 1e150, 1e290}) {
      INFO(name << ", times " << scale);
      const MatrixXd scaled = scale * k;
      const sst::Spectrum spectrum(scaled);
      const Wide v = spectrum.vectors().cast<long double>(), exact = scaled.cast<long double>();
      const Wide d = spectrum.values().cast<long double>().asDiagonal();
      const auto rows = static_cast<long double>(k.rows());
      const long double bound = 4 * rows * std::numeric_limits<double>::epsilon();
      const long double least = std::numeric_limits<double>::denorm_min();
      CHECK((exact * v - v * d).norm() <= bound * exact.norm() + rows * rows * least);
      CHECK((v.transpose() * v - Wide::Identity(k.rows(), k.rows())).norm() <= bound);
      CHECK(std::is_sorted(spectrum.values().begin(), spectrum.values().end()));
    }
}

TEST_CASE("a spectrum does not depend on the number of threads", "[linalg]") {
  const MatrixXd k = semidefinite(301, 301);
  const sst::Spectrum one(k, 1e-8, {.threads = 1});
  for (const int threads : {2, 3, 7}) {
    const sst::Spectrum other(k, 1e-8, {.threads = threads});
    CHECK(sst_test::same_bits(one.vectors(), other.vectors()));
    CHECK(sst_test::same_bits(one.values(), other.values()));
  }
}

TEST_CASE("a spectrum says how far it is, and can be cancelled at each step", "[linalg]") {
  const MatrixXd k = semidefinite(200, 200);
  const auto seen = sst_test::cancelled_at_each_step(
      [&](const sst::ProgressFunction& progress) { sst::Spectrum(k, 1e-8, {.progress = progress}); });
  REQUIRE(seen.size() > 15);
}

TEST_CASE("what has no spectrum, or is no kernel, is an error", "[linalg]") {
  CHECK_THROWS_WITH(sst::Spectrum(MatrixXd(0, 0)), Contains("no rows"));
  CHECK_THROWS_WITH(sst::Spectrum(MatrixXd::Ones(3, 2)), Contains("3 x 2"));
  MatrixXd k = semidefinite(4, 4);
  k(2, 1) = std::numeric_limits<double>::quiet_NaN();
  CHECK_THROWS_WITH(sst::Spectrum(k), Contains("row 2, column 1"));
  k = MatrixXd::Identity(3, 3);
  k(1, 1) = -0.25;
  CHECK_THROWS_WITH(sst::Spectrum(k), Contains("eigenvalue -0.25"));
  k(1, 1) = -1e-7;
  CHECK_THROWS_AS(sst::Spectrum(k), sst::NotPositiveDefinite);
  CHECK(sst::Spectrum(k, 1e-6).values()[0] == -1e-7);
  CHECK_THROWS_AS(sst::Spectrum(MatrixXd::Constant(1, 1, -1)), sst::NotPositiveDefinite);
  CHECK(sst::Spectrum(MatrixXd::Zero(2, 2)).values()[1] == 0);
}

}  // namespace spectrum_tests
