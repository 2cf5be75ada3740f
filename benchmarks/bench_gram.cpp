// SPDX-License-Identifier: MIT
//
// What one pair of samples costs, in nanoseconds (counter ns_per_pair), on sparse shortcuts with
// biases and rows of different norms. `naive` is the straightforward scalar loop over the same network
// and is what `direct` is measured against; `fill` writes a matrix of the same size.

#include <benchmark/benchmark.h>

#include <cmath>
#include <numbers>
#include <random>
#include <string>
#include <vector>

#include <omp.h>

#include <sst/engine/rows/profile.hpp>
#include <sst/ntk.hpp>

namespace {

constexpr double weight_std = 1.5, bias_std = 0.05;

Eigen::MatrixXd rows(Eigen::Index n, Eigen::Index d) {
  std::mt19937_64 words(1);
  Eigen::MatrixXd x(n, d);
  for (Eigen::Index j = 0; j < d; ++j)
    for (Eigen::Index i = 0; i < n; ++i) x(i, j) = static_cast<double>(words() >> 11) * 0x1p-53 - 0.3;
  return x;
}

sst::Plan plan_of(int depth, double bias = bias_std) {
  return sst::compile(sst::sparse_shortcut(depth, {.weight_std = weight_std, .bias_std = bias}),
                      sst::Kernel::ntk);
}

void count(benchmark::State& state, double pairs) {
  state.counters["ns_per_pair"] = benchmark::Counter(
      pairs * 1e-9, benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
}

/// One relu layer: K' = s^2 E[relu relu] + b^2, T' = K' + s^2 E[relu' relu'] T.
template <class Scalar>
void layer(Scalar& k, Scalar& t, Scalar q, Scalar r) {
  constexpr Scalar pi = std::numbers::pi_v<Scalar>;
  constexpr Scalar s2 = static_cast<Scalar>(weight_std * weight_std),
                   b2 = static_cast<Scalar>(bias_std * bias_std);
  const Scalar norm = std::sqrt(q * r);
  const Scalar c = std::min(Scalar(1), std::max(Scalar(-1), k / norm));
  const Scalar angle = std::acos(c), sine = std::sqrt(1 - c * c);
  k = s2 * norm * (sine + (pi - angle) * c) / (2 * pi) + b2;
  t = k + s2 * (pi - angle) / (2 * pi) * t;
}

template <class Scalar>
void naive(benchmark::State& state, int depth) {
  const Eigen::Index n = 512, d = 32;
  using Matrix = Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic>;
  const Matrix x = rows(n, d).cast<Scalar>();
  const Matrix products = x * x.transpose() / static_cast<Scalar>(d);
  Matrix out(n, n);
  const auto s2 = static_cast<Scalar>(weight_std * weight_std), b2 = static_cast<Scalar>(bias_std * bias_std);
  // Variances layer by layer, as any sensible code has them once per sample.
  std::vector<std::vector<Scalar>> variance(static_cast<std::size_t>(depth));
  for (Eigen::Index i = 0; i < n; ++i) {
    Scalar q = s2 * products(i, i) + b2, sum = 0;
    for (int l = 0; l + 2 < depth; ++l) {
      variance[static_cast<std::size_t>(l)].push_back(q);
      q = s2 * q / 2 + b2;
      sum += q;
    }
    variance.back().push_back(sum);
  }
  for (auto _ : state) {
    for (Eigen::Index i = 0; i < n; ++i)
      for (Eigen::Index j = 0; j < n; ++j) {
        const auto a = static_cast<std::size_t>(i), b = static_cast<std::size_t>(j);
        Scalar k = s2 * products(i, j) + b2, t = k, k_sum = 0, t_sum = 0;
        for (int l = 0; l + 2 < depth; ++l) {
          const auto& q = variance[static_cast<std::size_t>(l)];
          layer(k, t, q[a], q[b]);
          k_sum += k;
          t_sum += t;
        }
        layer(k_sum, t_sum, variance.back()[a], variance.back()[b]);
        out(j, i) = t_sum;
      }
    benchmark::DoNotOptimize(out.data());
    benchmark::ClobberMemory();
  }
  count(state, static_cast<double>(n * n));
}

/// The plan's steps on a matrix that stays in cache, two features, rows of different norms.
template <class Scalar>
void direct(benchmark::State& state, int depth) {
  const Eigen::Index n = 256;
  const Eigen::MatrixXd a = rows(n, 2), b = 0.9 * a.array() + 0.01;
  const sst::GramTiles<Scalar> tiles(plan_of(depth), a, b, sst::Path::direct);
  const auto workspace = tiles.workspace();
  Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic> out(n, n);
  for (auto _ : state) {
    tiles.evaluate(0, n, 0, n, {nullptr, out.data(), n}, *workspace);
    benchmark::DoNotOptimize(out.data());
    benchmark::ClobberMemory();
  }
  count(state, static_cast<double>(n * n));
}

/// The radial profile of the same network on a matrix of angles in cache.
template <class Scalar>
void profile(benchmark::State& state, int depth) {
  const Eigen::Index n = 256;
  const sst::Profile<Scalar> kappa(plan_of(depth), 0.5);
  const auto angles = sst::input_angles<Scalar>(rows(n, 8));
  Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic> out(n, n);
  const int threads = omp_get_max_threads();
  omp_set_num_threads(1);
  for (auto _ : state) {
    kappa.evaluate(sst::Kernel::ntk, angles, out);
    benchmark::DoNotOptimize(out.data());
    benchmark::ClobberMemory();
  }
  omp_set_num_threads(threads);
  count(state, static_cast<double>(n * n));
}

template <class Scalar>
void fill(benchmark::State& state) {
  Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic> out(4096, 4096);
  for (auto _ : state) {
    out.setConstant(static_cast<Scalar>(state.iterations()));
    benchmark::DoNotOptimize(out.data());
    benchmark::ClobberMemory();
  }
  count(state, 4096.0 * 4096.0);
}

/// Whole matrices, input products included, into memory that is there already, as when many topologies are
/// compared on one data set.
template <class Scalar>
void gram(benchmark::State& state, int threads, bool cross, double bias) {
  const Eigen::Index n = 4096;
  const Eigen::MatrixXd x = rows(n, 32), other = x.array() * 0.9 + 0.01;
  const sst::Plan plan = plan_of(10, bias);
  Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic> out(n, n);
  out.setZero();
  for (auto _ : state) {
    const auto tiles = cross ? sst::GramTiles<Scalar>(plan, other, x) : sst::GramTiles<Scalar>(plan, x);
    sst::gram_into(tiles, {nullptr, out.data(), n}, {.threads = threads});
    benchmark::DoNotOptimize(out.data());
  }
  count(state, static_cast<double>(n * n));
}

template <class Scalar>
void add(const std::string& type) {
  const auto name = [&](const char* what, const std::string& rest) {
    return std::string(what) + "/" + type + rest;
  };
  benchmark::RegisterBenchmark(name("naive", "/depth:10").c_str(), naive<Scalar>, 10);
  for (const int depth : {5, 10, 50}) {
    const std::string at = "/depth:" + std::to_string(depth);
    benchmark::RegisterBenchmark(name("direct", at).c_str(), direct<Scalar>, depth);
    benchmark::RegisterBenchmark(name("profile", at).c_str(), profile<Scalar>, depth);
  }
  benchmark::RegisterBenchmark(name("fill", "").c_str(), fill<Scalar>);
  const auto whole = [&](const char* what, bool cross, double bias) {
    for (const int threads : {1, 2})
      benchmark::RegisterBenchmark(name(what, "/depth:10/threads:" + std::to_string(threads)).c_str(),
                                   gram<Scalar>, threads, cross, bias)
          ->UseRealTime()
          ->Unit(benchmark::kMillisecond);
  };
  whole("gram", false, bias_std);
  whole("cross", true, bias_std);
  whole("gram_profile", false, 0.0);  // no biases: the radial profile
}

}  // namespace

int main(int argc, char** argv) {
  add<float>("float");
  add<double>("double");
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  benchmark::RunSpecifiedBenchmarks();
}
