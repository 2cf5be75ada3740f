// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <vector>

#include <Eigen/Core>

#include <sst/base/data_ref.hpp>
#include <sst/base/progress.hpp>
#include <sst/kernel/kernel_function.hpp>
#include <sst/linalg/ridge.hpp>
#include <sst/selection/grid_search.hpp>
#include <sst/selection/ridge_path.hpp>
#include <sst/version.hpp>

/// \file
/// Kernel and ridge that the data want.

namespace sst {
inline namespace SST_ABI {

/// How many candidates meet on how many samples.
struct RaceOptions {
  Eigen::Index first_rows = 256;                   ///< samples of the first round; 2 or more
  Eigen::Index last_rows = 1024;                   ///< samples of the last round, as far as there are
  double keep = 1.0 / 3;                           ///< the share that goes on to twice the samples, in (0, 1]
  std::size_t finalists = 6;                       ///< no fewer go on
  Criterion criterion = Criterion::leave_one_out;  ///< by which score
  std::uint32_t seed = 0;                          ///< of the order in which samples are drawn
  /// Of choosing, about; 0: as many as it takes. The first round comes in any case; no later one begins that
  /// would end too late by the time of the one before, and no further step of `choose`. With a limit the
  /// result depends on how fast the machine is.
  double seconds = 0;
  int threads = 0;                 ///< 0: as many as OpenMP gives; nothing depends on it
  ProgressFunction progress = {};  ///< of all of it
};

/// grid_search in rounds: all candidates on a few samples, the best of them on twice as many, and so on, as
/// cubic costs ask for ("successive halving": Jamieson and Talwalkar 2016, "Non-stochastic Best Arm
/// Identification and Hyperparameter Optimization"). Samples are drawn without replacement, each round's
/// among those of the next. From the second on a candidate's ridge is sought among the neighbours of its best
/// one before, by Cholesky factors: some four of them cost less than a path of all ridges. The
/// leaderboard has every candidate as it was last scored, those that got further first. x: n x d, y: n x
/// outputs. Throws as grid_search, and Error for options out of range.
Leaderboard race(const std::vector<Candidate>& candidates, const DataRef& x, const Eigen::MatrixXd& y,
                 const std::vector<Ridge>& ridges, const RaceOptions& options = {});

/// What `choose` begins with: chains of depth 2, 3 and 5 with ReLU, GELU and erf, three standard deviations
/// of weights and of biases, NNGP and NTK. One family, because on tables of numbers activation, depth and
/// standard deviations decide (docs/regress.md has figures). For features of mean 0 and std 1.
Grid table_grid();

/// How a kernel is chosen.
struct ChooseOptions {
  std::vector<Ridge> ridges = relative_ridges(1e-10, 10, 45);  ///< tried with every kernel
  /// How often the step, in the logarithms of the two standard deviations, is halved once no neighbour of the
  /// winner is better; 0 leaves it where the grid has it. A list of one value is kept.
  int refinements = 2;
  RaceOptions race = {};  ///< of the grid
};

/// What was chosen.
struct Choice {
  KernelFunction kernel;  ///< the winner
  GridPoint point;        ///< as a point of the grid
  Ridge ridge;            ///< its best one
  Leaderboard board;      ///< all that was tried
  Eigen::Index rows = 0;  ///< samples that decided
};

/// Kernel and ridge by leave-one-out (or the race's criterion): a race of the grid's candidates, then a
/// search around the winner by pattern (Hooke and Jeeves 1961) over weight_std and bias_std on the samples of
/// the last round, up to four times beyond the grid's values. The ridge is relative, so that it means the
/// same on all samples.
///
/// \code
/// const auto chosen = sst::choose(x, y);  // features of mean 0 and std 1
/// auto model = sst::fit(chosen.kernel, x, y, chosen.ridge);
/// \endcode
///
/// x: n x d, y: n x outputs. The winner of many looks better than it is: judge by a test. Throws as `race`,
/// and what the grid's families throw.
Choice choose(const DataRef& x, const Eigen::MatrixXd& y, const Grid& grid = table_grid(),
              const ChooseOptions& options = {});

}  // namespace SST_ABI
}  // namespace sst

#ifndef SST_EXTERN_TEMPLATES
#include <sst/selection/choose_impl.hpp>
#endif
