// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numeric>
#include <vector>

#include <Eigen/Core>
#include <Eigen/SparseCore>

/// \file
/// Lists of the best items, and how well they foresee what users took to.

namespace program {

/// Users x items; what is stored is 1.
using Interactions = Eigen::SparseMatrix<double, Eigen::RowMajor>;

/// An item in a list, and what put it there.
struct ScoredItem {
  Eigen::Index item;
  double score;
};

/// The items of one user, best first.
using ItemList = std::vector<ScoredItem>;

/// The `count` items with the highest scores that the user has not seen; fewer where there are fewer. Of
/// equal scores the earlier item comes first.
inline ItemList best_unseen(const Eigen::VectorXd& scores, const Interactions& seen, Eigen::Index user,
                            std::size_t count) {
  ItemList list;
  Interactions::InnerIterator known(seen, user);
  for (Eigen::Index item = 0; item < scores.size(); ++item)
    if (known && known.col() == item)
      ++known;
    else
      list.push_back({item, scores[item]});
  const auto end = list.begin() + static_cast<std::ptrdiff_t>(std::min(count, list.size()));
  std::partial_sort(list.begin(), end, list.end(), [](const ScoredItem& a, const ScoredItem& b) {
    return a.score > b.score || (a.score == b.score && a.item < b.item);
  });
  return {list.begin(), end};  // without the room of all items
}

/// How well the first items of lists foresee what users took to: means over the users who took to something.
struct RankingScore {
  std::size_t at = 0;     ///< k: so many items of each list count
  std::size_t users = 0;  ///< who took to something
  double hit_rate = 0;    ///< HR@k: hits / min(k, what there was to hit)
  double ndcg = 0;        ///< nDCG@k: sum over hits of 1 / log2(1 + rank), of the most there could be
  double coverage = 0;    ///< share of all items that are in the first k of someone's list
};

/// The score of lists, one a user, of at least `at` items where there are so many. wanted: what users took
/// to.
inline RankingScore ranking_score(const std::vector<ItemList>& lists, const Interactions& wanted,
                                  std::size_t at) {
  std::vector<double> gain(at);  // of a hit at rank r, counted from 0
  for (std::size_t r = 0; r < at; ++r) gain[r] = 1 / std::log2(static_cast<double>(r) + 2);
  RankingScore out{.at = at};
  std::vector<char> listed(static_cast<std::size_t>(wanted.cols()), 0);
  for (std::size_t u = 0; u < lists.size(); ++u) {
    std::vector<Eigen::Index> items;  // ascending
    for (Interactions::InnerIterator it(wanted, static_cast<Eigen::Index>(u)); it; ++it)
      items.push_back(it.col());
    if (items.empty()) continue;
    ++out.users;
    double hits = 0, gained = 0;
    for (std::size_t r = 0; r < std::min(at, lists[u].size()); ++r) {
      const Eigen::Index item = lists[u][r].item;
      listed[static_cast<std::size_t>(item)] = 1;
      if (!std::binary_search(items.begin(), items.end(), item)) continue;
      ++hits;
      gained += gain[r];
    }
    const std::size_t most = std::min(at, items.size());
    out.hit_rate += hits / static_cast<double>(most);
    out.ndcg += gained / std::accumulate(gain.begin(), gain.begin() + static_cast<std::ptrdiff_t>(most), 0.0);
  }
  if (out.users == 0) return out;
  out.hit_rate /= static_cast<double>(out.users);
  out.ndcg /= static_cast<double>(out.users);
  out.coverage =
      static_cast<double>(std::count(listed.begin(), listed.end(), 1)) / static_cast<double>(listed.size());
  return out;
}

/// Looks for the best of `count` numbered things, whose worth rises up to it and then falls: better(k) tries
/// one, and says whether it is the best so far. It begins at `first` and goes on to either side as long as
/// things get better.
template <class Better>
void climb(int count, int first, Better&& better) {
  better(first);
  int up = first + 1;
  while (up < count && better(up)) ++up;
  if (up > first + 1) return;  // the other side is worse
  for (int down = first - 1; down >= 0 && better(down);) --down;
}

}  // namespace program
