// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <iomanip>
#include <ostream>

#include <sst/base/plain_text.hpp>
#include <sst/plan/images/plan.hpp>
#include <sst/plan/print.hpp>
#include <sst/version.hpp>

namespace sst {
inline namespace SST_ABI {

/// Which covariances the plan tracks, at how many displacements of the two positions, and why.
inline std::ostream& operator<<(std::ostream& out, const SpatialPlan& plan) {
  out << "plan of '" << plan.topology << "' for the " << (plan.ntk ? "NTK and NNGP" : "NNGP")
      << " of images of " << to_string(plan.image) << ": " << plan.pairs.size() << " covariances, "
      << plan.entries() << " entries per pair of images\n";
  for (const auto& pair : plan.pairs) {
    detail::PlainText what;
    what << plan.variable(pair.left).name;
    if (pair.right != pair.left) what << " x " << plan.variable(pair.right).name;
    what << " (" << plan::kind_name(plan.variable(pair.left).kind) << ')';
    const auto needed = std::count(pair.needed.begin(), pair.needed.end(), 1);
    out << "  " << std::left << std::setw(44) << what.str() << std::right << std::setw(9)
        << to_string(pair.grid) << " positions " << std::setw(5) << needed << " of " << pair.needed.size()
        << " displacements   " << pair.reason << (pair.rounded ? "; rounded" : "");
    const std::string rates = detail::rates_text(plan.variable(pair.left));
    out << (plan.ntk && !rates.empty() ? "; " + rates : "") << '\n';
  }
  return out;
}

}  // namespace SST_ABI
}  // namespace sst
