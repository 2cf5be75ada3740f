// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <limits>
#include <numbers>
#include <utility>

#include <Eigen/Core>

#include <sst/error.hpp>
#include <sst/linalg/cholesky.hpp>
#include <sst/selection/ridge_path.hpp>
#include <sst/selection/training_measures.hpp>
#include <sst/version.hpp>

namespace sst {
inline namespace SST_ABI {

/// The score of one ridge from a Cholesky factor, in 2/3 n^3 multiplications: as `scores` of a RidgePath. a:
/// the kernel, n x n, without lambda; y: n x outputs. Infinite where the system is singular.
inline double ridge_score(Eigen::MatrixXd a, const Eigen::MatrixXd& y, double lambda, Criterion criterion,
                          int threads) try {
  const double n = static_cast<double>(y.rows()), mean_diagonal = a.diagonal().mean();
  a.diagonal().array() += lambda;
  const Cholesky<double> factor(std::move(a), {.threads = threads});
  const Eigen::MatrixXd w = factor.solve(y);
  if (criterion == Criterion::log_marginal_likelihood)
    return 0.5 *
           (y.cwiseProduct(w).sum() +
            static_cast<double>(y.cols()) * (factor.log_determinant() + n * std::log(2 * std::numbers::pi)));
  const TrainingMeasures found = training_measures(factor, y, w, lambda, mean_diagonal, threads);
  return criterion == Criterion::gcv ? found.gcv : found.leave_one_out;
} catch (const NotPositiveDefinite&) {
  return std::numeric_limits<double>::infinity();
}

}  // namespace SST_ABI
}  // namespace sst
