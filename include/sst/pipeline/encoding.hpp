// SPDX-License-Identifier: MIT
#pragma once

#include <Eigen/Core>
#include <algorithm>
#include <cstddef>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <sst/base/file.hpp>
#include <sst/error.hpp>
#include <sst/io/csv.hpp>
#include <sst/io/table_problems.hpp>
#include <sst/pipeline/column_encoding.hpp>
#include <sst/tables/raw_table.hpp>
#include <sst/version.hpp>

/// \file
/// Tables as people have them, with missing values, text and columns that say nothing, to numbers. Nothing is
/// treated unless it is asked for: by default each of these is an error that names row and column.

namespace sst {
inline namespace SST_ABI {

/// A table after its encoding.
struct EncodedTable {
  Eigen::MatrixXd x;  ///< samples x features
  /// Of each target one field for each sample, numbers as their shortest text, "" where it is missing; none
  /// when the table has no such column, or nothing in it.
  std::vector<std::vector<std::string>> targets;
  std::vector<std::size_t> lines;              ///< of each sample in the file, counted from 1
  std::map<std::string, std::size_t> dropped;  ///< how many rows were left out, by the reason
  /// How many fields had a category that training did not have: "column 2 ('island'): 'Dream'".
  std::map<std::string, std::size_t> unknown;
  std::string source;  ///< where the table came from, for messages

  /// How many rows were left out.
  std::size_t dropped_rows() const {
    std::size_t count = 0;
    for (const auto& [why, rows] : dropped) count += rows;
    return count;
  }
};

/// What the rows of a table are for.
enum class Purpose {
  learn,   ///< each needs its target, if the table has one
  predict  ///< none does
};

/// How a table becomes samples x features: learnt from training rows, remembered, applied to other rows.
///
/// \code
/// const auto encoding = sst::TableEncoding::learn(table, {"mpg"}, {"name"},
///                                                 {.missing = sst::MissingValues::drop});
/// const sst::EncodedTable train = encoding.apply(table);
/// \endcode
struct TableEncoding {
  /// A column to predict.
  struct Target {
    std::string name;       ///< without a header the index that was asked for
    std::size_t index = 0;  ///< among the columns of the training table

    friend bool operator==(const Target&, const Target&) = default;
  };

  Treatments treatments;                ///< as `learn` was told
  std::vector<Target> targets;          ///< in the order in which they were asked for; one at least
  std::vector<ColumnEncoding> columns;  ///< of the training table, in their order, targets too (left out)

  /// targets: names of columns, or 0-based indices, from the end when negative; one or more. `ignored`:
  /// columns to leave out. Throws DataError with source, row and column, of everything at once, for whatever
  /// `treatments` does not cover, and always for a column that mixes numbers and text (unless they are
  /// `categorical`) or has no values, for text that has more categories than half of the rows (an
  /// identifier), for infinities, and when nothing is left to learn from. Columns without a name and without
  /// a value, which a separator at the end of each line makes, are left out.
  static TableEncoding learn(const RawTable& table, const std::vector<std::string>& targets,
                             const std::vector<std::string>& ignored = {}, const Treatments& treatments = {});

  /// Columns are found by their names (by position without a header); targets may be absent. Categories
  /// that are numbers are the same however they are written (1 and 1.0). Throws DataError for a column that
  /// is missing or unknown, for a category that was not there in training unless `treatments` say otherwise,
  /// and, for rows to learn from, where the target is missing.
  EncodedTable apply(const RawTable& table, Purpose purpose = Purpose::learn) const;
  /// The same of a part of a table, which may leave no sample; what is wrong with its fields is added to
  /// `problems`. Throws DataError for its columns.
  EncodedTable apply(const RawTable& part, Purpose purpose, detail::TableProblems& problems) const;

  /// Whether the training table's column c is one of the targets.
  bool is_target(std::size_t c) const {
    return std::any_of(targets.begin(), targets.end(),
                       [c](const Target& target) { return target.index == c; });
  }
  /// The targets' names.
  std::vector<std::string> target_names() const {
    std::vector<std::string> names;
    for (const Target& target : targets) names.push_back(target.name);
    return names;
  }
  /// Names of the columns of x: "weight", "island=Dream"; x0, x1, ... without a header.
  std::vector<std::string> features() const;

  friend bool operator==(const TableEncoding&, const TableEncoding&) = default;
};

inline TableEncoding TableEncoding::learn(const RawTable& table, const std::vector<std::string>& wanted,
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
  if (wanted.empty()) throw DataError(table.source + ": no column is a target; name one at least");
  detail::TablePlaces places;
  for (const std::string& name : wanted) {
    const std::size_t c = find(name);
    if (out.is_target(c))
      throw DataError(table.source + ": the target " + detail::quote(name) + " is named twice; name it once");
    out.targets.push_back({table.columns.empty() ? name : table.columns[c], c});
    places.targets.push_back(c);
  }
  for (std::size_t c = 0; c < count; ++c) {
    out.columns.push_back({table.columns.empty() ? "" : table.columns[c], number, {}, {}, {}});
    places.columns.push_back(c);
  }
  const auto leave_out = [&](std::size_t c, const std::string& why) {
    out.columns[c] = {out.columns[c].name, left_out, {}, {}, why};
  };
  for (const std::string& name : ignored) {
    if (out.is_target(find(name)))
      throw DataError(table.source + ": the target " + detail::quote(name) +
                      " is to be ignored; choose another");
    leave_out(find(name), "ignored");
  }
  for (const Target& target : out.targets)
    leave_out(target.index, out.targets.size() == 1 ? "the target" : "a target");
  for (std::string& name : out.treatments.categorical) {
    const std::size_t c = find(name);
    if (out.is_target(c))
      throw DataError(table.source + ": the target " + detail::quote(name) +
                      " is to be a column of categories; predict classes instead (classify: yes)");
    name = table.columns.empty() ? std::to_string(c) : table.columns[c];
  }
  for (std::size_t c = 0; c < table.columns.size(); ++c)
    if (out.columns[c].name.empty() && out.columns[c].kind != left_out &&
        std::all_of(table.rows.begin(), table.rows.end(), [c](const auto& row) { return row[c].empty(); }))
      leave_out(c, "no name and no values");

  detail::TableProblems problems(table.source);
  detail::TableEncoder encoder(table, out.treatments, out.columns, places, problems);
  for (std::size_t c = 0; c < table.columns.size(); ++c)
    if (out.columns[c].name.empty() && (out.is_target(c) || out.columns[c].kind != left_out))
      encoder.add(c, {"has no name in the header",
                      "give it one, or leave it out by its index (ignore: " + std::to_string(c) + ")"});
  // A column that is left out no longer makes rows incomplete, so look again until nothing changes.
  for (bool changed = true; changed;) {
    changed = false;
    std::map<std::string, std::size_t> ignore;
    const std::vector<std::size_t> rows = encoder.keep(true, ignore);
    if (rows.empty() && problems.empty()) detail::fail_without_rows(table.source);
    const bool complete = problems.empty();  // else what is constant may not be so in all rows
    std::vector<std::pair<std::size_t, Eigen::MatrixXd>> blocks;
    for (std::size_t c = 0; c < count && !rows.empty(); ++c) {
      if (out.columns[c].kind == left_out) continue;
      out.columns[c] = encoder.learn(c, rows);
      if (encoder.is_bad(c) || !complete) continue;
      Eigen::MatrixXd block = encoder.encode(c, rows, ignore);
      if ((block.rowwise() - block.row(0)).isZero(0)) {
        if (treatments.constant == Redundant::error) {
          encoder.add(c, {"is constant (it says nothing about the target)",
                          "leave it out, or ask to drop such columns (constant: drop)"});
        } else {
          leave_out(c, "constant");
          changed = true;
        }
        continue;
      }
      const auto same = std::find_if(blocks.begin(), blocks.end(), [&](const auto& earlier) {
        return earlier.second.cols() == block.cols() && earlier.second == block;
      });
      if (same == blocks.end()) {
        blocks.emplace_back(c, std::move(block));
        continue;
      }
      const std::string first = detail::column_place(same->first, out.columns[same->first].name);
      if (treatments.duplicate == Redundant::error) {
        encoder.add(c, {"equals " + first + " in every row (it would count twice)",
                        "leave it out, or ask to drop such columns (duplicate: drop)"});
      } else {
        leave_out(c, "equals " + first);
        changed = true;
      }
    }
    problems.raise();
  }
  if (out.features().empty())
    throw DataError(table.source +
                    " has no column to predict from (what is not a target is left out); add features");
  return out;
}

inline EncodedTable TableEncoding::apply(const RawTable& table, Purpose purpose) const {
  detail::TableProblems problems(table.source);
  EncodedTable out = apply(table, purpose, problems);
  problems.raise();
  if (out.lines.empty()) detail::fail_without_rows(table.source);
  return out;
}

inline EncodedTable TableEncoding::apply(const RawTable& table, Purpose purpose,
                                         detail::TableProblems& problems) const {
  const std::size_t count = table.rows.empty() ? 0 : table.rows.front().size();
  const bool named = !targets.empty() && !columns[targets.front().index].name.empty();
  if (named == table.columns.empty())
    throw DataError(table.source +
                    (named ? " has no header and the training table has one"
                           : " has a header and the training table has none") +
                    "; give both or neither a header (header: yes or no says what row 1 is)");
  detail::TablePlaces places;
  if (named) {
    for (const std::string& name : table.columns)
      if (!name.empty() && std::none_of(columns.begin(), columns.end(),
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
  } else {
    if (count != columns.size() && count + targets.size() != columns.size())
      throw DataError(table.source + " has " + std::to_string(count) + " columns and the training table " +
                      std::to_string(columns.size()) + "; give the same columns, with the " +
                      (targets.size() == 1 ? "target" : "targets") + " or without");
    const bool has_targets = count == columns.size();
    for (std::size_t c = 0, place = 0; c < columns.size(); ++c)
      places.columns.push_back(is_target(c) && !has_targets ? detail::absent : place++);
  }
  for (const Target& target : targets) {
    std::size_t place = places.columns[target.index];
    // A column with nothing in it is what is to be predicted.
    if (purpose == Purpose::predict && place != detail::absent &&
        std::all_of(table.rows.begin(), table.rows.end(),
                    [&](const auto& row) { return detail::is_missing(row[place], table.format); }))
      place = detail::absent;
    places.targets.push_back(place);
  }
  detail::TableEncoder encoder(table, treatments, columns, places, problems);
  EncodedTable out;
  const std::vector<std::size_t> rows = encoder.keep(purpose == Purpose::learn, out.dropped);
  out.source = table.source;
  out.x.resize(static_cast<Eigen::Index>(rows.size()), static_cast<Eigen::Index>(features().size()));
  Eigen::Index column = 0;
  for (std::size_t c = 0; c < columns.size(); ++c) {
    if (columns[c].kind == ColumnEncoding::Kind::left_out) continue;
    const Eigen::MatrixXd block = encoder.encode(c, rows, out.unknown);
    out.x.middleCols(column, block.cols()) = block;
    column += block.cols();
  }
  for (const std::size_t row : rows) out.lines.push_back(table.lines[row]);
  for (const std::size_t place : places.targets) {
    std::vector<std::string>& fields = out.targets.emplace_back();
    if (place == detail::absent) continue;
    for (const std::size_t row : rows) {
      const std::string& field = table.rows[row][place];
      fields.push_back(
          detail::is_missing(field, table.format) ? "" : detail::canonical_field(field, table.format));
    }
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

}  // namespace SST_ABI
}  // namespace sst
