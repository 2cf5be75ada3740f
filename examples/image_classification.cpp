// SPDX-License-Identifier: MIT
//
// Trains and tests infinitely wide convolutional networks on images, topologies side by side: does a
// sparse shortcut (Fan et al., arXiv 1811.09003) generalise as well as residual, dense and plain
// networks do? Long jobs go through a store on disk and survive a kill.

#include <cstdint>
#include <iostream>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include <sst/ntk.hpp>

#include "image_data.hpp"
#include "image_draws.hpp"
#include "image_kernels.hpp"
#include "image_learning.hpp"
#include "image_learning_report.hpp"
#include "image_options.hpp"
#include "image_plan.hpp"
#include "image_regression.hpp"
#include "image_report.hpp"
#include "program.hpp"

namespace {

using Eigen::Index;

Result evaluate(const Candidate& candidate, const Experiment& e, const Options& options,
                program::Progress& progress) {
  Kernels k = compute_kernels(candidate, e, options, progress);
  const double pairs = k.pairs, seconds = k.seconds;
  const ImageRegression regression(std::move(k), e, options);
  std::vector<sst::Split> splits;
  if (options.tested()) {
    splits.emplace_back().train.resize(static_cast<std::size_t>(e.train.count()));
    std::iota(splits[0].train.begin(), splits[0].train.end(), Index{0});
  } else {
    splits = sst::k_fold(e.train.count(), options.folds, static_cast<std::uint32_t>(options.seed));
  }
  Predictions all;
  for (const sst::Split& split : splits) {
    const auto [truth, predicted] = regression.predict(split.train, split.test);
    all.truth.insert(all.truth.end(), truth.begin(), truth.end());
    all.predicted.insert(all.predicted.end(), predicted.begin(), predicted.end());
  }
  return {candidate, sst::confusion(regression.classes(), all.truth, all.predicted), pairs, seconds};
}

}  // namespace

int main(int argc, char** argv) {
  Options o;
  CLI::App app{"Infinitely wide convolutional networks on images, topologies side by side",
               "image_classification"};
  declare(app, o);

  return run_program(app, argc, argv, [&] {
    program::try_outputs({o.gram, o.svg, o.json});
    program::shard_of(o.shard);  // a job array that is none is an error before anything is read
    program::Progress progress;
    const std::vector<Candidate> all = candidates(o);
    const Experiment e = prepare(load(o), o);
    if (o.folds > 0 && e.train.count() < o.folds)
      throw sst::DataError("there are " + std::to_string(e.train.count()) + " images for " +
                           std::to_string(o.folds) + " folds; give more images or fewer folds");
    if (e.test.count() > 0 && !(e.test.shape == e.train.shape))
      throw sst::DataError("the images to train on are " + sst::to_string(e.train.shape) +
                           " and those to test on " + sst::to_string(e.test.shape) + "; give one shape");
    if (o.plan) {
      std::cout << Plan(all, e, o);
      return;
    }
    if (!o.shard.empty()) {
      fill_shards(std::cout, all, e, o, progress);
      return;
    }
    announce(std::cerr, all, e, o);
    std::ostream& out = o.json == "-" ? std::cerr : std::cout;
    const auto report = [&](const auto& results) {
      print(out, results, e, o);
      if (!o.svg.empty()) draw(results, o);
      if (!o.json.empty()) write_json(results, e, o);
    };
    if (o.train_size.empty()) {
      std::vector<Result> results;
      for (const Candidate& candidate : all) results.push_back(evaluate(candidate, e, o, progress));
      report(results);
    } else {
      const std::vector<Draw> draws = make_draws(e.train.labels, o.train_size, o.draws, o.balanced, o.seed);
      if (!o.tested() && draws[0].rest.empty())
        throw sst::DataError("all " + std::to_string(e.train.count()) +
                             " images are drawn (none is left to test on); give a smaller --train-size");
      std::vector<LearningCurve> curves;
      for (const Candidate& candidate : all)
        curves.push_back(learn_from_draws(candidate, e, draws, o, progress));
      report(curves);
    }
  });
}
