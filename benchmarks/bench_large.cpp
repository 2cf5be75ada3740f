// SPDX-License-Identifier: MIT
// Conjugate gradients that keep kernel values, over those that compute them anew for every product, in the
// same run, with as many columns of the preconditioner as are usual, or with a given number of them:
// --benchmark_filter=40000 for what docs/cluster.md prints. Compare the counters: times follow
// the load of the machine. The first fit waits for memory that the system has to give (a virtual machine's
// host may take as long for it as the kernel takes); the second finds it in the process.

#include <chrono>
#include <cstddef>
#include <iostream>
#include <vector>

#if __has_include(<malloc.h>)
#include <malloc.h>
#endif

#include <benchmark/benchmark.h>
#include <Eigen/Core>

#include <sst/kernel/kernel_operator.hpp>
#include <sst/linalg/randomly_pivoted_cholesky.hpp>
#include <sst/regression/model.hpp>

#include "large_problem.hpp"

namespace {

/// Seconds of a fit, and of one of its iterations.
struct Time {
  double fit = 0, iteration = 0;
};

Time fit(Eigen::Index n, bool keep, Eigen::Index given_rank = 0) {
  const auto [x, y, kernel] = LargeProblem(n);
  const auto rank = given_rank > 0 ? given_rank : sst::usual_rank(n, keep);
  const double base = sst::solver_bytes(sst::Solver::conjugate_gradients, n, {.rank = rank}),
               all = sst::KernelOperator<double>::bytes(n) + 1e6;
  Time out;
  std::vector<double> told;  // when
  using Clock = std::chrono::steady_clock;
  const auto start = Clock::now();
  const auto now = [&] { return std::chrono::duration<double>(Clock::now() - start).count(); };
  const auto model = sst::fit(kernel, x, y, sst::Ridge::relative(1e-3),
                              {.solver = sst::Solver::conjugate_gradients,
                               .rank = rank,
                               .memory = base + (keep ? all : 0),
                               .progress = [&](double) { return told.push_back(now()), true; }});
  out.fit = now();
  const auto iterations = static_cast<std::size_t>(model.report().iterations);  // the last that is told of
  out.iteration = (told.back() - told.at(told.size() - iterations)) / static_cast<double>(iterations - 1);
  std::cerr << out.fit << " s: " << model.report() << '\n';
  return out;
}

/// n rows of 20 features, a network with biases (no profile), relative ridge 1e-3.
void keeping(benchmark::State& state) {
  const Eigen::Index n = state.range(0);
  Time first, kept, anew;
#ifdef __GLIBC__
  mallopt(M_MMAP_MAX, 0);  // what is freed stays in the process
  mallopt(M_TRIM_THRESHOLD, -1);
#endif
  for (auto _ : state) {
    first = fit(n, true);
    kept = fit(n, true);
    anew = fit(n, false, state.range(1));
  }
  state.counters["first_fit"] = anew.fit / first.fit;
  state.counters["fit"] = anew.fit / kept.fit;
  state.counters["iteration"] = anew.iteration / kept.iteration;
}
BENCHMARK(keeping)
    ->ArgNames({"rows", "columns_anew"})
    ->Args({5000, 0})
    ->Args({40000, 0})
    ->Args({40000, 1000})
    ->Iterations(1)
    ->Unit(benchmark::kSecond)
    ->UseRealTime();

}  // namespace

BENCHMARK_MAIN();
