// SPDX-License-Identifier: MIT
#include "../catch.hpp"
#include "../matrices.hpp"

#include <set>

#include <Eigen/Cholesky>
#include <Eigen/Core>

#include <sst/pipeline/kernel_machine.hpp>
#include <sst/plan/compile.hpp>
#include <sst/regression/model.hpp>
#include <sst/regression/solver.hpp>
#include <sst/topology/families.hpp>

namespace solver_tests {

using Catch::Matchers::Contains;
using Eigen::Index;
using Eigen::MatrixXd;
using sst::Solver;

namespace {

using sst_test::Wide;

constexpr double gib = 1024.0 * 1024 * 1024;

const sst::Plan plan = compile(sst::sparse_shortcut(4), sst::Kernel::ntk);

}  // namespace

TEST_CASE("all solvers find the weights that long double algebra finds", "[regression]") {
  std::srand(2);
  const Index n = 400;
  const MatrixXd x = MatrixXd::Random(n, 5), y = MatrixXd::Random(n, 3);
  const MatrixXd k = gram(plan, sst::Kernel::ntk, x);
  const double lambda = 0.1 * k.diagonal().mean();
  Wide a = k.cast<long double>();
  a.diagonal().array() += static_cast<long double>(lambda);
  const MatrixXd wanted = a.llt().solve(y.cast<long double>()).cast<double>();
  for (const Solver solver :
       {Solver::automatic, Solver::cholesky, Solver::mixed, Solver::conjugate_gradients}) {
    std::set<std::string> stages;
    const auto result = solve_kernel_system(
        plan, sst::Kernel::ntk, x, y, sst::Ridge::relative(0.1),
        {.solver = solver, .tolerance = 1e-12, .progress = [&](const char* stage, double done) {
           stages.insert(stage);
           return done >= 0 && done <= 1;
         }});
    const auto& report = result.report;
    INFO(report.sentence);
    CHECK((result.weights - wanted).norm() <= 1e-9 * wanted.norm());
    CHECK(report.lambda == Approx(lambda));
    CHECK(report.converged);
    CHECK(report.solver == (solver == Solver::automatic ? Solver::cholesky : solver));
    CHECK_THAT(report.sentence, Contains(name(report.solver)) && Contains("because"));
    const bool iterative = solver == Solver::conjugate_gradients;
    CHECK(stages == (iterative ? std::set<std::string>{"preconditioner", "iterations"}
                               : std::set<std::string>{"kernel", "factor"}));
    CHECK((result.factor.size() > 0) == (report.solver == Solver::cholesky));
    CHECK((report.iterations > 0) == (iterative || solver == Solver::mixed));
  }
}

TEST_CASE("models are fitted by any solver", "[regression]") {
  std::srand(7);
  const sst::Topology net = sst::sparse_shortcut(4);
  const MatrixXd x = MatrixXd::Random(200, 5), y = MatrixXd::Random(200, 2), at = MatrixXd::Random(9, 5);
  const auto ridge = sst::Ridge::relative(0.1);
  const MatrixXd wanted = sst::fit(net, sst::Kernel::ntk, x, y, ridge).predict(at);
  const sst::KernelMachine machine{.topology = net, .ridge = ridge, .x = x, .y = y};
  for (const Solver solver : {Solver::cholesky, Solver::mixed, Solver::conjugate_gradients}) {
    const sst::SolverOptions options{.solver = solver, .tolerance = 1e-11};
    const auto [model, report] = sst::fit_with_solver(net, sst::Kernel::ntk, x, y, ridge, options);
    CHECK((model.predict(at) - wanted).norm() <= 1e-8 * wanted.norm());
    CHECK(model.lambda() == report.lambda);
    const auto solved = sst::fit_with_solver(machine, options);
    CHECK((solved.machine.predict(at) - wanted).norm() <= 1e-8 * wanted.norm());
    CHECK((solved.machine.factor.rows() == 200) == (solver == Solver::cholesky));
    CHECK(solved.report.solver == solver);
  }
}

TEST_CASE("where float leads no further, conjugate gradients go on in double", "[regression]") {
  std::srand(11);
  const MatrixXd x = MatrixXd::Random(300, 3).rowwise().normalized(), y = MatrixXd::Random(300, 1);
  const auto result = solve_kernel_system(plan, sst::Kernel::ntk, x, y, sst::Ridge::relative(1e-9),
                                          {.solver = Solver::conjugate_gradients, .tolerance = 1e-8});
  INFO(result.report.sentence);
  CHECK(result.report.converged);
  MatrixXd a = gram(plan, sst::Kernel::ntk, x);
  a.diagonal().array() += result.report.lambda;
  CHECK((a * result.weights - y).norm() <= 2e-8 * y.norm());
}

TEST_CASE("conjugate gradients that stop short say so", "[regression]") {
  std::srand(5);
  const MatrixXd x = MatrixXd::Random(300, 8), y = MatrixXd::Random(300, 1);
  const auto result =
      solve_kernel_system(plan, sst::Kernel::ntk, x, y, sst::Ridge::relative(1e-4),
                          {.solver = Solver::conjugate_gradients, .iterations = 3, .rank = 2});
  CHECK_FALSE(result.report.converged);
  CHECK(result.report.residuals[0] > 1e-6);
  CHECK_THAT(result.report.sentence, Contains("limit of iterations"));
}

TEST_CASE("the choice of a solver follows size, memory and need", "[regression]") {
  const auto choice = [](Index n, double memory) { return sst::choose_solver(n, {.memory = memory}); };
  CHECK(choice(1000, gib).solver == Solver::cholesky);
  CHECK(choice(20000, 5 * gib).solver == Solver::mixed);
  CHECK(choice(20000, 4 * gib).solver == Solver::cholesky);
  CHECK(choice(20000, 2 * gib).solver == Solver::conjugate_gradients);
  CHECK_THAT(choice(20000, 2 * gib).sentence, Contains("2.98 GiB") && Contains("2 GiB may be used"));
  CHECK(choice(1000, 1e6).solver == Solver::conjugate_gradients);
  CHECK(sst::choose_solver(20000, {.needs_factor = true, .memory = 9 * gib}).solver == Solver::cholesky);
  CHECK(sst::choose_solver(10, {.solver = Solver::mixed}).solver == Solver::mixed);
  CHECK_THROWS_WITH(sst::choose_solver(20000, {.needs_factor = true, .memory = gib}),
                    Contains("factor is needed") && Contains("2.98 GiB"));
  CHECK_THROWS_WITH(sst::choose_solver(20000, {.solver = Solver::mixed, .memory = gib}),
                    Contains("asked for"));
  CHECK_THROWS_WITH(sst::choose_solver(10, {.solver = Solver::mixed, .needs_factor = true}),
                    Contains("only cholesky"));
}

TEST_CASE("bad input of a solver is an error", "[regression]") {
  const MatrixXd x = MatrixXd::Ones(3, 2), y = MatrixXd::Ones(3, 1);
  const auto solve = [&](const MatrixXd& samples, const MatrixXd& targets, sst::SolverOptions options = {}) {
    return solve_kernel_system(plan, sst::Kernel::ntk, samples, targets, sst::Ridge::relative(0.1), options);
  };
  CHECK_THROWS_WITH(solve(MatrixXd(0, 2), MatrixXd(0, 1)), Contains("no training samples"));
  CHECK_THROWS_WITH(solve(x, MatrixXd::Ones(2, 1)), Contains("2 x 1"));
  CHECK_THROWS_WITH(solve(x, MatrixXd(3, 0)), Contains("3 x 0"));
  CHECK_THROWS_WITH(solve(x, y * std::nan("")), Contains("row 0, column 0"));
  CHECK_THROWS_WITH(solve(x, y, {.tolerance = -1}), Contains("tolerance -1"));
  for (const Solver solver : {Solver::cholesky, Solver::mixed, Solver::conjugate_gradients})
    CHECK_THROWS_AS(solve(x, y, {.solver = solver, .progress = [](const char*, double) { return false; }}),
                    sst::Cancelled);
}

TEST_CASE("rows are appended to a factor as if they had been there", "[regression]") {
  std::srand(8);
  for (const Index n : {0, 1, 50, 300})
    for (const Index m : {1, 30}) {
      const MatrixXd x = MatrixXd::Random(n + m, n + m),
                     a = x * x.transpose() + MatrixXd::Identity(n + m, n + m);
      sst::Cholesky<double> factor(MatrixXd(a.topLeftCorner(n, n)), {.tile = 40});
      factor.append(a.bottomLeftCorner(m, n), a.bottomRightCorner(m, m));
      const Wide l = MatrixXd(factor.lower()).cast<long double>();
      INFO(n << " + " << m);
      REQUIRE(factor.size() == n + m);
      CHECK((l * l.transpose() - a.cast<long double>()).norm() <=
            1e-14L * static_cast<long double>(a.norm()));
      const MatrixXd b = MatrixXd::Random(n + m, 2);
      CHECK((a * factor.solve(b) - b).norm() <= 1e-11 * b.norm());
    }
  sst::Cholesky<double> factor(MatrixXd::Identity(4, 4));
  MatrixXd corner = MatrixXd::Identity(2, 2), across = MatrixXd::Zero(2, 4);
  across(1, 0) = 1;
  try {
    factor.append(across, corner);
    FAIL("a singular matrix was factored");
  } catch (const sst::NotPositiveDefinite& error) {
    CHECK(error.pivot_index == 5);
  }
  CHECK(factor.size() == 4);
  CHECK_THROWS_WITH(factor.append(across.transpose(), corner), Contains("4 x 2"));
  CHECK_THROWS_AS(factor.append(across, corner * std::nan("")), sst::DataError);
}

}  // namespace solver_tests
