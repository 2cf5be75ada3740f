// SPDX-License-Identifier: MIT
#include <svg/matrix.hpp>

#include <limits>
#include <string>
#include <vector>

#include "../catch.hpp"
#include "xml.hpp"

namespace matrix_tests {

using Catch::Matchers::Contains;
using xml_test::attribute;
using xml_test::elements;
using xml_test::number;

TEST_CASE("a matrix of results has all names and numbers, shaded by rank", "[svg][matrix]") {
  Eigen::MatrixXd results(2, 3);
  results << 0.5, 0.123456, 0.5, -2, 1234567, 30;
  const std::string svg =
      svg::results_matrix({"boston", "a long name of <data>"}, {"chain", "residual", "sparse shortcut"},
                          results, sst::Better::smaller, "errors");
  CHECK(xml_test::well_formed(svg));
  for (const char* words : {">boston<", ">a long name of &lt;data&gt;<", ">chain<", ">residual<",
                            ">sparse shortcut<", ">0.5<", ">0.1235<",
                            ">\xE2\x88\x92"
                            "2<",
                            ">1.235e+06<", ">30<", ">average rank<", ">1.75<", ">2<", ">2.25<", ">errors<"})
    CHECK_THAT(svg, Contains(words));
  std::vector<std::string> shades;
  for (const std::string& rect : elements(svg, "rect"))
    if (attribute(rect, "width") != "100%") shades.push_back(attribute(rect, "fill-opacity"));
  CHECK(shades == std::vector<std::string>{"0.15", "0.6", "0.15", "0.6", "0", "0.3", "0.6", "0.3", "0"});
}

TEST_CASE("cells of a matrix of results are as wide as their words", "[svg][matrix]") {
  const std::vector<std::string> methods{"a", "densely connected"};
  const std::string svg =
      svg::results_matrix({"x", "y"}, methods, Eigen::MatrixXd::Identity(2, 2), sst::Better::larger);
  for (const std::string& rect : elements(svg, "rect"))
    if (attribute(rect, "width") != "100%")
      CHECK(number(rect, "width") > 13 * svg::detail::text_width(methods[1]));
}

TEST_CASE("a matrix of results refuses what it cannot draw", "[svg][matrix]") {
  Eigen::MatrixXd results = Eigen::MatrixXd::Identity(2, 2);
  CHECK_THROWS_WITH(svg::results_matrix({"x"}, {"a", "b"}, results, sst::Better::larger),
                    Contains("1 data sets and 2 methods for results of 2 and 2"));
  results(1, 0) = std::numeric_limits<double>::quiet_NaN();
  CHECK_THROWS_WITH(svg::results_matrix({"x", "y"}, {"a", "b"}, results, sst::Better::larger),
                    Contains("data set 1: result 0 is NaN"));
}

}  // namespace matrix_tests
