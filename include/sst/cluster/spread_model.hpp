// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <cstddef>
#include <memory>
#include <numbers>
#include <optional>
#include <utility>

#include <Eigen/Core>

#include <sst/base/data_ref.hpp>
#include <sst/base/execution.hpp>
#include <sst/base/plain_text.hpp>
#include <sst/base/progress.hpp>
#include <sst/cluster/mpi_ranks.hpp>
#include <sst/cluster/predict.hpp>
#include <sst/cluster/scalapack_cholesky.hpp>
#include <sst/kernel/kernel_function.hpp>
#include <sst/kernel/kernel_operator.hpp>
#include <sst/linalg/ridge.hpp>
#include <sst/regression/batches.hpp>
#include <sst/regression/model.hpp>
#include <sst/regression/variances.hpp>
#include <sst/version.hpp>

namespace sst {
inline namespace SST_ABI {

/// A kernel regression that is solved by a Cholesky factor which ranks hold together: what Model is, for more
/// rows than one machine's memory takes. All ranks call the same functions with the same arguments in the
/// same order, and have the results.
///
/// Its `model` has the weights and predicts, and can be saved, on any one machine.
class SpreadModel {
 public:
  using MatrixXd = Eigen::MatrixXd;  ///< targets and predictions

  /// x: n x d samples, y: n x outputs. ScaLAPACK tells no progress: it stays where the kernel is there.
  /// Throws as ScalapackCholesky and Model.
  SpreadModel(const KernelFunction& kernel, const DataRef& x, const MatrixXd& y, const Ridge& ridge,
              std::shared_ptr<const MpiRanks> ranks, const Execution& execution = {})
      : ranks_(std::move(ranks)) {
    const double lambda = ridge.lambda_for(kernel.diagonal(x).mean());
    factor_.emplace(*kernel.against(x).tiles(), Eigen::VectorXd::Constant(x.rows(), lambda), ranks_,
                    detail::part_of(execution, 0, cholesky_detail::kernel_share(x.rows())));
    model_.emplace(Model::Parts{kernel, x, y, factor_->solve(y), ridge, lambda});
  }

  /// What is left on one machine.
  const Model& model() const { return *model_; }
  /// Of K + lambda I.
  const ScalapackCholesky& factor() const { return *factor_; }

  /// Model::predict, a share of the rows by each rank; x: m x d.
  MatrixXd predict(const DataRef& x, const Execution& execution = {}) const {
    return sst::predict(model(), x, *ranks_, execution);
  }
  /// Model::predict_with_std; x: m x d. Where the kernel is not its own prior, kernel values of the prior are
  /// computed anew for every 1,024 rows. Throws as that.
  MeanAndStd predict_with_std(const DataRef& x, ObservationNoise noise = ObservationNoise::excluded,
                              const Execution& execution = {}) const {
    const KernelFunction& kernel = model().kernel();
    std::optional<KernelOperator<double>> prior;
    if (!kernel.is_its_own_prior())
      prior.emplace(kernel.prior().against(model().x()).tiles(),
                    KernelOperatorOptions{.threads = execution.threads, .ranks = ranks_});
    const Solved a{*factor_, factor_->trace()};
    const double rounding = regression_detail::rounding(model().samples(), kernel.interface().epsilon());
    MeanAndStd out{MatrixXd(x.rows(), model().outputs()), {}};
    Eigen::VectorXd variance(x.rows());
    regression_detail::in_batches(
        x, execution, [&](Eigen::Index first, const DataRef& rows, const Execution& part) {
          const auto td = cross(rows, part.threads);
          out.mean.middleRows(first, rows.rows()) = td.kernel * model().weights();
          const MatrixXd dt = td.kernel.transpose();
          variance.segment(first, rows.rows()) =
              prior ? regression_detail::ensemble_variance<Solved, SymmetricOperator>(
                          a, *prior, dt, td.prior.transpose(), td.variance, rounding, first)
                    : regression_detail::nngp_variance(a, dt, td.variance, rounding, first);
          detail::tell(part.progress, "predicting", 1);
        });
    if (noise == ObservationNoise::included) variance.array() += model().lambda();
    out.std = variance.cwiseSqrt() * model().amplitudes();
    return out;
  }
  /// Model::leave_one_out: n x outputs.
  MatrixXd leave_one_out() const {
    return model().y() - (model().weights().array().colwise() / factor_->inverse_diagonal().array()).matrix();
  }
  /// Model::log_marginal_likelihood: a column, a number for each output.
  Eigen::VectorXd log_marginal_likelihood() const {
    const double constant =
        factor_->log_determinant() + static_cast<double>(model().samples()) * std::log(2 * std::numbers::pi);
    return -0.5 *
           (model().y().cwiseProduct(model().weights()).colwise().sum().transpose().array() + constant);
  }

 private:
  /// The factor as variances take it.
  struct Solved {
    const ScalapackCholesky& factor;
    double trace;
    MatrixXd solve(const MatrixXd& b) const { return factor.solve(b); }
    MatrixXd solve_lower(const MatrixXd& b) const { return factor.solve_lower(b); }
  };

  /// KernelColumns::with_prior, a share of the rows by each rank.
  KernelColumns::WithPrior cross(const DataRef& rows, int threads) const {
    const Eigen::Index m = rows.rows(), n = model().samples();
    const auto [first, count] = ranks_->share(m);
    const bool own = model().kernel().is_its_own_prior();
    KernelColumns::WithPrior out{MatrixXd::Zero(m, n), MatrixXd::Zero(own ? 0 : m, n),
                                 Eigen::VectorXd::Zero(m)};
    if (count > 0) {
      const auto part = model().columns().with_prior(rows.middle_rows(first, count), {threads, {}});
      out.kernel.middleRows(first, count) = part.kernel;
      if (!own) out.prior.middleRows(first, count) = part.prior;
      out.variance.segment(first, count) = part.variance;
    }
    for (const auto& [data, size] :
         {std::pair{out.kernel.data(), out.kernel.size()}, std::pair{out.prior.data(), out.prior.size()},
          std::pair{out.variance.data(), out.variance.size()}})
      ranks_->collect(data, static_cast<std::size_t>(size));
    return out;
  }

  std::shared_ptr<const MpiRanks> ranks_;
  std::optional<ScalapackCholesky> factor_;
  std::optional<Model> model_;
};

}  // namespace SST_ABI
}  // namespace sst
