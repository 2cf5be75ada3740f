// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <filesystem>
#include <fstream>
#include <istream>
#include <ostream>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <sst/base/file.hpp>
#include <sst/error.hpp>
#include <sst/io/csv_field.hpp>
#include <sst/io/csv_scanner.hpp>
#include <sst/version.hpp>

namespace sst {
inline namespace SST_ABI {

/// A CSV file as it is written.
struct RawTable {
  std::vector<std::string> columns;            ///< the header; empty without one
  std::vector<std::vector<std::string>> rows;  ///< fields, without quotes and surrounding blanks
  std::vector<std::size_t> lines;              ///< where each row starts in the file, counted from 1
  std::string source;                          ///< for messages
};

namespace detail {

class RawTableParser : CsvScanner {
 public:
  using CsvScanner::CsvScanner;

  RawTable parse() {
    RawTable table;
    const std::size_t columns = begin();
    while (!at_end()) {
      table.lines.push_back(line());
      auto& row = table.rows.emplace_back();
      row.reserve(columns);
      next_row(columns, [&](std::size_t, std::string_view field) { row.emplace_back(field); });
    }
    table.columns = std::move(names_);
    table.source = std::move(source_);
    return table;
  }
};

}  // namespace detail

/// Reads a CSV file whose fields may be anything. A first row in which one field is text is the header: a
/// table with columns of text needs one. Throws DataError as `read_csv` does, but for what fields hold.
inline RawTable read_raw_table(std::istream& in, std::string source) {
  std::ostringstream text;
  if (!(text << in.rdbuf()) && in.bad())
    throw DataError("cannot read " + source + " (the stream broke off); check the device");
  return detail::RawTableParser(text.view(), std::move(source)).parse();
}
/// The same from a file. Throws DataError with its name.
inline RawTable read_raw_table(const std::filesystem::path& path) {
  std::ifstream in = detail::open_for_reading(path);
  return read_raw_table(in, path.string());
}

/// Writes a table of fields, each as a text, in quotes where it needs them. A file of that name is replaced
/// when the new one is complete. Throws DataError for a row of another length, and when it cannot be written.
inline void write_raw_table(const std::filesystem::path& path, const std::vector<std::string>& columns,
                            const std::vector<std::vector<std::string>>& rows) {
  for (const auto& row : rows)
    if (row.size() != columns.size())
      throw DataError("a row has " + std::to_string(row.size()) + " fields for " +
                      std::to_string(columns.size()) + " columns; give one each");
  detail::write_file(path, [&](std::ostream& out) {
    std::string line;
    const auto put = [&](const std::vector<std::string>& fields) {
      line.clear();
      for (const std::string& field : fields) {
        if (&field != &fields.front()) line += ',';
        detail::append_csv_text(line, field);
      }
      out << line << '\n';
    };
    put(columns);
    for (const auto& row : rows) put(row);
  });
}

}  // namespace SST_ABI
}  // namespace sst
