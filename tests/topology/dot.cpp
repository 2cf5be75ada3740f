// SPDX-License-Identifier: MIT
#include "../catch.hpp"
#include "../comma_locale.hpp"

#include <string>

#include <sst/topology/dot.hpp>
#include <sst/topology/families.hpp>

namespace dot_tests {

using Catch::Matchers::Contains;

namespace {

/// How often `part` occurs in `text`.
int count(const std::string& text, const std::string& part) {
  int n = 0;
  for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + part.size())) ++n;
  return n;
}

}  // namespace

TEST_CASE("DOT: a line a node and a line an edge, the output marked", "[topology]") {
  const std::string dot = sst::to_dot(sst::sparse_shortcut(5, {.weight_std = 1.5, .bias_std = 0.05}));
  CHECK_THAT(dot, Catch::Matchers::StartsWith("digraph topology {\n") && Catch::Matchers::EndsWith("}\n"));
  CHECK(count(dot, "[label=\"") == 11);  // no coefficients, so no labels on edges
  CHECK(count(dot, " -> ") == 12);
  CHECK(count(dot, "peripheries=2") == 1);
  CHECK_THAT(dot, Contains("n0 [label=\"x\\ninput\"") &&
                      Contains("n1 [label=\"h0\\ndense 1.5, bias 0.05\"") && Contains("n0 -> n1;"));
}

TEST_CASE("DOT: coefficients and shares on edges, nodes used twice", "[topology]") {
  const std::string dot = sst::to_dot(sst::trace([](sst::Node x) {
    const auto h = dense(x), g = dense(h);
    return dense(leaky_relu(sst::concat({sst::sum({h, h, g}, {1, -0.5, 2}), g}, {1.0 / 3, 2.0 / 3}), 0.1));
  }));
  CHECK(count(dot, "n1 -> n3") == 2);
  CHECK_THAT(dot, Contains("n1 -> n3;") && Contains("n1 -> n3 [label=\" -0.5\"];") &&
                      Contains("n2 -> n3 [label=\" 2\"];") && Contains("n3 -> n4 [label=\" 0.333\"];") &&
                      Contains("n2 -> n4 [label=\" 0.667\"];") && Contains("leaky_relu, slope 0.1"));
}

TEST_CASE("DOT: nodes of one weights name have one colour", "[topology]") {
  const std::string dot = sst::to_dot(sst::trace([](sst::Node x) {
    const auto u = dense(x, {1, 0, "U"});
    const auto v = dense(relu(dense(relu(u), {1, 0, "W"})), {1, 0, "W"});
    return dense(relu(u + v));
  }));
  CHECK(count(dot, "penwidth=2") == 3);
  CHECK(count(dot, "#f4a582") == 1);
  CHECK(count(dot, "#92c5de") == 2);
  CHECK(count(dot, "#deebf7") == 1);  // the read-out, which is tied to nothing
  CHECK(count(dot, "\\nweights W") == 2);
}

TEST_CASE("DOT: layers on images say windows, strides and padding", "[topology]") {
  const std::string dot = sst::to_dot(sst::trace([](sst::Node x) {
    const auto h = avg_pool(layer_norm(relu(conv(x, {.weight_std = 1.5, .bias_std = 0.1, .weights = "C"}))));
    const auto narrow = conv(h, {.window = {1, 3}, .strides = {2, 1}, .padding = sst::Padding::valid});
    return dense(global_avg_pool(relu(narrow)));
  }));
  CHECK_THAT(dot, Contains("conv 1.5, bias 0.1\\n3x3, same\\nweights C") &&
                      Contains("conv 1\\n1x3, strides 2x1, valid\", shape=box3d") &&
                      Contains("avg_pool\\n2x2, strides 2x2, valid") && Contains("\\nlayer_norm\"") &&
                      Contains("\\nglobal_avg_pool\""));
  CHECK_THAT(sst::to_dot(sst::trace([](sst::Node x) { return dense(flatten(conv(x))); })),
             Contains("\\nflatten\""));
}

TEST_CASE("DOT: rates other than 1 are shown", "[topology]") {
  const std::string dot = sst::to_dot(sst::trace([](sst::Node x) {
    return dense(relu(dense(conv(x, {.bias_rate = 0}))), {.weight_rate = 0.5, .bias_rate = 2});
  }));
  CHECK_THAT(dot, Contains("conv_1\\nconv 1\\nbias_rate 0\\n3x3, same") &&
                      Contains("dense 1\\nweight_rate 0.5, bias_rate 2\""));
  CHECK(count(dot, "rate") == 3);
}

TEST_CASE("DOT: any name stays inside its label", "[topology]") {
  const std::string dot = sst::to_dot(sst::trace(
      [](sst::Node x) {
        return dense(x, {1, 0, "]; \"n0"}).named("a\"b\\N\nc&lt;\td\xc3\xa9");
      },
      "\"}\\"));
  CHECK_THAT(dot, Contains("label=\"\\\"}\\\\\";") && Contains("a\\\"b\\\\N\\nc&amp;lt;?d\xc3\xa9\\n") &&
                      Contains("weights ]; \\\"n0"));
}

TEST_CASE("DOT: numbers are the same in every locale", "[topology]") {
  const auto net = [] { return sst::sparse_shortcut(5, {.weight_std = 1.5, .bias_std = 0.05}); };
  const std::string plain = sst::to_dot(net());
  const sst_test::CommaLocale comma;
  CHECK(sst::to_dot(net()) == plain);
}

}  // namespace dot_tests
