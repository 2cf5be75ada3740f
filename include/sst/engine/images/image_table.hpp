// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#include <Eigen/Core>

#include <sst/engine/pack.hpp>
#include <sst/plan/images/plan.hpp>
#include <sst/version.hpp>

/// \file
/// The numbers of images by position.

namespace sst {
inline namespace SST_ABI {
namespace spatial {

/// As many images as one instruction handles: they go side by side, lane by lane.
template <class Scalar>
inline constexpr Index lanes = static_cast<Index>(gram_detail::Pack<Scalar>::size);

/// The per-position numbers of `width` images: columns[c] is grid x width, lanes fastest; unit and centred
/// are the pixels at norm one (less their mean over channels), grid x channels x width.
template <class Scalar>
struct ImageTable {
  Index width = 1;             ///< images, side by side in lanes
  std::vector<Index> offsets;  ///< of columns, in positions
  /// Numbers on whole cache lines.
  using Numbers = std::vector<Scalar, Eigen::aligned_allocator<Scalar>>;  // to whole cache lines
  Numbers columns, unit, centred;                                         ///< see above
  std::vector<double> scale;  ///< by lane: standard deviation of the output

  /// Column c: its grid x width numbers.
  Scalar* column(Index c) { return columns.data() + offsets[c] * width; }
  /// Column c: its grid x width numbers.
  const Scalar* column(Index c) const { return columns.data() + offsets[c] * width; }

  /// Takes the size for a plan and a number of lanes: lane_count x what the plan's columns hold.
  void shape(const SpatialPlan& plan, Index lane_count) {
    width = lane_count;
    offsets.clear();
    Index total = 0;
    for (const Column& c : plan.columns) {
      offsets.push_back(total);
      total += c.size();
    }
    columns.assign(total * width, Scalar(0));
    unit.assign(plan.image.size() * width, Scalar(0));
    const bool needs_centred =
        std::any_of(plan.base.variables.begin(), plan.base.variables.end(),
                    [](const auto& v) { return v.kind == plan::VariableKind::centred_input; });
    centred.assign(needs_centred ? unit.size() : 0, Scalar(0));
    scale.assign(width, 0);
  }
};

/// Bytes of the per-position numbers of one image.
inline double table_bytes(const SpatialPlan& plan, std::size_t scalar) {
  double total = 2 * static_cast<double>(plan.image.size());
  for (const Column& c : plan.columns) total += static_cast<double>(c.size());
  return total * static_cast<double>(scalar);
}

}  // namespace spatial
}  // namespace SST_ABI
}  // namespace sst
