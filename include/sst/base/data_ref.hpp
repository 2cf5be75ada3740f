// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <Eigen/Core>
#include <Eigen/SparseCore>

#include <sst/base/every.hpp>
#include <sst/error.hpp>
#include <sst/version.hpp>

namespace sst {
inline namespace SST_ABI {

/// A data set to read from, one sample a row, dense or sparse: what kernels take as input.
///
/// Made implicitly from an Eigen::MatrixXd (which must outlive it), from any other dense expression (which
/// is evaluated), and from an Eigen::SparseMatrix, whose zeros are never visited or stored.
class DataRef {
 public:
  /// How sparse data are held: by rows.
  using Sparse = Eigen::SparseMatrix<double, Eigen::RowMajor>;

  /// n x d, referred to.
  DataRef(const Eigen::MatrixXd& dense) : dense_(&dense) {}
  /// n x d, held.
  DataRef(Eigen::MatrixXd&& dense)
      : owned_dense_(std::make_shared<const Eigen::MatrixXd>(std::move(dense))), dense_(owned_dense_.get()) {}
  /// An expression of n x d numbers of any type, evaluated and held.
  template <class Derived>
  DataRef(const Eigen::MatrixBase<Derived>& dense)
      : DataRef(Eigen::MatrixXd(dense.template cast<double>())) {}
  /// An expression of n x d, evaluated and held.
  template <class Derived>
  DataRef(const Eigen::SparseMatrixBase<Derived>& sparse)
      : owned_sparse_(std::make_shared<const Sparse>(sparse)), sparse_(owned_sparse_.get()) {}
  /// n x d, referred to.
  DataRef(const Sparse& sparse) : sparse_(&sparse) {}

  /// n, the number of samples.
  Eigen::Index rows() const { return sparse_ ? sparse_->rows() : dense_->rows(); }
  /// d, the number of features.
  Eigen::Index cols() const { return sparse_ ? sparse_->cols() : dense_->cols(); }
  /// Whether zeros are not stored.
  bool sparse() const { return sparse_ != nullptr; }

  /// n x d; of dense data only.
  const Eigen::MatrixXd& dense() const { return *dense_; }
  /// The same data, n x d, held by what is returned, so that the original may go.
  DataRef owned() const {
    if (owned_dense_ || owned_sparse_) return *this;
    return sparse_ ? DataRef(std::make_shared<const Sparse>(*sparse_)) : DataRef(Eigen::MatrixXd(*dense_));
  }
  /// The rows from `first` on, `count` x d, held.
  DataRef middle_rows(Eigen::Index first, Eigen::Index count) const {
    if (first == 0 && count == rows()) return *this;
    if (sparse_) return DataRef(std::make_shared<const Sparse>(sparse_->middleRows(first, count)));
    return DataRef(Eigen::MatrixXd(dense_->middleRows(first, count)));
  }
  /// The rows of these numbers, counted from 0 and each below rows(), in their order: held.
  DataRef selected(const std::vector<Eigen::Index>& indices) const {
    const auto count = static_cast<Eigen::Index>(indices.size());
    if (!sparse_) return DataRef(Eigen::MatrixXd((*dense_)(indices, every)));
    Sparse out(count, cols());
    for (Eigen::Index i = 0; i < count; ++i) {
      out.startVec(i);
      for_each(indices[static_cast<std::size_t>(i)],
               [&](Eigen::Index k, double value) { out.insertBack(i, k) = value; });
    }
    out.finalize();
    return DataRef(std::make_shared<const Sparse>(std::move(out)));
  }
  /// The same numbers, n x d, held dense or sparse as asked.
  DataRef stored(bool as_sparse) const {
    if (as_sparse == sparse()) return *this;
    if (as_sparse) return DataRef(std::make_shared<const Sparse>(dense_->sparseView(0, 0)));
    return DataRef(Eigen::MatrixXd(*sparse_));
  }
  /// These rows, and below them those of `other`, of as many columns: held, sparse where both are.
  DataRef stacked(const DataRef& other) const {
    if (sparse_ && other.sparse_) {
      Sparse out(rows() + other.rows(), cols());
      out.topRows(rows()) = *sparse_;
      out.bottomRows(other.rows()) = *other.sparse_;
      return DataRef(std::make_shared<const Sparse>(std::move(out)));
    }
    Eigen::MatrixXd out = Eigen::MatrixXd::Zero(rows() + other.rows(), cols());
    for (Eigen::Index i = 0; i < out.rows(); ++i) {
      const DataRef& from = i < rows() ? *this : other;
      from.for_each(i < rows() ? i : i - rows(), [&](Eigen::Index k, double value) { out(i, k) = value; });
    }
    return DataRef(std::move(out));
  }

  /// Calls f(column, value) for every entry of a row; of a sparse one, for every stored entry, in
  /// ascending order of columns.
  template <class F>
  void for_each(Eigen::Index row, F&& f) const {
    if (sparse_)
      for (Sparse::InnerIterator it(*sparse_, row); it; ++it) f(it.col(), it.value());
    else
      for (Eigen::Index k = 0; k < dense_->cols(); ++k) f(k, (*dense_)(row, k));
  }

  /// Throws DataError, with row and column, unless there are columns, every number is finite, and a sparse
  /// row lists each column once, in ascending order.
  void require_finite(const char* name) const {
    if (cols() == 0)
      throw DataError(std::string(name) + " has no columns; a sample needs one feature at least");
    const auto check = [&](Eigen::Index i, Eigen::Index k, double value) {
      if (!std::isfinite(value))
        throw DataError(std::string(name) + ", row " + std::to_string(i) + ", column " + std::to_string(k) +
                        ", counted from 0, is not a finite number; remove or replace it");
    };
    if (sparse_) {
      for (Eigen::Index i = 0; i < rows(); ++i) {
        Eigen::Index before = -1;
        for_each(i, [&](Eigen::Index k, double value) {
          if (k <= before)
            throw DataError(std::string(name) + ", row " + std::to_string(i) + " lists column " +
                            std::to_string(k) + " after column " + std::to_string(before) +
                            ", counted from 0 (sparse rows have each column once, ascending); sort it and "
                            "sum what is double");
          before = k;
          check(i, k, value);
        });
      }
    } else {  // along the columns, as they lie in memory
      for (Eigen::Index k = 0; k < cols(); ++k)
        for (Eigen::Index i = 0; i < rows(); ++i) check(i, k, (*dense_)(i, k));
    }
  }

 private:
  explicit DataRef(std::shared_ptr<const Sparse> sparse)
      : owned_sparse_(std::move(sparse)), sparse_(owned_sparse_.get()) {}

  std::shared_ptr<const Eigen::MatrixXd> owned_dense_;
  std::shared_ptr<const Sparse> owned_sparse_;
  const Eigen::MatrixXd* dense_ = nullptr;
  const Sparse* sparse_ = nullptr;
};

}  // namespace SST_ABI
}  // namespace sst
