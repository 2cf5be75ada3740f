// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include <sst/base/file.hpp>
#include <sst/error.hpp>
#include <sst/io/csv_field.hpp>
#include <sst/io/csv_format.hpp>
#include <sst/version.hpp>

/// \file
/// How a CSV file is written, by the evidence of its first rows.

namespace sst {
inline namespace SST_ABI {
namespace detail {

struct SampleField {
  std::string_view text;
  bool quoted = false;
};
using SampleRow = std::vector<SampleField>;

/// What counts as evidence: the rows that begin in so many bytes, the first two wherever they begin.
constexpr std::size_t sample_bytes = std::size_t{1} << 18U;

/// The first rows under a separator, and where they end. What is wrong with them is the scanner's to say.
struct Sample {
  std::vector<SampleRow> rows;
  std::size_t end = 0;
};
inline Sample take_sample(std::string_view text, char separator) {
  constexpr std::size_t most_rows = 201;
  const std::string_view blanks = blanks_beside(separator);
  const auto end_of_field = [&](std::size_t at) {
    while (at < text.size() && !ends_field(text[at], separator)) ++at;
    return at;
  };
  Sample sample;
  std::vector<SampleRow>& rows = sample.rows;
  std::size_t& at = sample.end;
  while (at < text.size() && rows.size() < most_rows && (at < sample_bytes || rows.size() < 2)) {
    SampleRow& row = rows.emplace_back();
    for (bool ended = false; !ended;) {
      at = skip(text, blanks, at);
      if (at < text.size() && text[at] == '"') {
        std::size_t close = std::min(text.find('"', at + 1), text.size());
        while (close + 1 < text.size() && text[close + 1] == '"')
          close = std::min(text.find('"', close + 2), text.size());
        row.push_back({text.substr(at + 1, close - at - 1), true});
        at = end_of_field(std::min(close + 1, text.size()));
      } else {
        const std::size_t begin = at;
        at = end_of_field(at);
        const std::string_view field = text.substr(begin, at - begin);
        row.push_back({field.substr(0, field.find_last_not_of(blanks) + 1)});
      }
      if (separator == ' ') at = skip(text, blanks, at);
      ended = at >= text.size() || is_line_end(text[at]);
      if (ended)
        at = behind_line_end(text, at);
      else if (separator != ' ')
        ++at;
    }
  }
  return sample;
}

constexpr std::array separator_candidates{',', ';', '\t', '|', ' '};

/// Whether the start of a text has all that counts as evidence, whatever follows.
inline bool holds_sample(std::string_view start, const CsvFormat& format) {
  const auto ends = [&](char separator) { return take_sample(start, separator).end < start.size(); };
  return format.separator != 0 ? ends(format.separator)
                               : std::all_of(separator_candidates.begin(), separator_candidates.end(), ends);
}

inline bool is_number(std::string_view field, const CsvFormat& format) {
  double ignored = 0;
  return parse_csv_field(field, ignored, format) == CsvField::number;
}

/// The separator that gives every row as many fields as the first, and most of them numbers.
inline char find_separator(std::string_view text) {
  CsvFormat point{.decimal = '.'}, comma{.decimal = ','};
  char best = 0;
  double best_share = -1;
  for (const char candidate : separator_candidates) {
    const auto rows = take_sample(text, candidate).rows;
    const std::size_t columns = rows.front().size();
    if (columns < 2 ||
        std::any_of(rows.begin(), rows.end(), [&](const SampleRow& row) { return row.size() != columns; }))
      continue;
    double numbers = 0, fields = 0;
    for (std::size_t i = rows.size() > 1 ? 1 : 0; i < rows.size(); ++i)
      for (const SampleField& field : rows[i]) {
        fields += !field.text.empty();
        if (is_number(field.text, point) || is_number(field.text, comma))
          ++numbers;
        else if (field.text.find_first_of(",;\t|") != field.text.npos && !field.quoted)
          --numbers;  // another separator in it
      }
    const double share = numbers / std::max(fields, 1.0);
    // Words have blanks between them too.
    const bool words = candidate == ' ' && share < 0.5 &&
                       text.substr(0, text.find_first_of("\r\n")).find_first_of(",;\t|") != text.npos;
    if (share > best_share && !words) {
      best = candidate;
      best_share = share;
    }
  }
  if (best != 0) return best;
  // Rows of different lengths: the scanner says which.
  const std::string_view first = text.substr(0, text.find_first_of("\r\n"));
  const std::size_t at = std::min({first.find(','), first.find(';'), first.find('\t'), first.find('|')});
  return first.find(',') != first.npos || at == first.npos ? ',' : first[at];
}

/// A comma where some field is a number with one, surely no thousands, and none is a number with a point.
inline char find_decimal(const std::vector<SampleRow>& rows) {
  const CsvFormat point{.decimal = '.'};
  bool surely = false;
  for (const SampleRow& row : rows)
    for (const SampleField& field : row) {
      if (is_number(field.text, point)) {
        if (field.text.find('.') != field.text.npos) return '.';
      } else {
        surely = surely || is_decimal_comma(field.text);
      }
    }
  return surely ? ',' : '.';
}

/// A column of the sample below row 1, beside its field there.
struct SampleColumn {
  double value = 0;            ///< of the field in row 1
  bool written_whole = false;  ///< without a point
  CsvField kind = CsvField::empty;
  std::size_t numbers = 0;
  bool texts = false, quoted = false, recurs = false, whole = true;
  double low = std::numeric_limits<double>::infinity(), high = -low;

  /// Whether row 1 has a number that the others would not have.
  bool unlike(std::size_t rows) const {
    return (!whole && written_whole) || (rows >= 5 && (value < low || value > high));
  }
};

inline std::vector<SampleColumn> sample_columns(const std::vector<SampleRow>& rows, const CsvFormat& format) {
  std::vector<SampleColumn> columns(rows.front().size());
  for (std::size_t c = 0; c < columns.size(); ++c) {
    SampleColumn& column = columns[c];
    const SampleField& first = rows.front()[c];
    column.kind = parse_csv_field(first.text, column.value, format);
    column.written_whole = first.text.find_first_of(".,eE") == first.text.npos;
    for (std::size_t i = 1; i < rows.size(); ++i) {
      if (c >= rows[i].size()) continue;
      const SampleField& field = rows[i][c];
      double value = 0;
      const CsvField kind = parse_csv_field(field.text, value, format);
      column.quoted = column.quoted || field.quoted;
      column.texts = column.texts || kind == CsvField::text;
      column.recurs = column.recurs || (kind == CsvField::text && field.text == first.text);
      if (kind != CsvField::number) continue;
      ++column.numbers;
      column.whole = column.whole && value == std::round(value);
      column.low = std::min(column.low, value);
      column.high = std::max(column.high, value);
    }
  }
  return columns;
}

/// Whether the numbers of a row are evenly spaced, as names that count or wavelengths are: 0, 1, 2 or 400,
/// 410, 420, ...; of eight or more it is enough that they rise or fall. Two are enough beside names that are
/// text.
inline bool is_sequence(const std::vector<double>& values, bool beside_names) {
  if (values.size() < (beside_names ? 2U : 3U)) return false;
  const double step = values[1] - values[0];
  const bool counts = step == 1 && values[0] == 0;
  bool even = counts || values.size() >= 5, rises = values.size() >= 8;
  for (std::size_t i = 1; i < values.size(); ++i) {
    const double here = values[i] - values[i - 1];
    even = even && std::abs(here - step) <= 1e-9 * std::max(std::abs(values[i]), std::abs(values[0]));
    rises = rises && here * step > 0;
  }
  return step != 0 && (even || rises);
}

/// Whether row 1 holds names: it does where it has text above numbers, or numbers that count or rise evenly
/// as the rows below do not; it does not where its text comes again below. `automatic`: it is open.
inline CsvHeader find_header(const std::vector<SampleRow>& rows, const CsvFormat& format) {
  const SampleRow& first = rows.front();
  if (format.known) {
    const auto familiar = std::count_if(first.begin(), first.end(), [&](const SampleField& field) {
      return std::find(format.known->begin(), format.known->end(), field.text) != format.known->end();
    });
    if (2 * static_cast<std::size_t>(familiar) > first.size()) return CsvHeader::yes;
  }
  const std::vector<SampleColumn> columns = sample_columns(rows, format);
  std::size_t texts = 0, names = 0, values = 0, unlike = 0;
  bool all_quoted = std::any_of(first.begin(), first.end(), [](const auto& field) { return field.quoted; });
  bool bare_numbers = false, recurs = false;
  std::vector<double> sequence;
  for (std::size_t c = 0; c < columns.size(); ++c) {
    const SampleColumn& column = columns[c];
    all_quoted = all_quoted && (first[c].quoted || first[c].text.empty());
    bare_numbers = bare_numbers || (column.numbers > 0 && !column.quoted);
    if (column.kind == CsvField::text) {
      ++texts;
      names += column.numbers > 0 && !column.texts;
      recurs = recurs || column.recurs;
    } else if (column.kind == CsvField::number) {
      sequence.push_back(column.value);
      values += column.numbers > 0;
      unlike += column.numbers > 0 && column.unlike(rows.size() - 1);
    }
  }
  if (rows.size() == 1) return texts > sequence.size() ? CsvHeader::yes : CsvHeader::no;
  if (names > values || (all_quoted && bare_numbers)) return CsvHeader::yes;
  if (recurs) return CsvHeader::no;
  if (values == 0) return texts > 0 ? CsvHeader::yes : CsvHeader::no;

  const bool strange = 2 * unlike > values;
  const bool counts =
      is_sequence(sequence, names > 0) &&
      std::none_of(rows.begin() + 1, rows.end(), [&](const SampleRow& row) {
        std::vector<double> others;
        for (std::size_t c = 0; c < std::min(row.size(), columns.size()); ++c)
          if (double value = 0; columns[c].kind == CsvField::number &&
                                parse_csv_field(row[c].text, value, format) == CsvField::number)
            others.push_back(value);
        return is_sequence(others, names > 0);
      });
  if (counts) return strange || names > 0 ? CsvHeader::yes : CsvHeader::automatic;
  if (texts == 0 || (rows.size() > 3 && !strange)) return CsvHeader::no;
  return CsvHeader::automatic;
}

/// The format with everything that was open found out. Throws DataError where row 1 may be the one or the
/// other.
inline CsvFormat find_format(std::string_view text, CsvFormat format, const std::string& source) {
  if (format.separator == 0) format.separator = find_separator(text);
  const auto rows = take_sample(text, format.separator).rows;
  if (format.decimal == 0) format.decimal = find_decimal(rows);
  if (format.header != CsvHeader::automatic) return format;
  format.header = find_header(rows, format);
  if (format.header == CsvHeader::automatic && format.known)
    format.header = format.known->empty() ? CsvHeader::no : CsvHeader::yes;
  if (format.header != CsvHeader::automatic) return format;
  std::string shown;
  for (std::size_t c = 0; c < std::min<std::size_t>(rows.front().size(), 4); ++c)
    shown += (c ? ", " : "") + quote(rows.front()[c].text);
  throw DataError(source + ", row 1: it is open whether " + shown + (rows.front().size() > 4 ? ", ..." : "") +
                  " are names or a sample (names can be numbers, and samples can count); say which (header: "
                  "yes or no)");
}

}  // namespace detail
}  // namespace SST_ABI
}  // namespace sst
