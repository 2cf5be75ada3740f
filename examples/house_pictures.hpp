// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <memory>
#include <numbers>
#include <string>
#include <utility>
#include <vector>

#include <Eigen/Core>

#include <sst/base/every.hpp>
#include <sst/error.hpp>
#include <sst/io/csv.hpp>
#include <sst/ntk.hpp>
#include <sst/pipeline/scaling.hpp>
#include <svg/curves.hpp>

/// \file
/// The pictures of the guides on parameters, uncertainty and explanations: Boston housing, every other row to
/// learn from.

namespace house_pictures {

using Eigen::Index;
using Eigen::MatrixXd;

/// Features and prices to mean 0 and standard deviation 1 over the rows to learn from.
struct Houses {
  MatrixXd x, y, x_test, y_test;
  sst::Scaling price;
  Index rm, lstat;  ///< rooms, and people of lower status
};

inline Houses read_houses(const std::filesystem::path& file) {
  const sst::Dataset all = sst::split_target(sst::read_csv(file), "medv");
  const auto column = [&](const std::string& name) {
    const auto at = std::find(all.features.begin(), all.features.end(), name);
    if (at == all.features.end())
      throw sst::DataError(file.string() + " has no column '" + name +
                           "'; give Boston housing, as in examples/data");
    return static_cast<Index>(at - all.features.begin());
  };
  const auto odd = Eigen::seq(1, all.x.rows() - 1, 2), even = Eigen::seq(0, all.x.rows() - 1, 2);
  const MatrixXd x = all.x(even, sst::every), y = all.y(even, sst::every);
  const auto scaling = sst::Scaling::standard(x), price = sst::Scaling::standard(y);
  return {scaling.apply(x),
          price.apply(y),
          scaling.apply(all.x(odd, sst::every)),
          price.apply(all.y(odd, sst::every)),
          price,
          column("rm"),
          column("lstat")};
}

inline sst::Topology network() { return sst::chain(4, {.weight_std = 1, .bias_std = 0.5}); }

/// What activation and weight_std do, with the ridge that is best for the rows left out.
inline void draw_parameters(const Houses& houses, const std::filesystem::path& file) {
  svg::CurvePlot plot{.x_label = "weight_std, at bias_std 0.5",
                      .y_label = "error, in standard deviations",
                      .panels = {{"rows left out"}, {"other rows"}}};
  std::vector<sst::Ridge> ridges;
  for (int k = -12; k <= 0; ++k) ridges.push_back(sst::Ridge::relative(std::pow(10, k / 2.0)));
  const auto add = [&](const std::string& name, int depth, const sst::ActivationPtr& activation) {
    for (auto& panel : plot.panels) panel.curves.push_back({.name = name});
    for (int k = 1; k <= 12; ++k) {
      const double weight_std = k / 5.0;
      const auto kernel =
          sst::ntk(sst::chain(depth, {.weight_std = weight_std, .bias_std = 0.5, .activation = activation}));
      const auto path = sst::ridge_path(kernel, houses.x, houses.y, ridges);
      Index best = 0;
      const double left_out = sst::scores(path, sst::Criterion::leave_one_out).minCoeff(&best);
      const auto& ridge = ridges[static_cast<std::size_t>(best)];
      const MatrixXd wrong =
          sst::fit(kernel, houses.x, houses.y, ridge).predict(houses.x_test) - houses.y_test;
      plot.panels[0].curves.back().points.push_back({weight_std, std::sqrt(left_out)});
      plot.panels[1].curves.back().points.push_back({weight_std, std::sqrt(wrong.array().square().mean())});
    }
  };
  add("ReLU, depth 2", 2, std::make_shared<sst::Relu>());
  add("ReLU, depth 5", 5, std::make_shared<sst::Relu>());
  add("GELU, depth 2", 2, std::make_shared<sst::Gelu>());
  add("erf, depth 2", 2, std::make_shared<sst::Erf>());
  plot.write(file);
}

/// How many of the other rows lie inside intervals, against how many should.
inline void draw_calibration(const Houses& houses, const std::filesystem::path& file) {
  svg::CurvePlot plot{.x_label = "probability of the interval", .y_label = "share of prices inside"};
  for (const sst::Kernel kernel : {sst::Kernel::nngp, sst::Kernel::ntk}) {
    const bool bayes = kernel == sst::Kernel::nngp;
    const auto net = network();
    auto model =
        sst::fit(bayes ? sst::nngp(net) : sst::ntk(net), houses.x, houses.y, sst::Ridge::relative(0.01));
    svg::Panel panel{bayes ? "NNGP" : "NTK"};
    panel.curves.push_back({.name = "as they say", .points = {{0, 0}, {1, 1}}, .dashed = true});
    for (const bool fitted : {false, true}) {
      if (fitted) model.fit_amplitudes();
      const auto found = model.predict_with_std(houses.x_test, sst::ObservationNoise::included);
      const Eigen::ArrayXd z = ((found.mean - houses.y_test).array() / found.std.array()).abs();
      svg::Curve curve{.name = fitted ? "with the amplitude fitted" : "with amplitude 1"};
      for (int k = 0; k <= 60; ++k) {
        const double width = k / 20.0;
        curve.points.push_back({std::erf(width / std::numbers::sqrt2), (z < width).cast<double>().mean()});
      }
      panel.curves.push_back(std::move(curve));
    }
    plot.panels.push_back(std::move(panel));
  }
  plot.write(file);
}

/// The price of one house as one feature changes, and what the gradient at the house says of it.
inline void draw_slopes(const Houses& houses, const std::filesystem::path& file) {
  const auto model = sst::fit(sst::nngp(network()), houses.x, houses.y, sst::Ridge::relative(0.01));
  const MatrixXd house = houses.x_test.row(100), gradient = model.input_gradients(house);
  const double price = model.predict(house)(0, 0);
  svg::CurvePlot plot{.x_label = "the feature's change, in its standard deviations",
                      .y_label = "price, thousands of dollars"};
  for (const auto& [name, feature] :
       {std::pair{"rooms (rm)", houses.rm}, std::pair{"lower status (lstat)", houses.lstat}}) {
    constexpr int points = 81;
    const Eigen::VectorXd change = Eigen::VectorXd::LinSpaced(points, -2, 2);
    MatrixXd moved = house.replicate(points, 1);
    moved.col(feature) += change;
    const MatrixXd straight = (price + gradient(0, feature) * change.array()).matrix();
    const MatrixXd prices = houses.price.undo(model.predict(moved)), slopes = houses.price.undo(straight);
    svg::Panel panel{name};
    panel.curves = {{.name = "prediction"}, {.name = "by the gradient", .dashed = true}};
    for (int i = 0; i < points; ++i) {
      panel.curves[0].points.push_back({change[i], prices(i, 0)});
      panel.curves[1].points.push_back({change[i], slopes(i, 0)});
    }
    panel.samples.push_back({0, houses.price.undo(MatrixXd::Constant(1, 1, price))(0, 0)});
    plot.panels.push_back(std::move(panel));
  }
  plot.samples = "the house";
  plot.write(file);
}

}  // namespace house_pictures
