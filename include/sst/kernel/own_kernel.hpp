// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>

#include <Eigen/Core>

#include <sst/base/data_ref.hpp>
#include <sst/base/parallel.hpp>
#include <sst/base/plain_text.hpp>
#include <sst/base/progress.hpp>
#include <sst/error.hpp>
#include <sst/kernel/kernel_function.hpp>
#include <sst/version.hpp>

/// \file
/// Kernels of one's own: functions of two samples, and matrices that are there already.

namespace sst {
inline namespace SST_ABI {

/// A sample as functions of two rows see it.
using KernelRow = Eigen::Map<const Eigen::VectorXd>;

namespace kernel_detail {

/// Kernels on the rows of data: what their tables hold of them.
struct Rows {
  explicit Rows(const DataRef& x) : count(x.rows()), features(x.cols()), sparse(x.sparse()) {
    x.require_finite("the data set");
    if (sparse)
      data = std::make_shared<const DataRef>(x.owned());
    else
      dense = std::make_shared<const Eigen::MatrixXd>(x.dense().transpose());
  }
  /// A column a sample, of `rows` samples from `first` on; `buffer` holds them where they are sparse.
  const double* samples(Eigen::Index first, Eigen::Index rows, Eigen::MatrixXd& buffer) const {
    if (!sparse) return dense->data() + first * features;
    buffer.setZero(features, rows);
    for (Eigen::Index i = 0; i < rows; ++i)
      data->for_each(first + i, [&](Eigen::Index k, double value) { buffer(k, i) = value; });
    return buffer.data();
  }
  Eigen::Index count, features;
  bool sparse;
  std::shared_ptr<const DataRef> data;
  std::shared_ptr<const Eigen::MatrixXd> dense;  ///< d x n
};

/// A kernel that is computed pair by pair.
template <class Function, class Scalar>
class PairTiles final : public KernelTiles<Scalar> {
  using Base = KernelTiles<Scalar>;

 public:
  PairTiles(Function f, std::shared_ptr<const Rows> columns, std::shared_ptr<const Rows> rows)
      : Base(rows->count, columns->count, rows == columns),
        f_(std::move(f)),
        columns_(std::move(columns)),
        rows_(std::move(rows)) {}
  std::unique_ptr<typename Base::Workspace> workspace() const override { return std::make_unique<Buffers>(); }
  void evaluate(Eigen::Index row0, Eigen::Index rows, Eigen::Index col0, Eigen::Index cols,
                KernelView<Scalar> out, typename Base::Workspace& workspace, bool lower) const override {
    auto& buffers = static_cast<Buffers&>(workspace);
    const Eigen::Index d = columns_->features;
    const double* left = rows_->samples(row0, rows, buffers.rows);
    const double* right = columns_->samples(col0, cols, buffers.columns);
    for (Eigen::Index c = 0; c < cols; ++c)
      for (Eigen::Index r = lower ? c : 0; r < rows; ++r) {
        // Of K(X, X) the sample of the higher number comes first, so that mirrored entries are the same.
        const bool swap = this->symmetric() && row0 + r < col0 + c;
        const KernelRow a(left + r * d, d), b(right + c * d, d);
        const auto value = static_cast<Scalar>(swap ? f_(b, a) : f_(a, b));
        if (!std::isfinite(value)) {
          detail::PlainText text;
          text << "the kernel of samples " << row0 + r << " and " << col0 + c << " is " << value
               << " (a kernel has finite values); check the function, or scale the inputs";
          throw DataError(text.str());
        }
        const Eigen::Index at = c * out.stride + r;
        if (out.kernel) out.kernel[at] = value;
        if (out.prior) out.prior[at] = value;
      }
  }
  Eigen::VectorXd row_variances() const override {
    Eigen::VectorXd out(rows_->count);
    Eigen::MatrixXd buffer;
    for (Eigen::Index i = 0; i < out.size(); ++i) {
      const KernelRow a(rows_->samples(i, 1, buffer), rows_->features);
      out[i] = static_cast<double>(f_(a, a));
    }
    return out;
  }

 private:
  struct Buffers final : Base::Workspace {
    Eigen::MatrixXd rows, columns;
  };
  Function f_;
  std::shared_ptr<const Rows> columns_, rows_;
};

template <class Function, class Scalar>
class PairColumns final : public TabulatedColumns<Scalar> {
 public:
  PairColumns(Function f, const DataRef& x) : f_(std::move(f)), columns_(std::make_shared<const Rows>(x)) {}
  std::shared_ptr<const KernelTiles<Scalar>> tiles(const DataRef* rows) const override {
    if (rows) require_features(rows->cols(), columns_->features);
    return std::make_shared<PairTiles<Function, Scalar>>(
        f_, columns_, rows ? std::make_shared<const Rows>(*rows) : columns_);
  }

 private:
  Function f_;
  std::shared_ptr<const Rows> columns_;
};

/// Instead of the gradient of a kernel that has none.
struct NoGradient {};

template <class Function, class Gradient>
class PairKernel final : public KernelInterface {
 public:
  PairKernel(std::string name, Function f, Gradient gradient)
      : name_(std::move(name)), f_(std::move(f)), gradient_(std::move(gradient)) {}
  std::shared_ptr<const TabulatedColumns<double>> in_double(const DataRef& x) const override {
    return std::make_shared<PairColumns<Function, double>>(f_, x);
  }
  std::shared_ptr<const TabulatedColumns<float>> in_float(const DataRef& x) const override {
    return std::make_shared<PairColumns<Function, float>>(f_, x);
  }
  Eigen::MatrixXd gradients(const DataRef& a, const DataRef& x, const Eigen::MatrixXd& weights,
                            const Execution& execution) const override {
    if constexpr (std::is_same_v<Gradient, NoGradient>) {
      return KernelInterface::gradients(a, x, weights, execution);
    } else {
      const Rows left(a), right(x);
      Eigen::MatrixXd out = Eigen::MatrixXd::Zero(a.rows(), a.cols());
      detail::Counter progress(execution.progress, static_cast<double>(a.rows()),
                               "the gradients of a kernel");
      detail::parallel(static_cast<std::size_t>(a.rows()), execution.threads, [&](std::size_t row) {
        const auto i = static_cast<Eigen::Index>(row);
        Eigen::MatrixXd buffer, other;
        const KernelRow sample(left.samples(i, 1, buffer), left.features);
        for (Eigen::Index j = 0; j < right.count; ++j) {
          const double weight = weights(weights.rows() == 1 ? 0 : i, j);
          if (weight == 0) continue;
          const KernelRow column(right.samples(j, 1, other), right.features);
          out.row(i) += weight * Eigen::VectorXd(gradient_(sample, column)).transpose();
        }
        progress.add();
      });
      return out;
    }
  }
  std::string description() const override { return name_; }

 private:
  std::string name_;
  Function f_;
  Gradient gradient_;
};

}  // namespace kernel_detail

/// Any positive semidefinite function f(a, b) of two samples (columns of d numbers) as a kernel; it has to be
/// symmetric, and is called once for each pair, by several threads at once. Sparse samples are filled up with
/// their zeros rectangle by rectangle. With gradient(a, b) = df/da, d numbers, models have input gradients
/// and `tune` has scales.
///
/// \code
/// auto laplace = sst::kernel_function("laplace", [](const auto& a, const auto& b) { return std::exp(-(a -
/// b).norm()); }); \endcode
template <class Function, class Gradient = kernel_detail::NoGradient>
KernelFunction kernel_function(std::string name, Function f, Gradient gradient = {}) {
  static_assert(
      std::is_invocable_r_v<double, const Function&, const KernelRow&, const KernelRow&>,
      "a kernel function takes two samples (columns of numbers) and returns a number, and is const");
  static_assert(
      std::is_same_v<Gradient, kernel_detail::NoGradient> ||
          std::is_invocable_r_v<Eigen::VectorXd, const Gradient&, const KernelRow&, const KernelRow&>,
      "the gradient of a kernel function takes two samples (columns of numbers), returns a column of its "
      "derivatives by the first, and is const");
  return KernelFunction(std::make_shared<kernel_detail::PairKernel<Function, Gradient>>(
      std::move(name), std::move(f), std::move(gradient)));
}

/// A kernel matrix that is there already, K: N x N and symmetric, as a kernel on its indices: a sample is a
/// row with one number, 0 to N - 1, its place in K. Throws DataError unless K is square, symmetric and
/// finite.
///
/// \code
/// const auto k = sst::precomputed_kernel(gram);   // of all samples
/// auto model = sst::fit(k, Eigen::VectorXd::LinSpaced(80, 0, 79), y, sst::Ridge::relative(1e-3));
/// model.predict(Eigen::VectorXd::LinSpaced(20, 80, 99));
/// \endcode
inline KernelFunction precomputed_kernel(Eigen::MatrixXd k) {
  if (k.rows() != k.cols() || !k.allFinite() || k != k.transpose())
    throw DataError("the kernel matrix of " + std::to_string(k.rows()) + " x " + std::to_string(k.cols()) +
                    " is not square, symmetric and finite; give K of all samples, training and new ones");
  const auto held = std::make_shared<const Eigen::MatrixXd>(std::move(k));
  return kernel_function("precomputed", [held](const KernelRow& a, const KernelRow& b) {
    const auto at = [&](const KernelRow& x) {
      if (x.size() != 1 || !(x[0] >= 0 && x[0] < static_cast<double>(held->rows())) ||
          x[0] != std::floor(x[0]))
        throw DataError("a sample of a precomputed kernel is no index from 0 to " +
                        std::to_string(held->rows() - 1) + "; give one index a row");
      return static_cast<Eigen::Index>(x[0]);
    };
    return (*held)(at(a), at(b));
  });
}

}  // namespace SST_ABI
}  // namespace sst
