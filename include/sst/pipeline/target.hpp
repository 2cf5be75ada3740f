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
/// `target`: which, in the order of TableEncoding::targets.
inline std::vector<Eigen::Index> known_targets(const EncodedTable& table, std::size_t target = 0) {
  std::vector<Eigen::Index> known;
  const std::vector<std::string>& fields = table.targets.at(target);
  for (std::size_t i = 0; i < fields.size(); ++i)
    if (!fields[i].empty()) known.push_back(static_cast<Eigen::Index>(i));
  return known;
}

/// These samples of a table.
inline EncodedTable select_rows(const EncodedTable& table, const std::vector<Eigen::Index>& rows) {
  EncodedTable out;
  out.x = table.x(rows, every);
  out.source = table.source;
  for (const Eigen::Index row : rows) out.lines.push_back(table.lines[static_cast<std::size_t>(row)]);
  for (const std::vector<std::string>& fields : table.targets) {
    std::vector<std::string>& some = out.targets.emplace_back();
    if (fields.empty()) continue;
    for (const Eigen::Index row : rows) some.push_back(fields[static_cast<std::size_t>(row)]);
  }
  return out;
}

namespace detail {

/// One target as numbers, samples x 1; what is wrong with it is added to `problems`.
inline Eigen::MatrixXd target_numbers(const EncodedTable& table, const TableEncoding& encoding,
                                      std::size_t target, TableProblems& problems) {
  const std::vector<std::string>& fields = table.targets.at(target);
  const std::size_t column = encoding.targets.at(target).index;
  Eigen::MatrixXd y(static_cast<Eigen::Index>(fields.size()), 1);
  for (std::size_t i = 0; i < fields.size(); ++i) {
    double value = 0;
    const CsvField kind = parse_csv_field(fields[i], value);
    if (kind != CsvField::number)
      problems.add_field(table.lines[i], column, encoding.columns[column].name, kind, [&]() -> FieldProblem {
        if (kind != CsvField::text) return csv_field_problem(fields[i], kind);
        return {quote(fields[i]) + " is not a number",
                "correct it, or predict classes instead (classify: yes)"};
      });
    y(static_cast<Eigen::Index>(i), 0) = value;
  }
  return y;
}

/// The index of each sample's class, of the first target; classes that are not in the list, which get its
/// length, are added to `problems`.
inline std::vector<int> class_indices(const EncodedTable& table, const TableEncoding& encoding,
                                      const std::vector<std::string>& classes, TableProblems& problems) {
  std::vector<int> indices;
  const std::vector<std::string>& fields = table.targets.at(0);
  const std::size_t column = encoding.targets.at(0).index;
  for (std::size_t i = 0; i < fields.size(); ++i) {
    const auto at = std::find_if(classes.begin(), classes.end(), [&](const std::string& name) {
      return canonical_field(name, {}) == fields[i];
    });
    if (at == classes.end())
      problems.add_field(table.lines[i], column, encoding.columns[column].name, CsvField::text,
                         [&]() -> FieldProblem {
                           return {"the class " + quote(fields[i]) + " was not there in training",
                                   "correct it, or train on it as well"};
                         });
    indices.push_back(static_cast<int>(at - classes.begin()));
  }
  return indices;
}

}  // namespace detail

/// One target as numbers, samples x 1. Throws DataError for a table without it, and with row and column for
/// anything else.
inline Eigen::MatrixXd target_numbers(const EncodedTable& table, const TableEncoding& encoding,
                                      std::size_t target) {
  if (table.targets.at(target).empty())
    throw DataError(table.source + " has no column " + detail::quote(encoding.targets.at(target).name) +
                    " (a target); add it");
  detail::TableProblems problems(table.source);
  Eigen::MatrixXd y = detail::target_numbers(table, encoding, target, problems);
  problems.raise();
  return y;
}

/// All targets as numbers, samples x targets. Throws DataError as for one.
inline Eigen::MatrixXd target_numbers(const EncodedTable& table, const TableEncoding& encoding) {
  Eigen::MatrixXd y(table.x.rows(), static_cast<Eigen::Index>(encoding.targets.size()));
  for (std::size_t t = 0; t < encoding.targets.size(); ++t)
    y.col(static_cast<Eigen::Index>(t)) = target_numbers(table, encoding, t);
  return y;
}

/// The classes of the first target, each once: by value when all are numbers, by their bytes otherwise.
/// Numbers are the same class however they are written: 1, 1.0 and 01. Throws DataError for numbers that are
/// more than 20 and have fewer than five samples each, or that are more than ten and not whole: those are to
/// be predicted as numbers.
inline std::vector<std::string> target_classes(const EncodedTable& table) {
  std::vector<std::string> classes(table.targets.at(0));
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
  if ((classes.size() > 20 && table.targets[0].size() < 5 * classes.size()) ||
      (classes.size() > 10 && !whole))
    throw DataError(table.source + ": the target has " + std::to_string(classes.size()) +
                    " different numbers in " + std::to_string(table.targets[0].size()) +
                    " rows (it looks like a quantity and not like classes); predict it as a number, or give "
                    "the classes names that are words");
  std::sort(numbers.begin(), numbers.end());
  for (std::size_t i = 0; i < classes.size(); ++i) classes[i] = numbers[i].second;
  return classes;
}

/// The index of each sample's class, of the first target. Throws DataError with the row of a class that is
/// not in the list.
inline std::vector<int> class_indices(const EncodedTable& table, const TableEncoding& encoding,
                                      const std::vector<std::string>& classes) {
  detail::TableProblems problems(table.source);
  std::vector<int> indices = detail::class_indices(table, encoding, classes, problems);
  problems.raise();
  return indices;
}

}  // namespace SST_ABI
}  // namespace sst
