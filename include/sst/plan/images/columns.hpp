// SPDX-License-Identifier: MIT
#pragma once

#include <variant>

#include <sst/activation/dual.hpp>
#include <sst/plan/images/plan.hpp>
#include <sst/topology/image_shape.hpp>
#include <sst/topology/operation.hpp>
#include <sst/topology/topology.hpp>
#include <sst/version.hpp>

/// \file
/// The numbers that a pair of images reads by position: which columns a table has.

namespace sst {
inline namespace SST_ABI {
namespace spatial {

/// Gives each variable and weight of a plan its columns, and each step the columns it reads.
class ColumnMaker {
 public:
  /// Keeps references to the topology and to `plan`, and writes into the latter.
  ColumnMaker(const Topology& topology, SpatialPlan& plan) : topology_(topology), plan_(plan) {}

  /// Fills in the columns, from those of the inputs on.
  void run() {
    plan_.input_mean = add_column({plan_.image.height, plan_.image.width});
    const auto count = plan_.base.variables.size();
    plan_.flat_columns.assign(count, none);
    plan_.ratio_columns.assign(count, none);
    for (Index v = 0; v < count; ++v) {
      plan::Variable& variable = var(v);
      const Grid grid = plan_.grids[v];
      variable.columns.std = add_column(grid);
      if (variable.kind == Kind::activation) {
        variable.columns.mean = add_column(grid);
        variable.columns.slope = add_column(grid);
      }
      if (variable.kind == Kind::flattened)
        plan_.flat_columns[v] = add_column(plan_.grids[variable.argument]);
      if (variable.kind == Kind::exact) plan_.ratio_columns[v] = add_column(grid);
      if (variable.kind == Kind::source) make_window_columns(v, grid);
    }
    for (WeightColumn& w : plan_.weights) w.column = add_column(plan_.grids[w.owner]);
    for (Pair& pair : plan_.pairs) fill_columns(pair);
  }

 private:
  using Kind = plan::VariableKind;

  Index add_column(const Grid& grid, Index depth = 1) {
    plan_.columns.push_back({grid, depth});
    return plan_.columns.size() - 1;
  }

  void make_window_columns(Index v, const Grid& grid) {
    WindowColumns& columns = plan_.windows[v];
    const Index down = columns.window[0].size, across = columns.window[1].size;
    const auto& operation = node_of(v).operation;
    const auto* conv = std::get_if<ConvOp>(&operation);
    columns.biases = (conv ? conv->bias_std : std::get<DenseOp>(operation).bias_std) != 0 ? 1 : 0;
    if (planar(columns.window)) {
      columns.across = add_column(grid, across);
      columns.down = add_column(grid, down + columns.biases);
    } else {
      columns.taps = add_column(grid, down * across + columns.biases);
    }
  }

  void fill_columns(Pair& pair) {
    const auto own = [&](Index v) { return var(v).columns; };
    const Index l = pair.left, r = pair.right;
    if (auto* linear = std::get_if<LinearStep>(&pair.step)) {
      for (LinearTerm& t : linear->terms) {
        if (t.left != none) t.left = plan_.weights[t.left].column;
        if (t.right != none) t.right = plan_.weights[t.right].column;
      }
    } else if (auto* angular = std::get_if<AngularStep>(&pair.step)) {
      const AngularForm f = *var(l).activation->angular(), g = *var(r).activation->angular();
      if (kind(l) == Kind::activation && ((f.degree == 0 && f.even != 0) || (g.degree == 0 && g.even != 0))) {
        angular->map.left_std = own(var(l).argument).std;
        angular->map.right_std = own(var(r).argument).std;
        angular->map.left_out = own(l).std;
        angular->map.right_out = own(r).std;
        angular->map.left_mean = own(l).mean;
        angular->map.right_mean = own(r).mean;
      }
    } else if (auto* dual = std::get_if<DualStep>(&pair.step)) {
      plan::DualStep& map = dual->map;
      map.map = dual_map(var(l).activation, var(r).activation);
      map.left_std = own(var(l).argument).std;
      map.right_std = own(var(r).argument).std;
      map.left_out = own(l).std;
      map.right_out = own(r).std;
      map.self = l == r;
      if (kind(l) == Kind::rest) {
        map.left_mean = own(var(l).whole).mean;
        map.right_mean = own(var(r).whole).mean;
        map.left_slope = own(var(l).whole).slope;
        map.right_slope = own(var(r).whole).slope;
      }
    }
  }

  plan::Variable& var(Index v) { return plan_.base.variables[v]; }
  Kind kind(Index v) const { return plan_.variable(v).kind; }
  const NodeSpec& node_of(Index v) const { return topology_.nodes()[plan_.variable(v).node]; }

  const Topology& topology_;
  SpatialPlan& plan_;
};

}  // namespace spatial
}  // namespace SST_ABI
}  // namespace sst
