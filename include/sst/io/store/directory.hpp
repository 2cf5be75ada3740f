// SPDX-License-Identifier: MIT
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <filesystem>
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

/// Puts what was renamed into a directory on the disk.
inline void sync_directory(const std::filesystem::path& directory) {
  const File file(directory, O_RDONLY | O_DIRECTORY, "open");
  // Some file systems cannot, and say so with EINVAL.
  if (::fsync(file.descriptor()) != 0 && errno != EINVAL) fail("write", directory, errno);
}

/// What becomes of a file that is there already.
enum class Existing { replace, keep };

/// Puts the complete file `part` in its place. Throws DataError.
inline void put_in_place(const std::filesystem::path& part, const std::filesystem::path& path,
                         Existing existing) {
  int error = 0;
  if (existing == Existing::keep) {
    // One of many that do this at the same time succeeds, on a network's file systems too.
    error = ::link(part.c_str(), path.c_str()) == 0 || errno == EEXIST ? 0 : errno;
    std::error_code ignored;  // some file systems make a symbolic link, which would lead nowhere
    if (error == 0 && std::filesystem::is_symlink(path, ignored)) error = ENOTSUP;
    constexpr std::array no_links{EPERM, EOPNOTSUPP, ENOTSUP, ENOSYS, EMLINK};
    if (std::find(no_links.begin(), no_links.end(), error) == no_links.end()) {
      if (error != 0) fail("write", path, error);
      return;
    }
  }
  std::error_code failure;
  std::filesystem::rename(part, path, failure);
  if (failure) fail("write", path, failure.value());
}

/// Writes a file that is there completely or not at all, whenever the process or the machine dies:
/// under another name that nobody guesses (ending in .part), onto the disk, then put in its place.
inline void write_durably(const std::filesystem::path& path, std::string_view bytes,
                          Existing existing = Existing::replace) {
  const std::filesystem::path part = detail::sibling(path);
  File file;
  const detail::Temporary temporary(
      {part}, [&] { file = File(part, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, "write"); });
  while (!bytes.empty()) {
    const ::ssize_t written = ::write(file.descriptor(), bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail("write", part, errno);
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  if (::fsync(file.descriptor()) != 0) fail("write", part, errno);
  file = File();
  detail::Temporaries::all().step([&] { put_in_place(part, path, existing); });
  sync_directory(path.parent_path());
}

/// A file takes the place of another one in one step, and who has that one open goes on reading it: what
/// finished tiles rely on. Throws DataError where a file system does it in another way.
inline void require_replacing_rename(const std::filesystem::path& directory) {
  const std::filesystem::path probe = detail::sibling(directory / "probe");
  const auto first_byte = [&](const File& file) {
    char byte = 0;
    while (::pread(file.descriptor(), &byte, 1, 0) < 0)
      if (errno != EINTR) fail("read", probe, errno);
    return byte;
  };
  const detail::Temporary temporary({probe}, [] {});
  write_durably(probe, "1");
  const File before(probe, O_RDONLY | O_NOFOLLOW, "read");
  write_durably(probe, "2");
  const File after(probe, O_RDONLY | O_NOFOLLOW, "read");
  if (first_byte(before) != '1' || first_byte(after) != '2')
    throw DataError("the file system of the store '" + directory.string() +
                    "' replaces no file in one step (a rename changed what was open); choose a folder on "
                    "another one");
}

}  // namespace store_detail
}  // namespace SST_ABI
}  // namespace sst
