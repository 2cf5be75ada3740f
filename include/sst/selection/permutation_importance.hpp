// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <vector>

#include <Eigen/Core>

#include <sst/base/data_ref.hpp>
#include <sst/base/progress.hpp>
#include <sst/kernel/kernel_function.hpp>
#include <sst/linalg/ridge.hpp>
#include <sst/version.hpp>

/// \file
/// How much worse a regression gets when it cannot see a feature.

namespace sst {
inline namespace SST_ABI {

/// How features are shuffled.
struct PermutationOptions {
  /// Columns that are shuffled together, those of one category for example; empty: each by itself.
  std::vector<std::vector<Eigen::Index>> groups = {};
  /// d x k: what shuffled samples are multiplied by before the kernel sees them, the `transform` of
  /// LearnedFeatures for example; empty: nothing.
  Eigen::MatrixXd transform = {};
  int repeats = 5;           ///< shuffles of each group, 1 or more
  Eigen::Index rows = 1024;  ///< samples that decide, drawn at random where there are more
  std::uint32_t seed = 0;    ///< of that draw and of the shuffles
  double seconds = 0;        ///< repeats after the first that would end later are not begun; 0: no limit
  int threads = 0;           ///< 0: as many as OpenMP gives; nothing depends on it
  ProgressFunction progress = {};  ///< of all of it
};

/// What a regression owes to groups of features.
struct PermutationImportance {
  double error = 0;          ///< mean squared leave-one-out error, over samples and outputs
  Eigen::VectorXd shuffled;  ///< the same with each group shuffled, the mean of the repeats
  Eigen::VectorXd std;       ///< its standard deviation over the repeats; 0 of one
  Eigen::Index rows = 0;     ///< samples that decided
  int repeats = 0;           ///< shuffles of each group
  bool out_of_time = false;  ///< whether they are fewer than asked for
};

/// Permutation importance (Breiman 2001, "Random Forests", section 10) by leave-one-out: every sample is
/// predicted by the others with a group of its features taken from another sample. With A = K + lambda I, w =
/// A^-1 y and D the diagonal of A^-1, sample i left out predicts at any z
///
///     f_-i(z) = k(z) (w - A^-1 e_i w_i / D_i),
///
/// so that nothing is fitted again: a factor and an inverse for all, and one kernel for each group and
/// repeat. Features that stand for one another share their importance, or hide it: shuffle them as a group.
///
/// x: n x d, y: n x outputs. Memory: four kernels of the rows that decide. Throws DataError, Error (options,
/// a system that is singular, memory), Cancelled.
PermutationImportance permutation_importance(const KernelFunction& kernel, const DataRef& x,
                                             const Eigen::MatrixXd& y, const Ridge& ridge,
                                             const PermutationOptions& options = {});

}  // namespace SST_ABI
}  // namespace sst

#ifndef SST_EXTERN_TEMPLATES
#include <sst/selection/permutation_importance_impl.hpp>
#endif
