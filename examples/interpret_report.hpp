// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iomanip>
#include <iterator>
#include <ostream>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <Eigen/Core>

#include <nlohmann/json.hpp>

#include <sst/base/error_interval.hpp>
#include <sst/base/output_file.hpp>
#include <sst/base/text_table.hpp>
#include <sst/selection/bootstrap.hpp>
#include <svg/curves.hpp>
#include <svg/image_grid.hpp>

#include "duration.hpp"
#include "interpret_data.hpp"
#include "interpret_dice.hpp"
#include "interpret_maps.hpp"
#include "interpret_options.hpp"
#include "pair_table.hpp"
#include "program.hpp"

/// \file
/// What interpretability says: tables, curves, pictures, JSON.

namespace interpret {

/// Maps of one kind, of all images, as segmentations.
struct Maps {
  std::string kind;
  Eigen::MatrixXd values;  ///< n x (height width)
  Eigen::MatrixXd dice;    ///< n x percentiles

  Maps(std::string name, Eigen::MatrixXd maps, const Eigen::MatrixXd& masks)
      : kind(std::move(name)), values(std::move(maps)), dice(dice_curves(values, masks)) {}
  /// Of each image, the mean over all percentiles.
  Eigen::VectorXd per_image() const { return dice.rowwise().mean(); }
};

/// How large the parts of scores are, over all parts: means over the images.
struct Shares {
  std::vector<std::string> names;
  Eigen::RowVectorXd shares;

  friend std::ostream& operator<<(std::ostream& out, const Shares& s) {
    for (std::size_t k = 0; k < s.names.size(); ++k)
      out << (k ? ", " : "") << s.names[k] << ' ' << 100 * s.shares[static_cast<Index>(k)];
    return out << '\n';
  }
};

/// What a topology's machine says of all images.
struct Explained {
  std::string family;
  sst::Interval accuracy = {};  ///< none without labels
  double completeness = 0;      ///< largest |score - sum of its parts| over the largest |score|
  double seconds = 0;           ///< for all of it
  Shares parts;                 ///< of full gradients
  Shares taps;                  ///< of what the read-out sees side by side
  std::vector<Maps> maps;
};

/// All that is reported.
struct Findings {
  std::vector<Explained> topologies;
  std::vector<Maps> baselines;  ///< maps that no machine has a part in
  Eigen::MatrixXd best;         ///< the coefficients of the best possible maps
};

inline std::vector<sst::Interval> mean_curve(const Eigen::MatrixXd& dice, const Options& o) {
  std::vector<sst::Interval> out;
  for (Index p = 0; p < dice.cols(); ++p)
    out.push_back(sst::bootstrap_mean(dice.col(p), static_cast<std::uint32_t>(o.seed), 2000));
  return out;
}

/// Topologies, a column each, on one kind of map: mean coefficients, a row for each image.
inline Eigen::MatrixXd by_topology(const Findings& found, std::size_t kind) {
  Eigen::MatrixXd out(found.best.rows(), static_cast<Index>(found.topologies.size()));
  for (Index t = 0; t < out.cols(); ++t)
    out.col(t) = found.topologies[static_cast<std::size_t>(t)].maps[kind].per_image();
  return out;
}

/// Kinds of maps, a column each, means over topologies; then the baselines.
inline Eigen::MatrixXd by_kind(const Findings& found) {
  const std::size_t kinds = found.topologies[0].maps.size();
  Eigen::MatrixXd out(found.best.rows(), static_cast<Index>(kinds + found.baselines.size()));
  for (std::size_t k = 0; k < kinds; ++k)
    out.col(static_cast<Index>(k)) = by_topology(found, k).rowwise().mean();
  for (std::size_t b = 0; b < found.baselines.size(); ++b)
    out.col(static_cast<Index>(kinds + b)) = found.baselines[b].per_image();
  return out;
}

inline std::vector<std::string> kind_names(const Findings& found) {
  std::vector<std::string> out;
  for (const auto* maps : {&found.topologies[0].maps, &found.baselines})
    for (const Maps& m : *maps) out.push_back(m.kind);
  return out;
}

inline std::vector<std::string> topology_names(const Findings& found) {
  std::vector<std::string> out;
  for (const Explained& topology : found.topologies) out.push_back(topology.family);
  return out;
}

inline std::string interval_text(const sst::Interval& interval) {
  std::ostringstream out;
  out << std::fixed << std::setprecision(2) << 100 * interval.low << " - " << 100 * interval.high;
  return out.str();
}

inline sst::TextTable dice_table(const Findings& found, const Options& o) {
  using enum sst::TextTable::Align;
  sst::TextTable out({{"map"},
                      {"topology"},
                      {"mean", right, 2},
                      {"95 % interval", right},
                      {"at 95", right, 2},
                      {"at 90", right, 2},
                      {"at 85", right, 2},
                      {"at 80", right, 2}});
  const auto add = [&](const std::string& kind, const std::string& topology, const Eigen::MatrixXd& dice) {
    const sst::Interval mean = sst::bootstrap_mean(dice.rowwise().mean(), static_cast<std::uint32_t>(o.seed));
    std::vector<sst::TextTable::Cell> row{kind, topology, 100 * mean.value, interval_text(mean)};
    for (const int percent : {95, 90, 85, 80}) {
      const auto at = std::find(percentiles().begin(), percentiles().end(), percent);
      row.emplace_back(100 * dice.col(std::distance(percentiles().begin(), at)).mean());
    }
    out.add_row(row);
  };
  for (std::size_t k = 0; k < found.topologies[0].maps.size(); ++k)
    for (const Explained& topology : found.topologies)
      add(topology.maps[k].kind, topology.family, topology.maps[k].dice);
  for (const Maps& baseline : found.baselines) add(baseline.kind, "-", baseline.dice);
  add("best possible", "-", found.best);
  return out;
}

inline void print(std::ostream& out, const Findings& found, const Data& data, const Options& o) {
  using enum sst::TextTable::Align;
  const bool labels = data.test.labels.size() > 0;
  sst::TextTable machines({{"topology"},
                           {"accuracy %", right, 2},
                           {"95 % interval", right},
                           {"completeness", right, 1, sst::TextTable::Notation::scientific},
                           {"time", right}});
  for (const Explained& topology : found.topologies)
    machines.add_row({topology.family, labels ? sst::TextTable::Cell(100 * topology.accuracy.value) : "-",
                      labels ? interval_text(topology.accuracy) : "-", topology.completeness,
                      program::format_duration(topology.seconds)});
  out << machines
      << "\nDice coefficients in percent, means over the images and the percentiles 99 to 80, and at some\n\n"
      << dice_table(found, o);
  for (std::size_t k = 0; k < found.topologies[0].maps.size() && found.topologies.size() > 1; ++k)
    out << "\nTopologies by " << found.topologies[0].maps[k].kind
        << ", image by image, and Wilcoxon's signed ranks\n\n"
        << program::pair_table(topology_names(found), program::compare_pairs(by_topology(found, k)));
  out << "\nMaps, means over the topologies, in the same way\n\n"
      << program::pair_table(kind_names(found), program::compare_pairs(by_kind(found)));
  out << "\nShares of the full gradients' parts in percent\n\n" << std::fixed << std::setprecision(1);
  for (const Explained& topology : found.topologies) out << topology.family << ": " << topology.parts;
  const bool any = std::any_of(found.topologies.begin(), found.topologies.end(),
                               [](const Explained& topology) { return !topology.taps.names.empty(); });
  if (any) out << "\nShares of the layers that the read-out sees side by side, in percent\n\n";
  for (const Explained& topology : found.topologies)
    if (!topology.taps.names.empty()) out << topology.family << ": " << topology.taps;
}

/// A panel for each kind of map; in each the topologies, and dashed the maps that know nothing.
inline void draw_curves(const Findings& found, const Options& o) {
  svg::CurvePlot plot{.title = "Dice coefficient of maps cut at a percentile, " + o.data,
                      .x_label = "percentile",
                      .y_label = "Dice coefficient"};
  const auto curve = [&](const std::string& name, const Eigen::MatrixXd& dice, bool dashed) {
    svg::Curve out{name, {}, dashed};
    for (Index p = 0; p < dice.cols(); ++p)
      out.points.push_back(
          {static_cast<double>(percentiles()[static_cast<std::size_t>(p)]), dice.col(p).mean()});
    return out;
  };
  for (std::size_t k = 0; k < found.topologies[0].maps.size(); ++k) {
    svg::Panel panel{.title = found.topologies[0].maps[k].kind};
    for (const Explained& topology : found.topologies)
      panel.curves.push_back(curve(topology.family, topology.maps[k].dice, false));
    for (const Maps& baseline : found.baselines)
      panel.curves.push_back(curve(baseline.kind, baseline.dice, true));
    plot.panels.push_back(panel);
  }
  plot.write(o.svg);
}

/// The first images, their masks, and the full gradients of each topology.
inline void draw_pictures(const Findings& found, const Data& data, const Options& o) {
  const sst::ImageShape& shape = data.shown.shape;
  const sst::ImageShape flat{shape.height, shape.width, 1};
  svg::ImageGrid grid{.title = "Full gradients of " + o.kernel + " machines, " + o.data,
                      .columns = {"image", "mask"}};
  for (const Explained& topology : found.topologies) {
    std::string name = topology.family;
    std::replace(name.begin(), name.end(), '_', ' ');
    grid.columns.push_back(name);
  }
  for (Index i = 0; i < std::min<Index>(o.rows, data.shown.count()); ++i) {
    const Eigen::RowVectorXd numbers = data.shown.pixels.row(i);
    const bool color = shape.channels == 3;
    const Eigen::RowVectorXd seen =
        color ? numbers : pixels(over_channels(numbers, shape, [](double x) { return x; }));
    std::vector<svg::Picture> row{{color ? shape : flat, rescaled(seen)}, {flat, data.masks.row(i)}};
    for (const Explained& topology : found.topologies)
      row.push_back({flat, rescaled(topology.maps[0].values.row(i))});
    grid.rows.push_back(row);
  }
  program::write_output(o.pictures, [&](std::ostream& stream) { stream << svg::image_grid(grid); });
}

inline nlohmann::ordered_json to_json(const Eigen::MatrixXd& dice, const Options& o) {
  const Eigen::VectorXd images = dice.rowwise().mean();
  const sst::Interval mean = sst::bootstrap_mean(images, static_cast<std::uint32_t>(o.seed));
  nlohmann::ordered_json out{{"mean", mean.value}, {"low", mean.low}, {"high", mean.high}};
  for (const sst::Interval& at : mean_curve(dice, o))
    out["percentiles"].push_back({{"dice", at.value}, {"low", at.low}, {"high", at.high}});
  out["images"] = std::vector<double>(images.begin(), images.end());
  return out;
}

inline nlohmann::ordered_json to_json(const std::vector<std::string>& names,
                                      const std::vector<program::Pair>& pairs) {
  nlohmann::ordered_json out = nlohmann::ordered_json::array();
  for (const program::Pair& pair : pairs)
    out.push_back({{"first", names[static_cast<std::size_t>(pair.first)]},
                   {"second", names[static_cast<std::size_t>(pair.second)]},
                   {"difference", pair.difference},
                   {"won", pair.won},
                   {"tied", pair.tied},
                   {"lost", pair.lost},
                   {"p", pair.p},
                   {"holm", pair.holm}});
  return out;
}

inline void write_json(const Findings& found, const Data& data, const Options& o) {
  const sst::ImageShape& shape = data.train.shape;
  nlohmann::ordered_json out{{"data", o.data},
                             {"shape", {shape.height, shape.width, shape.channels}},
                             {"train", data.train.count()},
                             {"explained", data.test.count()},
                             {"foreground", data.masks.mean()},
                             {"shuffled_labels", o.shuffle_labels},
                             {"kernel", o.kernel},
                             {"pool", o.pool},
                             {"depth", o.depth},
                             {"weight_std", o.weight_std},
                             {"bias_std", o.bias_std},
                             {"ridge", o.ridge},
                             {"precision", o.precision},
                             {"seed", o.seed},
                             {"percentiles", percentiles()}};
  if (o.composites())
    out.update({{"classes", o.classes}, {"item", o.item}, {"pieces", o.pieces}, {"noise", o.noise}});
  for (const Explained& topology : found.topologies) {
    nlohmann::ordered_json one{
        {"family", topology.family}, {"completeness", topology.completeness}, {"seconds", topology.seconds}};
    if (data.test.labels.size() > 0)
      one["accuracy"] = {topology.accuracy.value, topology.accuracy.low, topology.accuracy.high};
    for (std::size_t k = 0; k < topology.parts.names.size(); ++k)
      one["parts"][topology.parts.names[k]] = topology.parts.shares[static_cast<Index>(k)];
    for (std::size_t k = 0; k < topology.taps.names.size(); ++k)
      one["taps"][topology.taps.names[k]] = topology.taps.shares[static_cast<Index>(k)];
    for (const Maps& maps : topology.maps) one["maps"][maps.kind] = to_json(maps.dice, o);
    out["topologies"].push_back(one);
  }
  for (const Maps& baseline : found.baselines) out["baselines"][baseline.kind] = to_json(baseline.dice, o);
  out["baselines"]["best possible"] = to_json(found.best, o);
  for (std::size_t k = 0; k < found.topologies[0].maps.size(); ++k)
    out["pairs"][found.topologies[0].maps[k].kind] =
        to_json(topology_names(found), program::compare_pairs(by_topology(found, k)));
  out["pairs"]["maps"] = to_json(kind_names(found), program::compare_pairs(by_kind(found)));
  program::write_output(o.json, [&](std::ostream& stream) { stream << out.dump(1) << '\n'; });
}

}  // namespace interpret
