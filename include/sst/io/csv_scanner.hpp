// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <sst/error.hpp>
#include <sst/io/csv_field.hpp>
#include <sst/version.hpp>

/// \file
/// From the text of a CSV file to rows of fields.

namespace sst {
inline namespace SST_ABI {
namespace detail {

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

}  // namespace detail
}  // namespace SST_ABI
}  // namespace sst
