// SPDX-License-Identifier: MIT
#include <svg/arc_diagram.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <sst/topology/families.hpp>

#include "../catch.hpp"
#include "xml.hpp"

namespace arc_diagram_tests {

using Catch::Matchers::Contains;
using xml_test::attribute;
using xml_test::elements;
using xml_test::number;

namespace {

struct Arc {
  double start, end, height;
  double at(double x) const {
    const double r = (end - start) / 2, u = (x - start - r) / r;
    return height * std::sqrt(std::max(0.0, 1 - u * u));
  }
};

struct Picture {
  std::vector<std::pair<double, double>> boxes;  // left and right
  std::vector<std::string> fills;
  std::vector<Arc> arcs;
  std::size_t lines = 0;
  std::size_t thick = 0;
};

Picture read(const std::string& svg) {
  Picture out;
  for (const std::string& rect : elements(svg, "rect")) {
    if (attribute(rect, "width") == "100%") continue;
    out.boxes.emplace_back(number(rect, "x"), number(rect, "x") + number(rect, "width"));
    out.fills.push_back(attribute(rect, "fill"));
    out.thick += attribute(rect, "stroke-width") == "2.6";
  }
  for (const std::string& path : elements(svg, "path")) {
    if (attribute(path, "fill") != "none") continue;  // an arrow's head
    std::string d = attribute(path, "d");
    if (d.find('A') == std::string::npos) {
      ++out.lines;
      continue;
    }
    for (char& c : d)
      if (c == 'M' || c == 'A') c = ' ';
    std::istringstream numbers(d);
    Arc arc{};
    double y = 0, radius = 0, turn = 0, large = 0, sweep = 0;
    numbers >> arc.start >> y >> radius >> arc.height >> turn >> large >> sweep >> arc.end;
    out.arcs.push_back(arc);
  }
  return out;
}

std::vector<sst::Topology> topologies() {
  return {sst::chain(4),
          sst::residual(7),
          sst::sparse_shortcut(12),
          sst::densely_connected(12),
          sst::identity_connected(9),
          sst::recurrent(4),
          sst::randomly_wired(15, {.model = sst::Wiring::Model::erdos_renyi, .p = 0.4}),
          sst::randomly_wired(20, {.k = 6, .seed = 3})};
}

}  // namespace

TEST_CASE("every node and every edge of a topology is drawn where it belongs", "[svg][arc_diagram]") {
  for (const sst::Topology& topology : topologies()) {
    CAPTURE(topology.name());
    const std::string svg = svg::arc_diagram(topology);
    CHECK(xml_test::well_formed(svg));
    const Picture picture = read(svg);
    const auto& nodes = topology.nodes();
    REQUIRE(picture.boxes.size() == nodes.size());
    CHECK(picture.thick == 1);
    for (std::size_t i = 0; i < nodes.size(); ++i) {
      CHECK_THAT(svg, Contains(">" + nodes[i].name + "</text>"));
      if (i) CHECK(picture.boxes[i].first > picture.boxes[i - 1].second);
    }
    std::size_t arc = 0, lines = 0;
    for (std::size_t to = 0; to < nodes.size(); ++to)
      for (const std::size_t from : nodes[to].inputs) {
        if (from + 1 == to) {
          ++lines;
          continue;
        }
        REQUIRE(arc < picture.arcs.size());
        const Arc& drawn = picture.arcs[arc++];
        CHECK((drawn.start > picture.boxes[from].first && drawn.start < picture.boxes[from].second));
        CHECK((drawn.end > picture.boxes[to].first && drawn.end < picture.boxes[to].second));
      }
    CHECK(arc == picture.arcs.size());
    CHECK(lines == picture.lines);
  }
}

TEST_CASE("arcs that share a node do not cross, and no two ends meet", "[svg][arc_diagram]") {
  for (const sst::Topology& topology : topologies()) {
    CAPTURE(topology.name());
    const Picture picture = read(svg::arc_diagram(topology));
    std::vector<std::pair<std::size_t, std::size_t>> edges;
    for (std::size_t to = 0; to < topology.nodes().size(); ++to)
      for (const std::size_t from : topology.nodes()[to].inputs)
        if (from + 1 != to) edges.emplace_back(from, to);
    REQUIRE(edges.size() == picture.arcs.size());
    for (std::size_t i = 0; i < edges.size(); ++i)
      for (std::size_t k = i + 1; k < edges.size(); ++k) {
        const Arc *a = &picture.arcs[i], *b = &picture.arcs[k];
        const auto [from, to] = edges[i];
        const auto [other_from, other_to] = edges[k];
        if (from != other_from && to != other_to && from != other_to && to != other_from) continue;
        for (const double end : {a->start, a->end})
          for (const double other : {b->start, b->end}) CHECK(std::abs(end - other) > 2);
        if (a->end < b->start || b->end < a->start) continue;
        if (a->end - a->start < b->end - b->start) std::swap(a, b);
        CHECK((a->start < b->start && b->end < a->end));
        for (int s = 0; s <= 50; ++s) {  // the outer one is above all along
          const double x = b->start + (b->end - b->start) * s / 50.0;
          CHECK(a->at(x) > b->at(x));
        }
      }
  }
}

TEST_CASE("frozen layers have dashed borders, other rates are written", "[svg][arc_diagram]") {
  const std::string svg = svg::arc_diagram(sst::trace([](sst::Node x) {
    return dense(relu(dense(relu(dense(x)), {.weight_rate = 0, .bias_rate = 0})), {.bias_rate = 0.5});
  }));
  CHECK_THAT(svg, Contains("stroke-dasharray=\"4 3\"") && Contains(">dense, bias_rate 0.5<"));
  CHECK(svg.find("dasharray") == svg.rfind("dasharray"));
}

TEST_CASE("a node added twice, coefficients, shares and tied weights are seen", "[svg][arc_diagram]") {
  const sst::Topology net = sst::trace([](sst::Node x) {
    const auto h = dense(x, {.weights = "W"}).named("a<b"), g = dense(relu(h), {.weights = "W"});
    const auto twice = sst::sum({g, g, h}, {1, -0.5, 2}), half = sst::concat({twice, h}, {0.25, 0.75});
    return dense(concat(half, half));
  });
  const std::string svg = svg::arc_diagram(net);
  CHECK(xml_test::well_formed(svg));
  CHECK_THAT(svg, !Contains("dasharray") && !Contains("rate"));
  const Picture picture = read(svg);
  for (const char* part : {">\xE2\x88\x92"
                           "0.5<",
                           ">2<", ">0.25<", ">0.75<", ">dense W<", ">a&lt;b<"})
    CHECK_THAT(svg, Contains(part));
  CHECK_THAT(svg, !Contains(">0.5<") && !Contains(">1<"));  // equal shares and ones go without saying
  CHECK(picture.fills[1] == picture.fills[3]);
  CHECK(picture.fills[1] != picture.fills.back());
  // x-h, h-relu, relu-g, g-sum, sum-concat, concat-concat, concat-dense; g-sum, h-sum, h-concat,
  // concat-concat.
  CHECK(picture.lines == 7);
  CHECK(picture.arcs.size() == 4);
}

}  // namespace arc_diagram_tests
