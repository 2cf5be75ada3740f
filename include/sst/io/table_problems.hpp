// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <list>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <sst/error.hpp>
#include <sst/io/csv_field.hpp>
#include <sst/version.hpp>

namespace sst {
inline namespace SST_ABI {
namespace detail {

/// The problems of a table, to be told at once, by the rows where they begin, those of whole columns first:
/// of those that are alike in a column the first, and how many more there are; those that one remedy helps
/// together.
class TableProblems {
 public:
  explicit TableProblems(std::string source) : source_(std::move(source)) {}

  /// One at a field; `describe()` is called for the first of its kind in the column. `line` of the file
  /// counted from 1, `column` from 0.
  template <class Describe>
  void add_field(std::size_t line, std::size_t column, std::string_view name, CsvField kind,
                 Describe&& describe) {
    const auto [it, fresh] = seen_.emplace(std::pair{column, kind}, problems_.size());
    if (fresh)
      add({line, column}, "row " + std::to_string(line) + ", " + column_place(column, name) + ": ",
          describe());
    else
      ++problems_[it->second].more;
  }
  /// One of a whole column: "is constant".
  void add_column(std::size_t column, std::string_view name, const FieldProblem& problem) {
    add({0, column}, column_place(column, name) + " ", problem);
  }
  bool empty() const { return problems_.empty(); }

  /// Throws DataError if there are any.
  void raise() const {
    if (empty()) return;
    constexpr std::size_t most = 8;
    std::list<Problem> sorted(problems_.begin(), problems_.end());
    sorted.sort(
        [](const Problem& a, const Problem& b) { return a.where < b.where; });  // keeps ties in their order
    std::vector<std::string> groups;
    for (auto here = sorted.begin(); here != sorted.end(); ++here) {
      const std::string& remedy = here->problem.remedy;
      const auto alike = [&](const Problem& other) { return other.problem.remedy == remedy; };
      if (std::any_of(sorted.begin(), here, alike)) continue;
      std::string text;
      std::size_t told = 0;
      for (auto it = here; it != sorted.end(); ++it) {
        if (!alike(*it) || ++told > most) continue;
        text += (text.empty() ? "" : ", ") + it->place + it->problem.what +
                (it->more ? " (and " + std::to_string(it->more) + " more such)" : "");
      }
      if (told > most) text += ", and " + std::to_string(told - most) + " more columns";
      groups.push_back(text + "; " + remedy);
    }
    if (groups.size() == 1) throw DataError(source_ + ", " + groups.front());
    std::string text = source_ + " has " + std::to_string(groups.size()) + " kinds of problems:";
    for (std::size_t i = 0; i < groups.size(); ++i)
      text += (i ? ". (" : " (") + std::to_string(i + 1) + ") " + groups[i];
    throw DataError(text);
  }

 private:
  using Where = std::pair<std::size_t, std::size_t>;  // line, 0 of a whole column; column
  struct Problem {
    Where where;
    std::string place;
    FieldProblem problem;
    std::size_t more = 0;
  };
  void add(Where where, std::string place, FieldProblem problem) {
    problems_.push_back({where, std::move(place), std::move(problem), 0});
  }

  std::string source_;
  std::vector<Problem> problems_;
  std::map<std::pair<std::size_t, CsvField>, std::size_t> seen_;
};

}  // namespace detail
}  // namespace SST_ABI
}  // namespace sst
