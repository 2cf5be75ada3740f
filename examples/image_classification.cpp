// SPDX-License-Identifier: MIT
//
// Trains and tests infinitely wide convolutional networks on images, topologies side by side: does a
// sparse shortcut (Fan et al., arXiv 1811.09003) generalise as well as residual, dense and plain
// networks do? Long jobs go through a store on disk and survive a kill.

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iomanip>
#include <iostream>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include <sst/data/cifar.hpp>
#include <sst/data/csv.hpp>
#include <sst/data/gzip.hpp>
#include <sst/data/idx.hpp>
#include <sst/data/image_transforms.hpp>
#include <sst/data/npy_images.hpp>
#include <sst/data/split.hpp>
#include <sst/ntk.hpp>
#include <sst/regression/classification.hpp>
#include <sst/regression/cross_validation.hpp>
#include <sst/report/svg.hpp>
#include <sst/report/table.hpp>
#include <sst/spatial/tiles.hpp>
#include <sst/store/tile_store.hpp>
#include <sst/topology/json.hpp>
#include <sst/topology/spatial_families.hpp>

#include "program.hpp"

namespace {

namespace fs = std::filesystem;
using Eigen::Index;

struct Options {
  std::string data = "digits", path, labels, test_path, test_labels;
  std::vector<std::string> family{"plain", "residual", "densely_connected", "sparse_shortcut"};
  std::vector<int> depth{4};
  std::vector<Index> limit;
  std::string kernel = "ntk", pool = "global", preprocess = "each", precision = "float";
  Index size = 0;
  double weight_std = std::sqrt(2.0), bias_std = 0.1, ridge = 1e-3, zca = 0.1;
  int folds = 0, seed = 0, threads = 0;
  Index tile = 64;
  std::string store, svg, json, gram;

  Index train_limit() const { return limit.empty() ? sst::all_images : limit[0]; }
  Index test_limit() const { return limit.empty() ? sst::all_images : limit.back(); }
};

// ---- Data

struct Experiment {
  sst::Images train, test;  // without test images: folds of the training images
};

sst::Images read_digits(const fs::path& file) {
  std::istringstream text(sst::read_gzip_text(file));
  const Eigen::MatrixXd rows = sst::read_csv(text, file.string()).values;
  if (rows.cols() != 65)
    throw sst::DataError(file.string() + " has " + std::to_string(rows.cols()) +
                         " columns (the digits have 64 pixels and the label); give the file of the examples");
  if ((rows.col(64).array() != rows.col(64).array().round()).any() || rows.col(64).minCoeff() < 0 ||
      rows.col(64).maxCoeff() > 9)
    throw sst::DataError(file.string() + " has labels that are not 0 to 9; give the file of the examples");
  return {{8, 8, 1}, rows.leftCols(64), rows.col(64).cast<int>()};
}

// The file in the folder, compressed or not.
sst::GzipSource open_idx(const fs::path& folder, const std::string& name) {
  const fs::path packed = folder / (name + ".gz");
  return sst::GzipSource(fs::exists(packed) ? packed : folder / name);
}

sst::Images read_idx_folder(const fs::path& folder, const std::string& part, Index limit) {
  sst::GzipSource images = open_idx(folder, part + "-images-idx3-ubyte");
  sst::GzipSource labels = open_idx(folder, part + "-labels-idx1-ubyte");
  return sst::read_idx(images, labels, limit);
}

Experiment load(const Options& options) {
  const fs::path path = options.path;
  const Index train = options.train_limit(), test = options.test_limit();
  const bool tested = options.folds == 0;
  Experiment out;
  if (options.data == "digits") {
    out.train = sst::first(read_digits(path.empty() ? SST_EXAMPLE_DATA "/digits.csv.gz" : path), train);
  } else if (options.data == "fashion_mnist" || options.data == "mnist") {
    const fs::path folder =
        path.empty() && options.data == "fashion_mnist" ? "/usr/share/datasets/fashion-mnist" : path;
    out.train = read_idx_folder(folder, "train", train);
    if (tested) out.test = read_idx_folder(folder, "t10k", test);
  } else if (options.data == "cifar10") {
    std::vector<fs::path> batches;
    for (int i = 1; i <= 5; ++i) batches.push_back(path / ("data_batch_" + std::to_string(i) + ".bin"));
    out.train = sst::read_cifar10(batches, train);
    if (tested) out.test = sst::read_cifar10({path / "test_batch.bin"}, test);
  } else if (options.data == "cifar100") {
    using enum sst::Cifar100Label;
    out.train = sst::read_cifar100({path / "train.bin"}, fine, train);
    if (tested) out.test = sst::read_cifar100({path / "test.bin"}, fine, test);
  } else {
    out.train = sst::read_npy_images(path, options.labels, train);
    if (tested) out.test = sst::read_npy_images(options.test_path, options.test_labels, test);
  }
  return out;
}

Experiment prepare(Experiment e, const Options& options) {
  const auto both = [&](const auto& transform) {
    e.train = transform(e.train);
    if (e.test.count() > 0) e.test = transform(e.test);
  };
  if (options.size > 0)
    both([&](const sst::Images& images) { return sst::downsample(images, options.size, options.size); });
  if (options.preprocess == "channel") {
    const sst::ChannelScale scale(e.train);
    both([&](const sst::Images& images) { return scale.apply(images); });
  }
  if (options.preprocess == "each" || options.preprocess == "zca") both(sst::standardize_each);
  if (options.preprocess == "zca") {
    const sst::Zca zca(e.train, options.zca);
    both([&](const sst::Images& images) { return zca.apply(images); });
  }
  return e;
}

// ---- Topologies

using Family = std::function<sst::Topology(int, const sst::ConvFamilyOptions&)>;

// Three blocks, the stem and two transitions: 3 layers + 3 convolutions.
sst::BlockOptions three_blocks(const char* name, int depth) {
  if (depth < 6 || depth % 3 != 0)
    throw sst::TopologyError(std::string(name) + " of depth " + std::to_string(depth) +
                             " does not exist (it has three blocks); choose 6, 9, 12, ...");
  return {.blocks = 3, .layers = depth / 3 - 1};
}

const std::vector<std::pair<std::string, Family>>& families() {
  using Layer = const sst::ConvFamilyOptions&;
  static const std::vector<std::pair<std::string, Family>> all{
      {"plain", [](int depth, Layer layer) { return sst::conv_chain(depth, layer); }},
      {"residual", [](int depth, Layer layer) { return sst::conv_residual(depth, layer); }},
      {"densely_connected",
       [](int depth, Layer layer) { return sst::dense_net({.blocks = 1, .layers = depth - 1}, layer); }},
      {"sparse_shortcut", [](int depth, Layer layer) { return sst::conv_sparse_shortcut(depth, layer); }},
      {"s3_net", [](int depth, Layer layer) { return sst::s3_net(three_blocks("s3_net", depth), layer); }},
      {"dense_net",
       [](int depth, Layer layer) { return sst::dense_net(three_blocks("dense_net", depth), layer); }},
      {"myrtle", [](int depth, Layer layer) { return sst::myrtle(depth, layer); }}};
  return all;
}

std::vector<std::string> family_names() {
  std::vector<std::string> names;
  for (const auto& [name, family] : families()) names.push_back(name);
  return names;
}

sst::Topology make_topology(const std::string& name, int depth, const Options& options) {
  sst::ConvFamilyOptions layer;
  layer.weight_std = options.weight_std;
  layer.bias_std = options.bias_std;
  layer.readout = options.pool == "global"  ? sst::ImageReadout::global_avg_pool
                  : options.pool == "local" ? sst::ImageReadout::pool_flatten
                                            : sst::ImageReadout::flatten;
  const auto known =
      std::find_if(families().begin(), families().end(), [&](const auto& f) { return f.first == name; });
  return known->second(depth, layer);
}

// ---- Kernels

// Where a long job is: on a terminal a line that changes, in a log a line a minute.
class Reporter {
 public:
  explicit Reporter(std::string job) : job_(std::move(job)) {}
  ~Reporter() {
    if (terminal_ && shown_) std::cerr << "\r\x1b[K";
  }
  bool operator()(const sst::ProgressEta& eta) {
    const auto now = std::chrono::steady_clock::now();
    if (program::interrupted) return false;
    if (now - last_ < std::chrono::milliseconds(terminal_ ? 300 : 60000)) return true;
    last_ = now;
    shown_ = true;
    std::cerr << (terminal_ ? "\r\x1b[K" : "") << job_ << ": " << eta.text() << (terminal_ ? "" : "\n")
              << std::flush;
    return true;
  }

 private:
  std::string job_;
  bool terminal_ = isatty(STDERR_FILENO) == 1, shown_ = false;
  std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
};

// Kernel matrices and what they cost.
struct Kernels {
  Eigen::MatrixXd train, test;  // train x train, test x train
  double pairs = 0, seconds = 0;
};

// One matrix, from the store where there is one.
template <class Scalar>
Eigen::MatrixXd matrix(const sst::ImageTiles<Scalar>& tiles, sst::TileSymmetry symmetry,
                       const std::string& part, const sst::Fingerprint& data, const sst::Topology& net,
                       const Options& options, Kernels& cost) {
  Reporter reporter(net.name() + ", " + part);
  const sst::TileOptions run{.threads = options.threads, .progress = std::ref(reporter)};
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
  cost.pairs += report.entries;
  cost.seconds += report.seconds;
  return out;
}

template <class Scalar>
Kernels kernels(const sst::Topology& net, const Experiment& e, const Options& options) {
  const sst::Kernel kernel = options.kernel == "ntk" ? sst::Kernel::ntk : sst::Kernel::nngp;
  sst::Fingerprint data;
  data.add(sst::to_string(e.train.shape)).add(e.train.pixels);
  Kernels out;
  // Threads work on tiles, one each.
  out.train = matrix(sst::ImageTiles<Scalar>(net, kernel, e.train.shape, e.train.pixels, 1),
                     sst::TileSymmetry::symmetric, "train", data, net, options, out);
  if (e.test.count() > 0) {
    data.add(e.test.pixels);
    out.test = matrix(sst::ImageTiles<Scalar>(net, kernel, e.train.shape, e.test.pixels, e.train.pixels, 1),
                      sst::TileSymmetry::general, "test", data, net, options, out);
  }
  return out;
}

// ---- Classification

std::vector<int> labels_of(const sst::Images& images) { return {images.labels.begin(), images.labels.end()}; }

// One-hot regression: the class with the largest of the posterior means.
std::vector<int> classify(Eigen::MatrixXd train, const Eigen::MatrixXd& test, const std::vector<int>& labels,
                          const sst::Classes<int>& classes, double ridge) {
  train.diagonal().array() += sst::Ridge::relative(ridge).lambda_for(train.diagonal().mean());
  const Eigen::MatrixXd weights =
      sst::Cholesky<double>(std::move(train)).solve(sst::one_hot(classes.encode(labels), classes.size()));
  return classes.decode(sst::largest_score(test * weights));
}

struct Result {
  std::string family;
  int depth;
  sst::Confusion<int> confusion;
  double pairs, seconds;
};

Result evaluate(const std::string& family, int depth, const Experiment& e, const Options& options) {
  const sst::Topology net = make_topology(family, depth, options);
  const Kernels k =
      options.precision == "float" ? kernels<float>(net, e, options) : kernels<double>(net, e, options);
  const std::vector<int> train_labels = labels_of(e.train);
  std::vector<int> truth = labels_of(e.test), all = train_labels, predicted;
  all.insert(all.end(), truth.begin(), truth.end());
  const sst::Classes<int> classes(all);
  if (e.test.count() > 0) {
    predicted = classify(k.train, k.test, train_labels, classes, options.ridge);
  } else {
    for (const sst::Split& split :
         sst::k_fold(e.train.count(), options.folds, static_cast<std::uint32_t>(options.seed))) {
      const auto here = labels_of(sst::select(e.train, split.test));
      const auto guess = classify(k.train(split.train, split.train), k.train(split.test, split.train),
                                  labels_of(sst::select(e.train, split.train)), classes, options.ridge);
      truth.insert(truth.end(), here.begin(), here.end());
      predicted.insert(predicted.end(), guess.begin(), guess.end());
    }
  }
  return {family, depth, sst::confusion(classes, truth, predicted), k.pairs, k.seconds};
}

// ---- Report

void print(const std::vector<Result>& results, const Experiment& e, const Options& options) {
  std::cout << options.data << ", " << sst::to_string(e.train.shape) << ": " << e.train.count() << " images ";
  if (e.test.count() > 0)
    std::cout << "to train on, " << e.test.count() << " to test on";
  else
    std::cout << "in " << options.folds << " folds";
  std::cout << "; " << options.kernel << ", " << (options.pool == "none" ? "no" : options.pool)
            << " pooling, ridge " << options.ridge << ", " << options.precision << "\n\n";
  using enum sst::TextTable::Align;
  sst::TextTable table({{"topology"},
                        {"depth", right},
                        {"accuracy %", right, 2},
                        {"95 % interval", right},
                        {"correct", right},
                        {"of", right},
                        {"ms per pair", right, 4},
                        {"kernel"}});
  for (const Result& r : results) {
    const sst::Interval& accuracy = r.confusion.accuracy;
    std::ostringstream interval;
    interval << std::fixed << std::setprecision(2) << 100 * accuracy.low << " - " << 100 * accuracy.high;
    const bool computed = r.pairs > 0;
    table.add_row({r.family, r.depth, 100 * accuracy.value, interval.str(), r.confusion.counts.trace(),
                   r.confusion.counts.sum(),
                   computed ? sst::TextTable::Cell(1000 * r.seconds / r.pairs) : sst::TextTable::Cell("-"),
                   computed ? sst::format_duration(r.seconds) : "from the store"});
  }
  std::cout << table;

  const Result& best =
      *std::max_element(results.begin(), results.end(), [](const Result& a, const Result& b) {
        return a.confusion.accuracy.value < b.confusion.accuracy.value;
      });
  if (best.confusion.classes.size() > 20) return;  // more does not fit on a line
  std::cout << "\nConfusion of " << best.family << ", depth " << best.depth << "\n\n" << best.confusion;
}

void draw(const std::vector<Result>& results, const Options& options) {
  sst::Plot plot{.title = options.data + ", " + options.kernel, .x_label = "depth", .y_label = "accuracy %"};
  const double families = static_cast<double>(options.family.size());
  for (std::size_t f = 0; f < options.family.size(); ++f) {
    sst::PlotSeries series{options.family[f], {}};
    // Side by side, so that the intervals do not cover one another.
    const double aside = 0.08 * (static_cast<double>(f) - (families - 1) / 2);
    for (const Result& r : results)
      if (r.family == options.family[f]) {
        const sst::Interval& a = r.confusion.accuracy;
        series.points.push_back({r.depth + aside, 50 * (a.low + a.high), 50 * (a.high - a.low)});
      }
    plot.series.push_back(series);
  }
  plot.write(options.svg);
}

void write_json(const std::vector<Result>& results, const Experiment& e, const Options& options) {
  nlohmann::ordered_json out{{"data", options.data},
                             {"shape", {e.train.shape.height, e.train.shape.width, e.train.shape.channels}},
                             {"train", e.train.count()},
                             {"test", e.test.count()},
                             {"folds", e.test.count() > 0 ? 0 : options.folds},
                             {"kernel", options.kernel},
                             {"pool", options.pool},
                             {"preprocess", options.preprocess},
                             {"weight_std", options.weight_std},
                             {"bias_std", options.bias_std},
                             {"ridge", options.ridge},
                             {"precision", options.precision}};
  for (const Result& r : results) {
    const sst::Confusion<int>& c = r.confusion;
    nlohmann::ordered_json one{{"family", r.family},           {"depth", r.depth},
                               {"correct", c.counts.trace()},  {"total", c.counts.sum()},
                               {"accuracy", c.accuracy.value}, {"low", c.accuracy.low},
                               {"high", c.accuracy.high},      {"pairs", r.pairs},
                               {"seconds", r.seconds},         {"classes", c.classes}};
    for (Eigen::Index i = 0; i < c.counts.rows(); ++i) {
      const Eigen::VectorXi row = c.counts.row(i);
      one["confusion"].push_back(std::vector<int>(row.begin(), row.end()));
    }
    out["results"].push_back(one);
  }
  std::ofstream stream(options.json);
  stream << out.dump(1) << '\n';
  if (!stream.flush())
    throw sst::DataError("cannot write '" + options.json + "'; check the folder and its room");
}

// What CLI11 cannot check by itself; exit status 2 as for other wrong options.
void check(Options& options) {
  const auto fail = [](const std::string& text) { throw CLI::ValidationError(text); };
  const bool images = options.data == "npy", tested = !options.test_path.empty();
  if (options.path.empty() && options.data != "digits" && options.data != "fashion_mnist")
    fail("--path is needed for --data " + options.data);
  if (images && options.labels.empty()) fail("--labels is needed for --data npy");
  if (!images && (tested || !options.labels.empty() || !options.test_labels.empty()))
    fail("--labels, --test and --test-labels belong to --data npy");
  if (tested != !options.test_labels.empty()) fail("--test and --test-labels belong together");
  if (options.folds == 0 && (options.data == "digits" || (images && !tested))) options.folds = 5;
  if (options.folds == 1) fail("--folds 1 leaves nothing to train on; choose 2 or more");
  if (options.folds > 0 && (options.preprocess == "channel" || options.preprocess == "zca"))
    fail("--preprocess " + options.preprocess + " with --folds would learn from the images it is tested on");
  if (!options.gram.empty() && options.family.size() * options.depth.size() != 1)
    fail("--gram writes one matrix: give one --family and one --depth");
}

}  // namespace

int main(int argc, char** argv) {
  Options o;
  CLI::App app{"Infinitely wide convolutional networks on images, topologies side by side",
               "image_classification"};
  app.add_option("--data", o.data, "format of the images")
      ->check(CLI::IsMember({"digits", "fashion_mnist", "mnist", "cifar10", "cifar100", "npy"}))
      ->capture_default_str();
  app.add_option("--path", o.path, "folder of the data set as it is published; for npy the images' file");
  app.add_option("--labels", o.labels, "npy: labels, whole numbers from 0");
  app.add_option("--test", o.test_path, "npy: images to test on");
  app.add_option("--test-labels", o.test_labels, "npy: their labels");
  app.add_option("--limit", o.limit, "so many images to train on [and to test on]")
      ->expected(1, 2)
      ->check(CLI::Range(Index{2}, Index{1} << 31));
  app.add_option("--size", o.size, "bring images to this height and width")
      ->check(CLI::Range(Index{1}, Index{65536}));
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
  app.add_option("--kernel", o.kernel)->check(CLI::IsMember({"ntk", "nngp"}))->capture_default_str();
  app.add_option("--weight-std", o.weight_std)->check(CLI::NonNegativeNumber)->capture_default_str();
  app.add_option("--bias-std", o.bias_std)->check(CLI::NonNegativeNumber)->capture_default_str();
  app.add_option("--ridge", o.ridge, "times the kernel's mean diagonal")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  app.add_option("--folds", o.folds,
                 "cross-validate on the training images; the default without test images is 5")
      ->check(CLI::Range(1, 1000));
  app.add_option("--seed", o.seed, "of the folds")->check(CLI::NonNegativeNumber)->capture_default_str();
  app.add_option("--precision", o.precision)
      ->check(CLI::IsMember({"double", "float"}))
      ->capture_default_str();
  app.add_option("--threads", o.threads, "0: all")->check(CLI::Range(0, 4096))->capture_default_str();
  app.add_option("--tile", o.tile, "images a side of what is computed, and kept in the store, at a time")
      ->check(CLI::Range(Index{1}, Index{65536}))
      ->capture_default_str();
  app.add_option("--store", o.store, "keep finished tiles in this folder; a killed run goes on there");
  app.add_option("--gram", o.gram, "write the training images' kernel matrix to this .npy file");
  app.add_option("--svg", o.svg, "write the picture to this file");
  app.add_option("--json", o.json, "write the results to this file");
  app.final_callback([&] { check(o); });

  return run_program(app, argc, argv, [&] {
    const program::Progress stops_at_ctrl_c;
    const Experiment e = prepare(load(o), o);
    if (e.test.count() == 0 && e.train.count() < o.folds)
      throw sst::DataError("there are " + std::to_string(e.train.count()) + " images for " +
                           std::to_string(o.folds) + " folds; give more images or fewer folds");
    if (e.test.count() > 0 && !(e.test.shape == e.train.shape))
      throw sst::DataError("the images to train on are " + sst::to_string(e.train.shape) +
                           " and those to test on " + sst::to_string(e.test.shape) + "; give one shape");
    std::vector<Result> results;
    for (const int depth : o.depth)
      for (const std::string& family : o.family) results.push_back(evaluate(family, depth, e, o));
    print(results, e, o);
    if (!o.svg.empty()) draw(results, o);
    if (!o.json.empty()) write_json(results, e, o);
  });
}
