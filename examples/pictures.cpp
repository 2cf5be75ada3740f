// SPDX-License-Identifier: MIT
// The pictures of the guides: topologies, kernels as functions of the angle, predictions with their
// uncertainty.

#include <cmath>
#include <filesystem>
#include <iostream>
#include <numbers>
#include <string>
#include <utility>
#include <vector>

#include <sst/base/output_file.hpp>
#include <sst/engine/rows/profile.hpp>
#include <sst/ntk.hpp>
#include <svg/arc_diagram.hpp>
#include <svg/curves.hpp>

#include "program.hpp"

namespace {

namespace fs = std::filesystem;

void draw_topologies(const fs::path& folder) {
  const std::vector<std::pair<std::string, sst::Topology>> topologies{
      {"chain", sst::chain(5)},
      {"residual", sst::residual(5)},
      {"sparse_shortcut", sst::sparse_shortcut(5)},
      {"densely_connected", sst::densely_connected(5)}};
  for (const auto& [name, topology] : topologies)
    sst::detail::write_file(folder / ("topology_" + name + ".svg"),
                            [&](std::ostream& out) { out << svg::arc_diagram(topology); });
}

/// kappa(theta)/kappa(0) of K(x, x') = |x||x'| kappa(theta), for ReLU networks without biases.
void draw_profiles(const fs::path& folder) {
  const sst::FamilyOptions layer{.weight_std = std::numbers::sqrt2};
  const std::vector<std::pair<std::string, sst::Topology>> networks{
      {"chain, depth 3", sst::chain(3, layer)},
      {"chain, depth 10", sst::chain(10, layer)},
      {"chain, depth 50", sst::chain(50, layer)},
      {"residual, depth 10", sst::residual(10, layer)},
      {"sparse shortcut, depth 10", sst::sparse_shortcut(10, layer)},
      {"densely connected, depth 10", sst::densely_connected(10, layer)}};
  svg::CurvePlot plot{.x_label = "angle between two inputs, in units of \u03C0",
                      .y_label = "kernel, relative to angle 0",
                      .panels = {{"NNGP"}, {"NTK"}}};
  for (const auto& [name, network] : networks) {
    const sst::Profile<double> profile(sst::compile(network, sst::Kernel::ntk));
    for (const sst::Kernel kernel : {sst::Kernel::nngp, sst::Kernel::ntk}) {
      svg::Curve curve{.name = name};
      for (int i = 0; i <= 100; ++i)
        curve.points.push_back(
            {i / 100.0, profile(kernel, i / 100.0 * std::numbers::pi) / profile(kernel, 0)});
      plot.panels[kernel == sst::Kernel::ntk].curves.push_back(curve);
    }
  }
  plot.write(folder / "kernel_profiles.svg");
}

/// The same data seen by the Bayesian network and by an ensemble of trained ones.
void draw_posteriors(const fs::path& folder) {
  const Eigen::VectorXd x{{-2.6, -2.1, -1.7, -1.1, -0.8, 0.9, 1.3, 1.9, 2.2}};
  const Eigen::VectorXd y = (1.7 * x).array().sin() + 0.3 * x.array();
  const Eigen::VectorXd at = Eigen::VectorXd::LinSpaced(161, -4, 4);
  const sst::FamilyOptions layer{.weight_std = 1.6, .bias_std = 0.6};
  svg::CurvePlot plot{.x_label = "x", .y_label = "f(x)", .samples = "data"};
  for (const sst::Kernel kernel : {sst::Kernel::nngp, sst::Kernel::ntk}) {
    const sst::Topology net = sst::chain(4, layer);
    const auto model = sst::fit(kernel == sst::Kernel::nngp ? sst::nngp(net) : sst::ntk(net), x, y,
                                sst::Ridge::relative(1e-4));
    const auto found = model.predict_with_std(at);
    svg::Panel panel{kernel == sst::Kernel::nngp ? "NNGP: posterior" : "NTK: ensemble of trained networks"};
    panel.curves.push_back({.name = "mean, and two standard deviations around it"});
    for (int i = 0; i < at.size(); ++i)
      panel.curves[0].points.push_back({at[i], found.mean(i, 0), 2 * found.std(i, 0)});
    for (int i = 0; i < x.size(); ++i) panel.samples.push_back({x[i], y[i]});
    plot.panels.push_back(panel);
  }
  plot.write(folder / "posterior.svg");
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"The pictures of the guides: topologies, kernel profiles, posteriors", "pictures"};
  fs::path folder = ".";
  app.add_option("--output", folder, "the folder for the SVG files")->capture_default_str();
  return run_program(app, argc, argv, [&] {
    draw_topologies(folder);
    draw_profiles(folder);
    draw_posteriors(folder);
    std::cout << "6 pictures in " << folder << '\n';
  });
}
