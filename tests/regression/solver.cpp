// SPDX-License-Identifier: MIT
#include "../catch.hpp"
#include "../little_memory.hpp"
#include "../matrices.hpp"
#include "../thread_ranks.hpp"

#include <algorithm>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include <Eigen/Cholesky>
#include <Eigen/Core>

#include <sst/cluster/predict.hpp>
#include <sst/kernel/kernel_operator.hpp>
#include <sst/kernel/network_kernel.hpp>
#include <sst/kernel/own_kernel.hpp>
#include <sst/regression/model.hpp>
#include <sst/regression/solver.hpp>
#include <sst/topology/families.hpp>
#include <sst/topology/node.hpp>

namespace solver_tests {

using Catch::Matchers::Contains;
using Eigen::Index;
using Eigen::MatrixXd;
using sst::Solver;

namespace {

using sst_test::Wide;

constexpr double gib = 1024.0 * 1024 * 1024;

const sst::KernelFunction kernel = sst::ntk(sst::sparse_shortcut(4));

sst::SolverResult solve(const MatrixXd& x, const MatrixXd& y, const sst::Ridge& ridge,
                        const sst::FitOptions& options) {
  return solve_kernel_system(kernel, x, kernel.against(x), y, ridge, options);
}

}  // namespace

TEST_CASE("all solvers find the weights that long double algebra finds", "[regression]") {
  std::srand(2);
  const Index n = 400;
  const MatrixXd x = MatrixXd::Random(n, 5), y = MatrixXd::Random(n, 3);
  const MatrixXd k = kernel.matrix(x);
  const double lambda = 0.1 * k.diagonal().mean();
  Wide a = k.cast<long double>();
  a.diagonal().array() += static_cast<long double>(lambda);
  const MatrixXd wanted = a.llt().solve(y.cast<long double>()).cast<double>();
  for (const Solver solver :
       {Solver::automatic, Solver::cholesky, Solver::mixed, Solver::conjugate_gradients}) {
    std::vector<double> told;
    const auto result = solve(x, y, sst::Ridge::relative(0.1),
                              {.solver = solver, .tolerance = 1e-12, .progress = [&](double done) {
                                 told.push_back(done);
                                 return true;
                               }});
    const auto& report = result.report;
    INFO(report.sentence);
    CHECK((result.weights - wanted).norm() <= 1e-9 * wanted.norm());
    CHECK(report.lambda == Approx(lambda));
    CHECK(report.converged);
    CHECK(report.solver == (solver == Solver::automatic ? Solver::cholesky : solver));
    CHECK_THAT(report.sentence, Contains(name(report.solver)) && Contains("because"));
    const bool iterative = solver == Solver::conjugate_gradients;
    CHECK(told.size() > 1);
    CHECK(told.front() > 0);
    CHECK(std::is_sorted(told.begin(), told.end()));
    CHECK(told.back() == Approx(1));
    CHECK((result.factor != nullptr) == (report.solver == Solver::cholesky));
    CHECK(report.memory > 0);
    CHECK((report.iterations > 0) == (iterative || solver == Solver::mixed));
  }
}

TEST_CASE("models are fitted by any solver", "[regression]") {
  std::srand(7);
  const sst::Topology net = sst::sparse_shortcut(4);
  const MatrixXd x = MatrixXd::Random(200, 5), y = MatrixXd::Random(200, 2), at = MatrixXd::Random(9, 5);
  const auto ridge = sst::Ridge::relative(0.1);
  const MatrixXd wanted = sst::fit(sst::ntk(net), x, y, ridge).predict(at);
  for (const Solver solver : {Solver::cholesky, Solver::mixed, Solver::conjugate_gradients}) {
    const auto model = sst::fit(sst::ntk(net), x, y, ridge, {.solver = solver, .tolerance = 1e-11});
    CHECK((model.predict(at) - wanted).norm() <= 1e-8 * wanted.norm());
    CHECK((model.known_factor() != nullptr) == (solver == Solver::cholesky));
    CHECK(model.report().solver == solver);
    // What takes the factor makes it.
    CHECK((model.leave_one_out() - sst::fit(sst::ntk(net), x, y, ridge).leave_one_out()).norm() < 1e-7);
    CHECK(model.known_factor() != nullptr);
  }
}

TEST_CASE("weighted samples are the same problem for all solvers", "[regression]") {
  std::srand(9);
  const MatrixXd x = MatrixXd::Random(150, 4), y = MatrixXd::Random(150, 2);
  const Eigen::VectorXd w = Eigen::VectorXd::Random(150).array() + 1.5;
  const auto weights = [&](Solver solver) {
    return sst::fit(kernel, x, y, sst::Ridge::relative(0.1),
                    {.solver = solver, .tolerance = 1e-11, .sample_weights = w})
        .weights();
  };
  const MatrixXd direct = weights(Solver::cholesky);
  CHECK((weights(Solver::mixed) - direct).norm() < 1e-9 * direct.norm());
  CHECK((weights(Solver::conjugate_gradients) - direct).norm() < 1e-8 * direct.norm());
}

TEST_CASE("any kernel is solved without its matrix: images, functions of one's own, sums", "[regression]") {
  std::srand(10);
  const sst::ImageShape shape{.height = 5, .width = 5, .channels = 2};
  const auto net =
      sst::trace([](sst::Node in) { return dense(global_avg_pool(relu(conv(in, {.weight_std = 1.4})))); });
  const auto laplace = sst::kernel_function(
      "laplace", [](const auto& a, const auto& b) { return std::exp(-(a - b).norm() / 4); });
  const MatrixXd x = MatrixXd::Random(60, 50), y = MatrixXd::Random(60, 2), at = MatrixXd::Random(7, 50);
  for (const auto& k : {sst::ntk(net, shape), laplace, 0.5 * laplace + 2 * sst::nngp(sst::chain(2))}) {
    INFO(k.description());
    const auto direct = sst::fit(k, x, y, sst::Ridge::relative(0.01), {.solver = Solver::cholesky});
    const auto iterative = sst::fit(k, x, y, sst::Ridge::relative(0.01),
                                    {.solver = Solver::conjugate_gradients, .tolerance = 1e-9});
    const MatrixXd wanted = direct.predict(at);
    CHECK((iterative.predict(at) - wanted).norm() <= 1e-6 * wanted.norm());
  }
}

TEST_CASE("where float leads no further, conjugate gradients go on in double", "[regression]") {
  std::srand(11);
  const MatrixXd x = MatrixXd::Random(300, 3).rowwise().normalized(), y = MatrixXd::Random(300, 1);
  const auto result =
      solve(x, y, sst::Ridge::relative(1e-9), {.solver = Solver::conjugate_gradients, .tolerance = 1e-8});
  INFO(result.report.sentence);
  CHECK(result.report.converged);
  MatrixXd a = kernel.matrix(x);
  a.diagonal().array() += result.report.lambda;
  CHECK((a * result.weights - y).norm() <= 2e-8 * y.norm());
}

TEST_CASE("a solver fits where what it takes may be used", "[regression]") {
  const Index n = 5000;
  for (const Solver solver : {Solver::cholesky, Solver::mixed, Solver::conjugate_gradients}) {
    sst::FitOptions options{.solver = solver, .rank = 20, .memory = 1e9, .threads = 2};
    options.memory = sst::solver_bytes(solver, n, options);
    INFO(name(solver));
    CHECK(sst::solver_fits(solver, n, options));
    CHECK(sst::choose_solver(n, options).solver == solver);
    options.memory *= solver == Solver::mixed ? 0.3 : 0.99;  // mixed needs less where it has less
    CHECK_FALSE(sst::solver_fits(solver, n, options));
    CHECK_THROWS_WITH(sst::choose_solver(n, options), Contains("may be used"));
  }
}

TEST_CASE("progress does not go back where a factor in float was of no use", "[regression]") {
  std::srand(16);
  const Index n = 1100, alike = 100;  // the last ones, so that float fails late
  MatrixXd x = 10 * Eigen::VectorXd::LinSpaced(n, 0, static_cast<double>(n - 1)), y = MatrixXd::Random(n, 1);
  x.bottomRows(alike) = MatrixXd::Constant(alike, 1, -10) + MatrixXd::Random(alike, 1);
  const auto smooth = sst::kernel_function(
      "gaussian", [](const auto& a, const auto& b) { return std::exp(-(a - b).squaredNorm()); });
  std::vector<double> told;
  const auto model = sst::fit(smooth, x, y, sst::Ridge::relative(1e-10),
                              {.solver = Solver::mixed, .progress = [&](double done) {
                                 told.push_back(done);
                                 return true;
                               }});
  CHECK_THAT(model.report().sentence, Contains("factored in double"));
  CHECK(std::is_sorted(told.begin(), told.end()));
  CHECK(std::adjacent_find(told.begin(), told.end()) != told.end());  // it waits to be as far again
}

TEST_CASE("what a model makes late is within its progress", "[regression]") {
  std::srand(17);
  const MatrixXd x = MatrixXd::Random(200, 3), y = MatrixXd::Random(200, 1), at = MatrixXd::Random(30, 3);
  const auto told_of = [&](auto&& work) {
    sst::Model model = sst::fit(sst::ntk(sst::sparse_shortcut(3)), x, y, sst::Ridge::relative(0.1),
                                {.solver = Solver::conjugate_gradients});  // no factor yet
    std::vector<double> told;
    work(model, sst::Execution{.progress = [&](double done) {
           told.push_back(done);
           return true;
         }});
    REQUIRE_FALSE(told.empty());
    CHECK(std::is_sorted(told.begin(), told.end()));
    CHECK(told.back() == Approx(1));
  };
  told_of([](auto& model, const sst::Execution& e) { model.factorize(e); });
  told_of([&](auto& model, const sst::Execution& e) {
    model.predict_with_std(at, sst::ObservationNoise::excluded, e);
  });
  told_of([&](auto& model, const sst::Execution& e) { model.variance_gradients(at, e); });
  told_of([&](auto& model, const sst::Execution& e) {
    model.covariance(at, sst::ObservationNoise::excluded, e);
  });
  told_of([](auto& model, const sst::Execution& e) {
    model.leave_one_out_with_std(sst::ObservationNoise::included, e);
  });
  told_of([&](auto& model, const sst::Execution& e) { model.append(at, MatrixXd::Ones(30, 1), e); });
}

TEST_CASE("conjugate gradients keep what memory has room for, and say so", "[regression]") {
  std::srand(12);
  const Index n = 1500;
  const MatrixXd x = MatrixXd::Random(n, 4), y = MatrixXd::Random(n, 2);
  const double base = sst::solver_bytes(Solver::conjugate_gradients, n, {.rank = 20, .threads = 2}, 2);
  struct Case {
    double kernels;  ///< in double, of room beside the rest
    std::string says;
  };
  MatrixXd first;
  for (const auto& [kernels, says] :
       {Case{0, "computed anew for every product"}, Case{0.1, "in float, "},
        Case{0.6, "in float, all of them"}, Case{1.1, "in double and in float, all of them"}}) {
    const double memory = base + kernels * sst::KernelOperator<double>::bytes(n);
    const auto result =
        solve(x, y, sst::Ridge::relative(1e-2),
              {.solver = Solver::conjugate_gradients, .rank = 20, .memory = memory, .threads = 2});
    INFO(result.report.sentence << " of " << memory << " bytes");
    CHECK_THAT(result.report.sentence, Contains("kernel values") && Contains(says));
    CHECK(result.report.memory <= memory);
    CHECK(result.report.converged);
    if (kernels == 0) first = result.weights;
    CHECK((result.weights - first).norm() <= 1e-4 * first.norm());
  }
}

TEST_CASE("kernels beyond the range of float are solved in double", "[regression]") {
  std::srand(14);
  const Index n = 700;
  const MatrixXd x = MatrixXd::Random(n, 4), y = MatrixXd::Random(n, 1);
  const MatrixXd wanted = solve(x, y, sst::Ridge::relative(1e-2), {.solver = Solver::cholesky}).weights;
  for (const double size : {1e-60, 1e60})
    for (const double memory : {1e9, 2e7}) {  // with room for tiles and without
      const auto k = size * kernel;
      const auto result = solve_kernel_system(k, x, k.against(x), y, sst::Ridge::relative(1e-2),
                                              {.solver = Solver::conjugate_gradients,
                                               .tolerance = 1e-10,
                                               .rank = 20,
                                               .memory = memory,
                                               .threads = 1});
      INFO(result.report.sentence);
      CHECK((result.weights * size - wanted).norm() <= 1e-7 * wanted.norm());
    }
}

TEST_CASE("mixed without room for the kernel in double factors in float alone", "[regression]") {
  std::srand(13);
  const Index n = 900;
  const MatrixXd x = MatrixXd::Random(n, 5), y = MatrixXd::Random(n, 2);
  const Eigen::VectorXd w = Eigen::VectorXd::Random(n).array() + 1.5;
  const double buffers = 8.0 * (1 << 20) * 2, square = 8.0 * n * n;
  for (const Eigen::VectorXd& weights : {Eigen::VectorXd(), w}) {
    const auto with = [&](Solver solver, double memory) {
      return solve(x, y, sst::Ridge::relative(0.01),
                   {.solver = solver, .memory = memory, .sample_weights = weights, .threads = 2});
    };
    const MatrixXd wanted = with(Solver::cholesky, 0).weights;
    for (const double room : {0.6, 1.3}) {
      const auto result = with(Solver::mixed, buffers + room * square);
      INFO(result.report.sentence);
      CHECK((result.weights - wanted).norm() <= 1e-9 * wanted.norm());
      CHECK(result.report.residuals.maxCoeff() <= 1e-12);
      CHECK(result.report.memory <= buffers + room * square);
      CHECK_THAT(result.report.sentence, Contains("factored in float") &&
                                             Contains(room < 1 ? "computed anew" : "in double, all of them"));
    }
  }
  const MatrixXd alike = MatrixXd::Random(n, 1);  // float cannot tell its rows apart
  CHECK_THROWS_WITH(solve(alike, y, sst::Ridge::absolute(1e-9),
                          {.solver = Solver::mixed, .memory = buffers + 0.6 * square, .threads = 2}),
                    Contains("in float") && Contains("conjugate_gradients"));
  CHECK_THROWS_AS(solve(x, y, sst::Ridge::relative(0.01),
                        {.solver = Solver::mixed,
                         .memory = buffers + 0.6 * square,
                         .threads = 2,
                         .progress = [](double done) { return done < 0.91; }}),
                  sst::Cancelled);
}

TEST_CASE("ranks find the same weights and predictions, to the bit", "[regression]") {
  std::srand(14);
  const Index n = 1300;
  const MatrixXd x = MatrixXd::Random(n, 4), y = MatrixXd::Random(n, 2), at = MatrixXd::Random(11, 4);
  for (const double memory : {3e7, 1e9}) {
    MatrixXd weights, means;
    for (const int count : {1, 2, 3, 4}) {
      std::mutex mutex;
      sst_test::as_ranks(count, [&](std::shared_ptr<const sst::Ranks> ranks) {
        const auto model = sst::fit(kernel, x, y, sst::Ridge::relative(1e-2),
                                    {.solver = Solver::conjugate_gradients,
                                     .rank = 30,
                                     .memory = memory,
                                     .threads = 1,
                                     .ranks = ranks});
        const MatrixXd mean = sst::predict(model, at, *ranks, {.threads = 1});
        const std::lock_guard lock(mutex);
        INFO("rank " << ranks->number() << " of " << count << ": " << model.report().sentence);
        CHECK((mean - model.predict(at)).norm() <= 1e-13 * mean.norm());
        if (weights.size() == 0) weights = model.weights(), means = mean;
        // What is kept, in float or double, follows the memory of all ranks.
        if (memory > 1e8) CHECK(sst_test::same_bits(model.weights(), weights));
        CHECK((model.weights() - weights).norm() <= 1e-4 * weights.norm());
      });
    }
  }
  // What no rank brings is found out: the memory of all is that of the one with the least.
  sst_test::as_ranks(3, [&](std::shared_ptr<const sst::Ranks> ranks) {
    if (ranks->least(3.0 - ranks->number()) != 1.0) throw sst::Error("the least is another");
  });
}

TEST_CASE("conjugate gradients that stop short say so", "[regression]") {
  std::srand(5);
  const MatrixXd x = MatrixXd::Random(300, 8), y = MatrixXd::Random(300, 1);
  const auto result = solve(x, y, sst::Ridge::relative(1e-4),
                            {.solver = Solver::conjugate_gradients,
                             .iterations = 3,
                             .unconverged = sst::Unconverged::allowed,
                             .rank = 2});
  CHECK_THROWS_WITH(solve(x, y, sst::Ridge::relative(1e-4),
                          {.solver = Solver::conjugate_gradients, .iterations = 3, .rank = 2}),
                    Contains("limit of iterations") && Contains("allowed"));
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
  CHECK_THAT(choice(20000, 2 * gib).sentence, Contains("3 GiB") && Contains("2 GiB may be used"));
  CHECK(choice(1000, 1e6).solver == Solver::conjugate_gradients);
  CHECK(sst::choose_solver(20000, {.needs_factor = true, .memory = 9 * gib}).solver == Solver::cholesky);
  CHECK(sst::choose_solver(10, {.solver = Solver::mixed}).solver == Solver::mixed);
  CHECK_THROWS_WITH(sst::choose_solver(20000, {.needs_factor = true, .memory = gib}),
                    Contains("factor is needed") && Contains("3 GiB"));
  CHECK_THROWS_WITH(sst::choose_solver(20000, {.solver = Solver::mixed, .memory = gib}),
                    Contains("asked for"));
  CHECK(sst::choose_solver(20000, {.solver = Solver::mixed, .memory = 2 * gib}).solver == Solver::mixed);
  CHECK_THROWS_WITH(sst::choose_solver(10, {.solver = Solver::mixed, .needs_factor = true}),
                    Contains("only cholesky"));
}

TEST_CASE("what happens to be free chooses no solver of a small kernel", "[regression]") {
  const sst_test::LittleMemory little(1 << 20);
  CHECK(sst::choose_solver(1024).solver == Solver::cholesky);
  CHECK(sst::choose_solver(1025).solver == Solver::conjugate_gradients);
}

TEST_CASE("nor does it where ranks share a machine", "[regression]") {
  std::mutex mutex;
  sst_test::as_ranks(4, [&](std::shared_ptr<const sst::Ranks> ranks) {
    std::optional<sst_test::LittleMemory> little;
    if (ranks->number() == 0) little.emplace(1 << 20);
    const Solver few = sst::choose_solver(1024, {.ranks = ranks}).solver,
                 more = sst::choose_solver(1025, {.ranks = ranks}).solver;
    const std::lock_guard lock(mutex);
    CHECK(few == Solver::cholesky);
    CHECK(more == Solver::conjugate_gradients);
  });
}

TEST_CASE("bad input of a solver is an error", "[regression]") {
  const MatrixXd x = MatrixXd::Ones(3, 2), y = MatrixXd::Ones(3, 1);
  const auto attempt = [&](const MatrixXd& samples, const MatrixXd& targets, sst::FitOptions options = {}) {
    return solve(samples, targets, sst::Ridge::relative(0.1), options);
  };
  CHECK_THROWS_WITH(attempt(MatrixXd(0, 2), MatrixXd(0, 1)), Contains("no training samples"));
  CHECK_THROWS_WITH(attempt(x, MatrixXd::Ones(2, 1)), Contains("3 training samples and 2 rows"));
  CHECK_THROWS_WITH(attempt(x, MatrixXd(3, 0)), Contains("no columns"));
  CHECK_THROWS_WITH(attempt(x, y * std::nan("")), Contains("row 0, column 0"));
  CHECK_THROWS_WITH(attempt(x, y, {.tolerance = -1}), Contains("tolerance -1"));
  for (const Solver solver : {Solver::cholesky, Solver::mixed, Solver::conjugate_gradients})
    CHECK_THROWS_AS(attempt(x, y, {.solver = solver, .progress = [](double) { return false; }}),
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
