// SPDX-License-Identifier: MIT
#pragma once

#include <Eigen/Core>

#include <sst/base/execution.hpp>
#include <sst/linalg/ridge.hpp>
#include <sst/version.hpp>

namespace sst {
inline namespace SST_ABI {

/// The eigendecomposition K = V D V^T of a kernel matrix: for everything that needs the spectrum.
///
/// \code
/// const sst::Spectrum spectrum(std::move(k));
/// spectrum.values();   // n eigenvalues, ascending
/// spectrum.vectors();  // n x n, orthonormal; column i belongs to value i
/// \endcode
///
/// By a band form, from which bulges are chased until it is tridiagonal, and implicit QR (Golub and Van Loan
/// 2013, "Matrix Computations", sections 5.2.3 and 8.3; bulge_chasing.hpp), on all threads, in two n x n
/// buffers, of which the kernel's is one. Accuracy: |K V - V D| and the absolute
/// error of each value are a small multiple of n eps |K|; hence a value that is zero may come out as either
/// sign of that size, and is left so. Nothing depends on the number of threads, to the last bit. Where only
/// systems K + lambda I are solved, a BandForm does it in a fraction of the time.
class Spectrum {
 public:
  /// kernel: n x n with n >= 1, of which the lower triangle is read. `tolerance`: how far below zero,
  /// relative to the largest eigenvalue, rounding may push one (that of a matrix computed in float: 1e-6).
  ///
  /// Throws DataError (empty, not square, entries that are not finite), NotPositiveDefinite (with the most
  /// negative eigenvalue, when it is beyond the tolerance), Error (no convergence), Cancelled.
  explicit Spectrum(Eigen::MatrixXd kernel, double tolerance = 1e-8, const Execution& execution = {});

  /// The n eigenvalues, ascending; a column.
  const Eigen::VectorXd& values() const { return values_; }
  /// n x n, orthonormal: column i is the eigenvector of values()[i].
  const Eigen::MatrixXd& vectors() const { return vectors_; }

 private:
  Eigen::VectorXd values_;
  Eigen::MatrixXd vectors_;
};

namespace regression_detail {

/// The eigenvalues of K, at least 0: below it they are rounding, as Spectrum has checked.
Eigen::VectorXd eigenvalues(const Spectrum& spectrum);

/// The eigenvalues of A = K + lambda I. Throws NotPositiveDefinite when the least is not above 4 eps |A|:
/// then A is singular as far as its digits tell.
Eigen::VectorXd regularised(const Eigen::VectorXd& d, double lambda);

/// The lambda of a ridge for the kernel with these eigenvalues (their mean is the mean of its diagonal).
double lambda_for(const Ridge& ridge, const Eigen::VectorXd& d);

}  // namespace regression_detail
}  // namespace SST_ABI
}  // namespace sst

#ifndef SST_EXTERN_TEMPLATES
#include <sst/linalg/spectrum_impl.hpp>
#endif
