// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <numeric>
#include <set>
#include <string>
#include <vector>

#include <sst/error.hpp>
#include <sst/images/cifar.hpp>
#include <sst/images/image_transforms.hpp>
#include <sst/images/npy_images.hpp>
#include <sst/selection/split.hpp>

#include "image_draws.hpp"
#include "image_files.hpp"
#include "image_options.hpp"
#ifdef SST_WITH_JPEG
#include "image_folder.hpp"
#endif

/// \file
/// The images of image_classification: read, brought to size, standardised.

struct Experiment {
  sst::Images train, test;  // without test images: folds of the training images
  std::vector<std::string> notes;
};

/// So many of the images with these labels as --limit says, with a note where they are not of all `classes`.
inline std::vector<Eigen::Index> limited(const Eigen::VectorXi& labels, Eigen::Index limit,
                                         std::size_t classes, const std::string& part, const Options& options,
                                         Experiment& out) {
  const auto count_classes = [](const auto& some) { return std::set<int>(some.begin(), some.end()).size(); };
  std::vector<Eigen::Index> order(static_cast<std::size_t>(labels.size()));
  std::iota(order.begin(), order.end(), Eigen::Index{0});
  if (options.shuffle) order = sst::permutation(labels.size(), static_cast<std::uint32_t>(options.seed));
  const bool all = limit == sst::all_images;
  order = take(order, labels, std::min(limit, labels.size()), options.balanced && !all, part);
  if (const std::size_t here = count_classes(Eigen::VectorXi(labels(order))); here < classes && !all)
    out.notes.push_back((options.shuffle ? "The " : "The first ") + std::to_string(order.size()) +
                        " images " + part + " hold " + std::to_string(here) + " of the " +
                        std::to_string(classes) + " classes" +
                        (options.shuffle ? "." : ": --shuffle draws from all of them."));
  return order;
}

/// Where the channels of an NPY file are.
inline sst::ImageLayout layout(const Options& options) {
  static const std::map<std::string, sst::ImageLayout> layouts{
      {"auto", sst::ImageLayout::automatic},
      {"channels-last", sst::ImageLayout::channels_last},
      {"channels-first", sst::ImageLayout::channels_first}};
  return layouts.at(options.layout);
}

inline Experiment load(const Options& options) {
  const fs::path path = options.path;
  const bool tested = options.tested();
  Experiment out;
  const auto both = [&](std::size_t classes, const auto& read) {
    // Those that publish their images have mixed them: no need to read what is not used.
    const auto most = [&](Eigen::Index limit) {
      return options.shuffle || options.balanced || classes == 0 ? sst::all_images : limit;
    };
    const Eigen::Index train = options.train_limit(), test = options.test_limit();
    const auto some = [&](const sst::Images& all, Eigen::Index limit, const std::string& part) {
      const std::size_t of = classes == 0 ? sst::count_classes(all) : classes;
      return sst::select(all, limited(all.labels, limit, of, part, options, out));
    };
    out.train = some(read(false, most(train)), train, "to train on");
    if (tested) out.test = some(read(true, most(test)), test, "to test on");
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
  } else if (options.data == "cifar100" || options.data == "cifar100_coarse") {
    const auto label = options.data == "cifar100" ? sst::Cifar100Label::fine : sst::Cifar100Label::coarse;
    both(label == sst::Cifar100Label::fine ? 100 : 20, [&](bool test, Eigen::Index limit) {
      return sst::read_cifar100({path / (test ? "test.bin" : "train.bin")}, label, limit);
    });
  } else if (options.data == "tiny_imagenet") {
#ifdef SST_WITH_JPEG
    // Files are chosen by their names: no need to decode what is not used.
    const auto some = [&](bool validation, Eigen::Index limit, const std::string& part) {
      const ImageFiles all = list_tiny_imagenet(path, validation);
      return read_pictures(all, limited(all.labels, limit, all.classes, part, options, out));
    };
    out.train = some(false, options.train_limit(), "to train on");
    if (tested) out.test = some(true, options.test_limit(), "to test on");
#else
    throw sst::DataError(
        "this program was built without libjpeg (tiny_imagenet is a folder of JPEG files); install "
        "libjpeg62-turbo-dev and build again, or give .npy files");
#endif
  } else {
    both(0, [&](bool test, Eigen::Index limit) {
      return sst::read_npy_images(test ? fs::path(options.test_path) : path,
                                  test ? options.test_labels : options.labels, limit, layout(options));
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
