// SPDX-License-Identifier: MIT
#pragma once

#include <sys/resource.h>

#include <sst/base/memory.hpp>

namespace sst_test {

/// So many bytes more than it has now are all that the process may have, as under ulimit -v.
class LittleMemory {
 public:
  explicit LittleMemory(double bytes) {
    getrlimit(RLIMIT_AS, &before_);
    rlimit lower = before_;
    lower.rlim_cur =
        static_cast<rlim_t>(1024 * sst::memory_detail::number("/proc/self/status", "VmSize:", 0) + bytes);
    setrlimit(RLIMIT_AS, &lower);
  }
  ~LittleMemory() { setrlimit(RLIMIT_AS, &before_); }
  LittleMemory(const LittleMemory&) = delete;
  LittleMemory& operator=(const LittleMemory&) = delete;

 private:
  rlimit before_{};
};

}  // namespace sst_test
