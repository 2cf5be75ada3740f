// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <ostream>
#include <string>
#include <vector>

#include <Eigen/Core>

#include <sst/base/parallel.hpp>
#include <sst/base/text_table.hpp>
#include <sst/io/store/tile_store.hpp>

#include "duration.hpp"
#include "image_kernels.hpp"
#include "image_report.hpp"
#include "quantities.hpp"

/// \file
/// What a run will take, before it starts.

/// What a candidate's kernels take.
struct Cost {
  double pairs = 0, seconds = 0;  ///< entries computed, on all threads
  double memory = 0, disk = 0;    ///< bytes at the most, images included; of a full store
};

namespace plan_detail {

/// Seconds a pair takes on all threads, from a few rectangles of this very run.
template <class Scalar>
double time_pair(const Candidate& candidate, const Experiment& e, const Options& options) {
  const int threads = sst::detail::team_size(options.threads, 1 << 12);
  const auto some = [&](Eigen::Index count) {
    std::vector<Eigen::Index> which(static_cast<std::size_t>(count));
    for (std::size_t i = 0; i < which.size(); ++i) which[i] = static_cast<Eigen::Index>(i) % e.train.count();
    return sst::select(e.train, which);
  };
  return program::time_pair(
      std::min(options.side(), e.train.count()), threads, [&](Eigen::Index rows, Eigen::Index columns) {
        const sst::Images left = some(rows), right = some(columns);
        sst::TileReport report;
        kernels_detail::with_tiles<Scalar>(candidate, left, right, options, [&](const auto& tiles) {
          return sst::compute_by_tiles<Scalar>(tiles, sst::TileSymmetry::general, rows,
                                               {.threads = options.threads}, &report);
        });
        return report.seconds;
      });
}

/// Bytes of the images, and of what is held beside them at the most: the tables of a tile, the matrices,
/// which tiles go to unless they go to a store, and these in double as well.
template <class Scalar>
double memory(const Candidate& candidate, const Experiment& e, const Options& options) {
  const auto train = static_cast<double>(e.train.count()), test = static_cast<double>(e.test.count());
  const auto side = static_cast<std::size_t>(std::min(options.side(), e.train.count()));
  const sst::Images one = sst::select(e.train, {0});  // of this shape: tables are of one size
  const double tables = kernels_detail::with_tiles<Scalar>(
      candidate, one, one, options, [&](const auto& tiles) { return tiles.bytes(side, side); });
  constexpr double computed = sizeof(Scalar), kept = sizeof(double);
  const double to_tiles = options.store.empty() ? computed : 0;
  const auto mirrored = options.flips() ? e.train.pixels.size() : 0;
  return kept * static_cast<double>(e.train.pixels.size() + e.test.pixels.size() + mirrored) +
         std::max({to_tiles * train * train + tables, (computed + kept) * train * train,
                   kept * train * train + to_tiles * test * train + (test > 0 ? tables : 0),
                   kept * train * train + (computed + kept) * test * train});
}

template <class Scalar>
Cost cost(const Candidate& candidate, const Experiment& e, const Options& options) {
  const auto train = static_cast<double>(e.train.count()), test = static_cast<double>(e.test.count());
  Cost out{.pairs = train * (train + 1) / 2 + test * train};
  out.seconds = out.pairs * time_pair<Scalar>(candidate, e, options);
  out.memory = memory<Scalar>(candidate, e, options);
  for (const auto part : {kernels_detail::Part::train, kernels_detail::Part::test})
    if (part == kernels_detail::Part::train || test > 0)
      out.disk += sst::TileStore<Scalar>::bytes(kernels_detail::header(candidate, e, part, options));
  return out;
}

}  // namespace plan_detail

/// Pairs and bytes are exact, times are what some tiles take now.
class Plan {
 public:
  Plan(const std::vector<Candidate>& candidates, const Experiment& e, const Options& options)
      : candidates_(candidates), e_(e), options_(options) {
    for (const Candidate& candidate : candidates) {
      costs_.push_back(options.precision == "float" ? plan_detail::cost<float>(candidate, e, options)
                                                    : plan_detail::cost<double>(candidate, e, options));
      total_.pairs += costs_.back().pairs;
      total_.seconds += costs_.back().seconds;
      total_.memory = std::max(total_.memory, costs_.back().memory);
      total_.disk += costs_.back().disk;
    }
  }

  double seconds() const { return total_.seconds; }

  /// "1,000 pairs of images, some 5 min on 2 threads; 1 MB of memory"
  std::string line() const {
    using namespace program;
    return format_count(total_.pairs) + " pairs of images, some " + program::format_duration(total_.seconds) +
           " on " + std::to_string(threads()) + (threads() == 1 ? " thread; " : " threads; ") +
           format_bytes(total_.memory) + " of memory" +
           (options_.store.empty() ? "" : ", " + format_bytes(total_.disk) + " in the store");
  }

  friend std::ostream& operator<<(std::ostream& out, const Plan& plan) {
    using namespace program;
    const Options& options = plan.options_;
    using enum sst::TextTable::Align;
    sst::TextTable table({{"topology"},
                          {"depth", right},
                          {"pairs", right},
                          {"ms per pair", right, 4},
                          {"time", right},
                          {"bytes in a store", right},
                          {"ImageNet, time", right},
                          {"store", right}});
    for (std::size_t i = 0; i < plan.costs_.size(); ++i) {
      const Cost& cost = plan.costs_[i];
      const double pair = cost.seconds / cost.pairs;
      table.add_row({name(plan.candidates_[i], options), plan.candidates_[i].depth, format_count(cost.pairs),
                     1000 * pair, program::format_duration(cost.seconds), format_count(cost.disk),
                     program::format_duration(imagenet_pairs() * pair * plan.threads() / options.cores),
                     format_bytes(imagenet_pairs() * cost.disk / cost.pairs)});
    }
    return out << plan.line() << "\n\n"
               << table << "\nImageNet: its 1,281,167 images to train on and 50,000 to test on, brought to "
               << sst::to_string(plan.e_.train.shape) << ": " << format_count(imagenet_pairs())
               << " pairs, on " << options.cores << " cores like these\n";
  }

 private:
  int threads() const { return sst::detail::team_size(options_.threads, 1 << 12); }
  static double imagenet_pairs() { return 1281167.0 * 1281168 / 2 + 50000.0 * 1281167; }

  const std::vector<Candidate>& candidates_;
  const Experiment& e_;
  const Options& options_;
  std::vector<Cost> costs_;
  Cost total_;
};

/// One line on a long run that is about to start: one that goes on says by its progress what is left.
inline void announce(std::ostream& out, const std::vector<Candidate>& candidates, const Experiment& e,
                     const Options& options) {
  const auto train = static_cast<double>(e.train.count()), test = static_cast<double>(e.test.count());
  constexpr double many = 50000, minute = 60;
  if (train * (train + 2 * test) / 2 * static_cast<double>(candidates.size()) < many) return;
  if (!options.store.empty() && fs::exists(options.store)) return;
  const Plan plan(candidates, e, options);
  if (plan.seconds() > minute) out << plan.line() << std::endl;
}
