// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <Eigen/Core>

#include <sst/images/images.hpp>

#include "image_families.hpp"
#include "options.hpp"

/// \file
/// The options of image_classification.

struct Options {
  std::string data = "digits", path, labels, test_path, test_labels;
  std::vector<std::string> family{"plain", "residual", "densely_connected", "sparse_shortcut"};
  std::vector<int> depth{4};
  std::vector<Eigen::Index> limit;
  std::string kernel = "ntk", pool = "global", preprocess = "each", precision = "float",
              ridge = "relative:0.001";
  Eigen::Index size = 0;
  double weight_std = std::sqrt(2.0), bias_std = 0.1, zca = 0.1;
  int folds = 0, seed = 0, threads = 0;
  Eigen::Index tile = 64;
  std::string store, svg, json, gram, layout = "auto";
  bool shuffle = false;

  Eigen::Index train_limit() const { return limit.empty() ? sst::all_images : limit[0]; }
  Eigen::Index test_limit() const { return limit.empty() ? sst::all_images : limit.back(); }
  // What the images are called in messages.
  std::string train_name() const { return (path.empty() ? data : path) + (shuffle ? ", shuffled" : ""); }
  std::string test_name() const {
    return (test_path.empty() ? data + ", test" : test_path) + (shuffle ? ", shuffled" : "");
  }
};

// What CLI11 cannot check by itself; exit status 2 as for other wrong options.
inline void check(const CLI::App& app, Options& options) {
  const auto given = [&app](const char* name) { return app.count(name) > 0; };
  const auto fail = [](const std::string& text) { throw CLI::ValidationError(text); };
  const bool images = options.data == "npy", tested = !options.test_path.empty();
  if (options.path.empty() && options.data != "digits" && options.data != "fashion_mnist")
    fail("--path is needed for --data " + options.data);
  if (images && options.labels.empty()) fail("--labels is needed for --data npy");
  if (!images && (tested || !options.labels.empty() || !options.test_labels.empty()))
    fail("--labels, --test and --test-labels belong to --data npy");
  if (tested != !options.test_labels.empty()) fail("--test and --test-labels belong together");
  if (tested && options.folds > 0)
    fail("--folds tests on the images to train on, --test on others: give one");
  if (!images && given("--layout")) fail("--layout has an effect on --data npy alone");
  if (options.folds == 0 && (options.data == "digits" || (images && !tested))) options.folds = 5;
  if (options.folds > 0 && options.limit.size() > 1)
    fail("--limit with two numbers has no effect with folds: there are no images to test on");
  if (options.folds == 0 && !options.shuffle && given("--seed"))
    fail("--seed has no effect without --folds and --shuffle");
  if (options.preprocess != "zca" && given("--zca-epsilon"))
    fail("--zca-epsilon has no effect without --preprocess zca");
  if (options.folds == 1) fail("--folds 1 leaves nothing to train on; choose 2 or more");
  if (options.folds > 0 && (options.preprocess == "channel" || options.preprocess == "zca"))
    fail("--preprocess " + options.preprocess + " with --folds would learn from the images it is tested on");
  if (!options.gram.empty() && options.family.size() * options.depth.size() != 1)
    fail("--gram writes one matrix: give one --family and one --depth");
  program::require_own_outputs({{"--path", options.path},
                                {"--labels", options.labels},
                                {"--test", options.test_path},
                                {"--test-labels", options.test_labels}},
                               {{"--gram", options.gram}, {"--svg", options.svg}, {"--json", options.json}},
                               {"--store", options.store});
}

/// Declares the options; they are in `o` once the program has parsed its arguments.
inline void declare(CLI::App& app, Options& o) {
  app.add_option("--data", o.data, "format of the images")
      ->check(CLI::IsMember({"digits", "fashion_mnist", "mnist", "cifar10", "cifar100", "npy"}))
      ->capture_default_str();
  app.add_option("--path", o.path, "folder of the data set as it is published; for npy the images' file");
  app.add_option("--labels", o.labels, "npy: labels, whole numbers from 0");
  app.add_option("--test", o.test_path, "npy: images to test on");
  app.add_option("--test-labels", o.test_labels, "npy: their labels");
  program::add_choice(app, "--layout", o.layout, {"auto", "channels-last", "channels-first"},
                      "npy: where the channels are");
  app.add_flag("--shuffle", o.shuffle, "--limit draws images, by --seed, instead of taking the first");
  app.add_option("--limit", o.limit, "so many images to train on [and to test on]")
      ->expected(1, 2)
      ->check(CLI::Range(Eigen::Index{2}, Eigen::Index{1} << 31));
  app.add_option("--size", o.size, "bring images to this height and width")
      ->check(CLI::Range(Eigen::Index{1}, Eigen::Index{65536}));
  app.add_option("--preprocess", o.preprocess, "each: every image to mean 0 and variance 1")
      ->check(CLI::IsMember({"each", "channel", "zca", "none"}))
      ->capture_default_str();
  app.add_option("--zca-epsilon", o.zca, "regularisation of ZCA")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_option("--family", o.family, "one or more topologies")
      ->check(CLI::IsMember(family_names()))
      ->capture_default_str();
  app.add_option("--depth", o.depth,
                 "one or more numbers of convolutions: 2 or more; 6, 9, 12, ... for s3_net and dense_net, 5, "
                 "7, 10 for myrtle")
      ->check(CLI::Range(2, 10000))
      ->capture_default_str();
  app.add_option("--pool", o.pool, "before the read-out")
      ->check(CLI::IsMember({"global", "local", "none"}))
      ->capture_default_str();
  program::add_kernel(app, o.kernel);
  app.add_option("--weight-std", o.weight_std, "of every layer")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  app.add_option("--bias-std", o.bias_std, "of every layer")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  program::add_ridge(app, o.ridge, false);
  app.add_option("--folds", o.folds,
                 "cross-validate on the training images; the default without test images is 5")
      ->check(CLI::Range(1, 1000));
  app.add_option("--seed", o.seed, "of the folds and of --shuffle")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  program::add_precision(app, o.precision);
  program::add_threads(app, o.threads);
  app.add_option("--tile", o.tile, "images a side of what is computed, and kept in the store, at a time")
      ->check(CLI::Range(Eigen::Index{1}, Eigen::Index{65536}))
      ->capture_default_str();
  app.add_option("--store", o.store, "keep finished tiles in this folder; a killed run goes on there");
  app.add_option("--gram", o.gram, "write the training images' kernel matrix to this .npy file");
  app.add_option("--svg", o.svg, "write the picture to this file");
  app.add_option("--json", o.json, "write the results to this file");
  app.final_callback([&] { check(app, o); });
}
