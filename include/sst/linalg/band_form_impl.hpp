// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <string>
#include <utility>

#include <Eigen/Core>

#include <sst/base/compiled.hpp>
#include <sst/base/parallel.hpp>
#include <sst/base/plain_text.hpp>
#include <sst/base/progress.hpp>
#include <sst/error.hpp>
#include <sst/linalg/band_form.hpp>
#include <sst/linalg/product.hpp>
#include <sst/linalg/reflectors.hpp>
#include <sst/linalg/tile_tasks.hpp>
#include <sst/version.hpp>

/// \file
/// The bodies of band_form.hpp.

namespace sst {
inline namespace SST_ABI {
namespace band_detail {

/// Calls work(first, count) for blocks of so many of `total` rows or columns.
template <class Work>
void over_blocks(Index total, Index block, int threads, Work&& work) {
  detail::parallel(static_cast<std::size_t>((total + block - 1) / block), threads, [&](std::size_t b) {
    const cholesky_detail::SerialEigen within;
    const Index first = static_cast<Index>(b) * block;
    work(first, std::min(block, total - first));
  });
}

/// A v of a symmetric matrix, of which the lower triangle is read.
template <class Symmetric>
MatrixXd symmetric_product(const Symmetric& a, const MatrixXd& v, int threads) {
  const Index m = a.rows();
  MatrixXd out(m, v.cols());
  over_blocks(m, 128, threads, [&](Index first, Index rows) {
    const Index below = m - first - rows;
    auto part = out.middleRows(first, rows);
    const MatrixXd corner = a.block(first, first, rows, rows).template selfadjointView<Eigen::Lower>();
    part.noalias() = corner * v.middleRows(first, rows);
    part.noalias() += a.block(first, 0, rows, first) * v.topRows(first);
    part.noalias() += a.block(first + rows, first, below, rows).transpose() * v.bottomRows(below);
  });
  return out;
}

/// One panel: columns `first` to first + width - 1 of a are freed of what lies more than `width` below the
/// diagonal, and the rest of a is transformed alike from both sides. The reflectors' vectors take the place
/// of what they removed. Returns what is left of the panel's block below the diagonal.
inline MatrixXd reduce_panel(MatrixXd& a, Index first, VectorXd& taus, int threads) {
  constexpr Index width = BandForm::width;
  const Index at = first + width, m = a.rows() - at;
  auto panel = a.block(at, first, m, width);
  const Index count = std::min(width, m);  // of reflectors
  MatrixXd left = MatrixXd::Zero(count, width);
  for (Index j = 0; j < width; ++j) {
    const Index above = std::min(j, m);
    left.col(j).head(above) = panel.col(j).head(above);
    panel.col(j).head(above).setZero();
    if (j >= m) continue;
    const Reflector reflector(panel.col(j).tail(m - j));
    left(j, j) = reflector.image;
    taus[first + j] = reflector.tau;
    auto others = panel.bottomRightCorner(m - j, width - j - 1);
    const Eigen::RowVectorXd along = reflector.tau * (panel.col(j).tail(m - j).transpose() * others);
    others.noalias() -= panel.col(j).tail(m - j) * along;
  }
  const MatrixXd v = panel.leftCols(count), r = compact(v, taus.segment(first, count));
  auto rest = a.block(at, at, m, m);
  // With X = A V R and W = X - V (R' V' X) / 2, A becomes A - V W' - W V'.
  MatrixXd w = symmetric_product(rest, v, threads) * r;
  const MatrixXd across = 0.5 * (r.transpose() * (v.transpose() * w));
  w.noalias() -= v * across;
  MatrixXd both(m, 2 * count), swapped(m, 2 * count);
  both << v, w;
  swapped << w, v;
  over_blocks(m, 64, threads, [&](Index from, Index columns) {
    rest.block(from, from, m - from, columns).noalias() -=
        both.bottomRows(m - from) * swapped.middleRows(from, columns).transpose();
  });
  return left;
}

/// Q in place of the reflectors' vectors, from the last to the first: a product with I - V R V' for so many
/// columns at a time.
template <class Step>
void form_basis(MatrixXd& a, const VectorXd& taus, int threads, Step&& step) {
  constexpr Index shift = BandForm::width, group = 2 * shift;
  const Index n = a.rows(), reflectors = std::max<Index>(0, n - shift);
  Index identity = std::min(n, shift) + reflectors;  // rows and columns from here on are those of Q
  for (Index first = (reflectors - 1) / group * group; first >= 0 && reflectors > 0; first -= group) {
    const Index width = std::min(group, reflectors - first), at = first + shift, m = n - at;
    const MatrixXd v = a.block(at, first, m, width).triangularView<Eigen::Lower>();
    const MatrixXd r = compact(v, taus.segment(first, width));
    a.block(at, at, identity - at, m).setZero();
    a.block(at, at, m, identity - at).setZero();
    a.diagonal().segment(at, identity - at).setOnes();
    identity = at;
    over_blocks(m, 128, threads, [&](Index from, Index columns) {
      auto q = a.block(at, at + from, m, columns);
      const MatrixXd along = v.transpose() * q, turned = r * along;
      q.noalias() -= v * turned;
    });
    step(m);
  }
  a.topRows(identity).setZero();
  a.leftCols(identity).setZero();
  a.diagonal().head(identity).setOnes();
}

}  // namespace band_detail

SST_COMPILED BandForm::BandForm(Eigen::MatrixXd kernel, const Execution& execution)
    : basis_(std::move(kernel)) {
  using namespace band_detail;
  const Index n = basis_.rows();
  if (n != basis_.cols())
    throw DataError("a matrix of " + std::to_string(n) + " x " + std::to_string(basis_.cols()) +
                    " cannot be reduced (it is not square); give a symmetric one");
  if (n == 0) throw DataError("the matrix has no rows (there is nothing to reduce); give at least one");
  const int threads = detail::team_size(execution.threads, n);
  cholesky_detail::require_finite(basis_, true, threads, "the kernel");
  const cholesky_detail::SerialEigen serial;

  // To entries of size 1, by a power of two, so that squares neither overflow nor underflow.
  double largest = 0;
  for (Index j = 0; j < n; ++j) largest = std::max(largest, basis_.col(j).tail(n - j).cwiseAbs().maxCoeff());
  int exponent = 0;
  std::frexp(largest, &exponent);
  exponent = std::clamp(exponent, -1000, 1000);
  basis_ *= std::ldexp(1.0, -exponent);

  detail::Counter counter(execution.progress, 1, "the reduction of the kernel");
  constexpr double share = 0.6;  // of the time, before the basis is made
  double done = 0;
  const auto done_up_to = [&](double now) { counter.add(now - std::exchange(done, now)); };
  const auto volume = [n](Index m) { return std::pow(static_cast<double>(m) / static_cast<double>(n), 3); };
  VectorXd taus = VectorXd::Zero(n);
  diagonal_ = left_ = MatrixXd::Zero(n, width);
  for (Index first = 0; first < n; first += width) {
    const Index size = std::min(width, n - first), below = n - first - size;
    diagonal_.block(first, 0, size, size) =
        basis_.block(first, first, size, size).selfadjointView<Eigen::Lower>();
    if (below == 0) continue;
    const MatrixXd left = reduce_panel(basis_, first, taus, threads);
    left_.middleRows(first + width, left.rows()) = left;
    done_up_to(share * (1 - volume(below)));
  }
  form_basis(basis_, taus, threads, [&](Index m) { done_up_to(share + (1 - share) * volume(m)); });
  done_up_to(1);
  double sum = 0;
  for (Index first = 0; first < n; first += width) {
    const Index rows = std::min(width, n - first);
    sum += diagonal_.block(first, 0, rows, rows).trace();
    norm_ = std::max(norm_, diagonal_.middleRows(first, rows).norm() + left_.middleRows(first, rows).norm() +
                                left_.middleRows(first + rows, std::min(width, n - first - rows)).norm());
  }
  const double scale = std::ldexp(1.0, exponent);
  mean_diagonal_ = sum / static_cast<double>(n) * scale;
  norm_ *= scale;
  diagonal_ *= scale;
  left_ *= scale;
}

SST_COMPILED BandFactor::BandFactor(const BandForm& form, double lambda) {
  using namespace band_detail;
  constexpr Index width = BandForm::width;
  const Index n = form.size();
  const cholesky_detail::SerialEigen serial;
  inverse_ = carry_ = MatrixXd::Zero(n, width);
  MatrixXd block;
  const double largest = form.norm_ + lambda, least = 4 * std::numeric_limits<double>::epsilon() * largest;
  for (Index first = 0; first < n; first += width) {
    const Index rows = std::min(width, n - first);
    block = form.diagonal_.block(first, 0, rows, rows);
    block.diagonal().array() += lambda;
    MatrixXd below;  // L_k,k-1 = B_k,k-1 L_k-1^-T
    if (first > 0) {
      below.noalias() =
          form.left_.middleRows(first, rows) * inverse_.middleRows(first - width, width).transpose();
      block.noalias() -= below * below.transpose();
    }
    for (Index k = 0; k < rows; ++k) {
      const double pivot = block(k, k);
      if (!(pivot > least)) {
        detail::PlainText text;
        text << "the kernel with " << lambda << " on its diagonal has the pivot " << pivot
             << " (beside eigenvalues up to " << largest
             << ": it is singular in double); use a larger ridge, and look for duplicate rows";
        throw NotPositiveDefinite(text.str(), first + k, pivot);
      }
      const Index rest = rows - k - 1;
      block.col(k).tail(rest + 1) /= std::sqrt(pivot);
      for (Index j = k + 1; j < rows; ++j)
        block.col(j).tail(rows - j) -= block(j, k) * block.col(k).tail(rows - j);
      log_determinant_ += std::log(pivot);
    }
    auto inverse = inverse_.block(first, 0, rows, rows);
    inverse.setIdentity();
    block.triangularView<Eigen::Lower>().solveInPlace(inverse);
    if (first > 0) carry_.middleRows(first, rows).noalias() = -(inverse * below);
  }
}

SST_COMPILED void BandFactor::solve_in_place(Eigen::MatrixXd& b) const {
  constexpr Eigen::Index width = BandForm::width;
  const Eigen::Index n = inverse_.rows(), blocks = (n + width - 1) / width;
  const cholesky_detail::SerialEigen serial;
  for (Eigen::Index k = 0; k < blocks; ++k) {
    const Eigen::Index first = k * width, rows = std::min(width, n - first);
    Eigen::MatrixXd z = inverse_.block(first, 0, rows, rows) * b.middleRows(first, rows);
    if (k > 0) z.noalias() += carry_.middleRows(first, rows) * b.middleRows(first - width, width);
    b.middleRows(first, rows) = z;
  }
  Eigen::MatrixXd next;  // L' x = z: y_k = z_k + H_k+1' y_k+1, and x_k = G_k' y_k
  for (Eigen::Index k = blocks - 1; k >= 0; --k) {
    const Eigen::Index first = k * width, rows = std::min(width, n - first);
    auto part = b.middleRows(first, rows);
    if (k + 1 < blocks) {
      const Eigen::Index below = std::min(width, n - first - width);
      part.noalias() += carry_.middleRows(first + width, below).transpose() * next;
    }
    next = part;
    part = inverse_.block(first, 0, rows, rows).transpose() * next;
  }
}

SST_COMPILED Eigen::VectorXd BandFactor::inverse_diagonal(const Eigen::MatrixXd& basis, int threads) const {
  constexpr Eigen::Index width = BandForm::width;
  const Eigen::Index n = inverse_.rows();
  Eigen::VectorXd out = Eigen::VectorXd::Zero(n);
  detail::over_rows(n, threads, [&](Eigen::Index row, Eigen::Index rows) {
    Eigen::MatrixXd z(rows, width), next(rows, width);
    for (Eigen::Index first = 0; first < n; first += width) {
      const Eigen::Index columns = std::min(width, n - first);
      auto result = next.leftCols(columns);
      result.noalias() =
          basis.block(row, first, rows, columns) * inverse_.block(first, 0, columns, columns).transpose();
      if (first > 0) result.noalias() += z * carry_.middleRows(first, columns).transpose();
      out.segment(row, rows) += result.rowwise().squaredNorm();
      z.swap(next);
    }
  });
  return out;
}

}  // namespace SST_ABI
}  // namespace sst
