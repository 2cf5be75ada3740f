// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <cstdint>
#include <optional>
#include <string>

#include <sst/version.hpp>

namespace sst {
inline namespace SST_ABI {

/// A duration as people say it: "0.8 s", "45 s", "3 min 20 s", "2 h 5 min", "3 d 4 h".
inline std::string format_duration(double seconds) {
  if (!(seconds >= 0) || seconds > 1e15) return "an unknown time";
  if (seconds < 9.95) {
    const auto tenths = static_cast<std::int64_t>(std::llround(seconds * 10));
    return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + " s";
  }
  const auto whole = static_cast<std::int64_t>(std::llround(seconds));
  const auto both = [](std::int64_t large, const char* unit, std::int64_t small, const char* small_unit) {
    std::string text = std::to_string(large) + unit;
    return small ? text + " " + std::to_string(small) + small_unit : text;
  };
  if (whole < 60) return std::to_string(whole) + " s";
  if (whole < 3600) return both(whole / 60, " min", whole % 60, " s");
  if (whole < 86400) return both(whole / 3600, " h", whole % 3600 / 60, " min");
  return both(whole / 86400, " d", whole % 86400 / 3600, " h");
}

/// How far a long job is and how long the rest will take.
///
/// Work is counted in any unit that takes about equal times. What an earlier run did counts as done,
/// but not for the speed.
struct ProgressEta {
  double total = 0;        ///< all of the work
  double done_before = 0;  ///< by earlier runs
  double done = 0;         ///< by now, with what was done before
  double seconds = 0;      ///< since this run began

  /// The share that is done, from 0 to 1.
  double fraction() const { return total > 0 ? done / total : 1; }

  /// Seconds that the rest takes at this run's mean speed; none before it has done anything.
  std::optional<double> seconds_left() const {
    if (done >= total) return 0.0;
    if (!(done > done_before) || !(seconds > 0)) return std::nullopt;
    return seconds / (done - done_before) * (total - done);
  }

  /// "22.5 % done, 3 min 20 s left"
  std::string text() const {
    const auto permille = static_cast<std::int64_t>(std::floor(1000 * fraction()));
    const std::string part = std::to_string(permille / 10) + "." + std::to_string(permille % 10) + " % done";
    const std::optional<double> left = seconds_left();
    return left ? part + ", " + format_duration(*left) + " left" : part;
  }
};

}  // namespace SST_ABI
}  // namespace sst
