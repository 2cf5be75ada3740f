// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <string>
#include <vector>

#include <Eigen/Core>

#include <sst/error.hpp>
#include <sst/linalg/cholesky.hpp>
#include <sst/linalg/product.hpp>
#include <sst/regression/targets.hpp>
#include <sst/version.hpp>

/// \file
/// What the training rows alone tell of a fit's error, from one Cholesky factor: for those who compare
/// thousands of fits. `ridge_path` and `complexity` tell the same of one kernel with many ridges.

namespace sst {
inline namespace SST_ABI {

/// Of a fit with A = K + lambda I and weights w = A^-1 y; n rows, outputs o.
struct TrainingMeasures {
  /// The mean over rows and outputs of (w_i / (A^-1)_ii)^2: squared errors of predictions for rows left out
  /// (Rasmussen and Williams 2006, eq. (5.12)).
  double leave_one_out = 0;
  double gcv = 0;  ///< n |w_o|^2 / (tr A^-1)^2, mean over outputs (Golub, Heath and Wahba 1979, eq. (1.4))
  double effective_dimension = 0;  ///< tr K A^-1, from 0 to n
  /// sum_o y_o' A^-1 y_o / n with K scaled to a mean diagonal of 1 (Arora et al. 2019, theorem 5.1).
  double scaled_norm = 0;
  /// sqrt(sum_o |f_o|^2 d / n), |f_o|^2 = w_o' K w_o and d the mean diagonal of K: half of what bounds the
  /// Rademacher complexity of all functions of that norm (Bartlett and Mendelson 2002, "Rademacher and
  /// Gaussian Complexities", lemma 22).
  double norm_bound = 0;
};

/// All of them, in n^3/3 multiplications beside the factor's. factor: of A, n x n; y and w: n x outputs;
/// lambda >= 0 and the mean diagonal of K in the kernel's units. Nothing depends on the number of threads.
/// Throws DataError for shapes that do not fit.
inline TrainingMeasures training_measures(const Cholesky<double>& factor, const Eigen::MatrixXd& y,
                                          const Eigen::MatrixXd& w, double lambda, double mean_diagonal,
                                          int threads = 0) {
  regression_detail::require_targets(factor.size(), y);
  regression_detail::require_targets(factor.size(), w);
  const auto n = static_cast<double>(y.rows()), outputs = static_cast<double>(y.cols());
  const Eigen::VectorXd inverse = detail::inverse_diagonal(factor.storage(), threads);
  const double trace = inverse.sum(), fit = y.cwiseProduct(w).sum(), weights = w.squaredNorm();
  TrainingMeasures out;
  out.leave_one_out = (w.array().colwise() / inverse.array()).square().sum() / (n * outputs);
  out.gcv = n * weights / (trace * trace * outputs);
  out.effective_dimension = n - lambda * trace;
  out.scaled_norm = mean_diagonal * fit / n;
  out.norm_bound = std::sqrt(std::max(0.0, fit - lambda * weights) * mean_diagonal / n);
  return out;
}

/// The negative log marginal likelihood at each output's best amplitude s^2 = y' A^-1 y / n, less a constant,
///
///     1/2 sum_o (n log(y_o' w_o / n) + log det A),
///
/// in n outputs multiplications: the smaller the better, and the same for a multiple of A. factor: of A, n x
/// n; y and w = A^-1 y: n x outputs. Outputs that are 0 everywhere say nothing. Throws DataError for shapes
/// that do not fit.
inline double evidence_score(const Cholesky<double>& factor, const Eigen::MatrixXd& y,
                             const Eigen::MatrixXd& w) {
  regression_detail::require_targets(factor.size(), y);
  regression_detail::require_targets(factor.size(), w);
  const auto n = static_cast<double>(y.rows());
  double value = static_cast<double>(y.cols()) / 2 * factor.log_determinant();
  for (Eigen::Index k = 0; k < y.cols(); ++k)
    if (const double fit = y.col(k).dot(w.col(k)); fit > 0) value += n / 2 * std::log(fit / n);
  return value;
}

/// The `share` quantile, from below, of the margins of n rows: the score of the true class less the largest
/// of the others. What a bound by norm is divided by, at a share of 0.1 (Jiang et al. 2020, "Fantastic
/// Generalization Measures and Where to Find Them", appendix C). scores: n x classes, of two classes at
/// least; truth: n classes, counted from 0. Throws DataError for others and unless 0 <= share <= 1.
inline double margin_quantile(const Eigen::MatrixXd& scores, const std::vector<std::size_t>& truth,
                              double share = 0.1) {
  const auto rows = static_cast<std::size_t>(scores.rows()),
             classes = static_cast<std::size_t>(scores.cols());
  if (rows == 0 || classes < 2 || truth.size() != rows || !(share >= 0 && share <= 1) ||
      *std::max_element(truth.begin(), truth.end()) >= classes)
    throw DataError("there are scores of " + std::to_string(rows) + " rows and " + std::to_string(classes) +
                    " classes for " + std::to_string(truth.size()) +
                    " true ones (margins take two classes, a true one below that for each row, and a share "
                    "from 0 to 1); correct them");
  std::vector<double> margins;
  for (std::size_t i = 0; i < rows; ++i) {
    double other = -std::numeric_limits<double>::infinity();
    for (std::size_t c = 0; c < classes; ++c)
      if (c != truth[i])
        other = std::max(other, scores(static_cast<Eigen::Index>(i), static_cast<Eigen::Index>(c)));
    margins.push_back(scores(static_cast<Eigen::Index>(i), static_cast<Eigen::Index>(truth[i])) - other);
  }
  const auto at = margins.begin() + std::lround(share * static_cast<double>(rows - 1));
  std::nth_element(margins.begin(), at, margins.end());
  return *at;
}

}  // namespace SST_ABI
}  // namespace sst
