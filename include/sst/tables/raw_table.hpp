// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <istream>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <sst/base/file.hpp>
#include <sst/base/output_file.hpp>
#include <sst/error.hpp>
#include <sst/io/csv_field.hpp>
#include <sst/io/csv_format.hpp>
#include <sst/io/csv_scanner.hpp>
#include <sst/io/text_file.hpp>
#include <sst/io/text_window.hpp>
#include <sst/version.hpp>

namespace sst {
inline namespace SST_ABI {

/// A CSV file as it is written.
struct RawTable {
  std::vector<std::string> columns;            ///< the header; empty without one
  std::vector<std::vector<std::string>> rows;  ///< fields, without quotes and surrounding blanks
  std::vector<std::size_t> lines;              ///< where each row starts in the file, counted from 1
  std::string source;                          ///< for messages
  CsvFormat format;                            ///< how it was written, nothing of it open
};

namespace detail {

/// The rows of a CSV text, some at a time.
class RawRows : CsvScanner {
 public:
  RawRows(std::string_view text, std::string source, CsvFormat format)
      : CsvScanner(text, std::move(source), std::move(format)), columns_(begin()) {}
  RawRows(TextWindow& window, CsvFormat format) : CsvScanner(window, std::move(format)), columns_(begin()) {}

  /// The next rows: so many, or what there is. One that has nothing in it brings the row behind it along, for
  /// at the end of a table such rows are none.
  RawTable take(std::size_t count) {
    RawTable table{names_, {}, {}, source_, format_};
    while ((table.rows.size() < std::max<std::size_t>(count, 1) || is_empty(table.rows.back())) &&
           !at_end()) {
      table.lines.push_back(line());
      auto& row = table.rows.emplace_back();
      row.reserve(columns_);
      next_row(columns_, [&](std::size_t, std::string_view field) { row.emplace_back(field); });
    }
    return table;
  }
  using CsvScanner::consumed;

 private:
  static bool is_empty(const std::vector<std::string>& row) {
    return std::all_of(row.begin(), row.end(), [](const std::string& field) { return field.empty(); });
  }

  std::size_t columns_;
};

}  // namespace detail

/// The table of a text whose fields may be anything; else as `parse_csv`, by the same evidence. Throws
/// DataError as that does, but for what fields hold.
inline RawTable parse_raw_table(std::string text, std::string source, const CsvFormat& format = {}) {
  text = detail::table_text(std::move(text), format.encoding, source);
  return detail::RawRows(text, std::move(source), format).take(text.size());
}
/// The same from a stream, read to its end.
inline RawTable read_raw_table(std::istream& in, std::string source, const CsvFormat& format = {}) {
  std::string text = detail::read_all(in, source);
  return parse_raw_table(std::move(text), std::move(source), format);
}
/// The same from a file. Throws DataError with its name.
inline RawTable read_raw_table(const std::filesystem::path& path, const CsvFormat& format = {}) {
  return parse_raw_table(detail::read_all(path), path.string(), format);
}

/// Writes rows of fields, each as a text, in quotes where it needs them.
inline void write_raw_rows(std::ostream& out, const std::vector<std::vector<std::string>>& rows) {
  std::string line;
  for (const auto& fields : rows) {
    line.clear();
    for (const std::string& field : fields) {
      if (&field != &fields.front()) line += ',';
      detail::append_csv_text(line, field);
    }
    out << line << '\n';
  }
}
/// Writes a table of fields, with the names of its columns above them. Throws DataError for a row of another
/// length.
inline void write_raw_table(std::ostream& out, const std::vector<std::string>& columns,
                            const std::vector<std::vector<std::string>>& rows) {
  for (const auto& row : rows)
    if (row.size() != columns.size())
      throw DataError("a row has " + std::to_string(row.size()) + " fields for " +
                      std::to_string(columns.size()) + " columns; give one each");
  write_raw_rows(out, {columns});
  write_raw_rows(out, rows);
}
/// The same to a file. One of that name is replaced when the new one is complete. Throws DataError when it
/// cannot be written.
inline void write_raw_table(const std::filesystem::path& path, const std::vector<std::string>& columns,
                            const std::vector<std::vector<std::string>>& rows) {
  detail::write_file(path, [&](std::ostream& out) { write_raw_table(out, columns, rows); });
}

}  // namespace SST_ABI
}  // namespace sst
