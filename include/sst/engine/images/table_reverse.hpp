// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cmath>
#include <cstddef>
#include <vector>

#include <Eigen/Core>

#include <sst/activation/activation.hpp>
#include <sst/base/differences.hpp>
#include <sst/engine/images/adjoints.hpp>
#include <sst/engine/images/image_table.hpp>
#include <sst/engine/images/pool_map.hpp>
#include <sst/engine/images/reverse_machine.hpp>
#include <sst/engine/images/terms.hpp>
#include <sst/error.hpp>
#include <sst/plan/images/plan.hpp>
#include <sst/topology/image_shape.hpp>
#include <sst/version.hpp>

/// \file
/// An image's table backwards: from how a number changes with standard deviations, means and weights to how
/// it changes with the pixels and with the biases.

namespace sst {
inline namespace SST_ABI {
namespace spatial {

/// Undoes TableFiller, variable by variable, for one image.
class TableReverse {
 public:
  /// Keeps references to all. `machine`, with `own`, the image in its first lane, for variances that take the
  /// covariances of an image with itself.
  TableReverse(const SpatialPlan& plan, const ImageTable<double>& table, const ImageTable<double>& own,
               ReverseMachine& machine, Adjoints& adjoints)
      : plan_(plan), table_(table), own_(own), machine_(machine), to_(adjoints) {}

  /// Fills in the adjoints of the inputs and of the biases. Throws Error for a plan that lacks a covariance
  /// which it needs.
  void run() {
    for (Index v = plan_.base.variables.size(); v-- > 0;) {
      for (const WeightColumn& w : plan_.weights)
        if (last_of(w) == v) weight(w);
      seeds_.clear();
      variable(v);
      if (seeds_.empty()) continue;
      require_own();
      Adjoints all(plan_, ReverseMachine::L);
      machine_.reverse(seeds_, all);
      to_.add(all);
    }
  }

  /// The gradient by the pixels, 1 x H W C; after `run`.
  Eigen::RowVectorXd pixels() {
    const Index channels = plan_.image.channels, positions = plan_.image.height * plan_.image.width;
    Eigen::RowVectorXd out(static_cast<Eigen::Index>(positions * channels));
    const double* mean = to_.column(plan_.input_mean);
    for (Index p = 0; p < positions; ++p)
      for (Index c = 0; c < channels; ++c)
        out[static_cast<Eigen::Index>(p * channels + c)] = mean[p] / static_cast<double>(channels);
    for (Index v = 0; v < plan_.base.variables.size(); ++v) {
      const bool centred = plan_.variable(v).kind == Kind::centred_input;
      if (!centred && plan_.variable(v).kind != Kind::input) continue;
      const double *std = this->std(v), *log = log_std(v), *side = to_.pixels(centred);
      const auto& unit = centred ? table_.centred : table_.unit;
      for (Index p = 0; p < positions; ++p)
        for (Index c = 0; c < channels; ++c) {
          const Index i = p * channels + c;
          const double norm = std[p] * std::sqrt(static_cast<double>(channels));
          const double slope = (log[p] * unit[i] + side[i]) / norm;
          // Where a pixel of norm 0 is normalised, its function jumps: the symmetric limit.
          if (std[p] > detail::no_norm || std::abs(side[i]) < std::sqrt(detail::no_norm))
            out[static_cast<Eigen::Index>(i)] += slope;
        }
    }
    return out;
  }

 private:
  using Kind = plan::VariableKind;

  const double* std(Index v) const { return table_.column(plan_.variable(v).columns.std); }
  double* log_std(Index v) { return to_.column(plan_.variable(v).columns.std); }

  void variable(Index v) {
    const plan::Variable& variable = plan_.variable(v);
    const Index size = plan_.grids[v].size();
    const double* log = log_std(v);
    switch (variable.kind) {
      case Kind::input:
      case Kind::centred_input:
        return;
      case Kind::activation:
        return activation(variable, size);
      case Kind::rest:
        return rest(v, size);
      case Kind::source:
        return source(v);
      case Kind::pooled:
        return pooled(v);
      case Kind::flattened: {
        const double* w = table_.column(plan_.flat_columns[v]);
        double* in = log_std(variable.argument);
        for (Index p = 0; p < plan_.grids[variable.argument].size(); ++p) in[p] += w[p] * w[p] * log[0];
        return;
      }
      case Kind::normalised: {
        double *in = log_std(variable.argument), *divisor = log_std(variable.divisor);
        for (Index p = 0; p < size; ++p) {
          in[p] += log[p];
          divisor[p] -= log[p];
        }
        return;
      }
      case Kind::exact:
        return exact(v, size);
      default:
        return linear(v);
    }
  }

  /// Of a degree 1, s and E phi are in proportion to the argument's s; of a degree 0 they are constants.
  void activation(const plan::Variable& variable, Index size) {
    const double *log = to_.column(variable.columns.std), *mean = to_.column(variable.columns.mean),
                 *slope = to_.column(variable.columns.slope), *means = table_.column(variable.columns.mean),
                 *std = this->std(variable.argument);
    double* in = log_std(variable.argument);
    if (const auto form = variable.activation->angular()) {
      for (Index p = 0; form->degree == 1 && p < size; ++p) in[p] += log[p] + mean[p] * means[p];
      return;
    }
    for (Index p = 0; p < size; ++p) {
      constexpr double step = detail::difference_step;
      const double second = variable.activation->moments(std[p]).second;
      for (const auto& [steps, weight] : detail::central_differences) {
        const auto m = variable.activation->moments(std[p] * (1 + steps * step));
        const double share = weight / (12 * step);
        if (second > 0) in[p] += share * log[p] * m.second / (2 * second);
        in[p] += share * (mean[p] * m.mean + slope[p] * m.slope);
      }
    }
  }

  /// s^2 = E phi^2 - (E phi)^2 - (E phi' s)^2 of the whole activation and its argument.
  void rest(Index v, Index size) {
    const plan::Variable& variable = plan_.variable(v);
    const plan::Columns& whole = plan_.variable(variable.whole).columns;
    const double* log = log_std(v);
    double* in = log_std(variable.argument);
    if (const auto form = variable.activation->angular()) {
      for (Index p = 0; form->degree == 1 && p < size; ++p) in[p] += log[p];
      return;
    }
    const double *out = std(v), *root = table_.column(whole.std), *mean = table_.column(whole.mean),
                 *slope = table_.column(whole.slope), *std = this->std(variable.argument);
    for (Index p = 0; p < size; ++p) {
      if (!(out[p] > 0)) continue;
      const double share = log[p] / (out[p] * out[p]), linear = slope[p] * std[p];
      to_.column(whole.std)[p] += share * root[p] * root[p];
      to_.column(whole.mean)[p] -= share * mean[p];
      to_.column(whole.slope)[p] -= share * linear * std[p];
      in[p] -= share * linear * linear;
    }
  }

  /// d ln s is the mean of those of taps and bias, by the squares of their shares.
  void source(Index v) {
    const plan::Variable& variable = plan_.variable(v);
    const WindowColumns& c = plan_.windows[v];
    const Axis &rows = c.window[0], &cols = c.window[1];
    const double* log = log_std(v);
    double* in = log_std(variable.argument);
    for (Index y = 0; y < rows.out; ++y)
      for (Index x = 0; x < cols.out; ++x) {
        const Index p = y * cols.out + x;
        for (Index i = 0; i < rows.size; ++i)
          for (Index j = 0; j < cols.size; ++j) {
            const Index r = rows.at(y, i), k = cols.at(x, j);
            if (r == Axis::outside || k == Axis::outside) continue;
            const double w = window_share(c, table_, y, x, i, j, 0);
            in[r * cols.in + k] += w * w * log[p];
          }
        if (c.biases == 0) continue;
        const double w = bias_share(c, table_, p, 0);
        to_.bias(v)[p] += w * w * log[p];
      }
  }

  /// s is the mean of those of the window.
  void pooled(Index v) {
    const Index argument = plan_.variable(v).argument;
    const Grid grid = plan_.grids[argument], out = plan_.grids[v];
    const PoolMap map = pool_map(plan_.pools[v], grid);
    const double *log = log_std(v), *own = std(v), *from = std(argument);
    double* in = log_std(argument);
    for (Index y = 0; y < grid.height; ++y)
      for (Index x = 0; x < grid.width; ++x)
        for (const auto& row : map.outputs[0][y])
          for (const auto& col : map.outputs[1][x]) {
            const Index p = row.position * out.width + col.position, q = y * grid.width + x;
            if (own[p] > 0) in[q] += row.share * col.share * from[q] / own[p] * log[p];
          }
  }

  /// s^2 = scale^2 (1 - 2h), h of the image with itself, which is left and right in it.
  void exact(Index v, Index size) {
    const plan::Variable& variable = plan_.variable(v);
    const double *log = log_std(v), *ratio = table_.column(plan_.ratio_columns[v]);
    double* in = log_std(variable.argument);
    std::vector<double> by_half(size);
    for (Index p = 0; p < size; ++p) {
      in[p] += log[p];
      by_half[p] = -2 * log[p] * (1 + ratio[p]) * (1 + ratio[p]);
    }
    const Index u = plan_.undivided(variable.argument);
    seed(u, u, by_half);
  }

  void linear(Index v) {
    const plan::Variable& variable = plan_.variable(v);
    const plan::Expansion& e = variable.expansions.front();
    const Grid grid = plan_.grids[v];
    const double *log = log_std(v), *std = this->std(v);
    std::vector<std::vector<double>> values, slopes;
    for (const auto& t : e.terms) values.push_back(raw(plan_, table_, t.variable, t.coefficient, {}, grid));
    for (const auto& c : e.constants) values.push_back(evaluate(plan_, table_, c.value, grid));
    slopes = values;
    const auto share = [&](Index p) { return std[p] > 0 ? log[p] / (std[p] * std[p]) : 0; };
    for (const auto& [a, b] : e.correlated) {
      const Index u = plan_.undivided(e.terms[a].variable), w = plan_.undivided(e.terms[b].variable);
      require_own();
      const double* half = machine_.half(pair(u, w));
      std::vector<double> by_half(grid.size());
      for (Index p = 0; p < grid.size(); ++p) {
        const double c = 1 - 2 * half[p * 2 * ReverseMachine::L];
        slopes[a][p] += c * values[b][p];
        slopes[b][p] += c * values[a][p];
        by_half[p] = -2 * values[a][p] * values[b][p] * share(p);
      }
      seed(u, w, by_half);
      seed(w, u, by_half);
    }
    Index k = 0;
    const auto scaled = [&] {
      for (Index p = 0; p < grid.size(); ++p) slopes[k][p] *= share(p);
      return slopes[k++];
    };
    for (const auto& t : e.terms) push(t.variable, t.coefficient, scaled());
    for (const auto& c : e.constants) push(c.value, scaled());
  }

  /// A weight is raw / s of its owner.
  void weight(const WeightColumn& w) {
    const double *by_weight = to_.column(w.column), *value = table_.column(w.column),
                 *std = this->std(w.owner);
    double* log = log_std(w.owner);
    std::vector<double> by_raw(plan_.grids[w.owner].size(), 0);
    for (Index p = 0; p < by_raw.size(); ++p) {
      if (!(std[p] > 0)) continue;
      by_raw[p] = by_weight[p] / std[p];
      log[p] -= by_weight[p] * value[p];
    }
    if (w.variable == none)
      push(w.constant, by_raw);
    else
      push(w.variable, w.coefficient, by_raw);
  }

  /// From coefficient times s of a variable.
  void push(Index v, const plan::Coefficient& coefficient, const std::vector<double>& by_raw) {
    const std::vector<double> factors = evaluate(plan_, table_, coefficient, {by_raw.size(), 1});
    const double* std = this->std(v);
    double* log = log_std(v);
    for (Index p = 0; p < by_raw.size(); ++p) log[p] += by_raw[p] * factors[p] * std[p];
    for (const auto& [factor, activation] : coefficient.slopes) {
      double* slope = to_.column(plan_.variable(activation).columns.slope);
      for (Index p = 0; p < by_raw.size(); ++p) slope[p] += by_raw[p] * static_cast<double>(factor) * std[p];
    }
  }
  /// From a deterministic value.
  void push(const plan::Constant& constant, const std::vector<double>& by_value) {
    const auto add = [&](plan::Number factor, double* to) {
      for (Index p = 0; p < by_value.size(); ++p) to[p] += static_cast<double>(factor) * by_value[p];
    };
    if (constant.input != 0) add(constant.input, to_.column(plan_.input_mean));
    for (const auto& [factor, v] : constant.means) add(factor, to_.column(plan_.variable(v).columns.mean));
    for (const auto& [factor, pool] : constant.pooled) {
      const std::vector<Window>& pools = plan_.constant_pools[pool];
      const Grid grid{pools.front()[0].in, pools.front()[1].in};
      const PoolMap map = pool_map(pools, grid);
      std::vector<double> inner(grid.size(), 0);
      for (Index y = 0; y < grid.height; ++y)
        for (Index x = 0; x < grid.width; ++x)
          for (const auto& row : map.outputs[0][y])
            for (const auto& col : map.outputs[1][x])
              inner[y * grid.width + x] += static_cast<double>(factor) * row.share * col.share *
                                           by_value[row.position * pools.back()[1].out + col.position];
      push(plan_.base.pooled_constants[pool].value, inner);
    }
  }

  /// The image against itself, when it is first needed.
  void require_own() {
    if (ready_) return;
    std::array<unsigned char, ReverseMachine::L> same{1};
    machine_.begin(table_, own_, same.data());
    ready_ = true;
  }
  Index pair(Index u, Index v) const {
    for (Index i = 0; i < plan_.pairs.size(); ++i)
      if (plan_.pairs[i].left == u && plan_.pairs[i].right == v) return i;
    throw Error("internal: no covariance of '" + plan_.variable(u).name + "' and '" + plan_.variable(v).name +
                "'");
  }
  /// By h of a pair in the first lane.
  void seed(Index u, Index v, const std::vector<double>& by_half) {
    Seed seed{pair(u, v), std::vector<double>(by_half.size() * ReverseMachine::L, 0), {}};
    for (Index p = 0; p < by_half.size(); ++p) seed.half[p * ReverseMachine::L] = by_half[p];
    seeds_.push_back(std::move(seed));
  }

  const SpatialPlan& plan_;
  const ImageTable<double>& table_;
  const ImageTable<double>& own_;
  ReverseMachine& machine_;
  Adjoints& to_;
  std::vector<Seed> seeds_;
  bool ready_ = false;
};

}  // namespace spatial
}  // namespace SST_ABI
}  // namespace sst
