// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
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

  /// The support of a sum of many.
  static Support sum(const std::vector<const Support*>& summands) {
    Support all;
    for (const auto list : lists) {
      all.*list = gather(summands, list);
      (all.*list).erase(std::unique((all.*list).begin(), (all.*list).end()), (all.*list).end());
    }
    all.input = std::any_of(summands.begin(), summands.end(), [](const Support* s) { return s->input; });
    return all;
  }
  /// Whether no two of many can be correlated.
  static bool apart(const std::vector<const Support*>& many) {
    const auto once = [&](auto list) {
      const std::vector<Index> classes = gather(many, list);
      return std::adjacent_find(classes.begin(), classes.end()) == classes.end();
    };
    const auto at_most_one = [&](bool Support::*is) {
      return std::count_if(many.begin(), many.end(), [is](const Support* s) { return s->*is; }) <= 1;
    };
    return at_most_one(&Support::input) && at_most_one(&Support::whole) &&
           std::all_of(lists.begin(), lists.end(), once);
  }

 private:
  static constexpr std::array lists{&Support::sources, &Support::even_rests, &Support::odd_rests};

  /// A list of theirs put together, sorted.
  static std::vector<Index> gather(const std::vector<const Support*>& many,
                                   std::vector<Index> Support::*list) {
    std::vector<Index> all;
    for (const Support* s : many) all.insert(all.end(), (s->*list).begin(), (s->*list).end());
    std::sort(all.begin(), all.end());
    return all;
  }
};

}  // namespace plan
}  // namespace SST_ABI
}  // namespace sst
