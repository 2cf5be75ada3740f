// SPDX-License-Identifier: MIT
#include <cstddef>

#include <sst/ntk.hpp>

#include "../catch.hpp"
#include "../matrices.hpp"

#ifdef __linux__
#include <csignal>

#include <sys/wait.h>
#include <unistd.h>

namespace fork_tests {

// The child has none of the threads that OpenMP made in the parent, and waits for ever where it counts on
// them.
TEST_CASE("One thread needs no team, in a process that was forked either", "[regression]") {
  const Eigen::MatrixXd x = Eigen::MatrixXd::Random(700, 3), y = x.rowwise().sum();
  const auto kernel = sst::ntk(sst::residual(3, {.weight_std = 1.4, .bias_std = 0.1}));
  const auto weights = [&](int threads, sst::Solver solver) -> Eigen::MatrixXd {
    const auto model =
        sst::fit(kernel, x, y, sst::Ridge::relative(1e-2), {.solver = solver, .threads = threads});
    return model.predict(x.topRows(10), {threads, {}});
  };
  for (const auto solver : {sst::Solver::cholesky, sst::Solver::mixed, sst::Solver::conjugate_gradients}) {
    const Eigen::MatrixXd here = weights(3, solver);
    const pid_t child = fork();
    if (child == 0) {
      alarm(100);
      _exit(weights(1, solver) == here ? 0 : 1);
    }
    int status = -1;
    REQUIRE(waitpid(child, &status, 0) == child);
    CHECK(status == 0);
  }
}

}  // namespace fork_tests
#endif
