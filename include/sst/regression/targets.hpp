// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include <Eigen/Core>

#include <sst/base/data_ref.hpp>
#include <sst/error.hpp>
#include <sst/version.hpp>

namespace sst {
inline namespace SST_ABI {
namespace regression_detail {

using Eigen::Index;

inline void require_targets(Index samples, const Eigen::MatrixXd& y) {
  if (samples == 0) throw DataError("there are no training samples; give at least one");
  if (y.rows() != samples)
    throw DataError("there are " + std::to_string(samples) + " training samples and " +
                    std::to_string(y.rows()) + " rows of targets; give one row of targets a sample");
  if (y.cols() == 0) throw DataError("the targets have no columns; give at least one output");
  DataRef(y).require_finite("the target matrix");
}

}  // namespace regression_detail
}  // namespace SST_ABI
}  // namespace sst
