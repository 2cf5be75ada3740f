// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#include <sst/engine/images/image_table.hpp>
#include <sst/plan/images/plan.hpp>
#include <sst/topology/image_shape.hpp>
#include <sst/version.hpp>

/// \file
/// The terms of sums, by position, from the numbers of images.

namespace sst {
inline namespace SST_ABI {
namespace spatial {

/// Means over windows, one pool after the other, of `width` numbers a position.
inline std::vector<double> pooled(const double* in, const std::vector<Window>& pools, Index width) {
  std::vector<double> from(in, in + pools.front()[0].in * pools.front()[1].in * width), to;
  for (const Window& w : pools) {
    to.assign(w[0].out * w[1].out * width, 0);
    const double share = 1 / static_cast<double>(w[0].size * w[1].size);
    for (Index y = 0; y < w[0].out; ++y)
      for (Index x = 0; x < w[1].out; ++x)
        for (Index i = 0; i < w[0].size; ++i)
          for (Index j = 0; j < w[1].size; ++j) {
            const Index r = w[0].at(y, i), c = w[1].at(x, j);
            if (r == Axis::outside || c == Axis::outside) continue;
            for (Index l = 0; l < width; ++l)
              to[(y * w[1].out + x) * width + l] += share * from[(r * w[1].in + c) * width + l];
          }
    from.swap(to);
  }
  return from;
}

/// The deterministic part of a value by position.
inline std::vector<double> evaluate(const SpatialPlan& plan, const ImageTable<double>& table,
                                    const plan::Constant& constant, const Grid& grid) {
  std::vector<double> values(grid.size() * table.width, static_cast<double>(constant.fixed));
  const auto add = [&](plan::Number factor, const double* from) {
    for (Index i = 0; i < values.size(); ++i) values[i] += static_cast<double>(factor) * from[i];
  };
  if (constant.input != 0) add(constant.input, table.column(plan.input_mean));
  for (const auto& [factor, v] : constant.means) add(factor, table.column(plan.variable(v).columns.mean));
  for (const auto& [factor, pool] : constant.pooled) {
    const Window& first = plan.constant_pools[pool].front();
    const auto inner =
        evaluate(plan, table, plan.base.pooled_constants[pool].value, {first[0].in, first[1].in});
    add(factor, pooled(inner.data(), plan.constant_pools[pool], table.width).data());
  }
  return values;
}

/// A coefficient by position.
inline std::vector<double> evaluate(const SpatialPlan& plan, const ImageTable<double>& table,
                                    const plan::Coefficient& coefficient, const Grid& grid) {
  std::vector<double> values(grid.size() * table.width, static_cast<double>(coefficient.fixed));
  for (const auto& [factor, activation] : coefficient.slopes) {
    const double* slope = table.column(plan.variable(activation).columns.slope);
    for (Index i = 0; i < values.size(); ++i) values[i] += static_cast<double>(factor) * slope[i];
  }
  return values;
}

/// A weight before it is divided by its owner's std: of a variable, or, where that is none, a constant.
inline std::vector<double> raw(const SpatialPlan& plan, const ImageTable<double>& table, Index variable,
                               const plan::Coefficient& coefficient, const plan::Constant& constant,
                               const Grid& grid) {
  if (variable == none) return evaluate(plan, table, constant, grid);
  const double* std = table.column(plan.variable(variable).columns.std);
  std::vector<double> values = evaluate(plan, table, coefficient, grid);
  for (Index i = 0; i < values.size(); ++i) values[i] *= std[i];
  return values;
}

/// The share of a planar window's row i in the norm at (y, x), of a lane.
inline const double& row_share(const WindowColumns& c, const ImageTable<double>& table, Index y, Index x,
                               Index i, Index lane) {
  const Index at = y * c.window[1].out + x;
  return table.column(c.down)[(at * (c.window[0].size + c.biases) + i) * table.width + lane];
}
/// The share of tap (i, j) in the norm at (y, x), of planar windows in that of its row; of a lane. A planar
/// window's row i has to be inside.
inline const double& tap_share(const WindowColumns& c, const ImageTable<double>& table, Index y, Index x,
                               Index i, Index j, Index lane) {
  const Axis &rows = c.window[0], &cols = c.window[1];
  const Index place = c.planar()
                          ? (rows.at(y, i) * cols.out + x) * cols.size + j
                          : (y * cols.out + x) * (rows.size * cols.size + c.biases) + i * cols.size + j;
  return table.column(c.planar() ? c.across : c.taps)[place * table.width + lane];
}
/// The share of tap (i, j), whose row is inside, in the norm at (y, x), of a lane.
inline double window_share(const WindowColumns& c, const ImageTable<double>& table, Index y, Index x, Index i,
                           Index j, Index lane) {
  const double tap = tap_share(c, table, y, x, i, j, lane);
  return c.planar() ? row_share(c, table, y, x, i, lane) * tap : tap;
}
/// The share of the bias in the norm at a position, of a lane.
inline const double& bias_share(const WindowColumns& c, const ImageTable<double>& table, Index position,
                                Index lane) {
  const Index taps = c.planar() ? c.window[0].size : c.window[0].size * c.window[1].size;
  return table.column(c.planar() ? c.down : c.taps)[(position * (taps + 1) + taps) * table.width + lane];
}

/// The last variable that a weight is made of.
inline Index last_of(const WeightColumn& w) {
  Index last = w.owner;
  if (w.variable != none) last = std::max(last, w.variable);
  for (const auto& [factor, v] : w.coefficient.slopes) last = std::max(last, v);
  for (const auto& [factor, v] : w.constant.means) last = std::max(last, v);
  return last;
}

}  // namespace spatial
}  // namespace SST_ABI
}  // namespace sst
