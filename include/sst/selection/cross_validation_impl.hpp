// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include <Eigen/Core>

#include <sst/base/compiled.hpp>
#include <sst/base/every.hpp>
#include <sst/error.hpp>
#include <sst/linalg/band_form.hpp>
#include <sst/linalg/product.hpp>
#include <sst/regression/targets.hpp>
#include <sst/selection/cross_validation.hpp>
#include <sst/version.hpp>

/// \file
/// The bodies of cross_validation.hpp.

namespace sst {
inline namespace SST_ABI {

SST_COMPILED std::vector<Split> k_fold(Eigen::Index n, int folds, std::uint32_t seed) {
  if (folds < 2 || folds > n)
    throw DataError("cannot make " + std::to_string(folds) + " folds of " + std::to_string(n) +
                    " rows; choose from 2 to as many as there are rows");
  const std::vector<Eigen::Index> order = permutation(n, seed);
  std::vector<Split> splits(static_cast<std::size_t>(folds));
  Eigen::Index first = 0;
  for (int f = 0; f < folds; ++f) {
    const Eigen::Index last = first + n / folds + (f < n % folds ? 1 : 0);
    Split& split = splits[static_cast<std::size_t>(f)];
    split.test.assign(order.begin() + first, order.begin() + last);
    split.train.assign(order.begin(), order.begin() + first);
    split.train.insert(split.train.end(), order.begin() + last, order.end());
    std::sort(split.test.begin(), split.test.end());
    std::sort(split.train.begin(), split.train.end());
    first = last;
  }
  return splits;
}

SST_COMPILED CrossValidation cross_validate(const Eigen::MatrixXd& k, const Eigen::MatrixXd& y,
                                            const std::vector<Ridge>& ridges,
                                            const std::vector<Split>& splits, const Execution& execution) {
  using Eigen::Index, Eigen::MatrixXd, Eigen::VectorXd;
  regression_detail::require_targets(k.rows(), y);
  if (k.rows() != k.cols())
    throw DataError("the kernel is " + std::to_string(k.rows()) + " x " + std::to_string(k.cols()) +
                    " (it has to be square); give the one of all samples");
  if (ridges.empty()) throw DataError("there are no ridges to validate; give at least one");
  std::vector<int> tested(static_cast<std::size_t>(k.rows()));
  for (const Split& split : splits) {
    for (const auto* rows : {&split.train, &split.test})
      for (const Index i : *rows)
        if (i < 0 || i >= k.rows())
          throw DataError("a split has row " + std::to_string(i) + " of " + std::to_string(k.rows()) +
                          "; make it for this data");
    for (const Index i : split.test) ++tested[static_cast<std::size_t>(i)];
    std::vector<bool> trained(tested.size());
    for (const Index i : split.train) trained[static_cast<std::size_t>(i)] = true;
    for (const Index i : split.test)
      if (trained[static_cast<std::size_t>(i)])
        throw DataError("a split trains on row " + std::to_string(i) +
                        " and tests on it (its error says nothing about new rows); give it to one of them");
    if (split.test.empty() || split.train.empty())
      throw DataError("a split has no training or no test rows; give it both");
  }
  for (std::size_t i = 0; i < tested.size(); ++i)
    if (tested[i] != 1)
      throw DataError("row " + std::to_string(i) + " is tested " + std::to_string(tested[i]) +
                      " times; make splits that test every row once");

  const Index count = static_cast<Index>(ridges.size()), outputs = y.cols();
  const int threads = execution.threads;
  CrossValidation out{ridges, std::vector<MatrixXd>(ridges.size(), MatrixXd(y.rows(), outputs)),
                      MatrixXd(static_cast<Index>(splits.size()), count), VectorXd::Zero(count)};
  for (std::size_t f = 0; f < splits.size(); ++f) {
    const Split& split = splits[f];
    const BandForm form(k(split.train, split.train), detail::pieces_of(execution, f, 1, splits.size()));
    const MatrixXd q = detail::product(form.basis().transpose(), MatrixXd(y(split.train, every)), threads);
    MatrixXd weights(q.rows(), count * outputs);  // in the basis of the form
    for (Index r = 0; r < count; ++r) {
      MatrixXd w = q;
      const double lambda = ridges[static_cast<std::size_t>(r)].lambda_for(form.mean_diagonal());
      BandFactor(form, lambda).solve_in_place(w);
      weights.middleCols(r * outputs, outputs) = w;
    }
    const MatrixXd predicted = detail::product(MatrixXd(k(split.test, split.train)),
                                               detail::product(form.basis(), weights, threads), threads);
    const MatrixXd truth = y(split.test, every);
    for (Index r = 0; r < count; ++r) {
      const auto part = predicted.middleCols(r * outputs, outputs);
      out.predictions[static_cast<std::size_t>(r)](split.test, every) = part;
      out.fold_errors(static_cast<Index>(f), r) =
          (part - truth).squaredNorm() / static_cast<double>(truth.size());
      out.errors[r] += (part - truth).squaredNorm() / static_cast<double>(y.size());
    }
  }
  return out;
}

SST_COMPILED CrossValidation cross_validate(const KernelFunction& kernel, const DataRef& x,
                                            const Eigen::MatrixXd& y, const std::vector<Ridge>& ridges,
                                            const std::vector<Split>& splits, const Execution& execution) {
  regression_detail::require_targets(x.rows(), y);
  return cross_validate(kernel.matrix(x, detail::part_of(execution, 0, 0.2)), y, ridges, splits,
                        detail::part_of(execution, 0.2, 1));
}

SST_COMPILED std::size_t CrossValidation::best_ridge() const {
  Eigen::Index at = 0;
  errors.minCoeff(&at);
  return static_cast<std::size_t>(at);
}

}  // namespace SST_ABI
}  // namespace sst
