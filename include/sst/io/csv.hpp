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
#include <ostream>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <utility>
#include <vector>

#include <sst/base/file.hpp>
#include <sst/base/output_file.hpp>
#include <sst/error.hpp>
#include <sst/io/csv_field.hpp>
#include <sst/io/csv_format.hpp>
#include <sst/io/csv_scanner.hpp>
#include <sst/io/table_problems.hpp>
#include <sst/io/text_file.hpp>
#include <sst/version.hpp>

/// \file
/// Numbers in CSV files, and which column is the target.

namespace sst {
inline namespace SST_ABI {

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

class CsvParser : CsvScanner {
 public:
  using CsvScanner::CsvScanner;

  Table parse() {
    const std::size_t columns = begin();
    // Trailing blank lines are gone and a number never spans lines: a row is a line. A file too short for
    // that many rows of separators and line ends alone has a ragged one, which is found before the matrix is
    // full.
    const std::size_t rows = std::min(lines(), rest().size() / columns + 1);
    Eigen::MatrixXd values(static_cast<Eigen::Index>(rows), static_cast<Eigen::Index>(columns));
    TableProblems problems(source_);
    Eigen::Index row = 0;
    for (; !at_end(); ++row) {
      const std::size_t start = line();
      next_row(columns, [&](std::size_t column, std::string_view field) {
        double value = 0;
        const CsvField kind = number(field, value);
        if (kind != CsvField::number)
          problems.add_field(start, column, column < names_.size() ? names_[column] : "", kind,
                             [&] { return csv_field_problem(field, kind); });
        values(row, static_cast<Eigen::Index>(column)) = value;
      });
    }
    problems.raise();
    if (row < values.rows()) values.conservativeResize(row, Eigen::NoChange);
    return {std::move(values), std::move(names_), std::move(source_)};
  }

 private:
  std::size_t lines() const {
    const std::string_view text = rest();
    const auto ends = static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
    if (text.find('\r') == text.npos) return ends + 1;
    std::size_t alone = 0;  // ends of CR
    for (std::size_t at = text.find('\r'); at != text.npos; at = text.find('\r', at + 1))
      alone += behind_line_end(text, at) == at + 1;
    return ends + alone + 1;
  }
  CsvField number(std::string_view field, double& value) const {
    return plain_ ? parse_csv_field(field, value) : parse_csv_field(field, value, format_);
  }
  bool plain_ = format_.decimal == '.' && format_.missing.empty();
};

}  // namespace detail

/// Reads the numbers of a text: one sample a row, all rows of the same length.
///
/// Whether row 1 is a header, what stands between fields (a comma, semicolon, tab, bar, or runs of blanks)
/// and before decimals is found out by evidence, or told by `format`. Numbers do not depend on the locale.
/// Blanks around fields, quoted fields, line ends of any system, a byte order mark of UTF-8 or UTF-16 and
/// blank lines at the end are fine. `source` names the input in messages.
///
/// Throws DataError with the source, the row (1-based line of the file) and the column (1-based, with
/// its name) of fields that are not finite numbers (of all of them at once), at a ragged or blank row and a
/// repeated column name; when there are no rows, when the text is another format, and when it is open whether
/// row 1 is a header.
inline Table parse_csv(std::string text, std::string source, const CsvFormat& format = {}) {
  text = detail::table_text(std::move(text), format.encoding, source);
  return detail::CsvParser(text, std::move(source), format).parse();
}

/// Reads a CSV stream to its end; see `parse_csv`.
inline Table read_csv(std::istream& in, std::string source, const CsvFormat& format = {}) {
  std::string text = detail::read_all(in, source);
  return parse_csv(std::move(text), std::move(source), format);
}

/// Reads a CSV file; see `parse_csv`. A missing file and a directory are errors too.
inline Table read_csv(const std::filesystem::path& path, const CsvFormat& format = {}) {
  return parse_csv(detail::read_all(path), path.string(), format);
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
  constexpr std::size_t most = 20;
  std::string list;
  for (std::size_t i = 0; i < std::min(names.size(), most); ++i)
    list += (i ? ", " : "") + printable(names[i]);
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
    if (const auto twice = repeated_name(header))
      throw DataError("the header has the name " + quote(header[twice->first]) +
                      " twice; give each column its own");
    for (const std::string& name : header)
      if (name.find('\0') != name.npos)
        throw DataError("the header has the name " + quote(name) +
                        " with a zero byte, as no text has; rename the column");
    // Numbers above numbers are names when they are in quotes, and so is what a decimal comma makes a number.
    double ignored = 0;
    const bool words = std::all_of(header.begin(), header.end(), [&](const std::string& name) {
      return parse_csv_field(name, ignored) == CsvField::text &&
             std::string_view("+-.,0123456789").find(name.front()) == std::string_view::npos;
    });
    for (const std::string& name : header) {
      if (&name != &header.front()) line += ',';
      append_csv_text(line, name, !words);
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
/// header of another length or with a repeated name or a zero byte; and when the stream fails.
template <class Derived>
void write_csv(std::ostream& out, const Eigen::MatrixBase<Derived>& matrix,
               const std::vector<std::string>& header = {}) {
  errno = 0;
  detail::put_csv(out, matrix, header);
  out.flush();
  if (!out)
    throw DataError("cannot write CSV (" + detail::last_system_error() + "); check the stream and its room");
}

/// Writes a CSV file: a line for each row of the matrix, after that of the header. A file of that name is
/// replaced when the new one is complete.
template <class Derived>
void write_csv(const std::filesystem::path& path, const Eigen::MatrixBase<Derived>& matrix,
               const std::vector<std::string>& header = {}) {
  detail::write_file(path, [&](std::ostream& out) { detail::put_csv(out, matrix, header); });
}

}  // namespace SST_ABI
}  // namespace sst
