// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <string>
#include <utility>

#include <Eigen/Core>

#include <sst/base/compiled.hpp>
#include <sst/base/memory.hpp>
#include <sst/base/progress.hpp>
#include <sst/error.hpp>
#include <sst/linalg/cholesky.hpp>
#include <sst/regression/targets.hpp>
#include <sst/selection/ridge_score.hpp>
#include <sst/selection/sample.hpp>
#include <sst/selection/system_score.hpp>
#include <sst/selection/tune.hpp>
#include <sst/version.hpp>

/// \file
/// The bodies of tune.hpp.

namespace sst {
inline namespace SST_ABI {

SST_COMPILED Tuned tune(const KernelFamily& family, const DataRef& x, const Eigen::MatrixXd& y,
                        const Ridge& ridge, const TuneOptions& options) {
  using Eigen::VectorXd;
  regression_detail::require_targets(x.rows(), y);
  x.require_finite("the data set");
  if (options.rows < 2 || !(options.prior_std > 0) || !(options.reach > 1) || !std::isfinite(options.reach) ||
      options.steps.steps < 0)
    throw Error(
        "tuning is by " + std::to_string(options.rows) +
        " rows, or its prior, reach or steps are out of range; give 2 rows or more, a prior_std above 0, a "
        "finite reach above 1 and no negative steps");
  const Sample chosen = draw_sample(x, y, std::min(options.rows, x.rows()), options.seed);
  const Eigen::MatrixXd samples = chosen.x.stored(false).dense();
  const Eigen::MatrixXd& targets = chosen.y;
  const Eigen::Index n = samples.rows(), d = samples.cols(), p = family.start.size();
  require_memory((6.0 + static_cast<double>(p)) * 8 * static_cast<double>(n) * static_cast<double>(n),
                 "tuning on " + std::to_string(n) + " samples");

  // theta: the logarithms of the scales, the family's numbers, the logarithm of the relative ridge.
  const Execution execution{.threads = options.threads};
  const double precision = 1 / (options.prior_std * options.prior_std);
  VectorXd mean = VectorXd::Zero(d + p + 1);
  mean.segment(d, p) = family.start;
  const auto scaled_by = [&](const VectorXd& theta) {
    return DataRef(Eigen::MatrixXd(samples.array().rowwise() * theta.head(d).array().exp().transpose()));
  };
  const auto kernel_at = [&](const VectorXd& theta) { return family.at(theta.segment(d, p)); };
  const auto ridge_at = [&](const VectorXd& theta) {
    return options.ridge ? Ridge::relative(std::exp(theta[d + p])) : ridge;
  };
  int evaluations = 0;
  const auto f = [&](const VectorXd& theta, VectorXd& gradient) {
    detail::tell(options.progress, "tuning", std::min(1.0, evaluations / (1.5 * options.steps.steps + 1)));
    ++evaluations;
    gradient.setZero();
    const DataRef scaled = scaled_by(theta);
    const KernelFunction kernel = kernel_at(theta);
    Eigen::MatrixXd a = kernel.matrix(scaled, execution);
    const Ridge own = ridge_at(theta);
    const double lambda = own.lambda_for(a.diagonal().mean());
    a.diagonal().array() += lambda;
    SystemScore scored;
    try {
      scored = system_score(options.criterion, targets,
                            Cholesky<double>(std::move(a), {.threads = options.threads}), options.threads);
    } catch (const NotPositiveDefinite&) {
      return std::numeric_limits<double>::infinity();
    }
    if (!std::isfinite(scored.value)) return std::numeric_limits<double>::infinity();
    if (own.scale() == Ridge::Scale::relative) {
      // lambda follows the diagonal, whose change counts with it.
      const double trace = scored.slope.trace();
      gradient[d + p] = trace * lambda / 2;
      scored.slope.diagonal().array() += trace * own.value() / static_cast<double>(n);
    }
    if (options.scales)
      gradient.head(d) = scaled.dense()
                             .cwiseProduct(kernel.gradients(scaled, scaled, scored.slope, execution))
                             .colwise()
                             .sum()
                             .transpose();
    const auto slopes = parameter_derivatives(family, theta.segment(d, p), scaled, execution);
    for (Eigen::Index k = 0; k < p; ++k)
      gradient[d + k] += scored.slope.cwiseProduct(slopes[static_cast<std::size_t>(k)]).sum() / 2;
    const VectorXd away = theta.head(d + p) - mean.head(d + p);
    gradient.head(d + p) += precision * away;
    return scored.value + precision / 2 * away.squaredNorm();
  };

  constexpr double least_ridge = 1e-12, largest_ridge = 100;
  VectorXd start = mean;
  const double variance = kernel_at(mean).diagonal(samples).mean();
  start[d + p] = std::log(std::max(least_ridge, ridge.lambda_for(variance) / variance));
  VectorXd lower = mean.array() - std::log(options.reach), upper = mean.array() + std::log(options.reach);
  lower[d + p] = std::log(least_ridge);
  upper[d + p] = std::log(largest_ridge);
  if (!options.scales) lower.head(d) = upper.head(d) = start.head(d);
  if (!options.ridge) lower[d + p] = upper[d + p] = start[d + p];
  const Minimum found = minimise(f, start, lower, upper, options.steps);
  if (!std::isfinite(found.value))
    throw Error("tuning cannot start (the kernel is singular under the ridge " + ridge.to_string() +
                "); give a larger ridge");
  const auto error = [&](const VectorXd& theta) {
    Eigen::MatrixXd k = kernel_at(theta).matrix(scaled_by(theta), execution);
    const double lambda = ridge_at(theta).lambda_for(k.diagonal().mean());
    return ridge_score(std::move(k), targets, lambda, Criterion::leave_one_out, options.threads);
  };
  Tuned out{.scales = found.at.head(d).array().exp().matrix().transpose(),
            .parameters = found.at.segment(d, p),
            .kernel = kernel_at(found.at),
            .ridge = ridge_at(found.at),
            .start = found.start,
            .end = found.value,
            .start_error = error(start),
            .end_error = error(found.at),
            .steps = found.steps,
            .evaluations = found.evaluations,
            .converged = found.converged,
            .at_bounds = {},
            .rows = n};
  for (Eigen::Index k = 0; k < d && options.scales; ++k)
    if (found.at[k] <= lower[k] || found.at[k] >= upper[k]) out.at_bounds.push_back(k);
  return out;
}

}  // namespace SST_ABI
}  // namespace sst
