// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <sstream>
#include <string>
#include <utility>

#include <Eigen/Core>

#include <sst/error.hpp>
#include <sst/gram/gram.hpp>
#include <sst/plan/compile.hpp>
#include <sst/regression/cholesky.hpp>
#include <sst/regression/ridge.hpp>
#include <sst/regression/ridge_path.hpp>
#include <sst/topology/topology.hpp>

/// \file
/// Predictions with their uncertainty. Indices: d the n training samples, t the m test samples. K is the NNGP
/// kernel, T the NTK. Every output has the same covariance, and outputs are independent.

namespace sst {

namespace regression_detail {

inline void require_shape(const Eigen::MatrixXd& k, Index rows, Index columns, const char* name) {
  if (k.rows() != rows || k.cols() != columns)
    throw DataError(std::string(name) + " is " + std::to_string(k.rows()) + " x " + std::to_string(k.cols()) +
                    " and has to be " + std::to_string(rows) + " x " + std::to_string(columns) +
                    "; form it between the same samples as the other kernels");
}

/// 0 in place of a variance that is negative by no more than `rounding`, which bounds the error of computing
/// it.
inline double clamp_variance(double variance, double rounding, Index row) {
  if (variance >= 0) return variance;
  if (variance >= -rounding) return 0;
  std::ostringstream text;
  text << "the variance of test sample " << row << " is " << variance << " (rounding explains no more than "
       << rounding << "; the kernel matrices do not belong together); form them of one topology";
  throw DataError(text.str());
}

inline void symmetrise(Eigen::MatrixXd& a) {
  for (Index j = 0; j < a.cols(); ++j)
    for (Index i = j + 1; i < a.rows(); ++i) a(i, j) = a(j, i) = 0.5 * (a(i, j) + a(j, i));
}

/// A = K + lambda I and its factor.
struct Regularised {
  Regularised(Eigen::MatrixXd k, const Ridge& ridge)
      : lambda(k.rows() ? ridge.lambda_for(k.diagonal().mean()) : 0),
        trace((k.diagonal().array() += lambda).sum()),
        factor(std::move(k)) {}
  double lambda, trace;
  Cholesky<double> factor;
};

/// c n eps: what n operations may do, relatively.
inline double rounding(Index n) {
  return 8 * static_cast<double>(n + 8) * std::numeric_limits<double>::epsilon();
}

}  // namespace regression_detail

/// The posterior of a Gaussian process, the infinitely wide network as a Bayesian: with A = K_dd + lambda I,
///
///     mean = K_td A^-1 y,    covariance = K_tt - K_td A^-1 K_dt
///
/// (Rasmussen and Williams 2006, eqs. (2.25), (2.26); Lee et al. 2018, "Deep Neural Networks as Gaussian
/// Processes", eqs. (8), (9)). The covariance is that of the function, without observation noise: add lambda
/// to the diagonal for that of new observations.
class NngpPosterior {
 public:
  using MatrixXd = Eigen::MatrixXd;

  /// k_dd: n x n, of which the lower triangle is read; y: n x outputs. Throws DataError, NotPositiveDefinite.
  NngpPosterior(MatrixXd k_dd, const MatrixXd& y, const Ridge& ridge)
      : a_((regression_detail::require_targets(k_dd.rows(), y), std::move(k_dd)), ridge),
        weights_(a_.factor.solve(y)) {}

  double lambda() const { return a_.lambda; }
  const MatrixXd& weights() const { return weights_; }  ///< A^-1 y, n x outputs

  /// k_td: m x n; m x outputs.
  MatrixXd mean(const MatrixXd& k_td) const {
    regression_detail::require_shape(k_td, k_td.rows(), weights_.rows(), "K_td");
    return regression_detail::product(k_td, weights_);
  }

  /// The diagonal of the covariance, without the rest. k_td: m x n, k_tt: the m diagonal entries of K_tt.
  /// A variance that rounding made negative is 0; one below what rounding explains is a DataError.
  Eigen::VectorXd variance(const MatrixXd& k_td, const Eigen::VectorXd& k_tt) const {
    regression_detail::require_shape(k_td, k_tt.size(), weights_.rows(), "K_td");
    const MatrixXd half = a_.factor.solve_lower(k_td.transpose());  // |L^-1 k|^2 = k' A^-1 k
    Eigen::VectorXd out = k_tt - half.colwise().squaredNorm().transpose();
    clamp(out, k_td, k_tt);
    return out;
  }

  /// The whole covariance, m x m and exactly symmetric. k_tt: m x m. Its diagonal is treated as `variance`
  /// is.
  MatrixXd covariance(const MatrixXd& k_td, const MatrixXd& k_tt) const {
    regression_detail::require_shape(k_td, k_tt.rows(), weights_.rows(), "K_td");
    regression_detail::require_shape(k_tt, k_td.rows(), k_td.rows(), "K_tt");
    const MatrixXd half = a_.factor.solve_lower(k_td.transpose());
    MatrixXd out = k_tt - regression_detail::product(half.transpose(), half);
    regression_detail::symmetrise(out);
    Eigen::VectorXd diagonal = out.diagonal();
    clamp(diagonal, k_td, k_tt.diagonal());
    out.diagonal() = diagonal;
    return out;
  }

 private:
  /// The factor is that of A + E with |E| <= c n eps tr A (Higham 2002, theorem 10.3), which changes
  /// k' A^-1 k by w' E w with w = A^-1 k; what k itself was rounded by counts 2 eps |w| |k|.
  void clamp(Eigen::VectorXd& variance, const MatrixXd& k_td, const Eigen::VectorXd& k_tt) const {
    for (Eigen::Index i = 0; i < variance.size(); ++i) {
      if (variance[i] >= 0) continue;
      const Eigen::VectorXd k = k_td.row(i), w = a_.factor.solve(k);
      const double bound = k_tt[i] + a_.trace * w.squaredNorm() + 2 * w.norm() * k.norm();
      variance[i] = regression_detail::clamp_variance(
          variance[i], regression_detail::rounding(weights_.rows()) * bound, i);
    }
  }

  regression_detail::Regularised a_;
  MatrixXd weights_;
};

/// The infinite ensemble of infinitely wide networks, each trained to the end by gradient descent on the
/// squared loss from its own random start: with A = T_dd + lambda I,
///
///     mean = T_td A^-1 y,
///     covariance = K_tt + T_td A^-1 K_dd A^-1 T_dt - (T_td A^-1 K_dt + transpose)
///
/// (Lee et al. 2019, "Wide Neural Networks of Any Depth Evolve as Linear Models Under Gradient Descent",
/// eq. (16)). K_dd is not regularised. No posterior in general (with T = K and lambda = 0 it is the NNGP's).
class EnsemblePosterior {
 public:
  using MatrixXd = Eigen::MatrixXd;

  /// t_dd, k_dd: n x n; y: n x outputs. Throws DataError, NotPositiveDefinite.
  EnsemblePosterior(MatrixXd t_dd, MatrixXd k_dd, const MatrixXd& y, const Ridge& ridge)
      : a_((regression_detail::require_targets(t_dd.rows(), y), std::move(t_dd)), ridge),
        prior_(std::move(k_dd)),
        weights_(a_.factor.solve(y)) {
    regression_detail::require_shape(prior_, y.rows(), y.rows(), "K_dd");
  }

  double lambda() const { return a_.lambda; }
  const MatrixXd& weights() const { return weights_; }  ///< A^-1 y, n x outputs

  /// t_td: m x n; m x outputs.
  MatrixXd mean(const MatrixXd& t_td) const {
    regression_detail::require_shape(t_td, t_td.rows(), weights_.rows(), "T_td");
    return regression_detail::product(t_td, weights_);
  }

  /// The diagonal of the covariance. t_td, k_td: m x n; k_tt: the m diagonal entries of K_tt. A variance that
  /// rounding made negative is 0; one below what rounding explains is a DataError.
  Eigen::VectorXd variance(const MatrixXd& t_td, const MatrixXd& k_td, const Eigen::VectorXd& k_tt) const {
    const Parts parts = solve(t_td, k_td, k_tt.size());
    Eigen::VectorXd out = k_tt + parts.v.cwiseProduct(parts.change).colwise().sum().transpose();
    clamp(out, parts, k_td, k_tt);
    return out;
  }

  /// The whole covariance, m x m and exactly symmetric. k_tt: m x m. Its diagonal is treated as `variance`
  /// is.
  MatrixXd covariance(const MatrixXd& t_td, const MatrixXd& k_td, const MatrixXd& k_tt) const {
    const Parts parts = solve(t_td, k_td, k_tt.rows());
    regression_detail::require_shape(k_tt, t_td.rows(), t_td.rows(), "K_tt");
    // v' K v - v' k - k' v; `change` is K v - 2 k, and the transpose of its half that is not symmetric is
    // what symmetrising adds.
    MatrixXd out = k_tt + regression_detail::product(parts.v.transpose(), parts.change);
    regression_detail::symmetrise(out);
    Eigen::VectorXd diagonal = out.diagonal();
    clamp(diagonal, parts, k_td, k_tt.diagonal());
    out.diagonal() = diagonal;
    return out;
  }

 private:
  struct Parts {
    MatrixXd v;       ///< A^-1 T_dt
    MatrixXd change;  ///< K_dd v - 2 K_dt
  };
  Parts solve(const MatrixXd& t_td, const MatrixXd& k_td, Eigen::Index tests) const {
    regression_detail::require_shape(t_td, tests, weights_.rows(), "T_td");
    regression_detail::require_shape(k_td, tests, weights_.rows(), "K_td");
    Parts parts{a_.factor.solve(t_td.transpose()), {}};
    parts.change = regression_detail::product(prior_, parts.v) - 2 * k_td.transpose();
    return parts;
  }

  /// As for the NNGP: v changes by A^-1 E v, hence the variance by 2 v' E A^-1 (K v - k).
  void clamp(Eigen::VectorXd& variance, const Parts& parts, const MatrixXd& k_td,
             const Eigen::VectorXd& k_tt) const {
    for (Eigen::Index i = 0; i < variance.size(); ++i) {
      if (variance[i] >= 0) continue;
      const Eigen::VectorXd v = parts.v.col(i), k = k_td.row(i), g = parts.change.col(i) + k;
      const double bound = k_tt[i] + prior_.trace() * v.squaredNorm() + 2 * v.norm() * k.norm() +
                           2 * a_.trace * v.norm() * a_.factor.solve(g).norm();
      variance[i] = regression_detail::clamp_variance(
          variance[i], regression_detail::rounding(weights_.rows()) * bound, i);
    }
  }

  regression_detail::Regularised a_;
  MatrixXd prior_;
  MatrixXd weights_;
};

enum class Covariance {
  none,      ///< the mean alone
  diagonal,  ///< variances, without ever forming K_tt
  full       ///< the m x m matrix as well
};

/// Is the variance that of the function, or of a new observation of it, which has lambda on top?
enum class ObservationNoise { excluded, included };

struct PosteriorOptions {
  Covariance covariance = Covariance::diagonal;
  ObservationNoise noise = ObservationNoise::excluded;
  /// Test samples at a time: mean and variances take 3 n x batch doubles beside the training kernels.
  Eigen::Index batch = 1024;
  GramOptions gram = {};
};

struct GaussianPrediction {
  Eigen::MatrixXd mean;        ///< m x outputs
  Eigen::VectorXd variance;    ///< m, of each output; empty with Covariance::none
  Eigen::MatrixXd covariance;  ///< m x m, of each output; empty unless Covariance::full
  double lambda = 0;           ///< what the ridge came to
};

namespace regression_detail {

/// The diagonal of K(x, x), by small blocks.
inline Eigen::VectorXd kernel_diagonal(const Plan& plan, Kernel kernel, const Eigen::MatrixXd& x,
                                       const GramOptions& options) {
  Eigen::VectorXd out(x.rows());
  constexpr Index block = 32;
  for (Index first = 0; first < x.rows(); first += block) {
    const Index rows = std::min(block, x.rows() - first);
    out.segment(first, rows) =
        gram(plan, kernel, x.middleRows(first, rows), {.threads = 1, .path = options.path}).diagonal();
  }
  return out;
}

}  // namespace regression_detail

/// Mean and uncertainty at the rows of x_test. Kernel::nngp: NngpPosterior; Kernel::ntk: EnsemblePosterior.
/// x: n x d, y: n x outputs, x_test: m x d. Unless the full covariance is asked for, test samples go in
/// batches and K_tt never is. Throws DataError, NoClosedForm, NotPositiveDefinite, Error, Cancelled.
inline GaussianPrediction posterior(const Topology& topology, Kernel kernel, const Eigen::MatrixXd& x,
                                    const Eigen::MatrixXd& y, const Eigen::MatrixXd& x_test,
                                    const Ridge& ridge, const PosteriorOptions& options = {}) {
  using Eigen::Index, Eigen::MatrixXd;
  if (options.batch < 1)
    throw Error("a batch has " + std::to_string(options.batch) + " test samples; give it one at least");
  regression_detail::require_targets(x.rows(), y);
  const Plan nngp = compile(topology, Kernel::nngp), ntk = compile(topology, Kernel::ntk);
  const Index n = x.rows(), m = x_test.rows();
  GaussianPrediction out{MatrixXd(m, y.cols()), {}, {}, 0};
  if (options.covariance != Covariance::none) out.variance.resize(m);

  const auto predict = [&](const auto& model, const auto& variance, const auto& covariance) {
    out.lambda = model.lambda();
    const double noise = options.noise == ObservationNoise::included ? out.lambda : 0;
    if (options.covariance == Covariance::full) {
      covariance();
      out.covariance.diagonal().array() += noise;
      out.variance = out.covariance.diagonal();
      return;
    }
    for (Index first = 0; first < m; first += options.batch) {
      const Index rows = std::min(options.batch, m - first);
      const MatrixXd block = x_test.middleRows(first, rows);
      const auto [mean, var] = variance(block);
      out.mean.middleRows(first, rows) = mean;
      if (options.covariance == Covariance::diagonal) out.variance.segment(first, rows) = var.array() + noise;
    }
  };
  const bool mean_only = options.covariance == Covariance::none;
  const auto diagonal = [&](const MatrixXd& block) {
    return regression_detail::kernel_diagonal(nngp, Kernel::nngp, block, options.gram);
  };
  using Both = std::pair<MatrixXd, Eigen::VectorXd>;
  if (kernel == Kernel::nngp) {
    const NngpPosterior model(gram(nngp, kernel, x, options.gram), y, ridge);
    predict(
        model,
        [&](const MatrixXd& block) {
          const MatrixXd k = gram(nngp, kernel, block, x, options.gram);
          return Both(model.mean(k), mean_only ? Eigen::VectorXd() : model.variance(k, diagonal(block)));
        },
        [&] {
          const MatrixXd k = gram(nngp, kernel, x_test, x, options.gram);
          out.mean = model.mean(k);
          out.covariance = model.covariance(k, gram(nngp, kernel, x_test, options.gram));
        });
  } else {
    GramMatrices<double> dd;
    if (mean_only)
      dd = {MatrixXd::Zero(n, n), gram(ntk, kernel, x, options.gram)};
    else
      dd = gram(topology, x, options.gram);
    const EnsemblePosterior model(std::move(dd.ntk), std::move(dd.nngp), y, ridge);
    predict(
        model,
        [&](const MatrixXd& block) {
          if (mean_only) return Both(model.mean(gram(ntk, kernel, block, x, options.gram)), {});
          const auto k = gram(topology, block, x, options.gram);
          return Both(model.mean(k.ntk), model.variance(k.ntk, k.nngp, diagonal(block)));
        },
        [&] {
          const auto k = gram(topology, x_test, x, options.gram);
          out.mean = model.mean(k.ntk);
          out.covariance = model.covariance(k.ntk, k.nngp, gram(nngp, Kernel::nngp, x_test, options.gram));
        });
  }
  return out;
}

}  // namespace sst
