// SPDX-License-Identifier: MIT
//
// Kernel regression and classification on one's own tables; docs/regress.md is its guide.

#include <algorithm>
#include <cmath>
#include <iostream>
#include <optional>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#ifdef _OPENMP
#include <omp.h>
#endif

#include <sst/base/deadline.hpp>
#include <sst/base/every.hpp>
#include <sst/base/memory.hpp>
#include <sst/ntk.hpp>
#include <sst/pipeline/saved_model.hpp>
#include <sst/pipeline/table_model.hpp>
#include <sst/pipeline/target.hpp>
#include <sst/topology/json.hpp>

#include "program.hpp"
#include "regress_lesson.hpp"
#include "regress_options.hpp"
#include "regress_predict.hpp"
#include "regress_report.hpp"
#include "regress_run.hpp"
#include "spreading.hpp"
#include "table_input.hpp"
#include "table_options.hpp"

namespace {

/// Below it conjugate gradients lose their way in the rounding of large kernels.
constexpr double least_for_iterations = 1e-6;

/// Of --seconds, where tuning, learning features or importance comes after it.
constexpr double share_of_choosing = 2.0 / 3;

/// What is left of --seconds, for options whose 0 is no limit.
double seconds_left(const Options& o, const sst::Deadline& deadline) {
  constexpr double moment = 1e-3;
  return o.seconds > 0 ? std::max(moment, deadline.left()) : 0;
}

/// A kernel and a ridge: what the options fix, and of the rest what has the least leave-one-out error.
std::pair<sst::KernelFunction, sst::Ridge> choose(const Options& o, const Lesson& lesson, Report& report,
                                                  program::Progress& progress, bool iterative) {
  const sst::Grid space = grid(o);
  std::vector<sst::Candidate> candidates;
  if (o.topology.empty()) {
    candidates = sst::candidates(space);
  } else {
    const sst::Topology topology = sst::read_topology(o.topology);
    for (const sst::Kernel kernel : space.kernels) {
      const auto function = sst::network_kernel({topology, kernel, std::nullopt, space.network});
      candidates.push_back({function.description(), function});
    }
  }
  const bool any_ridge = o.ridge == "auto";
  if (candidates.size() == 1 && !any_ridge)
    return {candidates.front().kernel, *program::parse_ridge(o.ridge)};
  sst::ChooseOptions how;
  how.race.last_rows = o.choice_rows;
  how.race.first_rows = candidates.size() == 1 ? o.choice_rows : std::min<Eigen::Index>(256, o.choice_rows);
  how.race.seed = o.seed;
  const bool more = o.tune == "yes" || o.feature_learning > 0 || o.importance;
  how.race.seconds = more ? share_of_choosing * o.seconds : o.seconds;
  how.race.threads = o.threads;
  how.race.progress = progress("choosing");
  if (!any_ridge) how.ridges = {*program::parse_ridge(o.ridge)};
  if (any_ridge && iterative) {
    how.ridges = sst::relative_ridges(least_for_iterations, 10, 29);
    report.ridges_from(least_for_iterations);
  }
  if (!o.topology.empty()) {
    const auto board = sst::race(candidates, lesson.x, lesson.y, how.ridges, how.race);
    report.chosen(board, how.ridges, lesson.unit());
    progress.check();
    return {candidates[board.best().candidate].kernel, board.best().ridge};
  }
  const sst::Choice chosen = sst::choose(lesson.x, lesson.y, space, how);
  report.chosen(chosen.board, how.ridges, lesson.unit());
  report.layers(chosen.point);
  progress.check();
  return {chosen.kernel, chosen.ridge};
}

/// A ridge that was found, as large as conjugate gradients need it.
sst::Ridge for_solver(const Options& o, const sst::Ridge& found, bool iterative) {
  const double least = iterative && o.ridge == "auto" ? least_for_iterations : 0;
  return found.value() < least ? sst::Ridge::relative(least) : found;
}

/// Scales each feature as the data want it, where leave-one-out errors agree.
sst::Ridge tune(const Options& o, const sst::KernelFunction& kernel, const sst::Ridge& ridge, Lesson& lesson,
                Report& report, program::Progress& progress, bool iterative, const sst::Deadline& deadline) {
  const sst::Tuned tuned =
      sst::tune(kernel, lesson.x, lesson.y, ridge,
                {.ridge = o.ridge == "auto",
                 .rows = o.choice_rows,
                 .seed = o.seed,
                 .steps = {.steps = 60, .tolerance = 0.02, .seconds = seconds_left(o, deadline)},
                 .threads = o.threads,
                 .progress = progress("tuning")});
  progress.check();
  const bool better = tuned.end_error < tuned.start_error;
  report.tuned(tuned, better, lesson.encoding.features(), lesson.unit());
  if (!better) return ridge;
  lesson.input_scaling->scale.array() /= tuned.scales.array();
  lesson.x = lesson.x * tuned.scales.asDiagonal();
  return for_solver(o, tuned.ridge, iterative);
}

/// Turns and scales the features towards what the kernel's predictions depend on, where leave-one-out errors
/// agree.
sst::Ridge learn_features(const Options& o, const sst::KernelFunction& kernel, const sst::Ridge& ridge,
                          Lesson& lesson, Report& report, program::Progress& progress, bool iterative,
                          const sst::Deadline& deadline) {
  const sst::LearnedFeatures learned = sst::learn_features(kernel, lesson.x, lesson.y, ridge,
                                                           {.rounds = o.feature_learning,
                                                            .ridge = o.ridge == "auto",
                                                            .rows = o.choice_rows,
                                                            .seed = o.seed,
                                                            .seconds = seconds_left(o, deadline),
                                                            .threads = o.threads,
                                                            .progress = progress("learning features")});
  progress.check();
  report.learned(learned, lesson.encoding.features(), lesson.unit());
  if (learned.best > 0) {
    lesson.x = sst::detail::product(lesson.x, learned.transform);
    lesson.transform = learned.transform;
  }
  return for_solver(o, learned.ridge, iterative);
}

/// What each column is worth to the kernel that was chosen.
ShuffledColumns importance(const Options& o, const sst::KernelFunction& kernel, const sst::Ridge& ridge,
                           const Eigen::MatrixXd& features, const Lesson& lesson, program::Progress& progress,
                           const sst::Deadline& deadline) {
  ShuffledColumns out(lesson.encoding);
  out.errors = sst::permutation_importance(kernel, features, lesson.y, ridge,
                                           {.groups = out.groups,
                                            .transform = lesson.transform.value_or(Eigen::MatrixXd()),
                                            .rows = o.choice_rows,
                                            .seed = o.seed,
                                            .seconds = seconds_left(o, deadline),
                                            .threads = o.threads,
                                            .progress = progress("the importance of columns")});
  progress.check();
  return out;
}

/// Cholesky, which alone gives leave-one-out errors, where memory has room for it; else what fits.
sst::FitOptions solving(const Options& o, Eigen::Index rows, const program::Spreading& spread) {
  sst::FitOptions out{.solver = solvers.at(o.solver), .threads = o.threads, .ranks = spread.ranks()};
  if (out.solver != sst::Solver::automatic) return out;
  if (out.ranks && sst::choose_solver(rows, out).solver == sst::Solver::conjugate_gradients) return out;
  const bool needed = o.std || o.interval > 0 || o.factor || o.classify;
  out.needs_factor = needed || sst::solver_fits(sst::Solver::cholesky, rows, out);
  return out;
}

/// Learns from --train: the table's encoding, the scalings, the network, the ridge, the weights.
sst::TableModel learn(const Options& o, program::Spreading& spread, Report& report,
                      program::Progress& progress) {
  Lesson lesson = read_lesson(o, report);
  progress.check();
  sst::FitOptions how = solving(o, lesson.x.rows(), spread);
  const bool iterative = how.solver == sst::Solver::conjugate_gradients ||
                         (how.solver == sst::Solver::automatic && !how.needs_factor);
  const sst::Deadline deadline(o.seconds);
  auto [kernel, ridge] = choose(o, lesson, report, progress, iterative);
  if (o.tune == "yes") ridge = tune(o, kernel, ridge, lesson, report, progress, iterative, deadline);
  Eigen::MatrixXd features;  // as they are shuffled, before directions are learnt among them
  if (o.importance) features = lesson.x;
  if (o.feature_learning > 0)
    ridge = learn_features(o, kernel, ridge, lesson, report, progress, iterative, deadline);
  if (o.importance)
    report.important(importance(o, kernel, ridge, features, lesson, progress, deadline), lesson.unit());
  how.progress = progress("fitting");
  sst::TableModel out{.model = spread.fit(kernel, lesson.x, lesson.y, ridge, how),
                      .input_scaling = std::move(lesson.input_scaling),
                      .transform = std::move(lesson.transform),
                      .target_scaling = std::move(lesson.target_scaling),
                      .encoding = std::move(lesson.encoding),
                      .targets = std::move(lesson.targets),
                      .classes = std::move(lesson.classes)};
  if (out.model.report().solver != sst::Solver::cholesky || o.solver != "automatic")
    report.solved(out.model.report());
  progress.check();
  return out;
}

void run(const Options& given, program::Spreading& spread) {
  spread.require(given);
  Options o = given;
  if (!spread.speaks()) o.output = o.json = o.svg = o.save = "";
#ifdef _OPENMP
  if (o.threads > 0) omp_set_num_threads(o.threads);
#endif
  program::try_outputs({o.output, o.json, o.svg});
  if (!o.save.empty()) sst::require_model_place(o.save);
  program::Progress progress;
  Report report(o.seed);
  sst::TableModel model = o.load.empty() ? learn(o, spread, report, progress) : sst::load_model(o.load);
  if (!model.encoding)
    throw sst::DataError("the model '" + o.load +
                         "' was not learnt from a table (it has no encoding); use it from C++");
  if (!o.load.empty() && !o.train.empty()) {
    const sst::EncodedTable more =
        model.encoding->apply(program::read_table(o.train, o.table, program::column_names(*model.encoding)));
    model.append(more.x, outputs(more, *model.encoding, model.classes), {o.threads, progress("adding rows")});
  }
  const bool stds = o.std || o.interval > 0;
  if (!o.load.empty() && (stds || o.factor)) model.model.factorize({o.threads, progress("factorizing")});
  report.model(model, o.load);
  // The errors take the factor, which other solvers may be there to avoid.
  const auto spread_out = spread.left_out();
  if (!o.train.empty() && (model.model.known_factor() || !model.classes.empty() || spread_out)) {
    // Without a prior of their own, variances take several times what the fit took.
    constexpr Eigen::Index few = 2048;
    const bool calibrated = model.classes.empty() && !spread_out &&
                            (stds || model.model.samples() <= few || model.model.kernel().is_its_own_prior());
    sst::MeanAndStd left_out;
    if (calibrated) {
      left_out = model.fit_amplitudes({o.threads, progress("leave-one-out")});
    } else {
      left_out.mean = spread_out ? model.unscaled(*spread_out)
                                 : model.leave_one_out({o.threads, progress("leave-one-out")});
    }
    if (!model.classes.empty()) model.calibrate(left_out.mean);
    const Eigen::MatrixXd truth = model.training_targets();
    if (!model.classes.empty())
      report.class_errors("leave-one-out", model, sst::largest_score(truth), left_out.mean);
    for (std::size_t t = 0; model.classes.empty() && t < model.encoding->targets.size(); ++t) {
      const auto column = static_cast<Eigen::Index>(t);
      const std::string where = target_part("leave-one-out", model, t);
      report.errors(where, truth.col(column), left_out.mean.col(column));
      if (calibrated)
        report.calibration(where, truth.col(column), {left_out.mean.col(column), left_out.std.col(column)});
    }
  }
  progress.check();

  if (!o.test.empty()) predict_table(o, model, spread, report, progress);
  if (!o.save.empty())
    sst::save_model(o.save, model, o.factor ? sst::StoreFactor::yes : sst::StoreFactor::no);
  report.finish();
  if (!o.svg.empty()) report.write_svg(o.svg);
  if (!o.json.empty()) report.write_json(o.json);
  (o.output == "-" || o.json == "-" || o.svg == "-" ? std::cerr : std::cout) << report;
}

}  // namespace

int program::regress(int argc, char** argv, const RegressProgram& which) {
  CLI::App app{which.about, which.name};
  Options options;
  declare(app, options);
  return run_program(app, argc, argv, [&] { run(options, *which.spreading()); });
}
