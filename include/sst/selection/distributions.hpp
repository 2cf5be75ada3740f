// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <numbers>
#include <string>

#include <sst/error.hpp>
#include <sst/version.hpp>

/// \file
/// The distributions of the statistics by which methods are compared: tails, small ones too, and quantiles.

namespace sst {
inline namespace SST_ABI {

namespace detail {

/// log Gamma(a) less Stirling's (a - 1/2) log a - a + log(2 pi) / 2: what keeps the densities below free of
/// the cancellation of large logarithms (Loader 2000, "Fast and Accurate Computation of Binomial
/// Probabilities").
inline double stirling_error(double a) {
  if (a < 10) return std::lgamma(a) - ((a - 0.5) * std::log(a) - a + 0.5 * std::log(2 * std::numbers::pi));
  const double r = 1 / (a * a);
  return (1.0 / 12 -
          r * (1.0 / 360 - r * (1.0 / 1260 - r * (1.0 / 1680 - r * (1.0 / 1188 - r * 691 / 360360))))) /
         a;
}

/// 1 / (b_0 + a_1 / (b_1 + a_2 / (b_2 + ...))) by Lentz's method; `next(i, a, b)` sets a_i and b_i.
template <typename Next>
double continued_fraction(double b0, Next next) {
  constexpr double tiny = 1e-300;  // in the place of a zero, by which the method would divide
  double c = b0, d = 0, value = 1 / b0, step = 0;
  for (int i = 1; i < 1000000 && std::abs(step - 1) > 2e-15; ++i) {
    double a = 0, b = 0;
    next(i, a, b);
    d = b + a * d;
    c = b + a / c;
    d = 1 / (d == 0 ? tiny : d);
    if (c == 0) c = tiny;
    step = c * d;
    value /= step;
  }
  return value;
}

/// Q(a, x) = Gamma(a, x) / Gamma(a), the regularised upper incomplete gamma function; a > 0, x >= 0.
inline double upper_gamma(double a, double x) {
  if (x == 0) return 1;
  if (std::isinf(x)) return 0;
  const double density =  // x^a exp(-x) / Gamma(a)
      std::sqrt(a / (2 * std::numbers::pi)) * std::exp(a * std::log(x / a) + (a - x) - stirling_error(a));
  if (x >= a + 1)
    return density * continued_fraction(x + 1 - a, [=](int i, double& numerator, double& denominator) {
             numerator = i * (a - i);
             denominator = x + 2 * i + 1 - a;
           });
  double sum = 0, term = 1 / a;
  for (int i = 1; term > 1e-17 * sum; ++i) {
    sum += term;
    term *= x / (a + i);
  }
  return 1 - density * sum;
}

/// I_x(a, b), the regularised incomplete beta function; y = 1 - x is given too, since x may be all but 1.
inline double incomplete_beta(double a, double b, double x, double y) {
  if (x == 0 || y == 0) return x == 0 ? 0 : 1;
  if (x > (a + 1) / (a + b + 2)) return 1 - incomplete_beta(b, a, y, x);
  const double a_share = a / (a + b), b_share = b / (a + b);
  const auto log_ratio = [](double share, double expected, double rest, double expected_rest) {
    return share > 0.5 ? std::log1p((expected_rest - rest) / expected) : std::log(share / expected);
  };
  const double density =  // x^a y^b / B(a, b)
      std::sqrt(a * b_share / (2 * std::numbers::pi)) *
      std::exp(a * log_ratio(x, a_share, y, b_share) + b * log_ratio(y, b_share, x, a_share) +
               stirling_error(a + b) - stirling_error(a) - stirling_error(b));
  return density / a * continued_fraction(1, [=](int i, double& numerator, double& denominator) {
           const int m = i / 2;
           numerator = i % 2 ? -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
                             : m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
           denominator = 1;
         });
}

/// Where a function that falls from `tail(0)` to 0 takes the value p, to rounding.
template <typename Tail>
double where_tail_is(double p, Tail tail) {
  double low = 0, high = 1;
  while (tail(high) > p) {
    low = high;
    high *= 2;
  }
  for (double middle; (middle = low + (high - low) / 2) > low && middle < high;)
    (tail(middle) > p ? low : high) = middle;
  return high;
}

inline void require_degrees(double degrees) {
  if (!(degrees > 0 && std::isfinite(degrees)))
    throw DataError("there are " + std::to_string(degrees) +
                    " degrees of freedom (they are positive and finite); give more data");
}

}  // namespace detail

/// P(X > x) of a chi-squared variable X with the given degrees of freedom: Q(degrees / 2, x / 2), a
/// regularised incomplete gamma function. Relative error below 1e-12, of small tails too; 0 at infinity.
/// Throws DataError unless x >= 0 and degrees > 0.
inline double chi_squared_tail(double x, double degrees) {
  detail::require_degrees(degrees);
  if (!(x >= 0))
    throw DataError("chi-squared is " + std::to_string(x) + " (it is never below 0); correct it");
  return detail::upper_gamma(degrees / 2, x / 2);
}

/// P(X > f) of a variable X of Fisher's F distribution with d1 and d2 degrees of freedom:
/// I_{d2 / (d2 + d1 f)}(d2 / 2, d1 / 2), a regularised incomplete beta function. Relative error, of small
/// tails too, below 1e-12 up to 10,000 degrees of freedom, beyond in proportion to them; 0 at infinity.
/// Throws DataError unless f >= 0, d1 > 0 and d2 > 0.
inline double f_tail(double f, double d1, double d2) {
  detail::require_degrees(d1);
  detail::require_degrees(d2);
  if (!(f >= 0)) throw DataError("F is " + std::to_string(f) + " (it is never below 0); correct it");
  const double ratio = d1 * f / d2;
  return detail::incomplete_beta(d2 / 2, d1 / 2, 1 / (1 + ratio),
                                 std::isinf(ratio) ? 1 : ratio / (1 + ratio));
}

/// The t below which a variable of Student's t distribution with the given degrees of freedom lies with
/// probability p: the inverse of P(T < -t) = I_{degrees / (degrees + t^2)}(degrees / 2, 1 / 2) / 2, t >= 0,
/// by bisection. Relative error below 1e-12 where p is at most 1/2. Throws DataError unless 1e-100 <= p < 1
/// and degrees > 0.
inline double student_t_quantile(double p, double degrees) {
  detail::require_degrees(degrees);
  if (!(p >= 1e-100 && p < 1))
    throw DataError("the probability is " + std::to_string(p) +
                    " (a quantile has one of at least 1e-100 and below 1); change it");
  if (p == 0.5) return 0;
  const double t = detail::where_tail_is(2 * std::min(p, 1 - p), [&](double value) {
    const double ratio = value / degrees * value;
    return detail::incomplete_beta(degrees / 2, 0.5, 1 / (1 + ratio), ratio / (1 + ratio));
  });
  return p < 0.5 ? -t : t;
}

/// P(range > q) of the range, the greatest less the least, of `count` independent standard normal variables:
/// the tail of the studentized range with infinitely many degrees of freedom,
///
///     count * integral phi(z) (Phi(z)^(count - 1) - (Phi(z) - Phi(z - q))^(count - 1)) dz.
///
/// The trapezoidal rule of step 1/32 gives it to a relative error below 1e-12, of small tails too, since the
/// integrand is analytic and dies off on both sides. Throws DataError unless q >= 0 and count >= 2.
inline double studentized_range_tail(double q, int count) {
  if (!(q >= 0) || count < 2)
    throw DataError("a range of " + std::to_string(q) + " of " + std::to_string(count) +
                    " variables does not exist (it is at least 0, of 2 variables or more); correct it");
  const auto below = [](double z) { return 0.5 * std::erfc(-z / std::numbers::sqrt2); };
  constexpr int per_unit = 32;
  const int others = count - 1;
  double sum = 0;
  for (int i = -10 * per_unit; i <= 38 * per_unit; ++i) {  // phi is 0 in double above, negligible below
    const double z = static_cast<double>(i) / per_unit, share = below(z);
    // The difference of powers by its logarithm, lest it cancels.
    sum += std::exp(-z * z / 2 + others * std::log(share)) *
           -std::expm1(others * std::log1p(-below(z - q) / share));
  }
  return std::min(1.0, count * sum / (per_unit * std::sqrt(2 * std::numbers::pi)));
}

/// The q that the range of `count` independent standard normal variables exceeds with probability `alpha`, by
/// bisection of `studentized_range_tail`; relative error below 1e-12 for alpha of at most 1/2. Throws
/// DataError unless 1e-100 <= alpha < 1 and count >= 2.
inline double studentized_range_quantile(double alpha, int count) {
  if (!(alpha >= 1e-100 && alpha < 1))
    throw DataError("the level alpha is " + std::to_string(alpha) +
                    " (it is at least 1e-100 and below 1, 0.05 most often); change it");
  return detail::where_tail_is(alpha, [count](double q) { return studentized_range_tail(q, count); });
}

}  // namespace SST_ABI
}  // namespace sst
