// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <Eigen/Core>

#include <sst/base/data_ref.hpp>
#include <sst/base/execution.hpp>
#include <sst/error.hpp>
#include <sst/kernel/full_gradients.hpp>
#include <sst/version.hpp>

/// \file
/// Kernels as values: what regression, selection and programs are written against.

namespace sst {
inline namespace SST_ABI {

class KernelFunction;

/// A rectangle of a kernel matrix in memory, and of the prior that goes with it: column-major, `stride`
/// numbers from column to column. Null where nobody asks.
template <class Scalar>
struct KernelView {
  Scalar* kernel = nullptr;  ///< of the kernel itself
  Scalar* prior = nullptr;   ///< of its prior, the same numbers where it is its own
  Eigen::Index stride = 0;   ///< numbers from column to column

  /// The view whose first entry is (row, col) of this one.
  KernelView from(Eigen::Index row, Eigen::Index col) const {
    const Eigen::Index at = col * stride + row;
    return {kernel ? kernel + at : nullptr, prior ? prior + at : nullptr, stride};
  }
};

/// A kernel matrix K(A, X) or K(X, X) that computes any rectangle of itself when it is asked for: what a
/// kernel of one's own kind (KernelInterface) gives to operators, stores and solvers.
///
/// Immutable and shared by threads, each of which brings a workspace of its own.
template <class Scalar>
class KernelTiles {
 public:
  using Index = Eigen::Index;  ///< of samples
  /// What one thread needs while it computes rectangles.
  struct Workspace {
    virtual ~Workspace() = default;
  };

  /// rows x cols; `symmetric`: K(X, X).
  KernelTiles(Index rows, Index cols, bool symmetric) : rows_(rows), cols_(cols), symmetric_(symmetric) {}
  virtual ~KernelTiles() = default;
  KernelTiles(const KernelTiles&) = delete;
  KernelTiles& operator=(const KernelTiles&) = delete;

  Index rows() const { return rows_; }           ///< of the matrix
  Index cols() const { return cols_; }           ///< of the matrix
  bool symmetric() const { return symmetric_; }  ///< whether it is K(X, X)
  static constexpr Index tile() { return 256; }  ///< rows and columns of rectangles that suit the caches

  /// Whether evaluate() runs on several threads itself, since rectangles need much memory.
  virtual bool parallel() const { return false; }
  /// A workspace; each thread needs one of its own.
  virtual std::unique_ptr<Workspace> workspace() const { return std::make_unique<Workspace>(); }
  /// Writes the rows x cols entries from (row0, col0) on. With `lower` (row0 == col0, rows == cols, of a
  /// symmetric matrix) those above the diagonal may be left as they are. Throws DataError for numbers that
  /// overflow.
  virtual void evaluate(Index row0, Index rows, Index col0, Index cols, KernelView<Scalar> out,
                        Workspace& workspace, bool lower = false) const = 0;
  /// The same entries of the kernel alone, to `out`, `stride` numbers from column to column, with a workspace
  /// for this call: what tile stores ask for. Throws as the other.
  void evaluate(Index row0, Index rows, Index col0, Index cols, Scalar* out, Index stride) const {
    evaluate(row0, rows, col0, cols, {out, nullptr, stride}, *workspace());
  }
  /// Writes the whole matrix, both halves of a symmetric one. Throws DataError, Cancelled.
  virtual void fill(KernelView<Scalar> out, const Execution& execution) const;
  /// The prior's variance at each sample of the rows, a column.
  virtual Eigen::VectorXd row_variances() const = 0;

 private:
  Index rows_, cols_;
  bool symmetric_;
};

/// The columns X of kernel matrices, tabulated once for all matrices K(A, X) that are asked for.
template <class Scalar>
class TabulatedColumns {
 public:
  virtual ~TabulatedColumns() = default;
  /// K(X, X), or K(A, X) for A = *rows, which may go when this returns. Throws DataError for rows of other
  /// columns.
  virtual std::shared_ptr<const KernelTiles<Scalar>> tiles(const DataRef* rows = nullptr) const = 0;
};

/// Kernels along a line: the kernel itself at 0, and others nearby, smooth in t.
using KernelLine = std::function<KernelFunction(double)>;

namespace kernel_detail {

inline void require_features(Eigen::Index found, Eigen::Index wanted) {
  if (found != wanted)
    throw DataError("the samples have " + std::to_string(found) +
                    " columns and those of the kernel's other side " + std::to_string(wanted) +
                    "; give them the same features");
}

}  // namespace kernel_detail

/// What a kind of kernel has to know; users hold it as a KernelFunction.
class KernelInterface {
 public:
  virtual ~KernelInterface() = default;
  /// Tabulates the samples of x, which may go when this returns. Throws DataError, NoClosedForm.
  virtual std::shared_ptr<const TabulatedColumns<double>> in_double(const DataRef& x) const = 0;
  /// The same of x, n x d, in float where that keeps float's accuracy.
  virtual std::shared_ptr<const TabulatedColumns<float>> in_float(const DataRef& x) const = 0;
  /// The prior of the functions that training with this kernel begins with; none: the kernel itself.
  virtual std::optional<KernelFunction> prior() const;
  /// sum_j W_ij dK(a_i, x_j)/da_i, a row for each row of a, m x d: with weights W, m x n, or 1 x n for all
  /// rows alike. x: n x d. Where K has a kink at a_i = x_j, the mean of both sides. Throws Error where the
  /// kernel has no derivatives, DataError, Error (memory), Cancelled.
  virtual Eigen::MatrixXd gradients(const DataRef& a, const DataRef& x, const Eigen::MatrixXd& weights,
                                    const Execution& execution) const;
  /// `gradients`, and beta_l sum_j W_ij dK(a_i, x_j)/dbeta_l for the bias beta_l of each layer at a_i; see
  /// FullGradients. Throws as `gradients`, and Error where K is not positively homogeneous.
  virtual FullGradients full_gradients(const DataRef& a, const DataRef& x, const Eigen::MatrixXd& weights,
                                       const Execution& execution) const;
  /// dK(a_i, x_j)/dt at 0 along each of these lines, m x n, or dK(x_i, x_j)/dt without a; by fourth-order
  /// differences where a kind of kernel has nothing better. Throws as `gradients`, and what lines throw.
  virtual std::vector<Eigen::MatrixXd> derivatives(const std::vector<KernelLine>& lines, const DataRef* a,
                                                   const DataRef& x, const Execution& execution) const;
  /// In one line, for reports.
  virtual std::string description() const = 0;
  /// What an entry is off by, relatively, at the most: the unit of what it is computed in.
  virtual double epsilon() const;
};

/// The samples that kernel matrices have as their columns, ready for any number of rows: a request of 32 rows
/// costs what 32 rows of a large one cost. Cheap to copy.
class KernelColumns {
 public:
  using MatrixXd = Eigen::MatrixXd;  ///< kernel matrices

  /// Of the samples of x, n x d.
  KernelColumns(const KernelFunction& kernel, const DataRef& x);

  /// n.
  Eigen::Index rows() const { return rows_; }
  /// K(X, X), n x n, exactly symmetric. Throws DataError, Error (memory), Cancelled.
  MatrixXd matrix(const Execution& execution = {}) const;
  /// K(A, X), m x n, for a: m x d. Throws as `matrix`.
  MatrixXd matrix(const DataRef& a, const Execution& execution = {}) const;
  /// Both of K(A, X) and the prior's P(A, X), m x n, and its diagonal P(A, A), m: one pass over the pairs.
  struct WithPrior {
    MatrixXd kernel;           ///< K(A, X), m x n
    MatrixXd prior;            ///< P(A, X), m x n; empty where the kernel is its own prior
    Eigen::VectorXd variance;  ///< the diagonal of P(A, A), m
  };
  /// See WithPrior; a: m x d. Throws as `matrix`.
  WithPrior with_prior(const DataRef& a, const Execution& execution = {}) const;
  /// The prior's P(X, X), n x n. Throws as `matrix`.
  MatrixXd prior_matrix(const Execution& execution = {}) const;

  /// K(X, X), or K(A, X) for A = *rows, by rectangles.
  std::shared_ptr<const KernelTiles<double>> tiles(const DataRef* rows = nullptr) const {
    return columns_->tiles(rows);
  }

 private:
  std::shared_ptr<const TabulatedColumns<double>> columns_;
  Eigen::Index rows_;
  bool own_prior_;
};

/// A kernel as a value: of a network (`ntk`, `nngp`), of a function of two rows (`kernel_function`,
/// own_kernel.hpp), of a matrix that is there already (`precomputed_kernel`), or a sum or positive multiple
/// of kernels. Cheap to copy.
///
/// \code
/// const auto k = 0.5 * sst::ntk(net) + 0.5 * sst::nngp(net);
/// Eigen::MatrixXd gram = k.matrix(x), cross = k.matrix(x_new, x);
/// \endcode
class KernelFunction {
 public:
  /// A kernel of any kind.
  explicit KernelFunction(std::shared_ptr<const KernelInterface> kernel) : kernel_(std::move(kernel)) {}

  /// K(X, X), n x n and exactly symmetric, of the rows of x: n x d, dense or sparse. Throws DataError,
  /// NoClosedForm, Error (memory), Cancelled.
  Eigen::MatrixXd matrix(const DataRef& x, const Execution& execution = {}) const {
    return against(x).matrix(execution);
  }
  /// K(A, B), m x n: rows of the result are those of a, m x d, and its columns those of b, n x d. Throws as
  /// the other.
  Eigen::MatrixXd matrix(const DataRef& a, const DataRef& b, const Execution& execution = {}) const {
    return against(b).matrix(a, execution);
  }
  /// K(x, x) of each row of x: n numbers for n x d. Throws DataError, NoClosedForm.
  Eigen::VectorXd diagonal(const DataRef& x) const;
  /// sum_j W_ij dK(a_i, x_j)/da_i, m x d: the gradients of what the weights make of the kernel by the
  /// features of the rows of a, m x d. x: n x d; W: m x n, or 1 x n for all rows of a alike. Where K has a
  /// kink at a_i = x_j (the NTK of ReLU networks has), the mean of both sides. Of networks, their sums, and
  /// functions of one's own that bring a gradient; accuracy: docs/accuracy.md. Of images, by their pixels, a
  /// pair takes five to ten times as long as its kernel, and a thread the memory of a displacement of every
  /// covariance: docs/spatial.md. Throws Error (no derivatives; memory, before it is spent), DataError,
  /// Cancelled.
  Eigen::MatrixXd gradients(const DataRef& a, const DataRef& x, const Eigen::MatrixXd& weights,
                            const Execution& execution = {}) const;
  /// `gradients` and the parts of each layer's bias, which add up to sum_j W_ij K(a_i, x_j): see
  /// FullGradients. Of networks that are positively homogeneous, and their sums, whose layers come term by
  /// term. Throws as `gradients`, and Error that names the node where a network is not positively
  /// homogeneous.
  FullGradients full_gradients(const DataRef& a, const DataRef& x, const Eigen::MatrixXd& weights,
                               const Execution& execution = {}) const;
  /// dK(x, x)/dx of each row of x, n x d: by both arguments. Throws as `gradients`.
  Eigen::MatrixXd diagonal_gradients(const DataRef& x, const Execution& execution = {}) const;
  /// dK(a_i, x_j)/dt at 0 along each of these lines of kernels, m x n each: see parameter_derivatives
  /// (kernel_family.hpp), which makes them. a: m x d, x: n x d. Throws as it does.
  std::vector<Eigen::MatrixXd> derivatives(const std::vector<KernelLine>& lines, const DataRef& a,
                                           const DataRef& x, const Execution& execution = {}) const;
  /// dK(x_i, x_j)/dt at 0 along each of these lines, n x n each and symmetric. Throws as the other.
  std::vector<Eigen::MatrixXd> derivatives(const std::vector<KernelLine>& lines, const DataRef& x,
                                           const Execution& execution = {}) const;
  /// The rows of x, n x d, as the columns of matrices to come. Throws DataError, NoClosedForm.
  KernelColumns against(const DataRef& x) const { return KernelColumns(*this, x); }

  /// The Gaussian process of the functions that training begins with: the NNGP of an NTK, otherwise the
  /// kernel itself.
  KernelFunction prior() const { return kernel_->prior().value_or(*this); }
  /// Whether `prior` is the kernel itself.
  bool is_its_own_prior() const { return !kernel_->prior(); }
  /// What it is, in one line.
  std::string description() const { return kernel_->description(); }
  /// What it is made of, for those who know its kind.
  const KernelInterface& interface() const { return *kernel_; }
  /// The same, to be kept.
  const std::shared_ptr<const KernelInterface>& shared() const { return kernel_; }

 private:
  std::shared_ptr<const KernelInterface> kernel_;
};

/// The kernel a + b: of the sum of two independent random functions.
KernelFunction operator+(const KernelFunction& a, const KernelFunction& b);
/// The kernel of the random function times sqrt(factor). Throws Error unless factor is finite and positive.
KernelFunction operator*(double factor, const KernelFunction& kernel);
/// The same.
inline KernelFunction operator*(const KernelFunction& kernel, double factor) { return factor * kernel; }

}  // namespace SST_ABI
}  // namespace sst

#ifndef SST_EXTERN_TEMPLATES
#include <sst/kernel/kernel_function_impl.hpp>
#endif
