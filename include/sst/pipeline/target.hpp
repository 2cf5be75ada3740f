// SPDX-License-Identifier: MIT
#pragma once

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include <sst/base/every.hpp>
#include <sst/base/file.hpp>
#include <sst/error.hpp>
#include <sst/io/csv_field.hpp>
#include <sst/io/table_problems.hpp>
#include <sst/pipeline/encoding.hpp>
#include <sst/version.hpp>

/// \file
/// The target of an encoded table: as numbers, or as classes.

namespace sst {
inline namespace SST_ABI {

/// The samples whose target is known, by their numbers from 0: the ones a prediction can be held against.
inline std::vector<Eigen::Index> known_targets(const EncodedTable& table) {
  std::vector<Eigen::Index> known;
  for (std::size_t i = 0; i < table.target.size(); ++i)
    if (!table.target[i].empty()) known.push_back(static_cast<Eigen::Index>(i));
  return known;
}

/// These samples of a table.
inline EncodedTable select_rows(const EncodedTable& table, const std::vector<Eigen::Index>& rows) {
  EncodedTable out;
  out.x = table.x(rows, every);
  out.source = table.source;
  for (const Eigen::Index row : rows) {
    out.lines.push_back(table.lines[static_cast<std::size_t>(row)]);
    if (!table.target.empty()) out.target.push_back(table.target[static_cast<std::size_t>(row)]);
  }
  return out;
}

/// The target as numbers, samples x 1. Throws DataError with row and column for anything else.
inline Eigen::MatrixXd target_numbers(const EncodedTable& table, const TableEncoding& encoding) {
  Eigen::MatrixXd y(static_cast<Eigen::Index>(table.target.size()), 1);
  detail::TableProblems problems(table.source);
  for (std::size_t i = 0; i < table.target.size(); ++i) {
    double value = 0;
    const detail::CsvField kind = detail::parse_csv_field(table.target[i], value);
    if (kind != detail::CsvField::number)
      problems.add_field(table.lines[i], encoding.target_index, encoding.columns[encoding.target_index].name,
                         kind, [&]() -> detail::FieldProblem {
                           if (kind != detail::CsvField::text)
                             return detail::csv_field_problem(table.target[i], kind);
                           return {detail::quote(table.target[i]) + " is not a number",
                                   "correct it, or predict classes instead (classify: yes)"};
                         });
    y(static_cast<Eigen::Index>(i), 0) = value;
  }
  problems.raise();
  return y;
}

/// The classes of a target, each once: by value when all are numbers, by their bytes otherwise. Numbers are
/// the same class however they are written: 1, 1.0 and 01. Throws DataError for numbers that are more than 20
/// and have fewer than five samples each, or that are more than ten and not whole: those are to be predicted
/// as numbers.
inline std::vector<std::string> target_classes(const EncodedTable& table) {
  std::vector<std::string> classes(table.target);
  std::sort(classes.begin(), classes.end());
  classes.erase(std::unique(classes.begin(), classes.end()), classes.end());
  std::vector<std::pair<double, std::string>> numbers;
  bool whole = true;
  for (const std::string& name : classes) {
    double value = 0;
    if (detail::parse_csv_field(name, value) != detail::CsvField::number) return classes;
    whole = whole && value == std::round(value);
    numbers.emplace_back(value, name);
  }
  if ((classes.size() > 20 && table.target.size() < 5 * classes.size()) || (classes.size() > 10 && !whole))
    throw DataError(table.source + ": the target has " + std::to_string(classes.size()) +
                    " different numbers in " + std::to_string(table.target.size()) +
                    " rows (it looks like a quantity and not like classes); predict it as a number, or give "
                    "the classes names that are words");
  std::sort(numbers.begin(), numbers.end());
  for (std::size_t i = 0; i < classes.size(); ++i) classes[i] = numbers[i].second;
  return classes;
}

/// The index of each sample's class. Throws DataError with the row of a class that is not in the list.
inline std::vector<int> class_indices(const EncodedTable& table, const TableEncoding& encoding,
                                      const std::vector<std::string>& classes) {
  std::vector<int> indices;
  detail::TableProblems problems(table.source);
  for (std::size_t i = 0; i < table.target.size(); ++i) {
    const auto at = std::find_if(classes.begin(), classes.end(), [&](const std::string& name) {
      return detail::canonical_field(name, {}) == table.target[i];
    });
    if (at == classes.end())
      problems.add_field(table.lines[i], encoding.target_index, encoding.columns[encoding.target_index].name,
                         detail::CsvField::text, [&]() -> detail::FieldProblem {
                           return {
                               "the class " + detail::quote(table.target[i]) + " was not there in training",
                               "correct it, or train on it as well"};
                         });
    indices.push_back(static_cast<int>(at - classes.begin()));
  }
  problems.raise();
  return indices;
}

}  // namespace SST_ABI
}  // namespace sst
