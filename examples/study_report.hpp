// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <filesystem>
#include <limits>
#include <map>
#include <ostream>
#include <string>
#include <tuple>
#include <vector>

#include <nlohmann/json.hpp>

#include <sst/base/every.hpp>
#include <sst/base/output_file.hpp>
#include <sst/base/text_table.hpp>
#include <sst/selection/friedman.hpp>
#include <svg/critical_difference.hpp>
#include <svg/plot.hpp>

#include "study_plan.hpp"
#include "study_statistics.hpp"

/// \file
/// What a study found, as text, tables, JSON and pictures.

namespace study {

namespace detail {

using enum sst::TextTable::Align;

inline Eigen::Index size(std::size_t i) { return static_cast<Eigen::Index>(i); }

inline void print_leaderboard(std::ostream& out, const Plan& plan, const Findings& found) {
  constexpr std::size_t shown = 15;
  sst::TextTable table({{"kernel"},
                        {"names", right},
                        {"depth", right},
                        {"effective", right, 2},
                        {"error", right, 4},
                        {"rank", right, 1},
                        {"less chain", right, 4},
                        {"p (Holm)", right, 4},
                        {"better / same / worse"}});
  const auto add = [&](std::size_t r) {
    const Row& row = plan.rows()[r];
    std::vector<sst::TextTable::Cell> cells{row.label(), row.names.size()};
    cells.emplace_back(row.network.depth ? std::to_string(row.network.depth) : "inf");
    for (const double number :
         {found.effective_depth[size(r)], found.mean_error[size(r)], found.average_rank[size(r)]})
      cells.emplace_back(number);
    if (const auto& against = found.against_chain[r]) {
      const auto percent = [](double p) { return std::to_string(std::lround(100 * p)); };
      cells.emplace_back(against->difference);
      cells.emplace_back(against->p_holm);
      cells.emplace_back(percent(against->bayes.left) + " / " + percent(against->bayes.rope) + " / " +
                         percent(against->bayes.right) + " %");
    } else {
      cells.insert(cells.end(), 3, "");
    }
    table.add_row(cells);
  };
  for (std::size_t i = 0; i < std::min(shown, found.order.size()); ++i) add(found.order[i]);
  for (std::size_t i = shown; i < found.order.size(); ++i)
    if (plan.rows()[found.order[i]].network.showcase) add(found.order[i]);
  out << "\nThe best " << std::min(shown, found.order.size()) << " of " << found.order.size()
      << " kernels, and the classical ones behind them\n\n"
      << table;
}

/// By kernel, initialisation and depth: how many are better or worse than the chain as deep, for certain.
inline void print_depths(std::ostream& out, const Plan& plan, const Findings& found, double rope) {
  struct Count {
    std::size_t all = 0, better = 0, worse = 0, same = 0, best = 0;
    double least = std::numeric_limits<double>::infinity();
  };
  std::map<std::tuple<std::string, std::string, int>, Count> counts;
  for (std::size_t r = 0; r < plan.rows().size(); ++r) {
    const auto& against = found.against_chain[r];
    if (!against) continue;
    const Row& row = plan.rows()[r];
    Count& count = counts[{row.kernel, row.network.init, row.network.depth}];
    ++count.all;
    if (against->p_holm <= 0.05) ++(against->difference < 0 ? count.better : count.worse);
    count.same += against->bayes.rope > 0.95;
    if (against->difference < count.least) {
      count.least = against->difference;
      count.best = r;
    }
  }
  if (counts.empty()) return;
  sst::TextTable table({{"kernel"},
                        {"init"},
                        {"depth", right},
                        {"kernels", right},
                        {"better", right},
                        {"worse", right},
                        {"same", right},
                        {"largest gain", right, 4},
                        {"by"}});
  for (const auto& [group, c] : counts)
    table.add_row({std::get<0>(group), std::get<1>(group), std::get<2>(group), c.all, c.better, c.worse,
                   c.same, -c.least, plan.rows()[c.best].network.name});
  out << "\nAgainst the plain chain of equal depth, kernel and initialisation: better and worse by "
         "Wilcoxon's "
         "test at 5 %\nwith Holm's correction for all of them; same: within "
      << rope << " with 95 % by the Bayesian signed-rank test\n\n"
      << table;
}

inline void print_held_out(std::ostream& out, const Plan& plan, const Findings& found) {
  if (found.held_out.empty()) return;
  out << "\nChosen by average rank on half of the sets, judged on the others\n\n";
  sst::TextTable table(
      {{"best kernel"}, {"best chain"}, {"difference", right, 4}, {"p (Wilcoxon)", right, 3}});
  for (const HeldOut& half : found.held_out)
    table.add_row({plan.rows()[half.row].label(), plan.rows()[half.chain].label(), half.difference, half.p});
  out << table;
}

inline void print_orderings(std::ostream& out, const Findings& found) {
  if (found.orderings.empty()) return;
  out << "\nKendall's tau between a measure of the training rows and the test error, over kernels: mean over "
         "sets, 95 %\n\n";
  sst::TextTable table(
      {{"measure"}, {"tau", right, 3}, {"from", right, 3}, {"to", right, 3}, {"sets > 0 %", right, 0}});
  for (const Ordering& o : found.orderings) {
    const auto positive =
        std::count_if(o.by_set.begin(), o.by_set.end(), [](const auto& tau) { return tau.value > 0; });
    table.add_row({score_names[o.score], o.mean.value, o.mean.low, o.mean.high,
                   100 * static_cast<double>(positive) / static_cast<double>(o.by_set.size())});
  }
  out << table;
}

/// Rows of `leaderboard.csv`.
inline void write_leaderboard(std::ostream& out, const Plan& plan, const Findings& found) {
  out << "kernel,network,family,init,depth,names,effective_depth,mean_error,average_rank,less_chain,p,p_holm,"
         "bayes_better,bayes_same,bayes_worse\n";
  for (const std::size_t r : found.order) {
    const Row& row = plan.rows()[r];
    std::string names;
    for (const std::string& name : row.names) names += (names.empty() ? "" : "; ") + name;
    out << row.kernel << ',' << row.network.name << ',' << row.network.family << ',' << row.network.init
        << ',' << row.network.depth << ",\"" << names << '"';
    for (const double number :
         {found.effective_depth[size(r)], found.mean_error[size(r)], found.average_rank[size(r)]})
      out << ',' << number;
    if (const auto& c = found.against_chain[r])
      out << ',' << c->difference << ',' << c->p << ',' << c->p_holm << ',' << c->bayes.left << ','
          << c->bayes.rope << ',' << c->bayes.right << '\n';
    else
      out << ",,,,,,\n";
  }
}

/// Rows of `outcomes.csv`: every number that was computed.
inline void write_outcomes(std::ostream& out, const Plan& plan, const Store& store) {
  const std::size_t scores = plan.protocol().measures ? score_count : cheap_scores;
  out << "set,kernel,network,init,ridge";
  for (std::size_t s = 0; s < scores; ++s) out << ',' << score_names[s];
  out << '\n';
  for (std::size_t s = 0; s < plan.sets().size(); ++s)
    for (std::size_t r = 0; r < plan.rows().size(); ++r) {
      const Outcome& found = *store.find(plan.key(r, s));
      const Row& row = plan.rows()[r];
      const auto line = [&](const std::string& ridge, const Scores& values) {
        out << plan.sets()[s].name << ',' << row.kernel << ',' << row.network.name << ',' << row.network.init
            << ',' << ridge;
        for (std::size_t k = 0; k < scores; ++k) out << ',' << values[k];
        out << '\n';
      };
      line("chosen", found.chosen);
      for (std::size_t i = 0; i < found.ridges.size(); ++i)
        line(plan.protocol().ridges[i].to_string(), found.ridges[i]);
    }
}

inline nlohmann::ordered_json json(const Plan& plan, const Store& store, const Findings& found) {
  nlohmann::ordered_json out;
  for (const Set& set : plan.sets()) {
    const auto s = out["sets"].size();
    Eigen::Index best = 0;
    found.errors.row(size(s)).minCoeff(&best);
    out["sets"].push_back({{"name", set.name},
                           {"rows", set.x.rows()},
                           {"features", set.x.cols()},
                           {"outputs", set.y.cols()},
                           {"best", plan.rows()[static_cast<std::size_t>(best)].label()},
                           {"least_error", found.errors(size(s), best)}});
  }
  for (const sst::Ridge& ridge : plan.protocol().ridges) out["ridges"].push_back(ridge.to_string());
  for (const std::size_t r : found.order) {
    const Row& row = plan.rows()[r];
    nlohmann::ordered_json entry{{"kernel", row.kernel},
                                 {"network", row.network.name},
                                 {"family", row.network.family},
                                 {"init", row.network.init},
                                 {"names", row.names},
                                 {"effective_depth", found.effective_depth[size(r)]},
                                 {"mean_error", found.mean_error[size(r)]},
                                 {"average_rank", found.average_rank[size(r)]}};
    if (row.network.depth) entry["depth"] = row.network.depth;
    if (const auto& c = found.against_chain[r])
      entry["against_chain"] = {{"difference", c->difference}, {"p", c->p},
                                {"p_holm", c->p_holm},         {"better", c->bayes.left},
                                {"same", c->bayes.rope},       {"worse", c->bayes.right}};
    for (std::size_t s = 0; s < plan.sets().size(); ++s) {
      const Outcome& outcome = *store.find(plan.key(r, s));
      entry["errors"].push_back(outcome.chosen[error]);
      nlohmann::ordered_json by_ridge;
      for (const Scores& scores : outcome.ridges) by_ridge.push_back(scores[error]);
      entry["errors_by_ridge"].push_back(by_ridge);
    }
    out["kernels"].push_back(entry);
  }
  if (found.comparable())
    out["friedman"] = {{"chi_squared", found.friedman.chi_squared},
                       {"p", found.friedman.chi_squared_p},
                       {"iman_davenport_f", found.friedman.f},
                       {"iman_davenport_p", found.friedman.f_p}};
  for (const HeldOut& half : found.held_out)
    out["held_out"].push_back({{"best", plan.rows()[half.row].label()},
                               {"best_chain", plan.rows()[half.chain].label()},
                               {"difference", half.difference},
                               {"p", half.p}});
  for (const Ordering& o : found.orderings) {
    nlohmann::ordered_json entry{{"measure", score_names[o.score]},
                                 {"mean_tau", o.mean.value},
                                 {"low", o.mean.low},
                                 {"high", o.mean.high}};
    for (std::size_t i = 0; i < o.sets.size(); ++i)
      entry["sets"].push_back({{"set", plan.sets()[o.sets[i]].name},
                               {"tau", o.by_set[i].value},
                               {"low", o.by_set[i].low},
                               {"high", o.by_set[i].high}});
    out["orderings"].push_back(entry);
  }
  return out;
}

/// The classical topologies' average ranks among themselves; nothing with fewer than two.
inline std::string rank_diagram(const Plan& plan, const Findings& found) {
  std::vector<std::string> names;
  std::vector<Eigen::Index> columns;
  for (std::size_t r = 0; r < plan.rows().size(); ++r)
    if (plan.rows()[r].network.showcase && plan.rows()[r].kernel == "ntk") {
      const Network& network = plan.rows()[r].network;
      names.push_back(network.depth ? network.name : network.name + ", " + network.init);
      columns.push_back(size(r));
    }
  if (!found.comparable() || columns.size() < 2) return {};
  const Eigen::MatrixXd errors = found.errors(sst::every, columns);
  return svg::critical_difference(names, sst::average_ranks(errors, sst::Better::smaller),
                                  sst::critical_difference(errors.cols(), errors.rows()),
                                  "NTK, average ranks over " + std::to_string(errors.rows()) + " data sets");
}

inline svg::Plot depth_plot(const Plan& plan, const Findings& found) {
  svg::Plot plot{.title = "Effective depth and error",
                 .x_label = "effective depth",
                 .y_label = "test error, mean over data sets",
                 .x_scale = svg::Scale::log};
  std::map<std::string, svg::Series> families;
  for (std::size_t r = 0; r < plan.rows().size(); ++r) {
    const Row& row = plan.rows()[r];
    if (!std::isfinite(found.mean_error[size(r)])) continue;
    const std::string name = row.kernel + ", " + row.network.init;
    auto& series =
        families.try_emplace(row.network.depth ? name : row.kernel + ", infinite depth").first->second;
    series.points.push_back({found.effective_depth[size(r)], found.mean_error[size(r)]});
  }
  for (auto& [name, series] : families) {
    series.name = name;
    series.style = svg::Style::markers;
    plot.series.push_back(series);
  }
  return plot;
}

}  // namespace detail

inline void print(std::ostream& out, const Plan& plan, const Findings& found, double rope) {
  detail::print_leaderboard(out, plan, found);
  if (!found.comparable()) {
    out << "\nTests take two data sets and two kernels at least.\n";
    return;
  }
  const auto precision = out.precision(3);
  out << "\nFriedman's test of all kernels, Iman and Davenport's statistic: F = " << found.friedman.f
      << ", p = " << found.friedman.f_p << "; Nemenyi's critical difference of average ranks: "
      << sst::critical_difference(found.errors.cols(), found.errors.rows()) << '\n';
  out.precision(precision);
  detail::print_depths(out, plan, found, rope);
  detail::print_held_out(out, plan, found);
  detail::print_orderings(out, found);
}

/// The files of a study, in its folder.
inline void write(const std::filesystem::path& folder, const Plan& plan, const Store& store,
                  const Findings& found) {
  const auto file = [&](const char* name, auto&& fill) {
    sst::detail::write_file(folder / name, [&](std::ostream& out) {
      out.precision(std::numeric_limits<double>::max_digits10);
      fill(out);
    });
  };
  file("leaderboard.csv", [&](std::ostream& out) { detail::write_leaderboard(out, plan, found); });
  file("outcomes.csv", [&](std::ostream& out) { detail::write_outcomes(out, plan, store); });
  file("study.json", [&](std::ostream& out) { out << detail::json(plan, store, found).dump(1) << '\n'; });
  if (const std::string picture = detail::rank_diagram(plan, found); !picture.empty())
    file("critical_difference.svg", [&](std::ostream& out) { out << picture; });
  file("effective_depth.svg", [&](std::ostream& out) { detail::depth_plot(plan, found).write(out); });
}

}  // namespace study
