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

sst::Plan plan_of(int depth) {
  return sst::compile(sst::sparse_shortcut(depth, {.weight_std = weight_std, .bias_std = bias_std}),
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

/// One thread, a matrix that stays in cache, two features: what the steps (direct) or the radial profile cost
/// beside reading the inputs and writing the result. The profile's rows have one norm.
template <class Scalar>
void path(benchmark::State& state, int depth, sst::Path path) {
  const Eigen::Index n = 256;
  const sst::Plan plan = plan_of(depth);
  Eigen::MatrixXd a = rows(n, 2), b = 0.9 * rows(n, 2).array() + 0.01;
  if (path == sst::Path::profile) {
    a.rowwise().normalize();
    b.rowwise().normalize();
  }
  const sst::GramTiles<Scalar> tiles(plan, a, b, path);
  const auto workspace = tiles.workspace();
  Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic> out(n, n);
  for (auto _ : state) {
    for (Eigen::Index j = 0; j < n; j += tiles.tile())
      for (Eigen::Index i = 0; i < n; i += tiles.tile())
        tiles.evaluate(i, tiles.tile(), j, tiles.tile(), {nullptr, &out(i, j), n}, *workspace);
    benchmark::DoNotOptimize(out.data());
    benchmark::ClobberMemory();
  }
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
void gram(benchmark::State& state, int threads, bool cross) {
  const Eigen::Index n = 4096;
  const Eigen::MatrixXd x = rows(n, 32), other = x.array() * 0.9 + 0.01;
  const sst::Plan plan = plan_of(10);
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
  for (const int depth : {5, 10, 50})
    benchmark::RegisterBenchmark(name("direct", "/depth:" + std::to_string(depth)).c_str(), path<Scalar>,
                                 depth, sst::Path::direct);
  for (const int depth : {5, 10, 50})
    benchmark::RegisterBenchmark(name("profile", "/depth:" + std::to_string(depth)).c_str(), path<Scalar>,
                                 depth, sst::Path::profile);
  benchmark::RegisterBenchmark(name("fill", "").c_str(), fill<Scalar>);
  for (const bool cross : {false, true})
    for (const int threads : {1, 2})
      benchmark::RegisterBenchmark(
          name(cross ? "cross" : "gram", "/depth:10/threads:" + std::to_string(threads)).c_str(),
          gram<Scalar>, threads, cross)
          ->UseRealTime()
          ->Unit(benchmark::kMillisecond);
}

}  // namespace

int main(int argc, char** argv) {
  add<float>("float");
  add<double>("double");
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  benchmark::RunSpecifiedBenchmarks();
}
