// SPDX-License-Identifier: MIT
#include <svg/plot.hpp>

#include <cctype>
#include <cstdlib>
#include <filesystem>
#include <limits>
#include <sstream>
#include <string>
#include <vector>

#include "../catch.hpp"
#include "../folder.hpp"

namespace plot_tests {

namespace fs = std::filesystem;
using Catch::Matchers::Contains;
using svg::Legend;
using svg::Plot;
using svg::Scale;
using svg::Style;

namespace {

std::string svg(const Plot& plot) {
  std::ostringstream out;
  plot.write(out);
  return out.str();
}

/// Elements are closed in order, attributes quoted, markup escaped: enough XML for what a plot writes.
bool well_formed(const std::string& xml) {
  std::vector<std::string> open;
  std::size_t roots = 0;
  for (std::size_t at = 0; at < xml.size();) {
    if (xml[at] == '&') {
      const std::size_t end = xml.find(';', at);
      if (end == std::string::npos || end - at > 6) return false;
      at = end;
    } else if (xml[at] == '>') {
      return false;
    } else if (xml[at] == '<') {
      std::size_t end = at;
      bool quoted = false;
      for (; end < xml.size() && (quoted || xml[end] != '>'); ++end) {
        if (xml[end] == '"') quoted = !quoted;
        if (end > at && xml[end] == '<') return false;
      }
      const std::string tag = xml.substr(at + 1, end - at - 1);
      const std::string name = tag.substr(0, tag.find(' '));
      if (tag.starts_with('/')) {
        if (open.empty() || open.back() != tag.substr(1)) return false;
        open.pop_back();
      } else if (!tag.ends_with('/')) {
        roots += open.empty();
        open.push_back(name);
      }
      at = end;
    }
    ++at;
  }
  return open.empty() && roots == 1;
}

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t n = 0;
  for (std::size_t at = 0; (at = text.find(part, at)) != std::string::npos; at += part.size()) ++n;
  return n;
}

Plot example() {
  Plot plot{.title = "Boston housing", .x_label = "depth", .y_label = "mean squared error"};
  plot.series = {{"residual", {{4, 39.8}, {5, 38.8}, {6, 38.1}}},
                 {"chain", {{4, 38.5}, {5, 37.4}, {6, 36.5}}, Style::dashed},
                 {"paper", {{4, 39.3, 0.5}, {5, 38.1, 0.5}, {6, 37.3}}, Style::markers, 0}};
  return plot;
}

}  // namespace

TEST_CASE("a plot is a standalone SVG with everything in it", "[svg][plot]") {
  for (const Legend legend : {Legend::right, Legend::below}) {
    Plot plot = example();
    plot.legend = legend;
    const std::string text = svg(plot);
    CHECK(well_formed(text));
    CHECK(text.starts_with("<svg xmlns=\"http://www.w3.org/2000/svg\" width="));
    for (const char* part :
         {">Boston housing</title>", ">Boston housing</text>", ">depth</text>", ">mean squared error</text>",
          ">residual</text>", ">chain</text>", ">paper</text>"})
      CHECK_THAT(text, Contains(part));
    // Three filled and three hollow markers and one of each in the legend; two dashed lines.
    CHECK(count(text, "<circle ") == 8);
    CHECK(count(text, "stroke-dasharray") == 2);
    // The third series has the first one's colour: 2 lines, 2 groups of points, hollow and error bars.
    CHECK(count(text, "#0072b2") == 7);
    CHECK(count(text, "#d55e00") == 2);
    CHECK(count(text, "stroke-opacity") == 1);
    CHECK_THAT(text, !Contains("nan") && !Contains("inf"));
  }
}

TEST_CASE("the legend stands outside of the plotting area", "[svg][plot]") {
  Plot plot = example();
  plot.width = 300;
  plot.height = 200;
  for (int i = 0; i < 20; ++i)
    plot.series.push_back({"a name of several words, number " + std::to_string(i), {{4, 38}}});
  for (const Legend legend : {Legend::right, Legend::below}) {
    plot.legend = legend;
    const std::string text = svg(plot);
    CHECK(well_formed(text));
    std::size_t seen = 0;
    // Legend text has its own size; coordinates are relative to the plotting area.
    for (std::size_t at = 0; (at = text.find("<text ", at)) != std::string::npos; ++at) {
      const std::string element = text.substr(at, text.find('>', at) - at);
      if (element.find("font-size=\"13.5\"") == std::string::npos) continue;
      const double x = std::atof(element.c_str() + element.find("x=\"") + 3);
      const double y = std::atof(element.c_str() + element.find("y=\"") + 3);
      CHECK((legend == Legend::right ? x > 300 : y > 200));
      ++seen;
    }
    CHECK(seen >= 23);
  }
}

TEST_CASE("text in a plot is escaped", "[svg][plot]") {
  Plot plot = example();
  plot.title = "a < b & \"c\" > 'd'";
  plot.x_label = std::string("x\x01y\0z", 5);
  plot.y_label = "\xC3\xA9 \xC3( \xED\xA0\x80 \xF0\x9F\x98\x80 \xC0\xAF";
  plot.series[0].name = "</svg>";
  const std::string text = svg(plot);
  CHECK(well_formed(text));
  const std::string bad = "\xEF\xBF\xBD";
  CHECK_THAT(text, Contains("<title>a &lt; b &amp; &quot;c&quot; &gt; &#39;d&#39;</title>"));
  CHECK_THAT(text, Contains(">x" + bad + "y" + bad + "z<"));
  CHECK_THAT(text,
             Contains(">\xC3\xA9 " + bad + "( " + bad + bad + bad + " \xF0\x9F\x98\x80 " + bad + bad + "<"));
  CHECK_THAT(text, Contains("&lt;/svg&gt;"));
}

TEST_CASE("log axes put decades at equal distances", "[svg][plot]") {
  Plot plot;
  plot.x_scale = plot.y_scale = Scale::log;
  plot.x_range = plot.y_range = {{1, 100}};
  plot.width = plot.height = 200;
  plot.series = {{"", {{1, 1}, {10, 10}, {100, 100}}}};
  CHECK_THAT(svg(plot), Contains("d=\"M0 200L100 100L200 0\""));
  // A bar that reaches below zero ends under the picture, without harm.
  plot.series[0].points[1].error = 20;
  CHECK_THAT(svg(plot), Contains("M100 210V") && !Contains("nan"));
}

TEST_CASE("degenerate plots are still pictures", "[svg][plot]") {
  for (const double value : {0.0, 3.0, -3.0, 1e300, -1e-300, 1e-12}) {
    Plot plot;
    plot.series = {{"one", {{value, value}}}};
    INFO(value);
    if (std::abs(value) > 0 && std::abs(value) < 1e-290) {
      CHECK_THROWS_AS(svg(plot), sst::DataError);
      continue;
    }
    CHECK(well_formed(svg(plot)));
    if (value <= 0) continue;
    plot.x_scale = plot.y_scale = Scale::log;
    CHECK(well_formed(svg(plot)));
  }
  Plot plot;
  plot.series = {{"empty", {}}, {"", {{1, 2}, {1, 2 + 1e-15}}}};
  CHECK(well_formed(svg(plot)));
  plot.series.resize(40, {"x", {{1, 2}, {2, 3}}});
  CHECK(well_formed(svg(plot)));
}

TEST_CASE("what lies outside of a given range is clipped", "[svg][plot]") {
  Plot plot;
  plot.x_range = {{0, 1}};
  plot.y_range = {{0, 1}};
  plot.series = {{"", {{0.5, 0.5}, {2, 1e300}, {-1e300, 0.5}}}};
  const std::string text = svg(plot);
  CHECK(count(text, "<circle ") == 1);
  CHECK_THAT(text, Contains("overflow=\"hidden\"") && !Contains("e+") && !Contains("nan"));
}

TEST_CASE("plots that cannot be drawn", "[svg][plot][error]") {
  constexpr double nan = std::numeric_limits<double>::quiet_NaN();
  CHECK_THROWS_WITH(svg(Plot{}), "the plot has no points; add a series with points");
  Plot plot = example();
  plot.series[1].points[2].y = nan;
  CHECK_THROWS_WITH(svg(plot), "series 'chain', point 2: y is not finite; leave the point out");
  plot = example();
  plot.series[0].points[1].x = -nan;
  CHECK_THROWS_WITH(svg(plot), "series 'residual', point 1: x is not finite; leave the point out");
  plot = example();
  plot.series[0].points[0].error = -1;
  CHECK_THROWS_WITH(
      svg(plot),
      "series 'residual', point 0: the error is negative or not finite; it is half the length of the bar");
  plot = example();
  plot.x_scale = Scale::log;
  plot.series[2].points[0].x = 0;
  CHECK_THROWS_WITH(
      svg(plot), "series 'paper', point 0: x is not positive (the axis is logarithmic); use a linear axis");
  plot = example();
  plot.y_range = {{2, 1}};
  CHECK_THROWS_WITH(svg(plot),
                    "the plot's y_range is empty or does not fit the axis; give {low, high}, finite");
  plot.y_range = {{0, 1}};
  plot.y_scale = Scale::log;
  CHECK_THROWS_WITH(
      svg(plot),
      "the plot's y_range is empty or does not fit the axis; give {low, high}, finite and positive");
  plot = example();
  plot.width = nan;
  CHECK_THROWS_WITH(svg(plot), "the plot's width is nan pixels (the range is 100 to 10000); change it");
  plot = example();
  plot.series[0].points = {{-1.7e308, 1}, {1.7e308, 2}};
  CHECK_THROWS_WITH(svg(plot), "the plot's x values span a range that double cannot divide; rescale them");
  std::ostringstream out;
  out.setstate(std::ios::badbit);
  CHECK_THROWS_WITH(example().write(out), "cannot write the plot (the stream failed); check it and its room");
}

TEST_CASE("a plot as a file", "[svg][plot]") {
  const sst_test::Folder folder;
  const fs::path path = folder.path / "a.svg";
  example().write(path);
  CHECK(sst_test::content(path) == svg(example()));
  CHECK_THROWS_WITH(example().write(path / "none.svg"), Contains("cannot write"));
}

}  // namespace plot_tests
