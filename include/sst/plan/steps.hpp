// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <map>
#include <utility>
#include <variant>
#include <vector>

#include <sst/activation/dual.hpp>
#include <sst/plan/angular_step.hpp>
#include <sst/plan/normal_form.hpp>
#include <sst/plan/pairs.hpp>
#include <sst/plan/plan.hpp>
#include <sst/version.hpp>

/// \file
/// From the pairs to the steps that compute them.

namespace sst {
inline namespace SST_ABI {
namespace plan {

/// Step 3 of compiling: the order in which pairs are computed, and from which numbers of a sample.
class StepMaker {
 public:
  /// Keeps references to `form` and `plan`; writes into the latter.
  StepMaker(const NormalForm& form, Plan& plan, std::vector<Recipe> recipes)
      : form_(form), plan_(plan), recipes_(std::move(recipes)) {
    for (Index i = 0; i < recipes_.size(); ++i) number_[{recipes_[i].left, recipes_[i].right}] = i;
  }

  /// Fills in the plan's pairs, steps and columns. Throws NoClosedForm where there is no NTK.
  void run() {
    describe_pairs();
    emit_steps();
    number_the_rest();
  }

 private:
  Variable& var(Index v) { return plan_.variables[v]; }

  void describe_pairs() {
    plan_.pairs.resize(recipes_.size());
    for (Index i = 0; i < recipes_.size(); ++i) {
      const Recipe& r = recipes_[i];
      Pair& pair = plan_.pairs[i];
      pair.left = r.left;
      pair.right = r.right;
      pair.reason = r.reason;
      switch (r.type) {
        case Recipe::Type::input:
          pair.complement = true;
          break;
        case Recipe::Type::independent:
          break;
        case Recipe::Type::activation: {
          const Pair& in = plan_.pairs[number_.at(r.in)];
          pair.tangent = in.tangent;
          pair.rounded = in.rounded || !both_angular(r);
          if (pair.tangent)
            for (const Index v : {r.left, r.right}) form_.refuse_ntk_obstacle(v);
          break;
        }
        case Recipe::Type::linear: {
          pair.tangent = plan_.ntk && r.add_kernel;
          pair.rounded = !r.exact;
          plan_.rounded_variances = plan_.rounded_variances || (r.left == r.right && !r.exact);
          // Near -1 only when all of its terms are.
          pair.complement = !r.contributions.empty();
          for (const Contribution& c : r.contributions) {
            pair.tangent = pair.tangent || (plan_.ntk && c.rate != 0);
            if (!c.has_pair) continue;
            const Pair& in = plan_.pairs[number_.at(c.in)];
            pair.tangent = pair.tangent || in.tangent;
            pair.rounded = pair.rounded || in.rounded;
            pair.complement = pair.complement && (in.complement || c.mirrored || !r.exact);
          }
          break;
        }
      }
      plan_.angular_only = plan_.angular_only && !pair.rounded;
    }
    plan_.result = recipes_.size() - 1;
  }

  bool both_angular(const Recipe& r) {
    return var(r.left).activation->angular() && var(r.right).activation->angular();
  }

  void emit_steps() {
    // A term joins its sum as soon as it is there, so that sums of many terms do not keep them alive.
    struct Use {
      Index out;
      Index contribution;
    };
    std::vector<std::vector<Use>> uses(recipes_.size());
    std::vector<std::vector<Index>> constants(recipes_.size());  // deterministic terms not yet added
    std::vector<Index> missing(recipes_.size(), 0);
    std::vector<bool> started(recipes_.size(), false);
    Index terms = recipes_.size();
    for (const Recipe& r : recipes_) terms += r.contributions.size();
    plan_.steps.reserve(terms);
    for (Index i = 0; i < recipes_.size(); ++i) {
      const auto& contributions = recipes_[i].contributions;
      for (Index k = 0; k < contributions.size(); ++k) {
        const Contribution& c = contributions[k];
        if (c.has_pair) uses[number_.at(c.in)].push_back({i, k});
        if (!c.has_pair && c.left && c.right && recipes_[i].exact) constants[i].push_back(k);
      }
      missing[i] = contributions.size();
    }
    const auto accumulate = [&](Index out, Index k) {
      const Recipe& r = recipes_[out];
      const Contribution& c = r.contributions[k];
      AccumulateStep step{
          .out = out, .in = c.has_pair ? number_.at(c.in) : none, .left = none, .right = none};
      step.left = column(c.left);
      step.right = column(c.right);
      --missing[out];
      if (c.has_pair && !constants[out].empty()) {  // one pass over the strip for both
        const Contribution& constant = r.contributions[constants[out].back()];
        step.left_constant = column(constant.left);
        step.right_constant = column(constant.right);
        step.constant_rate = constant.rate;
        constants[out].pop_back();
        --missing[out];
      }
      step.exact = r.exact;
      step.mirrored = c.mirrored;
      step.first = !started[out];
      step.last = missing[out] == 0;
      step.add_kernel = r.add_kernel;
      step.rate = c.rate;
      step.self = r.left == r.right;
      started[out] = true;
      plan_.steps.push_back(step);
    };
    // Activations follow their argument at once, so that it need not be kept for them.
    std::vector<std::vector<Index>> activations(recipes_.size());
    for (Index i = 0; i < recipes_.size(); ++i)
      if (recipes_[i].type == Recipe::Type::activation) activations[number_.at(recipes_[i].in)].push_back(i);
    const auto emit = [&](Index i) {
      const Recipe& r = recipes_[i];
      switch (r.type) {
        case Recipe::Type::input:
          plan_.steps.push_back(InputStep{i, var(r.left).kind == VariableKind::centred_input});
          break;
        case Recipe::Type::independent:
          plan_.steps.push_back(AccumulateStep{.out = i,
                                               .in = none,
                                               .left = none,
                                               .right = none,
                                               .exact = false,
                                               .first = true,
                                               .last = true});
          break;
        case Recipe::Type::activation:
          emit_activation(i, r);
          break;
        case Recipe::Type::linear:
          // What has no pair and was not added on the way.
          for (Index k = 0; k < r.contributions.size(); ++k) {
            const Contribution& c = r.contributions[k];
            if (c.has_pair) continue;
            const auto waiting = std::find(constants[i].begin(), constants[i].end(), k);
            const bool mergeable = c.left && c.right && r.exact;
            if (mergeable && waiting == constants[i].end()) continue;
            if (mergeable) constants[i].erase(waiting);
            accumulate(i, k);
          }
          if (r.contributions.empty())  // the zero function
            plan_.steps.push_back(AccumulateStep{
                .out = i, .in = none, .left = none, .right = none, .first = true, .last = true});
          break;
      }
      for (const Use& use : uses[i]) accumulate(use.out, use.contribution);
    };
    for (Index i = 0; i < recipes_.size(); ++i) {
      if (recipes_[i].type == Recipe::Type::activation) continue;
      emit(i);
      for (const Index a : activations[i]) emit(a);
    }
  }

  void emit_activation(Index out, const Recipe& r) {
    const Variable &u = var(r.left), &v = var(r.right);
    const bool rest = u.kind == VariableKind::rest;
    const Index in = number_.at(r.in);
    const auto want = [&](Index& number) { return column(&number); };
    if (both_angular(r)) {
      const AngularForm f = *u.activation->angular(), g = *v.activation->angular();
      AngularStep step = angular_step(f, g, rest);
      step.in = in;
      step.out = out;
      step.check = plan_.pairs[in].rounded;
      if (!rest && ((f.degree == 0 && f.even != 0) || (g.degree == 0 && g.even != 0))) {
        step.left_std = want(var(u.argument).columns.std);
        step.right_std = want(var(v.argument).columns.std);
        step.left_out = want(var(r.left).columns.std);
        step.right_out = want(var(r.right).columns.std);
        step.left_mean = want(var(r.left).columns.mean);
        step.right_mean = want(var(r.right).columns.mean);
      }
      plan_.needs_extended = plan_.needs_extended || step.check;
      plan_.steps.push_back(step);
      return;
    }
    DualStep step{.in = in,
                  .out = out,
                  .map = dual_map(u.activation, v.activation),
                  .left_std = want(var(u.argument).columns.std),
                  .right_std = want(var(v.argument).columns.std),
                  .left_out = want(var(r.left).columns.std),
                  .right_out = want(var(r.right).columns.std),
                  .self = r.left == r.right};
    if (rest) {
      step.left_mean = want(var(u.whole).columns.mean);
      step.right_mean = want(var(v.whole).columns.mean);
      step.left_slope = want(var(u.whole).columns.slope);
      step.right_slope = want(var(v.whole).columns.slope);
    }
    plan_.steps.push_back(std::move(step));
  }

  /// The per-sample column whose number is kept there; numbered when a step first reads it.
  Index column(Index* number) {
    if (!number) return none;
    if (*number == none) *number = plan_.columns++;
    return *number;
  }

  /// Numbers the columns that no step reads, but the table does.
  void number_the_rest() {
    for (Variable& v : plan_.variables) {
      column(&v.columns.std);
      if (v.kind != VariableKind::activation) continue;
      column(&v.columns.mean);
      column(&v.columns.slope);
    }
    plan_.input_mean = plan_.columns++;
  }

  const NormalForm& form_;
  Plan& plan_;
  std::vector<Recipe> recipes_;
  std::map<std::pair<Index, Index>, Index> number_;
};

}  // namespace plan
}  // namespace SST_ABI
}  // namespace sst
