// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <sstream>
#include <string>
#include <vector>

#include <sst/error.hpp>
#include <sst/images/cifar.hpp>
#include <sst/images/idx.hpp>
#include <sst/images/image_transforms.hpp>
#include <sst/images/npy_images.hpp>
#include <sst/io/csv.hpp>
#include <sst/io/gzip.hpp>

#include "image_options.hpp"

/// \file
/// The images of image_classification: read, brought to size, standardised.

namespace fs = std::filesystem;

struct Experiment {
  sst::Images train, test;  // without test images: folds of the training images
};

inline sst::Images read_digits(const fs::path& file) {
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
inline sst::GzipSource open_idx(const fs::path& folder, const std::string& name) {
  const fs::path packed = folder / (name + ".gz");
  return sst::GzipSource(fs::exists(packed) ? packed : folder / name);
}

inline sst::Images read_idx_folder(const fs::path& folder, const std::string& part, Eigen::Index limit) {
  sst::GzipSource images = open_idx(folder, part + "-images-idx3-ubyte");
  sst::GzipSource labels = open_idx(folder, part + "-labels-idx1-ubyte");
  return sst::read_idx(images, labels, limit);
}

inline Experiment load(const Options& options) {
  const fs::path path = options.path;
  const Eigen::Index train = options.train_limit(), test = options.test_limit();
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

inline Experiment prepare(Experiment e, const Options& options) {
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
