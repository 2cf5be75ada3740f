// SPDX-License-Identifier: MIT
#include <cmath>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <Eigen/Core>

#include <sst/kernel/network_kernel.hpp>
#include <sst/kernel/own_kernel.hpp>
#include <sst/regression/model.hpp>
#include <sst/topology/activations.hpp>
#include <sst/topology/families.hpp>
#include <sst/topology/node.hpp>

#include "../catch.hpp"
#include "../finite/random_topology.hpp"
#include "../matrices.hpp"
#include "derivative_reference.hpp"

namespace full_gradient_tests {

using Catch::Matchers::Contains;
using Eigen::Index;
using Eigen::MatrixXd;
using sst::Kernel;
using sst::Node;
using sst_reference::of_few_bits;
using sst_test::uniform;

namespace {

/// |sum of the parts - f| / |f|, of the worst sample.
double incompleteness(const sst::KernelFunction& k, const MatrixXd& a, const MatrixXd& x, const MatrixXd& w) {
  const auto parts = k.full_gradients(a, x, w);
  const Eigen::VectorXd f = k.matrix(a, x).cwiseProduct(w.replicate(a.rows() / w.rows(), 1)).rowwise().sum();
  return (parts.total(a) - f).cwiseQuotient(f).cwiseAbs().maxCoeff();
}

/// Networks of every kind that is positively homogeneous.
std::vector<std::pair<std::string, sst::Topology>> networks() {
  const sst::DenseOptions layer{.weight_std = 1.3, .bias_std = 0.4};
  const auto phi = std::make_shared<sst::LeakyRelu>(0.2);
  std::vector<std::pair<std::string, sst::Topology>> all{
      {"relu chain", sst::chain(3, {.weight_std = 1.4, .bias_std = 0.3})},
      {"leaky chain", sst::chain(2, {.weight_std = 1.4, .bias_std = 0.3, .activation = phi})},
      {"abs chain",
       sst::chain(2, {.weight_std = 1.1, .bias_std = 0.2, .activation = std::make_shared<sst::Abs>()})},
      {"linear", sst::trace([=](Node x) { return dense(identity(dense(x, layer)), layer); })},
      {"nine layers", sst::chain(9, {.weight_std = 1.4, .bias_std = 0.1})},
      {"residual", sst::trace([=](Node x) {
         Node h = dense(x, layer);
         for (int l = 0; l < 3; ++l) h = h + 0.5 * dense(relu(h), layer);
         return dense(relu(h), layer);
       })},
      {"sparse shortcut", sst::trace([=](Node x) {
         const Node a = dense(x, layer), b = dense(relu(a), layer), c = dense(relu(b), layer);
         return dense(relu(sum(a, c)), layer);
       })},
      {"sum after activations", sst::trace([=](Node x) {
         const Node h = dense(x, layer);
         return dense(sst::sum({relu(h), abs(h), dense(relu(h), layer)}, {0.7, -0.4, 1.1}), layer);
       })},
      {"concatenation", sst::trace([=](Node x) {
         const Node a = relu(dense(x, layer)), b = abs(dense(a, layer));
         return dense(sst::concat({a, b}, {0.3, 0.7}), layer);
       })},
      {"dense net", sst::trace([=](Node x) {
         const Node a = relu(dense(x, layer)), b = relu(dense(concat(x, a), layer));
         return dense(concat(x, a, b), layer);
       })},
      {"tied weights", sst::trace([=](Node x) {
         sst::DenseOptions tied = layer;
         tied.weights = "same";
         const Node h = dense(relu(dense(relu(dense(x, layer)), tied)), tied);
         return dense(relu(h), layer);
       })},
      {"input in a sum",
       sst::trace([=](Node x) { return dense(relu(dense(x + relu(dense(x, layer)), layer)), layer); })},
      {"rates", sst::trace([=](Node x) {
         const Node h = relu(dense(x, {.bias_std = 0.3, .weight_rate = 0.3, .bias_rate = 2}));
         return dense(h, {.bias_std = 0.5, .bias_rate = 0});
       })}};
  return all;
}

}  // namespace

TEST_CASE("full gradients of rows are what differences give, and add up to the prediction", "[kernel]") {
  const MatrixXd a = of_few_bits(uniform(2, 4, 1)), x = of_few_bits(2 * uniform(7, 4, 2));
  const MatrixXd w = uniform(1, 7, 3).cwiseAbs();
  for (const auto& [name, net] : networks())
    for (const Kernel kernel : {Kernel::nngp, Kernel::ntk}) {
      INFO(name << (kernel == Kernel::ntk ? ", ntk" : ", nngp"));
      const auto k = sst::network_kernel({net, kernel, std::nullopt, {}});
      const auto parts = k.full_gradients(a, x, w);
      CHECK(incompleteness(k, a, x, w) < 1e-11);
      const auto [input, layers] =
          sst_reference::derivatives(net, kernel, {1, 1, 4}, a.row(1).transpose(), x, w.row(0), parts.biased);
      CHECK((parts.input.row(1) - input).norm() < 1e-9 * input.norm());
      CHECK((parts.layers.row(1) - layers).norm() < 1e-9 * layers.norm());
      CHECK(sst_test::same_bits(parts.input, k.gradients(a, x, w)));
    }
}

TEST_CASE("full gradients of random graphs add up to the prediction", "[kernel]") {
  const std::vector<sst::ActivationPtr> some{
      std::make_shared<sst::Relu>(), std::make_shared<sst::LeakyRelu>(0.2), std::make_shared<sst::Abs>()};
  const MatrixXd a = uniform(70, 5, 4), x = uniform(300, 5, 5), w = uniform(1, 300, 6).cwiseAbs();
  for (unsigned seed = 0; seed < 24; ++seed) {
    const sst::Topology net = sst_test::random_topology(seed, {.activations = some});
    const auto k = seed % 2 ? sst::ntk(net) : sst::nngp(net);
    INFO(net.name());
    if (k.matrix(a.topRows(2), x).norm() < 1e-8) continue;  // a network of no parts
    const auto parts = k.full_gradients(a, x, w);
    const Eigen::VectorXd f = k.matrix(a, x) * w.transpose();
    CHECK((parts.total(a) - f).norm() < 1e-11 * f.norm());
  }
}

TEST_CASE("full gradients of sums of kernels, whose layers come term by term", "[kernel]") {
  const auto net = sst::chain(2, {.weight_std = 1.3, .bias_std = 0.3});
  const MatrixXd a = uniform(3, 5, 7), x = uniform(20, 5, 8), w = uniform(3, 20, 9).cwiseAbs();
  const auto sum = 0.5 * sst::ntk(net) + 2 * sst::nngp(net);
  CHECK(incompleteness(sum, a, x, w) < 1e-11);
  const auto parts = sum.full_gradients(a, x, w), one = sst::nngp(net).full_gradients(a, x, w);
  REQUIRE(parts.biased.size() == 2 * one.biased.size());
  CHECK(parts.biased.back().name == "nngp of " + net.name() + ": " + one.biased.back().name);
  CHECK((parts.layers.rightCols(one.layers.cols()) - 2 * one.layers).norm() < 1e-14 * one.layers.norm());
  CHECK((2 * sst::nngp(net)).full_gradients(a, x, w).biased.back().name == one.biased.back().name);
}

TEST_CASE("full gradients at a zero row, at a training row, of sparse rows and on any number of threads",
          "[kernel]") {
  const auto k = sst::ntk(sst::chain(3, {.weight_std = 1.3, .bias_std = 0.3}));
  MatrixXd x = uniform(90, 5, 10), a = uniform(130, 5, 11);
  const MatrixXd w = uniform(1, 90, 12).cwiseAbs();
  a.row(3).setZero();
  a.row(4) = x.row(7);
  a = (a.array().abs() > 0.4).select(a, 0.0);
  CHECK(incompleteness(k, a, x, w) < 1e-11);
  const auto parts = k.full_gradients(a, x, w, {.threads = 1});
  for (const int threads : {2, 5})
    CHECK(sst_test::same_bits(parts.layers, k.full_gradients(a, x, w, {.threads = threads}).layers));
  const Eigen::SparseMatrix<double> sparse = a.sparseView();
  CHECK((k.full_gradients(sparse, x, w).layers - parts.layers).norm() < 1e-12 * parts.layers.norm());
  CHECK(k.full_gradients(MatrixXd(0, 5), x, w).layers.rows() == 0);
}

TEST_CASE("kernels that do not scale with their input say which node is why", "[kernel]") {
  const MatrixXd a = uniform(3, 5, 13), x = uniform(20, 5, 14), w = uniform(1, 20, 15);
  const auto refuses = [&](const sst::KernelFunction& k, const std::string& text) {
    CHECK_THROWS_WITH(k.full_gradients(a, x, w), Contains(text));
  };
  const auto smooth = sst::trace([](Node in) { return dense(gelu(dense(in)).named("bend")); });
  refuses(sst::ntk(smooth), "node 'bend' (gelu) is not positively homogeneous");
  refuses(sst::ntk(sst::chain(1)) + sst::nngp(smooth), "node 'bend' (gelu)");
  refuses(sst::nngp(sst::trace([](Node in) { return dense(step(dense(in)).named("jump")); })),
          "node 'jump' (step)");
  refuses(sst::nngp(sst::trace([](Node in) { return dense(layer_norm(relu(dense(in))).named("norm")); })),
          "node 'norm' (layer_norm)");
  refuses(sst::kernel_function("own", [](const auto& u, const auto& v) { return u.dot(v); }),
          "'own' has no full gradients");
}

TEST_CASE("a model's full gradients are those of its predictions", "[kernel]") {
  const MatrixXd x = uniform(40, 4, 16), y = uniform(40, 2, 17), a = uniform(6, 4, 18);
  const auto net = sst::chain(2, {.weight_std = 1.3, .bias_std = 0.3});
  const auto model = sst::fit(sst::ntk(net), x, y, sst::Ridge::relative(0.1));
  const MatrixXd f = model.predict(a);
  for (Index output = 0; output < 2; ++output) {
    const auto parts = model.full_gradients(a, output);
    CHECK((parts.total(a) - f.col(output)).norm() < 1e-11 * f.col(output).norm());
    CHECK(sst_test::same_bits(parts.input, model.input_gradients(a, output)));
    REQUIRE(parts.biased.size() == 2);
    CHECK(parts.map(1, 1)(0, 0) == parts.layers(1, 1));
  }
  CHECK_THROWS_WITH(model.full_gradients(a, 2), Contains("outputs 0 to 1 and not 2"));
}

TEST_CASE("a model's variance gradients are those of its variances", "[kernel]") {
  const MatrixXd x = of_few_bits(uniform(12, 4, 19)), y = uniform(12, 1, 20),
                 a = of_few_bits(uniform(3, 4, 21));
  const auto gauss = sst::kernel_function(
      "gauss", [](const auto& u, const auto& v) { return std::exp(-(u - v).squaredNorm()); },
      [](const auto& u, const auto& v) -> Eigen::VectorXd {
        return -2 * std::exp(-(u - v).squaredNorm()) * (u - v);
      });
  const auto smooth = sst::chain(2, {.bias_std = 0.4, .activation = std::make_shared<sst::Gelu>()});
  for (const auto& k : {sst::ntk(sst::chain(3, {.bias_std = 0.3})), sst::nngp(sst::chain(2)),
                        sst::ntk(smooth), gauss, sst::ntk(sst::chain(2)) + 0.5 * gauss}) {
    INFO(k.description());
    const auto model = sst::fit(k, x, y, sst::Ridge::relative(0.3));
    const MatrixXd found = model.variance_gradients(a);
    MatrixXd expected = MatrixXd::Zero(3, 4);
    for (Index f = 0; f < 4; ++f)
      for (const auto& [steps, weight] : sst::detail::central_differences) {
        MatrixXd moved = a;
        moved.col(f).array() += steps / 1024.0;
        expected.col(f) += weight * 1024 / 12 * model.covariance(moved).diagonal();
      }
    CHECK((found - expected).norm() < 1e-9 * expected.norm());
  }
  const auto bare = sst::kernel_function("bare", [](const auto& u, const auto& v) { return u.dot(v); });
  CHECK_THROWS_WITH(sst::fit(bare, x, y, sst::Ridge::relative(0.3)).variance_gradients(a),
                    Contains("'bare' has no derivatives"));
}

TEST_CASE("the gradients of a kernel's diagonal are by both arguments", "[kernel]") {
  const MatrixXd x = of_few_bits(uniform(4, 3, 22));
  for (const auto& k : {sst::ntk(sst::chain(3, {.bias_std = 0.3})), sst::nngp(sst::chain(2))}) {
    const MatrixXd found = k.diagonal_gradients(x);
    for (Index f = 0; f < 3; ++f) {
      MatrixXd more = x, less = x;
      more.col(f).array() += 0x1p-12;
      less.col(f).array() -= 0x1p-12;
      const Eigen::VectorXd expected = (k.diagonal(more) - k.diagonal(less)) * 0x1p11;
      CHECK((found.col(f) - expected).norm() < 1e-8 * found.norm());
    }
  }
}

}  // namespace full_gradient_tests
