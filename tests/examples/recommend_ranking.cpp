// SPDX-License-Identifier: MIT
#include "../../examples/recommend_ranking.hpp"

#include <cmath>
#include <cstdlib>
#include <set>
#include <vector>

#include "../catch.hpp"

namespace recommend_ranking_tests {

using program::Interactions;
using program::ItemList;

Interactions matrix(const Eigen::MatrixXd& dense) { return dense.sparseView(); }

std::vector<Eigen::Index> items(const ItemList& list) {
  std::vector<Eigen::Index> out;
  for (const auto& scored : list) out.push_back(scored.item);
  return out;
}

TEST_CASE("a list has the best items that were not seen, the earlier of equals first",
          "[examples][recommend]") {
  Eigen::MatrixXd seen(2, 5);
  seen << 0, 0, 0, 0, 0, 0, 1, 0, 0, 1;
  const Eigen::VectorXd scores = (Eigen::VectorXd(5) << 0.5, 3, -1, 0.5, 2).finished();
  using Items = std::vector<Eigen::Index>;
  CHECK(items(program::best_unseen(scores, matrix(seen), 0, 3)) == Items{1, 4, 0});
  CHECK(items(program::best_unseen(scores, matrix(seen), 1, 2)) == Items{0, 3});
  CHECK(items(program::best_unseen(scores, matrix(seen), 1, 9)) == Items{0, 3, 2});
  CHECK(program::best_unseen(scores, matrix(seen), 0, 1).front().score == 3);
}

TEST_CASE("hit rate, nDCG and coverage are those by hand", "[examples][recommend]") {
  // User 0 finds items 1 and 4 at ranks 1 and 3, of three; user 1 has nothing to find; user 2 finds the only
  // one at rank 2.
  Eigen::MatrixXd wanted(3, 6);
  wanted << 0, 1, 0, 1, 1, 0,  //
      0, 0, 0, 0, 0, 0,        //
      1, 0, 0, 0, 0, 0;
  const std::vector<ItemList> lists{{{1, 9}, {2, 8}, {4, 7}}, {{5, 9}, {3, 8}, {1, 7}}, {{2, 9}, {0, 8}}};
  const auto score = [&](std::size_t at) { return program::ranking_score(lists, matrix(wanted), at); };
  const double second = 1 / std::log2(3.0), third = 0.5;

  CHECK(score(1).users == 2);
  CHECK(score(1).hit_rate == 0.5);
  CHECK(score(1).ndcg == 0.5);
  CHECK(score(1).coverage == Approx(2.0 / 6));

  CHECK(score(2).hit_rate == Approx((1.0 / 2 + 1) / 2));
  CHECK(score(2).ndcg == Approx((1 / (1 + second) + second) / 2));
  CHECK(score(2).coverage == Approx(3.0 / 6));

  // A list may be shorter than k, and no user finds more than there is.
  CHECK(score(10).at == 10);
  CHECK(score(10).hit_rate == Approx((2.0 / 3 + 1) / 2));
  CHECK(score(10).ndcg == Approx(((1 + third) / (1 + second + third) + second) / 2));
  CHECK(score(10).coverage == Approx(4.0 / 6));
}

TEST_CASE("where nobody took to anything there is no score", "[examples][recommend]") {
  const auto score = program::ranking_score({{{0, 1}}}, matrix(Eigen::MatrixXd::Zero(1, 3)), 2);
  CHECK(score.users == 0);
  CHECK(score.hit_rate == 0);
}

TEST_CASE("the best of what rises and falls is found from any of them", "[examples][recommend]") {
  constexpr int count = 6;
  for (int first = 0; first < count; ++first)
    for (int peak = 0; peak < count; ++peak) {
      std::vector<int> tried;
      int best = -1;
      program::climb(count, first, [&](int k) {
        tried.push_back(k);
        const bool better = best < 0 || std::abs(k - peak) < std::abs(best - peak);
        if (better) best = k;
        return better;
      });
      INFO(first << " to " << peak);
      CHECK(best == peak);
      CHECK(tried.size() <= static_cast<std::size_t>(std::abs(first - peak) + 3));
      CHECK(std::set<int>(tried.begin(), tried.end()).size() == tried.size());
    }
}

}  // namespace recommend_ranking_tests
