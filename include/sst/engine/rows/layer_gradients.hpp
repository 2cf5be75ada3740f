// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

#include <Eigen/Core>

#include <sst/base/data_ref.hpp>
#include <sst/base/execution.hpp>
#include <sst/base/parallel.hpp>
#include <sst/base/progress.hpp>
#include <sst/engine/rows/derivative_machine.hpp>
#include <sst/engine/rows/sample_derivatives.hpp>
#include <sst/engine/rows/samples.hpp>
#include <sst/plan/kernel.hpp>
#include <sst/plan/plan.hpp>
#include <sst/version.hpp>

/// \file
/// Derivatives of kernels of rows by the biases of one side's layers, summed over the other side.

namespace sst {
inline namespace SST_ABI {
namespace gram_detail {

/// The variables of a plan that are layers with a bias.
inline std::vector<Index> biased_layers(const Plan& plan) {
  std::vector<Index> found;
  for (Index v = 0; v < plan.variables.size(); ++v) {
    const plan::Variable& variable = plan.variables[v];
    if (variable.kind != plan::VariableKind::source) continue;
    const auto& constants = variable.expansions.front().constants;
    if (std::any_of(constants.begin(), constants.end(), [](const auto& c) { return c.bias; }))
      found.push_back(v);
  }
  return found;
}

/// The plan with the bias of this layer times `factor`, in all that the layer is written out in.
inline Plan with_bias(Plan plan, Index layer, long double factor) {
  for (plan::Expansion& e : plan.variables[layer].expansions)
    for (plan::ConstantTerm& c : e.constants)
      if (c.bias) c.value.fixed *= factor;
  return plan;
}

/// The derivatives of a plan's kernel by the biases of the left samples, a few layers at a time.
class LayerGradients {
 public:
  static constexpr int at_once = 4;  ///< layers that one pass over the pairs takes

  /// Of `count` layers, `at_once` at the most. Keeps a reference to the plan.
  LayerGradients(const Plan& plan, Kernel kernel, const DataRef& a, const DataRef& x, const Index* layers,
                 int count)
      : plan_(plan),
        ntk_(kernel == Kernel::ntk),
        count_(count),
        a_(moving_by_plans(plan, a, at_once, count,
                           [&](int d, long double by) { return with_bias(plan, layers[d], 1 + by); })),
        x_(tabulate<double>(plan, x), at_once) {}

  /// beta sum_j W_ij dK(a_i, x_j)/dbeta of each layer, into the columns of `out` from `first` on.
  void sum(const Eigen::MatrixXd& w, int threads, Eigen::MatrixXd& out, Eigen::Index first) const {
    using Machine = DerivativeMachine<at_once>;
    constexpr Index rows = 64, tile = 256, length = Machine::length;
    const Index m = a_.samples.count, n = x_.samples.count;
    detail::workers<Machine>(
        (m + rows - 1) / rows, threads,
        [&] { return std::make_unique<Machine>(plan_, a_, x_, PairDirections{}); },
        [&](Machine& machine, std::size_t block) {
          const Index begin = block * rows, end = std::min(m, begin + rows);
          std::array<double, length> slope;
          for (Index col = 0; col < n; col += tile) {
            const Index cols = std::min(tile, n - col);
            machine.tile(begin, end - begin, col, cols);
            for (Index i = begin; i < end; ++i)
              for (Index j = col; j < col + cols; j += length) {
                const auto lanes = static_cast<Eigen::Index>(std::min(length, col + cols - j));
                machine.run(i, j, static_cast<Index>(lanes));
                const auto row = static_cast<Eigen::Index>(i);
                for (int d = 0; d < count_; ++d) {
                  machine.derivative(ntk_, d, slope.data());
                  out(row, first + d) +=
                      Eigen::Map<const Eigen::RowVectorXd>(slope.data(), lanes)
                          .dot(w.row(w.rows() == 1 ? 0 : row).segment(static_cast<Eigen::Index>(j), lanes));
                }
              }
          }
        });
  }

 private:
  const Plan& plan_;
  bool ntk_;
  int count_;
  SampleDerivatives a_, x_;
};

/// beta_l sum_j W_ij dK(a_i, x_j)/dbeta_l with beta_l the bias of layer l at a_i alone: m x layers, those of
/// biased_layers; a: m x d, x: n x d, W: 1 x n or m x n. Throws DataError, Error (memory), Cancelled.
inline Eigen::MatrixXd row_layer_gradients(const Plan& plan, Kernel kernel, const DataRef& a,
                                           const DataRef& x, const Eigen::MatrixXd& w,
                                           const Execution& execution) {
  const std::vector<Index> layers = biased_layers(plan);
  const DataRef rows = a.stored(x.sparse());  // pairs are of two dense or two sparse rows
  Eigen::MatrixXd out = Eigen::MatrixXd::Zero(a.rows(), static_cast<Eigen::Index>(layers.size()));
  detail::Counter progress(execution.progress, static_cast<double>(layers.size()),
                           "the gradients of a kernel");
  for (Index first = 0; first < layers.size(); first += LayerGradients::at_once) {
    const auto count = static_cast<int>(std::min<Index>(LayerGradients::at_once, layers.size() - first));
    LayerGradients(plan, kernel, rows, x, layers.data() + first, count)
        .sum(w, execution.threads, out, static_cast<Eigen::Index>(first));
    progress.add(count);
  }
  return out;
}

}  // namespace gram_detail
}  // namespace SST_ABI
}  // namespace sst
