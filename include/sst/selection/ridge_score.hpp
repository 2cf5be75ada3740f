// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <limits>
#include <numbers>
#include <utility>

#include <Eigen/Core>

#include <sst/error.hpp>
#include <sst/linalg/cholesky.hpp>
#include <sst/linalg/product.hpp>
#include <sst/selection/ridge_path.hpp>
#include <sst/version.hpp>

namespace sst {
inline namespace SST_ABI {

/// The score of one ridge from a Cholesky factor, in 2/3 n^3 multiplications: as `scores` of a RidgePath. a:
/// the kernel, n x n, without lambda; y: n x outputs. Infinite where the system is singular.
inline double ridge_score(Eigen::MatrixXd a, const Eigen::MatrixXd& y, double lambda, Criterion criterion,
                          int threads) try {
  const double n = static_cast<double>(y.rows()), outputs = static_cast<double>(y.cols());
  a.diagonal().array() += lambda;
  const Cholesky<double> factor(std::move(a), {.threads = threads});
  const Eigen::MatrixXd w = factor.solve(y);
  if (criterion == Criterion::log_marginal_likelihood)
    return 0.5 * (y.cwiseProduct(w).sum() +
                  outputs * (factor.log_determinant() + n * std::log(2 * std::numbers::pi)));
  const Eigen::VectorXd inverse = detail::inverse_diagonal(factor.storage(), threads);
  if (criterion == Criterion::gcv) return n * w.squaredNorm() / std::pow(inverse.sum(), 2) / outputs;
  return (w.array().colwise() / inverse.array()).square().sum() / (n * outputs);
} catch (const NotPositiveDefinite&) {
  return std::numeric_limits<double>::infinity();
}

}  // namespace SST_ABI
}  // namespace sst
