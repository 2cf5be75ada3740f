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
#include <random>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <vector>

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
  constexpr fs::perms any_write = fs::perms::owner_write | fs::perms::group_write | fs::perms::others_write;
  if (fs::exists(status) && (status.permissions() & any_write) == fs::perms::none) fail("it is read-only");

  // Removes the temporary file, whatever goes wrong.
  struct Temporary {
    fs::path path;
    ~Temporary() {
      std::error_code ignored;
      if (!path.empty()) fs::remove(path, ignored);
    }
  } temporary;
  if (!fs::exists(status) || fs::is_regular_file(status)) {
    std::random_device random;
    temporary.path = target;
    temporary.path += "." + std::to_string(random()) + ".part";
  }

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

class CsvParser {
 public:
  CsvParser(std::string_view text, std::string source) : text_(text), source_(std::move(source)) {
    if (text_.starts_with("\xEF\xBB\xBF")) text_.remove_prefix(3);
    text_ = text_.substr(0, text_.find_last_not_of(" \t\r\n") + 1);  // npos + 1 is 0
  }

  Table parse() {
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

    // Trailing blank lines are gone and a number never spans lines: a row is a line. A file too short
    // for that many full rows has a ragged one, which is found before the matrix is full.
    const std::string_view rest = text_.substr(at_);
    const auto lines = static_cast<std::size_t>(std::count(rest.begin(), rest.end(), '\n')) + 1;
    const std::size_t rows = std::min(lines, (rest.size() + 1) / (2 * columns) + 1);
    Eigen::MatrixXd values(static_cast<Eigen::Index>(rows), static_cast<Eigen::Index>(columns));
    Eigen::Index row = 0;
    while (at_ < text_.size()) read_row(values, row++);
    if (row < values.rows()) values.conservativeResize(row, Eigen::NoChange);
    return {std::move(values), std::move(names_), std::move(source_)};
  }

 private:
  void read_row(Eigen::MatrixXd& values, Eigen::Index row) {
    const std::size_t line = line_;
    const auto columns = static_cast<std::size_t>(values.cols());
    for (std::size_t column = 0; column < columns; ++column) {
      const std::string_view field = next_field(column);
      double value = 0;
      const CsvField kind = parse_csv_field(field, value);
      if (row_ended_ && column == 0 && kind == CsvField::empty)
        fail(line, column, "the row is blank (only lines at the end may be); remove it");
      if (kind != CsvField::number) refuse(line, column, field, kind);
      if (row_ended_ && column + 1 < columns)
        fail(line, column + 1,
             "the row ends here with " + std::to_string(column + 1) + " of " + std::to_string(columns) +
                 " fields (ragged row); give every row the same number of fields");
      values(row, static_cast<Eigen::Index>(column)) = value;
    }
    if (!row_ended_)
      fail(line, columns,
           "the row goes on after " + std::to_string(columns) +
               " fields (ragged row); give every row the same number of fields");
  }

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

  [[noreturn]] void refuse(std::size_t line, std::size_t column, std::string_view field,
                           CsvField kind) const {
    switch (kind) {
      case CsvField::empty:
        fail(line, column, "the field is empty (a missing value); fill it or remove the row");
      case CsvField::missing:
        fail(line, column, quote(field) + " stands for a missing value; fill it or remove the row");
      case CsvField::not_finite:
        fail(line, column, quote(field) + " is not a finite number; replace it or remove the row");
      case CsvField::out_of_range:
        fail(line, column, quote(field) + " is out of the range of double; rescale the column");
      default:
        fail(line, column, quote(field) + " is not a number; write one such as 1.5 or 2e-3");
    }
  }

  [[noreturn]] void fail(std::size_t line, std::size_t column, const std::string& problem) const {
    std::string name;
    if (column < names_.size()) name = " (" + quote(names_[column]) + ")";
    throw DataError(source_ + ", row " + std::to_string(line) + ", column " + std::to_string(column + 1) +
                    name + ": " + problem);
  }

  std::string_view text_;
  std::string source_;
  std::vector<std::string> names_;
  std::string unquoted_;
  std::size_t at_ = 0;
  std::size_t line_ = 1;
  bool row_ended_ = false;
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

  Eigen::Index at = -1;
  if (const auto it = std::find(names.begin(), names.end(), target); it != names.end()) {
    at = it - names.begin();
  } else {
    Eigen::Index index = 0;
    const char* const end = target.data() + target.size();
    const auto [stop, error] = std::from_chars(target.data(), end, index);
    if (error == std::errc() && stop == end && index >= -columns && index < columns)
      at = index < 0 ? index + columns : index;
  }
  if (at < 0) {
    constexpr std::size_t most = 40;
    std::string list;
    for (std::size_t i = 0; i < std::min(names.size(), most); ++i) list += (i ? ", " : "") + names[i];
    if (names.size() > most) list += ", ...";
    throw DataError(table.source + " has no column " + detail::quote(target) + " (it has " +
                    std::to_string(columns) + (names.empty() ? " columns without names" : ": " + list) +
                    "); name one of them or give an index from " + std::to_string(-columns) + " to " +
                    std::to_string(columns - 1));
  }
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
    if (!is_csv_header(header))
      throw DataError(
          "the header would be read as a row of data (it has no name that is text); name a column");
    if (const auto twice = repeated_name(header))
      throw DataError("the header has the name " + quote(header[twice->first]) +
                      " twice; give each column its own");
    for (const std::string& name : header) {
      if (&name != &header.front()) line += ',';
      const bool plain = !name.empty() && name.find_first_of(",\"\r\n") == std::string::npos &&
                         name.find_first_of(" \t") != 0 && name.find_last_of(" \t") != name.size() - 1;
      if (plain) {
        line += name;
        continue;
      }
      line += '"';
      for (const char c : name) line.append(c == '"' ? 2 : 1, c);
      line += '"';
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
