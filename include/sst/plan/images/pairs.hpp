// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <iterator>
#include <map>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <sst/error.hpp>
#include <sst/plan/angular_step.hpp>
#include <sst/plan/coefficients.hpp>
#include <sst/plan/images/plan.hpp>
#include <sst/plan/images/sides.hpp>
#include <sst/plan/normal_form.hpp>
#include <sst/plan/term_memory.hpp>
#include <sst/version.hpp>

/// \file
/// Which pairs of variables reach the output, and what each is computed from.

namespace sst {
inline namespace SST_ABI {
namespace spatial {

/// Fills a plan's pairs, each after those it needs, and its weights. Throws NoClosedForm, with the nodes.
class PairFinder {
 public:
  /// Keeps references to both and writes into them.
  PairFinder(plan::NormalForm& form, SpatialPlan& plan)
      : form_(form),
        plan_(plan),
        sides_(form, plan),
        memory_(plan.topology, "covariances", sizeof(Link) + sizeof(LinearTerm)) {}

  /// Fills in the pairs. Throws NoClosedForm, with the nodes, where there is none.
  void run() {
    ask(plan_.base.output, plan_.base.output, "the output");
    for (Index v = 0; v < plan_.base.variables.size(); ++v)
      if (kind(v) == Kind::normalised && needs_own(var(v).divisor))
        ask(var(v).divisor, var(v).divisor, "divisor of '" + var(v).name + "'");
    std::vector<Pair> found;
    while (!open_.empty()) {
      const auto it = std::prev(open_.end());
      Pair pair{.left = it->first.second.first, .right = it->first.second.second};
      pair.reason = it->second;
      open_.erase(it);
      found.push_back(std::move(pair));
      expand(found.back(), found.size() - 1);
    }
    // In ascending order; steps know their inputs by position from the end until then.
    std::reverse(found.begin(), found.end());
    plan_.pairs = std::move(found);
    const Index last = plan_.pairs.size() - 1;
    for (Index i = 0; i <= last; ++i) number_[{plan_.pairs[i].left, plan_.pairs[i].right}] = i;
    for (const auto& [position, term, key] : links_)
      input(plan_.pairs[last - position].step, term) = number_.at(key);
    plan_.result = number_.at({plan_.undivided(plan_.base.output), plan_.undivided(plan_.base.output)});
  }

 private:
  using Key = std::pair<Index, Index>;
  using Kind = plan::VariableKind;
  using Form = Sides::Form;

  struct Link {
    Index position, term;
    Key key;
  };

  Key ask(Index left, Index right, const std::string& reason) {
    const Key key{plan_.undivided(left), plan_.undivided(right)};
    open_.emplace(std::pair{std::max(key.first, key.second), key}, reason);
    return key;
  }

  /// Whether a variable's std takes the covariances of a sample with itself.
  bool needs_own(Index v) const {
    const plan::Variable& variable = plan_.variable(v);
    return variable.kind == Kind::exact ||
           (is_linear(variable.kind) && !variable.expansions.front().orthogonal);
  }

  /// Where a step's (or its term's) input pair is stored.
  static Index& input(Step& step, Index term) {
    if (auto* linear = std::get_if<LinearStep>(&step)) return linear->terms[term].in;
    if (auto* angular = std::get_if<AngularStep>(&step)) return angular->map.in;
    if (auto* dual = std::get_if<DualStep>(&step)) return dual->map.in;
    if (auto* window = std::get_if<WindowStep>(&step)) return window->in;
    if (auto* pool = std::get_if<PoolStep>(&step)) return pool->in;
    if (auto* flat = std::get_if<FlattenStep>(&step)) return flat->in;
    return std::get<ExactStep>(step).in;
  }

  void link(Index position, Index term, Index left, Index right, const std::string& reason) {
    links_.push_back({position, term, ask(left, right, reason)});
  }

  void expand(Pair& pair, Index position) {
    const Index l = pair.left, r = pair.right;
    const Kind a = kind(l), b = kind(r);
    pair.grid = plan_.grids[l];
    if (!(plan_.grids[r] == pair.grid))
      throw NoClosedForm(
          "nodes '" + var(l).name + "' and '" + var(r).name +
          "' share weights over images of different sizes, which is not computed; give them weights "
          "of their own");
    const std::string reason = "for '" + var(l).name + "'" + (l == r ? "" : " and '" + var(r).name + "'");
    const auto arguments = [&](Step step, bool left = true, bool right = true) {
      pair.step = std::move(step);
      link(position, 0, left ? var(l).argument : l, right ? var(r).argument : r, reason);
    };
    const auto input_kind = [](Kind k) { return k == Kind::input || k == Kind::centred_input; };
    if (l != r && !form_.support(l).correlated(form_.support(r))) {
      pair.step = IndependentStep{};
    } else if (input_kind(a) && input_kind(b)) {
      pair.step = InputStep{a == Kind::centred_input || b == Kind::centred_input};
    } else if (a == Kind::exact || b == Kind::exact) {
      arguments(ExactStep{none, a == Kind::exact, b == Kind::exact}, a == Kind::exact, b == Kind::exact);
    } else if (a == b && is_nonlinear(a)) {
      if (var(l).activation->angular() && var(r).activation->angular())
        arguments(AngularStep{plan::angular_step(*var(l).activation->angular(), *var(r).activation->angular(),
                                                 a == Kind::rest)});
      else
        arguments(DualStep{});
    } else if (a == Kind::source && b == Kind::source) {
      arguments(WindowStep{none});
    } else if (a == Kind::flattened && b == Kind::flattened) {
      arguments(FlattenStep{none});
    } else if (l == r && is_linear(a)) {
      match(pair, position, sides_.side(l, Form::primary), sides_.side(r, Form::primary), reason);
    } else if (a == Kind::fan_in || b == Kind::fan_in) {  // of shared weights
      const bool whole = sides_.wholes(l) && sides_.wholes(r);
      match(pair, position, sides_.side(l, sides_.blockwise(l, whole)),
            sides_.side(r, sides_.blockwise(r, whole)), reason);
    } else if (is_linear(a) || is_linear(b)) {
      const auto how = [](Kind k) {
        return is_linear(k) ? Form::flat : k == Kind::activation ? Form::pieces : Form::itself;
      };
      match(pair, position, sides_.side(l, how(a)), sides_.side(r, how(b)), reason);
    } else if (a == Kind::pooled || b == Kind::pooled) {
      arguments(PoolStep{none, a == Kind::pooled, b == Kind::pooled}, a == Kind::pooled, b == Kind::pooled);
    } else {  // an activation and what is not one
      match(pair, position, sides_.side(l, a == Kind::activation ? Form::pieces : Form::itself),
            sides_.side(r, b == Kind::activation ? Form::pieces : Form::itself), reason);
    }
  }

  Index column(Index owner, SideTerm& t) {
    if (t.column == none) {
      plan_.weights.push_back(
          {.owner = owner, .column = none, .variable = t.variable, .coefficient = t.coefficient});
      t.column = plan_.weights.size() - 1;
    }
    return t.column;
  }
  Index column(Index owner, SideConstant& t) {
    if (t.column == none) {
      plan_.weights.push_back({.owner = owner, .column = none, .constant = t.value});
      t.column = plan_.weights.size() - 1;
    }
    return t.column;
  }

  /// Which terms of the two sides are correlated; exact when each has one partner at most.
  void match(Pair& pair, Index position, Side& a, Side& b, const std::string& reason) {
    const Index l = pair.left, r = pair.right;
    LinearStep step{{}, true};
    const auto partners = [&](SideTerm& s, SideTerm& t) {
      memory_.add();
      links_.push_back({position, step.terms.size(), ask(s.variable, t.variable, reason)});
      step.terms.push_back({none, column(l, s), column(r, t), plan::opposite(s.coefficient, t.coefficient)});
    };
    if (l == r && a.orthogonal) {
      for (SideTerm& t : a.terms) partners(t, t);
      for (SideConstant& c : a.constants) step.terms.push_back({none, column(l, c), column(r, c)});
      pair.step = std::move(step);
      return;
    }
    std::vector<Index> partners_a(a.terms.size(), 0), partners_b(b.terms.size(), 0);
    for (Index i = 0; i < a.terms.size(); ++i)
      for (Index j = 0; j < b.terms.size(); ++j) {
        if (a.terms[i].block != b.terms[j].block ||
            !form_.support(a.terms[i].variable).correlated(form_.support(b.terms[j].variable)))
          continue;
        ++partners_a[i];
        ++partners_b[j];
        partners(a.terms[i], b.terms[j]);
      }
    const auto one = [](const std::vector<Index>& n) {
      return std::all_of(n.begin(), n.end(), [](Index k) { return k <= 1; });
    };
    step.exact = a.orthogonal && b.orthogonal && one(partners_a) && one(partners_b);
    for (Index i = 0; i < a.terms.size(); ++i)
      if (step.exact && partners_a[i] == 0) step.terms.push_back({none, column(l, a.terms[i]), none});
    for (Index j = 0; j < b.terms.size(); ++j)
      if (step.exact && partners_b[j] == 0) step.terms.push_back({none, none, column(r, b.terms[j])});
    const auto in_block = [](std::vector<SideConstant>& all, Index block) {
      return std::find_if(all.begin(), all.end(), [&](const SideConstant& c) { return c.block == block; });
    };
    for (SideConstant& c : a.constants) {
      const auto other = in_block(b.constants, c.block);
      if (other != b.constants.end())
        step.terms.push_back({none, column(l, c), column(r, *other)});
      else if (step.exact)
        step.terms.push_back({none, column(l, c), none});
    }
    for (SideConstant& c : b.constants)
      if (step.exact && in_block(a.constants, c.block) == a.constants.end())
        step.terms.push_back({none, none, column(r, c)});
    pair.step = std::move(step);
  }

  const plan::Variable& var(Index v) const { return plan_.variable(v); }
  Kind kind(Index v) const { return plan_.variable(v).kind; }

  plan::NormalForm& form_;
  SpatialPlan& plan_;
  Sides sides_;
  plan::TermMemory memory_;
  std::map<std::pair<Index, Key>, std::string> open_;
  std::vector<Link> links_;
  std::map<Key, Index> number_;
};

}  // namespace spatial
}  // namespace SST_ABI
}  // namespace sst
