// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <vector>

#include <sst/error.hpp>
#include <sst/plan/images/plan.hpp>
#include <sst/plan/normal_form.hpp>
#include <sst/topology/image_shape.hpp>
#include <sst/topology/operation.hpp>
#include <sst/topology/topology.hpp>
#include <sst/version.hpp>

/// \file
/// Where variables live: on which grid, through which windows and pools, and after how many changes of grid.

namespace sst {
inline namespace SST_ABI {
namespace spatial {

/// Fills a plan's grids, stages, windows and pools. Throws TopologyError when the output has positions.
class Placement {
 public:
  /// Keeps references to all; writes into `plan`.
  Placement(const Topology& topology, const std::vector<NodeShape>& shapes, const plan::NormalForm& form,
            SpatialPlan& plan)
      : topology_(topology), shapes_(shapes), form_(form), plan_(plan) {}

  /// Fills in grids, stages, windows and pools. Throws TopologyError when the output has positions.
  void run() {
    place_variables();
    require_no_positions();
  }

 private:
  using Kind = plan::VariableKind;

  void place_variables() {
    const auto count = plan_.base.variables.size();
    plan_.grids.resize(count);
    plan_.stages.assign(count, 0);
    plan_.windows.resize(count);
    plan_.pools.resize(count);
    for (Index v = 0; v < count; ++v) {
      plan_.scaled.push_back(form_.scaled(v));
      const plan::Variable& variable = var(v);
      Grid& grid = plan_.grids[v];
      Index& stage = plan_.stages[v];
      if (variable.argument != none) {
        grid = plan_.grids[variable.argument];
        stage = plan_.stages[variable.argument];
      }
      switch (variable.kind) {
        case Kind::input:
        case Kind::centred_input:
          grid = {plan_.image.height, plan_.image.width};
          break;
        case Kind::source: {
          WindowColumns& columns = plan_.windows[v];
          columns.window = window_of(node_of(v), grid);
          if (!planar(columns.window)) ++stage;
          grid = out_of(columns.window);
          break;
        }
        case Kind::pooled:
          plan_.pools[v] = windows_of(variable.pools, grid);
          grid = out_of(plan_.pools[v].back());
          ++stage;
          break;
        case Kind::flattened:
          grid = {};
          ++stage;
          break;
        case Kind::normalised:
          stage = std::max(stage, plan_.stages[variable.divisor]);
          break;
        case Kind::activation:
        case Kind::rest:
        case Kind::exact:
          break;
        default: {
          const auto& terms = variable.expansions.front().terms;
          if (terms.empty()) grid = shape_without_terms(v);
          for (const auto& term : terms) {
            grid = plan_.grids[term.variable];
            stage = std::max(stage, plan_.stages[term.variable]);
          }
        }
      }
    }
    for (const auto& constant : plan_.base.pooled_constants) {
      const auto& first = topology_.nodes()[constant.nodes.front()];
      plan_.constant_pools.push_back(windows_of(constant.nodes, shapes_[first.inputs[0]].blocks[0]));
    }
  }

  std::vector<Window> windows_of(const std::vector<Index>& nodes, Grid grid) const {
    std::vector<Window> all;
    for (const Index node : nodes) {
      all.push_back(window_of(topology_.nodes()[node], grid));
      grid = out_of(all.back());
    }
    return all;
  }

  Grid shape_without_terms(Index v) const {
    const bool consumer = kind(v) == Kind::fan_in;
    const NodeShape& shape = shapes_[consumer ? node_of(v).inputs[0] : plan_.variable(v).node];
    return shape.flat ? Grid{} : shape.blocks[0];
  }

  void require_no_positions() const {
    const Grid grid = plan_.grids[plan_.base.output];
    if (grid.size() == 1) return;
    const auto& node = topology_.nodes()[topology_.output()];
    throw TopologyError(
        "node '" + node.name + "' (" + operation_name(node.operation) + ") is the output and has " +
        to_string(grid) +
        " positions (a kernel takes one number a pair of images); put flatten or global_avg_pool "
        "before the read-out");
  }

  const plan::Variable& var(Index v) const { return plan_.variable(v); }
  Kind kind(Index v) const { return plan_.variable(v).kind; }
  const NodeSpec& node_of(Index v) const { return topology_.nodes()[plan_.variable(v).node]; }

  const Topology& topology_;
  const std::vector<NodeShape>& shapes_;
  const plan::NormalForm& form_;
  SpatialPlan& plan_;
};

}  // namespace spatial
}  // namespace SST_ABI
}  // namespace sst
