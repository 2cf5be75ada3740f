// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <Eigen/Core>

#include <sst/error.hpp>
#include <sst/selection/split.hpp>

/// \file
/// Which images are taken: the first or random ones, all classes alike or as they come.

/// The first `count` images of an order, or with `balanced` the first count / classes of each class, so that
/// fewer of them are among more. `part`: what they are for, in messages.
inline std::vector<Eigen::Index> take(const std::vector<Eigen::Index>& order, const Eigen::VectorXi& labels,
                                      Eigen::Index count, bool balanced, const std::string& part) {
  const auto size = static_cast<std::size_t>(count);
  if (!balanced) return {order.begin(), order.begin() + count};
  std::map<int, std::size_t> left;
  for (const int label : labels) left[label] = 0;
  if (size % left.size() != 0)
    throw sst::DataError("there are no " + std::to_string(count) + " images " + part +
                         " with as many of each " + "of " + std::to_string(left.size()) +
                         " classes; choose a multiple of " + std::to_string(left.size()));
  for (auto& [label, number] : left) number = size / left.size();
  std::vector<Eigen::Index> out;
  for (const Eigen::Index i : order)
    if (std::size_t& number = left[labels[i]]; number > 0) {
      --number;
      out.push_back(i);
    }
  for (const auto& [label, number] : left)
    if (number > 0)
      throw sst::DataError("class " + std::to_string(label) + " has " +
                           std::to_string(size / left.size() - number) + " images " + part + ", and " +
                           std::to_string(size / left.size()) + " are asked for; ask for fewer");
  return out;
}

/// A training set drawn at random, of each size.
struct Draw {
  std::vector<std::vector<Eigen::Index>> train;  ///< images to train on, the smaller sets among the larger
  std::vector<Eigen::Index> rest;                ///< those in none of them
};

/// `count` draws of training sets of these sizes, ascending, from images with these labels. Throws DataError
/// for more images than there are.
inline std::vector<Draw> make_draws(const Eigen::VectorXi& labels, const std::vector<Eigen::Index>& sizes,
                                    int count, bool balanced, int seed) {
  if (sizes.back() > labels.size())
    throw sst::DataError("there are " + std::to_string(labels.size()) + " images to draw " +
                         std::to_string(sizes.back()) +
                         " from; give a smaller --train-size or a larger --limit");
  std::vector<Draw> out;
  for (int d = 0; d < count; ++d) {
    const auto order = sst::permutation(labels.size(), static_cast<std::uint32_t>(seed + d));
    Draw draw;
    for (const Eigen::Index size : sizes)
      draw.train.push_back(take(order, labels, size, balanced, "to train on"));
    std::vector<bool> used(order.size(), false);
    for (const Eigen::Index i : draw.train.back()) used[static_cast<std::size_t>(i)] = true;
    for (const Eigen::Index i : order)
      if (!used[static_cast<std::size_t>(i)]) draw.rest.push_back(i);
    out.push_back(std::move(draw));
  }
  return out;
}
