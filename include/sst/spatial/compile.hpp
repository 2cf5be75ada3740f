// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <iterator>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <sst/activation/dual.hpp>
#include <sst/plan/compile.hpp>
#include <sst/plan/normal_form.hpp>
#include <sst/spatial/plan.hpp>

namespace sst {
namespace spatial {

/// From the normal form of a topology to the pairs that reach the output and their displacements.
class Planner {
 public:
  Planner(const Topology& topology, const ImageShape& image, Kernel kernel, SpatialPlan& plan)
      : topology_(topology),
        plan_(plan),
        shapes_(shapes(topology, image)),
        form_(topology, plan.base, plan::NormalForm::Samples::images) {
    plan_.topology = topology.name();
    plan_.image = image;
    plan_.ntk = plan_.base.ntk = kernel == Kernel::ntk;
  }

  void run() {
    plan_.base.output = form_.output();
    place_variables();
    require_no_positions();
    if (plan_.ntk) refuse_tied_readout();
    find_pairs();
    describe_pairs();
    find_displacements();
    make_columns();
  }

 private:
  using Key = std::pair<Index, Index>;
  using Kind = plan::VariableKind;

  /// A variable written out: weighted terms by channel block.
  struct Term {
    Index variable;
    plan::Coefficient coefficient;
    Index block;
    Index column = none;
  };
  struct ConstantTerm {
    plan::Constant value;
    Index block;
    Index column = none;
  };
  struct Side {
    std::vector<Term> terms;
    std::vector<ConstantTerm> constants;
    bool orthogonal = true;
  };
  enum class Form { primary, flat, pieces, split, itself };

  plan::Variable& var(Index v) { return plan_.base.variables[v]; }
  Kind kind(Index v) const { return plan_.base.variables[v].kind; }
  const NodeSpec& node_of(Index v) const { return topology_.nodes()[plan_.base.variables[v].node]; }
  static bool linear(Kind k) {
    return k == Kind::gaussian || k == Kind::mixture || k == Kind::fan_in || k == Kind::readout;
  }
  static bool nonlinear(Kind k) { return k == Kind::activation || k == Kind::rest; }

  // ---- where variables live ----

  void place_variables() {
    const auto count = plan_.base.variables.size();
    plan_.grids.resize(count);
    plan_.stages.assign(count, 0);
    plan_.windows.resize(count);
    plan_.pools.resize(count);
    for (Index v = 0; v < count; ++v) {
      plan_.scaled.push_back(form_.scaled(v));
      const plan::Variable& variable = var(v);
      Grid& grid = plan_.grids[v];
      Index& stage = plan_.stages[v];
      if (variable.argument != none) {
        grid = plan_.grids[variable.argument];
        stage = plan_.stages[variable.argument];
      }
      switch (variable.kind) {
        case Kind::input:
        case Kind::centred_input:
          grid = {plan_.image.height, plan_.image.width};
          break;
        case Kind::source: {
          WindowColumns& columns = plan_.windows[v];
          columns.window = window_of(node_of(v), grid);
          if (!(columns.window[0].planar() && columns.window[1].planar())) ++stage;
          grid = out_of(columns.window);
          break;
        }
        case Kind::pooled:
          plan_.pools[v] = windows_of(variable.pools, grid);
          grid = out_of(plan_.pools[v].back());
          ++stage;
          break;
        case Kind::flattened:
          grid = {};
          ++stage;
          break;
        case Kind::normalised:
          stage = std::max(stage, plan_.stages[variable.divisor]);
          break;
        case Kind::activation:
        case Kind::rest:
        case Kind::exact:
          break;
        default: {
          const auto& terms = variable.expansions.front().terms;
          if (terms.empty()) grid = shape_without_terms(v);
          for (const auto& term : terms) {
            grid = plan_.grids[term.variable];
            stage = std::max(stage, plan_.stages[term.variable]);
          }
        }
      }
    }
    for (const auto& constant : plan_.base.pooled_constants) {
      const auto& first = topology_.nodes()[constant.nodes.front()];
      plan_.constant_pools.push_back(windows_of(constant.nodes, shapes_[first.inputs[0]].blocks[0]));
    }
  }

  std::vector<Window> windows_of(const std::vector<Index>& nodes, Grid grid) const {
    std::vector<Window> all;
    for (const Index node : nodes) {
      all.push_back(window_of(topology_.nodes()[node], grid));
      grid = out_of(all.back());
    }
    return all;
  }

  Grid shape_without_terms(Index v) const {
    const bool consumer = kind(v) == Kind::fan_in;
    const NodeShape& shape = shapes_[consumer ? node_of(v).inputs[0] : plan_.base.variables[v].node];
    return shape.flat ? Grid{} : shape.blocks[0];
  }

  void require_no_positions() const {
    const Grid grid = plan_.grids[plan_.base.output];
    if (grid.size() == 1) return;
    const auto& node = topology_.nodes()[topology_.output()];
    throw TopologyError(
        "node '" + node.name + "' (" + operation_name(node.operation) + ") is the output and has " +
        to_string(grid) +
        " positions (a kernel takes one number a pair of images); put flatten or global_avg_pool "
        "before the read-out");
  }

  /// See PairPlanner: the NTK's closed form asks for a read-out of its own.
  void refuse_tied_readout() {
    std::vector<Index> stack{plan_.base.output};
    std::set<Index> seen;
    while (!stack.empty()) {
      const Index v = stack.back();
      stack.pop_back();
      if (!seen.insert(v).second) continue;
      if (kind(v) == Kind::source) {
        if (form_.tied(v))
          throw NoClosedForm(
              "node '" + node_of(v).name + "' (" + operation_name(node_of(v).operation) +
              ") is part of the output and shares its weights with another node, so the NTK has no "
              "closed form (its NNGP has); give the read-out weights of its own");
      } else if (linear(kind(v))) {
        for (const auto& term : var(v).expansions.front().terms) stack.push_back(term.variable);
      } else if (var(v).argument != none) {
        stack.push_back(var(v).argument);
      }
    }
  }

  // ---- which pairs ----

  /// h and t do not see what divides a variable.
  Index strip(Index v) const {
    while (kind(v) == Kind::normalised) v = plan_.base.variables[v].argument;
    return v;
  }

  Key ask(Index left, Index right, const std::string& reason) {
    const Key key{strip(left), strip(right)};
    open_.emplace(std::pair{std::max(key.first, key.second), key}, reason);
    return key;
  }

  void find_pairs() {
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
    plan_.result = number_.at({strip(plan_.base.output), strip(plan_.base.output)});
  }

  /// Whether a variable's std takes the covariances of a sample with itself.
  bool needs_own(Index v) const {
    const plan::Variable& variable = plan_.base.variables[v];
    return variable.kind == Kind::exact || (linear(variable.kind) && !variable.expansions.front().orthogonal);
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
    } else if (a == b && nonlinear(a)) {
      if (var(l).activation->angular() && var(r).activation->angular())
        arguments(AngularStep{plan::PairPlanner::angular(*var(l).activation->angular(),
                                                         *var(r).activation->angular(), a == Kind::rest)});
      else
        arguments(DualStep{});
    } else if (a == Kind::source && b == Kind::source) {
      arguments(WindowStep{none});
    } else if (a == Kind::flattened && b == Kind::flattened) {
      arguments(FlattenStep{none});
    } else if (l == r && linear(a)) {
      match(pair, position, side(l, Form::primary), side(r, Form::primary), reason);
    } else if (a == Kind::fan_in || b == Kind::fan_in) {  // of shared weights
      const bool whole = wholes(l) && wholes(r);
      match(pair, position, side(l, blockwise(l, whole)), side(r, blockwise(r, whole)), reason);
    } else if (linear(a) || linear(b)) {
      const auto how = [](Kind k) {
        return linear(k) ? Form::flat : k == Kind::activation ? Form::pieces : Form::itself;
      };
      match(pair, position, side(l, how(a)), side(r, how(b)), reason);
    } else if (a == Kind::pooled || b == Kind::pooled) {
      arguments(PoolStep{none, a == Kind::pooled, b == Kind::pooled}, a == Kind::pooled, b == Kind::pooled);
    } else {  // an activation and what is not one
      match(pair, position, side(l, a == Kind::activation ? Form::pieces : Form::itself),
            side(r, b == Kind::activation ? Form::pieces : Form::itself), reason);
    }
  }

  /// Whether all blocks are activations, which can then stay whole.
  bool wholes(Index v) const {
    if (kind(v) != Kind::fan_in) return false;
    const plan::Expansion& e = plan_.base.variables[v].expansions.front();
    return e.constants.empty() && std::all_of(e.terms.begin(), e.terms.end(), [&](const plan::Term& t) {
             return kind(t.variable) == Kind::activation || kind(t.variable) == Kind::flattened;
           });
  }
  Form blockwise(Index v, bool whole) const {
    if (kind(v) == Kind::fan_in) return whole ? Form::primary : Form::split;
    if (linear(kind(v))) return Form::flat;
    return kind(v) == Kind::activation || kind(v) == Kind::input ? Form::pieces : Form::itself;
  }

  Side& side(Index v, Form form) {
    const auto [it, fresh] = sides_.emplace(std::pair{v, form}, Side{});
    Side& s = it->second;
    if (!fresh) return s;
    switch (form) {
      case Form::primary: {
        const plan::Expansion& e = var(v).expansions.front();
        for (const auto& t : e.terms) s.terms.push_back({t.variable, t.coefficient, t.block});
        for (const auto& c : e.constants) s.constants.push_back({c.value, c.block});
        s.orthogonal = e.orthogonal;
        break;
      }
      case Form::flat:
        for (const auto& [atom, coefficient] : form_.flat(v)) s.terms.push_back({atom, coefficient, 0});
        set_orthogonal(s);
        break;
      case Form::split: {
        const plan::Expansion& e = var(v).expansions.front();
        std::map<Index, plan::Constant> constants;
        const auto count = plan_.base.variables.size();
        for (const auto& c : e.constants) plan::add_scaled(constants[c.block], 1, c.value);
        for (const auto& t : std::vector<plan::Term>(e.terms)) {
          auto [terms, constant] = form_.split({t.variable});
          for (auto& [atom, coefficient] : terms) {
            plan::Coefficient scaled;
            plan::add_scaled(scaled, t.coefficient.fixed, coefficient);
            s.terms.push_back({atom, std::move(scaled), t.block});
          }
          plan::add_scaled(constants[t.block], t.coefficient.fixed, constant);
        }
        for (auto& [block, constant] : constants)
          if (!constant.zero()) s.constants.push_back({std::move(constant), block});
        require_known(v, count);
        set_orthogonal(s);
        break;
      }
      case Form::pieces: {
        const auto count = plan_.base.variables.size();
        auto [terms, constant] = form_.split({v});
        require_known(v, count);
        for (auto& [atom, coefficient] : terms) s.terms.push_back({atom, coefficient, 0});
        s.constants.push_back({std::move(constant), 0});
        break;
      }
      case Form::itself:
        s.terms.push_back({v, {1.0}, 0});
    }
    return s;
  }

  void set_orthogonal(Side& s) const {
    for (Index i = 0; i < s.terms.size(); ++i)
      for (Index j = i + 1; j < s.terms.size(); ++j)
        s.orthogonal = s.orthogonal &&
                       (s.terms[i].block != s.terms[j].block ||
                        !form_.support(s.terms[i].variable).correlated(form_.support(s.terms[j].variable)));
  }

  /// Pairs come in descending order, so the parts of a variable have to stand before it.
  void require_known(Index v, std::size_t count) const {
    if (plan_.base.variables.size() != count)
      throw NoClosedForm(
          "node '" + plan_.base.variables[v].name +
          "' meets a sum under shared weights after it was flattened, which is not computed; give the "
          "layers weights of their own");
  }

  Index column(Index owner, Term& t) {
    if (t.column == none) {
      plan_.weights.push_back(
          {.owner = owner, .column = none, .variable = t.variable, .coefficient = t.coefficient});
      t.column = plan_.weights.size() - 1;
    }
    return t.column;
  }
  Index column(Index owner, ConstantTerm& t) {
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
    const auto partners = [&](Term& s, Term& t) {
      links_.push_back({position, step.terms.size(), ask(s.variable, t.variable, reason)});
      step.terms.push_back({none, column(l, s), column(r, t)});
    };
    if (l == r && a.orthogonal) {
      for (Term& t : a.terms) partners(t, t);
      for (ConstantTerm& c : a.constants) step.terms.push_back({none, column(l, c), column(r, c)});
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
    const auto in_block = [](std::vector<ConstantTerm>& all, Index block) {
      return std::find_if(all.begin(), all.end(), [&](const ConstantTerm& c) { return c.block == block; });
    };
    for (ConstantTerm& c : a.constants) {
      const auto other = in_block(b.constants, c.block);
      if (other != b.constants.end())
        step.terms.push_back({none, column(l, c), column(r, *other)});
      else if (step.exact)
        step.terms.push_back({none, column(l, c), none});
    }
    for (ConstantTerm& c : b.constants)
      if (step.exact && in_block(a.constants, c.block) == a.constants.end())
        step.terms.push_back({none, none, column(r, c)});
    pair.step = std::move(step);
  }

  // ---- what pairs are ----

  void describe_pairs() {
    for (Pair& pair : plan_.pairs) {
      pair.stage = std::max(plan_.stages[pair.left], plan_.stages[pair.right]);
      const auto in = [&](Index i) -> const Pair& { return plan_.pairs[i]; };
      const auto after = [&](const Pair& other, Index more) {
        pair.stage = std::max(pair.stage, other.stage + more);
      };
      const auto follow = [&](const Pair& other) {
        pair.tangent = other.tangent;
        pair.rounded = other.rounded;
      };
      std::visit(plan_overload{
                     [&](const InputStep&) { pair.complement = true; },
                     [&](const AngularStep& s) {
                       follow(in(s.map.in));
                       after(in(s.map.in), 0);
                     },
                     [&](const DualStep& s) {
                       follow(in(s.map.in));
                       after(in(s.map.in), 0);
                       pair.rounded = true;
                     },
                     [&](const LinearStep& s) {
                       pair.complement = !s.terms.empty();
                       pair.rounded = !s.exact;
                       for (const LinearTerm& t : s.terms) {
                         if (t.in == none) continue;
                         pair.tangent = pair.tangent || in(t.in).tangent;
                         pair.rounded = pair.rounded || in(t.in).rounded;
                         pair.complement = pair.complement && (in(t.in).complement || !s.exact);
                         after(in(t.in), 0);
                       }
                       plan_.own_covariances = plan_.own_covariances || (pair.left == pair.right && !s.exact);
                     },
                     [&](const WindowStep& s) {
                       follow(in(s.in));
                       pair.tangent = plan_.ntk;
                       pair.complement = in(s.in).complement;
                       after(in(s.in), window_planar(pair) ? 0 : 1);
                     },
                     [&](const PoolStep& s) {
                       follow(in(s.in));
                       after(in(s.in), 1);
                     },
                     [&](const FlattenStep& s) {
                       follow(in(s.in));
                       pair.complement = in(s.in).complement;
                       after(in(s.in), 1);
                     },
                     [&](const ExactStep& s) {
                       follow(in(s.in));
                       after(in(s.in), 0);
                       plan_.own_covariances = true;
                     },
                     [](const IndependentStep&) {},
                 },
                 pair.step);
      if (pair.tangent && nonlinear(kind(pair.left)))
        for (const Index v : {pair.left, pair.right}) refuse_obstacle(v);
      plan_.angular_only = plan_.angular_only && !pair.rounded;
    }
  }

  template <class... Fs>
  struct plan_overload : Fs... {
    using Fs::operator()...;
  };
  template <class... Fs>
  plan_overload(Fs...) -> plan_overload<Fs...>;

  bool window_planar(const Pair& pair) const {
    const Window& w = plan_.windows[pair.left].window;
    return w[0].planar() && w[1].planar();
  }

  void refuse_obstacle(Index v) {
    if (!nonlinear(kind(v))) return;
    const std::string why = var(v).activation->ntk_obstacle();
    if (!why.empty())
      throw NoClosedForm("node '" + node_of(v).name + "' (" + var(v).activation->name() +
                         ") has no NTK: " + why + "; ask for the NNGP");
  }

  // ---- which displacements ----

  void find_displacements() {
    for (Pair& pair : plan_.pairs) pair.needed.assign(pair.grid.size(), 0);
    plan_.pairs[plan_.result].needed[0] = 1;
    for (Pair& pair : plan_.pairs)  // variances of a sample with itself
      if (pair.left == pair.right && plan_.own_covariances) pair.needed[0] = 1;
    for (Index i = plan_.pairs.size(); i-- > 0;) {
      const Pair& pair = plan_.pairs[i];
      const auto same = [&](Index in) {
        for (Index d = 0; d < pair.needed.size(); ++d) plan_.pairs[in].needed[d] |= pair.needed[d];
      };
      std::visit(plan_overload{
                     [](const InputStep&) {},
                     [&](const AngularStep& s) { same(s.map.in); },
                     [&](const DualStep& s) { same(s.map.in); },
                     [&](const LinearStep& s) {
                       for (const LinearTerm& t : s.terms)
                         if (t.in != none) same(t.in);
                     },
                     [&](const WindowStep& s) {
                       if (window_planar(pair))
                         same(s.in);
                       else
                         through(pair, s.in, taps(plan_.windows[pair.left].window), {}, true);
                     },
                     [&](const PoolStep& s) {
                       through(pair, s.in, s.left ? pooled_positions(pair.left) : positions(pair.grid),
                               s.right ? pooled_positions(pair.right) : positions(pair.grid), false);
                     },
                     [&](const FlattenStep& s) { plan_.pairs[s.in].needed[0] |= pair.needed[0]; },
                     [&](const ExactStep& s) { same(s.in); },
                     [](const IndependentStep&) {},
                 },
                 pair.step);
    }
  }

  /// By axis and output position: the inputs seen, tap by tap (with `outside`).
  using Seen = std::array<std::vector<std::vector<Index>>, 2>;

  static Seen taps(const Window& window) {
    Seen seen;
    for (Index k = 0; k < 2; ++k)
      for (Index p = 0; p < window[k].out; ++p) {
        seen[k].emplace_back();
        for (Index o = 0; o < window[k].size; ++o) seen[k].back().push_back(window[k].at(p, o));
      }
    return seen;
  }
  static Seen positions(const Grid& grid) {
    Seen seen;
    for (Index p = 0; p < grid.height; ++p) seen[0].push_back({p});
    for (Index p = 0; p < grid.width; ++p) seen[1].push_back({p});
    return seen;
  }
  Seen pooled_positions(Index v) const {
    Seen seen = taps(plan_.pools[v].front());
    for (Index n = 1; n < plan_.pools[v].size(); ++n) {
      const Seen outer = taps(plan_.pools[v][n]);
      Seen both;
      for (Index k = 0; k < 2; ++k)
        for (const auto& window : outer[k]) {
          std::vector<Index> inner;
          for (const Index p : window)
            if (p != Axis::outside) inner.insert(inner.end(), seen[k][p].begin(), seen[k][p].end());
          std::sort(inner.begin(), inner.end());
          inner.erase(std::unique(inner.begin(), inner.end()), inner.end());
          both[k].push_back(std::move(inner));
        }
      seen = std::move(both);
    }
    return seen;
  }

  /// Marks the displacements of `in` that windows need: each tap with its own (`aligned`), or all with all.
  void through(const Pair& pair, Index in, const Seen& left, const Seen& right, bool aligned) {
    Pair& input = plan_.pairs[in];
    const auto along = [&](Index axis, Index d, Index out, Index size) {
      std::set<Index> found;
      const auto& b = aligned ? left : right;
      for (Index p = 0; p < out; ++p) {
        const auto &from = left[axis][p], &to = b[axis][(p + d) % out];
        for (Index i = 0; i < from.size(); ++i)
          for (Index j = aligned ? i : 0; j < (aligned ? i + 1 : to.size()); ++j)
            if (from[i] != Axis::outside && to[j] != Axis::outside)
              found.insert((to[j] + size - from[i]) % size);
      }
      return found;
    };
    std::vector<std::set<Index>> columns;
    for (Index d = 0; d < pair.grid.width; ++d)
      columns.push_back(along(1, d, pair.grid.width, input.grid.width));
    for (Index dy = 0; dy < pair.grid.height; ++dy) {
      const auto rows = along(0, dy, pair.grid.height, input.grid.height);
      for (Index dx = 0; dx < pair.grid.width; ++dx)
        if (pair.needed[dy * pair.grid.width + dx])
          for (const Index y : rows)
            for (const Index x : columns[dx]) input.needed[y * input.grid.width + x] = 1;
    }
  }

  // ---- columns ----

  Index add_column(const Grid& grid, Index depth = 1) {
    plan_.columns.push_back({grid, depth});
    return plan_.columns.size() - 1;
  }

  void make_columns() {
    plan_.input_mean = add_column({plan_.image.height, plan_.image.width});
    const auto count = plan_.base.variables.size();
    plan_.flat_columns.assign(count, none);
    plan_.ratio_columns.assign(count, none);
    for (Index v = 0; v < count; ++v) {
      plan::Variable& variable = var(v);
      const Grid grid = plan_.grids[v];
      variable.columns.std = add_column(grid);
      if (variable.kind == Kind::activation) {
        variable.columns.mean = add_column(grid);
        variable.columns.slope = add_column(grid);
      }
      if (variable.kind == Kind::flattened)
        plan_.flat_columns[v] = add_column(plan_.grids[variable.argument]);
      if (variable.kind == Kind::exact) plan_.ratio_columns[v] = add_column(grid);
      if (variable.kind == Kind::source) make_window_columns(v, grid);
    }
    for (WeightColumn& w : plan_.weights) w.column = add_column(plan_.grids[w.owner]);
    for (Pair& pair : plan_.pairs) fill_columns(pair);
  }

  void make_window_columns(Index v, const Grid& grid) {
    WindowColumns& columns = plan_.windows[v];
    const Index down = columns.window[0].size, across = columns.window[1].size;
    const auto& operation = node_of(v).operation;
    const auto* conv = std::get_if<ConvOp>(&operation);
    columns.biases = (conv ? conv->bias_std : std::get<DenseOp>(operation).bias_std) != 0 ? 1 : 0;
    if (columns.window[0].planar() && columns.window[1].planar()) {
      columns.across = add_column(grid, across);
      columns.down = add_column(grid, down + columns.biases);
    } else {
      columns.taps = add_column(grid, down * across + columns.biases);
    }
  }

  void fill_columns(Pair& pair) {
    const auto own = [&](Index v) { return var(v).columns; };
    const Index l = pair.left, r = pair.right;
    if (auto* linear = std::get_if<LinearStep>(&pair.step)) {
      for (LinearTerm& t : linear->terms) {
        if (t.left != none) t.left = plan_.weights[t.left].column;
        if (t.right != none) t.right = plan_.weights[t.right].column;
      }
    } else if (auto* angular = std::get_if<AngularStep>(&pair.step)) {
      const AngularForm f = *var(l).activation->angular(), g = *var(r).activation->angular();
      if (kind(l) == Kind::activation && ((f.degree == 0 && f.even != 0) || (g.degree == 0 && g.even != 0))) {
        angular->map.left_std = own(var(l).argument).std;
        angular->map.right_std = own(var(r).argument).std;
        angular->map.left_out = own(l).std;
        angular->map.right_out = own(r).std;
        angular->map.left_mean = own(l).mean;
        angular->map.right_mean = own(r).mean;
      }
    } else if (auto* dual = std::get_if<DualStep>(&pair.step)) {
      plan::DualStep& map = dual->map;
      map.map = dual_map(var(l).activation, var(r).activation);
      map.left_std = own(var(l).argument).std;
      map.right_std = own(var(r).argument).std;
      map.left_out = own(l).std;
      map.right_out = own(r).std;
      map.self = l == r;
      if (kind(l) == Kind::rest) {
        map.left_mean = own(var(l).whole).mean;
        map.right_mean = own(var(r).whole).mean;
        map.left_slope = own(var(l).whole).slope;
        map.right_slope = own(var(r).whole).slope;
      }
    }
  }

  struct Link {
    Index position, term;
    Key key;
  };

  const Topology& topology_;
  SpatialPlan& plan_;
  std::vector<NodeShape> shapes_;
  plan::NormalForm form_;
  std::map<std::pair<Index, Key>, std::string> open_;
  std::vector<Link> links_;
  std::map<Key, Index> number_;
  std::map<std::pair<Index, Form>, Side> sides_;
};

}  // namespace spatial

/// Compiles a topology for images of one shape: pairs of variables, and the displacements each needs.
/// Throws NoClosedForm or TopologyError, with the node and the reason.
inline SpatialPlan compile(const Topology& topology, Kernel kernel, const ImageShape& image) {
  SpatialPlan plan;
  spatial::Planner(topology, image, kernel, plan).run();
  return plan;
}

}  // namespace sst
