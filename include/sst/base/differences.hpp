// SPDX-License-Identifier: MIT
#pragma once

#include <array>

#include <sst/version.hpp>

namespace sst {
inline namespace SST_ABI {
namespace detail {

/// One of the places at which central differences of fourth order look.
struct DifferencePlace {
  int steps;      ///< from where the derivative is wanted
  double weight;  ///< in 12 times the derivative by a step
};

/// df/dx = sum weight f(x + steps step) / (12 step), but for step^4 / 30 times the fifth derivative.
inline constexpr std::array<DifferencePlace, 4> central_differences{{{-2, 1}, {-1, -8}, {1, 8}, {2, -1}}};
/// The relative step of smooth functions in double: 5e-13 are lost to the fifth derivative, as many to
/// rounding.
inline constexpr double difference_step = 1.0 / 512;

/// A norm that stands for 0 where derivatives are taken: of what has no direction.
inline constexpr double no_norm = 1e-100;

}  // namespace detail
}  // namespace SST_ABI
}  // namespace sst
