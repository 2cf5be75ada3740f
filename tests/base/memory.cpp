// SPDX-License-Identifier: MIT
#include <filesystem>
#include <string>
#include <utility>

#include <sst/base/memory.hpp>

#include "../catch.hpp"
#include "../folder.hpp"
#include "../little_memory.hpp"

namespace memory_tests {

namespace fs = std::filesystem;
using sst_test::Folder;

/// A system that a process sees: 8 GiB free, and the groups that a test adds.
struct System : Folder {
  System() { add("proc/meminfo", "MemTotal: 16777216 kB\nMemAvailable:    8388608 kB\n"); }
  void add(const fs::path& name, const std::string& text) const {
    fs::create_directories((path / name).parent_path());
    write(name, text);
  }
};

constexpr const char* second = "41 31 0:38 / /sys/fs/cgroup rw shared:9 - cgroup2 cgroup2 rw\n";
constexpr const char* first =
    "33 31 0:30 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n"
    "35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n";

TEST_CASE("without groups the system's own number counts, and without that there is no limit", "[base]") {
  CHECK(sst::available_memory(System().path) == 8388608 * 1024.0);
  CHECK(sst::available_memory(Folder().path) == 1e18);
  CHECK(sst::available_memory() < 1e18);
}

TEST_CASE("control groups of version 2: the least of all levels, with the file cache they give back",
          "[base]") {
  const System system;
  system.add("proc/self/mountinfo", second);
  system.add("proc/self/cgroup", "0::/jobs/mine\n");
  system.add("sys/fs/cgroup/jobs/mine/memory.max", "max\n");
  system.add("sys/fs/cgroup/jobs/mine/memory.current", "100000000\n");
  CHECK(sst::available_memory(system.path) == 8388608 * 1024.0);
  system.add("sys/fs/cgroup/jobs/memory.max", "1000000000\n");
  system.add("sys/fs/cgroup/jobs/memory.current", "400000000\n");
  system.add("sys/fs/cgroup/jobs/memory.stat", "anon 300000000\ninactive_file 50000000\nactive_file 1\n");
  CHECK(sst::available_memory(system.path) == 650000000);
  system.add("sys/fs/cgroup/jobs/mine/memory.high", "300000000\n");
  CHECK(sst::available_memory(system.path) == 200000000);
  system.add("sys/fs/cgroup/jobs/mine/memory.current", "310000000\n");
  CHECK(sst::available_memory(system.path) == 0);
}

TEST_CASE("control groups of version 1: the hierarchy of memory alone", "[base]") {
  const System system;
  system.add("proc/self/mountinfo", first);
  system.add("proc/self/cgroup", "2:cpu,cpuacct:/other\n4:memory:/mine\n0::/\n");
  system.add("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
  system.add("sys/fs/cgroup/memory/mine/memory.limit_in_bytes", "500000000\n");
  system.add("sys/fs/cgroup/memory/mine/memory.usage_in_bytes", "200000000\n");
  system.add("sys/fs/cgroup/memory/mine/memory.stat", "inactive_file 1\ntotal_inactive_file 100000000\n");
  CHECK(sst::available_memory(system.path) == 400000000);
}

TEST_CASE("in a container its own group is the top of what is mounted", "[base]") {
  const System system;
  system.add("sys/fs/cgroup/memory.max", "500000000\n");
  system.add("sys/fs/cgroup/memory.current", "200000000\n");
  // With a namespace of its own, without, and with the path of another one.
  for (const auto& [root, group] : {std::pair{"/", "/"}, {"/docker/7", "/docker/7"}, {"/", "/../.."}}) {
    system.add("proc/self/mountinfo",
               std::string("41 31 0:38 ") + root + " /sys/fs/cgroup ro - cgroup2 cgroup rw\n");
    system.add("proc/self/cgroup", std::string("0::") + group + "\n");
    CAPTURE(root, group);
    CHECK(sst::available_memory(system.path) == 300000000);
  }
}

TEST_CASE("a limit of the process itself counts less what it uses", "[base]") {
  const double available = [] {
    const sst_test::LittleMemory little(1e8);
    return sst::available_memory();
  }();
  CHECK(available > 0);
  CHECK(available <= 1e8);
}

}  // namespace memory_tests
