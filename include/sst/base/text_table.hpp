// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <sst/error.hpp>
#include <sst/version.hpp>

namespace sst {
inline namespace SST_ABI {

/// A table to print: columns with headers, numbers with a fixed count of digits.
///
///     sst::TextTable table({{"topology"}, {.header = "mse", .align = sst::TextTable::Align::right, .digits =
///     3}}); table.add_row({"residual", 36.136}); std::cout << table;
class TextTable {
 public:
  /// On which side a column's cells stand: `left`, `right` or `center`.
  enum class Align { left, right, center };
  /// How numbers are written: 12.5, `fixed`, or 1.25e+01, `scientific`.
  enum class Notation { fixed, scientific };

  /// One column: its header and how its cells look.
  struct Column {
    std::string header;         ///< its first line
    Align align = Align::left;  ///< of header and cells
    int digits = 6;             ///< behind the point, 0 to 100; for numbers that are not integers by type
    Notation notation = Notation::fixed;  ///< of numbers that are not integers by type
  };

  /// A text, an integer, or a number that its column formats.
  class Cell {
   public:
    /// A text, as it is.
    Cell(std::string text) : text_(std::move(text)) {}
    /// A text, as it is.
    Cell(std::string_view text) : text_(text) {}
    /// A text, as it is.
    Cell(const char* text) : text_(text) {}
    /// An integer, in full.
    template <std::integral Integer>
    requires(!std::same_as<Integer, bool> && !std::same_as<Integer, char>) Cell(Integer value)
        : text_(std::to_string(value)) {}
    /// A number, as its column says.
    template <std::floating_point Number>
    Cell(Number value) : number_(static_cast<double>(value)), is_number_(true) {}

   private:
    friend class TextTable;
    std::string text_;
    double number_ = 0;
    bool is_number_ = false;
  };

  /// Throws DataError without columns and for digits out of range.
  explicit TextTable(std::vector<Column> columns) : columns_(std::move(columns)) {
    if (columns_.empty()) throw DataError("the table has no columns; give it at least one");
    for (const Column& column : columns_)
      if (column.digits < 0 || column.digits > 100)
        throw DataError("column '" + column.header + "' has " + std::to_string(column.digits) +
                        " digits (the range is 0 to 100); choose fewer");
  }

  /// Throws DataError unless there is one cell for each column.
  void add_row(const std::vector<Cell>& cells) {
    if (cells.size() != columns_.size())
      throw DataError("a row of " + std::to_string(cells.size()) + " cells in a table of " +
                      std::to_string(columns_.size()) + " columns; give one cell each");
    std::vector<std::string> row;
    for (std::size_t i = 0; i < cells.size(); ++i)
      row.push_back(cells[i].is_number_ ? format(cells[i].number_, columns_[i]) : cells[i].text_);
    rows_.push_back(std::move(row));
  }

  /// How many rows were added.
  std::size_t size() const { return rows_.size(); }

  /// Aligned text with a rule below the header.
  friend std::ostream& operator<<(std::ostream& out, const TextTable& table) {
    const std::vector<std::size_t> widths = table.widths(table.rows_);
    table.print_row(out, table.headers(), widths, "", "  ", "");
    for (std::size_t i = 0; i < widths.size(); ++i) out << (i ? "  " : "") << std::string(widths[i], '-');
    out << '\n';
    for (const auto& row : table.rows_) table.print_row(out, row, widths, "", "  ", "");
    return out;
  }

  /// The same as a Markdown table, for a README.
  void print_markdown(std::ostream& out) const {
    const auto escape = [](std::vector<std::string> row) {
      for (std::string& cell : row) {
        std::replace(cell.begin(), cell.end(), '\n', ' ');
        for (std::size_t at = 0; (at = cell.find('|', at)) != std::string::npos; at += 2)
          cell.insert(at, 1, '\\');
      }
      return row;
    };
    std::vector<std::vector<std::string>> rows{escape(headers())};
    for (const auto& row : rows_) rows.push_back(escape(row));
    std::vector<std::size_t> widths = this->widths(rows);
    for (std::size_t& width : widths) width = std::max<std::size_t>(width, 3);
    for (std::size_t r = 0; r < rows.size(); ++r) {
      print_row(out, rows[r], widths, "| ", " | ", " |");
      if (r > 0) continue;
      for (std::size_t i = 0; i < widths.size(); ++i) {
        const Align align = columns_[i].align;
        out << "|"
            << (align == Align::left     ? '-'
                : align == Align::center ? ':'
                                         : '-')
            << std::string(widths[i], '-') << (align == Align::left ? '-' : ':');
      }
      out << "|\n";
    }
  }

 private:
  static std::string format(double value, const Column& column) {
    if (!std::isfinite(value)) return std::isnan(value) ? "nan" : value > 0 ? "inf" : "-inf";
    std::array<char, 512> text;  // 1.8e308 with 100 digits takes 411
    const auto notation =
        column.notation == Notation::fixed ? std::chars_format::fixed : std::chars_format::scientific;
    return {text.data(),
            std::to_chars(text.data(), text.data() + text.size(), value, notation, column.digits).ptr};
  }

  /// Characters of a UTF-8 text: its bytes without those that continue a character.
  static std::size_t width(std::string_view text) {
    return static_cast<std::size_t>(std::count_if(
        text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
  }

  std::vector<std::string> headers() const {
    std::vector<std::string> row;
    for (const Column& column : columns_) row.push_back(column.header);
    return row;
  }

  std::vector<std::size_t> widths(const std::vector<std::vector<std::string>>& rows) const {
    std::vector<std::size_t> widths;
    for (const Column& column : columns_) widths.push_back(width(column.header));
    for (const auto& row : rows)
      for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width(row[i]));
    return widths;
  }

  void print_row(std::ostream& out, const std::vector<std::string>& row,
                 const std::vector<std::size_t>& widths, std::string_view before, std::string_view between,
                 std::string_view after) const {
    std::string line(before);
    for (std::size_t i = 0; i < row.size(); ++i) {
      const std::size_t space = widths[i] - width(row[i]);
      const Align align = columns_[i].align;
      const std::size_t left = align == Align::left ? 0 : align == Align::right ? space : space / 2;
      if (i) line += between;
      line.append(left, ' ').append(row[i]).append(space - left, ' ');
    }
    line += after;
    line.erase(line.find_last_not_of(' ') + 1);
    out << line << '\n';
  }

  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace SST_ABI
}  // namespace sst
