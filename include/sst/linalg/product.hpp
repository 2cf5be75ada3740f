// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <utility>

#include <Eigen/Core>

#include <sst/base/parallel.hpp>
#include <sst/linalg/tile_tasks.hpp>
#include <sst/version.hpp>

namespace sst {
inline namespace SST_ABI {
namespace detail {

/// Calls work(first, rows) for blocks of rows, in parallel, with serial products within: as the blocks are
/// fixed, nothing depends on the number of threads.
template <class Work>
void over_rows(Eigen::Index rows, int threads, Work&& work) {
  constexpr Eigen::Index block = 128;
  const Eigen::Index blocks = (rows + block - 1) / block;
  const int team = team_size(threads, blocks);
  const cholesky_detail::SerialEigen serial;
  parallel(static_cast<std::size_t>(blocks), team, [&](std::size_t b) {
    const cholesky_detail::SerialEigen within;
    const Eigen::Index first = static_cast<Eigen::Index>(b) * block;
    work(first, std::min(block, rows - first));
  });
}

/// a b, the same to the last bit for every number of threads. a may be a transposed view.
template <class Left, class Right>
Eigen::MatrixXd product(const Left& a, const Right& b, int threads = 0) {
  Eigen::MatrixXd out(a.rows(), b.cols());
  over_rows(a.rows(), threads, [&](Eigen::Index first, Eigen::Index rows) {
    out.middleRows(first, rows).noalias() = a.middleRows(first, rows) * b;
  });
  return out;
}

/// The diagonal of (L L')^-1, n numbers, from L in the lower triangle of an n x n matrix: the squared columns
/// of L^-1, in n^3/3 multiplications and as many additions and blocks of n x 128 numbers.
inline Eigen::VectorXd inverse_diagonal(const Eigen::MatrixXd& lower, int threads = 0) {
  const Eigen::Index n = lower.rows();
  Eigen::VectorXd out(n);
  over_rows(n, threads, [&](Eigen::Index first, Eigen::Index columns) {
    const Eigen::Index below = n - first;
    Eigen::MatrixXd block = Eigen::MatrixXd::Identity(below, columns);
    lower.bottomRightCorner(below, below).triangularView<Eigen::Lower>().solveInPlace(block);
    out.segment(first, columns) = block.colwise().squaredNorm();
  });
  return out;
}

/// (L L')^-1, n x n and exactly symmetric, from L in the lower triangle of an n x n matrix: in n^3
/// multiplications and another two such matrices.
inline Eigen::MatrixXd inverse(const Eigen::MatrixXd& lower, int threads = 0) {
  const Eigen::Index n = lower.rows();
  Eigen::MatrixXd root = Eigen::MatrixXd::Zero(n, n), out(n, n);  // root: L^-1
  over_rows(n, threads, [&](Eigen::Index first, Eigen::Index columns) {
    const Eigen::Index below = n - first;
    auto block = root.block(first, first, below, columns);
    block.topRows(columns).setIdentity();
    lower.bottomRightCorner(below, below).triangularView<Eigen::Lower>().solveInPlace(block);
  });
  over_rows(n, threads, [&](Eigen::Index first, Eigen::Index columns) {
    const Eigen::Index below = n - first;
    out.block(first, first, below, columns).noalias() =
        root.bottomRightCorner(below, below).transpose() * root.block(first, first, below, columns);
  });
  out.triangularView<Eigen::StrictlyUpper>() = out.transpose();
  return out;
}

}  // namespace detail
}  // namespace SST_ABI
}  // namespace sst
