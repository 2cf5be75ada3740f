// SPDX-License-Identifier: MIT
#pragma once

#include <Eigen/Core>
#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include <sst/base/file.hpp>
#include <sst/io/csv_field.hpp>
#include <sst/pipeline/encoding.hpp>
#include <sst/version.hpp>

/// \file
/// The target of an encoded table: as numbers, or as classes.

namespace sst {
inline namespace SST_ABI {

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

}  // namespace SST_ABI
}  // namespace sst
