// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdio>
#include <fstream>
#include <limits>
#include <sstream>
#include <string>

#include <sst/error.hpp>
#include <sst/version.hpp>

namespace sst {
inline namespace SST_ABI {

/// Bytes that can be allocated without swapping, as the system tells (Linux: MemAvailable); the
/// largest number where it does not.
inline double available_memory() {
  std::ifstream info("/proc/meminfo");
  std::string key, unit;
  double kib = 0;
  while (info >> key >> kib) {
    std::getline(info, unit);
    if (key == "MemAvailable:") return kib * 1024;
  }
  return std::numeric_limits<double>::max();
}

/// Says what does not fit before it is allocated. Throws Error.
inline void require_memory(double bytes, const std::string& what) {
  const double available = available_memory();
  if (bytes <= available) return;
  std::ostringstream text;
  text.precision(3);
  text << what << " takes " << bytes / (1024.0 * 1024 * 1024) << " GiB, and only "
       << available / (1024.0 * 1024 * 1024)
       << " GiB are free; use fewer samples, one kernel instead of two, or float instead of double";
  throw Error(text.str());
}

}  // namespace SST_ABI
}  // namespace sst
