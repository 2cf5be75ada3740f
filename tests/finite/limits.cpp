// SPDX-License-Identifier: MIT
//
// The closed forms against wide random networks: on graphs that nobody chose, and with the size of the
// error that dropping a cross term would make.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <numbers>
#include <random>
#include <sstream>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <Eigen/Core>

#include <sst/activation/dual.hpp>
#include <sst/activation/registry.hpp>
#include <sst/finite/monte_carlo.hpp>
#include <sst/ntk.hpp>

#include "../catch.hpp"
#include "random_topology.hpp"

namespace limits_tests {

namespace {

using Eigen::ArrayXXd;
using Eigen::MatrixXd;

const MatrixXd samples = (MatrixXd(3, 4) << 1.0, 0.4, -0.3, 0.7,  //
                          0.2, 1.1, 0.8, -0.9,                    //
                          -1.3, 0.5, 0.6, 0.1)
                             .finished();

sst::MonteCarlo estimate(const sst::Topology& net, Eigen::Index networks = 3000) {
  return sst::monte_carlo(net, samples,
                          {.width = 32,
                           .networks = networks,
                           .seed = 7,
                           .outputs = 4,
                           .extrapolation = sst::MonteCarloOptions::Extrapolation::richardson});
}

/// Kernels as by adding those of the branches: every cross term is dropped.
class AddedBranches {
 public:
  AddedBranches(const sst::Topology& net, const MatrixXd& x) {
    for (std::size_t i = 0; i < net.nodes().size(); ++i)
      std::visit([&](const auto& op) { nodes_.push_back(apply(op, net.nodes()[i], net, x)); },
                 net.nodes()[i].operation);
    kernels_ = nodes_[net.output()].front();
  }
  MatrixXd nngp() const { return kernels_.value; }
  MatrixXd ntk() const { return kernels_.tangent; }

 private:
  struct Kernels {
    ArrayXXd value, tangent;
  };
  using Blocks = std::vector<Kernels>;

  const Blocks& input(const sst::NodeSpec& node, std::size_t k = 0) const { return nodes_[node.inputs[k]]; }

  Blocks apply(const sst::InputOp&, const sst::NodeSpec&, const sst::Topology&, const MatrixXd& x) const {
    const MatrixXd k = x * x.transpose() / static_cast<double>(x.cols());
    return {{k.array(), ArrayXXd::Zero(x.rows(), x.rows())}};
  }
  Blocks apply(const sst::DenseOp& op, const sst::NodeSpec& node, const sst::Topology& net,
               const MatrixXd& x) const {
    const double weight_variance = op.weight_std * op.weight_std;
    Kernels out{ArrayXXd::Constant(x.rows(), x.rows(), op.bias_std * op.bias_std),
                ArrayXXd::Zero(x.rows(), x.rows())};
    for (std::size_t b = 0; b < input(node).size(); ++b) {
      const double share = weight_variance * net.blocks(node.inputs[0])[b];
      out.value += share * input(node)[b].value;
      out.tangent += share * input(node)[b].tangent;
    }
    out.tangent += out.value;
    return {out};
  }
  Blocks apply(const sst::SumOp& op, const sst::NodeSpec& node, const sst::Topology&, const MatrixXd&) const {
    Blocks out = input(node);
    for (std::size_t k = 0; k < op.coefficients.size(); ++k)
      for (std::size_t b = 0; b < out.size(); ++b) {
        const double factor = op.coefficients[k] * op.coefficients[k];
        const Kernels& term = input(node, k)[b];
        out[b].value = factor * term.value + (k > 0 ? out[b].value : ArrayXXd(0 * term.value));
        out[b].tangent = factor * term.tangent + (k > 0 ? out[b].tangent : ArrayXXd(0 * term.value));
      }
    return out;
  }
  Blocks apply(const sst::ConcatOp&, const sst::NodeSpec& node, const sst::Topology&, const MatrixXd&) const {
    Blocks out;
    for (std::size_t k = 0; k < node.inputs.size(); ++k)
      out.insert(out.end(), input(node, k).begin(), input(node, k).end());
    return out;
  }
  Blocks apply(const sst::ActivationOp& op, const sst::NodeSpec& node, const sst::Topology&,
               const MatrixXd&) const {
    Blocks out;
    for (const Kernels& in : input(node)) out.push_back(activate(op.activation, in));
    return out;
  }

  template <class ImageOp>
  Blocks apply(const ImageOp&, const sst::NodeSpec& node, const sst::Topology&, const MatrixXd&) const {
    throw sst::Error("node '" + node.name + "' works on images; these graphs have rows");
  }

  static Kernels activate(const sst::ActivationPtr& phi, const Kernels& in) {
    const Eigen::Index n = in.value.rows();
    Kernels out{ArrayXXd(n, n), ArrayXXd(n, n)};
    for (Eigen::Index i = 0; i < n; ++i)
      for (Eigen::Index j = 0; j < n; ++j) {
        const double left = std::sqrt(in.value(i, i)), right = std::sqrt(in.value(j, j));
        const double c = i == j ? 1 : std::clamp(in.value(i, j) / (left * right), -1.0, 1.0);
        double value = 0, derivative = 0;
        if (const auto form = phi->angular()) {
          // E[z z'] = c, E[|z z'|] = 2/pi (sqrt(1 - c^2) + c asin c), E[sgn z sgn z'] = 2/pi asin c.
          const double odd = form->odd * form->odd, even = form->even * form->even * 2 / std::numbers::pi;
          value = left * right * (odd * c + even * (std::sqrt(1 - c * c) + c * std::asin(c)));
          derivative = odd + even * std::asin(c);
        } else {
          const double half = (1 - c) / 2, complement = (1 + c) / 2;
          sst::dual_map(phi, phi)->evaluate(
              sst::DualStrip<double>{1, left, &right, &half, &complement, &value, &derivative});
        }
        out.value(i, j) = value;
        out.tangent(i, j) = derivative * in.tangent(i, j);
      }
    return out;
  }

  std::vector<Blocks> nodes_;
  Kernels kernels_;
};

struct Deviations {
  double exact, added;  // the larger of both kernels', in standard errors
  bool differ;          // are there cross terms at all?
};

Deviations deviations(const sst::Topology& net, Eigen::Index networks = 3000) {
  const auto exact = sst::gram(net, samples);
  const AddedBranches added(net, samples);
  const auto seen = estimate(net, networks);
  return {std::max(seen.nngp.largest_deviation(exact.nngp), seen.ntk.largest_deviation(exact.ntk)),
          std::max(seen.nngp.largest_deviation(added.nngp()), seen.ntk.largest_deviation(added.ntk())),
          (exact.nngp - added.nngp()).norm() > 1e-9 * exact.nngp.norm() ||
              (exact.ntk - added.ntk()).norm() > 1e-9 * exact.ntk.norm()};
}

std::vector<sst::ActivationPtr> angular() {
  return {std::make_shared<sst::Relu>(), std::make_shared<sst::LeakyRelu>(0.2), std::make_shared<sst::Abs>()};
}

std::vector<sst::ActivationPtr> everything() {
  std::vector<sst::ActivationPtr> all = angular();
  for (const char* name : {"erf", "gelu", "sin", "cos", "tanh"})
    all.push_back(sst::activation_registry().at(name).make({}));
  return all;
}

/// All graphs keep within 4 standard errors, and those with cross terms mostly do not once these are dropped.
void check_random_graphs(const sst_test::RandomTopologyOptions& options, int graphs, Eigen::Index networks) {
  int correlated = 0, told_apart = 0;
  for (int seed = 0; seed < graphs; ++seed) {
    const sst::Topology net = sst_test::random_topology(static_cast<std::uint32_t>(seed), options);
    std::ostringstream text;
    text << net;
    INFO(text.str());
    const Deviations found = deviations(net, networks);
    CHECK(found.exact <= 4);
    correlated += found.differ ? 1 : 0;
    told_apart += found.differ && found.added > 4 ? 1 : 0;
  }
  INFO(told_apart << " of " << correlated << " graphs with cross terms told apart");
  CHECK(2 * correlated >= graphs);
  CHECK(10 * told_apart >= 9 * correlated);
}

}  // namespace

TEST_CASE("random graphs of angular activations have the kernels of wide networks", "[finite]") {
  check_random_graphs({.activations = angular()}, 24, 2000);
  check_random_graphs({.activations = angular(), .operations = 16, .depth = 4}, 8, 1000);
}

TEST_CASE("random graphs of one smooth activation have the kernels of wide networks", "[finite]") {
  for (const char* name : {"erf", "gelu", "sin", "cos", "tanh"}) {
    INFO(name);
    check_random_graphs({.activations = {sst::activation_registry().at(name).make({})}}, 4, 1000);
  }
}

TEST_CASE("random graphs of mixed activations have the kernels of wide networks", "[finite]") {
  check_random_graphs({.activations = everything()}, 12, 1000);
}

TEST_CASE("random graphs whose layers learn at random rates have the kernels of wide networks", "[finite]") {
  std::mt19937 words(5);
  for (std::uint32_t seed = 0; seed < 20; ++seed) {
    const sst::Topology net = sst_test::random_rates(
        sst_test::random_topology(seed, {.activations = seed % 2 == 0 ? angular() : everything()}), words);
    std::ostringstream text;
    text << net;
    INFO(text.str());
    const auto exact = sst::gram(net, samples);
    const auto seen = estimate(net, 1000);
    CHECK(seen.nngp.largest_deviation(exact.nngp) <= 4);
    CHECK(seen.ntk.largest_deviation(exact.ntk) <= 4);
  }
}

TEST_CASE("what cannot be trained through has a tangent where nothing before it learns", "[finite]") {
  const sst::Topology net =
      sst::chain(3, {.bias_std = 0.3, .activation = std::make_shared<sst::Step>(), .frozen_layers = 2});
  const auto exact = sst::gram(net, samples);
  CHECK(exact.ntk.isApprox(exact.nngp, 1e-13));
  CHECK(estimate(net, 1000).ntk.largest_deviation(exact.ntk) <= 4);
}

TEST_CASE("adding branch kernels is seen to be wrong", "[finite]") {
  const sst::DenseOptions layer{.weight_std = 1.3, .bias_std = 0.2};
  const sst::DenseOptions tied{.weight_std = 1.3, .bias_std = 0.2, .weights = "W"};
  const std::vector<std::pair<std::string, sst::Topology>> wrong{
      {"relu(h) + h", sst::trace([&](sst::Node x) {
         const auto h = dense(x, layer);
         return dense(relu(h) + h, layer);
       })},
      {"sum of activations", sst::trace([&](sst::Node x) {
         const auto a0 = relu(dense(x, layer)), a1 = relu(dense(a0, layer)), a2 = relu(dense(a1, layer));
         return dense(sum(a0, a1, a2), layer);
       })},
      {"dense identity shortcuts", sst::identity_connected(4, {.weight_std = 1.3, .bias_std = 0.2})},
      {"tied weights", sst::trace([&](sst::Node x) {
         const auto h1 = dense(relu(dense(x, layer)), tied);
         return dense(relu(h1 + dense(relu(h1), tied)), layer);
       })}};
  for (const auto& [name, net] : wrong) {
    INFO(name);
    const Deviations found = deviations(net);
    CHECK(found.exact <= 4);
    CHECK(found.added > 8);
  }
}

TEST_CASE("where branches are uncorrelated, adding their kernels is right", "[finite]") {
  for (const auto& net : {sst::densely_connected(4), sst::sparse_shortcut(5), sst::residual(4),
                          sst::recurrent(3), sst::chain(3)}) {
    INFO(net.name());
    const Deviations found = deviations(net, 2000);
    CHECK_FALSE(found.differ);
    CHECK(found.exact <= 4);
  }
}

TEST_CASE("shared weights over other channel blocks meet other channels", "[finite]") {
  // Channel k of a block sits at the block's start plus k: at another start the same weights multiply
  // other channels, which share their mean alone.
  const sst::DenseOptions layer{.weight_std = 1.2, .bias_std = 0.3}, tied{1.1, 0.2, "W"};
  const std::vector<sst::Topology> nets{
      sst::trace([&](sst::Node x) {
        const auto g = dense(x, layer), h = dense(x, layer);
        return dense(dense(concat(g, h), tied) + dense(h, tied), layer);
      }),
      sst::trace([&](sst::Node x) {
        const auto g = dense(x, layer), h = dense(x, layer);
        return dense(
            dense(sst::concat({h, g}, {0.25, 0.75}), tied) + dense(sst::concat({h, g}, {0.625, 0.375}), tied),
            layer);
      }),
      sst::trace([&](sst::Node x) {
        const auto g = dense(x, layer), h = dense(x, layer);
        return dense(dense(concat(relu(g), relu(h)), tied) + dense(relu(h), tied), layer);
      })};
  for (const auto& net : nets) CHECK(deviations(net, 4000).exact <= 4);
}

}  // namespace limits_tests
