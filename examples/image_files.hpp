// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <sstream>
#include <string>

#include <Eigen/Core>

#include <sst/error.hpp>
#include <sst/images/idx.hpp>
#include <sst/images/images.hpp>
#include <sst/io/csv.hpp>
#include <sst/io/gzip.hpp>

/// \file
/// Files of images as data sets are published.

namespace fs = std::filesystem;

inline sst::Images read_digits(const fs::path& file) {
  std::istringstream text(sst::read_gzip_text(file));
  const Eigen::MatrixXd rows = sst::read_csv(text, file.string()).values;
  if (rows.cols() != 65)
    throw sst::DataError(file.string() + " has " + std::to_string(rows.cols()) +
                         " columns (the digits have 64 pixels and the label); give the file of the examples");
  if ((rows.col(64).array() != rows.col(64).array().round()).any() || rows.col(64).minCoeff() < 0 ||
      rows.col(64).maxCoeff() > 9)
    throw sst::DataError(file.string() + " has labels that are not 0 to 9; give the file of the examples");
  return {{8, 8, 1}, rows.leftCols(64), rows.col(64).cast<int>()};
}

// The file in the folder, compressed or not.
inline sst::GzipSource open_idx(const fs::path& folder, const std::string& name) {
  const fs::path packed = folder / (name + ".gz");
  return sst::GzipSource(fs::exists(packed) ? packed : folder / name);
}

inline sst::Images read_idx_folder(const fs::path& folder, const std::string& part, Eigen::Index limit) {
  sst::GzipSource images = open_idx(folder, part + "-images-idx3-ubyte");
  sst::GzipSource labels = open_idx(folder, part + "-labels-idx1-ubyte");
  return sst::read_idx(images, labels, limit);
}
