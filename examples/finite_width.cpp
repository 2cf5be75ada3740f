// SPDX-License-Identifier: MIT
// How the kernels of random networks approach the exact ones as their width grows: the error of one
// network falls like width^-1/2, that of the mean of many (the bias, until noise hides it) like width^-1.

#include <cmath>
#include <cstdint>
#include <iostream>
#include <string>
#include <vector>

#include <sst/base/text_table.hpp>
#include <sst/finite/monte_carlo.hpp>
#include <sst/ntk.hpp>
#include <sst/topology/json.hpp>
#include <svg/plot.hpp>

#include "options.hpp"
#include "program.hpp"

namespace {

sst::Topology sparse_shortcut() {
  return sst::trace(
      [](sst::Node x) {
        const sst::DenseOptions layer{.weight_std = 1.5, .bias_std = 0.05};
        const auto h0 = dense(x, layer), h1 = dense(relu(h0), layer), h2 = dense(relu(h1), layer);
        return dense(relu(sum(h0, h1, h2)), layer);
      },
      "sparse shortcut");
}

/// Relative errors of one kernel in the Frobenius norm, by width.
struct Errors {
  std::string kernel;
  std::vector<svg::Point> single = {}, pooled = {};  // mean over networks; of the mean of all networks

  void add(double width, const Eigen::MatrixXd& exact, const std::vector<Eigen::MatrixXd>& kernels,
           const sst::KernelEstimate& estimate) {
    Eigen::ArrayXd errors(static_cast<Eigen::Index>(kernels.size()));
    for (std::size_t i = 0; i < kernels.size(); ++i)
      errors[static_cast<Eigen::Index>(i)] = (kernels[i] - exact).norm() / exact.norm();
    const auto n = static_cast<double>(kernels.size());
    const double error = std::sqrt((errors - errors.mean()).square().sum() / (n * (n - 1)));
    single.push_back({width, errors.mean(), error});
    pooled.push_back({width, (estimate.mean - exact).norm() / exact.norm(),
                      estimate.standard_error.norm() / exact.norm()});
  }

  void print() const {
    constexpr auto right = sst::TextTable::Align::right;
    sst::TextTable table({{"width", right},
                          {"one network", right, 5},
                          {"+-", right, 5},
                          {"mean of all", right, 5},
                          {"its noise", right, 5}});
    double center = 0, spread = 0, slope = 0, variance = 0;  // of log error over log width, least squares
    for (const auto& p : single) center += std::log(p.x) / static_cast<double>(single.size());
    for (const auto& p : single) spread += std::pow(std::log(p.x) - center, 2);
    for (std::size_t i = 0; i < single.size(); ++i) {
      const auto& p = single[i];
      table.add_row({static_cast<int>(p.x), p.y, p.error, pooled[i].y, pooled[i].error});
      const double lever = (std::log(p.x) - center) / spread;
      slope += lever * std::log(p.y);
      variance += std::pow(lever * p.error / p.y, 2);
    }
    std::cout << "\nRelative error of the " << kernel << "\n\n" << table;
    if (spread > 0) std::cout << "one network: width^" << slope << " (+- " << std::sqrt(variance) << ")\n";
  }
};

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"How the kernels of random networks approach the exact ones as their width grows",
               "finite_width"};
  std::string file, svg;
  std::vector<int> widths{32, 64, 128, 256, 512};
  int networks = 100;
  std::uint64_t seed = 0;
  app.add_option("--topology", file, "topology as JSON (default: a sparse shortcut of depth 4)");
  app.add_option("--widths", widths, "channels of the nodes, a,b,...")
      ->delimiter(',')
      ->check(CLI::Range(1, 65536))
      ->capture_default_str();
  app.add_option("--networks", networks, "networks of each width")
      ->check(CLI::Range(2, 1000000))
      ->capture_default_str();
  app.add_option("--svg", svg, "write the picture to this file");
  app.add_option("--seed", seed, "of the weights")->capture_default_str();

  app.callback([&] { program::require_own_outputs({{"--topology", file}}, {{"--svg", svg}}); });
  return run_program(app, argc, argv, [&] {
    program::try_outputs({svg});
    const sst::Topology net = file.empty() ? sparse_shortcut() : sst::read_topology(file);
    const Eigen::MatrixXd x = Eigen::MatrixXd::NullaryExpr(5, 6, [](Eigen::Index i, Eigen::Index k) {
      return 1.5 * std::sin(static_cast<double>(1 + 7 * i + 3 * k + i * k));
    });
    const auto exact = sst::gram(net, x);
    Errors nngp{"NNGP"}, ntk{"NTK"};
    program::Progress progress;
    for (const int width : widths) {
      std::vector<Eigen::MatrixXd> nngps, ntks;
      const auto estimate =
          sst::monte_carlo(net, x,
                           {.width = width,
                            .networks = networks,
                            .seed = seed,
                            .progress = progress("networks of width " + std::to_string(width))},
                           [&](Eigen::Index, const auto& one_nngp, const auto& one_ntk) {
                             nngps.push_back(one_nngp);
                             ntks.push_back(one_ntk);
                           });
      progress.check();
      nngp.add(width, exact.nngp, nngps, estimate.nngp);
      ntk.add(width, exact.ntk, ntks, estimate.ntk);
    }
    std::cout << net << networks << " networks of each width\n";
    svg::Plot plot{.title = net.name(), .x_label = "width", .y_label = "relative error"};
    plot.x_scale = plot.y_scale = svg::Scale::log;
    for (const Errors& errors : {nngp, ntk}) {
      errors.print();
      const std::size_t color = plot.series.size() / 2;
      plot.series.push_back({errors.kernel + ", one network", errors.single, svg::Style::line, color});
      plot.series.push_back({errors.kernel + ", mean of all", errors.pooled, svg::Style::markers, color});
    }
    if (!svg.empty()) plot.write(svg);
  });
}
