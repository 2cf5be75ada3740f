// SPDX-License-Identifier: MIT
// Rates of the tiled Cholesky beside Eigen's own factorization and, as the limit, Eigen's matrix product.

#include <string>
#include <utility>

#include <benchmark/benchmark.h>
#include <Eigen/Cholesky>
#include <Eigen/Core>

#include <sst/regression/cholesky.hpp>

namespace {

using Eigen::Index;
template <class Scalar>
using Matrix = Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic>;

/// Positive definite by its diagonal; what the entries are makes no difference to the time.
template <class Scalar>
Matrix<Scalar> positive_definite(Index n) {
  Matrix<Scalar> a = Matrix<Scalar>::Random(n, n);
  a.diagonal().array() += static_cast<Scalar>(n);
  return a;
}

void count(benchmark::State& state, double operations) {
  state.counters["gflops"] =
      benchmark::Counter(operations * 1e-9, benchmark::Counter::kIsIterationInvariantRate);
}

double cube(Index n) { return static_cast<double>(n) * static_cast<double>(n) * static_cast<double>(n); }

template <class Scalar>
void tiled(benchmark::State& state, Index n, int threads, Index tile) {
  const Matrix<Scalar> original = positive_definite<Scalar>(n);
  Matrix<Scalar> a = original;
  for (auto _ : state) {
    state.PauseTiming();
    a = original;
    state.ResumeTiming();
    const sst::Cholesky<Scalar> factor(std::move(a), {.tile = tile, .threads = threads});
    benchmark::DoNotOptimize(factor.storage().data());
  }
  count(state, cube(n) / 3);
}

template <class Scalar>
void solve(benchmark::State& state, Index n, int threads, Index columns) {
  const sst::Cholesky<Scalar> factor(positive_definite<Scalar>(n), {.threads = threads});
  Matrix<Scalar> b = Matrix<Scalar>::Random(n, columns);
  for (auto _ : state) {
    factor.solve_in_place(b);
    b *= static_cast<Scalar>(n);  // does not die out
    benchmark::DoNotOptimize(b.data());
  }
  count(state, 2 * static_cast<double>(n) * static_cast<double>(n) * static_cast<double>(columns));
}

template <class Scalar>
void eigen_llt(benchmark::State& state, Index n, int threads) {
  Eigen::setNbThreads(threads);
  const Matrix<Scalar> original = positive_definite<Scalar>(n);
  Matrix<Scalar> a = original;
  for (auto _ : state) {
    state.PauseTiming();
    a = original;
    state.ResumeTiming();
    const Eigen::LLT<Eigen::Ref<Matrix<Scalar>>> factor(a);
    benchmark::DoNotOptimize(a.data());
  }
  Eigen::setNbThreads(0);
  count(state, cube(n) / 3);
}

template <class Scalar>
void eigen_gemm(benchmark::State& state, Index n, int threads) {
  const Matrix<Scalar> a = Matrix<Scalar>::Random(n, n), b = Matrix<Scalar>::Random(n, n);
  Matrix<Scalar> c(n, n);
  Eigen::setNbThreads(threads);
  for (auto _ : state) {
    c.noalias() = a * b.transpose();
    benchmark::DoNotOptimize(c.data());
  }
  Eigen::setNbThreads(0);
  count(state, 2 * cube(n));
}

template <class Function, class... Arguments>
void add(const std::string& name, const char* scalar, Index n, int threads, Function function,
         Arguments... arguments) {
  const std::string full =
      name + "/" + scalar + "/n:" + std::to_string(n) + "/threads:" + std::to_string(threads);
  benchmark::RegisterBenchmark(full.c_str(), function, n, threads, arguments...)
      ->UseRealTime()
      ->MeasureProcessCPUTime()
      ->Unit(benchmark::kMillisecond);
}

template <class Scalar>
void add_all(const char* scalar) {
  for (const Index n : {2048, 8192})
    for (const int threads : {1, 2}) {
      add("tiled", scalar, n, threads, tiled<Scalar>, 0);
      add("eigen_llt", scalar, n, threads, eigen_llt<Scalar>);
      add("eigen_gemm", scalar, n, threads, eigen_gemm<Scalar>);
      add("solve/columns:1", scalar, n, threads, solve<Scalar>, 1);
      add("solve/columns:512", scalar, n, threads, solve<Scalar>, 512);
    }
  for (const Index tile : {128, 160, 192, 224, 256, 320, 384})
    add("tiled/tile:" + std::to_string(tile), scalar, 8192, 2, tiled<Scalar>, tile);
}

}  // namespace

int main(int argc, char** argv) {
  add_all<double>("double");
  add_all<float>("float");
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
}
