// SPDX-License-Identifier: MIT
// What a request costs: few rows at a time beside many at once, standard deviations beside means. Each
// counter is a ratio within one run.

#include <cstdlib>

#include <benchmark/benchmark.h>
#include <Eigen/Core>

#include <sst/kernel/network_kernel.hpp>
#include <sst/regression/model.hpp>
#include <sst/topology/families.hpp>

#include "seconds.hpp"

namespace {

using Eigen::MatrixXd;

/// Per row: 8,000 rows in requests of 32 over all at once, against 8,000 training rows of 20 features.
/// Weights need no solve for that.
void requests(benchmark::State& state, double bias_std) {
  std::srand(1);
  const MatrixXd x = MatrixXd::Random(8000, 20), y = MatrixXd::Random(8000, 1),
                 rows = MatrixXd::Random(8000, 20);
  const auto kernel = sst::ntk(sst::sparse_shortcut(8, {.weight_std = 1.4, .bias_std = bias_std}));
  const sst::Model model({kernel, x, y, y, sst::Ridge::relative(1e-3), 1e-3});
  double whole = 0, few = 0;
  for (auto _ : state) {
    whole += seconds([&] { benchmark::DoNotOptimize(model.predict(rows)); });
    few += seconds([&] {
      for (Eigen::Index i = 0; i < rows.rows(); i += 32)
        benchmark::DoNotOptimize(model.predict(rows.middleRows(i, 32)));
    });
  }
  state.counters["few_over_whole"] = few / whole;
}

/// predict_with_std over predict: 20,000 rows against 300.
void with_std(benchmark::State& state, sst::Kernel which) {
  std::srand(2);
  const MatrixXd x = MatrixXd::Random(300, 10), y = MatrixXd::Random(300, 1),
                 rows = MatrixXd::Random(20000, 10);
  const auto model =
      sst::fit(sst::network_kernel(
                   {sst::sparse_shortcut(8, {.weight_std = 1.4, .bias_std = 0.1}), which, std::nullopt}),
               x, y, sst::Ridge::relative(1e-2));
  benchmark::DoNotOptimize(model.predict_with_std(rows.topRows(1)));  // what is kept from then on
  double mean = 0, std = 0;
  for (auto _ : state) {
    mean += seconds([&] { benchmark::DoNotOptimize(model.predict(rows)); });
    std += seconds([&] { benchmark::DoNotOptimize(model.predict_with_std(rows)); });
  }
  state.counters["std_over_mean"] = std / mean;
}

BENCHMARK_CAPTURE(requests, biases, 0.1)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(requests, profile, 0.0)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(with_std, ntk, sst::Kernel::ntk)->Unit(benchmark::kMillisecond)->MinTime(2);
BENCHMARK_CAPTURE(with_std, nngp, sst::Kernel::nngp)->Unit(benchmark::kMillisecond)->MinTime(2);

}  // namespace

BENCHMARK_MAIN();
