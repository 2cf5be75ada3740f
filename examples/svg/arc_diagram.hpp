// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <map>
#include <sstream>
#include <string>
#include <variant>
#include <vector>

#include <sst/topology/topology.hpp>
#include <svg/text.hpp>

/// \file
/// Topologies as pictures that need no other program: arc diagrams in SVG. For Graphviz see
/// sst/topology/dot.hpp.

namespace svg {

namespace detail {

/// Draws one topology: its nodes on a line, in their order, and every edge between nodes that are no
/// neighbours as an arc above. Arcs never cross a node, whatever the graph.
class ArcDiagram {
 public:
  explicit ArcDiagram(const sst::Topology& topology) : topology_(topology) {
    find_edges();
    place_nodes();
    spread_ends();
  }

  std::string draw() {
    double reach = 0;
    for (const Edge& edge : edges_) reach = std::max(reach, edge.arc ? rise(edge) : 0);
    middle_ = 16 + title_size + 16 + reach + node_height / 2;
    const double width = std::max(right_, text_width(topology_.name()) * 1.18 * title_size) + 2 * margin;
    const double height = middle_ + node_height / 2 + 34;
    open_svg(out_, width, height, topology_.name());
    text(margin, 16 + title_size, title_size, "start", topology_.name(), " font-weight=\"600\"");
    out_ << "<g transform=\"translate(" << n(margin) << ' ' << n(middle_) << ")\">\n";
    for (const Edge& edge : edges_) draw_edge(edge);
    for (std::size_t i = 0; i < nodes_.size(); ++i) draw_node(i);
    out_ << "</g>\n</svg>\n";
    return out_.str();
  }

 private:
  static constexpr double title_size = 16, label_size = 13, name_size = 11.5, node_height = 30, margin = 20;
  static constexpr double gap = 26, head = 7, arc_gap = 7.5;

  struct Box {
    double left, width;
    std::string label, fill;
    bool frozen = false;  ///< a layer that does not learn, with a dashed border
  };
  struct Edge {
    std::size_t from, to;
    std::string label;
    bool arc;
    double start = 0, end = 0;  ///< of an arc, along the line of nodes
  };

  static std::string n(double value) { return svg_number(value); }
  /// How high an arc rises: less than in proportion, so that long ones stay in the picture, and monotone, so
  /// that nested ones do not cross.
  static double rise(const Edge& edge) { return 2 * std::pow((edge.end - edge.start) / 2, 0.7); }

  void find_edges() {
    const auto& nodes = topology_.nodes();
    for (std::size_t to = 0; to < nodes.size(); ++to) {
      bool straight = false;  // of several edges between neighbours, the first
      for (std::size_t k = 0; k < nodes[to].inputs.size(); ++k) {
        const std::size_t from = nodes[to].inputs[k];
        const bool next = from + 1 == to && !straight;
        straight = straight || next;
        edges_.push_back({from, to, factor(nodes[to], k), !next});
      }
    }
  }

  void place_nodes() {
    // Those of tied weights, one colour a name; with more names than colours they repeat.
    constexpr std::array<const char*, 6> tied{"#f4a582", "#b2df8a", "#cab2d6",
                                              "#fdbf6f", "#80cdc1", "#fb9a99"};
    std::map<std::string, std::size_t> groups;
    for (const sst::NodeSpec& node : topology_.nodes()) {
      Box box{right_, 0, operation_name(node.operation), "#f0f0f0"};
      sst::detail::visit_layer(node.operation, [&](const auto& layer) {
        box.fill = "#cfe3f5";
        box.frozen = layer.weight_rate == 0 && layer.bias_rate == 0;
        if (!layer.weights.empty()) {
          box.fill = tied[groups.emplace(layer.weights, groups.size()).first->second % tied.size()];
          box.label += " " + layer.weights;
        }
        if (const std::string rates = sst::detail::rates_text(layer); !rates.empty() && !box.frozen)
          box.label += ", " + rates;
      });
      if (std::holds_alternative<sst::ActivationOp>(node.operation)) box.fill = "#fff3b0";
      if (std::holds_alternative<sst::ConcatOp>(node.operation)) box.fill = "#f9d5e7";
      if (std::holds_alternative<sst::SumOp>(node.operation)) box.fill = "#d5efd0", box.label = "+";
      const auto arcs =
          static_cast<double>(std::count_if(edges_.begin(), edges_.end(), [&](const Edge& edge) {
            return edge.arc && (edge.from == nodes_.size() || edge.to == nodes_.size());
          }));
      box.width = std::max({node_height, text_width(box.label) * label_size + 16,
                            text_width(node.name) * name_size + 4, 8 + (arcs + 1) * arc_gap});
      right_ += box.width + gap;
      nodes_.push_back(std::move(box));
    }
    right_ -= gap;
  }

  /// A coefficient other than 1, a share of the width other than equal ones.
  static std::string factor(const sst::NodeSpec& node, std::size_t k) {
    const auto* sum = std::get_if<sst::SumOp>(&node.operation);
    const auto* concat = std::get_if<sst::ConcatOp>(&node.operation);
    std::ostringstream out;  // a label, not data: three digits are enough
    out.precision(3);
    if (sum && sum->coefficients[k] != 1) out << sum->coefficients[k];
    if (concat && std::abs(concat->fractions[k] * static_cast<double>(node.inputs.size()) - 1) > 1e-9)
      out << concat->fractions[k];
    std::string text = out.str();
    if (text.starts_with('-')) text.replace(0, 1, "\xE2\x88\x92");
    return text;
  }

  /// Arcs of a node meet it at points of their own, those that come on the left of those that go, in the
  /// order in which they do not cross: the longest come in on the right, and go out on the left.
  void spread_ends() {
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
      std::vector<Edge*> in, out;
      for (Edge& edge : edges_) {
        if (edge.arc && edge.to == i) in.push_back(&edge);
        if (edge.arc && edge.from == i) out.push_back(&edge);
      }
      std::sort(in.begin(), in.end(), [](const Edge* a, const Edge* b) {
        return a->from != b->from ? a->from > b->from : a < b;  // edges of the same two nodes in their order
      });
      std::sort(out.begin(), out.end(),
                [](const Edge* a, const Edge* b) { return a->to != b->to ? a->to > b->to : a < b; });
      const double room = nodes_[i].width - 8, step = room / static_cast<double>(in.size() + out.size() + 1);
      double at = nodes_[i].left + 4;
      for (Edge* edge : in) edge->end = at += step;
      for (Edge* edge : out) edge->start = at += step;
    }
  }

  void draw_edge(const Edge& edge) {
    const double top = -node_height / 2;
    out_ << "<path fill=\"none\" stroke=\"" << (edge.arc ? "#0072b2" : "#555")
         << "\" stroke-width=\"1.6\" d=\"M";
    if (edge.arc) {
      out_ << n(edge.start) << ' ' << n(top) << 'A' << n((edge.end - edge.start) / 2) << ' ' << n(rise(edge))
           << " 0 0 1 " << n(edge.end) << ' ' << n(top - head) << "\"/>\n";
      arrow(edge.end, top, 0, 1, "#0072b2");
      text((edge.start + edge.end) / 2, top - rise(edge) - 4, name_size, "middle", edge.label);
    } else {
      const double start = nodes_[edge.from].left + nodes_[edge.from].width, end = nodes_[edge.to].left;
      out_ << n(start) << " 0H" << n(end - head) << "\"/>\n";
      arrow(end, 0, 1, 0, "#555");
      text((start + end) / 2, -6, name_size, "middle", edge.label);
    }
  }

  /// A head whose tip is at (x, y) and that points along (dx, dy).
  void arrow(double x, double y, double dx, double dy, const char* color) {
    const double bx = x - head * dx, by = y - head * dy, side = 3.2;
    out_ << "<path fill=\"" << color << "\" d=\"M" << n(x) << ' ' << n(y) << 'L' << n(bx - side * dy) << ' '
         << n(by - side * dx) << 'L' << n(bx + side * dy) << ' ' << n(by + side * dx) << "Z\"/>\n";
  }

  void draw_node(std::size_t i) {
    const Box& box = nodes_[i];
    const sst::NodeSpec& node = topology_.nodes()[i];
    const bool round = std::holds_alternative<sst::ActivationOp>(node.operation) ||
                       std::holds_alternative<sst::SumOp>(node.operation);
    out_ << "<rect x=\"" << n(box.left) << "\" y=\"" << n(-node_height / 2) << "\" width=\"" << n(box.width)
         << "\" height=\"" << n(node_height) << "\" rx=\"" << n(round ? node_height / 2 : 4) << "\" fill=\""
         << box.fill << "\" stroke=\"#333\" stroke-width=\"" << (i == topology_.output() ? "2.6" : "1.2")
         << (box.frozen ? "\" stroke-dasharray=\"4 3" : "") << "\"/>\n";
    text(box.left + box.width / 2, 0.35 * label_size, label_size, "middle", box.label);
    text(box.left + box.width / 2, node_height / 2 + name_size + 5, name_size, "middle", node.name,
         " fill=\"#666\"");
  }

  void text(double x, double y, double size, const char* anchor, const std::string& words,
            const std::string& attributes = "") {
    draw_text(out_, x, y, size, anchor, words, attributes);
  }

  const sst::Topology& topology_;
  std::vector<Box> nodes_;
  std::vector<Edge> edges_;
  double right_ = 0, middle_ = 0;
  std::ostringstream out_;
};

}  // namespace detail

/// The topology as an SVG picture: an arc diagram, from the input on the left to the output, which has a
/// thick border.
///
/// Nodes stand on a line in their order, with their operations, and their names below; shortcuts are arcs
/// above. Dense and conv nodes are blue, those of one `weights` name in one colour of its own with that name;
/// activations are yellow, sums green, concatenations pink. Coefficients other than 1, and shares of a
/// concatenation that are not equal, stand on their edges.
inline std::string arc_diagram(const sst::Topology& topology) { return detail::ArcDiagram(topology).draw(); }

}  // namespace svg
