// SPDX-License-Identifier: MIT
#include <svg/bars.hpp>

#include <limits>
#include <string>
#include <vector>

#include "../catch.hpp"
#include "xml.hpp"

namespace bars_tests {

using Catch::Matchers::Contains;
using xml_test::attribute;
using xml_test::elements;
using xml_test::number;

std::vector<double> widths(const std::string& svg) {
  std::vector<double> out;
  for (const std::string& rect : elements(svg, "rect"))
    if (attribute(rect, "width") != "100%") out.push_back(number(rect, "width"));
  return out;
}

TEST_CASE("bars are as long as their values, panel by panel", "[svg][bars]") {
  const std::string svg = svg::bars({{"scales", {"rm", "<b>", "zn"}, {4, 1, 0}, {}, {}},
                                     {"errors", {"rm", "zn"}, {0.5, 0.25}, 0.125, "as it is:"}},
                                    "what matters");
  CHECK(xml_test::well_formed(svg));
  for (const char* words : {">what matters<", ">scales<", ">errors<", ">rm<", ">&lt;b&gt;<", ">zn<", ">4<",
                            ">1<", ">0<", ">0.5<", ">0.25<", ">as it is: 0.125<"})
    CHECK_THAT(svg, Contains(words));
  const std::vector<double> found = widths(svg);
  REQUIRE(found.size() == 5);
  CHECK(found[1] == Approx(found[0] / 4));
  CHECK(found[2] == 0);
  CHECK(found[3] == Approx(found[0]));  // the longest of each panel
  CHECK(found[4] == Approx(found[3] / 2));
  const double left = number(elements(svg, "rect").back(), "x");
  CHECK_THAT(svg, Contains("d=\"M" + svg::detail::svg_number(left + found[3] / 4) + ' '));
}

TEST_CASE("what a panel of bars leaves out is counted, and nothing leaves the picture", "[svg][bars]") {
  svg::BarPanel panel{"many", {}, {}, {}, {}};
  for (int i = 0; i < 40; ++i) {
    panel.names.push_back("a feature with a long name " + std::to_string(i));
    panel.values.push_back(i % 7);
  }
  const std::string svg = svg::bars({panel});
  CHECK(widths(svg).size() == panel.most);
  CHECK_THAT(svg, Contains(">and 10 more<"));
  const std::string frame = svg.substr(0, svg.find('>'));
  for (const std::string& text : elements(svg, "text")) {
    CHECK(number(text, "y") < number(frame, "height"));
    CHECK(number(text, "x") < number(frame, "width"));
    if (attribute(text, "text-anchor") == "end")
      CHECK(number(text, "x") > 13 * svg::detail::text_width(panel.names[12]));
  }
}

TEST_CASE("bars refuse what they cannot draw", "[svg][bars]") {
  CHECK_THROWS_WITH(svg::bars({{"a", {}, {}, {}, {}}}), Contains("0 names and 0 values"));
  CHECK_THROWS_WITH(svg::bars({{"a", {"x"}, {1, 2}, {}, {}}}), Contains("1 names and 2 values"));
  for (const double wrong :
       {-1.0, std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()})
    CHECK_THROWS_WITH(svg::bars({{"a", {"x", "y"}, {1, wrong}, {}, {}}}), Contains("the bar of 'y'"));
  CHECK(widths(svg::bars({{"a", {"x"}, {0}, {}, {}}})) == std::vector<double>{0});
}

}  // namespace bars_tests
