// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>

#include <Eigen/Core>

#include <sst/cluster/block_cyclic.hpp>
#include <sst/cluster/rates.hpp>
#include <sst/kernel/kernel_operator.hpp>
#include <sst/linalg/conjugate_gradients.hpp>
#include <sst/linalg/randomly_pivoted_cholesky.hpp>
#include <sst/version.hpp>

/// \file
/// What a regression over ranks will take, before it is begun: docs/cluster.md derives it and compares it
/// with what runs took.

namespace sst {
inline namespace SST_ABI {

/// What one rank does and holds.
struct RankCost {
  double pairs = 0;          ///< kernel values that are computed
  double flops = 0;          ///< in products of matrices
  double factor_flops = 0;   ///< in ScaLAPACK's factor
  double bytes = 0;          ///< read from memory by products with kept tiles, and by the preconditioner
  double message_bytes = 0;  ///< summed over all ranks
  double messages = 0;       ///< sums over all ranks
  double memory = 0;         ///< bytes that are held at the same time

  /// Seconds at these rates: nothing overlaps.
  double seconds(const RankRates& rates) const {
    return pairs / rates.pairs + flops / rates.flops + bytes / rates.bytes + memory / rates.new_bytes +
           (factor_flops > 0 ? factor_flops / rates.factor_flops : 0) +
           (messages > 0 ? message_bytes / rates.message_bytes + messages * rates.latency : 0);
  }
};

/// Of conjugate gradients that keep all tiles in double, of which iterations read what float holds, on a
/// kernel of n rows with so many outputs, a preconditioner of this rank, and so many iterations. Of the
/// preconditioner only the Cholesky factor of rank^3 / 3 multiplications and additions is made by every rank.
inline RankCost conjugate_gradient_cost(double n, double outputs, double rank, double iterations,
                                        double ranks) {
  const double block = static_cast<double>(LowRankOptions{}.block), number = sizeof(double);
  const auto rows = static_cast<Eigen::Index>(n);
  const double share = KernelOperator<double>::bytes(rows) / (number * ranks);
  const double residuals = 2, products = iterations + residuals;  // as a rule
  RankCost out;
  out.pairs = share + n * rank / ranks;
  out.flops = n * rank * (2 * rank + block) / ranks + rank * rank * rank / 3;
  out.bytes =
      (sizeof(float) * iterations + number * residuals) * share + number * iterations * 2 * n * rank / ranks;
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

/// Of a Cholesky factor over ranks (ScalapackCholesky) on a grid of r x c. Besides n^3 / 3p multiplications
/// and additions a rank waits for panels, which a column of the grid divides by the diagonal block, and for
/// ranks that have a block more: n^2 block / 4 (3 (1 - 1/c) / r + (1 - 1/r) / c). Each step sends its panel
/// along the rows of the grid and its transpose along the columns: a rank receives n^2 / 2 ((1 - 1/c) / r +
/// (1 - 1/r) / c) numbers, in 3 messages a step (counted; half as many where r = 1).
inline RankCost cholesky_cost(double n, double outputs, double ranks) {
  constexpr double block = scalapack_detail::block;
  const double rows = scalapack_detail::grid_rows(static_cast<int>(ranks)), columns = ranks / rows;
  RankCost out;
  out.pairs = n * (n + std::min(block, n)) / (2 * ranks);
  const double along_rows = (1 - 1 / columns) / rows, along_columns = (1 - 1 / rows) / columns;
  out.factor_flops =
      (n * n * n / 3 + 2 * n * n * outputs) / ranks + n * n * block / 4 * (3 * along_rows + along_columns);
  if (ranks > 1) {
    // A byte that is summed is sent and received 2 (p - 1) / p times, one of a block once.
    out.message_bytes = sizeof(double) * n * n / 2 * (along_rows + along_columns) * ranks / (2 * (ranks - 1));
    out.messages = (rows > 1 ? 3 : 1.5) * n / block;
  }
  out.memory = sizeof(double) * n * n / ranks;
  return out;
}

}  // namespace SST_ABI
}  // namespace sst
