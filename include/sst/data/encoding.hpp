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

#include <sst/data/csv.hpp>
#include <sst/data/table.hpp>
#include <sst/error.hpp>

/// \file
/// Tables as people have them, with missing values, text and columns that say nothing, to numbers. Nothing is
/// treated unless it is asked for: by default each of these is an error that names row and column.

namespace sst {

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

enum class MissingValues {
  error,
  drop,  ///< the row is left out
  mean   ///< the column's mean over the training rows; of text, the share of each category
};
enum class TextColumns {
  error,
  onehot  ///< one column of 0 and 1 for each category, in the order of their bytes
};
enum class Redundant {
  error,
  drop  ///< the column is left out, of several equal ones all but the first
};

/// What is done about columns and fields that are not plain numbers.
struct Treatments {
  MissingValues missing = MissingValues::error;
  TextColumns text = TextColumns::error;
  Redundant constant = Redundant::error;
  Redundant duplicate = Redundant::error;

  friend bool operator==(const Treatments&, const Treatments&) = default;
};

/// How one column of a table becomes columns of numbers.
struct ColumnEncoding {
  enum class Kind { number, categories, left_out };
  std::string name;  ///< empty without a header
  Kind kind = Kind::number;
  std::vector<std::string> categories;  ///< of a column of text
  std::vector<double> means;            ///< what a missing value becomes, one for each column of numbers
  std::string why;                      ///< of one that is left out

  std::size_t width() const {
    return kind == Kind::left_out ? 0 : kind == Kind::number ? 1 : categories.size();
  }
  friend bool operator==(const ColumnEncoding&, const ColumnEncoding&) = default;
};

/// A table after its encoding.
struct EncodedTable {
  Eigen::MatrixXd x;                ///< samples x features
  std::vector<std::string> target;  ///< one field for each sample; empty when the table has no such column
  std::vector<std::size_t> lines;   ///< of each sample in the file, counted from 1
  std::size_t dropped = 0;          ///< rows that were left out
  std::string source;
};

/// How a table becomes samples x features: learnt from training rows, remembered, applied to other rows.
///
/// \code
/// const auto encoding = sst::TableEncoding::learn(table, "mpg", {"name"}, {.missing =
/// sst::MissingValues::drop}); const sst::EncodedTable train = encoding.apply(table); \endcode
struct TableEncoding {
  Treatments treatments;
  std::string target;                   ///< its name; without a header the index that was asked for
  std::size_t target_index = 0;         ///< among the columns of the training table
  std::vector<ColumnEncoding> columns;  ///< of the training table, in their order, the target too (left out)

  /// target: a column's name, or its 0-based index, from the end when negative. `ignored`: columns to leave
  /// out. Throws DataError with source, row and column for whatever `treatments` does not cover, and always
  /// for a column that mixes numbers and text or has no values, for text that has more categories than half
  /// of the rows (an identifier), for infinities, and when nothing is left to learn from.
  static TableEncoding learn(const RawTable& table, const std::string& target,
                             const std::vector<std::string>& ignored = {}, const Treatments& treatments = {});

  /// Columns are found by their names (by position without a header); the target may be absent. Throws
  /// DataError for a column that is missing or unknown, and for a category that was not there in training.
  EncodedTable apply(const RawTable& table) const;

  /// Names of the columns of x: "weight", "island=Dream"; x0, x1, ... without a header.
  std::vector<std::string> features() const;

  friend bool operator==(const TableEncoding&, const TableEncoding&) = default;
};

namespace detail {

inline constexpr std::size_t absent = static_cast<std::size_t>(-1);

/// Where the columns of an encoding stand in a table; `target` is absent or a position.
struct TablePlaces {
  std::vector<std::size_t> columns;
  std::size_t target = absent;
};

/// One pass over a table under an encoding; errors name row and column of the table.
class TableEncoder {
 public:
  TableEncoder(const RawTable& table, const TableEncoding& encoding, TablePlaces places)
      : table_(table), encoding_(encoding), places_(std::move(places)) {}

  /// Rows that take part. Throws at a missing value that has no treatment.
  std::vector<std::size_t> keep() const {
    std::vector<std::size_t> rows;
    for (std::size_t row = 0; row < table_.rows.size(); ++row) {
      bool complete = true;
      for (std::size_t c = 0; c < places_.columns.size(); ++c)
        if (encoding_.columns[c].kind != ColumnEncoding::Kind::left_out)
          complete = check(row, places_.columns[c], encoding_.treatments.missing) && complete;
      if (places_.target != absent)  // a mean is no answer to learn from
        complete = check(row, places_.target,
                         encoding_.treatments.missing == MissingValues::drop ? MissingValues::drop
                                                                             : MissingValues::error) &&
                   complete;
      if (complete) rows.push_back(row);
    }
    if (rows.empty())
      throw DataError(table_.source + " has no row without missing values; fill them, or drop columns");
    return rows;
  }

  /// What the column is and holds, from these rows.
  ColumnEncoding learn(std::size_t c, const std::vector<std::size_t>& rows) const {
    ColumnEncoding column{encoding_.columns[c].name, ColumnEncoding::Kind::number, {}, {}, {}};
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
    if (encoding_.treatments.text == TextColumns::error)
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
    const ColumnEncoding& column = encoding_.columns[c];
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
    const std::string& name = encoding_.columns[c].name;
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
  const TableEncoding& encoding_;
  TablePlaces places_;
};

}  // namespace detail

inline TableEncoding TableEncoding::learn(const RawTable& table, const std::string& wanted,
                                          const std::vector<std::string>& ignored,
                                          const Treatments& treatments) {
  using enum ColumnEncoding::Kind;
  const std::size_t count = table.rows.empty() ? 0 : table.rows.front().size();
  const auto find = [&](const std::string& name) {
    return static_cast<std::size_t>(
        detail::find_column(table.columns, static_cast<Eigen::Index>(count), name, table.source));
  };
  TableEncoding out;
  out.treatments = treatments;
  out.target_index = find(wanted);
  out.target = table.columns.empty() ? wanted : table.columns[out.target_index];
  detail::TablePlaces places{{}, out.target_index};
  for (std::size_t c = 0; c < count; ++c) {
    out.columns.push_back({table.columns.empty() ? "" : table.columns[c], number, {}, {}, {}});
    places.columns.push_back(c);
  }
  const auto leave_out = [&](std::size_t c, const std::string& why) {
    out.columns[c] = {out.columns[c].name, left_out, {}, {}, why};
  };
  for (const std::string& name : ignored) {
    if (find(name) == out.target_index)
      throw DataError(table.source + ": the target " + detail::quote(name) +
                      " is to be ignored; choose another");
    leave_out(find(name), "ignored");
  }
  leave_out(out.target_index, "the target");
  for (std::size_t c = 0; c < table.columns.size(); ++c)
    if (out.columns[c].name.empty() && (c == out.target_index || out.columns[c].kind != left_out))
      throw DataError(table.source + ", column " + std::to_string(c + 1) +
                      " has no name in the header; give it one, or leave it out by its index " +
                      std::to_string(c));

  const detail::TableEncoder encoder(table, out, places);
  // A column that is left out no longer makes rows incomplete, so look again until nothing changes.
  for (bool changed = true; changed;) {
    changed = false;
    const std::vector<std::size_t> rows = encoder.keep();
    std::vector<std::pair<std::size_t, Eigen::MatrixXd>> blocks;
    for (std::size_t c = 0; c < count; ++c) {
      if (out.columns[c].kind == left_out) continue;
      out.columns[c] = encoder.learn(c, rows);
      Eigen::MatrixXd block = encoder.encode(c, rows);
      if ((block.rowwise() - block.row(0)).isZero(0)) {
        if (treatments.constant == Redundant::error)
          throw DataError(
              encoder.where(c) +
              " is constant (it says nothing about the target); leave it out, or ask to drop such "
              "columns (constant: drop)");
        leave_out(c, "constant");
        changed = true;
        continue;
      }
      const auto same = std::find_if(blocks.begin(), blocks.end(), [&](const auto& earlier) {
        return earlier.second.cols() == block.cols() && earlier.second == block;
      });
      if (same == blocks.end()) {
        blocks.emplace_back(c, std::move(block));
        continue;
      }
      const std::string first =
          "column " + std::to_string(same->first + 1) +
          (table.columns.empty() ? "" : " (" + detail::quote(table.columns[same->first]) + ")");
      if (treatments.duplicate == Redundant::error)
        throw DataError(encoder.where(c) + " equals " + first +
                        " in every row (it would count twice); leave it out, or ask to drop such columns "
                        "(duplicate: drop)");
      leave_out(c, "equals " + first);
      changed = true;
    }
  }
  if (out.features().empty())
    throw DataError(table.source +
                    " has no column to predict from (what is not the target is left out); add features");
  return out;
}

inline EncodedTable TableEncoding::apply(const RawTable& table) const {
  const std::size_t count = table.rows.empty() ? 0 : table.rows.front().size();
  const bool named = !columns.empty() && !columns[target_index].name.empty();
  if (named == table.columns.empty())
    throw DataError(table.source +
                    (named ? " has no header and the training table has one"
                           : " has a header and the training table has none") +
                    "; give both or neither a header");
  detail::TablePlaces places;
  if (named) {
    for (const std::string& name : table.columns)
      if (std::none_of(columns.begin(), columns.end(),
                       [&](const auto& column) { return column.name == name; }))
        throw DataError(table.source + " has the column " + detail::quote(name) +
                        ", which the training table does not have; remove it");
    for (const ColumnEncoding& column : columns) {
      const auto it = std::find(table.columns.begin(), table.columns.end(), column.name);
      if (it == table.columns.end() && column.kind != ColumnEncoding::Kind::left_out)
        throw DataError(table.source + " has no column " + detail::quote(column.name) +
                        " (the training table has it); add it");
      places.columns.push_back(
          it == table.columns.end() ? detail::absent : static_cast<std::size_t>(it - table.columns.begin()));
    }
    places.target = places.columns[target_index];
  } else {
    if (count != columns.size() && count + 1 != columns.size())
      throw DataError(table.source + " has " + std::to_string(count) + " columns and the training table " +
                      std::to_string(columns.size()) + "; give the same columns, with the target or without");
    const bool has_target = count == columns.size();
    for (std::size_t c = 0; c < columns.size(); ++c)
      places.columns.push_back(
          c == target_index && !has_target ? detail::absent : c - (!has_target && c > target_index ? 1 : 0));
    places.target = places.columns[target_index];
  }
  const detail::TableEncoder encoder(table, *this, places);
  const std::vector<std::size_t> rows = encoder.keep();
  EncodedTable out;
  out.source = table.source;
  out.dropped = table.rows.size() - rows.size();
  out.x.resize(static_cast<Eigen::Index>(rows.size()), static_cast<Eigen::Index>(features().size()));
  Eigen::Index column = 0;
  for (std::size_t c = 0; c < columns.size(); ++c) {
    if (columns[c].kind == ColumnEncoding::Kind::left_out) continue;
    const Eigen::MatrixXd block = encoder.encode(c, rows);
    out.x.middleCols(column, block.cols()) = block;
    column += block.cols();
  }
  for (const std::size_t row : rows) {
    out.lines.push_back(table.lines[row]);
    if (places.target != detail::absent) out.target.push_back(table.rows[row][places.target]);
  }
  return out;
}

inline std::vector<std::string> TableEncoding::features() const {
  std::vector<std::string> names;
  for (std::size_t c = 0; c < columns.size(); ++c) {
    const ColumnEncoding& column = columns[c];
    const std::string name = column.name.empty() ? "x" + std::to_string(c) : column.name;
    if (column.kind == ColumnEncoding::Kind::number) names.push_back(name);
    if (column.kind == ColumnEncoding::Kind::categories)
      for (const std::string& category : column.categories) names.push_back(name + "=" + category);
  }
  return names;
}

/// The target as numbers, samples x 1. Throws DataError with row and column for anything else.
inline Eigen::MatrixXd target_numbers(const EncodedTable& table, const TableEncoding& encoding) {
  Eigen::MatrixXd y(static_cast<Eigen::Index>(table.target.size()), 1);
  for (std::size_t i = 0; i < table.target.size(); ++i) {
    double value = 0;
    const detail::CsvField kind = detail::parse_csv_field(table.target[i], value);
    if (kind != detail::CsvField::number)
      detail::fail_at_field(
          table.source, table.lines[i], encoding.target_index, encoding.target,
          kind == detail::CsvField::text
              ? detail::quote(table.target[i]) + " is not a number; correct it, or predict classes instead"
              : detail::csv_field_problem(table.target[i], kind));
    y(static_cast<Eigen::Index>(i), 0) = value;
  }
  return y;
}

/// The classes of a target, each once: by value when all are numbers, by their bytes otherwise.
inline std::vector<std::string> target_classes(const EncodedTable& table) {
  std::vector<std::string> classes(table.target);
  std::sort(classes.begin(), classes.end());
  classes.erase(std::unique(classes.begin(), classes.end()), classes.end());
  std::vector<std::pair<double, std::string>> numbers;
  for (const std::string& name : classes) {
    double value = 0;
    if (detail::parse_csv_field(name, value) != detail::CsvField::number) return classes;
    numbers.emplace_back(value, name);
  }
  std::sort(numbers.begin(), numbers.end());
  for (std::size_t i = 0; i < classes.size(); ++i) classes[i] = numbers[i].second;
  return classes;
}

/// The index of each sample's class. Throws DataError with the row of a class that is not in the list.
inline std::vector<int> class_indices(const EncodedTable& table, const TableEncoding& encoding,
                                      const std::vector<std::string>& classes) {
  std::vector<int> indices;
  for (std::size_t i = 0; i < table.target.size(); ++i) {
    const auto at = std::find(classes.begin(), classes.end(), table.target[i]);
    if (at == classes.end())
      detail::fail_at_field(table.source, table.lines[i], encoding.target_index, encoding.target,
                            "the class " + detail::quote(table.target[i]) +
                                " was not there in training; correct it, or train on it as well");
    indices.push_back(static_cast<int>(at - classes.begin()));
  }
  return indices;
}

}  // namespace sst
