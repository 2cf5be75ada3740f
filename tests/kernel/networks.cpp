// SPDX-License-Identifier: MIT
//
// Activations of h, -h and multiples of h, and sums of them that nearly cancel.
#include "../catch.hpp"
#include "../images.hpp"
#include "../matrices.hpp"

#include <algorithm>

#include <sst/engine/rows/profile.hpp>
#include <sst/kernel/image_gram.hpp>
#include <sst/ntk.hpp>
#include <sst/plan/images/compile.hpp>
#include <sst/topology/activations.hpp>

#include "golden.hpp"

namespace networks_tests {

using Eigen::MatrixXd;
using sst::Node;

namespace {

/// f(h) - f(-h) - (1 - left) h: left h for relu, gelu, swish and softplus.
Node difference(const Node& h, Node (*f)(const Node&), double left = 1) {
  return sst::sum({f(h), f(-1 * h), h}, {1.0, -1.0, left - 1});
}

double gap(const MatrixXd& a, const MatrixXd& b) {
  return (a - b).cwiseAbs().maxCoeff() / b.diagonal().maxCoeff();
}

}  // namespace

TEST_CASE("random networks with negated, scaled and shared arguments keep the bounds of docs/accuracy.md",
          "[kernel]") {
  for (const GoldenCase& c : golden_cases("networks.json")) {
    INFO(c.topology.name());
    const double bar = sst::compile(c.topology, sst::Kernel::ntk).angular_only ? 1e-13 : 1e-9;
    const auto k = sst::gram(c.topology, c.x);
    CHECK(relative_error(k.nngp, c.nngp) < bar);
    CHECK(relative_error(k.ntk, c.ntk) < bar);
    const auto f = sst::gram<float>(c.topology, c.x);
    CHECK(relative_error(f.nngp, c.nngp) < 2e-6);
    CHECK(relative_error(f.ntk, c.ntk) < 2e-6);
  }
}

TEST_CASE("f(h) - f(-h) is a multiple of h: its kernels are those of the linear network", "[kernel]") {
  const sst::DenseOptions layer{.weight_std = 1.3, .bias_std = 0.1};
  MatrixXd x = 2 * sst_test::uniform(40, 5, 11);
  x.row(7) = -x.row(3);
  x.row(9) = x.row(8);
  x(9, 0) += 1e-10;
  for (const auto f : {sst::relu, sst::gelu, sst::swish, sst::softplus})
    for (const double left : {1.0, 1e-2, 1e-6}) {
      const auto net = sst::trace([&](Node n) { return dense(difference(dense(n, layer), f, left), layer); });
      const auto linear =
          sst::trace([&](Node n) { return dense((1 - (1 - left)) * dense(n, layer), layer); });
      const auto k = sst::gram(net, x), exact = sst::gram(linear, x);
      INFO(left);
      CHECK(gap(k.ntk, exact.ntk) < 1e-14);
      CHECK(gap(k.nngp, exact.nngp) < 1e-14);
    }
}

TEST_CASE("images: f(h) - f(-h) is a multiple of h", "[kernel]") {
  const sst::ImageShape shape{5, 4, 2};
  const MatrixXd x = sst_test::images(5, shape);
  const auto net = [&](auto middle) {
    return sst::trace([&](Node n) {
      const Node h = conv(middle(conv(n, {.bias_std = 0.1})), {.bias_std = 0.2});
      return dense(flatten(relu(h)));
    });
  };
  const auto exact = sst::gram(net([](const Node& h) { return 1e-2 * h; }), shape, x);
  for (const auto f : {sst::relu, sst::gelu}) {
    const auto k = sst::gram(net([&](const Node& h) { return difference(h, f, 1e-2); }), shape, x);
    CHECK(gap(k.ntk, exact.ntk) < 1e-13);
    CHECK(gap(k.nngp, exact.nngp) < 1e-13);
  }
  // Pooled and normalised, a multiple is what the variable itself is.
  const auto pooled = [&](double c) {
    return sst::trace([c](Node n) {
      const Node h = conv(n, {.bias_std = 0.1});
      return dense(global_avg_pool(relu(layer_norm(c * h)) + c * avg_pool(h, {.window = {1, 1}})));
    });
  };
  const auto plus = sst::gram(pooled(1), shape, x), minus = sst::gram(pooled(-1), shape, x);
  CHECK(gap(minus.ntk, plus.ntk) < 1e-14);
  CHECK(gap(minus.nngp, plus.nngp) < 1e-14);
}

TEST_CASE("weights shared between a node and a multiple of it give a multiple", "[kernel]") {
  const MatrixXd x = sst_test::uniform(20, 4, 12);
  const auto net = [&](bool tied) {
    return sst::trace([tied](Node n) {
      const Node h = dense(n, {.bias_std = 0.1}), u = dense(h, {.weight_std = 1.2, .weights = "W"});
      const Node v = tied ? dense(-2 * h, {.weight_std = 1.2, .weights = "W"}) : -2 * u;
      return dense(relu(u) + erf(v));
    });
  };
  const auto k = sst::gram(net(true), x), exact = sst::gram(net(false), x);
  CHECK(k.ntk == exact.ntk);
  CHECK(k.nngp == exact.nngp);
}

TEST_CASE("a source and nearly minus the source are as accurate as a source and nearly itself", "[kernel]") {
  // relu(h) + relu(-h - 1e-9 g) has the correlation of h and -h - 1e-9 g, which is nearly -1.
  const MatrixXd x = sst_test::uniform(20, 4, 13);
  const auto net = [&](double side) {
    return sst::trace([side](Node n) {
      const Node h = dense(n, {.bias_std = 0.1}), g = dense(n);
      return dense(sst::abs(h) + sst::abs(sst::sum({h, g}, {side, side * 1e-9})));
    });
  };
  CHECK(gap(sst::gram(net(-1), x).ntk, sst::gram(net(1), x).ntk) < 1e-15);
}

TEST_CASE("kernels that would underflow to zero as a whole are an error; sizes in between may be tiny",
          "[kernel]") {
  using Catch::Contains;
  const MatrixXd x = sst_test::uniform(4, 3, 14);
  const auto net = [](Node (*phi)(const Node&), double first, double last) {
    return sst::trace(
        [=](Node n) { return dense(phi(dense(n, {.weight_std = first})), {.weight_std = last}); });
  };
  const auto plain = net(sst::relu, 1, 1);
  CHECK_THROWS_WITH(sst::gram(plain, MatrixXd(1e-170 * x)), Contains("underflows"));
  CHECK_THROWS_WITH(sst::gram<float>(plain, MatrixXd(1e-25 * x)), Contains("use double"));
  CHECK_THROWS_WITH(sst::gram(net(sst::erf, 1, 1), MatrixXd(1e-170 * x)), Contains("underflow to zero"));
  CHECK_THROWS_WITH(sst::gram(net(sst::relu, 1e-200, 1e-200), x), Contains("underflow to zero"));
  CHECK(gap(sst::gram(net(sst::relu, 1e-170, 1e170), x).nngp, sst::gram(plain, x).nngp) < 1e-13);
  CHECK(sst::gram(plain, MatrixXd(0 * x)).ntk.norm() == 0);   // zero by itself
  CHECK(sst::gram(net(sst::relu, 1, 0), x).ntk.norm() == 0);  // so is this
}

TEST_CASE("a plan that nothing was compiled into is refused", "[kernel]") {
  const MatrixXd x = sst_test::uniform(4, 3, 15);
  CHECK_THROWS_WITH(sst::gram(sst::Plan{}, sst::Kernel::nngp, x), Catch::Contains("never compiled"));
  CHECK_THROWS_WITH(sst::Profile<double>(sst::Plan{}), Catch::Contains("never compiled"));
}

TEST_CASE("images with more numbers than can be counted are refused", "[kernel]") {
  const auto net = sst::trace([](Node n) { return dense(flatten(n)); });
  const std::size_t many = std::size_t{1} << 32;
  for (const sst::ImageShape& shape : {sst::ImageShape{many, many, 1}, sst::ImageShape{many, 4, many}}) {
    CHECK_THROWS_WITH(sst::gram(net, shape, MatrixXd(2, 0)), Catch::Contains("more numbers"));
    CHECK_THROWS_WITH(sst::compile(net, sst::Kernel::ntk, shape), Catch::Contains("more numbers"));
  }
}

}  // namespace networks_tests
