// SPDX-License-Identifier: MIT
//
// Which layers learn: the tangent kernel as a sum over layers, and its grid of frozen ones.
#include "../catch.hpp"
#include "../finite/random_topology.hpp"
#include "../matrices.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <numbers>
#include <random>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <Eigen/Core>

#include <sst/engine/rows/profile.hpp>
#include <sst/ntk.hpp>
#include <sst/topology/rates.hpp>

namespace rates_tests {

namespace {

using Catch::Matchers::Contains;
using Eigen::MatrixXd;
using sst::Node;

/// Rows of several norms, among them equal, opposite and nearly equal ones.
MatrixXd samples() {
  MatrixXd x = sst_test::uniform(12, 5, 1);
  x.row(1) = x.row(0);
  x.row(2) = -2 * x.row(0);
  x.row(3) = x.row(0);
  x(3, 1) += 1e-6;
  return x;
}

/// The largest difference relative to the square roots of the diagonal of `whole`.
double difference(const MatrixXd& a, const MatrixXd& b, const MatrixXd& whole) {
  const Eigen::VectorXd root = whole.diagonal().cwiseSqrt();
  return ((a - b).array() / (root * root.transpose()).array()).abs().maxCoeff();
}

/// All weights and biases at the same two rates.
sst::Topology at_rates(const sst::Topology& net, double weights, double biases) {
  return sst::detail::with_layers(net, [&](std::size_t, auto& layer) {
    layer.weight_rate = weights;
    layer.bias_rate = biases;
  });
}

/// T of a chain of relu layers by its recursion, layer by layer, with rates(i) = {of the weights, of the
/// bias} of layer i, counted from 0.
template <class Rates>
long double chain_tangent(int depth, long double s, long double b, const Eigen::VectorXd& x,
                          const Eigen::VectorXd& y, Rates&& rates) {
  using Real = long double;
  const auto inner = [](const auto& u, const auto& v) {
    Real sum = 0;
    for (Eigen::Index i = 0; i < u.size(); ++i) sum += static_cast<Real>(u[i]) * v[i];
    return sum / static_cast<Real>(u.size());
  };
  Real xx = inner(x, x), yy = inner(y, y), xy = inner(x, y), t = 0;
  for (int layer = 0; layer < depth; ++layer) {
    if (layer >
        0) {  // relu: E[phi phi'] = |u||v| (sin a + (pi - a) cos a) / 2 pi, E[phi' phi'] = (pi - a) / 2 pi
      const Real pi = std::numbers::pi_v<Real>, size = std::sqrt(xx * yy);
      const Real c = x == y ? 1 : std::clamp(xy / size, Real(-1), Real(1)), a = std::acos(c);
      xy = size * (std::sqrt((1 - c) * (1 + c)) + (pi - a) * c) / (2 * pi);
      t *= (pi - a) / (2 * pi);
      xx /= 2;
      yy /= 2;
    }
    const auto [weight_rate, bias_rate] = rates(layer);
    t = static_cast<Real>(weight_rate) * s * s * xy + static_cast<Real>(bias_rate) * b * b + s * s * t;
    xx = s * s * xx + b * b;
    yy = s * s * yy + b * b;
    xy = s * s * xy + b * b;
  }
  return t;
}

template <class Rates>
MatrixXd chain_tangents(int depth, double s, double b, const MatrixXd& x, Rates&& rates) {
  MatrixXd t(x.rows(), x.rows());
  for (Eigen::Index i = 0; i < x.rows(); ++i)
    for (Eigen::Index j = 0; j < x.rows(); ++j)
      t(i, j) = static_cast<double>(chain_tangent(depth, s, b, x.row(i), x.row(j), rates));
  return t;
}

std::vector<sst::Topology> networks() {
  std::vector<sst::Topology> nets{
      sst::chain(4, {.weight_std = 1.3, .bias_std = 0.2}),
      sst::residual(5, {.bias_std = 0.3}),
      sst::sparse_shortcut(5, {.bias_std = 0.1}, {.tap = sst::Tap::after_activation}),
      sst::sparse_shortcut(5, {}, {.aggregation = sst::Aggregation::concat}),
      sst::densely_connected(4, {.bias_std = 0.4}),
      sst::identity_connected(4),
      sst::recurrent(4, {.weight_std = 1.1, .bias_std = 0.2}),
      sst::chain(3, {.bias_std = 0.5, .activation = std::make_shared<sst::Gelu>()})};
  std::mt19937 words(3);
  for (std::uint32_t seed = 40; seed < 52; ++seed) {
    nets.push_back(sst_test::random_topology(
        seed, {.activations = {std::make_shared<sst::Relu>(), std::make_shared<sst::LeakyRelu>(0.2)}}));
    nets.push_back(sst_test::random_rates(nets.back(), words));
  }
  return nets;
}

}  // namespace

TEST_CASE("frozen first layers: the grid of Arora et al. 2020", "[topology]") {
  const MatrixXd x = samples();
  for (const auto& [s, b] : {std::pair{std::numbers::sqrt2, 0.0}, {1.3, 0.4}})
    for (int depth = 1; depth <= 5; ++depth)
      for (int frozen = 0; frozen <= depth; ++frozen) {
        INFO("depth " << depth << ", " << frozen << " frozen, bias " << b);
        const MatrixXd exact = chain_tangents(depth, s, b, x, [&](int layer) {
          return layer < frozen ? std::pair{0, 0} : std::pair{1, 1};
        });
        const sst::Topology net =
            sst::chain(depth, {.weight_std = s, .bias_std = b, .frozen_layers = frozen});
        CHECK(net == sst::freeze(sst::chain(depth, {.weight_std = s, .bias_std = b}), frozen));
        const auto k = sst::gram(net, x);
        CHECK(k.nngp == sst::gram(sst::chain(depth, {.weight_std = s, .bias_std = b}), x).nngp);
        const MatrixXd any = sst::ntk(net).matrix(x);
        if (frozen == depth) {
          CHECK(k.ntk == MatrixXd::Zero(12, 12));
          CHECK(any == k.ntk);
        } else {
          CHECK(difference(k.ntk, exact, exact) < 1e-12);
          CHECK(difference(any, exact, exact) < 1e-12);
        }
      }
}

TEST_CASE("rates of single layers, of weights and biases apart", "[topology]") {
  const MatrixXd x = samples().bottomRows(8);  // the recursion by angles is no reference for near-duplicates
  const std::vector<std::pair<double, double>> rates{{0.5, 3}, {1, 0}, {0, 0.25}, {2, 2}, {1, 1}};
  for (const double b : {0.4, 30.0}) {
    const sst::Topology net =
        sst::detail::with_layers(sst::chain(5, {.weight_std = 1.3, .bias_std = b}),
                                 [&, i = std::size_t{0}](std::size_t, auto& layer) mutable {
                                   layer.weight_rate = rates[i].first;
                                   layer.bias_rate = rates[i++].second;
                                 });
    const MatrixXd exact =
        chain_tangents(5, 1.3, b, x, [&](int layer) { return rates[static_cast<std::size_t>(layer)]; });
    CHECK(difference(sst::gram(net, x).ntk, exact, exact) < 1e-14);
    const MatrixXd narrow = sst::gram<float>(net, x).ntk.cast<double>();
    CHECK(difference(narrow, exact, exact) < 2e-6);
  }
  // A frozen bias, however large, costs the weights' tangent nothing.
  const sst::Topology weights = at_rates(sst::chain(1, {.weight_std = 1e-6, .bias_std = 1e6}), 1, 0);
  const MatrixXd exact = chain_tangents(1, 1e-6, 1e6, x, [](int) { return std::pair{1, 0}; });
  CHECK(difference(sst::gram(weights, x).ntk, exact, exact) < 1e-14);
}

TEST_CASE("the layers' own tangents add up to the whole", "[topology]") {
  const MatrixXd x = samples();
  for (const sst::Topology& net : networks()) {
    std::ostringstream text;
    text << net;
    INFO(text.str());
    const MatrixXd whole = sst::gram(net, x).ntk, all = sst::gram(at_rates(net, 1, 1), x).ntk;
    MatrixXd sum = MatrixXd::Zero(12, 12);
    for (const std::string& layer : sst::layer_names(net))
      sum += sst::gram(sst::only_layer(net, layer), x).ntk;
    CHECK(difference(sum, whole, all) < 1e-14);
    // Weights and biases apart, and all at one rate.
    const MatrixXd weights = sst::gram(at_rates(net, 1, 0), x).ntk,
                   biases = sst::gram(at_rates(net, 0, 1), x).ntk;
    CHECK(difference(weights + biases, all, all) < 1e-14);
    CHECK(difference(sst::gram(at_rates(net, 0.25, 0.25), x).ntk, 0.25 * all, all) < 1e-14);
    CHECK(difference(sst::gram(at_rates(net, 2, 0.5), x).ntk, 2 * weights + 0.5 * biases, all) < 1e-14);
  }
}

TEST_CASE("the last layer alone: the tangent kernel is the NNGP", "[topology]") {
  const MatrixXd x = samples();
  const sst::FamilyOptions last{.weight_std = 1.3, .bias_std = 0.2, .frozen_layers = sst::all_but_last};
  for (const sst::Topology& net : {sst::chain(4, last), sst::residual(5, last), sst::sparse_shortcut(5, last),
                                   sst::recurrent(3, last), sst::densely_connected(4, last),
                                   sst::identity_connected(4, last), sst::randomly_wired(6, {}, last)}) {
    INFO(net.name());
    const auto k = sst::gram(net, x);
    CHECK(difference(k.ntk, k.nngp, k.nngp) < 1e-14);
    CHECK(net == sst::only_layer(sst::freeze(net, 0), "y"));
    const auto read_out_bias_frozen =
        sst::detail::with_layers(net, [&](std::size_t, auto& layer) { layer.bias_rate = 0; });
    CHECK(difference(sst::gram(read_out_bias_frozen, x).ntk, k.nngp.array() - 0.04, k.nngp) < 1e-14);
  }
  // What has no NTK does no harm where nothing before it learns; a layer without weights of its own neither.
  const auto steps =
      sst::gram(sst::chain(3, {.activation = std::make_shared<sst::Sign>(), .frozen_layers = 2}), x);
  CHECK(difference(steps.ntk, steps.nngp, steps.nngp) < 1e-14);
  CHECK_THROWS_AS(
      sst::gram(sst::chain(3, {.activation = std::make_shared<sst::Sign>(), .frozen_layers = 1}), x),
      sst::NoClosedForm);
  CHECK_NOTHROW(sst::gram(sst::trace([](Node h) {
                            return dense(sign(dense(h, {.weight_rate = 0})));  // no bias that could learn
                          }),
                          x));
  CHECK_THROWS_WITH(sst::Profile<double>(sst::compile(sst::chain(2, {.frozen_layers = 2}), sst::Kernel::ntk)),
                    Contains("no parameter that learns"));
}

TEST_CASE("convolutional families freeze as well", "[topology]") {
  const auto rates = [](const sst::Topology& net) {
    std::string text;
    for (const sst::NodeSpec& node : net.nodes())
      sst::detail::visit_layer(node.operation, [&](const auto& layer) {
        text += layer.weight_rate + layer.bias_rate == 0 ? "-" : "+";
      });
    return text;
  };
  sst::ConvFamilyOptions two, last;
  two.frozen_layers = 2;
  last.frozen_layers = sst::all_but_last;
  CHECK(rates(sst::conv_chain(3, two)) == "--++");
  CHECK(rates(sst::conv_residual(3, last)) == "---+");
  CHECK(rates(sst::conv_sparse_shortcut(3, two)) == "--++");
  CHECK(rates(sst::s3_net({.blocks = 1, .layers = 2}, last)) == "---+");
  CHECK(rates(sst::dense_net({.blocks = 1, .layers = 2}, two)) == "--++");
  CHECK(rates(sst::myrtle(5, last)) == "----+");
}

TEST_CASE("layers that share weights are one", "[topology]") {
  const sst::Topology net = sst::recurrent(3);
  CHECK(sst::layer_names(net) == std::vector<std::string>{"u", "w0", "y"});
  CHECK(sst::only_layer(net, "w0") == sst::only_layer(net, "w2"));
  CHECK(sst::freeze(net, 2) == sst::only_layer(net, "y"));
  CHECK(sst::freeze(net, sst::all_but_last) == sst::freeze(net, 2));
  CHECK(sst::freeze(net, 0) == net);
  // A node named like others' weights is no part of them.
  const sst::Topology names = sst::trace([](Node x) {
    const auto w = dense(x, {.weights = "a"}).named("b");
    return dense(relu(dense(relu(w), {.weights = "a"}).named("c"))).named("a");
  });
  CHECK(sst::layer_names(names) == std::vector<std::string>{"b", "a"});
}

TEST_CASE("which layers learn: errors name what there is", "[topology]") {
  const sst::Topology net = sst::chain(3);
  CHECK_THROWS_WITH(sst::only_layer(net, "a0"), Contains("'chain-3' has no dense or conv node 'a0'"));
  CHECK_THROWS_WITH(sst::only_layer(net, "z"), Contains("layer_names"));
  for (const int layers : {-2, 4})
    CHECK_THROWS_WITH(sst::freeze(net, layers),
                      Contains("'chain-3' cannot have " + std::to_string(layers)) && Contains("it has 3"));
  CHECK_THROWS_AS(sst::chain(3, {.frozen_layers = 4}), sst::TopologyError);
  CHECK_THROWS_AS(sst::freeze(sst::trace([](Node x) { return x; }), sst::all_but_last), sst::TopologyError);
}

TEST_CASE("the standard parameterisation has the NTK of its recursion", "[topology]") {
  // T = N K_h + 1 + s^2 T_h with N channels of h.
  const MatrixXd x = samples();
  const std::vector<double> fan_in{5, 64, 256};
  const double s = 1.4, b = 0.3;
  const auto net = sst::standard_parameterisation(sst::chain(3, {.weight_std = s, .bias_std = b}),
                                                  {{"x", 5}, {"h0", 64}, {"h1", 256}});
  const MatrixXd exact = chain_tangents(3, s, b, x, [&](int layer) {
    return std::pair{fan_in[static_cast<std::size_t>(layer)] / (s * s), 1 / (b * b)};
  });
  CHECK(difference(sst::gram(net, x).ntk, exact, exact) < 1e-13);

  // Windows, flattened positions, concatenations and sums.
  const auto rates = [](const sst::Topology& of, const std::string& name) {
    for (const sst::NodeSpec& node : of.nodes())
      if (node.name == name) {
        std::pair<double, double> found;
        sst::detail::visit_layer(node.operation, [&](const auto& layer) {
          found = {layer.weight_rate, layer.bias_rate};
        });
        return found;
      }
    return std::pair<double, double>{};
  };
  const auto images = sst::standard_parameterisation(
      sst::trace([](Node n) {
        const auto c = conv(n, {.weight_std = 2, .window = {3, 2}}).named("c"), p = avg_pool(relu(c));
        const auto d = conv(sst::concat({p, p + p}), {.bias_std = 0.5, .window = {1, 1}}).named("d");
        return dense(flatten(flatten(relu(d)))).named("y");
      }),
      {{"x", 3}, {"c", 10}, {"d", 7}}, sst::ImageShape{6, 4, 3});
  CHECK(rates(images, "c") == std::pair{3 * 6 / 4.0, 1.0});
  CHECK(rates(images, "d") == std::pair{20.0, 4.0});
  CHECK(rates(images, "y") == std::pair{7.0 * 3 * 2, 1.0});
}

TEST_CASE("the standard parameterisation: errors name the node", "[topology]") {
  using Widths = std::map<std::string, double>;
  const auto fails = [](const sst::Topology& net, const Widths& widths, const char* problem) {
    CHECK_THROWS_WITH(sst::standard_parameterisation(net, widths), Contains(problem));
  };
  const sst::Topology net = sst::chain(2);
  fails(net, {{"x", 3}}, "node 'h0' (dense): it has no width");
  fails(net, {{"h0", 3}}, "node 'x' (input): it has no width");
  fails(net, {{"x", 3}, {"h0", 0}}, "node 'h0' (dense): its width is 0");
  fails(net, {{"x", 3}, {"h0", 5}, {"a0", 5}}, "'chain-2' has no input, dense or conv node 'a0'");
  fails(sst::chain(2, {.weight_std = 0}), {{"x", 3}, {"h0", 5}}, "node 'h0' (dense): weight_std is 0");
  fails(sst::trace([](Node x) { return dense(dense(x).named("h") + x).named("y"); }), {{"x", 3}, {"h", 5}},
        "(sum): adds 'h' and 'x' of different widths");
  fails(sst::trace([](Node x) { return dense(concat(dense(x).named("h"), x)); }), {{"x", 3}, {"h", 5}},
        "(concat): 'h' has 0.5 of its width but 5 of 8 channels");
  fails(sst::recurrent(2), {{"x", 3}, {"u", 5}, {"w0", 5}}, "node 'w1' (dense): it has no width");
  fails(sst::trace([](Node x) { return dense(relu(dense(x, {.weights = "W"})), {.weights = "W"}); }),
        {{"x", 3}, {"dense_1", 5}}, "has another weight_rate");
  fails(sst::conv_chain(1), {{"x", 3}, {"h0", 5}}, "give their shape");
  CHECK_NOTHROW(sst::standard_parameterisation(net, {{"x", 3}, {"h0", 5}, {"y", 1}}));
}

}  // namespace rates_tests
