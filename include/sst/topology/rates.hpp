// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <sst/error.hpp>
#include <sst/topology/image_shape.hpp>
#include <sst/topology/operation.hpp>
#include <sst/topology/topology.hpp>
#include <sst/version.hpp>

/// \file
/// Which layers of a network learn, and how fast: the same topology with other rates. K stays; T is a sum
/// over layers, in which each counts as often as its rate says.

namespace sst {
inline namespace SST_ABI {

namespace detail {

/// The same nodes, with what change(i, layer) makes of each dense or conv node i.
template <class Change>
Topology with_layers(const Topology& topology, Change&& change) {
  std::vector<NodeSpec> nodes = topology.nodes();
  for (std::size_t i = 0; i < nodes.size(); ++i)
    visit_layer(nodes[i].operation, [&](auto& layer) { change(i, layer); });
  return Topology(topology.name(), std::move(nodes), topology.output());
}

/// What tells layers apart: the name of their weights, or of the node where it has weights of its own.
template <class Layer>
std::pair<bool, std::string> layer_key(const NodeSpec& node, const Layer& layer) {
  return layer.weights.empty() ? std::pair(false, node.name) : std::pair(true, layer.weights);
}

[[noreturn]] inline void fail(const NodeSpec& node, const std::string& problem) {
  throw TopologyError("node '" + node.name + "' (" + operation_name(node.operation) + "): " + problem);
}

}  // namespace detail

/// The layers of a network in the order of its nodes: the names of the dense and conv nodes, of those that
/// share weights that of the first.
inline std::vector<std::string> layer_names(const Topology& topology) {
  std::vector<std::string> names;
  std::set<std::pair<bool, std::string>> seen;
  for (const NodeSpec& node : topology.nodes())
    detail::visit_layer(node.operation, [&](const auto& layer) {
      if (seen.insert(detail::layer_key(node, layer)).second) names.push_back(node.name);
    });
  return names;
}

/// The network of which only the dense or conv node `name` learns, and those that share its weights, at the
/// rates they have; the rates of all others are 0.
///
/// Its T is that layer's share in the tangent kernel of the whole: over the layer_names of a topology these
/// add up to T. That of the read-out alone is K, where its rates are 1. Throws TopologyError for another
/// name.
inline Topology only_layer(const Topology& topology, const std::string& name) {
  std::optional<std::pair<bool, std::string>> chosen;
  for (const NodeSpec& node : topology.nodes())
    if (node.name == name)
      detail::visit_layer(node.operation,
                          [&](const auto& layer) { chosen = detail::layer_key(node, layer); });
  if (!chosen)
    throw TopologyError("topology '" + topology.name() + "' has no dense or conv node '" + name +
                        "'; name one of layer_names");
  return detail::with_layers(topology, [&](std::size_t i, auto& layer) {
    if (detail::layer_key(topology.nodes()[i], layer) != *chosen) layer.weight_rate = layer.bias_rate = 0;
  });
}

/// For `freeze` and the families: the last layer alone learns.
inline constexpr int all_but_last = -1;

/// The network whose first `layers` layers do not learn, counted as layer_names lists them, or
/// `all_but_last`.
///
/// Arora et al. 2020, "Harnessing the Power of Infinitely Wide Deep Nets on Small-data Tasks", section 2: T
/// of a chain is then the sum over the layers that are left. With all frozen T = 0. Throws TopologyError for
/// fewer layers than 0 or more than there are.
inline Topology freeze(const Topology& topology, int layers) {
  const std::vector<std::string> names = layer_names(topology);
  const auto most = static_cast<int>(names.size());
  if (layers == all_but_last) layers = most - 1;
  if (layers < 0 || layers > most)
    throw TopologyError("topology '" + topology.name() + "' cannot have " + std::to_string(layers) +
                        " frozen layers (it has " + std::to_string(most) + "); choose from 0 to " +
                        std::to_string(most) + ", or all_but_last");
  std::set<std::pair<bool, std::string>> frozen;
  return detail::with_layers(topology, [&](std::size_t i, auto& layer) {
    const auto key = detail::layer_key(topology.nodes()[i], layer);
    if (frozen.size() < static_cast<std::size_t>(layers)) frozen.insert(key);
    if (frozen.contains(key)) layer.weight_rate = layer.bias_rate = 0;
  });
}

/// The network in the parameterisation of deep learning libraries, "standard" in neural-tangents: y = W h + b
/// with the trained W of variance weight_std^2/N and b of variance bias_std^2, N the fan-in. Then
///
///   K = weight_std^2 K_h + bias_std^2,   T = N K_h + 1 + weight_std^2 T_h
///
/// (without the 1 where bias_std is 0: no bias), so that weight_rate = N/weight_std^2 and bias_rate =
/// 1/bias_std^2. N is the number of channels that a dense node takes, for a conv times the height and width
/// of its window. Sohl-Dickstein et al. 2020, "On the infinite width limit of neural networks with a standard
/// parameterization". Widths are neural-tangents' out_dim: its factors s multiply them and divide N.
///
/// `widths`: the channels of the input and of every dense and conv node by name (the output's do not matter);
/// other nodes follow: sums and activations have those of their inputs, concatenations all of them together,
/// flatten those of all positions. `image`: the shape of the images, for a network on them. Throws
/// TopologyError, with the node, for a width that is missing, not positive or of no such node, inputs of a
/// sum of different widths, fractions of a concatenation that are not its widths' and a weight_std of 0;
/// DataError for images without pixels.
inline Topology standard_parameterisation(const Topology& topology,
                                          const std::map<std::string, double>& widths,
                                          const std::optional<ImageShape>& image = {}) {
  const auto& nodes = topology.nodes();
  std::vector<spatial::NodeShape> shapes(nodes.size(), {{spatial::Grid{}}});
  if (image)
    shapes = spatial::shapes(topology, *image);
  else if (topology.spatial())
    throw TopologyError("topology '" + topology.name() + "' works on images; give their shape");
  std::map<std::string, double> given = widths;
  std::vector<double> channels(nodes.size(), 0);
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    const NodeSpec& node = nodes[i];
    const auto in = [&](std::size_t k) { return channels[node.inputs[k]]; };
    const bool layer = detail::visit_layer(node.operation, [](const auto&) {});
    if (layer || node.inputs.empty()) {
      const auto width = given.find(node.name);
      if (width == given.end() && i == topology.output()) continue;
      if (width == given.end()) detail::fail(node, "it has no width; give one");
      channels[i] = width->second;
      if (!(std::isfinite(channels[i]) && channels[i] > 0))
        detail::fail(node, "its width is " + detail::format_number(channels[i]) + "; give a positive number");
      given.erase(width);
    } else if (const auto* concat = std::get_if<ConcatOp>(&node.operation)) {
      for (std::size_t k = 0; k < node.inputs.size(); ++k) channels[i] += in(k);
      for (std::size_t k = 0; k < node.inputs.size(); ++k)
        if (std::abs(concat->fractions[k] - in(k) / channels[i]) > 1e-9)
          detail::fail(node, "'" + nodes[node.inputs[k]].name + "' has " +
                                 detail::format_number(concat->fractions[k]) + " of its width but " +
                                 detail::format_number(in(k)) + " of " + detail::format_number(channels[i]) +
                                 " channels; make them agree");
    } else {
      const spatial::NodeShape& shape = shapes[node.inputs[0]];
      const bool flattens = std::holds_alternative<FlattenOp>(node.operation) && !shape.flat;
      channels[i] = in(0) * (flattens ? static_cast<double>(shape.blocks[0].size()) : 1.0);
      for (std::size_t k = 1; k < node.inputs.size(); ++k)
        if (in(k) != in(0))
          detail::fail(node, "adds '" + nodes[node.inputs[0]].name + "' and '" + nodes[node.inputs[k]].name +
                                 "' of different widths; make them equal");
    }
  }
  if (!given.empty())
    throw TopologyError("topology '" + topology.name() + "' has no input, dense or conv node '" +
                        given.begin()->first + "' to have a width; name one that it has");
  return detail::with_layers(topology, [&](std::size_t i, auto& layer) {
    if (layer.weight_std == 0)
      detail::fail(nodes[i],
                   "weight_std is 0 (weights that start at 0 have no rate here); choose it above 0");
    double fan_in = channels[nodes[i].inputs[0]];
    if constexpr (requires { layer.window; }) fan_in *= layer.window[0] * layer.window[1];
    layer.weight_rate = fan_in / (layer.weight_std * layer.weight_std);
    if (layer.bias_std != 0) layer.bias_rate = 1 / (layer.bias_std * layer.bias_std);
  });
}

}  // namespace SST_ABI
}  // namespace sst
