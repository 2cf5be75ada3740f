// SPDX-License-Identifier: MIT
#pragma once

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <sst/base/every.hpp>
#include <sst/error.hpp>
#include <sst/topology/image_shape.hpp>
#include <sst/version.hpp>

namespace sst {
inline namespace SST_ABI {

/// Images of one shape with their labels.
struct Images {
  ImageShape shape;  ///< of every one
  /// n x (height width channels), one image a row; the pixel at (y, x), channel c, is column
  /// (y width + x) channels + c: rows of the image one after another, channels fastest.
  Eigen::MatrixXd pixels;
  /// n labels from 0, or none.
  Eigen::VectorXi labels;

  /// n.
  Eigen::Index count() const { return pixels.rows(); }
};

/// For the readers' `limit`: every image that the file has.
inline constexpr Eigen::Index all_images = std::numeric_limits<Eigen::Index>::max();

/// Throws DataError unless the shape fits the pixels, every pixel is finite, and there are no labels
/// or one for each image, none negative. `name` says in messages which images these are.
inline void validate(const Images& images, const std::string& name) {
  const ImageShape& shape = images.shape;
  if (shape.height < 1 || shape.width < 1 || shape.channels < 1)
    throw DataError(name + ": the shape " + to_string(shape) + " is empty; give every extent at least 1");
  const auto columns = static_cast<std::size_t>(images.pixels.cols());
  // Products of extents may be out of range; quotients are not.
  const bool fits = shape.height <= columns && shape.width <= columns / shape.height &&
                    shape.channels <= columns / (shape.height * shape.width) && shape.size() == columns;
  if (!fits)
    throw DataError(name + ": a row has " + std::to_string(images.pixels.cols()) + " numbers (the shape is " +
                    to_string(shape) + "); give one for each pixel and channel");
  if (images.labels.size() != 0 && images.labels.size() != images.count())
    throw DataError(name + ": there are " + std::to_string(images.count()) + " images and " +
                    std::to_string(images.labels.size()) + " labels; give one label an image");
  for (Eigen::Index j = 0; j < images.pixels.cols(); ++j)
    for (Eigen::Index i = 0; i < images.count(); ++i)
      if (!std::isfinite(images.pixels(i, j)))
        throw DataError(name + ", image " + std::to_string(i) + ", value " + std::to_string(j) +
                        ", counted from 0, is not a finite number; replace it or remove the image");
  for (Eigen::Index i = 0; i < images.labels.size(); ++i)
    if (images.labels[i] < 0)
      throw DataError(name + ", image " + std::to_string(i) + ", counted from 0, has the label " +
                      std::to_string(images.labels[i]) + "; number the classes from 0");
}

/// The images of these numbers, in this order. Throws DataError for one that does not exist.
inline Images select(const Images& images, const std::vector<Eigen::Index>& which) {
  for (const Eigen::Index i : which)
    if (i < 0 || i >= images.count())
      throw DataError("there is no image " + std::to_string(i) + " (there are " +
                      std::to_string(images.count()) + ", counted from 0); choose among them");
  Images out{images.shape, images.pixels(which, every), {}};
  if (images.labels.size() != 0) out.labels = images.labels(which);
  return out;
}

/// The first `count` images, or all where there are fewer.
inline Images first(const Images& images, Eigen::Index count) {
  const Eigen::Index n = std::min(std::max<Eigen::Index>(count, 0), images.count());
  Images out{images.shape, images.pixels.topRows(n), {}};
  if (images.labels.size() != 0) out.labels = images.labels.head(n);
  return out;
}

/// How many classes the labels have.
inline std::size_t count_classes(const Images& images) {
  return std::set<int>(images.labels.begin(), images.labels.end()).size();
}

/// The images of `a`, then those of `b`. Throws DataError unless the shapes agree and both or neither
/// have labels.
inline Images join(const Images& a, const Images& b) {
  if (!(a.shape == b.shape))
    throw DataError("cannot join images of " + to_string(a.shape) + " and " + to_string(b.shape) +
                    "; bring them to one shape first");
  if ((a.labels.size() == 0) != (b.labels.size() == 0) && a.count() > 0 && b.count() > 0)
    throw DataError("cannot join images with and without labels; label all or none");
  Images out{a.shape, Eigen::MatrixXd(a.count() + b.count(), a.pixels.cols()),
             Eigen::VectorXi(a.labels.size() + b.labels.size())};
  out.pixels << a.pixels, b.pixels;
  out.labels << a.labels, b.labels;
  return out;
}

}  // namespace SST_ABI
}  // namespace sst
