// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <Eigen/Core>

#include <sst/base/compiled.hpp>
#include <sst/base/deadline.hpp>
#include <sst/base/execution.hpp>
#include <sst/base/memory.hpp>
#include <sst/base/progress.hpp>
#include <sst/error.hpp>
#include <sst/linalg/cholesky.hpp>
#include <sst/linalg/product.hpp>
#include <sst/regression/targets.hpp>
#include <sst/selection/permutation_importance.hpp>
#include <sst/selection/sample.hpp>
#include <sst/selection/split.hpp>
#include <sst/version.hpp>

/// \file
/// The bodies of permutation_importance.hpp.

namespace sst {
inline namespace SST_ABI {
namespace selection_detail {

/// The groups of the options, each column by itself without; their columns have to be there.
inline std::vector<std::vector<Eigen::Index>> shuffled_groups(const PermutationOptions& options,
                                                              Eigen::Index features) {
  std::vector<std::vector<Eigen::Index>> groups = options.groups;
  if (groups.empty())
    for (Eigen::Index k = 0; k < features; ++k) groups.push_back({k});
  for (const auto& group : groups)
    for (const Eigen::Index column : group)
      if (column < 0 || column >= features)
        throw Error("column " + std::to_string(column) + " is to be shuffled and there are " +
                    std::to_string(features) + ", counted from 0; name one of them");
  return groups;
}

}  // namespace selection_detail

SST_COMPILED PermutationImportance permutation_importance(const KernelFunction& kernel, const DataRef& x,
                                                          const Eigen::MatrixXd& y, const Ridge& ridge,
                                                          const PermutationOptions& options) {
  using Eigen::Index;
  using Eigen::MatrixXd;
  regression_detail::require_targets(x.rows(), y);
  x.require_finite("the data set");
  if (options.rows < 2 || options.repeats < 1)
    throw Error("importance is by " + std::to_string(options.rows) + " rows and " +
                std::to_string(options.repeats) + " shuffles; give 2 rows or more and at least one shuffle");
  if (options.transform.size() > 0 && options.transform.rows() != x.cols())
    throw DataError("the transform has " + std::to_string(options.transform.rows()) + " rows for " +
                    std::to_string(x.cols()) + " features; give one row for each");
  const auto groups = selection_detail::shuffled_groups(options, x.cols());
  const Deadline deadline(options.seconds);
  const Sample chosen = draw_sample(x, y, std::min(options.rows, x.rows()), options.seed);
  const MatrixXd samples = chosen.x.stored(false).dense();
  const MatrixXd& targets = chosen.y;
  const Index n = samples.rows(), outputs = targets.cols();
  require_memory(4.0 * 8 * static_cast<double>(n) * static_cast<double>(n),
                 "importance by " + std::to_string(n) + " samples");

  const auto seen = [&](const MatrixXd& rows) {
    return options.transform.size() > 0 ? detail::product(rows, options.transform, options.threads) : rows;
  };
  const double kernels = static_cast<double>(groups.size()) * options.repeats;
  detail::Counter progress(options.progress, kernels + 2, "the importance of features");
  const KernelColumns columns = kernel.against(seen(samples));
  MatrixXd a = columns.matrix({.threads = options.threads});
  a.diagonal().array() += ridge.lambda_for(a.diagonal().mean());
  progress.add();
  const MatrixXd inverse = detail::inverse(
      Cholesky<double>(std::move(a), {.threads = options.threads}).storage(), options.threads);
  progress.add();
  const MatrixXd w = detail::product(inverse, targets, options.threads);
  const MatrixXd left_out = w.array().colwise() / inverse.diagonal().array();
  const auto entries = static_cast<double>(n * outputs);

  const auto count = static_cast<Index>(groups.size());
  PermutationImportance out{left_out.squaredNorm() / entries, Eigen::VectorXd::Zero(count),
                            Eigen::VectorXd::Zero(count), n};
  std::vector<Eigen::ArrayXd> rounds;  // the error of each group
  for (int& r = out.repeats; r < options.repeats; ++r) {
    out.out_of_time = r > 0 && deadline.passed() / r > deadline.left();
    if (out.out_of_time) break;
    const auto order = permutation(n, options.seed + static_cast<std::uint32_t>(r) + 1);
    Eigen::ArrayXd& errors = rounds.emplace_back(count);
    for (Index g = 0; g < count; ++g) {
      MatrixXd shuffled = samples;
      for (const Index column : groups[static_cast<std::size_t>(g)])
        for (Index i = 0; i < n; ++i)
          shuffled(i, column) = samples(order[static_cast<std::size_t>(i)], column);
      const MatrixXd k = columns.matrix(seen(shuffled), {.threads = options.threads});
      // k(z_i) A^-1 e_i, where w_i / D_i is what sample i itself brought.
      const Eigen::ArrayXd own = k.cwiseProduct(inverse).rowwise().sum();
      const MatrixXd without =
          detail::product(k, w, options.threads) - MatrixXd(left_out.array().colwise() * own);
      errors[g] = (targets - without).squaredNorm() / entries;
      progress.add();
    }
  }
  for (const Eigen::ArrayXd& errors : rounds) out.shuffled.array() += errors / out.repeats;
  if (out.repeats == 1) return out;
  for (const Eigen::ArrayXd& errors : rounds)
    out.std.array() += (errors - out.shuffled.array()).square() / (out.repeats - 1);
  out.std = out.std.cwiseSqrt();
  return out;
}

}  // namespace SST_ABI
}  // namespace sst
