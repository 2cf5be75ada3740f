// SPDX-License-Identifier: MIT
#include "../catch.hpp"

#include <unistd.h>

#include <cstdio>
#include <memory>
#include <string>

#include <Eigen/Cholesky>
#include <Eigen/Core>

#include <sst/cluster/spread_model.hpp>
#include <sst/kernel/network_kernel.hpp>
#include <sst/kernel/own_kernel.hpp>
#include <sst/regression/model.hpp>
#include <sst/topology/families.hpp>

namespace spread_model_tests {

using Catch::Matchers::Contains;
using Eigen::Index;
using Eigen::MatrixXd;

TEST_CASE("a factor over ranks solves as one in one process", "[cluster]") {
  std::srand(1);
  const auto ranks = std::make_shared<const sst::MpiRanks>();
  const sst::KernelFunction kernel = sst::nngp(sst::chain(3, {.weight_std = 1.4, .bias_std = 0.1}));
  for (const Index n : {1, 5, 128, 129, 700}) {
    const MatrixXd x = MatrixXd::Random(n, 4), b = MatrixXd::Random(n, 3);
    const Eigen::VectorXd d = Eigen::VectorXd::Random(n).array() + 1.5;
    const auto tiles = kernel.against(x).tiles();
    const sst::ScalapackCholesky spread(*tiles, d, ranks);
    MatrixXd a = kernel.matrix(x);
    a.diagonal() += d;
    INFO("n " << n << " on " << ranks->count() << " ranks");
    CHECK((a * spread.solve(b) - b).norm() <= 1e-13 * b.norm());
    CHECK(spread.trace() == Approx(a.trace()).epsilon(1e-14));
    const Eigen::LLT<MatrixXd> llt(a);
    const MatrixXd half = llt.matrixL().solve(b);
    CHECK((spread.solve_lower(b) - half).norm() <= 1e-13 * half.norm());
    CHECK(spread.log_determinant() ==
          Approx(2 * MatrixXd(llt.matrixL()).diagonal().array().log().sum()).epsilon(1e-12));
    const Eigen::VectorXd inverse = a.llt().solve(MatrixXd::Identity(n, n)).diagonal();
    CHECK((spread.inverse_diagonal() - inverse).norm() <= 1e-12 * inverse.norm());
    CHECK(spread.solve(MatrixXd(n, 0)).cols() == 0);
    CHECK_THROWS_AS(spread.solve(MatrixXd::Zero(n + 1, 1)), sst::DataError);
  }
}

TEST_CASE("a factor of 4,000 rows leaves a residual of rounding", "[cluster]") {
  std::srand(2);
  const Index n = 4000;
  const auto ranks = std::make_shared<const sst::MpiRanks>();
  const sst::KernelFunction kernel = sst::ntk(sst::sparse_shortcut(4, {.weight_std = 1.4, .bias_std = 0.1}));
  const MatrixXd x = MatrixXd::Random(n, 20), y = MatrixXd::Random(n, 1);
  const sst::SpreadModel spread(kernel, x, y, sst::Ridge::relative(1e-3), ranks);
  const sst::KernelOperator<double> k(kernel.against(x).tiles(), {.ranks = ranks});
  const MatrixXd& w = spread.model().weights();
  CHECK((k.apply(w) + spread.model().lambda() * w - y).norm() <= 1e-12 * y.norm());
}

TEST_CASE("a spread model is the model of one process, with its uncertainty", "[cluster]") {
  std::srand(3);
  const Index n = 500;
  const auto ranks = std::make_shared<const sst::MpiRanks>();
  const MatrixXd x = MatrixXd::Random(n, 4), y = MatrixXd::Random(n, 2), at = MatrixXd::Random(13, 4);
  const sst::Topology net = sst::sparse_shortcut(3, {.weight_std = 1.4, .bias_std = 0.1});
  for (const sst::KernelFunction& kernel : {sst::ntk(net), sst::nngp(net)}) {
    const auto ridge = sst::Ridge::relative(1e-2);
    const sst::SpreadModel spread(kernel, x, y, ridge, ranks);
    const auto alone = sst::fit(kernel, x, y, ridge);
    INFO(kernel.description());
    CHECK(spread.model().lambda() == Approx(alone.lambda()).epsilon(1e-14));
    const auto found = spread.predict_with_std(at, sst::ObservationNoise::included),
               wanted = alone.predict_with_std(at, sst::ObservationNoise::included);
    CHECK((found.mean - wanted.mean).norm() <= 1e-10 * wanted.mean.norm());
    CHECK((found.std - wanted.std).norm() <= 1e-10 * wanted.std.norm());
    CHECK((spread.predict(at) - wanted.mean).norm() <= 1e-10 * wanted.mean.norm());
    CHECK((spread.leave_one_out() - alone.leave_one_out()).norm() <= 1e-9 * y.norm());
    CHECK((spread.log_marginal_likelihood() - alone.log_marginal_likelihood()).norm() <=
          1e-10 * alone.log_marginal_likelihood().norm());
  }
}

TEST_CASE("a factorization that fails is the error it is in one process", "[cluster]") {
  const auto ranks = std::make_shared<const sst::MpiRanks>();
  const auto odd = sst::kernel_function("odd", [](const auto& a, const auto& b) {
    return a[0] == b[0] ? 2.0 : (a[0] == 250 || b[0] == 250 ? 1.9 : 0.0);
  });
  const MatrixXd x = Eigen::VectorXd::LinSpaced(400, 0, 399);
  std::string alone;
  try {
    MatrixXd a = odd.matrix(x);
    sst::Cholesky<double>(std::move(a));
  } catch (const sst::NotPositiveDefinite& error) {
    alone = error.what();
    CHECK(error.pivot_index == 250);
  }
  CHECK(alone != "");
  try {
    sst::ScalapackCholesky(*odd.against(x).tiles(), Eigen::VectorXd::Zero(400), ranks);
    FAIL("a factor was found");
  } catch (const sst::NotPositiveDefinite& error) {
    CHECK(error.pivot_index == 250);
    CHECK(std::string(error.what()).substr(0, 60) == alone.substr(0, 60));
  }
}

TEST_CASE("factors may live at the same time", "[cluster]") {
  const auto mpi = std::make_shared<const sst::MpiRanks>();
  const MatrixXd x = MatrixXd::Random(200, 3), y = MatrixXd::Random(200, 1);
  const auto kernel = sst::ntk(sst::chain(2));
  const auto ridge = sst::Ridge::relative(1e-2);
  // BLACS only warns, on the standard error.
  std::FILE* const caught = std::tmpfile();
  REQUIRE(caught);
  const int before = dup(2);
  dup2(fileno(caught), 2);
  auto first = std::make_unique<const sst::SpreadModel>(kernel, x, y, ridge, mpi);
  auto second = std::make_unique<const sst::SpreadModel>(kernel, x, y, ridge, mpi);
  const MatrixXd once = first->factor().solve(y);
  first.reset();
  const MatrixXd twice = second->factor().solve(y);
  second.reset();
  dup2(before, 2);
  close(before);
  CHECK(once == twice);
  CHECK(lseek(fileno(caught), 0, SEEK_END) == 0);
  std::fclose(caught);
}

TEST_CASE("a rank's share is stated before it is taken", "[cluster]") {
  CHECK(sst::ScalapackCholesky::bytes(1000, 1) >= 8e6);
  CHECK(sst::ScalapackCholesky::bytes(100000, 4) <= 1.01 * 8e10 / 4);
  CHECK(sst::ScalapackCholesky::bytes(100000, 4) >= 8e10 / 4);
}

}  // namespace spread_model_tests
