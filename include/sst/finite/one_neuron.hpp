// SPDX-License-Identifier: MIT
#pragma once

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include <sst/error.hpp>
#include <sst/finite/network.hpp>
#include <sst/topology/node.hpp>
#include <sst/version.hpp>

/// \file
/// Networks one neuron wide with shortcuts, which are any piecewise linear function of one variable.

namespace sst {
inline namespace SST_ABI {

/// The piecewise linear interpolant of values y_0, ..., y_n at knots t_0 < ... < t_n, as a ReLU network with
/// one neuron in each of its n + 1 hidden layers and a shortcut from each of them to the output:
///
///     R_0 = relu(x - t_0),   R_k = relu(R_{k-1} - (t_k - t_{k-1})) = relu(x - t_k),
///     output = y_0 + sum_k c_k R_k,   c_k = s_k - s_{k-1},
///
/// with the slopes s_k = (y_{k+1} - y_k)/(t_{k+1} - t_k) and s_{-1} = s_n = 0. Left of t_0 it is y_0 and
/// right of t_n it is y_n. Without shortcuts no such network is more than constant, linear, constant. Source:
/// Fan et al., "On a Sparse Shortcut Topology of Artificial Neural Networks" (arXiv 1811.09003), say that one
/// neuron a layer is enough for every continuous function; the weights are derived in docs/experiments.md.
class OneNeuronNetwork {
 public:
  /// knots: n + 1 of them, n >= 1, increasing; values: one each. Throws DataError when they are too few, not
  /// finite or not increasing, and for a slope that no double holds.
  OneNeuronNetwork(Eigen::VectorXd knots, Eigen::VectorXd values);

  /// Of the values f(t_k), f from double to double; throws what f throws, and DataError as the constructor.
  template <class Function>
  static OneNeuronNetwork interpolant(const Function& f, const Eigen::VectorXd& knots) {
    return {knots, knots.unaryExpr([&f](double t) { return static_cast<double>(f(t)); })};
  }

  /// t_0, ..., t_n: n + 1 rows.
  const Eigen::VectorXd& knots() const { return knots_; }
  /// y_0, ..., y_n: n + 1 rows.
  const Eigen::VectorXd& values() const { return values_; }

  /// The output at each x, of x.size() numbers. Each neuron is kept as h_k = t_k + R_k = max(h_{k-1}, t_k),
  /// which does not round, and the same sum is taken as y_n - sum_k s_k (h_{k+1} - h_k), in which the
  /// layers left of x cancel to the last bit: each layer adds no more than the rounding of a value, however
  /// steep the slopes; 5e-15 of the largest value was the worst of many with 1,000 layers. Throws DataError
  /// for an x that is not finite.
  Eigen::VectorXd forward(const Eigen::VectorXd& x) const;

  /// The same as a FiniteNetwork of width 1 on one input, weight by weight as above: a chain of dense layers
  /// 'neuron k' and a dense layer 'shortcut k' from each to the sum. What plain layers in double cost: the
  /// rounding of R_k, times the slopes.
  FiniteNetwork finite() const;

 private:
  Eigen::VectorXd knots_, values_, slopes_;
};

inline OneNeuronNetwork::OneNeuronNetwork(Eigen::VectorXd knots, Eigen::VectorXd values)
    : knots_(std::move(knots)), values_(std::move(values)) {
  const Eigen::Index count = knots_.size();
  if (count < 2)
    throw DataError("the number of knots is " + std::to_string(count) +
                    " (the first piece lies between two); give at least 2");
  if (values_.size() != count)
    throw DataError("there are " + std::to_string(values_.size()) + " values for " + std::to_string(count) +
                    " knots; give one each");
  slopes_.resize(count - 1);
  for (Eigen::Index k = 0; k < count; ++k) {
    const std::string knot = "knot " + std::to_string(k);
    if (!std::isfinite(knots_[k])) throw DataError(knot + " is not a finite number; replace it");
    if (!std::isfinite(values_[k]))
      throw DataError("the value at " + knot + " is not a finite number; replace it or leave the knot out");
    if (k == 0) continue;
    if (knots_[k] <= knots_[k - 1])
      throw DataError(knot + " is not above the one before it; sort the knots and leave out repeated ones");
    const double distance = knots_[k] - knots_[k - 1];
    slopes_[k - 1] = (values_[k] - values_[k - 1]) / distance;
    if (!std::isfinite(distance) || !std::isfinite(slopes_[k - 1]))
      throw DataError("the slope before " + knot +
                      " is out of the range of double; scale the knots or the values");
  }
}

inline Eigen::VectorXd OneNeuronNetwork::forward(const Eigen::VectorXd& x) const {
  Eigen::VectorXd output(x.size());
  for (Eigen::Index i = 0; i < x.size(); ++i) {
    if (!std::isfinite(x[i]))
      throw DataError("x[" + std::to_string(i) + "] is not a finite number; replace it");
    double h = std::max(x[i], knots_[0]), sum = values_[values_.size() - 1];
    for (Eigen::Index k = 0; k < slopes_.size(); ++k) {
      const double next = std::max(h, knots_[k + 1]);
      sum -= slopes_[k] * (next - h);
      h = next;
    }
    output[i] = sum;
  }
  return output;
}

inline FiniteNetwork OneNeuronNetwork::finite() const {
  const Eigen::Index layers = knots_.size();
  const DenseOptions layer{.weight_std = 1, .bias_std = 1};
  Eigen::Matrix4Xd parameters(4, layers);  // weight and bias of each neuron, then of its shortcut
  const Topology topology = trace(
      [&](Node h) {
        std::vector<Node> shortcuts;
        for (Eigen::Index k = 0; k < layers; ++k) {
          const std::string number = ' ' + std::to_string(k);
          h = relu(dense(h, layer).named("neuron" + number));
          shortcuts.push_back(dense(h, layer).named("shortcut" + number));
          const double before = k > 0 ? slopes_[k - 1] : 0, after = k + 1 < layers ? slopes_[k] : 0;
          parameters.col(k) << 1, (k > 0 ? knots_[k - 1] : 0) - knots_[k], after - before,
              k > 0 ? 0 : values_[0];
        }
        return sum(shortcuts);
      },
      "one neuron wide");
  FiniteNetwork network(topology, 1, {.width = 1});
  network.set_parameters(parameters.reshaped());
  return network;
}

}  // namespace SST_ABI
}  // namespace sst
