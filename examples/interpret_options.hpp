// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <Eigen/Core>

#include "image_families.hpp"
#include "options.hpp"

/// \file
/// The options of interpretability.

namespace interpret {

struct Options {
  std::string data = "digits", path, labels, test, test_labels, test_masks;
  std::vector<int> classes;
  std::vector<Eigen::Index> limit;
  Eigen::Index size = 0, item = 0, patch = 0;
  int pieces = 4;
  double noise = 0.3;
  std::vector<std::string> family{"plain", "residual", "densely_connected", "sparse_shortcut",
                                  "sparse_shortcut_concat"};
  int depth = 4, seed = 0, threads = 0, rows = 6;
  std::string kernel = "ntk", pool = "local", precision = "float", ridge = "relative:0.001";
  double weight_std = std::sqrt(2.0), bias_std = 0.5;
  bool shuffle_labels = false;
  std::string store, svg, pictures, json;

  bool composites() const { return data != "npy"; }
};

// What CLI11 cannot check by itself; exit status 2 as for other wrong options.
inline void check(const CLI::App& app, Options& o) {
  const auto given = [&app](const char* name) { return app.count(name) > 0; };
  const auto fail = [](const std::string& text) { throw CLI::ValidationError(text); };
  if (o.composites()) {
    if (!o.labels.empty() || !o.test.empty() || !o.test_labels.empty() || !o.test_masks.empty())
      fail("--labels, --test, --test-labels and --test-masks belong to --data npy");
    if (o.data == "mnist" && o.path.empty()) fail("--path is needed for --data mnist");
    if (o.size == 0) o.size = 12;
    if (o.item == 0) o.item = std::max<Eigen::Index>(1, o.size / 2);
    if (o.item > o.size)
      fail("--item " + std::to_string(o.item) + " does not fit into --size " + std::to_string(o.size));
    if (o.limit.empty()) o.limit = {200, 150};
  } else {
    if (o.path.empty() || o.labels.empty() || o.test.empty() || o.test_masks.empty())
      fail("--data npy needs --path, --labels, --test and --test-masks");
    for (const char* option : {"--item", "--pieces", "--noise", "--classes"})
      if (given(option))
        fail(std::string(option) + " makes composites, and --data npy has images of its own");
  }
  if (!o.pictures.empty() && o.rows < 1) fail("--rows is the number of images in --pictures: 1 or more");
  if (o.pictures.empty() && given("--rows")) fail("--rows has no effect without --pictures");
  program::require_own_outputs({{"--path", o.path},
                                {"--labels", o.labels},
                                {"--test", o.test},
                                {"--test-labels", o.test_labels},
                                {"--test-masks", o.test_masks}},
                               {{"--svg", o.svg}, {"--pictures", o.pictures}, {"--json", o.json}},
                               {"--store", o.store});
}

/// Declares the options; they are in `o` once the program has parsed its arguments.
inline void declare(CLI::App& app, Options& o) {
  const auto side = CLI::Range(Eigen::Index{1}, Eigen::Index{1024});
  program::add_choice(app, "--data", o.data, {"digits", "fashion_mnist", "mnist", "npy"},
                      "items of the composites; npy: images of your own");
  app.add_option("--path", o.path, "folder or file of the items; for npy the images' file");
  app.add_option("--labels", o.labels, "npy: labels, whole numbers from 0");
  app.add_option("--test", o.test, "npy: images to explain");
  app.add_option("--test-masks", o.test_masks, "npy: their foreground, 1 there and 0 elsewhere");
  app.add_option("--test-labels", o.test_labels, "npy: their labels, for the accuracy");
  app.add_option("--classes", o.classes, "composites of these labels alone")->check(CLI::Range(0, 1000000));
  app.add_option("--limit", o.limit, "so many images to train on [and to explain]; composites: 200 150")
      ->expected(1, 2)
      ->check(CLI::Range(Eigen::Index{2}, Eigen::Index{1} << 31));
  app.add_option("--size", o.size, "height and width of the images; composites: 12")->check(side);
  app.add_option("--item", o.item, "height and width of a composite's item; half of --size")->check(side);
  app.add_option("--pieces", o.pieces, "pieces of clutter in a composite")
      ->check(CLI::Range(0, 10000))
      ->capture_default_str();
  app.add_option("--noise", o.noise, "of a composite, over the brightest pixel of all items")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  app.add_flag("--shuffle-labels", o.shuffle_labels,
               "train on labels in random order: what maps show without any");
  app.add_option("--family", o.family, "one or more topologies")
      ->check(CLI::IsMember(family_names()))
      ->capture_default_str();
  app.add_option("--depth", o.depth, "number of convolutions: 6, 9, 12, ... for s3_net and dense_net")
      ->check(CLI::Range(2, 1000))
      ->capture_default_str();
  program::add_choice(app, "--pool", o.pool, {"global", "local", "none"}, "before the read-out");
  program::add_kernel(app, o.kernel);
  program::add_layer_stds(app, o.weight_std, o.bias_std);
  program::add_ridge(app, o.ridge, false);
  app.add_option("--patch", o.patch, "side of the squares of the occlusion map; a quarter of the image")
      ->check(side);
  app.add_option("--seed", o.seed, "of the draws of images, clutter, intervals and random wiring")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  program::add_precision(app, o.precision);
  program::add_threads(app, o.threads);
  app.add_option("--store", o.store, "keep full gradients in this folder; a killed run goes on there");
  app.add_option("--svg", o.svg, "write the Dice curves to this file");
  app.add_option("--pictures", o.pictures, "write images, masks and maps side by side to this file");
  app.add_option("--rows", o.rows, "so many of the images in --pictures, the first ones")
      ->capture_default_str();
  app.add_option("--json", o.json, "write the results to this file");
  app.final_callback([&] { check(app, o); });
}

}  // namespace interpret
