// SPDX-License-Identifier: MIT
#include "../catch.hpp"

#include <cmath>
#include <limits>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include <sst/topology/node.hpp>
#include <sst/topology/topology.hpp>

namespace topology_tests {

using Catch::Matchers::Contains;
using sst::Node, sst::Topology, sst::trace;

TEST_CASE("trace writes a function of nodes down, in the order of its calls", "[topology]") {
  const Topology net = trace(
      [](Node x) {
        auto h0 = dense(x, {.weight_std = 1.5, .bias_std = 0.05});
        auto h1 = dense(relu(h0), {.weight_std = 1.5, .bias_std = 0.05});
        return dense(relu(sum(h0, h1)).named("r"), {.weight_std = 2}).named("y");
      },
      "two taps");
  CHECK(net.name() == "two taps");
  REQUIRE(net.nodes().size() == 7);
  std::vector<std::string> names;
  for (const auto& spec : net.nodes()) names.push_back(spec.name);
  CHECK(names == std::vector<std::string>{"x", "dense_1", "relu_2", "dense_3", "sum_4", "r", "y"});
  CHECK(net.nodes()[4].inputs == std::vector<std::size_t>{1, 3});
  CHECK(net.output() == 6);
  CHECK(net.depth() == 3);
  CHECK(std::get<sst::DenseOp>(net.nodes()[6].operation) == sst::DenseOp{2, 0, ""});
  CHECK(net == trace(
                   [](Node x) {
                     auto h0 = dense(x, {1.5, 0.05}), h1 = dense(relu(h0), {1.5, 0.05});
                     return dense(relu(h0 + h1).named("r"), {2}).named("y");
                   },
                   "two taps"));
}

TEST_CASE("topologies are equal when everything in them is", "[topology]") {
  const auto make = [](double slope, double weight_std, const char* name) {
    return trace([&](Node x) { return dense(leaky_relu(dense(x), slope), {weight_std}); }, name);
  };
  CHECK(make(0.1, 1, "a") == make(0.1, 1, "a"));
  CHECK(make(0.1, 1, "a") != make(0.2, 1, "a"));
  CHECK(make(0.1, 1, "a") != make(0.1, 2, "a"));
  CHECK(make(0.1, 1, "a") != make(0.1, 1, "b"));
}

TEST_CASE("operators are sums", "[topology]") {
  const Topology net = trace([](Node x) { return 0.5 * (dense(x) - relu(dense(x))); });
  CHECK(std::get<sst::SumOp>(net.nodes()[4].operation).coefficients == std::vector<double>{1, -1});
  CHECK(std::get<sst::SumOp>(net.nodes()[5].operation).coefficients == std::vector<double>{0.5});
}

TEST_CASE("the blocks of a concatenation last until the next dense", "[topology]") {
  const Topology net = trace([](Node x) {
    const auto h = dense(x);
    const auto c = sst::concat({h, sst::concat({h, h}, {0.25, 0.75})}, {0.5, 0.5});
    return dense(relu(c) + c);
  });
  const auto& nodes = net.nodes();
  REQUIRE(nodes.size() == 7);
  CHECK(net.blocks(1) == std::vector<double>{1});
  CHECK(net.blocks(3) == std::vector<double>{0.5, 0.125, 0.375});
  CHECK(net.blocks(4) == net.blocks(3));
  CHECK(net.blocks(5) == net.blocks(3));
  CHECK(net.blocks(6) == std::vector<double>{1});
}

TEST_CASE("what is not a topology says which node and why", "[topology]") {
  const double inf = std::numeric_limits<double>::infinity();
  const auto fails = [](auto&& network, const char* node, const char* problem) {
    CHECK_THROWS_WITH(trace(network), Contains(node) && Contains(problem));
    CHECK_THROWS_AS(trace(network), sst::TopologyError);
  };
  fails([](Node x) { return dense(x, {-1}); }, "node 'dense_1' (dense)", "weight_std is negative");
  fails([](Node x) { return dense(x, {1, -1}); }, "node 'dense_1' (dense)", "bias_std is negative");
  fails([&](Node x) { return dense(x, {inf}); }, "node 'dense_1' (dense)", "weight_std is not a finite");
  fails([](Node x) { return dense(x, {.weight_rate = -1}); }, "node 'dense_1' (dense)",
        "weight_rate is negative; it is a learning rate");
  fails([&](Node x) { return conv(x, {.bias_rate = inf}); }, "node 'conv_1' (conv)",
        "bias_rate is not a finite");
  fails(
      [&](Node x) {
        return dense(x, {1, std::nan("")});
      },
      "node 'dense_1' (dense)", "bias_std is not a finite");
  fails([&](Node x) { return leaky_relu(dense(x), inf).named("a"); }, "node 'a' (leaky_relu)", "slope");
  fails([&](Node x) { return (inf * dense(x)).named("s"); }, "node 's' (sum)", "coefficients");
  fails([](Node x) { return sst::sum({x, x}, {1, 2, 3}); }, "(sum)", "3 coefficients for 2 inputs");
  fails([](Node x) { return sst::concat({x, x}, {1}); }, "(concat)", "1 fractions for 2 inputs");
  fails([](Node x) { return sst::concat({x, x}, {0.5, 0.6}); }, "(concat)", "add up to 1.1");
  fails([](Node x) { return sst::concat({x, x}, {1.5, -0.5}); }, "(concat)", "not positive");
  fails(
      [](Node x) {
        return sst::concat({x, x}, {1, std::nan("")});
      },
      "(concat)", "fractions is not a finite");
  fails([](Node x) { return dense(x) + sst::concat({x, x}); }, "(sum)", "channel blocks differ");
  fails([](Node x) { return dense(dense(x).named("h")).named("h"); }, "node 'h' (dense)", "twice");
  fails([](Node x) { return dense(x).named(""); }, "node 1 (dense)", "no name");
  fails(
      [](Node x) {
        return dense(dense(x, {1, 0, "W"}).named("a"), {2, 0, "W"}).named("b");
      },
      "node 'b' (dense)", "shares weights 'W' with node 'a'");
  fails(
      [](Node x) {
        return conv(conv(x, {.weights = "W"}).named("a"), {.weights = "W", .bias_rate = 0}).named("b");
      },
      "node 'b' (conv)", "shares weights 'W' with node 'a' but has another weight_rate or bias_rate");
  fails([](Node) { return sst::sum(std::vector<Node>{}); }, "sum", "no nodes");
  fails([](Node) { return sst::concat({}); }, "concat", "no nodes");
  CHECK_NOTHROW(trace([](Node x) { return sst::concat({x, x}, {0.5, 0.5 + 9e-10}); }));  // within 1e-9

  std::optional<Node> other;
  const auto keep = [&](Node x) {
    other = x;
    return x;
  };
  (void)trace(keep);
  CHECK_THROWS_WITH(trace([&](Node x) { return x + *other; }), Contains("different networks"));
}

TEST_CASE("lists of nodes are checked as well", "[topology]") {
  const sst::NodeSpec x{"x", sst::InputOp{}, {}};
  const auto dense = [](std::vector<std::size_t> inputs) {
    return sst::NodeSpec{"h", sst::DenseOp{}, inputs};
  };
  CHECK_THROWS_WITH(Topology("t", {}, 0), Contains("no nodes"));
  CHECK_THROWS_WITH(Topology("t", {x}, 1), Contains("node 1 of 1"));
  CHECK_THROWS_WITH(Topology("t", {x, dense({1})}, 1),
                    Contains("node 'h' (dense)") && Contains("order the nodes"));
  CHECK_THROWS_WITH(Topology("t", {x, dense({7})}, 1), Contains("node 'h' (dense)"));
  CHECK_THROWS_WITH(Topology("t", {x, dense({})}, 1), Contains("has 0 inputs but takes exactly one"));
  CHECK_THROWS_WITH(Topology("t", {x, {"z", sst::InputOp{}, {}}}, 1), Contains("second input"));
  CHECK_THROWS_WITH(Topology("t", {{"x", sst::InputOp{}, {0}}}, 0), Contains("node 'x' (input)"));
  CHECK_THROWS_WITH(Topology("t", {x, {"s", sst::SumOp{}, {}}}, 0), Contains("takes at least one input"));
  CHECK(Topology("t", {x}, 0).depth() == 0);  // the input alone is a network
}

TEST_CASE("a topology prints one node a line", "[topology]") {
  std::ostringstream out;
  out << trace(
      [](Node x) {
        const auto h = dense(x, {1.5, 0.05}).named("h");
        const auto g = dense(leaky_relu(h, 0.1).named("a"), {1, 0, "W", 0.5, 0}).named("g");
        return sst::concat({sst::sum({h, g}, {1, -0.1}).named("s"), g}, {0.25, 0.75}).named("c");
      },
      "small");
  CHECK(out.str() ==
        "topology 'small', depth 2\n"
        "  x = input()\n"
        "  h = dense(x; weight_std 1.5, bias_std 0.05)\n"
        "  a = leaky_relu(h; slope 0.1)\n"
        "  g = dense(a; weight_std 1, bias_std 0, weights W, weight_rate 0.5, bias_rate 0)\n"
        "  s = sum(h, -0.1*g)\n"
        "  c = concat(0.25:s, 0.75:g)\n"
        "  output c\n");
}

TEST_CASE("concatenations of concatenations stop before they fill the memory", "[topology]") {
  CHECK_THROWS_WITH(sst::trace([](sst::Node x) {
                      auto h = dense(x);
                      for (int i = 0; i < 40; ++i) h = concat(h, h);
                      return dense(h);
                    }),
                    Catch::Contains("channel blocks"));
}

}  // namespace topology_tests
