// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <sst/error.hpp>
#include <sst/io/csv_evidence.hpp>
#include <sst/io/csv_field.hpp>
#include <sst/io/csv_format.hpp>
#include <sst/io/text_file.hpp>
#include <sst/version.hpp>

/// \file
/// From the text of a CSV file to rows of fields.

namespace sst {
inline namespace SST_ABI {
namespace detail {

/// Takes a CSV text apart into fields; what a field may hold is its users' to say.
class CsvScanner {
 public:
  /// What is open in the format is found out. The text is UTF-8 without a mark.
  CsvScanner(std::string_view text, std::string source, CsvFormat format = {})
      : source_(std::move(source)), format_(std::move(format)), text_(text) {
    // Blank lines at the end; where tabs separate, one of tabs alone is a row of empty fields.
    const bool tabs = text_.substr(0, text_.find_first_of("\r\n")).find('\t') != text_.npos;
    text_ = text_.substr(0, text_.find_last_not_of(tabs ? " \r\n" : " \t\r\n") + 1);  // npos + 1 is 0
    require_rows();
    format_ = find_format(text_, std::move(format_), source_);
    if (format_.separator != '\t') text_ = text_.substr(0, text_.find_last_not_of(" \t\r\n") + 1);
    require_rows();  // not where all there was are tabs, which do not separate
    for (std::size_t c = 0; c < stops_.size(); ++c)
      stops_[c] = ends_field(static_cast<char>(c), format_.separator);
  }

 protected:
  /// Reads the header, if there is one, and returns the number of columns.
  std::size_t begin() {
    require_utf8();
    std::vector<std::string> first;
    do first.emplace_back(next_field(first.size()));
    while (!row_ended_);
    const std::size_t columns = first.size();
    if (format_.header == CsvHeader::yes) {
      names_ = std::move(first);
      if (const auto twice = repeated_name(names_))
        fail(1, twice->first,
             "column " + std::to_string(twice->second + 1) +
                 " has the same name; give each column its own, or say that row 1 is a sample (header: no)");
      if (at_ >= text_.size())
        throw DataError(source_ + " has no rows (only a header); give it one sample a row");
    } else {
      start_again();
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
  CsvFormat format_;
  std::vector<std::string> names_;

 private:
  void require_rows() const {
    if (text_.empty()) throw DataError(source_ + " has no rows (it is empty); give it one sample a row");
  }

  void start_again() {
    at_ = 0;
    line_ = 1;
  }

  /// Before anything is learnt: a name or a category that is no text can be neither told nor saved.
  void require_utf8() {
    const std::size_t nul = text_.find('\0'), wrong = std::min(first_not_utf8(text_), nul);
    if (wrong == text_.npos) return;
    while (!at_end())
      for (std::size_t line = line_, column = 0;; ++column) {
        const std::string_view field = next_field(column);
        if (at_ > wrong)
          fail(line, column,
               quote(field) +
                   (wrong == nul
                        ? " has a zero byte, as no text has (the file is binary, or damaged); save it again "
                          "as CSV"
                        : " is not UTF-8; save the file as UTF-8, or say what it is (encoding: latin-1)"));
        if (row_ended_) break;
      }
  }

  /// The field at at_ without its quotes and surrounding blanks; moves behind it.
  std::string_view next_field(std::size_t column) {
    at_ = behind_blanks(at_);
    if (at_ < text_.size() && text_[at_] == '"') return next_quoted_field(column);
    const char* const begin = text_.data() + at_;
    const char* const all = text_.data() + text_.size();
    const char* end = begin;
    while (end != all && !stops(*end)) ++end;
    at_ += static_cast<std::size_t>(end - begin);
    while (end != begin && is_blank(end[-1])) --end;
    end_field();
    return {begin, static_cast<std::size_t>(end - begin)};
  }

  std::string_view next_quoted_field(std::size_t column) {
    const std::size_t line = line_;
    unquoted_.clear();
    for (++at_;; ++at_) {
      if (at_ >= text_.size()) fail(line, column, "a quote is opened and not closed; close it");
      if (text_[at_] == '"' && (at_ + 1 >= text_.size() || text_[at_ + 1] != '"')) break;
      if (text_[at_] == '"') ++at_;  // a doubled quote stands for one
      if (is_line_end(text_[at_]) && behind_line_end(text_, at_) == at_ + 1) ++line_;
      unquoted_ += text_[at_];
    }
    const std::size_t behind = at_ + 1;
    at_ = behind_blanks(behind);
    if (at_ < text_.size() && !stops(text_[at_]) && !(format_.separator == ' ' && at_ > behind))
      fail(line, column, "text follows a closing quote; double the quotes that belong to the field");
    end_field();
    return unquoted_;
  }

  bool is_blank(char c) const { return c == ' ' || (c == '\t' && format_.separator != '\t'); }
  std::size_t behind_blanks(std::size_t at) const {
    while (at < text_.size() && is_blank(text_[at])) ++at;
    return at;
  }
  bool stops(char c) const { return stops_[static_cast<unsigned char>(c)]; }

  void end_field() {
    if (format_.separator == ' ') at_ = behind_blanks(at_);
    row_ended_ = at_ >= text_.size() || is_line_end(text_[at_]);
    if (row_ended_) {
      ++line_;
      at_ = behind_line_end(text_, at_);
    } else if (format_.separator != ' ') {
      ++at_;
    }
  }

  std::string_view text_;
  std::array<bool, 256> stops_{};
  std::string unquoted_;
  std::size_t at_ = 0;
  std::size_t line_ = 1;
  bool row_ended_ = false;
};

}  // namespace detail
}  // namespace SST_ABI
}  // namespace sst
