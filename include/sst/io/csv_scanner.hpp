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
#include <sst/io/text_window.hpp>
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
    start();
  }
  /// Of a text that does not have to fit into memory. Keeps a reference: `window` has to outlive it.
  CsvScanner(TextWindow& window, CsvFormat format = {})
      : source_(window.name()), format_(std::move(format)), window_(&window) {
    // Whether all evidence is there costs a look at all of it.
    for (std::size_t wanted = sample_bytes + sample_bytes / 4;; wanted *= 2) {
      while (!window.ended() && window.text().size() < wanted) window.read_on(0);
      text_ = window.text();
      if (window.ended() || wanted >= longest_row || holds_sample(text_, format_)) break;
    }
    start();
  }

 protected:
  /// Reads the header, if there is one, and returns the number of columns.
  std::size_t begin() {
    keeps_ = true;  // to begin again
    start_row();
    std::vector<std::string> first;
    do first.emplace_back(next_field(first.size()));
    while (!row_ended_);
    keeps_ = false;
    const std::size_t columns = first.size();
    if (format_.header == CsvHeader::yes) {
      names_ = std::move(first);
      if (const auto twice = repeated_name(names_))
        fail(1, twice->first,
             "column " + std::to_string(twice->second + 1) +
                 " has the same name; give each column its own, or say that row 1 is a sample (header: no)");
      if (at_end()) throw DataError(source_ + " has no rows (only a header); give it one sample a row");
    } else {
      at_ = 0;
      line_ = 1;
    }
    return columns;
  }

  /// Calls take(column, field) for each field of a row, which has to have so many.
  template <class Take>
  void next_row(std::size_t columns, Take&& take) {
    start_row();
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

  bool at_end() {
    start_row();
    return at_ >= text_.size() && !more(0);
  }
  /// What is left of a text that is in memory as a whole.
  std::string_view rest() const { return text_.substr(at_); }
  std::size_t line() const { return line_; }
  /// Of the letters that were read the share that rows were made of.
  double consumed() const {
    return static_cast<double>(forgotten_ + at_) / static_cast<double>(forgotten_ + text_.size());
  }

  [[noreturn]] void fail(std::size_t line, std::size_t column, const std::string& problem) const {
    fail_at_field(source_, line, column, column < names_.size() ? names_[column] : "", problem);
  }

  std::string source_;
  CsvFormat format_;
  std::vector<std::string> names_;

 private:
  void start() {
    // Blank lines at the end; where tabs separate, one of tabs alone is a row of empty fields.
    const bool tabs = text_.substr(0, text_.find_first_of("\r\n")).find('\t') != text_.npos;
    if (tabs) end_blanks_ = " \r\n";
    cut_end();
    require_rows();
    format_ = find_format(text_, std::move(format_), source_);
    if (format_.separator != '\t') end_blanks_ = " \t\r\n";
    cut_end();
    require_rows();  // not where all there was are tabs, which do not separate
    for (std::size_t c = 0; c < stops_.size(); ++c)
      stops_[c] = ends_field(static_cast<char>(c), format_.separator);
    look_for_damage();
  }

  bool ended() const { return window_ == nullptr || window_->ended(); }
  void cut_end() {
    if (ended()) text_ = text_.substr(0, text_.find_last_not_of(end_blanks_) + 1);  // npos + 1 is 0
  }
  void require_rows() const {
    if (text_.empty()) throw DataError(source_ + " has no rows (it is empty); give it one sample a row");
  }

  void start_row() {
    field_ = at_;
    row_ = forgotten_ + at_;
    row_line_ = line_;
  }
  /// Behind the letters that are in memory: whether there are more, which are then read. What is before
  /// field_ goes.
  bool more(std::size_t column) {
    if (ended()) return false;
    if (forgotten_ + text_.size() - row_ > longest_row)
      fail(row_line_, column,
           "the row goes on for more than " + std::to_string(longest_row >> 20U) +
               " MiB (a quote may be open, or the file may have no lines); give it one sample a row");
    const std::size_t gone = keeps_ ? 0 : std::min({field_, sound_, damage_});
    window_->read_on(gone);
    forgotten_ += gone;
    at_ -= gone;
    field_ -= gone;
    sound_ -= gone;
    if (damage_ != text_.npos) damage_ -= gone;
    text_ = window_->text();
    cut_end();
    at_ = std::min(at_, text_.size());
    field_ = std::min(field_, at_);
    look_for_damage();
    return at_ < text_.size();
  }

  /// Finds the first byte that is no text's. A letter at the end may have come in part.
  void look_for_damage() {
    if (damage_ != text_.npos) return;
    const std::string_view fresh = text_.substr(std::min(sound_, text_.size()));
    const std::size_t at = std::min(first_not_utf8(fresh), fresh.find('\0'));
    const bool whole = at == fresh.npos || ended() || fresh.size() - at >= 4 || fresh[at] == 0;
    if (at != fresh.npos && whole)
      damage_ = sound_ + at;
    else
      sound_ += std::min(at, fresh.size());
  }
  /// A name or a category that is no text can be neither told nor saved.
  std::string_view sound(std::string_view field, std::size_t line, std::size_t column) const {
    if (damage_ == text_.npos || at_ <= damage_) return field;
    fail(line, column,
         quote(field) +
             (text_[damage_] == 0
                  ? " has a zero byte, as no text has (the file is binary, or damaged); save it again as CSV"
                  : " is not UTF-8; save the file as UTF-8, or say what it is (encoding: latin-1)"));
  }

  /// The field at at_ without its quotes and surrounding blanks; moves behind it.
  std::string_view next_field(std::size_t column) {
    field_ = at_;
    const std::size_t line = line_;
    if (at_ >= text_.size()) more(column);
    at_ = behind_blanks(at_);
    if (at_ < text_.size() && text_[at_] == '"') return sound(next_quoted_field(column), line, column);
    field_ = at_;
    for (;;) {
      const char* const all = text_.data() + text_.size();
      const char* end = text_.data() + at_;
      while (end != all && !stops(*end)) ++end;
      at_ = static_cast<std::size_t>(end - text_.data());
      if (end != all || !more(column)) break;
    }
    const char* const begin = text_.data() + field_;
    const char* end = text_.data() + at_;
    while (end != begin && is_blank(end[-1])) --end;
    end_field();
    return sound({begin, static_cast<std::size_t>(end - begin)}, line, column);
  }

  std::string_view next_quoted_field(std::size_t column) {
    const std::size_t line = line_;
    unquoted_.clear();
    for (++at_;; ++at_) {
      if (at_ + 1 >= text_.size()) {  // a quote at the end may be the first of two
        field_ = std::min(at_, text_.size());
        more(column);
      }
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

  TextWindow* window_ = nullptr;
  std::string_view text_, end_blanks_ = " \t\r\n";
  std::array<bool, 256> stops_{};
  std::string unquoted_;
  std::size_t at_ = 0;
  std::size_t line_ = 1;
  bool row_ended_ = false;

  std::size_t field_ = 0;               // what has to stay in memory begins here
  bool keeps_ = false;                  // all that is in memory has to
  std::size_t forgotten_ = 0;           // letters before those in memory
  std::size_t row_ = 0, row_line_ = 1;  // where the row began, among all letters
  std::size_t sound_ = 0;               // letters before it are UTF-8 and no zeros
  std::size_t damage_ = std::string_view::npos;
};

}  // namespace detail
}  // namespace SST_ABI
}  // namespace sst
