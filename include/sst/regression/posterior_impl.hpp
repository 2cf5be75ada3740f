// SPDX-License-Identifier: MIT
#pragma once

#include <utility>

#include <Eigen/Core>

#include <sst/base/compiled.hpp>
#include <sst/linalg/product.hpp>
#include <sst/linalg/ridge.hpp>
#include <sst/regression/posterior.hpp>
#include <sst/regression/targets.hpp>
#include <sst/regression/variances.hpp>
#include <sst/version.hpp>

/// \file
/// The bodies of posterior.hpp.

namespace sst {
inline namespace SST_ABI {

SST_COMPILED NngpPosterior::NngpPosterior(MatrixXd k_dd, const MatrixXd& y, const Ridge& ridge)
    : a_((regression_detail::require_targets(k_dd.rows(), y), std::move(k_dd)), ridge),
      weights_(a_.factor.solve(y)) {}

SST_COMPILED Eigen::MatrixXd NngpPosterior::mean(const MatrixXd& k_td) const {
  regression_detail::require_shape(k_td, k_td.rows(), weights_.rows(), "K_td");
  return detail::product(k_td, weights_);
}

SST_COMPILED Eigen::VectorXd NngpPosterior::variance(const MatrixXd& k_td,
                                                     const Eigen::VectorXd& k_tt) const {
  regression_detail::require_shape(k_td, k_tt.size(), weights_.rows(), "K_td");
  return regression_detail::nngp_variance(a_, k_td.transpose(), k_tt, rounding());
}

SST_COMPILED Eigen::MatrixXd NngpPosterior::covariance(const MatrixXd& k_td, const MatrixXd& k_tt) const {
  regression_detail::require_shape(k_td, k_tt.rows(), weights_.rows(), "K_td");
  regression_detail::require_shape(k_tt, k_td.rows(), k_td.rows(), "K_tt");
  const MatrixXd half = a_.solve_lower(k_td.transpose());
  MatrixXd out = k_tt - detail::product(half.transpose(), half);
  regression_detail::symmetrise(out);
  Eigen::VectorXd diagonal = out.diagonal();
  regression_detail::clamp_nngp(diagonal, a_, k_td.transpose(), k_tt.diagonal(), rounding());
  out.diagonal() = diagonal;
  return out;
}

SST_COMPILED double NngpPosterior::rounding() const { return regression_detail::rounding(weights_.rows()); }

SST_COMPILED EnsemblePosterior::EnsemblePosterior(MatrixXd t_dd, MatrixXd k_dd, const MatrixXd& y,
                                                  const Ridge& ridge)
    : a_((regression_detail::require_targets(t_dd.rows(), y), std::move(t_dd)), ridge),
      prior_(std::move(k_dd)),
      weights_(a_.factor.solve(y)) {
  regression_detail::require_shape(prior_, y.rows(), y.rows(), "K_dd");
}

SST_COMPILED Eigen::MatrixXd EnsemblePosterior::mean(const MatrixXd& t_td) const {
  regression_detail::require_shape(t_td, t_td.rows(), weights_.rows(), "T_td");
  return detail::product(t_td, weights_);
}

SST_COMPILED Eigen::VectorXd EnsemblePosterior::variance(const MatrixXd& t_td, const MatrixXd& k_td,
                                                         const Eigen::VectorXd& k_tt) const {
  require_shapes(t_td, k_td, k_tt.size());
  return regression_detail::ensemble_variance(a_, prior_, t_td.transpose(), k_td.transpose(), k_tt,
                                              rounding());
}

SST_COMPILED Eigen::MatrixXd EnsemblePosterior::covariance(const MatrixXd& t_td, const MatrixXd& k_td,
                                                           const MatrixXd& k_tt) const {
  require_shapes(t_td, k_td, k_tt.rows());
  regression_detail::require_shape(k_tt, t_td.rows(), t_td.rows(), "K_tt");
  const MatrixXd t_dt = t_td.transpose(), k_dt = k_td.transpose();
  const regression_detail::EnsembleParts parts(a_, prior_, t_dt, k_dt);
  // v' K v - v' k - k' v; `change` is K v - 2 k, and the transpose of its half that is not symmetric is
  // what symmetrising adds.
  MatrixXd out = k_tt + detail::product(parts.v.transpose(), parts.change);
  regression_detail::symmetrise(out);
  Eigen::VectorXd diagonal = out.diagonal();
  regression_detail::clamp_ensemble(diagonal, a_, parts, prior_.trace(), t_dt, k_dt, k_tt.diagonal(),
                                    rounding());
  out.diagonal() = diagonal;
  return out;
}

SST_COMPILED void EnsemblePosterior::require_shapes(const MatrixXd& t_td, const MatrixXd& k_td,
                                                    Eigen::Index tests) const {
  regression_detail::require_shape(t_td, tests, weights_.rows(), "T_td");
  regression_detail::require_shape(k_td, tests, weights_.rows(), "K_td");
}

SST_COMPILED double EnsemblePosterior::rounding() const {
  return regression_detail::rounding(weights_.rows());
}

}  // namespace SST_ABI
}  // namespace sst
