// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <Eigen/Core>

#include "image_options.hpp"
#include "matrix_files.hpp"
#include "options.hpp"
#include "row_families.hpp"
#include "shard_option.hpp"
#include "table_options.hpp"

/// \file
/// The options of gram_store, command by command.

namespace gram {

/// Of `fill`: a network, samples and a store.
struct FillOptions {
  std::string store, rows, columns, part = "train", topology, family, activation = "relu", pool = "global",
                                    kernel = "ntk", precision = "double", shard;
  std::vector<int> shape;
  program::TableOptions table;
  ::Options images;
  bool given_images = false, plan = false;
  int depth = 4, threads = 0;
  double weight_std = std::sqrt(2.0), bias_std = 0.1;
  Eigen::Index tile = 256;
};

/// Of `status` and `assemble`.
struct ReadOptions {
  std::string store, output;
  bool verify = false;
};

/// Of `fit`.
struct FitOptions {
  std::string solver = "automatic", store, targets, ridge = "auto", criterion = "leave_one_out",
              leave_one_out, weights, cross, predictions;
  program::TableOptions table;
  int threads = 0;
};

inline void check(const CLI::App& app, FillOptions& o, const std::vector<CLI::Option*>& images,
                  const std::vector<CLI::Option*>& table) {
  const auto fail = [](const std::string& text) { throw CLI::ValidationError(text); };
  const auto given = [&app](const char* name) { return app.count(name) > 0; };
  o.given_images = given("--data");
  if (o.rows.empty() != o.given_images) fail("--rows, or --data for images, is needed, and not both");
  for (const CLI::Option* option : images)
    if (option->count() > 0 && !o.given_images) fail(option->get_name() + " has no effect without --data");
  if (o.given_images) check_images(app, o.images);
  if (given("--part") && !o.given_images) fail("--part has no effect without --data");
  for (const char* of_rows : {"--columns", "--shape"})
    if (o.given_images && given(of_rows)) fail(std::string(of_rows) + " belongs to --rows");
  const bool npy = program::named_npy(o.rows) && (o.columns.empty() || program::named_npy(o.columns));
  for (const CLI::Option* option : table)
    if (option->count() > 0 && (o.given_images || npy))
      fail(option->get_name() + " has an effect on CSV files alone");
  if (o.topology.empty() == o.family.empty()) fail("--topology or --family is needed, and not both");
  const bool spatial = o.given_images || !o.shape.empty();
  for (const char* of_family : {"--depth", "--activation", "--pool", "--weight-std", "--bias-std"})
    if (o.family.empty() && given(of_family))
      fail(std::string(of_family) + " has no effect without --family");
  if (spatial && given("--activation")) fail("--activation belongs to families of rows");
  if (!spatial && given("--pool")) fail("--pool belongs to families of images");
  std::vector<std::string> names = spatial ? family_names() : std::vector<std::string>{};
  if (!spatial)
    for (const auto& [name, make] : row_families) names.push_back(name);
  std::string known;
  for (const std::string& name : names) known += (known.empty() ? "" : ", ") + name;
  if (!o.family.empty() && std::find(names.begin(), names.end(), o.family) == names.end())
    fail("--family " + o.family + " is none on " + (spatial ? "images" : "rows") + " (" + known + ")");
  if (o.rows == "-" && o.columns == "-") fail("--rows and --columns cannot both come from standard input");
}

inline CLI::Option* add_store(CLI::App& app, std::string& store) {
  return app.add_option("store,--store", store, "the folder of the store")->required();
}

inline CLI::App* declare_fill(CLI::App& app, FillOptions& o) {
  CLI::App* fill = app.add_subcommand("fill", "compute tiles that are missing: all, or those of a shard");
  add_store(*fill, o.store);
  fill->add_option("--rows", o.rows, "samples, one a row: CSV or NPY (-: standard input)");
  fill->add_option("--columns", o.columns, "samples of the matrix's columns (default: those of --rows)");
  fill->add_option("--shape", o.shape, "H,W,C of images, whose rows are H x W x C with channels fastest")
      ->delimiter(',')
      ->expected(3)
      ->check(CLI::Range(1, 65536));
  const auto images = declare_images(*fill, o.images);
  program::add_choice(*fill, "--part", o.part, {"train", "test"},
                      "of --data; test: rows are its images to test on, columns those to train on");
  fill->add_option("--topology", o.topology, "the network, as JSON");
  fill->add_option("--family", o.family, "the network, by a family of rows or of images");
  fill->add_option("--depth", o.depth, "layers of the family")
      ->check(CLI::Range(1, 10000))
      ->capture_default_str();
  fill->add_option("--activation", o.activation, "of a family on rows")->capture_default_str();
  program::add_choice(*fill, "--pool", o.pool, {"global", "local", "none"}, "of a family on images");
  program::add_layer_stds(*fill, o.weight_std, o.bias_std);
  program::add_kernel(*fill, o.kernel);
  program::add_precision(*fill, o.precision);
  fill->add_option("--tile", o.tile, "rows and columns of a tile; the same for all runs on a store")
      ->check(CLI::Range(Eigen::Index{1}, Eigen::Index{65536}))
      ->capture_default_str();
  program::add_shard(*fill, o.shard);
  program::add_threads(*fill, o.threads);
  fill->add_flag("--plan", o.plan, "say what it would take, from some pairs, and stop");
  const auto table = program::add_table_options(*fill, o.table);
  fill->final_callback([fill, &o, images, table] {
    check(*fill, o, images, table);
    program::require_own_outputs({{"--rows", o.rows}, {"--columns", o.columns}, {"--topology", o.topology}},
                                 {}, {"the store", o.store});
  });
  return fill;
}

inline CLI::App* declare_status(CLI::App& app, ReadOptions& o) {
  CLI::App* status = app.add_subcommand("status", "say what a store holds, and what is missing");
  add_store(*status, o.store);
  status->add_flag("--verify", o.verify, "read every tile, and compare its hash");
  return status;
}

inline CLI::App* declare_assemble(CLI::App& app, ReadOptions& o) {
  CLI::App* assemble = app.add_subcommand("assemble", "write the matrix of a full store to a file");
  add_store(*assemble, o.store);
  assemble->add_option("--output", o.output, "the .npy file")
      ->required()
      ->check(CLI::Validator(
          [](const std::string& file) {
            return program::named_npy(file) ? "" : "'" + file + "' does not end in .npy";
          },
          "FILE.npy"));
  assemble->final_callback([&o] {
    program::require_own_outputs({}, {{"--output", o.output}}, {"the store", o.store});
  });
  return assemble;
}

inline CLI::App* declare_fit(CLI::App& app, FitOptions& o) {
  CLI::App* fit = app.add_subcommand("fit", "regress on targets with the matrix of a full store");
  add_store(*fit, o.store);
  fit->add_option("--targets", o.targets,
                  "a row a sample, a column an output: CSV or NPY (-: standard input)")
      ->required();
  program::add_ridge(*fit, o.ridge, true);
  program::add_choice(*fit, "--criterion", o.criterion, {"leave_one_out", "gcv", "log_marginal_likelihood"},
                      "by what --ridge auto chooses");
  program::add_matrix_output(*fit, "--leave-one-out", o.leave_one_out,
                             "write what the fit without a row predicts for it");
  program::add_matrix_output(*fit, "--weights", o.weights, "write (K + lambda I)^-1 Y");
  program::add_choice(*fit, "--solver", o.solver, {"automatic", "cholesky", "conjugate_gradients"},
                      "of weights and predictions; automatic: cholesky where memory has room for the matrix; "
                      "conjugate_gradients keep what has room, and read the rest again and again");
  fit->add_option("--cross", o.cross, "a full store of new samples against these");
  program::add_matrix_output(*fit, "--predictions", o.predictions, "write those of the new samples");
  program::add_threads(*fit, o.threads);
  const auto table = program::add_table_options(*fit, o.table);
  fit->final_callback([fit, &o, table] {
    if (o.cross.empty() != o.predictions.empty())
      throw CLI::ValidationError("--cross and --predictions belong together");
    if (o.ridge != "auto" && fit->count("--criterion") > 0)
      throw CLI::ValidationError("--criterion has no effect without --ridge auto");
    for (const CLI::Option* option : table)
      if (option->count() > 0 && program::named_npy(o.targets))
        throw CLI::ValidationError(option->get_name() + " has no effect on NPY files");
    const std::vector<program::NamedFile> outputs{
        {"--leave-one-out", o.leave_one_out}, {"--weights", o.weights}, {"--predictions", o.predictions}};
    program::require_own_outputs({{"--targets", o.targets}}, outputs, {"the store", o.store});
    program::require_own_outputs({}, outputs, {"--cross", o.cross});
  });
  return fit;
}

}  // namespace gram
