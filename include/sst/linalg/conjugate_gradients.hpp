// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include <Eigen/Core>

#include <sst/base/plain_text.hpp>
#include <sst/base/progress.hpp>
#include <sst/error.hpp>
#include <sst/linalg/cholesky.hpp>
#include <sst/linalg/operator.hpp>
#include <sst/version.hpp>

namespace sst {
inline namespace SST_ABI {

/// When conjugate gradients stop.
struct ConjugateGradientOptions {
  /// Stops when |b - A x| <= tolerance |b| in each column; above 0.
  double tolerance = 1e-6;
  /// Products with the operator, at the most; 1 or more.
  int iterations = 1000;
  /// By how much one start reduces the residual at the most, before it is computed anew: where products are
  /// inexact, a little more than their relative error; 0: all the way.
  double reduction = 0;
  /// n x m: where to begin; empty: at 0.
  Eigen::MatrixXd start = {};
  ProgressFunction progress = {};  ///< of the digits that are asked for, after each iteration
};

/// What conjugate gradients found.
struct ConjugateGradientResult {
  Eigen::MatrixXd x;            ///< n x m; each column the best whose residual was computed
  bool converged = false;       ///< whether each residual, computed from x, is within the tolerance
  int iterations = 0;           ///< products with the operator
  Eigen::VectorXd residuals;    ///< m: |b - A x| / |b| of each column, computed from x
  std::vector<double> history;  ///< largest relative residual at the start and, as carried along, after each
  std::string message;          ///< one sentence: what was reached
};

/// M^-1 R, n x c, for R: n x c; see conjugate_gradients. None: R itself.
using Preconditioner = std::function<Eigen::MatrixXd(const Eigen::MatrixXd&)>;

namespace cg_detail {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

/// The columns of x that are listed.
inline MatrixXd gather(const MatrixXd& x, const std::vector<Index>& columns) {
  MatrixXd out(x.rows(), static_cast<Index>(columns.size()));
  for (Index c = 0; c < out.cols(); ++c) out.col(c) = x.col(columns[static_cast<std::size_t>(c)]);
  return out;
}

/// |r| / |b| of each column; 0 where b is 0.
inline VectorXd relative(const MatrixXd& r, const VectorXd& norms) {
  VectorXd out(r.cols());
  for (Index c = 0; c < r.cols(); ++c) out[c] = norms[c] > 0 ? r.col(c).stableNorm() / norms[c] : 0;
  return out;
}

/// r' M^-1 r of each column. Throws NotPositiveDefinite unless they are positive.
inline VectorXd inner_products(const MatrixXd& r, const MatrixXd& z) {
  const VectorXd out = r.cwiseProduct(z).colwise().sum();
  for (Index c = 0; c < out.size(); ++c)
    if (!(out[c] > 0))
      throw NotPositiveDefinite("the preconditioner is not positive definite (r' M^-1 r is " +
                                    std::to_string(out[c]) + " for a residual r); use another",
                                c, out[c]);
  return out;
}

/// Throws NotPositiveDefinite unless p' A p is positive.
inline void require_positive_curvature(double value, Index column) {
  if (value > 0) return;
  detail::PlainText text;
  text << "the kernel with its ridge is not positive definite (a direction met for column " << column
       << " of the right-hand side has the curvature " << value << "); use a larger ridge";
  throw NotPositiveDefinite(text.str(), column, value);
}

/// How far it is from |b| to a residual of tolerance |b|, in digits, as a fraction.
inline double way(double residual, double tolerance) {
  return residual <= tolerance ? 1 : std::clamp(std::log(residual) / std::log(tolerance), 0.0, 1.0);
}

}  // namespace cg_detail

/// Bytes that conjugate gradients hold for n rows and so many right-hand sides, products with a
/// KernelOperator included.
inline double conjugate_gradient_bytes(double n, double columns) { return 16 * sizeof(double) * n * columns; }

/// Solves (K + lambda I) X = B by preconditioned conjugate gradients, all columns at once: each has its own
/// steps, and they share the products with K.
///
/// k: n x n, symmetric, positive semidefinite; lambda >= 0; b: n x m, finite. preconditioner(R): the n x c
/// matrix M^-1 R for a symmetric positive definite M near K + lambda I; it may be inexact, since directions
/// are made by the flexible formula, beta = z'(r - r_old) / (z_old' r_old) (Notay 2000, "Flexible conjugate
/// gradients", SIAM J. Sci. Comput. 22, section 2). When the residuals that conjugate gradients carry along
/// are small enough, the true ones are computed, and iterations start anew from there if rounding has driven
/// the two apart. They stop at the iteration limit, or when a new start gains less than a factor of two:
/// then the result says so and is not `converged`.
///
/// The residuals are computed by `exact`: the same K where products with k are less accurate (in float, say),
/// so that the answer is as accurate as `exact`, at the cost of k. Where k is so far off that it is not
/// positive definite, it leads no further, and the result is not `converged`.
///
/// Each iteration takes one product with k, each start but one from 0 one with `exact`. Memory: ten n x m
/// matrices. Throws DataError (wrong rows, entries that are not finite), NotPositiveDefinite (of `exact`, a
/// direction p with p'Ap <= 0: its column and that value), Error (a tolerance or limit that is not positive),
/// Cancelled.
inline ConjugateGradientResult conjugate_gradients(const SymmetricOperator& k, const SymmetricOperator& exact,
                                                   double lambda, const Eigen::MatrixXd& b,
                                                   const Preconditioner& preconditioner,
                                                   const ConjugateGradientOptions& options) {
  using namespace cg_detail;
  if (b.rows() != k.rows())
    throw DataError("the right-hand side has " + std::to_string(b.rows()) + " rows and the kernel " +
                    std::to_string(k.rows()) + "; give it one row for each of the kernel");
  cholesky_detail::require_finite(b, false, 1, "the right-hand side");
  if (!(options.tolerance > 0) || options.iterations < 1 || !std::isfinite(lambda) || lambda < 0)
    throw Error("conjugate gradients were asked for with tolerance " + std::to_string(options.tolerance) +
                ", " + std::to_string(options.iterations) + " iterations and lambda " +
                std::to_string(lambda) + "; the first two have to be positive, and the last not negative");

  const auto precondition = [&](const MatrixXd& r) { return preconditioner ? preconditioner(r) : r; };
  ConjugateGradientResult result;
  VectorXd norms(b.cols());
  for (Index c = 0; c < b.cols(); ++c) norms[c] = b.col(c).stableNorm();
  MatrixXd rest = b;  // b - A x
  if (options.start.size() == 0) {
    result.x = MatrixXd::Zero(b.rows(), b.cols());
  } else {
    if (options.start.rows() != b.rows() || options.start.cols() != b.cols())
      throw DataError("conjugate gradients were asked to start from " + std::to_string(options.start.rows()) +
                      " x " + std::to_string(options.start.cols()) + " numbers; give " +
                      std::to_string(b.rows()) + " x " + std::to_string(b.cols()) + ", or none");
    result.x = options.start;
    rest -= exact.apply(result.x) + lambda * result.x;
  }
  result.residuals = relative(rest, norms);
  result.history.push_back(b.cols() ? result.residuals.maxCoeff() : 0);

  detail::Stages stages(options.progress);  // residuals may rise
  const ProgressFunction progress = stages(0, 1);
  bool stalled = false;
  while (!stalled && result.iterations < options.iterations) {
    std::vector<Index> active;
    for (Index c = 0; c < b.cols(); ++c)
      if (result.residuals[c] > options.tolerance) active.push_back(c);
    if (active.empty()) break;
    const MatrixXd start = result.x;

    // Divided by the norms of b, so that inner products neither over- nor underflow.
    MatrixXd r = gather(rest, active);
    for (Index c = 0; c < r.cols(); ++c) r.col(c) /= norms[active[static_cast<std::size_t>(c)]];
    MatrixXd z = precondition(r), p = z;
    VectorXd rho = inner_products(r, z);
    VectorXd carried = result.residuals;
    // A little less than asked for, since the residual that is carried along is not quite the true one.
    const Eigen::ArrayXd aim = (options.reduction * carried.array()).max(0.9 * options.tolerance);
    while (!active.empty() && result.iterations < options.iterations) {
      const MatrixXd q = k.apply(p) + lambda * p, old = r;
      ++result.iterations;
      std::vector<Index> kept, going_on;  // as columns of r, and of b
      for (Index c = 0; c < r.cols(); ++c) {
        const Index column = active[static_cast<std::size_t>(c)];
        // Where products are rounded by more than lambda, k may bend the other way: no step further with
        // them.
        const double curvature = p.col(c).dot(q.col(c));
        if (&k != &exact && !(curvature > 0)) continue;
        require_positive_curvature(curvature, column);
        const double step = rho[c] / curvature;
        result.x.col(column) += step * norms[column] * p.col(c);
        r.col(c) -= step * q.col(c);
        carried[column] = r.col(c).norm();
        if (carried[column] <= aim[column]) continue;
        kept.push_back(c);
        going_on.push_back(column);
      }
      result.history.push_back(carried.maxCoeff());
      detail::tell(progress, "solving by conjugate gradients", way(result.history.back(), options.tolerance));
      active = going_on;
      r = gather(r, kept), p = gather(p, kept);
      if (active.empty()) break;
      z = precondition(r);
      const VectorXd next = inner_products(r, z);
      for (Index c = 0; c < r.cols(); ++c) {
        const Index from = kept[static_cast<std::size_t>(c)];
        p.col(c) = z.col(c) + (next[c] - z.col(c).dot(old.col(from))) / rho[from] * p.col(c);
      }
      rho = next;
    }
    MatrixXd found = b - exact.apply(result.x) - lambda * result.x;
    const VectorXd before = std::exchange(result.residuals, relative(found, norms));
    // Rounding, or a system that is singular, may lead away from the solution: each column keeps its best.
    for (Index c = 0; c < b.cols(); ++c)
      if (result.residuals[c] <= before[c]) {
        rest.col(c) = found.col(c);
      } else {
        result.x.col(c) = start.col(c);
        result.residuals[c] = before[c];
      }
    stalled = result.iterations < options.iterations && !((result.residuals.array() > options.tolerance) &&
                                                          (result.residuals.array() <= before.array() / 2))
                                                             .any();
  }
  const double worst = b.cols() ? result.residuals.maxCoeff() : 0;
  result.converged = worst <= options.tolerance;
  detail::PlainText text;
  text << "conjugate gradients " << (result.converged ? "reached" : "stopped at") << " the relative residual "
       << worst << " in " << result.iterations << " iterations";
  if (!result.converged)
    text << ", short of " << options.tolerance
         << (stalled ? " (rounding lets it go no further); use a larger ridge, or double"
                     : " (the limit of iterations); allow more, a larger ridge, or a better preconditioner");
  result.message = text.str();
  return result;
}

/// The same with products by k alone; b: n x m.
inline ConjugateGradientResult conjugate_gradients(const SymmetricOperator& k, double lambda,
                                                   const Eigen::MatrixXd& b,
                                                   const Preconditioner& preconditioner = {},
                                                   const ConjugateGradientOptions& options = {}) {
  return conjugate_gradients(k, k, lambda, b, preconditioner, options);
}

}  // namespace SST_ABI
}  // namespace sst
