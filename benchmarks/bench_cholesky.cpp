// SPDX-License-Identifier: MIT
// Rates of the tiled Cholesky beside Eigen's and LAPACK's and, as the limit, Eigen's matrix product; and of
// solving in mixed precision beside double. Compare within one run: rates follow the load of the machine.

#include <chrono>
#include <cstdlib>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <benchmark/benchmark.h>
#include <Eigen/Cholesky>
#include <Eigen/Core>

#include <sst/linalg/cholesky.hpp>
#include <sst/linalg/mixed.hpp>

namespace {

constexpr Eigen::Index n = 8192;
constexpr double cube = 1.0 * n * n * n;
template <class Scalar>
using Matrix = Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic>;

/// A Gaussian kernel of 20 features with a relative ridge of 0.1: a condition number of some 1e4.
template <class Scalar>
const Matrix<Scalar>& kernel() {
  static const Matrix<Scalar> matrix = [] {
    std::srand(1);
    const Matrix<double> x = Matrix<double>::Random(n, 20).rowwise().normalized();
    Matrix<double> k = x * x.transpose();
    k = (k.array() - 1).exp();
    k = Matrix<double>(k.selfadjointView<Eigen::Lower>());
    k.diagonal().array() += 0.1;
    return Matrix<Scalar>(k.cast<Scalar>());
  }();
  return matrix;
}

/// Registers work(matrix), which may destroy the copy of the kernel it gets; gflops count `operations`.
template <class Scalar, class Work>
void add(const std::string& name, int threads, double operations, Work work) {
  benchmark::RegisterBenchmark(name.c_str(), [=](benchmark::State& state) {
    Eigen::setNbThreads(threads);
    double seconds = 0;
    for (auto _ : state) {
      state.PauseTiming();
      Matrix<Scalar> a = kernel<Scalar>();
      state.ResumeTiming();
      const auto start = std::chrono::steady_clock::now();
      work(a);
      seconds += std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    }
    Eigen::setNbThreads(0);
    state.counters["seconds"] = seconds / static_cast<double>(state.iterations());
    state.counters["gflops"] = operations * 1e-9 * static_cast<double>(state.iterations()) / seconds;
  })->Unit(benchmark::kMillisecond);
}

template <class Scalar>
void add_rates(const std::string& scalar) {
  const std::string size = "/" + scalar + "/n:" + std::to_string(n);
  for (const int threads : {1, 2}) {
    const std::string name = size + "/threads:" + std::to_string(threads);
    add<Scalar>("tiled" + name, threads, cube / 3, [=](Matrix<Scalar>& a) {
      benchmark::DoNotOptimize(sst::Cholesky<Scalar>(std::move(a), {.threads = threads}).log_determinant());
    });
    add<Scalar>("eigen_gemm" + name, threads, 2 * cube, [](Matrix<Scalar>& a) {
      Matrix<Scalar> c(n, n);
      c.noalias() = a * kernel<Scalar>().transpose();
      benchmark::DoNotOptimize(c.data());
    });
#ifdef SST_USE_LAPACK
    if constexpr (std::is_same_v<Scalar, double>)
      add<Scalar>("lapack" + name, threads, cube / 3, [=](Matrix<Scalar>& a) {
        const sst::Cholesky<Scalar> factor(std::move(a),
                                           {.threads = threads, .factorization = sst::Factorization::lapack});
        benchmark::DoNotOptimize(factor.storage().data());
      });
#endif
  }
  add<Scalar>("eigen_llt" + size, 1, cube / 3, [](Matrix<Scalar>& a) {
    const Eigen::LLT<Eigen::Ref<Matrix<Scalar>>> factor(a);
    benchmark::DoNotOptimize(a.data());
  });
}

void add_solves() {
  const std::string size = "/n:" + std::to_string(n) + "/threads:2";
  static const Matrix<double> targets = Matrix<double>::Random(n, 1);
  add<double>("mixed" + size, 2, cube / 3, [](Matrix<double>& a) {
    const auto solution = sst::solve_mixed(std::move(a), targets, {.threads = 2});
    if (!solution.refined) throw sst::Error("the benchmark's matrix was not solved in float");
    benchmark::DoNotOptimize(solution.x.data());
  });
  add<double>("solve_double" + size, 2, cube / 3, [](Matrix<double>& a) {
    benchmark::DoNotOptimize(sst::Cholesky<double>(std::move(a), {.threads = 2}).solve(targets).norm());
  });
}

}  // namespace

int main(int argc, char** argv) {
  add_rates<double>("double");
  add_rates<float>("float");
  add_solves();
  // One iteration each; an argument of one's own comes later and wins.
  std::string once = "--benchmark_min_time=0";
  std::vector<char*> arguments(argv, argv + argc);
  arguments.insert(arguments.begin() + 1, once.data());
  argc = static_cast<int>(arguments.size());
  benchmark::Initialize(&argc, arguments.data());
  if (benchmark::ReportUnrecognizedArguments(argc, arguments.data())) return 1;
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
}
