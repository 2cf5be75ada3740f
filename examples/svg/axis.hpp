// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <string>
#include <vector>

#include <svg/text.hpp>

/// \file
/// An axis of a plot: from values to pixels, with marks at round numbers.

namespace svg {

/// An axis in equal steps, `linear`, or in equal factors, `log`.
enum class Scale { linear, log };

namespace detail {

/// A mark on an axis; `exponent` is set above the text.
struct Tick {
  double value;
  std::string text;
  std::string exponent = {};
  double width() const { return text_width(text) + 0.72 * text_width(exponent); }
};

/// mantissa 10^exponent; `digits` behind the mantissa's point.
inline Tick make_tick(double value, int exponent, int digits) {
  std::array<char, 400> text;
  const auto fixed = [&](double number, int places) {
    return with_minus({text.data(), std::to_chars(text.data(), text.data() + text.size(), number,
                                                  std::chars_format::fixed, std::clamp(places, 0, 17))
                                        .ptr});
  };
  if (value == 0) return {0, "0"};
  if (exponent >= -4 && exponent <= 5) return {value, fixed(value, digits - exponent)};
  // In two steps: 10^-exponent may not be representable.
  const double mantissa = value / std::pow(10.0, exponent / 2) / std::pow(10.0, exponent - exponent / 2);
  const std::string factor = fixed(mantissa, digits);
  const std::string times = factor == "1"                ? "10"
                            : factor == with_minus("-1") ? with_minus("-10")
                                                         : factor +
                                                               "\xC3\x97"
                                                               "10";
  return {value, times, with_minus(std::to_string(exponent))};
}

inline int decimal_exponent(double value) {
  return static_cast<int>(std::floor(std::log10(std::abs(value)) + 1e-12));
}

/// Multiples of 1, 2 or 5 times a power of ten within [low, high], about `wanted` of them.
inline std::vector<Tick> linear_ticks(double low, double high, double wanted) {
  const double rough = (high - low) / std::max(wanted, 1.0);
  int power = decimal_exponent(rough);
  double unit = std::pow(10.0, power), step = unit;
  for (const double factor : {1.0, 2.0, 5.0, 10.0}) {
    step = factor * unit;
    if (step >= rough * (1 - 1e-9)) break;
  }
  power = decimal_exponent(step);
  const double largest = std::max(std::abs(low), std::abs(high));
  const int exponent = decimal_exponent(largest);
  std::vector<Tick> ticks;
  const double first = std::ceil(low / step - 1e-9), last = std::floor(high / step + 1e-9);
  for (double i = first; i <= last && ticks.size() < 1000; ++i)
    ticks.push_back(make_tick(i * step, exponent, exponent - power));
  return ticks;
}

/// Round numbers of a log axis: powers of ten, fewer over many decades, with 2 and 5 over few.
inline std::vector<Tick> log_ticks(double low, double high, double wanted) {
  const int first = decimal_exponent(low), last = static_cast<int>(std::ceil(std::log10(high)));
  const double decades = std::log10(high) - std::log10(low);
  if (decades < 0.8) return linear_ticks(low, high, wanted);
  const int every = std::max(1, static_cast<int>(std::ceil(decades / std::max(wanted, 2.0))));
  std::vector<Tick> ticks;
  for (int power = first; power <= last; ++power) {
    if (power % every != 0) continue;
    for (const double factor : {1.0, 2.0, 5.0}) {
      const double value = factor * std::pow(10.0, power);
      if (value < low * (1 - 1e-9) || value > high * (1 + 1e-9)) continue;
      if (factor != 1 && 3 * decades > 1.3 * wanted) continue;
      // Plain numbers where all of them are short, powers everywhere otherwise.
      const bool plain = low >= 0.99e-3 && high <= 1.01e5;
      if (plain) {
        ticks.push_back(make_tick(value, power, 0));
      } else {
        Tick tick = make_tick(factor, 0, 0);
        const std::string mantissa = factor == 1 ? "" : tick.text + "\xC3\x97";
        ticks.push_back({value, mantissa + "10", with_minus(std::to_string(power))});
      }
    }
  }
  return ticks;
}

/// One axis: from values to pixels.
class Axis {
 public:
  Axis(Scale scale, double low, double high, double pixel_low, double pixel_high)
      : scale_(scale), low_(low), high_(high), pixel_low_(pixel_low), pixel_high_(pixel_high) {}

  double low() const { return low_; }
  double high() const { return high_; }
  bool contains(double value) const { return value >= low_ && value <= high_; }
  /// Values far outside stop at a distance from the axis that no picture shows.
  double pixel(double value) const {
    const double share = (map(value) / 2 - map(low_) / 2) / (map(high_) / 2 - map(low_) / 2);
    return pixel_low_ + std::clamp(share, -50.0, 50.0) * (pixel_high_ - pixel_low_);
  }
  std::vector<Tick> ticks(double spacing) const {
    const double wanted = std::abs(pixel_high_ - pixel_low_) / spacing;
    return scale_ == Scale::log ? log_ticks(low_, high_, wanted) : linear_ticks(low_, high_, wanted);
  }
  /// 2, 3, ..., 9 times the powers of ten, where they do not crowd.
  std::vector<double> minor_ticks() const {
    std::vector<double> values;
    if (scale_ != Scale::log || std::log10(high_) - std::log10(low_) > 6) return values;
    for (int power = decimal_exponent(low_); power <= decimal_exponent(high_); ++power)
      for (int factor = 2; factor < 10; ++factor)
        if (const double value = factor * std::pow(10.0, power); contains(value)) values.push_back(value);
    return values;
  }

 private:
  double map(double value) const { return scale_ == Scale::log ? std::log10(value) : value; }

  Scale scale_;
  double low_, high_, pixel_low_, pixel_high_;
};

}  // namespace detail

}  // namespace svg
