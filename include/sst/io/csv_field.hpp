// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <unordered_map>
#include <utility>
#include <vector>

#include <sst/base/file.hpp>
#include <sst/error.hpp>
#include <sst/version.hpp>

/// \file
/// The fields of a CSV file: what they are, and what is wrong with them.

namespace sst {
inline namespace SST_ABI {
namespace detail {

/// What a field of a CSV file is.
enum class CsvField { number, empty, missing, not_finite, out_of_range, text };

/// Reads a number without regard to the locale.
inline CsvField parse_csv_field(std::string_view field, double& value) {
  if (field.empty()) return CsvField::empty;
  std::string_view digits = field;
  if (digits.front() == '+') digits.remove_prefix(1);
  if (digits.empty() || (digits.size() != field.size() && digits.front() == '-')) return CsvField::text;
  const char* const end = digits.data() + digits.size();
  const auto [stop, error] = std::from_chars(digits.data(), end, value);
  if (error != std::errc::invalid_argument && stop == end) {
    if (error == std::errc::result_out_of_range) return CsvField::out_of_range;
    return std::isfinite(value) ? CsvField::number : CsvField::not_finite;
  }
  for (const std::string_view word : {"NA", "N/A", "null", "NULL", "None", "?"})
    if (field == word) return CsvField::missing;
  return CsvField::text;
}

/// Whether a first row is a header. One of numbers and missing values is data that needs a repair:
/// taking it for a header would drop a sample in silence.
inline bool is_csv_header(const std::vector<std::string>& fields) {
  double ignored = 0;
  return std::any_of(fields.begin(), fields.end(), [&](const std::string& field) {
    return parse_csv_field(field, ignored) == CsvField::text;
  });
}

/// The first name that an earlier column has already, as {column, earlier column}, 0-based.
inline std::optional<std::pair<std::size_t, std::size_t>> repeated_name(
    const std::vector<std::string>& names) {
  std::unordered_map<std::string_view, std::size_t> seen;
  for (std::size_t i = 0; i < names.size(); ++i)
    if (const auto [it, fresh] = seen.emplace(names[i], i); !fresh && !names[i].empty())
      return std::pair{i, it->second};
  return std::nullopt;
}

/// What is wrong with a field that should be a number.
inline std::string csv_field_problem(std::string_view field, CsvField kind) {
  switch (kind) {
    case CsvField::empty:
      return "the field is empty (a missing value); fill it or remove the row";
    case CsvField::missing:
      return quote(field) + " stands for a missing value; fill it or remove the row";
    case CsvField::not_finite:
      return quote(field) + " is not a finite number; replace it or remove the row";
    case CsvField::out_of_range:
      return quote(field) + " is out of the range of double; rescale the column";
    default:
      return quote(field) + " is not a number; write one such as 1.5 or 2e-3";
  }
}

/// An error at a field: `line` of the file counted from 1, `column` from 0.
[[noreturn]] inline void fail_at_field(const std::string& source, std::size_t line, std::size_t column,
                                       std::string_view name, const std::string& problem) {
  throw DataError(source + ", row " + std::to_string(line) + ", column " + std::to_string(column + 1) +
                  (name.empty() ? "" : " (" + quote(name) + ")") + ": " + problem);
}

/// Appends a text as a field, in quotes where it needs them.
inline void append_csv_text(std::string& line, std::string_view text) {
  const bool plain = !text.empty() && text.find_first_of(",\"\r\n") == std::string_view::npos &&
                     text.find_first_of(" \t") != 0 && text.find_last_of(" \t") != text.size() - 1 &&
                     !text.starts_with("\xEF\xBB\xBF");  // would be dropped at the start of a file
  if (plain) {
    line += text;
    return;
  }
  line += '"';
  for (const char c : text) line.append(c == '"' ? 2 : 1, c);
  line += '"';
}

}  // namespace detail
}  // namespace SST_ABI
}  // namespace sst
