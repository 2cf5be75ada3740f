// SPDX-License-Identifier: MIT
#pragma once

#include <Eigen/Core>
#include <algorithm>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <sst/base/memory.hpp>
#include <sst/error.hpp>
#include <sst/kernel/gram.hpp>
#include <sst/linalg/cholesky.hpp>
#include <sst/linalg/ridge.hpp>
#include <sst/pipeline/encoding.hpp>
#include <sst/pipeline/scaling.hpp>
#include <sst/plan/compile.hpp>
#include <sst/regression/classification.hpp>
#include <sst/regression/posterior.hpp>
#include <sst/regression/solver.hpp>
#include <sst/topology/topology.hpp>
#include <sst/version.hpp>

namespace sst {
inline namespace SST_ABI {

/// What the kernel is computed in, `in_double` or `in_float`; linear systems are solved in double either way.
enum class KernelPrecision { in_double, in_float };

/// A prediction with its uncertainty, in the units of the targets.
struct MeanAndStd {
  Eigen::MatrixXd mean;  ///< samples x outputs
  Eigen::MatrixXd std;   ///< the same; of the function, without observation noise
};

/// A fitted kernel regression as a value: all that predicting, extending and saving it (saved_model.hpp)
/// need.
///
/// \code
/// auto model = sst::fit_kernel_machine({.topology = net, .kernel = sst::Kernel::ntk,
///                                       .ridge = sst::Ridge::relative(0.1), .x = x, .y = y});
/// sst::save_model("model", model);
/// sst::load_model("model").predict(x_new);  // model.predict(x_new), to the last bit
/// \endcode
struct KernelMachine {
  Topology topology;                                       ///< the network
  Kernel kernel = Kernel::ntk;                             ///< which of its kernels
  KernelPrecision precision = KernelPrecision::in_double;  ///< of the kernel between samples
  Ridge ridge = Ridge::absolute(0);                        ///< as it was asked for
  double lambda = 0;             ///< what it came to; rows that are appended do not change it
  Eigen::MatrixXd x = {};        ///< n x d training samples, scaled
  Eigen::MatrixXd y = {};        ///< n x outputs, scaled
  Eigen::MatrixXd weights = {};  ///< (K(X, X) + lambda I)^-1 Y, n x outputs
  Eigen::MatrixXd factor = {};   ///< of A = K(X, X) + lambda I by Cholesky, lower triangle; may be empty

  std::optional<Scaling> input_scaling = {};   ///< applied to every sample
  std::optional<Scaling> target_scaling = {};  ///< undone in every prediction
  std::optional<TableEncoding> encoding = {};  ///< how a table becomes samples
  std::vector<std::string> targets = {};       ///< names of the outputs; may be empty
  std::vector<std::string> classes = {};       ///< one an output when the model classifies; else empty
  double inverse_temperature = 0;              ///< of the classes' probabilities; see `probabilities`

  /// K(x, X) weights at the rows of x (not scaled yet), in batches: rows x outputs. It does not depend on the
  /// number of threads. Throws DataError for other columns than in training.
  Eigen::MatrixXd predict(const Eigen::MatrixXd& samples, const GramOptions& options = {}) const;

  /// The same with standard deviations. Of an NNGP, the posterior's: var = K_tt - K_td A^-1 K_dt with
  /// A = K_dd + lambda I (Rasmussen and Williams 2006, eq. (2.26)). Of an NTK, those of the ensemble of
  /// trained networks: var = K_tt + T_td A^-1 K_dd A^-1 T_dt - 2 T_td A^-1 K_dt with A = T_dd + lambda I
  /// (Lee et al. 2019). Without a factor it is computed first, in n^3/3 steps.
  /// A variance that rounding made negative is 0; one below what rounding explains (of the kernel's
  /// precision, and of n operations in double) is a DataError that names the row: the factor is not that of
  /// the model.
  MeanAndStd predict_with_std(const Eigen::MatrixXd& samples, const GramOptions& options = {}) const;

  /// Adds training rows (not scaled yet) by m new rows of the Cholesky factor, in n^2 m steps when the factor
  /// is there, and keeps it from then on. Scalings and lambda stay what they are, so this is the refit with
  /// Ridge::absolute(lambda). Strong guarantee. Throws DataError, NotPositiveDefinite, Error (memory).
  void append(const Eigen::MatrixXd& samples, const Eigen::MatrixXd& target, const GramOptions& options = {});

  /// The classes' probabilities of predicted scores: softmax(inverse_temperature x scores), samples x
  /// classes.
  Eigen::MatrixXd probabilities(const Eigen::MatrixXd& scores) const {
    return softmax(scores, inverse_temperature);
  }

  /// Fits the inverse temperature to leave-one-out scores of the training rows and their classes.
  void calibrate(const Eigen::MatrixXd& leave_one_out_scores) {
    inverse_temperature = fit_inverse_temperature(leave_one_out_scores, largest_score(y));
  }

  /// K(X, X), n x n, without lambda.
  Eigen::MatrixXd training_kernel(const GramOptions& options = {}) const;

  /// Computes the factor, where it is not there (after loading), once for all that need it.
  void factorize(const GramOptions& options = {});

  /// What the model that is fitted without a row predicts for it, for every row: n x outputs, in the units of
  /// the targets. In closed form, y_i - w_i / (A^-1)_ii (Rasmussen and Williams 2006, eq. (5.12)); lambda and
  /// the scalings stay those of all rows.
  Eigen::MatrixXd leave_one_out(const GramOptions& options = {}) const;
};

namespace machine_detail {

inline Eigen::MatrixXd kernel_matrix(const Plan& plan, Kernel kernel, KernelPrecision precision,
                                     const Eigen::MatrixXd& a, const Eigen::MatrixXd* b,
                                     const GramOptions& options) {
  if (precision == KernelPrecision::in_double)
    return b ? gram(plan, kernel, a, *b, options) : gram(plan, kernel, a, options);
  return (b ? gram<float>(plan, kernel, a, *b, options) : gram<float>(plan, kernel, a, options))
      .template cast<double>();
}

/// K(x, x) of each row.
inline Eigen::VectorXd prior_variances(const Plan& plan, const KernelMachine& model,
                                       const Eigen::MatrixXd& x) {
  Eigen::VectorXd variances(x.rows());
  for (Eigen::Index i = 0; i < x.rows(); ++i) {
    const Eigen::MatrixXd row = x.row(i);
    variances[i] = kernel_matrix(plan, Kernel::nngp, model.precision, row, nullptr, {.threads = 1})(0, 0);
  }
  return variances;
}

inline Eigen::MatrixXd factor_of(const KernelMachine& model, const GramOptions& options) {
  if (model.factor.rows() == model.x.rows()) return model.factor;
  Eigen::MatrixXd a = model.training_kernel(options);
  a.diagonal().array() += model.lambda;
  return Cholesky<double>(std::move(a), {.threads = options.threads, .progress = options.progress}).storage();
}

/// A^-1 b from the factor. Serial products: their blocks, hence their rounding, would follow the threads.
inline Eigen::MatrixXd solve(const Eigen::MatrixXd& factor, Eigen::MatrixXd b) {
  const cholesky_detail::SerialEigen serial;
  const auto lower = factor.triangularView<Eigen::Lower>();
  lower.solveInPlace(b);
  lower.transpose().solveInPlace(b);
  return b;
}

/// The factor of A as the variances take it.
struct LowerFactor {
  explicit LowerFactor(Eigen::MatrixXd l) : lower(std::move(l)) {
    for (Eigen::Index j = 0; j < lower.cols(); ++j)
      trace += lower.col(j).tail(lower.rows() - j).squaredNorm();
  }
  Eigen::MatrixXd solve(const Eigen::MatrixXd& b) const { return machine_detail::solve(lower, b); }
  Eigen::MatrixXd solve_lower(Eigen::MatrixXd b) const {
    const cholesky_detail::SerialEigen serial;
    lower.triangularView<Eigen::Lower>().solveInPlace(b);
    return b;
  }
  Eigen::MatrixXd lower;
  double trace = 0;  ///< of A = L L', the sum of the squares in L
};

inline Eigen::MatrixXd scaled(const std::optional<Scaling>& scaling, const Eigen::MatrixXd& x) {
  return scaling ? scaling->apply(x) : x;
}

inline void require_features(const KernelMachine& model, const Eigen::MatrixXd& x) {
  if (x.cols() != model.x.cols())
    throw DataError("the samples have " + std::to_string(x.cols()) +
                    " columns and the model was trained on " + std::to_string(model.x.cols()) +
                    "; give the same features");
}

inline constexpr Eigen::Index batch = 1024;

}  // namespace machine_detail

/// Fits a machine of which the topology, the kernel, the ridge, x and y are given (scaled already, where it
/// has scalings): lambda, the factor and the weights are computed. The options' progress function sees the
/// kernel and then the factorization, each from 0 to 1. Memory: n^2 doubles (half as much again in float,
/// while the kernel becomes double). Throws DataError, NoClosedForm, NotPositiveDefinite, Error (memory),
/// Cancelled.
inline KernelMachine fit_kernel_machine(KernelMachine machine, const GramOptions& options = {}) {
  const Eigen::MatrixXd &x = machine.x, &y = machine.y;
  if (x.rows() == 0 || x.rows() != y.rows() || y.cols() == 0)
    throw DataError("there are " + std::to_string(x.rows()) + " samples and targets of " +
                    std::to_string(y.rows()) + " x " + std::to_string(y.cols()) +
                    "; give one row of targets a sample, and one at least");
  Eigen::MatrixXd a = machine.training_kernel(options);
  machine.lambda = machine.ridge.lambda_for(a.diagonal().mean());
  a.diagonal().array() += machine.lambda;
  Cholesky<double> factor(std::move(a), {.threads = options.threads, .progress = options.progress});
  machine.weights = factor.solve(y);
  machine.factor = std::move(factor).storage();
  return machine;
}

/// A fitted machine, and how its system was solved.
struct SolvedMachine {
  KernelMachine machine;  ///< ready to predict
  SolverReport report;    ///< solver, residual and condition
};

/// The same by any solver (solver.hpp), the kernel in double: for more rows than memory holds kernels of. The
/// factor is there after Solver::cholesky alone. Throws as solve_kernel_system.
inline SolvedMachine fit_with_solver(KernelMachine machine, const SolverOptions& options) {
  auto solved = solve_kernel_system(compile(machine.topology, machine.kernel), machine.kernel, machine.x,
                                    machine.y, machine.ridge, options);
  machine.lambda = solved.report.lambda;
  machine.weights = std::move(solved.weights);
  machine.factor = std::move(solved.factor);
  return {std::move(machine), std::move(solved.report)};
}

inline Eigen::MatrixXd KernelMachine::predict(const Eigen::MatrixXd& samples,
                                              const GramOptions& options) const {
  machine_detail::require_features(*this, samples);
  const Eigen::MatrixXd at = machine_detail::scaled(input_scaling, samples);
  const Plan plan = compile(topology, kernel);
  Eigen::MatrixXd mean(at.rows(), weights.cols());
  for (Eigen::Index first = 0; first < at.rows(); first += machine_detail::batch) {
    const Eigen::Index rows = std::min(machine_detail::batch, at.rows() - first);
    const Eigen::MatrixXd block = at.middleRows(first, rows);
    const Eigen::MatrixXd k = machine_detail::kernel_matrix(plan, kernel, precision, block, &x, options);
    const cholesky_detail::SerialEigen serial;
    mean.middleRows(first, rows).noalias() = k * weights;
  }
  return target_scaling ? target_scaling->undo(mean) : mean;
}

inline MeanAndStd KernelMachine::predict_with_std(const Eigen::MatrixXd& samples,
                                                  const GramOptions& options) const {
  machine_detail::require_features(*this, samples);
  const Eigen::MatrixXd at = machine_detail::scaled(input_scaling, samples);
  const Plan plan = compile(topology, kernel);
  const machine_detail::LowerFactor lower(machine_detail::factor_of(*this, options));
  const double rounding = regression_detail::rounding(x.rows(), precision == KernelPrecision::in_float
                                                                    ? std::numeric_limits<float>::epsilon()
                                                                    : std::numeric_limits<double>::epsilon());
  const auto between = [&](Kernel which, const Eigen::MatrixXd& a, const Eigen::MatrixXd* b) {
    return machine_detail::kernel_matrix(plan, which, precision, a, b, options);
  };
  const Eigen::MatrixXd prior_dd =
      kernel == Kernel::ntk ? between(Kernel::nngp, x, nullptr) : Eigen::MatrixXd();
  Eigen::VectorXd variance = machine_detail::prior_variances(plan, *this, at);
  for (Eigen::Index first = 0; first < at.rows(); first += machine_detail::batch) {
    const Eigen::Index rows = std::min(machine_detail::batch, at.rows() - first);
    const Eigen::MatrixXd block = at.middleRows(first, rows);
    const Eigen::MatrixXd k = between(kernel, x, &block);  // n x rows
    const Eigen::VectorXd prior = variance.segment(first, rows);
    variance.segment(first, rows) =
        kernel == Kernel::nngp
            ? regression_detail::nngp_variance(lower, k, prior, rounding, first)
            : regression_detail::ensemble_variance(lower, prior_dd, k, between(Kernel::nngp, x, &block),
                                                   prior, rounding, first);
  }
  const Eigen::VectorXd std = variance.cwiseSqrt();
  MeanAndStd out{predict(samples, options), std.replicate(1, weights.cols())};
  if (target_scaling) out.std.array().rowwise() *= target_scaling->scale.array();
  return out;
}

inline Eigen::MatrixXd KernelMachine::training_kernel(const GramOptions& options) const {
  return machine_detail::kernel_matrix(compile(topology, kernel), kernel, precision, x, nullptr, options);
}

inline void KernelMachine::factorize(const GramOptions& options) {
  if (factor.rows() != x.rows()) factor = machine_detail::factor_of(*this, options);
}

inline Eigen::MatrixXd KernelMachine::leave_one_out(const GramOptions& options) const {
  const Eigen::MatrixXd lower = machine_detail::factor_of(*this, options);
  const Eigen::Index n = x.rows();
  Eigen::VectorXd inverse_diagonal(n);  // the squared columns of L^-1, which is lower triangular
  constexpr Eigen::Index width = 128;
  for (Eigen::Index first = 0; first < n; first += width) {
    const Eigen::Index columns = std::min(width, n - first), below = n - first;
    Eigen::MatrixXd block = Eigen::MatrixXd::Identity(below, columns);
    const cholesky_detail::SerialEigen serial;
    lower.bottomRightCorner(below, below).triangularView<Eigen::Lower>().solveInPlace(block);
    inverse_diagonal.segment(first, columns) = block.colwise().squaredNorm().transpose();
  }
  const Eigen::MatrixXd left_out = y - (weights.array().colwise() / inverse_diagonal.array()).matrix();
  return target_scaling ? target_scaling->undo(left_out) : left_out;
}

inline void KernelMachine::append(const Eigen::MatrixXd& samples, const Eigen::MatrixXd& target,
                                  const GramOptions& options) {
  machine_detail::require_features(*this, samples);
  if (target.rows() != samples.rows() || target.cols() != y.cols())
    throw DataError("the new targets are " + std::to_string(target.rows()) + " x " +
                    std::to_string(target.cols()) + " for " + std::to_string(samples.rows()) +
                    " samples and " + std::to_string(y.cols()) +
                    " outputs; give one row of targets a sample");
  if (!target.allFinite())
    throw DataError("the new targets have an entry that is not finite; remove or replace its row");
  if (samples.rows() == 0) return;
  const Eigen::MatrixXd at = machine_detail::scaled(input_scaling, samples);
  const Eigen::Index n = x.rows(), m = at.rows();
  require_memory(sizeof(double) * static_cast<double>(n + m) * static_cast<double>(n + m),
                 "the extended factor");
  const Plan plan = compile(topology, kernel);
  const Eigen::MatrixXd old = machine_detail::factor_of(*this, options);
  // A' = [A B'; B C] has the factor [L 0; B L^-T  chol(C - B A^-1 B')].
  Eigen::MatrixXd b = machine_detail::kernel_matrix(plan, kernel, precision, x, &at, options);
  Eigen::MatrixXd c = machine_detail::kernel_matrix(plan, kernel, precision, at, nullptr, options);
  c.diagonal().array() += lambda;
  {
    const cholesky_detail::SerialEigen serial;
    old.triangularView<Eigen::Lower>().solveInPlace(b);
    c.selfadjointView<Eigen::Lower>().rankUpdate(b.transpose(), -1.0);
  }
  const Eigen::MatrixXd corner = Cholesky<double>(std::move(c), {.threads = options.threads}).storage();
  Eigen::MatrixXd grown = Eigen::MatrixXd::Zero(n + m, n + m);
  grown.topLeftCorner(n, n).triangularView<Eigen::Lower>() = old;
  grown.bottomLeftCorner(m, n) = b.transpose();
  grown.bottomRightCorner(m, m).triangularView<Eigen::Lower>() = corner;
  Eigen::MatrixXd all_x(n + m, x.cols()), all_y(n + m, y.cols());
  all_x << x, at;
  all_y << y, machine_detail::scaled(target_scaling, target);
  weights = machine_detail::solve(grown, all_y);
  factor = std::move(grown);
  x = std::move(all_x);
  y = std::move(all_y);
}

}  // namespace SST_ABI
}  // namespace sst
