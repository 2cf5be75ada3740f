// SPDX-License-Identifier: MIT
#include <sst/pipeline/target.hpp>

#include <string>
#include <vector>

#include "../catch.hpp"
#include "../tables/raw_table.hpp"

namespace target_tests {

using Catch::Matchers::Contains;
using sst::TableEncoding;

using sst_test::raw_table;

TEST_CASE("Targets as numbers", "[pipeline][target]") {
  const auto encoding = TableEncoding::learn(raw_table("a,b,y\n1,2,3\n4,6,6\n"), "y");
  CHECK(sst::target_numbers(encoding.apply(raw_table("y,a,b\n3.5,1,2\n-1e3,4,6\n")), encoding) ==
        Eigen::Vector2d(3.5, -1000));
  CHECK_THROWS_WITH(sst::target_numbers(encoding.apply(raw_table("a,b,y\n1,2,u\n")), encoding),
                    Contains("row 2, column 3 ('y'): 'u' is not a number"));
}

TEST_CASE("Targets as classes", "[pipeline][target]") {
  const auto encoding = TableEncoding::learn(raw_table("a,y\n1,10\n2,9\n3,9\n4,-1\n"), "y");
  const auto encoded = encoding.apply(raw_table("a,y\n1,10\n2,9\n3,9\n4,-1\n"));
  const std::vector<std::string> classes = sst::target_classes(encoded);
  CHECK(classes == std::vector<std::string>{"-1", "9", "10"});  // by value
  CHECK(sst::class_indices(encoded, encoding, classes) == std::vector<int>{2, 1, 1, 0});
  CHECK_THROWS_WITH(sst::class_indices(encoding.apply(raw_table("a,y\n1,9\n2,8\n")), encoding, classes),
                    Contains("row 3, column 2 ('y'): the class '8' was not there in training"));
  const auto words = TableEncoding::learn(raw_table("a,y\n1,u\n2,10\n3,9\n"), "y");
  CHECK(sst::target_classes(words.apply(raw_table("a,y\n1,u\n2,10\n3,9\n"))) ==
        std::vector<std::string>{"10", "9", "u"});
}

}  // namespace target_tests
