// SPDX-License-Identifier: MIT
//
// Seconds that the NTK matrix of a topology takes on the rows of a file, the best of several; the other half
// of compare_neural_tangents.py.

#include <algorithm>
#include <chrono>
#include <iostream>
#include <limits>
#include <string>

#include <CLI/CLI.hpp>

#include <sst/io/npy.hpp>
#include <sst/ntk.hpp>
#include <sst/topology/json.hpp>

#include "../examples/program.hpp"

int main(int argc, char** argv) {
  CLI::App app{"Times one NTK matrix", "time_gram"};
  std::string topology_file, x_file, precision = "double", path = "automatic", output;
  int repeats = 3;
  app.add_option("--topology", topology_file)->required();
  app.add_option("--x", x_file, "samples, NPY")->required();
  app.add_option("--precision", precision)->check(CLI::IsMember({"double", "float"}))->capture_default_str();
  app.add_option("--path", path)
      ->check(CLI::IsMember({"automatic", "direct", "profile"}))
      ->capture_default_str();
  app.add_option("--repeats", repeats)->check(CLI::PositiveNumber)->capture_default_str();
  app.add_option("--output", output, "the matrix, NPY");
  return run_program(app, argc, argv, [&] {
    const sst::Plan plan = sst::compile(sst::read_topology(topology_file), sst::Kernel::ntk);
    const Eigen::MatrixXd x = sst::read_npy_matrix(x_file);
    const auto run = [&]<class Scalar>(Scalar) {
      const sst::Path way = path == "direct"    ? sst::Path::direct
                            : path == "profile" ? sst::Path::profile
                                                : sst::Path::automatic;
      typename sst::GramMatrices<Scalar>::Matrix k(x.rows(), x.rows());
      double best = std::numeric_limits<double>::infinity();
      for (int i = 0; i <= repeats; ++i) {  // the first one warms up
        const auto start = std::chrono::steady_clock::now();
        const sst::GramTiles<Scalar> tiles(plan, x, way);
        sst::gram_into(tiles, {nullptr, k.data(), k.rows()});
        const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
        if (i > 0) best = std::min(best, seconds.count());
      }
      std::cout << best << '\n';
      if (!output.empty()) sst::write_npy(output, k);
    };
    precision == "float" ? run(float{}) : run(double{});
  });
}
