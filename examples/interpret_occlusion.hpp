// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>

#include <Eigen/Core>

#include <sst/topology/image_shape.hpp>

#include "interpret_maps.hpp"

/// \file
/// What a score loses without a part of the image (Zeiler and Fergus 2014, "Visualizing and Understanding
/// Convolutional Networks").

namespace interpret {

/// Squares that cover an image once; those at the lower and right edges may be smaller.
struct Patches {
  sst::ImageShape shape;  ///< of the image
  Index side;             ///< of a square

  Index rows() const { return (static_cast<Index>(shape.height) + side - 1) / side; }
  Index columns() const { return (static_cast<Index>(shape.width) + side - 1) / side; }
  Index count() const { return rows() * columns(); }
};

/// The image with one square after another filled with the mean of its channel: squares x numbers.
inline Eigen::MatrixXd occluded(const Eigen::RowVectorXd& image, const Patches& patches) {
  const auto height = static_cast<Index>(patches.shape.height),
             width = static_cast<Index>(patches.shape.width);
  const auto channels = static_cast<Index>(patches.shape.channels);
  Eigen::MatrixXd out = image.replicate(patches.count(), 1);
  for (Index c = 0; c < channels; ++c) {
    const double mean = image(Eigen::seqN(c, height * width, channels)).mean();
    for (Index y = 0; y < height; ++y)
      for (Index x = 0; x < width; ++x)
        out(y / patches.side * patches.columns() + x / patches.side, (y * width + x) * channels + c) = mean;
  }
  return out;
}

/// By how much the score falls without each square, resized to the image.
inline Map occlusion_map(double score, const Eigen::VectorXd& without, const Patches& patches) {
  const Eigen::VectorXd falls = score - without.array();
  return resized(Eigen::Map<const Map>(falls.data(), patches.rows(), patches.columns()),
                 static_cast<Index>(patches.shape.height), static_cast<Index>(patches.shape.width));
}

}  // namespace interpret
