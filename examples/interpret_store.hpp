// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <string>
#include <system_error>

#include <Eigen/Core>

#include <sst/error.hpp>
#include <sst/io/npy.hpp>
#include <sst/kernel/full_gradients.hpp>

/// \file
/// Full gradients on disk: what takes nearly all the time of a run is not computed twice.

namespace interpret {

/// A file for each key in a folder, written whole or not at all.
class Store {
 public:
  /// Keeps nothing where `folder` is empty. Throws sst::DataError for a folder that cannot be made.
  explicit Store(const std::string& folder) : folder_(folder) {
    if (folder.empty()) return;
    std::error_code error;
    std::filesystem::create_directories(folder, error);
    if (error)
      throw sst::DataError("cannot make the folder '" + folder + "' (" + error.message() +
                           "); choose another --store");
  }

  bool has(const std::string& key) const { return !folder_.empty() && std::filesystem::exists(file(key)); }
  /// What the file of this key holds of so many images; `one` is that of one image, with its layers. Throws
  /// sst::DataError for a file that cannot be read or is of another size.
  sst::FullGradients load(const std::string& key, sst::FullGradients one, Eigen::Index images) const {
    const Eigen::MatrixXd numbers = sst::read_npy_matrix(file(key));
    const Eigen::Index pixels = one.input.cols();
    if (numbers.rows() != images || numbers.cols() != pixels + one.layers.cols())
      throw sst::DataError("'" + file(key).string() + "' does not hold what its name says; remove it");
    one.layers = numbers.rightCols(one.layers.cols());
    one.input = numbers.leftCols(pixels);
    return one;
  }
  void save(const std::string& key, const sst::FullGradients& parts) const {
    if (folder_.empty()) return;
    Eigen::MatrixXd numbers(parts.input.rows(), parts.input.cols() + parts.layers.cols());
    numbers << parts.input, parts.layers;
    sst::write_npy(file(key), numbers);
  }

 private:
  std::filesystem::path file(const std::string& key) const { return folder_ / (key + ".npy"); }

  std::filesystem::path folder_;
};

}  // namespace interpret
