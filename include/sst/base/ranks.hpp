// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include <sst/version.hpp>

namespace sst {
inline namespace SST_ABI {

/// Processes that carry out one piece of work together: each runs the same program on the same data and calls
/// the same functions in the same order, takes its share of what is dear, and has all of the result.
///
/// They have to round alike: the same program on the same kind of processor. With MPI: cluster/mpi_ranks.hpp.
class Ranks {
 public:
  /// Rank `number`, from 0, of `count`.
  Ranks(int number, int count) : number_(number), count_(count) {}
  virtual ~Ranks() = default;
  Ranks(const Ranks&) = delete;
  Ranks& operator=(const Ranks&) = delete;

  int number() const { return number_; }  ///< of this process, from 0
  int count() const { return count_; }    ///< of all processes
  /// Whether the piece of work `k` is for this one: they are dealt in turn.
  bool takes(std::size_t k) const {
    return k % static_cast<std::size_t>(count_) == static_cast<std::size_t>(number_);
  }
  /// The first and the number of `count` things in a row that are for this rank; last ranks may
  /// have fewer, or none.
  std::pair<std::ptrdiff_t, std::ptrdiff_t> share(std::ptrdiff_t count) const {
    const std::ptrdiff_t each = (count + count_ - 1) / count_, first = std::min(count, each * number_);
    return {first, std::min(each, count - first)};
  }

  /// Puts the sums over all ranks into each of them. Throws Error where ranks cannot be reached.
  virtual void sum(std::int64_t* values, std::size_t count) const = 0;
  /// The same of numbers that are 0 in all ranks but one, whatever the order they are added in.
  virtual void collect(double* values, std::size_t count) const = 0;
  /// How many ranks share this one's machine, and so its memory; itself is one.
  virtual int neighbours() const = 0;

  /// The least of what ranks bring, each one number.
  double least(double own) const {
    std::vector<double> all(static_cast<std::size_t>(count_));
    all[static_cast<std::size_t>(number_)] = own;
    collect(all.data(), all.size());
    return *std::min_element(all.begin(), all.end());
  }

 private:
  int number_, count_;
};

}  // namespace SST_ABI
}  // namespace sst
