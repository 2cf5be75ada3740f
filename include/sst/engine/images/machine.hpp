// SPDX-License-Identifier: MIT
#pragma once

#include <utility>
#include <variant>

#include <sst/engine/images/image_table.hpp>
#include <sst/engine/images/planes.hpp>
#include <sst/engine/images/point_steps.hpp>
#include <sst/engine/images/pool_map.hpp>
#include <sst/engine/images/sum_steps.hpp>
#include <sst/engine/images/window_steps.hpp>
#include <sst/plan/images/plan.hpp>
#include <sst/plan/images/program.hpp>
#include <sst/topology/operation.hpp>
#include <sst/version.hpp>

/// \file
/// Runs the programs of kernels of images.

namespace sst {
inline namespace SST_ABI {
namespace spatial {

/// Runs a program for a few left images against a vector of right images.
template <class Scalar, Left left_mode>
class Machine {
 public:
  static constexpr Index L = lanes<Scalar>;  ///< right images that are computed side by side
  static constexpr Index pitch = Planes<Scalar, left_mode>::pitch;  ///< see Planes

  /// For batches of `batch` left images at most. Keeps references to the plan, the program and the maps.
  Machine(const SpatialPlan& plan, const Program& program, const PoolMaps& maps, Index batch)
      : plan_(plan),
        program_(program),
        planes_(plan, program, batch),
        points_(plan, planes_),
        windows_(plan, program, planes_, batch),
        sums_(plan, program, maps, planes_, batch) {}

  /// Bytes that a machine for such batches takes.
  static double bytes(const Program& program, Index batch) {
    return Planes<Scalar, left_mode>::bytes(program, batch) +
           SumSteps<Scalar, left_mode>::bytes(program, batch);
  }

  /// `same`: by left image and lane, whether both images are the same one.
  void begin(const ImageTable<Scalar>* const* left, Index count, const ImageTable<Scalar>& right,
             const unsigned char* same) {
    count_ = count;
    planes_.begin(left, count, right, same);
    sums_.begin();
  }

  /// All passes in their order.
  void run() {
    for (const Pass& pass : program_.passes) run(pass);
  }

  /// All displacements of a pass.
  void run(const Pass& pass) {
    for (const Index d : pass.displacements) run(pass, d);
  }

  /// One displacement of a pass.
  void run(const Pass& pass, Index d) {
    planes_.displace(pass.grid, d);
    for (const auto& group : pass.groups)
      for (Index y = 0; y < pass.grid.height; ++y)
        for (Index b = 0; b < count_; ++b)
          for (const Item& item : group)
            if (needed(item, d)) execute(item, b, y);
  }

  /// One item over a whole plane.
  void run(const Pass& pass, const Item& item, Index d) {
    planes_.displace(pass.grid, d);
    if (!needed(item, d)) return;
    for (Index y = 0; y < pass.grid.height; ++y)
      for (Index b = 0; b < count_; ++b) execute(item, b, y);
  }

  /// Whether an item has something to do on the plane of displacement d.
  bool needed(const Item& item, Index d) const {
    const Pair& p = plan_.pairs[item.pair];
    if (!item.scatter) return p.needed[d] != 0;
    const auto* pool = std::get_if<PoolStep>(&p.step);
    return pool ? plan_.pairs[pool->in].needed[d] != 0 : d == 0 && p.needed[0] != 0;
  }

  /// Where all numbers are.
  spatial::Planes<Scalar, left_mode>& planes() { return planes_; }

  /// A pair's plane of the displacement that ran last; valid for planes and kept pairs.
  const Scalar* half(Index pair, Index b) { return planes_.row(pair, b, 0).half; }
  /// As `half`: the tangents.
  const Scalar* tangent(Index pair, Index b) { return planes_.row(pair, b, 0).tangent; }
  /// The result's, which is kept.
  std::pair<const Scalar*, const Scalar*> result(Index b) {
    planes_.displace({}, 0);
    const auto r = planes_.row(plan_.result, b, 0);
    return {r.half, r.tangent};
  }

 private:
  void execute(const Item& item, Index b, Index y) {
    const Index pair = item.pair;
    const Step& step = plan_.pairs[pair].step;
    if (item.scatter) {
      if (std::holds_alternative<PoolStep>(step))
        sums_.add_pool(pair, b, y);
      else
        sums_.add_flat(pair, b, y);
      return;
    }
    std::visit(detail::Overloaded{[&](const WindowStep& s) { windows_.compute(s, pair, b, y); },
                                  [&](const PoolStep& s) { sums_.compute(s, pair, b, y); },
                                  [&](const FlattenStep& s) { sums_.compute(s, pair, b, y); },
                                  [&](const auto& s) { points_.compute(s, pair, b, y); }},
               step);
  }

  const SpatialPlan& plan_;
  const Program& program_;
  spatial::Planes<Scalar, left_mode> planes_;
  PointSteps<Scalar, left_mode> points_;
  WindowSteps<Scalar, left_mode> windows_;
  SumSteps<Scalar, left_mode> sums_;
  Index count_ = 0;
};

}  // namespace spatial
}  // namespace SST_ABI
}  // namespace sst
