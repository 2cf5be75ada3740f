// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <iostream>
#include <string>
#include <utility>

#include <CLI/CLI.hpp>
#include <Eigen/Core>

#include <sst/io/csv.hpp>
#include <sst/io/npy.hpp>

#include "table_options.hpp"

/// \file
/// Matrices that our programs read and write as CSV or NPY, by the names of the files.

namespace program {

inline bool named_npy(const std::string& file) { return file.ends_with(".npy"); }

/// The numbers of a file, or of standard input where it is called "-".
inline Eigen::MatrixXd read_matrix(const std::string& file, const TableOptions& table) {
  // Packed or from a pipe, an NPY file is known by its first bytes.
  if (named_npy(file) && std::filesystem::is_regular_file(file)) return sst::read_npy_matrix(file);
  std::string bytes = read_input(file);
  if (sst::is_npy(bytes)) return sst::parse_npy_matrix(bytes, input_name(file));
  return sst::parse_csv(std::move(bytes), input_name(file), csv_format(table)).values;
}

/// Writes it to standard output where there is no file, or one called "-".
inline void write_matrix(const std::string& file, const Eigen::MatrixXd& matrix) {
  if (file.empty() || file == "-")
    sst::write_csv(std::cout, matrix);
  else if (named_npy(file))
    sst::write_npy(file, matrix);
  else
    sst::write_csv(file, matrix);
}

/// An output that is named by how it is written.
inline CLI::Option* add_matrix_output(CLI::App& app, const char* name, std::string& file, const char* text) {
  const CLI::Validator csv_or_npy(
      [](const std::string& given) {
        return given == "-" || given.ends_with(".csv") || named_npy(given)
                   ? ""
                   : "'" + given + "' ends in neither .csv nor .npy";
      },
      "FILE.csv|FILE.npy");
  return app.add_option(name, file, text)->check(csv_or_npy);
}

}  // namespace program
