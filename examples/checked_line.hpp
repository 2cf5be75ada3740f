// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include <sst/base/fingerprint.hpp>

/// \file
/// Lines "CHECKSUM TEXT", for files of results that are only ever appended to: what a killed program leaves
/// of its last line is told from a line.

namespace program {

/// The line of a text that has no ends of lines, with its own.
inline std::string checked_line(const std::string& text) {
  return sst::Fingerprint().add(text).text() + ' ' + text + '\n';
}

/// The text of a line without its end; none where its checksum is another.
inline std::optional<std::string_view> checked_text(std::string_view line) {
  constexpr std::size_t digits = 16;
  if (line.size() <= digits + 1) return std::nullopt;
  const std::string_view text = line.substr(digits + 1);
  return line.substr(0, digits) == sst::Fingerprint().add(text).text() ? std::optional(text) : std::nullopt;
}

}  // namespace program
