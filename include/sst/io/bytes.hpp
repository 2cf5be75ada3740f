// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <istream>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <sst/base/file.hpp>
#include <sst/error.hpp>
#include <sst/version.hpp>

namespace sst {
inline namespace SST_ABI {

/// Bytes that come one after another, from a plain file or (gzip.hpp) a compressed one.
class ByteSource {
 public:
  /// `name`: the file, for messages.
  explicit ByteSource(std::string name) : name_(std::move(name)) {}
  virtual ~ByteSource() = default;
  ByteSource(const ByteSource&) = delete;
  ByteSource& operator=(const ByteSource&) = delete;

  /// Reads `count` bytes; fewer only where the source ends. Throws DataError when reading fails.
  virtual std::size_t read(unsigned char* bytes, std::size_t count) = 0;
  /// No more bytes than this can come, known before anything is read: what headers are held against.
  virtual std::uint64_t at_most() const = 0;
  /// Goes to the byte at `place`, counted from 0, and reads on from there; false where the source cannot.
  virtual bool seek([[maybe_unused]] std::uint64_t place) { return false; }
  /// The file's name, for messages.
  const std::string& name() const { return name_; }

 private:
  std::string name_;
};

/// A plain file. Throws DataError when it cannot be opened or its size is unknown (a pipe).
class FileSource : public ByteSource {
 public:
  /// Opens the file. Throws DataError when it cannot be opened or its size is unknown.
  explicit FileSource(const std::filesystem::path& path)
      : ByteSource(path.string()), in_(detail::open_for_reading(path)) {
    std::error_code error;
    size_ = std::filesystem::file_size(path, error);
    if (error)
      throw DataError("cannot read '" + name() + "' (its size is unknown: " + error.message() +
                      "); give a regular file");
  }

  std::size_t read(unsigned char* bytes, std::size_t count) override {
    in_.read(reinterpret_cast<char*>(bytes), static_cast<std::streamsize>(count));
    if (in_.bad()) throw DataError("cannot read '" + name() + "' (reading broke off); check the device");
    return static_cast<std::size_t>(in_.gcount());
  }
  std::uint64_t at_most() const override { return size_; }
  bool seek(std::uint64_t place) override {
    in_.clear();
    return static_cast<bool>(in_.seekg(static_cast<std::streamoff>(place)));
  }

 private:
  std::ifstream in_;
  std::uint64_t size_ = 0;
};

/// A stream of which nobody knows how long it is, such as a pipe. Its first bytes can be looked at before
/// they are read.
class StreamSource : public ByteSource {
 public:
  /// Keeps a reference: `in` has to outlive it. `name`: for messages.
  StreamSource(std::istream& in, std::string name) : ByteSource(std::move(name)), in_(in) {
    start_.resize(8);
    start_.resize(read_stream(start_.data(), start_.size()));
  }

  /// The first bytes, eight of them if it has as many.
  std::string_view start() const { return start_; }
  /// How many bytes were read.
  std::uint64_t taken() const { return taken_; }

  std::size_t read(unsigned char* bytes, std::size_t count) override {
    const std::size_t known = taken_ < start_.size() ? start_.size() - static_cast<std::size_t>(taken_) : 0;
    const std::size_t first = std::min(count, known);
    if (first > 0) std::copy_n(start_.data() + taken_, first, bytes);
    const std::size_t got =
        first + (count > first ? read_stream(reinterpret_cast<char*>(bytes) + first, count - first) : 0);
    taken_ += got;
    return got;
  }
  std::uint64_t at_most() const override { return UINT64_MAX; }

 private:
  std::size_t read_stream(char* bytes, std::size_t count) {
    in_.read(bytes, static_cast<std::streamsize>(count));
    if (in_.bad()) throw DataError("cannot read " + name() + " (the stream broke off); check the device");
    return static_cast<std::size_t>(in_.gcount());
  }

  std::istream& in_;
  std::string start_;
  std::uint64_t taken_ = 0;
};

/// Bytes in memory, such as those that came through a pipe.
class MemorySource : public ByteSource {
 public:
  /// Keeps a reference: `bytes` has to outlive it.
  MemorySource(std::string_view bytes, std::string name) : ByteSource(std::move(name)), left_(bytes) {}

  std::size_t read(unsigned char* bytes, std::size_t count) override {
    const std::size_t got = std::min(count, left_.size());
    std::copy_n(left_.data(), got, bytes);
    left_.remove_prefix(got);
    return got;
  }
  std::uint64_t at_most() const override { return left_.size(); }

 private:
  std::string_view left_;
};

namespace detail {

/// Appends up to `count` bytes in bounded pieces: no more memory than about twice what really comes.
inline std::uint64_t append_bytes(ByteSource& source, std::uint64_t count,
                                  std::vector<unsigned char>& bytes) {
  constexpr std::uint64_t piece = std::uint64_t{1} << 20U;
  std::uint64_t done = 0;
  while (done < count) {
    const auto wanted = static_cast<std::size_t>(std::min(piece, count - done));
    const std::size_t before = bytes.size();
    bytes.resize(before + wanted);
    const std::size_t got = source.read(bytes.data() + before, wanted);
    bytes.resize(before + got);
    done += got;
    if (got < wanted) break;
  }
  return done;
}

/// Reads and forgets up to `count` bytes; returns how many there were.
inline std::uint64_t skip_bytes(ByteSource& source, std::uint64_t count) {
  std::vector<unsigned char> piece(std::size_t{1} << 16U);
  std::uint64_t done = 0;
  while (done < count) {
    const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(piece.size(), count - done));
    const std::size_t got = source.read(piece.data(), wanted);
    done += got;
    if (got < wanted) break;
  }
  return done;
}

}  // namespace detail

}  // namespace SST_ABI
}  // namespace sst
