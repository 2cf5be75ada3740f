// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <string_view>

#if __has_include(<sys/resource.h>)
#include <sys/resource.h>
#endif

#include <sst/base/plain_text.hpp>
#include <sst/error.hpp>
#include <sst/version.hpp>

/// \file
/// How much memory there is for this process, and what to say before more is asked for.

namespace sst {
inline namespace SST_ABI {
namespace memory_detail {

namespace fs = std::filesystem;

/// An exabyte; what systems write for no limit is more.
inline constexpr double unlimited = 1e18;

/// The number that follows `key` in a file of lines "key number ..."; `otherwise` where there is none.
inline double number(const fs::path& file, std::string_view key, double otherwise) {
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) {
    std::istringstream words(line);
    std::string first;
    double value = 0;
    if (words >> first && first == key && words >> value) return value;
  }
  return otherwise;
}

/// The number that is all of a file; `otherwise` where it holds none, such as "max".
inline double number(const fs::path& file, double otherwise) {
  std::ifstream in(file);
  double value = 0;
  return in >> value ? value : otherwise;
}

/// What a control group of version 1 or 2 has left; the file cache that it would give back counts as left.
inline double left_in_group(const fs::path& group) {
  const double limit =
      std::min({number(group / "memory.max", unlimited), number(group / "memory.high", unlimited),
                number(group / "memory.limit_in_bytes", unlimited)});
  if (limit == unlimited) return limit;
  const double used = number(group / "memory.current", 0) + number(group / "memory.usage_in_bytes", 0);
  const fs::path statistics = group / "memory.stat";
  const double cache =
      std::max(number(statistics, "inactive_file", 0), number(statistics, "total_inactive_file", 0));
  return std::max(0.0, limit - std::max(0.0, used - cache));
}

/// Of this process in a hierarchy: "memory" of version 1, "" for version 2. Its path from the hierarchy's
/// top.
inline std::string group_of(const fs::path& proc, std::string_view controller) {
  const auto listed = [](std::string_view names) { return std::string(1, ',').append(names).append(1, ','); };
  std::ifstream in(proc / "self/cgroup");
  for (std::string line; std::getline(in, line);) {  // number:controllers:path
    const std::size_t first = line.find(':'), second = line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string_view controllers = std::string_view(line).substr(first + 1, second - first - 1);
    if (listed(controllers).find(listed(controller)) != std::string::npos) return line.substr(second + 1);
  }
  return "/";
}

/// The least that the control groups of this process have left, up to the top one that is mounted. A
/// container sees its own part alone: then the mount's root is not "/".
inline double left_in_groups(const fs::path& root) {
  double least = unlimited;
  std::ifstream in(root / "proc/self/mountinfo");
  for (std::string line;
       std::getline(in, line);) {  // 35 31 0:32 root place options ... - type source options
    std::istringstream words(line);
    std::string word, top, place, type, options;
    words >> word >> word >> word >> top >> place;
    while (words >> word && word != "-") {
    }
    words >> type >> word >> options;
    const bool first = type == "cgroup" && ("," + options + ",").find(",memory,") != std::string::npos;
    if (!first && type != "cgroup2") continue;
    const fs::path mount = root / fs::path(place).relative_path();
    const fs::path below = fs::path(group_of(root / "proc", first ? "memory" : "")).lexically_relative(top);
    fs::path group = mount;
    if (!below.empty() && *below.begin() != ".." && below != ".") group /= below;
    for (;; group = group.parent_path()) {
      least = std::min(least, left_in_group(group));
      if (group == mount) break;
    }
  }
  return least;
}

/// What this process may still allocate by its own limits (ulimit -v and -d).
inline double left_to_process([[maybe_unused]] const fs::path& root) {
  double least = unlimited;
#if __has_include(<sys/resource.h>)
  const fs::path status = root / "proc/self/status";
  const auto take = [&](auto which, const char* use) {
    rlimit limit{};
    if (getrlimit(which, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return;
    least =
        std::min(least, std::max(0.0, static_cast<double>(limit.rlim_cur) - 1024 * number(status, use, 0)));
  };
  take(RLIMIT_AS, "VmSize:");
  take(RLIMIT_DATA, "VmData:");
#endif
  return least;
}

}  // namespace memory_detail

/// Bytes that this process can allocate without swapping or being killed: the least of what the system has
/// (Linux: MemAvailable), what its control groups have left (version 1 and 2, so also in a container) and its
/// own limits (ulimit -v and -d). 1e18 where the system tells nothing. `root`: the folder that
/// has proc and sys.
inline double available_memory(const std::filesystem::path& root = "/") {
  using namespace memory_detail;
  const double kib = number(root / "proc/meminfo", "MemAvailable:", unlimited / 1024);
  return std::min({kib * 1024, left_in_groups(root), left_to_process(root)});
}

/// Says what does not fit before it is allocated, and what to do. Throws Error.
inline void require_memory(
    double bytes, const std::string& what,
    const std::string& remedy = "use fewer samples, one kernel instead of two, or float instead of double") {
  constexpr double little = 1 << 20;  // not worth the asking, which opens some ten files
  if (bytes < little) return;
  const double available = available_memory();
  if (bytes <= available) return;
  detail::PlainText text;
  text.precision(3);
  text << what << " takes " << bytes / (1024.0 * 1024 * 1024) << " GiB, and only "
       << available / (1024.0 * 1024 * 1024) << " GiB are free; " << remedy;
  throw Error(text.str());
}

}  // namespace SST_ABI
}  // namespace sst
