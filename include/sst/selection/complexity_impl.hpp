// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <string>

#include <Eigen/Core>

#include <sst/base/compiled.hpp>
#include <sst/base/execution.hpp>
#include <sst/error.hpp>
#include <sst/linalg/product.hpp>
#include <sst/linalg/spectrum.hpp>
#include <sst/regression/targets.hpp>
#include <sst/selection/complexity.hpp>
#include <sst/version.hpp>

/// \file
/// The bodies of complexity.hpp.

namespace sst {
inline namespace SST_ABI {

SST_COMPILED double kernel_target_alignment(const Eigen::MatrixXd& k, const Eigen::MatrixXd& y,
                                            Centring centring) {
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

SST_COMPILED Complexity complexity(const Spectrum& spectrum, const Eigen::MatrixXd& y, const Ridge& ridge) {
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

SST_COMPILED Complexity complexity(const KernelFunction& kernel, const DataRef& x, const Eigen::MatrixXd& y,
                                   const Ridge& ridge, const Execution& execution) {
  regression_detail::require_targets(x.rows(), y);
  const Execution first = detail::part_of(execution, 0, 0.1), second = detail::part_of(execution, 0.1, 1);
  return complexity(Spectrum(kernel.matrix(x, first), 1e-8, second), y, ridge);
}

}  // namespace SST_ABI
}  // namespace sst
