// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <string>

#include <Eigen/Core>

#include <sst/error.hpp>
#include <sst/kernel/kernel_function.hpp>
#include <sst/linalg/product.hpp>
#include <sst/linalg/ridge.hpp>
#include <sst/linalg/spectrum.hpp>
#include <sst/regression/targets.hpp>
#include <sst/version.hpp>

/// \file
/// How hard a kernel finds a set of targets. All are numbers of K = K(X, X), n x n, and y, n x outputs.

namespace sst {
inline namespace SST_ABI {

/// Whether constants count.
enum class Centring {
  none,    ///< K and y as they are
  centred  ///< rows and columns of K and of yy' less their means (Cortes, Mohri and Rostamizadeh 2012)
};

/// Kernel-target alignment <K, yy'> / (|K| |yy'|) with Frobenius products: 1 when K is a multiple of yy', and
/// at least 0 (Cristianini et al. 2001, "On Kernel-Target Alignment", definition 1). Of several outputs, yy'
/// is the sum over them. Throws DataError, also when K or yy' is zero (after centring).
inline double kernel_target_alignment(const Eigen::MatrixXd& k, const Eigen::MatrixXd& y,
                                      Centring centring = Centring::none) {
  regression_detail::require_targets(k.rows(), y);
  if (k.rows() != k.cols())
    throw DataError("the kernel is " + std::to_string(k.rows()) + " x " + std::to_string(k.cols()) +
                    " (it has to be square); give the one of the training samples");
  // In units in which squares of squares do not overflow.
  const double k_scale = k.cwiseAbs().maxCoeff(), y_scale = y.cwiseAbs().maxCoeff();
  if (!std::isfinite(k_scale))
    throw DataError("the kernel has an entry that is not finite; check its inputs");
  Eigen::MatrixXd c = k_scale > 0 ? Eigen::MatrixXd(k / k_scale) : k;
  Eigen::MatrixXd t = y_scale > 0 ? Eigen::MatrixXd(y / y_scale) : y;
  if (centring == Centring::centred) {
    const Eigen::RowVectorXd columns = c.colwise().mean();
    const Eigen::VectorXd rows = c.rowwise().mean();
    const double all = columns.mean();
    c.rowwise() -= columns;
    c.colwise() -= rows;
    c.array() += all;
    t.rowwise() -= t.colwise().mean().eval();
  }
  const double scale = c.norm() * detail::product(t.transpose(), t).norm();
  if (!(scale > 0))
    throw DataError("the kernel or the targets are zero (nothing can be aligned with them); give others");
  return t.cwiseProduct(detail::product(c, t)).sum() / scale;
}

/// Each is one number an output unless it says otherwise; A = K + lambda I.
struct Complexity {
  /// y' A^-1 y / n with K scaled to a mean diagonal of 1. With lambda = 0 its square root bounds the
  /// generalisation error of trained wide networks, up to a constant (Arora et al. 2019, "Fine-Grained
  /// Analysis of Optimization and Generalization for Overparameterized Two-Layer Neural Networks",
  /// theorem 5.1).
  Eigen::RowVectorXd scaled_norm;
  /// |f|^2 = w' K w of the fitted f = sum_i w_i K(x_i, .), w = A^-1 y, in the kernel's own scale.
  Eigen::RowVectorXd rkhs_norm_squared;
  double effective_dimension = 0;  ///< tr K A^-1, of the kernel alone
  /// (sum d)^2 / sum d^2 of the eigenvalues d of K, from 1 to n: over how many of them its trace is spread.
  double participation_ratio = 0;
  Eigen::VectorXd eigenvalues;  ///< of K, descending, at least 0
};

/// Throws DataError (also for a kernel of zeros) and NotPositiveDefinite.
inline Complexity complexity(const Spectrum& spectrum, const Eigen::MatrixXd& y,
                             const Ridge& ridge = Ridge::absolute(0)) {
  regression_detail::require_targets(spectrum.values().size(), y);
  const Eigen::VectorXd d = regression_detail::eigenvalues(spectrum);
  if (!(d.sum() > 0)) throw DataError("the kernel is zero; give samples that are not");
  const Eigen::VectorXd a = regression_detail::regularised(d, regression_detail::lambda_for(ridge, d));
  const Eigen::MatrixXd q = detail::product(spectrum.vectors().transpose(), y);
  const Eigen::MatrixXd w = q.array().colwise() / a.array();
  Complexity out;
  out.scaled_norm = d.mean() * q.cwiseProduct(w).colwise().sum() / static_cast<double>(d.size());
  out.rkhs_norm_squared = (w.cwiseAbs2().array().colwise() * d.array()).colwise().sum();
  out.effective_dimension = (d.array() / a.array()).sum();
  const Eigen::ArrayXd shares = d / d.sum();
  out.participation_ratio = 1 / shares.square().sum();
  out.eigenvalues = d.reverse();
  return out;
}

/// The same of a kernel function on the rows of x, n x d. Throws what its matrix and the other overload
/// throw.
inline Complexity complexity(const KernelFunction& kernel, const DataRef& x, const Eigen::MatrixXd& y,
                             const Ridge& ridge = Ridge::absolute(0), const Execution& execution = {}) {
  regression_detail::require_targets(x.rows(), y);
  return complexity(Spectrum(kernel.matrix(x, execution)), y, ridge);
}

}  // namespace SST_ABI
}  // namespace sst
