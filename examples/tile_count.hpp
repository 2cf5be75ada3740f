// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include <Eigen/Core>

#include <sst/io/store/shard.hpp>
#include <sst/io/store/stored_matrix.hpp>

/// \file
/// How far stores are that several processes fill.

namespace program {

/// The tiles of one store or more.
struct TileCount {
  Eigen::Index computed = 0, reused = 0;  ///< by this run, of its own
  Eigen::Index there = 0, all = 0;        ///< of all runs

  bool full() const { return there == all; }
  void add(const sst::TileReport& report) {
    computed += report.computed;
    reused += report.reused;
  }
  template <class Scalar>
  void add(const sst::StoredMatrix<Scalar>& store) {
    all += store.tiles();
    for (Eigen::Index k = 0; k < store.tiles(); ++k) there += store.has(k);
  }
  /// "shard 2/4: 3 tiles computed, 1 was there; 8 of 15 tiles are in 'gram'"
  std::string text(const sst::Shard& shard, const std::string& folder) const {
    return (shard.alone() ? "" : "shard " + shard.text() + ": ") + std::to_string(computed) +
           (computed == 1 ? " tile" : " tiles") + " computed, " + std::to_string(reused) +
           (reused == 1 ? " was" : " were") + " there; " +
           (full() ? "all " : std::to_string(there) + " of ") + std::to_string(all) + " tiles are in '" +
           folder + "'";
  }
};

}  // namespace program
