// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <Eigen/Core>

#include <sst/base/execution.hpp>
#include <sst/io/table_problems.hpp>
#include <sst/pipeline/batch_encoder.hpp>
#include <sst/pipeline/encoding.hpp>
#include <sst/pipeline/table_model.hpp>
#include <sst/pipeline/target.hpp>
#include <sst/tables/raw_table.hpp>

#include "program.hpp"
#include "regress_options.hpp"
#include "regress_output.hpp"
#include "regress_report.hpp"
#include "spreading.hpp"
#include "table_input.hpp"
#include "table_options.hpp"

/// \file
/// The table of --test: read, predicted, judged and written some rows at a time.

/// A target's errors have its name where there are several.
inline std::string target_part(const std::string& where, const sst::TableModel& model, std::size_t target) {
  const auto& targets = model.encoding->targets;
  return targets.size() > 1 ? where + ", " + targets[target].name : where;
}

/// Predictions beside the targets that are known: numbers alone, two or three a row, since a bootstrap and
/// areas under curves take all of them.
class Judged {
 public:
  Judged(const sst::TableModel& model, bool stds)
      : model_(model), stds_(stds), targets_(model.encoding->targets.size()) {}

  /// Reads the targets of some rows.
  void add(const sst::EncodedTable& table) {
    for (std::size_t t = 0; t < targets_.size(); ++t) {
      Target& target = targets_[t];
      if (!target.problems) target.problems.emplace(table.source);
      target.rows = sst::known_targets(table, t);
      target.known += target.rows.size();
      if (target.rows.empty()) continue;
      const sst::EncodedTable some = sst::select_rows(table, target.rows);
      if (!model_.classes.empty()) {
        for (const int c :
             sst::detail::class_indices(some, *model_.encoding, model_.classes, *target.problems))
          classes_.push_back(static_cast<std::size_t>(c));
        continue;
      }
      const Eigen::MatrixXd truth = sst::detail::target_numbers(some, *model_.encoding, t, *target.problems);
      target.truth.insert(target.truth.end(), truth.data(), truth.data() + truth.size());
    }
  }
  /// And then what was predicted for these rows.
  void add(const sst::MeanAndStd& prediction) {
    for (std::size_t t = 0; t < targets_.size(); ++t) {
      Target& target = targets_[t];
      const auto column = static_cast<Eigen::Index>(t);
      for (const Eigen::Index row : target.rows)
        if (model_.classes.empty()) {
          target.mean.push_back(prediction.mean(row, column));
          if (stds_) target.std.push_back(prediction.std(row, column));
        } else {
          for (const double score : prediction.mean.row(row)) target.mean.push_back(score);
        }
    }
  }
  /// Throws sst::DataError for targets that are none.
  void finish() const {
    for (const Target& target : targets_)
      if (target.problems) target.problems->raise();
  }
  /// Whether there are no such targets so far.
  bool sound() const {
    return std::all_of(targets_.begin(), targets_.end(),
                       [](const Target& target) { return !target.problems || target.problems->empty(); });
  }
  /// How many rows have each target.
  std::vector<std::size_t> known() const {
    std::vector<std::size_t> out;
    for (const Target& target : targets_) out.push_back(target.known);
    return out;
  }

  void tell(Report& report, const std::string& source) const {
    const Eigen::RowVectorXd noise = model_.noise_std();
    for (std::size_t t = 0; t < targets_.size(); ++t) {
      const Target& target = targets_[t];
      if (target.known == 0) continue;
      const std::string where = target_part(source, model_, t);
      const auto rows = static_cast<Eigen::Index>(target.known);
      if (!model_.classes.empty()) {
        const auto classes = static_cast<Eigen::Index>(model_.classes.size());
        report.class_errors(where, model_, classes_,
                            Eigen::Map<const Eigen::MatrixXd>(target.mean.data(), classes, rows).transpose());
        continue;
      }
      const Eigen::Map<const Eigen::VectorXd> truth(target.truth.data(), rows),
          mean(target.mean.data(), rows);
      report.errors(where, truth, mean);
      if (!stds_) continue;
      const double own = noise[static_cast<Eigen::Index>(t)];
      const Eigen::ArrayXd std = Eigen::Map<const Eigen::ArrayXd>(target.std.data(), rows);
      report.calibration(where, truth, {mean, (std.square() + own * own).sqrt()});
    }
  }

 private:
  struct Target {
    std::optional<sst::detail::TableProblems> problems = {};
    std::size_t known = 0;
    std::vector<Eigen::Index> rows = {};                  // those of the latest that have it
    std::vector<double> truth = {}, mean = {}, std = {};  // of classes: scores, one after another
  };

  const sst::TableModel& model_;
  bool stds_;
  std::vector<Target> targets_;
  std::vector<std::size_t> classes_;
};

/// The rows that lie outside the training rows by more than these span.
class FarRows {
 public:
  explicit FarRows(const sst::TableModel& model) : model_(model) {
    const Eigen::MatrixXd& known = model.model.x().dense();
    low_ = known.colwise().minCoeff();
    high_ = known.colwise().maxCoeff();
  }
  void add(const sst::EncodedTable& table) {
    const Eigen::MatrixXd x = model_.scaled(table.x);
    for (Eigen::Index i = 0; i < x.rows(); ++i)
      for (Eigen::Index j = 0; j < x.cols(); ++j)
        if (std::max(low_[j] - x(i, j), x(i, j) - high_[j]) > high_[j] - low_[j]) {
          if (count_++ == 0) first_ = {table.lines[static_cast<std::size_t>(i)], j};
          break;
        }
  }
  void tell(Report& report) const { report.far(model_, count_, first_.first, first_.second); }

 private:
  const sst::TableModel& model_;
  Eigen::RowVectorXd low_, high_;
  std::size_t count_ = 0;
  std::pair<std::size_t, Eigen::Index> first_{0, 0};  // its line, and the feature
};

/// Predicts --test into --output, and tells how it went. `spread`: where means are computed.
inline void predict_table(const Options& o, const sst::TableModel& model, const program::Spreading& spread,
                          Report& report, program::Progress& progress) {
  const bool stds = o.std || o.interval > 0;
  const auto columns = std::max<std::size_t>(1, model.encoding->columns.size());
  // Multiples of the library's own batches, so that the digits are those of one large request; fewer where
  // rows are long.
  const auto batch = 1024 * std::clamp<Eigen::Index>((1 << 12) / static_cast<Eigen::Index>(columns), 1, 4);
  const std::size_t read_at_once = std::clamp<std::size_t>((std::size_t{1} << 20U) / columns, 1, 4096);

  program::TableInput input(o.test, o.table, *model.encoding);
  sst::BatchEncoder encoder(*model.encoding, sst::Purpose::predict);
  Judged judged(model, stds);
  FarRows far(model);
  Eigen::Index done = 0;
  double before = 0;  // the share of the table that is predicted
  const auto predict = [&](const sst::EncodedTable& table, PredictionFile* file) {
    judged.add(table);
    if (!judged.sound()) return;
    const double after = input.fraction();
    const auto step = progress("predicting");
    const sst::Execution execution{o.threads, [&](double part) {
                                     return after >= 0 ? step(before + part * (after - before))
                                                       : step(std::to_string(done) + " rows done");
                                   }};
    const auto prediction = stds ? model.predict_with_std(table.x, sst::ObservationNoise::excluded, execution)
                                 : sst::MeanAndStd{spread.predict(model, table.x, execution), {}};
    progress.check_signals();
    judged.add(prediction);
    far.add(table);
    if (file != nullptr) file->write(table, prediction);
    done += table.x.rows();
    before = after;
  };

  std::optional<sst::RawTable> how;  // it is written
  bool lacks_targets = false;
  write_predictions(o, model, [&](PredictionFile* file) {
    for (bool more = true; more;) {
      sst::RawTable rows = input.next(read_at_once);
      more = !rows.rows.empty();
      if (more) encoder.add(rows);
      while (encoder.sound() && encoder.waiting() >= (more ? batch : 1)) predict(encoder.take(batch), file);
      progress.check_signals();
      rows.rows.clear();
      if (!how) how = std::move(rows);
    }
    progress.check();
    encoder.finish();
    judged.finish();
    lacks_targets = file != nullptr && file->lacks_targets();
  });
  report.testing(*how, encoder.counts(), encoder.rows(), judged.known());
  if (lacks_targets)
    report.note("none of the first " + std::to_string(batch) +
                " rows has a target that later ones have: --output has no column of it");
  far.tell(report);
  judged.tell(report, program::input_name(o.test));
}
