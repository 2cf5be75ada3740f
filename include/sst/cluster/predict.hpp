// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>

#include <Eigen/Core>

#include <sst/base/data_ref.hpp>
#include <sst/base/execution.hpp>
#include <sst/base/ranks.hpp>
#include <sst/regression/model.hpp>
#include <sst/version.hpp>

namespace sst {
inline namespace SST_ABI {

/// Model::predict at the rows of x, m x d, a share of them by each rank: m x outputs, the same in all. Every
/// rank has the same model and rows. Throws as Model::predict.
inline Eigen::MatrixXd predict(const Model& model, const DataRef& x, const Ranks& ranks,
                               const Execution& execution = {}) {
  x.require_finite("the data set");  // in all ranks alike, before they part
  Eigen::MatrixXd mean = Eigen::MatrixXd::Zero(x.rows(), model.outputs());
  const auto [first, rows] = ranks.share(x.rows());
  if (rows > 0) mean.middleRows(first, rows) = model.predict(x.middle_rows(first, rows), execution);
  ranks.collect(mean.data(), static_cast<std::size_t>(mean.size()));
  return mean;
}

}  // namespace SST_ABI
}  // namespace sst
