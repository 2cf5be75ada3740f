// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include <Eigen/Core>

#include <sst/base/compiled.hpp>
#include <sst/error.hpp>
#include <sst/regression/class_measures.hpp>
#include <sst/regression/classification.hpp>
#include <sst/version.hpp>

/// \file
/// The bodies of classification.hpp.

namespace sst {
inline namespace SST_ABI {

namespace regression_detail {

inline void require_scores(const Eigen::MatrixXd& scores, const std::vector<std::size_t>& truth) {
  if (scores.rows() == 0 || static_cast<std::size_t>(scores.rows()) != truth.size() || !scores.allFinite())
    throw DataError("there are " + std::to_string(scores.rows()) + " rows of scores and " +
                    std::to_string(truth.size()) + " labels; give as many, one at least, of finite scores");
  measures_detail::require_below(truth, static_cast<std::size_t>(scores.cols()));
}

}  // namespace regression_detail

SST_COMPILED Eigen::MatrixXd one_hot(const std::vector<std::size_t>& classes, std::size_t count) {
  Eigen::MatrixXd y =
      Eigen::MatrixXd::Constant(static_cast<Eigen::Index>(classes.size()), static_cast<Eigen::Index>(count),
                                -1 / static_cast<double>(count));
  measures_detail::require_below(classes, count);
  for (std::size_t i = 0; i < classes.size(); ++i)
    y(static_cast<Eigen::Index>(i), static_cast<Eigen::Index>(classes[i])) += 1;
  return y;
}

SST_COMPILED std::vector<std::size_t> largest_score(const Eigen::MatrixXd& scores) {
  std::vector<std::size_t> out;
  for (Eigen::Index i = 0; i < scores.rows(); ++i) {
    Eigen::Index at = 0;
    scores.row(i).maxCoeff(&at);
    out.push_back(static_cast<std::size_t>(at));
  }
  return out;
}

SST_COMPILED Eigen::MatrixXd softmax(const Eigen::MatrixXd& scores, double beta) {
  Eigen::ArrayXXd p = beta * (scores.colwise() - scores.rowwise().maxCoeff()).array();
  p = p.exp();
  return p.colwise() / p.rowwise().sum().eval();
}

SST_COMPILED double log_loss(const Eigen::MatrixXd& scores, const std::vector<std::size_t>& truth,
                             double beta) {
  regression_detail::require_scores(scores, truth);
  const Eigen::ArrayXXd z = beta * (scores.colwise() - scores.rowwise().maxCoeff()).array();
  const Eigen::ArrayXd normaliser = z.exp().rowwise().sum().log();
  double sum = 0;
  for (Eigen::Index i = 0; i < z.rows(); ++i)
    sum += normaliser[i] - z(i, static_cast<Eigen::Index>(truth[static_cast<std::size_t>(i)]));
  return sum / static_cast<double>(z.rows());
}

SST_COMPILED double fit_inverse_temperature(const Eigen::MatrixXd& scores,
                                            const std::vector<std::size_t>& truth) {
  regression_detail::require_scores(scores, truth);
  const double n = static_cast<double>(scores.rows()), others = static_cast<double>(scores.cols() - 1);
  if (!(others > 0)) return 0;
  // What the true classes score, and in the sample that is added a mean of what the others do.
  double wanted = 0;
  for (Eigen::Index i = 0; i < scores.rows(); ++i) {
    const double right = scores(i, static_cast<Eigen::Index>(truth[static_cast<std::size_t>(i)]));
    wanted += right + (scores.row(i).sum() - right) / (others * n);
  }
  const auto slope = [&](double beta) {
    return (1 + 1 / n) * softmax(scores, beta).cwiseProduct(scores).sum() - wanted;
  };
  const double spread = (scores.rowwise().maxCoeff() - scores.rowwise().minCoeff()).mean();
  if (!(spread > 0) || slope(0) >= 0) return 0;
  double low = 1e-6 / spread, high = 1 / spread;
  while (slope(high) < 0 && high * spread < 1e15) high *= 2;
  if (slope(low) >= 0) return low;
  for (int i = 0; i < 80; ++i) {
    const double middle = std::sqrt(low * high);
    (slope(middle) < 0 ? low : high) = middle;
  }
  return std::sqrt(low * high);
}

SST_COMPILED Eigen::VectorXd sample_weights(const std::vector<std::size_t>& classes, std::size_t count,
                                            ClassWeights weights) {
  const auto n = static_cast<Eigen::Index>(classes.size());
  if (weights == ClassWeights::equal) return Eigen::VectorXd::Ones(n);
  std::vector<double> sizes(count);
  for (const std::size_t c : classes) sizes.at(c) += 1;
  Eigen::VectorXd out(n);
  for (Eigen::Index i = 0; i < n; ++i)
    out[i] =
        static_cast<double>(n) / (static_cast<double>(count) * sizes[classes[static_cast<std::size_t>(i)]]);
  return out;
}

}  // namespace SST_ABI
}  // namespace sst
