// SPDX-License-Identifier: MIT
#pragma once

#include <Eigen/Core>

#include <sst/base/execution.hpp>
#include <sst/version.hpp>

namespace sst {
inline namespace SST_ABI {

/// K = Q B Q' with Q orthogonal and B of 32 diagonals beside its own on either side: what many systems
/// (K + lambda I) x = b have in common, since K + lambda I = Q (B + lambda I) Q'. See BandFactor.
///
/// By Householder reflectors, which are taken from 32 columns at a time and carried out by products of
/// matrices (Bischof, Lang and Sun 2000, "A framework for symmetric band reduction"; Golub and Van Loan 2013,
/// "Matrix Computations", section 5.2.3): 4/3 n^3 multiplications and as many additions, half of them for Q.
/// No iteration, and a fraction of the time of an eigendecomposition. Memory: the kernel's buffer, in which Q
/// is made, and some hundred columns. |K - Q B Q'| and |Q'Q - I| |K| are a small multiple of n eps |K|.
/// Nothing depends on the number of threads, to the last bit.
class BandForm {
 public:
  /// Columns of the blocks B consists of, and its diagonals below the main one.
  static constexpr Eigen::Index width = 32;

  /// kernel: n x n with n >= 1, symmetric, of which the lower triangle is read. Throws DataError (empty, not
  /// square, entries that are not finite), Cancelled.
  explicit BandForm(Eigen::MatrixXd kernel, const Execution& execution = {});

  /// n.
  Eigen::Index size() const { return basis_.rows(); }
  /// Q, n x n.
  const Eigen::MatrixXd& basis() const { return basis_; }
  /// The mean of the diagonal of K, to which ridges are relative.
  double mean_diagonal() const { return mean_diagonal_; }

 private:
  friend class BandFactor;
  friend class Spectrum;
  Eigen::MatrixXd basis_;
  // n x width each: rows i to i + width - 1, for every multiple i of width, hold the block of B on the
  // diagonal, of which the lower triangle counts, and the one to its left.
  Eigen::MatrixXd diagonal_, left_;
  double mean_diagonal_ = 0, norm_ = 0;  // norm_: at least |K|, and not much more
};

/// The Cholesky factor of B + lambda I, which takes n times the work of one row.
class BandFactor {
 public:
  /// Throws NotPositiveDefinite, also where the system is singular as far as its digits tell.
  BandFactor(const BandForm& form, double lambda);

  /// x = (B + lambda I)^-1 b in place of b, n x m.
  void solve_in_place(Eigen::MatrixXd& b) const;
  /// log det (B + lambda I) = log det (K + lambda I).
  double log_determinant() const { return log_determinant_; }
  /// The diagonal of (K + lambda I)^-1, n numbers, from the basis Q of the form, n x n: 64 n^2
  /// multiplications.
  Eigen::VectorXd inverse_diagonal(const Eigen::MatrixXd& basis, int threads = 0) const;

 private:
  // n x width each, block by block: G = L_kk^-1 and H = -L_kk^-1 L_k,k-1, so that z = L^-1 q is z_k = G q_k +
  // H z_k-1.
  Eigen::MatrixXd inverse_, carry_;
  double log_determinant_ = 0;
};

}  // namespace SST_ABI
}  // namespace sst

#ifndef SST_EXTERN_TEMPLATES
#include <sst/linalg/band_form_impl.hpp>
#endif
