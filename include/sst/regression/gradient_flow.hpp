// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <optional>
#include <string>
#include <utility>

#include <Eigen/Core>

#include <sst/error.hpp>
#include <sst/kernel/kernel_function.hpp>
#include <sst/linalg/product.hpp>
#include <sst/linalg/ridge.hpp>
#include <sst/linalg/spectrum.hpp>
#include <sst/regression/batches.hpp>
#include <sst/regression/model.hpp>
#include <sst/regression/posterior.hpp>
#include <sst/version.hpp>

/// \file
/// Infinitely wide networks during training. The loss is |f(X) - y|^2 / (2 n outputs), the learning rate is
/// eta, and time t counts steps of it, so that with tau = eta t / (n outputs), A = T_dd + lambda I and a
/// start at zero
///
///     f_t(x) = T_xd A^-1 (1 - exp(-A tau)) y
///
/// (Lee et al. 2019, "Wide Neural Networks of Any Depth Evolve as Linear Models Under Gradient Descent",
/// eqs. (10), (11)): the solution of df/dtau = -T_xd (f(X) - y) for lambda = 0, and of the same with weight
/// decay towards the start, -lambda f, for lambda > 0. t = 0 is the prior and t = infinity, which is a time
/// like any other, the solve. The conventions are those of neural_tangents.predict.

namespace sst {
inline namespace SST_ABI {

/// The largest learning rate with which gradient descent on |f(X) - y|^2 / (2 n outputs) does not diverge:
/// 2 n outputs / (largest eigenvalue of the NTK T_dd). Infinite for a kernel of zeros. y: n x outputs.
/// Throws DataError without samples or outputs.
inline double max_learning_rate(const Spectrum& ntk, Eigen::Index outputs) {
  if (outputs < 1 || ntk.values().size() == 0)
    throw DataError("there are no training samples or no outputs; give one of each at least");
  const double largest = regression_detail::eigenvalues(ntk).maxCoeff();
  return 2 * static_cast<double>(ntk.values().size()) * static_cast<double>(outputs) / largest;
}

/// The same of an NTK on the rows of x, n x d. Throws what its matrix and Spectrum throw.
inline double max_learning_rate(const KernelFunction& ntk, const DataRef& x, Eigen::Index outputs,
                                const Execution& execution = {}) {
  return max_learning_rate(Spectrum(ntk.matrix(x, execution)), outputs);
}

/// Gradient flow of the mean, and of the NNGP's covariance, from one eigendecomposition.
///
/// The kernel is the NTK; with the NNGP kernel it is the flow of the last layer alone, and its covariance is
/// that of an ensemble of networks trained so. A start f_0 other than zero (one network, not their mean) is
/// what is left: train on y - f_0(X) and add f_0 to what is predicted.
class GradientFlow {
 public:
  /// Kernels and targets.
  using MatrixXd = Eigen::MatrixXd;
  /// Eigenvalues, times and variances.
  using VectorXd = Eigen::VectorXd;

  /// kernel: n x n, y: n x outputs. Throws DataError, NotPositiveDefinite, and Error for a learning rate that
  /// is not positive.
  GradientFlow(const Spectrum& kernel, const MatrixXd& y, const Ridge& ridge, double learning_rate = 1)
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
  /// The same from the kernel itself, n x n; y: n x outputs.
  GradientFlow(MatrixXd kernel, const MatrixXd& y, const Ridge& ridge, double learning_rate = 1)
      : GradientFlow(Spectrum(std::move(kernel)), y, ridge, learning_rate) {}

  /// What was added to the diagonal.
  double lambda() const { return lambda_; }
  /// V, the eigenvectors of the kernel as columns: n x n.
  const MatrixXd& vectors() const { return vectors_; }

  /// f_t on the training samples, n x outputs. t >= 0, infinity included; Error otherwise.
  MatrixXd train_mean(double t) const {
    return from_basis(kernel_.cwiseProduct(solved(t)).asDiagonal() * targets_);
  }
  /// f_t on test samples, m x outputs; k_td: m x n. Throws DataError for other shapes, Error unless t >= 0.
  MatrixXd test_mean(const MatrixXd& k_td, double t) const {
    regression_detail::require_shape(k_td, k_td.rows(), vectors_.rows(), "K_td");
    return detail::product(k_td, from_basis(solved(t).asDiagonal() * targets_));
  }

  /// The covariance over random starts when the last layer alone is trained, K_tt - K_td A^-1 (1 - exp(-2 A
  /// tau)) K_dt (K: this flow's kernel, the NNGP): on the training samples, n x n.
  MatrixXd train_covariance(double t) const {
    // d - d^2 phi = d (lambda + d exp(-2 a tau)) / a, of positive terms.
    VectorXd kept(kernel_.size());
    for (Eigen::Index j = 0; j < kept.size(); ++j) kept[j] = kernel_[j] * remaining(j, 2 * tau(t));
    MatrixXd out = detail::product(MatrixXd(vectors_ * kept.asDiagonal()), vectors_.transpose());
    regression_detail::symmetrise(out);
    return out;
  }
  /// The same on test samples, m x m. k_td: m x n, k_tt: m x m. Its diagonal is treated as `test_variance`
  /// is. Throws as that does.
  MatrixXd test_covariance(const MatrixXd& k_td, const MatrixXd& k_tt, double t) const {
    regression_detail::require_shape(k_tt, k_td.rows(), k_td.rows(), "K_tt");
    const MatrixXd c = to_basis(k_td);
    const VectorXd phi = solved_at(2 * tau(t));
    MatrixXd out = k_tt - detail::product(c.transpose(), MatrixXd(phi.asDiagonal() * c));
    regression_detail::symmetrise(out);
    for (Eigen::Index i = 0; i < out.rows(); ++i)
      out(i, i) = clamped(out(i, i), c.col(i), phi, k_tt(i, i), i);
    return out;
  }
  /// Its diagonal alone at several times, m x times, for one product with k_td: m x n. k_tt: the m diagonal
  /// entries of K_tt. What rounding made negative is 0; below what rounding explains it is a DataError.
  MatrixXd test_variance(const MatrixXd& k_td, const VectorXd& k_tt, const VectorXd& times) const {
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

  /// The n eigenvalues of A^-1 (1 - exp(-A tau)), a column. Throws NotPositiveDefinite at t = infinity when A
  /// is singular.
  VectorXd solved(double t) const { return solved_at(tau(t)); }
  /// The n eigenvalues, a column, of 1 - K A^-1 (1 - exp(-A tau)), what is left of the prior on the training
  /// samples.
  VectorXd remaining(double t) const {
    VectorXd out(a_.size());
    for (Eigen::Index j = 0; j < out.size(); ++j) out[j] = remaining(j, tau(t));
    return out;
  }
  /// The trace of A.
  double trace() const { return a_.sum(); }

  /// V' k_td', n x m; k_td: m x n.
  MatrixXd to_basis(const MatrixXd& k_td) const {
    return detail::product(vectors_.transpose(), k_td.transpose());
  }
  /// V times coefficients of n rows.
  MatrixXd from_basis(const MatrixXd& coefficients) const { return detail::product(vectors_, coefficients); }

 private:
  double tau(double t) const {
    if (!(t >= 0)) throw Error("the training time is " + std::to_string(t) + "; give it a number >= 0");
    return rate_ * t;
  }
  VectorXd solved_at(double tau) const {
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
  double remaining(Eigen::Index j, double tau) const {
    if (!(a_[j] > 0)) return 1;
    return (lambda_ + kernel_[j] * std::exp(-a_[j] * tau)) / a_[j];
  }
  /// The eigenvalues are those of A + E with |E| <= c n eps tr A, as for a factor.
  template <class Column>
  double clamped(double variance, const Column& c, const VectorXd& phi, double prior, Eigen::Index i) const {
    if (variance >= 0) return variance;
    const double w = c.cwiseProduct(phi).norm();
    return regression_detail::clamp_variance(
        variance, regression_detail::rounding(a_.size()) * (prior + trace() * w * w + 2 * w * c.norm()), i);
  }

  MatrixXd vectors_;
  VectorXd kernel_, a_;  ///< eigenvalues of K and of A = K + lambda I
  double lambda_ = 0, rate_ = 0;
  MatrixXd targets_;  ///< V' y
};

/// The ensemble of infinitely wide networks after a finite time of training all layers: the mean is that of
/// GradientFlow, and with S = A^-1 (1 - exp(-A tau))
///
///     covariance = K_tt + T_td S K_dd S T_dt - (T_td S K_dt + transpose)
///
/// (Lee et al. 2019). K_dd is not regularised.
class EnsembleFlow {
 public:
  /// Kernels and targets.
  using MatrixXd = Eigen::MatrixXd;
  /// Times and variances.
  using VectorXd = Eigen::VectorXd;

  /// t_dd: n x n or its spectrum, k_dd: n x n, y: n x outputs. Throws as GradientFlow.
  EnsembleFlow(const Spectrum& t_dd, const MatrixXd& k_dd, const MatrixXd& y, const Ridge& ridge,
               double learning_rate = 1)
      : flow_(t_dd, y, ridge, learning_rate) {
    regression_detail::require_shape(k_dd, y.rows(), y.rows(), "K_dd");
    prior_ = detail::product(flow_.vectors().transpose(), detail::product(k_dd, flow_.vectors()));
  }
  /// The same from the NTK itself, n x n; k_dd: n x n, y: n x outputs.
  EnsembleFlow(MatrixXd t_dd, const MatrixXd& k_dd, const MatrixXd& y, const Ridge& ridge,
               double learning_rate = 1)
      : EnsembleFlow(Spectrum(std::move(t_dd)), k_dd, y, ridge, learning_rate) {}

  /// What was added to the diagonal of T_dd.
  double lambda() const { return flow_.lambda(); }
  /// The mean on the training samples, n x outputs. t >= 0, infinity included; Error otherwise.
  MatrixXd train_mean(double t) const { return flow_.train_mean(t); }
  /// The mean on test samples, m x outputs; t_td: m x n.
  MatrixXd test_mean(const MatrixXd& t_td, double t) const { return flow_.test_mean(t_td, t); }

  /// On the training samples, n x n.
  MatrixXd train_covariance(double t) const {
    const VectorXd left = flow_.remaining(t);
    const MatrixXd inner = left.asDiagonal() * prior_ * left.asDiagonal();
    MatrixXd out = detail::product(flow_.from_basis(inner), flow_.vectors().transpose());
    regression_detail::symmetrise(out);
    return out;
  }
  /// On test samples, m x m. t_td, k_td: m x n; k_tt: m x m. Its diagonal is treated as `test_variance` is.
  /// Throws DataError for other shapes, Error unless t >= 0.
  MatrixXd test_covariance(const MatrixXd& t_td, const MatrixXd& k_td, const MatrixXd& k_tt, double t) const {
    regression_detail::require_shape(k_tt, t_td.rows(), t_td.rows(), "K_tt");
    const Projected p = project(t_td, k_td);
    const MatrixXd u = flow_.solved(t).asDiagonal() * p.t, change = detail::product(prior_, u);
    MatrixXd out = k_tt + detail::product(u.transpose(), MatrixXd(change - 2 * p.k));
    regression_detail::symmetrise(out);
    for (Eigen::Index i = 0; i < out.rows(); ++i)
      out(i, i) = clamped(out(i, i), p, u, change, flow_.solved(t), k_tt(i, i), i);
    return out;
  }
  /// Its diagonal alone at several times, m x times. k_tt: the m diagonal entries of K_tt. What rounding made
  /// negative is 0; below what rounding explains it is a DataError.
  MatrixXd test_variance(const MatrixXd& t_td, const MatrixXd& k_td, const VectorXd& k_tt,
                         const VectorXd& times) const {
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

 private:
  /// V' T_dt and V' K_dt.
  struct Projected {
    MatrixXd t, k;
  };
  Projected project(const MatrixXd& t_td, const MatrixXd& k_td) const {
    regression_detail::require_shape(t_td, t_td.rows(), prior_.rows(), "T_td");
    regression_detail::require_shape(k_td, t_td.rows(), prior_.rows(), "K_td");
    return {flow_.to_basis(t_td), flow_.to_basis(k_td)};
  }
  double clamped(double variance, const Projected& p, const MatrixXd& u, const MatrixXd& change,
                 const VectorXd& phi, double prior, Eigen::Index i) const {
    if (variance >= 0) return variance;
    const double v = u.col(i).norm(), g = phi.cwiseProduct(change.col(i) - p.k.col(i)).norm();
    const double bound =
        prior + prior_.trace() * v * v + 2 * v * p.k.col(i).norm() + 2 * flow_.trace() * v * g;
    return regression_detail::clamp_variance(variance, regression_detail::rounding(u.rows()) * bound, i);
  }

  GradientFlow flow_;
  MatrixXd prior_;  ///< V' K_dd V
};

/// Predictions of a model's kernel, ridge and training rows after a finite time of gradient descent, for any
/// number of times from one eigendecomposition: see GradientFlow and EnsembleFlow.
///
/// With an NTK all layers are trained; with a kernel that is its own prior, the last layer alone.
class TrainingFlow {
 public:
  using MatrixXd = Eigen::MatrixXd;  ///< samples and predictions

  /// learning_rate: eta, positive; see `max_learning_rate`. 9 n^3 multiplications and additions. Throws
  /// Error, NotPositiveDefinite, Cancelled.
  explicit TrainingFlow(Model model, double learning_rate = 1, const Execution& execution = {})
      : model_(std::move(model)) {
    MatrixXd dd = model_.columns().matrix(execution);
    if (model_.kernel().is_its_own_prior())
      last_layer_.emplace(std::move(dd), model_.y(), Ridge::absolute(model_.lambda()), learning_rate);
    else
      all_layers_.emplace(std::move(dd), model_.columns().prior_matrix(execution), model_.y(),
                          Ridge::absolute(model_.lambda()), learning_rate);
  }

  /// The mean at the rows of x, m x d, at time t: m x outputs. t >= 0, infinity included. Throws Error for
  /// another time, DataError.
  MatrixXd predict(const DataRef& x, double t, const Execution& execution = {}) const {
    MatrixXd out(x.rows(), model_.outputs());
    regression_detail::in_batches(
        x, execution, [&](Eigen::Index first, const DataRef& rows, const Execution& part) {
          const MatrixXd td = model_.columns().matrix(rows, part);
          out.middleRows(first, rows.rows()) =
              last_layer_ ? last_layer_->test_mean(td, t) : all_layers_->test_mean(td, t);
        });
    return out;
  }
  /// The same with standard deviations over the networks' random starts, m x outputs each. Throws as
  /// `predict`.
  MeanAndStd predict_with_std(const DataRef& x, double t, const Execution& execution = {}) const {
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
  /// The covariance of each output between the rows of x, m x d, at time t: m x m. Throws as `predict`.
  MatrixXd covariance(const DataRef& x, double t, const Execution& execution = {}) const {
    const auto td = model_.columns().with_prior(x, execution);
    const MatrixXd tt = model_.kernel().prior().matrix(x, execution);
    return last_layer_ ? last_layer_->test_covariance(td.kernel, tt, t)
                       : all_layers_->test_covariance(td.kernel, td.prior, tt, t);
  }

 private:
  Model model_;
  std::optional<GradientFlow> last_layer_;
  std::optional<EnsembleFlow> all_layers_;
};

}  // namespace SST_ABI
}  // namespace sst
