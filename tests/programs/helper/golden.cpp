// SPDX-License-Identifier: MIT
//
// Helper of kernel_matrix.sh:
//   golden write KERNELS.json FOLDER   each case as files; prints their names
//   golden compare K EXACT TOLERANCE   CSV or NPY against CSV
//   golden npy IN.csv OUT.npy
#include <cmath>
#include <fstream>
#include <iostream>
#include <string>

#include <nlohmann/json.hpp>

#include <sst/io/csv.hpp>
#include <sst/io/npy.hpp>

namespace {

void write_rows(const std::string& file, const nlohmann::json& rows) {
  std::ofstream out(file);
  for (const auto& row : rows)
    for (std::size_t j = 0; j < row.size(); ++j)
      // Kernels are texts of 22 digits, inputs numbers.
      out << (row[j].is_string() ? row[j].get<std::string>() : row[j].dump())
          << (j + 1 < row.size() ? "," : "\n");
}

int write(const std::string& golden, const std::string& folder) {
  std::ifstream file(golden);
  const auto all = nlohmann::json::parse(file);
  for (const auto& c : all.at("cases")) {
    const std::string name = c.at("topology").at("name"), stem = folder + "/" + name;
    std::ofstream(stem + ".json") << c.at("topology").dump(1) << '\n';
    write_rows(stem + ".csv", c.at("x"));
    if (c.contains("x2")) write_rows(stem + ".x2.csv", c.at("x2"));
    for (const std::string kernel : {"ntk", "nngp"}) write_rows(stem + "." + kernel + ".csv", c.at(kernel));
    std::cout << name << '\n';
  }
  return 0;
}

int compare(const std::string& file, const std::string& exact_file, double tolerance) {
  const Eigen::MatrixXd k = file.ends_with(".npy") ? sst::read_npy_matrix(file) : sst::read_csv(file).values;
  const Eigen::MatrixXd exact = sst::read_csv(exact_file).values;
  if (k.rows() != exact.rows() || k.cols() != exact.cols()) {
    std::cerr << file << " is " << k.rows() << " x " << k.cols() << ", not " << exact.rows() << " x "
              << exact.cols() << '\n';
    return 1;
  }
  const double error = (k - exact).cwiseAbs().maxCoeff() / exact.cwiseAbs().maxCoeff();
  if (error <= tolerance) return 0;
  std::cerr << file << " is off by " << error << '\n';
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const std::string mode = argc > 1 ? argv[1] : "";
    if (mode == "write" && argc == 4) return write(argv[2], argv[3]);
    if (mode == "compare" && argc == 5) return compare(argv[2], argv[3], std::stod(argv[4]));
    if (mode == "npy" && argc == 4) {
      sst::write_npy(argv[3], sst::read_csv(argv[2]).values);
      return 0;
    }
    std::cerr << "golden: write, compare or npy\n";
    return 2;
  } catch (const std::exception& error) {
    std::cerr << "golden: " << error.what() << '\n';
    return 1;
  }
}
