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
  const auto encoding = TableEncoding::learn(raw_table("a,b,y\n1,2,3\n4,6,6\n"), {"y"});
  CHECK(sst::target_numbers(encoding.apply(raw_table("y,a,b\n3.5,1,2\n-1e3,4,6\n")), encoding) ==
        Eigen::Vector2d(3.5, -1000));
  CHECK_THROWS_WITH(sst::target_numbers(encoding.apply(raw_table("a,b,y\n1,2,u\n")), encoding),
                    Contains("row 2, column 3 ('y'): 'u' is not a number"));
}

TEST_CASE("Targets as classes", "[pipeline][target]") {
  const auto encoding = TableEncoding::learn(raw_table("a,y\n1,10\n2,9\n3,9\n4,-1\n"), {"y"});
  const auto encoded = encoding.apply(raw_table("a,y\n1,10\n2,9\n3,9\n4,-1\n"));
  const std::vector<std::string> classes = sst::target_classes(encoded);
  CHECK(classes == std::vector<std::string>{"-1", "9", "10"});  // by value
  CHECK(sst::class_indices(encoded, encoding, classes) == std::vector<int>{2, 1, 1, 0});
  CHECK_THROWS_WITH(sst::class_indices(encoding.apply(raw_table("a,y\n1,9\n2,8\n")), encoding, classes),
                    Contains("row 3, column 2 ('y'): the class '8' was not there in training"));
  const auto words = TableEncoding::learn(raw_table("a,y\n1,u\n2,10\n3,9\n"), {"y"});
  CHECK(sst::target_classes(words.apply(raw_table("a,y\n1,u\n2,10\n3,9\n"))) ==
        std::vector<std::string>{"10", "9", "u"});
}

TEST_CASE("1, 1.0 and 01 are one class, in training and after it", "[pipeline][target]") {
  const std::string text = "a,y\n1,1\n2,1.0\n3,01\n4,2\n5,-0\n6,0\n";
  const auto encoding = TableEncoding::learn(raw_table(text), {"y"});
  const auto encoded = encoding.apply(raw_table(text));
  const std::vector<std::string> classes = sst::target_classes(encoded);
  CHECK(classes == std::vector<std::string>{"0", "1", "2"});
  CHECK(sst::class_indices(encoded, encoding, classes) == std::vector<int>{1, 1, 1, 2, 0, 0});
  const auto other = encoding.apply(raw_table("a,y\n1,2.0\n2,+1\n"));
  CHECK(sst::class_indices(other, encoding, classes) == std::vector<int>{2, 1});
  // A list that was saved as it was written.
  CHECK(sst::class_indices(other, encoding, {"0.0", "1.0", "2.0"}) == std::vector<int>{2, 1});
}

TEST_CASE("A quantity is not taken for classes", "[pipeline][target][error]") {
  const auto classes = [](int count, int rows, double unit) {
    std::string text = "a,y\n";
    for (int i = 0; i < rows; ++i)
      text += std::to_string(i) + "," + std::to_string(unit * (i % count)) + "\n";
    const auto encoding = TableEncoding::learn(raw_table(text), {"y"});
    return sst::target_classes(encoding.apply(raw_table(text))).size();
  };
  CHECK(classes(20, 40, 1) == 20);
  CHECK(classes(100, 500, 1) == 100);
  CHECK(classes(10, 30, 0.5) == 10);
  CHECK_THROWS_WITH(classes(22, 59, 1), Contains("22 different numbers in 59 rows"));
  CHECK_THROWS_WITH(classes(11, 300, 0.5), Contains("looks like a quantity"));
}

}  // namespace target_tests
