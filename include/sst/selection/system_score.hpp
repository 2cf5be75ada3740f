// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <utility>

#include <Eigen/Core>

#include <sst/linalg/cholesky.hpp>
#include <sst/linalg/product.hpp>
#include <sst/selection/ridge_path.hpp>
#include <sst/selection/training_measures.hpp>
#include <sst/version.hpp>

namespace sst {
inline namespace SST_ABI {

/// How well a system A = K + lambda I explains targets, and how that changes with A.
struct SystemScore {
  double value;           ///< the smaller the better; a unit is one of log likelihood
  Eigen::MatrixXd slope;  ///< W = 2 dL/dA, n x n and symmetric: dL = 1/2 sum_ij W_ij dA_ij
};

/// The score of n x outputs targets from the factor of A, n x n, with alpha = A^-1 y and D the diagonal of
/// A^-1:
///
/// * log_marginal_likelihood: 1/2 sum_o (n log(y_o' alpha_o / n) + log det A), minus the log marginal
///   likelihood at each output's best amplitude s^2 = y' alpha / n, less a constant; W = sum_o (A^-1 -
///   alpha alpha' / s^2) (Rasmussen and Williams 2006, eq. (5.9));
/// * leave_one_out: n outputs / 2 log sum_io (alpha_io / D_i)^2, and gcv: n outputs / 2 log(sum alpha^2 / (tr
/// A^-1)^2);
///   by dalpha = -A^-1 dA alpha and dA^-1 = -A^-1 dA A^-1 (the same, section 5.4.2).
///
/// In 2 n^3 to 3 n^3 multiplications and three matrices of n x n, whatever the parameters of A are. Nothing
/// depends on the number of threads.
inline SystemScore system_score(Criterion criterion, const Eigen::MatrixXd& y, const Cholesky<double>& factor,
                                int threads = 0) {
  using Matrix = Eigen::MatrixXd;
  const double n = static_cast<double>(y.rows()), outputs = static_cast<double>(y.cols());
  Matrix inverse = detail::inverse(factor.storage(), threads);
  const Matrix alpha = detail::product(inverse, y, threads);
  if (criterion == Criterion::log_marginal_likelihood) {
    const Eigen::ArrayXd fit = y.cwiseProduct(alpha).colwise().sum().transpose();
    Matrix weighted = alpha;
    for (Eigen::Index k = 0; k < y.cols(); ++k) {
      if (!(fit[k] > 0)) continue;  // a target that is 0 everywhere says nothing
      weighted.col(k) *= n / fit[k];
    }
    inverse *= outputs;
    inverse -= detail::product(weighted, alpha.transpose(), threads);
    return {evidence_score(factor, y, alpha), std::move(inverse)};
  }
  const Eigen::ArrayXd diagonal = inverse.diagonal();
  const bool loo = criterion == Criterion::leave_one_out;
  const Matrix error = loo ? Matrix(alpha.array().colwise() / diagonal) : alpha;
  const double total = error.squaredNorm(), half = n * outputs / 2;
  const double value = half * (std::log(total) - (loo ? 0 : 2 * std::log(diagonal.sum())));
  const Matrix by_alpha = 2 * half / total * (loo ? Matrix(error.array().colwise() / diagonal) : alpha);
  const Eigen::ArrayXd by_diagonal =
      loo ? Eigen::ArrayXd(-2 * half / total * error.array().square().rowwise().sum() / diagonal)
          : Eigen::ArrayXd::Constant(y.rows(), -2 * half / diagonal.sum());
  const Matrix left = detail::product(inverse, by_alpha, threads);
  const Matrix scaled = inverse.array().rowwise() * (-2 * by_diagonal).transpose();
  Matrix slope = detail::product(scaled, inverse, threads);
  slope -=
      detail::product(left, alpha.transpose(), threads) + detail::product(alpha, left.transpose(), threads);
  return {value, std::move(slope)};
}

}  // namespace SST_ABI
}  // namespace sst
