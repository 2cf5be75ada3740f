// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <Eigen/Cholesky>
#include <Eigen/Core>

#include <sst/error.hpp>
#include <sst/linalg/cholesky.hpp>
#include <sst/linalg/operator.hpp>
#include <sst/version.hpp>

namespace sst {
inline namespace SST_ABI {

/// When the factorization stops.
struct LowRankOptions {
  Eigen::Index rank = 100;   ///< columns of the factor, at the most; 1 or more
  Eigen::Index block = 100;  ///< pivots that are drawn at once; 1 or more
  /// Stops when the trace of K - F F^T is at most this times that of K; 0 or more.
  double tolerance = 0;
  std::uint64_t seed = 0;  ///< of the pivots; the same one gives the same factor
  int threads = 0;         ///< 0: as many as OpenMP gives; nothing depends on it
  /// Called after each block with the fraction that is done; returning false cancels (throws Cancelled).
  std::function<bool(double)> progress = {};
};

/// K ~ F F^T.
struct LowRankFactor {
  Eigen::MatrixXd factor;            ///< F, n x rank
  std::vector<Eigen::Index> pivots;  ///< the columns of K it was made of, `rank` of them
  Eigen::VectorXd residual;          ///< the diagonal of K - F F^T, at least 0
};

namespace low_rank_detail {

using Eigen::Index;

/// Distinct indices, each drawn with a probability proportional to its weight, with replacement; ascending.
inline std::vector<Index> draw(const Eigen::VectorXd& weights, Index count, std::mt19937_64& words) {
  std::vector<double> sums(static_cast<std::size_t>(weights.size()));
  double sum = 0;
  for (std::size_t i = 0; i < sums.size(); ++i) sums[i] = sum += weights[static_cast<Index>(i)];
  std::vector<Index> drawn;
  for (Index c = 0; c < count; ++c) {
    const double at = static_cast<double>(words() >> 11) * 0x1p-53 * sum;  // below the sum
    drawn.push_back(std::upper_bound(sums.begin(), sums.end() - 1, at) - sums.begin());
  }
  std::sort(drawn.begin(), drawn.end());
  drawn.erase(std::unique(drawn.begin(), drawn.end()), drawn.end());
  return drawn;
}

}  // namespace low_rank_detail

/// A partial Cholesky factorization whose pivots are drawn with probabilities proportional to the diagonal of
/// what is not yet explained (Chen, Epperly, Tropp, Webber 2023, "Randomly pivoted Cholesky",
/// arXiv:2207.06503, algorithm 4): close to the best approximation of its rank wherever the eigenvalues
/// decay.
///
/// k: n x n, positive semidefinite. Takes n x rank entries of K and n rank^2 multiplications and additions;
/// memory for F and two blocks of columns. The rank is smaller than asked for when K is explained before.
/// Throws DataError (an empty kernel, a diagonal that is negative or not finite), NotPositiveDefinite (what
/// is left turns negative), Error (bad options), Cancelled.
inline LowRankFactor randomly_pivoted_cholesky(const SymmetricOperator& k,
                                               const LowRankOptions& options = {}) {
  using Eigen::Index;
  const Index n = k.rows();
  if (options.rank < 1 || options.block < 1 || !(options.tolerance >= 0))
    throw Error("a low-rank factor was asked for with rank " + std::to_string(options.rank) + ", block " +
                std::to_string(options.block) + " and tolerance " + std::to_string(options.tolerance) +
                "; give 1 or more, 1 or more, and 0 or more");
  LowRankFactor out;
  out.residual = k.diagonal();
  for (Index i = 0; i < n; ++i)
    if (!std::isfinite(out.residual[i]) || out.residual[i] < 0)
      throw DataError("the kernel has " + std::to_string(out.residual[i]) + " on its diagonal in row " +
                      std::to_string(i) + " (variances are finite and not negative); check how it was made");
  const double trace = out.residual.sum();
  if (!(trace > 0)) throw DataError("the kernel is empty or zero and has no factor; give it samples");
  // Below this, what is left is rounding.
  const double enough =
      std::max(options.tolerance, 4 * std::numeric_limits<double>::epsilon() * static_cast<double>(n)) *
      trace;
  const Index limit = std::min(options.rank, n);
  out.factor.resize(n, limit);
  std::mt19937_64 words(options.seed);
  const double largest = out.residual.maxCoeff();
  Index rank = 0;
  const auto not_semidefinite = [&](Index row, double value) {
    throw NotPositiveDefinite("the kernel is not positive semidefinite (its residual in row " +
                                  std::to_string(row) + " is " + std::to_string(value) + " after " +
                                  std::to_string(rank) + " columns); check how it was made",
                              row, value);
  };
  while (rank < limit && out.residual.sum() > enough) {
    const auto pivots = low_rank_detail::draw(out.residual, std::min(options.block, limit - rank), words);
    const Index width = static_cast<Index>(pivots.size());
    Eigen::MatrixXd columns = k.columns(pivots), known(width, rank);
    for (Index c = 0; c < width && rank > 0; ++c)
      known.row(c) = out.factor.row(pivots[static_cast<std::size_t>(c)]).head(rank);
    constexpr Index panel = 512;
    const auto over_rows = [&](auto&& work) {
      operator_detail::in_parallel((n + panel - 1) / panel, options.threads,
                                   [&](Index p) { work(p * panel, std::min(panel, n - p * panel)); });
    };
    over_rows([&](Index first, Index rows) {
      columns.middleRows(first, rows).noalias() -= out.factor.block(first, 0, rows, rank) * known.transpose();
    });
    Eigen::MatrixXd core(width, width);
    for (Index c = 0; c < width; ++c) core.row(c) = columns.row(pivots[static_cast<std::size_t>(c)]);
    // As the paper does: pivots of one block may be nearly dependent, and rounding would make it indefinite.
    core.diagonal().array() += 8 * std::numeric_limits<double>::epsilon() * trace;
    const Eigen::LLT<Eigen::MatrixXd> llt(core);
    if (llt.info() != Eigen::Success) not_semidefinite(pivots.front(), core.diagonal().minCoeff());
    over_rows([&](Index first, Index rows) {
      Eigen::MatrixXd block = columns.middleRows(first, rows);
      llt.matrixU().solveInPlace<Eigen::OnTheRight>(block);
      out.residual.segment(first, rows) -= block.rowwise().squaredNorm();
      out.factor.block(first, rank, rows, width) = block;
    });
    Index worst = 0;
    if (const double least = out.residual.minCoeff(&worst); least < -1e-4 * largest)
      not_semidefinite(worst, least);
    out.residual = out.residual.cwiseMax(0);
    for (const Index pivot : pivots) out.residual[pivot] = 0;  // explained, but for rounding
    out.pivots.insert(out.pivots.end(), pivots.begin(), pivots.end());
    rank += width;
    if (options.progress && !options.progress(static_cast<double>(rank) / static_cast<double>(limit)))
      throw Cancelled("the low-rank factor was cancelled at " + std::to_string(rank) +
                      " columns (its progress function returned false); run it again");
  }
  if (rank < limit) out.factor.conservativeResize(n, rank);
  return out;
}

/// M^-1 for M = F F^T + mu I, the preconditioner of K + lambda I that a low-rank factor gives, by Woodbury's
/// formula:
///
///     M^-1 R = (R - F (F^T F + mu I)^-1 F^T R) / mu
///
/// Its error is about 1e-16 |F|^2 / mu, so mu should be 1e-13 |F|^2 at least; being no more than a
/// preconditioner, it needs no more digits (Diaz, Epperly, Frangella, Tropp, Webber 2023, "Robust, randomized
/// preconditioning for kernel ridge regression", arXiv:2304.12465, say what smaller ones take). A mu of
/// lambda
/// + mean residual of F takes account of what F leaves out. Takes n rank^2 multiplications and additions;
/// memory: F and rank^2 numbers.
class LowRankPreconditioner {
 public:
  /// Of samples and columns.
  using Index = Eigen::Index;

  /// f: n x rank with rank <= n, finite. Throws DataError, or Error unless mu is finite and positive.
  LowRankPreconditioner(Eigen::MatrixXd f, double mu, int threads = 0)
      : mu_(mu), threads_(threads), f_(std::move(f)), core_(factor()) {}

  /// M^-1 R, n x m. Does not depend on the number of threads. Throws DataError for other rows.
  Eigen::MatrixXd operator()(const Eigen::MatrixXd& r) const {
    operator_detail::require_rows(r.rows(), f_.rows());
    constexpr Index panel = 128;
    Eigen::MatrixXd c(f_.cols(), r.cols()), out(r.rows(), r.cols());
    operator_detail::in_parallel((f_.cols() + panel - 1) / panel, threads_, [&](Index p) {
      const Index first = p * panel, size = std::min(panel, f_.cols() - first);
      c.middleRows(first, size).noalias() = f_.middleCols(first, size).transpose() * r;
    });
    core_.solve_in_place(c);
    operator_detail::in_parallel((r.rows() + panel - 1) / panel, threads_, [&](Index p) {
      const Index first = p * panel, size = std::min(panel, r.rows() - first);
      auto part = out.middleRows(first, size);
      part = r.middleRows(first, size);
      part.noalias() -= f_.middleRows(first, size) * c;
      part /= mu_;
    });
    return out;
  }

 private:
  /// Of F^T F + mu I.
  Cholesky<double> factor() const {
    if (!std::isfinite(mu_) || !(mu_ > 0))
      throw Error("the preconditioner was asked for with mu " + std::to_string(mu_) +
                  "; give a finite positive number");
    const Index n = f_.rows(), rank = f_.cols();
    if (rank > n || rank == 0)
      throw DataError("a low-rank factor of " + std::to_string(n) + " x " + std::to_string(rank) +
                      " makes no preconditioner; give it no more columns than rows, and one at least");
    cholesky_detail::require_finite(f_, false, 1, "the low-rank factor");
    Eigen::MatrixXd inner(rank, rank);
    constexpr Index panel = 64;
    operator_detail::in_parallel((rank + panel - 1) / panel, threads_, [&](Index p) {
      const Index first = p * panel, size = std::min(panel, rank - first), below = rank - first;
      inner.block(first, first, below, size).noalias() =
          f_.rightCols(below).transpose() * f_.middleCols(first, size);
    });
    inner.diagonal().array() += mu_;
    return Cholesky<double>(std::move(inner), {.threads = threads_});
  }

  double mu_;
  int threads_;
  Eigen::MatrixXd f_;
  Cholesky<double> core_;
};

}  // namespace SST_ABI
}  // namespace sst
