// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <map>
#include <numbers>
#include <string>
#include <utility>
#include <vector>

#include <sst/activation/dual.hpp>
#include <sst/plan/normal_form.hpp>
#include <sst/plan/plan.hpp>
#include <sst/topology/topology.hpp>
#include <sst/version.hpp>

namespace sst::inline SST_ABI {

namespace plan {

/// Step 2 of compiling: from the variables to the pairs that reach the output, and their steps.
class PairPlanner {
 public:
  /// Keeps references to all three; writes into `plan`.
  PairPlanner(const Topology& topology, NormalForm& form, Plan& plan)
      : topology_(topology), form_(form), plan_(plan) {}

  /// Fills in the plan's pairs, steps and slots. Throws NoClosedForm where there is no closed form, or no
  /// NTK.
  void run() {
    plan_.output = form_.output();
    if (plan_.ntk) refuse_tied_readout();
    // Pairs in descending order of their larger variable: each one asks only for smaller ones.
    ask(plan_.output, plan_.output, "the output");
    while (!open_.empty()) {
      const auto it = std::prev(open_.end());
      const auto [left, right] = std::pair{it->first.second.first, it->first.second.second};
      Recipe recipe = expand(left, right);
      recipe.reason = it->second;
      open_.erase(it);
      recipes_.push_back(std::move(recipe));
    }
    std::reverse(recipes_.begin(), recipes_.end());
    for (Index i = 0; i < recipes_.size(); ++i) number_[{recipes_[i].left, recipes_[i].right}] = i;
    describe_pairs();
    emit_steps();
    assign_columns();
    assign_slots();
  }

  /// The coefficients of an angular step, or of that of the rests; derivation in docs/mathematics.md.
  static AngularStep angular(const AngularForm& f, const AngularForm& g, bool rest) {
    AngularStep s{};
    const double root = std::sqrt(2 / std::numbers::pi), square = 2 / std::numbers::pi;
    if (rest) {
      const double scale = 1 / (1 - square);
      if (f.degree != g.degree) {  // even against odd: uncorrelated
        s.k0 = 0.5;
        return s;
      }
      const double sign = f.degree == 1 ? (f.even * g.even < 0 ? -1 : 1) : (f.odd * g.odd < 0 ? -1 : 1);
      s.k0 = sign < 0 ? 1 : 0;
      if (f.degree == 1) {
        s.k_abs = sign * scale;
        s.d_angle = sign * scale;
      } else {
        s.k_angle = sign * scale;
        s.k_half = -sign * square * scale;
      }
      return s;
    }
    const double nf = std::hypot(f.odd, f.even), ng = std::hypot(g.odd, g.even);
    if (nf == 0 || ng == 0) return s;  // the zero function
    const double of = f.odd / nf, ef = f.even / nf, og = g.odd / ng, eg = g.even / ng;
    if (f.degree != g.degree) {
      s.k0 = (1 - root * (of * og + ef * eg)) / 2;
      s.k_half = root * of * og;
      return s;
    }
    s.k0 = ((of - og) * (of - og) + (ef - eg) * (ef - eg)) / 4;
    if (f.degree == 1) {
      s.k_half = of * og;
      s.k_abs = ef * eg;
      s.d0 = of * og;
      s.d_angle = ef * eg;
    } else {
      s.k_angle = of * og;
    }
    return s;
  }

 private:
  using Key = std::pair<Index, Index>;

  /// One term of a linear pair: its partner pair and where its weights are.
  struct Contribution {
    bool has_pair = false;
    Key in{};
    Index* left = nullptr;  // column slots inside the plan's expansions
    Index* right = nullptr;
  };

  struct Recipe {
    enum class Type { input, activation, linear, independent } type = Type::input;
    Index left = none, right = none;
    std::string reason;
    Key in{};                                   // activation
    std::vector<Contribution> contributions{};  // linear
    bool exact = true;
    bool add_kernel = false;
  };

  Variable& var(Index v) { return plan_.variables[v]; }

  void ask(Index left, Index right, std::string reason) {
    open_.emplace(std::pair{std::max(left, right), Key{left, right}}, std::move(reason));
  }

  static bool linear(VariableKind kind) {
    return kind == VariableKind::source || kind == VariableKind::gaussian || kind == VariableKind::mixture ||
           kind == VariableKind::readout;
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
    r.add_kernel = kind == VariableKind::source && var(right).kind == VariableKind::source;
    Expansion::Kind how = Expansion::Kind::primary;
    if (left != right) how = r.add_kernel ? Expansion::Kind::tied : Expansion::Kind::flat;
    match(r, expansion(left, how), expansion(right, how), left == right);
    return r;
  }

  /// Which terms of the two sides are correlated. Exact when each has one partner at most.
  void match(Recipe& r, Expansion& a, Expansion& b, bool self) {
    const auto pair_up = [&](Term& s, Term& t) {
      r.contributions.push_back({true, {s.variable, t.variable}, &s.column, &t.column});
      ask(s.variable, t.variable,
          "in '" + var(r.left).name + "'" + (self ? "" : " and '" + var(r.right).name + "'"));
    };
    if (self && a.orthogonal) {
      for (Term& t : a.terms) pair_up(t, t);
      for (ConstantTerm& c : a.constants) r.contributions.push_back({false, {}, &c.column, &c.column});
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
        r.contributions.push_back({false, {}, &c.column, &other->column});
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
      const double factor = dense.weight_std * std::sqrt(cuts[s + 1] - cuts[s]);
      if (factor == 0) continue;
      if (whole) {
        e.terms.push_back({.variable = values[block].variable, .coefficient = {factor}, .block = s});
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
    if (dense.bias_std != 0) e.constants.push_back({Constant{dense.bias_std}, cuts.size()});
    form_.mark_correlated(e);
    return e;
  }

  const std::vector<double>& shares(Index source) const {
    return topology_.blocks(topology_.nodes()[plan_.variables[source].node].inputs[0]);
  }

  /// The gradient independence that the NTK's closed form rests on asks for a read-out of its own.
  void refuse_tied_readout() {
    std::vector<Index> last;
    for (const Value& value : form_.value(topology_.output())) {
      if (value.variable == none) continue;
      const Variable& v = var(value.variable);
      const auto add = [&](Index u) {
        if (var(u).kind == VariableKind::input) return;
        for (const auto& [atom, coefficient] : form_.flat(u))
          if (var(atom).kind == VariableKind::source)
            last.push_back(atom);
          else if (var(atom).kind == VariableKind::rest)
            for (const auto& [inner, c] : form_.flat(var(atom).argument)) last.push_back(inner);
      };
      add(v.kind == VariableKind::activation ? v.argument : value.variable);
    }
    for (const Index source : last)
      if (form_.tied(source)) {
        const auto& node = topology_.nodes()[var(source).node];
        throw NoClosedForm("node '" + node.name + "' (dense) is part of the output and shares weights '" +
                           std::get<DenseOp>(node.operation).weights +
                           "' with another node, so the NTK has no closed form (its NNGP has); give the "
                           "read-out weights of its own");
      }
  }

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
          if (pair.tangent) refuse_obstacles(r);
          break;
        }
        case Recipe::Type::linear: {
          pair.tangent = plan_.ntk && r.add_kernel;
          pair.rounded = !r.exact;
          plan_.rounded_variances = plan_.rounded_variances || (r.left == r.right && !r.exact);
          // Near -1 only when all of its terms are.
          pair.complement = !r.contributions.empty();
          for (const Contribution& c : r.contributions) {
            if (!c.has_pair) continue;
            const Pair& in = plan_.pairs[number_.at(c.in)];
            pair.tangent = pair.tangent || in.tangent;
            pair.rounded = pair.rounded || in.rounded;
            pair.complement = pair.complement && (in.complement || !r.exact);
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

  void refuse_obstacles(const Recipe& r) {
    for (const Index v : {r.left, r.right}) {
      const std::string why = var(v).activation->ntk_obstacle();
      if (!why.empty())
        throw NoClosedForm("node '" + topology_.nodes()[var(v).node].name + "' (" +
                           var(v).activation->name() + ") has no NTK: " + why + "; ask for the NNGP");
    }
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
      columns_of_.push_back({plan_.steps.size(), false, c.left, c.right});
      --missing[out];
      if (c.has_pair && !constants[out].empty()) {  // one pass over the strip for both
        const Contribution& constant = r.contributions[constants[out].back()];
        columns_of_.push_back({plan_.steps.size(), true, constant.left, constant.right});
        constants[out].pop_back();
        --missing[out];
      }
      step.exact = r.exact;
      step.first = !started[out];
      step.last = missing[out] == 0;
      step.add_kernel = r.add_kernel;
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
    const auto want = [&](Index& column) {
      if (column == none) column = plan_.columns++;
      return column;
    };
    if (both_angular(r)) {
      const AngularForm f = *u.activation->angular(), g = *v.activation->angular();
      AngularStep step = angular(f, g, rest);
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

  /// Numbers the per-sample columns that the steps read.
  void assign_columns() {
    for (const auto& [step, constant, left, right] : columns_of_) {
      auto& accumulate = std::get<AccumulateStep>(plan_.steps[step]);
      const auto want = [&](Index* column) {
        if (!column) return none;
        if (*column == none) *column = plan_.columns++;
        return *column;
      };
      (constant ? accumulate.left_constant : accumulate.left) = want(left);
      (constant ? accumulate.right_constant : accumulate.right) = want(right);
    }
    for (Variable& v : plan_.variables) {
      if (v.columns.std == none) v.columns.std = plan_.columns++;
      if (v.kind == VariableKind::activation) {
        if (v.columns.mean == none) v.columns.mean = plan_.columns++;
        if (v.columns.slope == none) v.columns.slope = plan_.columns++;
      }
    }
    plan_.input_mean = plan_.columns++;
  }

  /// Pairs share memory when their lives do not overlap.
  void assign_slots() {
    std::vector<Index> last_use(recipes_.size(), 0);
    for (Index s = 0; s < plan_.steps.size(); ++s)
      std::visit(detail::Overloaded{[&](const InputStep& x) { last_use[x.pair] = s; },
                                    [&](const AngularStep& x) { last_use[x.in] = last_use[x.out] = s; },
                                    [&](const DualStep& x) { last_use[x.in] = last_use[x.out] = s; },
                                    [&](const AccumulateStep& x) {
                                      if (x.in != none) last_use[x.in] = s;
                                      last_use[x.out] = s;
                                    }},
                 plan_.steps[s]);
    last_use[plan_.result] = plan_.steps.size();
    std::vector<std::vector<Index>> ends(plan_.steps.size() + 1);
    for (Index p = 0; p < recipes_.size(); ++p) ends[last_use[p]].push_back(p);

    plan_.slots.assign(recipes_.size(), {});
    std::vector<Index> free;
    const auto take = [&] {
      if (free.empty()) return plan_.slot_count++;
      const Index slot = free.back();
      free.pop_back();
      return slot;
    };
    const auto begin = [&](Index p) {
      Slots& slots = plan_.slots[p];
      if (slots.half != none) return;
      slots.half = take();
      if (plan_.pairs[p].complement) slots.complement = take();
      if (plan_.pairs[p].tangent) slots.tangent = take();
    };
    for (Index s = 0; s < plan_.steps.size(); ++s) {
      std::visit(detail::Overloaded{[&](const InputStep& x) { begin(x.pair); },
                                    [&](const auto& x) { begin(x.out); }},
                 plan_.steps[s]);
      for (const Index p : ends[s]) {
        const Slots& slots = plan_.slots[p];
        for (const Index slot : {slots.half, slots.complement, slots.tangent})
          if (slot != none) free.push_back(slot);
      }
    }
  }

  const Topology& topology_;
  NormalForm& form_;
  Plan& plan_;
  std::map<std::pair<Index, Key>, std::string> open_;
  std::vector<Recipe> recipes_;
  std::map<Key, Index> number_;
  struct StepColumns {
    Index step;
    bool constant;
    Index* left;
    Index* right;
  };
  std::vector<StepColumns> columns_of_;
};

}  // namespace plan

/// Compiles a topology for the given kernels.
///
/// Takes O(nodes) pairs for chains, residuals, sparse shortcuts and sums after activations; only
/// correlated activations (tied weights, activations of overlapping sums) need more.
/// Throws NoClosedForm, with the node and the reason, where the kernel has no closed form.
inline Plan compile(const Topology& topology, Kernel kernel) {
  for (const NodeSpec& node : topology.nodes())
    if (is_spatial(node.operation))
      throw NoClosedForm(
          "node '" + node.name + "' (" + operation_name(node.operation) +
          ") works on images (rows without a shape have no positions); give the images' shape");
  Plan plan;
  plan.topology = topology.name();
  plan.ntk = kernel == Kernel::ntk;
  plan::NormalForm form(topology, plan);
  plan::PairPlanner(topology, form, plan).run();
  return plan;
}

}  // namespace sst
