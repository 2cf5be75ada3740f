// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <iomanip>
#include <ostream>
#include <sstream>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include <sst/base/file.hpp>
#include <sst/base/text_table.hpp>
#include <sst/regression/classification.hpp>
#include <svg/plot.hpp>

#include "duration.hpp"
#include "image_data.hpp"
#include "image_options.hpp"
#include "program.hpp"

/// \file
/// What image_classification says: a table, a confusion, a picture, JSON.

/// How a candidate does.
struct Result {
  Candidate candidate;
  sst::Confusion<int> confusion;
  double pairs, seconds;
};

/// What a row of a table is called: with the kernel where there are both.
inline std::string name(const Candidate& candidate, const Options& options) {
  return candidate.family + (options.kernel.size() > 1 ? " " + candidate.kernel : "");
}

/// What was trained on what: the line above all tables.
inline void print_heading(std::ostream& out, const std::string& data, const Options& options,
                          const Experiment& e) {
  out << options.data << ", " << sst::to_string(e.train.shape) << ": " << data;
  if (e.test.count() > 0) out << ", " << e.test.count() << " to test on";
  out << "; ";
  for (const std::string& kernel : options.kernel) out << kernel << ", ";
  if (!options.family.empty()) out << (options.pool == "none" ? "no" : options.pool) << " pooling, ";
  out << (options.flips() ? "averaged over flips, " : "") << "ridge " << options.ridge << ", "
      << options.precision << "\n";
  for (const std::string& note : e.notes) out << note << '\n';
  out << '\n';
}

/// Milliseconds a pair and what the kernel took, or that it was there.
inline void add_cost(std::vector<sst::TextTable::Cell>& row, double pairs, double seconds) {
  row.emplace_back(pairs > 0 ? sst::TextTable::Cell(1000 * seconds / pairs) : sst::TextTable::Cell("-"));
  row.emplace_back(pairs > 0 ? program::format_duration(seconds) : "from the store");
}

inline void print(std::ostream& out, const std::vector<Result>& results, const Experiment& e,
                  const Options& options) {
  print_heading(out,
                std::to_string(e.train.count()) + " images " +
                    (options.folds > 0 ? "in " + std::to_string(options.folds) + " folds" : "to train on"),
                options, e);
  using enum sst::TextTable::Align;
  sst::TextTable table({{"topology"},
                        {"depth", right},
                        {"accuracy %", right, 2},
                        {"95 % interval", right},
                        {"correct", right},
                        {"of", right},
                        {"ms per pair", right, 4},
                        {"kernel"}});
  for (const Result& r : results) {
    const sst::Interval& accuracy = r.confusion.accuracy;
    std::ostringstream interval;
    interval << std::fixed << std::setprecision(2) << 100 * accuracy.low << " - " << 100 * accuracy.high;
    std::vector<sst::TextTable::Cell> row{name(r.candidate, options), r.candidate.depth,
                                          100 * accuracy.value,       interval.str(),
                                          r.confusion.counts.trace(), r.confusion.counts.sum()};
    add_cost(row, r.pairs, r.seconds);
    table.add_row(row);
  }
  out << table;

  const Result& best =
      *std::max_element(results.begin(), results.end(), [](const Result& a, const Result& b) {
        return a.confusion.accuracy.value < b.confusion.accuracy.value;
      });
  if (best.confusion.classes.size() > 20) return;  // more does not fit on a line
  out << "\nConfusion of " << name(best.candidate, options) << ", depth " << best.candidate.depth << "\n\n"
      << best.confusion;
}

inline void draw(const std::vector<Result>& results, const Options& options) {
  svg::Plot plot{.title = options.data, .x_label = "depth", .y_label = "accuracy %"};
  std::vector<std::string> names;  // in the order of the table
  for (const Result& r : results)
    if (const std::string n = name(r.candidate, options);
        std::find(names.begin(), names.end(), n) == names.end())
      names.push_back(n);
  for (std::size_t f = 0; f < names.size(); ++f) {
    svg::Series series{names[f], {}};
    // Side by side, so that the intervals do not cover one another.
    const double aside = 0.08 * (static_cast<double>(f) - static_cast<double>(names.size() - 1) / 2);
    for (const Result& r : results)
      if (name(r.candidate, options) == names[f]) {
        const sst::Interval& a = r.confusion.accuracy;
        series.points.push_back({r.candidate.depth + aside, 50 * (a.low + a.high), 50 * (a.high - a.low)});
      }
    plot.series.push_back(series);
  }
  plot.write(options.svg);
}

/// What all results have in common.
inline nlohmann::ordered_json settings(const Experiment& e, const Options& options) {
  nlohmann::ordered_json out{{"data", options.data},
                             {"shape", {e.train.shape.height, e.train.shape.width, e.train.shape.channels}},
                             {"notes", e.notes},
                             {"train", e.train.count()},
                             {"test", e.test.count()},
                             {"folds", options.folds},
                             {"preprocess", options.preprocess},
                             {"augment", options.augment},
                             {"ridge", options.ridge},
                             {"precision", options.precision}};
  if (!options.family.empty())
    out.update({{"pool", options.pool}, {"weight_std", options.weight_std}, {"bias_std", options.bias_std}});
  return out;
}

/// Which candidate, and what its kernel took.
inline nlohmann::ordered_json describe(const Candidate& candidate, double pairs, double seconds) {
  return {{"family", candidate.family},
          {"depth", candidate.depth},
          {"kernel", candidate.kernel},
          {"pairs", pairs},
          {"seconds", seconds}};
}

inline void write_json(const std::vector<Result>& results, const Experiment& e, const Options& options) {
  nlohmann::ordered_json out = settings(e, options);
  for (const Result& r : results) {
    const sst::Confusion<int>& c = r.confusion;
    nlohmann::ordered_json one = describe(r.candidate, r.pairs, r.seconds);
    one.update({{"correct", c.counts.trace()},
                {"total", c.counts.sum()},
                {"accuracy", c.accuracy.value},
                {"low", c.accuracy.low},
                {"high", c.accuracy.high},
                {"classes", c.classes}});
    for (Eigen::Index i = 0; i < c.counts.rows(); ++i) {
      const Eigen::VectorXi row = c.counts.row(i);
      one["confusion"].push_back(std::vector<int>(row.begin(), row.end()));
    }
    out["results"].push_back(one);
  }
  program::write_output(options.json, [&](std::ostream& stream) { stream << out.dump(1) << '\n'; });
}
