// SPDX-License-Identifier: MIT
#pragma once

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <system_error>
#include <utility>

#include <sst/error.hpp>
#include <sst/io/store/directory.hpp>
#include <sst/io/store/shard.hpp>
#include <sst/version.hpp>

/// \file
/// Who may fill a store at the same time: one run alone, or shards of one number, each of them once.

namespace sst {
inline namespace SST_ABI {
namespace store_detail {

/// Takes a lock of flock(2), which the system takes back from a process that dies, however it dies. With
/// LOCK_NB false where another one holds it. Throws DataError where a file system has no locks.
inline bool take(const File& file, int operation, const std::filesystem::path& path) {
  while (::flock(file.descriptor(), operation) != 0) {
    if (errno == EINTR) continue;
    if (errno == EWOULDBLOCK) return false;
    throw DataError("cannot lock '" + path.string() + "' (" + std::generic_category().message(errno) +
                    "); choose a folder on a file system that has locks (flock), or mount it with them");
  }
  return true;
}

inline File open_lock(const std::filesystem::path& path) {
  return {path, O_RDWR | O_CREAT | O_NOFOLLOW, "open the lock"};
}

/// The number of shards by which a store is filled, or was last; 1 where a run did it alone, or none.
inline int shards_of(const File& lock) {
  std::array<char, 16> text{};
  const auto length = ::pread(lock.descriptor(), text.data(), text.size(), 0);
  int of = 1;
  if (length > 0) std::from_chars(text.data(), text.data() + length, of);
  return of;
}

/// The same of the store in a directory.
inline int shards_of(const std::filesystem::path& directory) {
  std::error_code error;
  if (!std::filesystem::exists(directory / "lock", error)) return 1;
  return shards_of(File(directory / "lock", O_RDONLY | O_NOFOLLOW, "read the lock"));
}

/// The locks of a run that fills a store. The folder has
///   opening.lock  held by who opens the store, so that it is done by one after the other,
///   lock          held by a run that is alone, and shared by shards; their number is in it,
///   shard-I.lock  held by shard I.
class Locks {
 public:
  /// Calls prepare(), which makes the header or compares it, while no other run opens the store. Throws
  /// DataError for a store that others fill in another way, and what prepare() throws.
  template <class Prepare>
  Locks(const std::filesystem::path& directory, const Shard& shard, Prepare&& prepare)
      : directory_(directory) {
    const File opening = open_lock(directory / "opening.lock");
    take(opening, LOCK_EX, directory / "opening.lock");
    require_exclusive();
    use_ = open_lock(directory / "lock");
    const bool first = take(use_, LOCK_EX | LOCK_NB, directory / "lock");
    if (!first &&
        (shard.alone() || !take(use_, LOCK_SH | LOCK_NB, directory / "lock") || shards_of(use_) != shard.of))
      refuse();
    if (!shard.alone()) {
      const std::filesystem::path path = directory / ("shard-" + std::to_string(shard.number) + ".lock");
      own_ = open_lock(path);
      if (!take(own_, LOCK_EX | LOCK_NB, path))
        throw DataError("shard " + shard.text() + " of the store '" + directory.string() +
                        "' runs already; start another shard, or wait for its end");
    }
    prepare();
    if (first) take_over(shard);
  }

 private:
  /// Throws DataError where a lock does not keep others out.
  void require_exclusive() const {
    const std::filesystem::path path = directory_ / "opening.lock";
    const File other = open_lock(path);
    if (take(other, LOCK_EX | LOCK_NB, path))
      throw DataError("the file system of the store '" + directory_.string() +
                      "' gives the same lock to two at once (flock); choose a folder on another one");
  }

  [[noreturn]] void refuse() const {
    const int others = shards_of(use_);
    throw DataError("the store '" + directory_.string() + "' is in use (" +
                    (others == 1 ? "another run holds its lock"
                                 : "it is being filled by shards of " + std::to_string(others)) +
                    "); wait for that run or choose another directory");
  }

  /// By the first one, whom nobody else disturbs.
  void take_over(const Shard& shard) {
    const std::string text = shard.alone() ? "" : std::to_string(shard.of) + "\n";
    if (::ftruncate(use_.descriptor(), 0) != 0 ||
        ::pwrite(use_.descriptor(), text.data(), text.size(), 0) != static_cast<::ssize_t>(text.size()))
      fail("write", directory_ / "lock", errno);
    if (!shard.alone()) {
      take(use_, LOCK_SH, directory_ / "lock");
      return;
    }
    // What runs leave that were killed. Shards leave it alone: locks of a network's file system may not be
    // seen by all that write there.
    std::error_code ignored;
    for (const auto& entry : std::filesystem::directory_iterator(directory_)) {
      const std::filesystem::path name = entry.path().filename();
      if (name.extension() == ".part" || (name.extension() == ".lock" && name.string().starts_with("shard-")))
        std::filesystem::remove(entry.path(), ignored);
    }
  }

  std::filesystem::path directory_;
  File use_, own_;
};

}  // namespace store_detail
}  // namespace SST_ABI
}  // namespace sst
