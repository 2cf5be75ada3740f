// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <limits>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <Eigen/Core>

#include <sst/base/compiled.hpp>
#include <sst/base/execution.hpp>
#include <sst/base/memory.hpp>
#include <sst/base/parallel.hpp>
#include <sst/base/progress.hpp>
#include <sst/error.hpp>
#include <sst/kernel/network_kernel.hpp>
#include <sst/linalg/band_form.hpp>
#include <sst/regression/targets.hpp>
#include <sst/selection/grid_search.hpp>
#include <sst/selection/ridge_path_impl.hpp>
#include <sst/version.hpp>

/// \file
/// The bodies of grid_search.hpp.

namespace sst {
inline namespace SST_ABI {

SST_COMPILED std::vector<GridPoint> grid_points(const Grid& grid) {
  if (grid.families.empty() || grid.depths.empty() || grid.activations.empty() || grid.weight_stds.empty() ||
      grid.bias_stds.empty() || grid.kernels.empty())
    throw Error(
        "the grid has an empty list (families, depths, activations, weight_stds, bias_stds or kernels); give "
        "each a value");
  std::vector<GridPoint> out;
  for (std::size_t family = 0; family < grid.families.size(); ++family)
    for (const int depth : grid.depths)
      for (const ActivationPtr& activation : grid.activations)
        for (const double weight_std : grid.weight_stds)
          for (const double bias_std : grid.bias_stds)
            for (const Kernel kernel : grid.kernels)
              out.push_back({family, depth, activation, weight_std, bias_std, kernel});
  return out;
}

SST_COMPILED Candidate candidate(const Grid& grid, const GridPoint& point) {
  const Family& family = grid.families.at(point.family);
  const auto number = [](double value) { return detail::shortest(value); };
  std::string name = point.kernel == Kernel::ntk ? "ntk " : "nngp ";
  name.append(family.name).append("-").append(std::to_string(point.depth));
  name.append(" ").append(point.activation->name());
  for (const auto& [what, value] : point.activation->parameters()) name.append(":").append(number(value));
  name.append(" w").append(number(point.weight_std)).append(" b").append(number(point.bias_std));
  return {std::move(name), network_kernel({family.make(point.depth, {.weight_std = point.weight_std,
                                                                     .bias_std = point.bias_std,
                                                                     .activation = point.activation}),
                                           point.kernel, std::nullopt, grid.network})};
}

SST_COMPILED std::vector<Candidate> candidates(const Grid& grid) {
  std::vector<Candidate> out;
  for (const GridPoint& point : grid_points(grid)) out.push_back(candidate(grid, point));
  return out;
}

namespace selection_detail {

/// Calls work(i, execution) for every one of `count` candidates on n samples. They are shared out among the
/// threads as far as memory for the kernels of each goes, and what is parallel within one is serial then; a
/// single candidate has all threads.
template <class Work>
void over_candidates(std::size_t count, Eigen::Index samples, int threads, const ProgressFunction& progress,
                     const char* what, Work&& work) {
  const double n = static_cast<double>(samples), each = 3 * n * n * sizeof(double);
  require_memory(each, std::string(what) + " on " + std::to_string(samples) + " samples");
  const double room = std::max(1.0, std::min(available_memory() / each, 1e6));
  const int team =
      std::min(detail::team_size(threads, static_cast<std::ptrdiff_t>(count)), static_cast<int>(room));
  detail::Counter counter(progress, static_cast<double>(count), what);
  detail::parallel(count, team, [&](std::size_t i) {
    double done = 0;
    const auto done_up_to = [&](double share) {
      counter.add(share - std::exchange(done, share));
      return true;
    };
    Execution within{team > 1 ? 1 : threads, {}};
    if (progress) within.progress = done_up_to;
    work(i, within);
    done_up_to(1);
  });
}

/// The scores of the ridges under which the system can be solved, infinity for others. Throws
/// NotPositiveDefinite where there is none of the former.
inline Eigen::VectorXd scores_of_all(const BandForm& form, const Eigen::MatrixXd& y,
                                     const std::vector<Ridge>& ridges, Criterion criterion,
                                     const Execution& execution) {
  std::size_t failures = 0;
  return scores(path(form, y, ridges, execution,
                     [&](const NotPositiveDefinite& error) {
                       if (++failures == ridges.size()) throw error;
                     }),
                criterion);
}

}  // namespace selection_detail

SST_COMPILED Leaderboard grid_search(const std::vector<Candidate>& candidates, const DataRef& x,
                                     const Eigen::MatrixXd& y, const std::vector<Ridge>& ridges,
                                     const GridOptions& options) {
  regression_detail::require_targets(x.rows(), y);
  x.require_finite("the training matrix");
  if (candidates.empty() || ridges.empty())
    throw Error("the search has no candidates or no ridges; give one of each at least");
  const auto evaluate = [&](std::size_t at, const Execution& within) {
    GridEntry entry{.candidate = at,
                    .name = candidates[at].name,
                    .ridge = ridges.front(),
                    .score = std::numeric_limits<double>::infinity(),
                    .rows = x.rows()};
    Eigen::MatrixXd k;
    try {
      k = candidates[at].kernel.matrix(x, detail::part_of(within, 0, 0.2));
    } catch (const Cancelled&) {
      throw;
    } catch (const Error& error) {
      entry.failure = error.what();
      return entry;
    }
    try {
      const Execution rest = detail::part_of(within, 0.2, 1);
      const Eigen::VectorXd values =
          options.splits.empty()
              ? selection_detail::scores_of_all(BandForm(std::move(k), detail::part_of(rest, 0, 0.6)), y,
                                                ridges, options.criterion, detail::part_of(rest, 0.6, 1))
              : cross_validate(k, y, ridges, options.splits, rest).errors;
      Eigen::Index best = 0;
      entry.score = values.minCoeff(&best);
      entry.ridge = ridges[static_cast<std::size_t>(best)];
      entry.scores.assign(values.begin(), values.end());
    } catch (const Cancelled&) {
      throw;
    } catch (const DataError&) {
      throw;  // the splits, which no candidate can mend
    } catch (const Error& error) {
      entry.failure = error.what();
    }
    return entry;
  };

  Leaderboard board;
  board.entries.resize(candidates.size());
  selection_detail::over_candidates(
      candidates.size(), x.rows(), options.threads, options.progress, "the grid search",
      [&](std::size_t i, const Execution& within) { board.entries[i] = evaluate(i, within); });
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
                 {.header = "rows", .align = Align::right},
                 {.header = "score", .align = Align::right, .digits = 6},
                 {"remark"}});
  for (std::size_t i = 0; i < std::min(count, entries.size()); ++i) {
    const GridEntry& entry = entries[i];
    out.add_row({i + 1, entry.name, entry.failure.empty() ? entry.ridge.to_string() : "", entry.rows,
                 entry.score, entry.failure});
  }
  return out;
}

}  // namespace SST_ABI
}  // namespace sst
