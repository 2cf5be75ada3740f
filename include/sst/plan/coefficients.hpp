// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>

#include <sst/plan/plan.hpp>
#include <sst/version.hpp>

/// \file
/// Sums and products of coefficients.

namespace sst {
inline namespace SST_ABI {
namespace plan {

/// Adds a factor of an index to a sum; what is 0 leaves it.
inline void add_factor(Factors& to, Number factor, Index index) {
  const auto same =
      std::find_if(to.begin(), to.end(), [index](const auto& entry) { return entry.second == index; });
  if (same == to.end()) {
    if (factor != 0) to.emplace_back(factor, index);
  } else if ((same->first += factor) == 0) {
    to.erase(same);
  }
}

/// to += factor from.
inline void add_scaled(Coefficient& to, Number factor, const Coefficient& from) {
  to.fixed += factor * from.fixed;
  for (const auto& [value, activation] : from.slopes) add_factor(to.slopes, factor * value, activation);
}

/// to += factor from.
inline void add_scaled(Constant& to, Number factor, const Constant& from) {
  to.fixed += factor * from.fixed;
  to.input += factor * from.input;
  for (const auto& [value, activation] : from.means) add_factor(to.means, factor * value, activation);
  for (const auto& [value, pool] : from.pooled) add_factor(to.pooled, factor * value, pool);
}

/// to += a b, of which one is a plain number: slopes come from an activation once.
inline void add_product(Coefficient& to, const Coefficient& a, const Coefficient& b) {
  if (a.slopes.empty())
    add_scaled(to, a.fixed, b);
  else
    add_scaled(to, b.fixed, a);
}

/// Whether two coefficients have opposite signs, for all samples.
inline bool opposite(const Coefficient& a, const Coefficient& b) {
  return a.slopes.empty() && b.slopes.empty() && (a.fixed < 0) != (b.fixed < 0);
}

}  // namespace plan
}  // namespace SST_ABI
}  // namespace sst
