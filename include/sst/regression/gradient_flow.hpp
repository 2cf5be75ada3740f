// SPDX-License-Identifier: MIT
#pragma once

#include <optional>

#include <Eigen/Core>

#include <sst/kernel/kernel_function.hpp>
#include <sst/linalg/ridge.hpp>
#include <sst/linalg/spectrum.hpp>
#include <sst/regression/model.hpp>
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
double max_learning_rate(const Spectrum& ntk, Eigen::Index outputs);

/// The same of an NTK on the rows of x, n x d. Throws what its matrix and Spectrum throw.
double max_learning_rate(const KernelFunction& ntk, const DataRef& x, Eigen::Index outputs,
                         const Execution& execution = {});

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
  GradientFlow(const Spectrum& kernel, const MatrixXd& y, const Ridge& ridge, double learning_rate = 1);
  /// The same from the kernel itself, n x n; y: n x outputs.
  GradientFlow(MatrixXd kernel, const MatrixXd& y, const Ridge& ridge, double learning_rate = 1);

  /// What was added to the diagonal.
  double lambda() const { return lambda_; }
  /// V, the eigenvectors of the kernel as columns: n x n.
  const MatrixXd& vectors() const { return vectors_; }

  /// f_t on the training samples, n x outputs. t >= 0, infinity included; Error otherwise.
  MatrixXd train_mean(double t) const;
  /// f_t on test samples, m x outputs; k_td: m x n. Throws DataError for other shapes, Error unless t >= 0.
  MatrixXd test_mean(const MatrixXd& k_td, double t) const;

  /// The covariance over random starts when the last layer alone is trained, K_tt - K_td A^-1 (1 - exp(-2 A
  /// tau)) K_dt (K: this flow's kernel, the NNGP): on the training samples, n x n.
  MatrixXd train_covariance(double t) const;
  /// The same on test samples, m x m. k_td: m x n, k_tt: m x m. Its diagonal is treated as `test_variance`
  /// is. Throws as that does.
  MatrixXd test_covariance(const MatrixXd& k_td, const MatrixXd& k_tt, double t) const;
  /// Its diagonal alone at several times, m x times, for one product with k_td: m x n. k_tt: the m diagonal
  /// entries of K_tt. What rounding made negative is 0; below what rounding explains it is a DataError.
  MatrixXd test_variance(const MatrixXd& k_td, const VectorXd& k_tt, const VectorXd& times) const;

  /// The n eigenvalues of A^-1 (1 - exp(-A tau)), a column. Throws NotPositiveDefinite at t = infinity when A
  /// is singular.
  VectorXd solved(double t) const;
  /// The n eigenvalues, a column, of 1 - K A^-1 (1 - exp(-A tau)), what is left of the prior on the training
  /// samples.
  VectorXd remaining(double t) const;
  /// The trace of A.
  double trace() const;

  /// V' k_td', n x m; k_td: m x n.
  MatrixXd to_basis(const MatrixXd& k_td) const;
  /// V times coefficients of n rows.
  MatrixXd from_basis(const MatrixXd& coefficients) const;

 private:
  double tau(double t) const;
  VectorXd solved_at(double tau) const;
  double remaining(Eigen::Index j, double tau) const;
  template <class Column>
  double clamped(double variance, const Column& c, const VectorXd& phi, double prior, Eigen::Index i) const;

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
               double learning_rate = 1);
  /// The same from the NTK itself, n x n; k_dd: n x n, y: n x outputs.
  EnsembleFlow(MatrixXd t_dd, const MatrixXd& k_dd, const MatrixXd& y, const Ridge& ridge,
               double learning_rate = 1);

  /// What was added to the diagonal of T_dd.
  double lambda() const { return flow_.lambda(); }
  /// The mean on the training samples, n x outputs. t >= 0, infinity included; Error otherwise.
  MatrixXd train_mean(double t) const { return flow_.train_mean(t); }
  /// The mean on test samples, m x outputs; t_td: m x n.
  MatrixXd test_mean(const MatrixXd& t_td, double t) const { return flow_.test_mean(t_td, t); }

  /// On the training samples, n x n.
  MatrixXd train_covariance(double t) const;
  /// On test samples, m x m. t_td, k_td: m x n; k_tt: m x m. Its diagonal is treated as `test_variance` is.
  /// Throws DataError for other shapes, Error unless t >= 0.
  MatrixXd test_covariance(const MatrixXd& t_td, const MatrixXd& k_td, const MatrixXd& k_tt, double t) const;
  /// Its diagonal alone at several times, m x times. k_tt: the m diagonal entries of K_tt. What rounding made
  /// negative is 0; below what rounding explains it is a DataError.
  MatrixXd test_variance(const MatrixXd& t_td, const MatrixXd& k_td, const VectorXd& k_tt,
                         const VectorXd& times) const;

 private:
  /// V' T_dt and V' K_dt.
  struct Projected {
    MatrixXd t, k;
  };
  Projected project(const MatrixXd& t_td, const MatrixXd& k_td) const;
  double clamped(double variance, const Projected& p, const MatrixXd& u, const MatrixXd& change,
                 const VectorXd& phi, double prior, Eigen::Index i) const;

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

  /// learning_rate: eta, positive; see `max_learning_rate`. Takes the time of a Spectrum. Throws Error,
  /// NotPositiveDefinite, Cancelled.
  explicit TrainingFlow(Model model, double learning_rate = 1, const Execution& execution = {});

  /// The mean at the rows of x, m x d, at time t: m x outputs. t >= 0, infinity included. Throws Error for
  /// another time, DataError.
  MatrixXd predict(const DataRef& x, double t, const Execution& execution = {}) const;
  /// The same with standard deviations over the networks' random starts, m x outputs each. Throws as
  /// `predict`.
  MeanAndStd predict_with_std(const DataRef& x, double t, const Execution& execution = {}) const;
  /// The covariance of each output between the rows of x, m x d, at time t: m x m. Throws as `predict`.
  MatrixXd covariance(const DataRef& x, double t, const Execution& execution = {}) const;

 private:
  Model model_;
  std::optional<GradientFlow> last_layer_;
  std::optional<EnsembleFlow> all_layers_;
};

}  // namespace SST_ABI
}  // namespace sst

#ifndef SST_EXTERN_TEMPLATES
#include <sst/regression/gradient_flow_impl.hpp>
#endif
