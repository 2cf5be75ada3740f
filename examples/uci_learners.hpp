// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <iterator>
#include <memory>
#include <utility>
#include <vector>

#include <Eigen/Core>

#ifdef SST_WITH_LIBSVM
#include <libsvm/svm.h>
#endif

#include <sst/base/every.hpp>
#include <sst/linalg/cholesky.hpp>
#include <sst/linalg/ridge.hpp>
#include <sst/regression/classification.hpp>
#include <sst/selection/split.hpp>

#include "uci_sets.hpp"

/// \file
/// What learns classes from a kernel matrix: kernel regression and, with libsvm, a support vector machine.

namespace program {

/// A way to learn from the kernel matrix of all rows of a set.
class Learner {
 public:
  virtual ~Learner() = default;
  /// The share of the test rows that is right after learning from the training rows, for each of the
  /// settings, which ascend.
  virtual std::vector<double> accuracies(const sst::Split& split,
                                         const std::vector<double>& settings) const = 0;

 protected:
  Learner(Eigen::MatrixXd kernel, const UciSet& set)
      : kernel_(std::move(kernel)),
        classes_(static_cast<std::size_t>(set.classes)),
        labels_(set.labels.begin(), set.labels.end()) {}

  /// scores: test rows x classes.
  double share_right(const sst::Split& split, const Eigen::MatrixXd& scores) const {
    std::vector<std::size_t> truth;
    for (const Eigen::Index row : split.test) truth.push_back(label(row));
    const std::size_t right = sst::hits(sst::largest_score(scores), truth);
    return static_cast<double>(right) / static_cast<double>(truth.size());
  }
  std::size_t label(Eigen::Index row) const { return labels_[static_cast<std::size_t>(row)]; }

  Eigen::MatrixXd kernel_;
  std::size_t classes_;
  std::vector<std::size_t> labels_;
};

/// Least squares on one-hot targets, without an intercept; the setting is a relative ridge.
class Regression final : public Learner {
 public:
  Regression(Eigen::MatrixXd kernel, const UciSet& set)
      : Learner(std::move(kernel), set), targets_(sst::one_hot(labels_, classes_)) {}

  std::vector<double> accuracies(const sst::Split& split,
                                 const std::vector<double>& settings) const override {
    const Eigen::MatrixXd k = kernel_(split.train, split.train), across = kernel_(split.test, split.train);
    const Eigen::MatrixXd targets = targets_(split.train, sst::every);
    std::vector<double> out;
    for (const double setting : settings) {
      Eigen::MatrixXd a = k;
      a.diagonal().array() += sst::Ridge::relative(setting).lambda_for(k.diagonal().mean());
      out.push_back(
          share_right(split, across * sst::Cholesky<double>(std::move(a), {.threads = 1}).solve(targets)));
    }
    return out;
  }

 private:
  Eigen::MatrixXd targets_;
};

#ifdef SST_WITH_LIBSVM
/// libsvm's C-SVC (Chang and Lin 2011, "LIBSVM: A Library for Support Vector Machines"), one class against
/// one, to its tolerance of 1e-3; the setting is C.
class SupportVectors final : public Learner {
 public:
  SupportVectors(Eigen::MatrixXd kernel, const UciSet& set) : Learner(std::move(kernel), set) {
    svm_set_print_string_function([](const char*) {});
  }

  std::vector<double> accuracies(const sst::Split& split,
                                 const std::vector<double>& settings) const override {
    std::vector<Eigen::Index> train;  // class by class, so that ties go to the first
    for (std::size_t c = 0; c < classes_; ++c)
      std::copy_if(split.train.begin(), split.train.end(), std::back_inserter(train),
                   [&](Eigen::Index row) { return label(row) == c; });
    const Eigen::MatrixXd k = kernel_(train, train), across = kernel_(split.test, train);
    // As libsvm takes them, rows are their number, from 1, and their kernel with all.
    const Eigen::Index n = k.rows();
    std::vector<svm_node> nodes;
    nodes.reserve(static_cast<std::size_t>(n * (n + 1)));
    std::vector<svm_node*> rows;
    std::vector<double> y;
    for (Eigen::Index i = 0; i < n; ++i) {
      rows.push_back(nodes.data() + nodes.size());
      y.push_back(static_cast<double>(label(train[static_cast<std::size_t>(i)])));
      nodes.push_back({0, static_cast<double>(i + 1)});
      for (Eigen::Index j = 0; j < n; ++j) nodes.push_back({0, k(j, i)});
    }
    const svm_problem problem{static_cast<int>(n), y.data(), rows.data()};
    svm_parameter parameter{};
    parameter.svm_type = C_SVC;
    parameter.kernel_type = PRECOMPUTED;
    parameter.eps = 1e-3;
    parameter.shrinking = 1;
    parameter.cache_size = 16 + 5e-6 * static_cast<double>(n * n);  // MB: all of it
    std::vector<double> out;
    bool bounded = true;
    for (const double setting : settings) {
      if (!bounded) {  // a solution that C does not bound is that of every larger C
        out.push_back(out.back());
        continue;
      }
      parameter.C = setting;
      const std::unique_ptr<svm_model, Free> model(svm_train(&problem, &parameter));
      out.push_back(share_right(split, votes(*model, across)));
      bounded = false;
      for (int i = 0; i + 1 < model->nr_class; ++i)
        bounded = bounded || std::any_of(model->sv_coef[i], model->sv_coef[i] + model->l,
                                         [&](double a) { return std::abs(a) >= setting; });
    }
    return out;
  }

 private:
  struct Free {
    void operator()(svm_model* model) const { svm_free_and_destroy_model(&model); }
  };

  /// Against how many others each class wins, and one more for those that training has seen; test rows x
  /// classes: libsvm's rule, by matrix products. `across`: the kernel of test rows with training rows.
  Eigen::MatrixXd votes(const svm_model& model, const Eigen::MatrixXd& across) const {
    Eigen::MatrixXd out = Eigen::MatrixXd::Zero(across.rows(), static_cast<Eigen::Index>(classes_));
    const std::vector<int> vectors(model.sv_indices, model.sv_indices + model.l);  // class by class, from 1
    std::vector<Eigen::MatrixXd> k;                                                // with those of each class
    std::vector<int> first{0};
    for (int i = 0; i < model.nr_class; ++i) {
      out.col(model.label[i]).setOnes();
      Eigen::VectorXi columns =
          Eigen::Map<const Eigen::VectorXi>(vectors.data() + first.back(), model.nSV[i]);
      columns.array() -= 1;
      k.push_back(across(sst::every, columns));
      first.push_back(first.back() + model.nSV[i]);
    }
    const auto weighted = [&](int of, int against) {
      const double* coefficients =
          model.sv_coef[against - (against > of ? 1 : 0)] + first[static_cast<std::size_t>(of)];
      return k[static_cast<std::size_t>(of)] * Eigen::Map<const Eigen::VectorXd>(coefficients, model.nSV[of]);
    };
    for (int i = 0, pair = 0; i < model.nr_class; ++i)
      for (int j = i + 1; j < model.nr_class; ++j, ++pair) {
        const Eigen::ArrayXd decision = (weighted(i, j) + weighted(j, i)).array() - model.rho[pair];
        out.col(model.label[i]).array() += (decision > 0).cast<double>();
        out.col(model.label[j]).array() += (decision <= 0).cast<double>();
      }
    return out;
  }
};
#endif

}  // namespace program
