// SPDX-License-Identifier: MIT
#pragma once

#include <Eigen/Core>

#include <sst/linalg/cholesky.hpp>
#include <sst/linalg/ridge.hpp>
#include <sst/version.hpp>

/// \file
/// Predictions with their uncertainty. Indices: d the n training samples, t the m test samples. K is the NNGP
/// kernel, T the NTK. Every output has the same covariance, and outputs are independent.

namespace sst {
inline namespace SST_ABI {

namespace regression_detail {

/// A = K + lambda I and its factor.
struct Regularised {
  Regularised(Eigen::MatrixXd k, const Ridge& ridge)
      : lambda(k.rows() ? ridge.lambda_for(k.diagonal().mean()) : 0),
        trace((k.diagonal().array() += lambda).sum()),
        factor(std::move(k)) {}
  Eigen::MatrixXd solve(const Eigen::MatrixXd& b) const { return factor.solve(b); }
  Eigen::MatrixXd solve_lower(const Eigen::MatrixXd& b) const { return factor.solve_lower(b); }
  double lambda, trace;
  Cholesky<double> factor;
};

}  // namespace regression_detail

/// The posterior of a Gaussian process, the infinitely wide network as a Bayesian: with A = K_dd + lambda I,
///
///     mean = K_td A^-1 y,    covariance = K_tt - K_td A^-1 K_dt
///
/// (Rasmussen and Williams 2006, eqs. (2.25), (2.26); Lee et al. 2018, "Deep Neural Networks as Gaussian
/// Processes", eqs. (8), (9)). The covariance is that of the function, without observation noise: add lambda
/// to the diagonal for that of new observations.
class NngpPosterior {
 public:
  /// Kernels and targets.
  using MatrixXd = Eigen::MatrixXd;

  /// k_dd: n x n, of which the lower triangle is read; y: n x outputs. Throws DataError, NotPositiveDefinite.
  NngpPosterior(MatrixXd k_dd, const MatrixXd& y, const Ridge& ridge);

  /// What was added to the diagonal.
  double lambda() const { return a_.lambda; }
  const MatrixXd& weights() const { return weights_; }  ///< A^-1 y, n x outputs

  /// k_td: m x n; m x outputs. Throws DataError for another shape.
  MatrixXd mean(const MatrixXd& k_td) const;

  /// The diagonal of the covariance, without the rest. k_td: m x n, k_tt: the m diagonal entries of K_tt.
  /// A variance that rounding made negative is 0; one below what rounding explains is a DataError.
  Eigen::VectorXd variance(const MatrixXd& k_td, const Eigen::VectorXd& k_tt) const;

  /// The whole covariance, m x m and exactly symmetric. k_tt: m x m. Its diagonal is treated as `variance`
  /// is. Throws as that does.
  MatrixXd covariance(const MatrixXd& k_td, const MatrixXd& k_tt) const;

 private:
  double rounding() const;

  regression_detail::Regularised a_;
  MatrixXd weights_;
};

/// The infinite ensemble of infinitely wide networks, each trained to the end by gradient descent on the
/// squared loss from its own random start: with A = T_dd + lambda I,
///
///     mean = T_td A^-1 y,
///     covariance = K_tt + T_td A^-1 K_dd A^-1 T_dt - (T_td A^-1 K_dt + transpose)
///
/// (Lee et al. 2019, "Wide Neural Networks of Any Depth Evolve as Linear Models Under Gradient Descent").
/// K_dd is not regularised. No posterior in general (with T = K and lambda = 0 it is the NNGP's).
class EnsemblePosterior {
 public:
  /// Kernels and targets.
  using MatrixXd = Eigen::MatrixXd;

  /// t_dd, k_dd: n x n; y: n x outputs. Throws DataError, NotPositiveDefinite.
  EnsemblePosterior(MatrixXd t_dd, MatrixXd k_dd, const MatrixXd& y, const Ridge& ridge);

  /// What was added to the diagonal of T_dd.
  double lambda() const { return a_.lambda; }
  const MatrixXd& weights() const { return weights_; }  ///< A^-1 y, n x outputs

  /// t_td: m x n; m x outputs. Throws DataError for another shape.
  MatrixXd mean(const MatrixXd& t_td) const;

  /// The diagonal of the covariance. t_td, k_td: m x n; k_tt: the m diagonal entries of K_tt. A variance that
  /// rounding made negative is 0; one below what rounding explains is a DataError.
  Eigen::VectorXd variance(const MatrixXd& t_td, const MatrixXd& k_td, const Eigen::VectorXd& k_tt) const;

  /// The whole covariance, m x m and exactly symmetric. k_tt: m x m. Its diagonal is treated as `variance`
  /// is. Throws as that does.
  MatrixXd covariance(const MatrixXd& t_td, const MatrixXd& k_td, const MatrixXd& k_tt) const;

 private:
  void require_shapes(const MatrixXd& t_td, const MatrixXd& k_td, Eigen::Index tests) const;
  double rounding() const;

  regression_detail::Regularised a_;
  MatrixXd prior_;
  MatrixXd weights_;
};

}  // namespace SST_ABI
}  // namespace sst

#ifndef SST_EXTERN_TEMPLATES
#include <sst/regression/posterior_impl.hpp>
#endif
