// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <iterator>
#include <limits>
#include <optional>
#include <ostream>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <Eigen/Core>

#include <sst/base/memory.hpp>
#include <sst/base/parallel.hpp>
#include <sst/base/text_table.hpp>
#include <sst/error.hpp>
#include <sst/kernel/network_kernel.hpp>
#include <sst/linalg/spectrum.hpp>
#include <sst/regression/classification.hpp>
#include <sst/selection/cross_validation.hpp>
#include <sst/selection/ridge_path.hpp>
#include <sst/topology/families.hpp>
#include <sst/version.hpp>

namespace sst {
inline namespace SST_ABI {

/// A kernel to try, with the name under which it is reported.
struct Candidate {
  std::string name;       ///< for tables
  KernelFunction kernel;  ///< what is tried
};

/// A family as a function of depth, such as `chain`.
struct Family {
  std::string name;  ///< how the names of its candidates begin
  std::function<Topology(int depth, const FamilyOptions&)>
      make;  ///< its function of depth; throws Error for a depth that it has not
};

/// What candidates are made of: every combination is one.
struct Grid {
  std::vector<Family> families;                               ///< each one at all depths
  std::vector<int> depths;                                    ///< K; see families.hpp
  std::vector<double> weight_stds = {1};                      ///< of all dense layers
  std::vector<double> bias_stds = {0};                        ///< of all dense layers
  std::vector<Kernel> kernels = {Kernel::nngp, Kernel::ntk};  ///< of each network
};

/// All combinations, families first and kernels last to vary. Throws Error for an empty list, and what the
/// families throw.
inline std::vector<Candidate> candidates(const Grid& grid) {
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

/// What is tried on each candidate, and how it is scored.
struct GridOptions {
  /// By which score; not used when there are splits.
  Criterion criterion = Criterion::leave_one_out;
  /// When given, the score is the squared error of cross_validate instead.
  std::vector<Split> splits = {};
  /// 0: as many as OpenMP gives, as far as memory for the kernels of each goes. The result does not depend on
  /// it, to the last bit.
  int threads = 0;
  /// Called, by one thread at a time, with the fraction that is done; returning false cancels (throws
  /// Cancelled).
  std::function<bool(double)> progress = {};
};

/// A candidate at its best ridge.
struct GridEntry {
  std::size_t candidate = 0;         ///< position in the list that was searched
  std::string name;                  ///< of the candidate
  Ridge ridge = Ridge::absolute(0);  ///< the best one
  double score = 0;                  ///< the smaller the better; infinite when it failed
  std::vector<double> scores;        ///< of every ridge
  std::string failure;               ///< why there is no score; empty when there is one
};

/// What a search found.
struct Leaderboard {
  std::vector<GridEntry> entries;  ///< the best first, failures last; of equals the earlier candidate

  /// Throws Error, with the first reason, when every entry failed.
  const GridEntry& best() const {
    if (entries.empty()) throw Error("the leaderboard is empty; search something");
    if (!entries.front().failure.empty())
      throw Error("no candidate could be scored (the first: " + entries.front().failure +
                  "); change the candidates or the ridges");
    return entries.front();
  }

  /// The `count` best as a table to print.
  TextTable table(std::size_t count = 20) const {
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
  /// Writes `table()`.
  friend std::ostream& operator<<(std::ostream& out, const Leaderboard& board) {
    return out << board.table();
  }
};

/// Scores every candidate and ridge on x, n x d, and y, n x outputs. Each candidate takes an
/// eigendecomposition, or with splits one a split; the ridges come on top. A candidate whose kernel or whose
/// ridges cannot be had is listed with the reason. Throws DataError (samples, targets, splits), Error (an
/// empty list, memory), Cancelled.
inline Leaderboard grid_search(const std::vector<Candidate>& candidates, const DataRef& x,
                               const Eigen::MatrixXd& y, const std::vector<Ridge>& ridges,
                               const GridOptions& options = {}) {
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

/// Kernel and ridge of a classifier by the squared error of two-fold validation on one-hot targets, as did
/// well on small sets (Arora, Du, Li, Salakhutdinov, Wang and Yu 2020, "Harnessing the Power of Infinitely
/// Wide Deep Nets on Small-data Tasks"). x: n x d. The options' criterion and splits are not used. Throws as
/// grid_search.
template <class Label>
Leaderboard select_classifier(const std::vector<Candidate>& candidates, const DataRef& x,
                              const std::vector<Label>& labels, const std::vector<Ridge>& ridges,
                              std::uint32_t seed, GridOptions options = {}) {
  const Classes<Label> classes(labels);
  const Eigen::MatrixXd y = one_hot(classes.encode(labels), classes.size());
  options.splits = k_fold(y.rows(), 2, seed);
  return grid_search(candidates, x, y, ridges, options);
}

}  // namespace SST_ABI
}  // namespace sst
