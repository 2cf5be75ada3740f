// SPDX-License-Identifier: MIT
#pragma once

#include <Eigen/Core>
#include <cmath>
#include <cstdint>
#include <numbers>

#include <sst/version.hpp>

/// \file
/// Random numbers that depend on a key and nothing else: the same on every platform and in any order.

namespace sst {
inline namespace SST_ABI {
namespace detail {

/// splitmix64 (Steele, Lea, Flood 2014, "Fast Splittable Pseudorandom Number Generators"): one step.
inline std::uint64_t splitmix(std::uint64_t z) {
  z += 0x9E3779B97F4A7C15U;
  z = (z ^ (z >> 30U)) * 0xBF58476D1CE4E5B9U;
  z = (z ^ (z >> 27U)) * 0x94D049BB133111EBU;
  return z ^ (z >> 31U);
}

/// A key for item `index` of what `key` stands for.
inline std::uint64_t subkey(std::uint64_t key, std::uint64_t index) {
  return splitmix(splitmix(key) + index);
}

/// Standard normal numbers from `key`, two at a time (Box and Muller 1958): a longer run starts with
/// the shorter one. Unlike std::normal_distribution the same on every platform, up to the rounding
/// of its log, sin and cos.
template <class Vector>
void fill_normal(Vector&& out, std::uint64_t key) {
  const auto uniform = [&key] {  // in (0, 1]
    const std::uint64_t bits = splitmix(key);
    key += 0x9E3779B97F4A7C15U;
    return static_cast<double>((bits >> 11U) + 1) * 0x1p-53;
  };
  for (Eigen::Index i = 0; i < out.size(); i += 2) {
    const double radius = std::sqrt(-2 * std::log(uniform()));
    const double angle = 2 * std::numbers::pi * uniform();
    out[i] = radius * std::cos(angle);
    if (i + 1 < out.size()) out[i + 1] = radius * std::sin(angle);
  }
}

}  // namespace detail
}  // namespace SST_ABI
}  // namespace sst
