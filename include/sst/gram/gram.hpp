// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstddef>
#include <exception>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#ifdef _OPENMP
#include <omp.h>
#endif

#include <Eigen/Core>

#include <sst/error.hpp>
#include <sst/gram/memory.hpp>
#include <sst/gram/samples.hpp>
#include <sst/gram/strip.hpp>
#include <sst/plan/compile.hpp>
#include <sst/topology/topology.hpp>

namespace sst {

/// The NNGP and NTK Gram matrices of one data set, or between two.
template <class Scalar>
struct GramMatrices {
  using Matrix = Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic>;
  Matrix nngp;
  Matrix ntk;
};

struct GramOptions {
  /// 0: as many as OpenMP gives. The result does not depend on it, to the last bit.
  int threads = 0;
  /// Called from time to time with the fraction that is done; returning false cancels (throws Cancelled).
  std::function<bool(double)> progress = {};
};

namespace gram_detail {

/// Where a tile's results go; null where nobody asks.
template <class Scalar>
struct Target {
  Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic>* nngp = nullptr;
  Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic>* ntk = nullptr;
};

inline void require_finite(const Eigen::MatrixXd& x, const char* name) {
  if (x.cols() == 0)
    throw DataError(std::string(name) + " has no columns; a sample needs one feature at least");
  for (Eigen::Index j = 0; j < x.cols(); ++j)
    for (Eigen::Index i = 0; i < x.rows(); ++i)
      if (!std::isfinite(x(i, j)))
        throw DataError(std::string(name) + ", row " + std::to_string(i) + ", column " + std::to_string(j) +
                        " is not a finite number; remove or replace it");
}

/// Fills the target tile by tile: columns are left samples, rows right ones. Strips run in Strip, the
/// scalar of the arithmetic; results are stored as Scalar.
template <class Strip, class Scalar>
class Driver {
 public:
  Driver(const Plan& plan, const Eigen::MatrixXd& left, const Eigen::MatrixXd* right, GramOptions options)
      : plan_(plan), options_(std::move(options)), symmetric_(right == nullptr) {
    left_ = tabulate<Strip>(plan, left);
    if (!symmetric_) right_ = tabulate<Strip>(plan, *right);
    if (plan.needs_extended) {
      left_extended_ = tabulate<long double>(plan, left);
      if (!symmetric_) right_extended_ = tabulate<long double>(plan, *right);
    }
  }

  void fill(const Target<Scalar>& target) {
    const Index columns = left_.count, rows = right().count;
    std::vector<std::pair<Index, Index>> tiles;
    for (Index i = 0; i < columns; i += tile)
      for (Index j = symmetric_ ? i : 0; j < rows; j += tile) tiles.emplace_back(i, j);

    std::exception_ptr failure;
    std::atomic<bool> stop{false};
    std::atomic<Index> done{0};
    const auto count = static_cast<std::ptrdiff_t>(tiles.size());
#ifdef _OPENMP
    const int threads = options_.threads > 0 ? options_.threads : omp_get_max_threads();
#pragma omp parallel num_threads(threads) if (count > 1)
#endif
    {
      std::optional<StripMachine<Strip>> machine;
      std::optional<StripMachine<long double>> extended;
#ifdef _OPENMP
#pragma omp for schedule(dynamic)
#endif
      for (std::ptrdiff_t k = 0; k < count; ++k) {
        if (stop) continue;
        try {
          if (!machine) machine.emplace(plan_, left_, right());
          if (!extended && plan_.needs_extended)
            extended.emplace(plan_, left_extended_, symmetric_ ? left_extended_ : right_extended_);
          const auto& [i, j] = tiles[static_cast<Index>(k)];
          run(i, j, *machine, extended, target);
          report(++done, tiles.size(), stop);
        } catch (...) {
#ifdef _OPENMP
#pragma omp critical(sst_gram_failure)
#endif
          if (!failure) failure = std::current_exception();
          stop = true;
        }
      }
    }
    if (failure) std::rethrow_exception(failure);
  }

 private:
  static constexpr Index tile = std::max<Index>(StripMachine<Strip>::length, 64);

  const Samples<Strip>& right() const { return symmetric_ ? left_ : right_; }

  void report(Index done, Index total, std::atomic<bool>& stop) {
    if (!options_.progress) return;
    bool go_on = true;
#ifdef _OPENMP
#pragma omp critical(sst_gram_progress)
#endif
    go_on = options_.progress(static_cast<double>(done) / static_cast<double>(total));
    if (!go_on) {
      stop = true;
      throw Cancelled("the Gram matrix was cancelled by its progress function");
    }
  }

  void run(Index i0, Index j0, StripMachine<Strip>& machine,
           std::optional<StripMachine<long double>>& extended, const Target<Scalar>& target) const {
    constexpr Index length = StripMachine<Strip>::length;
    const Index i1 = std::min(i0 + tile, left_.count), j1 = std::min(j0 + tile, right().count);
    unsigned char unsure[length];
    for (Index i = i0; i < i1; ++i) {
      for (Index j = j0; j < j1; j += length) {
        const Index count = std::min(length, j1 - j);
        if (symmetric_ && j + count <= i) continue;  // above the diagonal
        const Index same = symmetric_ && i >= j && i < j + count ? i - j : none;
        const Index begin = same != none ? same : 0;
        if (plan_.needs_extended) std::fill_n(unsure, count, static_cast<unsigned char>(0));
        machine.run(i, j, count, same, plan_.needs_extended ? unsure : nullptr);
        store(i, j, begin, count, machine.half(plan_.result), machine.tangent(plan_.result), target);
        if (plan_.needs_extended)
          for (Index l = begin; l < count; ++l)
            if (unsure[l]) refine(i, j + l, *extended, target);
      }
    }
    if (symmetric_) {
      mirror(target.nngp, i0, i1, j0, j1);
      mirror(target.ntk, i0, i1, j0, j1);
    }
  }

  template <class Matrix>
  static void mirror(Matrix* matrix, Index i0, Index i1, Index j0, Index j1) {
    if (!matrix) return;
    const auto i = static_cast<Eigen::Index>(i0), j = static_cast<Eigen::Index>(j0);
    const auto columns = static_cast<Eigen::Index>(i1 - i0), rows = static_cast<Eigen::Index>(j1 - j0);
    if (i0 == j0)
      matrix->block(i, i, rows, columns).template triangularView<Eigen::StrictlyUpper>() =
          matrix->block(i, i, rows, columns).transpose();
    else
      matrix->block(i, j, columns, rows) = matrix->block(j, i, rows, columns).transpose();
  }

  void store(Index i, Index j, Index begin, Index count, const Strip* half, const Strip* tangent,
             const Target<Scalar>& target) const {
    const auto col = static_cast<Eigen::Index>(i), row = static_cast<Eigen::Index>(j);
    const auto s = static_cast<Scalar>(left_.scale[col]);
    const auto* t = right().scale.data() + j;
    if (target.nngp) {
      Scalar* out = &target.nngp->coeffRef(row, col);
      for (Index l = begin; l < count; ++l)
        out[l] = s * static_cast<Scalar>(t[l]) * static_cast<Scalar>(1 - 2 * half[l]);
    }
    if (target.ntk) {
      const bool any = plan_.pairs[plan_.result].tangent;
      Scalar* out = &target.ntk->coeffRef(row, col);
      for (Index l = begin; l < count; ++l)
        out[l] = any ? s * static_cast<Scalar>(t[l]) * static_cast<Scalar>(tangent[l]) : Scalar(0);
    }
    const auto first = static_cast<Eigen::Index>(j + begin), rows = static_cast<Eigen::Index>(count - begin);
    for (const auto* matrix : {target.nngp, target.ntk})
      if (matrix && !matrix->col(col).segment(first, rows).allFinite())
        throw DataError(
            "the kernel of samples " + std::to_string(i) + " and " + std::to_string(j + begin) +
            " or one of the next ones overflows its scalar type; scale the inputs down or use double");
  }

  void refine(Index i, Index j, StripMachine<long double>& machine, const Target<Scalar>& target) const {
    const auto& right = symmetric_ ? left_extended_ : right_extended_;
    machine.run(i, j, 1, symmetric_ && i == j ? 0 : none);
    const long double scale =
        left_extended_.scale[static_cast<Eigen::Index>(i)] * right.scale[static_cast<Eigen::Index>(j)];
    const auto col = static_cast<Eigen::Index>(i), row = static_cast<Eigen::Index>(j);
    if (target.nngp)
      (*target.nngp)(row, col) = static_cast<Scalar>(scale * (1 - 2 * machine.half(plan_.result)[0]));
    if (target.ntk && plan_.pairs[plan_.result].tangent)
      (*target.ntk)(row, col) = static_cast<Scalar>(scale * machine.tangent(plan_.result)[0]);
  }

  const Plan& plan_;
  GramOptions options_;
  bool symmetric_;
  Samples<Strip> left_, right_;
  Samples<long double> left_extended_, right_extended_;
};

template <class Scalar, class Arithmetic = Scalar>
void fill(const Plan& plan, const Eigen::MatrixXd& columns, const Eigen::MatrixXd* rows,
          const GramOptions& options, GramMatrices<Scalar>& out, bool nngp, bool ntk) {
  require_finite(columns, rows ? "the second data set" : "the data set");
  if (ntk && !plan.ntk)
    throw Error("the plan was compiled for the NNGP and cannot give the NTK; compile it for Kernel::ntk");
  if (rows) {
    require_finite(*rows, "the first data set");
    if (rows->cols() != columns.cols())
      throw DataError("the data sets have " + std::to_string(rows->cols()) + " and " +
                      std::to_string(columns.cols()) + " columns; give them the same features");
  }
  const Eigen::Index n = rows ? rows->rows() : columns.rows(), m = columns.rows();
  const double each = static_cast<double>(n) * static_cast<double>(m) * sizeof(Scalar);
  require_memory(each * (nngp + ntk), "a Gram matrix of " + std::to_string(n) + " x " + std::to_string(m));
  Target<Scalar> target;
  if (nngp) {
    out.nngp.resize(n, m);
    target.nngp = &out.nngp;
  }
  if (ntk) {
    out.ntk.resize(n, m);
    target.ntk = &out.ntk;
  }
  // Where something cancels or is not angular, float strips would not keep float's own accuracy.
  if (plan.angular_only || !std::is_same_v<Arithmetic, float>)
    Driver<Arithmetic, Scalar>(plan, columns, rows, options).fill(target);
  else
    Driver<double, Scalar>(plan, columns, rows, options).fill(target);
}

}  // namespace gram_detail

/// The NNGP and NTK Gram matrices of the rows of x: K_ij = E[f(x_i) f(x_j)] and
/// T_ij = E[<grad f(x_i), grad f(x_j)>] of the network at infinite width.
///
/// x is n x d, one sample a row; the results are n x n, exactly symmetric. Scalar, double or float, is
/// what the matrices hold; Arithmetic, what the steps compute in (float arithmetic in a double matrix
/// keeps the range of double). Accuracy: docs/accuracy.md.
/// Throws NoClosedForm (node and reason), DataError, Error (memory), Cancelled.
template <class Scalar = double, class Arithmetic = Scalar>
GramMatrices<Scalar> gram(const Topology& topology, const Eigen::MatrixXd& x,
                          const GramOptions& options = {}) {
  const Plan plan = compile(topology, Kernel::ntk);
  GramMatrices<Scalar> out;
  gram_detail::fill<Scalar, Arithmetic>(plan, x, nullptr, options, out, true, true);
  return out;
}

/// The same between the rows of a (rows of the result) and of b (columns).
template <class Scalar = double, class Arithmetic = Scalar>
GramMatrices<Scalar> gram(const Topology& topology, const Eigen::MatrixXd& a, const Eigen::MatrixXd& b,
                          const GramOptions& options = {}) {
  const Plan plan = compile(topology, Kernel::ntk);
  GramMatrices<Scalar> out;
  gram_detail::fill<Scalar, Arithmetic>(plan, b, &a, options, out, true, true);
  return out;
}

/// One kernel alone, without the cost of the other, of a plan compiled for it.
template <class Scalar = double, class Arithmetic = Scalar>
typename GramMatrices<Scalar>::Matrix gram(const Plan& plan, Kernel kernel, const Eigen::MatrixXd& x,
                                           const GramOptions& options = {}) {
  GramMatrices<Scalar> out;
  gram_detail::fill<Scalar, Arithmetic>(plan, x, nullptr, options, out, kernel == Kernel::nngp,
                                        kernel == Kernel::ntk);
  return std::move(kernel == Kernel::nngp ? out.nngp : out.ntk);
}
template <class Scalar = double, class Arithmetic = Scalar>
typename GramMatrices<Scalar>::Matrix gram(const Plan& plan, Kernel kernel, const Eigen::MatrixXd& a,
                                           const Eigen::MatrixXd& b, const GramOptions& options = {}) {
  GramMatrices<Scalar> out;
  gram_detail::fill<Scalar, Arithmetic>(plan, b, &a, options, out, kernel == Kernel::nngp,
                                        kernel == Kernel::ntk);
  return std::move(kernel == Kernel::nngp ? out.nngp : out.ntk);
}

}  // namespace sst
