// SPDX-License-Identifier: MIT
#include "../../examples/image_draws.hpp"

#include <algorithm>
#include <numeric>
#include <set>
#include <vector>

#include <Eigen/Core>

#include "../catch.hpp"

namespace image_draws_tests {

using Catch::Matchers::Contains;
using Rows = std::vector<Eigen::Index>;

TEST_CASE("images are taken in order, or as many of each class", "[examples][image_draws]") {
  const Rows order{3, 1, 4, 0, 5, 2};
  const Eigen::VectorXi labels{{7, 7, 7, 7, 2, 2}};
  CHECK(take(order, labels, 3, false, "") == Rows{3, 1, 4});
  CHECK(take(order, labels, 2, true, "") == Rows{3, 4});
  CHECK(take(order, labels, 4, true, "") == Rows{3, 1, 4, 5});
  CHECK_THROWS_WITH(take(order, labels, 3, true, "to train on"),
                    Contains("no 3 images to train on") && Contains("a multiple of 2"));
  CHECK_THROWS_WITH(take(order, labels, 6, true, "to test on"),
                    Contains("class 2 has 2 images to test on, and 3"));
}

TEST_CASE("draws: the smaller sets among the larger, the rest in none, the same for a seed",
          "[examples][image_draws]") {
  Eigen::VectorXi labels(60);
  for (Eigen::Index i = 0; i < 60; ++i) labels[i] = static_cast<int>(i % 3);
  for (const bool balanced : {false, true}) {
    const auto draws = make_draws(labels, {6, 12, 30}, 4, balanced, 5);
    REQUIRE(draws.size() == 4);
    for (const Draw& draw : draws) {
      const auto set = [](const Rows& rows) { return std::set<Eigen::Index>(rows.begin(), rows.end()); };
      const auto small = set(draw.train[0]), middle = set(draw.train[1]), large = set(draw.train[2]);
      CHECK(small.size() == 6);
      CHECK(middle.size() == 12);
      CHECK(large.size() == 30);
      CHECK(std::includes(middle.begin(), middle.end(), small.begin(), small.end()));
      CHECK(std::includes(large.begin(), large.end(), middle.begin(), middle.end()));
      auto all = large;
      for (const Eigen::Index i : draw.rest) CHECK(all.insert(i).second);
      CHECK(all.size() == 60);
      if (balanced)
        for (int label = 0; label < 3; ++label)
          CHECK(std::count_if(draw.train[0].begin(), draw.train[0].end(),
                              [&](Eigen::Index i) { return labels[i] == label; }) == 2);
    }
    CHECK(draws[0].train != draws[1].train);
    CHECK(draws[1].train == make_draws(labels, {6, 12, 30}, 1, balanced, 6)[0].train);
  }
  CHECK_THROWS_WITH(make_draws(labels, {61}, 1, false, 0), Contains("60 images to draw 61 from"));
}

}  // namespace image_draws_tests
