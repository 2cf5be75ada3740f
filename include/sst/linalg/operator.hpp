// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include <Eigen/Core>

#include <sst/base/parallel.hpp>
#include <sst/error.hpp>
#include <sst/linalg/tile_tasks.hpp>
#include <sst/version.hpp>

namespace sst {
inline namespace SST_ABI {

/// A symmetric positive semidefinite matrix K, n x n, known by what it does rather than by its entries.
class SymmetricOperator {
 public:
  /// Of samples.
  using Index = Eigen::Index;

  virtual ~SymmetricOperator() = default;
  /// n.
  virtual Index rows() const = 0;
  /// The n diagonal entries.
  virtual Eigen::VectorXd diagonal() const = 0;
  /// Puts into `out` the rows from the first-th on, as many as it has, of the columns of these indices, one
  /// for each of its columns. Throws DataError for an index out of range.
  virtual void columns(const std::vector<Index>& indices, Index first,
                       Eigen::Ref<Eigen::MatrixXd> out) const = 0;
  /// K X, the same to the last bit for any number of threads. x: n x m. Throws DataError for other rows.
  virtual Eigen::MatrixXd apply(const Eigen::MatrixXd& x) const = 0;
};

namespace operator_detail {

using Eigen::Index;

inline void require_rows(Index rows, Index wanted) {
  if (rows != wanted)
    throw DataError("a kernel of " + std::to_string(wanted) + " rows cannot be multiplied by a matrix of " +
                    std::to_string(rows) + "; give it one row for each of the kernel");
}

inline void require_index(Index i, Index n) {
  if (i < 0 || i >= n)
    throw DataError("column " + std::to_string(i) + " is not in a kernel of " + std::to_string(n) +
                    " columns (counted from 0); give smaller indices");
}

/// Calls work(i) for i = 0..count-1, in parallel, with serial products within. The first error is thrown.
template <class Work>
void in_parallel(Index count, int threads, Work&& work) {
  const int team = detail::team_size(threads, count);  // before Eigen's threads are taken away
  const cholesky_detail::SerialEigen serial;
  detail::parallel(static_cast<std::size_t>(count), team,
                   [&](std::size_t i) { work(static_cast<Index>(i)); });
}

/// Calls work(first, size) for panels of so many of `count` rows or columns, in parallel as above.
template <class Work>
void over_panels(Index count, Index panel, int threads, Work&& work) {
  in_parallel((count + panel - 1) / panel, threads,
              [&](Index p) { work(p * panel, std::min(panel, count - p * panel)); });
}

}  // namespace operator_detail

/// A symmetric matrix in memory, both triangles of it; it must outlive this.
class DenseOperator final : public SymmetricOperator {
 public:
  /// Throws DataError unless k is square.
  explicit DenseOperator(const Eigen::MatrixXd& k, int threads = 0) : k_(k), threads_(threads) {
    if (k.rows() != k.cols())
      throw DataError("a matrix of " + std::to_string(k.rows()) + " x " + std::to_string(k.cols()) +
                      " is no kernel (it is not square); give a symmetric one");
  }

  Index rows() const override { return k_.rows(); }
  Eigen::VectorXd diagonal() const override { return k_.diagonal(); }
  void columns(const std::vector<Index>& indices, Index first,
               Eigen::Ref<Eigen::MatrixXd> out) const override {
    for (Index c = 0; c < out.cols(); ++c) {
      const Index i = indices[static_cast<std::size_t>(c)];
      operator_detail::require_index(i, rows());
      out.col(c) = k_.col(i).segment(first, out.rows());
    }
  }
  Eigen::MatrixXd apply(const Eigen::MatrixXd& x) const override {
    operator_detail::require_rows(x.rows(), rows());
    // By panels of rows, which are columns as they lie in memory.
    constexpr Index panel = 128;
    Eigen::MatrixXd out(rows(), x.cols());
    operator_detail::over_panels(rows(), panel, threads_, [&](Index first, Index size) {
      out.middleRows(first, size).noalias() = k_.middleCols(first, size).transpose() * x;
    });
    return out;
  }

 private:
  const Eigen::MatrixXd& k_;
  int threads_;
};

}  // namespace SST_ABI
}  // namespace sst
