// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <random>
#include <string>

#include <Eigen/Core>

#include <sst/error.hpp>
#include <sst/images/images.hpp>

/// \file
/// Pictures of which we know the foreground, since we put it there.

namespace interpret {

using Eigen::Index;

/// Images, and of each pixel whether it belongs to what the image shows.
struct Foregrounds {
  sst::Images images;
  Eigen::MatrixXd masks;  ///< n x (height width): 1 in the foreground, 0 elsewhere
};

struct CompositeOptions {
  Index size = 16;     ///< height and width of a composite
  int pieces = 4;      ///< of clutter
  double noise = 0.3;  ///< its largest value, over the brightest item's
};

/// An item belongs to the foreground where it is brighter than this share of its brightest pixel.
inline constexpr double darkest_foreground = 0.1;

/// Each item, of one channel on black, at a place by chance on noise, uniform from 0 on, and clutter: squares
/// of half its side that are cut by chance from all items and lie at any place (as in the cluttered digits of
/// Mnih et al. 2014, "Recurrent Models of Visual Attention"). So brightness alone does not tell the
/// foreground, and neither the surroundings nor the place tell the label. The same seed gives the same
/// composites everywhere. Throws sst::DataError for items of other channels, larger than `size`, and black
/// ones.
inline Foregrounds composites(const sst::Images& items, const CompositeOptions& options, std::uint32_t seed) {
  const auto height = static_cast<Index>(items.shape.height), width = static_cast<Index>(items.shape.width);
  const Index size = options.size;
  if (items.shape.channels != 1 || height > size || width > size)
    throw sst::DataError("items of " + sst::to_string(items.shape) + " do not fit into composites of " +
                         std::to_string(size) + " x " + std::to_string(size) +
                         " pixels and one channel; choose a larger size, or smaller items");
  using Picture = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  const auto item = [&](Index i) {
    const Eigen::RowVectorXd pixels = items.pixels.row(i);
    return Picture(Eigen::Map<const Picture>(pixels.data(), height, width));
  };
  std::mt19937_64 words(seed);
  const auto below = [&words](Index n) {
    return static_cast<Index>(words() % static_cast<std::uint64_t>(n));
  };
  const double most = items.count() > 0 ? options.noise * items.pixels.maxCoeff() : 0;
  const auto noise = [&] { return most * std::ldexp(static_cast<double>(words() >> 11U), -53); };
  const auto side = static_cast<std::size_t>(size);
  Foregrounds out{{{side, side, 1}, Eigen::MatrixXd(items.count(), size * size), items.labels},
                  Eigen::MatrixXd(items.count(), size * size)};
  const Index rows = std::max<Index>(1, height / 2), columns = std::max<Index>(1, width / 2);
  for (Index i = 0; i < items.count(); ++i) {
    Picture picture = Picture::NullaryExpr(size, size, noise), mask = Picture::Zero(size, size);
    for (int k = 0; k < options.pieces; ++k) {
      const Picture from = item(below(items.count()));
      const Index y = below(height - rows + 1), x = below(width - columns + 1);
      auto there = picture.block(below(size - rows + 1), below(size - columns + 1), rows, columns);
      there = there.cwiseMax(from.block(y, x, rows, columns));
    }
    const Picture shown = item(i);
    const double brightest = shown.maxCoeff();
    if (!(brightest > 0))
      throw sst::DataError("item " + std::to_string(i) +
                           ", counted from 0, is black (there is no foreground in it); remove it");
    const Index y = below(size - height + 1), x = below(size - width + 1);
    auto place = mask.block(y, x, height, width);
    place = (shown.array() > darkest_foreground * brightest).cast<double>();
    auto there = picture.block(y, x, height, width);
    there = (place.array() > 0).select(shown, there);
    out.images.pixels.row(i) = picture.reshaped<Eigen::RowMajor>().transpose();
    out.masks.row(i) = mask.reshaped<Eigen::RowMajor>().transpose();
  }
  return out;
}

}  // namespace interpret
