// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <ostream>
#include <random>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include <sst/error.hpp>
#include <sst/version.hpp>

/// \file
/// What all readers and writers of files share: names in messages, and files that are never half written.

namespace sst {
inline namespace SST_ABI {
namespace detail {

/// `text` in quotes for a message: one line, printable, not longer than a reader needs.
inline std::string quote(std::string_view text) {
  constexpr std::size_t longest = 40;
  std::size_t end = std::min(text.size(), longest);
  while (end < text.size() && end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
  std::string out = "'";
  for (const char c : text.substr(0, end)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte != 0x7F) {
      out += c;
    } else {
      constexpr std::string_view hex = "0123456789abcdef";
      out += {'\\', 'x', hex[byte >> 4U], hex[byte & 15U]};
    }
  }
  return out + (end < text.size() ? "...'" : "'");
}

inline std::string last_system_error() {
  return errno ? std::generic_category().message(errno) : "no reason given";
}

/// Opens a file for reading; a missing file and a directory are errors.
inline std::ifstream open_for_reading(const std::filesystem::path& path) {
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored))
    throw DataError("cannot read '" + path.string() + "' (it is a directory); name a file in it");
  errno = 0;
  std::ifstream in(path, std::ios::binary);
  if (!in)
    throw DataError("cannot read '" + path.string() + "' (" + last_system_error() + "); check the path");
  return in;
}

/// A name beside `path` that nobody has or guesses, and that is not too long where that of `path` is not.
inline std::filesystem::path sibling(const std::filesystem::path& path) {
  std::random_device random;
  std::string name = ".sst-";
  for (int digit = 0; digit < 16; ++digit) name += "0123456789abcdef"[random() & 15U];
  return path.parent_path() / (name + ".part");
}

/// Removes a temporary file, whatever goes wrong.
struct Temporary {
  std::filesystem::path path;
  Temporary() = default;
  explicit Temporary(std::filesystem::path place) : path(std::move(place)) {}
  Temporary(const Temporary&) = delete;
  Temporary& operator=(const Temporary&) = delete;
  ~Temporary() {
    std::error_code ignored;
    if (!path.empty()) std::filesystem::remove(path, ignored);
  }
};

/// Lets fill(stream) write a temporary file beside `path`, then renames it: a reader finds the old
/// file or the complete new one. Links are followed; devices and pipes are written to directly.
template <class Fill>
void write_file(const std::filesystem::path& path, Fill&& fill) {
  namespace fs = std::filesystem;
  const auto fail = [&path](const std::string& why) {
    throw DataError("cannot write '" + path.string() + "' (" + why +
                    "); choose a place that exists, is writable and has room");
  };
  std::error_code error;
  fs::path target = fs::canonical(path, error);
  if (error) target = path;
  const fs::file_status status = fs::status(target, error);
  if (fs::is_directory(status)) fail("it is a directory");
  if (!fs::exists(status) && fs::is_symlink(fs::symlink_status(path, error)))
    fail("it is a link that leads nowhere");
  constexpr fs::perms any_write = fs::perms::owner_write | fs::perms::group_write | fs::perms::others_write;
  if (fs::exists(status) && (status.permissions() & any_write) == fs::perms::none) fail("it is read-only");

  Temporary temporary;
  if (!fs::exists(status) || fs::is_regular_file(status)) temporary.path = sibling(target);

  errno = 0;
  std::ofstream out(temporary.path.empty() ? target : temporary.path, std::ios::binary | std::ios::trunc);
  if (!out) fail(last_system_error());
  fill(static_cast<std::ostream&>(out));
  out.close();
  if (!out) fail(last_system_error());
  if (temporary.path.empty()) return;
  if (fs::exists(status)) fs::permissions(temporary.path, status.permissions(), error);
  fs::rename(temporary.path, target, error);
  if (error) fail(error.message());
  temporary.path.clear();
}

}  // namespace detail
}  // namespace SST_ABI
}  // namespace sst
