// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <iomanip>
#include <ostream>
#include <sstream>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include <sst/base/duration.hpp>
#include <sst/base/file.hpp>
#include <sst/base/text_table.hpp>
#include <sst/regression/classification.hpp>
#include <svg/plot.hpp>

#include "image_data.hpp"
#include "image_options.hpp"
#include "program.hpp"

/// \file
/// What image_classification says: a table, a confusion, a picture, JSON.

struct Result {
  std::string family;
  int depth;
  sst::Confusion<int> confusion;
  double pairs, seconds;
};

inline void print(std::ostream& out, const std::vector<Result>& results, const Experiment& e,
                  const Options& options) {
  out << options.data << ", " << sst::to_string(e.train.shape) << ": " << e.train.count() << " images ";
  if (e.test.count() > 0)
    out << "to train on, " << e.test.count() << " to test on";
  else
    out << "in " << options.folds << " folds";
  out << "; " << options.kernel << ", " << (options.pool == "none" ? "no" : options.pool)
      << " pooling, ridge " << options.ridge << ", " << options.precision << "\n";
  for (const std::string& note : e.notes) out << note << '\n';
  out << '\n';
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
    const bool computed = r.pairs > 0;
    table.add_row({r.family, r.depth, 100 * accuracy.value, interval.str(), r.confusion.counts.trace(),
                   r.confusion.counts.sum(),
                   computed ? sst::TextTable::Cell(1000 * r.seconds / r.pairs) : sst::TextTable::Cell("-"),
                   computed ? sst::format_duration(r.seconds) : "from the store"});
  }
  out << table;

  const Result& best =
      *std::max_element(results.begin(), results.end(), [](const Result& a, const Result& b) {
        return a.confusion.accuracy.value < b.confusion.accuracy.value;
      });
  if (best.confusion.classes.size() > 20) return;  // more does not fit on a line
  out << "\nConfusion of " << best.family << ", depth " << best.depth << "\n\n" << best.confusion;
}

inline void draw(const std::vector<Result>& results, const Options& options) {
  svg::Plot plot{.title = options.data + ", " + options.kernel, .x_label = "depth", .y_label = "accuracy %"};
  const double families = static_cast<double>(options.family.size());
  for (std::size_t f = 0; f < options.family.size(); ++f) {
    svg::Series series{options.family[f], {}};
    // Side by side, so that the intervals do not cover one another.
    const double aside = 0.08 * (static_cast<double>(f) - (families - 1) / 2);
    for (const Result& r : results)
      if (r.family == options.family[f]) {
        const sst::Interval& a = r.confusion.accuracy;
        series.points.push_back({r.depth + aside, 50 * (a.low + a.high), 50 * (a.high - a.low)});
      }
    plot.series.push_back(series);
  }
  plot.write(options.svg);
}

inline void write_json(const std::vector<Result>& results, const Experiment& e, const Options& options) {
  nlohmann::ordered_json out{{"data", options.data},
                             {"shape", {e.train.shape.height, e.train.shape.width, e.train.shape.channels}},
                             {"notes", e.notes},
                             {"train", e.train.count()},
                             {"test", e.test.count()},
                             {"folds", e.test.count() > 0 ? 0 : options.folds},
                             {"kernel", options.kernel},
                             {"pool", options.pool},
                             {"preprocess", options.preprocess},
                             {"weight_std", options.weight_std},
                             {"bias_std", options.bias_std},
                             {"ridge", options.ridge},
                             {"precision", options.precision}};
  for (const Result& r : results) {
    const sst::Confusion<int>& c = r.confusion;
    nlohmann::ordered_json one{{"family", r.family},           {"depth", r.depth},
                               {"correct", c.counts.trace()},  {"total", c.counts.sum()},
                               {"accuracy", c.accuracy.value}, {"low", c.accuracy.low},
                               {"high", c.accuracy.high},      {"pairs", r.pairs},
                               {"seconds", r.seconds},         {"classes", c.classes}};
    for (Eigen::Index i = 0; i < c.counts.rows(); ++i) {
      const Eigen::VectorXi row = c.counts.row(i);
      one["confusion"].push_back(std::vector<int>(row.begin(), row.end()));
    }
    out["results"].push_back(one);
  }
  program::write_output(options.json, [&](std::ostream& stream) { stream << out.dump(1) << '\n'; });
}
