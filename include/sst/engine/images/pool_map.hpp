// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <variant>
#include <vector>

#include <sst/plan/images/plan.hpp>
#include <sst/topology/image_shape.hpp>
#include <sst/version.hpp>

/// \file
/// From the positions that a pool sees to those it makes.

namespace sst {
inline namespace SST_ABI {
namespace spatial {

/// Which inputs, with which share, an output position averages; by axis.
struct PoolMap {
  /// An output, and the share of the input in its mean.
  struct Entry {
    Index position;  ///< of the output
    double share;    ///< in its mean
  };
  std::array<std::vector<std::vector<Entry>>, 2> outputs;  ///< [axis][input]: the outputs that see it
};

/// The map of pools, one after the other, over a grid.
inline PoolMap pool_map(const std::vector<Window>& pools, const Grid& grid) {
  PoolMap map;
  for (Index k = 0; k < 2; ++k) {
    auto& all = map.outputs[k];
    const Index size = k == 0 ? grid.height : grid.width;
    for (Index p = 0; p < size; ++p) all.push_back({{p, 1.0}});
    for (const Window& w : pools) {
      std::vector<std::vector<PoolMap::Entry>> next(w[k].in);
      for (Index out = 0; out < w[k].out; ++out)
        for (Index o = 0; o < w[k].size; ++o)
          if (const Index in = w[k].at(out, o); in != Axis::outside)
            next[in].push_back({out, 1 / static_cast<double>(w[k].size)});
      for (auto& entries : all) {
        std::vector<double> total(w[k].out, 0);
        for (const auto& e : entries)
          for (const auto& f : next[e.position]) total[f.position] += e.share * f.share;
        entries.clear();
        for (Index out = 0; out < total.size(); ++out)
          if (total[out] != 0) entries.push_back({out, total[out]});
      }
    }
  }
  return map;
}

/// The maps of all pools of a plan, made once.
struct PoolMaps {
  /// The maps of both sides of every PoolStep.
  explicit PoolMaps(const SpatialPlan& plan) : pools(plan.pairs.size()) {
    for (Index i = 0; i < plan.pairs.size(); ++i)
      if (const auto* s = std::get_if<PoolStep>(&plan.pairs[i].step)) {
        const Grid grid = plan.pairs[s->in].grid;
        const auto of = [&](Index v, bool pooled) {
          return pool_map(pooled ? plan.pools[v] : std::vector<Window>{}, grid);
        };
        pools[i] = {of(plan.pairs[i].left, s->left), of(plan.pairs[i].right, s->right)};
      }
  }
  std::vector<std::array<PoolMap, 2>> pools;  ///< of each pair: left, right
};

}  // namespace spatial
}  // namespace SST_ABI
}  // namespace sst
