// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <utility>

#include <sst/base/memory.hpp>
#include <sst/plan/plan.hpp>
#include <sst/version.hpp>

namespace sst {
inline namespace SST_ABI {
namespace plan {

/// Sees that there is memory for the terms of a plan before they are written down: a network of a thousand
/// layers that share weights has a thousand million.
class TermMemory {
 public:
  /// `topology`: its name; `what`: what has the terms, "covariances"; `bytes`: what a term still takes
  /// once it is found.
  TermMemory(std::string topology, std::string what, double bytes)
      : topology_(std::move(topology)), what_(std::move(what)), bytes_(bytes) {}

  /// So many more are found. Throws Error where there is no memory for all of them and the next few.
  void add(Index terms = 1) {
    found_ += terms;
    if (found_ < asked_) return;
    asked_ = found_ + few;
    require_memory(bytes_ * static_cast<double>(asked_),
                   "the plan of '" + topology_ + "', whose " + what_ + " have more than " +
                       std::to_string(found_) + " terms,",
                   "use fewer layers, or let fewer of them share weights or be summed");
  }

 private:
  static constexpr Index few = 1 << 18;  // some ten megabytes

  std::string topology_, what_;
  double bytes_;
  Index found_ = 0, asked_ = few;
};

}  // namespace plan
}  // namespace SST_ABI
}  // namespace sst
