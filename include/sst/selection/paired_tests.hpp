// SPDX-License-Identifier: MIT
#pragma once

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <numbers>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include <sst/base/error_interval.hpp>
#include <sst/error.hpp>
#include <sst/selection/distributions.hpp>
#include <sst/selection/ranks.hpp>
#include <sst/version.hpp>

/// \file
/// Whether two methods differ: over many data sets, or over the splits of one.

namespace sst {
inline namespace SST_ABI {

namespace detail {

/// first - second; throws DataError for two lists of other lengths, fewer than 2 results, and ones not
/// finite.
inline Eigen::VectorXd paired_differences(const Eigen::VectorXd& first, const Eigen::VectorXd& second) {
  if (first.size() != second.size() || first.size() < 2)
    throw DataError("the first method has " + std::to_string(first.size()) + " results and the second has " +
                    std::to_string(second.size()) + " (a comparison pairs 2 or more); give as many");
  for (Eigen::Index i = 0; i < first.size(); ++i)
    if (!std::isfinite(first[i] - second[i]))
      throw DataError("pair " + std::to_string(i) +
                      " has no finite difference (a result is NaN, infinite or too large); leave it out");
  return first - second;
}

}  // namespace detail

/// What Wilcoxon's signed-rank test found on N pairs.
struct WilcoxonTest {
  Eigen::Index count = 0;  ///< n, the pairs that differ
  double positive = 0;     ///< W+, the sum of the ranks of |difference| where the first result is the larger
  double negative = 0;     ///< W-, where the second result is the larger
  double p = 1;            ///< two-sided p-value
  bool exact = true;       ///< whether p is of the exact distribution: n <= 100
};

/// Wilcoxon's signed-rank test (1945, "Individual comparisons by ranking methods") of the results of two
/// methods on the same N data sets, two-sided: p is the probability that the smaller of the sums W+ and W- is
/// as small as it is when every difference is as likely of either sign,
///
///     p = min(1, 2 P(W <= min(W+, W-))).
///
/// Pairs without a difference are dropped, as Wilcoxon did (Demsar 2006 halves them instead); without any
/// other, p = 1. Equal differences, equal in all bits, share the average of their ranks. Up to n = 100 the
/// distribution, given the ties, is exact: by recursion over sums of doubled ranks, which are integers, with
/// a relative error below 1e-13. Beyond it is the normal one, of variance sum of rank^2 / 4, which is n (n +
/// 1)(2 n + 1) / 24 less the correction of ties, without a correction of continuity. first, second: N results
/// each. Throws DataError unless both have N >= 2 results with finite differences.
inline WilcoxonTest wilcoxon_test(const Eigen::VectorXd& first, const Eigen::VectorXd& second) {
  const Eigen::VectorXd all = detail::paired_differences(first, second);
  std::vector<double> nonzero;
  std::copy_if(all.begin(), all.end(), std::back_inserter(nonzero), [](double d) { return d != 0; });
  const Eigen::Map<const Eigen::VectorXd> d(nonzero.data(), static_cast<Eigen::Index>(nonzero.size()));
  const Eigen::VectorXd rank = ranks(d.cwiseAbs());
  WilcoxonTest out;
  out.count = d.size();
  out.positive = (d.array() > 0).select(rank, 0.0).sum();
  out.negative = rank.sum() - out.positive;
  out.exact = out.count <= 100;
  const double smaller = std::min(out.positive, out.negative);
  if (!out.exact) {
    const double deviation = 0.5 * rank.norm(), mean = 0.5 * rank.sum();
    out.p = std::erfc((mean - smaller) / deviation / std::numbers::sqrt2);
    return out;
  }
  std::vector<double> probability(static_cast<std::size_t>(std::lround(2 * rank.sum())) + 1);
  probability[0] = 1;
  for (const double r : rank) {
    const auto doubled = static_cast<std::size_t>(std::lround(2 * r));
    for (std::size_t sum = probability.size(); sum-- > 0;)
      probability[sum] = 0.5 * (probability[sum] + (sum < doubled ? 0 : probability[sum - doubled]));
  }
  const auto end = probability.begin() + std::lround(2 * smaller) + 1;
  out.p = std::min(1.0, 2 * std::accumulate(probability.begin(), end, 0.0));
  return out;
}

/// Holm's correction of the p-values of m tests (1979, "A simple sequentially rejective multiple test
/// procedure"), in their order: with p_(1) <= ... <= p_(m), the i-th becomes max_{j <= i} min(1, (m - j + 1)
/// p_(j)). Rejecting where it is at most alpha, the probability of any false rejection is at most alpha.
/// Throws DataError for an empty list and where one is not between 0 and 1.
inline Eigen::VectorXd holm_correction(const Eigen::VectorXd& p) {
  if (p.size() == 0) throw DataError("there are no p-values to correct; give one at least");
  for (Eigen::Index i = 0; i < p.size(); ++i)
    if (!(p[i] >= 0 && p[i] <= 1))
      throw DataError("p-value " + std::to_string(i) + " is " + std::to_string(p[i]) +
                      " (it is a probability, from 0 to 1); correct it");
  Eigen::VectorXd out(p.size());
  double largest = 0, remaining = static_cast<double>(p.size());
  for (const Eigen::Index i : detail::best_first(p, Better::smaller)) {
    largest = std::max(largest, std::min(1.0, remaining * p[i]));
    out[i] = largest;
    --remaining;
  }
  return out;
}

/// Probabilities that one method's results are larger, equal for practice, or smaller; they add up to 1.
struct SignedRankProbabilities {
  double left = 0;   ///< first - second lies below -rope: the second has the larger results
  double rope = 0;   ///< within the region of practical equivalence, [-rope, rope]
  double right = 0;  ///< above rope: the first has the larger results
};

/// The Bayesian signed-rank test of two methods on N data sets, with a region of practical equivalence
/// (Benavoli, Corani, Demsar and Zaffalon 2017, "Time for a Change: a Tutorial for Comparing Multiple
/// Classifiers Through Bayesian Analysis", JMLR 18). The differences z_1, ..., z_N = first - second, and z_0
/// = 0 of the prior, a Dirichlet process of strength 1/2, have weights w ~ Dirichlet(1/2, 1, ..., 1), and
///
///     left  = sum_ij w_i w_j [z_i + z_j < -2 rope],
///     right = sum_ij w_i w_j [z_i + z_j > 2 rope],
///     rope  = 1 - left - right.
///
/// Each returned probability is the share of `draws` of w in which that sum is the greatest of the three (the
/// rope where it equals another). Its standard error is sqrt(p (1 - p) / draws), at most 0.0023 by default;
/// the same seed gives the same draws on every platform, to the rounding of its logarithm and cosine. A draw
/// takes O(N). Differences are in the units of the results, and so is rope, such as 0.01 for accuracies.
/// first, second: N results each. Throws DataError unless both have N >= 2 results with finite differences,
/// rope is finite and at least 0, and draws >= 1.
inline SignedRankProbabilities bayesian_signed_rank(const Eigen::VectorXd& first,
                                                    const Eigen::VectorXd& second, double rope,
                                                    std::uint32_t seed = 0, int draws = 50000) {
  const Eigen::VectorXd differences = detail::paired_differences(first, second);
  if (!(rope >= 0 && std::isfinite(rope)) || draws < 1)
    throw DataError("the region of practical equivalence is " + std::to_string(rope) + ", of " +
                    std::to_string(draws) +
                    " draws (it is finite and at least 0, of one draw or more); correct it");
  // Sorted, those that z_i adds to something far on the left are the first ones, on the right the last ones.
  std::vector<double> z(differences.begin(), differences.end());
  z.push_back(0);
  std::sort(z.begin(), z.end());
  const auto prior = static_cast<std::size_t>(std::lower_bound(z.begin(), z.end(), 0.0) - z.begin());
  std::vector<std::size_t> left_end, right_begin;
  for (const double zi : z) {
    const auto left =
        std::partition_point(z.begin(), z.end(), [&](double zj) { return zi + zj < -2 * rope; });
    const auto right = std::partition_point(left, z.end(), [&](double zj) { return zi + zj <= 2 * rope; });
    left_end.push_back(static_cast<std::size_t>(left - z.begin()));
    right_begin.push_back(static_cast<std::size_t>(right - z.begin()));
  }
  std::mt19937_64 words(seed);
  const auto uniform = [&words] {  // 52 bits, never 0 or 1
    return std::ldexp(static_cast<double>(words() >> 12U) + 0.5, -52);
  };
  std::vector<double> below(z.size() +
                            1);  // the weight of those before; in no unit, as only sums are compared
  int lefts = 0, rights = 0;
  for (int draw = 0; draw < draws; ++draw) {
    for (std::size_t i = 0; i < z.size(); ++i) {
      double weight =
          -std::log(uniform());  // of Gamma(1); of Gamma(1/2), half a squared normal, for the prior
      if (i == prior) {
        const double cosine = std::cos(2 * std::numbers::pi * uniform());
        weight *= cosine * cosine;
      }
      below[i + 1] = below[i] + weight;
    }
    double left = 0, right = 0;
    for (std::size_t i = 0; i < z.size(); ++i) {
      const double weight = below[i + 1] - below[i];
      left += weight * below[left_end[i]];
      right += weight * (below.back() - below[right_begin[i]]);
    }
    const double middle = below.back() * below.back() - left - right;
    if (left > std::max(middle, right)) ++lefts;
    if (right > std::max(middle, left)) ++rights;
  }
  const auto share_of = [draws](int count) { return static_cast<double>(count) / draws; };
  return {share_of(lefts), share_of(draws - lefts - rights), share_of(rights)};
}

/// Two methods compared over the splits of one data set.
struct SplitComparison {
  Interval difference;  ///< the mean of first - second, with its 95 % interval
  double wins = 0;      ///< the share of splits on which the first is better; ties count half
};

/// Two methods over n random splits of ONE data set into `train_rows` and `test_rows`. As training sets
/// overlap, the variance s^2 of the n differences understates that of their mean; with the correction of
/// Nadeau and Bengio (2003, "Inference for the Generalization Error", Machine Learning 52) the interval is
///
///     mean +- t sqrt((1 / n + test_rows / train_rows) s^2),
///
/// s^2 with the divisor n - 1 and t the 97.5 % quantile of Student's distribution with n - 1 degrees of
/// freedom. It speaks of this data set alone. first, second: n results each, of the same splits. Throws
/// DataError unless both have n >= 2 results with finite differences, train_rows >= 1 and test_rows >= 1.
inline SplitComparison compare_on_splits(const Eigen::VectorXd& first, const Eigen::VectorXd& second,
                                         Eigen::Index train_rows, Eigen::Index test_rows, Better better) {
  const Eigen::ArrayXd d = detail::paired_differences(first, second);
  if (train_rows < 1 || test_rows < 1)
    throw DataError("a split has " + std::to_string(train_rows) + " rows to train on and " +
                    std::to_string(test_rows) + " to test on; give 1 at least of each");
  const auto n = static_cast<double>(d.size());
  const double mean = d.mean(), variance = (d - mean).square().sum() / (n - 1);
  const double ratio = static_cast<double>(test_rows) / static_cast<double>(train_rows);
  const double half = -student_t_quantile(0.025, n - 1) * std::sqrt((1 / n + ratio) * variance);
  const double larger = (d.sign().sum() / n + 1) / 2;
  return {{mean, mean - half, mean + half}, better == Better::larger ? larger : 1 - larger};
}

}  // namespace SST_ABI
}  // namespace sst
