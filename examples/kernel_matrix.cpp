// SPDX-License-Identifier: MIT
//
// The kernel matrix of a topology in a file on samples in a file; docs/topology-format.md has the contract.

#include <iostream>
#include <optional>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include <sst/kernel/image_gram.hpp>
#include <sst/ntk.hpp>
#include <sst/plan/images/compile.hpp>
#include <sst/plan/images/print.hpp>
#include <sst/plan/print.hpp>
#include <sst/topology/dot.hpp>
#include <sst/topology/json.hpp>

#include <svg/arc_diagram.hpp>

#include "matrix_files.hpp"
#include "options.hpp"
#include "program.hpp"
#include "table_options.hpp"

int main(int argc, char** argv) {
  CLI::App app{"The exact NTK or NNGP matrix of an infinitely wide network", "kernel_matrix"};
  std::string topology_file, x_file, x2_file, kernel_name, precision = "double", output, dot, svg;
  std::vector<int> shape;
  bool print_plan = false;
  app.add_option("--topology", topology_file, "the network, as JSON")->required();
  app.add_option("--x", x_file, "samples, one a row: CSV or NPY (-: standard input)")->required();
  app.add_option("--x2", x2_file, "samples of the columns (default: those of --x)");
  program::add_kernel(app, kernel_name)->required();
  app.add_option("--shape", shape, "H,W,C of images, whose rows are H x W x C with channels fastest")
      ->delimiter(',')
      ->expected(3)
      ->check(CLI::Range(1, 65536));
  program::add_precision(app, precision);
  program::add_matrix_output(app, "--output", output, "the matrix (default: CSV on standard output)");
  app.add_option("--dot", dot, "write the network as a Graphviz graph to this file");
  app.add_option("--svg", svg, "draw the network, as an arc diagram, to this file");
  program::TableOptions table;
  const auto table_options = program::add_table_options(app, table);
  app.callback([&] {
    if (x_file == "-" && x2_file == "-")
      throw CLI::ValidationError("--x and --x2 cannot both come from standard input");
    if (dot == "-" && (output.empty() || output == "-"))
      throw CLI::ValidationError("--dot and the matrix cannot both go to standard output; give --output");
    program::require_own_outputs({{"--topology", topology_file}, {"--x", x_file}, {"--x2", x2_file}},
                                 {{"--output", output}, {"--dot", dot}, {"--svg", svg}});
    for (const CLI::Option* option : table_options)
      if (option->count() > 0 && program::named_npy(x_file) &&
          (x2_file.empty() || program::named_npy(x2_file)))
        throw CLI::ValidationError(option->get_name() + " has no effect on NPY files");
  });
  app.add_flag("--plan", print_plan, "print what is computed, and its cost, on standard error");

  return run_program(app, argc, argv, [&] {
    const sst::Topology topology = sst::read_topology(topology_file);
    program::try_outputs({output, dot, svg});
    if (!dot.empty()) program::write_output(dot, [&](std::ostream& out) { out << sst::to_dot(topology); });
    if (!svg.empty())
      program::write_output(svg, [&](std::ostream& out) { out << svg::arc_diagram(topology); });
    const sst::Kernel kernel = kernel_name == "ntk" ? sst::Kernel::ntk : sst::Kernel::nngp;
    const bool images = !shape.empty();
    const auto size = [&](std::size_t k) { return images ? static_cast<std::size_t>(shape[k]) : 1; };
    const sst::ImageShape image{size(0), size(1), size(2)};
    const sst::Plan plan = images ? sst::Plan{} : sst::compile(topology, kernel);
    if (print_plan && !images) std::cerr << plan;

    const Eigen::MatrixXd x = program::read_matrix(x_file, table);
    std::optional<Eigen::MatrixXd> x2;
    if (!x2_file.empty()) x2 = program::read_matrix(x2_file, table);
    if (x2 && x2->cols() != x.cols())
      throw sst::DataError("'" + x2_file + "' has " + std::to_string(x2->cols()) + " columns and '" + x_file +
                           "' has " + std::to_string(x.cols()) + "; give samples of the same features");
    if (images)
      for (const auto& [file, samples] : {std::pair{x_file, &x}, std::pair{x2_file, x2 ? &*x2 : &x}})
        if (static_cast<std::size_t>(samples->cols()) != image.size())
          throw sst::DataError("'" + file + "' has " + std::to_string(samples->cols()) +
                               " columns and images of " + to_string(image) + " have " +
                               std::to_string(image.size()) + " numbers; give --shape as H,W,C");
    if (print_plan && images) std::cerr << sst::compile(topology, kernel, image);
    program::Progress progress;
    const sst::GramOptions run{.progress = progress("kernel matrix")};
    // Arithmetic in float, the range of double: products of many layers leave the range of float.
    const auto gram = [&]<class Arithmetic>(Arithmetic) -> Eigen::MatrixXd {
      if (images)
        return x2 ? sst::gram<double, Arithmetic>(topology, kernel, image, x, *x2, run)
                  : sst::gram<double, Arithmetic>(topology, kernel, image, x, run);
      return x2 ? sst::gram<double, Arithmetic>(plan, kernel, x, *x2, run)
                : sst::gram<double, Arithmetic>(plan, kernel, x, run);
    };
    const Eigen::MatrixXd k = precision == "float" ? gram(float{}) : gram(double{});
    progress.check();
    program::write_matrix(output, k);
  });
}
