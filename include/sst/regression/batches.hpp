// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>

#include <Eigen/Core>

#include <sst/base/data_ref.hpp>
#include <sst/base/execution.hpp>
#include <sst/version.hpp>

namespace sst {
inline namespace SST_ABI {

namespace regression_detail {

/// Calls work(first row, the rows, execution) for batches of the rows of x; progress runs through all of
/// them. Throws DataError where x is not finite: a batch would count its rows anew.
template <class Work>
void in_batches(const DataRef& x, const Execution& execution, Work&& work) {
  constexpr Eigen::Index batch = 1024;
  x.require_finite("the data set");
  for (Eigen::Index first = 0; first < x.rows(); first += batch) {
    const Eigen::Index rows = std::min(batch, x.rows() - first);
    work(first, x.middle_rows(first, rows), detail::pieces_of(execution, first, rows, x.rows()));
  }
}

}  // namespace regression_detail

}  // namespace SST_ABI
}  // namespace sst
