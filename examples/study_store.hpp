// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <sst/base/file.hpp>
#include <sst/error.hpp>

#include "checked_line.hpp"
#include "study_scores.hpp"

/// \file
/// Outcomes on disk: a file that is only ever appended to, one line a record.

namespace study {

/// Outcomes by the fingerprints of kernel and task. A record is a line "checksum kernel task numbers"; what a
/// killed program leaves of its last line is no record, and is computed again.
class Store {
 public:
  using Key = std::pair<std::string, std::string>;  ///< fingerprints of the kernel, and of set and protocol

  /// Reads what is there, whichever study it was computed for. Throws DataError where the file cannot be read
  /// or appended to.
  explicit Store(std::filesystem::path file) : file_(std::move(file)) {
    std::error_code ignored;
    std::string text;
    if (std::filesystem::exists(file_, ignored)) text = sst::detail::read_all(file_);
    for (std::size_t at = 0, end = 0; at < text.size(); at = end + 1) {
      end = std::min(text.find('\n', at), text.size());
      if (!read(std::string_view(text).substr(at, end - at))) ++torn_;
    }
    errno = 0;
    out_.open(file_, std::ios::app | std::ios::binary);
    if (!text.empty() && text.back() != '\n') out_ << '\n';
    check();
  }

  /// Null where nobody has computed it.
  const Outcome* find(const Key& key) const {
    const auto at = known_.find(key);
    return at == known_.end() ? nullptr : &at->second;
  }
  /// Lines that are no records.
  std::size_t torn() const { return torn_; }

  /// From any thread. Throws DataError where it cannot be written.
  void append(const Key& key, Outcome outcome) {
    std::string body = key.first + ' ' + key.second;
    number(body, outcome.effective_depth);
    for (const double value : outcome.chosen) number(body, value);
    for (const Scores& scores : outcome.ridges)
      for (const double value : scores) number(body, value);
    const std::string line = program::checked_line(body);
    const std::lock_guard guard(lock_);
    errno = 0;
    out_ << line << std::flush;
    check();
    known_.insert_or_assign(key, std::move(outcome));
  }

 private:
  static void number(std::string& to, double value) {
    std::array<char, 32> text;
    to += ' ';
    to.append(text.data(), std::to_chars(text.data(), text.data() + text.size(), value).ptr);
  }

  /// Whether the line is a record.
  bool read(std::string_view line) {
    constexpr std::size_t digits = 16;  // of a fingerprint
    const auto body = program::checked_text(line);
    if (!body || body->size() < 2 * digits + 2) return false;
    const Key key{body->substr(0, digits), body->substr(digits + 1, digits)};
    std::vector<double> numbers;
    for (const char *at = body->data() + 2 * digits + 2, *end = body->data() + body->size(); at < end;) {
      double value = 0;
      const auto [stop, error] = std::from_chars(at, end, value);
      if (error != std::errc()) return false;
      numbers.push_back(value);
      at = stop + 1;
    }
    if (numbers.size() < 1 + score_count || (numbers.size() - 1) % score_count != 0) return false;
    Outcome out{numbers[0], {}, std::vector<Scores>((numbers.size() - 1) / score_count - 1)};
    auto next = numbers.begin() + 1;
    std::copy_n(next, score_count, out.chosen.begin());
    for (Scores& scores : out.ridges) std::copy_n(next += score_count, score_count, scores.begin());
    known_.insert_or_assign(key, std::move(out));
    return true;
  }
  void check() const {
    if (!out_)
      throw sst::DataError("cannot append to '" + file_.string() + "' (" + sst::detail::last_system_error() +
                           "); choose a folder that is writable and has room");
  }

  std::filesystem::path file_;
  std::ofstream out_;
  std::mutex lock_;
  std::map<Key, Outcome> known_;
  std::size_t torn_ = 0;
};

}  // namespace study
