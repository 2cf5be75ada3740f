// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <Eigen/Core>

#include <sst/base/memory.hpp>
#include <sst/error.hpp>
#include <sst/pipeline/encoding.hpp>
#include <sst/pipeline/scaling.hpp>
#include <sst/pipeline/target.hpp>
#include <sst/tables/raw_table.hpp>

#include "regress_options.hpp"
#include "regress_report.hpp"
#include "table_options.hpp"

/// \file
/// What regress learns from.

/// What a model learns from, and what leads to it: all of a TableModel but the model.
struct Lesson {
  sst::TableEncoding encoding;
  std::vector<std::string> targets = {}, classes = {};
  std::optional<sst::Scaling> input_scaling = {}, target_scaling = {};
  std::optional<Eigen::MatrixXd> transform = {};
  Eigen::MatrixXd x = {}, y = {};  // scaled

  /// What an error of 1 is in the units of the one target of numbers.
  double unit() const {
    return classes.empty() && targets.size() == 1 && target_scaling ? target_scaling->scale[0] : 1;
  }
};

/// One column of 0 and 1 for each class.
inline Eigen::MatrixXd class_columns(const sst::EncodedTable& table, const sst::TableEncoding& encoding,
                                     const std::vector<std::string>& classes) {
  if (table.targets.front().empty())
    throw sst::DataError(table.source + " has no column '" + encoding.targets.front().name +
                         "' (the target); add it");
  const std::vector<int> index = sst::class_indices(table, encoding, classes);
  Eigen::MatrixXd y = Eigen::MatrixXd::Zero(static_cast<Eigen::Index>(index.size()),
                                            static_cast<Eigen::Index>(classes.size()));
  for (std::size_t i = 0; i < index.size(); ++i) y(static_cast<Eigen::Index>(i), index[i]) = 1;
  return y;
}

/// The targets as the model learns them: numbers, or classes.
inline Eigen::MatrixXd outputs(const sst::EncodedTable& table, const sst::TableEncoding& encoding,
                               const std::vector<std::string>& classes) {
  return classes.empty() ? sst::target_numbers(table, encoding) : class_columns(table, encoding, classes);
}

/// A target that is the same everywhere leaves nothing to learn.
inline void require_variety(const sst::EncodedTable& table, const sst::TableEncoding& encoding,
                            const Eigen::MatrixXd& y) {
  const bool classes = static_cast<std::size_t>(y.cols()) != encoding.targets.size();
  for (std::size_t t = 0; t < encoding.targets.size(); ++t) {
    const auto column = static_cast<Eigen::Index>(t);
    const Eigen::MatrixXd own = classes ? y : Eigen::MatrixXd(y.col(column));
    if ((own.rowwise() - own.row(0)).isZero(0))
      throw sst::DataError(table.source + ": the target '" + encoding.targets[t].name + "' is '" +
                           table.targets[t].front() + "' in all " + std::to_string(y.rows()) +
                           " rows (there is nothing to learn); choose another target or add rows");
  }
}

/// Brings very small or large targets to the size of 1; none for others.
inline std::optional<sst::Scaling> power_of_two(const Eigen::MatrixXd& y) {
  const double largest = y.cwiseAbs().maxCoeff();
  if (!(largest > 0) || (largest > 1e-100 && largest < 1e100)) return std::nullopt;
  const double unit = std::ldexp(1.0, std::ilogb(largest));
  return sst::Scaling{Eigen::RowVectorXd::Zero(y.cols()), Eigen::RowVectorXd::Constant(y.cols(), unit)};
}

/// Reads --train: the table's encoding, the scalings, samples and targets.
inline Lesson read_lesson(const Options& o, Report& report) {
  const sst::RawTable raw = program::read_table(o.train, o.table);
  const std::vector<std::string> targets = program::split_names(o.target, raw.columns);
  if (o.classify && targets.size() > 1)
    throw sst::DataError("--classify takes one --target, and not " + std::to_string(targets.size()));
  Lesson lesson{.encoding = sst::TableEncoding::learn(
                    raw, targets, program::split_names(o.ignore, raw.columns), treatments(o, raw))};
  const sst::EncodedTable table = lesson.encoding.apply(raw);
  if (o.classify) lesson.classes = sst::target_classes(table);
  lesson.targets = o.classify ? lesson.classes : lesson.encoding.target_names();
  const Eigen::MatrixXd y = outputs(table, lesson.encoding, lesson.classes);
  require_variety(table, lesson.encoding, y);
  if (o.classify)  // far from the data scores go back to the shares of the classes
    lesson.target_scaling = sst::Scaling{y.colwise().mean(), Eigen::RowVectorXd::Ones(y.cols())};
  else if (o.standardize == "all")
    lesson.target_scaling = sst::Scaling::standard(y, lesson.targets);
  else  // by a power of two, which rounds nothing: squares of very small or large targets leave the range
    lesson.target_scaling = power_of_two(y);
  if (o.standardize == "all")
    lesson.input_scaling = sst::Scaling::standard(table.x, lesson.encoding.features());
  report.training(raw, table, lesson.encoding);
  if (!o.classify) report.several(lesson.targets.size(), o.standardize == "all");
  if (const auto n = static_cast<double>(table.x.rows()); o.solver == "cholesky")
    sst::require_memory(
        sizeof(double) * n * n, "the kernel of " + std::to_string(table.x.rows()) + " rows",
        "use fewer rows, or let the program choose a solver that needs less (solver: automatic)");
  lesson.x = lesson.input_scaling ? lesson.input_scaling->apply(table.x) : table.x;
  lesson.y = lesson.target_scaling ? lesson.target_scaling->apply(y) : y;
  return lesson;
}
