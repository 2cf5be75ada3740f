// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <limits>
#include <memory>
#include <string>

#include <Eigen/Core>
#include <Eigen/Eigenvalues>

#include <sst/base/compiled.hpp>
#include <sst/base/plain_text.hpp>
#include <sst/error.hpp>
#include <sst/linalg/cholesky.hpp>
#include <sst/linalg/spectrum.hpp>
#include <sst/version.hpp>

/// \file
/// The bodies of spectrum.hpp.

namespace sst {
inline namespace SST_ABI {

/// Eigen's decomposition of an n x n matrix.
struct Spectrum::Decomposition : Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> {
  using SelfAdjointEigenSolver::SelfAdjointEigenSolver;
};

SST_COMPILED Spectrum::Spectrum(const Eigen::MatrixXd& kernel, double tolerance) {
  if (kernel.rows() != kernel.cols())
    throw DataError("a matrix of " + std::to_string(kernel.rows()) + " x " + std::to_string(kernel.cols()) +
                    " has no spectrum (it is not square); give a symmetric one");
  if (kernel.rows() == 0) throw DataError("the matrix has no rows and hence no spectrum; give at least one");
  cholesky_detail::require_finite(kernel, true, 1, "the kernel");
  const cholesky_detail::SerialEigen serial;
  const auto decomposition = std::make_shared<Decomposition>(kernel);
  if (decomposition->info() != Eigen::Success)
    throw Error("the eigenvalues of the kernel of " + std::to_string(kernel.rows()) +
                " rows did not converge (after 30 QR steps a value); scale it or check how it was made");
  decomposition_ = decomposition;
  const double least = values()[0], largest = values()[values().size() - 1];
  if (least < -tolerance * std::abs(largest)) {
    detail::PlainText text;
    text << "the kernel has the eigenvalue " << least << " (its largest is " << largest
         << ", and a kernel has none below zero by more than rounding); check how it was made";
    throw NotPositiveDefinite(text.str(), 0, least);
  }
}

SST_COMPILED const Eigen::VectorXd& Spectrum::values() const { return decomposition_->eigenvalues(); }

SST_COMPILED const Eigen::MatrixXd& Spectrum::vectors() const { return decomposition_->eigenvectors(); }

namespace regression_detail {

SST_COMPILED Eigen::VectorXd eigenvalues(const Spectrum& spectrum) { return spectrum.values().cwiseMax(0); }

SST_COMPILED Eigen::VectorXd regularised(const Eigen::VectorXd& d, double lambda) {
  const Eigen::VectorXd a = d.array() + lambda;
  Eigen::Index at = 0;
  const double least = a.minCoeff(&at);
  if (!(least > 4 * std::numeric_limits<double>::epsilon() * a.maxCoeff())) {
    detail::PlainText text;
    text << "the kernel with " << lambda << " on its diagonal has the eigenvalue " << least
         << " (the largest is " << a.maxCoeff()
         << ": it is singular in double); use a larger ridge, and look for duplicate rows";
    throw NotPositiveDefinite(text.str(), at, least);
  }
  return a;
}

SST_COMPILED double lambda_for(const Ridge& ridge, const Eigen::VectorXd& d) {
  return ridge.lambda_for(d.mean());
}

}  // namespace regression_detail

}  // namespace SST_ABI
}  // namespace sst
