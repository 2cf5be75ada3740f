// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <iterator>
#include <utility>
#include <vector>

#include <sst/plan/plan.hpp>
#include <sst/version.hpp>

/// \file
/// Which variables can be correlated at all.

namespace sst {
inline namespace SST_ABI {
namespace plan {

/// What a variable can be correlated with: two variables are uncorrelated unless something of
/// theirs overlaps. Weights that are shared make one class of all their sources.
struct Support {
  std::vector<Index> sources;  ///< classes of its sources, sorted
  /// Classes of the sources under its rests, sorted: under those that are not odd, and those that are not
  /// even. An even function of a Gaussian and an odd one of another are uncorrelated.
  std::vector<Index> even_rests, odd_rests;
  bool input = false;  ///< holds the (centred) input
  bool whole = false;  ///< an activation with its mean: correlated with every other one

  /// Whether two ascending lists have a common element.
  static bool overlap(const std::vector<Index>& a, const std::vector<Index>& b) {
    for (auto i = a.begin(), j = b.begin(); i != a.end() && j != b.end();) {
      if (*i == *j) return true;
      *i < *j ? ++i : ++j;
    }
    return false;
  }
  /// Whether a variable of the other support can be correlated with one of this.
  bool correlated(const Support& other) const {
    return (input && other.input) || (whole && other.whole) || overlap(sources, other.sources) ||
           overlap(even_rests, other.even_rests) || overlap(odd_rests, other.odd_rests);
  }
  /// Makes this the support of a sum of both.
  void merge(const Support& other) {
    const auto unite = [](std::vector<Index>& a, const std::vector<Index>& b) {
      std::vector<Index> both;
      both.reserve(a.size() + b.size());
      std::set_union(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(both));
      a = std::move(both);
    };
    unite(sources, other.sources);
    unite(even_rests, other.even_rests);
    unite(odd_rests, other.odd_rests);
    input = input || other.input;
  }
};

}  // namespace plan
}  // namespace SST_ABI
}  // namespace sst
