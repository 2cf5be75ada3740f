// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <vector>

#include <Eigen/Core>

#include <sst/base/data_ref.hpp>
#include <sst/base/execution.hpp>
#include <sst/kernel/kernel_function.hpp>
#include <sst/linalg/band_form.hpp>
#include <sst/linalg/ridge.hpp>
#include <sst/version.hpp>

namespace sst {
inline namespace SST_ABI {

/// `count` relative ridges from `least` to `largest`, evenly spaced in their logarithms. Throws Error unless
/// 0 < least <= largest and count >= 1.
std::vector<Ridge> relative_ridges(double least, double largest, int count);

/// What a kernel regression with each of several ridges would do, in closed form. With A = K + lambda I and
/// weights w = A^-1 y, for each ridge (rows) and output (columns):
struct RidgePath {
  std::vector<Ridge> ridges;    ///< in the order of the rows below
  std::vector<double> lambdas;  ///< what the ridges came to
  /// One n x outputs matrix a ridge: y_i minus what the fit without row i predicts for it, w_i / (A^-1)_ii
  /// (Rasmussen and Williams 2006, eq. (5.12)); a relative ridge keeps the lambda of all rows.
  std::vector<Eigen::MatrixXd> leave_one_out;
  Eigen::MatrixXd leave_one_out_error;  ///< mean of the squares of leave_one_out
  /// n |(I - H) y|^2 / tr(I - H)^2 with H = K A^-1 (Golub, Heath and Wahba 1979, eq. (1.4)). With lambda = 0
  /// it is its limit, which is finite.
  Eigen::MatrixXd gcv;
  /// -(y' A^-1 y + log det A + n log 2 pi) / 2 (Rasmussen and Williams 2006, eq. (5.8)).
  Eigen::MatrixXd log_marginal_likelihood;
  Eigen::VectorXd effective_dimension;  ///< tr K A^-1, between 0 and n
};

/// The path from one band form of K. y: n x outputs. Accuracy: that of the form, eps |K| absolute: 1e-9
/// relative in lambda down to lambda = 1e-6 |K|, and growing as |K| / lambda from there; of the effective
/// dimension n eps absolute. Beside the form it costs (64 + outputs) n^2 multiplications a ridge. Throws
/// DataError, NotPositiveDefinite (which ridge), Cancelled.
RidgePath ridge_path(const BandForm& form, const Eigen::MatrixXd& y, const std::vector<Ridge>& ridges,
                     const Execution& execution = {});

/// The path of a kernel function on the rows of x, n x d. Throws what its matrix and the other overload
/// throw.
RidgePath ridge_path(const KernelFunction& kernel, const DataRef& x, const Eigen::MatrixXd& y,
                     const std::vector<Ridge>& ridges, const Execution& execution = {});

/// By what a ridge, or a topology, is chosen: the error of `leave_one_out` predictions, generalised
/// cross-validation (`gcv`) or the `log_marginal_likelihood`; see RidgePath.
enum class Criterion { leave_one_out, gcv, log_marginal_likelihood };

/// One entry per ridge, the smaller the better: the mean over the outputs of the leave-one-out error or of
/// GCV; the sum over the outputs of the negative log marginal likelihood (outputs are independent).
Eigen::VectorXd scores(const RidgePath& path, Criterion criterion);

/// The position, in path.ridges, of the best one; of equals the first.
std::size_t best_ridge(const RidgePath& path, Criterion criterion);

}  // namespace SST_ABI
}  // namespace sst

#ifndef SST_EXTERN_TEMPLATES
#include <sst/selection/ridge_path_impl.hpp>
#endif
