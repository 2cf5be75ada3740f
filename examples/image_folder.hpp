// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <Eigen/Core>

#include <sst/base/memory.hpp>
#include <sst/error.hpp>
#include <sst/images/images.hpp>

#include "image_jpeg.hpp"

/// \file
/// Tiny ImageNet in its published folder: train/CLASS/images/*.JPEG, val/images/*.JPEG and
/// val_annotations.txt.

/// Files and the classes of what they show, numbered as the folders of train/ are sorted.
struct ImageFiles {
  std::vector<std::filesystem::path> files;
  Eigen::VectorXi labels;
  std::size_t classes = 0;
};

namespace folder_detail {

namespace fs = std::filesystem;

/// What is in a folder, sorted.
inline std::vector<fs::path> listing(const fs::path& folder) {
  std::error_code error;
  std::vector<fs::path> out;
  for (const auto& entry : fs::directory_iterator(folder, error)) out.push_back(entry.path());
  if (error || out.empty())
    throw sst::DataError("cannot read '" + folder.string() + "' (" +
                         (error ? error.message() : "it is empty") +
                         "); give the folder of Tiny ImageNet as --path");
  std::sort(out.begin(), out.end());
  return out;
}

inline ImageFiles from_pairs(const std::vector<std::pair<fs::path, int>>& pairs, std::size_t classes) {
  ImageFiles out{{}, Eigen::VectorXi(static_cast<Eigen::Index>(pairs.size())), classes};
  for (const auto& [file, label] : pairs) {
    out.labels[static_cast<Eigen::Index>(out.files.size())] = label;
    out.files.push_back(file);
  }
  return out;
}

}  // namespace folder_detail

/// The images to train on, by turns of each class, or those to validate, in the order of their file. Throws
/// DataError where the folder is not as published.
inline ImageFiles list_tiny_imagenet(const std::filesystem::path& folder, bool validation) {
  namespace fs = std::filesystem;
  std::vector<std::pair<fs::path, int>> out;
  const std::vector<fs::path> classes = folder_detail::listing(folder / "train");
  if (!validation) {
    std::vector<std::vector<fs::path>> of_class;
    std::size_t most = 0;
    for (const fs::path& one : classes) {
      of_class.push_back(folder_detail::listing(one / "images"));
      most = std::max(most, of_class.back().size());
    }
    for (std::size_t turn = 0; turn < most; ++turn)
      for (std::size_t c = 0; c < of_class.size(); ++c)
        if (turn < of_class[c].size()) out.emplace_back(of_class[c][turn], static_cast<int>(c));
    return folder_detail::from_pairs(out, classes.size());
  }
  std::map<std::string, int> number;
  for (const fs::path& one : classes) number.emplace(one.filename(), static_cast<int>(number.size()));
  const fs::path list = folder / "val" / "val_annotations.txt";
  std::ifstream in(list);
  for (std::string line; std::getline(in, line);) {
    std::istringstream fields(line);
    std::string file, name;
    if (!std::getline(fields, file, '\t') || !std::getline(fields, name, '\t') || !number.contains(name) ||
        fs::path(file).has_parent_path())
      throw sst::DataError("cannot read '" + list.string() + "' (line " + std::to_string(out.size() + 1) +
                           " is not a file, a tab and a folder of train/); get the file again");
    out.emplace_back(folder / "val" / "images" / file, number.at(name));
  }
  if (out.empty())
    throw sst::DataError("cannot read '" + list.string() +
                         "' (it is missing or empty); give the folder of Tiny ImageNet as --path");
  return folder_detail::from_pairs(out, classes.size());
}

/// Some of the files, all of one shape. Throws DataError, with the file's name, and Error when they do not
/// fit into memory.
inline sst::Images read_pictures(const ImageFiles& all, const std::vector<Eigen::Index>& which) {
  sst::Images out{{}, {}, all.labels(which)};
  for (std::size_t i = 0; i < which.size(); ++i) {
    const std::filesystem::path& file = all.files[static_cast<std::size_t>(which[i])];
    std::ifstream in(file, std::ios::binary);
    std::ostringstream bytes;
    bytes << in.rdbuf();
    if (!in)
      throw sst::DataError("cannot read '" + file.string() + "'; check that it is there, and its rights");
    const Picture picture = decode_jpeg(bytes.str(), file.string());
    if (i == 0) {
      const auto rows = static_cast<Eigen::Index>(which.size());
      const auto columns = static_cast<Eigen::Index>(picture.pixels.size());
      sst::require_memory(static_cast<double>(rows) * static_cast<double>(columns) * sizeof(double),
                          std::to_string(rows) + " images like '" + file.string() + "'",
                          "choose fewer by --limit");
      out.shape = picture.shape;
      out.pixels.resize(rows, columns);
    }
    if (!(picture.shape == out.shape))
      throw sst::DataError("'" + file.string() + "' is " + to_string(picture.shape) +
                           " and the images before it are " + to_string(out.shape) +
                           "; bring all to one size");
    out.pixels.row(static_cast<Eigen::Index>(i)) =
        Eigen::Map<const Eigen::Matrix<unsigned char, 1, Eigen::Dynamic>>(
            picture.pixels.data(), static_cast<Eigen::Index>(picture.pixels.size()))
            .cast<double>();
  }
  return out;
}
