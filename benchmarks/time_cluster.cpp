// SPDX-License-Identifier: MIT
// What regressions over ranks take beside what cost.hpp says they take, from rates measured in the same run:
// mpiexec -n 2 time_cluster 2000 4000 8000.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>

#include <Eigen/Core>

#include <sst/cluster/cost.hpp>
#include <sst/cluster/mpi_ranks.hpp>
#include <sst/cluster/spread_model.hpp>
#include <sst/linalg/randomly_pivoted_cholesky.hpp>
#include <sst/regression/model.hpp>

#include "large_problem.hpp"
#include "seconds.hpp"

namespace {

/// The least of three times, or one where that takes a second: what else the machine does only adds. All
/// ranks go on or none does.
template <class Work>
double least_seconds(const sst::Ranks& ranks, Work&& work) {
  double least = seconds(work);
  if (ranks.least(-least) < -1) return least;
  for (int again = 0; again < 2; ++again) least = std::min(least, seconds(work));
  return least;
}

/// What was predicted, and what came.
struct Round {
  double predicted = 0, took = 0, memory = 0;
  double ratio() const { return took / predicted; }
};

/// A fit by each solver, with rates that are measured right before it.
std::array<Round, 2> fit(const std::shared_ptr<const sst::MpiRanks>& ranks, Eigen::Index n) {
  const auto [x, y, kernel] = LargeProblem(n);
  const auto ridge = sst::Ridge::relative(1e-3);
  const double rows = static_cast<double>(n);
  const auto rank = sst::usual_rank(n, true);
  std::array<Round, 2> out;
  sst::RankRates rates = measure_rates(kernel, x, *ranks);
  int iterations = 0;
  out[0].took = least_seconds(*ranks, [&] {
    iterations = sst::fit(kernel, x, y, ridge,
                          {.solver = sst::Solver::conjugate_gradients, .rank = rank, .ranks = ranks})
                     .report()
                     .iterations;
  });
  const auto iterative =
      sst::conjugate_gradient_cost(rows, 1, static_cast<double>(rank), iterations, ranks->count());
  out[0].predicted = iterative.seconds(rates), out[0].memory = iterative.memory;
  rates.factor_flops = sst::measure_factor_flops(rates, ranks);
  out[1].took = least_seconds(*ranks, [&] { const sst::SpreadModel model(kernel, x, y, ridge, ranks); });
  const auto factor = sst::cholesky_cost(rows, 1, ranks->count());
  out[1].predicted = factor.seconds(rates), out[1].memory = factor.memory;
  if (ranks->number() == 0)
    std::printf(
        "rates of a rank: %.3g pairs, %.3g flops (%.3g in factors), %.3g bytes, %.3g new ones, %.3g bytes of "
        "messages a second, %.2g s of latency\n",
        rates.pairs, rates.flops, rates.factor_flops, rates.bytes, rates.new_bytes, rates.message_bytes,
        rates.latency);
  return out;
}

/// Of three rounds the one with the ratio in the middle: a machine that others share changes its speed
/// between the measuring of rates and a fit.
void run(const std::shared_ptr<const sst::MpiRanks>& ranks, Eigen::Index n) {
  std::array<std::array<Round, 2>, 3> rounds;
  for (auto& round : rounds) round = fit(ranks, n);
  for (const std::size_t solver : {0, 1}) {
    std::sort(rounds.begin(), rounds.end(),
              [&](const auto& a, const auto& b) { return a[solver].ratio() < b[solver].ratio(); });
    const Round& middle = rounds[1][solver];
    if (ranks->number() == 0)
      std::printf(
          "%6ld rows, %d ranks, %-19s predicted %8.2f s, took %8.2f s, ratio %.2f (%.2f to %.2f), %.3f GiB a "
          "rank\n",
          static_cast<long>(n), ranks->count(), solver == 0 ? "conjugate_gradients" : "cholesky",
          middle.predicted, middle.took, middle.ratio(), rounds[0][solver].ratio(), rounds[2][solver].ratio(),
          middle.memory / (1024.0 * 1024 * 1024));
    std::fflush(stdout);
  }
}

}  // namespace

int main(int argc, char** argv) {
  MPI_Init(&argc, &argv);
  {
    const auto ranks = std::make_shared<const sst::MpiRanks>();
    for (int k = 1; k < argc; ++k) run(ranks, std::atol(argv[k]));
  }
  MPI_Finalize();
}
