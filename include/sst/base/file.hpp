// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <istream>
#include <string>
#include <string_view>
#include <system_error>

#include <sst/base/memory.hpp>
#include <sst/base/plain_text.hpp>
#include <sst/error.hpp>
#include <sst/version.hpp>

/// \file
/// What all readers and writers of files share: names in messages, and files to read from.

namespace sst {
inline namespace SST_ABI {
namespace detail {

/// The length of the letter at the start of `text` if it cannot be seen or looks like another one (a no-break
/// space, a zero width, a mark of direction, the minus sign U+2212) or is not UTF-8; 0 for all others.
inline std::size_t unseen_letter(std::string_view text) {
  const auto byte = [&](std::size_t i) {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : static_cast<unsigned char>(0);
  };
  const unsigned char first = byte(0), second = byte(1), third = byte(2);
  const auto tail = [](unsigned char c) { return (c & 0xC0U) == 0x80U; };
  if (first < 0x80) return 0;
  if (first < 0xC2 || first > 0xF4 || !tail(second)) return 1;
  if (first < 0xE0) return first == 0xC2 && (second <= 0xA0 || second == 0xAD) ? 2 : 0;
  if (!tail(third)) return 1;
  if (first == 0xE2 && second == 0x80) return third <= 0x8F || (third >= 0xA8 && third <= 0xAF) ? 3 : 0;
  if (first == 0xE2 && second == 0x81) return third >= 0x9F && third <= 0xAF ? 3 : 0;
  if (first == 0xE2 && second == 0x88) return third == 0x92 ? 3 : 0;
  if (first == 0xE3 && second == 0x80) return third == 0x80 ? 3 : 0;
  if (first == 0xEF && second == 0xBB) return third == 0xBF ? 3 : 0;
  return first >= 0xF0 && !tail(byte(3)) ? 1 : 0;
}

/// `text` as a message shows it: one line, all of it to be seen, not longer than a reader needs.
inline std::string printable(std::string_view text) {
  constexpr std::size_t longest = 40;
  std::size_t end = std::min(text.size(), longest);
  while (end < text.size() && end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
  std::string out;
  for (std::size_t at = 0; at < end;) {
    const auto first = static_cast<unsigned char>(text[at]);
    const bool control = first < 0x20 || first == 0x7F;
    const std::size_t hidden = control ? 1 : unseen_letter(text.substr(at, end - at));
    if (hidden == 0) out += text[at];
    for (std::size_t i = 0; i < hidden; ++i) {
      constexpr std::string_view hex = "0123456789abcdef";
      const auto byte = static_cast<unsigned char>(text[at + i]);
      out += {'\\', 'x', hex[byte >> 4U], hex[byte & 15U]};
    }
    // The bytes behind the first of a letter that can be seen come with it.
    at += std::max<std::size_t>(hidden, 1);
    while (hidden == 0 && first >= 0xC2 && at < end &&
           (static_cast<unsigned char>(text[at]) & 0xC0U) == 0x80U)
      out += text[at++];
  }
  return out + (end < text.size() ? "..." : "");
}

/// The same in quotes.
inline std::string quote(std::string_view text) { return "'" + printable(text) + "'"; }

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

/// All that comes from a stream. Throws DataError when it breaks off, and before it has taken all memory:
/// devices such as /dev/zero have no end. `expected`: how many bytes will come, if that is known.
inline std::string read_all(std::istream& in, const std::string& source, std::size_t expected = 0) {
  std::string text;
  const auto make_room = [&](double bytes) {
    constexpr double little = 1 << 26;
    if (bytes > little && bytes > available_memory()) {
      PlainText message;
      message.precision(3);
      message << "cannot read " << quote(source) << " (it is longer than "
              << static_cast<double>(text.size()) / (1 << 30)
              << " GiB and memory ends); give a file that fits, and no device without an end";
      throw DataError(message.str());
    }
    text.reserve(static_cast<std::size_t>(bytes));
  };
  std::array<char, 1U << 16U> buffer;
  make_room(static_cast<double>(std::max(expected, buffer.size())));
  while (in.read(buffer.data(), buffer.size()) || in.gcount() > 0) {
    const auto count = static_cast<std::size_t>(in.gcount());
    // Old and new are there while it moves.
    if (text.capacity() - text.size() < count) make_room(2 * static_cast<double>(text.capacity()));
    text.append(buffer.data(), count);
  }
  if (in.bad()) throw DataError("cannot read " + source + " (the stream broke off); check the device");
  return text;
}

/// All bytes of a file. Throws DataError as the two above.
inline std::string read_all(const std::filesystem::path& path) {
  std::ifstream in = open_for_reading(path);
  std::error_code unknown;  // of a pipe
  const std::uintmax_t size = std::filesystem::file_size(path, unknown);
  return read_all(in, path.string(), unknown ? 0 : static_cast<std::size_t>(size));
}

}  // namespace detail
}  // namespace SST_ABI
}  // namespace sst
