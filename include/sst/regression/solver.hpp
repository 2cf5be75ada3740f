// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <iosfwd>
#include <memory>
#include <string>
#include <vector>

#include <Eigen/Core>

#include <sst/base/data_ref.hpp>
#include <sst/base/progress.hpp>
#include <sst/base/ranks.hpp>
#include <sst/kernel/kernel_function.hpp>
#include <sst/linalg/cholesky.hpp>
#include <sst/linalg/ridge.hpp>
#include <sst/version.hpp>

namespace sst {
inline namespace SST_ABI {

/// How (K + lambda I) W = Y is solved.
enum class Solver {
  automatic,           ///< one of the others, by size, memory and need; see choose_solver
  cholesky,            ///< exact, in double; n^2 doubles
  mixed,               ///< factored in float, refined to double; 1.5 n^2 doubles, or n^2 floats and slower
  conjugate_gradients  ///< iterative; solver_bytes, and as much of the kernel as there is room for
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

/// What becomes of a solution that an iterative solver could not bring to the residual that was asked for.
enum class Unconverged {
  error,   ///< an Error that says what was reached
  allowed  ///< the best iterate is taken, and the report says so
};

/// How a model is fitted: how (K + lambda I) W = Y is solved.
struct FitOptions {
  Solver solver = Solver::automatic;  ///< which solver
  /// Whether the factor itself is wanted, for variances, leave-one-out or rows to append, so that `automatic`
  /// takes Cholesky. Without it a model makes the factor when it is first needed.
  bool needs_factor = false;
  /// Relative residual at which solving stops; 0: 1e-12 for mixed, 1e-6 for conjugate gradients.
  double tolerance = 0;
  int iterations = 1000;  ///< of conjugate gradients, at the most; 1 or more
  /// Whether conjugate gradients may end above the tolerance.
  Unconverged unconverged = Unconverged::error;
  Eigen::Index rank = 0;   ///< of their preconditioner; 0: by n and memory
  std::uint64_t seed = 0;  ///< of their preconditioner
  /// Bytes that may be used; 0: nine tenths of what is free, less 8 MiB, and 24 MiB at the least.
  double memory = 0;
  /// What each sample counts: n positive numbers, or none, for 1 each. The loss is then
  /// sum_i w_i |y_i - f(x_i)|^2 + lambda |f|^2, and the system has lambda / w_i on its diagonal.
  Eigen::VectorXd sample_weights = {};
  int threads = 0;  ///< 0: as many as OpenMP gives; nothing depends on it
  /// The processes that share the work of conjugate gradients, each with this memory; none: this one alone.
  /// All call with the same samples, targets and options; each has the solution.
  std::shared_ptr<const Ranks> ranks = {};
  ProgressFunction progress = {};  ///< of all of it
};

/// A solver for a problem.
struct SolverChoice {
  Solver solver;         ///< which one
  std::string sentence;  ///< what was chosen, and why
};

/// Bytes that a solver takes for n rows and so many outputs, on each rank, the kernel included where it has
/// to be held. Conjugate gradients keep kernel values in whatever else may be used.
double solver_bytes(Solver solver, Eigen::Index n, const FitOptions& options = {}, Eigen::Index outputs = 1);

/// Whether a solver takes no more than may be used; see solver_bytes.
bool solver_fits(Solver solver, Eigen::Index n, const FitOptions& options = {}, Eigen::Index outputs = 1);

/// The solver for n rows and so many outputs, and one sentence that says what and why.
///
/// A solver that is asked for is taken. Otherwise: Cholesky where n is small or the factor is needed; mixed
/// where it fits in memory; Cholesky where that fits; else, and for several ranks, conjugate gradients, which
/// need not hold the kernel. Without `memory` up to 1,024 rows are few whatever is free.
/// Throws Error when the factor is needed or asked for and does not fit.
SolverChoice choose_solver(Eigen::Index n, const FitOptions& options = {}, Eigen::Index outputs = 1);

/// How a system was solved.
struct SolverReport {
  Solver solver = Solver::automatic;  ///< the one that was used
  std::string sentence;               ///< what was chosen and why, and what came of it
  double lambda = 0;                  ///< what the ridge came to
  double memory = 0;                  ///< bytes that solving took, the kernel included
  Eigen::VectorXd residuals;          ///< |y - A w| / |y| of each output; empty for cholesky, which is exact
  int iterations = 0;                 ///< 0: none
  bool converged = true;              ///< whether the tolerance was reached
  double condition_at_least = 0;      ///< a lower bound of A's condition number; 0: unknown
  std::vector<double> history;        ///< of conjugate gradients: see ConjugateGradientResult

  /// Solver, reason, residual, memory and condition, in one line.
  friend std::ostream& operator<<(std::ostream& out, const SolverReport& report) { return report.print(out); }

 private:
  std::ostream& print(std::ostream& out) const;
};

/// The solution of a system.
struct SolverResult {
  Eigen::MatrixXd weights;                         ///< (K + lambda I)^-1 Y, n x outputs
  std::shared_ptr<const Cholesky<double>> factor;  ///< of K + lambda I, of Solver::cholesky alone
  SolverReport report;                             ///< how it was solved
};

/// Solves (K(X, X) + lambda I) W = Y by the solver that is asked for, or by the one that suits.
///
/// columns: those of the samples x, n x d; y: n x outputs. W is in proportion to Y whatever its size.
/// Conjugate gradients are preconditioned by randomly pivoted Cholesky, and take their products in float for
/// as long as residuals in double fall and kernel values are in float's range. Where memory has room for half
/// of the kernel they compute it once, in double, and keep it, and keep it in float too where that has room
/// beside it (else products are in double); where it has not, they keep as many tiles in float as it has room
/// for. Throws DataError, NotPositiveDefinite (equal rows too, by their numbers), Error (memory, options, a
/// residual above what was asked), Cancelled.
SolverResult solve_kernel_system(const KernelFunction& kernel, const DataRef& x, const KernelColumns& columns,
                                 const Eigen::MatrixXd& y, const Ridge& ridge,
                                 const FitOptions& options = {});

}  // namespace SST_ABI
}  // namespace sst

#ifndef SST_EXTERN_TEMPLATES
#include <sst/regression/solver_impl.hpp>
#endif
