// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include <Eigen/Core>

#include <sst/error.hpp>
#include <sst/images/image_transforms.hpp>
#include <sst/images/npy_images.hpp>
#include <sst/selection/split.hpp>

#include "image_files.hpp"
#include "interpret_composites.hpp"
#include "interpret_options.hpp"

/// \file
/// The images of interpretability: those that machines learn from, and those to explain, with their masks.

namespace interpret {

struct Data {
  sst::Images train;      ///< each to mean 0 and variance 1
  sst::Images test;       ///< the same; with labels, or none
  sst::Images shown;      ///< the images to explain as they were
  Eigen::MatrixXd masks;  ///< of these, n x (height width)
};

/// `count` images of the labels (none: of all) by chance. Throws sst::DataError where there are fewer.
inline sst::Images drawn(const sst::Images& all, const std::vector<int>& labels, Index count,
                         std::uint32_t seed, const std::string& name) {
  const auto order = sst::permutation(all.count(), seed);
  std::vector<Index> chosen;
  std::copy_if(order.begin(), order.end(), std::back_inserter(chosen), [&](Index i) {
    return labels.empty() || std::find(labels.begin(), labels.end(), all.labels[i]) != labels.end();
  });
  if (chosen.size() < static_cast<std::size_t>(count))
    throw sst::DataError(name + " has " + std::to_string(chosen.size()) +
                         " images of the chosen classes for the " + std::to_string(count) +
                         " that are asked for; give a smaller --limit or other --classes");
  chosen.resize(static_cast<std::size_t>(count));
  return sst::select(all, chosen);
}

/// The items to train on and those to explain, all different.
inline std::pair<sst::Images, sst::Images> items(const Options& o) {
  const auto seed = static_cast<std::uint32_t>(o.seed);
  const Index train = o.limit.front(), test = o.limit.back();
  if (o.data == "digits") {
    const fs::path file = o.path.empty() ? fs::path(SST_EXAMPLE_DATA "/digits.csv.gz") : fs::path(o.path);
    const sst::Images both = drawn(read_digits(file), o.classes, train + test, seed, file.string());
    return {sst::first(both, train),
            sst::Images{both.shape, both.pixels.bottomRows(test), both.labels.tail(test)}};
  }
  const fs::path folder = o.path.empty() ? "/usr/share/datasets/fashion-mnist" : o.path;
  return {drawn(read_idx_folder(folder, "train", sst::all_images), o.classes, train, seed, folder.string()),
          drawn(read_idx_folder(folder, "t10k", sst::all_images), o.classes, test, seed, folder.string())};
}

/// Masks of 0 and 1 as images have them, brought to a size: foreground where half of a pixel or more is.
/// Throws sst::DataError for other numbers, and for a mask that has no foreground.
inline Eigen::MatrixXd read_masks(const std::string& file, const sst::Images& of, Index size) {
  sst::Images masks = sst::read_npy_images(file);
  const bool fits = masks.count() >= of.count() && masks.shape.height == of.shape.height &&
                    masks.shape.width == of.shape.width && masks.shape.channels == 1;
  if (!fits)
    throw sst::DataError("'" + file + "' has " + std::to_string(masks.count()) + " masks of " +
                         sst::to_string(masks.shape) + " for " + std::to_string(of.count()) + " images of " +
                         sst::to_string(of.shape) + "; give a mask of one channel for each image");
  masks = sst::first(masks, of.count());
  if (((masks.pixels.array() != 0) && (masks.pixels.array() != 1)).any())
    throw sst::DataError("'" + file +
                         "' has numbers other than 0 and 1; give 1 in the foreground, 0 elsewhere");
  if (size > 0) masks = sst::downsample(masks, size, size);
  Eigen::MatrixXd out = (masks.pixels.array() >= 0.5).cast<double>();
  for (Index i = 0; i < out.rows(); ++i)
    if (out.row(i).sum() == 0)
      throw sst::DataError(
          "'" + file + "', mask " + std::to_string(i) +
          ", counted from 0, has no foreground at this size; remove it, or choose a larger --size");
  return out;
}

inline Data load(const Options& o) {
  const auto seed = static_cast<std::uint32_t>(o.seed);
  Data out;
  if (o.composites()) {
    const auto [train, test] = items(o);
    const auto make = [&](const sst::Images& of, std::uint32_t draw) {
      return composites(sst::downsample(of, o.item, o.item), {o.size, o.pieces, o.noise}, draw);
    };
    out.train = make(train, 2 * seed).images;
    Foregrounds explained = make(test, 2 * seed + 1);
    out.shown = std::move(explained.images);
    out.masks = std::move(explained.masks);
  } else {
    const Index most = o.limit.empty() ? sst::all_images : o.limit.back();
    out.train = sst::read_npy_images(o.path, o.labels);
    if (!o.limit.empty())
      out.train = drawn(out.train, {}, std::min(o.limit.front(), out.train.count()), seed, o.path);
    out.shown = o.test_labels.empty() ? sst::read_npy_images(o.test, most)
                                      : sst::read_npy_images(o.test, o.test_labels, most);
    out.masks = read_masks(o.test_masks, out.shown, o.size);
    if (!(out.shown.shape == out.train.shape))
      throw sst::DataError("the images to train on are " + sst::to_string(out.train.shape) +
                           " and those to explain " + sst::to_string(out.shown.shape) + "; give one shape");
    if (o.size > 0) {
      out.train = sst::downsample(out.train, o.size, o.size);
      out.shown = sst::downsample(out.shown, o.size, o.size);
    }
  }
  if (out.shown.count() < 2)
    throw sst::DataError("there is " + std::to_string(out.shown.count()) +
                         " image to explain (intervals and tests take two or more); give more");
  if (o.shuffle_labels)
    out.train.labels = Eigen::VectorXi(out.train.labels(sst::permutation(out.train.count(), seed)));
  out.train = sst::standardize_each(out.train, "the images to train on");
  out.test = sst::standardize_each(out.shown, "the images to explain");
  return out;
}

}  // namespace interpret
