// SPDX-License-Identifier: MIT
#pragma once

#include <Eigen/Core>

#include <sst/version.hpp>

/// \file
/// A name that Eigen 3.4 and Eigen 5 have in different places.

namespace sst {
inline namespace SST_ABI {

/// Every row or every column, to choose the others by: `x(split.train, sst::every)`. Eigen 3.4's
/// `Eigen::all`, Eigen 5's `Eigen::placeholders::all`.
#if EIGEN_MAJOR_VERSION >= 5
inline const auto every = Eigen::placeholders::all;
#else
inline const auto every = Eigen::all;
#endif

}  // namespace SST_ABI
}  // namespace sst
