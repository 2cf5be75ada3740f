// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include <Eigen/Core>

#include <sst/base/compiled.hpp>
#include <sst/base/memory.hpp>
#include <sst/base/plain_text.hpp>
#include <sst/error.hpp>
#include <sst/kernel/kernel_operator.hpp>
#include <sst/linalg/conjugate_gradients.hpp>
#include <sst/linalg/mixed.hpp>
#include <sst/linalg/randomly_pivoted_cholesky.hpp>
#include <sst/regression/solver.hpp>
#include <sst/regression/targets.hpp>
#include <sst/version.hpp>

/// \file
/// The bodies of solver.hpp.

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

/// Columns of the preconditioner: more save iterations until making them costs as much as they save.
inline Index rank(Index n, const FitOptions& options, Index outputs) {
  if (options.rank > 0) return std::min(options.rank, n);
  const double rows = static_cast<double>(std::max<Index>(1, n)),
               room = budget(options) - buffer_bytes(n, options) -
                      conjugate_gradient_bytes(rows, static_cast<double>(outputs));
  double columns = std::floor(std::min(rows, 5 * std::sqrt(rows)));
  while (columns > 1 && low_rank_bytes(rows, columns, ranks(options)) > room)
    columns = std::floor(columns * 0.99);
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

SST_COMPILED SolverChoice choose_solver(Eigen::Index n, const FitOptions& given, Eigen::Index outputs) {
  using namespace solver_detail;
  FitOptions options = given;
  const double memory = options.memory = budget(given);  // asked once: it is one number for all ranks
  const auto takes = [&](Solver solver) { return gib(solver_bytes(solver, n, options, outputs)); };
  const auto fits = [&](Solver solver) { return solver_bytes(solver, n, options, outputs) <= memory; };
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

SST_COMPILED std::ostream& SolverReport::print(std::ostream& out) const {
  out << sentence << "; " << solver_detail::gib(memory);
  if (residuals.size()) out << ", residual " << residuals.maxCoeff();
  if (condition_at_least > 0) out << ", condition at least " << condition_at_least;
  return out;
}

namespace solver_detail {

/// Two rows of x that are equal, by their numbers, the smaller index first; none where all differ.
inline std::optional<std::pair<Index, Index>> equal_rows(const DataRef& x) {
  const auto entries = [&](Index i) {
    std::vector<std::pair<Index, double>> out;
    x.for_each(i, [&](Index k, double v) {
      if (v != 0) out.emplace_back(k, v);
    });
    return out;
  };
  std::vector<std::pair<std::size_t, Index>> hashes;
  for (Index i = 0; i < x.rows(); ++i) {
    std::size_t hash = 0;
    x.for_each(i, [&](Index k, double v) {
      if (v != 0) hash = hash * 1099511628211U + std::hash<double>{}(v) + static_cast<std::size_t>(k);
    });
    hashes.emplace_back(hash, i);
  }
  std::sort(hashes.begin(), hashes.end());
  std::optional<std::pair<Index, Index>> first;
  for (std::size_t a = 0; a < hashes.size(); ++a)
    for (std::size_t b = a + 1; b < hashes.size() && hashes[b].first == hashes[a].first; ++b)
      if (entries(hashes[a].second) == entries(hashes[b].second)) {
        const std::pair found{hashes[a].second, hashes[b].second};
        if (!first || found.second < first->second) first = found;
        break;
      }
  return first;
}

/// Equal rows make K singular for certain: a lambda that n and the precision do not resolve leaves it so.
inline void require_regular(const DataRef& x, double lambda, double mean_diagonal) {
  const double resolved =
      std::numeric_limits<double>::epsilon() * static_cast<double>(x.rows()) * mean_diagonal;
  if (lambda > resolved) return;
  const auto equal = equal_rows(x);
  if (!equal) return;
  detail::PlainText text;
  text << "rows " << equal->first << " and " << equal->second
       << " of the training samples (counted from 0) are equal, and the ridge adds " << lambda
       << " to a kernel of mean diagonal " << mean_diagonal << " (such a system is singular; double resolves "
       << resolved << "); remove one of them, or use a larger ridge";
  throw NotPositiveDefinite(text.str(), equal->second, lambda);
}

/// The powers of two by which the columns of y are divided so that nothing over- or underflows.
inline Eigen::RowVectorXd output_scales(const Eigen::MatrixXd& y) {
  Eigen::RowVectorXd out(y.cols());
  for (Index c = 0; c < y.cols(); ++c) {
    const double largest = y.col(c).cwiseAbs().maxCoeff();
    out[c] = largest > 0 ? std::ldexp(1.0, std::clamp(std::ilogb(largest), -1000, 1000)) : 1;
  }
  return out;
}

/// S K S: the operator of weighted samples, S = sqrt of the weights on the diagonal.
class ScaledOperator final : public SymmetricOperator {
 public:
  ScaledOperator(const SymmetricOperator& k, Eigen::VectorXd s) : k_(k), s_(std::move(s)) {}
  Index rows() const override { return k_.rows(); }
  Eigen::VectorXd diagonal() const override { return k_.diagonal().cwiseProduct(s_.cwiseAbs2()); }
  Eigen::MatrixXd columns(const std::vector<Index>& indices, Index first, Index count) const override {
    Eigen::MatrixXd out = s_.segment(first, count).asDiagonal() * k_.columns(indices, first, count);
    for (Index c = 0; c < out.cols(); ++c) out.col(c) *= s_[indices[static_cast<std::size_t>(c)]];
    return out;
  }
  Eigen::MatrixXd apply(const Eigen::MatrixXd& x) const override {
    return s_.asDiagonal() * k_.apply(s_.asDiagonal() * x);
  }

 private:
  const SymmetricOperator& k_;
  Eigen::VectorXd s_;
};

using Stage = std::function<std::function<bool(double)>(const char*)>;

/// What of the kernel is kept, for reports.
inline std::string kept(const char* precision, double fraction, double bytes, const FitOptions& options) {
  if (bytes == 0) return "kernel values computed anew for every product";
  detail::PlainText text;
  text.precision(3);
  text << "kernel values kept in " << precision << ", ";
  if (fraction == 1)
    text << "all of them";
  else
    text << 100 * fraction << " % of them";
  text << " (" << gib(bytes) << (options.ranks ? " a rank)" : ")");
  return text.str();
}

/// The residual at which iterations stop.
inline double tolerance(const FitOptions& options, double otherwise) {
  return options.tolerance > 0 ? options.tolerance : otherwise;
}

/// Tells how far iterations are, by the logarithm of the residual.
inline std::function<bool(int, double)> iterating(const FitOptions& options, double tolerance) {
  if (!options.progress) return {};
  return [&options, tolerance](int, double residual) {
    const double done = std::log(std::max(residual, tolerance)) / std::log(tolerance);
    return options.progress("iterations", std::clamp(done, 0.0, 1.0));
  };
}

/// Weights and report of a result, times s, the root of the samples' weights where they have some.
inline void take(ConjugateGradientResult result, const Eigen::VectorXd& s, const FitOptions& options,
                 SolverResult& out) {
  if (!result.converged && options.unconverged == Unconverged::error)
    throw Error(result.message + "; or say that such a solution is allowed");
  out.weights = std::move(result.x);
  if (s.size()) out.weights = s.asDiagonal() * out.weights;
  out.report.residuals = result.residuals;
  out.report.iterations = result.iterations;
  out.report.converged = result.converged;
  out.report.history = std::move(result.history);
  out.report.sentence += "; " + result.message;
}

/// By conjugate gradients on K or, with weights, on S K S w' = S y and w = S w'.
inline void iterate(const KernelFunction& kernel, const DataRef& x, const KernelColumns& columns,
                    const Eigen::MatrixXd& y, const Ridge& ridge, const FitOptions& options,
                    const Stage& stage, SolverResult& out) {
  const Kept keep = keeping(x.rows(), options, y.cols());
  const KernelOperator<double> exact(columns.tiles(), {.threads = options.threads,
                                                       .memory = keep.in_double,
                                                       .ranks = options.ranks,
                                                       .progress = stage("kernel")});
  // Products in float take half the time, whether read or computed; residuals in double tell how far they
  // lead, and double goes on. Neither values that are computed nor the inverse's must leave float's range.
  std::unique_ptr<const SymmetricOperator> fast;
  const double largest = x.rows() ? exact.diagonal().maxCoeff() : 0;
  double bytes = exact.kept_bytes(), fraction = exact.kept_fraction();
  const char* precision = "double";
  if (keep.all_in_double) {
    fast = std::make_unique<RoundedKernelOperator>(exact);
    precision = "double and in float";
  } else if (keep.in_double == 0 && largest > 1e-25 && largest < 1e25) {
    auto computed = std::make_unique<KernelOperator<float>>(
        kernel.interface().in_float(x)->tiles(), KernelOperatorOptions{.threads = options.threads,
                                                                       .memory = keep.in_float,
                                                                       .ranks = options.ranks,
                                                                       .progress = stage("kernel")});
    bytes = computed->kept_bytes(), fraction = computed->kept_fraction(), precision = "float";
    fast = std::move(computed);
  }
  out.report.memory += bytes;
  out.report.sentence += "; " + kept(precision, fraction, bytes, options);
  const double lambda = out.report.lambda = ridge.lambda_for(exact.diagonal().mean());
  require_regular(x, lambda, exact.diagonal().mean());
  const double aim = tolerance(options, 1e-6);
  // products: by what iterations multiply, which `residuals` measures.
  const auto solve = [&](const SymmetricOperator& products, const SymmetricOperator& residuals,
                         const Eigen::MatrixXd& b) {
    LowRankFactor low = randomly_pivoted_cholesky(residuals, {.rank = rank(x.rows(), options, b.cols()),
                                                              .seed = options.seed,
                                                              .threads = options.threads,
                                                              .ranks = options.ranks,
                                                              .progress = stage("preconditioner")});
    // At least what the preconditioner's rounding allows, so that lambda = 0 has one as well: |F|^2 is the
    // trace of K, less what F leaves out.
    const double mu = std::max(lambda + low.residual.mean(), 1e-13 * residuals.diagonal().sum());
    const LowRankPreconditioner woodbury(std::move(low), mu, options.threads, options.ranks);
    const Preconditioner preconditioner = std::cref(woodbury);
    const bool inexact = &products != &residuals;
    ConjugateGradientOptions asked{.tolerance = aim,
                                   .iterations = options.iterations,
                                   .reduction = inexact ? 1e-4 : 0,
                                   .progress = iterating(options, aim)};
    auto result = conjugate_gradients(products, residuals, lambda, b, preconditioner, asked);
    if (inexact && !result.converged && result.iterations < options.iterations) {
      asked.iterations -= result.iterations;
      asked.reduction = 0;
      asked.start = std::move(result.x);
      auto rest = conjugate_gradients(residuals, lambda, b, preconditioner, asked);
      rest.iterations += result.iterations;
      rest.history.insert(rest.history.begin(), result.history.begin(), result.history.end());
      result = std::move(rest);
    }
    return result;
  };
  if (options.sample_weights.size()) {
    const Eigen::VectorXd s = options.sample_weights.cwiseSqrt();
    const ScaledOperator residuals(exact, s);
    const std::optional<ScaledOperator> products =
        fast ? std::optional<ScaledOperator>(std::in_place, *fast, s) : std::nullopt;
    take(solve(products ? *products : residuals, residuals, s.asDiagonal() * y), s, options, out);
  } else if (fast) {
    take(solve(*fast, exact, y), {}, options, out);
  } else {
    take(solve(exact, exact, y), {}, options, out);
  }
}

/// A in float alone, factored; residuals by kernel values in double, kept where memory has room or computed
/// anew.
inline void factor_in_float(const KernelFunction& kernel, const DataRef& x, const KernelColumns& columns,
                            const Eigen::MatrixXd& y, const Ridge& ridge, const FitOptions& options,
                            const Stage& stage, SolverResult& out) {
  const Index n = x.rows();
  const double room = budget(options) - out.report.memory;
  const KernelOperator<double> exact(columns.tiles(),
                                     {.threads = options.threads,
                                      .memory = room < KernelOperator<double>::bytes(n) ? 0 : room,
                                      .progress = stage("kernel")});
  const double lambda = out.report.lambda = ridge.lambda_for(exact.diagonal().mean());
  require_regular(x, lambda, exact.diagonal().mean());
  const Eigen::VectorXd s = options.sample_weights.size() ? options.sample_weights.cwiseSqrt().eval()
                                                          : Eigen::VectorXd::Ones(n).eval();
  const double aim = tolerance(options, 1e-12);
  Eigen::MatrixXf a(n, n);
  kernel.interface().in_float(x)->tiles()->fill({a.data(), nullptr, n}, {options.threads, stage("kernel")});
  a.diagonal() += (lambda * s.cwiseAbs2().cwiseInverse()).cast<float>();
  const FloatFactor factor = [&] {
    try {
      return FloatFactor(std::move(a), 1, {.threads = options.threads, .progress = stage("factor")});
    } catch (const NotPositiveDefinite& error) {
      throw NotPositiveDefinite(std::string(error.what()) +
                                    " (in float; memory has no room for the kernel in double), or use "
                                    "conjugate_gradients",
                                error.pivot_index, error.pivot_value);
    }
  }();
  // A w = y with A = K + lambda S^-2, as (S K S + lambda) S^-1 w = S y.
  const auto preconditioner = [&](const Eigen::MatrixXd& r) -> Eigen::MatrixXd {
    return s.cwiseInverse().asDiagonal() * factor(s.cwiseInverse().asDiagonal() * r);
  };
  out.report.memory += exact.kept_bytes();
  out.report.condition_at_least = factor.condition_at_least();
  out.report.sentence +=
      "; factored in float, " + kept("double", exact.kept_fraction(), exact.kept_bytes(), options);
  take(conjugate_gradients(
           ScaledOperator(exact, s), lambda, s.asDiagonal() * y, preconditioner,
           {.tolerance = aim, .iterations = options.iterations, .progress = iterating(options, aim)}),
       s, options, out);
}

/// A in memory, factored in double or in float.
inline void factor(const KernelFunction& kernel, const DataRef& x, const KernelColumns& columns,
                   const Eigen::MatrixXd& y, const Ridge& ridge, const FitOptions& options,
                   const Stage& stage, SolverResult& out) {
  Eigen::MatrixXd a = columns.matrix({options.threads, stage("kernel")});
  const double mean_diagonal = a.diagonal().mean(),
               lambda = out.report.lambda = ridge.lambda_for(mean_diagonal);
  require_regular(x, lambda, mean_diagonal);
  if (options.sample_weights.size())
    a.diagonal() += lambda * options.sample_weights.cwiseInverse();
  else
    a.diagonal().array() += lambda;
  if (out.report.solver == Solver::mixed) {
    const double aim = tolerance(options, 1e-12);
    auto solution = solve_mixed(std::move(a), y,
                                {.tolerance = aim, .threads = options.threads, .progress = stage("factor")});
    out.weights = std::move(solution.x);
    out.report.residuals = solution.residuals;
    out.report.iterations = solution.iterations;
    out.report.converged = solution.residuals.maxCoeff() <= aim;
    out.report.condition_at_least = solution.condition_at_least;
    out.report.sentence += "; " + solution.message;
    return;
  }
  try {
    out.factor = std::make_shared<const Cholesky<double>>(
        std::move(a), CholeskyOptions{.threads = options.threads, .progress = stage("factor")});
  } catch (const NotPositiveDefinite& error) {
    if (kernel.interface().epsilon() <= std::numeric_limits<double>::epsilon()) throw;
    throw NotPositiveDefinite(std::string(error.what()) +
                                  ", or compute the kernel in double (in float its entries are off by 1e-7)",
                              error.pivot_index, error.pivot_value);
  }
  out.weights = out.factor->solve(y);
  out.report.condition_at_least = out.factor->condition_at_least();
}

}  // namespace solver_detail

SST_COMPILED SolverResult solve_kernel_system(const KernelFunction& kernel, const DataRef& x,
                                              const KernelColumns& columns, const Eigen::MatrixXd& y,
                                              const Ridge& ridge, const FitOptions& given) {
  const Eigen::Index n = x.rows();
  FitOptions options = given;
  options.memory = solver_detail::budget(given);  // one number, whatever is taken meanwhile
  regression_detail::require_targets(n, y);
  if (!(options.tolerance >= 0) || options.rank < 0 || options.iterations < 1)
    throw Error("the solver was asked for with tolerance " + std::to_string(options.tolerance) + ", rank " +
                std::to_string(options.rank) + " and " + std::to_string(options.iterations) +
                " iterations; give 0 or more, 0 or more, and 1 or more");
  const Eigen::VectorXd& w = options.sample_weights;
  if (w.size() && (w.size() != n || !(w.minCoeff() > 0) || !w.allFinite()))
    throw DataError("there are " + std::to_string(w.size()) + " sample weights for " + std::to_string(n) +
                    " samples, or one is not positive; give a positive one each");
  const auto choice = choose_solver(n, options, y.cols());
  const solver_detail::Stage stage = [&](const char* which) -> std::function<bool(double)> {
    if (!options.progress) return {};
    return [&given, which](double done) { return given.progress(which, done); };
  };
  SolverResult out;
  out.report.solver = choice.solver;
  out.report.sentence = choice.sentence;
  out.report.memory = solver_bytes(choice.solver, n, options, y.cols());
  const Eigen::RowVectorXd scales = solver_detail::output_scales(y);
  const Eigen::MatrixXd scaled = y.array().rowwise() / scales.array();
  if (choice.solver == Solver::conjugate_gradients)
    solver_detail::iterate(kernel, x, columns, scaled, ridge, options, stage, out);
  else if (choice.solver == Solver::mixed && !solver_detail::holds_double(n, options))
    solver_detail::factor_in_float(kernel, x, columns, scaled, ridge, options, stage, out);
  else
    solver_detail::factor(kernel, x, columns, scaled, ridge, options, stage, out);
  out.weights.array().rowwise() *= scales.array();
  if (!out.weights.allFinite())
    throw DataError("the solution overflows (targets of up to " + std::to_string(scales.maxCoeff()) +
                    " over a kernel that is much smaller); scale the targets down, or use a larger ridge");
  return out;
}

}  // namespace SST_ABI
}  // namespace sst
