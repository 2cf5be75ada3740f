// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <numbers>
#include <vector>

#include <sst/activation/activation.hpp>
#include <sst/base/differences.hpp>
#include <sst/version.hpp>

/// \file
/// How the duals of a pair of activations change with the two standard deviations and the angle.

namespace sst {
inline namespace SST_ABI {

/// The duals E and D of a strip of pairs and their derivatives, an entry a pair; see DualPartials.
///
/// In closed form where the map has one; else by fourth-order differences, with steps of about a thousandth
/// of what the duals vary over: within 1e-10 of the size of E, or D.
struct DualDerivatives {
  std::vector<double> value;        ///< E
  std::vector<double> slope;        ///< D
  std::vector<double> value_left;   ///< s dE/ds of the left standard deviation s
  std::vector<double> value_right;  ///< t dE/dt of the right one
  std::vector<double> slope_left;   ///< s dD/ds
  std::vector<double> slope_right;  ///< t dD/dt
  std::vector<double> slope_half;   ///< dD/dh

  /// Of the strip's pairs; its own outputs are not used. `kinked`: both activations have kinks, so that D
  /// varies with the angle and not with its cosine.
  void evaluate(const DualMap& map, const DualStrip<double>& strip, bool kinked) {
    count_ = strip.count;
    for (auto* list : {&value, &slope, &value_left, &value_right, &slope_left, &slope_right, &slope_half})
      list->resize(count_);
    at(map, strip, value, slope);
    if (map.partials(strip, {value_left.data(), value_right.data(), slope_left.data(), slope_right.data(),
                             slope_half.data()}))
      return;
    for (auto* list : {&half_, &complement_, &std_, &some_value_, &some_slope_}) list->resize(count_);
    by_left(map, strip);
    by_right(map, strip);
    kinked ? by_angle(map, strip) : by_half(map, strip);
  }

 private:
  static constexpr double step_ = detail::difference_step;

  static void at(const DualMap& map, DualStrip<double> strip, std::vector<double>& value,
                 std::vector<double>& slope) {
    strip.value = value.data();
    strip.derivative = slope.data();
    map.evaluate(strip);
  }
  void by_left(const DualMap& map, DualStrip<double> strip) {
    std::fill(value_left.begin(), value_left.end(), 0);
    std::fill(slope_left.begin(), slope_left.end(), 0);
    const double std = strip.left_std;
    for (const auto& [k, weight] : detail::central_differences) {
      strip.left_std = std * (1 + k * step_);
      at(map, strip, some_value_, some_slope_);
      add(weight, some_value_, value_left);
      add(weight, some_slope_, slope_left);
    }
  }
  void by_right(const DualMap& map, DualStrip<double> strip) {
    std::fill(value_right.begin(), value_right.end(), 0);
    std::fill(slope_right.begin(), slope_right.end(), 0);
    const double* std = strip.right_std;
    for (const auto& [k, weight] : detail::central_differences) {
      for (std::size_t l = 0; l < count_; ++l) std_[l] = std[l] * (1 + k * step_);
      strip.right_std = std_.data();
      at(map, strip, some_value_, some_slope_);
      add(weight, some_value_, value_right);
      add(weight, some_slope_, slope_right);
    }
  }
  void add(double weight, const std::vector<double>& values, std::vector<double>& to) const {
    for (std::size_t l = 0; l < count_; ++l) to[l] += weight / (12 * step_) * values[l];
  }

  /// Two activations of which one is smooth: D is analytic in h beyond 0 and 1, over a distance of some
  /// 1 / (4 s t). Five equal steps that stay within [0, 1].
  void by_half(const DualMap& map, DualStrip<double> strip) {
    std::fill(slope_half.begin(), slope_half.end(), 0);
    // Derivatives at the first to the last of five points, as weights of these, times 12.
    static constexpr double weights[5][5] = {{-25, 48, -36, 16, -3},
                                             {-3, -10, 18, -6, 1},
                                             {1, -8, 0, 8, -1},
                                             {-1, 6, -18, 10, 3},
                                             {3, -16, 36, -48, 25}};
    const double *half = strip.half, *complement = strip.complement;
    for (int k = 0; k < 5; ++k) {
      for (std::size_t l = 0; l < count_; ++l) {
        const double gap = (k - place(half[l], complement[l], step(strip, l))) * step(strip, l);
        half_[l] = half[l] + gap;
        complement_[l] = complement[l] - gap;
      }
      DualStrip<double> moved = strip;
      moved.half = half_.data();
      moved.complement = complement_.data();
      at(map, moved, some_value_, some_slope_);
      for (std::size_t l = 0; l < count_; ++l)
        slope_half[l] += weights[place(half[l], complement[l], step(strip, l))][k] * some_slope_[l] /
                         (12 * step(strip, l));
    }
  }
  static double step(const DualStrip<double>& strip, std::size_t l) {
    return step_ / 2 / (1 + 4 * strip.left_std * strip.right_std[l]);
  }
  /// Which of the five points h itself is.
  static int place(double half, double complement, double step) {
    if (half < 2 * step) return half < step ? 0 : 1;
    if (complement < 2 * step) return complement < step ? 4 : 3;
    return 2;
  }

  void by_angle(const DualMap& map, DualStrip<double> strip) {
    std::fill(slope_half.begin(), slope_half.end(), 0);
    const double *half = strip.half, *complement = strip.complement;
    for (const auto& [k, weight] : detail::central_differences) {
      for (std::size_t l = 0; l < count_; ++l) {
        const double angle = this->angle(half[l], complement[l]) + k * turn(half[l], complement[l]);
        half_[l] = std::pow(std::sin(angle / 2), 2);
        complement_[l] = std::pow(std::cos(angle / 2), 2);
      }
      DualStrip<double> moved = strip;
      moved.half = half_.data();
      moved.complement = complement_.data();
      at(map, moved, some_value_, some_slope_);
      for (std::size_t l = 0; l < count_; ++l) {
        const double sine =
            std::sqrt(half[l] * complement[l]);  // of the angle, halved: d angle / dh = 1 / it
        if (sine > 0) slope_half[l] += weight * some_slope_[l] / (12 * turn(half[l], complement[l]) * sine);
      }
    }
  }
  static double angle(double half, double complement) {
    return 2 * std::atan2(std::sqrt(half), std::sqrt(complement));
  }
  static double turn(double half, double complement) {
    const double a = angle(half, complement);
    return std::min({step_, a / 4, (std::numbers::pi - a) / 4});
  }

  std::size_t count_ = 0;
  std::vector<double> half_, complement_, std_, some_value_, some_slope_;
};

}  // namespace SST_ABI
}  // namespace sst
