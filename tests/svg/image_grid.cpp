// SPDX-License-Identifier: MIT
#include <svg/image_grid.hpp>

#include <cmath>
#include <string>

#include "../catch.hpp"
#include "xml.hpp"

namespace image_grid_tests {

using Catch::Matchers::Contains;
using xml_test::elements;
using xml_test::number;

TEST_CASE("a grid of images draws every pixel, as runs of one colour", "[svg][image_grid]") {
  const svg::Picture grey{{2, 3, 1}, (Eigen::RowVectorXd(6) << 0, 0, 1, 1, 1, 1).finished()};
  const svg::Picture red{{1, 1, 3}, Eigen::RowVector3d(1, 0, 0.5)};
  const std::string svg = svg::image_grid(
      {.title = "a <title>", .columns = {"first", "the second"}, .rows = {{grey, red}, {red, grey}}});
  CHECK(xml_test::well_formed(svg));
  CHECK_THAT(svg, Contains("a &lt;title&gt;") && Contains(">first<") && Contains(">the second<"));
  CHECK_THAT(svg, Contains("<path fill=\"#000000\" d=\"M0 0h2v1h-2z\"/>"));
  CHECK_THAT(svg, Contains("<path fill=\"#ffffff\" d=\"M2 0h1v1h-1zM0 1h3v1h-3z\"/>"));
  CHECK_THAT(svg, Contains("<path fill=\"#ff0084\" d=\"M0 0h1v1h-1z\"/>"));
  CHECK(elements(svg, "g").size() == 4);
  CHECK(number(elements(svg, "svg")[0], "width") > 2 * 84 * 1.5);  // as wide as the widest
}

TEST_CASE("a grid refuses what it cannot draw", "[svg][image_grid]") {
  const svg::Picture dot{{1, 1, 1}, Eigen::RowVectorXd::Constant(1, 0.5)};
  const auto refused = [](const svg::Picture& picture, const std::string& text) {
    CHECK_THROWS_WITH(svg::image_grid({.columns = {"a"}, .rows = {{picture}}}), Contains(text));
  };
  CHECK_THROWS_WITH(svg::image_grid({}), Contains("no pictures"));
  CHECK_THROWS_WITH(svg::image_grid({.columns = {"a", "b"}, .rows = {{dot}}}),
                    Contains("1 pictures in a grid of 2 columns"));
  refused({{1, 1, 2}, Eigen::RowVector2d(0, 1)}, "1 x 1 x 2 has 2 values");
  refused({{1, 2, 1}, Eigen::RowVectorXd::Constant(1, 0.5)}, "1 x 2 x 1 has 1 values");
  refused({{1, 1, 1}, Eigen::RowVectorXd::Constant(1, 1.5)}, "from 0 to 1");
  refused({{1, 1, 1}, Eigen::RowVectorXd::Constant(1, std::nan(""))}, "from 0 to 1");
}

}  // namespace image_grid_tests
