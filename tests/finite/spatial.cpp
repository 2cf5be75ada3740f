// SPDX-License-Identifier: MIT
//
// Networks of images: gradients against differences, and the exact kernels against wide random networks.
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include <Eigen/Core>

#include <sst/finite/monte_carlo.hpp>
#include <sst/kernel/image_gram.hpp>
#include <sst/topology/activations.hpp>
#include <sst/topology/spatial_families.hpp>

#include "../catch.hpp"
#include "../images.hpp"

namespace spatial_tests {

namespace {

using sst::Node;
using sst::Padding;
using Nets = std::vector<std::pair<std::string, std::function<Node(Node)>>>;

constexpr sst::ImageShape shape{4, 4, 2};

Eigen::MatrixXd images(Eigen::Index count) { return sst_test::images(count, shape); }

const sst::ConvOptions layer{.weight_std = 1.3, .bias_std = 0.2};

Nets networks() {
  const sst::ConvOptions tied{.weight_std = 1.2, .bias_std = 0.3, .weights = "W"};
  return {
      {"flatten", [](Node x) { return dense(flatten(relu(conv(relu(conv(x, layer)), layer)))); }},
      {"global pool", [](Node x) { return dense(global_avg_pool(relu(conv(relu(conv(x, layer)), layer)))); }},
      {"circular, even window",
       [](Node x) {
         const auto h = conv(x, {.window = {2, 3}, .padding = Padding::circular});
         return dense(global_avg_pool(relu(conv(relu(h), layer))));
       }},
      {"strided, valid",
       [](Node x) {
         const auto h =
             conv(relu(conv(x, {.strides = {2, 1}})), {.window = {2, 2}, .padding = Padding::valid});
         return dense(global_avg_pool(relu(h)));
       }},
      {"pool before an activation",
       [](Node x) { return dense(flatten(relu(conv(relu(avg_pool(conv(x, layer))), layer)))); }},
      {"pool after an activation",
       [](Node x) {
         const sst::AvgPoolOp pool{.window = {3, 3}, .strides = {2, 2}, .padding = Padding::same};
         return dense(global_avg_pool(relu(conv(avg_pool(relu(conv(x, layer)), pool), layer))));
       }},
      {"residual",
       [](Node x) {
         const auto h = conv(x, layer);
         return dense(global_avg_pool(relu(h + conv(relu(h), layer))));
       }},
      {"sum of activations",
       [](Node x) {
         const auto a = relu(conv(x, layer)), b = relu(conv(a, layer));
         return dense(global_avg_pool(conv(a + b, layer)));
       }},
      {"sum of a pool and its origin",
       [](Node x) {
         const auto h = conv(x, layer);
         const sst::AvgPoolOp pool{.window = {3, 3}, .strides = {1, 1}, .padding = Padding::same};
         return dense(flatten(relu(conv(avg_pool(relu(h), pool) + h, layer))));
       }},
      {"tied weights",
       [tied](Node x) {
         const auto h = conv(relu(conv(x, layer)), tied);
         return dense(global_avg_pool(relu(h + conv(relu(h), tied))));
       }},
      {"rates",
       [](Node x) {
         const sst::ConvOptions slow{.weight_std = 1.2, .bias_std = 0.3, .weight_rate = 0.4, .bias_rate = 2};
         const sst::ConvOptions frozen{.bias_std = 0.3, .weight_rate = 0, .bias_rate = 0};
         const auto h = conv(relu(conv(x, frozen)), slow);
         return dense(flatten(relu(h + conv(relu(h), layer))), {.bias_std = 0.3, .weight_rate = 0.7});
       }},
      {"layer norm",
       [](Node x) { return dense(global_avg_pool(relu(layer_norm(conv(relu(conv(x, layer)), layer))))); }},
      {"layer norm of an activation",
       [](Node x) { return dense(flatten(relu(conv(layer_norm(relu(conv(x, layer))), layer)))); }},
      {"erf, flattened and dense", [](Node x) {
         const auto h = dense(flatten(erf(conv(x, layer))), {1.2, 0.1, ""});
         return dense(relu(h));
       }}};
}

double deviation(const sst::Topology& net, Eigen::Index width, Eigen::Index count) {
  const Eigen::MatrixXd x = images(2);
  const auto exact = sst::gram(net, shape, x);
  const auto seen = sst::monte_carlo(net, x,
                                     {.width = width,
                                      .networks = count,
                                      .seed = 11,
                                      .outputs = 2,
                                      .extrapolation = sst::MonteCarloOptions::Extrapolation::richardson,
                                      .image = shape});
  return std::max(seen.nngp.largest_deviation(exact.nngp), seen.ntk.largest_deviation(exact.ntk));
}

}  // namespace

TEST_CASE("finite networks of images: gradients are those of forward", "[finite]") {
  const Eigen::MatrixXd x = images(2);
  for (const auto& [name, function] : networks()) {
    INFO(name);
    sst::FiniteNetwork net(sst::trace(function), x.cols(),
                           {.width = 6, .outputs = 2, .seed = 3, .image = shape});
    const Eigen::MatrixXd jacobian = net.jacobian(x, 1);
    const Eigen::VectorXd at = net.parameters();
    for (Eigen::Index k = 0; k < at.size(); k += 7) {
      const double step = 1e-6;
      Eigen::VectorXd moved = at;
      moved[k] += step;
      net.set_parameters(moved);
      Eigen::VectorXd slope = net.forward(x).col(1);
      moved[k] -= 2 * step;
      net.set_parameters(moved);
      slope = (slope - net.forward(x).col(1)) / (2 * step);
      for (Eigen::Index i = 0; i < x.rows(); ++i) CHECK(slope[i] == Approx(jacobian(i, k)).margin(1e-7));
    }
    net.set_parameters(at);
    Eigen::MatrixXd ntk = Eigen::MatrixXd::Zero(2, 2);
    for (Eigen::Index c = 0; c < 2; ++c) {
      const Eigen::MatrixXd gradient = net.jacobian(x, c);
      ntk += gradient * net.rates().asDiagonal() * gradient.transpose() / 2;
    }
    CHECK((ntk - net.empirical_ntk(x)).norm() < 1e-12 * ntk.norm());
  }
}

TEST_CASE("the kernels of images are those of wide networks", "[finite]") {
  for (const auto& [name, function] : networks()) {
    INFO(name);
    CHECK(deviation(sst::trace(function), 24, 400) <= 4);
  }
}

TEST_CASE("the kernels of blocks, concatenated taps and random wiring are those of wide networks",
          "[finite]") {
  sst::ConvFamilyOptions options;
  options.bias_std = 0.2;
  for (const auto& net :
       {sst::s3_net({.blocks = 2, .layers = 2}, options), sst::s3_net({.blocks = 1, .layers = 3}, options),
        sst::dense_net({.blocks = 2, .layers = 2}, options),
        sst::conv_sparse_shortcut(4, options, sst::Aggregation::concat),
        sst::conv_randomly_wired(5, {.k = 2, .seed = 1}, options)}) {
    INFO(net.name());
    CHECK(deviation(net, 24, 200) <= 4);
  }
}

TEST_CASE("finite networks of images: errors", "[finite]") {
  const auto net = sst::trace([](Node x) { return dense(flatten(relu(conv(x).named("c")))); });
  CHECK_THROWS_WITH(sst::FiniteNetwork(net, 32),
                    Catch::Contains("node 'c' (conv)") && Catch::Contains("shape"));
  CHECK_THROWS_WITH(sst::FiniteNetwork(net, 31, {.image = shape}), Catch::Contains("4 x 4 x 2"));
  const auto open = sst::trace([](Node x) { return conv(x).named("c"); });
  CHECK_THROWS_WITH(sst::FiniteNetwork(open, 32, {.image = shape}), Catch::Contains("16 positions"));
}

}  // namespace spatial_tests
