// SPDX-License-Identifier: MIT
#pragma once

#include <zlib.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <new>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include <sst/error.hpp>
#include <sst/io/bytes.hpp>
#include <sst/version.hpp>

/// \file
/// Files compressed with gzip. This header alone needs zlib: link with -lz.

namespace sst {
inline namespace SST_ABI {

/// A file compressed with gzip (RFC 1952), or a plain one, unpacked as it is read.
///
/// Throws DataError, with the file's name, when it cannot be opened, and from `read` where the
/// compressed data are damaged, fail their checksum or end early.
class GzipSource : public ByteSource {
 public:
  /// Opens the file. Throws DataError when it cannot be opened or its size is unknown.
  explicit GzipSource(const std::filesystem::path& path) : ByteSource(path.string()) {
    detail::open_for_reading(path);  // for its messages
    std::error_code error;
    const std::uint64_t size = std::filesystem::file_size(path, error);
    if (error)
      throw DataError("cannot read '" + name() + "' (its size is unknown: " + error.message() +
                      "); give a regular file");
    file_.reset(gzopen(path.c_str(), "rb"));
    if (!file_) throw DataError("cannot read '" + name() + "' (it cannot be opened); check the path");
    // Deflate packs at most 258 bytes into two bits (RFC 1951, section 3.2.5).
    constexpr std::uint64_t most_a_byte = 4 * 258;
    at_most_ = gzdirect(file_.get()) ? size : std::min(size, UINT64_MAX / most_a_byte) * most_a_byte;
  }

  std::size_t read(unsigned char* bytes, std::size_t count) override {
    std::size_t done = 0;
    while (done < count) {
      constexpr std::size_t piece = std::size_t{1} << 24U;
      const int got = gzread(file_.get(), bytes + done, static_cast<unsigned>(std::min(piece, count - done)));
      if (got < 0) fail();
      if (got == 0) break;
      done += static_cast<std::size_t>(got);
    }
    if (done < count) {
      // gzread hands out what there is before it says that the stream breaks off.
      int status = Z_OK;
      gzerror(file_.get(), &status);
      if (status != Z_OK && status != Z_STREAM_END) fail();
    }
    return done;
  }
  std::uint64_t at_most() const override { return at_most_; }

 private:
  [[noreturn]] void fail() const {
    int status = Z_OK;
    std::string why = gzerror(file_.get(), &status);
    if (const std::string prefix = name() + ": "; why.starts_with(prefix)) why.erase(0, prefix.size());
    if (status == Z_BUF_ERROR) why = "it ends before its compressed data do";
    throw DataError("cannot unpack '" + name() + "' (" + why + "); get the file again");
  }

  struct Close {
    void operator()(gzFile file) const { gzclose(file); }
  };
  std::unique_ptr<gzFile_s, Close> file_;
  std::uint64_t at_most_ = 0;
};

/// Whether these bytes are compressed with gzip, by their magic number.
inline bool is_gzip(std::string_view bytes) { return bytes.starts_with("\x1F\x8B"); }

/// What bytes that are compressed with gzip unpack to, all members of the stream, wherever they come from.
///
/// Throws DataError, with the source's name, from `read` where they are damaged, fail their checksum or end
/// early.
class UnpackedSource : public ByteSource {
 public:
  /// Keeps a reference: `packed` has to outlive it. Throws std::bad_alloc when memory ends.
  explicit UnpackedSource(ByteSource& packed) : ByteSource(packed.name()), packed_(packed) {
    constexpr int gzip = 16;  // zlib's flag for this format and no other
    if (inflateInit2(&stream_, MAX_WBITS + gzip) != Z_OK) throw std::bad_alloc();
  }
  ~UnpackedSource() override { inflateEnd(&stream_); }

  std::size_t read(unsigned char* bytes, std::size_t count) override {
    std::size_t done = 0;
    while (done < count) {
      if (stream_.avail_in == 0) {
        const std::size_t got = packed_.read(piece_.data(), piece_.size());
        stream_.next_in = piece_.data();
        stream_.avail_in = static_cast<uInt>(got);
      }
      if (status_ == Z_STREAM_END) {
        if (stream_.avail_in == 0) break;
        inflateReset(&stream_);  // another member follows
      }
      const auto wanted = static_cast<uInt>(std::min(count - done, std::size_t{1} << 30U));
      stream_.next_out = bytes + done;
      stream_.avail_out = wanted;
      status_ = inflate(&stream_, Z_NO_FLUSH);
      if (status_ == Z_BUF_ERROR) fail("it ends before its compressed data do");
      if (status_ != Z_OK && status_ != Z_STREAM_END)
        fail(stream_.msg != nullptr ? stream_.msg : "it is damaged");
      done += wanted - stream_.avail_out;
    }
    return done;
  }
  std::uint64_t at_most() const override { return UINT64_MAX; }

 private:
  [[noreturn]] void fail(const std::string& why) const {
    throw DataError("cannot unpack '" + name() + "' (" + why + "); get the file again");
  }

  ByteSource& packed_;
  z_stream stream_{};
  int status_ = Z_OK;
  std::vector<unsigned char> piece_ = std::vector<unsigned char>(std::size_t{1} << 18U);
};

namespace detail {

/// All bytes of a source, as a text. Throws DataError when they are more than `most`.
inline std::string unpacked_text(ByteSource& source, std::uint64_t most) {
  std::vector<unsigned char> bytes;
  if (append_bytes(source, most, bytes) == most && skip_bytes(source, 1) != 0)
    throw DataError("cannot unpack '" + source.name() + "' (it holds more than " + std::to_string(most) +
                    " bytes); unpack it with gunzip if it is meant to");
  return {bytes.begin(), bytes.end()};
}

}  // namespace detail

/// What bytes in memory unpack to; `source` names them in messages. Throws DataError as UnpackedSource does,
/// and when the text is longer than `most` bytes.
inline std::string unpack_gzip(std::string_view bytes, const std::string& source,
                               std::uint64_t most = std::uint64_t{1} << 32U) {
  MemorySource packed(bytes, source);
  UnpackedSource unpacked(packed);
  return detail::unpacked_text(unpacked, most);
}

/// The whole text of a file that is compressed with gzip, or plain; for `read_csv` through a
/// std::istringstream, say.
///
/// Throws DataError as GzipSource does, and when the text is longer than `most` bytes: a small file
/// can unpack to a thousand times its size.
inline std::string read_gzip_text(const std::filesystem::path& path,
                                  std::uint64_t most = std::uint64_t{1} << 30U) {
  GzipSource source(path);
  return detail::unpacked_text(source, most);
}

}  // namespace SST_ABI
}  // namespace sst
