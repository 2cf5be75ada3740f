// SPDX-License-Identifier: MIT
#pragma once

#include <Eigen/Core>
#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include <sst/base/file.hpp>
#include <sst/error.hpp>
#include <sst/io/csv.hpp>
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
  Eigen::MatrixXd x;                ///< samples x features
  std::vector<std::string> target;  ///< one field for each sample; empty when the table has no such column
  std::vector<std::size_t> lines;   ///< of each sample in the file, counted from 1
  std::size_t dropped = 0;          ///< rows that were left out
  std::string source;               ///< where the table came from, for messages
};

/// How a table becomes samples x features: learnt from training rows, remembered, applied to other rows.
///
/// \code
/// const auto encoding = sst::TableEncoding::learn(table, "mpg", {"name"}, {.missing =
/// sst::MissingValues::drop}); const sst::EncodedTable train = encoding.apply(table); \endcode
struct TableEncoding {
  Treatments treatments;                ///< as `learn` was told
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

  const detail::TableEncoder encoder(table, treatments, out.columns, places);
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
  const detail::TableEncoder encoder(table, treatments, columns, places);
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

}  // namespace SST_ABI
}  // namespace sst
