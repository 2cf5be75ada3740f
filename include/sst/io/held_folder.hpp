// SPDX-License-Identifier: MIT
#pragma once

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <system_error>
#include <utility>

#if __has_include(<unistd.h>)
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#endif

#include <sst/base/file.hpp>
#include <sst/base/fingerprint.hpp>
#include <sst/error.hpp>
#include <sst/io/bytes.hpp>
#include <sst/version.hpp>

/// \file
/// A folder that is held open, so that its files are those of one folder even when another takes its name.

namespace sst {
inline namespace SST_ABI {
namespace detail {

struct CloseFile {
  void operator()(std::FILE* file) const { std::fclose(file); }
};
using FileHandle = std::unique_ptr<std::FILE, CloseFile>;

/// A regular file that is read once, with the fingerprint of what was read so far.
class HeldFile : public ByteSource {
 public:
  HeldFile(std::string name, FileHandle file, std::uint64_t size)
      : ByteSource(std::move(name)), file_(std::move(file)), size_(size) {}

  std::size_t read(unsigned char* bytes, std::size_t count) override {
    const std::size_t got = std::fread(bytes, 1, count, file_.get());
    if (std::ferror(file_.get()))
      throw DataError("cannot read '" + name() + "' (reading broke off); check the device");
    fingerprint_.add(bytes, got);
    return got;
  }
  std::uint64_t at_most() const override { return size_; }
  const Fingerprint& fingerprint() const { return fingerprint_; }

 private:
  FileHandle file_;
  std::uint64_t size_;
  Fingerprint fingerprint_;
};

/// A folder that is held open. Where the system has no such thing (Windows), it is the folder's name.
class HeldFolder {
 public:
  /// Throws DataError when there is no such folder.
  explicit HeldFolder(std::filesystem::path path) : path_(std::move(path)) {
#if __has_include(<unistd.h>)
    descriptor_ = ::open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor_ < 0) fail(last_system_error());
#else
    if (!std::filesystem::is_directory(path_)) fail("it is not a folder");
#endif
  }
  HeldFolder(const HeldFolder&) = delete;
  HeldFolder& operator=(const HeldFolder&) = delete;
  ~HeldFolder() {
#if __has_include(<unistd.h>)
    ::close(descriptor_);
#endif
  }

  /// Nothing when the folder has no such file. Throws DataError when it cannot be read, or is a device or a
  /// pipe, which may never end.
  std::unique_ptr<HeldFile> open(const std::string& name) const {
    const std::filesystem::path path = path_ / name;
    errno = 0;
#if __has_include(<unistd.h>)
    const int descriptor = ::openat(descriptor_, name.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (descriptor < 0 && errno == ENOENT) return nullptr;
    FileHandle file(descriptor < 0 ? nullptr : ::fdopen(descriptor, "rb"));
    struct stat status {};
    if (file && ::fstat(descriptor, &status) == 0 && !S_ISREG(status.st_mode))
      throw DataError("cannot read '" + path.string() + "' (it is not a regular file); check the path");
    const auto size = static_cast<std::uint64_t>(status.st_size);
#else
    std::error_code error;
    if (!std::filesystem::exists(path, error)) return nullptr;
    FileHandle file(std::fopen(path.string().c_str(), "rb"));
    const std::uint64_t size = std::filesystem::file_size(path, error);
#endif
    if (!file)
      throw DataError("cannot read '" + path.string() + "' (" + last_system_error() + "); check the path");
    return std::make_unique<HeldFile>(path.string(), std::move(file), size);
  }

  /// Whether the name is another folder's by now.
  bool replaced() const {
#if __has_include(<unistd.h>)
    struct stat held {
    }, named{};
    return ::fstat(descriptor_, &held) == 0 && ::stat(path_.c_str(), &named) == 0 &&
           (held.st_ino != named.st_ino || held.st_dev != named.st_dev);
#else
    return false;
#endif
  }

 private:
  [[noreturn]] void fail(const std::string& why) const {
    throw DataError("cannot open the folder '" + path_.string() + "' (" + why + "); check the path");
  }

  std::filesystem::path path_;
#if __has_include(<unistd.h>)
  int descriptor_ = -1;
#endif
};

}  // namespace detail
}  // namespace SST_ABI
}  // namespace sst
