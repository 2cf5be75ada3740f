// SPDX-License-Identifier: MIT
#pragma once

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numbers>
#include <random>
#include <string>
#include <vector>

#include <sst/error.hpp>
#include <sst/version.hpp>

namespace sst {
inline namespace SST_ABI {

/// A measured number with the interval that holds it with 95 % confidence.
struct Interval {
  double value = 0;  ///< what was measured
  double low = 0;    ///< the lower end
  double high = 0;   ///< the upper end
};

namespace detail {

/// `value` between the 2.5 % and the 97.5 % quantile of draws, which it sorts.
inline Interval percentile_interval(double value, std::vector<double>& draws) {
  std::sort(draws.begin(), draws.end());
  const auto quantile = [&](double q) {
    return draws[static_cast<std::size_t>(std::lround(q * static_cast<double>(draws.size() - 1)))];
  };
  return {value, quantile(0.025), quantile(0.975)};
}

}  // namespace detail

/// How far predictions are from the truth, over the rows of a sample.
struct RegressionErrors {
  Interval rmse;  ///< root mean squared error
  Interval mae;   ///< mean absolute error
  Interval r2;    ///< 1 - sum of squared errors / sum of squared deviations from the sample's mean
};

/// Errors with 95 % percentile intervals of a bootstrap over rows (Efron and Tibshirani 1993, "An
/// Introduction to the Bootstrap", chapter 13): each of `resamples` draws n rows with replacement. The same
/// seed gives the same intervals on every platform, and errors are in proportion to the numbers whatever
/// their size. R^2 of a sample whose truth is constant is 0. truth and prediction: n numbers each, n >= 1.
/// Throws DataError.
inline RegressionErrors regression_errors(const Eigen::VectorXd& truth, const Eigen::VectorXd& prediction,
                                          std::uint32_t seed = 0, int resamples = 1000) {
  if (truth.size() == 0 || truth.size() != prediction.size() || resamples < 1)
    throw DataError("there are " + std::to_string(truth.size()) + " true values and " +
                    std::to_string(prediction.size()) + " predictions; give as many, and one at least");
  const auto n = static_cast<std::size_t>(truth.size());
  // At the size of 1, since squares of very small or large numbers under- and overflow.
  const double largest = std::max(truth.cwiseAbs().maxCoeff(), prediction.cwiseAbs().maxCoeff());
  const double unit = largest > 0 && std::isfinite(largest) ? std::ldexp(1.0, std::ilogb(largest)) : 1;
  const Eigen::ArrayXd scaled = truth.array() / unit, deviation = scaled - scaled.mean();
  const Eigen::ArrayXd error = prediction.array() / unit - scaled;
  const Eigen::ArrayXd absolute = error.abs();
  struct Sums {
    double squares = 0, absolute = 0, deviations = 0, deviation_squares = 0;
  };
  struct Values {
    double rmse, mae, r2;
  };
  const auto add = [&](Sums& sums, Eigen::Index i) {
    sums.squares += error[i] * error[i];
    sums.absolute += absolute[i];
    sums.deviations += deviation[i];
    sums.deviation_squares += deviation[i] * deviation[i];
  };
  const auto values = [count = static_cast<double>(n)](const Sums& sums) -> Values {
    const double spread = sums.deviation_squares - sums.deviations * sums.deviations / count;
    return {std::sqrt(sums.squares / count), sums.absolute / count,
            spread > 0 ? 1 - sums.squares / spread : 0};
  };
  Sums all;
  for (Eigen::Index i = 0; i < error.size(); ++i) add(all, i);
  std::vector<double> rmse, mae, r2;
  std::mt19937_64 words(seed);
  for (int b = 0; b < resamples; ++b) {
    Sums sums;
    for (std::size_t i = 0; i < n; ++i) add(sums, static_cast<Eigen::Index>(words() % n));
    const Values drawn = values(sums);
    rmse.push_back(drawn.rmse);
    mae.push_back(drawn.mae);
    r2.push_back(drawn.r2);
  }
  const auto in_units = [unit](const Interval& found) -> Interval {
    return {unit * found.value, unit * found.low, unit * found.high};
  };
  const Values found = values(all);
  return {in_units(detail::percentile_interval(found.rmse, rmse)),
          in_units(detail::percentile_interval(found.mae, mae)), detail::percentile_interval(found.r2, r2)};
}

/// A share, such as an accuracy, with Wilson's 95 % interval (Wilson 1927, "Probable Inference, the Law of
/// Succession, and Statistical Inference"). Throws DataError unless 0 <= hits <= count and count >= 1.
inline Interval share(std::size_t hits, std::size_t count) {
  if (count == 0 || hits > count)
    throw DataError(std::to_string(hits) + " of " + std::to_string(count) + " is not a share; count again");
  constexpr double z = 1.959963984540054;  // the normal distribution's 97.5 % quantile
  const auto n = static_cast<double>(count);
  const double p = static_cast<double>(hits) / n;
  const double middle = (p + z * z / (2 * n)) / (1 + z * z / n);
  const double half = z / (1 + z * z / n) * std::sqrt(p * (1 - p) / n + z * z / (4 * n * n));
  return {p, std::max(0.0, middle - half), std::min(1.0, middle + half)};
}

/// The z below which a standard normal variable lies with probability p, to rounding. Throws DataError unless
/// 0 < p < 1.
inline double normal_quantile(double p) {
  if (!(p > 0 && p < 1))
    throw DataError("the probability is " + std::to_string(p) +
                    " (a quantile has one between 0 and 1, both excluded)");
  double low = -40, high = 40;
  for (int i = 0; i < 100; ++i) {
    const double middle = 0.5 * (low + high);
    (0.5 * std::erfc(-middle / std::numbers::sqrt2) < p ? low : high) = middle;
  }
  return 0.5 * (low + high);
}

}  // namespace SST_ABI
}  // namespace sst
