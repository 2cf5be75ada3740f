// SPDX-License-Identifier: MIT
//
// What adding the kernels of branches gets wrong: exact kernels, those with every cross term dropped,
// and random networks of finite width as the judge. docs/cross-terms.md explains the table.

#include <iostream>
#include <numbers>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <sst/base/text_table.hpp>
#include <sst/finite/monte_carlo.hpp>
#include <sst/ntk.hpp>

#include "program.hpp"

namespace {

constexpr auto richardson = sst::MonteCarloOptions::Extrapolation::richardson;

struct Kernels {
  Eigen::ArrayXXd nngp, ntk;
};

/// Kernels of a ReLU network without cross terms: K and T of a sum are sum_i c_i^2 K_i and sum_i c_i^2 T_i.
/// A concatenation, which has none, is taken whole instead of block by block.
Kernels add_branches(const sst::Topology& net, const Eigen::MatrixXd& x) {
  std::vector<Kernels> nodes;
  const Eigen::ArrayXXd zero = Eigen::ArrayXXd::Zero(x.rows(), x.rows());
  for (const sst::NodeSpec& node : net.nodes()) {
    Kernels out{zero, zero};
    const auto add = [&](double c, const Kernels& in) { out.nngp += c * in.nngp, out.ntk += c * in.ntk; };
    if (const auto* dense = std::get_if<sst::DenseOp>(&node.operation)) {
      add(dense->weight_std * dense->weight_std, nodes[node.inputs[0]]);
      out.nngp += dense->bias_std * dense->bias_std;
      out.ntk += out.nngp;
    } else if (const auto* sum = std::get_if<sst::SumOp>(&node.operation)) {
      for (std::size_t k = 0; k < node.inputs.size(); ++k)
        add(sum->coefficients[k] * sum->coefficients[k], nodes[node.inputs[k]]);
    } else if (const auto* concat = std::get_if<sst::ConcatOp>(&node.operation)) {
      for (std::size_t k = 0; k < node.inputs.size(); ++k) add(concat->fractions[k], nodes[node.inputs[k]]);
    } else if (std::holds_alternative<sst::ActivationOp>(node.operation)) {  // Cho and Saul 2009
      const Kernels& in = nodes[node.inputs[0]];
      const Eigen::ArrayXd std = in.nngp.matrix().diagonal().cwiseSqrt();
      const Eigen::ArrayXXd p = std.matrix() * std.matrix().transpose();
      const Eigen::ArrayXXd c = (in.nngp / p).cwiseMin(1).cwiseMax(-1), angle = std::numbers::pi - c.acos();
      out.nngp = p * ((1 - c.square()).sqrt() + angle * c) / (2 * std::numbers::pi);
      out.ntk = in.ntk * angle / (2 * std::numbers::pi);
    } else {
      out.nngp = x * x.transpose() / static_cast<double>(x.cols());
    }
    nodes.push_back(out);
  }
  return nodes[net.output()];
}

std::vector<std::pair<std::string, sst::Topology>> topologies() {
  const sst::FamilyOptions layer{.weight_std = 1.3, .bias_std = 0.2};
  const auto fresh = [](const sst::Node& h) { return dense(h, {.weight_std = 1.3, .bias_std = 0.2}); };
  const auto tied = [](const sst::Node& h) { return dense(h, {1.3, 0.2, "W"}); };
  return {{"relu(h) + h", sst::trace([&](sst::Node x) {
             const auto h = fresh(x);
             return fresh(relu(h) + h);
           })},
          {"sum of three activations", sst::trace([&](sst::Node x) {
             const auto a0 = relu(fresh(x)), a1 = relu(fresh(a0)), a2 = relu(fresh(a1));
             return fresh(sum(a0, a1, a2));
           })},
          {"dense identity shortcuts, depth 5", sst::identity_connected(5, layer)},
          {"DenseNet by concatenation, depth 5", sst::densely_connected(5, layer)},
          {"tied weights", sst::trace([&](sst::Node x) {
             const auto h1 = tied(relu(fresh(x)));
             return fresh(relu(h1 + tied(relu(h1))));
           })}};
}

void print_table(sst::MonteCarloOptions wide) {
  using enum sst::TextTable::Align;
  const Eigen::MatrixXd x = (Eigen::MatrixXd(2, 3) << 1.0, 0.4, -0.3, 0.2, 1.1, 0.8).finished();
  std::vector<sst::TextTable::Column> columns{{"topology"}, {"kernel"}};
  for (const char* header : {"exact", "branches added", "Monte Carlo", "standard error"})
    columns.push_back({header, right, 4});
  sst::TextTable table(columns);
  program::Progress progress;
  for (const auto& [name, net] : topologies()) {
    const auto row = [&](const char* kernel, const auto& exact, const auto& added, const auto& seen) {
      table.add_row({name, kernel, exact(0, 1), added(0, 1), seen.mean(0, 1), seen.standard_error(0, 1)});
    };
    const auto exact = sst::gram(net, x);
    const Kernels added = add_branches(net, x);
    wide.progress = progress("random networks, " + name);
    const auto seen = sst::monte_carlo(net, x, wide);
    row("NNGP", exact.nngp, added.nngp, seen.nngp);
    row("NTK", exact.ntk, added.ntk, seen.ntk);
  }
  progress.check();
  table.print_markdown(std::cout);
}

}  // namespace

int main(int argc, char** argv) {
  sst::MonteCarloOptions wide{.width = 64, .networks = 10000, .outputs = 4, .extrapolation = richardson};
  CLI::App app("What adding the kernels of branches gets wrong: exact, added, Monte Carlo", "cross_terms");
  app.add_option("--networks", wide.networks, "random networks of each topology")
      ->check(CLI::Range(2, 1000000))
      ->capture_default_str();
  return run_program(app, argc, argv, [&] { print_table(wide); });
}
