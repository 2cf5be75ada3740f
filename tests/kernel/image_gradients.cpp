// SPDX-License-Identifier: MIT
//
// Gradients of kernels of images against central differences of the plain rules in long double.
#include <cmath>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include <Eigen/Core>

#include <sst/kernel/network_kernel.hpp>
#include <sst/regression/model.hpp>
#include <sst/topology/activations.hpp>
#include <sst/topology/node.hpp>

#include "../catch.hpp"
#include "../images.hpp"
#include "../matrices.hpp"
#include "derivative_reference.hpp"

namespace image_gradient_tests {

using Catch::Matchers::Contains;
using Eigen::Index;
using Eigen::MatrixXd;
using sst::ImageShape;
using sst::Kernel;
using sst::Node;
using sst::Padding;
using sst_reference::of_few_bits;
using sst_test::images;
using Nets = std::vector<std::pair<std::string, std::function<Node(Node)>>>;

namespace {

constexpr ImageShape small{3, 4, 2};

/// Against differences, and, where `complete`, that the parts add up.
void check(const Nets& nets, bool complete = true, const ImageShape& shape = small) {
  const MatrixXd x = of_few_bits(images(3, shape));
  const MatrixXd a = x.topRows(2) + of_few_bits(0.5 * sst_test::uniform(2, x.cols(), 3));
  const MatrixXd w = sst_test::uniform(1, 3, 4).cwiseAbs();
  for (const auto& [name, function] : nets)
    for (const Kernel kernel : {Kernel::nngp, Kernel::ntk}) {
      INFO(name << (kernel == Kernel::ntk ? ", ntk" : ", nngp"));
      const sst::Topology net = sst::trace(function);
      const auto k = sst::network_kernel({net, kernel, shape, {}});
      sst::FullGradients parts;
      if (complete) {
        parts = k.full_gradients(a, x, w);
        const Eigen::VectorXd f = k.matrix(a, x) * w.transpose();
        CHECK((parts.total(a) - f).cwiseQuotient(f).cwiseAbs().maxCoeff() < 1e-11);
      } else {
        parts.input = k.gradients(a, x, w);
      }
      if (kernel == Kernel::nngp) parts.biased.clear();  // they take long, and add up already
      const auto [input, layers] =
          sst_reference::derivatives(net, kernel, shape, a.row(1).transpose(), x, w.row(0), parts.biased);
      CHECK((parts.input.row(1) - input).norm() < 1e-9 * input.norm());
      if (layers.size()) CHECK((parts.layers.row(1) - layers).norm() <= 1e-9 * layers.norm());
    }
}

}  // namespace

TEST_CASE("gradients of images: windows, strides and paddings", "[kernel]") {
  check({{"same", [](Node x) { return dense(flatten(relu(conv(relu(conv(x, {.bias_std = 0.3})))))); }},
         {"global",
          [](Node x) {
            return dense(global_avg_pool(relu(conv(relu(conv(x, {.bias_std = 0.3})), {.bias_std = 0.2}))),
                         {.bias_std = 0.5});
          }},
         {"circular",
          [](Node x) {
            const auto h = conv(x, {.bias_std = 0.2, .window = {2, 3}, .padding = Padding::circular});
            return dense(global_avg_pool(relu(conv(relu(h), {.padding = Padding::circular}))));
          }},
         {"circular, strided",
          [](Node x) {
            const auto h = conv(x, {.bias_std = 0.3, .strides = {2, 3}, .padding = Padding::circular});
            return dense(global_avg_pool(relu(conv(relu(h)))));
          }},
         {"valid",
          [](Node x) {
            const auto h = conv(x, {.bias_std = 0.1, .window = {2, 3}, .padding = Padding::valid});
            return dense(global_avg_pool(relu(conv(relu(h), {.bias_std = 0.2, .strides = {2, 1}}))));
          }},
         {"strided",
          [](Node x) {
            return dense(flatten(relu(conv(relu(conv(x, {.bias_std = 0.4, .strides = {2, 2}}))))));
          }},
         {"larger than the image",
          [](Node x) {
            return dense(global_avg_pool(relu(conv(conv(x, {.window = {5, 6}}), {.window = {1, 5}}))));
          }},
         {"a dense layer at each position",
          [](Node x) { return dense(flatten(relu(dense(relu(conv(x)), {.bias_std = 0.4})))); }},
         {"rates", [](Node x) {
            const Node h = relu(conv(x, {.bias_std = 0.3, .weight_rate = 0.3, .bias_rate = 2}));
            const Node g = relu(conv(h, {.bias_std = 0.2, .strides = {2, 2}, .weight_rate = 0}));
            return dense(flatten(g), {.bias_std = 0.5, .bias_rate = 0});
          }}});
}

TEST_CASE("gradients of images: pools before and after activations", "[kernel]") {
  check({{"pool, conv",
          [](Node x) {
            return dense(flatten(relu(conv(avg_pool(relu(conv(x, {.bias_std = 0.2}))), {.bias_std = 0.3}))));
          }},
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
         {"circular", [](Node x) {
            const sst::AvgPoolOp pool{.window = {3, 2}, .strides = {1, 1}, .padding = Padding::circular};
            return dense(flatten(relu(conv(avg_pool(relu(conv(x)), pool)))), {.bias_std = 0.2});
          }}});
}

TEST_CASE("gradients of images: sums, shortcuts, concatenations and tied weights", "[kernel]") {
  check({{"residual",
          [](Node x) {
            const Node h = conv(x, {.bias_std = 0.2});
            return dense(flatten(relu(h + 0.5 * conv(relu(h), {.bias_std = 0.3}))));
          }},
         {"sparse shortcut, global",
          [](Node x) {
            const Node a = conv(x, {.bias_std = 0.2}), b = conv(relu(a), {.bias_std = 0.1}),
                       c = conv(relu(b));
            return dense(global_avg_pool(relu(a + c)), {.bias_std = 0.1});
          }},
         {"sum after activations",
          [](Node x) {
            const Node h = conv(x, {.bias_std = 0.2});
            return dense(flatten(sst::sum({relu(h), abs(h), conv(relu(h))}, {0.7, -0.4, 1.1})));
          }},
         {"correlated sum under an activation",
          [](Node x) {
            const Node h = conv(x, {.bias_std = 0.2});
            return dense(flatten(relu(conv(leaky_relu(h, 0.3) + abs(h)))));
          }},
         {"concatenation",
          [](Node x) {
            const Node a = relu(conv(x, {.bias_std = 0.2})), b = abs(conv(a));
            return dense(global_avg_pool(relu(conv(sst::concat({a, b}, {0.3, 0.7})))));
          }},
         {"tied weights",
          [](Node x) {
            const sst::ConvOptions tied{.bias_std = 0.3, .weights = "same"};
            const Node h = conv(relu(conv(relu(conv(x, {.bias_std = 0.1})), tied)), tied);
            return dense(global_avg_pool(relu(h)));
          }},
         {"pooled branch in a sum",
          [](Node x) {
            const Node h = conv(x, {.bias_std = 0.2});
            const sst::AvgPoolOp pool{.window = {3, 3}, .strides = {1, 1}, .padding = Padding::same};
            return dense(flatten(relu(conv(avg_pool(relu(h), pool) + relu(h)))));
          }},
         {"the input in a sum",
          [](Node x) { return dense(flatten(relu(conv(x + relu(conv(x, {.bias_std = 0.2})))))); }}});
}

TEST_CASE("gradients of images: smooth activations and layer norm", "[kernel]") {
  check(
      {{"gelu", [](Node x) { return dense(flatten(gelu(conv(gelu(conv(x, {.bias_std = 0.3})))))); }},
       {"erf, pools",
        [](Node x) { return dense(global_avg_pool(erf(conv(avg_pool(erf(conv(x, {.bias_std = 0.3}))))))); }},
       {"gelu in a sum",
        [](Node x) {
          const Node h = conv(x, {.bias_std = 0.3});
          return dense(flatten(gelu(h) + h));
        }},
       {"layer norm",
        [](Node x) { return dense(flatten(relu(conv(layer_norm(relu(conv(x, {.bias_std = 0.3}))))))); }},
       {"layer norm of the input",
        [](Node x) { return dense(flatten(relu(conv(layer_norm(x), {.bias_std = 0.3})))); }}},
      false, {3, 3, 3});
}

TEST_CASE("gradients at black pixels, black images and training images", "[kernel]") {
  MatrixXd x = of_few_bits(images(5, small));
  MatrixXd a = of_few_bits(images(3, small).array() + 0.25);
  a.row(0).segment(4, 4).setZero();
  a.row(1).setZero();
  a.row(2) = x.row(3);
  const MatrixXd w = Eigen::RowVectorXd::LinSpaced(5, 0.5, 1);
  for (const bool global : {false, true}) {
    const auto net = sst::trace([&](Node in) {
      const Node h = relu(conv(relu(conv(in, {.bias_std = 0.3}))));
      return dense(global ? global_avg_pool(h) : flatten(h), {.bias_std = 0.2});
    });
    for (const Kernel kernel : {Kernel::nngp, Kernel::ntk}) {
      const auto k = sst::network_kernel({net, kernel, small, {}});
      const auto parts = k.full_gradients(a, x, w);
      const Eigen::VectorXd f = k.matrix(a, x) * w.transpose();
      CHECK((parts.total(a) - f).cwiseQuotient(f).cwiseAbs().maxCoeff() < 1e-11);
      for (const Index i : {0, 1}) {
        const auto [input, layers] =
            sst_reference::derivatives(net, kernel, small, a.row(i).transpose(), x, w.row(0), parts.biased);
        CHECK((parts.input.row(i) - input).norm() < 1e-9 * input.norm());
        CHECK((parts.layers.row(i) - layers).norm() < 1e-9 * layers.norm());
      }
    }
  }
  // Without biases black images are kinks, and layer norm jumps there; what comes is finite.
  const auto bare = sst::trace([](Node in) { return dense(flatten(relu(conv(relu(conv(in)))))); });
  CHECK(sst::ntk(bare, small).gradients(a, x, w).allFinite());
  const auto normal = sst::trace([](Node in) { return dense(flatten(relu(conv(layer_norm(in))))); });
  CHECK(sst::ntk(normal, small).gradients(a, x, w).cwiseAbs().maxCoeff() < 1e3);
}

TEST_CASE("gradients of images do not depend on the number of threads, and compose", "[kernel]") {
  const MatrixXd a = images(19, small), x = images(150, small).array() + 0.1,
                 w = sst_test::uniform(19, 150, 5);
  const auto net = sst::trace(
      [](Node in) { return dense(flatten(relu(conv(avg_pool(relu(conv(in, {.bias_std = 0.3}))))))); });
  const auto k = sst::ntk(net, small) + 0.5 * sst::nngp(net, small);
  const auto one = k.full_gradients(a, x, w, {.threads = 1});
  for (const int threads : {2, 3}) {
    const auto parts = k.full_gradients(a, x, w, {.threads = threads});
    CHECK(sst_test::same_bits(one.input, parts.input));
    CHECK(sst_test::same_bits(one.layers, parts.layers));
  }
  CHECK((one.total(a) - k.matrix(a, x).cwiseProduct(w).rowwise().sum()).norm() <
        1e-11 * k.matrix(a, x).cwiseProduct(w.cwiseAbs()).rowwise().sum().norm());
  REQUIRE(one.biased.size() == 2);
  CHECK(one.biased[0].height == 3);
  CHECK(one.biased[0].width == 4);
  CHECK(one.map(2, 1)(1, 3) == one.layers(2, one.biased[1].first + 7));
  CHECK_THROWS_AS(k.gradients(a, x, w, {.progress = [](double) { return false; }}), sst::Cancelled);
  CHECK_THROWS_AS(k.gradients(a.leftCols(5), x.leftCols(5), w), sst::DataError);
}

TEST_CASE("a model of images has maps of its predictions, and gradients of its variances", "[kernel]") {
  const MatrixXd x = of_few_bits(images(12, small)), y = sst_test::uniform(12, 3, 6),
                 a = of_few_bits(images(2, small).array() + 0.125);
  const auto net = sst::trace([](Node in) {
    return dense(global_avg_pool(relu(conv(relu(conv(in, {.bias_std = 0.3})), {.bias_std = 0.1}))));
  });
  for (const auto precision : {sst::Precision::in_double, sst::Precision::in_float}) {
    const auto model =
        sst::fit(sst::ntk(net, small, {.precision = precision}), x, y, sst::Ridge::relative(0.1));
    const MatrixXd f = model.predict(a);
    const double bound = precision == sst::Precision::in_double ? 1e-11 : 1e-5;
    for (Index output = 0; output < 3; ++output)
      CHECK((model.full_gradients(a, output).total(a) - f.col(output)).norm() < bound * f.norm());
    if (precision == sst::Precision::in_float) continue;
    const MatrixXd found = model.variance_gradients(a);
    MatrixXd expected = MatrixXd::Zero(2, a.cols());
    for (Index k = 0; k < a.cols(); ++k)
      for (const auto& [steps, weight] : sst::detail::central_differences) {
        MatrixXd moved = a;
        moved.col(k).array() += steps / 1024.0;
        expected.col(k) += weight * 1024 / 12 * model.covariance(moved).diagonal();
      }
    CHECK((found - expected).norm() < 1e-8 * expected.norm());
  }
  const auto smooth = sst::trace([](Node in) { return dense(flatten(gelu(conv(in)).named("bend"))); });
  CHECK_THROWS_WITH(sst::ntk(smooth, small).full_gradients(a, x, MatrixXd::Ones(1, 12)),
                    Contains("node 'bend' (gelu)"));
}

}  // namespace image_gradient_tests
