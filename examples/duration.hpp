// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <cstdint>
#include <string>

namespace program {

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

}  // namespace program
