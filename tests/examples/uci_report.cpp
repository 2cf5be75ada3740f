// SPDX-License-Identifier: MIT
#include "../../examples/uci_report.hpp"

#include <sstream>
#include <string>
#include <vector>

#include "../catch.hpp"

namespace uci_report_tests {

using Catch::Matchers::Contains;
using program::Protocol;
using program::Result;

Result result(const std::string& set, const std::string& method, double accuracy) {
  Result out;
  out.set = set;
  out.method = method;
  out.outcome.folds = {accuracy, accuracy, accuracy, accuracy};
  out.outcome.chosen = {{"L=2 L'=1", 0.01, 0.5}};
  return out;
}

TEST_CASE("methods are compared over the sets of one protocol", "[examples][uci_report]") {
  std::vector<Result> all{result("a", "svm", 0.8), result("a", "ridge", 0.74), result("b", "svm", 0.9),
                          result("b", "ridge", 0.9)};
  all.push_back(result("a", "svm", 0));
  all.back().protocol = Protocol::nested;
  std::ostringstream out;
  out << program::Comparison(all, Protocol::published);
  CHECK_THAT(out.str(), Contains("2 sets, published protocol"));
  CHECK_THAT(out.str(), Contains("svm          85.00  100.0  100.0  100.00             2\n"));
  CHECK_THAT(out.str(), Contains("ridge        82.00  100.0   50.0   96.25             1\n"));
  CHECK_THAT(out.str(), Contains("svm    ridge           3.00    1     1     0  1.0000     1.0000\n"));
}

TEST_CASE("a table of results has a row for each", "[examples][uci_report]") {
  Result one = result("a", "svm", 0.75);
  one.rows = 10;
  one.features = 3;
  one.classes = 2;
  one.outcome.chosen.push_back({"L=1 L'=0", 1e4, 0.5});
  std::ostringstream out;
  program::write_csv(out, {one});
  CHECK_THAT(out.str(),
             Contains("\na,10,3,2,svm,published,0.75,0.75,0.75,0.75,0.75,L=2 L'=1 at 0.01; L=1 L'=0 at "
                      "10000\n"));
}

}  // namespace uci_report_tests
