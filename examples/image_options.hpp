// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <string>
#include <variant>
#include <vector>

#include <CLI/CLI.hpp>
#include <Eigen/Core>

#include <sst/error.hpp>
#include <sst/images/images.hpp>
#include <sst/topology/json.hpp>
#include <sst/topology/spatial_families.hpp>

#include "image_families.hpp"
#include "options.hpp"
#include "shard_option.hpp"

/// \file
/// The options of image_classification, and the topologies they name.

struct Options {
  std::string data = "digits", path, labels, test_path, test_labels;
  std::vector<std::string> family{"plain", "residual", "densely_connected", "sparse_shortcut"};
  std::vector<std::string> topology;  // files
  std::vector<int> depth{4};
  std::vector<Eigen::Index> limit, train_size;
  std::vector<std::string> kernel{"ntk"};
  std::string pool = "global", preprocess = "each", augment = "none", precision = "float",
              ridge = "relative:0.001";
  Eigen::Index size = 0;
  double weight_std = std::sqrt(2.0), bias_std = 0.1, zca = 0.1;
  int folds = 0, draws = 1, seed = 0, threads = 0;
  Eigen::Index tile = 0;  ///< see side()
  std::string store, shard, svg, json, gram, layout = "auto";
  bool shuffle = false, balanced = false, plan = false;
  int cores = 10000;

  Eigen::Index train_limit() const { return limit.empty() ? sst::all_images : limit[0]; }
  Eigen::Index test_limit() const { return limit.empty() ? sst::all_images : limit.back(); }
  /// Images a side of a tile: without pooling pairs take so little that preparing images counts.
  Eigen::Index side() const { return tile > 0 ? tile : pool == "none" ? 256 : 64; }
  /// Whether there are images to test on; otherwise the images to train on are.
  bool tested() const { return folds == 0 && data != "digits" && (data != "npy" || !test_path.empty()); }
  /// Whether kernels are averaged over mirror images.
  bool flips() const { return augment == "flips"; }
  // What the images are called in messages.
  std::string train_name() const { return (path.empty() ? data : path) + (shuffle ? ", shuffled" : ""); }
  std::string test_name() const {
    return (test_path.empty() ? data + ", test" : test_path) + (shuffle ? ", shuffled" : "");
  }
};

/// One kernel of one topology.
struct Candidate {
  std::string family, kernel;
  int depth;
  sst::Topology topology;
};

/// How many convolutions are on the longest path to the output.
inline int convolutions(const sst::Topology& topology) {
  return static_cast<int>(topology.longest_path(
      [](const sst::NodeSpec& node) { return std::holds_alternative<sst::ConvOp>(node.operation); }));
}

/// All that the options name: families side by side for each depth, then files.
inline std::vector<Candidate> candidates(const Options& options) {
  std::vector<Candidate> out;
  for (const int depth : options.depth)
    for (const std::string& name : options.family) {
      const sst::Topology topology =
          make_topology(name, depth, options.pool, options.weight_std, options.bias_std,
                        static_cast<std::uint32_t>(options.seed));
      for (const std::string& kernel : options.kernel) out.push_back({name, kernel, depth, topology});
    }
  for (const std::string& file : options.topology) {
    const sst::Topology topology = sst::read_topology(file);
    for (const std::string& kernel : options.kernel)
      out.push_back({std::filesystem::path(file).replace_extension().string(), kernel, convolutions(topology),
                     topology});
  }
  return out;
}

// What CLI11 cannot check by itself; exit status 2 as for other wrong options.
inline void check_images(const CLI::App& app, const Options& options) {
  const auto fail = [](const std::string& text) { throw CLI::ValidationError(text); };
  if (options.path.empty() && options.data != "digits" && options.data != "fashion_mnist")
    fail("--path is needed for --data " + options.data);
  if (options.data != "npy" && app.count("--layout") > 0) fail("--layout has an effect on --data npy alone");
  if (options.preprocess != "zca" && app.count("--zca-epsilon") > 0)
    fail("--zca-epsilon has no effect without --preprocess zca");
}

inline void check(const CLI::App& app, Options& options) {
  check_images(app, options);
  const auto given = [&app](const char* name) { return app.count(name) > 0; };
  const auto fail = [](const std::string& text) { throw CLI::ValidationError(text); };
  const bool images = options.data == "npy", tested = !options.test_path.empty();
  if (images && options.labels.empty()) fail("--labels is needed for --data npy");
  if (!images && (tested || !options.labels.empty() || !options.test_labels.empty()))
    fail("--labels, --test and --test-labels belong to --data npy");
  if (tested != !options.test_labels.empty()) fail("--test and --test-labels belong together");
  if (tested && options.folds > 0)
    fail("--folds tests on the images to train on, --test on others: give one");
  if (!options.topology.empty() && !given("--family")) {
    options.family.clear();
    for (const char* of_family : {"--depth", "--pool", "--weight-std", "--bias-std"})
      if (given(of_family)) fail(std::string(of_family) + " belongs to families: give --family too");
  }
  const bool draws = !options.train_size.empty();
  if (draws && options.folds > 0)
    fail("--train-size draws images to train on, --folds takes turns: give one");
  if (given("--draws") && !draws) fail("--draws has no effect without --train-size");
  if (options.balanced && !draws && options.limit.empty())
    fail("--balanced has no effect without --train-size or --limit");
  if (!draws && !options.tested() && options.folds == 0) options.folds = 5;
  if (!options.tested() && options.limit.size() > 1)
    fail("--limit with two numbers has no effect here: there are no images to test on");
  const auto& families = options.family;
  const bool wired = std::find(families.begin(), families.end(), "randomly_wired") != families.end();
  if (options.folds == 0 && !draws && !options.shuffle && !wired && given("--seed"))
    fail("--seed has no effect without --folds, --train-size, --shuffle and --family randomly_wired");
  std::sort(options.train_size.begin(), options.train_size.end());
  if (std::adjacent_find(options.train_size.begin(), options.train_size.end()) != options.train_size.end())
    fail("--train-size has a number twice");
  if (options.folds == 1) fail("--folds 1 leaves nothing to train on; choose 2 or more");
  if (!options.tested() && (options.preprocess == "channel" || options.preprocess == "zca"))
    fail("--preprocess " + options.preprocess + " would learn from the images it is tested on");
  const std::size_t topologies = options.family.size() * options.depth.size() + options.topology.size();
  if (!options.gram.empty() && topologies * options.kernel.size() != 1)
    fail(
        "--gram writes one matrix: give one --family, one --depth and one --kernel, or one --topology and "
        "one --kernel");
  if (given("--shard") && options.store.empty()) fail("--shard has no effect without --store");
  for (const char* other : {"--gram", "--svg", "--json", "--plan"})
    if (given("--shard") && given(other))
      fail(std::string(other) + " has no effect with --shard, which fills its part of the store and stops");
  if (given("--cores") && !options.plan) fail("--cores has no effect without --plan");
  std::vector<program::NamedFile> inputs{{"--path", options.path},
                                         {"--labels", options.labels},
                                         {"--test", options.test_path},
                                         {"--test-labels", options.test_labels}};
  for (const std::string& file : options.topology) inputs.push_back({"--topology", file});
  program::require_own_outputs(inputs,
                               {{"--gram", options.gram}, {"--svg", options.svg}, {"--json", options.json}},
                               {"--store", options.store});
}

/// Declares those that say which images, and how they are prepared.
inline std::vector<CLI::Option*> declare_images(CLI::App& app, Options& o) {
  return {
      app.add_option("--data", o.data, "format of the images")
          ->check(CLI::IsMember({"digits", "fashion_mnist", "mnist", "cifar10", "cifar100", "cifar100_coarse",
                                 "tiny_imagenet", "npy"}))
          ->capture_default_str(),
      app.add_option("--path", o.path, "folder of the data set as it is published; for npy the images' file"),
      app.add_option("--test", o.test_path, "npy: images to test on"),
      program::add_choice(app, "--layout", o.layout, {"auto", "channels-last", "channels-first"},
                          "npy: where the channels are"),
      app.add_option("--limit", o.limit, "so many images to train on [and to test on]")
          ->expected(1, 2)
          ->check(CLI::Range(Eigen::Index{2}, Eigen::Index{1} << 31)),
      app.add_option("--size", o.size, "bring images to this height and width")
          ->check(CLI::Range(Eigen::Index{1}, Eigen::Index{65536})),
      app.add_option("--preprocess", o.preprocess, "each: every image to mean 0 and variance 1")
          ->check(CLI::IsMember({"each", "channel", "zca", "none"}))
          ->capture_default_str(),
      app.add_option("--zca-epsilon", o.zca, "regularisation of ZCA")
          ->check(CLI::PositiveNumber)
          ->capture_default_str()};
}

/// Declares the options; they are in `o` once the program has parsed its arguments.
inline void declare(CLI::App& app, Options& o) {
  declare_images(app, o);
  app.add_option("--labels", o.labels, "npy: labels, whole numbers from 0");
  app.add_option("--test-labels", o.test_labels, "npy: their labels");
  app.add_flag("--shuffle", o.shuffle, "--limit draws images, by --seed, instead of taking the first");
  app.add_flag("--balanced", o.balanced, "--limit and --train-size take as many images of each class");
  app.add_option("--train-size", o.train_size,
                 "train on so many images, drawn from those to train on; one or more numbers")
      ->check(CLI::Range(Eigen::Index{1}, Eigen::Index{1} << 31));
  app.add_option("--draws", o.draws, "how often they are drawn")
      ->check(CLI::Range(1, 100000))
      ->capture_default_str();
  program::add_choice(app, "--augment", o.augment, {"none", "flips"},
                      "flips: the kernel averaged over mirror images");
  app.add_option("--family", o.family, "one or more topologies")
      ->check(CLI::IsMember(family_names()))
      ->capture_default_str();
  app.add_option("--topology", o.topology,
                 "other networks, as JSON; alone, or side by side with --family, whose depth, pool and stds "
                 "they have not");
  app.add_option("--depth", o.depth,
                 "one or more numbers of convolutions: 2 or more; 6, 9, 12, ... for s3_net and dense_net, 5, "
                 "7, 10 for myrtle")
      ->check(CLI::Range(2, 10000))
      ->capture_default_str();
  app.add_option("--pool", o.pool, "before the read-out")
      ->check(CLI::IsMember({"global", "local", "none"}))
      ->capture_default_str();
  app.add_option("--kernel", o.kernel, "one or both; ntk: trained networks; nngp: Bayesian ones")
      ->check(CLI::IsMember({"ntk", "nngp"}))
      ->capture_default_str();
  program::add_layer_stds(app, o.weight_std, o.bias_std);
  program::add_ridge(app, o.ridge, false);
  app.add_option("--folds", o.folds,
                 "cross-validate on the training images; the default without test images is 5")
      ->check(CLI::Range(1, 1000));
  app.add_option("--seed", o.seed, "of the folds, draws, --shuffle and random wiring")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  program::add_precision(app, o.precision);
  program::add_threads(app, o.threads);
  app.add_option("--tile", o.tile,
                 "images a side of what is computed, and kept in the store, at a time; 64, or 256 with "
                 "--pool none")
      ->check(CLI::Range(Eigen::Index{1}, Eigen::Index{65536}));
  app.add_option("--store", o.store, "keep finished tiles in this folder; a killed run goes on there");
  program::add_shard(app, o.shard);
  app.add_flag("--plan", o.plan, "say what the run would take, from some of its tiles, and stop");
  app.add_option("--cores", o.cores, "of a cluster on which --plan puts ImageNet")
      ->check(CLI::Range(1, 1000000000))
      ->capture_default_str();
  app.add_option("--gram", o.gram, "write the training images' kernel matrix to this .npy file");
  app.add_option("--svg", o.svg, "write the picture to this file");
  app.add_option("--json", o.json, "write the results to this file");
  app.final_callback([&] { check(app, o); });
}
