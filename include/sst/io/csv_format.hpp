// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sst/version.hpp>

/// \file
/// How a CSV file is written: what its readers find out by evidence, or are told.

namespace sst {
inline namespace SST_ABI {

/// Whether the first row of a table holds the names of its columns.
enum class CsvHeader {
  automatic,  ///< by evidence; where it is open, that is an error
  yes,        ///< it does, even if the names are numbers
  no          ///< it is a sample
};

/// How the bytes of a CSV file stand for letters.
enum class CsvEncoding {
  utf8,   ///< or UTF-16, when its mark is at the start
  latin1  ///< ISO 8859-1: every byte is a letter
};

/// How a CSV file is written. The default finds everything out by evidence.
struct CsvFormat {
  CsvHeader header = CsvHeader::automatic;  ///< whether row 1 has names
  /// Between fields: one of , ; | and tab, or a blank for runs of blanks and tabs; 0: by evidence.
  char separator = 0;
  char decimal = 0;                          ///< before decimals: a point or a comma; 0: by evidence
  CsvEncoding encoding = CsvEncoding::utf8;  ///< of names and text
  std::vector<std::string> missing{};        ///< more words for a missing value, such as "-" or "-999"
  /// The names of the table this one goes with, empty if that has none: a row that repeats them is a header.
  std::optional<std::vector<std::string>> known{};
};

namespace detail {

constexpr bool is_line_end(char c) { return c == '\n' || c == '\r'; }

/// The start of the next line. A line ends in LF, CR LF, CR CR LF (text mode twice) or CR alone.
constexpr std::size_t behind_line_end(std::string_view text, std::size_t at) {
  const std::string_view end = text.substr(std::min(at, text.size()), 3);
  return at + (end == "\r\r\n" ? 3 : end.starts_with("\r\n") ? 2 : end.empty() ? 0 : 1);
}

/// What may stand around a field and is not part of it.
constexpr std::string_view blanks_beside(char separator) { return separator == '\t' ? " " : " \t"; }

constexpr std::size_t skip(std::string_view text, std::string_view blanks, std::size_t at) {
  return std::min(text.find_first_not_of(blanks, at), text.size());
}

/// Whether a field ends at this letter.
constexpr bool ends_field(char c, char separator) {
  return c == separator || is_line_end(c) || (separator == ' ' && c == '\t');
}

}  // namespace detail
}  // namespace SST_ABI
}  // namespace sst
