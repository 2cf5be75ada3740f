// SPDX-License-Identifier: MIT
#pragma once

#include <Eigen/Core>

#include <sst/kernel/kernel_function.hpp>
#include <sst/linalg/ridge.hpp>
#include <sst/linalg/spectrum.hpp>
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
double kernel_target_alignment(const Eigen::MatrixXd& k, const Eigen::MatrixXd& y,
                               Centring centring = Centring::none);

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
Complexity complexity(const Spectrum& spectrum, const Eigen::MatrixXd& y,
                      const Ridge& ridge = Ridge::absolute(0));

/// The same of a kernel function on the rows of x, n x d. Throws what its matrix and the other overload
/// throw.
Complexity complexity(const KernelFunction& kernel, const DataRef& x, const Eigen::MatrixXd& y,
                      const Ridge& ridge = Ridge::absolute(0), const Execution& execution = {});

}  // namespace SST_ABI
}  // namespace sst

#ifndef SST_EXTERN_TEMPLATES
#include <sst/selection/complexity_impl.hpp>
#endif
