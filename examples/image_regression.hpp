// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <utility>
#include <vector>

#include <Eigen/Core>

#include <sst/base/every.hpp>
#include <sst/kernel/own_kernel.hpp>
#include <sst/linalg/product.hpp>
#include <sst/regression/classification.hpp>
#include <sst/regression/model.hpp>

#include "image_data.hpp"
#include "image_kernels.hpp"
#include "image_options.hpp"

/// \file
/// One-hot regression of images: the class with the largest of the posterior means.

/// True labels and predicted ones.
struct Predictions {
  std::vector<int> truth, predicted;
};

/// Trains on any of the images to train on, of which the kernel is there already.
class ImageRegression {
 public:
  ImageRegression(Kernels kernels, const Experiment& e, const Options& options)
      : among_(sst::precomputed_kernel(std::move(kernels.train))),
        test_(std::move(kernels.test)),
        labels_(e.train.labels.begin(), e.train.labels.end()),
        test_labels_(e.test.labels.begin(), e.test.labels.end()),
        classes_(all_labels()),
        y_(sst::one_hot(classes_.encode(labels_), classes_.size())),
        ridge_(*program::parse_ridge(options.ridge)),
        threads_(options.threads) {}

  const sst::Classes<int>& classes() const { return classes_; }

  /// Trains on `train` and predicts the images to test on, or, where there are none, `others`.
  Predictions predict(const std::vector<Eigen::Index>& train, const std::vector<Eigen::Index>& others) const {
    const sst::Model model = sst::fit(among_, places(train), Eigen::MatrixXd(y_(train, sst::every)), ridge_,
                                      {.threads = threads_});
    const auto decoded = [&](const Eigen::MatrixXd& scores) {
      return classes_.decode(sst::largest_score(scores));
    };
    if (!test_labels_.empty()) {
      const Eigen::MatrixXd k = test_(sst::every, train);
      return {test_labels_, decoded(sst::detail::product(k, model.weights(), threads_))};
    }
    Predictions out;
    for (const Eigen::Index i : others) out.truth.push_back(labels_[static_cast<std::size_t>(i)]);
    out.predicted = decoded(model.predict(places(others), {.threads = threads_}));
    return out;
  }

 private:
  /// The samples of a precomputed kernel: their places in it.
  static Eigen::MatrixXd places(const std::vector<Eigen::Index>& rows) {
    Eigen::MatrixXd out(static_cast<Eigen::Index>(rows.size()), 1);
    for (std::size_t i = 0; i < rows.size(); ++i)
      out(static_cast<Eigen::Index>(i), 0) = static_cast<double>(rows[i]);
    return out;
  }
  std::vector<int> all_labels() const {
    std::vector<int> all = labels_;
    all.insert(all.end(), test_labels_.begin(), test_labels_.end());
    return all;
  }

  sst::KernelFunction among_;
  Eigen::MatrixXd test_;
  std::vector<int> labels_, test_labels_;
  sst::Classes<int> classes_;
  Eigen::MatrixXd y_;
  sst::Ridge ridge_;
  int threads_;
};
