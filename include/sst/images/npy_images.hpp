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

/// Reads images from an NPY file: count x height x width, or count x height x width x channels, in C
/// order; any dtype of `read_npy`. This is the way in for folders of PNG or JPEG files (docs/images.md).
///
/// Throws DataError, with the file's name, as `read_npy` does, for another number of dimensions, an
/// empty array, Fortran order, and (with the image's number) a value that is not finite; Error when the
/// images do not fit into memory. The images have no labels.
inline Images read_npy_images(const std::filesystem::path& path, Eigen::Index limit = all_images) {
  if (limit < 1) throw DataError("the limit is " + std::to_string(limit) + " images; choose one or more");
  FileSource file(path);
  detail::NpyReader reader(file);
  const std::vector<std::size_t>& shape = reader.shape();
  if (shape.size() != 3 && shape.size() != 4)
    reader.fail("it has " + std::to_string(shape.size()) + " dimensions",
                "give count x height x width or count x height x width x channels");
  if (reader.count() == 0) reader.fail("it has no entries", "give one image or more");
  if (reader.fortran_order())
    reader.fail("it is in Fortran order", "save numpy.ascontiguousarray of the array");
  const ImageShape one{shape[1], shape[2], shape.size() == 4 ? shape[3] : 1};
  const auto size = static_cast<Eigen::Index>(one.size());
  const Eigen::Index count = std::min(static_cast<Eigen::Index>(shape[0]), limit);
  require_memory(static_cast<double>(count) * static_cast<double>(size) * sizeof(double),
                 "the images of '" + reader.name() + "'");
  Images out{one, Eigen::MatrixXd(count, size), {}};
  Eigen::Index row = 0, column = 0;
  reader.for_each([&](double value) {
    if (!std::isfinite(value))
      reader.fail("image " + std::to_string(row) + ", counted from 0, has a value that is not finite",
                  "replace it or remove the image");
    if (row < count) out.pixels(row, column) = value;
    if (++column == size) ++row, column = 0;
  });
  return out;
}

/// The same with labels from a second NPY file: one dimension, whole numbers from 0.
inline Images read_npy_images(const std::filesystem::path& path, const std::filesystem::path& labels,
                              Eigen::Index limit = all_images) {
  FileSource label_file(labels), image_file(path);
  detail::NpyReader reader(label_file);
  if (reader.shape().size() != 1)
    reader.fail("it has " + std::to_string(reader.shape().size()) + " dimensions",
                "give one label an image, in one dimension");
  const detail::NpyReader pixels(image_file);
  const std::size_t images = pixels.shape().empty() ? 0 : pixels.shape()[0];
  if (reader.count() != images)
    reader.fail("it has " + std::to_string(reader.count()) + " labels for the " + std::to_string(images) +
                    " images of '" + path.string() + "'",
                "give one label an image");
  Images out = read_npy_images(path, limit);
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
