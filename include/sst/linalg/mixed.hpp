// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include <Eigen/Core>

#include <sst/base/parallel.hpp>
#include <sst/base/plain_text.hpp>
#include <sst/base/progress.hpp>
#include <sst/error.hpp>
#include <sst/linalg/cholesky.hpp>
#include <sst/linalg/conjugate_gradients.hpp>
#include <sst/linalg/operator.hpp>
#include <sst/version.hpp>

namespace sst {
inline namespace SST_ABI {

/// When refining stops.
struct MixedOptions {
  /// |b - A x| <= tolerance |b| in each column; above 0.
  double tolerance = 1e-12;
  /// Refining steps before the float factor is given up; so many take less time than another factor. 1 or
  /// more.
  int iterations = 40;
  int threads = 0;                 ///< 0: as many as OpenMP gives; nothing depends on it
  ProgressFunction progress = {};  ///< of the factorization
};

/// What refining found.
struct MixedSolution {
  Eigen::MatrixXd x;            ///< n x m
  bool refined = false;         ///< from the float factor; false: from the double one
  int iterations = 0;           ///< refining steps
  Eigen::VectorXd residuals;    ///< m: |b - A x| / |b|
  double condition_at_least{};  ///< of A; see Cholesky
  std::string message;          ///< one sentence: what was done, and why
};

/// A^-1 R by a Cholesky factor of A in float: a preconditioner that leaves as many digits right as float has
/// beyond the condition number of A.
class FloatFactor {
 public:
  /// a: n x n, of which the lower triangle is read, times `scale`. Throws NotPositiveDefinite where float
  /// finds no factor, Cancelled.
  FloatFactor(Eigen::MatrixXf a, double scale, const CholeskyOptions& options)
      : scale_(scale), factor_(std::move(a), options) {}

  /// A^-1 R, n x m, for R: n x m.
  Eigen::MatrixXd operator()(const Eigen::MatrixXd& r) const {
    // Residuals shrink by many orders of magnitude: each column is brought to the size of 1.
    Eigen::RowVectorXd size = r.cwiseAbs().colwise().maxCoeff();
    size = (size.array() > 0).select(size, 1);
    const Eigen::MatrixXf z =
        factor_.solve((r.array().rowwise() / size.array()).matrix().cast<float>().eval());
    return z.cast<double>().array().rowwise() * (size.array() * scale_);
  }
  /// A lower bound of the condition number of A; see Cholesky.
  double condition_at_least() const { return factor_.condition_at_least(); }

 private:
  double scale_;
  Cholesky<float> factor_;
};

/// Solves A X = B to double accuracy at nearly the speed of float: a float Cholesky factor of A is the
/// preconditioner of conjugate gradients in double (refinement in the manner of Higham and Pranesh 2021,
/// "Exploiting lower precision arithmetic in solving symmetric positive definite linear systems and least
/// squares problems", SIAM J. Sci. Comput. 43, section 3). Where float finds no factor, or refining does not
/// reach the tolerance, the double factor takes over, and the message says so.
///
/// a: n x n, symmetric, both triangles filled (it is left as it is unless the double factor takes over); b: n
/// x m. Refining takes about as many steps as float has lost digits: few below a condition number of 1e6.
/// Memory beside A: n^2 floats. The result does not depend on the number of threads.
/// Throws DataError (not square, wrong rows, entries that are not finite), NotPositiveDefinite (of the double
/// factor), Error (bad options), Cancelled.
inline MixedSolution solve_mixed(Eigen::MatrixXd a, const Eigen::MatrixXd& b,
                                 const MixedOptions& options = {}) {
  using Eigen::Index;
  using Eigen::MatrixXd;
  const DenseOperator dense(a, options.threads);
  if (b.rows() != a.rows())
    throw DataError("the right-hand side has " + std::to_string(b.rows()) + " rows and the matrix " +
                    std::to_string(a.rows()) + "; give it one row for each of the matrix");
  cholesky_detail::require_finite(a, false, detail::team_size(options.threads, a.cols()), "the matrix");
  detail::Stages stages(options.progress);
  const CholeskyOptions factoring{.threads = options.threads, .progress = stages(0, 1)};
  MixedSolution out;
  std::string obstacle;
  // A power of two brings A into the range of float, and costs no digits.
  const double largest = a.size() ? a.cwiseAbs().maxCoeff() : 1;
  const double scale = largest > 0 ? std::exp2(-std::ilogb(largest)) : 1;
  try {
    Eigen::MatrixXf low(a.rows(), a.cols());
    operator_detail::in_parallel(a.cols(), options.threads, [&](Index j) {
      const Index below = a.rows() - j;
      low.col(j).tail(below) = (a.col(j).tail(below) * scale).cast<float>();
    });
    const FloatFactor factor(std::move(low), scale, factoring);
    const auto result = conjugate_gradients(
        dense, 0, b, std::cref(factor), {.tolerance = options.tolerance, .iterations = options.iterations});
    if (result.converged) {
      out.refined = true;
      out.x = result.x;
      out.iterations = result.iterations;
      out.residuals = result.residuals;
      out.condition_at_least = factor.condition_at_least();
      detail::PlainText text;
      text << "factored in float and refined in double to the relative residual "
           << (b.cols() ? out.residuals.maxCoeff() : 0) << " in " << out.iterations << " steps";
      out.message = text.str();
      return out;
    }
    detail::PlainText text;
    text << "refining stopped at the relative residual " << result.residuals.maxCoeff() << " after "
         << result.iterations << " steps";
    out.iterations = result.iterations;
    obstacle = text.str();
  } catch (const NotPositiveDefinite&) {
    obstacle = "in float the matrix is not positive definite";
  }
  // The factor takes the place of A, of which its upper triangle and this diagonal are left.
  const Eigen::VectorXd diagonal = a.diagonal();
  const Cholesky<double> factor(std::move(a), factoring);
  out.x = factor.solve(b);
  out.condition_at_least = factor.condition_at_least();
  const MatrixXd& upper = factor.storage();
  MatrixXd rest = b - diagonal.asDiagonal() * out.x;
  {
    const cholesky_detail::SerialEigen serial;
    rest -= upper.triangularView<Eigen::StrictlyUpper>() * out.x;
    rest -= upper.triangularView<Eigen::StrictlyUpper>().transpose() * out.x;
  }
  out.residuals =
      (rest.colwise().stableNorm().array() / b.colwise().stableNorm().array().max(1e-300)).transpose();
  out.message = "factored in double (" + obstacle + ")";
  return out;
}

}  // namespace SST_ABI
}  // namespace sst
