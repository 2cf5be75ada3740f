// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>

#include <Eigen/Core>

#include <sst/version.hpp>

namespace sst {
inline namespace SST_ABI {
namespace spatial {

/// Some rows of a data set.
struct ImageRange {
  const Eigen::MatrixXd* x;  ///< the data set, a row per image
  std::size_t first, count;  ///< which rows
};

}  // namespace spatial
}  // namespace SST_ABI
}  // namespace sst
