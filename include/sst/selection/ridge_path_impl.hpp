// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <limits>
#include <numbers>
#include <string>
#include <vector>

#include <Eigen/Core>

#include <sst/base/compiled.hpp>
#include <sst/base/progress.hpp>
#include <sst/error.hpp>
#include <sst/linalg/band_form.hpp>
#include <sst/linalg/product.hpp>
#include <sst/regression/targets.hpp>
#include <sst/selection/ridge_path.hpp>
#include <sst/version.hpp>

/// \file
/// The bodies of ridge_path.hpp.

namespace sst {
inline namespace SST_ABI {

SST_COMPILED std::vector<Ridge> relative_ridges(double least, double largest, int count) {
  if (!(least > 0 && largest >= least && std::isfinite(largest) && count >= 1))
    throw Error("the ridges run from " + std::to_string(least) + " to " + std::to_string(largest) + " in " +
                std::to_string(count) + " steps; give 0 < least <= largest and at least one step");
  std::vector<Ridge> ridges;
  for (int i = 0; i < count; ++i) {
    const double share = count == 1 ? 0 : static_cast<double>(i) / (count - 1);
    ridges.push_back(Ridge::relative(least * std::pow(largest / least, share)));
  }
  return ridges;
}

namespace selection_detail {

/// The path; singular(error) is called where a ridge leaves the system singular, and may throw. What such a
/// ridge would do is infinitely bad then.
template <class Singular>
RidgePath path(const BandForm& form, const Eigen::MatrixXd& y, const std::vector<Ridge>& ridges,
               const Execution& execution, Singular&& singular) {
  using Eigen::Index;
  const Index n = form.size(), outputs = y.cols(), count = static_cast<Index>(ridges.size());
  regression_detail::require_targets(n, y);
  if (ridges.empty()) throw DataError("the path has no ridges; give at least one");
  const double rows = static_cast<double>(n), infinity = std::numeric_limits<double>::infinity();
  const Eigen::MatrixXd q = detail::product(form.basis().transpose(), y, execution.threads);

  RidgePath path;
  path.ridges = ridges;
  path.gcv = Eigen::MatrixXd::Constant(count, outputs, infinity);
  path.log_marginal_likelihood = Eigen::MatrixXd::Constant(count, outputs, -infinity);
  path.effective_dimension.resize(count);
  path.leave_one_out_error.resize(count, outputs);
  // Of each ridge the diagonal of A^-1, and the weights A^-1 y in the basis of the form.
  Eigen::MatrixXd diagonals = Eigen::MatrixXd::Zero(n, count), weights(n, count * outputs);
  detail::Counter counter(execution.progress, static_cast<double>(count), "the path of ridges");
  for (Index r = 0; r < count; ++r) {
    const double lambda = ridges[static_cast<std::size_t>(r)].lambda_for(form.mean_diagonal());
    path.lambdas.push_back(lambda);
    Eigen::MatrixXd w = q;
    try {
      const BandFactor factor(form, lambda);
      factor.solve_in_place(w);
      diagonals.col(r) = factor.inverse_diagonal(form.basis(), execution.threads);
      const double trace = diagonals.col(r).sum();  // I - H = lambda A^-1, and in GCV the lambdas cancel
      path.effective_dimension[r] = rows - lambda * trace;
      path.gcv.row(r) = rows * w.colwise().squaredNorm() / (trace * trace);
      path.log_marginal_likelihood.row(r) =
          -0.5 * (q.cwiseProduct(w).colwise().sum().array() + factor.log_determinant() +
                  rows * std::log(2 * std::numbers::pi));
    } catch (const NotPositiveDefinite& error) {
      singular(error);
      w.setOnes();
      path.effective_dimension[r] = rows;
    }
    weights.middleCols(r * outputs, outputs) = w;
    counter.add();
  }
  weights = detail::product(form.basis(), weights, execution.threads);
  for (Index r = 0; r < count; ++r) {
    path.leave_one_out.push_back(weights.middleCols(r * outputs, outputs).array().colwise() /
                                 diagonals.col(r).array());
    path.leave_one_out_error.row(r) = path.leave_one_out.back().colwise().squaredNorm() / rows;
  }
  return path;
}

}  // namespace selection_detail

SST_COMPILED RidgePath ridge_path(const BandForm& form, const Eigen::MatrixXd& y,
                                  const std::vector<Ridge>& ridges, const Execution& execution) {
  return selection_detail::path(form, y, ridges, execution,
                                [](const NotPositiveDefinite& error) { throw error; });
}

SST_COMPILED RidgePath ridge_path(const KernelFunction& kernel, const DataRef& x, const Eigen::MatrixXd& y,
                                  const std::vector<Ridge>& ridges, const Execution& execution) {
  regression_detail::require_targets(x.rows(), y);
  const Execution first = detail::part_of(execution, 0, 0.2), second = detail::part_of(execution, 0.2, 0.7);
  return ridge_path(BandForm(kernel.matrix(x, first), second), y, ridges, detail::part_of(execution, 0.7, 1));
}

SST_COMPILED Eigen::VectorXd scores(const RidgePath& path, Criterion criterion) {
  switch (criterion) {
    case Criterion::leave_one_out:
      return path.leave_one_out_error.rowwise().mean();
    case Criterion::gcv:
      return path.gcv.rowwise().mean();
    case Criterion::log_marginal_likelihood:
      break;
  }
  return -path.log_marginal_likelihood.rowwise().sum();
}

SST_COMPILED std::size_t best_ridge(const RidgePath& path, Criterion criterion) {
  Eigen::Index at = 0;
  scores(path, criterion).minCoeff(&at);
  return static_cast<std::size_t>(at);
}

}  // namespace SST_ABI
}  // namespace sst
