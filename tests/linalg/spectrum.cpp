// SPDX-License-Identifier: MIT
#include "../catch.hpp"
#include "../matrices.hpp"

#include <limits>

#include <Eigen/Core>
#include <Eigen/LU>

#include <sst/linalg/spectrum.hpp>

namespace spectrum_tests {

using Catch::Matchers::Contains;
using Eigen::Index;
using Eigen::MatrixXd;

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

TEST_CASE("a spectrum does not depend on the number of threads", "[linalg]") {
  const MatrixXd k = semidefinite(200, 200);
  const sst::Spectrum one(k);
  Eigen::setNbThreads(2);
  const sst::Spectrum two(k);
  Eigen::setNbThreads(0);
  CHECK((one.vectors().array() == two.vectors().array()).all());
  CHECK((one.values().array() == two.values().array()).all());
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
