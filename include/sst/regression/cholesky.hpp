// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstddef>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <Eigen/Cholesky>
#include <Eigen/Core>

#include <sst/error.hpp>

namespace sst {

struct CholeskyOptions {
  Eigen::Index tile = 256;  ///< rows of a tile; > 0
};

/// A = L L^T of a symmetric positive definite matrix, in place and tile by tile.
///
/// Takes the matrix over and needs its lower triangle alone; besides it only packing buffers are
/// allocated. OpenMP tasks run the tiles; each tile's updates come in one fixed order, so the factor
/// does not depend on the number of threads, to the last bit. Golub and Van Loan 2013, "Matrix Computations",
/// section 4.2.6 (blocked, left to right), with Eigen's kernels on the tiles.
template <class Scalar>
class Cholesky {
 public:
  using Matrix = Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic>;

  /// Throws NotPositiveDefinite with the pivot's index and value; Error for a matrix that is not
  /// square or holds a number that is not finite (row and column named).
  explicit Cholesky(Matrix&& a, const CholeskyOptions& options = {}) : factor_(std::move(a)), tile_(options.tile) {
    if (tile_ <= 0) throw Error("the Cholesky tile is not positive; choose a number of rows");
    if (factor_.rows() != factor_.cols())
      throw Error("a matrix of " + std::to_string(factor_.rows()) + " x " + std::to_string(factor_.cols()) +
                  " has no Cholesky factor; it has to be square");
    for (Eigen::Index j = 0; j < factor_.cols(); ++j)
      for (Eigen::Index i = j; i < factor_.rows(); ++i)
        if (!std::isfinite(factor_(i, j)))
          throw Error("the matrix to factor has an entry that is not finite (row " + std::to_string(i) +
                      ", column " + std::to_string(j) + "); look at what it was made from");
    factorise();
  }

  Eigen::Index size() const { return factor_.rows(); }
  /// L in the lower triangle; what is above the diagonal has no meaning.
  const Matrix& factor() const { return factor_; }

  /// A^-1 B, B: n x right-hand sides.
  Matrix solve(const Matrix& b) const {
    if (b.rows() != size())
      throw Error("a right-hand side of " + std::to_string(b.rows()) + " rows for a matrix of " +
                  std::to_string(size()) + "; they have to agree");
    Matrix x = b;
    const auto lower = factor_.template triangularView<Eigen::Lower>();
    lower.solveInPlace(x);
    lower.transpose().solveInPlace(x);
    return x;
  }

  /// log det A.
  Scalar log_determinant() const {
    Scalar total = 0;
    for (Eigen::Index i = 0; i < size(); ++i) total += std::log(factor_(i, i));
    return 2 * total;
  }

 private:
  using Block = Eigen::Block<Matrix>;

  Block tile(Eigen::Index i, Eigen::Index j) {
    const Eigen::Index r = i * tile_, c = j * tile_;
    return factor_.block(r, c, std::min(tile_, size() - r), std::min(tile_, size() - c));
  }

  void factorise() {
    const Eigen::Index tiles = (size() + tile_ - 1) / tile_;
    std::vector<unsigned char> done(static_cast<std::size_t>(tiles * tiles) + 1);  // what tasks depend on
    [[maybe_unused]] unsigned char* flag = done.data();
    std::atomic<Eigen::Index> bad{-1};  // first pivot that is not positive
    double value = 0;
#ifdef _OPENMP
#pragma omp parallel
#pragma omp single
#endif
    for (Eigen::Index k = 0; k < tiles; ++k) {
#ifdef _OPENMP
#pragma omp task depend(inout : flag[k * tiles + k]) shared(bad, value) firstprivate(k)
#endif
      if (bad < 0) {
        Block diagonal = tile(k, k);
        const Eigen::Index pivot = factorise_tile(diagonal);
        if (pivot >= 0) {
          value = static_cast<double>(diagonal(pivot, pivot));
          bad = k * tile_ + pivot;
        }
      }
      for (Eigen::Index i = k + 1; i < tiles; ++i) {
#ifdef _OPENMP
#pragma omp task depend(in : flag[k * tiles + k]) depend(inout : flag[i * tiles + k]) shared(bad) firstprivate(i, k)
#endif
        if (bad < 0) {
          Block below = tile(i, k);
          tile(k, k).template triangularView<Eigen::Lower>().transpose().template solveInPlace<Eigen::OnTheRight>(
              below);
        }
      }
      for (Eigen::Index i = k + 1; i < tiles; ++i)
        for (Eigen::Index j = k + 1; j <= i; ++j) {
#ifdef _OPENMP
#pragma omp task depend(in : flag[i * tiles + k], flag[j * tiles + k]) \
    depend(inout : flag[i * tiles + j]) shared(bad) firstprivate(i, j, k)
#endif
          if (bad < 0) {
            if (i == j)
              tile(i, i).template selfadjointView<Eigen::Lower>().rankUpdate(tile(i, k), Scalar(-1));
            else
              tile(i, j).noalias() -= tile(i, k) * tile(j, k).transpose();
          }
        }
    }
    if (bad >= 0) {
      std::ostringstream text;
      text << "the kernel matrix is not positive definite (pivot " << bad.load() << " is " << value
           << "); use a larger ridge or remove duplicate rows";
      throw NotPositiveDefinite(text.str(), bad, value);
    }
  }

  /// Unblocked on small panels, so that the first bad pivot is known exactly. Returns it, or -1.
  static Eigen::Index factorise_tile(Block& a) {
    constexpr Eigen::Index panel = 32;
    for (Eigen::Index p = 0; p < a.rows(); p += panel) {
      const Eigen::Index width = std::min(panel, a.rows() - p), below = a.rows() - p - width;
      for (Eigen::Index k = p; k < p + width; ++k) {
        const Scalar pivot = a(k, k) - a.row(k).segment(p, k - p).squaredNorm();
        if (!(pivot > 0)) {
          a(k, k) = pivot;
          return k;
        }
        a(k, k) = std::sqrt(pivot);
        for (Eigen::Index i = k + 1; i < p + width; ++i)
          a(i, k) = (a(i, k) - a.row(i).segment(p, k - p).dot(a.row(k).segment(p, k - p))) / a(k, k);
      }
      if (below == 0) break;
      auto left = a.block(p + width, p, below, width);
      a.block(p, p, width, width)
          .template triangularView<Eigen::Lower>()
          .transpose()
          .template solveInPlace<Eigen::OnTheRight>(left);
      a.block(p + width, p + width, below, below)
          .template selfadjointView<Eigen::Lower>()
          .rankUpdate(left, Scalar(-1));
    }
    return -1;
  }

  Matrix factor_;
  Eigen::Index tile_;
};

}  // namespace sst
