// SPDX-License-Identifier: MIT
#pragma once

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numeric>
#include <string>
#include <vector>

#include <sst/error.hpp>
#include <sst/version.hpp>

namespace sst {
inline namespace SST_ABI {

/// Which results are the better ones: errors are better `smaller`, accuracies `larger`.
enum class Better { smaller, larger };

namespace detail {

/// Places of numbers from the best to the worst, equal ones in their order; none is NaN.
inline std::vector<Eigen::Index> best_first(const Eigen::VectorXd& values, Better better) {
  std::vector<Eigen::Index> order(static_cast<std::size_t>(values.size()));
  std::iota(order.begin(), order.end(), Eigen::Index{0});
  std::sort(order.begin(), order.end(), [&](Eigen::Index a, Eigen::Index b) {
    if (values[a] == values[b]) return a < b;
    return (values[a] < values[b]) == (better == Better::smaller);
  });
  return order;
}

}  // namespace detail

/// Ranks 1 to n of n numbers, 1 for the best; equal numbers share the average of their ranks. Numbers are
/// equal when all their bits are: round what was measured coarsely. Infinite ones have their ranks too.
/// Throws DataError where a number is NaN.
inline Eigen::VectorXd ranks(const Eigen::VectorXd& values, Better better = Better::smaller) {
  for (Eigen::Index i = 0; i < values.size(); ++i)
    if (std::isnan(values[i]))
      throw DataError("result " + std::to_string(i) +
                      " is NaN (which has no rank); leave its data set out, or give the worst result for it");
  const std::vector<Eigen::Index> order = detail::best_first(values, better);
  Eigen::VectorXd out(values.size());
  for (std::size_t begin = 0, end = 0; begin < order.size(); begin = end) {
    while (end < order.size() && values[order[end]] == values[order[begin]]) ++end;
    for (std::size_t i = begin; i < end; ++i) out[order[i]] = 0.5 * static_cast<double>(begin + 1 + end);
  }
  return out;
}

/// The `ranks` of methods on every data set: N data sets x k methods, as `results`. Throws DataError for
/// fewer than 2 data sets or 2 methods, and where a result is NaN.
inline Eigen::MatrixXd rank_rows(const Eigen::MatrixXd& results, Better better) {
  if (results.rows() < 2 || results.cols() < 2)
    throw DataError("there are results of " + std::to_string(results.cols()) + " methods on " +
                    std::to_string(results.rows()) +
                    " data sets (a comparison takes 2 of each at least); give a row for each data set and a "
                    "column for each method");
  Eigen::MatrixXd out(results.rows(), results.cols());
  for (Eigen::Index i = 0; i < results.rows(); ++i) {
    try {
      out.row(i) = ranks(results.row(i), better);
    } catch (const DataError& error) {
      throw DataError("data set " + std::to_string(i) + ": " + error.what());
    }
  }
  return out;
}

/// The average rank of each of k methods over N data sets, 1 for one that is best everywhere: R_j of Demsar
/// (2006), "Statistical Comparisons of Classifiers over Multiple Data Sets", JMLR 7, section 3.2.2. results:
/// N data sets x k methods. Throws DataError for fewer than 2 data sets or 2 methods, and where a result is
/// NaN.
inline Eigen::VectorXd average_ranks(const Eigen::MatrixXd& results, Better better) {
  return rank_rows(results, better).colwise().mean();
}

}  // namespace SST_ABI
}  // namespace sst
