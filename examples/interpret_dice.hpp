// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include <Eigen/Core>

/// \file
/// Maps as segmentations: the pixels above a percentile of the map, against the true foreground.

namespace interpret {

using Eigen::Index;

/// At which percentiles maps are cut, the highest first: 99, 98, ..., 80.
inline const std::vector<int>& percentiles() {
  static const std::vector<int> all = [] {
    std::vector<int> out;
    for (int p = 99; p >= 80; --p) out.push_back(p);
    return out;
  }();
  return all;
}

/// The percentile of one number or more, linear between neighbours in their order, as numpy's.
inline double percentile(const Eigen::RowVectorXd& numbers, int percent) {
  std::vector<double> sorted(numbers.begin(), numbers.end());
  std::sort(sorted.begin(), sorted.end());
  const double place = static_cast<double>(percent) / 100 * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(place);
  const double above = sorted[std::min(below + 1, sorted.size() - 1)];
  return sorted[below] + (place - static_cast<double>(below)) * (above - sorted[below]);
}

/// 2 |S and M| / (|S| + |M|) of the pixels S above the percentile of the map and the mask M of 0 and 1, which
/// has a pixel at least: 1 where they are the same, 0 where they have none in common (Dice 1945).
inline double dice(const Eigen::RowVectorXd& map, const Eigen::RowVectorXd& mask, int percent) {
  const Eigen::ArrayXd chosen = (map.array() > percentile(map, percent)).cast<double>();
  return 2 * (chosen * mask.transpose().array()).sum() / (chosen.sum() + mask.sum());
}

/// The coefficients of n maps, n x pixels, at all percentiles: n x percentiles.
inline Eigen::MatrixXd dice_curves(const Eigen::MatrixXd& maps, const Eigen::MatrixXd& masks) {
  Eigen::MatrixXd out(maps.rows(), static_cast<Index>(percentiles().size()));
  for (Index i = 0; i < out.rows(); ++i)
    for (Index p = 0; p < out.cols(); ++p)
      out(i, p) = dice(maps.row(i), masks.row(i), percentiles()[static_cast<std::size_t>(p)]);
  return out;
}

/// The coefficients of maps whose highest pixels are the foreground: n x percentiles. A percentile says how
/// many pixels are chosen, whatever the size of the foreground, so that even these are below 1.
inline Eigen::MatrixXd best_possible(const Eigen::MatrixXd& masks) {
  const Eigen::RowVectorXd distinct =
      Eigen::RowVectorXd::LinSpaced(masks.cols(), 0, 0.5);  // no two pixels of a map alike
  return dice_curves(masks.rowwise() + distinct, masks);
}

}  // namespace interpret
