// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>

#include <Eigen/Core>

#include <sst/kernel/full_gradients.hpp>
#include <sst/topology/image_shape.hpp>

/// \file
/// Maps of an image that say how much each pixel matters. A map is a matrix, height x width.

namespace interpret {

using Eigen::Index;
using Map = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

/// The pixels of a map, rows one after another, as masks have them.
inline Eigen::RowVectorXd pixels(const Map& map) {
  return Eigen::Map<const Eigen::RowVectorXd>(map.data(), map.size());
}

/// An image's numbers, channels fastest, as one map a channel adds up to: f(channel) of each, added.
template <class F>
Map over_channels(const Eigen::RowVectorXd& numbers, const sst::ImageShape& shape, F&& f) {
  const auto channels = static_cast<Index>(shape.channels);
  Map out = Map::Zero(static_cast<Index>(shape.height), static_cast<Index>(shape.width));
  for (Index pixel = 0; pixel < out.size(); ++pixel)
    for (Index c = 0; c < channels; ++c) out.data()[pixel] += f(numbers[pixel * channels + c]);
  return out;
}

/// From 0 to 1: less the least, over what is then the greatest. All 0 for a constant, which prefers no pixel.
inline Map rescaled(const Map& map) {
  const double low = map.minCoeff(), range = map.maxCoeff() - low;
  if (!(range > 0)) return Map::Zero(map.rows(), map.cols());
  return (map.array() - low) / range;
}

/// Brought to height x width, linear between the middles of pixels, constant beyond the outer ones.
inline Map resized(const Map& map, Index height, Index width) {
  const auto weights = [](Index out, Index in) {
    Eigen::MatrixXd w = Eigen::MatrixXd::Zero(out, in);
    for (Index i = 0; i < out; ++i) {
      const double middle =
          (static_cast<double>(i) + 0.5) * static_cast<double>(in) / static_cast<double>(out);
      const double place = std::clamp(middle - 0.5, 0.0, static_cast<double>(in - 1));
      const auto below = std::min(static_cast<Index>(place), in - 1);
      const double share = place - static_cast<double>(below);
      w(i, below) += 1 - share;
      if (share > 0) w(i, below + 1) += share;
    }
    return w;
  };
  return weights(height, map.rows()) * map * weights(width, map.cols()).transpose();
}

/// What full gradients say of an image, as Srinivas and Fleuret 2019 draw them: of pixel times gradient and
/// of the part of each layer's bias the absolute values, rescaled, resized to the image, and added. A layer
/// without positions, as a read-out is, says nothing about pixels.
inline Map full_gradient_map(const sst::FullGradients& parts, Index sample, const Eigen::RowVectorXd& image,
                             const sst::ImageShape& shape) {
  const auto absolute = [](double x) { return std::abs(x); };
  Map out = rescaled(over_channels(parts.input.row(sample).cwiseProduct(image), shape, absolute));
  for (std::size_t l = 0; l < parts.biased.size(); ++l)
    out += resized(rescaled(parts.map(sample, l).cwiseAbs()), out.rows(), out.cols());
  return out;
}

/// The input gradient: absolute values, channels added.
inline Map gradient_map(const Eigen::RowVectorXd& gradient, const sst::ImageShape& shape) {
  return over_channels(gradient, shape, [](double x) { return std::abs(x); });
}

/// How far each pixel is from the image's mean, channels added: a map that sees the image and no machine.
inline Map contrast_map(const Eigen::RowVectorXd& image, const sst::ImageShape& shape) {
  return over_channels(image, shape, [mean = image.mean()](double x) { return std::abs(x - mean); });
}

/// A Gaussian about the middle with a quarter of each side as its standard deviation: a map that does not
/// even see the image.
inline Map centred_gaussian(const sst::ImageShape& shape) {
  const auto axis = [](std::size_t size) {
    const auto n = static_cast<Index>(size);
    const double side = static_cast<double>(n);
    const Eigen::ArrayXd from_middle = Eigen::ArrayXd::LinSpaced(n, 0.5, side - 0.5) - side / 2;
    return Eigen::VectorXd((-(4 / side * from_middle).square() / 2).exp());
  };
  return axis(shape.height) * axis(shape.width).transpose();
}

/// Of each part of full gradients the sum of its absolute values over all positions: a row for each sample;
/// the input first, then the layers in their order.
inline Eigen::MatrixXd part_sizes(const sst::FullGradients& parts, const Eigen::MatrixXd& images) {
  Eigen::MatrixXd out(images.rows(), static_cast<Index>(parts.biased.size()) + 1);
  out.col(0) = parts.input.cwiseProduct(images).cwiseAbs().rowwise().sum();
  for (std::size_t l = 0; l < parts.biased.size(); ++l)
    out.col(static_cast<Index>(l) + 1) =
        parts.layers.middleCols(parts.biased[l].first, parts.biased[l].size()).cwiseAbs().rowwise().sum();
  return out;
}

/// Sizes, a row for each sample, over the sums of their rows: the means of these shares.
inline Eigen::RowVectorXd mean_shares(const Eigen::MatrixXd& sizes) {
  return (sizes.array().colwise() / sizes.rowwise().sum().array()).colwise().mean();
}

}  // namespace interpret
