// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include <Eigen/Eigenvalues>

#include <sst/base/data_ref.hpp>
#include <sst/error.hpp>
#include <sst/kernel/kernel_function.hpp>
#include <sst/testing/findings.hpp>
#include <sst/version.hpp>

/// \file
/// The laws that every kernel function keeps, for tests of kernels of one's own.

namespace sst {
inline namespace SST_ABI {
namespace testing {
namespace detail {

/// The laws of one kernel on one sample. X is the sample and A its first third.
class KernelLaws {
 public:
  KernelLaws(const KernelFunction& kernel, const DataRef& sample, double tolerance)
      : kernel_(kernel),
        prior_(kernel.prior()),
        x_(sample),
        a_(sample.middle_rows(0, sample.rows() / 3)),
        n_(x_.rows()),
        whole_(kernel.matrix(x_)),
        prior_whole_(prior_.matrix(x_)),
        scale_(whole_.cwiseAbs().maxCoeff()),
        loose_(tolerance * kernel.interface().epsilon()) {}

  std::vector<std::string> violations() {
    const std::string description = kernel_.description();
    found_.require(!description.empty() && description.find('\n') == std::string::npos,
                   "the description is one line", "it is '", description, "'");
    found_.runs("a sample has a matrix, a diagonal and columns", [&] {
      matrix();
      sides();
      prior();
      threads();
    });
    found_.runs("in_double has tiles", [&] { tiles(*kernel_.interface().in_double(x_), loose_); });
    found_.runs("in_float has tiles", [&] {
      const double digits = loose_ / kernel_.interface().epsilon() * std::numeric_limits<float>::epsilon();
      tiles(*kernel_.interface().in_float(x_), std::max(loose_, digits));
    });
    refusals();
    return found_.sentences();
  }

 private:
  using Index = Eigen::Index;
  using MatrixXd = Eigen::MatrixXd;

  void matrix() {
    found_.near(whole_, whole_.transpose(), 0, "K(X, X) is symmetric to the last bit");
    found_.near(kernel_.diagonal(x_), whole_.diagonal(), loose_ * scale_,
                "the diagonal is that of the matrix");
    for (Index j = 0; j < whole_.cols(); ++j)
      for (Index i = 0; i < whole_.rows(); ++i) {
        const double most = std::sqrt(whole_(i, i)) * std::sqrt(whole_(j, j));
        found_.require(std::abs(whole_(i, j)) <= (1 + loose_) * most, "K(a, b)^2 <= K(a, a) K(b, b)",
                       "samples ", i, " and ", j, ": ", whole_(i, j), " and at most ", most);
      }
    if (!whole_.allFinite()) return;
    const double least = Eigen::SelfAdjointEigenSolver<MatrixXd>(whole_).eigenvalues()[0];
    found_.require(least >= -loose_ * whole_.trace(), "K(X, X) is positive semidefinite",
                   "its least eigenvalue is ", least);
  }

  void sides() {
    const MatrixXd top = whole_.topRows(a_.rows());
    found_.near(kernel_.matrix(a_, x_), top, loose_ * scale_, "K(A, X) is a part of K(X, X)");
    found_.near(kernel_.matrix(x_, a_), top.transpose(), loose_ * scale_, "K(X, A) is K(A, X) transposed");
    const KernelColumns columns = kernel_.against(x_);
    found_.require(columns.rows() == n_, "columns are as many as samples", columns.rows(), " of ", n_);
    found_.near(columns.matrix(), whole_, 0, "columns give the matrix to the last bit");
    for (const Index i : {Index{0}, n_ / 2, n_ - 1})
      found_.near(columns.matrix(x_.middle_rows(i, 1)), whole_.row(i), loose_ * scale_,
                  "a request of one row is a row of the matrix");
    if (x_.sparse()) return;
    try {
      found_.near(kernel_.matrix(x_.stored(true)), whole_, loose_ * scale_,
                  "sparse samples give what dense ones give");
    } catch (const DataError&) {
    }
  }

  void prior() {
    found_.require(prior_.is_its_own_prior(), "a prior is its own prior", prior_.description());
    const KernelColumns columns = kernel_.against(x_);
    const auto pair = columns.with_prior(a_);
    found_.near(pair.kernel, columns.matrix(a_), 0, "the kernel beside the prior is the kernel");
    found_.near(pair.variance, prior_.diagonal(a_), loose_ * scale_,
                "variances beside the prior are its diagonal");
    if (kernel_.is_its_own_prior()) return;
    found_.near(pair.prior, prior_whole_.topRows(a_.rows()), loose_ * scale_,
                "the prior beside the kernel is the prior");
    found_.near(columns.prior_matrix(), prior_whole_, loose_ * scale_, "columns give the prior's matrix");
    KernelLaws laws(prior_, x_, loose_ / kernel_.interface().epsilon());
    for (const std::string& sentence : laws.violations())
      found_.require(false, "the prior is a kernel", sentence);
  }

  void threads() {
    for (const int threads : {1, 2, 3})
      found_.near(kernel_.matrix(x_, {.threads = threads}), whole_, 0, "threads change no bit");
  }

  /// Rectangles of any place and size, of the kernel and of its prior, together and alone.
  template <class Scalar>
  void tiles(const TabulatedColumns<Scalar>& columns, double loose) {
    const std::string of = std::is_same_v<Scalar, double> ? "in_double: " : "in_float: ";
    const auto square = columns.tiles(), strip = columns.tiles(&a_);
    found_.require(square->rows() == n_ && square->cols() == n_ && square->symmetric(),
                   of + "the tiles of K(X, X) are square and symmetric", square->rows(), " x ",
                   square->cols());
    found_.require(strip->rows() == a_.rows() && strip->cols() == n_ && !strip->symmetric(),
                   of + "the tiles of K(A, X) have a row for each of A", strip->rows(), " x ", strip->cols());
    found_.near(square->row_variances(), prior_whole_.diagonal(), loose * scale_,
                of + "row_variances are the prior's diagonal");
    const Index m = a_.rows(), half = n_ / 2;
    for (const bool lower : {false, true}) {
      tile(*square, 0, n_, 0, n_, loose, of, lower);
      tile(*square, half, n_ - half, half, n_ - half, loose, of, lower);
    }
    tile(*square, n_ - 1, 1, 0, 1, loose, of);
    tile(*square, 0, half, 1, n_ - 1, loose, of);
    tile(*strip, 0, m, 0, n_, loose, of);
    tile(*strip, m - 1, 1, half, n_ - half, loose, of);
  }

  template <class Scalar>
  void tile(const KernelTiles<Scalar>& of, Index row0, Index rows, Index col0, Index cols, double loose,
            const std::string& which, bool lower = false) {
    using Matrix = Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic>;
    const auto workspace = of.workspace();
    // A row and a column more on each side, which have to stay what they are.
    const auto untouched = std::numeric_limits<Scalar>::quiet_NaN();
    for (const bool kernel : {true, false})
      for (const bool prior : {true, false}) {
        if (!kernel && !prior) continue;
        Matrix k = Matrix::Constant(rows + 2, cols + 2, untouched), p = k;
        const KernelView<Scalar> out{kernel ? k.data() : nullptr, prior ? p.data() : nullptr, rows + 2};
        of.evaluate(row0, rows, col0, cols, out.from(1, 1), *workspace, lower);
        if (kernel)
          compare(k, whole_.block(row0, col0, rows, cols), loose, which + "tiles are the matrix's", lower);
        if (prior)
          compare(p, prior_whole_.block(row0, col0, rows, cols), loose,
                  which + "tiles of the prior are its matrix's", lower);
      }
  }

  template <class Matrix>
  void compare(Matrix& framed, const MatrixXd& expected, double loose, const std::string& law, bool lower) {
    const Index rows = expected.rows(), cols = expected.cols();
    MatrixXd inner = framed.block(1, 1, rows, cols).template cast<double>();
    if (lower) inner.template triangularView<Eigen::StrictlyUpper>() = expected;
    found_.near(inner, expected, loose * scale_, law);
    framed.block(1, 1, rows, cols).setConstant(std::numeric_limits<typename Matrix::Scalar>::quiet_NaN());
    found_.require(framed.array().isNaN().all(), law + " and nothing is written beside them", rows, " x ",
                   cols);
  }

  void refusals() {
    const MatrixXd wider = MatrixXd::Zero(2, x_.cols() + 1);
    found_.refuses<DataError>("samples of other features are a DataError",
                              [&] { kernel_.against(x_).matrix(DataRef(wider)); });
    for (const double value : {std::nan(""), std::numeric_limits<double>::infinity()}) {
      MatrixXd bad = x_.stored(false).dense();
      bad(n_ / 2, x_.cols() - 1) = value;
      found_.refuses<DataError>("a number that is not finite is a DataError",
                                [&] { kernel_.matrix(DataRef(bad)); });
      found_.refuses<DataError>("a number that is not finite is a DataError, in rows too",
                                [&] { kernel_.against(x_).matrix(DataRef(bad)); });
    }
  }

  const KernelFunction kernel_, prior_;
  const DataRef x_, a_;
  const Index n_;
  const MatrixXd whole_, prior_whole_;
  const double scale_, loose_;
  Findings found_;
};

}  // namespace detail

/// The laws of kernel functions that this one breaks on a sample, n x d, as sentences; none when it is right.
///
/// K(X, X) is symmetric to the last bit and positive semidefinite; its diagonal, parts of it, transposed
/// sides, single rows, columns tabulated before, and any rectangle of its tiles, in double and in float, are
/// the same numbers; so are those of the prior, which is a kernel too; threads change no bit; sparse samples
/// give what dense ones give, or are refused; samples of other features and numbers that are not finite are
/// a DataError. "The same" allows `tolerance` times the kernel's epsilon, relative to its largest entry.
/// n of some dozens finds most. Throws DataError for fewer than 4 samples, and what the kernel throws when it
/// is asked for its matrix.
inline std::vector<std::string> violations(const KernelFunction& kernel, const DataRef& sample,
                                           double tolerance = 64) {
  if (sample.rows() < 4)
    throw DataError("the laws of kernels were asked of " + std::to_string(sample.rows()) +
                    " samples (parts of a sample are compared); give 4 or more");
  return detail::KernelLaws(kernel, sample, tolerance).violations();
}

}  // namespace testing
}  // namespace SST_ABI
}  // namespace sst
