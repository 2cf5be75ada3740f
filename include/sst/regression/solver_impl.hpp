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
#include <sst/base/plain_text.hpp>
#include <sst/base/progress.hpp>
#include <sst/error.hpp>
#include <sst/kernel/kernel_operator.hpp>
#include <sst/linalg/conjugate_gradients.hpp>
#include <sst/linalg/mixed.hpp>
#include <sst/linalg/randomly_pivoted_cholesky.hpp>
#include <sst/regression/solver.hpp>
#include <sst/regression/solver_choice_impl.hpp>
#include <sst/regression/targets.hpp>
#include <sst/version.hpp>

/// \file
/// The bodies of solver.hpp that solve.

namespace sst {
inline namespace SST_ABI {

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

/// The powers of two by which the columns of y are divided so that nothing over- or underflows; 1 where
/// nothing would.
inline Eigen::RowVectorXd output_scales(const Eigen::MatrixXd& y) {
  constexpr int harmless = 100;
  Eigen::RowVectorXd out = Eigen::RowVectorXd::Ones(y.cols());
  for (Index c = 0; c < y.cols(); ++c) {
    const double largest = y.col(c).cwiseAbs().maxCoeff();
    const int exponent = largest > 0 ? std::clamp(std::ilogb(largest), -1000, 1000) : 0;
    if (std::abs(exponent) > harmless) out[c] = std::ldexp(1.0, exponent);
  }
  return out;
}

/// S K S: the operator of weighted samples, S = sqrt of the weights on the diagonal.
class ScaledOperator final : public SymmetricOperator {
 public:
  ScaledOperator(const SymmetricOperator& k, Eigen::VectorXd s) : k_(k), s_(std::move(s)) {}
  Index rows() const override { return k_.rows(); }
  Eigen::VectorXd diagonal() const override { return k_.diagonal().cwiseProduct(s_.cwiseAbs2()); }
  void columns(const std::vector<Index>& indices, Index first,
               Eigen::Ref<Eigen::MatrixXd> out) const override {
    k_.columns(indices, first, out);
    for (Index c = 0; c < out.cols(); ++c)
      out.col(c).array() *= s_.segment(first, out.rows()).array() * s_[indices[static_cast<std::size_t>(c)]];
  }
  Eigen::MatrixXd apply(const Eigen::MatrixXd& x) const override {
    return s_.asDiagonal() * k_.apply(s_.asDiagonal() * x);
  }

 private:
  const SymmetricOperator& k_;
  Eigen::VectorXd s_;
};

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
                    detail::Stages& stages, SolverResult& out) {
  const Kept keep = keeping(x.rows(), options, y.cols());
  const KernelOperator<double> exact(columns.tiles(), {.threads = options.threads,
                                                       .memory = keep.in_double,
                                                       .ranks = options.ranks,
                                                       .progress = stages(0, 0.3)});
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
                                                                       .progress = stages(0, 0.3)});
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
                                                              .progress = stages(0.3, 0.4)});
    // At least what the preconditioner's rounding allows, so that lambda = 0 has one as well: |F|^2 is the
    // trace of K, less what F leaves out.
    const double mu = std::max(lambda + low.residual.mean(), 1e-13 * residuals.diagonal().sum());
    const LowRankPreconditioner woodbury(std::move(low), mu, options.threads, options.ranks);
    const Preconditioner preconditioner = std::cref(woodbury);
    const bool inexact = &products != &residuals;
    ConjugateGradientOptions asked{.tolerance = aim,
                                   .iterations = options.iterations,
                                   .reduction = inexact ? 1e-4 : 0,
                                   .progress = stages(0.4, 1)};
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
                            detail::Stages& stages, SolverResult& out) {
  const Index n = x.rows();
  const double filled = 0.9 * cholesky_detail::kernel_share(n);
  const double room = budget(options) - out.report.memory;
  const KernelOperator<double> exact(columns.tiles(),
                                     {.threads = options.threads,
                                      .memory = room < KernelOperator<double>::bytes(n) ? 0 : room,
                                      .progress = stages(0, filled / 2)});
  const double lambda = out.report.lambda = ridge.lambda_for(exact.diagonal().mean());
  require_regular(x, lambda, exact.diagonal().mean());
  const Eigen::VectorXd s = options.sample_weights.size() ? options.sample_weights.cwiseSqrt().eval()
                                                          : Eigen::VectorXd::Ones(n).eval();
  const double aim = tolerance(options, 1e-12);
  Eigen::MatrixXf a(n, n);
  kernel.interface().in_float(x)->tiles()->fill({a.data(), nullptr, n},
                                                {options.threads, stages(filled / 2, filled)});
  a.diagonal() += (lambda * s.cwiseAbs2().cwiseInverse()).cast<float>();
  const FloatFactor factor = [&] {
    try {
      return FloatFactor(std::move(a), 1, {.threads = options.threads, .progress = stages(filled, 0.9)});
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
  take(conjugate_gradients(ScaledOperator(exact, s), lambda, s.asDiagonal() * y, preconditioner,
                           {.tolerance = aim, .iterations = options.iterations, .progress = stages(0.9, 1)}),
       s, options, out);
}

/// A in memory, factored in double or in float.
inline void factor(const KernelFunction& kernel, const DataRef& x, const KernelColumns& columns,
                   const Eigen::MatrixXd& y, const Ridge& ridge, const FitOptions& options,
                   detail::Stages& stages, SolverResult& out) {
  const double filled = cholesky_detail::kernel_share(x.rows());
  Eigen::MatrixXd a = columns.matrix({options.threads, stages(0, filled)});
  const double mean_diagonal = a.diagonal().mean(),
               lambda = out.report.lambda = ridge.lambda_for(mean_diagonal);
  require_regular(x, lambda, mean_diagonal);
  if (options.sample_weights.size())
    a.diagonal() += lambda * options.sample_weights.cwiseInverse();
  else
    a.diagonal().array() += lambda;
  if (out.report.solver == Solver::mixed) {
    const double aim = tolerance(options, 1e-12);
    auto solution = solve_mixed(
        std::move(a), y, {.tolerance = aim, .threads = options.threads, .progress = stages(filled, 1)});
    out.weights = std::move(solution.x);
    out.report.residuals = solution.residuals;
    out.report.iterations = solution.iterations;
    out.report.converged = solution.residuals.maxCoeff() <= aim;
    out.report.condition_at_least = solution.condition_at_least;
    out.report.sentence += "; " + solution.message;
    return;
  }
  const double rows = static_cast<double>(x.rows()),
               solving = 6 * static_cast<double>(y.cols());  // n^3/3 operations, and 2 n^2 for each output
  try {
    out.factor = std::make_shared<const Cholesky<double>>(
        std::move(a),
        CholeskyOptions{.threads = options.threads,
                        .progress = stages(filled, filled + (1 - filled) * rows / (rows + solving))});
  } catch (const NotPositiveDefinite& error) {
    if (kernel.interface().epsilon() <= std::numeric_limits<double>::epsilon()) throw;
    throw NotPositiveDefinite(std::string(error.what()) +
                                  ", or compute the kernel in double (in float its entries are off by 1e-7)",
                              error.pivot_index, error.pivot_value);
  }
  out.weights = out.factor->solve(y);
  detail::tell(stages(0, 1), "the fit", 1);
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
  detail::Stages stages(options.progress);
  SolverResult out;
  out.report.solver = choice.solver;
  out.report.sentence = choice.sentence;
  out.report.memory = solver_bytes(choice.solver, n, options, y.cols());
  const Eigen::RowVectorXd scales = solver_detail::output_scales(y);
  Eigen::MatrixXd divided;  // targets can be many
  if ((scales.array() != 1).any()) divided = y.array().rowwise() / scales.array();
  const Eigen::MatrixXd& scaled = divided.size() ? divided : y;
  if (choice.solver == Solver::conjugate_gradients)
    solver_detail::iterate(kernel, x, columns, scaled, ridge, options, stages, out);
  else if (choice.solver == Solver::mixed && !solver_detail::holds_double(n, options))
    solver_detail::factor_in_float(kernel, x, columns, scaled, ridge, options, stages, out);
  else
    solver_detail::factor(kernel, x, columns, scaled, ridge, options, stages, out);
  out.weights.array().rowwise() *= scales.array();
  if (!out.weights.allFinite()) {
    detail::PlainText text;
    text << "the solution overflows (targets of up to " << y.cwiseAbs().maxCoeff()
         << " over a kernel that is much smaller); scale the targets down, or use a larger ridge";
    throw DataError(text.str());
  }
  return out;
}

}  // namespace SST_ABI
}  // namespace sst
