// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <limits>
#include <string>

#include <sst/error.hpp>
#include <sst/version.hpp>

/// \file
/// When what can always go on has to end.

namespace sst {
inline namespace SST_ABI {

/// A time so many seconds from now; 0: never.
class Deadline {
 public:
  /// Throws Error for a negative number and for NaN.
  explicit Deadline(double seconds)
      : seconds_(seconds > 0 ? seconds : std::numeric_limits<double>::infinity()) {
    if (!(seconds >= 0))
      throw Error("the limit of time is " + std::to_string(seconds) + " seconds; give 0, for none, or more");
  }

  /// Seconds since it was set.
  double passed() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  }
  /// Seconds until then: infinite where there is no limit, negative behind it.
  double left() const { return seconds_ - passed(); }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  double seconds_;
};

}  // namespace SST_ABI
}  // namespace sst
