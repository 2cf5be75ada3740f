// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <iostream>
#include <map>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <Eigen/Core>

#include <sst/base/plain_text.hpp>
#include <sst/base/text_table.hpp>
#include <sst/error.hpp>
#include <sst/io/store/stored_kernel.hpp>
#include <sst/io/store/stored_matrix.hpp>
#include <sst/linalg/band_form.hpp>
#include <sst/linalg/cholesky.hpp>
#include <sst/linalg/ridge.hpp>
#include <sst/regression/model.hpp>
#include <sst/regression/solver.hpp>
#include <sst/selection/ridge_path.hpp>

#include "gram_options.hpp"
#include "gram_status.hpp"
#include "matrix_files.hpp"
#include "program.hpp"
#include "sample_hashes.hpp"

/// \file
/// The regression of gram_store: no kernel is computed.

namespace gram {

/// The matrix of a full store, in double.
inline Eigen::MatrixXd read_gram(const std::string& store, program::Progress& progress) {
  return with_store(store, [&](const auto& stored) -> Eigen::MatrixXd {
    return stored.template assemble<double>({.progress = progress("reading the kernel")});
  });
}

/// Throws sst::DataError unless `cross` is of new samples against those of `train`, by the same network.
inline void require_cross(const std::string& folder, const sst::TileStoreHeader& cross,
                          const sst::TileStoreHeader& train) {
  const auto refuse = [&](const std::string& what) {
    throw sst::DataError("the store '" + folder + "' " + what +
                         "; fill one with the new samples as --rows and those of the fit as --columns");
  };
  if (cross.symmetry == sst::TileSymmetry::symmetric) refuse("is of samples with themselves");
  if (!cross.data.ends_with(program::against + train.data))
    refuse("is against other samples than those of the fit");
  if (cross.topology != train.topology || cross.kernel != train.kernel)
    refuse("is of another network or kernel");
}

/// A ridge of the path, with its lambda and what it would do; none: the system is singular.
struct Trial {
  sst::Ridge ridge;
  std::optional<sst::RidgePath> path;
};

/// Leave-one-out errors and the like of each of these ridges.
inline std::vector<Trial> try_ridges(const std::vector<sst::Ridge>& ridges, Eigen::MatrixXd k,
                                     const Eigen::MatrixXd& y, const FitOptions& o,
                                     program::Progress& progress) {
  const sst::BandForm form(std::move(k), {.threads = o.threads, .progress = progress("band form")});
  std::vector<Trial> out;
  const auto step = progress("ridges");
  for (const sst::Ridge& ridge : ridges) {
    out.push_back({ridge, {}});
    try {
      out.back().path = sst::ridge_path(form, y, {ridge}, {.threads = o.threads});
    } catch (const sst::NotPositiveDefinite&) {
      if (ridges.size() == 1) throw;
    }
    step(static_cast<double>(out.size()) / static_cast<double>(ridges.size()));
    progress.check();
  }
  return out;
}

inline void print_trials(const std::vector<Trial>& trials) {
  using enum sst::TextTable::Align;
  const auto digits = [](double value, int count) {
    sst::detail::PlainText text;
    text.precision(count);
    text << value;
    return text.str();
  };
  sst::TextTable table({{"ridge"},
                        {"lambda", right},
                        {"leave-one-out RMSE", right},
                        {"GCV", right},
                        {"log evidence", right},
                        {"effective dimension", right}});
  for (const Trial& trial : trials) {
    const bool relative = trial.ridge.scale() == sst::Ridge::Scale::relative;
    std::vector<sst::TextTable::Cell> row{(relative ? "relative:" : "absolute:") +
                                          digits(trial.ridge.value(), 3)};
    if (trial.path) {
      const auto score = [&](sst::Criterion criterion) { return sst::scores(*trial.path, criterion)[0]; };
      for (const double value : {trial.path->lambdas[0], std::sqrt(score(sst::Criterion::leave_one_out)),
                                 score(sst::Criterion::gcv), -score(sst::Criterion::log_marginal_likelihood),
                                 trial.path->effective_dimension[0]})
        row.emplace_back(digits(value, 5));
    } else {
      row.insert(row.end(), {"singular", "-", "-", "-", "-"});
    }
    table.add_row(row);
  }
  std::cout << table;
}

/// The trial with the best score. Throws sst::DataError where all are singular.
inline const Trial& best(const std::vector<Trial>& trials, const std::string& criterion) {
  const std::map<std::string, sst::Criterion> criteria{
      {"leave_one_out", sst::Criterion::leave_one_out},
      {"gcv", sst::Criterion::gcv},
      {"log_marginal_likelihood", sst::Criterion::log_marginal_likelihood}};
  const Trial* out = nullptr;
  const auto score = [&](const Trial& trial) { return sst::scores(*trial.path, criteria.at(criterion))[0]; };
  for (const Trial& trial : trials)
    if (trial.path && (out == nullptr || score(trial) < score(*out))) out = &trial;
  if (out == nullptr)
    throw sst::DataError(
        "the kernel is singular with every ridge up to 10 times its mean diagonal; check it");
  return *out;
}

/// Whether the matrix is read tile by tile, again and again.
inline bool iterates(const FitOptions& o, Eigen::Index n) {
  if (o.solver != "automatic") return o.solver == "conjugate_gradients";
  return !sst::solver_fits(sst::Solver::cholesky, n, {.threads = o.threads});
}

/// K(new, X) W, tile by tile.
inline Eigen::MatrixXd predict(const std::string& cross, const Eigen::MatrixXd& weights,
                               program::Progress& progress) {
  return with_store(cross, [&](const auto& stored) {
    const auto step = progress("predicting");
    Eigen::MatrixXd out = Eigen::MatrixXd::Zero(stored.header().rows, weights.cols());
    typename std::remove_cvref_t<decltype(stored)>::Matrix tile;
    for (Eigen::Index k = 0; k < stored.tiles(); ++k) {
      const sst::TilePlace& at = stored.place(k);
      stored.read(k, tile);
      out.middleRows(at.row, at.rows) +=
          tile.template cast<double>() * weights.middleRows(at.column, at.columns);
      step(static_cast<double>(k + 1) / static_cast<double>(stored.tiles()));
      if (program::interrupted) progress.check();
    }
    return out;
  });
}

/// (K + lambda I)^-1 Y.
inline Eigen::MatrixXd weights(const FitOptions& o, const Eigen::MatrixXd& y, const sst::Ridge& ridge,
                               program::Progress& progress) {
  if (iterates(o, y.rows())) {
    const auto samples = Eigen::VectorXd::LinSpaced(y.rows(), 0, static_cast<double>(y.rows() - 1));
    const auto model = sst::fit(
        sst::stored_kernel(o.store), samples, y, ridge,
        {.solver = sst::Solver::conjugate_gradients, .threads = o.threads, .progress = progress("solving")});
    progress.check();
    std::cout << "solver " << model.report() << "\n";
    return model.weights();
  }
  Eigen::MatrixXd k = read_gram(o.store, progress);
  k.diagonal().array() += ridge.lambda_for(k.diagonal().mean());
  return sst::Cholesky<double>(std::move(k), {.threads = o.threads, .progress = progress("factor")}).solve(y);
}

inline void fit(const FitOptions& o) {
  program::try_outputs({o.leave_one_out, o.weights, o.predictions});
  const sst::TileStoreHeader header = sst::read_store_header(o.store).header;
  if (header.symmetry != sst::TileSymmetry::symmetric)
    throw sst::DataError(
        "the store '" + o.store +
        "' is of samples against others; fit with the store of samples with themselves, and give "
        "this one as --cross");
  with_store(o.store, [](const auto& stored) { require_full(stored); });
  if (!o.cross.empty()) {
    require_cross(o.cross, sst::read_store_header(o.cross).header, header);
    with_store(o.cross, [](const auto& stored) { require_full(stored); });
  }
  const Eigen::MatrixXd y = program::read_matrix(o.targets, o.table);
  if (y.rows() != header.rows)
    throw sst::DataError("'" + o.targets + "' has " + std::to_string(y.rows()) + " rows and the store '" +
                         o.store + "' " + std::to_string(header.rows) +
                         " samples; give a row of targets a sample");
  program::Progress progress;
  std::optional<sst::Ridge> ridge = program::parse_ridge(o.ridge);
  // The form takes the matrix, which is read again for the factor: one of them is in memory at a time.
  const bool solves = !o.weights.empty() || !o.predictions.empty();
  if (!ridge || !o.leave_one_out.empty() || !solves) {
    const std::vector<Trial> trials =
        try_ridges(ridge ? std::vector{*ridge} : sst::relative_ridges(1e-10, 10, 23),
                   read_gram(o.store, progress), y, o, progress);
    print_trials(trials);
    const Trial& chosen = best(trials, o.criterion);
    ridge = chosen.ridge;
    std::cout << "ridge " << ridge->to_string() << (trials.size() > 1 ? " by " + o.criterion : "") << "\n";
    if (!o.leave_one_out.empty()) program::write_matrix(o.leave_one_out, y - chosen.path->leave_one_out[0]);
  }
  if (!solves) return;
  const Eigen::MatrixXd w = weights(o, y, *ridge, progress);
  if (!o.weights.empty()) program::write_matrix(o.weights, w);
  if (!o.predictions.empty()) program::write_matrix(o.predictions, predict(o.cross, w, progress));
  progress.check();
}

}  // namespace gram
