// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include <Eigen/Core>

#include <sst/base/ranks.hpp>
#include <sst/kernel/kernel_function.hpp>
#include <sst/kernel/kernel_operator.hpp>
#include <sst/kernel/own_kernel.hpp>
#include <sst/linalg/operator.hpp>
#include <sst/linalg/randomly_pivoted_cholesky.hpp>
#include <sst/version.hpp>

/// \file
/// What a rank does in a second, measured: the machine's part of a prediction (cost.hpp is the algorithm's).

namespace sst {
inline namespace SST_ABI {

/// What one rank does in a second while all of them work: from measure_rates, or from data sheets.
struct RankRates {
  double pairs = 0;         ///< kernel values, in double
  double flops = 0;         ///< additions and multiplications in products of matrices
  double factor_flops = 0;  ///< the same in ScaLAPACK's factors: from measure_factor_flops
  double bytes = 0;         ///< read by products with kept tiles, from memory or, where they are few, a cache
  double new_bytes = 0;     ///< of memory that is written for the first time: the system makes it then
  double message_bytes = 0;  ///< summed over all ranks
  double latency = 0;        ///< seconds that a sum of one number takes
};

namespace rates_detail {

/// Of one call of work, at the rank where it takes longest: the least of five times, over some 70 ms each,
/// since what else a machine does only adds.
template <class Work>
double seconds(const Ranks& ranks, Work&& work) {
  const auto timed = [&](int calls) {
    std::int64_t together = 1;
    ranks.sum(&together, 1);
    const auto start = std::chrono::steady_clock::now();
    for (int call = 0; call < calls; ++call) work();
    return -ranks.least(-std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count()) /
           calls;
  };
  timed(1);
  const int calls = static_cast<int>(std::clamp(0.07 / timed(1), 1.0, 1000.0));
  double least = timed(calls);
  for (int round = 1; round < 5; ++round) least = std::min(least, timed(calls));
  return least;
}

}  // namespace rates_detail

/// Measures the rates of this rank while all measure theirs, but for factor_flops, in two seconds or so: of
/// the kernel on rows of x, n x d, a thousand at the most, and of memory as the kernel of all rows takes it.
/// All ranks call it at the same time and have the same, that of the slowest.
inline RankRates measure_rates(const KernelFunction& kernel, const DataRef& x, const Ranks& ranks,
                               int threads = 0) {
  using Eigen::Index;
  using Eigen::MatrixXd;
  const auto seconds = [&](auto&& work) { return rates_detail::seconds(ranks, work); };
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

  // As many values as an iteration reads of a rank, since few lie in a cache: what it keeps of the kernel of
  // x and, twice as wide, of a preconditioner; 5120^2 / 2 are beyond it.
  const auto all = static_cast<double>(x.rows());
  const auto many = static_cast<Index>(std::clamp(
      std::sqrt((all + 4.0 * static_cast<double>(usual_rank(x.rows(), true))) * all / ranks.count()), 1.0,
      5120.0));
  const auto one =
      kernel_function("one", [](const auto& left, const auto& right) { return left[0] * right[0]; });
  const KernelOperator<double> kept(one.against(Eigen::VectorXd::Ones(many)).tiles(),
                                    {.threads = threads, .memory = std::numeric_limits<double>::max()});
  const MatrixXd right = MatrixXd::Ones(many, 1);
  const RoundedKernelOperator rounded(kept);  // as iterations read them
  out.bytes = kept.kept_bytes() / 2 / seconds([&] { product = rounded.apply(right); });

  constexpr std::size_t fresh = std::size_t{1} << 26;  // beyond what allocators keep
  std::vector<char> memory;
  out.new_bytes = static_cast<double>(fresh) / seconds([&] { memory = std::vector<char>(fresh); });

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
