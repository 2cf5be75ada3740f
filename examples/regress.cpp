// SPDX-License-Identifier: MIT
//
// Kernel regression and classification on one's own tables; docs/regress.md is its guide.

#include <iostream>
#include <string>
#include <utility>
#include <vector>

#ifdef _OPENMP
#include <omp.h>
#endif

#include <sst/ntk.hpp>
#include <sst/pipeline/saved_model.hpp>
#include <sst/pipeline/target.hpp>
#include <sst/selection/grid_search.hpp>
#include <sst/selection/ridge_path.hpp>
#include <sst/topology/json.hpp>

#include "program.hpp"
#include "regress_options.hpp"
#include "regress_report.hpp"

namespace {

/// The targets as the model learns them: numbers, or one column of 0 and 1 for each class.
Eigen::MatrixXd outputs(const sst::EncodedTable& table, const sst::KernelMachine& model) {
  if (table.target.empty())
    throw sst::DataError(table.source + " has no column '" + model.encoding->target +
                         "' (the target); add it");
  if (model.classes.empty()) return sst::target_numbers(table, *model.encoding);
  const std::vector<int> index = sst::class_indices(table, *model.encoding, model.classes);
  Eigen::MatrixXd y = Eigen::MatrixXd::Zero(static_cast<Eigen::Index>(index.size()),
                                            static_cast<Eigen::Index>(model.classes.size()));
  for (std::size_t i = 0; i < index.size(); ++i) y(static_cast<Eigen::Index>(i), index[i]) = 1;
  return y;
}

/// The ridge, and with --select the network and the kernel, with the least mean squared leave-one-out error.
void choose(const Options& o, sst::KernelMachine& model, Report& report, program::Progress& progress) {
  std::vector<sst::Candidate> networks;
  if (!o.select) networks.push_back({model.topology.name(), model.topology});
  const std::vector<std::pair<std::string, std::vector<int>>> grid{{"chain", {2, 3, 5, 8}},
                                                                   {"residual", {3, 5, 8}},
                                                                   {"sparse_shortcut", {4, 6, 8}},
                                                                   {"densely_connected", {3, 5, 8}}};
  for (const auto& [family, depths] : grid)
    for (const int depth : depths)
      if (o.select) networks.push_back({family + "-" + std::to_string(depth), make_family(o, family, depth)});
  const auto ridges = sst::relative_ridges(1e-6, 10, 43);
  sst::GridOptions options{.kernels = {model.kernel}, .threads = o.threads, .progress = progress("choosing")};
  if (o.any_kernel) options.kernels = {sst::Kernel::ntk, sst::Kernel::nngp};
  const auto board = sst::grid_search(networks, model.x, model.y, ridges, options);
  const sst::GridEntry& best = board.best();
  model.topology = networks[best.candidate].topology;
  model.kernel = best.kernel;
  model.ridge = best.ridge;
  report.chosen(board, ridges, model);
  progress.check();
}

/// Learns from --train: the table's encoding, the scalings, the network, the ridge, the weights.
sst::KernelMachine learn(const Options& o, Report& report, program::Progress& progress) {
  const sst::RawTable raw = sst::read_raw_table(o.train);
  sst::KernelMachine model{.topology = o.topology.empty() ? make_family(o, o.family, o.depth)
                                                          : sst::read_topology(o.topology)};
  model.encoding = sst::TableEncoding::learn(raw, o.target, o.ignore, treatments(o));
  const sst::EncodedTable table = model.encoding->apply(raw);
  if (o.classify) model.classes = sst::target_classes(table);
  model.targets = o.classify ? model.classes : std::vector<std::string>{model.encoding->target};
  const Eigen::MatrixXd y = outputs(table, model);
  require_variety(table, model, y);
  if (o.classify)  // far from the data scores go back to the shares of the classes
    model.target_scaling = sst::Scaling{y.colwise().mean(), Eigen::RowVectorXd::Ones(y.cols())};
  else if (o.standardize)
    model.target_scaling = sst::Scaling::standard(y, {model.encoding->target});
  if (o.standardize) model.input_scaling = sst::Scaling::standard(table.x, model.encoding->features());
  report.training(table, *model.encoding);
  progress.check();

  model.x = model.input_scaling ? model.input_scaling->apply(table.x) : table.x;
  model.y = model.target_scaling ? model.target_scaling->apply(y) : y;
  model.kernel = o.kernel == "nngp" ? sst::Kernel::nngp : sst::Kernel::ntk;
  model.precision = o.precision == "float" ? sst::KernelPrecision::in_float : sst::KernelPrecision::in_double;
  if (o.select || o.ridge == "auto")
    choose(o, model, report, progress);
  else
    model.ridge = *program::parse_ridge(o.ridge);
  if (o.solver == "cholesky") {
    model = sst::fit_kernel_machine(std::move(model), {o.threads, progress("training")});
  } else {
    const auto stage = [&](const char* what, double done) { return progress(what)(done); };
    auto solved = sst::fit_with_solver(
        std::move(model), {.solver = solvers.at(o.solver), .threads = o.threads, .progress = stage});
    model = std::move(solved.machine);
    model.factor.resize(0, 0);  // nothing of what follows depends on which solver was chosen
    report.solved(solved.report);
  }
  progress.check();
  return model;
}

void write_predictions(const Options& o, const sst::EncodedTable& table, const sst::KernelMachine& model,
                       const sst::MeanAndStd& prediction) {
  std::vector<std::string> columns{"row", "prediction"};
  for (const std::string& name : model.classes) columns.push_back("p " + name);
  if (o.std) columns.push_back("std");
  if (!table.target.empty()) columns.push_back("target");
  const auto best = sst::largest_score(prediction.mean);
  const Eigen::MatrixXd p = model.classes.empty() ? Eigen::MatrixXd() : model.probabilities(prediction.mean);
  std::vector<std::vector<std::string>> rows;
  for (Eigen::Index i = 0; i < prediction.mean.rows(); ++i) {
    const auto at = static_cast<std::size_t>(i);
    auto& row = rows.emplace_back();
    row.push_back(std::to_string(table.lines[at]));
    row.push_back(model.classes.empty() ? shortest(prediction.mean(i, 0)) : model.classes[best[at]]);
    for (std::size_t c = 0; c < model.classes.size(); ++c)
      row.push_back(shortest(p(i, static_cast<Eigen::Index>(c))));
    if (o.std) row.push_back(shortest(prediction.std(i, 0)));
    if (!table.target.empty()) row.push_back(table.target[at]);
  }
  sst::write_raw_table(o.output, columns, rows);
}

void run(const Options& o) {
#ifdef _OPENMP
  if (o.threads > 0) omp_set_num_threads(o.threads);
#endif
  for (const std::string& file : {o.output, o.json, o.save}) require_place(file);
  program::Progress progress;
  Report report(o.seed);
  sst::KernelMachine model = o.load.empty() ? learn(o, report, progress) : sst::load_model(o.load);
  if (!model.encoding)
    throw sst::DataError("the model '" + o.load +
                         "' was not learnt from a table (it has no encoding); use it from C++");
  if (!o.load.empty() && !o.train.empty()) {
    const sst::EncodedTable more = model.encoding->apply(sst::read_raw_table(o.train));
    model.append(more.x, outputs(more, model), {o.threads, progress("adding rows")});
  }
  if (!o.load.empty() && (o.std || o.factor)) model.factorize({o.threads, progress("factorizing")});
  report.model(model, o.load);
  if (!o.train.empty() && o.solver == "cholesky") {
    const Eigen::MatrixXd left_out = model.leave_one_out({o.threads});
    if (!model.classes.empty()) model.calibrate(left_out);
    const Eigen::MatrixXd truth = model.target_scaling ? model.target_scaling->undo(model.y) : model.y;
    report.errors("leave-one-out", model, truth, left_out);
  }
  progress.check();

  if (!o.test.empty()) {
    const sst::EncodedTable table = model.encoding->apply(sst::read_raw_table(o.test));
    const auto prediction =
        o.std ? model.predict_with_std(table.x, {o.threads, progress("predicting")})
              : sst::MeanAndStd{model.predict(table.x, {o.threads, progress("predicting")}), {}};
    progress.check();
    if (!table.target.empty()) report.errors(o.test, model, outputs(table, model), prediction.mean);
    if (!o.output.empty()) write_predictions(o, table, model, prediction);
  }
  if (!o.save.empty())
    sst::save_model(o.save, model, o.factor ? sst::StoreFactor::yes : sst::StoreFactor::no);
  report.finish();
  if (!o.json.empty()) report.write_json(o.json);
  std::cout << report;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"Kernel regression with exactly infinite networks, on your own table", "regress"};
  Options options;
  declare(app, options);
  return run_program(app, argc, argv, [&] { run(options); });
}
