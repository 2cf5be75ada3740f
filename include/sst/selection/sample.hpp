// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <Eigen/Core>

#include <sst/base/data_ref.hpp>
#include <sst/base/every.hpp>
#include <sst/selection/split.hpp>
#include <sst/version.hpp>

namespace sst {
inline namespace SST_ABI {

/// Rows drawn from a data set.
struct Sample {
  DataRef x;          ///< rows x d
  Eigen::MatrixXd y;  ///< rows x outputs
};

/// `rows` of the rows of x, n x d, and y, n x outputs, in their order: drawn without replacement, fewer among
/// those of more with the same seed.
inline Sample draw_sample(const DataRef& x, const Eigen::MatrixXd& y, Eigen::Index rows, std::uint32_t seed) {
  std::vector<Eigen::Index> order = permutation(x.rows(), seed);
  order.resize(static_cast<std::size_t>(rows));
  std::sort(order.begin(), order.end());
  return {x.selected(order), y(order, every)};
}

}  // namespace SST_ABI
}  // namespace sst
