// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <cstddef>
#include <utility>
#include <vector>

#include <Eigen/Core>

#include <sst/error.hpp>
#include <sst/regression/classification.hpp>

#include "image_data.hpp"
#include "image_draws.hpp"
#include "image_kernels.hpp"
#include "image_options.hpp"
#include "image_regression.hpp"
#include "program.hpp"

/// \file
/// Small training sets drawn at random, as on CIFAR-10 by Arora, Du, Li, Salakhutdinov, Wang and Yu 2020,
/// "Harnessing the Power of Infinitely Wide Deep Nets on Small-data Tasks" (ICLR). A draw is a choice of rows
/// of one kernel matrix, so that draws cost no kernels of their own.

/// How the accuracy of a candidate grows with the training set.
struct LearningCurve {
  Candidate candidate;
  Eigen::MatrixXd accuracy;  ///< 0 to 1; a draw a row, a size a column
  double pairs, seconds;

  Eigen::VectorXd mean() const { return accuracy.colwise().mean(); }
  /// Of the means, from the spread of the draws; 0 for one draw.
  Eigen::VectorXd standard_error() const {
    const auto draws = static_cast<double>(accuracy.rows());
    if (accuracy.rows() < 2) return Eigen::VectorXd::Zero(accuracy.cols());
    return (accuracy.rowwise() - accuracy.colwise().mean()).colwise().norm() / std::sqrt(draws * (draws - 1));
  }
};

/// One-hot regression on each draw, tested on the test images, or without any on the draw's rest.
inline LearningCurve learn_from_draws(const Candidate& candidate, const Experiment& e,
                                      const std::vector<Draw>& draws, const Options& options,
                                      program::Progress& progress) {
  Kernels k = compute_kernels(candidate, e, options, progress);
  const double pairs = k.pairs, seconds = k.seconds;
  const ImageRegression regression(std::move(k), e, options);
  Eigen::MatrixXd accuracy(static_cast<Eigen::Index>(draws.size()),
                           static_cast<Eigen::Index>(options.train_size.size()));
  for (Eigen::Index d = 0; d < accuracy.rows(); ++d) {
    const Draw& draw = draws[static_cast<std::size_t>(d)];
    for (Eigen::Index s = 0; s < accuracy.cols(); ++s) {
      const auto [truth, predicted] = regression.predict(draw.train[static_cast<std::size_t>(s)], draw.rest);
      accuracy(d, s) = sst::confusion(regression.classes(), truth, predicted).accuracy.value;
    }
    progress.check();
  }
  return {candidate, accuracy, pairs, seconds};
}
