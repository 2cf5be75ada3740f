// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <limits>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include <Eigen/Core>

#include <sst/base/compiled.hpp>
#include <sst/base/memory.hpp>
#include <sst/base/parallel.hpp>
#include <sst/error.hpp>
#include <sst/kernel/network_kernel.hpp>
#include <sst/linalg/spectrum.hpp>
#include <sst/regression/targets.hpp>
#include <sst/selection/grid_search.hpp>
#include <sst/selection/ridge_path.hpp>
#include <sst/version.hpp>

/// \file
/// The bodies of grid_search.hpp.

namespace sst {
inline namespace SST_ABI {

SST_COMPILED std::vector<Candidate> candidates(const Grid& grid) {
  if (grid.families.empty() || grid.depths.empty() || grid.weight_stds.empty() || grid.bias_stds.empty() ||
      grid.kernels.empty())
    throw Error(
        "the grid has an empty list (families, depths, weight_stds, bias_stds or kernels); give each a "
        "value");
  const auto number = [](double value) { return detail::shortest(value); };
  std::vector<Candidate> out;
  for (const Family& family : grid.families)
    for (const int depth : grid.depths)
      for (const double weight_std : grid.weight_stds)
        for (const double bias_std : grid.bias_stds) {
          const Topology topology = family.make(depth, {.weight_std = weight_std, .bias_std = bias_std});
          for (const Kernel kernel : grid.kernels)
            out.push_back({std::string(kernel == Kernel::ntk ? "ntk " : "nngp ") + family.name + "-" +
                               std::to_string(depth) + " w" + number(weight_std) + " b" + number(bias_std),
                           network_kernel({topology, kernel, std::nullopt})});
        }
  return out;
}

SST_COMPILED Leaderboard grid_search(const std::vector<Candidate>& candidates, const DataRef& x,
                                     const Eigen::MatrixXd& y, const std::vector<Ridge>& ridges,
                                     const GridOptions& options) {
  regression_detail::require_targets(x.rows(), y);
  x.require_finite("the training matrix");
  if (candidates.empty() || ridges.empty())
    throw Error("the search has no candidates or no ridges; give one of each at least");
  const double n = static_cast<double>(x.rows()), each = 3 * n * n * sizeof(double);
  require_memory(each, "a search on " + std::to_string(x.rows()) + " samples");
  // Candidates are shared out among the threads, and what is parallel within one is serial then. A single
  // candidate has all threads.
  const auto count = static_cast<std::ptrdiff_t>(candidates.size());
  const double room = std::max(1.0, std::min(available_memory() / each, 1e6));
  const int team = std::min(detail::team_size(options.threads, count), static_cast<int>(room));
  const Execution within{team > 1 ? 1 : options.threads, {}};
  const auto evaluate = [&](std::size_t at) {
    GridEntry entry{at, candidates[at].name, ridges.front(), std::numeric_limits<double>::infinity(), {}, {}};
    Eigen::MatrixXd k;
    try {
      k = candidates[at].kernel.matrix(x, within);
    } catch (const Error& error) {
      entry.failure = error.what();
      return entry;
    }
    try {
      const Eigen::VectorXd values =
          options.splits.empty() ? scores(ridge_path(Spectrum(k), y, ridges), options.criterion)
                                 : Eigen::VectorXd(cross_validate(k, y, ridges, options.splits).errors);
      Eigen::Index best = 0;
      entry.score = values.minCoeff(&best);
      entry.ridge = ridges[static_cast<std::size_t>(best)];
      entry.scores.assign(values.begin(), values.end());
    } catch (const DataError&) {
      throw;  // the splits, which no candidate can mend
    } catch (const Error& error) {
      entry.failure = error.what();
    }
    return entry;
  };

  Leaderboard board;
  board.entries.resize(candidates.size());
  detail::Counter progress(options.progress, static_cast<double>(candidates.size()), "the grid search");
  detail::parallel(candidates.size(), team, [&](std::size_t i) {
    board.entries[i] = evaluate(i);
    progress.add();
  });
  std::sort(board.entries.begin(), board.entries.end(), [](const GridEntry& a, const GridEntry& b) {
    return std::tie(a.score, a.candidate) < std::tie(b.score, b.candidate);
  });
  return board;
}

SST_COMPILED const GridEntry& Leaderboard::best() const {
  if (entries.empty()) throw Error("the leaderboard is empty; search something");
  if (!entries.front().failure.empty())
    throw Error("no candidate could be scored (the first: " + entries.front().failure +
                "); change the candidates or the ridges");
  return entries.front();
}

SST_COMPILED TextTable Leaderboard::table(std::size_t count) const {
  using Align = TextTable::Align;
  TextTable out({{"", Align::right},
                 {"kernel"},
                 {"ridge"},
                 {.header = "score", .align = Align::right, .digits = 6},
                 {"remark"}});
  for (std::size_t i = 0; i < std::min(count, entries.size()); ++i) {
    const GridEntry& entry = entries[i];
    out.add_row({i + 1, entry.name, entry.failure.empty() ? entry.ridge.to_string() : "", entry.score,
                 entry.failure});
  }
  return out;
}

}  // namespace SST_ABI
}  // namespace sst
