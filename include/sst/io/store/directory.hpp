// SPDX-License-Identifier: MIT
#pragma once

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include <sst/base/output_file.hpp>
#include <sst/error.hpp>
#include <sst/version.hpp>

/// \file
/// Files that survive a kill, on POSIX systems.

namespace sst {
inline namespace SST_ABI {
namespace store_detail {

[[noreturn]] inline void fail(const std::string& what, const std::filesystem::path& path, int error) {
  throw DataError("cannot " + what + " '" + path.string() + "' (" + std::generic_category().message(error) +
                  "); check the folder, its rights and its room");
}

/// An open file, closed at the end of its life.
class File {
 public:
  File() = default;
  File(const std::filesystem::path& path, int flags, const std::string& what)
      : descriptor_(::open(path.c_str(), flags | O_CLOEXEC, 0666)) {
    if (descriptor_ < 0) fail(what, path, errno);
  }
  File(File&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  File& operator=(File&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    return *this;
  }
  ~File() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  int descriptor() const { return descriptor_; }

 private:
  int descriptor_ = -1;
};

/// Holds the directory's lock; no other process (nor this one again) gets it meanwhile. The system
/// takes it back from a process that dies, however it dies.
inline File lock(const std::filesystem::path& directory) {
  File file(directory / "lock", O_RDWR | O_CREAT | O_NOFOLLOW, "open the lock");
  while (::flock(file.descriptor(), LOCK_EX | LOCK_NB) != 0) {
    if (errno == EINTR) continue;
    if (errno != EWOULDBLOCK) fail("lock", directory / "lock", errno);
    throw DataError(
        "the store '" + directory.string() +
        "' is in use (another run holds its lock); wait for that run or choose another directory");
  }
  return file;
}

/// Puts what was renamed into a directory on the disk.
inline void sync_directory(const std::filesystem::path& directory) {
  const File file(directory, O_RDONLY | O_DIRECTORY, "open");
  // Some file systems cannot, and say so with EINVAL.
  if (::fsync(file.descriptor()) != 0 && errno != EINVAL) fail("write", directory, errno);
}

/// Writes a file that is there completely or not at all, whenever the process or the machine dies:
/// under another name that nobody guesses (ending in .part), onto the disk, then renamed.
inline void write_durably(const std::filesystem::path& path, std::string_view bytes) {
  const std::filesystem::path part = detail::sibling(path);
  std::optional<File> file;
  const detail::Temporary temporary(
      {part}, [&] { file.emplace(part, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, "write"); });
  while (!bytes.empty()) {
    const ::ssize_t written = ::write(file->descriptor(), bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail("write", part, errno);
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  if (::fsync(file->descriptor()) != 0) fail("write", part, errno);
  file.reset();
  std::error_code error;
  detail::Temporaries::all().step([&] { std::filesystem::rename(part, path, error); });
  if (error) fail("write", path, error.value());
  sync_directory(path.parent_path());
}

}  // namespace store_detail
}  // namespace SST_ABI
}  // namespace sst
