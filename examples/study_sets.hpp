// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include <Eigen/Core>

#include <sst/base/fingerprint.hpp>
#include <sst/error.hpp>
#include <sst/io/csv.hpp>
#include <sst/regression/classification.hpp>
#include <sst/selection/split.hpp>

#include "uci_sets.hpp"

/// \file
/// The data sets of a study: tables of numbers with a target, and the UCI sets with their folds.

namespace study {

/// A task with its splits.
struct Set {
  std::string name;
  Eigen::MatrixXd x;                 ///< n x features
  Eigen::MatrixXd y;                 ///< n x outputs: a number, or classes as centred one-hot rows
  std::vector<std::size_t> classes;  ///< n; none for regression
  std::vector<sst::Split> splits;    ///< each is learnt from and tested on by itself
  bool standardize = false;          ///< features by the training rows of each split

  bool regression() const { return classes.empty(); }
  /// Of all that results depend on.
  std::string fingerprint() const {
    sst::Fingerprint out;
    out.add(x).add(y).add(standardize ? "standardized" : "as it is");
    for (const sst::Split& split : splits)
      for (const auto* rows : {&split.train, &split.test}) {
        for (const Eigen::Index row : *rows) out.add(&row, sizeof row);
        out.add("|");
      }
    return out.text();
  }
};

/// A table with a numeric target, on `count` random splits with a quarter of the rows to test on.
inline Set table_set(const std::string& file, const std::string& target, int count) {
  const sst::Dataset data = sst::split_target(sst::read_csv(file), target);
  Set set{std::filesystem::path(file).stem().string(), data.x, data.y, {}, {}, true};
  for (int seed = 0; seed < count; ++seed)
    set.splits.push_back(sst::train_test_split(data.x.rows(), 0.25, static_cast<std::uint32_t>(seed)));
  return set;
}

/// The sets of a folder of classification tasks with their four folds: those that are named, or all with no
/// more than `rows` rows. Features are as published, standardised over all rows.
inline std::vector<Set> class_sets(const std::string& folder, std::vector<std::string> names, int rows) {
  const bool all = names.empty();
  if (all) names = program::uci_names(folder);
  std::vector<Set> out;
  for (const std::string& name : names) {
    program::UciSet set = program::read_uci_set(folder, name);
    if (all && set.x.rows() > rows) continue;
    const std::vector<std::size_t> classes(set.labels.begin(), set.labels.end());
    out.push_back({name,
                   std::move(set.x),
                   sst::one_hot(classes, static_cast<std::size_t>(set.classes)),
                   classes,
                   {set.folds.begin(), set.folds.end()},
                   false});
  }
  if (out.empty())
    throw sst::DataError("no set in '" + folder + "' has " + std::to_string(rows) +
                         " rows or fewer; allow more with --max-rows");
  return out;
}

}  // namespace study
