// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include <sst/error.hpp>
#include <sst/images/cifar.hpp>
#include <sst/images/image_transforms.hpp>
#include <sst/images/npy_images.hpp>
#include <sst/selection/split.hpp>

#include "image_files.hpp"
#include "image_options.hpp"

/// \file
/// The images of image_classification: read, brought to size, standardised.

struct Experiment {
  sst::Images train, test;  // without test images: folds of the training images
  std::vector<std::string> notes;
};

/// So many of the images as --limit says, with a note where they are not of all `classes` (0: those of
/// `all`).
inline sst::Images limited(const sst::Images& all, Eigen::Index limit, std::size_t classes,
                           const std::string& part, const Options& options, Experiment& out) {
  if (classes == 0) classes = sst::count_classes(all);
  const auto seed = static_cast<std::uint32_t>(options.seed);
  std::vector<Eigen::Index> order;
  if (options.shuffle) {
    order = sst::permutation(all.count(), seed);
    order.resize(static_cast<std::size_t>(std::min(limit, all.count())));
  }
  const sst::Images images = options.shuffle ? sst::select(all, order) : sst::first(all, limit);
  if (const std::size_t here = sst::count_classes(images); here < classes && limit != sst::all_images)
    out.notes.push_back((options.shuffle ? "The " : "The first ") + std::to_string(images.count()) +
                        " images " + part + " hold " + std::to_string(here) + " of the " +
                        std::to_string(classes) + " classes" +
                        (options.shuffle ? "." : ": --shuffle draws from all of them."));
  return images;
}

inline Experiment load(const Options& options) {
  const fs::path path = options.path;
  const bool tested = options.folds == 0;
  Experiment out;
  const auto both = [&](std::size_t classes, const auto& read) {
    // Those that publish their images have mixed them: no need to read what is not used.
    const auto most = [&](Eigen::Index limit) {
      return options.shuffle || classes == 0 ? sst::all_images : limit;
    };
    const Eigen::Index train = options.train_limit(), test = options.test_limit();
    out.train = limited(read(false, most(train)), train, classes, "to train on", options, out);
    if (tested) out.test = limited(read(true, most(test)), test, classes, "to test on", options, out);
  };
  if (options.data == "digits") {
    both(0, [&](bool, Eigen::Index) {
      return read_digits(path.empty() ? SST_EXAMPLE_DATA "/digits.csv.gz" : path);
    });
  } else if (options.data == "fashion_mnist" || options.data == "mnist") {
    const fs::path folder =
        path.empty() && options.data == "fashion_mnist" ? "/usr/share/datasets/fashion-mnist" : path;
    both(10, [&](bool test, Eigen::Index limit) {
      return read_idx_folder(folder, test ? "t10k" : "train", limit);
    });
  } else if (options.data == "cifar10") {
    std::vector<fs::path> batches;
    for (int i = 1; i <= 5; ++i) batches.push_back(path / ("data_batch_" + std::to_string(i) + ".bin"));
    both(10, [&](bool test, Eigen::Index limit) {
      return sst::read_cifar10(test ? std::vector{path / "test_batch.bin"} : batches, limit);
    });
  } else if (options.data == "cifar100") {
    both(100, [&](bool test, Eigen::Index limit) {
      return sst::read_cifar100({path / (test ? "test.bin" : "train.bin")}, sst::Cifar100Label::fine, limit);
    });
  } else {
    const std::map<std::string, sst::ImageLayout> layouts{
        {"auto", sst::ImageLayout::automatic},
        {"channels-last", sst::ImageLayout::channels_last},
        {"channels-first", sst::ImageLayout::channels_first}};
    both(0, [&](bool test, Eigen::Index limit) {
      return sst::read_npy_images(test ? fs::path(options.test_path) : path,
                                  test ? options.test_labels : options.labels, limit,
                                  layouts.at(options.layout));
    });
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
  if (options.preprocess == "each" || options.preprocess == "zca") {
    e.train = sst::standardize_each(e.train, options.train_name());
    if (e.test.count() > 0) e.test = sst::standardize_each(e.test, options.test_name());
  }
  if (options.preprocess == "zca") {
    const sst::Zca zca(e.train, options.zca);
    both([&](const sst::Images& images) { return zca.apply(images); });
  }
  return e;
}
