// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include <Eigen/Core>

#include <sst/base/compiled.hpp>
#include <sst/base/deadline.hpp>
#include <sst/base/memory.hpp>
#include <sst/base/progress.hpp>
#include <sst/error.hpp>
#include <sst/linalg/cholesky.hpp>
#include <sst/linalg/product.hpp>
#include <sst/linalg/spectrum.hpp>
#include <sst/regression/targets.hpp>
#include <sst/selection/feature_learning.hpp>
#include <sst/selection/ridge_score.hpp>
#include <sst/selection/sample.hpp>
#include <sst/version.hpp>

/// \file
/// The bodies of feature_learning.hpp.

namespace sst {
inline namespace SST_ABI {

namespace feature_detail {

/// A ridge and its mean squared leave-one-out error.
struct Found {
  Ridge ridge;
  double error;
};

/// From a ridge down or up by factors of ten, as long as leave-one-out errors fall.
inline Found nearby(const Eigen::MatrixXd& kernel, const Eigen::MatrixXd& y, const Ridge& start, bool moves,
                    int threads) {
  const double variance = kernel.diagonal().mean();
  const auto of = [&](const Ridge& ridge) {
    return Found{ridge,
                 ridge_score(kernel, y, ridge.lambda_for(variance), Criterion::leave_one_out, threads)};
  };
  Found best = of(start);
  if (!moves) return best;
  constexpr double least = 1e-12, largest = 100;
  const double value = start.lambda_for(variance) / variance;
  for (const double factor : {0.1, 10.0})
    for (double next = value * factor; next >= least && next <= largest; next *= factor) {
      const Found found = of(Ridge::relative(next));
      if (!(found.error < best.error)) break;
      best = found;
    }
  return best;
}

/// The symmetric root of a positive semidefinite matrix, d x d.
inline Eigen::MatrixXd root(const Eigen::MatrixXd& m) {
  const Spectrum spectrum(m);
  const Eigen::VectorXd d = spectrum.values().cwiseMax(0).cwiseSqrt();
  Eigen::MatrixXd out = spectrum.vectors() * d.asDiagonal() * spectrum.vectors().transpose();
  return (out + out.transpose()) / 2;
}

}  // namespace feature_detail

SST_COMPILED LearnedFeatures learn_features(const KernelFunction& kernel, const DataRef& x,
                                            const Eigen::MatrixXd& y, const Ridge& ridge,
                                            const FeatureLearningOptions& options) {
  regression_detail::require_targets(x.rows(), y);
  x.require_finite("the data set");
  if (options.rounds < 1 || options.rows < 2)
    throw Error("features are learned in " + std::to_string(options.rounds) + " rounds on " +
                std::to_string(options.rows) + " rows; give 1 round or more and 2 rows or more");
  const Deadline deadline(options.seconds);
  const Sample chosen = draw_sample(x, y, std::min(options.rows, x.rows()), options.seed);
  const Eigen::MatrixXd samples = chosen.x.stored(false).dense();
  const Eigen::Index n = samples.rows(), d = samples.cols();
  require_memory(8 * (3.0 * static_cast<double>(n) * static_cast<double>(n) +
                      3.0 * static_cast<double>(d) * static_cast<double>(d)),
                 "learning features on " + std::to_string(n) + " samples of " + std::to_string(d));
  const Execution execution{.threads = options.threads};

  LearnedFeatures out{.transform = Eigen::MatrixXd::Identity(d, d), .ridge = ridge, .errors = {}, .rows = n};
  Eigen::MatrixXd transform = out.transform;
  for (int round = 0;; ++round) {
    detail::tell(options.progress, "learning features", static_cast<double>(round) / (options.rounds + 1));
    out.out_of_time = round > 0 && deadline.passed() / round > deadline.left();
    if (out.out_of_time) return out;
    const DataRef z(detail::product(samples, transform, options.threads));
    Eigen::MatrixXd a = kernel.matrix(z, execution);
    const feature_detail::Found found =
        feature_detail::nearby(a, chosen.y, out.ridge, options.ridge, options.threads);
    out.errors.push_back(found.error);
    const double least = out.errors[out.best];
    if (round > 0 && !(found.error < least)) return out;
    if (!std::isfinite(found.error))
      throw Error("features cannot be learned (the kernel is singular under the ridge " + ridge.to_string() +
                  "); give a larger ridge");
    out.best = static_cast<std::size_t>(round);
    out.ridge = found.ridge;
    out.transform = transform;
    if (round == options.rounds) return out;

    a.diagonal().array() += found.ridge.lambda_for(a.diagonal().mean());
    const Eigen::MatrixXd weights =
        Cholesky<double>(std::move(a), {.threads = options.threads}).solve(chosen.y);
    Eigen::MatrixXd products = Eigen::MatrixXd::Zero(d, d);  // of gradients, by z
    for (Eigen::Index o = 0; o < weights.cols(); ++o) {
      const Eigen::MatrixXd g = kernel.gradients(z, z, weights.col(o).transpose(), execution);
      products += detail::product(g.transpose(), g, options.threads);
    }
    const Eigen::MatrixXd by_samples =
        detail::product(transform, detail::product(products, transform, options.threads), options.threads);
    const double largest = by_samples.cwiseAbs().maxCoeff();
    if (!(largest > 0)) return out;  // a constant has no directions
    transform = feature_detail::root(by_samples / largest);
    transform *= samples.norm() / detail::product(samples, transform, options.threads).norm();
  }
}

}  // namespace SST_ABI
}  // namespace sst
