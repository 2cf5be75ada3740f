// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <sstream>
#include <string>

#include <Eigen/Core>
#include <Eigen/Eigenvalues>

#include <sst/error.hpp>
#include <sst/linalg/cholesky.hpp>
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
/// By tridiagonalisation and implicit QR (Golub and Van Loan 2013, "Matrix Computations", section 8.3), in
/// about 9 n^3 multiplications and additions, and two n x n buffers. Accuracy: |K V - V D| and the absolute
/// error of each value are a small multiple of n eps |K|; hence a value that is zero may come out as either
/// sign of that size, and is left so. Products are serial, so nothing depends on the number of threads.
class Spectrum {
 public:
  /// kernel: n x n with n >= 1, of which the lower triangle is read. `tolerance`: how far below zero,
  /// relative to the largest eigenvalue, rounding may push one (that of a matrix computed in float: 1e-6).
  ///
  /// Throws DataError (empty, not square, entries that are not finite), NotPositiveDefinite (with the most
  /// negative eigenvalue, when it is beyond the tolerance), Error (no convergence).
  explicit Spectrum(const Eigen::MatrixXd& kernel, double tolerance = 1e-8) {
    if (kernel.rows() != kernel.cols())
      throw DataError("a matrix of " + std::to_string(kernel.rows()) + " x " + std::to_string(kernel.cols()) +
                      " has no spectrum (it is not square); give a symmetric one");
    if (kernel.rows() == 0)
      throw DataError("the matrix has no rows and hence no spectrum; give at least one");
    cholesky_detail::require_finite(kernel, true, 1, "the kernel");
    const cholesky_detail::SerialEigen serial;
    solver_.compute(kernel);
    if (solver_.info() != Eigen::Success)
      throw Error("the eigenvalues of the kernel of " + std::to_string(kernel.rows()) +
                  " rows did not converge (after 30 QR steps a value); scale it or check how it was made");
    const double least = values()[0], largest = values()[values().size() - 1];
    if (least < -tolerance * std::abs(largest)) {
      std::ostringstream text;
      text << "the kernel has the eigenvalue " << least << " (its largest is " << largest
           << ", and a kernel has none below zero by more than rounding); check how it was made";
      throw NotPositiveDefinite(text.str(), 0, least);
    }
  }

  /// The n eigenvalues, ascending; a column.
  const Eigen::VectorXd& values() const { return solver_.eigenvalues(); }
  /// n x n, orthonormal: column i is the eigenvector of values()[i].
  const Eigen::MatrixXd& vectors() const { return solver_.eigenvectors(); }

 private:
  Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver_;
};

namespace regression_detail {

/// The eigenvalues of K, at least 0: below it they are rounding, as Spectrum has checked.
inline Eigen::VectorXd eigenvalues(const Spectrum& spectrum) { return spectrum.values().cwiseMax(0); }

/// The eigenvalues of A = K + lambda I. Throws NotPositiveDefinite when the least is not above 4 eps |A|:
/// then A is singular as far as its digits tell.
inline Eigen::VectorXd regularised(const Eigen::VectorXd& d, double lambda) {
  const Eigen::VectorXd a = d.array() + lambda;
  Eigen::Index at = 0;
  const double least = a.minCoeff(&at);
  if (!(least > 4 * std::numeric_limits<double>::epsilon() * a.maxCoeff())) {
    std::ostringstream text;
    text << "the kernel with " << lambda << " on its diagonal has the eigenvalue " << least
         << " (the largest is " << a.maxCoeff()
         << ": it is singular in double); use a larger ridge, and look for duplicate rows";
    throw NotPositiveDefinite(text.str(), at, least);
  }
  return a;
}

/// The lambda of a ridge for the kernel with these eigenvalues (their mean is the mean of its diagonal).
inline double lambda_for(const Ridge& ridge, const Eigen::VectorXd& d) { return ridge.lambda_for(d.mean()); }

}  // namespace regression_detail
}  // namespace SST_ABI
}  // namespace sst
