// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include <Eigen/Core>

#include <sst/pipeline/encoding.hpp>
#include <sst/selection/permutation_importance.hpp>

/// \file
/// The columns of a table as they are shuffled for their importance: all categories of one together.

struct ShuffledColumns {
  std::vector<std::string> names;
  std::vector<std::vector<Eigen::Index>> groups;  ///< the features of each
  sst::PermutationImportance errors = {};

  explicit ShuffledColumns(const sst::TableEncoding& encoding) {
    using enum sst::ColumnEncoding::Kind;
    Eigen::Index next = 0;
    for (std::size_t c = 0; c < encoding.columns.size(); ++c) {
      const sst::ColumnEncoding& column = encoding.columns[c];
      if (column.kind != number && column.kind != categories) continue;
      std::vector<Eigen::Index> features(column.kind == number ? 1 : column.categories.size());
      for (Eigen::Index& feature : features) feature = next++;
      names.push_back(column.name.empty() ? "x" + std::to_string(c) : column.name);
      groups.push_back(std::move(features));
    }
  }

  /// Those that cost most first.
  std::vector<std::size_t> order() const {
    std::vector<std::size_t> out(names.size());
    std::iota(out.begin(), out.end(), std::size_t{0});
    const auto key = [this](std::size_t c) {
      return std::pair{-errors.shuffled[static_cast<Eigen::Index>(c)], c};
    };
    std::sort(out.begin(), out.end(), [&](std::size_t a, std::size_t b) { return key(a) < key(b); });
    return out;
  }
};
