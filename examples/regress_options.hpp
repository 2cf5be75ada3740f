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
#include <sst/topology/families.hpp>
#include <sst/topology/json.hpp>

#include "options.hpp"
#include "regress_report.hpp"
#include "table_options.hpp"

/// \file
/// The options of regress, and what they mean to the library.

struct Options {
  std::string train, test, target, topology, family = "sparse_shortcut", kernel = "ntk",
                                             ridge = "relative:0.1";
  std::string activation = "relu", precision = "double", save, load, output, json;
  std::string solver = "cholesky", missing = "error", text = "error", constant = "error", duplicate = "error";
  std::string missing_target = "error", unknown = "error";
  std::vector<std::string> ignore, categorical;
  program::TableOptions table;
  int depth = 8, threads = 0;
  double weight_std = 1.5, bias_std = 0.05;
  unsigned seed = 0;
  bool standardize = false, classify = false, select = false, any_kernel = false, std = false, factor = false;
};

using Family = sst::Topology (*)(int, const sst::FamilyOptions&);
inline const std::map<std::string, Family> families{
    {"chain", [](int depth, const sst::FamilyOptions& layer) { return sst::chain(depth, layer); }},
    {"residual", [](int depth, const sst::FamilyOptions& layer) { return sst::residual(depth, layer); }},
    {"sparse_shortcut",
     [](int depth, const sst::FamilyOptions& layer) { return sst::sparse_shortcut(depth, layer); }},
    {"densely_connected",
     [](int depth, const sst::FamilyOptions& layer) { return sst::densely_connected(depth, layer); }},
    {"identity_connected",
     [](int depth, const sst::FamilyOptions& layer) { return sst::identity_connected(depth, layer); }},
    {"recurrent", [](int depth, const sst::FamilyOptions& layer) { return sst::recurrent(depth, layer); }}};

inline const std::map<std::string, sst::Solver> solvers{
    {"automatic", sst::Solver::automatic},
    {"cholesky", sst::Solver::cholesky},
    {"mixed", sst::Solver::mixed},
    {"conjugate_gradients", sst::Solver::conjugate_gradients}};

inline sst::Topology make_family(const Options& o, const std::string& family, int depth) {
  return families.at(family)(depth, {o.weight_std, o.bias_std, sst::parse_activation(o.activation)});
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
  auto* test = app.add_option("--test", o.test, "CSV to predict; errors too where it has the target");
  auto* target =
      app.add_option("--target", o.target, "the target's column: a name, or an index (-1: the last)");
  auto* load = app.add_option("--load", o.load, "a saved model instead of learning one");
  std::vector<CLI::Option*> learning{target};
  const auto learns = [&](CLI::Option* option) { learning.push_back(option); };
  auto* topology = app.add_option("--topology", o.topology, "the network, as JSON");
  std::vector<std::string> names;
  for (const auto& [name, make] : families) names.push_back(name);
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
  auto* select = app.add_flag("--select", o.select, "choose network, kernel and ridge by leave-one-out");
  for (CLI::Option* option : {topology, family[0], family[1], ridge}) select->excludes(option);
  learns(select);
  learns(
      app.add_flag("--standardize", o.standardize, "features, and a target of numbers, to mean 0 and std 1"));
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
  learns(choice("--solver", o.solver, {"cholesky", "automatic", "mixed", "conjugate_gradients"},
                "of the linear system; the last needs no n x n memory, unless --std, --save-factor or "
                "--classify takes the factor"));
  app.add_flag("--std", o.std, "standard deviations of the predictions")->needs(test);
  app.add_option("--output", o.output, "write the predictions for --test to this CSV (-: standard output)")
      ->needs(test);
  auto* save = app.add_option("--save", o.save, "save the model as this folder");
  app.add_flag("--save-factor", o.factor, "with its n x n factor: faster --std and --train later")
      ->needs(save);
  app.add_option("--json", o.json, "write the report to this file as JSON (-: standard output)");
  program::add_threads(app, o.threads);
  app.add_option("--seed", o.seed, "of the intervals' bootstrap")->capture_default_str();
  for (CLI::Option* option : learning) load->excludes(option);
  app.callback([&o, kernel, missing_target] {
    o.any_kernel = o.select && kernel->count() == 0;
    if (o.load.empty() && o.train.empty()) throw CLI::RequiredError("--train, or --load,");
    if (o.load.empty() && o.target.empty()) throw CLI::RequiredError("--target");
    if (missing_target->count() > 0 && o.missing == "drop")
      throw CLI::ValidationError("--missing-target has no effect with --missing drop, which drops such rows");
    if (o.output == "-" && o.json == "-")
      throw CLI::ValidationError("--output and --json cannot both go to standard output");
    if (o.train == "-" && o.test == "-")
      throw CLI::ValidationError("--train and --test cannot both come from standard input");
    program::require_own_outputs({{"--train", o.train}, {"--test", o.test}, {"--topology", o.topology}},
                                 {{"--output", o.output}, {"--json", o.json}}, {"--save", o.save});
  });
}
