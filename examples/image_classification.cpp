// SPDX-License-Identifier: MIT
//
// Trains and tests infinitely wide convolutional networks on images, topologies side by side: does a
// sparse shortcut (Fan et al., arXiv 1811.09003) generalise as well as residual, dense and plain
// networks do? Long jobs go through a store on disk and survive a kill.

#include <cstdint>
#include <filesystem>
#include <iostream>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include <sst/base/every.hpp>
#include <sst/io/npy.hpp>
#include <sst/io/store/tile_store.hpp>
#include <sst/kernel/image_tiles.hpp>
#include <sst/linalg/product.hpp>
#include <sst/ntk.hpp>
#include <sst/topology/json.hpp>

#include "image_data.hpp"
#include "image_options.hpp"
#include "image_report.hpp"
#include "program.hpp"

namespace {

using Eigen::Index;

// Kernel matrices and what they cost.
struct Kernels {
  Eigen::MatrixXd train, test;  // train x train, test x train
  double pairs = 0, seconds = 0;
};

// One matrix, from the store where there is one.
template <class Scalar>
Eigen::MatrixXd matrix(const sst::ImageTiles<Scalar>& tiles, sst::TileSymmetry symmetry,
                       const std::string& part, const sst::Fingerprint& data, const sst::Topology& net,
                       const Options& options, program::Progress& progress, Kernels& cost) {
  const sst::TileOptions run{.threads = options.threads, .progress = progress(net.name() + ", " + part)};
  const bool keep = part == "train" && !options.gram.empty();
  sst::TileReport report;
  Eigen::MatrixXd out;
  if (options.store.empty()) {
    const auto k = sst::compute_by_tiles<Scalar>(tiles, symmetry, options.tile, run, &report);
    if (keep) sst::write_npy(options.gram, k);
    out = k.template cast<double>();
  } else {
    const fs::path place =
        fs::path(options.store) / (net.name() + "-" + options.kernel + "-" + options.pool + "-" + part);
    std::error_code error;
    fs::create_directories(options.store, error);
    if (error)
      throw sst::DataError("cannot make the folder '" + options.store + "' (" + error.message() +
                           "); choose another --store");
    sst::TileStore<Scalar> store(place, {.rows = static_cast<Index>(tiles.rows()),
                                         .columns = static_cast<Index>(tiles.cols()),
                                         .symmetry = symmetry,
                                         .tile = options.tile,
                                         .data = data.text(),
                                         .topology = sst::to_json(net).dump(),
                                         .kernel = options.kernel,
                                         .arithmetic = options.precision});
    report = store.fill(tiles, run);
    if (keep) store.write_npy(options.gram);
    out = store.assemble().template cast<double>();
  }
  progress.check();
  cost.pairs += report.entries;
  cost.seconds += report.seconds;
  return out;
}

template <class Scalar>
Kernels kernels(const sst::Topology& net, const Experiment& e, const Options& options,
                program::Progress& progress) {
  const sst::Kernel kernel = options.kernel == "ntk" ? sst::Kernel::ntk : sst::Kernel::nngp;
  sst::Fingerprint data;
  data.add(sst::to_string(e.train.shape)).add(e.train.pixels);
  Kernels out;
  // Threads work on tiles, one each.
  out.train = matrix(sst::ImageTiles<Scalar>(net, kernel, e.train.shape, e.train.pixels, 1),
                     sst::TileSymmetry::symmetric, "train", data, net, options, progress, out);
  if (e.test.count() > 0) {
    data.add(e.test.pixels);
    out.test = matrix(sst::ImageTiles<Scalar>(net, kernel, e.train.shape, e.test.pixels, e.train.pixels, 1),
                      sst::TileSymmetry::general, "test", data, net, options, progress, out);
  }
  return out;
}

std::vector<int> labels_of(const sst::Images& images) { return {images.labels.begin(), images.labels.end()}; }

// The samples of a precomputed kernel: their places in it.
Eigen::MatrixXd places(const std::vector<Index>& rows) {
  Eigen::MatrixXd out(static_cast<Index>(rows.size()), 1);
  for (std::size_t i = 0; i < rows.size(); ++i) out(static_cast<Index>(i), 0) = static_cast<double>(rows[i]);
  return out;
}

Result evaluate(const std::string& family, int depth, const Experiment& e, const Options& options,
                program::Progress& progress) {
  const sst::Topology net = make_topology(family, depth, options.pool, options.weight_std, options.bias_std);
  Kernels k = options.precision == "float" ? kernels<float>(net, e, options, progress)
                                           : kernels<double>(net, e, options, progress);
  const sst::Ridge ridge = *program::parse_ridge(options.ridge);
  const std::vector<int> train_labels = labels_of(e.train);
  std::vector<int> truth = labels_of(e.test), all = train_labels, predicted;
  all.insert(all.end(), truth.begin(), truth.end());
  const sst::Classes<int> classes(all);
  // One-hot regression: the class with the largest of the posterior means.
  const sst::KernelFunction among = sst::precomputed_kernel(std::move(k.train));
  const Eigen::MatrixXd y = sst::one_hot(classes.encode(train_labels), classes.size());
  const sst::FitOptions fitting{.threads = options.threads};
  if (e.test.count() > 0) {
    std::vector<Index> every(static_cast<std::size_t>(e.train.count()));
    std::iota(every.begin(), every.end(), Index{0});
    const sst::Model model = sst::fit(among, places(every), y, ridge, fitting);
    predicted =
        classes.decode(sst::largest_score(sst::detail::product(k.test, model.weights(), options.threads)));
  } else {
    for (const sst::Split& split :
         sst::k_fold(e.train.count(), options.folds, static_cast<std::uint32_t>(options.seed))) {
      const sst::Model model =
          sst::fit(among, places(split.train), Eigen::MatrixXd(y(split.train, sst::every)), ridge, fitting);
      const auto guess =
          classes.decode(sst::largest_score(model.predict(places(split.test), {.threads = options.threads})));
      const auto here = labels_of(sst::select(e.train, split.test));
      truth.insert(truth.end(), here.begin(), here.end());
      predicted.insert(predicted.end(), guess.begin(), guess.end());
    }
  }
  return {family, depth, sst::confusion(classes, truth, predicted), k.pairs, k.seconds};
}

}  // namespace

int main(int argc, char** argv) {
  Options o;
  CLI::App app{"Infinitely wide convolutional networks on images, topologies side by side",
               "image_classification"};
  declare(app, o);

  return run_program(app, argc, argv, [&] {
    program::try_outputs({o.gram, o.svg, o.json});
    program::Progress progress;
    const Experiment e = prepare(load(o), o);
    if (e.test.count() == 0 && e.train.count() < o.folds)
      throw sst::DataError("there are " + std::to_string(e.train.count()) + " images for " +
                           std::to_string(o.folds) + " folds; give more images or fewer folds");
    if (e.test.count() > 0 && !(e.test.shape == e.train.shape))
      throw sst::DataError("the images to train on are " + sst::to_string(e.train.shape) +
                           " and those to test on " + sst::to_string(e.test.shape) + "; give one shape");
    std::vector<Result> results;
    for (const int depth : o.depth)
      for (const std::string& family : o.family) results.push_back(evaluate(family, depth, e, o, progress));
    print(o.json == "-" ? std::cerr : std::cout, results, e, o);
    if (!o.svg.empty()) draw(results, o);
    if (!o.json.empty()) write_json(results, e, o);
  });
}
