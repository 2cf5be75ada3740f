// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <variant>

#include <sst/base/plain_text.hpp>
#include <sst/topology/topology.hpp>
#include <sst/version.hpp>

/// \file
/// Topologies as pictures: Graphviz's DOT language (https://graphviz.org/doc/info/lang.html).

namespace sst {
inline namespace SST_ABI {

namespace detail {

/// Text inside the quotes of a DOT label. Graphviz expands backslashes and HTML entities there.
inline std::string dot_text(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '&':
        out += "&amp;";
        break;
      case '\n':
        out += "\\n";
        break;
      default:
        out += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '?' : c;
    }
  }
  return out;
}

}  // namespace detail

/// The topology as a Graphviz graph, from the input at the top to the output, which has a double edge.
///
/// Dense and conv nodes are boxes, those of one `weights` name in one colour; activations are ellipses; sums
/// are circles with their coefficients (other than 1) on the edges; concatenations are trapezia with
/// the shares of the width on the edges. Draw it with `dot -Tsvg`.
inline std::string to_dot(const Topology& topology) {
  using detail::dot_text;
  using detail::format_number;
  // Pale colours that black text can be read on; with more tied groups than colours they repeat.
  constexpr std::array<const char*, 8> tied{"#f4a582", "#92c5de", "#b2df8a", "#cab2d6",
                                            "#fdbf6f", "#fb9a99", "#80cdc1", "#d9d9d9"};
  std::map<std::string, std::size_t> groups;
  detail::PlainText out;
  out << "digraph topology {\n"
      << "  label=\"" << dot_text(topology.name()) << "\";\n"
      << "  labelloc=t; fontname=\"sans-serif\"; nodesep=0.3; ranksep=0.35;\n"
      << "  node [style=filled, fontname=\"sans-serif\", fontsize=11];\n"
      << "  edge [fontname=\"sans-serif\", fontsize=10];\n";
  const auto& nodes = topology.nodes();
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    std::string label = dot_text(nodes[i].name), look;
    const auto line = [&label](const std::string& text) { label += "\\n" + dot_text(text); };
    const auto weigh = [&](const auto& op) {
      line(operation_name(op) + " " + format_number(op.weight_std) +
           (op.bias_std != 0 ? ", bias " + format_number(op.bias_std) : ""));
      if (const std::string rates = detail::rates_text(op); !rates.empty()) line(rates);
    };
    const auto tie = [&](const std::string& weights) {
      if (weights.empty()) return;
      line("weights " + weights);
      const std::size_t group = groups.emplace(weights, groups.size()).first->second;
      look = "shape=box, penwidth=2, fillcolor=\"" + std::string(tied[group % tied.size()]) + "\"";
    };
    const auto windows = [&](const Extent& window, const Extent& strides, Padding padding) {
      const auto by = [](const Extent& e) { return std::to_string(e[0]) + "x" + std::to_string(e[1]); };
      line(by(window) + (strides == Extent{1, 1} ? "" : ", strides " + by(strides)) + ", " +
           padding_name(padding));
    };
    std::visit(detail::Overloaded{
                   [&](const InputOp&) {
                     line("input");
                     look = "shape=house, fillcolor=\"#e0e0e0\"";
                   },
                   [&](const DenseOp& op) {
                     weigh(op);
                     look = "shape=box, fillcolor=\"#deebf7\"";
                     tie(op.weights);
                   },
                   [&](const ActivationOp& op) {
                     std::string text = op.activation->name();
                     for (const auto& [key, value] : op.activation->parameters())
                       text += ", " + key + " " + format_number(value);
                     line(text);
                     look = "shape=ellipse, fillcolor=\"#fff7bc\"";
                   },
                   [&](const SumOp&) {
                     line("+");
                     look = "shape=circle, margin=0.02, fillcolor=\"#e5f5e0\"";
                   },
                   [&](const ConcatOp&) {
                     line("concat");
                     look = "shape=trapezium, fillcolor=\"#fde0ef\"";
                   },
                   [&](const ConvOp& op) {
                     weigh(op);
                     windows(op.window, op.strides, op.padding);
                     look = "shape=box3d, fillcolor=\"#deebf7\"";
                     tie(op.weights);
                   },
                   [&](const AvgPoolOp& op) {
                     line("avg_pool");
                     windows(op.window, op.strides, op.padding);
                     look = "shape=invtrapezium, fillcolor=\"#f0f0f0\"";
                   },
                   [&](const GlobalAvgPoolOp&) {
                     line("global_avg_pool");
                     look = "shape=invtrapezium, fillcolor=\"#f0f0f0\"";
                   },
                   [&](const FlattenOp&) {
                     line("flatten");
                     look = "shape=invtrapezium, fillcolor=\"#f0f0f0\"";
                   },
                   [&](const LayerNormOp&) {
                     line("layer_norm");
                     look = "shape=ellipse, fillcolor=\"#f0f0f0\"";
                   },
               },
               nodes[i].operation);
    out << "  n" << i << " [label=\"" << label << "\", " << look
        << (i == topology.output() ? ", peripheries=2" : "") << "];\n";
  }
  for (std::size_t i = 0; i < nodes.size(); ++i)
    for (std::size_t k = 0; k < nodes[i].inputs.size(); ++k) {
      out << "  n" << nodes[i].inputs[k] << " -> n" << i;
      const auto* sum = std::get_if<SumOp>(&nodes[i].operation);
      const auto* concat = std::get_if<ConcatOp>(&nodes[i].operation);
      if (sum && sum->coefficients[k] != 1)
        out << " [label=\" " << format_number(sum->coefficients[k]) << "\"]";
      if (concat) {
        detail::PlainText share;  // a label, not data: three digits are enough
        share.precision(3);
        share << concat->fractions[k];
        out << " [label=\" " << share.str() << "\"]";
      }
      out << ";\n";
    }
  out << "}\n";
  return out.str();
}

}  // namespace SST_ABI
}  // namespace sst
