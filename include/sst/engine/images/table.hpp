// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <functional>
#include <limits>
#include <numbers>
#include <string>
#include <variant>
#include <vector>

#include <Eigen/Core>

#include <sst/engine/images/image_table.hpp>
#include <sst/engine/images/terms.hpp>
#include <sst/error.hpp>
#include <sst/plan/images/plan.hpp>
#include <sst/topology/image_shape.hpp>
#include <sst/topology/operation.hpp>
#include <sst/topology/topology.hpp>
#include <sst/version.hpp>

namespace sst {
inline namespace SST_ABI {
namespace spatial {

/// Fills a table, variable by variable, in double.
class TableFiller {
 public:
  /// (1 - c)/2 of two variables at p = p' of each image with itself: positions x lanes.
  using OwnPlane = std::function<const double*(Index left, Index right)>;

  /// Keeps references to all three; fills `table`.
  TableFiller(const Topology& topology, const SpatialPlan& plan, ImageTable<double>& table)
      : topology_(topology), plan_(plan), table_(table) {}

  /// Rows first ... of x, and zeros in what lanes are left; pixels of norm 0 get the norm `least`.
  void start(const Eigen::MatrixXd& x, Index first, Index count, double least = 0) {
    first_ = first;
    table_.shape(plan_, lanes<double>);
    const Index pixels = plan_.image.height * plan_.image.width;
    for (Index l = 0; l < count; ++l)
      for (Index p = 0; p < pixels; ++p) {
        double total = 0;
        for (Index c = 0; c < plan_.image.channels; ++c) total += pixel(x, l, p, c);
        const double mean = total / static_cast<double>(plan_.image.channels);
        table_.column(plan_.input_mean)[p * width() + l] = mean;
        input_std_.resize(pixels * width());
        centred_std_.resize(pixels * width());
        input_std_[p * width() + l] = std::max(normalise(x, l, p, 0, table_.unit), least);
        if (!table_.centred.empty())
          centred_std_[p * width() + l] = std::max(normalise(x, l, p, mean, table_.centred), least);
      }
  }

  /// The per-position numbers of variable v; those of the variables before it have to be there.
  /// Throws DataError, with image and node, for a variance that overflows.
  void fill(Index v, const OwnPlane& own) {
    const plan::Variable& variable = plan_.variable(v);
    const Index size = plan_.grids[v].size() * width();
    double* std = table_.column(variable.columns.std);
    const auto from = [&](Index u) { return table_.column(plan_.variable(u).columns.std); };
    switch (variable.kind) {
      case plan::VariableKind::input:
        std::copy_n(input_std_.begin(), size, std);
        break;
      case plan::VariableKind::centred_input:
        std::copy_n(centred_std_.begin(), size, std);
        break;
      case plan::VariableKind::activation:
        activation(variable, from(variable.argument), size);
        break;
      case plan::VariableKind::rest:
        rest(variable, from(variable.argument), size);
        break;
      case plan::VariableKind::source:
        source(v, from(variable.argument));
        break;
      case plan::VariableKind::pooled:
        std::copy_n(pooled(from(variable.argument), plan_.pools[v], width()).begin(), size, std);
        break;
      case plan::VariableKind::flattened:
        flattened(v, from(variable.argument));
        break;
      case plan::VariableKind::normalised: {
        const double *a = from(variable.argument), *d = from(variable.divisor);
        for (Index i = 0; i < size; ++i) std[i] = d[i] > 0 ? a[i] / d[i] : 0;
        break;
      }
      case plan::VariableKind::exact: {
        const Index u = plan_.undivided(variable.argument);
        const double *scale = from(variable.argument), *h = own(u, u);
        double* ratio = table_.column(plan_.ratio_columns[v]);
        for (Index i = 0; i < size; ++i) {
          const double q = std::max(0.0, 1 - 2 * h[i]), root = std::sqrt(q);
          std[i] = scale[i] * root;
          ratio[i] = std[i] > 0 ? 2 * h[i] / (root * (1 + root)) : 0;
        }
        break;
      }
      default:
        linear(v, own);
    }
    for (Index i = 0; i < size; ++i)
      if (!std::isfinite(std[i]))
        throw DataError("image " + std::to_string(first_ + i % width()) + " makes the variance of node '" +
                        variable.name + "' overflow; scale the inputs down");
    for (const WeightColumn& w : plan_.weights)
      if (last_of(w) == v)
        share(w, raw(plan_, table_, w.variable, w.coefficient, w.constant, plan_.grids[w.owner]),
              table_.column(plan_.variable(w.owner).columns.std));
    if (v == plan_.base.output) std::copy_n(std, width(), table_.scale.begin());
  }

 private:
  static constexpr Index width() { return lanes<double>; }

  double pixel(const Eigen::MatrixXd& x, Index lane, Index p, Index c) const {
    return x(static_cast<Eigen::Index>(first_ + lane),
             static_cast<Eigen::Index>(p * plan_.image.channels + c));
  }

  /// Writes the pixel less `offset` at norm one; returns its root mean square.
  double normalise(const Eigen::MatrixXd& x, Index lane, Index p, double offset,
                   ImageTable<double>::Numbers& to) const {
    const Index channels = plan_.image.channels;
    double largest = 0, total = 0;
    for (Index c = 0; c < channels; ++c) largest = std::max(largest, std::abs(pixel(x, lane, p, c) - offset));
    if (largest == 0) return 0;
    for (Index c = 0; c < channels; ++c) {
      const double scaled = (pixel(x, lane, p, c) - offset) / largest;
      total += scaled * scaled;
    }
    const double norm = std::sqrt(total);
    for (Index c = 0; c < channels; ++c)
      to[(p * channels + c) * width() + lane] = (pixel(x, lane, p, c) - offset) / largest / norm;
    return largest * norm / std::sqrt(static_cast<double>(channels));
  }

  void activation(const plan::Variable& variable, const double* std, Index size) {
    double *out = table_.column(variable.columns.std), *mean = table_.column(variable.columns.mean),
           *slope = table_.column(variable.columns.slope);
    if (const auto form = variable.activation->angular(); form && form->degree == 1) {
      const double norm = std::hypot(form->odd, form->even), root = std::sqrt(2 / std::numbers::pi);
      for (Index i = 0; i < size; ++i) {
        out[i] = norm * std[i];
        mean[i] = form->even * root * std[i];
        slope[i] = form->odd;
      }
      return;
    }
    for (Index i = 0; i < size; ++i) {
      const auto m = variable.activation->moments(std[i]);
      out[i] = std::sqrt(m.second);
      mean[i] = m.mean;
      slope[i] = m.slope;
    }
  }

  void rest(const plan::Variable& rest, const double* std, Index size) {
    double* out = table_.column(rest.columns.std);
    if (const auto form = rest.activation->angular()) {
      const double left = std::sqrt(1 - 2 / std::numbers::pi);
      for (Index i = 0; i < size; ++i)
        out[i] = form->degree == 1 ? std::abs(form->even) * left * std[i]
                                   : (std[i] > 0 ? std::abs(form->odd) * left : 0);
      return;
    }
    const plan::Columns& whole = plan_.variable(rest.whole).columns;
    const double *root = table_.column(whole.std), *mean = table_.column(whole.mean),
                 *slope = table_.column(whole.slope);
    for (Index i = 0; i < size; ++i) {
      const double second = root[i] * root[i], linear = slope[i] * std[i];
      const double variance = second - mean[i] * mean[i] - linear * linear;
      out[i] = variance > 4 * std::numeric_limits<double>::epsilon() * second ? std::sqrt(variance) : 0;
    }
  }

  void source(Index v, const double* in) {
    const plan::Variable& variable = plan_.variable(v);
    const auto& operation = topology_.nodes()[variable.node].operation;
    const auto* conv = std::get_if<ConvOp>(&operation);
    const auto* dense = std::get_if<DenseOp>(&operation);
    const WindowColumns& columns = plan_.windows[v];
    const Axis &rows = columns.window[0], &cols = columns.window[1];
    const double bias = conv ? conv->bias_std : dense->bias_std;
    const double factor =
        (conv ? conv->weight_std : dense->weight_std) / std::sqrt(static_cast<double>(rows.size * cols.size));
    double* out = table_.column(variable.columns.std);
    if (!columns.planar()) {
      const Index taps = rows.size * cols.size;
      double* shares = table_.column(columns.taps);
      for (Index y = 0; y < rows.out; ++y)
        for (Index x = 0; x < cols.out; ++x)
          gather(
              in, factor, taps,
              [&](Index o) {
                const Index r = rows.at(y, o / cols.size), c = cols.at(x, o % cols.size);
                return r == Axis::outside || c == Axis::outside ? Axis::outside : r * cols.in + c;
              },
              bias, out + (y * cols.out + x) * width(),
              shares + (y * cols.out + x) * (taps + columns.biases) * width());
      return;
    }
    double *across = table_.column(columns.across), *down = table_.column(columns.down);
    std::vector<double> row_std(rows.out * cols.out * width());
    for (Index y = 0; y < rows.out; ++y)
      for (Index x = 0; x < cols.out; ++x)
        gather(
            in + y * cols.in * width(), factor, cols.size, [&](Index o) { return cols.at(x, o); }, 0,
            row_std.data() + (y * cols.out + x) * width(), across + (y * cols.out + x) * cols.size * width());
    for (Index y = 0; y < rows.out; ++y)
      for (Index x = 0; x < cols.out; ++x)
        gather(
            row_std.data(), 1, rows.size,
            [&](Index o) {
              const Index r = rows.at(y, o);
              return r == Axis::outside ? r : r * cols.out + x;
            },
            bias, out + (y * cols.out + x) * width(),
            down + (y * cols.out + x) * (rows.size + columns.biases) * width());
  }

  /// The norm of the taps and the bias, and the share of each in it; that of a bias of 0 is left out.
  template <class At>
  void gather(const double* in, double factor, Index taps, At at, double bias, double* out,
              double* shares) const {
    double total[width()];
    std::fill_n(total, width(), bias * bias);
    for (Index o = 0; o < taps; ++o) {
      const Index p = at(o);
      if (p == Axis::outside) continue;
      for (Index l = 0; l < width(); ++l) {
        const double a = factor * in[p * width() + l];
        total[l] += a * a;
      }
    }
    double inverse[width()];
    for (Index l = 0; l < width(); ++l) {
      out[l] = std::sqrt(total[l]);
      inverse[l] = out[l] > 0 ? 1 / out[l] : 0;
    }
    for (Index o = 0; o < taps; ++o) {
      const Index p = at(o);
      for (Index l = 0; l < width(); ++l)
        shares[o * width() + l] = p == Axis::outside ? 0 : factor * in[p * width() + l] * inverse[l];
    }
    for (Index l = 0; bias != 0 && l < width(); ++l) shares[taps * width() + l] = bias * inverse[l];
  }

  void flattened(Index v, const double* in) {
    const Index positions = plan_.grids[plan_.variable(v).argument].size();
    const double share = 1 / std::sqrt(static_cast<double>(positions));
    double *out = table_.column(plan_.variable(v).columns.std),
           *weights = table_.column(plan_.flat_columns[v]);
    for (Index l = 0; l < width(); ++l) {
      double total = 0;
      for (Index p = 0; p < positions; ++p)
        total += share * in[p * width() + l] * (share * in[p * width() + l]);
      out[l] = std::sqrt(total);
      for (Index p = 0; p < positions; ++p)
        weights[p * width() + l] = out[l] > 0 ? share * in[p * width() + l] / out[l] : 0;
    }
  }

  void linear(Index v, const OwnPlane& own) {
    const plan::Variable& variable = plan_.variable(v);
    const plan::Expansion& e = variable.expansions.front();
    const Grid grid = plan_.grids[v];
    double* std = table_.column(variable.columns.std);
    std::vector<double> variance(grid.size() * width(), 0);
    std::vector<std::vector<double>> terms;
    for (const auto& t : e.terms) terms.push_back(raw(plan_, table_, t.variable, t.coefficient, {}, grid));
    for (const auto& c : e.constants) terms.push_back(evaluate(plan_, table_, c.value, grid));
    for (const auto& term : terms)
      for (Index i = 0; i < variance.size(); ++i) variance[i] += term[i] * term[i];
    for (const auto& [a, b] : e.correlated) {
      const double* h = own(plan_.undivided(e.terms[a].variable), plan_.undivided(e.terms[b].variable));
      for (Index i = 0; i < variance.size(); ++i)
        variance[i] += 2 * terms[a][i] * terms[b][i] * (1 - 2 * h[i]);
    }
    for (Index i = 0; i < variance.size(); ++i) std[i] = std::sqrt(std::max(variance[i], 0.0));
  }

  void share(const WeightColumn& w, const std::vector<double>& values, const double* std) {
    double* to = table_.column(w.column);
    for (Index i = 0; i < values.size(); ++i) to[i] = std[i] > 0 ? values[i] / std[i] : 0;
  }

  const Topology& topology_;
  const SpatialPlan& plan_;
  ImageTable<double>& table_;
  Index first_ = 0;
  std::vector<double> input_std_, centred_std_;
};

}  // namespace spatial
}  // namespace SST_ABI
}  // namespace sst
