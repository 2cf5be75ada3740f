// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include <Eigen/Core>

#include <sst/base/data_ref.hpp>
#include <sst/base/progress.hpp>
#include <sst/kernel/kernel_function.hpp>
#include <sst/linalg/ridge.hpp>
#include <sst/version.hpp>

/// \file
/// The directions of the features that a kernel regression turns out to depend on.

namespace sst {
inline namespace SST_ABI {

/// How features are learned.
struct FeatureLearningOptions {
  int rounds = 5;            ///< at most, 1 or more; it ends with the first that does not lower the error
  bool ridge = true;         ///< whether each round looks for its ridge; otherwise it stays as given
  Eigen::Index rows = 1024;  ///< samples that decide, drawn at random where there are more
  std::uint32_t seed = 0;    ///< of that draw
  double seconds = 0;        ///< rounds that would end later are not begun; 0: no limit
  int threads = 0;           ///< 0: as many as OpenMP gives; nothing depends on it
  ProgressFunction progress = {};  ///< of the rounds
};

/// Learned features.
struct LearnedFeatures {
  Eigen::MatrixXd transform;  ///< d x d, symmetric: samples are multiplied by it from the right
  Ridge ridge;                ///< relative where it was looked for, for the kernel of such samples
  std::vector<double>
      errors;                ///< mean squared leave-one-out error of the features as given, and of each round
  std::size_t best = 0;      ///< the round, counted from 1, that `transform` is of; 0: as given, the identity
  Eigen::Index rows = 0;     ///< samples that decided
  bool out_of_time = false;  ///< whether FeatureLearningOptions::seconds ended it

  /// 1 x d, of sum 1: the share of each feature in the trace of `transform` squared, how much of the
  /// gradients lies along it.
  Eigen::RowVectorXd importance() const {
    return transform.colwise().squaredNorm() / transform.squaredNorm();
  }
};

/// A recursive feature machine (Radhakrishnan, Beaglehole, Pandit and Belkin 2024, "Mechanism for feature
/// learning in neural networks and backpropagation-free machine learning models", algorithm 1) of any kernel
/// that has gradients. With samples z = x T, T = I at first, each round fits f = K(z, Z) (K(Z, Z) + lambda
/// I)^-1 Y and takes
///
///     M = 1/n sum_i sum_o grad_x f_o(x_i) grad_x f_o(x_i)',    T = M^(1/2),
///
/// scaled so that the samples keep their mean square. Errors are those of leave-one-out with T held, and so
/// look a little better than they are.
///
/// \code
/// const auto learned = sst::learn_features(sst::ntk(net), x, y, sst::Ridge::relative(0.01));  // x of std 1
/// const auto model = sst::fit(sst::ntk(net), x * learned.transform, y, learned.ridge);
/// \endcode
///
/// x: n x d, y: n x outputs. A round costs a Cholesky factor and half an inverse for each ridge, three or
/// more, and KernelFunction::gradients for each output. Memory: three kernels of the rows that decide. Throws
/// DataError, Error (options, a kernel without derivatives, a system that is singular under the given ridge,
/// memory), Cancelled.
LearnedFeatures learn_features(const KernelFunction& kernel, const DataRef& x, const Eigen::MatrixXd& y,
                               const Ridge& ridge, const FeatureLearningOptions& options = {});

}  // namespace SST_ABI
}  // namespace sst

#ifndef SST_EXTERN_TEMPLATES
#include <sst/selection/feature_learning_impl.hpp>
#endif
