// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include <sst/activation/registry.hpp>
#include <sst/error.hpp>
#include <sst/topology/operation.hpp>
#include <sst/topology/topology.hpp>
#include <sst/version.hpp>

/// \file
/// From a JSON document to a topology; nothing that the format does not know passes.

namespace sst {
inline namespace SST_ABI {
namespace detail {

/// A value as JSON for a message: ASCII and not longer than a reader needs.
inline std::string excerpt(const nlohmann::json& value) {
  constexpr std::size_t longest = 40;
  if (value.is_structured() && value.size() > longest)
    return value.is_array() ? "a long list" : "a long object";
  const std::string text = value.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
  return text.size() <= longest ? text : text.substr(0, longest) + "...";
}

/// Reads one document; every error names the node and the key.
class TopologyReader {
 public:
  using Json = nlohmann::json;

  static Topology read(const Json& document) {
    if (!document.is_object())
      throw TopologyError("the topology is not a JSON object; see docs/topology-format.md");
    const auto version = document.find("sst_topology");
    if (version == document.end())
      throw TopologyError(
          "the key 'sst_topology' is missing (it holds the format's version); add \"sst_topology\": 1");
    if (!version->is_number_integer() || *version != 1)
      throw TopologyError("sst_topology is " + excerpt(*version) +
                          " but this library reads version 1; write the file in that version");
    // Only now: a later version may have keys that this one does not know.
    allow(document, {"sst_topology", "name", "nodes", "output"}, "the topology");
    std::string name = "network";
    if (const auto it = document.find("name"); it != document.end()) {
      if (!it->is_string())
        throw TopologyError("the key 'name' of the topology is not a text; put it in quotes");
      name = it->get<std::string>();
    }
    const auto nodes = document.find("nodes");
    if (nodes == document.end() || !nodes->is_array())
      throw TopologyError(
          "the key 'nodes' is missing or not a list; list the nodes in the order of their use");
    if (nodes->empty()) throw TopologyError("the key 'nodes' is empty; list an input at least");
    const auto output = document.find("output");
    if (output == document.end() || !output->is_string())
      throw TopologyError("the key 'output' is missing or not a text; give the name of a node");

    TopologyReader reader(*nodes);
    for (const Json& node : *nodes) reader.add(node);
    const auto index = reader.index_.find(output->get<std::string>());
    if (index == reader.index_.end())
      throw TopologyError("the output '" + output->get<std::string>() +
                          "' is not a node; name one that exists");
    return Topology(std::move(name), std::move(reader.nodes_), index->second);
  }

 private:
  explicit TopologyReader(const Json& all) {
    for (const Json& node : all)
      if (node.is_object() && node.contains("name") && node["name"].is_string())
        later_.insert(node["name"].get<std::string>());
  }

  static void allow(const Json& object, const std::set<std::string>& keys, const std::string& where) {
    for (const auto& [key, value] : object.items())
      if (!keys.contains(key)) {
        std::string known;
        for (const auto& k : keys) known += (known.empty() ? "'" : ", '") + k + "'";
        throw TopologyError(where + " has the unknown key '" + key + "'; it can have " + known);
      }
  }

  [[noreturn]] void fail(const std::string& problem) const { throw TopologyError(where_ + ": " + problem); }

  void add(const Json& node) {
    where_ = "node " + std::to_string(nodes_.size());
    if (!node.is_object()) fail("it is not a JSON object; give it a name, an op and inputs");
    NodeSpec spec{text(node, "name", "give the node a unique one"), InputOp{}, {}};
    where_ = "node '" + spec.name + "'";
    const std::string kind = text(node, "op", "say what the node does");
    where_ += " (" + kind + ")";
    if (index_.contains(spec.name)) fail("the name is used twice; give each node its own");

    const std::vector<std::string> own = keys_of(kind);
    std::set<std::string> keys{"name", "op"};
    if (kind != "input") keys.insert("inputs");
    keys.insert(own.begin(), own.end());
    allow(node, keys, where_);

    if (kind != "input") spec.inputs = inputs(node);
    if (kind == "dense") {
      spec.operation = weighed<DenseOp>(node);
    } else if (kind == "sum") {
      spec.operation = SumOp{numbers(node, "coefficients", spec.inputs.size(), 1.0)};
    } else if (kind == "conv") {
      auto conv = weighed<ConvOp>(node);
      conv.window = extent(node, "window");
      if (node.contains("strides")) conv.strides = extent(node, "strides");
      if (node.contains("padding")) conv.padding = padding(node);
      spec.operation = std::move(conv);
    } else if (kind == "avg_pool") {
      AvgPoolOp pool{.window = extent(node, "window")};
      pool.strides = node.contains("strides") ? extent(node, "strides") : pool.window;
      if (node.contains("padding")) pool.padding = padding(node);
      spec.operation = pool;
    } else if (kind == "global_avg_pool") {
      spec.operation = GlobalAvgPoolOp{};
    } else if (kind == "flatten") {
      spec.operation = FlattenOp{};
    } else if (kind == "layer_norm") {
      spec.operation = LayerNormOp{};
    } else if (kind == "concat") {
      const double equal = 1.0 / static_cast<double>(spec.inputs.size());
      spec.operation = ConcatOp{numbers(node, "fractions", spec.inputs.size(), equal)};
    } else if (kind != "input") {
      std::vector<double> values;
      for (const std::string& key : own) values.push_back(number(node, key));
      try {
        spec.operation = ActivationOp{activation_registry().at(kind).make(values)};
      } catch (const Error& error) {
        fail(error.what());
      }
    }
    index_[spec.name] = nodes_.size();
    nodes_.push_back(std::move(spec));
  }

  /// The keys of an op, beside name, op and inputs.
  std::vector<std::string> keys_of(const std::string& kind) const {
    if (kind == "input") return {};
    if (kind == "dense") return {"weight_std", "bias_std", "weights", "weight_rate", "bias_rate"};
    if (kind == "sum") return {"coefficients"};
    if (kind == "concat") return {"fractions"};
    if (kind == "conv")
      return {"weight_std", "bias_std", "weights", "weight_rate",
              "bias_rate",  "window",   "strides", "padding"};
    if (kind == "avg_pool") return {"window", "strides", "padding"};
    if (kind == "global_avg_pool" || kind == "flatten" || kind == "layer_norm") return {};
    if (const auto entry = activation_registry().find(kind); entry != activation_registry().end())
      return entry->second.parameters;
    std::string known = "input, dense, conv, avg_pool, global_avg_pool, flatten, layer_norm, sum, concat";
    for (const auto& [each, make] : activation_registry()) known += ", " + each;
    fail("the op is unknown; use one of " + known);
  }

  std::string text(const Json& node, const std::string& key, const std::string& advice) const {
    const auto value = node.find(key);
    if (value == node.end()) fail("the key '" + key + "' is missing; " + advice);
    if (!value->is_string())
      fail("the key '" + key + "' is " + excerpt(*value) + ", which is not a text; " + advice);
    if (value->get_ref<const std::string&>().empty()) fail("the key '" + key + "' is empty; " + advice);
    return value->get<std::string>();
  }

  double number(const Json& node, const std::string& key) const {
    const auto value = node.find(key);
    if (value == node.end()) fail("the key '" + key + "' is missing; give it a number");
    return number_of(*value, key);
  }

  double number_of(const Json& value, const std::string& key) const {
    if (!value.is_number())
      fail("the key '" + key + "' has " + excerpt(value) + ", which is not a number; give it one");
    return value.get<double>();
  }

  /// What dense and conv have in common.
  template <class Op>
  Op weighed(const Json& node) const {
    Op op;
    op.weight_std = number(node, "weight_std");
    if (node.contains("weights")) op.weights = text(node, "weights", "name the weights");
    const auto optional = [&](const char* key, double& value) {
      if (node.contains(key)) value = number(node, key);
    };
    optional("bias_std", op.bias_std);
    optional("weight_rate", op.weight_rate);
    optional("bias_rate", op.bias_rate);
    return op;
  }

  /// [height, width], both at least 1.
  Extent extent(const Json& node, const std::string& key) const {
    const Json& values = list(node, key, "give it a height and a width, such as [3, 3]");
    if (values.size() != 2)
      fail("the key '" + key + "' has " + std::to_string(values.size()) +
           " numbers; give it a height and a width");
    Extent size{};
    for (std::size_t k = 0; k < 2; ++k) {
      const double value = number_of(values[k], key);
      if (!(value >= 1 && value <= 65536 && value == std::floor(value)))
        fail("the key '" + key + "' has " + excerpt(values[k]) + "; give it whole numbers from 1 to 65536");
      size[k] = static_cast<int>(value);
    }
    return size;
  }

  Padding padding(const Json& node) const {
    const std::string name = text(node, "padding", "use 'same', 'valid' or 'circular'");
    for (const Padding each : {Padding::same, Padding::valid, Padding::circular})
      if (name == padding_name(each)) return each;
    fail("the key 'padding' is '" + name + "', which is unknown; use 'same', 'valid' or 'circular'");
  }

  const Json& list(const Json& node, const std::string& key, const std::string& advice) const {
    const auto value = node.find(key);
    if (value == node.end()) fail("the key '" + key + "' is missing; " + advice);
    if (!value->is_array())
      fail("the key '" + key + "' is " + excerpt(*value) + ", which is not a list; " + advice);
    return *value;
  }

  /// Their number is the topology's to check.
  std::vector<double> numbers(const Json& node, const std::string& key, std::size_t count,
                              double otherwise) const {
    if (!node.contains(key)) return std::vector<double>(count, otherwise);
    std::vector<double> values;
    for (const Json& value : list(node, key, "give one number an input"))
      values.push_back(number_of(value, key));
    return values;
  }

  std::vector<std::size_t> inputs(const Json& node) const {
    std::vector<std::size_t> found;
    for (const Json& input : list(node, "inputs", "list the names of the nodes it takes")) {
      if (!input.is_string())
        fail("the key 'inputs' has " + excerpt(input) + ", which is not a text; name a node");
      const auto& name = input.get_ref<const std::string&>();
      const auto known = index_.find(name);
      if (known == index_.end())
        fail("its input '" + name + "' " +
             (later_.contains(name) ? "is not defined before it; order the nodes by use"
                                    : "is not a node; name one that exists"));
      found.push_back(known->second);
    }
    if (found.empty()) fail("the key 'inputs' is empty (the op takes at least one input); name one");
    return found;
  }

  std::vector<NodeSpec> nodes_;
  std::map<std::string, std::size_t> index_;
  std::set<std::string> later_;
  std::string where_;
};

}  // namespace detail
}  // namespace SST_ABI
}  // namespace sst
