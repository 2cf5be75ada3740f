// SPDX-License-Identifier: MIT
#pragma once

#include <sst/version.hpp>

namespace sst {
inline namespace SST_ABI {

/// How a Gram matrix is computed.
enum class Path {
  automatic,  ///< by the profile where the plan is radial, it is accurate, and the matrix is large enough
  direct,     ///< the plan's steps for every pair of samples
  profile     ///< by the profile, or an error that says why not
};

}  // namespace SST_ABI
}  // namespace sst
