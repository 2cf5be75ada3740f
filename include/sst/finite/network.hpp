// SPDX-License-Identifier: MIT
#pragma once

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numeric>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <sst/error.hpp>
#include <sst/finite/layout.hpp>
#include <sst/finite/nonlinear.hpp>
#include <sst/finite/random.hpp>
#include <sst/topology/operation.hpp>
#include <sst/topology/topology.hpp>
#include <sst/version.hpp>

/// \file
/// Random networks of finite width: the oracle of the exact kernels.

namespace sst {
inline namespace SST_ABI {

/// A topology as an ordinary random network of finite width: forward, exact gradients by reverse
/// mode, and the kernels these have at this width. As the width grows the kernels tend to the exact
/// ones, with a fluctuation O(1/sqrt(width)) of one network and a bias O(1/width).
///
/// Every dense node (or every group of dense nodes of one `weights` name) has standard normal W and b
/// in the NTK parameterization, weight_std/sqrt(fan_in) W h + bias_std b. Any valid topology will do,
/// also one that has no closed form.
///
/// Shapes: rows of X are samples. A node has `width` channels, except:
///  * the input, which has its own d where a dense takes it (unless that dense shares its weights with
///    one that takes another node), and whose d channels repeat to fill the width anywhere else;
///  * a read-out, which has `outputs` channels: the output node, when it is a dense node that no other
///    node uses or shares weights with.
/// A concatenation takes the first round(fraction * width) channels of each block of each input, rounded
/// so that they add up to the width. What rounding does to the shares, of blocks and of the input's
/// repeated channels, is undone in the next dense: it weighs channels so that each block has its exact
/// share and each channel of the input the same share, which is 1/sqrt(fan_in) wherever numbers divide.
///
/// On images a node has these channels at each of its positions; the input has those of a pixel, and the
/// output has to have one position (dense, or global_avg_pool).
///
/// W(i, j) depends on the seed, the node, i and j but not on the width, so that networks of one seed
/// and different widths are correlated (monte_carlo.hpp makes use of it).
class FiniteNetwork {
 public:
  /// Of rows and columns.
  using Index = Eigen::Index;
  /// Kernels, samples and values.
  using Matrix = Eigen::MatrixXd;

  /// Draws the weights. Throws Error when a size is below 1 or the width too small for the blocks of
  /// a concatenation, or for the input's channels where these have to fill it.
  FiniteNetwork(Topology topology, Index input_dimension, const FiniteOptions& options = {});

  /// What the network is a sample of.
  const Topology& topology() const { return layout_.topology(); }
  /// The columns of X: those of the input, at all positions of images.
  Index input_dimension() const { return layout_.input_channels() * layout_.input_positions(); }
  /// Channels of the nodes.
  Index width() const { return layout_.width(); }
  /// The channels of the output node: `outputs` for a read-out, else the width (d for the input itself).
  Index channels() const { return layout_.channels(topology().output()); }
  /// Whether the output is a dense node that no other node uses or shares weights with.
  bool has_readout() const { return layout_.has_readout(); }

  /// The output node's channels: rows(X) x channels(). Throws DataError when X has another number of
  /// columns than the network has inputs or a value that is not finite; so do all functions of X.
  Matrix forward(const Matrix& x) const {
    return evaluate(x, topology().output())[topology().output()].transpose();
  }
  /// The channels of the node of this name. Throws TopologyError when there is none.
  Matrix forward(const Matrix& x, std::string_view node) const;

  /// sum_c p_c u_c(x) u_c(x') at the output, p_c = 1/channels (or its block's share by channel). x: n x
  /// input_dimension(); n x n.
  Matrix empirical_nngp(const Matrix& x) const;

  /// The mean of empirical_nngp over the read-out's own weights, weight_std^2 sum_c p_c h_c h_c' + bias_std^2
  /// over its inputs h: what infinitely many outputs would give; n x n. Without a read-out, empirical_nngp.
  Matrix expected_nngp(const Matrix& x) const;

  /// sum_c p_c sum_theta rate_theta du_c(x)/dtheta du_c(x')/dtheta at the output, to rounding, each parameter
  /// with its node's weight_rate or bias_rate; the parameters' gradients are never formed. `channels`:
  /// average over so many channels only (a dense output's are exchangeable), since the work is proportional
  /// to them; 0 for all. Throws Error when an activation with parameters that learn before it has no
  /// derivative to train through or `channels` is not possible.
  Matrix empirical_ntk(const Matrix& x, Index channels = 0) const;

  /// d u_channel(x) / d theta at the output: rows(X) x parameter_count(), in the order of parameters().
  Matrix jacobian(const Matrix& x, Index channel) const;

  /// All W (column by column) and b, group by group in the order in which dense nodes first use them.
  Eigen::VectorXd parameters() const;
  /// Sets all W and b, in the order of `parameters`. Throws Error for another length.
  void set_parameters(const Eigen::VectorXd& parameters);
  /// The length of `parameters`.
  Index parameter_count() const;
  /// The rate of each parameter, weight_rate or bias_rate of its node: parameter_count() rows, in the
  /// order of `parameters`. empirical_ntk is the mean of J diag(rates) J' over the channels' jacobians J.
  Eigen::VectorXd rates() const;

 private:
  struct Weights {
    Matrix matrix;
    Eigen::VectorXd bias;
  };

  using Layout = detail::FiniteLayout;

  const NodeSpec& node(std::size_t i) const { return layout_.node(i); }
  void check(const Matrix& x) const;
  std::vector<Matrix> evaluate(const Matrix& x, std::size_t target) const;
  std::vector<Index> group_offsets() const;
  std::vector<Matrix> backward(const std::vector<Matrix>& values, const std::vector<bool>& wanted,
                               Index first, Index count) const;

  Layout layout_;
  std::vector<Weights> weights_;  ///< by group of nodes that share them
};

inline FiniteNetwork::FiniteNetwork(Topology topology, Index input_dimension, const FiniteOptions& options)
    : layout_(std::move(topology), input_dimension, options), weights_(layout_.groups()) {
  for (std::size_t i = 0; i < layout_.nodes(); ++i) {
    if (!layout_.dense(i)) continue;
    Weights& weights = weights_[layout_.layer(i).group];
    if (weights.bias.size() > 0) continue;
    const std::uint64_t key = detail::subkey(options.seed, layout_.layer(i).group);
    weights.bias.resize(layout_.channels(i));
    detail::fill_normal(weights.bias, detail::subkey(key, std::numeric_limits<std::uint64_t>::max()));
    const Index arguments = layout_.layer(i).arguments;
    weights.matrix.resize(layout_.channels(i), arguments * layout_.layer(i).taps);
    for (Index j = 0; j < weights.matrix.cols(); ++j) {
      const auto tap = static_cast<std::uint64_t>(j / arguments),
                 from = static_cast<std::uint64_t>(j % arguments);
      detail::fill_normal(weights.matrix.col(j), detail::subkey(key, from + (tap << 32U)));
    }
  }
}

inline void FiniteNetwork::check(const Matrix& x) const {
  if (x.cols() != input_dimension())
    throw DataError("the samples have " + std::to_string(x.cols()) + " columns (the network has " +
                    std::to_string(input_dimension()) + " inputs); give one column for each");
  for (Index column = 0; column < x.cols(); ++column)
    for (Index row = 0; row < x.rows(); ++row)
      if (!std::isfinite(x(row, column)))
        throw DataError("row " + std::to_string(row) + ", column " + std::to_string(column) +
                        " of the samples is not a finite number (networks cannot skip values); replace it");
}

/// Channels x samples of every node that `target` depends on; nothing for the others.
inline std::vector<Eigen::MatrixXd> FiniteNetwork::evaluate(const Matrix& x, std::size_t target) const {
  check(x);
  std::vector<bool> needed(layout_.nodes(), false);
  needed[target] = true;
  for (std::size_t i = target + 1; i-- > 0;)
    if (needed[i])
      for (const std::size_t input : node(i).inputs) needed[input] = true;

  std::vector<Matrix> values(layout_.nodes());
  for (std::size_t i = 0; i <= target; ++i) {
    if (!needed[i]) continue;
    if (layout_.is_input(i)) {
      values[i] = x.transpose().reshaped(layout_.input_channels(), layout_.input_positions() * x.rows());
    } else if (const auto op = layout_.dense(i)) {
      const Weights& weights = weights_[layout_.layer(i).group];
      values[i].noalias() = weights.matrix * (op->weight_std * layout_.scaled_argument(i, values));
      values[i].colwise() += op->bias_std * weights.bias;
    } else if (const auto* act = std::get_if<ActivationOp>(&node(i).operation)) {
      values[i] = detail::activate(*act->activation, layout_.argument(i, values));
    } else if (layout_.layer(i).means.size() > 0) {
      values[i] = Layout::over_positions(layout_.argument(i, values), layout_.layer(i).means);
    } else if (layout_.is_norm(i)) {
      values[i] = detail::layer_norm(layout_.argument(i, values), layout_.shares(i));
    } else {
      values[i] = layout_.argument(i, values);
    }
  }
  return values;
}

/// d u_c / d node for the output's channels c = first, ..., first + count - 1: by node, channels of the
/// node x (count * samples), samples fastest; nothing for nodes that are not wanted or not on the way.
inline std::vector<Eigen::MatrixXd> FiniteNetwork::backward(const std::vector<Matrix>& values,
                                                            const std::vector<bool>& wanted, Index first,
                                                            Index count) const {
  const std::size_t out = topology().output();
  const Index samples = values[out].cols();
  std::vector<Matrix> deltas(layout_.nodes());
  deltas[out] = Matrix::Zero(channels(), count * samples);
  for (Index c = 0; c < count; ++c) deltas[out].row(first + c).segment(c * samples, samples).setOnes();

  for (std::size_t i = out + 1; i-- > 0;) {
    const auto& in = node(i).inputs;
    if (deltas[i].size() == 0 || std::none_of(in.begin(), in.end(), [&](auto j) { return wanted[j]; }))
      continue;
    Matrix passed;  // in place of deltas[i], with respect to the node's argument
    if (const auto op = layout_.dense(i)) {
      passed.noalias() = weights_[layout_.layer(i).group].matrix.transpose() * deltas[i];
      passed = layout_.unpatch(i, op->weight_std * layout_.layer(i).root_share.asDiagonal() * passed);
    } else if (const auto* act = std::get_if<ActivationOp>(&node(i).operation)) {
      if (const std::string obstacle = act->activation->ntk_obstacle(); !obstacle.empty())
        layout_.fail(i, "has no gradient (" + obstacle + "); ask for the NNGP alone");
      const Matrix slope = detail::slope(*act->activation, layout_.argument(i, values));
      passed = deltas[i];
      for (Index c = 0; c < count; ++c)
        passed.middleCols(c * slope.cols(), slope.cols()).array() *= slope.array();
    } else if (layout_.layer(i).means.size() > 0) {
      passed = Layout::over_positions(deltas[i], layout_.layer(i).means.transpose());
    } else if (layout_.is_norm(i)) {
      passed = detail::layer_norm_gradient(layout_.argument(i, values), layout_.shares(i), deltas[i]);
    }
    const Matrix& delta = passed.size() > 0 ? passed : deltas[i];
    for (const auto& e : layout_.layer(i).edges) {
      if (!wanted[e.node]) continue;
      Matrix& sum = deltas[e.node];
      if (sum.size() == 0)
        sum = Matrix::Zero(layout_.channels(e.node), count * samples * layout_.layer(e.node).positions);
      for (Index column = 0; column < sum.cols(); ++column)
        for (std::size_t r = 0; r < e.channels.size(); ++r)
          sum(e.channels[r], column) += e.coefficient * delta(e.row + static_cast<Index>(r), column);
    }
  }
  return deltas;
}

inline Eigen::MatrixXd FiniteNetwork::forward(const Matrix& x, std::string_view name) const {
  for (std::size_t i = 0; i < layout_.nodes(); ++i)
    if (node(i).name == name) return evaluate(x, i)[i].transpose();
  throw TopologyError("no node '" + std::string(name) + "' in topology '" + topology().name() +
                      "'; name one it has");
}

inline Eigen::MatrixXd FiniteNetwork::empirical_nngp(const Matrix& x) const {
  const std::size_t out = topology().output();
  const Matrix u = layout_.shares(out).cwiseSqrt().asDiagonal() * evaluate(x, out)[out];
  return u.transpose() * u;
}

inline Eigen::MatrixXd FiniteNetwork::expected_nngp(const Matrix& x) const {
  if (!has_readout()) return empirical_nngp(x);
  const std::size_t out = topology().output();
  const auto op = *layout_.dense(out);
  const Matrix h = op.weight_std * layout_.scaled_argument(out, evaluate(x, node(out).inputs[0]));
  return (h.transpose() * h).array() + op.bias_std * op.bias_std;
}

inline Eigen::MatrixXd FiniteNetwork::empirical_ntk(const Matrix& x, Index requested) const {
  const std::size_t out = topology().output();
  if (requested < 0 || requested > channels() ||
      (requested > 0 && requested < channels() && !layout_.dense(out)))
    layout_.fail(out,
                 "cannot be averaged over " + std::to_string(requested) + " of its " +
                     std::to_string(channels()) +
                     " channels (only those of a dense output are exchangeable); ask for 0, which means all");
  const Index count = requested > 0 ? requested : channels();
  const std::vector<Matrix> values = evaluate(x, out);

  // The gradient of shared weights is a sum over the nodes that share them, so the kernel is a sum over
  // pairs of nodes: s^2 (h.h') (delta.delta') for W, which is an outer product by sample, and
  // b^2 (delta.delta') for the bias, each with its rate.
  struct Pair {
    std::size_t left, right;
    Matrix inner;
  };
  std::vector<Pair> pairs;
  std::vector<Matrix> scaled(layout_.nodes());
  for (std::size_t i = 0; i < layout_.nodes(); ++i) {
    if (!layout_.dense(i) || values[i].size() == 0) continue;
    const auto op = *layout_.dense(i);
    if (!op.learns()) continue;
    scaled[i] = op.weight_std * layout_.scaled_argument(i, values);
    for (std::size_t j = 0; j <= i; ++j) {
      if (scaled[j].size() == 0 || layout_.layer(j).group != layout_.layer(i).group) continue;
      Matrix inner = op.weight_rate * (scaled[j].transpose() * scaled[i]);
      inner.array() += op.bias_rate * op.bias_std * op.bias_std;
      pairs.push_back({j, i, std::move(inner)});
    }
  }

  const Eigen::VectorXd share =
      requested > 0 ? Eigen::VectorXd::Constant(count, 1 / static_cast<double>(count)) : layout_.shares(out);
  const std::vector<bool> wanted = layout_.learning();
  const Index samples = x.rows();
  const Index batch = std::max<Index>(1, 1024 / std::max<Index>(1, samples));  // bounds the memory
  Matrix ntk = Matrix::Zero(samples, samples);
  for (Index first = 0; first < count; first += batch) {
    const Index size = std::min(batch, count - first);
    const std::vector<Matrix> deltas = backward(values, wanted, first, size);
    for (const Pair& pair : pairs) {
      const Index rows = pair.inner.rows(), columns = pair.inner.cols();  // samples x positions
      Matrix outer = Matrix::Zero(rows, columns);
      for (Index c = 0; c < size; ++c)
        outer.noalias() += share[first + c] * deltas[pair.left].middleCols(c * rows, rows).transpose() *
                           deltas[pair.right].middleCols(c * columns, columns);
      outer.array() *= pair.inner.array();
      Matrix sum(samples, samples);
      for (Index a = 0; a < samples; ++a)
        for (Index b = 0; b < samples; ++b)
          sum(a, b) =
              outer.block(a * (rows / samples), b * (columns / samples), rows / samples, columns / samples)
                  .sum();
      ntk += sum;
      if (pair.left != pair.right) ntk += sum.transpose();
    }
  }
  return ntk;
}

inline Eigen::MatrixXd FiniteNetwork::jacobian(const Matrix& x, Index channel) const {
  if (channel < 0 || channel >= channels())
    layout_.fail(topology().output(), "has no channel " + std::to_string(channel) + " (it has " +
                                          std::to_string(channels()) + "); count from 0");
  const std::vector<Matrix> values = evaluate(x, topology().output());
  std::vector<bool> wanted(layout_.nodes());
  for (std::size_t i = 0; i < wanted.size(); ++i) wanted[i] = !layout_.is_input(i);
  const std::vector<Matrix> deltas = backward(values, wanted, channel, 1);
  const std::vector<Index> begin = group_offsets();
  Matrix result = Matrix::Zero(x.rows(), parameter_count());
  for (std::size_t i = 0; i < layout_.nodes(); ++i) {
    if (!layout_.dense(i) || deltas[i].size() == 0) continue;
    const Matrix h = layout_.dense(i)->weight_std * layout_.scaled_argument(i, values);
    const Index rows = layout_.channels(i), first = begin[layout_.layer(i).group],
                positions = layout_.layer(i).positions;
    for (Index c = 0; c < h.cols(); ++c) {
      const Index s = c / positions;
      for (Index j = 0; j < h.rows(); ++j)
        result.row(s).segment(first + j * rows, rows) += h(j, c) * deltas[i].col(c).transpose();
      result.row(s).segment(first + h.rows() * rows, rows) +=
          layout_.dense(i)->bias_std * deltas[i].col(c).transpose();
    }
  }
  return result;
}

/// Where the parameters of each group of nodes begin.
inline std::vector<Eigen::Index> FiniteNetwork::group_offsets() const {
  std::vector<Index> begin(weights_.size(), 0);
  for (std::size_t g = 0; g + 1 < weights_.size(); ++g)
    begin[g + 1] = begin[g] + weights_[g].matrix.size() + weights_[g].bias.size();
  return begin;
}

inline Eigen::Index FiniteNetwork::parameter_count() const {
  return std::accumulate(weights_.begin(), weights_.end(), Index{0}, [](Index sum, const Weights& weights) {
    return sum + weights.matrix.size() + weights.bias.size();
  });
}

inline Eigen::VectorXd FiniteNetwork::parameters() const {
  Eigen::VectorXd result(parameter_count());
  Index at = 0;
  for (const Weights& weights : weights_) {
    result.segment(at, weights.matrix.size()) = weights.matrix.reshaped();
    at += weights.matrix.size();
    result.segment(at, weights.bias.size()) = weights.bias;
    at += weights.bias.size();
  }
  return result;
}

inline Eigen::VectorXd FiniteNetwork::rates() const {
  const std::vector<Index> begin = group_offsets();
  Eigen::VectorXd result(parameter_count());
  for (std::size_t i = 0; i < layout_.nodes(); ++i) {
    const auto op = layout_.dense(i);
    if (!op) continue;
    const std::size_t group = layout_.layer(i).group;
    const Index weights = weights_[group].matrix.size();
    result.segment(begin[group], weights).setConstant(op->weight_rate);
    result.segment(begin[group] + weights, weights_[group].bias.size()).setConstant(op->bias_rate);
  }
  return result;
}

inline void FiniteNetwork::set_parameters(const Eigen::VectorXd& parameters) {
  if (parameters.size() != parameter_count())
    throw Error("got " + std::to_string(parameters.size()) + " parameters (the network has " +
                std::to_string(parameter_count()) + "); give as many as parameters() returns");
  Index at = 0;
  for (Weights& weights : weights_) {
    weights.matrix.reshaped() = parameters.segment(at, weights.matrix.size());
    at += weights.matrix.size();
    weights.bias = parameters.segment(at, weights.bias.size());
    at += weights.bias.size();
  }
}

}  // namespace SST_ABI
}  // namespace sst
