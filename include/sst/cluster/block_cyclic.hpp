// SPDX-License-Identifier: MIT
#pragma once

#include <sst/version.hpp>

/// \file
/// How ScaLAPACK's matrices lie: blocks that go round a grid of ranks in both directions.

namespace sst {
inline namespace SST_ABI {
namespace scalapack_detail {

constexpr int block = 128;  ///< rows, and columns

/// Of the grid of so many ranks that is as nearly square as their number allows; the lesser side.
inline int grid_rows(int ranks) {
  int rows = 1;
  for (int r = 1; r * r <= ranks; ++r)
    if (ranks % r == 0) rows = r;
  return rows;
}

}  // namespace scalapack_detail
}  // namespace SST_ABI
}  // namespace sst
