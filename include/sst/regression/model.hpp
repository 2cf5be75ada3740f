// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include <Eigen/Core>

#include <sst/error.hpp>
#include <sst/kernel/gram.hpp>
#include <sst/linalg/cholesky.hpp>
#include <sst/linalg/ridge.hpp>
#include <sst/plan/compile.hpp>
#include <sst/topology/topology.hpp>
#include <sst/version.hpp>

namespace sst {
inline namespace SST_ABI {

/// The scalar in which a float kernel's linear system is solved.
enum class SolvePrecision {
  kernel,  ///< the kernel's own
  full     ///< double
};

/// How a model is fitted.
struct FitOptions {
  SolvePrecision solve = SolvePrecision::full;  ///< in which precision the system is solved
  GramOptions gram = {};                        ///< how the kernel is computed
};

/// A fitted kernel regression with zero prior mean: f(x) = K(x, X) (K(X, X) + lambda I)^-1 Y.
///
/// With the NNGP this is the posterior mean of the infinitely wide network under observation noise
/// lambda; with the NTK it is the limit of gradient descent on the squared loss from a zero function
/// with weight decay towards the start (Jacot et al. 2018; Lee et al. 2019, eq. (15) for ridge 0).
template <class Scalar = double>
class Model {
 public:
  /// x: n x d samples, y: n x outputs. Throws DataError, NoClosedForm, NotPositiveDefinite (with the
  /// pivot's index and value), Error (memory).
  Model(const Topology& topology, Kernel kernel, Eigen::MatrixXd x, const Eigen::MatrixXd& y, Ridge ridge,
        const FitOptions& options = {});

  /// A model whose weights, n x outputs, were solved for elsewhere (see fit_with_solver).
  Model(Plan plan, Kernel kernel, Eigen::MatrixXd x, Eigen::MatrixXd weights, double lambda,
        const FitOptions& options = {})
      : plan_(std::move(plan)),
        kernel_(kernel),
        x_(std::move(x)),
        options_(options),
        lambda_(lambda),
        weights_(std::move(weights)) {}

  /// The mean at the rows of x: rows x outputs. K(x, X) is formed in batches, never as a whole.
  Eigen::MatrixXd predict(const Eigen::MatrixXd& x) const;

  double lambda() const { return lambda_; }                    ///< what was added to the diagonal
  const Eigen::MatrixXd& weights() const { return weights_; }  ///< (K + lambda I)^-1 Y, n x outputs
  /// The compiled topology.
  const Plan& plan() const { return plan_; }

 private:
  Plan plan_;
  Kernel kernel_;
  Eigen::MatrixXd x_;
  FitOptions options_;
  double lambda_ = 0;
  Eigen::MatrixXd weights_;
};

template <class Scalar>
Model<Scalar>::Model(const Topology& topology, Kernel kernel, Eigen::MatrixXd x, const Eigen::MatrixXd& y,
                     Ridge ridge, const FitOptions& options)
    : plan_(compile(topology, kernel)), kernel_(kernel), x_(std::move(x)), options_(options) {
  if (x_.rows() == 0) throw DataError("there are no training samples; give at least one");
  if (x_.rows() != y.rows())
    throw DataError("there are " + std::to_string(x_.rows()) + " training samples and " +
                    std::to_string(y.rows()) + " rows of targets; give one row of targets a sample");
  if (y.cols() == 0) throw DataError("the targets have no columns; give at least one output");
  DataRef(y).require_finite("the target matrix");
  auto k = gram<Scalar>(plan_, kernel_, x_, options_.gram);
  lambda_ = ridge.lambda_for(k.diagonal().template cast<double>().mean());
  k.diagonal().array() += static_cast<Scalar>(lambda_);
  if constexpr (std::is_same_v<Scalar, double>) {
    weights_ = Cholesky<double>(std::move(k)).solve(y);
  } else if (options_.solve == SolvePrecision::full) {
    weights_ = Cholesky<double>(Eigen::MatrixXd(k.template cast<double>())).solve(y);
  } else {
    weights_ = Cholesky<Scalar>(std::move(k)).solve(y.template cast<Scalar>().eval()).template cast<double>();
  }
}

template <class Scalar>
Eigen::MatrixXd Model<Scalar>::predict(const Eigen::MatrixXd& x) const {
  Eigen::MatrixXd mean(x.rows(), weights_.cols());
  constexpr Eigen::Index batch = 1024;
  for (Eigen::Index first = 0; first < x.rows(); first += batch) {
    const Eigen::Index rows = std::min(batch, x.rows() - first);
    const Eigen::MatrixXd block = x.middleRows(first, rows);
    mean.middleRows(first, rows).noalias() =
        gram<Scalar>(plan_, kernel_, block, x_, options_.gram).template cast<double>() * weights_;
  }
  return mean;
}

/// What instantiate.hpp compiles of this header, for the other files of a program.
#define SST_MODEL_TEMPLATES(prefix)    \
  prefix template class Model<double>; \
  prefix template class Model<float>;
#ifdef SST_EXTERN_TEMPLATES
SST_MODEL_TEMPLATES(extern)
#endif

/// Fits a model; see Model. One training target a row of y.
template <class Scalar = double>
Model<Scalar> fit(const Topology& topology, Kernel kernel, const Eigen::MatrixXd& x, const Eigen::MatrixXd& y,
                  Ridge ridge, const FitOptions& options = {}) {
  return Model<Scalar>(topology, kernel, x, y, ridge, options);
}

}  // namespace SST_ABI
}  // namespace sst
