// SPDX-License-Identifier: MIT
#include <svg/curves.hpp>

#include <algorithm>
#include <fstream>
#include <limits>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "../catch.hpp"
#include "../folder.hpp"
#include "xml.hpp"

namespace curves_tests {

using Catch::Matchers::Contains;
using svg::CurvePlot;
using xml_test::attribute;
using xml_test::elements;

namespace {

std::string svg(const CurvePlot& plot) {
  std::ostringstream out;
  plot.write(out);
  return out.str();
}

/// Two panels on [0, 1] x [0, 1], so that pixels can be told by hand.
CurvePlot example() {
  CurvePlot plot{.x_label = "x & y", .y_label = "f", .samples = "data"};
  plot.panels = {
      {"left", {{"mean", {{0, 0.5, 0.25}, {1, 0.5}}}, {"truth", {{0, 0}, {1, 1}}, true}}, {{0.5, 0.75, 0.1}}},
      {"right", {{"truth", {{0, 1}, {1, 0}}}}}};
  plot.width = 200, plot.height = 100;
  plot.x_range = plot.y_range = {0, 1};
  return plot;
}

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t n = 0;
  for (std::size_t at = 0; (at = text.find(part, at)) != std::string::npos; at += part.size()) ++n;
  return n;
}

}  // namespace

TEST_CASE("curves, bands and samples are where their numbers say", "[svg][curves]") {
  const std::string text = svg(example());
  CHECK(xml_test::well_formed(text));
  std::set<std::string> paths;
  for (const std::string& path : elements(text, "path")) paths.insert(attribute(path, "d"));
  CHECK(paths.count("M0 25L200 50L200 50L0 75Z") == 1);  // the band: upper edge, then the lower one back
  CHECK(paths.count("M0 50L200 50") == 1);
  CHECK(paths.count("M0 100L200 0") == 1);
  CHECK(paths.count("M0 0L200 100") == 1);
  CHECK(paths.count("M100 35V15") == 1);  // the sample's error bar
  const auto dots = elements(text, "circle");
  REQUIRE(dots.size() == 2);  // one sample, one in the legend
  CHECK(attribute(dots[0], "cx") == "100");
  CHECK(attribute(dots[0], "cy") == "25");
}

TEST_CASE("a name has one colour and one entry in the legend", "[svg][curves]") {
  const std::string text = svg(example());
  for (const char* once : {">mean<", ">truth<", ">data<", ">left<", ">right<", ">x &amp; y<", ">f<"})
    CHECK(count(text, once) == 1);
  std::set<std::string> colours;
  for (const std::string& path : elements(text, "path"))
    if (attribute(path, "d") == "M0 100L200 0" || attribute(path, "d") == "M0 0L200 100")
      colours.insert(attribute(path, "stroke"));
  CHECK(colours.size() == 1);
  // "truth" is dashed in one panel and, like there, in the legend; its band is none, that of "mean" is in the
  // legend.
  CHECK(count(text, "stroke-dasharray") == 2);
  CHECK(count(text, "fill-opacity") == 2);
}

TEST_CASE("the range is that of bands and samples, and what lies outside of a given one is not drawn",
          "[svg][curves]") {
  CurvePlot plot = example();
  plot.panels[1].samples = {{2, 0.5}, {0.5, 3}};
  CHECK(elements(svg(plot), "circle").size() == 2);
  plot.x_range.reset();
  plot.y_range.reset();
  plot.panels[0].curves[0].points[0].error = 9;
  const std::string text = svg(plot);
  CHECK(elements(text, "circle").size() == 4);
  CHECK_THAT(text,
             Contains("\"M0 4.55L100 50L100 50L0 95.45Z\""));  // 0.5 +- 9, a twentieth free on both sides
}

TEST_CASE("what cannot be drawn is an error", "[svg][curves]") {
  const auto refuses = [](auto&& change, const std::string& words) {
    CurvePlot plot = example();
    change(plot);
    std::ostringstream out;
    CHECK_THROWS_WITH(plot.write(out), Contains(words));
    CHECK(out.str().empty());
  };
  constexpr double nan = std::numeric_limits<double>::quiet_NaN();
  refuses([](CurvePlot& p) { p.panels.clear(); }, "no points");
  refuses([](CurvePlot& p) { p.panels[1].curves[0].points[1].y = nan; },
          "panel 1, curve 'truth', point 1: y is not");
  refuses([](CurvePlot& p) { p.panels[0].samples[0].x = nan; }, "panel 0, samples, point 0: x is not");
  refuses([](CurvePlot& p) { p.panels[0].curves[0].points[0].error = -1; }, "half the width of the band");
  refuses([](CurvePlot& p) { p.y_range = {1, 1}; }, "y range is empty");
  refuses([](CurvePlot& p) { p.x_range = {0, nan}; }, "x range is empty");
  refuses([](CurvePlot& p) { p.width = 5; }, "width is 5");
  std::ofstream closed;
  CHECK_THROWS_WITH(example().write(closed), Contains("cannot write"));
}

TEST_CASE("curves are written to a file as to a stream", "[svg][curves]") {
  const sst_test::Folder folder;
  example().write(folder.path / "curves.svg");
  CHECK(sst_test::content(folder.path / "curves.svg") == svg(example()));
  CHECK(folder.entries() == 1);
}

}  // namespace curves_tests
