// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <map>
#include <ostream>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include <sst/activation/registry.hpp>
#include <sst/data/file.hpp>
#include <sst/error.hpp>
#include <sst/topology/topology.hpp>

/// \file
/// Topologies as JSON, format version 1 (docs/topology-format.md). Writing then reading gives the same
/// topology back, to the bit.

namespace sst {

namespace detail {

/// A message on one line, whatever the names in it hold.
inline std::string one_line(const std::string& message) {
  constexpr std::string_view hex = "0123456789abcdef";
  std::string out;
  for (const char c : message) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte != 0x7F)
      out += c;
    else
      out += {'\\', 'x', hex[byte >> 4U], hex[byte & 15U]};
  }
  return out;
}

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
      DenseOp dense{number(node, "weight_std")};
      if (node.contains("bias_std")) dense.bias_std = number(node, "bias_std");
      if (node.contains("weights")) dense.weights = text(node, "weights", "name the weights");
      spec.operation = std::move(dense);
    } else if (kind == "sum") {
      spec.operation = SumOp{numbers(node, "coefficients", spec.inputs.size(), 1.0)};
    } else if (kind == "conv") {
      ConvOp conv{.weight_std = number(node, "weight_std")};
      if (node.contains("bias_std")) conv.bias_std = number(node, "bias_std");
      if (node.contains("weights")) conv.weights = text(node, "weights", "name the weights");
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
    if (kind == "dense") return {"weight_std", "bias_std", "weights"};
    if (kind == "sum") return {"coefficients"};
    if (kind == "concat") return {"fractions"};
    if (kind == "conv") return {"weight_std", "bias_std", "weights", "window", "strides", "padding"};
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

/// Parses text, refusing what nlohmann::json lets pass: a key twice in one object, and nesting deeper
/// than any topology. Remembers where it is, so that these errors name node and key as well.
inline nlohmann::json parse_strictly(const std::string& text) {
  using Json = nlohmann::json;
  std::vector<std::set<std::string>> keys;  // of the objects that are open
  std::string last_key, name;
  std::size_t nodes = 0;
  const auto where = [&] {
    std::string place = keys.size() < 2 ? "the topology" : "node " + std::to_string(nodes);
    if (keys.size() >= 2 && !name.empty()) place = "node '" + name + "'";
    return place + (last_key.empty() ? "" : ", key '" + last_key + "'");
  };
  const auto check = [&](int depth, Json::parse_event_t event, Json& parsed) {
    using enum Json::parse_event_t;
    if (depth > 32)
      throw TopologyError(where() +
                          ": the JSON is nested deeper than a topology can be; see docs/topology-format.md");
    if (event == object_start) {
      keys.emplace_back();
      last_key.clear();
      if (keys.size() == 2) name.clear();
    } else if (event == object_end) {
      keys.pop_back();
      last_key.clear();
      if (keys.size() == 1) ++nodes;
    } else if (event == key) {
      last_key = parsed.get<std::string>();
      if (!keys.back().insert(last_key).second)
        throw TopologyError(where() + ": the key stands twice; remove one");
    } else if (event == value && keys.size() == 2 && last_key == "name" && parsed.is_string()) {
      name = parsed.get<std::string>();
    }
    return true;
  };
  try {
    return Json::parse(text, check);
  } catch (const Json::parse_error& error) {
    const auto at = static_cast<std::ptrdiff_t>(std::min(error.byte > 0 ? error.byte - 1 : 0, text.size()));
    const auto line = std::count(text.begin(), text.begin() + at, '\n') + 1;
    const auto start = std::find(text.rend() - at, text.rend(), '\n');
    throw TopologyError("the JSON is not valid at line " + std::to_string(line) + ", column " +
                        std::to_string(start - (text.rend() - at) + 1) + " (" + where() +
                        "); correct it there");
  } catch (const Json::out_of_range&) {
    throw TopologyError(where() + ": the number is beyond the range of double; correct it");
  }
}

}  // namespace detail

/// A topology from a parsed document. Throws TopologyError, on one line, with node and key.
inline Topology topology_from_json(const nlohmann::json& document) {
  try {
    return detail::TopologyReader::read(document);
  } catch (const TopologyError& error) {
    throw TopologyError(detail::one_line(error.what()));
  }
}

/// A topology from JSON text; stricter than parsing first (a key twice in one object is an error).
inline Topology topology_from_text(const std::string& text) {
  try {
    return detail::TopologyReader::read(detail::parse_strictly(text));
  } catch (const TopologyError& error) {
    throw TopologyError(detail::one_line(error.what()));
  }
}

/// A topology from a file; errors name the file, the node and the key.
inline Topology read_topology(const std::filesystem::path& path) {
  std::error_code ignored;
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  if (!file || std::filesystem::is_directory(path, ignored) || !(text << file.rdbuf()))
    throw TopologyError("cannot read the topology '" + path.string() +
                        "'; check that it is a file and not empty");
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
    std::visit(
        detail::Overloaded{[](const InputOp&) {},
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
                           [&](const ConcatOp& op) { node["fractions"] = op.fractions; },
                           [&](const ConvOp& op) {
                             node["weight_std"] = op.weight_std;
                             node["bias_std"] = op.bias_std;
                             if (!op.weights.empty()) node["weights"] = op.weights;
                             node["window"] = op.window;
                             node["strides"] = op.strides;
                             node["padding"] = padding_name(op.padding);
                           },
                           [&](const AvgPoolOp& op) {
                             node["window"] = op.window;
                             node["strides"] = op.strides;
                             node["padding"] = padding_name(op.padding);
                           },
                           [](const GlobalAvgPoolOp&) {}, [](const FlattenOp&) {}, [](const LayerNormOp&) {}},
        spec.operation);
    nodes.push_back(std::move(node));
  }
  out["output"] = topology.nodes()[topology.output()].name;
  return out;
}

/// Writes a topology file; one of that name is replaced when the new one is complete. Throws TopologyError
/// for names that are not UTF-8, DataError when the file cannot be written.
inline void write_topology(const std::filesystem::path& path, const Topology& topology) {
  std::string text;
  try {
    text = to_json(topology).dump(2) + '\n';
  } catch (const nlohmann::json::type_error&) {
    throw TopologyError("cannot write the topology '" + path.string() +
                        "' (a name is not UTF-8); rename the node");
  }
  detail::write_file(path, [&](std::ostream& out) { out << text; });
}

}  // namespace sst
