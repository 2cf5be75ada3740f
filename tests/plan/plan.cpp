// SPDX-License-Identifier: MIT
#include "../catch.hpp"

#include <algorithm>
#include <sstream>
#include <vector>

#include <sst/ntk.hpp>
#include <sst/plan/print.hpp>

#include "../little_memory.hpp"

namespace plan_tests {

using sst::Kernel;

namespace {

sst::Topology tapped(int depth, bool after) {
  return sst::trace([&](sst::Node x) {
    auto h = dense(x, {.weight_std = 1.5, .bias_std = 0.05});
    std::vector<sst::Node> taps;
    for (int i = 0; i < depth - 2; ++i) {
      const auto a = relu(h);
      h = dense(a, {.weight_std = 1.5, .bias_std = 0.05});
      taps.push_back(after ? a : h);
    }
    const auto s = sum(taps);
    return dense(after ? s : relu(s), {.weight_std = 1.5, .bias_std = 0.05});
  });
}

}  // namespace

TEST_CASE("sparse shortcuts plan O(depth) pairs, tapped before or after the activation", "[plan]") {
  for (const bool after : {false, true}) {
    const auto shallow = sst::compile(tapped(50, after), Kernel::ntk);
    const auto deep = sst::compile(tapped(100, after), Kernel::ntk);
    CHECK(10 * deep.pairs.size() < 21 * shallow.pairs.size());
    CHECK(deep.pairs.size() < 4 * 100);
    CHECK(deep.slot_count < 16);
    CHECK(deep.angular_only);
  }
}

TEST_CASE("residual chains stay nested: O(depth) steps", "[plan]") {
  const auto net = [](int depth) {
    return sst::trace([&](sst::Node x) {
      auto s = dense(x);
      for (int i = 0; i < depth; ++i) s = dense(relu(s)) + s;
      return dense(relu(s));
    });
  };
  CHECK(10 * sst::compile(net(200), Kernel::ntk).steps.size() <
        21 * sst::compile(net(100), Kernel::ntk).steps.size());
}

TEST_CASE("structural zeros and unused nodes are not tracked", "[plan]") {
  const auto net = sst::trace([](sst::Node x) {
    const auto a = dense(x), b = dense(x);
    dense(relu(a));  // reaches nothing
    return dense(relu(a) + relu(b));
  });
  const auto plan = sst::compile(net, Kernel::ntk);
  for (const auto& pair : plan.pairs) CHECK(pair.left == pair.right);
}

TEST_CASE("cases without a closed form name the node and the reason", "[plan]") {
  const auto refuses = [](auto network, Kernel kernel, const std::string& node, const std::string& why) {
    const auto net = sst::trace(network);
    CHECK_THROWS_AS(sst::compile(net, kernel), sst::NoClosedForm);
    CHECK_THROWS_WITH(sst::compile(net, kernel), Catch::Contains(node) && Catch::Contains(why));
  };
  using sst::Node;
  refuses([](Node x) { return dense(relu(x.named("in")).named("bad")); }, Kernel::nngp, "bad",
          "it is the input");
  refuses([](Node x) { return relu(relu(dense(x)).named("first")).named("bad"); }, Kernel::nngp, "bad",
          "it is an activation");
  refuses([](Node x) { return relu((dense(x) + relu(dense(x)).named("act")).named("mix")).named("bad"); },
          Kernel::nngp, "bad", "'act' in it is not");
  refuses([](Node x) { return relu(concat(dense(x), x).named("c")).named("bad"); }, Kernel::nngp, "bad",
          "'x' in it is not");
  refuses([](Node x) { return dense(sign(dense(x)).named("bad")); }, Kernel::ntk, "bad", "derivative zero");
  const auto tied = [](Node x) {
    const auto h = dense(relu(dense(x)), {.weights = "W"});
    return dense(relu(h), {.weights = "W"}).named("out");
  };
  refuses(tied, Kernel::ntk, "out", "shares weights 'W'");
  CHECK_NOTHROW(sst::compile(sst::trace(tied), Kernel::nngp));
}

TEST_CASE("a plan prints its covariances and their cost", "[plan]") {
  std::ostringstream text;
  text << sst::compile(tapped(5, true), Kernel::ntk);
  CHECK_THAT(text.str(), Catch::Contains("covariances") && Catch::Contains("dense output") &&
                             Catch::Contains("activation less its linear part") &&
                             Catch::Contains("operations"));
}

TEST_CASE("a plan of depth 1000 compiles quickly and without deep recursion", "[plan]") {
  CHECK(sst::compile(tapped(1000, false), Kernel::ntk).pairs.size() > 1000);
  CHECK(sst::compile(sst::identity_connected(1000), Kernel::ntk).pairs.size() < 3000);
}

TEST_CASE("sums that begin alike, and those that almost do", "[plan]") {
  const auto net = [](bool reversed) {
    return sst::trace([&](sst::Node x) {
      const std::vector<sst::Node> h{dense(x), dense(x), dense(x), dense(x)};
      const auto add = [&](std::vector<std::size_t> which, std::vector<double> coefficients) {
        if (reversed) {
          std::reverse(which.begin(), which.end());
          std::reverse(coefficients.begin(), coefficients.end());
        }
        std::vector<sst::Node> terms;
        for (const std::size_t k : which) terms.push_back(h[k]);
        return relu(sum(terms, coefficients));
      };
      return sst::dense(
          sst::sum({add({0, 1}, {1, 2}), add({0, 1, 2}, {1, 2, 3}), add({0, 1, 2, 3}, {1, 2, 4, 3}),
                    add({0, 1, 3}, {1, 2, 1}), add({0, 1, 2, 3}, {1, 2, 3, 5})}));
    });
  };
  const Eigen::MatrixXd x = Eigen::MatrixXd::Random(5, 3);
  const auto expected = sst::gram(net(true), x), found = sst::gram(net(false), x);
  CHECK((found.ntk - expected.ntk).norm() < 1e-14 * expected.ntk.norm());
  CHECK((found.nngp - expected.nngp).norm() < 1e-14 * expected.nngp.norm());
}

TEST_CASE("a plan that does not fit into memory is an error, not the end", "[plan]") {
  // Each layer takes the sum of all before it, all with the same weights: depth^4 terms.
  const auto tied = sst::trace(
      [](sst::Node x) {
        auto h = dense(x), s = h;
        for (int i = 0; i < 60; ++i) {
          h = sst::dense(sst::sum({relu(h), s}), {.bias_std = 0.1, .weights = "W"});
          s = s + h;
        }
        return dense(relu(s));
      },
      "tied");
  const sst_test::LittleMemory little(1e8);
  CHECK_THROWS_WITH(sst::compile(tied, Kernel::nngp), Catch::Contains("the plan of 'tied'") &&
                                                          Catch::Contains("GiB are free; use fewer layers"));
}

}  // namespace plan_tests
