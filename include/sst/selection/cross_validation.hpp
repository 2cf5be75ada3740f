// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include <Eigen/Core>

#include <sst/base/execution.hpp>
#include <sst/kernel/kernel_function.hpp>
#include <sst/linalg/ridge.hpp>
#include <sst/selection/split.hpp>
#include <sst/version.hpp>

namespace sst {
inline namespace SST_ABI {

/// n rows in `folds` parts whose sizes differ by one at most: part i is tested on by split i, and the others
/// train it; rows are in ascending order in both. Part i is the i-th run of permutation(n, seed), the longer
/// parts first. Throws DataError unless 2 <= folds <= n.
std::vector<Split> k_fold(Eigen::Index n, int folds, std::uint32_t seed);

/// What each ridge predicts for rows that its fit has not seen, and how well.
struct CrossValidation {
  std::vector<Ridge> ridges;  ///< in the order of the results
  /// One n x outputs matrix a ridge: what each row is predicted to be by the fit that has not seen it.
  std::vector<Eigen::MatrixXd> predictions;
  /// folds x ridges: the squared error, mean over the rows and outputs of the fold.
  Eigen::MatrixXd fold_errors;
  /// One number a ridge: the squared error, mean over all rows and outputs.
  Eigen::VectorXd errors;

  /// The position of the ridge with the smallest error; of equals the first.
  std::size_t best_ridge() const;
};

/// Fits on the training rows of each split and predicts its test rows, for all ridges from one
/// band form a split. k: n x n, of all rows; y: n x outputs. A relative ridge is relative to the
/// training rows' kernel, as in a fit on them. Every row has to be tested once. Throws DataError,
/// NotPositiveDefinite, Cancelled.
CrossValidation cross_validate(const Eigen::MatrixXd& k, const Eigen::MatrixXd& y,
                               const std::vector<Ridge>& ridges, const std::vector<Split>& splits,
                               const Execution& execution = {});

/// The same of a kernel function on the rows of x, n x d. Throws what its matrix throws.
CrossValidation cross_validate(const KernelFunction& kernel, const DataRef& x, const Eigen::MatrixXd& y,
                               const std::vector<Ridge>& ridges, const std::vector<Split>& splits,
                               const Execution& execution = {});

}  // namespace SST_ABI
}  // namespace sst

#ifndef SST_EXTERN_TEMPLATES
#include <sst/selection/cross_validation_impl.hpp>
#endif
