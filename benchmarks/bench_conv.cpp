// SPDX-License-Identifier: MIT
//
// What one entry costs: one pair of positions of one pair of images through one layer (3 x 3 convolution and
// relu, both kernels), in nanoseconds on one thread (counter ns_per_entry_layer; ns_per_pair is that of a
// pair of images).
//
//   gap      conv networks with global pooling: all (H W)^2 pairs of positions
//   flatten  the same with flatten: H W of them; tiles of 192 x 192, as preparing an image costs as much as
//   some pairs naive    `gap` as it is written down: 4-D arrays, nine taps, acos; 16 x 16 images at most, as
//   it takes seconds
//
// A round of `gap` is what ImageTiles does for a tile, the preparation of its images included.

#include <benchmark/benchmark.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numbers>
#include <random>
#include <string>
#include <vector>

#include <sst/engine/images/image_table.hpp>
#include <sst/kernel/image_tiles.hpp>
#include <sst/topology/spatial_families.hpp>

namespace {

using Index = std::size_t;

Eigen::MatrixXd images(Index count, Index size) {
  std::mt19937_64 words(1);
  Eigen::MatrixXd x(static_cast<Eigen::Index>(count), static_cast<Eigen::Index>(size * size * 3));
  for (double& value : x.reshaped()) value = static_cast<double>(words() >> 11) * 0x1p-52 - 1;
  return x;
}

sst::Topology network(int layers, sst::ImageReadout readout) {
  sst::ConvFamilyOptions options;
  options.readout = readout;
  return sst::conv_chain(layers, options);
}

void count(benchmark::State& state, double pairs, double entries, int layers) {
  const auto per = [](double n) {
    return benchmark::Counter(n * 1e-9,
                              benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
  };
  state.counters["ns_per_pair"] = per(pairs);
  state.counters["ns_per_entry_layer"] = per(pairs * entries * layers);
}

/// `left` images against `right` ones, none of them the same.
template <class Scalar>
void tile(benchmark::State& state, sst::ImageReadout readout, Index size, int layers, Index left,
          Index right) {
  const Eigen::MatrixXd all = images(left + right, size);
  const Eigen::MatrixXd x = all.topRows(static_cast<Eigen::Index>(right)),
                        y = all.bottomRows(static_cast<Eigen::Index>(left));
  const sst::ImageTiles<Scalar> tiles(network(layers, readout), sst::Kernel::ntk, {size, size, 3}, x, y, 1);
  Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic> k(x.rows(), y.rows());
  for (auto _ : state) {
    tiles.evaluate(0, right, 0, left, k.data(), right);
    benchmark::DoNotOptimize(k.data());
  }
  const double positions = static_cast<double>(size * size);
  count(state, static_cast<double>(left * right),
        readout == sst::ImageReadout::flatten ? positions : positions * positions, layers);
}

/// Two images by the textbook: K and T of all pairs of positions as arrays [y][x][y'][x'].
void naive(benchmark::State& state, Index size, int layers) {
  const Eigen::MatrixXf x = images(2, size).cast<float>();
  const Index positions = size * size;
  const auto pi = std::numbers::pi_v<float>;
  const auto window_sum = [&](const std::vector<float>& in) {
    std::vector<float> out(positions * positions);
    for (Index y = 0; y < size; ++y)
      for (Index c = 0; c < size; ++c)
        for (Index y2 = 0; y2 < size; ++y2)
          for (Index c2 = 0; c2 < size; ++c2) {
            float sum = 0;
            for (int i = -1; i <= 1; ++i)
              for (int j = -1; j <= 1; ++j) {
                const auto at = [&](Index p, int o) { return static_cast<std::ptrdiff_t>(p) + o; };
                const std::ptrdiff_t r = at(y, i), s = at(c, j), r2 = at(y2, i), s2 = at(c2, j),
                                     n = static_cast<std::ptrdiff_t>(size);
                if (std::min({r, s, r2, s2}) < 0 || std::max({r, s, r2, s2}) >= n) continue;
                sum += in[static_cast<Index>(((r * n + s) * n + r2) * n + s2)];
              }
            out[((y * size + c) * size + y2) * size + c2] = 2 * sum / 9;
          }
    return out;
  };
  for (auto _ : state) {
    // The variances are on the diagonals of each image with itself.
    std::vector<float> k[3], t(positions * positions, 0);
    const int left[3] = {0, 0, 1}, right[3] = {1, 0, 1};
    for (int n = 0; n < 3; ++n) {
      k[n].resize(positions * positions);
      for (Index p = 0; p < positions; ++p)
        for (Index q = 0; q < positions; ++q) {
          float sum = 0;
          for (Index c = 0; c < 3; ++c)
            sum += x(left[n], static_cast<Eigen::Index>(3 * p + c)) *
                   x(right[n], static_cast<Eigen::Index>(3 * q + c));
          k[n][p * positions + q] = sum / 3;
        }
    }
    std::vector<float> variance[2];
    for (int n = 0; n < 2; ++n)
      for (Index p = 0; p < positions; ++p) variance[n].push_back(k[n + 1][p * positions + p]);
    for (int layer = 0; layer < layers; ++layer) {
      k[0] = window_sum(k[0]);
      t = window_sum(t);
      for (Index e = 0; e < t.size(); ++e) t[e] += k[0][e];
      for (auto& q : variance) {  // of the conv layer: windows over the variances alone
        std::vector<float> next(positions, 0);
        for (Index p = 0; p < positions; ++p)
          for (int i = -1; i <= 1; ++i)
            for (int j = -1; j <= 1; ++j) {
              const auto r = static_cast<std::ptrdiff_t>(p / size) + i,
                         s = static_cast<std::ptrdiff_t>(p % size) + j, n = static_cast<std::ptrdiff_t>(size);
              if (std::min(r, s) >= 0 && std::max(r, s) < n)
                next[p] += 2 * q[static_cast<Index>(r * n + s)] / 9;
            }
        q = next;
      }
      for (Index p = 0; p < positions; ++p)
        for (Index q = 0; q < positions; ++q) {
          const float norm = std::sqrt(variance[0][p] * variance[1][q]);
          float& value = k[0][p * positions + q];
          const float c = std::clamp(value / norm, -1.0F, 1.0F), angle = std::acos(c);
          value = norm * (std::sqrt(1 - c * c) + (pi - angle) * c) / (2 * pi);
          t[p * positions + q] *= (pi - angle) / (2 * pi);
        }
      for (auto& q : variance)
        for (float& v : q) v /= 2;
    }
    float nngp = 0, ntk = 0;
    for (Index e = 0; e < t.size(); ++e) {
      nngp += k[0][e];
      ntk += t[e];
    }
    benchmark::DoNotOptimize(nngp);
    benchmark::DoNotOptimize(ntk);
  }
  const auto entries = static_cast<double>(positions * positions);
  count(state, 1, entries, layers);
}

template <class Function>
void add(const std::string& name, Function function) {
  benchmark::RegisterBenchmark(name.c_str(), function)->Unit(benchmark::kMillisecond);
}

}  // namespace

int main(int argc, char** argv) {
  using sst::ImageReadout;
  for (const Index size : {Index{8}, Index{16}, Index{32}})
    for (const int layers : {10, 20}) {
      const std::string where = "/size:" + std::to_string(size) + "/layers:" + std::to_string(layers);
      const Index left = size == 32 ? 8 : 16;
      add("gap/float" + where, [=](auto& s) {
        tile<float>(s, ImageReadout::global_avg_pool, size, layers, left, sst::spatial::lanes<float>);
      });
      add("gap/double" + where, [=](auto& s) {
        tile<double>(s, ImageReadout::global_avg_pool, size, layers, left, sst::spatial::lanes<double>);
      });
    }
  for (const Index size : {Index{8}, Index{16}})
    add("naive/float/size:" + std::to_string(size) + "/layers:10", [=](auto& s) { naive(s, size, 10); });
  add("flatten/float/size:32/layers:20",
      [=](auto& s) { tile<float>(s, ImageReadout::flatten, 32, 20, 192, 192); });
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}
