// SPDX-License-Identifier: MIT
#pragma once

#include <functional>

#include <sst/version.hpp>

namespace sst {
inline namespace SST_ABI {

/// How work is carried out; what comes of it does not depend on it, to the last bit.
struct Execution {
  int threads = 0;  ///< 0: as many as OpenMP gives
  /// Called from time to time, by one thread at a time, with the fraction that is done; returning false
  /// cancels (throws Cancelled).
  std::function<bool(double)> progress = {};
};

namespace detail {

/// The part of the work that takes its progress from `from` to `to`. `whole` has to outlive it.
inline Execution part_of(const Execution& whole, double from, double to) {
  Execution part{whole.threads, {}};
  if (whole.progress)
    part.progress = [&whole, from, to](double done) { return whole.progress(from + (to - from) * done); };
  return part;
}

}  // namespace detail
}  // namespace SST_ABI
}  // namespace sst
