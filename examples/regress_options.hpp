// SPDX-License-Identifier: MIT
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>

#include <sst/activation/registry.hpp>
#include <sst/pipeline/encoding.hpp>
#include <sst/regression/solver.hpp>
#include <sst/selection/choose.hpp>
#include <sst/topology/json.hpp>

#include "options.hpp"
#include "regress_settings.hpp"
#include "row_families.hpp"
#include "table_options.hpp"

/// \file
/// The options of regress, and what they mean to the library.

inline const std::map<std::string, sst::Solver> solvers{
    {"automatic", sst::Solver::automatic},
    {"cholesky", sst::Solver::cholesky},
    {"mixed", sst::Solver::mixed},
    {"conjugate_gradients", sst::Solver::conjugate_gradients}};

/// What may be chosen: all that no option fixes; with --choose no a single network.
inline sst::Grid grid(const Options& o) {
  const bool chooses = o.choose == "yes";
  sst::Grid out = sst::table_grid();
  if (!chooses || o.fixed_family) {
    out.families = {{o.family, row_families.at(o.family)}};
    out.depths = {3, 5, 8};  // less is no shortcut
  }
  if (!chooses || o.fixed_depth) out.depths = {o.depth};
  if (!chooses || o.fixed_activation) out.activations = {sst::parse_activation(o.activation)};
  if (!chooses || o.fixed_weight_std) out.weight_stds = {o.weight_std};
  if (!chooses || o.fixed_bias_std) out.bias_stds = {o.bias_std};
  if (!chooses || o.fixed_kernel) out.kernels = {o.kernel == "ntk" ? sst::Kernel::ntk : sst::Kernel::nngp};
  out.network.precision = o.precision == "float" ? sst::Precision::in_float : sst::Precision::in_double;
  return out;
}

inline sst::Treatments treatments(const Options& o, const sst::RawTable& table) {
  using namespace sst;
  const std::map<std::string, MissingValues> missing{
      {"error", MissingValues::error}, {"drop", MissingValues::drop}, {"mean", MissingValues::mean}};
  const auto redundant = [](const std::string& name) {
    return name == "drop" ? Redundant::drop : Redundant::error;
  };
  return {missing.at(o.missing),
          o.text == "onehot" ? TextColumns::onehot : TextColumns::error,
          redundant(o.constant),
          redundant(o.duplicate),
          o.missing_target == "drop" ? MissingTarget::drop : MissingTarget::as_missing,
          o.unknown == "none" ? UnknownCategory::none : UnknownCategory::error,
          program::split_names(o.categorical, table.columns)};
}

/// Declares the options; they are in `o` once the program has parsed its arguments.
inline void declare(CLI::App& app, Options& o) {
  const auto choice = [&](const char* name, std::string& value, const std::vector<std::string>& choices,
                          const char* text) { return program::add_choice(app, name, value, choices, text); };
  app.add_option("--train", o.train,
                 "CSV to learn from (-: standard input); with --load, rows to add to the model");
  auto* test = app.add_option(
      "--test", o.test,
      "CSV or NPY to predict (-: standard input), of any length; errors too where it has the target");
  auto* target = program::add_words(
      app, "--target", o.target, "the column to predict: a name, or an index (-1: the last); several: a,b");
  auto* load = app.add_option("--load", o.load, "a saved model instead of learning one");
  std::vector<CLI::Option*> learning{target};
  const auto learns = [&](CLI::Option* option) { learning.push_back(option); };
  auto* topology = app.add_option("--topology", o.topology, "the network, as JSON");
  std::vector<std::string> names;
  for (const auto& [name, make] : row_families) names.push_back(name);
  std::vector<CLI::Option*> family{
      choice("--family", o.family, names, "the network, by its family"),
      app.add_option("--depth", o.depth, "layers of the family")
          ->check(CLI::Range(1, 10000))
          ->capture_default_str(),
      app.add_option("--activation", o.activation, "of the family; with parameters leaky_relu:0.1")
          ->capture_default_str(),
      app.add_option("--weight-std", o.weight_std, "of the family")->capture_default_str(),
      app.add_option("--bias-std", o.bias_std, "of the family")->capture_default_str()};
  for (CLI::Option* option : family) topology->excludes(option);
  learns(topology);
  for (CLI::Option* option : family) learns(option);
  auto* kernel = program::add_kernel(app, o.kernel);
  learns(kernel);
  auto* ridge = program::add_ridge(app, o.ridge, true);
  learns(ridge);
  learns(choice("--choose", o.choose, {"yes", "no"},
                "by leave-one-out whatever of network, kernel and ridge no option fixes; no: the defaults"));
  learns(app.add_option(
                "--seconds", o.seconds,
                "of choosing, tuning, feature learning and importance, about; the first round of each comes "
                "in any case")
             ->check(CLI::PositiveNumber));
  learns(app.add_option("--choice-rows", o.choice_rows, "rows that decide, drawn at random; more take longer")
             ->check(CLI::Range(2, 1000000))
             ->capture_default_str());
  auto* tune = choice("--tune", o.tune, {"yes", "no"},
                      "scales of the features, by gradients, where they lower leave-one-out errors");
  tune->default_str("as --choose");
  learns(tune);
  auto* features =
      app.add_option("--feature-learning", o.feature_learning,
                     "in place of scales: rounds, at most, of directions by gradients (5, say), where "
                     "they lower leave-one-out errors")
          ->check(CLI::Range(1, 100));
  learns(features);
  learns(app.add_flag("--importance", o.importance,
                      "what each column is worth: leave-one-out errors with it shuffled"));
  learns(choice("--standardize", o.standardize, {"all", "none"},
                "features, and a target of numbers, to mean 0 and std 1")
             ->expected(0, 1)
             ->default_str("all"));
  learns(app.add_flag("--classify", o.classify, "the target is a class"));
  learns(choice("--missing", o.missing, {"error", "drop", "mean"}, "missing values"));
  learns(choice("--text", o.text, {"error", "onehot"}, "columns of text"));
  learns(choice("--constant", o.constant, {"error", "drop"}, "columns of one value"));
  learns(choice("--duplicate", o.duplicate, {"error", "drop"}, "columns that equal an earlier one"));
  auto* missing_target =
      choice("--missing-target", o.missing_target, {"error", "drop"}, "rows to learn from without a target");
  learns(missing_target);
  learns(choice("--unknown", o.unknown, {"error", "none"}, "categories that training did not have"));
  learns(program::add_words(app, "--categorical", o.categorical,
                            "columns of categories, though they look like numbers: a,b,..."));
  learns(program::add_words(app, "--ignore", o.ignore, "columns to leave out, a,b,..."));
  program::add_table_options(app, o.table);
  learns(program::add_precision(app, o.precision));
  learns(choice(
      "--solver", o.solver, {"automatic", "cholesky", "mixed", "conjugate_gradients"},
      "of the linear system; automatic: cholesky, which alone gives leave-one-out errors, where memory "
      "has room; conjugate_gradients needs no n x n memory"));
  app.add_flag("--std", o.std, "standard deviations of the predictions")->needs(test);
  app.add_option("--interval", o.interval, "intervals that hold a target with this probability, such as 0.95")
      ->check(CLI::Range(1e-6, 1 - 1e-6))
      ->needs(test);
  app.add_option("--output", o.output,
                 "write the predictions for --test to this file (-: standard output): CSV, or NPY if its "
                 "name ends so")
      ->needs(test);
  auto* save = app.add_option("--save", o.save, "save the model as this folder");
  app.add_flag("--save-factor", o.factor, "with its n x n factor: faster --std and --train later")
      ->needs(save);
  app.add_option("--json", o.json, "write the report to this file as JSON (-: standard output)");
  learns(app.add_option("--svg", o.svg,
                        "draw scales, or shares of directions, and the importance of columns as bars"));
  program::add_threads(app, o.threads);
  app.add_option("--seed", o.seed, "of the intervals' bootstrap, and of the rows that decide")
      ->capture_default_str();
  for (CLI::Option* option : learning) load->excludes(option);
  app.callback([&o, family, kernel, ridge, missing_target, tune, features] {
    const auto given = [](CLI::Option* option) { return option->count() > 0; };
    o.fixed_family = given(family[0]);
    o.fixed_depth = given(family[1]);
    o.fixed_activation = given(family[2]);
    o.fixed_weight_std = given(family[3]);
    o.fixed_bias_std = given(family[4]);
    o.fixed_kernel = given(kernel);
    if (o.choose == "no" && !given(ridge)) o.ridge = "relative:0.1";
    // Raw columns may be of any size, and scales begin at 1.
    if (given(tune) && o.tune == "yes" && o.standardize != "all")
      throw CLI::ValidationError(
          "--tune yes takes features of std 1, and --standardize none leaves them; leave out one");
    if (given(features) && o.standardize != "all")
      throw CLI::ValidationError(
          "--feature-learning takes features of std 1, and --standardize none leaves them; leave out one");
    if (given(features) && given(tune) && o.tune == "yes")
      throw CLI::ValidationError("--feature-learning finds scales with the directions; leave out --tune yes");
    if (given(features))
      o.tune = "no";
    else if (!given(tune))
      o.tune = o.standardize == "all" ? o.choose : "no";
    if (o.seconds > 0 && o.choose == "no" && o.tune == "no" && o.feature_learning == 0 && !o.importance)
      throw CLI::ValidationError(
          "--seconds has no effect with --choose no, where nothing is tuned; leave it out");
    if (!o.svg.empty() && o.tune == "no" && o.feature_learning == 0 && !o.importance)
      throw CLI::ValidationError(
          "--svg has nothing to draw where nothing is tuned; add --importance, or leave it out");
    if (o.classify && o.interval > 0)
      throw CLI::ValidationError("--interval has no effect with --classify, which gives probabilities");
    if (o.load.empty() && o.train.empty()) throw CLI::RequiredError("--train, or --load,");
    if (o.load.empty() && o.target.empty()) throw CLI::RequiredError("--target");
    if (missing_target->count() > 0 && o.missing == "drop")
      throw CLI::ValidationError("--missing-target has no effect with --missing drop, which drops such rows");
    if (o.train == "-" && o.test == "-")
      throw CLI::ValidationError("--train and --test cannot both come from standard input");
    program::require_own_outputs({{"--train", o.train}, {"--test", o.test}, {"--topology", o.topology}},
                                 {{"--output", o.output}, {"--json", o.json}, {"--svg", o.svg}},
                                 {"--save", o.save});
  });
}
