// SPDX-License-Identifier: MIT
//
// Every node on images against the plain rules on all pairs of positions (reference.hpp).
#include <cmath>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include <Eigen/Core>

#include <sst/kernel/image_gram.hpp>
#include <sst/topology/activations.hpp>
#include <sst/topology/spatial_families.hpp>

#include "../catch.hpp"
#include "../images.hpp"
#include "image_reference.hpp"

namespace exact_tests {

namespace {

using sst::ImageShape;
using sst::Node;
using sst::Padding;
using Nets = std::vector<std::pair<std::string, std::function<Node(Node)>>>;

constexpr ImageShape small{5, 4, 2};

using sst_test::images;

struct Errors {
  double nngp = 0, ntk = 0;
};

/// The largest errors relative to the square root of the product of the diagonal entries.
template <class Scalar>
Errors errors(const sst::Topology& net, const ImageShape& shape, const Eigen::MatrixXd& x, bool ntk = true) {
  using sst_reference::Reference;
  sst::GramMatrices<Scalar> k;
  if (ntk)
    k = sst::gram<Scalar>(net, shape, x);
  else
    k.nngp = sst::gram<Scalar>(net, sst::Kernel::nngp, shape, x);
  Errors worst;
  std::vector<Reference::Kernels> own;
  for (Eigen::Index i = 0; i < x.rows(); ++i)
    own.push_back(Reference(net, shape, x.row(i), x.row(i)).output(0, 0));
  const auto compare = [](double& error, double value, long double exact, long double scale) {
    const auto gap = static_cast<double>(std::abs(value - exact) / std::sqrt(scale));
    if (!(gap <= error)) error = gap;
  };
  for (Eigen::Index i = 0; i < x.rows(); ++i)
    for (Eigen::Index j = 0; j < x.rows(); ++j) {
      const auto a = own[static_cast<std::size_t>(i)], b = own[static_cast<std::size_t>(j)];
      const auto exact = i == j ? a : Reference(net, shape, x.row(i), x.row(j)).output(0, 1);
      compare(worst.nngp, static_cast<double>(k.nngp(i, j)), exact.k, a.k * b.k);
      if (ntk) compare(worst.ntk, static_cast<double>(k.ntk(i, j)), exact.t, a.t * b.t);
    }
  return worst;
}

void check(const Nets& nets, const ImageShape& shape = small, double in_float = 2e-6) {
  const Eigen::MatrixXd x = images(3, shape);
  for (const auto& [name, function] : nets) {
    INFO(name);
    const sst::Topology net = sst::trace(function);
    const Errors wide = errors<double>(net, shape, x), narrow = errors<float>(net, shape, x);
    CHECK(wide.nngp < 1e-13);
    CHECK(wide.ntk < 1e-13);
    CHECK(narrow.nngp < in_float);
    CHECK(narrow.ntk < in_float);
  }
}

}  // namespace

TEST_CASE("images: windows, strides and paddings", "[kernel]") {
  check({{"same", [](Node x) { return dense(flatten(relu(conv(relu(conv(x, {.bias_std = 0.1})))))); }},
         {"global",
          [](Node x) { return dense(global_avg_pool(relu(conv(relu(conv(x, {.bias_std = 0.1})))))); }},
         {"circular",
          [](Node x) {
            const auto h = conv(x, {.window = {2, 3}, .padding = Padding::circular});
            return dense(global_avg_pool(relu(conv(relu(h), {.padding = Padding::circular}))));
          }},
         {"circular, strided",
          [](Node x) {
            const auto h = conv(x, {.bias_std = 0.3, .strides = {2, 3}, .padding = Padding::circular});
            return dense(global_avg_pool(relu(conv(relu(h)))));
          }},
         {"valid",
          [](Node x) {
            const auto h = conv(x, {.window = {2, 3}, .padding = Padding::valid});
            return dense(global_avg_pool(relu(conv(relu(h), {.bias_std = 0.2, .strides = {2, 1}}))));
          }},
         {"strided",
          [](Node x) {
            return dense(global_avg_pool(relu(conv(relu(conv(x, {.strides = {2, 2}}))))));
          }},
         {"larger than the image",
          [](Node x) {
            return dense(global_avg_pool(relu(conv(conv(x, {.window = {7, 6}}), {.window = {1, 5}}))));
          }},
         {"a dense layer at each position",
          [](Node x) { return dense(flatten(relu(dense(relu(conv(x)), {.bias_std = 0.4})))); }}});
}

TEST_CASE("images: pools before and after activations", "[kernel]") {
  check({{"pool, conv",
          [](Node x) { return dense(flatten(relu(conv(avg_pool(relu(conv(x, {.bias_std = 0.2}))))))); }},
         {"pool, activation",
          [](Node x) {
            return dense(global_avg_pool(relu(conv(relu(avg_pool(conv(x, {.bias_std = 0.2})))))));
          }},
         {"pools of pools",
          [](Node x) {
            const sst::AvgPoolOp pool{.window = {2, 2}, .strides = {1, 1}};
            return dense(flatten(relu(conv(avg_pool(avg_pool(relu(conv(x)), pool), pool)))));
          }},
         {"padded, overlapping",
          [](Node x) {
            const sst::AvgPoolOp pool{.window = {3, 3}, .strides = {2, 2}, .padding = Padding::same};
            return dense(global_avg_pool(relu(conv(avg_pool(relu(conv(x)), pool)))));
          }},
         {"circular",
          [](Node x) {
            const sst::AvgPoolOp pool{.window = {3, 2}, .strides = {1, 1}, .padding = Padding::circular};
            return dense(flatten(relu(conv(avg_pool(relu(conv(x)), pool)))));
          }},
         {"of the input", [](Node x) { return dense(flatten(relu(conv(avg_pool(x))))); }},
         {"flattened, then dense layers",
          [](Node x) { return dense(relu(dense(flatten(avg_pool(conv(x, {.bias_std = 0.2})))))); }},
         {"pooled branch and its origin in one sum",
          [](Node x) {
            const auto h = conv(x, {.bias_std = 0.2});
            const sst::AvgPoolOp pool{.window = {3, 3}, .strides = {1, 1}, .padding = Padding::same};
            return dense(flatten(relu(conv(sum(avg_pool(relu(h), pool), h, x)))));
          }}},
        small, 5e-5);
}

TEST_CASE("images: sums, concatenations, shared nodes and weights", "[kernel]") {
  const sst::ConvOptions tied{.bias_std = 0.1, .weights = "W"};
  check({{"residual",
          [](Node x) {
            auto h = conv(x, {.bias_std = 0.2});
            h = h + conv(relu(h));
            return dense(flatten(relu(h - 0.5 * conv(relu(h)))));
          }},
         {"after activations, with the input",
          [](Node x) {
            const auto a = relu(conv(x, {.bias_std = 0.2})), b = leaky_relu(conv(a), 0.2);
            return dense(global_avg_pool(conv(sum(a, b, x))));
          }},
         {"overlapping",
          [](Node x) {
            const auto h = conv(x, {.bias_std = 0.2}), g = conv(x);
            return dense(global_avg_pool(conv(relu(h) + relu(h + g))));
          }},
         {"tied weights",
          [tied](Node x) {
            const auto h = conv(relu(conv(x)), tied);
            return dense(global_avg_pool(relu(h + conv(relu(h), tied))));
          }},
         {"tied weights over a sum, pooled",
          [tied](Node x) {
            const auto h = conv(x, {.bias_std = 0.2}), g = conv(relu(h), tied);
            return dense(global_avg_pool(relu(avg_pool(conv(relu(g) + h, tied) + g))));
          }},
         {"blocks",
          [](Node x) {
            const auto h = conv(x, {.bias_std = 0.2});
            const auto c =
                avg_pool(conv(relu(sst::concat({h, conv(relu(h))}, {0.25, 0.75})), {.window = {1, 1}}));
            return dense(global_avg_pool(relu(conv(c))));
          }},
         {"strided residual",
          [](Node x) {
            const auto a = relu(conv(x));
            const auto h = conv(a, {.strides = {2, 2}}) + conv(a, {.window = {1, 1}, .strides = {2, 2}});
            return dense(global_avg_pool(relu(h + conv(relu(h)))));
          }},
         {"flattened side by side",
          [](Node x) {
            const auto h = conv(x, {.bias_std = 0.2});
            return dense(relu(dense(relu(concat(flatten(h), flatten(avg_pool(h)), global_avg_pool(h))))));
          }},
         {"flattened sums",
          [](Node x) {
            const auto h = conv(x, {.bias_std = 0.2});
            return dense(relu(dense(flatten(relu(h)) + flatten(conv(relu(h))) + flatten(x))));
          }}},
        small, 5e-5);
}

TEST_CASE("images: layers that learn at rates of their own", "[kernel]") {
  const sst::ConvOptions slow{.bias_std = 0.3, .weight_rate = 0.4, .bias_rate = 2.5};
  const sst::ConvOptions frozen{.bias_std = 0.3, .weight_rate = 0, .bias_rate = 0};
  const sst::ConvOptions tied{.bias_std = 0.3, .weights = "W", .weight_rate = 0, .bias_rate = 1.5};
  check(
      {{"in the middle", [=](Node x) { return dense(flatten(relu(conv(relu(conv(relu(conv(x)), slow)))))); }},
       {"first, before a pool",
        [=](Node x) { return dense(global_avg_pool(relu(conv(relu(conv(x, slow)), slow)))); }},
       {"bias alone, weights alone",
        [=](Node x) {
          const auto h = conv(x, {.bias_std = 0.3, .weight_rate = 0});
          return dense(global_avg_pool(relu(conv(relu(h), {.bias_std = 0.3, .bias_rate = 0}))));
        }},
       {"without a bias",
        [=](Node x) { return dense(flatten(relu(conv(x, {.weight_rate = 0.25}))), {.weight_rate = 3}); }},
       {"strides and other windows",
        [=](Node x) {
          const auto h = conv(x, {.bias_std = 0.2, .strides = {2, 1}, .weight_rate = 0.5, .bias_rate = 3});
          return dense(global_avg_pool(relu(conv(
              relu(h), {.bias_std = 0.1, .window = {2, 4}, .padding = Padding::circular, .bias_rate = 0}))));
        }},
       {"dense layers at positions and flattened",
        [=](Node x) {
          const auto h = dense(relu(conv(x, slow)), {.bias_std = 0.4, .weight_rate = 0.1});
          return dense(flatten(relu(h)), {.bias_std = 0.4, .weight_rate = 0.1});
        }},
       {"frozen below",
        [=](Node x) { return dense(flatten(relu(conv(relu(conv(relu(conv(x, frozen)), frozen)), slow)))); }},
       {"frozen below sums, pools and norms",
        [=](Node x) {
          const auto h = conv(x, frozen), g = avg_pool(relu(h)) + avg_pool(h);
          return dense(flatten(relu(layer_norm(conv(concat(g, avg_pool(h)), slow)))));
        }},
       {"tied weights, sums after activations", [=](Node x) {
          const auto h = conv(relu(conv(x, slow)), tied);
          return dense(global_avg_pool(conv(relu(h) + conv(relu(h), tied), slow)));
        }}});
  // Where nothing below learns, what cannot be trained through does no harm.
  const auto last = sst::freeze(sst::trace([](Node x) { return dense(flatten(step(conv(x)))); }), 1);
  const auto k = sst::gram(last, small, images(3, small));
  CHECK(k.ntk.isApprox(k.nngp, 1e-13));
  CHECK(sst::gram(sst::freeze(last, 2), small, images(3, small)).ntk.norm() == 0);
}

TEST_CASE("images: layer norm", "[kernel]") {
  check({{"of a Gaussian",
          [](Node x) {
            return dense(flatten(relu(layer_norm(conv(relu(conv(x, {.bias_std = 0.2})))) + conv(x))));
          }},
         {"of an activation",
          [](Node x) { return dense(flatten(relu(conv(layer_norm(relu(conv(x, {.bias_std = 0.2}))))))); }},
         {"of blocks",
          [](Node x) {
            const auto h = conv(x, {.bias_std = 0.2});
            return dense(flatten(relu(conv(relu(layer_norm(concat(conv(relu(h)), h)))))));
          }},
         {"of pools and the input",
          [](Node x) {
            const auto h = conv(x, {.bias_std = 0.2});
            return dense(flatten(relu(conv(layer_norm(avg_pool(relu(h))) + layer_norm(avg_pool(x))))));
          }}},
        small, 5e-5);
  // On rows: images of one position.
  const auto net = sst::trace([](Node x) { return dense(relu(layer_norm(dense(relu(dense(x)))))); });
  const Eigen::MatrixXd x = images(3, {1, 1, 6});
  const Errors found = errors<double>(net, {1, 1, 6}, x);
  CHECK(found.nngp < 1e-13);
  CHECK(found.ntk < 1e-13);
}

TEST_CASE("images: other activations", "[kernel]") {
  const Eigen::MatrixXd x = images(2, small);
  for (const auto& function : std::vector<std::function<Node(Node)>>{
           [](Node y) { return dense(flatten(relu(conv(avg_pool(conv(erf(conv(y, {.bias_std = 0.2})))))))); },
           [](Node y) {
             const auto h = conv(y, {.bias_std = 0.2});
             return dense(global_avg_pool(conv(sin(h) + relu(h))));
           }}) {
    const Errors found = errors<double>(sst::trace(function), small, x);
    CHECK(found.nngp < 1e-12);
    CHECK(found.ntk < 1e-12);
  }
  const auto steps = sst::trace([](Node y) { return dense(flatten(relu(conv(step(conv(y)))))); });
  CHECK(errors<double>(steps, small, x, false).nngp < 1e-12);
}

TEST_CASE("images: families", "[kernel]") {
  sst::ConvFamilyOptions options;
  options.bias_std = 0.1;
  const Eigen::MatrixXd x = images(2, {4, 4, 2});
  std::vector<sst::Topology> nets;
  for (const auto readout :
       {sst::ImageReadout::flatten, sst::ImageReadout::global_avg_pool, sst::ImageReadout::pool_flatten}) {
    options.readout = readout;
    nets.push_back(sst::conv_chain(3, options));
    nets.push_back(sst::conv_residual(3, options));
    nets.push_back(sst::conv_sparse_shortcut(4, options));
  }
  options.readout = sst::ImageReadout::global_avg_pool;
  nets.push_back(sst::conv_sparse_shortcut(3, options, sst::Aggregation::concat, sst::FirstLayer::in_sum));
  nets.push_back(sst::s3_net({.blocks = 2, .layers = 2}, options));
  nets.push_back(sst::dense_net({.blocks = 2, .layers = 2}, options));
  for (const auto& net : nets) {
    INFO(net.name());
    const Errors found = errors<double>(net, {4, 4, 2}, x);
    CHECK(found.nngp < 1e-13);
    CHECK(found.ntk < 1e-13);
  }
  const Errors found = errors<double>(sst::myrtle(5, options), {8, 8, 1}, images(2, {8, 8, 1}));
  CHECK(found.nngp < 1e-13);
  CHECK(found.ntk < 1e-13);
}

TEST_CASE("images of which no parameter reaches the output have an NTK of zero", "[kernel]") {
  using namespace sst;
  const Eigen::MatrixXd x = images(20, small);
  for (const Nets::value_type& net : Nets{{"input", [](Node n) { return global_avg_pool(n); }},
                                          {"sum", [](Node n) { return flatten(n + n); }},
                                          {"blocks", [](Node n) { return flatten(concat(n, n - n)); }},
                                          {"flat", [](Node n) { return flatten(n); }},
                                          {"pools", [](Node n) { return flatten(avg_pool(n + n)); }},
                                          {"norm", [](Node n) { return flatten(layer_norm(n)); }}}) {
    INFO(net.first);
    const auto k = gram(trace(net.second), small, x);
    CHECK(k.ntk.norm() == 0);
    CHECK(k.nngp.diagonal().minCoeff() > 0);
    CHECK(gram<float>(trace(net.second), small, x).ntk.norm() == 0);
  }
}

}  // namespace exact_tests
