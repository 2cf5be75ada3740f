// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <string>
#include <vector>

#include <Eigen/Core>

#include <sst/base/every.hpp>
#include <sst/error.hpp>
#include <sst/kernel/kernel_function.hpp>
#include <sst/linalg/cholesky.hpp>
#include <sst/linalg/product.hpp>
#include <sst/linalg/ridge.hpp>
#include <sst/linalg/tile_tasks.hpp>
#include <sst/pipeline/scaling.hpp>
#include <sst/regression/class_measures.hpp>
#include <sst/regression/classification.hpp>
#include <sst/selection/complexity.hpp>
#include <sst/selection/training_measures.hpp>

#include "study_sets.hpp"

/// \file
/// What a study computes of one kernel on one data set: a Cholesky factor for every split and ridge.

namespace study {

/// Numbers of a fit; all but the first are of its training rows alone. Smaller is better.
enum Score : std::size_t {
  error,     ///< share of wrong classes, or squared error in units of the training targets' variance
  evidence,  ///< evidence_score per training row
  leave_one_out,
  gcv,
  effective_dimension,
  scaled_norm,
  norm_bound,
  margin_bound,  ///< norm_bound / margin_quantile; infinite where a tenth of the rows is fitted wrongly
  alignment,     ///< 1 - centred alignment of kernel and targets: the same for all ridges
  score_count
};
inline constexpr std::array<const char*, score_count> score_names{
    "error",       "evidence",   "leave_one_out", "gcv",      "effective_dimension",
    "scaled_norm", "norm_bound", "margin_bound",  "alignment"};
/// How many are computed where nobody asks for measures; the others are NaN.
inline constexpr std::size_t cheap_scores = 2;

using Scores = std::array<double, score_count>;

/// One kernel on one set, means over splits.
struct Outcome {
  double effective_depth = 0;  ///< T(x, x) / K(x, x), mean over the rows
  Scores chosen{};             ///< at the ridge of the best evidence, chosen in each split by itself
  std::vector<Scores> ridges;  ///< at each ridge
};

/// How outcomes are computed.
struct Protocol {
  std::vector<sst::Ridge> ridges;
  bool measures = false;  ///< all scores; twice the time
};

namespace detail {

inline double effective_depth(const sst::KernelFunction& ntk, const Eigen::MatrixXd& x) {
  const Eigen::ArrayXd tangent = ntk.diagonal(x), variance = ntk.prior().diagonal(x);
  const Eigen::ArrayXd known = (variance > 0).cast<double>();  // networks without biases lose rows of zeros
  return (known > 0).select(tangent / variance, 0.0).sum() / known.sum();
}

/// A split with everything that ridges share.
struct Part {
  Eigen::MatrixXd kernel, cross, y, test_y;  // train x train, test x train
  std::vector<std::size_t> classes, test_classes;
  double mean_diagonal;

  Part(const Set& set, const sst::Split& split, const Eigen::MatrixXd& k)
      : kernel(k(split.train, split.train)),
        cross(k(split.test, split.train)),
        y(set.y(split.train, sst::every)),
        test_y(set.y(split.test, sst::every)),
        mean_diagonal(kernel.diagonal().mean()) {
    if (set.regression()) {
      const sst::Scaling scaling = sst::Scaling::standard(y);
      y = scaling.apply(y);
      test_y = scaling.apply(test_y);
    } else {
      for (const Eigen::Index i : split.train) classes.push_back(set.classes[static_cast<std::size_t>(i)]);
      for (const Eigen::Index i : split.test)
        test_classes.push_back(set.classes[static_cast<std::size_t>(i)]);
    }
  }

  double test_error(const Eigen::MatrixXd& prediction) const {
    if (test_classes.empty()) return (prediction - test_y).array().square().mean();
    const std::size_t rows = test_classes.size();
    const std::size_t wrong = rows - sst::hits(sst::largest_score(prediction), test_classes);
    return static_cast<double>(wrong) / static_cast<double>(rows);
  }

  /// A system that is singular in double has no fit: all of its scores are infinite.
  Scores scores(const sst::Ridge& ridge, bool measures, double aligned) const try {
    const double lambda = ridge.lambda_for(mean_diagonal);
    Eigen::MatrixXd a = kernel;
    a.diagonal().array() += lambda;
    const sst::Cholesky<double> factor(std::move(a), {.threads = 1});
    const Eigen::MatrixXd w = factor.solve(y);
    Scores out;
    out.fill(std::numeric_limits<double>::quiet_NaN());
    out[error] = test_error(sst::detail::product(cross, w, 1));
    out[evidence] = sst::evidence_score(factor, y, w) / static_cast<double>(y.rows());
    if (!measures) return out;
    const sst::TrainingMeasures found = sst::training_measures(factor, y, w, lambda, mean_diagonal, 1);
    out[leave_one_out] = found.leave_one_out;
    out[gcv] = found.gcv;
    out[effective_dimension] = found.effective_dimension;
    out[scaled_norm] = found.scaled_norm;
    out[norm_bound] = found.norm_bound;
    if (!classes.empty()) {
      const double margin = sst::margin_quantile(y - lambda * w, classes);
      out[margin_bound] = margin > 0 ? found.norm_bound / margin : std::numeric_limits<double>::infinity();
    }
    out[alignment] = 1 - aligned;
    return out;
  } catch (const sst::NotPositiveDefinite&) {
    Scores out;
    out.fill(std::numeric_limits<double>::infinity());
    return out;
  }
};

inline void add(Scores& sum, const Scores& term, double share) {
  for (std::size_t s = 0; s < score_count; ++s) sum[s] += share * term[s];
}

}  // namespace detail

/// By one thread: others work on other outcomes. Throws what kernels and scalings throw.
inline Outcome outcome(const sst::KernelFunction& kernel, const sst::KernelFunction& ntk, const Set& set,
                       const Protocol& protocol) {
  const sst::cholesky_detail::SerialEigen serial;
  Outcome out{0, {}, std::vector<Scores>(protocol.ridges.size(), Scores{})};
  const double share = 1 / static_cast<double>(set.splits.size());
  Eigen::MatrixXd k;
  for (const sst::Split& split : set.splits) {
    if (set.standardize || k.size() == 0) {
      const Eigen::MatrixXd x =
          set.standardize ? sst::Scaling::standard(set.x(split.train, sst::every)).apply(set.x) : set.x;
      if (k.size() == 0) out.effective_depth = detail::effective_depth(ntk, x);
      k = kernel.matrix(x, {.threads = 1});
    }
    const detail::Part part(set, split, k);
    const double aligned =
        protocol.measures ? sst::kernel_target_alignment(part.kernel, part.y, sst::Centring::centred) : 0;
    Scores best;
    best.fill(std::numeric_limits<double>::infinity());
    for (std::size_t r = 0; r < protocol.ridges.size(); ++r) {
      const Scores found = part.scores(protocol.ridges[r], protocol.measures, aligned);
      detail::add(out.ridges[r], found, share);
      if (found[evidence] < best[evidence]) best = found;
    }
    detail::add(out.chosen, best, share);
  }
  return out;
}

/// Multiplications and additions of an outcome, and its pairs of samples: what plans count.
struct Work {
  double operations = 0, pairs = 0, bytes = 0;
};
inline Work work(const Set& set, const Protocol& protocol) {
  const auto n = static_cast<double>(set.x.rows());
  Work out{0, n * (n + 1) / 2 * (set.standardize ? static_cast<double>(set.splits.size()) : 1), 8 * n * n};
  double largest = 0;
  for (const sst::Split& split : set.splits) {
    const auto m = static_cast<double>(split.train.size());
    out.operations +=
        static_cast<double>(protocol.ridges.size()) * m * m * m / 3 * (protocol.measures ? 2 : 1);
    largest = std::max(largest, m);
  }
  out.bytes += 8 * largest * (2 * largest + static_cast<double>(n - largest));
  return out;
}

}  // namespace study
