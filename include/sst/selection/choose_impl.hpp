// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <numeric>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <Eigen/Core>

#include <sst/activation/angular.hpp>
#include <sst/activation/erf.hpp>
#include <sst/activation/gelu.hpp>
#include <sst/base/compiled.hpp>
#include <sst/base/deadline.hpp>
#include <sst/base/execution.hpp>
#include <sst/base/progress.hpp>
#include <sst/error.hpp>
#include <sst/regression/targets.hpp>
#include <sst/selection/choose.hpp>
#include <sst/selection/grid_search_impl.hpp>
#include <sst/selection/ridge_score.hpp>
#include <sst/selection/sample.hpp>
#include <sst/topology/families.hpp>
#include <sst/version.hpp>

/// \file
/// The bodies of choose.hpp.

namespace sst {
inline namespace SST_ABI {

namespace choose_detail {

/// Those that got further first, then the better ones; failures last.
inline void sort(Leaderboard& board) {
  std::sort(board.entries.begin(), board.entries.end(), [](const GridEntry& a, const GridEntry& b) {
    return std::tuple(!a.failure.empty(), -a.rows, a.score, a.candidate) <
           std::tuple(!b.failure.empty(), -b.rows, b.score, b.candidate);
  });
}

/// Standard deviations that a reader can repeat.
inline double three_digits(double value) {
  const double unit = std::pow(10.0, std::floor(std::log10(value)) - 2);
  return unit < 1 ? std::round(value / unit) / std::round(1 / unit) : std::round(value / unit) * unit;
}

/// The rounds of a race: how many candidates on how many samples.
struct Round {
  Eigen::Index rows;
  std::size_t candidates;
  double cost() const { return static_cast<double>(candidates) * std::pow(static_cast<double>(rows), 3); }
};
inline std::vector<Round> rounds(Eigen::Index n, std::size_t candidates, const RaceOptions& options) {
  if (options.first_rows < 2 || options.last_rows < options.first_rows || !(options.keep > 0) ||
      options.keep > 1 || options.finalists < 1)
    throw Error("the race is from " + std::to_string(options.first_rows) + " to " +
                std::to_string(options.last_rows) + " samples, keeps " + std::to_string(options.keep) +
                " of the candidates and " + std::to_string(options.finalists) +
                " at least; give 2 or more, no fewer, a share in (0, 1], and 1 or more");
  const Eigen::Index last = std::min(n, options.last_rows);
  std::vector<Round> out{{std::min(n, options.first_rows), candidates}};
  while (out.back().rows < last) {
    const auto kept =
        static_cast<std::size_t>(std::ceil(options.keep * static_cast<double>(out.back().candidates)));
    out.push_back({std::min(last, 2 * out.back().rows),
                   std::min(out.back().candidates, std::max(options.finalists, kept))});
  }
  return out;
}

/// Scores a candidate at the best ridge near entry.ridge: by steps of four, two and one in the order of the
/// ridges' lambdas. Where its neighbours were looked at, so that a path of all of them would rarely say
/// other.
inline void search_ridge(GridEntry& entry, const Eigen::MatrixXd& k, const Eigen::MatrixXd& y,
                         const std::vector<Ridge>& ridges, Criterion criterion, const Execution& execution) {
  const double mean_diagonal = k.diagonal().mean();
  std::vector<std::size_t> order(ridges.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return std::pair(ridges[a].lambda_for(mean_diagonal), a) <
           std::pair(ridges[b].lambda_for(mean_diagonal), b);
  });
  entry.scores.assign(ridges.size(), std::numeric_limits<double>::quiet_NaN());
  double left = 1;
  const auto at = [&](std::size_t place) {
    double& known = entry.scores[order[place]];
    if (std::isnan(known)) {
      known = ridge_score(k, y, ridges[order[place]].lambda_for(mean_diagonal), criterion, execution.threads);
      left *= 0.8;  // nobody knows how many there will be
      detail::tell(execution.progress, "the search for a ridge", 1 - left);
    }
    return known;
  };
  std::size_t best = 0;
  while (best + 1 < order.size() && !(ridges[order[best]] == entry.ridge)) ++best;
  for (std::size_t step = 4; step > 0;) {
    const std::size_t before = best;
    if (before >= step && at(before - step) < at(best)) best = before - step;
    if (before + step < order.size() && at(before + step) < at(best)) best = before + step;
    if (best == before) step /= 2;
  }
  entry.ridge = ridges[order[best]];
  entry.score = at(best);
  if (!std::isfinite(entry.score))
    entry.failure = "the kernel is singular in double under every ridge that was tried; use larger ridges";
}

/// Scores candidates near the ridges of `entries`, which tell how they did before, on all of x.
inline void search(std::vector<GridEntry>& entries, const std::vector<Candidate>& candidates,
                   const DataRef& x, const Eigen::MatrixXd& y, const std::vector<Ridge>& ridges,
                   Criterion criterion, int threads, const ProgressFunction& progress) {
  selection_detail::over_candidates(
      entries.size(), x.rows(), threads, progress, "the choice of a kernel",
      [&](std::size_t i, const Execution& within) {
        GridEntry& entry = entries[i];
        entry.rows = x.rows();
        try {
          const Eigen::MatrixXd k =
              candidates[entry.candidate].kernel.matrix(x, detail::part_of(within, 0, 0.2));
          search_ridge(entry, k, y, ridges, criterion, detail::part_of(within, 0.2, 1));
        } catch (const Cancelled&) {
          throw;
        } catch (const Error& error) {
          entry.failure = error.what();
        }
        if (!entry.failure.empty()) entry.score = std::numeric_limits<double>::infinity();
      });
}

}  // namespace choose_detail

SST_COMPILED Leaderboard race(const std::vector<Candidate>& candidates, const DataRef& x,
                              const Eigen::MatrixXd& y, const std::vector<Ridge>& ridges,
                              const RaceOptions& options) {
  using namespace choose_detail;
  regression_detail::require_targets(x.rows(), y);
  const auto plan = rounds(x.rows(), candidates.size(), options);
  const Deadline deadline(options.seconds);
  double total = 0, done = 0;
  for (const Round& round : plan) total += round.cost();
  Leaderboard board;
  double took = 0;  // the round before
  for (std::size_t r = 0; r < plan.size(); ++r) {
    const double before = deadline.passed();
    board.out_of_time = r > 0 && took * plan[r].cost() / plan[r - 1].cost() > deadline.left();
    if (board.out_of_time) break;
    const Sample at = draw_sample(x, y, plan[r].rows, options.seed);
    const ProgressFunction progress =
        detail::part_of(options.progress, done / total, (done + plan[r].cost()) / total);
    if (r == 0) {
      board = grid_search(candidates, at.x, at.y, ridges,
                          {.criterion = options.criterion, .threads = options.threads, .progress = progress});
    } else {
      std::vector<GridEntry> runners;
      for (std::size_t i = 0; i < plan[r].candidates && board.entries[i].failure.empty(); ++i)
        runners.push_back(board.entries[i]);
      search(runners, candidates, at.x, at.y, ridges, options.criterion, options.threads, progress);
      std::copy(runners.begin(), runners.end(), board.entries.begin());
    }
    sort(board);
    done += plan[r].cost();
    took = deadline.passed() - before;
  }
  return board;
}

SST_COMPILED Grid table_grid() {
  return {.families = {{"chain", [](int depth, const FamilyOptions& layer) { return chain(depth, layer); }}},
          .depths = {2, 3, 5},
          .weight_stds = {0.5, 1, 2},
          .bias_stds = {0.1, 0.5, 1.5},
          .activations = {std::make_shared<Relu>(), std::make_shared<Gelu>(), std::make_shared<Erf>()}};
}

SST_COMPILED Choice choose(const DataRef& x, const Eigen::MatrixXd& y, const Grid& grid,
                           const ChooseOptions& options) {
  using namespace choose_detail;
  std::vector<GridPoint> points = grid_points(grid);
  std::vector<Candidate> all = candidates(grid);
  const Deadline deadline(options.race.seconds);
  const bool refined = options.refinements > 0 && (grid.weight_stds.size() > 1 || grid.bias_stds.size() > 1);
  constexpr double share_of_race = 0.7;  // of the progress, when there is more to come
  RaceOptions race_options = options.race;
  if (refined) race_options.progress = detail::part_of(options.race.progress, 0, share_of_race);
  Leaderboard board = race(all, x, y, options.ridges, race_options);
  board.best();  // throws where there is none
  const Eigen::Index rows = board.entries.front().rows;

  // A search by pattern: the winner's neighbours at a factor, which shrinks once none is better.
  const Sample at = draw_sample(x, y, rows, options.race.seed);
  constexpr double reach = 4;  // beyond the ends of the grid's lists
  constexpr int most_steps = 25;
  double factor = std::sqrt(2.0);
  const auto inside = [](double value, const std::vector<double>& list) {
    const auto [least, largest] = std::minmax_element(list.begin(), list.end());
    return value >= *least / reach && value <= *largest * reach;
  };
  for (int halvings = 0, steps = 0; refined && halvings < options.refinements && steps < most_steps;
       ++steps) {
    if (deadline.left() <= 0) {
      board.out_of_time = true;
      break;
    }
    const GridEntry centre = board.best();
    std::vector<GridEntry> runners;
    for (const double by : {factor, 1 / factor})
      for (const bool weights : {true, false}) {
        const std::vector<double>& list = weights ? grid.weight_stds : grid.bias_stds;
        GridPoint next = points[centre.candidate];
        double& value = weights ? next.weight_std : next.bias_std;
        if (list.size() < 2 || value == 0 || !inside(value = three_digits(value * by), list)) continue;
        Candidate neighbour = candidate(grid, next);
        const bool known = std::any_of(all.begin(), all.end(),
                                       [&](const Candidate& one) { return one.name == neighbour.name; });
        if (known) continue;
        runners.push_back({.candidate = all.size(), .name = neighbour.name, .ridge = centre.ridge});
        points.push_back(std::move(next));
        all.push_back(std::move(neighbour));
      }
    const auto done = [&](int step) { return 1 - (1 - share_of_race) * std::pow(0.8, step); };
    const ProgressFunction progress =  // nobody knows how many steps there will be
        detail::part_of(options.race.progress, done(steps), done(steps + 1));
    search(runners, all, at.x, at.y, options.ridges, options.race.criterion, options.race.threads, progress);
    board.entries.insert(board.entries.end(), runners.begin(), runners.end());
    sort(board);
    // A valley that is flat, such as that of the scale of a homogeneous network, leads nowhere.
    constexpr double enough = 1e-3;
    if (board.best().score < centre.score - enough * std::abs(centre.score)) continue;
    factor = std::sqrt(factor);
    ++halvings;
  }
  const GridEntry best = board.best();
  return {all[best.candidate].kernel, points[best.candidate], best.ridge, std::move(board), rows};
}

}  // namespace SST_ABI
}  // namespace sst
