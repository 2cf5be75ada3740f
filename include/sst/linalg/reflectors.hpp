// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <limits>

#include <Eigen/Core>

#include <sst/version.hpp>

/// \file
/// Householder reflectors (Golub and Van Loan 2013, "Matrix Computations", section 5.1), one and many.

namespace sst {
inline namespace SST_ABI {
namespace band_detail {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

/// Turns x into the v, v_0 = 1, of the reflector I - tau v v' that maps it to a multiple of e_0. Entries of x
/// whose squares underflow beside a matrix with entries of size 1 are rounding, and are dropped.
struct Reflector {
  double tau = 0, image = 0;  ///< image: what x_0 becomes
  template <class Vector>
  explicit Reflector(Vector x) {
    const Index below = x.size() - 1;
    const double first = x[0], rest = x.tail(below).squaredNorm();
    image = first;
    if (rest < std::numeric_limits<double>::min()) {
      x.setZero();
    } else {
      image = std::copysign(std::sqrt(first * first + rest), -first);
      tau = (image - first) / image;
      x.tail(below) /= first - image;
    }
    x[0] = 1;
  }
};

/// The product of the reflectors of v's columns is I - V R V', with R upper triangular (Schreiber and Van
/// Loan 1989, "A storage-efficient WY representation for products of Householder transformations").
inline MatrixXd compact(const MatrixXd& v, const Eigen::Ref<const VectorXd>& taus) {
  const Index width = v.cols();
  const MatrixXd gram = v.transpose() * v;
  MatrixXd r = MatrixXd::Zero(width, width);
  for (Index j = 0; j < width; ++j) {
    r(j, j) = taus[j];
    r.col(j).head(j).noalias() = r.topLeftCorner(j, j) * (-taus[j] * gram.col(j).head(j));
  }
  return r;
}

}  // namespace band_detail
}  // namespace SST_ABI
}  // namespace sst
