// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include <Eigen/Core>

#include <sst/base/error_interval.hpp>
#include <sst/base/text_table.hpp>
#include <sst/error.hpp>
#include <sst/kernel/kernel_function.hpp>
#include <sst/linalg/ridge.hpp>
#include <sst/regression/class_measures.hpp>
#include <sst/regression/model.hpp>
#include <sst/version.hpp>

/// \file
/// Classification by regression on one-hot targets. Samples have labels, texts or integers; inside, a class
/// is its position in the sorted list of labels.

namespace sst {
inline namespace SST_ABI {

/// The sorted labels that occur in training. Label: std::string or an integer type.
template <class Label>
class Classes {
 public:
  /// Throws DataError unless there are two different labels at least.
  explicit Classes(std::vector<Label> labels) : names_(std::move(labels)) {
    std::sort(names_.begin(), names_.end());
    names_.erase(std::unique(names_.begin(), names_.end()), names_.end());
    if (names_.size() < 2)
      throw DataError("the labels have " + std::to_string(names_.size()) +
                      " classes; give samples of two at least");
  }

  /// The number of classes.
  std::size_t size() const { return names_.size(); }
  /// The labels, ascending: class i is names()[i].
  const std::vector<Label>& names() const { return names_; }

  /// Throws DataError, with the row, for a label that was not in training.
  std::vector<std::size_t> encode(const std::vector<Label>& labels) const {
    std::vector<std::size_t> out;
    for (std::size_t i = 0; i < labels.size(); ++i) {
      const auto at = std::lower_bound(names_.begin(), names_.end(), labels[i]);
      if (at == names_.end() || *at != labels[i])
        throw DataError("row " + std::to_string(i) + " has the label '" + text(labels[i]) +
                        "' (it does not occur in the training data); remove the row or train with its class");
      out.push_back(static_cast<std::size_t>(at - names_.begin()));
    }
    return out;
  }
  /// The labels of classes; all below size().
  std::vector<Label> decode(const std::vector<std::size_t>& classes) const {
    std::vector<Label> out;
    for (const std::size_t c : classes) out.push_back(names_.at(c));
    return out;
  }

  /// A label as text, for tables and messages.
  static std::string text(const Label& label) {
    if constexpr (std::integral<Label>)
      return std::to_string(label);
    else
      return label;
  }

 private:
  std::vector<Label> names_;
};

/// n x count: 1 - 1/count at the sample's class and -1/count elsewhere, so that rows sum to zero and a
/// prediction that knows nothing, 0, prefers no class. Throws DataError for a class out of range.
Eigen::MatrixXd one_hot(const std::vector<std::size_t>& classes, std::size_t count);

/// The class of the largest score in each row; of equals the first.
std::vector<std::size_t> largest_score(const Eigen::MatrixXd& scores);

/// softmax(scores / temperature) of each row, given beta = 1 / temperature.
Eigen::MatrixXd softmax(const Eigen::MatrixXd& scores, double beta);

/// The mean over the rows of -log p(true class), with p = softmax(beta scores). Throws DataError.
double log_loss(const Eigen::MatrixXd& scores, const std::vector<std::size_t>& truth, double beta);

/// The inverse temperature beta for which softmax(beta scores) has the least log loss (Guo, Pleiss, Sun and
/// Weinberger 2017, "On Calibration of Modern Neural Networks", section 4.2), with one more sample counted:
/// one like the others whose class is any of those that it is not said to be. So n samples justify no more
/// than about n / (n + 1), even where every score is right (Laplace's rule of succession). The loss is convex
/// in beta; its derivative is bisected in log beta to full precision. beta is 0 when the scores are no better
/// than chance. scores: n x classes, of samples that were not trained on. Throws DataError.
double fit_inverse_temperature(const Eigen::MatrixXd& scores, const std::vector<std::size_t>& truth);

/// What a sample counts.
enum class ClassWeights {
  equal,    ///< every sample counts the same
  balanced  ///< a sample counts n / (classes x samples of its class): every class counts the same
};

/// One entry per sample; their mean is 1.
Eigen::VectorXd sample_weights(const std::vector<std::size_t>& classes, std::size_t count,
                               ClassWeights weights);

/// How a classifier is fitted.
struct ClassifierOptions {
  ClassWeights class_weights = ClassWeights::equal;  ///< what samples count
  FitOptions fit = {};                               ///< its sample weights are those of the classes
};

/// A classifier: weighted kernel regression on one-hot targets, the class of the largest score, and
/// probabilities by a temperature that is fitted to the leave-one-out scores of the training samples.
template <class Label>
class Classifier {
 public:
  /// x: n x d, labels: n. Any solver will do; probabilities take the Cholesky factor, which is made for them.
  /// Throws as Model.
  Classifier(const KernelFunction& kernel, const DataRef& x, const std::vector<Label>& labels,
             const Ridge& ridge, const ClassifierOptions& options = {})
      : classes_(labels),
        truth_(classes_.encode(labels)),
        model_(kernel, x, one_hot(truth_, classes_.size()), ridge, weighted(options)) {
    const Eigen::MatrixXd left_out = model_.leave_one_out({options.fit.threads, {}});
    inverse_temperature_ = fit_inverse_temperature(left_out, truth_);
    leave_one_out_accuracy_ = share(hits(largest_score(left_out), truth_), truth_.size());
  }

  /// The labels, ascending: the order of the columns of scores and probabilities.
  const std::vector<Label>& classes() const { return classes_.names(); }
  /// The labels as indices.
  const Classes<Label>& encoding() const { return classes_; }
  /// The regression on one-hot targets.
  const Model& model() const { return model_; }
  /// What was added to the diagonal.
  double lambda() const { return model_.lambda(); }
  /// beta of the probabilities, softmax(beta scores).
  double inverse_temperature() const { return inverse_temperature_; }
  /// With Wilson's 95 % interval.
  const Interval& leave_one_out_accuracy() const { return leave_one_out_accuracy_; }

  /// What the regression predicts, m x classes. x: m x d. Throws as Model::predict.
  Eigen::MatrixXd scores(const DataRef& x, const Execution& execution = {}) const {
    return model_.predict(x, execution);
  }
  /// m x classes; rows sum to one. x: m x d. Throws as Model::predict.
  Eigen::MatrixXd probabilities(const DataRef& x, const Execution& execution = {}) const {
    return softmax(scores(x, execution), inverse_temperature_);
  }
  /// The label of the largest score of each row of x, m x d. Throws as Model::predict.
  std::vector<Label> predict(const DataRef& x, const Execution& execution = {}) const {
    return classes_.decode(largest_score(scores(x, execution)));
  }

 private:
  FitOptions weighted(const ClassifierOptions& options) const {
    FitOptions out = options.fit;
    if (options.class_weights != ClassWeights::equal)
      out.sample_weights = sample_weights(truth_, classes_.size(), options.class_weights);
    return out;
  }
  Classes<Label> classes_;
  std::vector<std::size_t> truth_;
  Model model_;
  double inverse_temperature_ = 0;
  Interval leave_one_out_accuracy_;
};

/// Fits a classifier; see Classifier. x: n x d, labels: n strings or integers. Throws as its constructor.
template <class Label>
Classifier<Label> fit_classifier(const KernelFunction& kernel, const DataRef& x,
                                 const std::vector<Label>& labels, const Ridge& ridge,
                                 const ClassifierOptions& options = {}) {
  return Classifier<Label>(kernel, x, labels, ridge, options);
}

/// How predictions compare with the truth.
template <class Label>
struct Confusion {
  std::vector<Label> classes;  ///< in the order of the rows and columns of `counts`
  Eigen::MatrixXi counts;      ///< true class a row, predicted class a column
  Interval accuracy;           ///< with Wilson's 95 % interval

  /// The counts as a table, and the accuracy with its interval.
  friend std::ostream& operator<<(std::ostream& out, const Confusion& confusion) {
    std::vector<TextTable::Column> columns{{"true \\ predicted"}};
    for (const Label& label : confusion.classes)
      columns.push_back({.header = Classes<Label>::text(label), .align = TextTable::Align::right});
    TextTable table(columns);
    for (Eigen::Index i = 0; i < confusion.counts.rows(); ++i) {
      std::vector<TextTable::Cell> row{Classes<Label>::text(confusion.classes[static_cast<std::size_t>(i)])};
      for (Eigen::Index j = 0; j < confusion.counts.cols(); ++j) row.emplace_back(confusion.counts(i, j));
      table.add_row(row);
    }
    return out << table;
  }
};

/// truth and predicted: as many labels, of `classes`. Throws DataError.
template <class Label>
Confusion<Label> confusion(const Classes<Label>& classes, const std::vector<Label>& truth,
                           const std::vector<Label>& predicted) {
  if (truth.size() != predicted.size() || truth.empty())
    throw DataError("there are " + std::to_string(truth.size()) + " labels and " +
                    std::to_string(predicted.size()) + " predictions; give as many, and one at least");
  const auto t = classes.encode(truth), p = classes.encode(predicted);
  const auto size = static_cast<Eigen::Index>(classes.size());
  Confusion<Label> out{classes.names(), Eigen::MatrixXi::Zero(size, size), {}};
  for (std::size_t i = 0; i < t.size(); ++i)
    ++out.counts(static_cast<Eigen::Index>(t[i]), static_cast<Eigen::Index>(p[i]));
  out.accuracy = share(static_cast<std::size_t>(out.counts.trace()), t.size());
  return out;
}

}  // namespace SST_ABI
}  // namespace sst

#ifndef SST_EXTERN_TEMPLATES
#include <sst/regression/classification_impl.hpp>
#endif
