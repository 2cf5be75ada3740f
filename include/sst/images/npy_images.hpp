// SPDX-License-Identifier: MIT
#pragma once

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <filesystem>
#include <limits>
#include <string>
#include <vector>

#include <sst/base/memory.hpp>
#include <sst/error.hpp>
#include <sst/images/images.hpp>
#include <sst/io/bytes.hpp>
#include <sst/io/npy.hpp>
#include <sst/version.hpp>

namespace sst {
inline namespace SST_ABI {

/// Where an array of images has its channels.
enum class ImageLayout {
  automatic,       ///< last; up to four of something before two larger extents look like channels: an error
  channels_last,   ///< count x height x width x channels
  channels_first,  ///< count x channels x height x width, as PyTorch has them
};

namespace detail {

/// Height, width and channels of such an array.
inline ImageShape npy_image_shape(const NpyReader& reader, ImageLayout layout) {
  const std::vector<std::size_t>& shape = reader.shape();
  if (shape.size() != 3 && shape.size() != 4)
    reader.fail("it has " + std::to_string(shape.size()) + " dimensions",
                "give count x height x width or count x height x width x channels");
  if (shape.size() == 3) return {shape[1], shape[2], 1};
  if (layout == ImageLayout::channels_first) return {shape[2], shape[3], shape[1]};
  if (layout == ImageLayout::automatic && shape[1] <= 4 && shape[2] > 4 && shape[3] > 4)
    reader.fail("images of " + std::to_string(shape[1]) + " x " + std::to_string(shape[2]) + " x " +
                    std::to_string(shape[3]) + " look like channels first, and channels come last here",
                "say which (layout: channels-first or channels-last)");
  return {shape[1], shape[2], shape[3]};
}

}  // namespace detail

/// Reads images from an NPY file: count x height x width, or count x height x width x channels (or with the
/// channels first, if `layout` says so), in C order; any dtype of `read_npy`. This is the way in for folders
/// of PNG or JPEG files (docs/images.md).
///
/// Throws DataError, with the file's name, as `read_npy` does, for another number of dimensions, an
/// empty array, Fortran order, channels that seem to come first, and (with the image's number) a value that
/// is not finite; Error when the images do not fit into memory. The images have no labels.
inline Images read_npy_images(const std::filesystem::path& path, Eigen::Index limit = all_images,
                              ImageLayout layout = ImageLayout::automatic) {
  if (limit < 1) throw DataError("the limit is " + std::to_string(limit) + " images; choose one or more");
  FileSource file(path);
  detail::NpyReader reader(file);
  const std::vector<std::size_t>& shape = reader.shape();
  const ImageShape one = detail::npy_image_shape(reader, layout);
  if (reader.count() == 0) reader.fail("it has no entries", "give one image or more");
  if (reader.fortran_order())
    reader.fail("it is in Fortran order", "save numpy.ascontiguousarray of the array");
  const auto size = static_cast<Eigen::Index>(one.size());
  const Eigen::Index count = std::min(static_cast<Eigen::Index>(shape[0]), limit);
  require_memory(static_cast<double>(count) * static_cast<double>(size) * sizeof(double),
                 "the images of '" + reader.name() + "'");
  Images out{one, Eigen::MatrixXd(count, size), {}};
  // The place in a row of the number that comes at `column` in the file.
  const bool first = layout == ImageLayout::channels_first && shape.size() == 4;
  const auto positions = static_cast<Eigen::Index>(one.height * one.width);
  const auto channels = static_cast<Eigen::Index>(one.channels);
  const auto place = [&](Eigen::Index column) {
    return first ? column % positions * channels + column / positions : column;
  };
  Eigen::Index row = 0, column = 0;
  reader.for_each([&](double value) {
    if (!std::isfinite(value))
      reader.fail("image " + std::to_string(row) + ", counted from 0, has a value that is not finite",
                  "replace it or remove the image");
    if (row < count) out.pixels(row, place(column)) = value;
    if (++column == size) ++row, column = 0;
  });
  return out;
}

/// The same with labels from a second NPY file: whole numbers from 0, in one dimension or a column (n x 1).
inline Images read_npy_images(const std::filesystem::path& path, const std::filesystem::path& labels,
                              Eigen::Index limit = all_images, ImageLayout layout = ImageLayout::automatic) {
  FileSource label_file(labels), image_file(path);
  detail::NpyReader reader(label_file);
  if (const auto& shape = reader.shape(); shape.size() == 2 && shape[1] > 1)
    reader.fail("it has " + std::to_string(shape[1]) + " numbers for each image",
                "give one label an image; of one-hot labels, numpy.argmax(labels, 1)");
  else if (shape.size() != 1 && shape.size() != 2)
    reader.fail("it has " + std::to_string(shape.size()) + " dimensions",
                "give one label an image, in one dimension");
  const detail::NpyReader pixels(image_file);
  const std::size_t images = pixels.shape().empty() ? 0 : pixels.shape()[0];
  if (reader.count() != images)
    reader.fail("it has " + std::to_string(reader.count()) + " labels for the " + std::to_string(images) +
                    " images of '" + path.string() + "'",
                "give one label an image");
  Images out = read_npy_images(path, limit, layout);
  out.labels.resize(out.count());
  Eigen::Index row = 0;
  reader.for_each([&](double value) {
    if (!(value >= 0 && value <= std::numeric_limits<int>::max() && value == std::floor(value)))
      reader.fail("label " + std::to_string(row) + ", counted from 0, is not a whole number from 0 up",
                  "number the classes from 0");
    if (row < out.count()) out.labels[row] = static_cast<int>(value);
    ++row;
  });
  return out;
}

}  // namespace SST_ABI
}  // namespace sst
