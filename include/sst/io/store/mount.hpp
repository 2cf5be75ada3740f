// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <system_error>

#include <sst/version.hpp>

namespace sst {
inline namespace SST_ABI {

/// Why other machines do not see the locks of a folder, as far as its mount tells (Linux): "it is mounted as
/// nfs with local_lock=all". Empty where nothing speaks against it. `root`: the folder that has proc.
inline std::string why_locks_are_local(const std::filesystem::path& folder,
                                       const std::filesystem::path& root = "/") {
  namespace fs = std::filesystem;
  std::error_code error;
  const fs::path place = fs::weakly_canonical(fs::absolute(folder, error), error);
  std::string type, options;
  std::size_t deepest = 0;
  std::ifstream in(root / "proc/self/mountinfo");
  for (std::string line;
       std::getline(in, line);) {  // 35 31 0:32 root mount options ... - type source options
    std::istringstream words(line);
    std::string word, mount, its_type, its_options, more;
    words >> word >> word >> word >> word >> mount >> its_options;
    while (words >> word && word != "-") {
    }
    words >> its_type >> word >> more;
    const std::string inner = place.string();
    const bool within = mount == "/" || inner == mount || inner.starts_with(mount + "/");
    if (!within || mount.size() < deepest) continue;  // of equal ones the last lies on top
    deepest = mount.size();
    type = its_type;
    options = "," + its_options + "," + more + ",";
  }
  const auto tells = [&](const char* family, const char* option) {
    return type.starts_with(family) && options.find(std::string(",") + option + ",") != std::string::npos
               ? "it is mounted as " + type + " with " + option
               : "";
  };
  for (const char* option : {"nolock", "local_lock=all", "local_lock=flock"})
    if (const std::string why = tells("nfs", option); !why.empty()) return why;
  return tells("lustre", "localflock");
}

}  // namespace SST_ABI
}  // namespace sst
