// SPDX-License-Identifier: MIT
#pragma once

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <list>
#include <locale>
#include <mutex>
#include <optional>
#include <ostream>
#include <random>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#if defined(__unix__) || defined(__APPLE__)
#include <fcntl.h>
#include <unistd.h>
#define SST_HAS_POSIX_FILES
#endif

#include <sst/base/file.hpp>
#include <sst/error.hpp>
#include <sst/version.hpp>

/// \file
/// Files that are never half written, and leave nothing else behind.

namespace sst {
inline namespace SST_ABI {
namespace detail {

/// What is being written under temporary names, so that a program which ends at once can take it along.
class Temporaries {
 public:
  using Paths = std::vector<std::filesystem::path>;  ///< the files, then their folder
  using Entry = std::list<Paths>::iterator;          ///< one temporary

  static Temporaries& all() {
    static Temporaries temporaries;
    return temporaries;
  }
  /// Notes what make() creates under these names. One with `remove_for_good`: there is nothing that is
  /// created and not noted.
  template <class Make>
  Entry add(Paths paths, Make&& make) {
    const std::lock_guard lock(mutex_);
    make();
    return live_.insert(live_.end(), std::move(paths));
  }
  /// What opens temporaries again, or puts them in their place: never while they are removed, or afterwards.
  template <class Step>
  void step(Step&& step) {
    const std::lock_guard lock(mutex_);
    step();
  }
  void forget(Entry entry) {
    const std::lock_guard lock(mutex_);
    live_.erase(entry);
  }
  /// For a program that ends now, whatever its other threads do: removes all, the last ones first, since they
  /// may lie in folders that are temporary too. A thread that would create another one, or put one in its
  /// place, waits from here on.
  void remove_for_good() {
    mutex_.lock();
    std::error_code ignored;
    for (auto paths = live_.rbegin(); paths != live_.rend(); ++paths)
      for (const auto& path : *paths) std::filesystem::remove(path, ignored);
  }

 private:
  std::mutex mutex_;
  std::list<Paths> live_;
};

/// A name beside `path` that nobody has or guesses, and that is not too long where that of `path` is not.
inline std::filesystem::path sibling(const std::filesystem::path& path) {
  std::random_device random;
  std::string name = ".sst-";
  for (int digit = 0; digit < 16; ++digit) name += "0123456789abcdef"[random() & 15U];
  return path.parent_path() / (name + ".part");
}

/// Removes files and their folder, whatever goes wrong.
class Temporary {
 public:
  /// Of what make() creates.
  template <class Make>
  Temporary(Temporaries::Paths paths, Make&& make)
      : entry_(Temporaries::all().add(std::move(paths), std::forward<Make>(make))) {}
  Temporary(const Temporary&) = delete;
  Temporary& operator=(const Temporary&) = delete;
  ~Temporary() {
    std::error_code ignored;
    for (const auto& path : *entry_) std::filesystem::remove(path, ignored);
    Temporaries::all().forget(entry_);
  }

 private:
  Temporaries::Entry entry_;
};

/// A file that is written under another name beside its place and takes it when it is complete and on the
/// disk: a reader finds the old file or the new one. Links are followed; devices and pipes are written to
/// directly.
class OutputFile {
 public:
  /// Throws DataError where nothing can be written.
  explicit OutputFile(const std::filesystem::path& path) : path_(path) {
    namespace fs = std::filesystem;
    std::error_code error;
    target_ = fs::canonical(path, error);
    if (error) target_ = path;
    const fs::file_status status = fs::status(target_, error);
    if (fs::is_directory(status)) fail("it is a directory");
    if (!fs::exists(status) && fs::is_symlink(fs::symlink_status(path, error)))
      fail("it is a link that leads nowhere");
    const fs::path folder = fs::absolute(target_, error).parent_path();
    if (!fs::exists(status) && !fs::is_directory(folder, error))
      fail("there is no folder '" + folder.string() + "'");
    constexpr fs::perms any_write = fs::perms::owner_write | fs::perms::group_write | fs::perms::others_write;
    exists_ = fs::exists(status);
    if (exists_ && (status.permissions() & any_write) == fs::perms::none) fail("it is read-only");
    direct_ = exists_ && !fs::is_regular_file(status);
    out_.imbue(std::locale::classic());
    if (!direct_) make_part(exists_ ? status.permissions() : fs::perms::unknown);
  }

  /// What is to be in the file.
  std::ostream& stream() {
    if (!out_.is_open()) {
      errno = 0;
      if (direct_)  // a pipe may wait for its reader
        out_.open(target_, std::ios::binary);
      else
        Temporaries::all().step([&] { out_.open(part_, std::ios::binary); });
      check();
    }
    return out_;
  }
  /// Throws DataError when what was written so far could not be.
  void check() {
    if (!out_) fail(last_system_error());
  }
  /// Puts the file in its place.
  void commit() {
    stream();
    errno = 0;
    out_.close();
    check();
    if (direct_) return;
    flush(part_);
    std::error_code error;
    Temporaries::all().step([&] { std::filesystem::rename(part_, target_, error); });
    if (error) fail(error.message());
    flush(target_.has_parent_path() ? target_.parent_path() : ".");
  }

 private:
  [[noreturn]] void fail(const std::string& why) const {
    throw DataError("cannot write '" + path_.string() + "' (" + why +
                    "); choose a place that exists, is writable and has room");
  }
  void make_part(std::filesystem::perms as) {
    part_ = sibling(target_);
    temporary_.emplace(Temporaries::Paths{part_}, [&] {
#ifdef SST_HAS_POSIX_FILES
      errno = 0;
      const int descriptor =
          ::open(part_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
      if (descriptor < 0) fail(last_system_error());
      ::close(descriptor);
#endif
    });
    std::error_code ignored;
    if (as != std::filesystem::perms::unknown) std::filesystem::permissions(part_, as, ignored);
  }
  /// From the system's memory onto the disk; some file systems cannot, and say so with EINVAL.
  void flush([[maybe_unused]] const std::filesystem::path& what) const {
#ifdef SST_HAS_POSIX_FILES
    const int descriptor = ::open(what.c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) return;  // a folder that may be written to and not read
    errno = 0;
    const bool failed = ::fsync(descriptor) != 0 && errno != EINVAL;
    const std::string why = last_system_error();
    ::close(descriptor);
    if (failed) fail(why);
#endif
  }

  std::filesystem::path path_, target_, part_;
  bool exists_ = false, direct_ = false;
  std::optional<Temporary> temporary_;
  std::ofstream out_;
};

/// Lets fill(stream) write a file; see OutputFile.
template <class Fill>
void write_file(const std::filesystem::path& path, Fill&& fill) {
  OutputFile file(path);
  fill(file.stream());
  file.commit();
}

/// Throws DataError where `write_file` could not begin, so that this is known before long work.
inline void require_writable(const std::filesystem::path& path) { const OutputFile tried(path); }

}  // namespace detail
}  // namespace SST_ABI
}  // namespace sst
