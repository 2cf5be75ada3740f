// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <sst/activation/angular.hpp>
#include <sst/topology/topology.hpp>
#include <sst/version.hpp>

namespace sst {
inline namespace SST_ABI {

namespace detail {
struct Graph {
  std::vector<NodeSpec> nodes;
};
}  // namespace detail

/// A symbolic node of a network that is being written down. Copies stand for the same node: a node
/// that is used twice is the same random function in both places.
///
/// Nodes come from `trace` and from the operations below.
class Node {
 public:
  /// The same node under another name (for printing and files).
  Node named(std::string name) const {
    graph_->nodes[index_].name = std::move(name);
    return *this;
  }
  /// The name that messages, printing and files use.
  const std::string& name() const { return graph_->nodes[index_].name; }

 private:
  friend class NodeAccess;
  Node(std::shared_ptr<detail::Graph> graph, std::size_t index) : graph_(std::move(graph)), index_(index) {}
  std::shared_ptr<detail::Graph> graph_;
  std::size_t index_;
};

/// How the operations reach into a Node. For an activation of your own use `activate`.
class NodeAccess {
 public:
  /// A new node on these inputs. Throws TopologyError when there are none or they belong to different
  /// networks.
  static Node add(const std::vector<Node>& inputs, Operation operation) {
    if (inputs.empty()) throw TopologyError(operation_name(operation) + " of no nodes; give it at least one");
    const auto& graph = inputs.front().graph_;
    NodeSpec spec{"", std::move(operation), {}};
    for (const Node& input : inputs) {
      if (input.graph_ != graph)
        throw TopologyError("nodes '" + inputs.front().name() + "' and '" + input.name() +
                            "' belong to different networks; trace them as one function");
      spec.inputs.push_back(input.index_);
    }
    return add(graph, std::move(spec));
  }
  /// A new node from its description, whose inputs are indices into the graph.
  static Node add(std::shared_ptr<detail::Graph> graph, NodeSpec spec) {
    const std::string stem = operation_name(spec.operation);
    spec.name = stem == "input" ? "x" : stem + "_" + std::to_string(graph->nodes.size());
    graph->nodes.push_back(std::move(spec));
    const std::size_t last = graph->nodes.size() - 1;
    return Node(std::move(graph), last);
  }
  /// The node's position in its graph.
  static std::size_t index(const Node& node) { return node.index_; }
};

/// Options of `dense`; `weights`: nodes of the same non-empty name share weights and bias.
using DenseOptions = DenseOp;

/// weight_std/sqrt(n) W h + bias_std b (fully connected, NTK parameterization).
inline Node dense(const Node& h, DenseOptions options = {}) {
  return NodeAccess::add({h}, std::move(options));
}

/// Options of `conv`; `weights`: nodes of the same non-empty name share weights and bias.
using ConvOptions = ConvOp;

/// `dense` over each window of an image (NTK parameterization).
inline Node conv(const Node& h, ConvOptions options = {}) { return NodeAccess::add({h}, std::move(options)); }
/// The mean over each window; strides are the window's size unless given.
inline Node avg_pool(const Node& h, AvgPoolOp options = {}) { return NodeAccess::add({h}, options); }
/// The mean over all positions.
inline Node global_avg_pool(const Node& h) { return NodeAccess::add({h}, GlobalAvgPoolOp{}); }
/// Positions become channels.
inline Node flatten(const Node& h) { return NodeAccess::add({h}, FlattenOp{}); }
/// Less the mean over the channels, divided by their standard deviation (Ba, Kiros, Hinton 2016), for images
/// at each position by itself.
inline Node layer_norm(const Node& h) { return NodeAccess::add({h}, LayerNormOp{}); }

/// Any activation, channel by channel.
inline Node activate(const Node& h, ActivationPtr activation) {
  return NodeAccess::add({h}, ActivationOp{std::move(activation)});
}
/// max(h, 0) (Relu).
inline Node relu(const Node& h) { return activate(h, std::make_shared<Relu>()); }
/// h for h > 0, slope h below (LeakyRelu).
inline Node leaky_relu(const Node& h, double slope) {
  return activate(h, std::make_shared<LeakyRelu>(slope));
}
/// abs(h) (Abs).
inline Node abs(const Node& h) { return activate(h, std::make_shared<Abs>()); }
/// h itself (Identity): a linear layer where one has to stand.
inline Node identity(const Node& h) { return activate(h, std::make_shared<Identity>()); }
/// sgn(h), NNGP only (Sign).
inline Node sign(const Node& h) { return activate(h, std::make_shared<Sign>()); }
/// 1 for h > 0, 0 below, NNGP only (Step).
inline Node step(const Node& h) { return activate(h, std::make_shared<Step>()); }

/// sum_i coefficients_i nodes_i; all coefficients are 1 unless given.
inline Node sum(const std::vector<Node>& nodes, std::vector<double> coefficients = {}) {
  if (coefficients.empty()) coefficients.assign(nodes.size(), 1.0);
  return NodeAccess::add(nodes, SumOp{std::move(coefficients)});
}
/// The nodes added up, each with the coefficient 1.
template <class... Nodes>
Node sum(const Node& first, const Nodes&... rest) {
  return sum(std::vector<Node>{first, rest...});
}
/// sum(a, b).
inline Node operator+(const Node& a, const Node& b) { return sum(a, b); }
/// a - b, the coefficients 1 and -1.
inline Node operator-(const Node& a, const Node& b) { return sum({a, b}, {1.0, -1.0}); }
/// sum of one node with the coefficient c.
inline Node operator*(double c, const Node& a) { return sum({a}, {c}); }

/// The channels side by side; equal shares of the width unless given.
inline Node concat(const std::vector<Node>& nodes, std::vector<double> fractions = {}) {
  if (fractions.empty()) fractions.assign(nodes.size(), 1.0 / static_cast<double>(nodes.size()));
  return NodeAccess::add(nodes, ConcatOp{std::move(fractions)});
}

/// The channels of the nodes side by side, in equal shares of the width.
template <class... Nodes>
Node concat(const Node& first, const Nodes&... rest) {
  return concat(std::vector<Node>{first, rest...});
}

/// Writes down the network that an ordinary function of a node computes.
///
/// \code
/// sst::Topology net = sst::trace([](sst::Node x) {
///   auto h0 = dense(x, {.weight_std = 1.5, .bias_std = 0.05});
///   auto h1 = dense(relu(h0), {.weight_std = 1.5, .bias_std = 0.05});
///   return dense(relu(sum(h0, h1)), {.weight_std = 1.5, .bias_std = 0.05});
/// });
/// \endcode
/// Throws TopologyError, with the node's name, when the graph is not valid.
template <class Function>
Topology trace(Function&& network, std::string name = "network") {
  auto graph = std::make_shared<detail::Graph>();
  const Node x = NodeAccess::add(graph, NodeSpec{"", InputOp{}, {}});
  const Node y = std::forward<Function>(network)(x);
  return Topology(std::move(name), graph->nodes, NodeAccess::index(y));
}

}  // namespace SST_ABI
}  // namespace sst
