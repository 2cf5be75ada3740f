// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <Eigen/Core>

#include <sst/base/memory.hpp>
#include <sst/error.hpp>
#include <sst/kernel/gram.hpp>
#include <sst/kernel/kernel_operator.hpp>
#include <sst/linalg/cholesky.hpp>
#include <sst/linalg/conjugate_gradients.hpp>
#include <sst/linalg/mixed.hpp>
#include <sst/linalg/randomly_pivoted_cholesky.hpp>
#include <sst/linalg/ridge.hpp>
#include <sst/plan/compile.hpp>
#include <sst/plan/plan.hpp>
#include <sst/regression/model.hpp>
#include <sst/topology/topology.hpp>
#include <sst/version.hpp>

namespace sst {
inline namespace SST_ABI {

/// How (K + lambda I) W = Y is solved.
enum class Solver {
  automatic,           ///< one of the others, by size, memory and need; see choose_solver
  cholesky,            ///< exact, in double; n^2 doubles
  mixed,               ///< factored in float, refined to double; 1.5 n^2 doubles
  conjugate_gradients  ///< iterative, kernel values computed anew; n x (rank + 300) doubles
};

/// The solver's name, as options and reports write it.
inline const char* name(Solver solver) {
  switch (solver) {
    case Solver::automatic:
      return "automatic";
    case Solver::cholesky:
      return "cholesky";
    case Solver::mixed:
      return "mixed";
    case Solver::conjugate_gradients:
      break;
  }
  return "conjugate_gradients";
}

/// How a system is solved.
struct SolverOptions {
  Solver solver = Solver::automatic;  ///< which solver
  /// Whether the factor itself is wanted, for variances, leave-one-out or rows to append: then it is
  /// Cholesky.
  bool needs_factor = false;
  /// Relative residual at which solving stops; 0: 1e-12 for mixed, 1e-6 for conjugate gradients.
  double tolerance = 0;
  int iterations = 1000;        ///< of conjugate gradients, at the most; 1 or more
  Eigen::Index rank = 0;        ///< of their preconditioner; 0: by n and memory
  std::uint64_t seed = 0;       ///< of their preconditioner
  double memory = 0;            ///< bytes that may be used; 0: nine tenths of what is free
  int threads = 0;              ///< 0: as many as OpenMP gives; nothing depends on it
  Path path = Path::automatic;  ///< how the kernel is computed; see Path
  /// Called with the stage ("kernel", "factor", "preconditioner", "iterations") and the fraction of it that
  /// is done (of iterations, by the logarithm of the residual); returning false cancels (throws Cancelled).
  std::function<bool(const char*, double)> progress = {};
};

/// A solver for a problem.
struct SolverChoice {
  Solver solver;         ///< which one
  std::string sentence;  ///< what was chosen, and why
};

namespace solver_detail {

using Eigen::Index;

/// Below this many rows a factorization takes less than a second, and there is nothing to gain.
inline constexpr Index few_rows = 4096;

inline double budget(const SolverOptions& options) {
  return options.memory > 0 ? options.memory : 0.9 * available_memory();
}

/// Columns that are in use beside the preconditioner's: a block of pivots, and the iteration's vectors.
inline constexpr double more_columns = 300;

/// Columns of the preconditioner: more save iterations until making them costs as much as they save.
inline Index rank(Index n, const SolverOptions& options) {
  if (options.rank > 0) return std::min(options.rank, n);
  const double rows = static_cast<double>(std::max<Index>(1, n));
  const double by_memory = budget(options) / (sizeof(double) * rows) - more_columns;
  return std::clamp<Index>(static_cast<Index>(std::min(5 * std::sqrt(rows), by_memory)), 1,
                           std::max<Index>(1, n));
}

/// Bytes a solver takes, the kernel included.
inline double bytes(Solver solver, Index n, const SolverOptions& options) {
  const double square = static_cast<double>(n) * static_cast<double>(n) * sizeof(double);
  if (solver == Solver::cholesky) return square;
  if (solver == Solver::mixed) return 1.5 * square;
  return sizeof(double) * static_cast<double>(n) * (static_cast<double>(rank(n, options)) + more_columns);
}

inline std::string gib(double bytes) {
  std::ostringstream text;
  text.precision(3);
  text << bytes / (1024.0 * 1024 * 1024) << " GiB";
  return text.str();
}

}  // namespace solver_detail

/// The solver for n rows, and one sentence that says what and why.
///
/// A solver that is asked for is taken. Otherwise: Cholesky where n is small or the factor is needed; mixed
/// where it fits in memory; Cholesky where that fits; else conjugate gradients, which do not hold the kernel.
/// Throws Error when the factor is needed or asked for and does not fit.
inline SolverChoice choose_solver(Eigen::Index n, const SolverOptions& options = {}) {
  using namespace solver_detail;
  const double memory = budget(options);
  const auto takes = [&](Solver solver) { return gib(bytes(solver, n, options)); };
  const auto fits = [&](Solver solver) { return bytes(solver, n, options) <= memory; };
  const std::string rows = "of " + std::to_string(n) + " rows", has = gib(memory) + " may be used";
  const auto must_fit = [&](Solver solver, const std::string& why) -> SolverChoice {
    if (!fits(solver))
      throw Error(std::string(name(solver)) + " on a kernel " + rows + " takes " + takes(solver) + " and " +
                  has + " (it was taken because " + why + "); use conjugate_gradients, or fewer rows");
    return {solver, std::string(name(solver)) + " on a kernel " + rows + ", because " + why};
  };
  if (options.needs_factor) {
    if (options.solver != Solver::automatic && options.solver != Solver::cholesky)
      throw Error(std::string("the solver is ") + name(options.solver) +
                  " and a factor is needed (only cholesky gives one); use cholesky or automatic");
    return must_fit(Solver::cholesky, "the factor is needed");
  }
  if (options.solver != Solver::automatic) return must_fit(options.solver, "it was asked for");
  if (n <= few_rows && fits(Solver::cholesky))
    return {Solver::cholesky, "cholesky on a kernel " + rows + ", because so few take a second at the most"};
  if (fits(Solver::mixed))
    return {Solver::mixed, "mixed on a kernel " + rows +
                               ", because it is the fastest that takes no more than " + takes(Solver::mixed) +
                               " and " + has};
  if (fits(Solver::cholesky))
    return {Solver::cholesky, "cholesky on a kernel " + rows + ", because mixed would take " +
                                  takes(Solver::mixed) + " and " + has};
  return {Solver::conjugate_gradients, "conjugate_gradients on a kernel " + rows +
                                           ", because holding it would take " + takes(Solver::cholesky) +
                                           " and " + has};
}

/// How a system was solved.
struct SolverReport {
  Solver solver = Solver::automatic;  ///< the one that was used
  std::string sentence;               ///< what was chosen and why, and what came of it
  double lambda = 0;                  ///< what the ridge came to
  Eigen::VectorXd residuals;          ///< |y - A w| / |y| of each output; empty for cholesky, which is exact
  int iterations = 0;                 ///< 0: none
  bool converged = true;              ///< whether the tolerance was reached
  double condition_at_least = 0;      ///< a lower bound of A's condition number; 0: unknown
  std::vector<double> history;        ///< of conjugate gradients: see ConjugateGradientResult
};

/// The solution of a system.
struct SolverResult {
  Eigen::MatrixXd weights;  ///< n x outputs
  Eigen::MatrixXd factor;   ///< of Solver::cholesky: L in the lower triangle; else empty
  SolverReport report;      ///< how it was solved
};

/// Solves (K + lambda I) W = Y for the kernel of the rows of x.
///
/// x: n x d samples; y: n x outputs; K and lambda in double. Results do not depend on the number of threads.
/// A solver that stops short of its tolerance returns what it has, and `converged` and the sentence say so.
/// Throws DataError (data that cannot be used), NotPositiveDefinite, Error (memory, options), Cancelled.
inline SolverResult solve_kernel_system(const Plan& plan, Kernel kernel, const DataRef& x,
                                        const Eigen::MatrixXd& y, const Ridge& ridge,
                                        const SolverOptions& options = {}) {
  using Eigen::Index;
  const Index n = x.rows();
  if (n == 0) throw DataError("there are no training samples; give at least one");
  if (y.rows() != n || y.cols() == 0)
    throw DataError("there are " + std::to_string(n) + " training samples and targets of " +
                    std::to_string(y.rows()) + " x " + std::to_string(y.cols()) +
                    "; give one row of targets a sample, and one output at least");
  DataRef(y).require_finite("the target matrix");
  if (!(options.tolerance >= 0) || options.rank < 0)
    throw Error("the solver was asked for with tolerance " + std::to_string(options.tolerance) +
                " and rank " + std::to_string(options.rank) + "; give 0 or more");
  const auto [solver, sentence] = choose_solver(n, options);
  const auto stage = [&](const char* which) -> std::function<bool(double)> {
    if (!options.progress) return {};
    return [&options, which](double done) { return options.progress(which, done); };
  };
  SolverResult out;
  out.report.solver = solver;
  if (solver == Solver::conjugate_gradients) {
    const KernelOperator<double> k(plan, kernel, x, options.threads, options.path);
    const double lambda = out.report.lambda = ridge.lambda_for(k.diagonal().mean());
    LowRankFactor low = randomly_pivoted_cholesky(k, {.rank = solver_detail::rank(n, options),
                                                      .seed = options.seed,
                                                      .threads = options.threads,
                                                      .progress = stage("preconditioner")});
    // At least what the preconditioner's rounding allows, so that lambda = 0 has one as well.
    const double mu = std::max(lambda + low.residual.mean(), 1e-13 * low.factor.squaredNorm());
    const LowRankPreconditioner preconditioner(std::move(low.factor), mu, options.threads);
    const double tolerance = options.tolerance > 0 ? options.tolerance : 1e-6;
    const auto progress = [&](int, double residual) {
      if (!options.progress) return true;
      const double done = std::log(std::max(residual, tolerance)) / std::log(tolerance);
      return options.progress("iterations", std::clamp(done, 0.0, 1.0));
    };
    ConjugateGradientOptions asked{
        .tolerance = tolerance, .iterations = options.iterations, .reduction = 1e-4, .progress = progress};
    // Products in float take half the time; residuals in double tell how far they lead, and double goes on.
    const KernelOperator<float> fast(plan, kernel, x, options.threads, options.path);
    auto result = conjugate_gradients(fast, k, lambda, y, preconditioner, asked);
    if (!result.converged && result.iterations < options.iterations) {
      asked.iterations -= result.iterations;
      asked.reduction = 0;
      asked.start = std::move(result.x);
      auto rest = conjugate_gradients(k, lambda, y, preconditioner, asked);
      rest.iterations += result.iterations;
      rest.history.insert(rest.history.begin(), result.history.begin(), result.history.end());
      result = std::move(rest);
    }
    out.weights = std::move(result.x);
    out.report.residuals = result.residuals;
    out.report.iterations = result.iterations;
    out.report.converged = result.converged;
    out.report.history = std::move(result.history);
    out.report.sentence = sentence + "; " + result.message;
    return out;
  }
  Eigen::MatrixXd a =
      gram(plan, kernel, x, {.threads = options.threads, .progress = stage("kernel"), .path = options.path});
  out.report.lambda = ridge.lambda_for(a.diagonal().mean());
  a.diagonal().array() += out.report.lambda;
  if (solver == Solver::mixed) {
    const double tolerance = options.tolerance > 0 ? options.tolerance : 1e-12;
    auto solution = solve_mixed(
        std::move(a), y, {.tolerance = tolerance, .threads = options.threads, .progress = stage("factor")});
    out.weights = std::move(solution.x);
    out.report.residuals = solution.residuals;
    out.report.iterations = solution.iterations;
    out.report.converged = solution.residuals.maxCoeff() <= tolerance;
    out.report.condition_at_least = solution.condition_at_least;
    out.report.sentence = sentence + "; " + solution.message;
    return out;
  }
  Cholesky<double> factor(std::move(a), {.threads = options.threads, .progress = stage("factor")});
  out.weights = factor.solve(y);
  out.report.condition_at_least = factor.condition_at_least();
  out.report.sentence = sentence;
  out.factor = std::move(factor).storage();
  return out;
}

/// A fitted model, and how its system was solved.
struct SolvedModel {
  Model<double> model;  ///< ready to predict
  SolverReport report;  ///< solver, residual and condition
};

/// `fit` by any solver: the way to models of more rows than memory holds kernels of.
///
/// \code
/// auto [model, report] = sst::fit_with_solver(net, sst::Kernel::ntk, x, y, sst::Ridge::relative(1e-3));
/// std::cout << report.sentence << '\n';
/// \endcode
///
/// x: n x d samples, y: n x outputs. Throws as solve_kernel_system, and NoClosedForm.
inline SolvedModel fit_with_solver(const Topology& topology, Kernel kernel, Eigen::MatrixXd x,
                                   const Eigen::MatrixXd& y, const Ridge& ridge,
                                   const SolverOptions& options = {}) {
  Plan plan = compile(topology, kernel);
  auto solved = solve_kernel_system(plan, kernel, x, y, ridge, options);
  const FitOptions fitting{.gram = {.threads = options.threads, .path = options.path}};
  return {Model<double>(std::move(plan), kernel, std::move(x), std::move(solved.weights),
                        solved.report.lambda, fitting),
          std::move(solved.report)};
}

}  // namespace SST_ABI
}  // namespace sst
