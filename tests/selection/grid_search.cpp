// SPDX-License-Identifier: MIT
#include "../catch.hpp"

#include <cmath>
#include <sstream>

#include <Eigen/Core>

#include <sst/kernel/own_kernel.hpp>
#include <sst/selection/grid_search.hpp>

namespace grid_search_tests {

using Catch::Matchers::Contains;
using Eigen::MatrixXd;
using sst::Ridge;

namespace {

struct Data {
  MatrixXd x, y;
  Data() {
    std::srand(9);
    x = MatrixXd::Random(30, 3);
    y = (2 * x.col(0)).array().sin() + x.col(1).array() * x.col(2).array();
  }
};

const sst::Family chain{"chain", [](int depth, const sst::FamilyOptions& o) { return sst::chain(depth, o); }};
const sst::Family residual{"residual",
                           [](int depth, const sst::FamilyOptions& o) { return sst::residual(depth, o); }};

std::vector<sst::Candidate> small_grid() {
  return sst::candidates({{chain, residual}, {2, 3}, {1, 1.5}, {0.1}});
}

}  // namespace

TEST_CASE("a grid is every combination, named", "[selection]") {
  const auto all = sst::candidates({{chain, residual}, {2, 3, 4}, {1, 1.5}, {0, 0.1}});
  REQUIRE(all.size() == 48);
  CHECK(all.front().name == "nngp chain-2 relu w1 b0");
  CHECK(all.back().name == "ntk residual-4 relu w1.5 b0.1");
  CHECK_THROWS_AS(sst::candidates({{chain}, {}}), sst::Error);
}

TEST_CASE("the leaderboard holds what each candidate scores alone", "[selection]") {
  const Data d;
  const auto all = small_grid();
  const auto ridges = sst::relative_ridges(1e-4, 1, 6);
  const auto splits = sst::k_fold(30, 3, 1);
  for (const bool folds : {false, true}) {
    sst::GridOptions options;
    if (folds) options.splits = splits;
    const sst::Leaderboard board = grid_search(all, d.x, d.y, ridges, options);
    REQUIRE(board.entries.size() == 16);
    for (std::size_t i = 0; i < board.entries.size(); ++i) {
      const sst::GridEntry& entry = board.entries[i];
      if (i) CHECK(board.entries[i - 1].score <= entry.score);
      const MatrixXd k = all[entry.candidate].kernel.matrix(d.x);
      const Eigen::VectorXd expected =
          folds ? cross_validate(k, d.y, ridges, splits).errors
                : scores(ridge_path(sst::BandForm(k), d.y, ridges), sst::Criterion::leave_one_out);
      CHECK(entry.score == Approx(expected.minCoeff()).epsilon(1e-9));
      CHECK(entry.scores.size() == 6);
      CHECK(entry.name == all[entry.candidate].name);
    }
    CHECK(&board.best() == &board.entries.front());
  }
}

TEST_CASE("the leaderboard does not depend on the number of threads", "[selection]") {
  const Data d;
  const auto ridges = sst::relative_ridges(1e-3, 1, 3);
  const auto text = [&](int threads) {
    std::ostringstream out;
    out.precision(17);
    for (const auto& e : grid_search(small_grid(), d.x, d.y, ridges, {.threads = threads}).entries)
      out << e.name << e.ridge.to_string() << e.score << '\n';
    return out.str();
  };
  CHECK(text(1) == text(2));
  CHECK(text(1) == text(4));
}

TEST_CASE("what cannot be scored says why, at the end", "[selection]") {
  const Data d;
  auto all = small_grid();
  all.erase(all.begin() + 1, all.end());
  all.insert(all.begin(),
             {"open", sst::kernel_function("open", [](const auto&, const auto&) { return std::nan(""); })});
  const auto board = grid_search(all, d.x, d.y, {Ridge::relative(0.1)});
  REQUIRE(board.entries.size() == 2);
  CHECK(board.best().name == "nngp chain-2 relu w1 b0.1");
  CHECK_THAT(board.entries[1].failure, Contains("finite values"));
  CHECK(std::isinf(board.entries[1].score));
  std::ostringstream text;
  text << board;
  CHECK_THAT(text.str(),
             Contains("chain-2 relu w1 b0.1") && Contains("relative:0.1") && Contains("finite values"));

  MatrixXd twice(60, 3), targets(60, 1);
  twice << d.x, d.x;
  targets << d.y, d.y;
  all.erase(all.begin());
  const auto singular = grid_search(all, twice, targets, {Ridge::absolute(0)});
  CHECK_THROWS_WITH(singular.best(), Contains("no candidate could be scored") && Contains("larger ridge"));
}

TEST_CASE("progress counts up, and can cancel", "[selection]") {
  const Data d;
  std::vector<double> seen;
  grid_search(small_grid(), d.x, d.y, {Ridge::relative(0.1)}, {.progress = [&](double share) {
                seen.push_back(share);
                return true;
              }});
  REQUIRE(seen.size() > 16);
  CHECK(std::is_sorted(seen.begin(), seen.end()));
  CHECK(seen.back() == Approx(1));
  CHECK_THROWS_AS(
      grid_search(small_grid(), d.x, d.y, {Ridge::relative(0.1)}, {.progress = [](double) { return false; }}),
      sst::Cancelled);
  // In the middle of a candidate too, which is then no failure of it.
  auto one = small_grid();
  one.erase(one.begin() + 1, one.end());
  for (int stop = 0; stop < 4; ++stop) {
    int calls = 0;
    CHECK_THROWS_AS(grid_search(one, d.x, d.y, {Ridge::relative(0.1)},
                                {.progress = [&](double) { return calls++ < stop; }}),
                    sst::Cancelled);
  }
  CHECK_THROWS_AS(sst::grid_search({}, d.x, d.y, {Ridge::relative(0.1)}), sst::Error);
  CHECK_THROWS_AS(grid_search(small_grid(), d.x, d.y.topRows(3), {Ridge::relative(0.1)}), sst::DataError);
}

}  // namespace grid_search_tests
