// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <map>
#include <ostream>
#include <string>
#include <type_traits>
#include <unordered_set>
#include <utility>
#include <variant>
#include <vector>

#include <sst/error.hpp>
#include <sst/topology/operation.hpp>
#include <sst/version.hpp>

/// \file
/// A network's topology, as a value.

namespace sst {
inline namespace SST_ABI {

/// A network's topology: a validated directed acyclic graph, as a value.
///
/// Build one with `trace` (node.hpp), from a family (families.hpp), or from JSON (json.hpp).
class Topology {
 public:
  /// Validates; throws TopologyError with the node's name.
  /// `nodes` are in an order in which each stands after its inputs; `output` indexes them.
  Topology(std::string name, std::vector<NodeSpec> nodes, std::size_t output);

  /// Its name, for printing, reports and files.
  const std::string& name() const { return name_; }
  /// All nodes, each after its inputs; one of them is the input.
  const std::vector<NodeSpec>& nodes() const { return nodes_; }
  /// The index of the node whose kernel is the network's.
  std::size_t output() const { return output_; }
  /// The most nodes for which counts(node) holds on one path from the input to the output.
  template <class Counts>
  std::size_t longest_path(Counts&& counts) const;
  /// The number of dense and conv layers on the longest path from the input to the output.
  std::size_t depth() const;
  /// Whether some node is_spatial, so that samples have to be images (of one position where there are none).
  bool spatial() const {
    return std::any_of(nodes_.begin(), nodes_.end(),
                       [](const NodeSpec& node) { return is_spatial(node.operation); });
  }
  /// The shares of the width that node i's channel blocks have (one block unless concatenated).
  const std::vector<double>& blocks(std::size_t node) const { return blocks_[node]; }

  /// The same nodes, operations, names and output.
  bool operator==(const Topology& other) const {
    return name_ == other.name_ && nodes_ == other.nodes_ && output_ == other.output_;
  }

 private:
  void validate(std::size_t i);
  static const std::string* weights_name(const NodeSpec& node) {
    const std::string* name = nullptr;
    detail::visit_layer(node.operation, [&](const auto& layer) { name = &layer.weights; });
    return name;
  }
  static void check_shared(const NodeSpec& node, const std::string& name, const NodeSpec& first);
  [[noreturn]] static void fail(const NodeSpec& node, std::string_view problem, std::string_view more = {});

  std::string name_;
  std::vector<NodeSpec> nodes_;
  std::size_t output_;
  std::vector<std::vector<double>> blocks_;
};

inline void Topology::fail(const NodeSpec& node, std::string_view problem, std::string_view more) {
  std::string text = "node '" + node.name + "' (" + operation_name(node.operation) + "): ";
  throw TopologyError(text.append(problem).append(more));
}

inline Topology::Topology(std::string name, std::vector<NodeSpec> nodes, std::size_t output)
    : name_(std::move(name)), nodes_(std::move(nodes)), output_(output) {
  if (nodes_.empty()) throw TopologyError("the topology has no nodes; it needs an input at least");
  std::unordered_set<std::string> names;
  std::map<std::string, std::size_t> shared;  // weights name -> first node that has it
  std::size_t inputs = 0;
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    const NodeSpec& node = nodes_[i];
    if (auto* pool = std::get_if<AvgPoolOp>(&nodes_[i].operation); pool && pool->strides == Extent{0, 0})
      pool->strides = pool->window;
    if (node.name.empty())
      throw TopologyError("node " + std::to_string(i) + " (" + operation_name(node.operation) +
                          ") has no name; give it a unique one");
    if (!names.insert(node.name).second) fail(node, "the name is used twice; give each node its own");
    validate(i);
    inputs += std::holds_alternative<InputOp>(node.operation) ? 1U : 0U;
    if (inputs > 1) fail(node, "a second input; a topology has exactly one");
    if (const std::string* group = weights_name(node); group && !group->empty())
      check_shared(node, *group, nodes_[shared.emplace(*group, i).first->second]);
  }
  if (inputs == 0) throw TopologyError("the topology has no input; add a node with op 'input'");
  if (output_ >= nodes_.size())
    throw TopologyError("the output is node " + std::to_string(output_) + " of " +
                        std::to_string(nodes_.size()) + "; name one that exists");
}

/// Weights that are shared have to be the same random numbers in both places.
inline void Topology::check_shared(const NodeSpec& node, const std::string& name, const NodeSpec& first) {
  const std::string with = "shares weights '" + name + "' with node '" + first.name + "' but ";
  if (first.operation.index() != node.operation.index())
    fail(node, with + "is another kind of layer; give them weights of their own");
  detail::visit_layer(node.operation, [&](const auto& layer) {
    const auto& other = std::get<std::decay_t<decltype(layer)>>(first.operation);
    if (other.weight_std != layer.weight_std || other.bias_std != layer.bias_std)
      fail(node, with + "has another weight_std or bias_std; make them equal");
    if (other.weight_rate != layer.weight_rate || other.bias_rate != layer.bias_rate)
      fail(node, with + "has another weight_rate or bias_rate; make them equal");
    if constexpr (requires { layer.window; })
      if (other.window != layer.window || other.strides != layer.strides || other.padding != layer.padding)
        fail(node, with + "has another window, strides or padding; make them equal");
  });
}

inline void Topology::validate(std::size_t i) {
  const NodeSpec& node = nodes_[i];
  for (const std::size_t input : node.inputs)
    if (input >= i) fail(node, "uses a node that does not stand before it; order the nodes by use");

  const auto arity = [&](std::size_t low, std::size_t high) {
    const std::size_t n = node.inputs.size();
    if (n >= low && n <= high) return;
    const std::string wants = high == 0   ? "no inputs"
                              : high == 1 ? "exactly one input"
                                          : "at least one input";
    fail(node, "has " + std::to_string(n) + " inputs but takes " + wants);
  };
  const auto finite = [&](double value, const char* key) {
    if (!std::isfinite(value)) fail(node, key, " is not a finite number");
  };
  constexpr auto any = static_cast<std::size_t>(-1);
  std::vector<double> blocks{1.0};
  const auto layer = [&](const auto& op) {
    arity(1, 1);
    const auto check = [&](double value, const char* key, const char* what) {
      finite(value, key);
      if (value < 0) fail(node, key, std::string(" is negative; it is a ") + what);
    };
    check(op.weight_std, "weight_std", "standard deviation");
    check(op.bias_std, "bias_std", "standard deviation");
    check(op.weight_rate, "weight_rate", "learning rate (0 freezes the weights)");
    check(op.bias_rate, "bias_rate", "learning rate (0 freezes the bias)");
  };
  const auto extent = [&](const Extent& size, const char* key) {
    for (const int each : size)
      if (each < 1 || each > 65536)
        fail(node, key, " has " + std::to_string(each) + "; choose numbers from 1 to 65536");
  };
  const auto blocks_of_input = [&] {
    arity(1, 1);
    blocks = blocks_[node.inputs[0]];
  };

  std::visit(
      detail::Overloaded{
          [&](const InputOp&) { arity(0, 0); },
          [&](const DenseOp& op) { layer(op); },
          [&](const ConvOp& op) {
            layer(op);
            extent(op.window, "window");
            extent(op.strides, "strides");
          },
          [&](const AvgPoolOp& op) {
            blocks_of_input();
            extent(op.window, "window");
            extent(op.strides, "strides");
          },
          [&](const GlobalAvgPoolOp&) { blocks_of_input(); },
          [&](const FlattenOp&) { blocks_of_input(); },
          [&](const LayerNormOp&) { blocks_of_input(); },
          [&](const ActivationOp& op) {
            if (!op.activation) throw TopologyError("node '" + node.name + "': the activation is missing");
            arity(1, 1);
            for (const auto& [key, value] : op.activation->parameters()) finite(value, key.c_str());
            blocks = blocks_[node.inputs[0]];
          },
          [&](const SumOp& op) {
            arity(1, any);
            if (op.coefficients.size() != node.inputs.size())
              fail(node, "has " + std::to_string(op.coefficients.size()) + " coefficients for " +
                             std::to_string(node.inputs.size()) + " inputs; give one each");
            for (const double c : op.coefficients) finite(c, "coefficients");
            blocks = blocks_[node.inputs[0]];
            for (const std::size_t input : node.inputs) {
              const auto& other = blocks_[input];
              bool same = other.size() == blocks.size();
              for (std::size_t b = 0; same && b < blocks.size(); ++b)
                same = std::abs(other[b] - blocks[b]) <= 1e-9;
              if (!same)
                fail(node, "adds '" + nodes_[node.inputs[0]].name + "' and '" + nodes_[input].name +
                               "', whose channel blocks differ; add nodes of the same blocks");
            }
          },
          [&](const ConcatOp& op) {
            arity(1, any);
            if (op.fractions.size() != node.inputs.size())
              fail(node, "has " + std::to_string(op.fractions.size()) + " fractions for " +
                             std::to_string(node.inputs.size()) + " inputs; give one each");
            double total = 0;
            for (const double f : op.fractions) {
              finite(f, "fractions");
              if (f <= 0) fail(node, "a fraction is not positive; each input has a share of the width");
              total += f;
            }
            if (std::abs(total - 1) > 1e-9)
              fail(node, "fractions add up to " + detail::format_number(total) + "; make them add up to 1");
            std::size_t count = 0;
            for (const std::size_t input : node.inputs) count += blocks_[input].size();
            if (count > 100000)
              fail(node, "has " + std::to_string(count) +
                             " channel blocks (concatenations of concatenations multiply them); at most "
                             "100000 are possible, so concatenate fewer");
            blocks.clear();
            for (std::size_t k = 0; k < node.inputs.size(); ++k)
              for (const double share : blocks_[node.inputs[k]])
                blocks.push_back(op.fractions[k] / total * share);
          },
      },
      node.operation);
  blocks_.push_back(std::move(blocks));
}

template <class Counts>
std::size_t Topology::longest_path(Counts&& counts) const {
  std::vector<std::size_t> length(nodes_.size(), 0);
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    for (const std::size_t input : nodes_[i].inputs) length[i] = std::max(length[i], length[input]);
    if (counts(nodes_[i])) ++length[i];
  }
  return length[output_];
}

inline std::size_t Topology::depth() const {
  return longest_path([](const NodeSpec& node) { return weights_name(node) != nullptr; });
}

/// One node a line: name = operation(inputs), then the output.
inline std::ostream& operator<<(std::ostream& out, const Topology& topology) {
  const auto& nodes = topology.nodes();
  out << "topology '" << topology.name() << "', depth " << topology.depth() << '\n';
  for (const NodeSpec& node : nodes) {
    out << "  " << node.name << " = " << operation_name(node.operation) << '(';
    for (std::size_t k = 0; k < node.inputs.size(); ++k) {
      out << (k ? ", " : "");
      if (const auto* sum = std::get_if<SumOp>(&node.operation); sum && sum->coefficients[k] != 1)
        out << detail::format_number(sum->coefficients[k]) << "*";
      if (const auto* concat = std::get_if<ConcatOp>(&node.operation))
        out << detail::format_number(concat->fractions[k]) << ":";
      out << nodes[node.inputs[k]].name;
    }
    const auto window = [&](const Extent& size, const Extent& strides, Padding padding) {
      out << "; window " << size[0] << " x " << size[1] << ", strides " << strides[0] << " x " << strides[1]
          << ", " << padding_name(padding);
    };
    detail::visit_layer(node.operation, [&](const auto& layer) {
      if constexpr (requires { layer.window; }) window(layer.window, layer.strides, layer.padding);
      out << (std::holds_alternative<DenseOp>(node.operation) ? "; " : ", ") << "weight_std "
          << detail::format_number(layer.weight_std) << ", bias_std "
          << detail::format_number(layer.bias_std);
      if (!layer.weights.empty()) out << ", weights " << layer.weights;
      if (const std::string rates = detail::rates_text(layer); !rates.empty()) out << ", " << rates;
    });
    if (const auto* pool = std::get_if<AvgPoolOp>(&node.operation))
      window(pool->window, pool->strides, pool->padding);
    if (const auto* act = std::get_if<ActivationOp>(&node.operation))
      for (const auto& [key, value] : act->activation->parameters())
        out << "; " << key << ' ' << detail::format_number(value);
    out << ")\n";
  }
  return out << "  output " << nodes[topology.output()].name << '\n';
}

}  // namespace SST_ABI
}  // namespace sst
