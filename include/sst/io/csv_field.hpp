// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
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
#include <sst/io/csv_format.hpp>
#include <sst/io/text_file.hpp>
#include <sst/version.hpp>

/// \file
/// The fields of a CSV file: what they are, and what is wrong with them.

namespace sst {
inline namespace SST_ABI {
namespace detail {

/// What a field of a CSV file is.
enum class CsvField { number, empty, missing, not_finite, out_of_range, text };

/// Whether a number that a double cannot hold is too small for it, and not too large: by the place of its
/// first digit that counts.
inline bool is_below_range(std::string_view digits) {
  const std::size_t exponent_at = std::min(digits.find_first_of("eE"), digits.size());
  const std::string_view mantissa = digits.substr(0, exponent_at);
  const std::size_t point = std::min(mantissa.find('.'), mantissa.size());
  const std::size_t first = mantissa.find_first_of("123456789");
  if (first == mantissa.npos) return true;
  const double place = static_cast<double>(point) - static_cast<double>(first) - (first < point ? 1 : 0);
  double exponent = 0;
  for (const char c : digits.substr(std::min(exponent_at + 1, digits.size())))
    if (c >= '0' && c <= '9') exponent = 10 * exponent + (c - '0');
  if (digits.find("e-") != digits.npos || digits.find("E-") != digits.npos) exponent = -exponent;
  return place + exponent < 0;
}

/// Reads a number with a point, without regard to the locale; 1e-400 is 0, the nearest double.
inline CsvField parse_csv_field(std::string_view field, double& value) {
  if (field.empty()) return CsvField::empty;
  std::string_view digits = field;
  if (digits.front() == '+') digits.remove_prefix(1);
  if (digits.empty() || (digits.size() != field.size() && digits.front() == '-')) return CsvField::text;
  const char* const end = digits.data() + digits.size();
  const auto [stop, error] = std::from_chars(digits.data(), end, value);
  if (error != std::errc::invalid_argument && stop == end) {
    if (error == std::errc::result_out_of_range) {
      if (!is_below_range(digits)) return CsvField::out_of_range;
      value = digits.front() == '-' ? -0.0 : 0.0;
    }
    return std::isfinite(value) ? CsvField::number : CsvField::not_finite;
  }
  for (const std::string_view word :
       {"NA", "N/A", "n/a", "#N/A", "#N/A N/A", "#NA", "<NA>", "null", "NULL", "None", "NaT", "?"})
    if (field == word) return CsvField::missing;
  return CsvField::text;
}

/// Whether it is a number once its one comma is a point: "2,6".
inline bool with_decimal_point(std::string_view field, double& value) {
  const std::size_t comma = field.find(',');
  if (comma == field.npos || field.find_first_of(".,", comma + 1) != field.npos ||
      field.find('.') != field.npos)
    return false;
  std::string point(field);
  point[comma] = '.';
  return parse_csv_field(point, value) == CsvField::number;
}

/// The same, and surely no thousands ("1,234" may be those).
inline bool is_decimal_comma(std::string_view field) {
  double ignored = 0;
  if (!with_decimal_point(field, ignored)) return false;
  const std::size_t comma = field.find(',');
  const std::string_view whole = field.substr(0, comma);
  const std::size_t sign = whole.find_first_not_of("+-");
  return field.size() - comma - 1 != 3 || sign == whole.npos || whole[sign] == '0' || whole.size() - sign > 3;
}

/// The same under a format: its decimals, and its words for missing values, which may be numbers.
inline CsvField parse_csv_field(std::string_view field, double& value, const CsvFormat& format) {
  CsvField kind = parse_csv_field(field, value);
  if (format.decimal == ',') {
    if (kind == CsvField::number && field.find('.') != field.npos) kind = CsvField::text;
    if (kind == CsvField::text && with_decimal_point(field, value)) kind = CsvField::number;
  }
  for (const std::string& word : format.missing)
    if (double same = 0;
        field == word || (kind == CsvField::number && parse_csv_field(word, same) == kind && same == value))
      return CsvField::missing;
  return kind;
}

/// A number as its shortest text, whatever it was written as: 1, 1.0, 01 and 1e0 are one. Text stays.
inline std::string canonical_field(std::string_view field, const CsvFormat& format) {
  double value = 0;
  if (parse_csv_field(field, value, format) != CsvField::number) return std::string(field);
  std::array<char, 32> digits;
  return {digits.data(), std::to_chars(digits.data(), digits.data() + digits.size(), value + 0.0).ptr};
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

/// The same text without letters that cannot be seen, and with the minus that numbers have.
inline std::string visible_text(std::string_view field) {
  std::string out;
  for (std::size_t at = 0; at < field.size();) {
    const std::size_t length = unseen_letter(field.substr(at));
    if (field.substr(at, length) == "\xE2\x88\x92") out += '-';
    if (length == 0) out += field[at];
    at += std::max<std::size_t>(length, 1);
  }
  return out;
}

/// Whether it is a word that some take for a missing value and others for a value; CsvFormat::missing says
/// which.
inline bool may_stand_for_missing(std::string_view field) {
  constexpr std::array<std::string_view, 13> words{
      "-", "--", ".", "*", "na", "Na", "nil", "none", "missing", "unknown", "N.A.", "n.a.", "#NULL!"};
  return std::find(words.begin(), words.end(), field) != words.end();
}

/// What is wrong with a field, and what to do.
struct FieldProblem {
  std::string what, remedy;
  std::string text() const { return what + "; " + remedy; }
};

/// Of a text where a number should be.
inline FieldProblem not_a_number(std::string_view field) {
  const std::string what = quote(field) + " is not a number";
  double value = 0;
  if (const std::string seen = visible_text(field);
      seen != field && parse_csv_field(seen, value) == CsvField::number)
    return {what + " (it has letters that cannot be seen, or look like others)", "write " + seen};
  if (with_decimal_point(field, value)) {
    std::string point(field);
    point[point.find(',')] = '.';
    return {quote(field) + " has a comma",
            "write " + point + ", or say that decimals have one (decimal: comma)"};
  }
  if (may_stand_for_missing(field))
    return {what, "correct it, or say that it stands for a missing value (na: " + std::string(field) + ")"};
  return {what, "write one such as 1.5 or 2e-3"};
}

/// What is wrong with a field that should be a number.
inline FieldProblem csv_field_problem(std::string_view field, CsvField kind) {
  switch (kind) {
    case CsvField::empty:
      return {"the field is empty (a missing value)", "fill it or remove the row"};
    case CsvField::missing:
      return {quote(field) + " stands for a missing value", "fill it or remove the row"};
    case CsvField::not_finite:
      return {quote(field) + " is not a finite number", "replace it or remove the row"};
    case CsvField::out_of_range:
      return {quote(field) + " is out of the range of double", "rescale the column"};
    default:
      return not_a_number(field);
  }
}

/// A column in a message, counted from 1: column 2 ('b').
inline std::string column_place(std::size_t column, std::string_view name) {
  return "column " + std::to_string(column + 1) + (name.empty() ? "" : " (" + quote(name) + ")");
}

/// An error at a field: `line` of the file counted from 1, `column` from 0.
[[noreturn]] inline void fail_at_field(const std::string& source, std::size_t line, std::size_t column,
                                       std::string_view name, const std::string& problem) {
  throw DataError(source + ", row " + std::to_string(line) + ", " + column_place(column, name) + ": " +
                  problem);
}

/// Appends a text as a field, in quotes where it needs them (another separator would be evidence for itself,
/// and so would the mark of another format at the start) or where `quoted` asks for them.
inline void append_csv_text(std::string& line, std::string_view text, bool quoted = false) {
  const bool plain = !quoted && !text.empty() &&
                     text.find_first_of(",;|\t\"\r\n") == std::string_view::npos &&
                     text.find_first_of(" \t") != 0 && text.find_last_of(" \t") != text.size() - 1 &&
                     !text.starts_with("\xEF\xBB\xBF") && !(line.empty() && may_be_foreign(text));
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
