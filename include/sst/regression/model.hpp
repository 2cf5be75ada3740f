// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <mutex>
#include <utility>

#include <Eigen/Core>

#include <sst/base/data_ref.hpp>
#include <sst/base/execution.hpp>
#include <sst/kernel/kernel_function.hpp>
#include <sst/linalg/cholesky.hpp>
#include <sst/linalg/ridge.hpp>
#include <sst/regression/solver.hpp>
#include <sst/version.hpp>

namespace sst {
inline namespace SST_ABI {

/// A prediction with its uncertainty, in the units of the targets.
struct MeanAndStd {
  Eigen::MatrixXd mean;  ///< samples x outputs
  Eigen::MatrixXd std;   ///< the same; of each output
};

/// Is the variance that of the function (`excluded`), or of a new observation of it, which has lambda on top
/// (`included`)?
enum class ObservationNoise { excluded, included };

/// A fitted kernel regression with zero prior mean: f(x) = K(x, X) (K(X, X) + lambda I)^-1 Y, whatever the
/// kernel and the solver.
///
/// With a kernel that is its own prior (an NNGP, a function of one's own) this is a Gaussian process under
/// observation noise lambda: mean K_td A^-1 y and covariance K_tt - K_td A^-1 K_dt with A = K_dd + lambda I
/// (Rasmussen and Williams 2006, eqs. (2.25), (2.26)). With an NTK it is the infinite ensemble of wide
/// networks that gradient descent has trained to the end from their random starts, with weight decay towards
/// the start: mean T_td A^-1 y and covariance K_tt + T_td A^-1 K_dd A^-1 T_dt - (T_td A^-1 K_dt + transpose)
/// with A = T_dd
/// + lambda I and K the NNGP (Jacot et al. 2018; Lee et al. 2019, eqs. (15), (16)).
///
/// \code
/// auto model = sst::fit(sst::ntk(net), x, y, sst::Ridge::relative(1e-3));
/// Eigen::MatrixXd mean = model.predict(x_new);
/// \endcode
///
/// Cheap to copy. Const members may be called from several threads at once. What takes the Cholesky factor or
/// the prior's matrix, n^2 doubles each, makes it when it is first needed and keeps it.
class Model {
 public:
  using MatrixXd = Eigen::MatrixXd;  ///< targets and predictions

  /// All that a fitted model is, for those who store one.
  struct Parts {
    KernelFunction kernel;                                ///< of the samples
    DataRef x;                                            ///< n x d training samples
    MatrixXd y;                                           ///< n x outputs
    MatrixXd weights;                                     ///< (K + lambda I)^-1 Y, n x outputs
    Ridge ridge;                                          ///< as it was asked for
    double lambda;                                        ///< what it came to
    std::shared_ptr<const Cholesky<double>> factor = {};  ///< of K + lambda I; may be null
    Eigen::RowVectorXd amplitudes = {};                   ///< one an output; none: all 1
  };

  /// x: n x d samples, y: n x outputs. Throws DataError, NoClosedForm, NotPositiveDefinite, Error (memory,
  /// options, a residual above what was asked), Cancelled.
  Model(KernelFunction kernel, const DataRef& x, const MatrixXd& y, const Ridge& ridge,
        const FitOptions& options = {});
  /// A model that was fitted before. Throws DataError unless n and the outputs agree.
  explicit Model(Parts parts);

  /// The mean at the rows of x, m x d: m x outputs. K(x, X) is formed in batches, never as a whole. Throws
  /// DataError for other columns than in training, Cancelled.
  MatrixXd predict(const DataRef& x, const Execution& execution = {}) const;
  /// Mean and standard deviation at the rows of x, m x d: m x outputs each; the latter is as large as the
  /// kernel says, times the output's amplitude (see `fit_amplitudes`). A variance that rounding made negative
  /// is 0; one below what rounding explains is a DataError that names the row. Throws as `predict`,
  /// and Error where memory has no room for the factor.
  MeanAndStd predict_with_std(const DataRef& x, ObservationNoise noise = ObservationNoise::excluded,
                              const Execution& execution = {}) const;
  /// The gradients of an output's mean by the features, at the rows of x, m x d: m x d, in units of the
  /// target per unit of the feature; see KernelFunction::gradients. Throws as `predict`, and Error for an
  /// output that is not there or a kernel without derivatives.
  MatrixXd input_gradients(const DataRef& x, Eigen::Index output = 0, const Execution& execution = {}) const;
  /// Which parts of an output's mean come from the features and from each layer's bias, at the rows of x,
  /// m x d: see FullGradients. Their sum is the mean. Throws as `input_gradients`, and Error that names the
  /// node where a network is not positively homogeneous.
  FullGradients full_gradients(const DataRef& x, Eigen::Index output = 0,
                               const Execution& execution = {}) const;
  /// The gradients by the features of the variance of the function, of an output of amplitude 1 (of any
  /// other: times the square of its amplitude), at the rows of x, m x d: m x d, in units of the target's
  /// square per unit of the feature. Throws as `predict_with_std`, and Error for a kernel without
  /// derivatives.
  MatrixXd variance_gradients(const DataRef& x, const Execution& execution = {}) const;
  /// The covariance between the rows of x, m x d, of an output of amplitude 1 (of any other: times the square
  /// of its amplitude): m x m, exactly symmetric. Throws as `predict_with_std`.
  MatrixXd covariance(const DataRef& x, ObservationNoise noise = ObservationNoise::excluded,
                      const Execution& execution = {}) const;
  /// What the model that is fitted without a row predicts for it, for every row: n x outputs. In closed form,
  /// y_i - w_i / (A^-1)_ii (Rasmussen and Williams 2006, eq. (5.12)); lambda stays that of all rows. Throws
  /// Error where memory has no room for the factor.
  MatrixXd leave_one_out(const Execution& execution = {}) const;
  /// leave_one_out, and the standard deviation of the row's observation (or with ObservationNoise::excluded
  /// of the function there): n x outputs each. With u = A^-1 e_i / (A^-1)_ii the observation's variance is
  /// 1 / (A^-1)_ii where the kernel is its own prior (the same, eq. (5.12)) and u' P u + lambda with the
  /// prior's matrix P where it is not, which takes 4 n^3 multiplications; both times the output's amplitude
  /// squared. Throws as `leave_one_out`, and Cancelled.
  MeanAndStd leave_one_out_with_std(ObservationNoise noise = ObservationNoise::included,
                                    const Execution& execution = {}) const;
  /// Makes standard deviations as large as the leave-one-out errors are: each output's amplitude s becomes
  /// what gives (error / std)^2 of the observations a mean of 1. Kernel, prior and lambda are then s^2 times
  /// what they were, which changes no prediction. Where the kernel is its own prior
  /// s^2 = sum_i w_i^2 / (A^-1)_ii / n (Bachoc 2013, "Cross validation and maximum likelihood estimations of
  /// hyper-parameters of Gaussian processes with model misspecification"). An output that is 0 everywhere
  /// keeps 1. Returns leave_one_out_with_std of the observations, as it is then. Throws as that.
  MeanAndStd fit_amplitudes(const Execution& execution = {});
  /// Of each output, -(y' A^-1 y + log det A + n log 2 pi) / 2 (Rasmussen and Williams 2006, eq. (5.8)) with
  /// A times the output's amplitude squared: a column. Throws Error where memory has no room for the factor.
  Eigen::VectorXd log_marginal_likelihood(const Execution& execution = {}) const;
  /// Adds training rows, x: m x d and y: m x outputs, by m new rows of the factor, in n^2 m steps when that
  /// is there. lambda stays what it is, so this is the refit with Ridge::absolute(lambda). Strong guarantee.
  /// Throws DataError, NotPositiveDefinite, Error (memory; samples that have weights).
  void append(const DataRef& x, const MatrixXd& y, const Execution& execution = {});
  /// Makes the factor now, for all that need it later: after it, predict_with_std and leave_one_out take n^2
  /// steps. Throws NotPositiveDefinite, Error (memory), Cancelled.
  void factorize(const Execution& execution = {}) const { factor(execution); }

  const KernelFunction& kernel() const { return kernel_; }   ///< as it was given
  const DataRef& x() const { return x_; }                    ///< n x d, the training samples
  const MatrixXd& y() const { return y_; }                   ///< n x outputs, the training targets
  const MatrixXd& weights() const { return weights_; }       ///< (K + lambda I)^-1 Y, n x outputs
  Eigen::Index samples() const { return x_.rows(); }         ///< n
  Eigen::Index outputs() const { return y_.cols(); }         ///< of each sample
  const Ridge& ridge() const { return ridge_; }              ///< as it was asked for
  double lambda() const { return lambda_; }                  ///< what was added to the diagonal
  const KernelColumns& columns() const { return columns_; }  ///< the training samples, tabulated
  /// How it was fitted: solver, reason, residual, memory.
  const SolverReport& report() const { return report_; }
  /// By which standard deviations are multiplied, 1 x outputs; 1 unless they were fitted.
  const Eigen::RowVectorXd& amplitudes() const { return amplitudes_; }
  /// The factor of K + lambda I where it is there already, else null.
  std::shared_ptr<const Cholesky<double>> known_factor() const;

 private:
  /// What is made when it is first needed; copies of a model share it.
  struct Late {
    std::mutex mutex;
    std::shared_ptr<const Cholesky<double>> factor;
    std::shared_ptr<const MatrixXd> prior;
  };
  struct Solved;
  std::shared_ptr<const Cholesky<double>> factor(const Execution& execution) const;
  std::shared_ptr<const MatrixXd> prior(const Execution& execution) const;
  Solved solved(const Execution& execution) const;
  /// What is added to the diagonal at each sample.
  Eigen::VectorXd noise() const;
  void require_features(const DataRef& x) const;
  void require_output(Eigen::Index output) const;

  KernelFunction kernel_;
  DataRef x_;
  KernelColumns columns_;
  MatrixXd y_, weights_;
  Eigen::VectorXd sample_weights_;
  Ridge ridge_;
  double lambda_ = 0;
  Eigen::RowVectorXd amplitudes_;
  SolverReport report_;
  std::shared_ptr<Late> late_ = std::make_shared<Late>();
};

/// Fits a model; see Model. x: n x d samples, y: n x outputs. Throws as its constructor.
inline Model fit(const KernelFunction& kernel, const DataRef& x, const Eigen::MatrixXd& y, const Ridge& ridge,
                 const FitOptions& options = {}) {
  return Model(kernel, x, y, ridge, options);
}

}  // namespace SST_ABI
}  // namespace sst

#ifndef SST_EXTERN_TEMPLATES
#include <sst/regression/model_impl.hpp>
#endif
