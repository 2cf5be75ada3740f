// SPDX-License-Identifier: MIT
// What derivatives cost, in what they are derivatives of, in the same run. Compare the counters: times follow
// the load of the machine.

#include <cmath>
#include <cstdlib>
#include <utility>

#include <benchmark/benchmark.h>
#include <Eigen/Core>

#include <sst/kernel/kernel_family.hpp>
#include <sst/kernel/network_kernel.hpp>
#include <sst/linalg/cholesky.hpp>
#include <sst/regression/model.hpp>
#include <sst/selection/ridge_path.hpp>
#include <sst/selection/system_score.hpp>
#include <sst/topology/families.hpp>

#include "seconds.hpp"

namespace {

using Eigen::MatrixXd;
using Eigen::VectorXd;

MatrixXd samples(Eigen::Index n, Eigen::Index d) {
  std::srand(1);
  return MatrixXd::Random(n, d);
}

/// weight_std, bias_std and the coefficient of a shortcut; steps, whose kernel a profile would hide.
sst::KernelFamily family() {
  return {[](const VectorXd& p) {
            const sst::DenseOptions layer{.weight_std = std::exp(p[0]), .bias_std = std::exp(p[1])};
            return sst::ntk(sst::trace([&](sst::Node x) {
                              sst::Node h = dense(x, layer);
                              for (int i = 0; i < 4; ++i) h = sst::sum({dense(relu(h), layer), h}, {1, p[2]});
                              return dense(relu(h), layer);
                            }),
                            {.path = sst::Path::direct});
          },
          Eigen::Vector3d(0.3, -1, 0.5)};
}

/// A kernel of 2,048 rows and its three derivatives over the kernel alone.
void parameters(benchmark::State& state) {
  const MatrixXd x = samples(2048, 20);
  const sst::KernelFamily f = family();
  double kernel = 0, both = 0;
  for (auto _ : state) {
    kernel += seconds([&] { benchmark::DoNotOptimize(f.at(f.start).matrix(x).data()); });
    both += seconds([&] {
      benchmark::DoNotOptimize(f.at(f.start).matrix(x).data());
      benchmark::DoNotOptimize(parameter_derivatives(f, f.start, x).data());
    });
  }
  state.counters["kernels"] = both / kernel;
}

/// Gradients of predictions, 4,096 against 4,096 of 32 features, over predicting. Weights need no solve.
void predictions(benchmark::State& state) {
  const MatrixXd x = samples(4096, 32), y = MatrixXd::Random(4096, 1), rows = MatrixXd::Random(4096, 32);
  const auto kernel = sst::ntk(sst::sparse_shortcut(8, {.weight_std = 1.4, .bias_std = 0.1}));
  const sst::Model model({kernel, x, y, y, sst::Ridge::relative(1e-3), 1e-3});
  double predict = 0, gradients = 0;
  for (auto _ : state) {
    predict += seconds([&] { benchmark::DoNotOptimize(model.predict(rows).data()); });
    gradients += seconds([&] { benchmark::DoNotOptimize(model.input_gradients(rows).data()); });
  }
  state.counters["predictions"] = gradients / predict;
}

/// The evidence and its gradient by 32 scales at n = 2,000, kernel and factor among them, over a factor.
void evidence(benchmark::State& state) {
  const MatrixXd x = samples(2000, 32), y = x.col(0).array().sin();
  const auto kernel = sst::ntk(sst::chain(3, {.weight_std = 1.4, .bias_std = 0.1}));
  const MatrixXd k = kernel.matrix(x);
  double cholesky = 0, gradient = 0;
  for (auto _ : state) {
    MatrixXd a = k;
    a.diagonal().array() += 0.1 * k.diagonal().mean();
    cholesky +=
        seconds([&] { benchmark::DoNotOptimize(sst::Cholesky<double>(std::move(a)).storage().data()); });
    gradient += seconds([&] {
      MatrixXd system = kernel.matrix(x);
      system.diagonal().array() += 0.1 * k.diagonal().mean();
      const auto score = sst::system_score(sst::Criterion::log_marginal_likelihood, y,
                                           sst::Cholesky<double>(std::move(system)));
      benchmark::DoNotOptimize(
          x.cwiseProduct(kernel.gradients(x, x, score.slope)).colwise().sum().eval().data());
    });
  }
  state.counters["choleskys"] = gradient / cholesky;
}

BENCHMARK(parameters)->Unit(benchmark::kMillisecond)->MinTime(2);
BENCHMARK(predictions)->Unit(benchmark::kMillisecond)->MinTime(2);
BENCHMARK(evidence)->Unit(benchmark::kMillisecond)->MinTime(2);

}  // namespace

BENCHMARK_MAIN();
