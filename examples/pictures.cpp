// SPDX-License-Identifier: MIT
// The pictures of the guides: topologies, kernels as functions of the angle, predictions with their
// uncertainty, networks of one neuron a layer, houses and their prices.

#include <cmath>
#include <filesystem>
#include <functional>
#include <iostream>
#include <numbers>
#include <string>
#include <utility>
#include <vector>

#include <sst/base/output_file.hpp>
#include <sst/engine/rows/profile.hpp>
#include <sst/finite/one_neuron.hpp>
#include <sst/kernel/infinite_depth.hpp>
#include <sst/ntk.hpp>
#include <svg/arc_diagram.hpp>
#include <svg/curves.hpp>
#include <svg/plot.hpp>

#include "house_pictures.hpp"
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

/// The NTKs of networks of growing depth, and what they tend to.
void draw_infinite_depth(const fs::path& folder) {
  constexpr int points = 101;
  constexpr double ratio = 0.8, branch_std = 2, feedback_std = 1.2;
  const sst::DenseOptions he{.weight_std = std::numbers::sqrt2};
  const auto chain = [he](int layers) { return sst::chain(layers + 1, {.weight_std = he.weight_std}); };
  const auto residual = [](int layers) {
    return sst::trace([layers](sst::Node in) {
      sst::Node h = dense(in);
      for (int l = 0; l < layers; ++l) h = h + dense(relu(h), {.weight_std = branch_std / std::sqrt(layers)});
      return h;
    });
  };
  const auto sparse_shortcut = [he](int layers) {
    return sst::trace([layers, he](sst::Node in) {
      sst::Node h = dense(in), sum = std::sqrt(1 - ratio) * h;
      for (int l = 1; l <= layers; ++l) {
        h = dense(relu(h), he);
        sum = sum + std::sqrt((1 - ratio) * std::pow(ratio, l)) * h;
      }
      return sum;
    });
  };
  const auto unrolled = [](int layers) {
    const sst::DenseOptions drive{.weight_std = std::sqrt(1 - feedback_std * feedback_std / 2)};
    return sst::trace([layers, drive](sst::Node in) {
      sst::Node h = dense(in, drive);
      for (int l = 0; l < layers; ++l) h = dense(relu(h), {.weight_std = feedback_std}) + dense(in, drive);
      return h;
    });
  };

  Eigen::MatrixXd x(points, 2);  // on a half circle
  for (int i = 0; i < points; ++i) {
    const double angle = std::numbers::pi * i / (points - 1);
    x.row(i) << std::cos(angle), std::sin(angle);
  }
  svg::CurvePlot plot{.x_label = "angle between two inputs, in units of \u03C0",
                      .y_label = "NTK, relative to angle 0",
                      .width = 230};
  const auto add = [&](const std::string& name, const sst::KernelFunction& kernel) {
    const Eigen::VectorXd k = kernel.matrix(x, x.topRows(1));
    svg::Curve curve{.name = name};
    for (int i = 0; i < points; ++i) curve.points.push_back({i / (points - 1.0), k[i] / k[0]});
    plot.panels.back().curves.push_back(curve);
  };
  const auto add_panel = [&](const std::string& title, const auto& network) {
    plot.panels.push_back({title});
    for (const int layers : {2, 8, 32, 128})
      add(std::to_string(layers) + " layers", sst::ntk(network(layers)));
  };
  const std::string limit = "their limit";
  add_panel("chain", chain);
  plot.panels.back().curves.push_back({.name = limit, .points = {{0, 1}, {0, 0.25}, {1, 0.25}}});
  add_panel("residual", residual);
  add(limit, sst::infinite_residual(sst::Kernel::ntk, branch_std));
  add_panel("sparse shortcut", sparse_shortcut);
  add(limit, sst::infinite_sparse_shortcut(sst::Kernel::ntk, ratio));
  add_panel("fed back to itself", unrolled);
  add(limit, sst::equilibrium(sst::Kernel::ntk, feedback_std));
  plot.write(folder / "infinite_depth.svg");
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

double sine(double x) { return std::sin(2 * std::numbers::pi * x); }

/// One neuron a layer: the best of all networks without shortcuts, and what shortcuts add.
void draw_one_neuron(const fs::path& folder) {
  const Eigen::VectorXd x = Eigen::VectorXd::LinSpaced(241, 0, 1);
  svg::CurvePlot plot{
      .x_label = "x", .y_label = "f(x)", .panels = {{"without shortcuts"}, {"with shortcuts"}}};
  const auto add = [&](std::size_t panel, const std::string& name, const Eigen::VectorXd& values,
                       bool dashed) {
    svg::Curve curve{.name = name, .dashed = dashed};
    for (int i = 0; i < x.size(); ++i) curve.points.push_back({x[i], values[i]});
    plot.panels[panel].curves.push_back(curve);
  };
  for (const std::size_t panel : {0U, 1U}) add(panel, "sin 2\u03C0x", x.unaryExpr(&sine), true);
  // Clipped at half its height and straight between, the sine is off by 1/2: no monotone function is nearer.
  add(0, "the nearest of them all",
      sst::OneNeuronNetwork(Eigen::Vector2d(5, 7) / 12, Eigen::Vector2d(0.5, -0.5)).forward(x), false);
  for (const int neurons : {5, 9}) {
    const auto network = sst::OneNeuronNetwork::interpolant(sine, Eigen::VectorXd::LinSpaced(neurons, 0, 1));
    add(1, std::to_string(neurons) + " neurons", network.forward(x), false);
  }
  plot.write(folder / "one_neuron.svg");
}

/// The largest error of the interpolating network on [0, 1] against the number of its pieces.
void draw_one_neuron_error(const fs::path& folder) {
  struct Case {
    std::string name;
    std::function<double(double)> function;
    double power;  // knots are (k/n)^power
  };
  const auto root = [](double x) { return std::sqrt(x); };
  svg::Plot plot{.x_label = "pieces",
                 .y_label = "largest error",
                 .x_scale = svg::Scale::log,
                 .y_scale = svg::Scale::log,
                 .legend = svg::Legend::below};
  for (const Case& each :
       {Case{"\u221Ax, slope \u22121/2", root, 1},
        Case{"|x \u2212 1/3|, slope \u22121", [](double x) { return std::abs(x - 1.0 / 3); }, 1},
        Case{"sin 2\u03C0x, slope \u22122", sine, 1},
        Case{"\u221Ax at knots (k/n)\u2074, slope \u22122", root, 4}}) {
    svg::Series series{each.name, {}};
    for (int pieces = 2; pieces <= 1024; pieces *= 2) {
      const auto place = [&](int points) -> Eigen::VectorXd {
        return Eigen::ArrayXd::LinSpaced(points, 0, 1).pow(each.power);
      };
      const auto network = sst::OneNeuronNetwork::interpolant(each.function, place(pieces + 1));
      const Eigen::VectorXd x = place(24 * pieces + 1);
      series.points.push_back({static_cast<double>(pieces),
                               (network.forward(x) - x.unaryExpr(each.function)).cwiseAbs().maxCoeff()});
    }
    plot.series.push_back(series);
  }
  plot.write(folder / "one_neuron_error.svg");
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{
      "The pictures of the guides: topologies, kernel profiles, infinite depth, posteriors, one neuron a "
      "layer, prices of houses",
      "pictures"};
  fs::path folder = ".", data = SST_EXAMPLE_DATA "/boston_housing.csv";
  app.add_option("--output", folder, "the folder for the SVG files")->capture_default_str();
  app.add_option("--data", data,
                 "Boston housing, for the guides on parameters, uncertainty and explanations");
  return run_program(app, argc, argv, [&] {
    draw_topologies(folder);
    draw_profiles(folder);
    draw_infinite_depth(folder);
    draw_posteriors(folder);
    draw_one_neuron(folder);
    draw_one_neuron_error(folder);
    const auto houses = house_pictures::read_houses(data);
    draw_parameters(houses, folder / "parameters.svg");
    draw_calibration(houses, folder / "calibration.svg");
    draw_slopes(houses, folder / "slopes.svg");
    std::cout << "12 pictures in " << folder << '\n';
  });
}
