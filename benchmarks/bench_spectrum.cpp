// SPDX-License-Identifier: MIT
// What an eigendecomposition, a band form and a path of ridges cost, in Choleskys of the same size in the
// same run, beside Eigen's solver. Compare the counters `choleskys`: times follow the load of the machine.

#include <algorithm>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include <benchmark/benchmark.h>
#include <Eigen/Core>
#include <Eigen/Eigenvalues>

#include <sst/linalg/band_form.hpp>
#include <sst/linalg/cholesky.hpp>
#include <sst/linalg/spectrum.hpp>
#include <sst/selection/ridge_path.hpp>

#include "seconds.hpp"

namespace {

using Eigen::Index;
using Eigen::MatrixXd;

/// A Gaussian kernel of 20 features.
const MatrixXd& kernel(Index n) {
  static MatrixXd k;
  if (k.rows() != n) {
    std::srand(1);
    const MatrixXd x = MatrixXd::Random(n, 20).rowwise().normalized();
    k = ((x * x.transpose()).array() - 1).exp();
  }
  return k;
}

/// One Cholesky before and one after, of which the mean counts.
template <class Work>
void add(const std::string& name, Index n, Work work) {
  constexpr int threads = 2;
  const std::string full = name + "/n:" + std::to_string(n) + "/threads:" + std::to_string(threads);
  benchmark::RegisterBenchmark(
      full.c_str(),
      [=](benchmark::State& state) {
        const auto cholesky = [&] {
          MatrixXd a = kernel(n);
          a.diagonal().array() += 0.1;
          return seconds(
              [&] { benchmark::DoNotOptimize(sst::Cholesky<double>(std::move(a), {.threads = threads})); });
        };
        for (auto _ : state) {
          const double before = cholesky();
          const double took = seconds([&] { work(kernel(n), threads); });
          state.counters["choleskys"] = took / ((before + cholesky()) / 2);
        }
      })
      ->Unit(benchmark::kMillisecond)
      ->Iterations(1);
}

}  // namespace

int main(int argc, char** argv) {
  for (const Index n : {1000, 2000, 4000}) {
    add("spectrum", n, [](const MatrixXd& k, int threads) {
      benchmark::DoNotOptimize(sst::Spectrum(k, 1e-8, {.threads = threads}).values().data());
    });
    add("band_form", n, [](const MatrixXd& k, int threads) {
      benchmark::DoNotOptimize(sst::BandForm(k, {.threads = threads}).basis().data());
    });
    add("path_of_50_ridges", n, [](const MatrixXd& k, int threads) {
      const MatrixXd y = k.col(0);
      const sst::BandForm form(k, {.threads = threads});
      const auto path = ridge_path(form, y, sst::relative_ridges(1e-6, 1, 50), {.threads = threads});
      benchmark::DoNotOptimize(best_ridge(path, sst::Criterion::leave_one_out));
    });
    add("eigen_self_adjoint_eigen_solver", n, [](const MatrixXd& k, int) {
      benchmark::DoNotOptimize(Eigen::SelfAdjointEigenSolver<MatrixXd>(k).eigenvalues().data());
    });
  }
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
}
