// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <utility>
#include <vector>

#include <Eigen/Core>

#include <sst/base/ranks.hpp>
#include <sst/kernel/kernel_function.hpp>
#include <sst/kernel/kernel_operator.hpp>
#include <sst/kernel/own_kernel.hpp>
#include <sst/linalg/conjugate_gradients.hpp>
#include <sst/linalg/operator.hpp>
#include <sst/linalg/randomly_pivoted_cholesky.hpp>
#include <sst/version.hpp>

/// \file
/// What a regression over ranks will take, before it is begun: docs/cluster.md derives it and compares it
/// with what runs took.

namespace sst {
inline namespace SST_ABI {

/// What one rank does in a second while all of them work: from measure_rates, or from data sheets.
struct RankRates {
  double pairs = 0;          ///< kernel values, in double
  double flops = 0;          ///< additions and multiplications in products of matrices
  double bytes = 0;          ///< read from memory by products with kept tiles
  double message_bytes = 0;  ///< summed over all ranks
  double latency = 0;        ///< seconds that a sum of one number takes
};

/// What one rank does and holds.
struct RankCost {
  double pairs = 0;          ///< kernel values that are computed
  double flops = 0;          ///< in products of matrices
  double bytes = 0;          ///< read from memory by products with kept tiles, and by the preconditioner
  double message_bytes = 0;  ///< summed over all ranks
  double messages = 0;       ///< sums over all ranks
  double memory = 0;         ///< bytes that are held at the same time

  /// Seconds at these rates: nothing overlaps.
  double seconds(const RankRates& rates) const {
    return pairs / rates.pairs + flops / rates.flops + bytes / rates.bytes +
           (messages > 0 ? message_bytes / rates.message_bytes + messages * rates.latency : 0);
  }
};

/// Of conjugate gradients that keep all tiles in double, on a kernel of n rows with so many outputs, a
/// preconditioner of this rank, and so many iterations. Of the preconditioner only the Cholesky factor of
/// rank^3 / 3 multiplications and additions is made by every rank.
inline RankCost conjugate_gradient_cost(double n, double outputs, double rank, double iterations,
                                        double ranks) {
  const double block = static_cast<double>(LowRankOptions{}.block), number = sizeof(double);
  const auto rows = static_cast<Eigen::Index>(n);
  const double share = KernelOperator<double>::bytes(rows) / (number * ranks);
  const double products = iterations + 1;  // one for the residual
  RankCost out;
  out.pairs = share + n * rank / ranks;
  out.flops = n * rank * (2 * rank + block) / ranks + rank * rank * rank / 3;
  out.bytes = number * (products * share + iterations * 2 * n * rank / ranks);
  if (ranks > 1) {
    const double sums = 2 * number;  // FixedPointSums
    out.message_bytes = products * sums * n * outputs + iterations * (sums * rank + number * n) * outputs +
                        number * (n * (rank / block + 1) + rank * (rank / 2 + block)) +
                        sums * rank * rank / 2;
    out.messages = 3 * (products + iterations) + 3 * rank / block + 2 * rank / LowRankPreconditioner::block;
  }
  constexpr double buffers = 8 << 20;  // of a thread
  out.memory = KernelOperator<double>::bytes(rows, ranks) + low_rank_bytes(n, rank, ranks) +
               conjugate_gradient_bytes(n, outputs) + buffers;
  return out;
}

/// Of a Cholesky factor over ranks (ScalapackCholesky), with the constants of Blackford et al. 1997,
/// "ScaLAPACK Users' Guide", table 5.8: n^3 / 3p multiplications and additions, (2 + log2(p) / 2) n^2 /
/// sqrt(p) numbers and (4 + log2 p) n / 128 messages a rank.
inline RankCost cholesky_cost(double n, double outputs, double ranks) {
  constexpr double block = 128;
  RankCost out;
  out.pairs = n * (n + std::min(block, n)) / (2 * ranks);
  out.flops = (n * n * n / 3 + 2 * n * n * outputs) / ranks;
  if (ranks > 1) {
    // A byte that is summed is sent and received 2 (p - 1) / p times, one of a block once.
    out.message_bytes =
        sizeof(double) * (2 + std::log2(ranks) / 2) * n * n / std::sqrt(ranks) * ranks / (2 * (ranks - 1));
    out.messages = (4 + std::log2(ranks)) * n / block;
  }
  out.memory = sizeof(double) * n * n / ranks;
  return out;
}

/// Measures the rates of this rank while all measure theirs, in two seconds or so: of the kernel on rows of
/// x, n x d, a thousand at the most. All ranks call it at the same time and have the same, that of the
/// slowest.
inline RankRates measure_rates(const KernelFunction& kernel, const DataRef& x, const Ranks& ranks,
                               int threads = 0) {
  using Eigen::Index;
  using Eigen::MatrixXd;
  // Of one call, at the rank where it takes longest: over a third of a second, since machines are not steady.
  const auto seconds = [&](auto&& work) {
    const auto timed = [&](int calls) {
      std::int64_t together = 1;
      ranks.sum(&together, 1);
      const auto start = std::chrono::steady_clock::now();
      for (int call = 0; call < calls; ++call) work();
      return -ranks.least(-std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count()) /
             calls;
    };
    timed(1);
    return timed(static_cast<int>(std::clamp(0.33 / timed(1), 1.0, 1000.0)));
  };
  RankRates out;
  const Index rows = std::min<Index>(1024, x.rows());
  const auto tiles = kernel.against(x.middle_rows(0, rows)).tiles();
  MatrixXd values(rows, rows);
  const auto evaluate = [&] {
    constexpr Index side = 256;
    const Index count = (rows + side - 1) / side;
    operator_detail::in_parallel(count * count, threads, [&](Index k) {
      const Index i = k / count * side, j = k % count * side;
      const auto workspace = tiles->workspace();
      tiles->evaluate(i, std::min(side, rows - i), j, std::min(side, rows - j),
                      {&values(i, j), nullptr, values.outerStride()}, *workspace);
    });
  };
  out.pairs = static_cast<double>(values.size()) / seconds(evaluate);

  constexpr Index n = 768;
  const MatrixXd a = MatrixXd::Constant(n, n, 0.5);
  MatrixXd product(n, n);
  const auto multiply = [&] {
    constexpr Index panel = 128;
    operator_detail::in_parallel(n / panel, threads, [&](Index p) {
      product.middleRows(p * panel, panel).noalias() = a.middleRows(p * panel, panel) * a.transpose();
    });
  };
  out.flops = 2.0 * n * n * n / seconds(multiply);

  constexpr Index many = 5120;  // beyond what caches hold
  const auto one =
      kernel_function("one", [](const auto& left, const auto& right) { return left[0] * right[0]; });
  const KernelOperator<double> kept(one.against(Eigen::VectorXd::Ones(many)).tiles(),
                                    {.threads = threads, .memory = std::numeric_limits<double>::max()});
  const MatrixXd right = MatrixXd::Ones(many, 1);
  out.bytes = kept.kept_bytes() / seconds([&] { product = kept.apply(right); });

  std::vector<std::int64_t> numbers(1 << 19);
  constexpr int sums = 50;
  out.latency = seconds([&] {
                  for (int k = 0; k < sums; ++k) ranks.sum(numbers.data(), 1);
                }) /
                sums;
  out.message_bytes = sizeof(std::int64_t) * static_cast<double>(numbers.size()) /
                      seconds([&] { ranks.sum(numbers.data(), numbers.size()); });
  return out;
}

}  // namespace SST_ABI
}  // namespace sst
