// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <Eigen/Cholesky>
#include <Eigen/Core>

#include <sst/base/progress.hpp>
#include <sst/base/ranks.hpp>
#include <sst/error.hpp>
#include <sst/linalg/cholesky.hpp>
#include <sst/linalg/fixed_point_sums.hpp>
#include <sst/linalg/one_pass.hpp>
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
  /// The processes that share the rows of the factor; none: this one has all.
  std::shared_ptr<const Ranks> ranks = {};
  ProgressFunction progress = {};  ///< of all of it
};

/// K ~ F F^T.
struct LowRankFactor {
  Eigen::MatrixXd factor;            ///< F, n x rank: of several ranks, the rows that are this one's
  Eigen::Index first = 0;            ///< the first of these rows
  std::vector<Eigen::Index> pivots;  ///< the columns of K it was made of, `rank` of them
  Eigen::VectorXd residual;          ///< the diagonal of K - F F^T, n numbers of at least 0
};

namespace low_rank_detail {

using Eigen::Index;
using Eigen::MatrixXd;

/// Rows that are computed at once: the same ones on however many ranks and threads, so that bits are too.
inline constexpr Index panel = 512;

/// The first row of n that is this rank's, and how many are: whole panels.
inline std::pair<Index, Index> own_rows(Index n, const Ranks* ranks) {
  if (!ranks) return {0, n};
  const auto [first, count] = ranks->share((n + panel - 1) / panel);
  const Index begin = std::min(n, first * panel);
  return {begin, std::min(n - begin, count * panel)};
}

/// These rows of a matrix of which each rank has some, from row `first` on.
inline MatrixXd gather_rows(const Eigen::Ref<const MatrixXd>& own, Index first,
                            const std::vector<Index>& rows, const Ranks* ranks) {
  MatrixXd out = MatrixXd::Zero(static_cast<Index>(rows.size()), own.cols());
  if (out.cols() == 0) return out;  // has no row to point at
  for (Index r = 0; r < out.rows(); ++r)
    if (const Index at = rows[static_cast<std::size_t>(r)] - first; at >= 0 && at < own.rows())
      out.row(r) = own.row(at);
  if (ranks) ranks->collect(out.data(), static_cast<std::size_t>(out.size()));
  return out;
}

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
/// memory for F. Ranks have a share of each, and the same result to the bit. The rank is smaller than asked
/// for when K is explained before.
/// Throws DataError (an empty kernel, a diagonal that is negative or not finite), NotPositiveDefinite (what
/// is left turns negative), Error (bad options), Cancelled.
inline LowRankFactor randomly_pivoted_cholesky(const SymmetricOperator& k,
                                               const LowRankOptions& options = {}) {
  using Eigen::Index;
  const Index n = k.rows();
  const Ranks* ranks = options.ranks.get();
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
  const auto [first, own] = low_rank_detail::own_rows(n, ranks);
  out.first = first;
  out.factor.resize(own, limit);
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
    const Eigen::MatrixXd known =
        low_rank_detail::gather_rows(out.factor.leftCols(rank), first, pivots, ranks);
    auto columns = out.factor.middleCols(rank, width);  // where they stay
    k.columns(pivots, first, columns);
    operator_detail::over_panels(own, low_rank_detail::panel, options.threads, [&](Index at, Index rows) {
      columns.middleRows(at, rows).noalias() -= out.factor.block(at, 0, rows, rank) * known.transpose();
    });
    Eigen::MatrixXd core = low_rank_detail::gather_rows(columns, first, pivots, ranks);
    // As the paper does: pivots of one block may be nearly dependent, and rounding would make it indefinite.
    core.diagonal().array() += 8 * std::numeric_limits<double>::epsilon() * trace;
    const Eigen::LLT<Eigen::MatrixXd> llt(core);
    if (llt.info() != Eigen::Success) not_semidefinite(pivots.front(), core.diagonal().minCoeff());
    auto residual = out.residual.segment(first, own);
    operator_detail::over_panels(own, low_rank_detail::panel, options.threads, [&](Index at, Index rows) {
      auto block = columns.middleRows(at, rows);
      llt.matrixU().solveInPlace<Eigen::OnTheRight>(block);
      residual.segment(at, rows) -= block.rowwise().squaredNorm();
    });
    if (ranks) {
      out.residual.head(first).setZero();
      out.residual.tail(n - first - own).setZero();
      ranks->collect(out.residual.data(), static_cast<std::size_t>(n));
    }
    Index worst = 0;
    if (const double least = out.residual.minCoeff(&worst); least < -1e-4 * largest)
      not_semidefinite(worst, least);
    out.residual = out.residual.cwiseMax(0);
    for (const Index pivot : pivots) out.residual[pivot] = 0;  // explained, but for rounding
    out.pivots.insert(out.pivots.end(), pivots.begin(), pivots.end());
    rank += width;
    detail::tell(options.progress, "the low-rank factor",
                 static_cast<double>(rank) / static_cast<double>(limit));
  }
  if (rank < limit) out.factor.conservativeResize(own, rank);
  return out;
}

/// Columns of a preconditioner for n rows: more save iterations until making them costs as much as they save.
/// r columns take n r^2 multiplications and leave about a + b / r iterations of n^2 / 2 kernel values each,
/// b much the same for any n: the best r is as the cube root of n, and of what a value costs an iteration,
/// which is little where it is kept. kept: whether most values are.
inline Eigen::Index usual_rank(Eigen::Index n, bool kept) {
  const auto rows = static_cast<double>(n);
  return static_cast<Eigen::Index>(std::min(rows, (kept ? 22 : 40) * std::cbrt(rows)));
}

/// Bytes that randomly_pivoted_cholesky and LowRankPreconditioner hold at the same time, on each of so many
/// ranks.
inline double low_rank_bytes(double n, double rank, double ranks = 1) {
  constexpr double panel = low_rank_detail::panel;
  const double own = std::min(n, std::ceil(std::ceil(n / panel) / ranks) * panel);
  const double pivots = rank * static_cast<double>(LowRankOptions{}.block) + 4 * n, core = 2 * rank * rank;
  return sizeof(double) * (own * rank + std::max(pivots, core));
}

/// M^-1 for M = F F^T + mu I, the preconditioner of K + lambda I that a low-rank factor gives, by Woodbury's
/// formula:
///
///     M^-1 R = (R - F (F^T F + mu I)^-1 F^T R) / mu
///
/// Its error is about 1e-16 |F|^2 / mu, so mu should be 1e-13 |F|^2 at least; being no more than a
/// preconditioner, it needs no more digits (Diaz, Epperly, Frangella, Tropp, Webber 2023, "Robust, randomized
/// preconditioning for kernel ridge regression", arXiv:2304.12465, say what smaller ones take). A mu of
/// lambda + mean residual of F takes account of what F leaves out. Takes n rank^2 multiplications and
/// additions; memory: low_rank_bytes. Of several ranks each has its rows of F and does their share;
/// sums over rows are FixedPointSums, so that results have the same bits for any number of them.
class LowRankPreconditioner {
 public:
  /// Of samples and columns.
  using Index = Eigen::Index;
  /// Columns of F that are a piece of work.
  static constexpr Index block = 64;

  /// low: of n rows and no more columns, finite. ranks: those it was made with. Throws DataError, or Error
  /// unless mu is finite and positive.
  LowRankPreconditioner(LowRankFactor low, double mu, int threads = 0,
                        std::shared_ptr<const Ranks> ranks = {})
      : mu_(mu),
        threads_(threads),
        ranks_(std::move(ranks)),
        rows_(low.residual.size()),
        first_(low.first),
        f_(checked(std::move(low), mu)),
        largest_(largest()),
        core_(factor()) {}

  /// M^-1 R, n x m. Does not depend on the number of threads or ranks. Throws DataError for other rows, or
  /// numbers that are not finite.
  Eigen::MatrixXd operator()(const Eigen::MatrixXd& r) const {
    operator_detail::require_rows(r.rows(), rows_);
    cholesky_detail::require_finite(r, false, 1, "what is to be preconditioned");
    FixedPointSums sums(f_.cols(), bound(r.cwiseAbs().colwise().maxCoeff()));
    operator_detail::over_panels(f_.cols(), block, threads_, [&](Index first, Index size) {
      over_own_panels([&](Index at, Index rows) {
        add(sums, first,
            detail::streamed_transposed_product<double>(f_.block(at, first, rows, size),
                                                        r.middleRows(first_ + at, rows)));
      });
    });
    if (ranks_) sums.sum(*ranks_);
    Eigen::MatrixXd c = sums.values(), out = Eigen::MatrixXd::Zero(r.rows(), r.cols());
    core_.solve_in_place(c);
    operator_detail::over_panels(f_.rows(), low_rank_detail::panel, threads_, [&](Index at, Index rows) {
      auto part = out.middleRows(first_ + at, rows);
      part =
          (r.middleRows(first_ + at, rows) - detail::streamed_product<double>(f_.middleRows(at, rows), c)) /
          mu_;
    });
    if (ranks_) ranks_->collect(out.data(), static_cast<std::size_t>(out.size()));
    return out;
  }

 private:
  /// Calls work(first, size) for panels of the rows of F that are here, one after the other.
  template <class Work>
  void over_own_panels(Work&& work) const {
    constexpr Index panel = low_rank_detail::panel;
    for (Index at = 0; at < f_.rows(); at += panel) work(at, std::min(panel, f_.rows() - at));
  }

  /// Of the products of a panel of F with columns whose largest entries these are, with room for rounding.
  Eigen::RowVectorXd bound(const Eigen::RowVectorXd& others) const {
    return 2.0 * static_cast<double>(low_rank_detail::panel) * largest_ * others;
  }

  static void add(FixedPointSums& sums, Index first, const Eigen::MatrixXd& terms) {
    [[maybe_unused]] const bool bounded = sums.add(first, terms);  // since all is finite
  }

  /// F, if all is as it has to be.
  static Eigen::MatrixXd checked(LowRankFactor low, double mu) {
    if (!std::isfinite(mu) || !(mu > 0))
      throw Error("the preconditioner was asked for with mu " + std::to_string(mu) +
                  "; give a finite positive number");
    const Index rows = low.residual.size(), rank = low.factor.cols();
    if (rank > rows || rank == 0)
      throw DataError("a low-rank factor of " + std::to_string(rows) + " x " + std::to_string(rank) +
                      " makes no preconditioner; give it no more columns than rows, and one at least");
    cholesky_detail::require_finite(low.factor, false, 1, "the low-rank factor");
    return std::move(low.factor);
  }

  /// Of the entries of F, in all ranks.
  double largest() const {
    const double own = f_.rows() ? f_.cwiseAbs().maxCoeff() : 0;
    return ranks_ ? -ranks_->least(-own) : own;
  }

  /// Of F^T F + mu I.
  Cholesky<double> factor() const {
    const Index rank = f_.cols();
    std::vector<std::optional<FixedPointSums>> sums(static_cast<std::size_t>((rank + block - 1) / block));
    operator_detail::over_panels(rank, block, threads_, [&](Index first, Index size) {
      const Index below = rank - first;
      FixedPointSums& mine = sums[static_cast<std::size_t>(first / block)].emplace(
          below, bound(Eigen::RowVectorXd::Constant(size, largest_)));
      Eigen::MatrixXd product(below, size);
      over_own_panels([&](Index at, Index rows) {
        product.noalias() = f_.block(at, first, rows, below).transpose() * f_.block(at, first, rows, size);
        add(mine, 0, product);
      });
    });
    Eigen::MatrixXd inner(rank, rank);
    for (Index k = 0; k < static_cast<Index>(sums.size()); ++k) {
      auto& sum = sums[static_cast<std::size_t>(k)];
      if (ranks_) sum->sum(*ranks_);
      const Index first = k * block;
      inner.block(first, first, rank - first, std::min(block, rank - first)) = sum->values();
      sum.reset();
    }
    inner.diagonal().array() += mu_;
    return Cholesky<double>(std::move(inner), {.threads = threads_});
  }

  double mu_;
  int threads_;
  std::shared_ptr<const Ranks> ranks_;
  Index rows_, first_;
  Eigen::MatrixXd f_;
  double largest_;
  Cholesky<double> core_;
};

}  // namespace SST_ABI
}  // namespace sst
