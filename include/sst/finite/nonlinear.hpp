// SPDX-License-Identifier: MIT
#pragma once

#include <Eigen/Core>
#include <cmath>

#include <sst/activation/activation.hpp>
#include <sst/version.hpp>

/// \file
/// The nodes of a finite network that are not linear, and their gradients: activations and layer norm.

namespace sst {
inline namespace SST_ABI {
namespace detail {

/// phi(z).
inline Eigen::MatrixXd activate(const Activation& phi, Eigen::MatrixXd z) {
  if (const auto form = phi.angular()) {
    if (form->degree == 1) return form->odd * z.array() + form->even * z.array().abs();
    return form->even + form->odd * z.array().sign();
  }
  return z.unaryExpr([&phi](double value) { return phi.value(value); });
}

/// phi'(z).
inline Eigen::MatrixXd slope(const Activation& phi, Eigen::MatrixXd z) {
  if (const auto form = phi.angular(); form && form->degree == 1)
    return form->odd + form->even * z.array().sign();
  return z.unaryExpr([&phi](double value) { return phi.derivative(value); });
}

/// Layer norm: (z - m)/d with the mean m and the standard deviation d over channels (rows), by their shares.
inline Eigen::MatrixXd layer_norm(const Eigen::MatrixXd& z, const Eigen::VectorXd& share) {
  Eigen::MatrixXd out = z.rowwise() - share.transpose() * z;
  for (Eigen::Index c = 0; c < out.cols(); ++c) {
    const double std = std::sqrt(share.dot(out.col(c).cwiseAbs2()));
    if (std > 0) out.col(c) /= std;
  }
  return out;
}

/// With n = (z - m)/d: the gradient is (delta - share (1.delta) - share n (n.delta))/d.
inline Eigen::MatrixXd layer_norm_gradient(const Eigen::MatrixXd& z, const Eigen::VectorXd& share,
                                           const Eigen::MatrixXd& delta) {
  const Eigen::MatrixXd n = layer_norm(z, share);
  Eigen::MatrixXd out(delta.rows(), delta.cols());
  for (Eigen::Index c = 0; c < delta.cols(); ++c) {
    const Eigen::Index s = c % z.cols();
    const double mean = share.dot(z.col(s)),
                 variance = share.dot((z.col(s).array() - mean).square().matrix());
    out.col(c) = (delta.col(c) - share * delta.col(c).sum() -
                  share.cwiseProduct(n.col(s)) * n.col(s).dot(delta.col(c))) /
                 std::sqrt(variance);
  }
  return out;
}

}  // namespace detail
}  // namespace SST_ABI
}  // namespace sst
