// SPDX-License-Identifier: MIT
#pragma once

#include <Eigen/Core>
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include <sst/base/memory.hpp>
#include <sst/error.hpp>
#include <sst/images/images.hpp>
#include <sst/io/bytes.hpp>
#include <sst/version.hpp>

namespace sst {
inline namespace SST_ABI {

/// Which of the two labels of CIFAR-100.
enum class Cifar100Label {
  fine,   ///< one of 100 classes
  coarse  ///< one of 20 superclasses
};

namespace detail {

/// What a record of a CIFAR file has before its 3072 pixels: labels, one a byte.
struct CifarFormat {
  const char* name;
  std::size_t labels;               ///< bytes before the pixels
  std::size_t which;                ///< the one to keep
  std::array<unsigned, 2> classes;  ///< of each label byte
};

inline Images read_cifar(const std::vector<std::filesystem::path>& files, const CifarFormat& format,
                         Eigen::Index limit) {
  constexpr std::size_t plane = std::size_t{32} * 32, pixels = 3 * plane;
  const std::size_t record = format.labels + pixels;
  if (files.empty()) throw DataError(std::string("there are no ") + format.name + " files; name one or more");
  if (limit < 1) throw DataError("the limit is " + std::to_string(limit) + " images; choose one or more");

  // All sizes are checked before the images' memory is reserved.
  std::uint64_t total = 0;
  for (const auto& path : files) {
    const FileSource file(path);
    if (file.at_most() == 0 || file.at_most() % record != 0)
      throw DataError("cannot read '" + file.name() + "' as " + format.name + " (its " +
                      std::to_string(file.at_most()) + " bytes are not records of " + std::to_string(record) +
                      "); give an unpacked .bin file of the binary version");
    total += file.at_most() / record;
  }
  const std::uint64_t count = std::min(total, static_cast<std::uint64_t>(limit));
  require_memory(static_cast<double>(count) * pixels * sizeof(double),
                 std::to_string(count) + " images of '" + files.front().string() + "'");

  Images out{{32, 32, 3},
             Eigen::MatrixXd(static_cast<Eigen::Index>(count), static_cast<Eigen::Index>(pixels)),
             Eigen::VectorXi(static_cast<Eigen::Index>(count))};
  std::vector<unsigned char> bytes(record);
  Eigen::Index row = 0;
  for (const auto& path : files) {
    FileSource file(path);
    for (std::uint64_t r = 0, records = file.at_most() / record; r < records; ++r) {
      if (row == out.count()) return out;
      if (file.read(bytes.data(), record) < record)
        throw DataError("cannot read '" + file.name() + "' as " + format.name + " (it ends within record " +
                        std::to_string(r) + "); check the device");
      for (std::size_t l = 0; l < format.labels; ++l)
        if (bytes[l] >= format.classes[l])
          throw DataError("cannot read '" + file.name() + "' as " + format.name + " (record " +
                          std::to_string(r) + ", counted from 0, has the label " + std::to_string(bytes[l]) +
                          ", and there are " + std::to_string(format.classes[l]) +
                          " classes); check that the file is of that format");
      out.labels[row] = bytes[format.which];
      for (std::size_t p = 0; p < plane; ++p)
        for (std::size_t c = 0; c < 3; ++c)
          out.pixels(row, static_cast<Eigen::Index>(3 * p + c)) = bytes[format.labels + c * plane + p];
      ++row;
    }
  }
  return out;
}

}  // namespace detail

/// Reads CIFAR-10 in its binary version: data_batch_1.bin, ..., or test_batch.bin.
///
/// A record is 1 label (0 to 9) and 32 x 32 bytes of red, of green and of blue; 10000 records a file
/// as published, any number here. Pixels are 0 to 255. Reading stops after `limit` images.
/// Source: A. Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", 2009, and the
/// description that comes with the files.
///
/// Throws DataError, with the file's name, for a size that is not a multiple of the record's (before
/// memory is reserved) and, with the record's number, for a label out of range; Error when the images
/// do not fit into memory.
inline Images read_cifar10(const std::vector<std::filesystem::path>& files, Eigen::Index limit = all_images) {
  return detail::read_cifar(files, {"CIFAR-10", 1, 0, {10, 0}}, limit);
}

/// The same for CIFAR-100: train.bin or test.bin, whose records have a coarse (0 to 19) and a fine
/// label (0 to 99) before the pixels.
inline Images read_cifar100(const std::vector<std::filesystem::path>& files,
                            Cifar100Label label = Cifar100Label::fine, Eigen::Index limit = all_images) {
  return detail::read_cifar(files, {"CIFAR-100", 2, label == Cifar100Label::coarse ? 0U : 1U, {20, 100}},
                            limit);
}

}  // namespace SST_ABI
}  // namespace sst
