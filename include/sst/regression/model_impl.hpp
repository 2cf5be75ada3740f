// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <numbers>
#include <string>
#include <utility>

#include <sst/base/compiled.hpp>
#include <sst/base/memory.hpp>
#include <sst/base/progress.hpp>
#include <sst/error.hpp>
#include <sst/linalg/product.hpp>
#include <sst/regression/batches.hpp>
#include <sst/regression/model.hpp>
#include <sst/regression/targets.hpp>
#include <sst/regression/variances.hpp>
#include <sst/version.hpp>

/// \file
/// The bodies of model.hpp.

namespace sst {
inline namespace SST_ABI {

/// The factor of A, as variances take it, and the prior's matrix where the kernel is not its own.
struct Model::Solved {
  std::shared_ptr<const Cholesky<double>> factor;  ///< of A
  std::shared_ptr<const MatrixXd> prior;           ///< null: the kernel's own
  double trace;                                    ///< of A = L L', the sum of the squares in L
  double rounding;                                 ///< see regression_detail::rounding

  MatrixXd solve(const MatrixXd& b) const { return factor->solve(b); }              ///< A^-1 b, n x m
  MatrixXd solve_lower(const MatrixXd& b) const { return factor->solve_lower(b); }  ///< L^-1 b, n x m
};

SST_COMPILED Model::Model(KernelFunction kernel, const DataRef& x, const MatrixXd& y, const Ridge& ridge,
                          const FitOptions& options)
    : kernel_(std::move(kernel)),
      x_(x.owned()),
      columns_((regression_detail::require_targets(x.rows(), y), kernel_), x_),
      y_(y),
      sample_weights_(options.sample_weights),
      ridge_(ridge),
      amplitudes_(Eigen::RowVectorXd::Ones(y.cols())) {
  auto solved = solve_kernel_system(kernel_, x_, columns_, y_, ridge, options);
  weights_ = std::move(solved.weights);
  lambda_ = solved.report.lambda;
  late_->factor = std::move(solved.factor);
  report_ = std::move(solved.report);
}

SST_COMPILED Model::Model(Parts parts)
    : kernel_(std::move(parts.kernel)),
      x_(parts.x.owned()),
      columns_(kernel_, x_),
      y_(std::move(parts.y)),
      weights_(std::move(parts.weights)),
      ridge_(parts.ridge),
      lambda_(parts.lambda),
      amplitudes_(parts.amplitudes.size() ? parts.amplitudes : Eigen::RowVectorXd::Ones(y_.cols())) {
  regression_detail::require_targets(x_.rows(), y_);
  if (amplitudes_.size() != y_.cols() || !(amplitudes_.minCoeff() > 0) || !amplitudes_.allFinite())
    throw DataError("there are " + std::to_string(amplitudes_.size()) + " amplitudes for " +
                    std::to_string(y_.cols()) + " outputs, or one is not positive; give a positive one each");
  regression_detail::require_shape(weights_, y_.rows(), y_.cols(), "the weights");
  if (parts.factor && parts.factor->size() != x_.rows())
    throw DataError("the factor has " + std::to_string(parts.factor->size()) + " rows and the model " +
                    std::to_string(x_.rows()) + " samples; give the one of its system");
  late_->factor = std::move(parts.factor);
  report_.lambda = lambda_;
  report_.sentence = "fitted before";
}

SST_COMPILED void Model::require_features(const DataRef& x) const {
  if (x.cols() != x_.cols())
    throw DataError("the samples have " + std::to_string(x.cols()) +
                    " columns and the model was trained on " + std::to_string(x_.cols()) +
                    "; give the same features");
}

SST_COMPILED Eigen::MatrixXd Model::predict(const DataRef& x, const Execution& execution) const {
  require_features(x);
  MatrixXd mean(x.rows(), outputs());
  regression_detail::in_batches(x, execution,
                                [&](Eigen::Index first, const DataRef& rows, const Execution& part) {
                                  mean.middleRows(first, rows.rows()) =
                                      detail::product(columns_.matrix(rows, part), weights_, part.threads);
                                });
  return mean;
}

SST_COMPILED void Model::require_output(Eigen::Index output) const {
  if (output < 0 || output >= outputs())
    throw Error("the model has outputs 0 to " + std::to_string(outputs() - 1) + " and not " +
                std::to_string(output) + "; name one of these");
}

SST_COMPILED Eigen::MatrixXd Model::input_gradients(const DataRef& x, Eigen::Index output,
                                                    const Execution& execution) const {
  require_features(x);
  require_output(output);
  return kernel_.gradients(x, x_, weights_.col(output).transpose(), execution);
}

SST_COMPILED FullGradients Model::full_gradients(const DataRef& x, Eigen::Index output,
                                                 const Execution& execution) const {
  require_features(x);
  require_output(output);
  return kernel_.full_gradients(x, x_, weights_.col(output).transpose(), execution);
}

SST_COMPILED std::shared_ptr<const Cholesky<double>> Model::known_factor() const {
  const std::lock_guard lock(late_->mutex);
  return late_->factor;
}

SST_COMPILED Eigen::VectorXd Model::noise() const {
  if (sample_weights_.size()) return lambda_ * sample_weights_.cwiseInverse();
  return Eigen::VectorXd::Constant(samples(), lambda_);
}

SST_COMPILED std::shared_ptr<const Cholesky<double>> Model::factor(const Execution& execution) const {
  const std::lock_guard lock(late_->mutex);
  if (late_->factor) return late_->factor;
  const double filled = cholesky_detail::kernel_share(samples());
  MatrixXd a = columns_.matrix(detail::part_of(execution, 0, filled));
  a.diagonal() += noise();
  return late_->factor = std::make_shared<const Cholesky<double>>(
             std::move(a), CholeskyOptions{.threads = execution.threads,
                                           .progress = detail::part_of(execution.progress, filled, 1)});
}

SST_COMPILED std::shared_ptr<const Eigen::MatrixXd> Model::prior(const Execution& execution) const {
  if (kernel_.is_its_own_prior()) return nullptr;
  const std::lock_guard lock(late_->mutex);
  if (!late_->prior) late_->prior = std::make_shared<const MatrixXd>(columns_.prior_matrix(execution));
  return late_->prior;
}

SST_COMPILED Model::Solved Model::solved(const Execution& execution) const {
  Solved out{factor(detail::part_of(execution, 0, 0.7)), prior(detail::part_of(execution, 0.7, 1)), 0,
             regression_detail::rounding(samples(), kernel_.interface().epsilon())};
  const MatrixXd& lower = out.factor->storage();
  for (Eigen::Index j = 0; j < lower.cols(); ++j)
    out.trace += lower.col(j).tail(lower.rows() - j).squaredNorm();
  return out;
}

SST_COMPILED MeanAndStd Model::predict_with_std(const DataRef& x, ObservationNoise noise,
                                                const Execution& execution) const {
  require_features(x);
  const Solved a = solved(detail::part_of(execution, 0, 0.5));  // all there, as a rule
  MatrixXd mean(x.rows(), outputs());
  Eigen::VectorXd variance(x.rows());
  regression_detail::in_batches(
      x, detail::part_of(execution, 0.5, 1),
      [&](Eigen::Index first, const DataRef& rows, const Execution& part) {
        auto td = columns_.with_prior(rows, part);
        mean.middleRows(first, rows.rows()) = detail::product(td.kernel, weights_, part.threads);
        const MatrixXd dt = td.kernel.transpose();
        variance.segment(first, rows.rows()) =
            a.prior ? regression_detail::ensemble_variance(a, *a.prior, dt, td.prior.transpose(), td.variance,
                                                           a.rounding, first)
                    : regression_detail::nngp_variance(a, dt, td.variance, a.rounding, first);
      });
  if (noise == ObservationNoise::included) variance.array() += lambda_;
  return {std::move(mean), variance.cwiseSqrt() * amplitudes_};
}

SST_COMPILED Eigen::MatrixXd Model::variance_gradients(const DataRef& x, const Execution& execution) const {
  require_features(x);
  const Solved a = solved(detail::part_of(execution, 0, 0.5));
  MatrixXd out(x.rows(), x.cols());
  const KernelFunction prior = kernel_.prior();
  regression_detail::in_batches(
      x, detail::part_of(execution, 0.5, 1),
      [&](Eigen::Index first, const DataRef& rows, const Execution& part) {
        const Execution within{part.threads, {}};
        const auto td = columns_.with_prior(rows, part);
        MatrixXd slopes = prior.diagonal_gradients(rows, within);
        const MatrixXd v = a.solve(td.kernel.transpose());
        if (a.prior) {  // of K_tt + v' K_dd v - 2 v' K_dt with v = A^-1 T_dt
          const MatrixXd rest = detail::product(*a.prior, v, part.threads) - td.prior.transpose();
          slopes += kernel_.gradients(rows, x_, 2 * a.solve(rest).transpose(), within);
          slopes += prior.gradients(rows, x_, -2 * v.transpose(), within);
        } else {  // of K_tt - v' K_dt
          slopes += kernel_.gradients(rows, x_, -2 * v.transpose(), within);
        }
        out.middleRows(first, rows.rows()) = slopes;
      });
  return out;
}

SST_COMPILED Eigen::MatrixXd Model::covariance(const DataRef& x, ObservationNoise noise,
                                               const Execution& execution) const {
  require_features(x);
  const Solved a = solved(detail::part_of(execution, 0, 0.5));
  const auto td = columns_.with_prior(x, detail::part_of(execution, 0.5, 0.8));
  MatrixXd out = kernel_.prior().matrix(x, detail::part_of(execution, 0.8, 1));
  const Eigen::VectorXd tt = out.diagonal();
  Eigen::VectorXd diagonal;
  if (a.prior) {
    const MatrixXd t_dt = td.kernel.transpose(), k_dt = td.prior.transpose();
    const regression_detail::EnsembleParts parts(a, *a.prior, t_dt, k_dt);
    out += detail::product(parts.v.transpose(), parts.change, execution.threads);
    regression_detail::symmetrise(out);
    diagonal = out.diagonal();
    regression_detail::clamp_ensemble(diagonal, a, parts, a.prior->trace(), t_dt, k_dt, tt, a.rounding);
  } else {
    const MatrixXd k_dt = td.kernel.transpose(), half = a.solve_lower(k_dt);
    out -= detail::product(half.transpose(), half, execution.threads);
    regression_detail::symmetrise(out);
    diagonal = out.diagonal();
    regression_detail::clamp_nngp(diagonal, a, k_dt, tt, a.rounding);
  }
  out.diagonal() = diagonal;
  if (noise == ObservationNoise::included) out.diagonal().array() += lambda_;
  return out;
}

SST_COMPILED Eigen::MatrixXd Model::leave_one_out(const Execution& execution) const {
  const auto lower = factor(execution);
  const Eigen::VectorXd inverse = detail::inverse_diagonal(lower->storage(), execution.threads);
  return y_ - (weights_.array().colwise() / inverse.array()).matrix();
}

SST_COMPILED MeanAndStd Model::leave_one_out_with_std(ObservationNoise noise,
                                                      const Execution& execution) const {
  const auto a = factor(detail::part_of(execution, 0, 0.6));
  const auto p = prior(detail::part_of(execution, 0.6, 0.8));
  const Eigen::Index n = samples();
  const Eigen::VectorXd inverse = detail::inverse_diagonal(a->storage(), execution.threads);
  const Eigen::VectorXd noises = this->noise();
  Eigen::VectorXd variance = inverse.cwiseInverse();
  if (p) {
    constexpr Eigen::Index block = 512;
    detail::Counter progress(detail::part_of(execution.progress, 0.8, 1), static_cast<double>(n),
                             "the leave-one-out variances");
    for (Eigen::Index first = 0; first < n; first += block) {
      const Eigen::Index count = std::min(block, n - first);
      const auto part = Eigen::seqN(first, count);
      MatrixXd u = MatrixXd::Zero(n, count);
      u.middleRows(first, count).diagonal() = inverse(part).cwiseInverse();
      u = a->solve(u);
      variance(part) = detail::product(*p, u, execution.threads).cwiseProduct(u).colwise().sum().transpose() +
                       noises(part);
      progress.add(static_cast<double>(count));
    }
  }
  if (noise == ObservationNoise::excluded) variance = (variance - noises).cwiseMax(0);
  return {y_ - (weights_.array().colwise() / inverse.array()).matrix(), variance.cwiseSqrt() * amplitudes_};
}

SST_COMPILED MeanAndStd Model::fit_amplitudes(const Execution& execution) {
  MeanAndStd left_out = leave_one_out_with_std(ObservationNoise::included, execution);
  for (Eigen::Index o = 0; o < outputs(); ++o) {
    const Eigen::VectorXd error = y_.col(o) - left_out.mean.col(o),
                          std = left_out.std.col(o) / amplitudes_[o];
    if (error.isZero(0)) continue;
    const double s = error.cwiseQuotient(std).stableNorm() / std::sqrt(static_cast<double>(samples()));
    if (!(s > 0 && std::isfinite(s)))
      throw DataError("the leave-one-out errors of output " + std::to_string(o) +
                      " give no amplitude (a standard deviation is 0, or a number overflows); use a larger "
                      "ridge, or scale the targets");
    amplitudes_[o] = s;
    left_out.std.col(o) = s * std;
  }
  return left_out;
}

SST_COMPILED Eigen::VectorXd Model::log_marginal_likelihood(const Execution& execution) const {
  const double constant =
      factor(execution)->log_determinant() + static_cast<double>(samples()) * std::log(2 * std::numbers::pi);
  const Eigen::ArrayXd s = amplitudes_.transpose();
  return -0.5 * (y_.cwiseProduct(weights_).colwise().sum().transpose().array() / s.square() + constant +
                 2 * static_cast<double>(samples()) * s.log());
}

SST_COMPILED void Model::append(const DataRef& x, const MatrixXd& y, const Execution& execution) {
  require_features(x);
  if (y.rows() != x.rows() || y.cols() != outputs())
    throw DataError("the new targets are " + std::to_string(y.rows()) + " x " + std::to_string(y.cols()) +
                    " for " + std::to_string(x.rows()) + " samples and " + std::to_string(outputs()) +
                    " outputs; give one row of targets a sample");
  if (!y.allFinite())
    throw DataError("the new targets have an entry that is not finite; remove or replace its row");
  if (sample_weights_.size())
    throw Error(
        "rows cannot be appended to a model of weighted samples (their weights are not known); fit it anew");
  if (x.rows() == 0) return;
  const Eigen::Index n = samples(), m = x.rows();
  require_memory(sizeof(double) * static_cast<double>(n + m) * static_cast<double>(n + m),
                 "the extended factor");
  MatrixXd corner = kernel_.matrix(x, detail::part_of(execution, 0, 0.2));
  corner.diagonal().array() += lambda_;
  Cholesky<double> grown = *factor(detail::part_of(execution, 0.2, 0.7));
  grown.append(columns_.matrix(x, detail::part_of(execution, 0.7, 1)), std::move(corner));
  DataRef all_x = x_.stacked(x);
  MatrixXd all_y(n + m, outputs());
  all_y << y_, y;
  MatrixXd weights = grown.solve(all_y);
  KernelColumns columns(kernel_, all_x);
  auto late = std::make_shared<Late>();
  late->factor = std::make_shared<const Cholesky<double>>(std::move(grown));
  x_ = std::move(all_x);
  y_ = std::move(all_y);
  weights_ = std::move(weights);
  columns_ = std::move(columns);
  late_ = std::move(late);
}

}  // namespace SST_ABI
}  // namespace sst
