// SPDX-License-Identifier: MIT
#pragma once

#include <Eigen/Core>
#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <numbers>
#include <numeric>
#include <optional>
#include <ostream>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <sst/base/error_interval.hpp>
#include <sst/base/file.hpp>
#include <sst/base/text_table.hpp>
#include <sst/error.hpp>
#include <sst/kernel/network_kernel.hpp>
#include <sst/linalg/ridge.hpp>
#include <sst/pipeline/encoding.hpp>
#include <sst/pipeline/table_model.hpp>
#include <sst/pipeline/target.hpp>
#include <sst/regression/class_measures.hpp>
#include <sst/regression/classification.hpp>
#include <sst/selection/grid_search.hpp>
#include <sst/selection/split.hpp>
#include <sst/selection/tune.hpp>
#include <sst/tables/raw_table.hpp>
#include <svg/bars.hpp>

#include "program.hpp"
#include "shuffled_columns.hpp"
#include "table_report.hpp"

/// \file
/// What regress reads, checks and says.

using sst::detail::shortest;

/// A number as a person reads it: four digits.
inline std::string readable(double value) {
  std::ostringstream text;
  text.precision(4);
  text << value;
  return text.str();
}

/// A ridge with four digits.
inline std::string readable_ridge(const sst::Ridge& ridge) {
  return (ridge.scale() == sst::Ridge::Scale::relative ? "relative:" : "absolute:") + readable(ridge.value());
}

/// What regress tells at the end, to a person and as JSON.
class Report {
 public:
  explicit Report(std::uint32_t seed) : seed_(seed) {}

  void training(const sst::RawTable& raw, const sst::EncodedTable& table,
                const sst::TableEncoding& encoding) {
    const auto features = encoding.features();
    std::string targets;
    for (const auto& target : encoding.targets)
      targets += (targets.empty() ? "" : ", ") + sst::detail::printable(target.name);
    say("training", table.source + ": " + std::to_string(table.x.rows()) + " rows, " +
                        std::to_string(features.size()) + " features, " +
                        (encoding.targets.size() == 1 ? "target " : "targets ") + targets);
    json_["training"] = {{"file", table.source},
                         {"rows", table.x.rows()},
                         {"features", features},
                         {"targets", encoding.target_names()}};
    reading("training", raw, table);
    if (const std::string doubtful = program::doubtful_categories(encoding); !doubtful.empty())
      say("note", "taken for categories, not for missing values: " + doubtful + " (--na says otherwise)");
    std::string left_out;
    for (std::size_t c = 0; c < encoding.columns.size(); ++c) {
      const auto& column = encoding.columns[c];
      if (column.kind != sst::ColumnEncoding::Kind::left_out || encoding.is_target(c)) continue;
      const std::string name = column.name.empty() ? "column " + std::to_string(c) : column.name;
      left_out += (left_out.empty() ? "" : ", ") + sst::detail::printable(name) + " (" + column.why + ")";
      json_["training"]["left_out"][name] = column.why;
    }
    if (!left_out.empty()) say("left out", left_out);
  }

  /// The table of --test: how it was written, what was left out of it, its rows, and how many of them have
  /// each target.
  void testing(const sst::RawTable& raw, const sst::EncodedTable& counts, Eigen::Index rows,
               const std::vector<std::size_t>& known) {
    const auto [least, most] = std::minmax_element(known.begin(), known.end());
    say("test", counts.source + ": " + std::to_string(rows) + " rows, " +
                    (*least == *most ? "" : std::to_string(*least) + " to ") + std::to_string(*most) +
                    (known.size() == 1 ? " with the target" : " with a target"));
    json_["test"] = {{"file", counts.source}, {"rows", rows}, {"with_target", known}};
    reading("test", raw, counts);
  }
  void note(const std::string& text) { say("note", text); }

  void model(const sst::TableModel& model, const std::string& loaded) {
    const sst::Model& fitted = model.model;
    const sst::NetworkKernel& network = *sst::network_of(fitted.kernel());
    const std::string kernel = name(network.kernel);
    say("model", kernel + " of " + network.topology.name() + layers_ + ", " +
                     std::to_string(fitted.samples()) + " training rows" +
                     (loaded.empty() ? "" : ", loaded from " + loaded));
    say("ridge", readable_ridge(fitted.ridge()) + ", which adds " + readable(fitted.lambda()) +
                     " to the kernel's diagonal");
    if (model.input_scaling)
      say("scaling", (model.classes.empty() ? (model.encoding->targets.size() == 1 ? "features and target"
                                                                                   : "features and targets")
                                            : "features") +
                         std::string(" to mean 0 and std 1"));
    if (!model.classes.empty()) say("classes", std::to_string(model.classes.size()));
    json_["model"] = {{"kernel", kernel},          {"topology", network.topology.name()},
                      {"rows", fitted.samples()},  {"ridge", fitted.ridge().to_string()},
                      {"lambda", fitted.lambda()}, {"standardized", model.input_scaling.has_value()},
                      {"classes", model.classes}};
  }

  /// How the system was solved, when not by Cholesky.
  void solved(const sst::SolverReport& found) {
    say("solver", found.sentence);
    if (found.solver != sst::Solver::cholesky)
      say("", "leave-one-out errors take the factor of --solver cholesky: judge by a test");
    json_["solver"] = {{"name", sst::name(found.solver)},
                       {"sentence", found.sentence},
                       {"iterations", found.iterations},
                       {"converged", found.converged},
                       {"residual", found.residuals.size() ? found.residuals.maxCoeff() : 0}};
  }

  /// One network and one ridge for several targets are told by one error.
  void several(std::size_t targets, bool standardized) {
    if (targets > 1)
      say("note", "errors of choosing and tuning are root mean squares over the " + std::to_string(targets) +
                      " targets" + (standardized ? ", in standard deviations of each" : ""));
  }

  /// Ridges are not tried below this one.
  void ridges_from(double least) {
    say("note", "ridges from relative:" + readable(least) + " on, which conjugate gradients need");
  }

  /// What was chosen, and why; errors are told in the units of the target.
  void chosen(const sst::Leaderboard& board, const std::vector<sst::Ridge>& ridges, double unit) {
    const sst::Ridge best = board.best().ridge;
    const bool at_an_end = ridges.size() > 1 && (best == ridges.front() || best == ridges.back());
    const std::size_t count = board.entries.size();
    say("chosen", "by the least leave-one-out error of " + std::to_string(count) +
                      (count == 1 ? " kernel" : " kernels") + " x " + std::to_string(ridges.size()) +
                      (ridges.size() == 1 ? " ridge" : " ridges") + " on up to " +
                      std::to_string(board.best().rows) + " rows" +
                      (at_an_end ? " (the ridge is at an end of those tried)" : "") +
                      (board.out_of_time ? "; --seconds ended it before all was tried" : ""));
    json_["chosen_on_rows"] = board.best().rows;
    json_["out_of_time"] = board.out_of_time;
    for (const sst::GridEntry& entry : board.entries) {
      const double error = unit * std::sqrt(entry.score);
      nlohmann::ordered_json tried{{"kernel", entry.name}, {"rows", entry.rows}};
      if (entry.failure.empty())
        tried.update({{"ridge", entry.ridge.to_string()}, {"error", error}});
      else
        tried["failure"] = entry.failure;
      json_["tried"].push_back(tried);
      constexpr std::size_t most = 12;  // on paper; JSON has all
      if (count > 1 && tried_.size() < most)
        tried_.push_back({entry.name, std::to_string(entry.rows),
                          entry.failure.empty() ? readable_ridge(entry.ridge) : "",
                          entry.failure.empty() ? readable(error) : "none: " + entry.failure});
    }
  }

  /// What each feature was multiplied by, those that matter most first; errors in the units of the target.
  void tuned(const sst::Tuned& found, bool used, const std::vector<std::string>& features, double unit) {
    const double before = unit * std::sqrt(found.start_error), after = unit * std::sqrt(found.end_error);
    say("tuned",
        "scales of " + std::to_string(features.size()) + (features.size() == 1 ? " feature" : " features") +
            " and the ridge, by leave-one-out on " + std::to_string(found.rows) + " rows in " +
            std::to_string(found.steps) + (found.steps == 1 ? " step" : " steps") +
            (found.converged ? "" : " (more would go on)") + ": leave-one-out error " + readable(before) +
            " -> " + readable(after) + (used ? "" : ", and so left as they were"));
    json_["tuned"] = {{"used", used},
                      {"rows", found.rows},
                      {"steps", found.steps},
                      {"evaluations", found.evaluations},
                      {"converged", found.converged},
                      {"error_before", before},
                      {"error_after", after},
                      {"ridge", found.ridge.to_string()}};
    const std::string list =
        largest(features, found.scales, json_["tuned"]["scales"],
                used ? "Scales of the features" : "Scales of the features, which were left as they were");
    if (used) say("", list);
  }

  /// The rounds of learned features, and what share of them each feature has; errors in the units of the
  /// target.
  void learned(const sst::LearnedFeatures& found, const std::vector<std::string>& features, double unit) {
    std::vector<double> errors;
    std::string path;
    for (const double error : found.errors) {
      errors.push_back(unit * std::sqrt(error));
      path += (path.empty() ? "" : " -> ") + readable(errors.back());
    }
    say("learned", "features by " + std::to_string(found.best) + (found.best == 1 ? " round" : " rounds") +
                       " of gradients on " + std::to_string(found.rows) + " rows: leave-one-out error " +
                       path + (found.best == 0 ? ", and so left as they were" : "") +
                       (found.out_of_time ? "; --seconds ended it" : ""));
    json_["learned_features"] = {{"rounds", found.best},
                                 {"rows", found.rows},
                                 {"errors", errors},
                                 {"ridge", found.ridge.to_string()},
                                 {"out_of_time", found.out_of_time}};
    const std::string list = largest(features, found.importance(), json_["learned_features"]["importance"],
                                     "Shares of the features in the gradients");
    if (found.best > 0) say("", list);
  }

  /// What shuffling each column costs, the dearest first; errors in the units of the target.
  void important(const ShuffledColumns& found, double unit) {
    const double error = unit * std::sqrt(found.errors.error);
    json_["importance"] = {{"rows", found.errors.rows},
                           {"repeats", found.errors.repeats},
                           {"out_of_time", found.errors.out_of_time},
                           {"error", error}};
    std::string list;
    svg::BarPanel panel{"Leave-one-out error with one column shuffled", {}, {}, error, "As it is:"};
    for (const std::size_t c : found.order()) {
      const double shuffled = unit * std::sqrt(found.errors.shuffled[static_cast<Eigen::Index>(c)]);
      json_["importance"]["shuffled"][found.names[c]] = shuffled;
      panel.names.push_back(sst::detail::printable(found.names[c]));
      panel.values.push_back(shuffled);
      list += (list.empty() ? "" : ", ") + sst::detail::printable(found.names[c]) + " " + readable(shuffled);
    }
    say("importance",
        "leave-one-out error " + readable(error) + " on " + std::to_string(found.errors.rows) +
            " rows; with one column shuffled: " + list +
            (found.errors.out_of_time ? "; --seconds ended it after " + std::to_string(found.errors.repeats) +
                                            (found.errors.repeats == 1 ? " shuffle" : " shuffles")
                                      : ""));
    panels_.push_back(std::move(panel));
  }

  /// Whether standard deviations are as large as errors are: of observations, in the units of the target;
  /// all of one column.
  void calibration(const std::string& where, const Eigen::VectorXd& truth, const sst::MeanAndStd& found) {
    const Eigen::ArrayXd z = (truth - found.mean).array() / found.std.col(0).array();
    const auto inside = static_cast<std::size_t>((z.abs() <= sst::normal_quantile(0.975)).count());
    add(where, "inside 95 % intervals", truth.rows(),
        sst::share(inside, static_cast<std::size_t>(truth.rows())));
    const double density =
        -(0.5 * z.square() + found.std.col(0).array().log()).mean() - 0.5 * std::log(2 * std::numbers::pi);
    measure(where, "mean log density", truth.rows(), density);
  }

  /// Rows of --test that lie outside the training rows by more than these span: how many, and of the first
  /// its line and feature.
  void far(const sst::TableModel& model, std::size_t count, std::size_t line, Eigen::Index column) {
    json_["test"]["far_outside"] = count;
    if (count == 0) return;
    say("note", std::to_string(count) + (count == 1 ? " row" : " rows") +
                    " further outside the training rows than these span (the first: row " +
                    std::to_string(line) + ", " +
                    (model.transform
                         ? "learned feature " + std::to_string(column + 1)
                         : sst::detail::quote(model.encoding->features()[static_cast<std::size_t>(column)])) +
                    "); there a prediction says little");
  }

  /// What the layers of a chosen network are.
  void layers(const sst::GridPoint& point) {
    layers_ = " (" + point.activation->name() + ", weight_std " + shortest(point.weight_std) + ", bias_std " +
              shortest(point.bias_std) + ")";
  }

  /// The errors of classes: the true ones, and the scores of each, rows x classes.
  void class_errors(const std::string& where, const sst::TableModel& model,
                    const std::vector<std::size_t>& wanted, const Eigen::MatrixXd& scores) {
    const auto found = sst::largest_score(scores);
    Eigen::MatrixXi counts = Eigen::MatrixXi::Zero(scores.cols(), scores.cols());
    for (std::size_t i = 0; i < wanted.size(); ++i)
      ++counts(static_cast<Eigen::Index>(wanted[i]), static_cast<Eigen::Index>(found[i]));
    add(where, "accuracy", scores.rows(), sst::share(sst::hits(found, wanted), wanted.size()));
    const Eigen::MatrixXd p = model.probabilities(scores);
    const double loss = sst::log_loss(scores, wanted, model.inverse_temperature);
    measure(where, "balanced accuracy", scores.rows(), sst::balanced_accuracy(found, wanted));
    if ((counts.rowwise().sum().array() > 0).count() > 1)
      measure(where, "area under the curve", scores.rows(), sst::mean_area_under_curve(p, wanted));
    measure(where, "calibration error", scores.rows(), sst::expected_calibration_error(p, wanted));
    std::ostringstream text;
    text << sst::Confusion<std::string>{model.classes, counts, {}};
    confusions_ += "\n" + where + ", log loss of the probabilities " + readable(loss) + "\n" + text.str();
    json_["errors"][where]["log loss"] = loss;
    json_["errors"][where]["confusion"] = std::vector<std::vector<int>>();
    for (Eigen::Index i = 0; i < counts.rows(); ++i)
      json_["errors"][where]["confusion"].push_back(
          std::vector<int>(counts.row(i).begin(), counts.row(i).end()));
  }

  /// The errors of one target.
  void errors(const std::string& where, const Eigen::VectorXd& truth, const Eigen::VectorXd& prediction) {
    const auto found = sst::regression_errors(truth, prediction, seed_);
    add(where, "root mean squared error", truth.rows(), found.rmse);
    add(where, "mean absolute error", truth.rows(), found.mae);
    add(where, "R^2", truth.rows(), found.r2);
    if (found.r2.value < 0) say("note", where + ": worse than the mean of the target would do (R^2 below 0)");
  }

  /// Time and memory; the last line.
  void finish() {
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
    say("took", readable(seconds) + " s, at most " + readable(program::peak_memory()) + " MiB");
    json_["seconds"] = seconds;
    json_["peak_memory_mib"] = program::peak_memory();
  }

  void write_json(const std::string& file) const {
    const std::string text = json_.dump(1, ' ', false, nlohmann::json::error_handler_t::replace);
    program::write_output(file, [&](std::ostream& out) { out << text << '\n'; });
  }

  /// Bars of scales or shares, and of the importance of columns.
  void write_svg(const std::string& file) const {
    program::write_output(file, [&](std::ostream& out) { out << svg::bars(panels_); });
  }

  friend std::ostream& operator<<(std::ostream& out, const Report& report) {
    for (std::size_t i = 0; i + 1 < report.lines_.size(); ++i) print(out, report.lines_[i]);
    using enum sst::TextTable::Align;
    if (!report.tried_.empty()) {
      sst::TextTable board({{"kernel"}, {"rows", right}, {"ridge"}, {"leave-one-out error"}});
      for (const auto& row : report.tried_) board.add_row({row.begin(), row.end()});
      out << '\n' << board << "\nThe best of many looks a little better than it is: judge by a test.\n";
    }
    sst::TextTable table(
        {{"rows"}, {"count", right}, {"measure"}, {"value", right}, {"95 % from", right}, {"to", right}});
    for (const auto& row : report.errors_) table.add_row({row.begin(), row.end()});
    if (!report.errors_.empty())
      out << '\n'
          << table << "\nIntervals: "
          << (report.bootstrap_ ? "percentiles of a bootstrap over rows, 1000 resamples, seed " +
                                      std::to_string(report.seed_)
                                : "Wilson's, for shares")
          << ".\n";
    out << report.confusions_ << '\n';
    print(out, report.lines_.back());
    return out;
  }

 private:
  using Line = std::pair<std::string, std::string>;

  /// Features by their numbers, the largest first: the first of them for paper, all into `json` and the
  /// picture.
  std::string largest(const std::vector<std::string>& features, const Eigen::RowVectorXd& numbers,
                      nlohmann::ordered_json& json, const char* title) {
    std::vector<std::size_t> order(features.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    const auto number = [&](std::size_t k) { return numbers[static_cast<Eigen::Index>(k)]; };
    std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
      return std::pair(-number(a), a) < std::pair(-number(b), b);
    });
    constexpr std::size_t most = 8;
    std::string text;
    svg::BarPanel& panel = panels_.emplace_back(svg::BarPanel{title, {}, {}, {}});
    for (std::size_t i = 0; i < order.size(); ++i) {
      const std::string& name = features[order[i]];
      panel.names.push_back(sst::detail::printable(name));
      panel.values.push_back(number(order[i]));
      json[name] = number(order[i]);
      if (i < most) text += (i ? ", " : "") + sst::detail::printable(name) + " " + readable(number(order[i]));
    }
    return text + (order.size() > most ? ", ..." : "");
  }

  /// How a table was written, and what of it was not used.
  void reading(const std::string& part, const sst::RawTable& raw, const sst::EncodedTable& table) {
    if (const std::string how = program::describe(raw); !how.empty()) {
      say("", "read as: " + how);
      json_[part]["read_as"] = how;
    }
    json_[part]["dropped"] = table.dropped_rows();
    if (!table.dropped.empty()) {
      say("", "rows left out: " + program::list_counts(table.dropped));
      json_[part]["dropped_because"] = table.dropped;
    }
    if (!table.unknown.empty()) {
      say("", "fields taken for none of the known categories: " + program::list_counts(table.unknown));
      json_[part]["unknown"] = table.unknown;
    }
  }

  static std::string name(sst::Kernel kernel) { return kernel == sst::Kernel::ntk ? "ntk" : "nngp"; }
  static void print(std::ostream& out, const Line& line) {
    out << line.first << std::string(line.first.size() < 11 ? 11 - line.first.size() : 1, ' ') << line.second
        << '\n';
  }
  void say(const std::string& what, const std::string& text) { lines_.emplace_back(what, text); }
  void add(const std::string& where, const std::string& measure, Eigen::Index count,
           const sst::Interval& found) {
    bootstrap_ = bootstrap_ || measure != "accuracy";
    errors_.push_back({where, std::to_string(count), measure, readable(found.value), readable(found.low),
                       readable(found.high)});
    json_["errors"][where][measure] = {{"value", found.value}, {"low", found.low}, {"high", found.high}};
  }

  /// A number without an interval.
  void measure(const std::string& where, const std::string& name, Eigen::Index count, double value) {
    errors_.push_back({where, std::to_string(count), name, readable(value), "", ""});
    json_["errors"][where][name] = {{"value", value}};
  }

  std::uint32_t seed_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  std::vector<Line> lines_;
  std::vector<std::array<sst::TextTable::Cell, 6>> errors_;
  std::vector<std::array<std::string, 4>> tried_;
  std::vector<svg::BarPanel> panels_;
  std::string confusions_, layers_;
  bool bootstrap_ = false;
  nlohmann::ordered_json json_;
};
