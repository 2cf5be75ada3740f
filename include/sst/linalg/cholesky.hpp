// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <string>
#include <type_traits>
#include <utility>

#include <Eigen/Core>

#include <sst/base/parallel.hpp>
#include <sst/base/progress.hpp>
#include <sst/error.hpp>
#include <sst/linalg/tile_tasks.hpp>
#include <sst/version.hpp>

namespace sst {
inline namespace SST_ABI {

/// What factors a matrix.
enum class Factorization {
  tiled,  ///< this library's tiles
  lapack  ///< potrf of the LAPACK the program is linked with; float and double, built with SST_USE_LAPACK
};

/// How a matrix is factored.
struct CholeskyOptions {
  /// Rows and columns of a tile; 0: what measured fastest. Other tiles round differently, in the last digits.
  Eigen::Index tile = 0;
  /// 0: as many as OpenMP gives. The result does not depend on it, to the last bit.
  int threads = 0;
  ProgressFunction progress = {};  ///< of the factorization
  /// LAPACK uses its own threads, on which the last digits may depend, and calls no progress function.
  Factorization factorization = Factorization::tiled;
};

namespace cholesky_detail {

/// The share of the time that a kernel of n rows takes, of that for it and its factor, about.
inline double kernel_share(Eigen::Index n) { return 3000 / (3000 + static_cast<double>(n)); }

}  // namespace cholesky_detail

/// The Cholesky factorization A = L L^T of a symmetric positive definite matrix, and solving with it.
///
/// Tiles of A become tasks that wait for the tiles they need (Buttari, Langou, Kurzak, Dongarra 2009, "A
/// class of parallel tiled linear algebra algorithms for multicore architectures"), on Eigen's serial
/// products. Each tile is finished by one sequence of updates, so nothing depends on the number of threads,
/// to the last bit.
///
/// \code
/// sst::Cholesky<double> factor(std::move(a));  // L takes the place of A: one n x n buffer, no copy
/// Eigen::MatrixXd x = factor.solve(b);         // A x = b
/// \endcode
///
/// Scalar: float, double or long double. Time: n^3/3 multiplications and as many additions, at about the rate
/// of a matrix product. Memory beside A: a tile and Eigen's packing buffers, a few MiB a thread.
/// Accuracy: |A - L L^T| <= c n eps |A| with a small c (Higham 2002, "Accuracy and Stability of Numerical
/// Algorithms", theorem 10.3).
template <class Scalar>
class Cholesky {
 public:
  /// n x n.
  using Matrix = Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic>;
  /// Of rows and columns.
  using Index = Eigen::Index;
  /// Sums of logarithms are formed in double at least.
  using Wide = std::common_type_t<Scalar, double>;

  /// a: n x n, of which the lower triangle is read; n = 0 is allowed, and its determinant is 1.
  ///
  /// Throws NotPositiveDefinite with the first pivot that is not positive, DataError (a is not square, or an
  /// entry of its lower triangle is not finite), Error (a negative tile), Cancelled.
  explicit Cholesky(Matrix&& a, const CholeskyOptions& options = {})
      : lower_(std::move(a)), tile_(options.tile), threads_(options.threads) {
    if (lower_.rows() != lower_.cols())
      throw DataError("a matrix of " + std::to_string(lower_.rows()) + " x " + std::to_string(lower_.cols()) +
                      " has no Cholesky factor (it is not square); give a symmetric one");
    if (tile_ < 0) throw Error("the tile is " + std::to_string(tile_) + "; give it a positive size, or 0");
    if (tile_ == 0) tile_ = cholesky_detail::default_tile;
    tile_ = std::min(tile_, std::max<Index>(1, size()));
    const Index tiles = count();
    const int threads = detail::team_size(threads_, tiles * (tiles + 1) / 2);
    cholesky_detail::require_finite(lower_, true, threads, "the matrix");
    if (options.factorization == Factorization::lapack)
      factor_by_lapack();
    else
      factor(threads, options.progress);
  }

  /// The factor L that was kept, n x n, as what it was: solving with A = L L^T. Throws DataError unless it is
  /// square with a positive diagonal.
  static Cholesky from_factor(Matrix&& lower, int threads = 0) {
    if (lower.rows() != lower.cols() || !(lower.diagonal().array() > 0).all())
      throw DataError(
          "a matrix of " + std::to_string(lower.rows()) + " x " + std::to_string(lower.cols()) +
          " is no Cholesky factor (it is not square with a positive diagonal); factor the matrix again");
    Cholesky out;
    out.lower_ = std::move(lower);
    out.tile_ = std::min(cholesky_detail::default_tile, std::max<Index>(1, out.size()));
    out.threads_ = threads;
    return out;
  }

  /// The factor of A with m more rows and columns, in n^2 m steps: off_diagonal is m x n (new rows against
  /// those there are), corner m x m, of which the lower triangle is read. As A = L L^T,
  ///   [A B^T; B C] = [L 0; B L^-T M] [...]^T with M M^T = C - B A^-1 B^T.
  /// Memory: one (n + m) x (n + m) buffer beside L. Throws DataError (shapes, entries that are not finite)
  /// and NotPositiveDefinite (its row counted in the extended matrix); the factor is then what it was.
  void append(const Matrix& off_diagonal, Matrix corner) {
    const Index n = size(), m = corner.rows();
    if (off_diagonal.rows() != m || off_diagonal.cols() != n || corner.cols() != m)
      throw DataError("rows of " + std::to_string(off_diagonal.rows()) + " x " +
                      std::to_string(off_diagonal.cols()) + " and a corner of " + std::to_string(m) + " x " +
                      std::to_string(corner.cols()) + " cannot be appended to a factor of " +
                      std::to_string(n) + " rows; give rows x n and rows x rows");
    cholesky_detail::require_finite(corner, true, 1, "the corner");
    const Matrix across = solve_lower(off_diagonal.transpose().eval());
    {
      const cholesky_detail::SerialEigen serial;
      corner.template selfadjointView<Eigen::Lower>().rankUpdate(across.transpose(), Scalar(-1));
    }
    try {
      const Cholesky last(std::move(corner), {.threads = threads_});
      Matrix grown = Matrix::Zero(n + m, n + m);
      grown.topLeftCorner(n, n).template triangularView<Eigen::Lower>() = lower_;
      grown.bottomLeftCorner(m, n) = across.transpose();
      grown.bottomRightCorner(m, m).template triangularView<Eigen::Lower>() = last.lower_;
      lower_ = std::move(grown);
    } catch (const NotPositiveDefinite& error) {
      cholesky_detail::throw_not_positive_definite(n + error.pivot_index, error.pivot_value);
    }
  }

  /// n.
  Index size() const { return lower_.rows(); }

  /// x = A^-1 b; b: n x m, or a vector. Throws DataError (wrong rows, entries that are not finite).
  template <class Derived>
  auto solve(const Eigen::MatrixBase<Derived>& b) const {
    Eigen::Matrix<Scalar, Eigen::Dynamic, Derived::ColsAtCompileTime> x = b;
    solve_in_place(x);
    return x;
  }
  /// The same in place of b: n x m. Throws DataError (wrong rows, entries that are not finite).
  void solve_in_place(Eigen::Ref<Matrix> b) const {
    require_right_hand_side(b);
    substitute<false>(b);
    substitute<true>(b);
  }

  /// y = L^-1 b, half of a solve: |y|^2 = b^T A^-1 b is what a posterior variance subtracts. Throws as
  /// `solve`.
  template <class Derived>
  auto solve_lower(const Eigen::MatrixBase<Derived>& b) const {
    Eigen::Matrix<Scalar, Eigen::Dynamic, Derived::ColsAtCompileTime> y = b;
    solve_lower_in_place(y);
    return y;
  }
  /// The same in place of b: n x m. Throws DataError (wrong rows, entries that are not finite).
  void solve_lower_in_place(Eigen::Ref<Matrix> b) const {
    require_right_hand_side(b);
    substitute<false>(b);
  }

  /// log det A = 2 sum_i log L_ii.
  Wide log_determinant() const {
    Wide sum = 0;
    for (Index i = 0; i < size(); ++i) sum += std::log(static_cast<Wide>(lower_(i, i)));
    return 2 * sum;
  }

  /// A lower bound of the condition number of A (2-norm): the squared ratio of the largest to the smallest
  /// diagonal entry of L. From 1/eps on, A is singular as far as its digits tell.
  Wide condition_at_least() const {
    if (size() == 0) return 1;
    const Wide ratio =
        static_cast<Wide>(lower_.diagonal().maxCoeff()) / static_cast<Wide>(lower_.diagonal().minCoeff());
    return ratio * ratio;
  }

  /// n x n: L in the lower triangle; above it whatever A held there.
  const Matrix& storage() const& { return lower_; }
  /// The same, n x n, moved out of the factor.
  Matrix storage() && { return std::move(lower_); }
  /// L, as a triangular view of the storage.
  auto lower() const { return lower_.template triangularView<Eigen::Lower>(); }

 private:
  using Block = cholesky_detail::Block<Scalar>;
  using ConstBlock = cholesky_detail::ConstBlock<Scalar>;

  Cholesky() = default;
  Index count() const { return (size() + tile_ - 1) / tile_; }
  Index start(Index tile) const { return std::min(tile * tile_, size()); }

  void factor_by_lapack() {
#ifdef SST_USE_LAPACK
    if constexpr (std::is_same_v<Scalar, float> || std::is_same_v<Scalar, double>) {
      if (size() == 0) return;
      const int n = static_cast<int>(size());
      int info = 0;
      if constexpr (std::is_same_v<Scalar, float>)
        spotrf_("L", &n, lower_.data(), &n, &info);
      else
        dpotrf_("L", &n, lower_.data(), &n, &info);
      if (info > 0)
        cholesky_detail::throw_not_positive_definite(info - 1,
                                                     static_cast<double>(lower_(info - 1, info - 1)));
      return;
    }
#endif
    throw Error(
        "LAPACK was asked to factor a matrix and is not there (it takes float and double, in a program built "
        "with SST_LAPACK); use the tiled factorization");
  }

  void factor(int threads, const ProgressFunction& progress);
  void require_right_hand_side(const Eigen::Ref<Matrix>& b) const {
    if (b.rows() != size())
      throw DataError("the right-hand side has " + std::to_string(b.rows()) + " rows and the matrix " +
                      std::to_string(size()) + "; give it one row for each of the matrix");
    cholesky_detail::require_finite(b, false, 1, "the right-hand side");
  }

  template <bool Transposed>
  void substitute(Eigen::Ref<Matrix>& b) const;

  Matrix lower_;
  Index tile_ = 1;
  int threads_ = 0;
};

/// Left-looking: tile (i, j) gets the products of rows i and j, a few tiles at a time as they are
/// finished, and is then divided by the diagonal tile of its column.
template <class Scalar>
void Cholesky<Scalar>::factor(int threads, const ProgressFunction& progress) {
  using namespace cholesky_detail;
  const Index tiles = count(), stride = std::max<Index>(1, size());
  Scalar* const a = lower_.data();
  const auto block = [=, this](Index i, Index first, Index last) -> Block {
    return {a + start(i) + start(first) * stride, start(i + 1) - start(i), start(last) - start(first),
            Eigen::OuterStride<>(stride)};
  };
  const auto update = [&](Index i, Index j, Index first, Index last) {
    auto target = block(i, j, j + 1);
    if (i == j) {
      target.template selfadjointView<Eigen::Lower>().rankUpdate(block(i, first, last), Scalar(-1));
    } else {
      Matrix tile = target;  // compact: columns a power of two apart would evict each other
      tile.noalias() -= block(i, first, last) * block(j, first, last).transpose();
      target = tile;
    }
  };
  const auto finish = [&](Index i, Index j) {
    if (i != j) {
      divide_from_right(block(j, j, j + 1), block(i, j, j + 1));
      return;
    }
    factor_tile(block(j, j, j + 1), start(j));
    const double x = static_cast<double>(j + 1) / static_cast<double>(tiles), done = x * x * (3 - 2 * x);
    detail::tell(progress, "the Cholesky factorization", done);
  };
  const auto first_entry = [=, this](Index i, Index j) { return a + start(i) + start(j) * stride; };
  run_tasks(threads, [&](Failure& failure) {
    const auto finished = [&](Index row) {
      return [=](Index last) -> const Scalar* { return first_entry(row, last - 1); };
    };
    for (Index j = 0; j < tiles; ++j)
      for (Index i = j; i < tiles; ++i)
        tile_tasks(
            &failure, first_entry(i, j), j, finished(i), finished(j),
            i == j ? &always<Scalar> : first_entry(j, j),
            [&update, i, j](Index first, Index last) { update(i, j, first, last); },
            [&finish, i, j] { finish(i, j); });
  });
}

/// b := L^-1 b, or L^-T b from the last tile to the first; left-looking as well.
template <class Scalar>
template <bool Transposed>
void Cholesky<Scalar>::substitute(Eigen::Ref<Matrix>& b) const {
  using namespace cholesky_detail;
  const Index tiles = count(), columns = b.cols(), stride = std::max<Index>(1, size());
  const Index groups = (columns + columns_a_task - 1) / columns_a_task, rhs_stride = b.outerStride();
  Scalar* const rhs = b.data();
  // Tiles in the order in which they are finished; a range of them is contiguous either way.
  const auto from = [=, this](Index first, Index last) { return start(Transposed ? tiles - last : first); };
  const auto rows = [=, this](Index first, Index last) {
    return (Transposed ? start(tiles - first) : start(last)) - from(first, last);
  };
  const auto l = [=, this](Index i, Index first, Index last) -> ConstBlock {
    const Index at_row = from(i, i + 1), at_range = from(first, last);
    const Index row = Transposed ? at_range : at_row, column = Transposed ? at_row : at_range;
    const Index height = rows(i, i + 1), width = rows(first, last);
    return {lower_.data() + row + column * stride, Transposed ? width : height, Transposed ? height : width,
            Eigen::OuterStride<>(stride)};
  };
  const auto x = [=](Index first, Index last, Index group) -> Block {
    const Index column = group * columns_a_task;
    return {rhs + from(first, last) + column * rhs_stride, rows(first, last),
            std::min(columns_a_task, columns - column), Eigen::OuterStride<>(rhs_stride)};
  };
  const auto update = [&](Index i, Index first, Index last, Index group) {
    auto target = x(i, i + 1, group);
    if constexpr (Transposed)
      target.noalias() -= l(i, first, last).transpose() * x(first, last, group);
    else
      target.noalias() -= l(i, first, last) * x(first, last, group);
  };
  const auto divide = [&](Index i, Index group) {
    auto target = x(i, i + 1, group);
    const auto diagonal = l(i, i, i + 1);
    if constexpr (Transposed)
      diagonal.template triangularView<Eigen::Lower>().transpose().solveInPlace(target);
    else
      diagonal.template triangularView<Eigen::Lower>().solveInPlace(target);
  };
  const int threads = team_size(threads_, groups * tiles);
  run_tasks(threads, [&](Failure& failure) {
    for (Index group = 0; group < groups; ++group)
      for (Index i = 0; i < tiles; ++i) {
        const auto finished = [&x, group](Index last) -> const Scalar* {
          return x(last - 1, last, group).data();
        };
        tile_tasks(
            &failure, x(i, i + 1, group).data(), i, finished, finished, &always<Scalar>,
            [&update, i, group](Index first, Index last) { update(i, first, last, group); },
            [&divide, i, group] { divide(i, group); });
      }
  });
}

/// What instantiate.hpp compiles of this header, for the other files of a program.
#define SST_CHOLESKY_TEMPLATES(prefix, Scalar)                                                           \
  prefix template void Cholesky<Scalar>::factor(int, const ProgressFunction&);                           \
  prefix template void Cholesky<Scalar>::substitute<false>(Eigen::Ref<Cholesky<Scalar>::Matrix>&) const; \
  prefix template void Cholesky<Scalar>::substitute<true>(Eigen::Ref<Cholesky<Scalar>::Matrix>&) const;
#ifdef SST_EXTERN_TEMPLATES
SST_CHOLESKY_TEMPLATES(extern, double)
SST_CHOLESKY_TEMPLATES(extern, float)
#endif

}  // namespace SST_ABI
}  // namespace sst
