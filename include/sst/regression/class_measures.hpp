// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numeric>
#include <string>
#include <vector>

#include <Eigen/Core>

#include <sst/error.hpp>
#include <sst/version.hpp>

/// \file
/// How good probabilities of classes are, beside how often the largest is right. Of all: probabilities n x
/// classes, each in [0, 1]; truth: the n true classes, counted from 0; n >= 1.

namespace sst {
inline namespace SST_ABI {

namespace measures_detail {

/// Throws DataError, with the row, for a class that is not below count.
inline void require_below(const std::vector<std::size_t>& classes, std::size_t count) {
  for (std::size_t i = 0; i < classes.size(); ++i)
    if (classes[i] >= count)
      throw DataError("row " + std::to_string(i) + " has class " + std::to_string(classes[i]) + " of " +
                      std::to_string(count) + " (counted from 0); encode the labels again");
}

inline void require_classes(const Eigen::MatrixXd& probabilities, const std::vector<std::size_t>& truth) {
  if (truth.empty() || truth.size() != static_cast<std::size_t>(probabilities.rows()))
    throw DataError("there are " + std::to_string(probabilities.rows()) + " rows of probabilities and " +
                    std::to_string(truth.size()) + " true classes; give as many, and one at least");
  require_below(truth, static_cast<std::size_t>(probabilities.cols()));
}

}  // namespace measures_detail

/// How many of the predicted classes are the true ones, n each. Throws DataError where there are not as many.
inline std::size_t hits(const std::vector<std::size_t>& predicted, const std::vector<std::size_t>& truth) {
  if (predicted.size() != truth.size())
    throw DataError("there are " + std::to_string(predicted.size()) + " predicted and " +
                    std::to_string(truth.size()) + " true classes; give as many");
  std::size_t count = 0;
  for (std::size_t i = 0; i < truth.size(); ++i) count += predicted[i] == truth[i];
  return count;
}

/// sum_b (n_b / n) |accuracy_b - confidence_b| over `bins` bins of equal width of the largest probability:
/// the expected calibration error of Guo, Pleiss, Sun and Weinberger 2017, "On Calibration of Modern Neural
/// Networks", eq. (3). 0 where a class that is predicted with probability p is right in the share p of its
/// rows; of a perfectly calibrated classifier on n rows it is about sqrt(bins / n), and no more is to be read
/// into it. Throws DataError (shapes, a probability outside [0, 1], no bins).
inline double expected_calibration_error(const Eigen::MatrixXd& probabilities,
                                         const std::vector<std::size_t>& truth, int bins = 15) {
  measures_detail::require_classes(probabilities, truth);
  if (bins < 1) throw DataError("there are " + std::to_string(bins) + " bins; give one at least");
  if (!(probabilities.minCoeff() >= 0 && probabilities.maxCoeff() <= 1))
    throw DataError("a probability is outside of [0, 1]; give softmax(scores), not scores");
  Eigen::ArrayXd excess = Eigen::ArrayXd::Zero(bins);  // of confidence over hits, summed
  for (Eigen::Index i = 0; i < probabilities.rows(); ++i) {
    Eigen::Index best = 0;
    const double confidence = probabilities.row(i).maxCoeff(&best);
    // Bins are open below: ((b - 1) / bins, b / bins].
    const auto bin = std::max(0, static_cast<int>(std::ceil(confidence * bins)) - 1);
    excess[bin] +=
        confidence - (static_cast<std::size_t>(best) == truth[static_cast<std::size_t>(i)] ? 1 : 0);
  }
  return excess.abs().sum() / static_cast<double>(probabilities.rows());
}

/// The chance that a row of the class has a larger score than a row of another, ties counting half: the area
/// under the receiver operating characteristic (Hanley and McNeil 1982, "The Meaning and Use of the Area
/// under a Receiver Operating Characteristic (ROC) Curve"), exact by ranks. scores: n; is_class: n. Throws
/// DataError unless there are rows of both kinds, and for scores that are not finite.
inline double area_under_curve(const Eigen::VectorXd& scores, const std::vector<bool>& is_class) {
  const std::size_t n = is_class.size();
  const auto members = static_cast<std::size_t>(std::count(is_class.begin(), is_class.end(), true));
  if (n != static_cast<std::size_t>(scores.size()) || members == 0 || members == n)
    throw DataError("an area under the curve has " + std::to_string(scores.size()) + " scores and " +
                    std::to_string(members) + " of " + std::to_string(n) +
                    " rows in the class (it compares rows in it with rows that are not); give both kinds");
  if (!scores.allFinite()) throw DataError("a score is not finite; correct what computed it");
  std::vector<std::size_t> order(n);
  std::iota(order.begin(), order.end(), std::size_t{0});
  const auto score = [&](std::size_t i) { return scores[static_cast<Eigen::Index>(i)]; };
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return score(a) < score(b); });
  double ranks = 0;  // of the class, the least 1, the mean of those that are equal
  for (std::size_t first = 0; first < n;) {
    std::size_t last = first;
    while (last < n && score(order[last]) == score(order[first])) ++last;
    for (std::size_t i = first; i < last; ++i)
      if (is_class[order[i]]) ranks += 0.5 * static_cast<double>(first + 1 + last);
    first = last;
  }
  const auto m = static_cast<double>(members), others = static_cast<double>(n - members);
  return (ranks - m * (m + 1) / 2) / (m * others);
}

/// The mean over the classes of each one's area under the curve against all others, by its column; of two
/// classes this is the area itself. Classes without a row, or with all, are left out. scores: n x classes, of
/// any kind that orders rows. Throws DataError, also when no class is left.
inline double mean_area_under_curve(const Eigen::MatrixXd& scores, const std::vector<std::size_t>& truth) {
  measures_detail::require_classes(scores, truth);
  double sum = 0;
  int classes = 0;
  for (Eigen::Index c = 0; c < scores.cols(); ++c) {
    std::vector<bool> is_class;
    for (const std::size_t one : truth) is_class.push_back(one == static_cast<std::size_t>(c));
    const auto members = std::count(is_class.begin(), is_class.end(), true);
    if (members == 0 || static_cast<std::size_t>(members) == truth.size()) continue;
    sum += area_under_curve(scores.col(c), is_class);
    ++classes;
  }
  if (classes == 0)
    throw DataError("all rows are of one class (an area under the curve compares two); give rows of others");
  return sum / classes;
}

/// The mean over the classes that occur of the share of their rows that are predicted: what a prediction of
/// always the same class brings to 1 / classes, whatever the classes' sizes. predicted, truth: n classes
/// each. Throws DataError unless they are as many, and one at least.
inline double balanced_accuracy(const std::vector<std::size_t>& predicted,
                                const std::vector<std::size_t>& truth) {
  if (truth.empty() || predicted.size() != truth.size())
    throw DataError("there are " + std::to_string(predicted.size()) + " predicted and " +
                    std::to_string(truth.size()) + " true classes; give as many, and one at least");
  std::vector<std::size_t> count(1 + *std::max_element(truth.begin(), truth.end())), hits(count.size());
  for (std::size_t i = 0; i < truth.size(); ++i) {
    ++count[truth[i]];
    hits[truth[i]] += predicted[i] == truth[i];
  }
  double sum = 0;
  int classes = 0;
  for (std::size_t c = 0; c < count.size(); ++c) {
    if (count[c] == 0) continue;
    sum += static_cast<double>(hits[c]) / static_cast<double>(count[c]);
    ++classes;
  }
  return sum / classes;
}

}  // namespace SST_ABI
}  // namespace sst
