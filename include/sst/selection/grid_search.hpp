// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <ostream>
#include <string>
#include <vector>

#include <Eigen/Core>

#include <sst/base/progress.hpp>
#include <sst/base/text_table.hpp>
#include <sst/kernel/network_kernel.hpp>
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
  std::vector<Family> families;                                         ///< each one at all depths
  std::vector<int> depths;                                              ///< K; see families.hpp
  std::vector<double> weight_stds = {1};                                ///< of all dense layers
  std::vector<double> bias_stds = {0};                                  ///< of all dense layers
  std::vector<Kernel> kernels = {Kernel::nngp, Kernel::ntk};            ///< of each network
  std::vector<ActivationPtr> activations = {std::make_shared<Relu>()};  ///< phi of each network
  NetworkOptions network = {};                                          ///< how all kernels are computed
};

/// One combination of a grid; all are numbers that its lists need not have.
struct GridPoint {
  std::size_t family = 0;         ///< position in the grid's list
  int depth = 1;                  ///< K
  ActivationPtr activation = {};  ///< phi
  double weight_std = 1;          ///< of all dense layers
  double bias_std = 0;            ///< of all dense layers
  Kernel kernel = Kernel::nngp;   ///< of the network
};

/// All combinations: families, depths, activations, weight_stds, bias_stds, kernels, the last the first to
/// vary. Throws Error for an empty list.
std::vector<GridPoint> grid_points(const Grid& grid);
/// A combination as a kernel. Throws what the family throws, and NoClosedForm.
Candidate candidate(const Grid& grid, const GridPoint& point);
/// All of grid_points as kernels. Throws as both.
std::vector<Candidate> candidates(const Grid& grid);

/// What is tried on each candidate, and how it is scored.
struct GridOptions {
  /// By which score; not used when there are splits.
  Criterion criterion = Criterion::leave_one_out;
  /// When given, the score is the squared error of cross_validate instead.
  std::vector<Split> splits = {};
  /// 0: as many as OpenMP gives, as far as memory for the kernels of each goes. The result does not depend on
  /// it, to the last bit.
  int threads = 0;
  ProgressFunction progress = {};  ///< of all of it
};

/// A candidate at its best ridge.
struct GridEntry {
  std::size_t candidate = 0;         ///< position in the list that was searched
  std::string name;                  ///< of the candidate
  Ridge ridge = Ridge::absolute(0);  ///< the best one
  double score = 0;                  ///< the smaller the better; infinite when it failed
  std::vector<double> scores = {};   ///< of every ridge; NaN of those that a race left out
  Eigen::Index rows = 0;             ///< on how many samples
  std::string failure = {};          ///< why there is no score; empty when there is one
};

/// What a search found.
struct Leaderboard {
  std::vector<GridEntry> entries;  ///< the best first, failures last; of equals the earlier candidate
  bool out_of_time = false;        ///< whether RaceOptions::seconds ended it

  /// Throws Error, with the first reason, when every entry failed.
  const GridEntry& best() const;

  /// The `count` best as a table to print.
  TextTable table(std::size_t count = 20) const;
  /// Writes `table()`.
  friend std::ostream& operator<<(std::ostream& out, const Leaderboard& board) {
    return out << board.table();
  }
};

/// Scores every candidate and ridge on x, n x d, and y, n x outputs. Each candidate takes a BandForm, or with
/// splits one a split; the ridges come on top. A ridge that leaves the system
/// singular scores infinity; a candidate whose kernel, or none of whose ridges, can be had is listed with the
/// reason. Throws DataError (samples, targets, splits), Error (an
/// empty list, memory), Cancelled.
Leaderboard grid_search(const std::vector<Candidate>& candidates, const DataRef& x, const Eigen::MatrixXd& y,
                        const std::vector<Ridge>& ridges, const GridOptions& options = {});

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

#ifndef SST_EXTERN_TEMPLATES
#include <sst/selection/grid_search_impl.hpp>
#endif
