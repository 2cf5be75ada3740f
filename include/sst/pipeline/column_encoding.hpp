// SPDX-License-Identifier: MIT
#pragma once

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <sst/base/file.hpp>
#include <sst/error.hpp>
#include <sst/io/csv_field.hpp>
#include <sst/io/csv_format.hpp>
#include <sst/io/table_problems.hpp>
#include <sst/tables/raw_table.hpp>
#include <sst/version.hpp>

/// \file
/// How one column of a table, with missing values and text in it, becomes columns of numbers.

namespace sst {
inline namespace SST_ABI {

namespace detail {

/// A missing value is an empty field, a word that stands for one (NA, n/a, null, ?, ...; the format may have
/// more) or nan.
inline bool is_missing(CsvField kind, double value) {
  return kind == CsvField::empty || kind == CsvField::missing ||
         (kind == CsvField::not_finite && std::isnan(value));
}
inline bool is_missing(std::string_view field, const CsvFormat& format) {
  double value = 0;
  const CsvField kind = parse_csv_field(field, value, format);
  return is_missing(kind, value);
}

}  // namespace detail

/// What is done about a field without a value.
enum class MissingValues {  ///< the default: it is an error that names row and column
  error,
  drop,  ///< the row is left out
  mean   ///< the column's mean over the training rows; of text, the share of each category
};
/// What is done about a column of text.
enum class TextColumns {  ///< the default: it is an error that names the column
  error,
  onehot  ///< one column of 0 and 1 for each category, in the order of their bytes
};
/// What is done about a row to learn from without a target.
enum class MissingTarget {
  as_missing,  ///< the default: it is left out with MissingValues::drop, and an error otherwise
  drop         ///< the row is left out
};
/// What is done about a category that was not there in training.
enum class UnknownCategory {  ///< the default: it is an error that names row and column
  error,
  none  ///< none of the known ones: all of its columns are 0
};
/// What is done about a column that adds nothing: a constant, or a copy of another one.
enum class Redundant {  ///< the default: it is an error that names the column
  error,
  drop  ///< the column is left out, of several equal ones all but the first
};

/// What is done about columns and fields that are not plain numbers.
struct Treatments {
  MissingValues missing = MissingValues::error;              ///< fields without a value
  TextColumns text = TextColumns::error;                     ///< columns of text
  Redundant constant = Redundant::error;                     ///< columns of one value
  Redundant duplicate = Redundant::error;                    ///< columns that are equal
  MissingTarget missing_target = MissingTarget::as_missing;  ///< rows to learn from without a target
  UnknownCategory unknown = UnknownCategory::error;          ///< categories that training did not have
  std::vector<std::string> categorical{};  ///< columns of categories, though some or all of them are numbers

  friend bool operator==(const Treatments&, const Treatments&) = default;
};

/// How one column of a table becomes columns of numbers.
struct ColumnEncoding {
  /// A column of `number`s, of text with `categories`, or one that is `left_out`.
  enum class Kind { number, categories, left_out };
  std::string name;                     ///< empty without a header
  Kind kind = Kind::number;             ///< what the column is
  std::vector<std::string> categories;  ///< of a column of text
  std::vector<double> means;            ///< what a missing value becomes, one for each column of numbers
  std::string why;                      ///< of one that is left out

  /// How many columns of numbers it becomes.
  std::size_t width() const {
    return kind == Kind::left_out ? 0 : kind == Kind::number ? 1 : categories.size();
  }
  friend bool operator==(const ColumnEncoding&, const ColumnEncoding&) = default;
};

namespace detail {

inline constexpr std::size_t absent = static_cast<std::size_t>(-1);

/// Where the columns of an encoding stand in a table, each absent or a position; those of the targets once
/// more.
struct TablePlaces {
  std::vector<std::size_t> columns, targets;
};

/// Of a table that leaves nothing to learn from or to predict.
[[noreturn]] inline void fail_without_rows(const std::string& source) {
  throw DataError(source +
                  " has no row without missing values; fill them, or leave out the "
                  "columns that have the most");
}

/// One pass over a table under the encodings of its columns. What is wrong is collected in `problems`, with
/// row and column of the table.
class TableEncoder {
 public:
  TableEncoder(const RawTable& table, const Treatments& treatments,
               const std::vector<ColumnEncoding>& columns, TablePlaces places, TableProblems& problems)
      : table_(table),
        treatments_(treatments),
        columns_(columns),
        places_(std::move(places)),
        problems_(problems) {
    // Lines of separators alone at the end of a file, as spreadsheets write them.
    end_ = table_.rows.size();
    while (end_ > 0 && std::all_of(table_.rows[end_ - 1].begin(), table_.rows[end_ - 1].end(),
                                   [](const std::string& field) { return field.empty(); }))
      --end_;
  }

  /// Rows that take part; `dropped` counts the others by the reason. A row to predict needs no target.
  std::vector<std::size_t> keep(bool needs_target, std::map<std::string, std::size_t>& dropped) {
    dropped.clear();
    if (end_ < table_.rows.size()) dropped["nothing in the row"] = table_.rows.size() - end_;
    const bool drops = treatments_.missing == MissingValues::drop;
    std::vector<std::size_t> rows;
    for (std::size_t row = 0; row < end_; ++row) {
      std::string why;
      for (std::size_t c = 0; c < places_.columns.size(); ++c)
        if (columns_[c].kind != ColumnEncoding::Kind::left_out &&
            treatments_.missing != MissingValues::mean && missing(row, places_.columns[c])) {
          if (why.empty()) why = "no value in " + column_place(places_.columns[c], name(places_.columns[c]));
          if (!drops) add_missing(row, places_.columns[c]);
        }
      for (const std::size_t target : places_.targets) {
        if (!needs_target || target == absent || !missing(row, target)) continue;
        why = places_.targets.size() == 1 ? "no value in the target"  // a mean is no answer to learn from
                                          : "no value in the target " + quote(name(target));
        if (!drops && treatments_.missing_target != MissingTarget::drop) add_missing(row, target);
      }
      if (why.empty())
        rows.push_back(row);
      else
        ++dropped[why];
    }
    return rows;
  }

  /// What the column is and holds, from these rows.
  ColumnEncoding learn(std::size_t c, const std::vector<std::size_t>& rows) {
    ColumnEncoding column{columns_[c].name, ColumnEncoding::Kind::number, {}, {}, {}};
    const bool categorical =
        std::find(treatments_.categorical.begin(), treatments_.categorical.end(),
                  column.name.empty() ? std::to_string(c) : column.name) != treatments_.categorical.end();
    std::size_t number_row = absent, text_row = absent, missing = 0;
    std::map<std::string, double> counts;
    std::vector<double> values;
    for (const std::size_t row : rows) {
      const std::string& field = at(row, c);
      double value = 0;
      const CsvField kind = parse_csv_field(field, value, table_.format);
      if (is_missing(kind, value)) {
        ++missing;
      } else if (categorical) {
        ++counts[canonical_field(field, table_.format)];
      } else if (kind == CsvField::number) {
        number_row = row;
        values.push_back(value);
      } else if (kind == CsvField::text) {
        if (text_row == absent) text_row = row;
        ++counts[field];
      } else {
        add(row, c, kind, csv_field_problem(field, kind));
      }
    }
    if (missing == rows.size()) {
      add(c, {"has no values (all are missing)", "leave it out (ignore: NAME)"});
    } else if (text_row != absent && number_row != absent) {
      add(text_row, c, CsvField::text, mixed(text_row, number_row, c));
    } else if (text_row != absent && treatments_.text == TextColumns::error) {
      const FieldProblem problem = not_a_number(at(text_row, c));
      add(text_row, c, CsvField::text,
          problem.remedy == not_a_number("").remedy
              ? FieldProblem{problem.what,
                             "correct it, leave the column out (ignore: NAME), or ask for one column a "
                             "category (text: onehot)"}
              : problem);
    } else if (constexpr std::size_t few = 20; counts.size() > std::max(few, rows.size() / 2)) {
      add(c, {"has " + std::to_string(counts.size()) + " different texts in " + std::to_string(rows.size()) +
                  " rows (it names rows and does not group them)",
              "leave it out (ignore: NAME)"});
    }
    if (counts.empty()) {
      const auto count = static_cast<double>(values.size());
      double mean = 0;
      for (const double value : values) mean += value / count;
      column.means = {mean};
      return column;
    }
    column.kind = ColumnEncoding::Kind::categories;
    for (const auto& [name, count] : counts) {
      column.categories.push_back(name);
      column.means.push_back(count / static_cast<double>(rows.size() - missing));
    }
    return column;
  }

  /// The column's numbers in these rows: rows x width. `unknown` counts categories that training did not
  /// have.
  Eigen::MatrixXd encode(std::size_t c, const std::vector<std::size_t>& rows,
                         std::map<std::string, std::size_t>& unknown) {
    const ColumnEncoding& column = columns_[c];
    const auto width = static_cast<Eigen::Index>(column.width());
    const Eigen::RowVectorXd means = Eigen::Map<const Eigen::RowVectorXd>(column.means.data(), width);
    Eigen::MatrixXd x = Eigen::MatrixXd::Zero(static_cast<Eigen::Index>(rows.size()), width);
    for (Eigen::Index i = 0; i < x.rows(); ++i) {
      const std::size_t row = rows[static_cast<std::size_t>(i)];
      const std::string& field = at(row, c);
      double value = 0;
      const CsvField kind = parse_csv_field(field, value, table_.format);
      if (is_missing(kind, value)) {
        x.row(i) = means;
      } else if (column.kind == ColumnEncoding::Kind::number) {
        if (kind != CsvField::number) add(row, c, kind, csv_field_problem(field, kind));
        x(i, 0) = value;
      } else {
        const std::string category = canonical_field(field, table_.format);
        const auto it = std::lower_bound(column.categories.begin(), column.categories.end(), category);
        if (it != column.categories.end() && *it == category)
          x(i, it - column.categories.begin()) = 1;
        else if (treatments_.unknown == UnknownCategory::none)
          ++unknown[column_place(places_.columns[c], column.name) + ": " + quote(category)];
        else
          add(row, c, CsvField::text,
              {"the category " + quote(field) + " was not there in training (" +
                   quote(column.categories.front()) + " is one of " +
                   std::to_string(column.categories.size()) + ")",
               "correct it, train on it as well, or take it for none of the known (unknown: none)"});
      }
    }
    return x;
  }

  /// Something about the whole column; in learning.
  void add(std::size_t c, const FieldProblem& problem) {
    bad_.push_back(c);
    problems_.add_column(places_.columns[c], columns_[c].name, problem);
  }
  /// Whether something was wrong with the column.
  bool is_bad(std::size_t c) const { return std::find(bad_.begin(), bad_.end(), c) != bad_.end(); }

 private:
  const std::string& at(std::size_t row, std::size_t c) const { return table_.rows[row][places_.columns[c]]; }
  std::string_view name(std::size_t place) const {
    return table_.columns.empty() ? std::string_view() : std::string_view(table_.columns[place]);
  }
  bool missing(std::size_t row, std::size_t place) const {
    return is_missing(table_.rows[row][place], table_.format);
  }

  void add(std::size_t row, std::size_t c, CsvField kind, const FieldProblem& problem) {
    bad_.push_back(c);
    problems_.add_field(table_.lines[row], places_.columns[c], name(places_.columns[c]), kind,
                        [&] { return problem; });
  }
  void add_missing(std::size_t row, std::size_t place) {
    problems_.add_field(table_.lines[row], place, name(place), CsvField::missing, [&] {
      const std::string& field = table_.rows[row][place];
      const std::string what =
          field.empty() ? "the field is empty" : quote(field) + " stands for a missing value";
      const bool target =
          std::find(places_.targets.begin(), places_.targets.end(), place) != places_.targets.end();
      return target ? FieldProblem{what + " in the target",
                                   "fill it, or ask to drop such rows (missing-target: drop)"}
                    : FieldProblem{what, "fill it, or ask for a treatment (missing: drop or mean)"};
    });
  }
  FieldProblem mixed(std::size_t text_row, std::size_t number_row, std::size_t c) const {
    const std::string& text = at(text_row, c);
    const std::string what = quote(text) + " is text, and row " + std::to_string(table_.lines[number_row]) +
                             " has the number " + quote(at(number_row, c));
    const FieldProblem problem = not_a_number(text);
    if (problem.remedy != not_a_number("").remedy) return {what, problem.remedy};
    return {what,
            "correct the one or the other, leave the column out (ignore: NAME), or say that these are "
            "categories (categorical: NAME)"};
  }

  const RawTable& table_;
  const Treatments& treatments_;
  const std::vector<ColumnEncoding>& columns_;
  TablePlaces places_;
  TableProblems& problems_;
  std::vector<std::size_t> bad_;
  std::size_t end_ = 0;
};

}  // namespace detail

}  // namespace SST_ABI
}  // namespace sst
