// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <Eigen/Core>

#include <sst/base/data_ref.hpp>
#include <sst/base/progress.hpp>
#include <sst/kernel/kernel_family.hpp>
#include <sst/kernel/kernel_function.hpp>
#include <sst/linalg/ridge.hpp>
#include <sst/selection/minimise.hpp>
#include <sst/selection/ridge_path.hpp>
#include <sst/version.hpp>

/// \file
/// The scale of each feature, the parameters of a kernel and the ridge that the data want, by gradients.

namespace sst {
inline namespace SST_ABI {

/// How features are scaled.
struct TuneOptions {
  /// What becomes as small as it can: the mean squared leave-one-out error or GCV's (their logarithms, times
  /// half the number of targets), or minus the log marginal likelihood at the best amplitude of each output.
  Criterion criterion = Criterion::leave_one_out;
  bool scales = true;  ///< whether features are scaled
  bool ridge = true;   ///< whether the ridge is tuned too; otherwise it stays as given
  /// Of normal priors, whose log densities are added: on each scale's logarithm about 0, and on the family's
  /// numbers about where they start. Infinite: none.
  double prior_std = 0.5;
  double reach = 100;  ///< a scale stays within 1/reach and reach, a number of the family within ln reach
  Eigen::Index rows = 1024;        ///< samples that decide, drawn at random where there are more
  std::uint32_t seed = 0;          ///< of that draw
  MinimiseOptions steps = {};      ///< when it ends
  int threads = 0;                 ///< 0: as many as OpenMP gives; nothing depends on it
  ProgressFunction progress = {};  ///< of the steps
};

/// What the data want.
struct Tuned {
  Eigen::RowVectorXd scales;   ///< d numbers that features are multiplied by: how much each one matters
  Eigen::VectorXd parameters;  ///< the family's p numbers
  KernelFunction kernel;       ///< the family's at these
  Ridge ridge;                 ///< relative where it was tuned, for the kernel of scaled features
  double start = 0;            ///< the criterion where it started, priors included
  double end = 0;              ///< with what was found
  /// Mean squared leave-one-out error of the rows that decided, where it started and with what was found.
  double start_error = 0, end_error = 0;
  int steps = 0;                        ///< taken
  int evaluations = 0;                  ///< kernels, with their gradients
  bool converged = false;               ///< otherwise steps or seconds ran out
  std::vector<Eigen::Index> at_bounds;  ///< features whose scale is as small or large as it may be
  Eigen::Index rows = 0;                ///< samples that decided
};

/// The scales s of features, the family's numbers and the ridge at which K(x s, x s) suits y best ("automatic
/// relevance determination": MacKay 1994; Neal 1996, "Bayesian Learning for Neural Networks"), a local
/// optimum from all scales 1, the family's start and the given ridge. One gradient takes a Cholesky factor,
/// an inverse, KernelFunction::gradients for any number of features and parameter_derivatives for the
/// family's numbers (Rasmussen and Williams 2006, eqs. (5.9), (5.13)):
///
///     dL/dln s_k = sum_i x_ik s_k G_ik,   G_i = sum_j W_ij dK(x_i s, x_j s)/d(x_i s),   W = 2 dL/dK,
///     dL/dp = 1/2 sum_ij W_ij dK_ij/dp.
///
/// Where end_error is not below start_error what was found fits these rows and nothing else: leave it.
///
/// \code
/// const auto tuned = sst::tune(sst::ntk(net), x, y, sst::Ridge::relative(0.01));  // x of mean 0, std 1
/// auto model = sst::fit(tuned.kernel, x * tuned.scales.asDiagonal(), y, tuned.ridge);
/// \endcode
///
/// x: n x d, y: n x outputs. Memory: some six kernels of the rows that decide, and
/// one for each number of the family. Throws DataError, Error
/// (options, a kernel without derivatives, a start at which the system is singular, memory), Cancelled, and
/// what the family throws.
Tuned tune(const KernelFamily& family, const DataRef& x, const Eigen::MatrixXd& y, const Ridge& ridge,
           const TuneOptions& options = {});
/// The same of one kernel. Throws as the other.
inline Tuned tune(const KernelFunction& kernel, const DataRef& x, const Eigen::MatrixXd& y,
                  const Ridge& ridge, const TuneOptions& options = {}) {
  return tune(KernelFamily{[&kernel](const Eigen::VectorXd&) { return kernel; }}, x, y, ridge, options);
}

}  // namespace SST_ABI
}  // namespace sst

#ifndef SST_EXTERN_TEMPLATES
#include <sst/selection/tune_impl.hpp>
#endif
