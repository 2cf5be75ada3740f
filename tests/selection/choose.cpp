// SPDX-License-Identifier: MIT
#include "../catch.hpp"
#include "../matrices.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>
#include <vector>

#include <Eigen/Core>

#include <sst/base/every.hpp>
#include <sst/kernel/own_kernel.hpp>
#include <sst/selection/choose.hpp>
#include <sst/selection/split.hpp>

namespace choose_tests {

using Catch::Matchers::Contains;
using Eigen::Index;
using Eigen::MatrixXd;
using sst_test::uniform;

namespace {

struct Data {
  MatrixXd x = uniform(150, 3, 1), y;
  Data() {
    y = (3 * x.col(0)).array().sin() + x.col(1).array() * x.col(2).array();
    y += 0.05 * uniform(150, 1, 2);
  }
};

sst::Grid small() {
  sst::Grid grid = sst::table_grid();
  grid.depths = {2, 3};
  grid.weight_stds = {1, 2};
  grid.bias_stds = {0.5};
  return grid;
}

}  // namespace

TEST_CASE("a race of one round is a grid search", "[selection]") {
  const Data d;
  const auto all = sst::candidates(small());
  const auto ridges = sst::relative_ridges(1e-6, 1, 13);
  const auto board = sst::race(all, d.x, d.y, ridges), search = sst::grid_search(all, d.x, d.y, ridges);
  REQUIRE(board.entries.size() == search.entries.size());
  for (std::size_t i = 0; i < board.entries.size(); ++i) {
    CHECK(board.entries[i].candidate == search.entries[i].candidate);
    CHECK(board.entries[i].rows == 150);
    CHECK(std::abs(board.entries[i].score - search.entries[i].score) < 1e-9 * search.entries[i].score);
  }
}

TEST_CASE("later rounds take the better candidates, more samples and a ridge as a path has it",
          "[selection]") {
  const Data d;
  const auto all = sst::candidates(small());
  const auto ridges = sst::relative_ridges(1e-8, 1, 33);
  const sst::RaceOptions options{.first_rows = 40, .last_rows = 120, .finalists = 4, .seed = 5};
  for (const auto criterion :
       {sst::Criterion::leave_one_out, sst::Criterion::gcv, sst::Criterion::log_marginal_likelihood}) {
    auto by = options;
    by.criterion = criterion;
    const auto board = sst::race(all, d.x, d.y, ridges, by);
    REQUIRE(board.entries.size() == 24);
    const auto count = [&](Index rows) {
      return std::count_if(board.entries.begin(), board.entries.end(),
                           [&](const sst::GridEntry& e) { return e.rows == rows; });
    };
    CHECK(count(120) == 4);  // 24 on 40, 8 on 80, 4 on 120
    CHECK(count(80) == 4);
    CHECK(count(40) == 16);
    auto rows = sst::permutation(150, 5);
    rows.resize(120);
    std::sort(rows.begin(), rows.end());
    const MatrixXd x = d.x(rows, sst::every), y = d.y(rows, sst::every);
    for (std::size_t i = 0; i < 4; ++i) {
      const auto& entry = board.entries[i];
      if (i > 0) CHECK(board.entries[i - 1].score <= entry.score);
      const auto path = sst::ridge_path(all[entry.candidate].kernel, x, y, ridges);
      const auto best = sst::best_ridge(path, criterion);
      CHECK(entry.ridge == ridges[best]);
      CHECK(entry.score == Approx(sst::scores(path, criterion)[static_cast<Index>(best)]).epsilon(1e-9));
    }
  }
  // Nothing depends on the threads, and sparse samples are the same.
  const auto one = sst::race(all, d.x, d.y, ridges, options);
  for (const int threads : {1, 2, 5}) {
    auto with = options;
    with.threads = threads;
    const auto board = sst::race(all, d.x, d.y, ridges, with);
    for (std::size_t i = 0; i < board.entries.size(); ++i) {
      CHECK(board.entries[i].candidate == one.entries[i].candidate);
      CHECK(board.entries[i].score == one.entries[i].score);
    }
  }
  const auto sparse = sst::race(all, d.x.sparseView(0, 0), d.y, ridges, options);
  CHECK(sparse.best().name == one.best().name);
  CHECK(sparse.best().score == Approx(one.best().score).epsilon(1e-9));
}

TEST_CASE("what fails is listed, and what cannot be is refused", "[selection]") {
  const Data d;
  auto all = sst::candidates(small());
  all.push_back({"not a kernel",
                 sst::kernel_function("minus", [](const auto& a, const auto& b) { return -a.dot(b); })});
  const auto ridges = sst::relative_ridges(1e-6, 1, 5);
  const auto board = sst::race(all, d.x, d.y, ridges, {.first_rows = 50, .last_rows = 150});
  CHECK(board.entries.back().name == "not a kernel");
  CHECK_FALSE(board.entries.back().failure.empty());
  CHECK(board.best().rows == 150);
  CHECK_THROWS_AS(sst::race(all, d.x, d.y.topRows(3), ridges), sst::DataError);
  CHECK_THROWS_AS(sst::race({}, d.x, d.y, ridges), sst::Error);
  for (const sst::RaceOptions& bad : {sst::RaceOptions{.first_rows = 1}, sst::RaceOptions{.last_rows = 100},
                                      sst::RaceOptions{.keep = 0}, sst::RaceOptions{.finalists = 0}})
    CHECK_THROWS_WITH(sst::race(all, d.x, d.y, ridges, bad), Contains("the race is from"));
}

TEST_CASE("a limit of time leaves the first round, and a long one changes nothing", "[selection]") {
  const Data d;
  const auto all = sst::candidates(small());
  const auto ridges = sst::relative_ridges(1e-6, 1, 5);
  sst::RaceOptions options{.first_rows = 50, .last_rows = 150};
  const auto free = sst::race(all, d.x, d.y, ridges, options);
  CHECK_FALSE(free.out_of_time);
  options.seconds = 1e6;
  const auto patient = sst::race(all, d.x, d.y, ridges, options);
  CHECK_FALSE(patient.out_of_time);
  options.seconds = 1e-9;
  const auto hurried = sst::race(all, d.x, d.y, ridges, options);
  CHECK(hurried.out_of_time);
  options.last_rows = 50;
  options.seconds = 0;
  const auto first = sst::race(all, d.x, d.y, ridges, options);
  REQUIRE(hurried.entries.size() == all.size());
  for (std::size_t i = 0; i < all.size(); ++i) {
    CHECK(patient.entries[i].name == free.entries[i].name);
    CHECK(patient.entries[i].score == free.entries[i].score);
    CHECK(hurried.entries[i].name == first.entries[i].name);
    CHECK(hurried.entries[i].score == first.entries[i].score);
    CHECK(hurried.entries[i].rows == 50);
  }

  const auto chosen =
      sst::choose(d.x, d.y, small(), {.ridges = ridges, .race = {.first_rows = 50, .seconds = 1e-9}});
  CHECK(chosen.board.out_of_time);
  CHECK(chosen.rows == 50);
  CHECK(chosen.board.entries.size() == 24);
  CHECK(chosen.board.best().name == first.best().name);
  // A race of one round is over in time, and the search around its winner is not begun.
  const auto unrefined =
      sst::choose(d.x, d.y, small(), {.ridges = ridges, .race = {.first_rows = 150, .seconds = 1e-9}});
  CHECK(unrefined.board.out_of_time);
  CHECK(unrefined.board.entries.size() == 24);
  for (const double bad : {-1.0, std::numeric_limits<double>::quiet_NaN()}) {
    options.seconds = bad;
    CHECK_THROWS_WITH(sst::race(all, d.x, d.y, ridges, options), Contains("limit of time"));
  }
}

TEST_CASE("the choice is no worse than the grid, and keeps what is fixed", "[selection]") {
  const Data d;
  sst::ChooseOptions options;
  options.race.first_rows = 60;
  std::vector<double> progress;
  options.race.progress = [&](double done) {
    progress.push_back(done);
    return true;
  };
  const auto chosen = sst::choose(d.x, d.y, small(), options);
  CHECK(std::is_sorted(progress.begin(), progress.end()));
  CHECK(progress.back() <= 1);
  const auto grid = sst::race(sst::candidates(small()), d.x, d.y, options.ridges, {.first_rows = 60});
  CHECK(chosen.board.best().score <= grid.best().score);
  CHECK(chosen.rows == 150);
  CHECK(chosen.point.bias_std == 0.5);  // a list of one value
  std::set<std::string> names;
  for (const auto& entry : chosen.board.entries) CHECK(names.insert(entry.name).second);
  CHECK(names.size() > 24);
  CHECK(sst::candidate(small(), chosen.point).name == chosen.board.best().name);

  // The kernel is the one that was scored, and predicts what was not seen.
  const auto path = sst::ridge_path(chosen.kernel, d.x, d.y, {chosen.ridge});
  CHECK(path.leave_one_out_error(0, 0) == Approx(chosen.board.best().score).epsilon(1e-8));
  const MatrixXd x = uniform(400, 3, 9);
  const MatrixXd truth = (3 * x.col(0)).array().sin() + x.col(1).array() * x.col(2).array();
  const auto error = [&](const sst::KernelFunction& kernel, const sst::Ridge& ridge) {
    return (sst::fit(kernel, d.x, d.y, ridge).predict(x) - truth).norm() / truth.norm();
  };
  CHECK(error(chosen.kernel, chosen.ridge) <
        0.7 * error(sst::ntk(sst::sparse_shortcut(8, {.weight_std = 1.5, .bias_std = 0.05})),
                    sst::Ridge::relative(0.1)));

  options.refinements = 0;
  options.race.progress = {};
  CHECK(sst::choose(d.x, d.y, small(), options).board.entries.size() == 24);
  options.race.progress = [](double done) { return done < 0.8; };
  options.refinements = 2;
  CHECK_THROWS_AS(sst::choose(d.x, d.y, small(), options), sst::Cancelled);
}

}  // namespace choose_tests
