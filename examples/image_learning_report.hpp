// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <iomanip>
#include <ostream>
#include <sstream>
#include <string>
#include <vector>

#include <Eigen/Core>
#include <nlohmann/json.hpp>

#include <sst/base/text_table.hpp>
#include <svg/plot.hpp>

#include "image_learning.hpp"
#include "image_report.hpp"
#include "pair_table.hpp"

/// \file
/// What the draws say: accuracies by size with standard errors, pairs of topologies, a picture, JSON.

/// Every two candidates on the same draws, at each size, with Holm's correction over all.
inline sst::TextTable compare_draws(const std::vector<LearningCurve>& curves, const Options& options) {
  std::vector<std::string> names;
  for (const LearningCurve& curve : curves)
    names.push_back(name(curve.candidate, options) +
                    (options.depth.size() > 1 ? " " + std::to_string(curve.candidate.depth) : ""));
  std::vector<program::Pair> all;
  std::vector<Eigen::Index> sizes;
  for (std::size_t s = 0; s < options.train_size.size(); ++s) {
    Eigen::MatrixXd accuracy(curves[0].accuracy.rows(), static_cast<Eigen::Index>(curves.size()));
    for (std::size_t c = 0; c < curves.size(); ++c)
      accuracy.col(static_cast<Eigen::Index>(c)) = curves[c].accuracy.col(static_cast<Eigen::Index>(s));
    for (const program::Pair& pair : program::compare_pairs(accuracy)) {
      all.push_back(pair);
      sizes.push_back(options.train_size[s]);
    }
  }
  program::correct(all);
  return program::pair_table(names, all, "images", sizes);
}

inline void print(std::ostream& out, const std::vector<LearningCurve>& curves, const Experiment& e,
                  const Options& options) {
  print_heading(out,
                std::to_string(options.draws) + (options.balanced ? " balanced" : "") +
                    (options.draws > 1 ? " draws" : " draw") + " from " + std::to_string(e.train.count()) +
                    " images",
                options, e);
  using enum sst::TextTable::Align;
  std::vector<sst::TextTable::Column> columns{{"accuracy %"}, {"depth", right}};
  for (const Eigen::Index size : options.train_size)
    columns.push_back({.header = "n = " + std::to_string(size), .align = right});
  columns.push_back({.header = "ms per pair", .align = right, .digits = 4});
  columns.push_back({"kernel"});
  sst::TextTable table(columns);
  for (const LearningCurve& curve : curves) {
    std::vector<sst::TextTable::Cell> row{name(curve.candidate, options), curve.candidate.depth};
    const Eigen::VectorXd mean = curve.mean(), error = curve.standard_error();
    for (Eigen::Index s = 0; s < mean.size(); ++s) {
      std::ostringstream text;
      text << std::fixed << std::setprecision(2) << 100 * mean[s];
      if (options.draws > 1) text << " ± " << 100 * error[s];
      row.emplace_back(text.str());
    }
    add_cost(row, curve.pairs, curve.seconds);
    table.add_row(row);
  }
  out << table;
  if (options.draws > 1 && curves.size() > 1)
    out << "\nBy how much the first is better, on how many draws, and Wilcoxon's signed ranks\n\n"
        << compare_draws(curves, options);
}

inline void draw(const std::vector<LearningCurve>& curves, const Options& options) {
  svg::Plot plot{.title = options.data + ", " + std::to_string(options.draws) + " draws",
                 .x_label = "images to train on",
                 .y_label = "accuracy %",
                 .x_scale = svg::Scale::log};
  for (std::size_t c = 0; c < curves.size(); ++c) {
    const Candidate& candidate = curves[c].candidate;
    svg::Series series{name(candidate, options) + ", depth " + std::to_string(candidate.depth), {}};
    // Side by side, so that the standard errors do not cover one another.
    const double aside = 1 + 0.02 * (static_cast<double>(c) - static_cast<double>(curves.size() - 1) / 2);
    const Eigen::VectorXd mean = curves[c].mean(), error = curves[c].standard_error();
    for (Eigen::Index s = 0; s < mean.size(); ++s)
      series.points.push_back({aside * static_cast<double>(options.train_size[static_cast<std::size_t>(s)]),
                               100 * mean[s], 100 * error[s]});
    plot.series.push_back(series);
  }
  plot.write(options.svg);
}

inline void write_json(const std::vector<LearningCurve>& curves, const Experiment& e,
                       const Options& options) {
  nlohmann::ordered_json out = settings(e, options);
  out.update({{"draws", options.draws}, {"balanced", options.balanced}, {"seed", options.seed}});
  for (const LearningCurve& curve : curves) {
    nlohmann::ordered_json one = describe(curve.candidate, curve.pairs, curve.seconds);
    for (Eigen::Index s = 0; s < curve.accuracy.cols(); ++s) {
      const Eigen::VectorXd draws = curve.accuracy.col(s);
      one["sizes"].push_back({{"train", options.train_size[static_cast<std::size_t>(s)]},
                              {"mean", curve.mean()[s]},
                              {"standard_error", curve.standard_error()[s]},
                              {"accuracies", std::vector<double>(draws.begin(), draws.end())}});
    }
    out["results"].push_back(one);
  }
  program::write_output(options.json, [&](std::ostream& stream) { stream << out.dump(1) << '\n'; });
}
