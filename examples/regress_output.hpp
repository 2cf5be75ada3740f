// SPDX-License-Identifier: MIT
#pragma once

#include <cerrno>
#include <cmath>
#include <cstddef>
#include <functional>
#include <limits>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include <Eigen/Core>

#include <sst/base/error_interval.hpp>
#include <sst/base/file.hpp>
#include <sst/error.hpp>
#include <sst/io/csv_field.hpp>
#include <sst/io/npy_rows.hpp>
#include <sst/pipeline/encoding.hpp>
#include <sst/pipeline/table_model.hpp>
#include <sst/regression/classification.hpp>
#include <sst/tables/raw_table.hpp>

#include "regress_options.hpp"
#include "regress_report.hpp"

/// \file
/// The predictions that regress writes, some rows at a time.

/// A file of predictions: one row a sample.
class PredictionFile {
 public:
  PredictionFile(const Options& o, const sst::TableModel& model, std::ostream& out)
      : o_(o),
        model_(model),
        out_(out),
        noise_(model.noise_std()),
        width_(o.interval > 0 ? sst::normal_quantile((1 + o.interval) / 2) : 0) {}
  virtual ~PredictionFile() = default;
  PredictionFile(const PredictionFile&) = delete;
  PredictionFile& operator=(const PredictionFile&) = delete;

  /// Appends the predictions for the samples of a table. The first ones decide whether there are columns of
  /// targets.
  void write(const sst::EncodedTable& table, const sst::MeanAndStd& prediction) {
    errno = 0;
    if (columns_.empty()) begin(table);
    for (std::size_t t = 0; t < has_target_.size(); ++t)
      lacks_targets_ = lacks_targets_ || (!has_target_[t] && !table.targets[t].empty());
    append(table, prediction);
    check();
  }
  /// Behind the last ones.
  void finish() {
    errno = 0;
    end();
    check();
  }
  /// Whether targets came when there was no column for them.
  bool lacks_targets() const { return lacks_targets_; }

 protected:
  virtual void start() = 0;
  virtual void append(const sst::EncodedTable& table, const sst::MeanAndStd& prediction) = 0;
  virtual void end() {}

  /// Calls put(number, text) for each field of each row, and row() before them. text() writes it as a CSV has
  /// it; a class is its number from 0.
  template <class Row, class Put>
  void each_field(const sst::EncodedTable& table, const sst::MeanAndStd& prediction, Row&& row,
                  Put&& put) const {
    const auto number = [&](double value) { put(value, [value] { return shortest(value); }); };
    const auto best = sst::largest_score(prediction.mean);
    const Eigen::MatrixXd p =
        model_.classes.empty() ? Eigen::MatrixXd() : model_.probabilities(prediction.mean);
    for (Eigen::Index i = 0; i < prediction.mean.rows(); ++i) {
      const auto at = static_cast<std::size_t>(i);
      row();
      put(static_cast<double>(table.lines[at]), [&] { return std::to_string(table.lines[at]); });
      for (std::size_t t = 0; t < has_target_.size(); ++t) {
        const auto column = static_cast<Eigen::Index>(t);
        const double mean = prediction.mean(i, column);
        if (model_.classes.empty())
          number(mean);
        else
          put(static_cast<double>(best[at]), [&] { return model_.classes[best[at]]; });
        for (Eigen::Index c = 0; c < p.cols(); ++c) number(p(i, c));
        if (o_.std) number(prediction.std(i, column));
        if (o_.interval > 0) {
          const double half = width_ * std::hypot(prediction.std(i, column), noise_[column]);
          number(mean - half);
          number(mean + half);
        }
        if (!has_target_[t]) continue;
        const std::string target = table.targets[t].empty() ? "" : table.targets[t][at];
        put(target_number(target), [&] { return target; });
      }
    }
  }

  std::ostream& out() { return out_; }
  const std::vector<std::string>& columns() const { return columns_; }

 private:
  void begin(const sst::EncodedTable& table) {
    const std::size_t targets = model_.encoding->targets.size();
    columns_.push_back("row");
    for (std::size_t t = 0; t < targets; ++t) {
      const std::string name = targets > 1 ? " " + model_.encoding->targets[t].name : "";
      columns_.push_back("prediction" + name);
      for (const std::string& one : model_.classes) columns_.push_back("p " + one);
      if (o_.std) columns_.push_back("std" + name);
      if (o_.interval > 0) columns_.insert(columns_.end(), {"lower" + name, "upper" + name});
      has_target_.push_back(!table.targets[t].empty());
      if (has_target_.back()) columns_.push_back("target" + name);
    }
    start();
  }
  double target_number(const std::string& target) const {
    double value = std::numeric_limits<double>::quiet_NaN();
    if (model_.classes.empty()) {
      if (!target.empty()) sst::detail::parse_csv_field(target, value);
      return value;
    }
    for (std::size_t c = 0; c < model_.classes.size(); ++c)
      if (sst::detail::canonical_field(model_.classes[c], {}) == target) value = static_cast<double>(c);
    return value;
  }
  void check() {
    if (out_.flush()) return;
    throw sst::DataError("cannot write " + (o_.output == "-" ? "to standard output" : "'" + o_.output + "'") +
                         " (" + sst::detail::last_system_error() + "); check where it goes and its room");
  }

  const Options& o_;
  const sst::TableModel& model_;
  std::ostream& out_;
  Eigen::RowVectorXd noise_;
  double width_;
  std::vector<std::string> columns_;
  std::vector<bool> has_target_;
  bool lacks_targets_ = false;
};

/// As a CSV with names.
class CsvPredictions : public PredictionFile {
 public:
  using PredictionFile::PredictionFile;

 private:
  void start() override { sst::write_raw_table(out(), columns(), {}); }
  void append(const sst::EncodedTable& table, const sst::MeanAndStd& prediction) override {
    std::vector<std::vector<std::string>> rows;
    rows.reserve(table.lines.size());
    each_field(
        table, prediction, [&] { rows.emplace_back().reserve(columns().size()); },
        [&](double, const auto& text) { rows.back().push_back(text()); });
    sst::write_raw_rows(out(), rows);
  }
};

/// As a matrix of the same columns, without names.
class NpyPredictions : public PredictionFile {
 public:
  using PredictionFile::PredictionFile;

 private:
  void start() override {
    file_ = std::make_unique<sst::NpyRowWriter>(out(), static_cast<Eigen::Index>(columns().size()));
  }
  void append(const sst::EncodedTable& table, const sst::MeanAndStd& prediction) override {
    Eigen::MatrixXd rows(prediction.mean.rows(), static_cast<Eigen::Index>(columns().size()));
    Eigen::Index row = -1, column = 0;
    each_field(
        table, prediction, [&] { ++row, column = 0; },
        [&](double number, const auto&) { rows(row, column++) = number; });
    file_->write(rows);
  }
  void end() override { file_->finish(); }

  std::unique_ptr<sst::NpyRowWriter> file_;
};

/// Lets fill(file) write --output, whose place it takes when it is complete; without --output there is no
/// file.
inline void write_predictions(const Options& o, const sst::TableModel& model,
                              const std::function<void(PredictionFile*)>& fill) {
  if (o.output.empty()) return fill(nullptr);
  program::write_output(o.output, [&](std::ostream& out) {
    std::unique_ptr<PredictionFile> file;
    if (o.output.ends_with(".npy"))
      file = std::make_unique<NpyPredictions>(o, model, out);
    else
      file = std::make_unique<CsvPredictions>(o, model, out);
    fill(file.get());
    file->finish();
  });
}
