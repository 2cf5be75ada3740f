// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <memory>
#include <string>
#include <type_traits>

#include <Eigen/Core>
#include <Eigen/SparseCore>

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
  /// An expression of n x d, evaluated and held.
  template <class Derived>
  DataRef(const Eigen::MatrixBase<Derived>& dense)
      : owned_dense_(std::make_shared<const Eigen::MatrixXd>(dense)), dense_(owned_dense_.get()) {}
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

  /// Calls f(column, value) for every entry of a row; of a sparse one, for every stored entry, in
  /// ascending order of columns.
  template <class F>
  void for_each(Eigen::Index row, F&& f) const {
    if (sparse_)
      for (Sparse::InnerIterator it(*sparse_, row); it; ++it) f(it.col(), it.value());
    else
      for (Eigen::Index k = 0; k < dense_->cols(); ++k) f(k, (*dense_)(row, k));
  }

  /// Throws DataError, with row and column, unless there are columns and every number is finite.
  void require_finite(const char* name) const {
    if (cols() == 0)
      throw DataError(std::string(name) + " has no columns; a sample needs one feature at least");
    const auto check = [&](Eigen::Index i, Eigen::Index k, double value) {
      if (!std::isfinite(value))
        throw DataError(std::string(name) + ", row " + std::to_string(i) + ", column " + std::to_string(k) +
                        " is not a finite number; remove or replace it");
    };
    if (sparse_) {
      for (Eigen::Index i = 0; i < rows(); ++i)
        for_each(i, [&](Eigen::Index k, double value) { check(i, k, value); });
    } else {  // along the columns, as they lie in memory
      for (Eigen::Index k = 0; k < cols(); ++k)
        for (Eigen::Index i = 0; i < rows(); ++i) check(i, k, (*dense_)(i, k));
    }
  }

 private:
  std::shared_ptr<const Eigen::MatrixXd> owned_dense_;
  std::shared_ptr<const Sparse> owned_sparse_;
  const Eigen::MatrixXd* dense_ = nullptr;
  const Sparse* sparse_ = nullptr;
};

}  // namespace SST_ABI
}  // namespace sst
