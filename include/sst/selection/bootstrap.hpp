// SPDX-License-Identifier: MIT
#pragma once

#include <Eigen/Core>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include <sst/base/error_interval.hpp>
#include <sst/error.hpp>
#include <sst/version.hpp>

/// \file
/// Intervals without an assumption about the distribution: of a mean, of any statistic, of a rank
/// correlation.

namespace sst {
inline namespace SST_ABI {

namespace detail {

/// The 95 % percentile interval about `value` of `resamples` values of `statistic(rows)`, rows being n of
/// 0, ..., n - 1 drawn with replacement; draws on which the statistic is NaN are drawn again.
template <typename Statistic>
Interval bootstrap(Eigen::Index n, double value, Statistic statistic, std::uint32_t seed, int resamples) {
  if (resamples < 1)
    throw DataError("a bootstrap of " + std::to_string(resamples) +
                    " resamples has no interval; take 1 at least, 1000 or more for steady ends");
  std::mt19937_64 words(seed);
  std::vector<Eigen::Index> rows(static_cast<std::size_t>(n));
  std::vector<double> draws;
  while (draws.size() < static_cast<std::size_t>(resamples)) {
    for (Eigen::Index& row : rows) row = static_cast<Eigen::Index>(words() % static_cast<std::uint64_t>(n));
    if (const double drawn = statistic(rows); !std::isnan(drawn)) draws.push_back(drawn);
  }
  return percentile_interval(value, draws);
}

/// Kendall's tau-b of the pairs at `rows`; NaN where x or y is constant there.
inline double kendall_tau_b(const Eigen::VectorXd& x, const Eigen::VectorXd& y,
                            const std::vector<Eigen::Index>& rows) {
  const auto order = [](double a, double b) { return (a > b) - (a < b); };
  double agreement = 0, x_pairs = 0, y_pairs = 0;
  for (std::size_t i = 0; i < rows.size(); ++i)
    for (std::size_t j = 0; j < i; ++j) {
      const int dx = order(x[rows[i]], x[rows[j]]), dy = order(y[rows[i]], y[rows[j]]);
      agreement += dx * dy;
      x_pairs += dx != 0;
      y_pairs += dy != 0;
    }
  return agreement / (std::sqrt(x_pairs) * std::sqrt(y_pairs));
}

}  // namespace detail

/// A statistic of a sample with its 95 % percentile interval of a bootstrap (Efron and Tibshirani 1993, "An
/// Introduction to the Bootstrap", chapter 13): of each of `resamples` draws of n numbers with replacement,
/// from the 2.5 % to the 97.5 % quantile. `statistic` takes an Eigen::VectorXd of n numbers and returns a
/// finite number, such as a median. The same seed gives the same draws on every platform. sample: n >= 2
/// finite numbers. Throws DataError for others, resamples < 1 and a statistic that is not finite.
template <typename Statistic>
Interval bootstrap_interval(const Eigen::VectorXd& sample, Statistic statistic, std::uint32_t seed = 0,
                            int resamples = 10000) {
  if (sample.size() < 2 || !sample.allFinite())
    throw DataError("the sample has " + std::to_string(sample.size()) +
                    " numbers (an interval takes 2 or more, all finite); correct it");
  const auto finite = [&statistic](const Eigen::VectorXd& numbers) {
    const double value = statistic(numbers);
    if (!std::isfinite(value))
      throw DataError(
          "the statistic is not finite on a draw with replacement from the sample (in which numbers repeat); "
          "return a finite number for every sample");
    return value;
  };
  Eigen::VectorXd drawn(sample.size());
  return detail::bootstrap(
      sample.size(), finite(sample),
      [&](const std::vector<Eigen::Index>& rows) {
        drawn = sample(rows);
        return finite(drawn);
      },
      seed, resamples);
}

/// The mean of a sample with its 95 % percentile interval: `bootstrap_interval` of the mean. sample: n >= 2
/// finite numbers, such as the errors on n splits. Throws DataError for others and resamples < 1.
inline Interval bootstrap_mean(const Eigen::VectorXd& sample, std::uint32_t seed = 0, int resamples = 10000) {
  return bootstrap_interval(
      sample, [](const Eigen::VectorXd& numbers) { return numbers.mean(); }, seed, resamples);
}

/// Kendall's rank correlation of n pairs (x_i, y_i), corrected for ties (Kendall 1945, "The treatment of ties
/// in ranking problems"),
///
///     tau_b = sum_{i<j} sign(x_i - x_j) sign(y_i - y_j) / sqrt(pairs that x orders * pairs that y orders),
///
/// from -1 to 1, with its 95 % percentile interval of a bootstrap over pairs (Efron and Tibshirani 1993,
/// chapter 13); resamples on which x or y is constant have no tau and are drawn again. The interval is too
/// narrow for few pairs, and of no length for ones in perfect order. The same seed gives the same interval on
/// every platform; the time is O(resamples n^2). x, y: n >= 3 numbers each, none NaN. Throws DataError for
/// others, where x or y is constant, and for resamples < 1.
inline Interval kendall_tau(const Eigen::VectorXd& x, const Eigen::VectorXd& y, std::uint32_t seed = 0,
                            int resamples = 1000) {
  if (x.size() != y.size() || x.size() < 3 || x.hasNaN() || y.hasNaN())
    throw DataError("there are " + std::to_string(x.size()) + " and " + std::to_string(y.size()) +
                    " numbers to correlate (it takes 3 pairs or more, without NaN); correct them");
  const auto tau = [&](const std::vector<Eigen::Index>& rows) { return detail::kendall_tau_b(x, y, rows); };
  std::vector<Eigen::Index> all(static_cast<std::size_t>(x.size()));
  std::iota(all.begin(), all.end(), Eigen::Index{0});
  const double value = tau(all);
  if (std::isnan(value))
    throw DataError("all numbers of one list are equal (which have no order to agree with); leave it out");
  return detail::bootstrap(x.size(), value, tau, seed, resamples);
}

}  // namespace SST_ABI
}  // namespace sst
