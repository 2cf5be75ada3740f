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
#include <sst/tables/raw_table.hpp>
#include <sst/version.hpp>

/// \file
/// How one column of a table, with missing values and text in it, becomes columns of numbers.

namespace sst {
inline namespace SST_ABI {

namespace detail {

/// A missing value is an empty field, NA, N/A, null, NULL, None, ? or nan.
inline bool is_missing(CsvField kind, double value) {
  return kind == CsvField::empty || kind == CsvField::missing ||
         (kind == CsvField::not_finite && std::isnan(value));
}
inline bool is_missing(std::string_view field) {
  double value = 0;
  const CsvField kind = parse_csv_field(field, value);
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
/// What is done about a column that adds nothing: a constant, or a copy of another one.
enum class Redundant {  ///< the default: it is an error that names the column
  error,
  drop  ///< the column is left out, of several equal ones all but the first
};

/// What is done about columns and fields that are not plain numbers.
struct Treatments {
  MissingValues missing = MissingValues::error;  ///< fields without a value
  TextColumns text = TextColumns::error;         ///< columns of text
  Redundant constant = Redundant::error;         ///< columns of one value
  Redundant duplicate = Redundant::error;        ///< columns that are equal

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

/// Where the columns of an encoding stand in a table; `target` is absent or a position.
struct TablePlaces {
  std::vector<std::size_t> columns;
  std::size_t target = absent;
};

/// One pass over a table under the encodings of its columns; errors name row and column of the table.
class TableEncoder {
 public:
  TableEncoder(const RawTable& table, const Treatments& treatments,
               const std::vector<ColumnEncoding>& columns, TablePlaces places)
      : table_(table), treatments_(treatments), columns_(columns), places_(std::move(places)) {}

  /// Rows that take part. Throws at a missing value that has no treatment.
  std::vector<std::size_t> keep() const {
    std::vector<std::size_t> rows;
    for (std::size_t row = 0; row < table_.rows.size(); ++row) {
      bool complete = true;
      for (std::size_t c = 0; c < places_.columns.size(); ++c)
        if (columns_[c].kind != ColumnEncoding::Kind::left_out)
          complete = check(row, places_.columns[c], treatments_.missing) && complete;
      if (places_.target != absent)  // a mean is no answer to learn from
        complete =
            check(row, places_.target,
                  treatments_.missing == MissingValues::drop ? MissingValues::drop : MissingValues::error) &&
            complete;
      if (complete) rows.push_back(row);
    }
    if (rows.empty())
      throw DataError(table_.source + " has no row without missing values; fill them, or drop columns");
    return rows;
  }

  /// What the column is and holds, from these rows.
  ColumnEncoding learn(std::size_t c, const std::vector<std::size_t>& rows) const {
    ColumnEncoding column{columns_[c].name, ColumnEncoding::Kind::number, {}, {}, {}};
    std::size_t number_row = absent, text_row = absent, missing = 0;
    std::map<std::string, double> counts;
    std::vector<double> values;
    for (const std::size_t row : rows) {
      const std::string& field = at(row, c);
      double value = 0;
      const CsvField kind = parse_csv_field(field, value);
      if (is_missing(kind, value)) {
        ++missing;
      } else if (kind == CsvField::number) {
        number_row = row;
        values.push_back(value);
      } else if (kind == CsvField::text) {
        if (text_row == absent) text_row = row;
        ++counts[field];
      } else {
        fail(row, c, csv_field_problem(field, kind));
      }
    }
    if (missing == rows.size()) throw DataError(where(c) + " has no values (all are missing); leave it out");
    if (text_row != absent && number_row != absent)
      fail(text_row, c,
           quote(at(text_row, c)) + " is text, and row " + std::to_string(table_.lines[number_row]) +
               " has the number " + quote(at(number_row, c)) + "; correct the one or the other");
    if (text_row == absent) {
      const auto count = static_cast<double>(values.size());
      double mean = 0;
      for (const double value : values) mean += value / count;
      column.means = {mean};
      return column;
    }
    if (treatments_.text == TextColumns::error)
      fail(text_row, c,
           quote(at(text_row, c)) +
               " is not a number; correct it, leave the column out, or ask for one column a "
               "category (text: onehot)");
    constexpr std::size_t few = 20;
    if (counts.size() > std::max(few, rows.size() / 2))
      throw DataError(where(c) + " has " + std::to_string(counts.size()) + " different texts in " +
                      std::to_string(rows.size()) +
                      " rows (it names rows and does not group them); leave it out");
    column.kind = ColumnEncoding::Kind::categories;
    for (const auto& [name, count] : counts) {
      column.categories.push_back(name);
      column.means.push_back(count / static_cast<double>(rows.size() - missing));
    }
    return column;
  }

  /// The column's numbers in these rows: rows x width.
  Eigen::MatrixXd encode(std::size_t c, const std::vector<std::size_t>& rows) const {
    const ColumnEncoding& column = columns_[c];
    const auto width = static_cast<Eigen::Index>(column.width());
    const Eigen::RowVectorXd means = Eigen::Map<const Eigen::RowVectorXd>(column.means.data(), width);
    Eigen::MatrixXd x = Eigen::MatrixXd::Zero(static_cast<Eigen::Index>(rows.size()), width);
    for (Eigen::Index i = 0; i < x.rows(); ++i) {
      const std::size_t row = rows[static_cast<std::size_t>(i)];
      const std::string& field = at(row, c);
      double value = 0;
      const CsvField kind = parse_csv_field(field, value);
      if (is_missing(kind, value)) {
        x.row(i) = means;
      } else if (column.kind == ColumnEncoding::Kind::number) {
        if (kind != CsvField::number) fail(row, c, csv_field_problem(field, kind));
        x(i, 0) = value;
      } else {
        const auto it = std::lower_bound(column.categories.begin(), column.categories.end(), field);
        if (it == column.categories.end() || *it != field)
          fail(row, c,
               "the category " + quote(field) + " was not there in training (" +
                   quote(column.categories.front()) + " is one of " +
                   std::to_string(column.categories.size()) + "); correct it, or train on it as well");
        x(i, it - column.categories.begin()) = 1;
      }
    }
    return x;
  }

  std::string where(std::size_t c) const {
    const std::string& name = columns_[c].name;
    return table_.source + ", column " + std::to_string(places_.columns[c] + 1) +
           (name.empty() ? "" : " (" + quote(name) + ")");
  }

 private:
  const std::string& at(std::size_t row, std::size_t c) const { return table_.rows[row][places_.columns[c]]; }

  [[noreturn]] void fail(std::size_t row, std::size_t c, const std::string& problem) const {
    fail_at(row, places_.columns[c], problem);
  }
  [[noreturn]] void fail_at(std::size_t row, std::size_t place, const std::string& problem) const {
    fail_at_field(table_.source, table_.lines[row], place,
                  table_.columns.empty() ? "" : table_.columns[place], problem);
  }

  /// Whether the field lets its row stay.
  bool check(std::size_t row, std::size_t place, MissingValues treatment) const {
    const std::string& field = table_.rows[row][place];
    if (!is_missing(field)) return true;
    if (treatment == MissingValues::error)
      fail_at(row, place,
              (field.empty() ? "the field is empty" : quote(field) + " stands for a missing value") +
                  (place == places_.target
                       ? std::string(" in the target; fill it, or ask to drop such rows (missing: drop)")
                       : "; fill it, or ask for a treatment (missing: drop or mean)"));
    return treatment == MissingValues::mean;
  }

  const RawTable& table_;
  const Treatments& treatments_;
  const std::vector<ColumnEncoding>& columns_;
  TablePlaces places_;
};

}  // namespace detail

}  // namespace SST_ABI
}  // namespace sst
