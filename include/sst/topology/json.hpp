// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include <sst/activation/registry.hpp>
#include <sst/error.hpp>
#include <sst/topology/topology.hpp>

/// \file
/// Topologies as JSON, format version 1 (docs/topology-format.md). Writing then reading gives the same
/// topology back, to the bit.

namespace sst {

namespace detail {

/// Reads one document; every error names the node and the key.
class TopologyReader {
 public:
  using Json = nlohmann::json;

  static Topology read(const Json& document) {
    if (!document.is_object()) throw TopologyError("the topology is not a JSON object; see docs/topology-format.md");
    allow(document, {"sst_topology", "name", "nodes", "output"}, "the topology");
    const auto version = document.find("sst_topology");
    if (version == document.end())
      throw TopologyError("the key 'sst_topology' is missing (it holds the format's version); add \"sst_topology\": 1");
    if (!version->is_number_integer() || *version != 1)
      throw TopologyError("sst_topology is " + version->dump() + " and this program reads version 1; use a newer one");
    std::string name = "network";
    if (const auto it = document.find("name"); it != document.end()) {
      if (!it->is_string()) throw TopologyError("the key 'name' of the topology is not a text; put it in quotes");
      name = it->get<std::string>();
    }
    const auto nodes = document.find("nodes");
    if (nodes == document.end() || !nodes->is_array())
      throw TopologyError("the key 'nodes' is missing or not a list; list the nodes in the order of their use");
    TopologyReader reader(*nodes);
    for (const Json& node : *nodes) reader.add(node);
    const auto output = document.find("output");
    if (output == document.end() || !output->is_string())
      throw TopologyError("the key 'output' is missing or not a text; give the name of a node");
    const auto index = reader.index_.find(output->get<std::string>());
    if (index == reader.index_.end())
      throw TopologyError("the output '" + output->get<std::string>() + "' is not a node; name one that exists");
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
    const std::string place = "node " + std::to_string(nodes_.size());
    where_ = place;
    if (!node.is_object()) fail("is not a JSON object; give it a name, an op and inputs");
    const auto name = node.find("name");
    if (name == node.end()) fail("the key 'name' is missing; give it a unique one");
    if (!name->is_string() || name->get<std::string>().empty()) fail("its name is not a text or empty; give it a unique one");
    where_ = "node '" + name->get<std::string>() + "'";
    const auto op = node.find("op");
    if (op == node.end() || !op->is_string()) fail("the key 'op' is missing or not a text; say what the node does");
    const std::string kind = op->get<std::string>();
    where_ += " (" + kind + ")";

    NodeSpec spec{name->get<std::string>(), InputOp{}, {}};
    if (index_.contains(spec.name)) fail("the name is used twice; give each node its own");
    if (kind != "input") spec.inputs = inputs(node);
    std::set<std::string> keys{"name", "op"};
    if (kind != "input") keys.insert("inputs");

    if (kind == "input") {
    } else if (kind == "dense") {
      keys.insert({"weight_std", "bias_std", "weights"});
      allow(node, keys, where_);
      DenseOp dense{number(node, "weight_std"), node.contains("bias_std") ? number(node, "bias_std") : 0.0};
      if (const auto w = node.find("weights"); w != node.end()) {
        if (!w->is_string() || w->get<std::string>().empty()) fail("the key 'weights' is not a text or empty; name the weights");
        dense.weights = w->get<std::string>();
      }
      spec.operation = std::move(dense);
    } else if (kind == "sum") {
      keys.insert("coefficients");
      spec.operation = SumOp{numbers(node, "coefficients", spec.inputs.size(), 1.0)};
    } else if (kind == "concat") {
      keys.insert("fractions");
      spec.operation = ConcatOp{
          numbers(node, "fractions", spec.inputs.size(), 1.0 / static_cast<double>(spec.inputs.size()))};
    } else if (kind == "conv" || kind == "avg_pool" || kind == "global_avg_pool" || kind == "flatten") {
      fail("this op works on images, which this version does not compute; use dense layers");
    } else {
      const auto entry = activation_registry().find(kind);
      if (entry == activation_registry().end()) {
        std::string known = "input, dense, sum, concat";
        for (const auto& [each, make] : activation_registry()) known += ", " + each;
        fail("the op is unknown; use one of " + known);
      }
      std::vector<double> values;
      for (const std::string& key : entry->second.parameters) {
        keys.insert(key);
        values.push_back(number(node, key));
      }
      try {
        spec.operation = ActivationOp{entry->second.make(values)};
      } catch (const Error& error) {
        fail(error.what());
      }
    }
    allow(node, keys, where_);
    index_[spec.name] = nodes_.size();
    nodes_.push_back(std::move(spec));
  }

  std::vector<std::size_t> inputs(const Json& node) const {
    const auto list = node.find("inputs");
    if (list == node.end()) fail("the key 'inputs' is missing; list the nodes it takes");
    if (!list->is_array()) fail("the key 'inputs' is not a list; put the names in brackets");
    if (list->empty()) fail("the key 'inputs' is empty (it needs at least one input); name one");
    std::vector<std::size_t> found;
    for (const Json& input : *list) {
      if (!input.is_string()) fail("the key 'inputs' holds " + input.dump() + ", which is not a text; name a node");
      const auto known = index_.find(input.get<std::string>());
      if (known == index_.end())
        fail("its input '" + input.get<std::string>() + "' " +
             (later_.contains(input.get<std::string>()) ? "is not defined before it; order the nodes by use"
                                                         : "is not a node; name one that exists"));
      found.push_back(known->second);
    }
    return found;
  }

  double number(const Json& node, const std::string& key) const {
    const auto value = node.find(key);
    if (value == node.end()) fail("the key '" + key + "' is missing; give it a number");
    if (!value->is_number()) fail("the key '" + key + "' is " + value->dump() + ", which is not a number; give it one");
    return value->get<double>();
  }

  std::vector<double> numbers(const Json& node, const std::string& key, std::size_t count, double otherwise) const {
    const auto list = node.find(key);
    if (list == node.end()) return std::vector<double>(count, otherwise);
    if (!list->is_array()) fail("the key '" + key + "' is not a list; give one number an input");
    std::vector<double> values;
    for (const Json& value : *list) {
      if (!value.is_number()) fail("the key '" + key + "' holds " + value.dump() + ", which is not a number; give it one");
      values.push_back(value.get<double>());
    }
    return values;  // the count is the topology's to check
  }

  std::vector<NodeSpec> nodes_;
  std::map<std::string, std::size_t> index_;
  std::set<std::string> later_;
  std::string where_;
};

/// Parses text, refusing what nlohmann::json lets pass: a key twice in one object, numbers beyond
/// double, and nesting deeper than any topology.
inline nlohmann::json parse_strictly(const std::string& text) {
  std::vector<std::set<std::string>> keys;
  const auto check = [&](int depth, nlohmann::json::parse_event_t event, nlohmann::json& parsed) {
    using enum nlohmann::json::parse_event_t;
    if (depth > 32) throw TopologyError("the JSON is nested deeper than a topology can be; see docs/topology-format.md");
    if (event == object_start) keys.emplace_back();
    if (event == object_end) keys.pop_back();
    if (event == key && !keys.back().insert(parsed.get<std::string>()).second)
      throw TopologyError("the key '" + parsed.get<std::string>() + "' stands twice in one object; remove one");
    return true;
  };
  try {
    return nlohmann::json::parse(text, check);
  } catch (const nlohmann::json::parse_error& error) {
    const std::size_t at = std::min(error.byte > 0 ? error.byte - 1 : 0, text.size());
    const auto line = std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(at), '\n') + 1;
    const auto start = text.rfind('\n', at == 0 ? 0 : at - 1);
    const std::size_t column = at - (start == std::string::npos ? 0 : start + 1) + 1;
    throw TopologyError("not valid JSON at line " + std::to_string(line) + ", column " + std::to_string(column) +
                        "; correct it there");
  } catch (const nlohmann::json::exception& error) {
    throw TopologyError("a number in the JSON is out of range (" + std::string(error.what()) + "); correct it");
  }
}

}  // namespace detail

/// A topology from a parsed document. Throws TopologyError with node and key.
inline Topology topology_from_json(const nlohmann::json& document) { return detail::TopologyReader::read(document); }

/// A topology from JSON text; stricter than parsing first (a key twice in one object is an error).
inline Topology topology_from_text(const std::string& text) { return topology_from_json(detail::parse_strictly(text)); }

/// A topology from a file; errors name the file, the node and the key.
inline Topology read_topology(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  if (!file || std::filesystem::is_directory(path) || !(text << file.rdbuf()))
    throw TopologyError("cannot read the topology '" + path.string() + "'; check that it is a file and not empty");
  try {
    return topology_from_text(text.str());
  } catch (const TopologyError& error) {
    throw TopologyError(path.string() + ": " + error.what());
  }
}

/// The document that `topology_from_json` reads back as the same topology.
inline nlohmann::ordered_json to_json(const Topology& topology) {
  nlohmann::ordered_json out;
  out["sst_topology"] = 1;
  out["name"] = topology.name();
  auto& nodes = out["nodes"] = nlohmann::ordered_json::array();
  for (const NodeSpec& spec : topology.nodes()) {
    nlohmann::ordered_json node;
    node["name"] = spec.name;
    node["op"] = operation_name(spec.operation);
    for (const std::size_t in : spec.inputs) node["inputs"].push_back(topology.nodes()[in].name);
    std::visit(detail::Overloaded{[](const InputOp&) {},
                               [&](const DenseOp& op) {
                                 node["weight_std"] = op.weight_std;
                                 node["bias_std"] = op.bias_std;
                                 if (!op.weights.empty()) node["weights"] = op.weights;
                               },
                               [&](const ActivationOp& op) {
                                 if (!activation_registry().contains(op.activation->name()))
                                   throw TopologyError("node '" + spec.name + "' has the activation '" +
                                                       op.activation->name() +
                                                       "', which files cannot name; use one that they can");
                                 for (const auto& [key, value] : op.activation->parameters()) node[key] = value;
                               },
                               [&](const SumOp& op) { node["coefficients"] = op.coefficients; },
                               [&](const ConcatOp& op) { node["fractions"] = op.fractions; }},
               spec.operation);
    nodes.push_back(std::move(node));
  }
  out["output"] = topology.nodes()[topology.output()].name;
  return out;
}

/// Writes a topology file.
inline void write_topology(const std::filesystem::path& path, const Topology& topology) {
  std::ofstream file(path, std::ios::binary);
  file << to_json(topology).dump(2) << '\n';
  if (!file.flush()) throw TopologyError("cannot write the topology '" + path.string() + "'; check the folder and its room");
}

}  // namespace sst
