// SPDX-License-Identifier: MIT
#include <svg/critical_difference.hpp>

#include <cmath>
#include <cstddef>
#include <cstdio>
#include <limits>
#include <string>
#include <vector>

#include "../catch.hpp"
#include "xml.hpp"

namespace critical_difference_tests {

using Catch::Matchers::Contains;
using xml_test::attribute;
using xml_test::elements;
using xml_test::number;

TEST_CASE("a critical difference diagram has the names, the bars and the difference",
          "[svg][critical_difference]") {
  // Demsar 2006, figure 1a.
  const Eigen::VectorXd ranks{{3.143, 2.000, 2.893, 1.964}};
  const std::string svg =
      svg::critical_difference({"C4.5", "C4.5+m", "C4.5+cf", "<both>"}, ranks, 1.12, "AUC & all");
  CHECK(xml_test::well_formed(svg));
  for (const char* words : {">C4.5 (3.14)<", ">C4.5+m (2)<", ">C4.5+cf (2.89)<", ">&lt;both&gt; (1.96)<",
                            ">CD = 1.12<", ">AUC &amp; all<", ">1<", ">2<", ">3<", ">4<"})
    CHECK_THAT(svg, Contains(words));
  // On an axis of 420 pixels from rank 1 to rank 4, the groups overlap in C4.5+cf.
  std::vector<std::string> bars;
  for (const std::string& path : elements(svg, "path"))
    if (attribute(path, "stroke-width") == "5") bars.push_back(attribute(path, "d"));
  CHECK(bars == std::vector<std::string>{"M131.96 12H268.02", "M262.02 24H303.02"});
}

TEST_CASE("names of a critical difference diagram do not overlap, and lines do not cross",
          "[svg][critical_difference]") {
  for (const int count : {2, 5, 30}) {
    CAPTURE(count);
    Eigen::VectorXd ranks(count);
    std::vector<std::string> names;
    for (int i = 0; i < count; ++i) {
      ranks[i] = 1 + (i * 7 % count) * 0.9 * (count - 1) / count;
      names.push_back("method " + std::to_string(i));
    }
    const std::string svg = svg::critical_difference(names, ranks, 3 * count);  // a bar wider than the axis
    CHECK(xml_test::well_formed(svg));
    std::vector<double> rows[2];
    for (const std::string& text : elements(svg, "text"))
      if (number(text, "x") < 0 || number(text, "x") > 420)
        rows[number(text, "x") > 420].push_back(number(text, "y"));
    CHECK(rows[0].size() + rows[1].size() == names.size());
    for (const auto& side : rows)
      for (std::size_t i = 1; i < side.size(); ++i) CHECK(std::abs(side[i] - side[i - 1]) > 15);
    struct Elbow {
      double x, y, side;
    };
    std::vector<Elbow> elbows;
    for (const std::string& path : elements(svg, "path")) {
      Elbow e{};
      if (std::sscanf(attribute(path, "d").c_str(), "M%lf 0V%lfH%lf", &e.x, &e.y, &e.side) == 3)
        elbows.push_back(e);
    }
    REQUIRE(elbows.size() == names.size());
    for (const Elbow& a : elbows)
      for (const Elbow& b : elbows) {
        const bool passed = (b.x - a.x) * (b.x - a.side) < 0;  // a's level part passes b's upright one
        CHECK((!passed || a.y > b.y));
      }
  }
}

TEST_CASE("a critical difference diagram refuses what it cannot draw", "[svg][critical_difference]") {
  const Eigen::VectorXd ranks{{1, 2}};
  CHECK_THROWS_WITH(svg::critical_difference({"a"}, ranks, 1), Contains("1 methods and 2 average ranks"));
  CHECK_THROWS_WITH(svg::critical_difference({"a", "b"}, Eigen::VectorXd{{0.5, 2}}, 1),
                    Contains("from 1 to"));
  CHECK_THROWS_WITH(svg::critical_difference({"a", "b"}, ranks, -1), Contains("positive difference"));
  CHECK_THROWS_WITH(svg::critical_difference({"a", "b"}, ranks, std::numeric_limits<double>::infinity()),
                    Contains("infinite"));
}

}  // namespace critical_difference_tests
