// SPDX-License-Identifier: MIT
//
// An autoencoder of infinite width that recommends (Sachdeva, Dhaliwal, Wu, McAuley 2022, "Infinite
// recommendation networks"): kernel regression from what users took to, to the same; docs/recommend.md.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <iostream>
#include <optional>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#ifdef _OPENMP
#include <omp.h>
#endif

#include <sst/base/memory.hpp>
#include <sst/base/parallel.hpp>
#include <sst/linalg/product.hpp>
#include <sst/ntk.hpp>
#include <sst/topology/json.hpp>

#include "options.hpp"
#include "program.hpp"
#include "recommend_data.hpp"
#include "recommend_ranking.hpp"
#include "recommend_report.hpp"
#include "table_options.hpp"

namespace {

using Eigen::Index;
using program::Interactions;
using program::ItemList;
using program::RankingScore;
using program::Ratings;
using program::RidgeTrial;

struct Options {
  std::string ratings, topology, kernel = "ntk", ridge = "auto", output, json;
  program::RatingColumns columns;
  program::TableOptions table;
  int depth = 2, threads = 0;
  std::size_t top = 10;
  std::vector<std::size_t> at{10, 100};
};

/// The paper's network by default: one hidden layer of ReLUs, weights of variance 2, biases of 0.01.
sst::KernelFunction network(const Options& o) {
  const sst::FamilyOptions layer{.weight_std = std::sqrt(2.0), .bias_std = 0.1};
  const auto net = o.topology.empty() ? sst::chain(o.depth, layer) : sst::read_topology(o.topology);
  return o.kernel == "ntk" ? sst::ntk(net) : sst::nngp(net);
}

/// What recommends: (K + lambda I)^-1 X, each user a sample, and the items taken to features and targets
/// alike.
struct Weights {
  sst::Ridge ridge;
  double lambda;
  Eigen::MatrixXd of_users;  ///< a row for each, a column for each item
};

Weights fit(const Options& o, const sst::KernelFunction& kernel, const sst::DataRef& users,
            const Eigen::MatrixXd& items, const sst::Ridge& ridge, program::Progress& progress) {
  const sst::Model model = sst::fit(kernel, users, items, ridge,
                                    {.solver = sst::Solver::cholesky,
                                     .threads = o.threads,
                                     .progress = progress("ridge " + ridge.to_string())});
  progress.check();
  return {model.ridge(), model.lambda(), model.weights()};
}

/// Bytes at the most: the kernel's factor, the targets as they are given and kept, the weights and a copy of
/// them; where ridges are compared, the kernel and the best weights beside these.
double memory(const Options& o, const Ratings& ratings) {
  const double n = static_cast<double>(ratings.users.size()), m = static_cast<double>(ratings.items.size());
  return sizeof(double) * n * (o.ridge == "auto" ? 2 * n + 5 * m : n + 4 * m);
}

/// The best unseen items of each user. scores(user): of all items, a column.
template <class Scores>
std::vector<ItemList> lists_by(const Options& o, const Interactions& seen, Scores&& scores) {
  const std::size_t length = std::max(o.top, *std::max_element(o.at.begin(), o.at.end()));
  std::vector<ItemList> lists(static_cast<std::size_t>(seen.rows()));
  sst::detail::parallel(lists.size(), o.threads, [&](std::size_t u) {
    const auto user = static_cast<Index>(u);
    lists[u] = program::best_unseen(scores(user), seen, user, length);
  });
  return lists;
}

/// The best of a few ridges, by the hit rate on the validation part of what the model says of the users it
/// was trained on: K (K + lambda I)^-1 X = X - lambda (K + lambda I)^-1 X. It is looked for from the middle
/// on, to either side as long as it gets better. The kernel is computed once.
Weights best(const Options& o, const sst::KernelFunction& kernel, const Ratings& ratings,
             const Eigen::MatrixXd& items, std::vector<RidgeTrial>& trials, program::Progress& progress) {
  constexpr std::array ridges{0.1, 1.0, 5.0, 20.0, 50.0, 100.0};
  const auto known = sst::precomputed_kernel(
      kernel.matrix(ratings.train, {.threads = o.threads, .progress = progress("kernel")}));
  progress.check();
  const Eigen::MatrixXd users =
      Eigen::VectorXd::LinSpaced(items.rows(), 0, static_cast<double>(items.rows() - 1));
  std::optional<Weights> best;
  double highest = 0;
  const auto better = [&](int k) {
    Weights weights =
        fit(o, known, users, items, sst::Ridge::relative(ridges[static_cast<std::size_t>(k)]), progress);
    const auto lists = lists_by(o, ratings.train, [&](Index user) -> Eigen::VectorXd {
      return items.row(user) - weights.lambda * weights.of_users.row(user);
    });
    trials.push_back({weights.ridge, ranking_score(lists, ratings.validation, o.at.back())});
    progress.check();
    const double rate = trials.back().score.hit_rate;
    if (best && !(rate > highest)) return false;
    best = std::move(weights);
    highest = rate;
    return true;
  };
  program::climb(static_cast<int>(ridges.size()), 2, better);
  std::sort(trials.begin(), trials.end(),
            [](const RidgeTrial& a, const RidgeTrial& b) { return a.ridge.value() < b.ridge.value(); });
  return *std::move(best);
}

std::vector<RankingScore> scores(const Options& o, const std::vector<ItemList>& lists,
                                 const Interactions& wanted) {
  std::vector<RankingScore> out;
  for (const std::size_t at : o.at) out.push_back(ranking_score(lists, wanted, at));
  return out;
}

void write_lists(const Options& o, const Ratings& ratings, const std::vector<ItemList>& lists) {
  std::vector<std::vector<std::string>> rows;
  for (std::size_t u = 0; u < lists.size(); ++u)
    for (std::size_t r = 0; r < std::min(o.top, lists[u].size()); ++r) {
      const auto& [item, score] = lists[u][r];
      rows.push_back({ratings.users[u], std::to_string(r + 1), ratings.items[static_cast<std::size_t>(item)],
                      sst::detail::shortest(score)});
    }
  program::write_output(o.output, [&](std::ostream& out) {
    sst::write_raw_table(out, {"user", "rank", "item", "score"}, rows);
  });
}

void run(const Options& o) {
#ifdef _OPENMP
  if (o.threads > 0) omp_set_num_threads(o.threads);
#endif
  program::RecommendReport report(o.output == "-" || o.json == "-" ? std::cerr : std::cout);
  program::try_outputs({o.output, o.json});
  const sst::KernelFunction kernel = network(o);
  const Ratings ratings = program::read_ratings(program::read_table(o.ratings, o.table), o.columns);
  if (o.ridge == "auto" && ratings.validation.nonZeros() == 0)
    throw sst::DataError(
        "there is nothing to choose a ridge by (no interaction is in the validation part); give one, such as "
        "--ridge relative:20");
  sst::require_memory(memory(o, ratings),
                      "a regression of " + std::to_string(ratings.users.size()) + " users on " +
                          std::to_string(ratings.items.size()) + " items",
                      "use fewer of them");
  report.ratings(program::input_name(o.ratings), ratings, o.columns.seed);
  report.memory(memory(o, ratings));

  program::Progress progress;
  const Eigen::MatrixXd items(ratings.train);
  std::vector<RidgeTrial> trials;
  const Weights weights =
      o.ridge == "auto" ? best(o, kernel, ratings, items, trials, progress)
                        : fit(o, kernel, ratings.train, items, *program::parse_ridge(o.ridge), progress);
  if (!trials.empty()) report.trials(trials);
  report.model(kernel.description(), weights.ridge, weights.lambda);
  const Interactions known = ratings.train + ratings.validation;
  const Eigen::MatrixXd predicted = sst::detail::product(
      kernel.matrix(known, ratings.train, {.threads = o.threads, .progress = progress("recommending")}),
      weights.of_users, o.threads);
  const auto lists = lists_by(o, known, [&](Index user) -> Eigen::VectorXd { return predicted.row(user); });
  progress.check();
  if (ratings.test.nonZeros() > 0) {
    const Eigen::VectorXd popularity = known.transpose() * Eigen::VectorXd::Ones(known.rows());
    const auto popular = lists_by(o, known, [&](Index) { return popularity; });
    report.scores(scores(o, lists, ratings.test), scores(o, popular, ratings.test));
  }
  if (!o.output.empty()) write_lists(o, ratings, lists);
  report.finish();
  if (!o.json.empty())
    program::write_output(o.json, [&](std::ostream& out) { out << report.json().dump(1) << '\n'; });
}

void declare(CLI::App& app, Options& o) {
  app.add_option("--ratings", o.ratings, "CSV of (user, item[, rating][, split]); -: standard input")
      ->required();
  app.add_option("--user", o.columns.user, "the column of users: name or index")->default_str("user, or 0");
  app.add_option("--item", o.columns.item, "the column of items")->default_str("item, or 1");
  app.add_option("--rating", o.columns.rating, "the column of ratings")->default_str("rating, or 2");
  app.add_option("--min-rating", o.columns.min_rating, "ratings below it do not count (default: all count)");
  app.add_option("--split", o.columns.split,
                 "the column of train, val, test; random: a tenth of each user's items tests and a tenth "
                 "validates; none: all is to train on")
      ->default_str("split, where there is one; else random");
  app.add_option("--seed", o.columns.seed, "of the random split")->capture_default_str();
  auto* depth = app.add_option("--depth", o.depth, "dense layers of the network, one more than hidden ones")
                    ->check(CLI::Range(1, 10000))
                    ->capture_default_str();
  app.add_option("--topology", o.topology, "another network, as JSON")->excludes(depth);
  program::add_kernel(app, o.kernel);
  program::add_ridge(app, o.ridge, true);
  app.add_option("--top", o.top, "items for each user in the output")
      ->check(CLI::Range(1, 1000000))
      ->capture_default_str();
  app.add_option("--metrics-at", o.at, "lengths of lists to measure; the ridge is chosen by the last")
      ->delimiter(',')
      ->check(CLI::Range(1, 1000000))
      ->capture_default_str();
  app.add_option("--output", o.output, "write user, rank, item, score to this CSV (-: standard output)");
  app.add_option("--json", o.json, "write the report to this file as JSON (-: standard output)");
  program::add_table_options(app, o.table);
  program::add_threads(app, o.threads);
  app.callback([&o] {
    if (o.columns.split == "none" && o.ridge == "auto")
      throw CLI::ValidationError("--split none leaves nothing to choose a ridge by; give --ridge");
    program::require_own_outputs({{"--ratings", o.ratings}, {"--topology", o.topology}},
                                 {{"--output", o.output}, {"--json", o.json}});
  });
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"Recommends by an autoencoder of infinite width, from who took to what", "recommend"};
  Options options;
  declare(app, options);
  return run_program(app, argc, argv, [&] { run(options); });
}
