// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <filesystem>
#include <fstream>
#include <ostream>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <variant>

#include <nlohmann/json.hpp>

#include <sst/activation/registry.hpp>
#include <sst/base/output_file.hpp>
#include <sst/base/plain_text.hpp>
#include <sst/error.hpp>
#include <sst/topology/json_reader.hpp>
#include <sst/topology/operation.hpp>
#include <sst/topology/strict_json.hpp>
#include <sst/topology/topology.hpp>
#include <sst/version.hpp>

/// \file
/// Topologies as JSON, format version 1 (docs/topology-format.md). Writing then reading gives the same
/// topology back, to the bit.

namespace sst {
inline namespace SST_ABI {

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
/// Throws TopologyError with the line and column, or the node and the key.
inline Topology topology_from_text(const std::string& text) {
  try {
    return detail::TopologyReader::read(detail::parse_strictly(text));
  } catch (const TopologyError& error) {
    throw TopologyError(detail::one_line(error.what()));
  }
}

/// A topology from a file. Throws TopologyError with the file, the node and the key, DataError where it
/// cannot be read.
inline Topology read_topology(const std::filesystem::path& path) {
  const std::string text = detail::read_all(path);
  try {
    return topology_from_text(text);
  } catch (const TopologyError& error) {
    throw TopologyError(path.string() + ": " + error.what());
  }
}

/// The document that `topology_from_json` reads back as the same topology. Throws TopologyError, with the
/// node, for an activation that files cannot name.
inline nlohmann::ordered_json to_json(const Topology& topology) {
  nlohmann::ordered_json out;
  out["sst_topology"] = 1;
  out["name"] = topology.name();
  auto& nodes = out["nodes"] = nlohmann::ordered_json::array();
  for (const NodeSpec& spec : topology.nodes()) {
    nlohmann::ordered_json node;
    const auto weigh = [&node](const auto& op) {
      node["weight_std"] = op.weight_std;
      node["bias_std"] = op.bias_std;
      if (!op.weights.empty()) node["weights"] = op.weights;
      if (op.weight_rate != 1) node["weight_rate"] = op.weight_rate;
      if (op.bias_rate != 1) node["bias_rate"] = op.bias_rate;
    };
    node["name"] = spec.name;
    node["op"] = operation_name(spec.operation);
    for (const std::size_t in : spec.inputs) node["inputs"].push_back(topology.nodes()[in].name);
    std::visit(
        detail::Overloaded{[](const InputOp&) {}, [&](const DenseOp& op) { weigh(op); },
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
                             weigh(op);
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

}  // namespace SST_ABI
}  // namespace sst
