// SPDX-License-Identifier: MIT
#pragma once

#include <Eigen/Core>
#include <Eigen/Eigenvalues>
#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include <sst/base/every.hpp>
#include <sst/error.hpp>
#include <sst/images/images.hpp>
#include <sst/selection/split.hpp>
#include <sst/version.hpp>

/// \file
/// What is done to images before a kernel sees them. What is estimated (standardisation by channel,
/// ZCA) is estimated on the training images alone and applied to both.

namespace sst {
inline namespace SST_ABI {

namespace detail {
/// Extents to count with.
struct Extents {
  Eigen::Index height, width, channels;
  explicit Extents(const ImageShape& shape)
      : height(static_cast<Eigen::Index>(shape.height)),
        width(static_cast<Eigen::Index>(shape.width)),
        channels(static_cast<Eigen::Index>(shape.channels)) {}
};
}  // namespace detail

/// Each image minus its mean, over its standard deviation, both over all of its pixels and channels:
/// every image has |x|^2 = height width channels.
///
/// Throws DataError, with the image's number and the `name` of the images, for one that is constant: it has
/// no scale.
inline Images standardize_each(Images images, const std::string& name = "the images") {
  for (Eigen::Index i = 0; i < images.count(); ++i) {
    auto row = images.pixels.row(i);
    const double highest = row.cwiseAbs().maxCoeff();
    row.array() -= row.mean();
    const double deviation = std::sqrt(row.squaredNorm() / static_cast<double>(row.size()));
    // The rounding of the mean is all that is left of a constant image.
    if (!(deviation > 1e-13 * highest))
      throw DataError(name + ": image " + std::to_string(i) +
                      ", counted from 0, is constant (it has no scale to divide by); remove it, or choose "
                      "another standardisation (preprocess: channel or none)");
    row /= deviation;
  }
  return images;
}

/// Mean and standard deviation of each channel over images and positions, the latter not 0.
class ChannelScale {
 public:
  /// Throws DataError without images and, with its number, for a channel that is constant.
  explicit ChannelScale(const Images& train) {
    const auto [height, width, channels] = detail::Extents(train.shape);
    mean_.resize(channels);
    deviation_.resize(channels);
    if (train.count() == 0) throw DataError("there are no images to estimate a scale from; give some");
    const Eigen::Index positions = height * width;
    const double count = static_cast<double>(positions) * static_cast<double>(train.count());
    for (Eigen::Index c = 0; c < mean_.size(); ++c) {
      const auto channel = train.pixels(every, Eigen::seqN(c, positions, channels));
      mean_[c] = channel.sum() / count;
      deviation_[c] = std::sqrt((channel.array() - mean_[c]).square().sum() / count);
      if (!(deviation_[c] > 1e-13 * std::abs(mean_[c])))
        throw DataError("channel " + std::to_string(c) +
                        ", counted from 0, is constant (it has no scale to divide by); remove it");
    }
  }

  /// The means, one entry for each channel.
  const Eigen::VectorXd& mean() const { return mean_; }
  /// The standard deviations over images and positions (divided by their number), one entry for each channel.
  const Eigen::VectorXd& standard_deviation() const { return deviation_; }

  /// (pixel - mean) / standard deviation, channel by channel. Throws DataError for other channels.
  Images apply(Images images) const {
    if (detail::Extents(images.shape).channels != mean_.size())
      throw DataError("the scale of " + std::to_string(mean_.size()) + " channels does not fit images of " +
                      to_string(images.shape) + "; estimate it on such images");
    for (Eigen::Index j = 0; j < images.pixels.cols(); ++j) {
      const Eigen::Index c = j % mean_.size();
      images.pixels.col(j) = (images.pixels.col(j).array() - mean_[c]) / deviation_[c];
    }
    return images;
  }

 private:
  Eigen::VectorXd mean_, deviation_;
};

/// ZCA whitening: x -> U (D + epsilon mean(D) I)^(-1/2) U' (x - mean), where U D U' is the covariance
/// of the training images; the regularised form that Shankar et al. 2020 ("Neural Kernels Without
/// Tangents") and Lee et al. 2020 ("Finite Versus Infinite Neural Networks", section 3.10) use on
/// CIFAR-10, where 0.1 is a good epsilon.
///
/// Costs O(d^3) for d = height width channels (a minute or two at d = 3072).
class Zca {
 public:
  /// epsilon > 0. Throws DataError without images, for images that are all the same, and for an
  /// epsilon that is not positive.
  Zca(const Images& train, double epsilon) : shape_(train.shape) {
    if (train.count() == 0) throw DataError("there are no images to estimate ZCA from; give some");
    if (!(epsilon > 0) || !std::isfinite(epsilon))
      throw DataError("the epsilon of ZCA is " + detail::shortest(epsilon) +
                      " (it keeps empty directions from being blown up); give it a number above 0");
    const auto size = static_cast<Eigen::Index>(shape_.size());
    mean_ = train.pixels.colwise().mean();
    const Eigen::MatrixXd centred = train.pixels.rowwise() - mean_;
    Eigen::MatrixXd covariance = Eigen::MatrixXd::Zero(size, size);
    covariance.selfadjointView<Eigen::Lower>().rankUpdate(centred.transpose(),
                                                          1 / static_cast<double>(train.count()));
    const double floor = epsilon * covariance.trace() / static_cast<double>(size);
    if (!(floor > 0))
      throw DataError("ZCA cannot be estimated from images that are all the same; give others");
    const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(covariance);
    if (solver.info() != Eigen::Success)
      throw DataError("the eigenvalues of the images' covariance do not converge; scale the images");
    // Rounding takes zero eigenvalues below zero.
    const Eigen::VectorXd scale = (solver.eigenvalues().cwiseMax(0).array() + floor).rsqrt();
    whitening_ = solver.eigenvectors() * scale.asDiagonal() * solver.eigenvectors().transpose();
  }

  /// d x d, symmetric.
  const Eigen::MatrixXd& whitening() const { return whitening_; }

  /// Throws DataError for images of another shape.
  Images apply(Images images) const {
    if (!(images.shape == shape_))
      throw DataError("ZCA of images of " + to_string(shape_) + " does not fit images of " +
                      to_string(images.shape) + "; estimate it on such images");
    images.pixels.rowwise() -= mean_;
    images.pixels = images.pixels * whitening_;
    return images;
  }

 private:
  ImageShape shape_;
  Eigen::RowVectorXd mean_;
  Eigen::MatrixXd whitening_;
};

/// Every image mirrored, left to right.
inline Images flip_horizontally(Images images) {
  const auto [height, width, channels] = detail::Extents(images.shape);
  for (Eigen::Index y = 0; y < height; ++y)
    for (Eigen::Index left = 0; left < width / 2; ++left)
      for (Eigen::Index c = 0; c < channels; ++c) {
        const Eigen::Index right = width - 1 - left;
        images.pixels.col((y * width + left) * channels + c)
            .swap(images.pixels.col((y * width + right) * channels + c));
      }
  return images;
}

/// The images, then their mirror images with the same labels: twice as many.
inline Images with_flips(const Images& images) { return join(images, flip_horizontally(images)); }

/// The images at a smaller size: each new pixel is the mean of the old ones over the area that it
/// covers, pixels that it covers in part counted by that part. Means of images are kept exactly.
///
/// The sizes need not divide one another (28 -> 8). Throws DataError unless 1 <= height, width and
/// neither is larger than it was.
inline Images downsample(const Images& images, Eigen::Index height, Eigen::Index width) {
  const detail::Extents from(images.shape);
  if (height < 1 || width < 1 || height > from.height || width > from.width)
    throw DataError("cannot bring images of " + to_string(images.shape) + " to " + std::to_string(height) +
                    " x " + std::to_string(width) +
                    " (only down-sampling is possible); choose a size from 1 up to that of the images");
  // Row i of the weights: which part of each old line lies in new line i, over the new line's extent.
  const auto weights = [](Eigen::Index old_size, Eigen::Index new_size) {
    Eigen::MatrixXd out = Eigen::MatrixXd::Zero(new_size, old_size);
    // In units of 1 / (old new) of the image everything is an integer.
    for (Eigen::Index i = 0; i < new_size; ++i)
      for (Eigen::Index j = 0; j < old_size; ++j) {
        const Eigen::Index overlap =
            std::min((i + 1) * old_size, (j + 1) * new_size) - std::max(i * old_size, j * new_size);
        if (overlap > 0) out(i, j) = static_cast<double>(overlap) / static_cast<double>(old_size);
      }
    return out;
  };
  const Eigen::MatrixXd down = weights(from.height, height), across = weights(from.width, width);

  Images out{{static_cast<std::size_t>(height), static_cast<std::size_t>(width), images.shape.channels},
             Eigen::MatrixXd::Zero(images.count(), height * width * from.channels),
             images.labels};
  // First lines into lines of all their pixels, then pixels along each line; one column is one place
  // in all images.
  Eigen::MatrixXd line(images.count(), from.width * from.channels);
  for (Eigen::Index y = 0; y < height; ++y) {
    line.setZero();
    for (Eigen::Index old = 0; old < from.height; ++old)
      if (down(y, old) != 0) line += down(y, old) * images.pixels.middleCols(old * line.cols(), line.cols());
    for (Eigen::Index x = 0; x < width; ++x) {
      auto pixel = out.pixels.middleCols((y * width + x) * from.channels, from.channels);
      for (Eigen::Index old = 0; old < from.width; ++old)
        if (across(x, old) != 0)
          pixel += across(x, old) * line.middleCols(old * from.channels, from.channels);
    }
  }
  return out;
}

}  // namespace SST_ABI
}  // namespace sst
