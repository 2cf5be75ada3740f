// SPDX-License-Identifier: MIT
//
// Where does a network of infinite width look? Kernel machines learn the classes of images from labels alone;
// maps of what their scores depend on are cut into segmentations and compared with the true foreground,
// topology by topology: the saliency experiment of Fan et al. (arXiv 1811.09003), exactly.

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <functional>
#include <iostream>
#include <numeric>
#include <string>
#include <vector>

#include <sst/base/fingerprint.hpp>
#include <sst/ntk.hpp>
#include <sst/topology/json.hpp>

#include "image_families.hpp"
#include "interpret_data.hpp"
#include "interpret_machine.hpp"
#include "interpret_maps.hpp"
#include "interpret_occlusion.hpp"
#include "interpret_options.hpp"
#include "interpret_report.hpp"
#include "interpret_store.hpp"
#include "interpret_taps.hpp"
#include "program.hpp"

namespace {

using Eigen::Index;
using interpret::Data;
using interpret::Machine;
using interpret::Options;
using interpret::pixels;

interpret::Patches patches(const Data& data, const Options& o) {
  const auto smaller = static_cast<Index>(std::min(data.test.shape.height, data.test.shape.width));
  return {data.test.shape, o.patch > 0 ? o.patch : std::max<Index>(1, smaller / 4)};
}

/// What is to be done, before it is.
void announce(std::ostream& out, const Data& data, const Options& o) {
  const Index n = data.train.count(), m = data.test.count();
  out << o.data << ", " << sst::to_string(data.train.shape) << ": " << n << " images to train on, " << m
      << " to explain, " << std::lround(100 * data.masks.mean()) << " % of them foreground; " << o.kernel
      << ", " << (o.pool == "none" ? "no" : o.pool) << " pooling, depth " << o.depth << ", ridge " << o.ridge
      << ", " << o.precision << (o.shuffle_labels ? "; labels in random order" : "")
      << "\nFor each topology: " << n * (n + 1) / 2 << " pairs of images to train, " << n * m
      << " with derivatives, in double, and " << n * m * patches(data, o).count()
      << " with squares left out\n\n"
      << std::flush;
}

/// The parts of each image's score, from the store where they are there.
sst::FullGradients parts_of(const Machine& machine, const Data& data, const std::vector<std::size_t>& of,
                            const interpret::Store& store, const Options& o, program::Progress& progress) {
  const std::string key = machine.net().name() + "-" + o.kernel + "-" +
                          sst::Fingerprint()
                              .add(sst::to_json(machine.net()).dump())
                              .add(o.kernel)
                              .add(sst::to_string(data.train.shape))
                              .add(data.train.pixels)
                              .add(data.test.pixels)
                              .add(machine.weights(of))
                              .text();
  const auto step = progress(machine.net().name() + ", gradients");
  if (store.has(key))  // how many numbers each layer has, one image tells
    return store.load(key, machine.parts(data.test.pixels.topRows(1), {of[0]}, step), data.test.count());
  const sst::FullGradients out = machine.parts(data.test.pixels, of, step);
  store.save(key, out);
  return out;
}

/// All kinds of maps of all images, as the machine makes them of the scores `of` classes.
std::vector<interpret::Maps> maps_of(const Machine& machine, const Data& data,
                                     const std::vector<std::size_t>& of, const Eigen::VectorXd& score,
                                     const sst::FullGradients& parts, const Options& o,
                                     program::Progress& progress) {
  const sst::ImageShape& shape = data.test.shape;
  const Eigen::MatrixXd& images = data.test.pixels;
  const interpret::Patches squares = patches(data, o);
  const Eigen::MatrixXd without =
      machine.without(images, of, squares, progress(machine.net().name() + ", occlusion"));
  Eigen::MatrixXd full(data.masks.rows(), data.masks.cols()), gradient = full, occlusion = full;
  for (Index i = 0; i < full.rows(); ++i) {
    full.row(i) = pixels(interpret::full_gradient_map(parts, i, images.row(i), shape));
    gradient.row(i) = pixels(interpret::gradient_map(parts.input.row(i), shape));
    occlusion.row(i) = pixels(interpret::occlusion_map(score[i], without.row(i).transpose(), squares));
  }
  return {{"full gradients", full, data.masks},
          {"input gradient", gradient, data.masks},
          {"occlusion", occlusion, data.masks}};
}

/// What each tap adds to the scores: images x taps.
Eigen::MatrixXd tap_scores(const Machine& machine, const std::vector<interpret::Tap>& taps,
                           const Eigen::MatrixXd& images, const std::vector<std::size_t>& of,
                           program::Progress& progress) {
  Eigen::MatrixXd out(images.rows(), static_cast<Index>(taps.size()));
  for (std::size_t k = 0; k < taps.size(); ++k)
    out.col(static_cast<Index>(k)) = machine.score_by(taps[k].net, images, of, progress(taps[k].net.name()));
  return out;
}

interpret::Explained explain(const std::string& family, const sst::Topology& net, const Data& data,
                             const interpret::Store& store, const Options& o, program::Progress& progress) {
  const auto began = std::chrono::steady_clock::now();
  const Machine machine(
      net, data.train, *program::parse_ridge(o.ridge),
      {o.kernel == "ntk" ? sst::Kernel::ntk : sst::Kernel::nngp, o.precision == "float", o.threads},
      progress);
  const Eigen::MatrixXd& images = data.test.pixels;
  // What is explained is the score of the class that the machine takes the image for.
  const Eigen::MatrixXd scores = machine.scores(images, progress(net.name() + ", scores"));
  const std::vector<std::size_t> of = sst::largest_score(scores);
  const Eigen::VectorXd score = scores.rowwise().maxCoeff();
  const sst::FullGradients parts = parts_of(machine, data, of, store, o, progress);

  interpret::Explained out;
  out.family = family;
  out.maps = maps_of(machine, data, of, score, parts, o, progress);
  out.parts = {{"input"}, interpret::mean_shares(interpret::part_sizes(parts, images))};
  for (const sst::BiasedLayer& layer : parts.biased) out.parts.names.push_back(layer.name);
  Eigen::VectorXd missing = (score - parts.total(images)).cwiseAbs();
  if (const std::vector<interpret::Tap> taps = interpret::taps(net); !taps.empty()) {
    const Eigen::MatrixXd by_tap = tap_scores(machine, taps, images, of, progress);
    for (const interpret::Tap& tap : taps) out.taps.names.push_back(tap.name);
    out.taps.shares = interpret::mean_shares(by_tap.cwiseAbs());
    // The rest is the part of the read-out's bias, the last of the layers.
    const Eigen::VectorXd bias = parts.layers.rightCols(o.bias_std > 0 ? 1 : 0).rowwise().sum();
    missing = missing.cwiseMax((score - bias - by_tap.rowwise().sum()).cwiseAbs());
  }
  out.completeness = missing.maxCoeff() / score.cwiseAbs().maxCoeff();
  if (data.test.labels.size() > 0) {
    const std::vector<int> said = machine.classes().decode(of);
    const auto hits = std::inner_product(said.begin(), said.end(), data.test.labels.begin(), std::size_t{0},
                                         std::plus<>(), std::equal_to<>());
    out.accuracy = sst::share(hits, said.size());
  }
  progress.check();
  out.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  return out;
}

/// Maps that no machine has a part in.
std::vector<interpret::Maps> baselines(const Data& data) {
  const sst::ImageShape& shape = data.test.shape;
  Eigen::MatrixXd contrast(data.masks.rows(), data.masks.cols());
  for (Index i = 0; i < contrast.rows(); ++i)
    contrast.row(i) = pixels(interpret::contrast_map(data.test.pixels.row(i), shape));
  const Eigen::RowVectorXd gaussian = pixels(interpret::centred_gaussian(shape));
  return {{"contrast", contrast, data.masks},
          {"centred Gaussian", gaussian.replicate(data.masks.rows(), 1), data.masks}};
}

}  // namespace

int main(int argc, char** argv) {
  Options o;
  CLI::App app{"Where kernel machines look: saliency maps against true foregrounds, topologies side by side",
               "interpretability"};
  interpret::declare(app, o);

  return run_program(app, argc, argv, [&] {
    program::try_outputs({o.svg, o.pictures, o.json});
    program::Progress progress;
    const Data data = interpret::load(o);
    const interpret::Store store(o.store);
    std::vector<sst::Topology> nets;  // all of them exist, or nothing begins
    for (const std::string& family : o.family)
      nets.push_back(make_topology(family, o.depth, o.pool, o.weight_std, o.bias_std,
                                   static_cast<std::uint32_t>(o.seed)));
    const bool apart = o.json != "-" && o.pictures != "-";  // tables do not mix with what goes there
    std::ostream& out = apart ? std::cout : std::cerr;
    announce(out, data, o);
    interpret::Findings found{{}, baselines(data), interpret::best_possible(data.masks)};
    for (std::size_t t = 0; t < nets.size(); ++t)
      found.topologies.push_back(explain(o.family[t], nets[t], data, store, o, progress));
    print(out, found, data, o);
    if (!o.svg.empty()) draw_curves(found, o);
    if (!o.pictures.empty()) draw_pictures(found, data, o);
    if (!o.json.empty()) write_json(found, data, o);
  });
}
