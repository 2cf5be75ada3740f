// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <Eigen/Core>

#include <sst/base/execution.hpp>
#include <sst/linalg/product.hpp>
#include <sst/pipeline/encoding.hpp>
#include <sst/pipeline/scaling.hpp>
#include <sst/regression/classification.hpp>
#include <sst/regression/model.hpp>
#include <sst/version.hpp>

namespace sst {
inline namespace SST_ABI {

/// A model with what leads from a table to its samples and back to the table's units: scalings, encoding,
/// names, classes. All that saved_model.hpp saves.
///
/// \code
/// sst::TableModel model{.model = sst::fit(sst::ntk(net), scaling.apply(x), y, sst::Ridge::relative(0.1)),
///                       .input_scaling = scaling};
/// sst::save_model("model", model);
/// sst::load_model("model").predict(x_new);  // model.predict(x_new), to the last bit
/// \endcode
struct TableModel {
  Model model;                                ///< on scaled samples and targets
  std::optional<Scaling> input_scaling = {};  ///< applied to every sample
  /// d x d, multiplied to scaled samples from the right: learned features (see `learn_features`).
  std::optional<Eigen::MatrixXd> transform = {};
  std::optional<Scaling> target_scaling = {};  ///< undone in every prediction
  std::optional<TableEncoding> encoding = {};  ///< how a table becomes samples
  std::vector<std::string> targets = {};       ///< names of the outputs; may be empty
  std::vector<std::string> classes = {};       ///< one an output when the model classifies; else empty
  double inverse_temperature = 0;              ///< of the classes' probabilities; see `probabilities`

  /// Model::predict at samples that are not scaled yet, m x d: m x outputs, in the units of the targets.
  /// Throws as that.
  Eigen::MatrixXd predict(const Eigen::MatrixXd& samples, const Execution& execution = {}) const {
    return unscaled(model.predict(scaled(samples), execution));
  }
  /// Model::predict_with_std at samples that are not scaled yet, m x d: m x outputs each, in the units of the
  /// targets. Throws as that.
  MeanAndStd predict_with_std(const Eigen::MatrixXd& samples,
                              ObservationNoise noise = ObservationNoise::excluded,
                              const Execution& execution = {}) const {
    return unscaled(model.predict_with_std(scaled(samples), noise, execution));
  }
  /// Model::input_gradients at samples that are not scaled yet, m x d: m x d, in units of the target per unit
  /// of each column. Throws as that.
  Eigen::MatrixXd input_gradients(const Eigen::MatrixXd& samples, Eigen::Index output = 0,
                                  const Execution& execution = {}) const {
    Eigen::MatrixXd out = model.input_gradients(scaled(samples), output, execution);
    if (transform) out = out * transform->transpose();
    if (input_scaling) out.array().rowwise() /= input_scaling->scale.array();
    return target_scaling ? Eigen::MatrixXd(out * target_scaling->scale[output]) : out;
  }
  /// Model::append of rows that are not scaled yet, samples: m x d, target: m x outputs; the scalings stay
  /// what they are. Throws as that.
  void append(const Eigen::MatrixXd& samples, const Eigen::MatrixXd& target,
              const Execution& execution = {}) {
    model.append(scaled(samples), target_scaling ? target_scaling->apply(target) : target, execution);
  }
  /// Model::leave_one_out, n x outputs, in the units of the targets. Throws as that.
  Eigen::MatrixXd leave_one_out(const Execution& execution = {}) const {
    return unscaled(model.leave_one_out(execution));
  }
  /// Model::fit_amplitudes: the leave-one-out predictions and standard deviations of observations, n x
  /// outputs each, in the units of the targets. Throws as that.
  MeanAndStd fit_amplitudes(const Execution& execution = {}) {
    return unscaled(model.fit_amplitudes(execution));
  }
  /// The standard deviation that an observation has on top of the function's, 1 x outputs, in the units of
  /// the targets.
  Eigen::RowVectorXd noise_std() const {
    const Eigen::RowVectorXd out = std::sqrt(model.lambda()) * model.amplitudes();
    return target_scaling ? Eigen::RowVectorXd(out.cwiseProduct(target_scaling->scale)) : out;
  }
  /// The training targets, n x outputs, in their own units.
  Eigen::MatrixXd training_targets() const { return unscaled(model.y()); }

  /// The classes' probabilities of predicted scores: softmax(inverse_temperature x scores), samples x
  /// classes.
  Eigen::MatrixXd probabilities(const Eigen::MatrixXd& scores) const {
    return softmax(scores, inverse_temperature);
  }
  /// Fits the inverse temperature to leave-one-out scores of the training rows, n x classes. Throws
  /// DataError.
  void calibrate(const Eigen::MatrixXd& leave_one_out_scores) {
    inverse_temperature = fit_inverse_temperature(leave_one_out_scores, largest_score(model.y()));
  }

  /// Samples as the model takes them, m x d.
  Eigen::MatrixXd scaled(const Eigen::MatrixXd& samples) const {
    Eigen::MatrixXd out = input_scaling ? input_scaling->apply(samples) : samples;
    return transform ? detail::product(out, *transform) : out;
  }
  /// Outputs of the model in the units of the targets, m x outputs.
  Eigen::MatrixXd unscaled(Eigen::MatrixXd outputs) const {
    return target_scaling ? target_scaling->undo(outputs) : outputs;
  }
  /// The same with their standard deviations.
  MeanAndStd unscaled(MeanAndStd outputs) const {
    outputs.mean = unscaled(std::move(outputs.mean));
    if (target_scaling) outputs.std.array().rowwise() *= target_scaling->scale.array();
    return outputs;
  }
};

}  // namespace SST_ABI
}  // namespace sst
