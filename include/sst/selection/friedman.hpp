// SPDX-License-Identifier: MIT
#pragma once

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include <sst/error.hpp>
#include <sst/selection/distributions.hpp>
#include <sst/selection/ranks.hpp>
#include <sst/version.hpp>

/// \file
/// Whether several methods differ over many data sets, and which: Friedman's test and Nemenyi's.

namespace sst {
inline namespace SST_ABI {

/// What Friedman's test found on k methods and N data sets.
struct FriedmanTest {
  Eigen::VectorXd average_ranks;  ///< k numbers from 1 to k
  double tie_factor = 1;          ///< 1 - sum of (t^3 - t) over ties of t / (N k (k^2 - 1)); 1 without ties
  double chi_squared = 0;         ///< Friedman's statistic, divided by `tie_factor`
  double chi_squared_p = 1;       ///< its p-value, of chi-squared with k - 1 degrees of freedom
  double f = 0;                   ///< Iman and Davenport's statistic; infinite where all rows have one order
  double f_p = 1;                 ///< its p-value, of F with k - 1 and (k - 1)(N - 1) degrees of freedom
};

/// Whether k methods differ over N data sets. Under the hypothesis that none does, every order of the methods
/// is as likely on every data set. Friedman's statistic (1937, "The use of ranks to avoid the assumption of
/// normality implicit in the analysis of variance"), with R_j the average ranks, is
///
///     chi^2_F = 12 N / (k (k + 1)) (sum_j R_j^2 - k (k + 1)^2 / 4) / tie_factor,
///
/// and, less conservative, Iman and Davenport's (1980, "Approximations of the critical region of the Friedman
/// statistic")
///
///     F_F = (N - 1) chi^2_F / (N (k - 1) - chi^2_F)
///
/// (Demsar 2006, JMLR 7, section 3.2.2, who leaves ties uncorrected: chi_squared * tie_factor). Both p-values
/// are of the limit of many data sets; N > 10 and k > 5 will do. Where all methods tie on all data sets, they
/// do not differ: both statistics are 0, both p-values 1. results: N data sets x k methods. Throws DataError
/// for fewer than 2 data sets or 2 methods, and where a result is NaN.
inline FriedmanTest friedman_test(const Eigen::MatrixXd& results, Better better) {
  const Eigen::MatrixXd rank = rank_rows(results, better);
  const auto n = static_cast<double>(rank.rows()), k = static_cast<double>(rank.cols());
  // Ranks are halves, so that these sums of squares about (k + 1) / 2 are exact and a zero is a zero.
  const double middle = (k + 1) / 2;
  const double between = (rank.array() - middle).colwise().sum().square().sum() / n;
  const double total = (rank.array() - middle).square().sum();
  FriedmanTest out;
  out.average_ranks = rank.colwise().mean();
  out.tie_factor = total / (n * k * (k * k - 1) / 12);
  if (total == 0) return out;
  out.chi_squared = n * (k - 1) * between / total;
  out.chi_squared_p = chi_squared_tail(out.chi_squared, k - 1);
  out.f = total > between ? (n - 1) * between / (total - between) : std::numeric_limits<double>::infinity();
  out.f_p = f_tail(out.f, k - 1, (k - 1) * (n - 1));
  return out;
}

/// Nemenyi's critical difference: two of k methods differ at the level `alpha`, all pairs being looked at,
/// when their average ranks over N data sets differ by
///
///     CD = q_alpha sqrt(k (k + 1) / (6 N))
///
/// at least, q_alpha being `studentized_range_quantile` / sqrt(2) (Demsar 2006, JMLR 7, section 3.2.2 and
/// table 5a; any number of methods and level here). Throws DataError for fewer than 2 methods or 2 data sets,
/// and unless 1e-100 <= alpha < 1.
inline double critical_difference(Eigen::Index methods, Eigen::Index data_sets, double alpha = 0.05) {
  if (methods < 2 || methods > 1000000 || data_sets < 2)
    throw DataError("there are " + std::to_string(methods) + " methods and " + std::to_string(data_sets) +
                    " data sets (a critical difference takes 2 of each at least, and no more than a million "
                    "methods); change the comparison");
  const auto k = static_cast<double>(methods), n = static_cast<double>(data_sets);
  return studentized_range_quantile(alpha, static_cast<int>(methods)) * std::sqrt(k * (k + 1) / (12 * n));
}

/// The groups of methods that a critical difference does not tell apart: every largest set of two or more
/// whose average ranks differ by less than `difference`, as numbers of methods from the best to the worst;
/// groups begin with the best one and may overlap (the bars of Demsar 2006, figure 1a). Throws DataError for
/// fewer than 2 methods, where an average rank is not finite, and unless difference > 0.
inline std::vector<std::vector<Eigen::Index>> rank_cliques(const Eigen::VectorXd& average_ranks,
                                                           double difference) {
  if (average_ranks.size() < 2 || !average_ranks.allFinite() || !(difference > 0))
    throw DataError("there are " + std::to_string(average_ranks.size()) +
                    " average ranks and a critical difference of " + std::to_string(difference) +
                    " (groups take 2 finite ranks at least and a positive difference); correct them");
  const std::vector<Eigen::Index> order = detail::best_first(average_ranks, Better::smaller);
  std::vector<std::vector<Eigen::Index>> out;
  for (auto begin = order.begin(), last = begin; begin != order.end(); ++begin) {
    const auto end = std::find_if(begin, order.end(), [&](Eigen::Index i) {
      return average_ranks[i] - average_ranks[*begin] >= difference;
    });
    if (end > last && end - begin > 1) out.emplace_back(begin, end);
    last = std::max(last, end);
  }
  return out;
}

}  // namespace SST_ABI
}  // namespace sst
