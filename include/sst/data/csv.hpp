// SPDX-License-Identifier: MIT
#pragma once

#include <Eigen/Core>
#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <istream>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <vector>

#include <sst/data/file.hpp>
#include <sst/error.hpp>

namespace sst {

/// A table of numbers as a CSV file holds it.
struct Table {
  Eigen::MatrixXd values;            ///< rows x columns
  std::vector<std::string> columns;  ///< the header's names; empty without a header
  std::string source;                ///< where it came from, for messages
};

/// Samples and what is to be predicted from them.
struct Dataset {
  Eigen::MatrixXd x;                  ///< samples x features
  Eigen::MatrixXd y;                  ///< samples x targets
  std::vector<std::string> features;  ///< names of x's columns; empty without a header
  std::vector<std::string> targets;   ///< names of y's columns; empty without a header
};

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

/// Takes a CSV text apart into fields; what a field may hold is its users' to say.
class CsvScanner {
 public:
  CsvScanner(std::string_view text, std::string source) : source_(std::move(source)), text_(text) {
    if (text_.starts_with("\xEF\xBB\xBF")) text_.remove_prefix(3);
    text_ = text_.substr(0, text_.find_last_not_of(" \t\r\n") + 1);  // npos + 1 is 0
  }

 protected:
  /// Reads the header, if there is one, and returns the number of columns.
  std::size_t begin() {
    if (text_.empty()) throw DataError(source_ + " has no rows (it is empty); give it one sample a row");
    std::vector<std::string> first;
    do first.emplace_back(next_field(first.size()));
    while (!row_ended_);
    const std::size_t columns = first.size();
    if (is_csv_header(first)) {
      names_ = std::move(first);
      if (const auto twice = repeated_name(names_))
        fail(1, twice->first,
             "column " + std::to_string(twice->second + 1) + " has the same name; give each column its own");
      if (at_ >= text_.size())
        throw DataError(source_ + " has no rows (only a header); give it one sample a row");
    } else {
      at_ = 0;
      line_ = 1;
    }
    return columns;
  }

  /// Calls take(column, field) for each field of a row, which has to have so many.
  template <class Take>
  void next_row(std::size_t columns, Take&& take) {
    const std::size_t line = line_;
    for (std::size_t column = 0; column < columns; ++column) {
      const std::string_view field = next_field(column);
      if (row_ended_ && column == 0 && field.empty())
        fail(line, column, "the row is blank (only lines at the end may be); remove it");
      take(column, field);
      if (row_ended_ && column + 1 < columns)
        fail(line, column + 1,
             "the row ends here with " + std::to_string(column + 1) + " of " + std::to_string(columns) +
                 " fields (ragged row); give every row the same number of fields");
    }
    if (!row_ended_)
      fail(line, columns,
           "the row goes on after " + std::to_string(columns) +
               " fields (ragged row); give every row the same number of fields");
  }

  bool at_end() const { return at_ >= text_.size(); }
  std::string_view rest() const { return text_.substr(at_); }
  std::size_t line() const { return line_; }

  [[noreturn]] void fail(std::size_t line, std::size_t column, const std::string& problem) const {
    fail_at_field(source_, line, column, column < names_.size() ? names_[column] : "", problem);
  }

  std::string source_;
  std::vector<std::string> names_;

 private:
  /// The field at at_ without its quotes and surrounding blanks; moves behind it.
  std::string_view next_field(std::size_t column) {
    constexpr std::string_view blanks = " \t";
    at_ = std::min(text_.find_first_not_of(blanks, at_), text_.size());
    if (at_ < text_.size() && text_[at_] == '"') return next_quoted_field(column);
    const std::size_t begin = at_;
    while (at_ < text_.size() && text_[at_] != ',' && text_[at_] != '\n') ++at_;
    std::string_view field = text_.substr(begin, at_ - begin);
    end_field();
    if (row_ended_ && field.ends_with('\r')) field.remove_suffix(1);
    return field.substr(0, field.find_last_not_of(blanks) + 1);
  }

  std::string_view next_quoted_field(std::size_t column) {
    const std::size_t line = line_;
    unquoted_.clear();
    for (++at_;; ++at_) {
      if (at_ >= text_.size()) fail(line, column, "a quote is opened and not closed; close it");
      if (text_[at_] == '"' && (at_ + 1 >= text_.size() || text_[at_ + 1] != '"')) break;
      if (text_[at_] == '"') ++at_;  // a doubled quote stands for one
      if (text_[at_] == '\n') ++line_;
      unquoted_ += text_[at_];
    }
    at_ = std::min(text_.find_first_not_of(" \t", at_ + 1), text_.size());
    if (text_.substr(at_).starts_with("\r\n")) ++at_;
    if (at_ < text_.size() && text_[at_] != ',' && text_[at_] != '\n')
      fail(line, column, "text follows a closing quote; double the quotes that belong to the field");
    end_field();
    return unquoted_;
  }

  void end_field() {
    row_ended_ = at_ >= text_.size() || text_[at_] == '\n';
    if (row_ended_) ++line_;
    if (at_ < text_.size()) ++at_;
  }

  std::string_view text_;
  std::string unquoted_;
  std::size_t at_ = 0;
  std::size_t line_ = 1;
  bool row_ended_ = false;
};

class CsvParser : CsvScanner {
 public:
  using CsvScanner::CsvScanner;

  Table parse() {
    const std::size_t columns = begin();
    // Trailing blank lines are gone and a number never spans lines: a row is a line. A file too short
    // for that many full rows has a ragged one, which is found before the matrix is full.
    const auto lines = static_cast<std::size_t>(std::count(rest().begin(), rest().end(), '\n')) + 1;
    const std::size_t rows = std::min(lines, (rest().size() + 1) / (2 * columns) + 1);
    Eigen::MatrixXd values(static_cast<Eigen::Index>(rows), static_cast<Eigen::Index>(columns));
    Eigen::Index row = 0;
    for (; !at_end(); ++row) {
      const std::size_t start = line();
      next_row(columns, [&](std::size_t column, std::string_view field) {
        double value = 0;
        const CsvField kind = parse_csv_field(field, value);
        if (kind != CsvField::number) fail(start, column, csv_field_problem(field, kind));
        values(row, static_cast<Eigen::Index>(column)) = value;
      });
    }
    if (row < values.rows()) values.conservativeResize(row, Eigen::NoChange);
    return {std::move(values), std::move(names_), std::move(source_)};
  }
};

}  // namespace detail

/// Reads comma-separated numbers: one sample a row, all rows of the same length.
///
/// A first row that is not all numbers is a header. Numbers are written as in C with a point, in any
/// locale. Blanks around fields, quoted fields, CRLF, a UTF-8 byte order mark and blank lines at the
/// end are fine. `source` names the input in messages.
///
/// Throws DataError with the source, the row (1-based line of the file) and the column (1-based, with
/// its name) at a field that is not a finite number, a missing value, a ragged or blank row, a
/// repeated column name; and when there are no rows.
inline Table read_csv(std::istream& in, std::string source) {
  std::string text;
  std::array<char, 1U << 16U> buffer;
  while (in.read(buffer.data(), buffer.size()) || in.gcount() > 0)
    text.append(buffer.data(), static_cast<std::size_t>(in.gcount()));
  if (in.bad()) throw DataError("cannot read " + source + " (the stream broke off); check the device");
  return detail::CsvParser(text, std::move(source)).parse();
}

/// Reads a CSV file; see above. A missing file and a directory are errors too.
inline Table read_csv(const std::filesystem::path& path) {
  std::ifstream in = detail::open_for_reading(path);
  return read_csv(in, path.string());
}

namespace detail {

/// The 0-based index of the column with this name, or with this index, from the end when negative.
inline Eigen::Index find_column(const std::vector<std::string>& names, Eigen::Index columns,
                                const std::string& wanted, const std::string& source) {
  if (const auto it = std::find(names.begin(), names.end(), wanted); it != names.end())
    return it - names.begin();
  Eigen::Index index = 0;
  const char* const end = wanted.data() + wanted.size();
  const auto [stop, error] = std::from_chars(wanted.data(), end, index);
  if (error == std::errc() && stop == end && index >= -columns && index < columns)
    return index < 0 ? index + columns : index;
  constexpr std::size_t most = 40;
  std::string list;
  for (std::size_t i = 0; i < std::min(names.size(), most); ++i) list += (i ? ", " : "") + names[i];
  if (names.size() > most) list += ", ...";
  throw DataError(source + " has no column " + quote(wanted) + " (it has " + std::to_string(columns) +
                  (names.empty() ? " columns without names" : ": " + list) +
                  "); name one of them or give an index from " + std::to_string(-columns) + " to " +
                  std::to_string(columns - 1));
}

}  // namespace detail

/// Splits a table into features and one target column.
///
/// `target` is the column's name, or its 0-based index written as a number; negative indices count
/// from the end (-1 is the last). A name that is a number wins over an index.
/// Throws DataError, listing the columns there are, when there is no such column; and when no
/// feature would be left.
inline Dataset split_target(const Table& table, const std::string& target) {
  const Eigen::Index columns = table.values.cols();
  const auto& names = table.columns;
  if (!names.empty() && static_cast<Eigen::Index>(names.size()) != columns)
    throw DataError(table.source + " has " + std::to_string(names.size()) + " column names for " +
                    std::to_string(columns) + " columns; give one each");
  const Eigen::Index at = detail::find_column(names, columns, target, table.source);
  if (columns < 2)
    throw DataError(table.source +
                    " has no column but the target (there is nothing to predict from); add features");

  Dataset data;
  data.x.resize(table.values.rows(), columns - 1);
  data.x << table.values.leftCols(at), table.values.rightCols(columns - 1 - at);
  data.y = table.values.col(at);
  if (!names.empty()) {
    data.features = names;
    data.features.erase(data.features.begin() + at);
    data.targets = {names[static_cast<std::size_t>(at)]};
  }
  return data;
}

namespace detail {

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

/// write_csv without a look at the stream.
template <class Derived>
void put_csv(std::ostream& out, const Eigen::MatrixBase<Derived>& matrix,
             const std::vector<std::string>& header) {
  using Scalar = typename Derived::Scalar;
  static_assert(std::is_same_v<Scalar, float> || std::is_same_v<Scalar, double>,
                "write_csv takes a matrix of float or double");
  const auto& values = matrix.derived().eval();
  if (values.size() == 0) throw DataError("cannot write an empty matrix as CSV; give it rows and columns");
  for (Eigen::Index row = 0; row < values.rows(); ++row)
    for (Eigen::Index column = 0; column < values.cols(); ++column)
      if (!std::isfinite(values(row, column)))
        throw DataError("cannot write the matrix as CSV (the entry at row " + std::to_string(row) +
                        ", column " + std::to_string(column) +
                        ", counted from 0, is not finite); correct what computed it");

  std::string line;
  if (!header.empty()) {
    if (static_cast<Eigen::Index>(header.size()) != values.cols())
      throw DataError("the header has " + std::to_string(header.size()) + " names for " +
                      std::to_string(values.cols()) + " columns; give one each");
    if (!is_csv_header(header))
      throw DataError(
          "the header would be read as a row of data (it has no name that is text); name a column");
    if (const auto twice = repeated_name(header))
      throw DataError("the header has the name " + quote(header[twice->first]) +
                      " twice; give each column its own");
    for (const std::string& name : header) {
      if (&name != &header.front()) line += ',';
      append_csv_text(line, name);
    }
    line += '\n';
    out.write(line.data(), static_cast<std::streamsize>(line.size()));
  }
  std::array<char, 32> digits;
  for (Eigen::Index row = 0; row < values.rows() && out; ++row) {
    line.clear();
    for (Eigen::Index column = 0; column < values.cols(); ++column) {
      if (column) line += ',';
      const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), values(row, column)).ptr;
      line.append(digits.data(), end);
    }
    line += '\n';
    out.write(line.data(), static_cast<std::streamsize>(line.size()));
  }
}

}  // namespace detail

/// Writes a matrix of float or double as CSV, with a header when one is given.
///
/// Each number is the shortest text that reads back as the same number. Throws DataError, before
/// anything is written, for what `read_csv` would refuse or misread: a number that is not finite, a
/// header of another length, of numbers only, or with a repeated name; and when the stream fails.
template <class Derived>
void write_csv(std::ostream& out, const Eigen::MatrixBase<Derived>& matrix,
               const std::vector<std::string>& header = {}) {
  errno = 0;
  detail::put_csv(out, matrix, header);
  out.flush();
  if (!out)
    throw DataError("cannot write CSV (" + detail::last_system_error() + "); check the stream and its room");
}

/// Writes a CSV file; see above. A file of that name is replaced when the new one is complete.
template <class Derived>
void write_csv(const std::filesystem::path& path, const Eigen::MatrixBase<Derived>& matrix,
               const std::vector<std::string>& header = {}) {
  detail::write_file(path, [&](std::ostream& out) { detail::put_csv(out, matrix, header); });
}

}  // namespace sst
