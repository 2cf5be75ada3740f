// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include <Eigen/Core>

#include <sst/base/text_table.hpp>
#include <sst/selection/paired_tests.hpp>

/// \file
/// Every method against every other on the same cases.

namespace program {

/// Two methods: by how much the first is better, and how likely chance does so.
struct Pair {
  Eigen::Index first, second;    ///< columns of the results
  double difference;             ///< mean of first - second
  Eigen::Index won, tied, lost;  ///< cases, for the first
  double p, holm;                ///< of Wilcoxon's signed ranks, and with Holm's correction over all pairs
};

/// Holm's correction over all of them.
inline void correct(std::vector<Pair>& pairs) {
  if (pairs.empty()) return;
  Eigen::VectorXd p(static_cast<Eigen::Index>(pairs.size()));
  for (std::size_t k = 0; k < pairs.size(); ++k) p[static_cast<Eigen::Index>(k)] = pairs[k].p;
  const Eigen::VectorXd holm = sst::holm_correction(p);
  for (std::size_t k = 0; k < pairs.size(); ++k) pairs[k].holm = holm[static_cast<Eigen::Index>(k)];
}

/// All pairs of the columns of cases x methods; none of fewer than two cases or methods. The larger result is
/// the better one.
inline std::vector<Pair> compare_pairs(const Eigen::MatrixXd& results) {
  std::vector<Pair> out;
  if (results.rows() < 2 || results.cols() < 2) return out;
  for (Eigen::Index i = 0; i < results.cols(); ++i)
    for (Eigen::Index j = i + 1; j < results.cols(); ++j) {
      const Eigen::ArrayXd d = results.col(i) - results.col(j);
      out.push_back({i, j, d.mean(), (d > 0).count(), (d == 0).count(), (d < 0).count(),
                     sst::wilcoxon_test(results.col(i), results.col(j)).p, 1});
    }
  correct(out);
  return out;
}

/// A row for each pair; results are shares and differences are printed in percent. `groups`, where there are
/// any: a number for each pair, in a first column with that header.
inline sst::TextTable pair_table(const std::vector<std::string>& names, const std::vector<Pair>& pairs,
                                 const std::string& header = {},
                                 const std::vector<Eigen::Index>& groups = {}) {
  using enum sst::TextTable::Align;
  std::vector<sst::TextTable::Column> columns{
      {"first"},       {"second"},      {"difference %", right, 2}, {"won", right}, {"tied", right},
      {"lost", right}, {"p", right, 4}, {"p by Holm", right, 4}};
  if (!groups.empty()) columns.insert(columns.begin(), {.header = header, .align = right});
  sst::TextTable out(columns);
  for (std::size_t k = 0; k < pairs.size(); ++k) {
    const Pair& pair = pairs[k];
    std::vector<sst::TextTable::Cell> row{names[static_cast<std::size_t>(pair.first)],
                                          names[static_cast<std::size_t>(pair.second)],
                                          100 * pair.difference,
                                          pair.won,
                                          pair.tied,
                                          pair.lost,
                                          pair.p,
                                          pair.holm};
    if (!groups.empty()) row.insert(row.begin(), groups[k]);
    out.add_row(row);
  }
  return out;
}

}  // namespace program
