// SPDX-License-Identifier: MIT
// How long one large fit takes, and what of memory: time_solver 50000 mixed, time_solver 100000
// conjugate_gradients 8.5e9 (bytes that may be used). Rows of 20 features, a network with biases (no
// profile), relative ridge 1e-3.

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <string>

#include <Eigen/Core>

#include <sst/regression/model.hpp>

#include "../examples/program.hpp"
#include "large_problem.hpp"
#include "seconds.hpp"

int main(int argc, char** argv) {
  sst::Solver solver = sst::Solver::automatic;
  for (const auto one : {sst::Solver::cholesky, sst::Solver::mixed, sst::Solver::conjugate_gradients})
    if (argc > 2 && std::string(argv[2]) == sst::name(one)) solver = one;
  if (argc < 3 || argc > 4 || solver == sst::Solver::automatic) {
    std::cerr << "usage: time_solver ROWS cholesky|mixed|conjugate_gradients [BYTES]\n";
    return 1;
  }
  const Eigen::Index n = std::atol(argv[1]);
  const auto [x, y, kernel] = LargeProblem(n);
  const Eigen::MatrixXd at = Eigen::MatrixXd::Random(1000, 20);
  Eigen::VectorXd mean;
  const double took = seconds([&] {
    const auto model = sst::fit(kernel, x, y, sst::Ridge::relative(1e-3),
                                {.solver = solver, .memory = argc > 3 ? std::atof(argv[3]) : 0});
    std::cout << model.report() << '\n';
    mean = model.predict(at);
  });
  std::printf("%ld rows, %s: %.1f s; error %.3g of a new row; %.2f GiB at the most\n", static_cast<long>(n),
              sst::name(solver), took, std::sqrt((mean - LargeProblem::target(at)).squaredNorm() / 1000),
              program::peak_memory() / 1024);
}
