// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <iterator>
#include <map>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <sst/plan/coefficients.hpp>
#include <sst/plan/normal_form.hpp>
#include <sst/plan/plan.hpp>
#include <sst/plan/term_memory.hpp>
#include <sst/topology/operation.hpp>
#include <sst/topology/topology.hpp>
#include <sst/version.hpp>

/// \file
/// Which pairs of variables reach the output, and what each is computed from.

namespace sst {
inline namespace SST_ABI {
namespace plan {

/// One term of a linear pair: the pair it takes, and where the columns of its weights go.
struct Contribution {
  bool has_pair = false;         ///< otherwise deterministic, or without a partner on the other side
  std::pair<Index, Index> in{};  ///< the pair, as variables
  Index* left = nullptr;         ///< a column's number inside the plan's expansions; nullptr: no weight
  Index* right = nullptr;        ///< that of the other side
  bool mirrored = false;         ///< the weights have opposite signs
  bool bias = false;             ///< deterministic: the bias of a dense node
  double rate = 0;               ///< of two sources: how fast the term's own weights learn
};

/// How a pair of variables is computed.
struct Recipe {
  /// From the samples (`input`), by an `activation`, as a sum (`linear`), or not at all (`independent`).
  enum class Type { input, activation, linear, independent };
  Type type = Type::input;                    ///< which of them
  Index left = none, right = none;            ///< the variables
  std::string reason;                         ///< why it is needed, for printing
  std::pair<Index, Index> in{};               ///< activation: the pair of its arguments
  std::vector<Contribution> contributions{};  ///< linear: the terms
  bool exact = true;                          ///< linear: each term has one partner at most
  bool add_kernel = false;  ///< linear: two sources whose own weights and bias learn at the rate 1
};

/// Step 2 of compiling: the pairs that reach the output.
class PairFinder {
 public:
  /// Keeps references to all three; writes expansions of variables into `plan`.
  PairFinder(const Topology& topology, NormalForm& form, Plan& plan)
      : topology_(topology),
        form_(form),
        plan_(plan),
        memory_(plan.topology, "covariances", sizeof(Step) + 2 * sizeof(Contribution)) {}

  /// The pairs, each after those that it needs. Throws NoClosedForm where there is no closed form.
  std::vector<Recipe> run() {
    std::vector<Recipe> recipes;
    // In descending order of their larger variable: each one asks only for smaller ones.
    ask(plan_.output, plan_.output, "the output");
    while (!open_.empty()) {
      const auto it = std::prev(open_.end());
      const auto [left, right] = std::pair{it->first.second.first, it->first.second.second};
      Recipe recipe = expand(left, right);
      recipe.reason = it->second;
      open_.erase(it);
      recipes.push_back(std::move(recipe));
    }
    std::reverse(recipes.begin(), recipes.end());
    return recipes;
  }

 private:
  Variable& var(Index v) { return plan_.variables[v]; }

  void ask(Index left, Index right, std::string reason) {
    open_.emplace(std::pair{std::max(left, right), std::pair{left, right}}, std::move(reason));
  }

  Recipe expand(Index left, Index right) {
    Recipe r;
    r.left = left;
    r.right = right;
    const VariableKind kind = var(left).kind;
    if (kind == VariableKind::input || kind == VariableKind::centred_input) return r;
    if (kind == VariableKind::activation || kind == VariableKind::rest) {
      r.type = Recipe::Type::activation;
      r.in = {var(left).argument, var(right).argument};
      ask(r.in.first, r.in.second,
          "argument of '" + var(left).name + "'" + (left == right ? "" : " and '" + var(right).name + "'"));
      return r;
    }
    if (left != right && !form_.support(left).correlated(form_.support(right))) {
      r.type = Recipe::Type::independent;  // of interest for the means of activations alone
      return r;
    }
    r.type = Recipe::Type::linear;
    const bool sources = kind == VariableKind::source && var(right).kind == VariableKind::source;
    Expansion::Kind how = Expansion::Kind::primary;
    if (left != right) how = sources ? Expansion::Kind::tied : Expansion::Kind::flat;
    match(r, expansion(left, how), expansion(right, how), left == right);
    if (sources) set_rates(r);
    return r;
  }

  /// How fast the weights of two sources learn, which are the same ones.
  void set_rates(Recipe& r) {
    const double weights = var(r.left).weight_rate, bias = var(r.left).bias_rate;
    r.add_kernel = weights == 1 && bias == 1;
    for (Contribution& c : r.contributions)
      if (!r.add_kernel && c.left && c.right) c.rate = c.bias ? bias : weights;
  }

  /// Which terms of the two sides are correlated. Exact when each has one partner at most.
  void match(Recipe& r, Expansion& a, Expansion& b, bool self) {
    const auto pair_up = [&](Term& s, Term& t) {
      memory_.add();
      r.contributions.push_back(
          {true, {s.variable, t.variable}, &s.column, &t.column, opposite(s.coefficient, t.coefficient)});
      ask(s.variable, t.variable,
          "in '" + var(r.left).name + "'" + (self ? "" : " and '" + var(r.right).name + "'"));
    };
    if (self && a.orthogonal) {
      for (Term& t : a.terms) pair_up(t, t);
      for (ConstantTerm& c : a.constants)
        r.contributions.push_back({false, {}, &c.column, &c.column, false, c.bias});
      return;
    }
    std::vector<Index> partners_a(a.terms.size(), 0), partners_b(b.terms.size(), 0);
    for (Index i = 0; i < a.terms.size(); ++i)
      for (Index j = 0; j < b.terms.size(); ++j) {
        Term &s = a.terms[i], &t = b.terms[j];
        if (s.block != t.block || !form_.support(s.variable).correlated(form_.support(t.variable))) continue;
        // The same weights meet other channels, which are independent copies; the input has but one of each.
        if (std::abs(s.start - t.start) > 1e-9 && !form_.support(s.variable).input) continue;
        ++partners_a[i];
        ++partners_b[j];
        pair_up(s, t);
      }
    const auto one_at_most = [](const std::vector<Index>& partners) {
      return std::all_of(partners.begin(), partners.end(), [](Index n) { return n <= 1; });
    };
    r.exact = a.orthogonal && b.orthogonal && one_at_most(partners_a) && one_at_most(partners_b);
    if (r.exact) {  // what has no partner counts towards the distance
      for (Index i = 0; i < a.terms.size(); ++i)
        if (partners_a[i] == 0) r.contributions.push_back({false, {}, &a.terms[i].column, nullptr});
      for (Index j = 0; j < b.terms.size(); ++j)
        if (partners_b[j] == 0) r.contributions.push_back({false, {}, nullptr, &b.terms[j].column});
    }
    for (ConstantTerm& c : a.constants) {
      const auto other = std::find_if(b.constants.begin(), b.constants.end(),
                                      [&](const ConstantTerm& d) { return d.block == c.block; });
      if (other != b.constants.end())
        r.contributions.push_back({false, {}, &c.column, &other->column, false, c.bias});
      else if (r.exact)
        r.contributions.push_back({false, {}, &c.column, nullptr});
    }
    if (r.exact)
      for (ConstantTerm& d : b.constants)
        if (std::none_of(a.constants.begin(), a.constants.end(),
                         [&](const ConstantTerm& c) { return d.block == c.block; }))
          r.contributions.push_back({false, {}, nullptr, &d.column});
  }

  /// The variable written out in the given way; made on first use.
  Expansion& expansion(Index v, Expansion::Kind how) {
    auto& all = var(v).expansions;
    all.reserve(3);  // one of each kind: references to them stay valid
    for (Expansion& e : all)
      if (e.kind == how) return e;
    Expansion e;
    e.kind = how;
    if (how == Expansion::Kind::flat) {
      for (const auto& [atom, coefficient] : form_.flat(v))
        e.terms.push_back({.variable = atom, .coefficient = coefficient});
      form_.mark_correlated(e);
    } else {
      e = tied_expansion(v);
    }
    all.push_back(std::move(e));
    return all.back();
  }

  /// A source whose weights are shared, over segments of the width on which every member of the group
  /// is one value; whole activations where every member has nothing else. Channel k of a block sits at
  /// the block's start plus k, so one variable at two starts is correlated through its mean alone.
  Expansion tied_expansion(Index v) {
    const auto& group = form_.group(v);
    std::vector<double> ends;
    bool whole = true;
    for (const Index member : group) {
      double end = 0;
      for (const double share : shares(member)) ends.push_back(end += share);
      whole = whole && shares(member) == shares(group.front());
      for (const Value& value : form_.fan_in(member))
        whole = whole && value.variable != none && value.constant.zero() &&
                var(value.variable).kind == VariableKind::activation;
    }
    std::sort(ends.begin(), ends.end());
    std::vector<double> cuts{0};
    for (const double end : ends)
      if (end - cuts.back() > 1e-9) cuts.push_back(end);

    const auto& dense = std::get<DenseOp>(topology_.nodes()[var(v).node].operation);
    const auto& values = form_.fan_in(v);
    const auto own = shares(v);
    Expansion e;
    e.kind = Expansion::Kind::tied;
    Index block = 0;
    double start = 0, block_end = own[0];
    for (Index s = 0; s + 1 < cuts.size(); ++s) {
      const double middle = (cuts[s] + cuts[s + 1]) / 2;
      while (middle > block_end && block + 1 < own.size()) {
        start = block_end;
        block_end += own[++block];
      }
      const Number factor = dense.weight_std * std::sqrt(cuts[s + 1] - cuts[s]);
      if (factor == 0) continue;
      if (whole) {
        e.terms.push_back(
            {.variable = values[block].variable, .coefficient = {factor * values[block].factor}, .block = s});
        continue;
      }
      auto [terms, constant] = form_.split(values[block]);
      for (auto& [atom, coefficient] : terms) {
        Coefficient scaled;
        add_scaled(scaled, factor, coefficient);
        e.terms.push_back({.variable = atom, .coefficient = std::move(scaled), .block = s, .start = start});
      }
      if (!constant.zero()) {
        Constant scaled;
        add_scaled(scaled, factor, constant);
        e.constants.push_back({std::move(scaled), s});
      }
    }
    if (dense.bias_std != 0) e.constants.push_back({Constant{dense.bias_std}, cuts.size(), true});
    form_.mark_correlated(e);
    return e;
  }

  const std::vector<double>& shares(Index source) const {
    return topology_.blocks(topology_.nodes()[plan_.variables[source].node].inputs[0]);
  }

  const Topology& topology_;
  NormalForm& form_;
  Plan& plan_;
  TermMemory memory_;
  std::map<std::pair<Index, std::pair<Index, Index>>, std::string> open_;
};

}  // namespace plan
}  // namespace SST_ABI
}  // namespace sst
