// SPDX-License-Identifier: MIT
#pragma once

#include <limits>
#include <string>

#include <Eigen/Core>

#include <sst/base/plain_text.hpp>
#include <sst/error.hpp>
#include <sst/linalg/operator.hpp>
#include <sst/linalg/product.hpp>
#include <sst/version.hpp>

/// \file
/// Variances of posteriors and ensembles from a factor, wherever that is held, and what rounding may do to
/// them.

namespace sst {
inline namespace SST_ABI {

namespace regression_detail {

using Eigen::Index;

inline void require_shape(const Eigen::MatrixXd& k, Index rows, Index columns, const char* name) {
  if (k.rows() != rows || k.cols() != columns)
    throw DataError(std::string(name) + " is " + std::to_string(k.rows()) + " x " + std::to_string(k.cols()) +
                    " and has to be " + std::to_string(rows) + " x " + std::to_string(columns) +
                    "; form it between the same samples as the other kernels");
}

/// 0 in place of a variance that is negative by no more than `rounding`, which bounds the error of computing
/// it.
inline double clamp_variance(double variance, double rounding, Index row) {
  if (variance >= 0) return variance;
  if (variance >= -rounding) return 0;
  detail::PlainText text;
  text << "the variance of test sample " << row << " is " << variance << " (rounding explains no more than "
       << rounding << "; the kernel matrices do not belong together); form them of one topology";
  throw DataError(text.str());
}

inline void symmetrise(Eigen::MatrixXd& a) {
  for (Index j = 0; j < a.cols(); ++j)
    for (Index i = j + 1; i < a.rows(); ++i) a(i, j) = a(j, i) = 0.5 * (a(i, j) + a(j, i));
}

/// c n eps: what n operations in double may do, relatively, to kernels that were computed with
/// `kernel_epsilon`. A kernel's own error is a few of its epsilons (docs/accuracy.md), at any n.
inline double rounding(Index n, double kernel_epsilon = std::numeric_limits<double>::epsilon()) {
  return 8 * static_cast<double>(n) * std::numeric_limits<double>::epsilon() + 64 * kernel_epsilon;
}

/// What a negative NNGP variance may be off by, over `rounding`. The factor is that of A + E with
/// |E| <= c n eps tr A (Higham 2002, theorem 10.3), which changes k' A^-1 k by w' E w with w = A^-1 k; what k
/// itself was rounded by counts 2 eps |w| |k|, and the prior eps k_tt.
inline double nngp_scale(double k_tt, double trace, const Eigen::VectorXd& k, const Eigen::VectorXd& w) {
  return k_tt + trace * w.squaredNorm() + 2 * w.norm() * k.norm();
}

/// 0 in place of every variance that rounding made negative. `a` solves with A = K_dd + lambda I and knows
/// its trace; k_dt: n x m. Throws DataError naming the row, counted from `first_row`.
template <class Factor>
void clamp_nngp(Eigen::VectorXd& variance, const Factor& a, const Eigen::MatrixXd& k_dt,
                const Eigen::VectorXd& k_tt, double rounding, Index first_row = 0) {
  for (Index i = 0; i < variance.size(); ++i) {
    if (variance[i] >= 0) continue;
    const Eigen::VectorXd k = k_dt.col(i), w = a.solve(k);
    variance[i] = clamp_variance(variance[i], rounding * nngp_scale(k_tt[i], a.trace, k, w), first_row + i);
  }
}

/// diag(K_tt - K_td A^-1 K_dt), clamped.
template <class Factor>
Eigen::VectorXd nngp_variance(const Factor& a, const Eigen::MatrixXd& k_dt, const Eigen::VectorXd& k_tt,
                              double rounding, Index first_row = 0) {
  const Eigen::MatrixXd half = a.solve_lower(k_dt);  // |L^-1 k|^2 = k' A^-1 k
  Eigen::VectorXd out = k_tt - half.colwise().squaredNorm().transpose();
  clamp_nngp(out, a, k_dt, k_tt, rounding, first_row);
  return out;
}

/// The prior's K_dd as a matrix or as an operator: its product, and its trace.
inline Eigen::MatrixXd product(const Eigen::MatrixXd& prior, const Eigen::MatrixXd& v) {
  return detail::product(prior, v);
}
inline Eigen::MatrixXd product(const SymmetricOperator& prior, const Eigen::MatrixXd& v) {
  return prior.apply(v);
}
inline double trace(const Eigen::MatrixXd& prior) { return prior.trace(); }
inline double trace(const SymmetricOperator& prior) { return prior.diagonal().sum(); }

/// What an ensemble's covariance is made of.
struct EnsembleParts {
  template <class Factor, class Prior>
  EnsembleParts(const Factor& a, const Prior& prior, const Eigen::MatrixXd& t_dt, const Eigen::MatrixXd& k_dt)
      : v(a.solve(t_dt)), change(product(prior, v) - 2 * k_dt) {}
  Eigen::MatrixXd v;       ///< A^-1 T_dt
  Eigen::MatrixXd change;  ///< K_dd v - 2 K_dt
};

/// As `clamp_nngp`: v changes by A^-1 E v, hence the variance by 2 v' E A^-1 (K v - k), and by the rounding
/// of K_dd, K_dt and K_tt. T_dt's is c eps |T_dt|, which changes it by 2 (A^-1 (K v - k))' of that.
template <class Factor>
void clamp_ensemble(Eigen::VectorXd& variance, const Factor& a, const EnsembleParts& parts,
                    double prior_trace, const Eigen::MatrixXd& t_dt, const Eigen::MatrixXd& k_dt,
                    const Eigen::VectorXd& k_tt, double rounding, Index first_row = 0) {
  for (Index i = 0; i < variance.size(); ++i) {
    if (variance[i] >= 0) continue;
    const Eigen::VectorXd v = parts.v.col(i), k = k_dt.col(i), g = parts.change.col(i) + k;
    const double sensitivity = Eigen::VectorXd(a.solve(g)).norm();
    const double scale = k_tt[i] + prior_trace * v.squaredNorm() + 2 * v.norm() * k.norm() +
                         2 * sensitivity * (a.trace * v.norm() + t_dt.col(i).norm());
    variance[i] = clamp_variance(variance[i], rounding * scale, first_row + i);
  }
}

/// diag(K_tt + T_td A^-1 K_dd A^-1 T_dt - 2 T_td A^-1 K_dt), clamped.
template <class Factor, class Prior>
Eigen::VectorXd ensemble_variance(const Factor& a, const Prior& prior, const Eigen::MatrixXd& t_dt,
                                  const Eigen::MatrixXd& k_dt, const Eigen::VectorXd& k_tt, double rounding,
                                  Index first_row = 0) {
  const EnsembleParts parts(a, prior, t_dt, k_dt);
  Eigen::VectorXd out = k_tt + parts.v.cwiseProduct(parts.change).colwise().sum().transpose();
  clamp_ensemble(out, a, parts, trace(prior), t_dt, k_dt, k_tt, rounding, first_row);
  return out;
}

}  // namespace regression_detail

}  // namespace SST_ABI
}  // namespace sst
