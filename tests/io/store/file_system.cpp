// SPDX-License-Identifier: MIT
// Stores on file systems that lack what they need: the calls of the system are ours here, and do what they
// always do unless a test says otherwise.

#include <fcntl.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <string>

#include <sst/io/store/tile_store.hpp>

#include "../../catch.hpp"
#include "../../folder.hpp"

#ifdef __linux__

namespace file_system_tests {

namespace {

/// What a file system does instead.
int lock_error = 0, link_error = 0;
bool locks_keep_nobody_out = false, rename_copies = false, links_are_symbolic = false;

/// For the life of one, a file system with a fault.
template <class Value>
struct Fault {
  Value& what;
  Fault(Value& fault, Value value) : what(fault) { what = value; }
  ~Fault() { what = {}; }
};

int failed(int error) {
  errno = error;
  return -1;
}

}  // namespace

}  // namespace file_system_tests

extern "C" int flock(int file, int operation) noexcept {
  using namespace file_system_tests;
  if (lock_error != 0) return failed(lock_error);
  if (locks_keep_nobody_out) return 0;
  return static_cast<int>(syscall(SYS_flock, file, operation));
}

extern "C" int link(const char* from, const char* to) noexcept {
  using namespace file_system_tests;
  if (link_error != 0) return failed(link_error);
  if (links_are_symbolic) return symlink(from, to);
  return static_cast<int>(syscall(SYS_linkat, AT_FDCWD, from, AT_FDCWD, to, 0));
}

extern "C" int rename(const char* from, const char* to) noexcept {
  using namespace file_system_tests;
  std::error_code ignored;
  if (rename_copies && std::filesystem::exists(to, ignored)) {
    const int in = open(from, O_RDONLY), out = open(to, O_WRONLY);
    char byte = 0;
    const bool done = read(in, &byte, 1) == 1 && write(out, &byte, 1) == 1;
    close(in);
    close(out);
    unlink(from);
    return done ? 0 : failed(EIO);
  }
  return static_cast<int>(syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0));
}

namespace file_system_tests {

namespace {

namespace fs = std::filesystem;
using Catch::Matchers::Contains;
using sst_test::Folder;

const sst::TileStoreHeader header{.rows = 3, .columns = 3, .tile = 2, .data = "1", .topology = "{}"};

struct Ones {
  Eigen::Index rows() const { return 3; }
  Eigen::Index cols() const { return 3; }
  void evaluate(Eigen::Index, Eigen::Index rows, Eigen::Index, Eigen::Index cols, double* out,
                Eigen::Index stride) const {
    for (Eigen::Index j = 0; j < cols; ++j) std::fill_n(out + j * stride, rows, 1.0);
  }
};

}  // namespace

TEST_CASE("file systems without locks, or with locks that keep nobody out, hold no store", "[io][error]") {
  const Folder folder;
  const auto open = [&](const sst::Shard& shard) {
    sst::TileStore<double>(folder.path / "k", header, shard);
  };
  for (const sst::Shard& shard : {sst::Shard{}, sst::Shard{2, 3}}) {
    for (const int error : {ENOLCK, ENOSYS, EOPNOTSUPP}) {
      const Fault fault(lock_error, error);
      CHECK_THROWS_WITH(open(shard), Contains("cannot lock '") && Contains("opening.lock' (") &&
                                         Contains("choose a folder on a file system that has locks (flock)"));
    }
    const Fault fault(locks_keep_nobody_out, true);
    CHECK_THROWS_WITH(open(shard), Contains("gives the same lock to two at once (flock); choose a folder"));
  }
  CHECK_FALSE(fs::exists(folder.path / "k" / "header.txt"));
  CHECK_NOTHROW(open({}));
}

TEST_CASE("file systems that do not rename in one step hold no store", "[io][error]") {
  const Folder folder;
  {
    const Fault fault(rename_copies, true);
    CHECK_THROWS_WITH(sst::TileStore<double>(folder.path / "k", header),
                      Contains("replaces no file in one step (a rename changed what was open); choose"));
    for (const auto& entry : fs::directory_iterator(folder.path / "k"))
      CHECK((entry.path().filename() == "lock" || entry.path().filename() == "opening.lock"));
  }
  CHECK_NOTHROW(sst::TileStore<double>(folder.path / "k", header));
}

TEST_CASE("file systems without links hold stores", "[io]") {
  const Folder folder;
  for (const int error : {EPERM, EOPNOTSUPP}) {
    const Fault fault(link_error, error);
    const fs::path k = folder.path / std::to_string(error);
    sst::TileStore<double> store(k, header);
    store.fill(Ones{});
    CHECK(store.assemble() == Eigen::MatrixXd::Ones(3, 3));
  }
  {
    const Fault fault(links_are_symbolic, true);
    sst::TileStore<double> store(folder.path / "symbolic", header);
    store.fill(Ones{});
    CHECK(store.assemble() == Eigen::MatrixXd::Ones(3, 3));
  }
  const Fault fault(link_error, ENOSPC);
  CHECK_THROWS_WITH(sst::TileStore<double>(folder.path / "full", header), Contains("cannot write '"));
}

}  // namespace file_system_tests

#endif
