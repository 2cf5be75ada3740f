// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <utility>

#include <Eigen/Core>

#include <sst/base/compiled.hpp>
#include <sst/base/execution.hpp>
#include <sst/error.hpp>
#include <sst/linalg/product.hpp>
#include <sst/linalg/spectrum.hpp>
#include <sst/regression/batches.hpp>
#include <sst/regression/gradient_flow.hpp>
#include <sst/regression/targets.hpp>
#include <sst/regression/variances.hpp>
#include <sst/version.hpp>

/// \file
/// The bodies of gradient_flow.hpp.

namespace sst {
inline namespace SST_ABI {

SST_COMPILED double max_learning_rate(const Spectrum& ntk, Eigen::Index outputs) {
  if (outputs < 1 || ntk.values().size() == 0)
    throw DataError("there are no training samples or no outputs; give one of each at least");
  const double largest = regression_detail::eigenvalues(ntk).maxCoeff();
  return 2 * static_cast<double>(ntk.values().size()) * static_cast<double>(outputs) / largest;
}

SST_COMPILED double max_learning_rate(const KernelFunction& ntk, const DataRef& x, Eigen::Index outputs,
                                      const Execution& execution) {
  const Execution first = detail::part_of(execution, 0, 0.1), second = detail::part_of(execution, 0.1, 1);
  return max_learning_rate(Spectrum(ntk.matrix(x, first), 1e-8, second), outputs);
}

SST_COMPILED GradientFlow::GradientFlow(const Spectrum& kernel, const MatrixXd& y, const Ridge& ridge,
                                        double learning_rate)
    : vectors_(kernel.vectors()) {
  regression_detail::require_targets(vectors_.rows(), y);
  if (!(learning_rate > 0) || !std::isfinite(learning_rate))
    throw Error("the learning rate is " + std::to_string(learning_rate) + "; give it a positive number");
  kernel_ = regression_detail::eigenvalues(kernel);
  lambda_ = regression_detail::lambda_for(ridge, kernel_);
  a_ = kernel_.array() + lambda_;
  targets_ = detail::product(vectors_.transpose(), y);
  rate_ = learning_rate / static_cast<double>(y.size());
}

SST_COMPILED GradientFlow::GradientFlow(MatrixXd kernel, const MatrixXd& y, const Ridge& ridge,
                                        double learning_rate)
    : GradientFlow(Spectrum(std::move(kernel)), y, ridge, learning_rate) {}

SST_COMPILED Eigen::MatrixXd GradientFlow::train_mean(double t) const {
  return from_basis(kernel_.cwiseProduct(solved(t)).asDiagonal() * targets_);
}

SST_COMPILED Eigen::MatrixXd GradientFlow::test_mean(const MatrixXd& k_td, double t) const {
  regression_detail::require_shape(k_td, k_td.rows(), vectors_.rows(), "K_td");
  return detail::product(k_td, from_basis(solved(t).asDiagonal() * targets_));
}

SST_COMPILED Eigen::MatrixXd GradientFlow::train_covariance(double t) const {
  // d - d^2 phi = d (lambda + d exp(-2 a tau)) / a, of positive terms.
  VectorXd kept(kernel_.size());
  for (Eigen::Index j = 0; j < kept.size(); ++j) kept[j] = kernel_[j] * remaining(j, 2 * tau(t));
  MatrixXd out = detail::product(MatrixXd(vectors_ * kept.asDiagonal()), vectors_.transpose());
  regression_detail::symmetrise(out);
  return out;
}

SST_COMPILED Eigen::MatrixXd GradientFlow::test_covariance(const MatrixXd& k_td, const MatrixXd& k_tt,
                                                           double t) const {
  regression_detail::require_shape(k_tt, k_td.rows(), k_td.rows(), "K_tt");
  const MatrixXd c = to_basis(k_td);
  const VectorXd phi = solved_at(2 * tau(t));
  MatrixXd out = k_tt - detail::product(c.transpose(), MatrixXd(phi.asDiagonal() * c));
  regression_detail::symmetrise(out);
  for (Eigen::Index i = 0; i < out.rows(); ++i) out(i, i) = clamped(out(i, i), c.col(i), phi, k_tt(i, i), i);
  return out;
}

SST_COMPILED Eigen::MatrixXd GradientFlow::test_variance(const MatrixXd& k_td, const VectorXd& k_tt,
                                                         const VectorXd& times) const {
  regression_detail::require_shape(k_td, k_tt.size(), vectors_.rows(), "K_td");
  const MatrixXd c = to_basis(k_td);
  MatrixXd out(k_tt.size(), times.size());
  for (Eigen::Index s = 0; s < times.size(); ++s) {
    const VectorXd phi = solved_at(2 * tau(times[s]));
    for (Eigen::Index i = 0; i < out.rows(); ++i)
      out(i, s) = clamped(k_tt[i] - c.col(i).cwiseAbs2().dot(phi), c.col(i), phi, k_tt[i], i);
  }
  return out;
}

SST_COMPILED Eigen::VectorXd GradientFlow::solved(double t) const { return solved_at(tau(t)); }

SST_COMPILED Eigen::VectorXd GradientFlow::remaining(double t) const {
  VectorXd out(a_.size());
  for (Eigen::Index j = 0; j < out.size(); ++j) out[j] = remaining(j, tau(t));
  return out;
}

SST_COMPILED double GradientFlow::remaining(Eigen::Index j, double tau) const {
  if (!(a_[j] > 0)) return 1;
  return (lambda_ + kernel_[j] * std::exp(-a_[j] * tau)) / a_[j];
}

SST_COMPILED double GradientFlow::trace() const { return a_.sum(); }

SST_COMPILED Eigen::MatrixXd GradientFlow::to_basis(const MatrixXd& k_td) const {
  return detail::product(vectors_.transpose(), k_td.transpose());
}

SST_COMPILED Eigen::MatrixXd GradientFlow::from_basis(const MatrixXd& coefficients) const {
  return detail::product(vectors_, coefficients);
}

SST_COMPILED double GradientFlow::tau(double t) const {
  if (!(t >= 0)) throw Error("the training time is " + std::to_string(t) + "; give it a number >= 0");
  return rate_ * t;
}

SST_COMPILED Eigen::VectorXd GradientFlow::solved_at(double tau) const {
  if (std::isinf(tau)) return regression_detail::regularised(kernel_, lambda_).cwiseInverse();
  // Directions in which K is rounding alone hold none of what is predicted, and would be off by eps tau
  // |K|.
  const double unresolved =
      4 * static_cast<double>(a_.size()) * std::numeric_limits<double>::epsilon() * a_.maxCoeff();
  const bool late = tau * unresolved > 1e-8;
  return a_.unaryExpr([=](double a) {
    if (late && a <= unresolved) return 0.0;
    return a > 0 ? -std::expm1(-a * tau) / a : tau;
  });
}

/// The eigenvalues are those of A + E with |E| <= c n eps tr A, as for a factor.
template <class Column>
double GradientFlow::clamped(double variance, const Column& c, const VectorXd& phi, double prior,
                             Eigen::Index i) const {
  if (variance >= 0) return variance;
  const double w = c.cwiseProduct(phi).norm();
  return regression_detail::clamp_variance(
      variance, regression_detail::rounding(a_.size()) * (prior + trace() * w * w + 2 * w * c.norm()), i);
}

SST_COMPILED EnsembleFlow::EnsembleFlow(const Spectrum& t_dd, const MatrixXd& k_dd, const MatrixXd& y,
                                        const Ridge& ridge, double learning_rate)
    : flow_(t_dd, y, ridge, learning_rate) {
  regression_detail::require_shape(k_dd, y.rows(), y.rows(), "K_dd");
  prior_ = detail::product(flow_.vectors().transpose(), detail::product(k_dd, flow_.vectors()));
}

SST_COMPILED EnsembleFlow::EnsembleFlow(MatrixXd t_dd, const MatrixXd& k_dd, const MatrixXd& y,
                                        const Ridge& ridge, double learning_rate)
    : EnsembleFlow(Spectrum(std::move(t_dd)), k_dd, y, ridge, learning_rate) {}

SST_COMPILED Eigen::MatrixXd EnsembleFlow::train_covariance(double t) const {
  const VectorXd left = flow_.remaining(t);
  const MatrixXd inner = left.asDiagonal() * prior_ * left.asDiagonal();
  MatrixXd out = detail::product(flow_.from_basis(inner), flow_.vectors().transpose());
  regression_detail::symmetrise(out);
  return out;
}

SST_COMPILED Eigen::MatrixXd EnsembleFlow::test_covariance(const MatrixXd& t_td, const MatrixXd& k_td,
                                                           const MatrixXd& k_tt, double t) const {
  regression_detail::require_shape(k_tt, t_td.rows(), t_td.rows(), "K_tt");
  const Projected p = project(t_td, k_td);
  const MatrixXd u = flow_.solved(t).asDiagonal() * p.t, change = detail::product(prior_, u);
  MatrixXd out = k_tt + detail::product(u.transpose(), MatrixXd(change - 2 * p.k));
  regression_detail::symmetrise(out);
  for (Eigen::Index i = 0; i < out.rows(); ++i)
    out(i, i) = clamped(out(i, i), p, u, change, flow_.solved(t), k_tt(i, i), i);
  return out;
}

SST_COMPILED Eigen::MatrixXd EnsembleFlow::test_variance(const MatrixXd& t_td, const MatrixXd& k_td,
                                                         const VectorXd& k_tt, const VectorXd& times) const {
  regression_detail::require_shape(t_td, k_tt.size(), prior_.rows(), "T_td");
  const Projected p = project(t_td, k_td);
  MatrixXd out(k_tt.size(), times.size());
  for (Eigen::Index s = 0; s < times.size(); ++s) {
    const VectorXd phi = flow_.solved(times[s]);
    const MatrixXd u = phi.asDiagonal() * p.t, change = detail::product(prior_, u);
    for (Eigen::Index i = 0; i < out.rows(); ++i)
      out(i, s) =
          clamped(k_tt[i] + u.col(i).dot(change.col(i) - 2 * p.k.col(i)), p, u, change, phi, k_tt[i], i);
  }
  return out;
}

SST_COMPILED EnsembleFlow::Projected EnsembleFlow::project(const MatrixXd& t_td, const MatrixXd& k_td) const {
  regression_detail::require_shape(t_td, t_td.rows(), prior_.rows(), "T_td");
  regression_detail::require_shape(k_td, t_td.rows(), prior_.rows(), "K_td");
  return {flow_.to_basis(t_td), flow_.to_basis(k_td)};
}

SST_COMPILED double EnsembleFlow::clamped(double variance, const Projected& p, const MatrixXd& u,
                                          const MatrixXd& change, const VectorXd& phi, double prior,
                                          Eigen::Index i) const {
  if (variance >= 0) return variance;
  const double v = u.col(i).norm(), g = phi.cwiseProduct(change.col(i) - p.k.col(i)).norm();
  const double bound = prior + prior_.trace() * v * v + 2 * v * p.k.col(i).norm() + 2 * flow_.trace() * v * g;
  return regression_detail::clamp_variance(variance, regression_detail::rounding(u.rows()) * bound, i);
}

SST_COMPILED TrainingFlow::TrainingFlow(Model model, double learning_rate, const Execution& execution)
    : model_(std::move(model)) {
  const Execution first = detail::part_of(execution, 0, 0.1), second = detail::part_of(execution, 0.1, 0.9),
                  third = detail::part_of(execution, 0.9, 1);
  const Ridge ridge = Ridge::absolute(model_.lambda());
  const Spectrum spectrum(model_.columns().matrix(first), 1e-8, second);
  if (model_.kernel().is_its_own_prior())
    last_layer_.emplace(spectrum, model_.y(), ridge, learning_rate);
  else
    all_layers_.emplace(spectrum, model_.columns().prior_matrix(third), model_.y(), ridge, learning_rate);
}

SST_COMPILED Eigen::MatrixXd TrainingFlow::predict(const DataRef& x, double t,
                                                   const Execution& execution) const {
  MatrixXd out(x.rows(), model_.outputs());
  regression_detail::in_batches(
      x, execution, [&](Eigen::Index first, const DataRef& rows, const Execution& part) {
        const MatrixXd td = model_.columns().matrix(rows, part);
        out.middleRows(first, rows.rows()) =
            last_layer_ ? last_layer_->test_mean(td, t) : all_layers_->test_mean(td, t);
      });
  return out;
}

SST_COMPILED MeanAndStd TrainingFlow::predict_with_std(const DataRef& x, double t,
                                                       const Execution& execution) const {
  MeanAndStd out{MatrixXd(x.rows(), model_.outputs()), MatrixXd(x.rows(), model_.outputs())};
  const Eigen::VectorXd times = Eigen::VectorXd::Constant(1, t);
  regression_detail::in_batches(
      x, execution, [&](Eigen::Index first, const DataRef& rows, const Execution& part) {
        const auto td = model_.columns().with_prior(rows, part);
        const MatrixXd variance = last_layer_
                                      ? last_layer_->test_variance(td.kernel, td.variance, times)
                                      : all_layers_->test_variance(td.kernel, td.prior, td.variance, times);
        out.mean.middleRows(first, rows.rows()) =
            last_layer_ ? last_layer_->test_mean(td.kernel, t) : all_layers_->test_mean(td.kernel, t);
        out.std.middleRows(first, rows.rows()) = variance.cwiseSqrt().replicate(1, model_.outputs());
      });
  return out;
}

SST_COMPILED Eigen::MatrixXd TrainingFlow::covariance(const DataRef& x, double t,
                                                      const Execution& execution) const {
  const auto td = model_.columns().with_prior(x, detail::part_of(execution, 0, 0.5));
  const MatrixXd tt = model_.kernel().prior().matrix(x, detail::part_of(execution, 0.5, 1));
  return last_layer_ ? last_layer_->test_covariance(td.kernel, tt, t)
                     : all_layers_->test_covariance(td.kernel, td.prior, tt, t);
}

}  // namespace SST_ABI
}  // namespace sst
