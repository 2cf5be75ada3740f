// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <Eigen/Core>

#include <sst/base/error_interval.hpp>
#include <sst/base/every.hpp>
#include <sst/base/parallel.hpp>
#include <sst/error.hpp>
#include <sst/selection/bootstrap.hpp>
#include <sst/selection/friedman.hpp>
#include <sst/selection/paired_tests.hpp>
#include <sst/selection/ranks.hpp>

#include "study_plan.hpp"
#include "study_store.hpp"

/// \file
/// What the outcomes of a study say: ranks, tests, and how well measures of the training rows order them.

namespace study {

/// A kernel against another one over all sets; negative differences are better.
struct Comparison {
  double difference = 0;               ///< of the errors, mean over sets
  double p = 1;                        ///< Wilcoxon's
  double p_holm = 1;                   ///< corrected for all comparisons with chains
  sst::SignedRankProbabilities bayes;  ///< left: this one has the smaller errors
};

/// A choice made on one half of the sets and judged on the other.
struct HeldOut {
  std::size_t row = 0, chain = 0;  ///< best average ranks of all, and of all chains, on the one half
  double difference = 0;           ///< of their errors on the other half
  double p = 1;                    ///< Wilcoxon's, there
};

/// How a measure orders kernels on the sets.
struct Ordering {
  std::size_t score = 0;              ///< which measure
  std::vector<sst::Interval> by_set;  ///< Kendall's tau of measure and error, over kernels; empty: constant
  std::vector<std::size_t> sets;      ///< to which they belong
  sst::Interval mean;                 ///< of tau over sets, by a bootstrap over sets
};

/// How results are judged.
struct Judging {
  double rope = 0.01;  ///< differences of errors up to this are none for practice
  int threads = 0;
};

class Findings {
 public:
  Eigen::MatrixXd errors;                                ///< sets x kernels, at the chosen ridges
  Eigen::VectorXd mean_error;                            ///< of a kernel, over sets
  Eigen::VectorXd average_rank;                          ///< of a kernel
  Eigen::VectorXd effective_depth;                       ///< of a kernel, mean over sets
  std::vector<std::size_t> order;                        ///< kernels, the best average rank first
  std::vector<std::optional<Comparison>> against_chain;  ///< of each kernel that is no chain and has one
  std::vector<HeldOut> held_out;                         ///< both halves, sets of even and of odd numbers
  sst::FriedmanTest friedman;                            ///< of all kernels
  std::vector<Ordering> orderings;                       ///< of the measures, where they were computed

  /// Of a plan that has run.
  Findings(const Plan& plan, const Store& store, const Judging& judging)
      : errors(size(plan.sets().size()), size(plan.rows().size())), effective_depth(errors.cols()) {
    effective_depth.setZero();
    for (std::size_t r = 0; r < plan.rows().size(); ++r)
      for (std::size_t s = 0; s < plan.sets().size(); ++s) {
        const Outcome& found = *store.find(plan.key(r, s));
        errors(size(s), size(r)) = found.chosen[error];
        effective_depth[size(r)] += found.effective_depth / static_cast<double>(plan.sets().size());
      }
    mean_error = errors.colwise().mean();
    average_rank = comparable() ? sst::average_ranks(errors, sst::Better::smaller)
                                : sst::ranks(mean_error, sst::Better::smaller);
    for (const Eigen::Index r : sst::detail::best_first(average_rank, sst::Better::smaller))
      order.push_back(static_cast<std::size_t>(r));
    against_chain.resize(plan.rows().size());
    if (!comparable()) return;
    friedman = sst::friedman_test(errors, sst::Better::smaller);
    compare_with_chains(plan, judging);
    hold_out(plan);
    if (plan.protocol().measures) order_by_measures(plan, store, judging.threads);
  }

  /// Whether there are sets and kernels enough for tests.
  bool comparable() const { return errors.rows() > 1 && errors.cols() > 1; }

 private:
  static Eigen::Index size(std::size_t i) { return static_cast<Eigen::Index>(i); }

  void compare_with_chains(const Plan& plan, const Judging& judging) {
    std::vector<std::size_t> compared;
    for (std::size_t r = 0; r < plan.rows().size(); ++r)
      if (plan.chain_of(r) != r) compared.push_back(r);
    if (compared.empty()) return;
    constexpr int draws = 10000;  // a standard error of 0.005
    sst::detail::parallel(compared.size(), judging.threads, [&](std::size_t i) {
      const std::size_t r = compared[i];
      const Eigen::VectorXd own = errors.col(size(r)), chain = errors.col(size(plan.chain_of(r)));
      against_chain[r] = {(own - chain).mean(), sst::wilcoxon_test(own, chain).p, 1,
                          sst::bayesian_signed_rank(own, chain, judging.rope, 0, draws)};
    });
    Eigen::VectorXd p(size(compared.size()));
    for (std::size_t i = 0; i < compared.size(); ++i) p[size(i)] = against_chain[compared[i]]->p;
    p = sst::holm_correction(p);
    for (std::size_t i = 0; i < compared.size(); ++i) against_chain[compared[i]]->p_holm = p[size(i)];
  }

  void hold_out(const Plan& plan) {
    std::array<std::vector<Eigen::Index>, 2> halves;
    for (Eigen::Index s = 0; s < errors.rows(); ++s) halves[static_cast<std::size_t>(s % 2)].push_back(s);
    if (halves[1].size() < 2) return;
    for (const std::size_t half : {0U, 1U}) {
      const Eigen::VectorXd ranks =
          sst::average_ranks(errors(halves[half], sst::every), sst::Better::smaller);
      HeldOut found;
      Eigen::Index best = 0;
      ranks.minCoeff(&best);
      found.row = static_cast<std::size_t>(best);
      double least = static_cast<double>(ranks.size()) + 1;
      for (std::size_t r = 0; r < plan.rows().size(); ++r)
        if (plan.rows()[r].network.family == "chain" && ranks[size(r)] < least) {
          least = ranks[size(r)];
          found.chain = r;
        }
      const Eigen::VectorXd own = errors(halves[1 - half], best),
                            chain = errors(halves[1 - half], size(found.chain));
      found.difference = (own - chain).mean();
      found.p = sst::wilcoxon_test(own, chain).p;
      held_out.push_back(found);
    }
  }

  void order_by_measures(const Plan& plan, const Store& store, int threads) {
    constexpr int resamples = 200;  // of a pass over all pairs of kernels
    for (std::size_t score = error + 1; score < score_count; ++score) {
      std::vector<std::optional<sst::Interval>> found(plan.sets().size());
      sst::detail::parallel(plan.sets().size(), threads, [&](std::size_t s) {
        Eigen::VectorXd measure(errors.cols());
        for (std::size_t r = 0; r < plan.rows().size(); ++r)
          measure[size(r)] = store.find(plan.key(r, s))->chosen[score];
        const Eigen::VectorXd truth = errors.row(size(s));
        const auto constant = [](const Eigen::VectorXd& v) { return v.minCoeff() == v.maxCoeff(); };
        if (measure.size() < 3 || measure.hasNaN() || constant(measure) || constant(truth)) return;
        found[s] = sst::kendall_tau(measure, truth, 0, resamples);
      });
      Ordering ordering{score, {}, {}, {}};
      std::vector<double> taus;
      for (std::size_t s = 0; s < found.size(); ++s) {
        if (!found[s]) continue;
        ordering.sets.push_back(s);
        ordering.by_set.push_back(*found[s]);
        taus.push_back(found[s]->value);
      }
      if (taus.size() < 2) continue;
      ordering.mean = sst::bootstrap_mean(Eigen::Map<const Eigen::VectorXd>(taus.data(), size(taus.size())));
      orderings.push_back(std::move(ordering));
    }
  }
};

}  // namespace study
