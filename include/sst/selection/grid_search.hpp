// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <functional>
#include <iterator>
#include <limits>
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
#include <sst/kernel/gram.hpp>
#include <sst/selection/cross_validation.hpp>
#include <sst/selection/ridge_path.hpp>
#include <sst/topology/families.hpp>
#include <sst/version.hpp>

namespace sst {
inline namespace SST_ABI {

/// A topology to try, with the name under which it is reported.
struct Candidate {
  std::string name;   ///< for tables
  Topology topology;  ///< whose kernels are tried
};

/// A family as a function of depth, such as `chain`.
struct Family {
  std::string name;  ///< how the names of its candidates begin
  std::function<Topology(int depth, const FamilyOptions&)>
      make;  ///< its function of depth; throws Error for a depth that it has not
};

/// What candidates are made of: every combination is one.
struct Grid {
  std::vector<Family> families;           ///< each one at all depths
  std::vector<int> depths;                ///< K; see families.hpp
  std::vector<double> weight_stds = {1};  ///< of all dense layers
  std::vector<double> bias_stds = {0};    ///< of all dense layers
};

/// All combinations, families first and biases last to vary. Throws Error for an empty list, and what the
/// families throw.
inline std::vector<Candidate> candidates(const Grid& grid) {
  if (grid.families.empty() || grid.depths.empty() || grid.weight_stds.empty() || grid.bias_stds.empty())
    throw Error("the grid has an empty list (families, depths, weight_stds or bias_stds); give each a value");
  const auto number = [](double value) { return detail::shortest(value); };
  std::vector<Candidate> out;
  for (const Family& family : grid.families)
    for (const int depth : grid.depths)
      for (const double weight_std : grid.weight_stds)
        for (const double bias_std : grid.bias_stds)
          out.push_back({family.name + "-" + std::to_string(depth) + " w" + number(weight_std) + " b" +
                             number(bias_std),
                         family.make(depth, {.weight_std = weight_std, .bias_std = bias_std})});
  return out;
}

/// What is tried on each candidate, and how it is scored.
struct GridOptions {
  std::vector<Kernel> kernels = {Kernel::nngp, Kernel::ntk};  ///< which kernels
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

/// One kernel of one candidate, at its best ridge.
struct GridEntry {
  std::size_t candidate = 0;         ///< position in the list that was searched
  std::string name;                  ///< of the candidate
  Kernel kernel = Kernel::ntk;       ///< which kernel
  Ridge ridge = Ridge::absolute(0);  ///< the best one
  double score = 0;                  ///< the smaller the better; infinite when it failed
  std::vector<double> scores;        ///< of every ridge
  std::string failure;               ///< why there is no score; empty when there is one
};

/// What a search found.
struct Leaderboard {
  std::vector<GridEntry>
      entries;  ///< the best first, failures last; of equals the earlier candidate, NNGP first

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
                   {"topology"},
                   {"kernel"},
                   {"ridge"},
                   {.header = "score", .align = Align::right, .digits = 6},
                   {"remark"}});
    for (std::size_t i = 0; i < std::min(count, entries.size()); ++i) {
      const GridEntry& entry = entries[i];
      out.add_row({i + 1, entry.name, entry.kernel == Kernel::nngp ? "nngp" : "ntk",
                   entry.failure.empty() ? entry.ridge.to_string() : "", entry.score, entry.failure});
    }
    return out;
  }
  /// Writes `table()`.
  friend std::ostream& operator<<(std::ostream& out, const Leaderboard& board) {
    return out << board.table();
  }
};

/// Scores every candidate, kernel and ridge on x, n x d, and y, n x outputs. Both kernels of a topology come
/// from one pass over the samples, and all ridges from one eigendecomposition a kernel (one a split, with
/// splits). A candidate that cannot be scored (no closed form, a singular kernel) is an entry that says why.
/// Memory: 3 n^2 doubles and one more n^2 a kernel, times the candidates that are computed at once.
/// Throws DataError (x, y, splits), Error (no candidates, kernels or ridges), Cancelled.
inline Leaderboard grid_search(const std::vector<Candidate>& candidates, const Eigen::MatrixXd& x,
                               const Eigen::MatrixXd& y, const std::vector<Ridge>& ridges,
                               const GridOptions& options = {}) {
  regression_detail::require_targets(x.rows(), y);
  DataRef(x).require_finite("the training matrix");
  if (candidates.empty() || ridges.empty() || options.kernels.empty())
    throw Error("the search has no candidates, no kernels or no ridges; give one of each at least");
  const auto has = [&](Kernel kernel) {
    return std::find(options.kernels.begin(), options.kernels.end(), kernel) != options.kernels.end();
  };
  const double n = static_cast<double>(x.rows()), each = 5 * n * n * sizeof(double);
  require_memory(each, "a search on " + std::to_string(x.rows()) + " samples");

  const auto score = [&](const Eigen::MatrixXd& kernel) -> Eigen::VectorXd {
    if (!options.splits.empty()) return cross_validate(kernel, y, ridges, options.splits).errors;
    return scores(ridge_path(Spectrum(kernel), y, ridges), options.criterion);
  };
  const auto evaluate = [&](std::size_t at) {
    std::vector<GridEntry> out;
    GramMatrices<double> k;
    std::string failure;
    try {
      const Topology& topology = candidates[at].topology;
      if (has(Kernel::nngp) && has(Kernel::ntk))
        k = gram(topology, x);
      else if (has(Kernel::nngp))
        k.nngp = gram(compile(topology, Kernel::nngp), Kernel::nngp, x);
      else
        k.ntk = gram(compile(topology, Kernel::ntk), Kernel::ntk, x);
    } catch (const Error& error) {
      failure = error.what();
    }
    for (const Kernel kernel : options.kernels) {
      GridEntry entry{
          at,     candidates[at].name, kernel, ridges.front(), std::numeric_limits<double>::infinity(), {},
          failure};
      if (failure.empty()) try {
          const Eigen::VectorXd values = score(kernel == Kernel::nngp ? k.nngp : k.ntk);
          Eigen::Index best = 0;
          entry.score = values.minCoeff(&best);
          entry.ridge = ridges[static_cast<std::size_t>(best)];
          entry.scores.assign(values.begin(), values.end());
        } catch (const DataError&) {
          throw;  // the splits, which no candidate can mend
        } catch (const Error& error) {
          entry.failure = error.what();
        }
      out.push_back(std::move(entry));
    }
    return out;
  };

  // Candidates are shared out among the threads, and what is parallel within one is serial then. A single
  // candidate has all threads.
  const auto count = static_cast<std::ptrdiff_t>(candidates.size());
  std::vector<std::vector<GridEntry>> found(candidates.size());
  detail::Counter progress(options.progress, static_cast<double>(candidates.size()), "the grid search");
  const double room = std::max(1.0, std::min(available_memory() / each, 1e6));
  const int team = std::min(detail::team_size(options.threads, count), static_cast<int>(room));
  detail::parallel(candidates.size(), team, [&](std::size_t i) {
    found[i] = evaluate(i);
    progress.add();
  });

  Leaderboard board;
  for (auto& entries : found) std::move(entries.begin(), entries.end(), std::back_inserter(board.entries));
  std::sort(board.entries.begin(), board.entries.end(), [](const GridEntry& a, const GridEntry& b) {
    return std::tie(a.score, a.candidate, a.kernel) < std::tie(b.score, b.candidate, b.kernel);
  });
  return board;
}

}  // namespace SST_ABI
}  // namespace sst
