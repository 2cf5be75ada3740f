// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <string>

#include <Eigen/Core>

#include <sst/base/compiled.hpp>
#include <sst/base/memory.hpp>
#include <sst/base/parallel.hpp>
#include <sst/base/plain_text.hpp>
#include <sst/error.hpp>
#include <sst/kernel/kernel_operator.hpp>
#include <sst/linalg/conjugate_gradients.hpp>
#include <sst/linalg/randomly_pivoted_cholesky.hpp>
#include <sst/regression/solver.hpp>
#include <sst/version.hpp>

/// \file
/// The bodies of solver.hpp that choose: what solvers take, what there is, and what of the kernel is kept.
/// solver_impl.hpp includes it.

namespace sst {
inline namespace SST_ABI {

namespace solver_detail {

using Eigen::Index;

/// Below this many rows a factorization takes less than a second, and there is nothing to gain.
inline constexpr Index few_rows = 4096;

/// Of this process, the same on all ranks. Never less than the factor of a kernel of 1,024 rows takes: what
/// happens to be free must not choose the solver of so few, and with it the last digits of what comes out.
inline double budget(const FitOptions& options) {
  constexpr double reserve = 8 << 20;  // what threads and the C library take for themselves
  constexpr double least = 24 << 20;   // solver_bytes(Solver::cholesky, 1024)
  if (options.memory > 0) return options.memory;
  const double own = 0.9 * available_memory() - reserve;
  if (!options.ranks) return std::max(least, own);
  return std::max(least, options.ranks->least(own / options.ranks->neighbours()));
}

/// Beside what solvers hold each thread has tiles, and products their packing buffers.
inline double buffer_bytes(Index n, const FitOptions& options) {
  return 8.0 * (1 << 20) * detail::team_size(options.threads, (n + 511) / 512);
}

/// Whether there is room for the kernel in double beside its factor in float.
inline bool holds_double(Index n, const FitOptions& options) {
  const auto rows = static_cast<double>(n);
  return 1.5 * sizeof(double) * rows * rows + buffer_bytes(n, options) <= budget(options);
}

inline double ranks(const FitOptions& options) { return options.ranks ? options.ranks->count() : 1; }

/// Columns of the preconditioner: few where most kernel values can be kept beside them, else as many as there
/// is room for.
inline Index rank(Index n, const FitOptions& options, Index outputs) {
  if (options.rank > 0) return std::min(options.rank, n);
  const double rows = static_cast<double>(std::max<Index>(1, n)),
               room = budget(options) - buffer_bytes(n, options) -
                      conjugate_gradient_bytes(rows, static_cast<double>(outputs));
  const auto left = [&](double columns) { return room - low_rank_bytes(rows, columns, ranks(options)); };
  const Index few = usual_rank(n, true);
  if (left(static_cast<double>(few)) >= KernelOperator<float>::bytes(n, ranks(options)) / 2) return few;
  auto columns = static_cast<double>(usual_rank(n, false));
  while (columns > 1 && left(columns) < 0) columns = std::floor(columns * 0.99);
  return static_cast<Index>(std::max(1.0, columns));
}

/// The kernel values that conjugate gradients keep, in bytes of each rank.
struct Kept {
  double in_double = 0, in_float = 0;
  bool all_in_double = false;  ///< whichever rank asks
};

/// All in double where there is room: iterations read what float holds of them, residuals all of it. Else, of
/// one kind or the other, what takes the least computing, counted in kernels in double, of which one in float
/// takes half the time. In double they serve products and residuals alike; in float more of them have room.
inline Kept keeping(Index n, const FitOptions& options, Index outputs) {
  constexpr double iterations = 30, residuals = 2;  // as a rule
  const double taken = solver_bytes(Solver::conjugate_gradients, n, options, outputs);
  const double room = std::max(0.0, budget(options) - taken), of_all = room * ranks(options);
  if (const double own = KernelOperator<double>::bytes(n, ranks(options)); own <= room)
    return {.in_double = own, .all_in_double = true};
  const double all = KernelOperator<double>::bytes(n), all_in_float = KernelOperator<float>::bytes(n);
  const double some = std::min(1.0, of_all / all), some_in_float = std::min(1.0, of_all / all_in_float);
  const double by_double = some + (iterations + residuals) * (1 - some),
               by_float = (some_in_float + iterations * (1 - some_in_float)) / 2 + residuals;
  if (by_double <= by_float) return {.in_double = room};
  return {.in_float = room};
}

inline std::string gib(double bytes) {
  detail::PlainText text;
  text.precision(3);
  text << bytes / (1024.0 * 1024 * 1024) << " GiB";
  return text.str();
}

}  // namespace solver_detail

SST_COMPILED double solver_bytes(Solver solver, Eigen::Index n, const FitOptions& options,
                                 Eigen::Index outputs) {
  using namespace solver_detail;
  const double rows = static_cast<double>(n), square = sizeof(double) * rows * rows;
  double held = square;
  if (solver == Solver::mixed) held *= holds_double(n, options) ? 1.5 : 0.5;
  if (solver == Solver::conjugate_gradients)
    held = low_rank_bytes(rows, static_cast<double>(rank(n, options, outputs)), ranks(options)) +
           conjugate_gradient_bytes(rows, static_cast<double>(outputs));
  return held + buffer_bytes(n, options);
}

SST_COMPILED bool solver_fits(Solver solver, Eigen::Index n, const FitOptions& given, Eigen::Index outputs) {
  FitOptions options = given;
  options.memory = solver_detail::budget(given);  // asked once: it is one number for all ranks
  return solver_bytes(solver, n, options, outputs) <= options.memory;
}

SST_COMPILED SolverChoice choose_solver(Eigen::Index n, const FitOptions& given, Eigen::Index outputs) {
  using namespace solver_detail;
  FitOptions options = given;
  options.memory = budget(given);
  const auto takes = [&](Solver solver) { return gib(solver_bytes(solver, n, options, outputs)); };
  const auto fits = [&](Solver solver) { return solver_fits(solver, n, options, outputs); };
  const std::string rows = "of " + std::to_string(n) + " rows", has = gib(options.memory) + " may be used";
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
  if (options.ranks && options.ranks->count() > 1)
    return {Solver::conjugate_gradients, "conjugate_gradients on a kernel " + rows +
                                             ", because its work is spread over " +
                                             std::to_string(options.ranks->count()) + " ranks"};
  if (holds_double(n, options))
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

}  // namespace SST_ABI
}  // namespace sst
