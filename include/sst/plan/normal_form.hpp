// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <iterator>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <sst/plan/plan.hpp>
#include <sst/topology/topology.hpp>
#include <sst/version.hpp>

namespace sst::inline SST_ABI {

namespace plan {

/// to += factor from.
inline void add_scaled(Coefficient& to, double factor, const Coefficient& from) {
  to.fixed += factor * from.fixed;
  for (const auto& [value, activation] : from.slopes) to.slopes.emplace_back(factor * value, activation);
}

/// to += factor from.
inline void add_scaled(Constant& to, double factor, const Constant& from) {
  to.fixed += factor * from.fixed;
  to.input += factor * from.input;
  for (const auto& [value, activation] : from.means) to.means.emplace_back(factor * value, activation);
  for (const auto& [value, pool] : from.pooled) to.pooled.emplace_back(factor * value, pool);
}

/// What a variable can be correlated with: two variables are uncorrelated unless one of the three
/// overlaps. Weights that are shared make one class of all their sources.
struct Support {
  std::vector<Index> sources;  ///< classes of its sources, sorted
  std::vector<Index> rests;    ///< classes of the sources under its rests, sorted
  bool input = false;          ///< holds the (centred) input
  bool whole = false;          ///< an activation with its mean: correlated with every other one

  /// Whether two ascending lists have a common element.
  static bool overlap(const std::vector<Index>& a, const std::vector<Index>& b) {
    for (auto i = a.begin(), j = b.begin(); i != a.end() && j != b.end();) {
      if (*i == *j) return true;
      *i < *j ? ++i : ++j;
    }
    return false;
  }
  /// Whether a variable of the other support can be correlated with one of this.
  bool correlated(const Support& other) const {
    return (input && other.input) || (whole && other.whole) || overlap(sources, other.sources) ||
           overlap(rests, other.rests);
  }
  /// Makes this the support of a sum of both.
  void merge(const Support& other) {
    const auto unite = [](std::vector<Index>& a, const std::vector<Index>& b) {
      std::vector<Index> both;
      both.reserve(a.size() + b.size());
      std::set_union(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(both));
      a = std::move(both);
    };
    unite(sources, other.sources);
    unite(rests, other.rests);
    input = input || other.input;
  }
};

/// What a node is on one channel block: one variable, plus (for mixtures) a deterministic part.
struct Value {
  Index variable = none;   ///< the random part, of mean zero unless `whole`
  Constant constant = {};  ///< the deterministic part
  bool flat = false;       ///< its positions are channels
};

/// Step 1 of compiling: every node that reaches the output as variables, in normal form.
///
/// An activation is split as phi(g) = E phi + E[phi'] g + rest (Stein's lemma) where it meets others
/// in a sum. Constants, sources and rests are mutually uncorrelated, sources unless their weights are
/// tied, rests unless the Gaussians under them are correlated. Sums of uncorrelated variables stay
/// nested, so that a residual chain of depth L has O(L) terms.
///
/// On images (`positions`) variables are random functions of a position too, and three kinds more are atoms
/// of sums: pooled, normalised and flattened variables. Every source there has its fan-in as a variable.
class NormalForm {
 public:
  /// What the samples are: `rows` of a table, or `images`, whose variables have positions.
  enum class Samples { rows, images };

  /// Finds the variables of all nodes that the output needs and adds them to `plan`. Throws TopologyError,
  /// with the node's name, where there is no closed form.
  NormalForm(const Topology& topology, Plan& plan, Samples samples = Samples::rows)
      : topology_(topology), plan_(plan), images_(samples == Samples::images) {
    values_.resize(topology.nodes().size());
    for (const Index node : reachable()) values_[node] = evaluate(node);
  }

  /// What a node is, one value for each of its channel blocks.
  const std::vector<Value>& value(Index node) const { return values_[node]; }
  /// What a variable depends on.
  const Support& support(Index variable) const { return supports_[variable]; }
  /// A Gaussian variable over its sources: their coefficients.
  const std::map<Index, Coefficient>& flat(Index variable) const { return flats_[variable]; }
  /// The sources of a weights group, as variables with the node values they multiply.
  const std::vector<Index>& group(Index source) const { return groups_.at(group_of_[source]); }
  /// Whether other sources have this one's weights.
  bool tied(Index source) const { return group_of_[source] != none && group(source).size() > 1; }
  /// Whether two sources have the same weights.
  bool same_group(Index a, Index b) const { return group_of_[a] != none && group_of_[a] == group_of_[b]; }
  /// What a source multiplies, one value for each channel block.
  const std::vector<Value>& fan_in(Index source) const { return fan_ins_[source]; }
  /// On images: whether a variable's std is but a scale, because it holds pooled parts.
  bool scaled(Index variable) const { return scaled_[variable]; }

  /// The output as one variable.
  Index output() {
    const Index node = topology_.output();
    std::vector<Value> blocks = values_[node];
    if (images_) flatten(node, blocks);
    if (blocks.size() == 1 && blocks[0].constant.zero()) return blocks[0].variable;
    const Index readout = add(VariableKind::readout, node);
    plan_.variables[readout].expansions.push_back(blockwise(blocks, topology_.blocks(node), 1.0, 0.0));
    inherit(readout, blocks);
    return readout;
  }

  /// A term for each block of a dense node's input (or of the output), and its bias.
  Expansion blockwise(const std::vector<Value>& blocks, const std::vector<double>& shares, double weight_std,
                      double bias_std) const {
    Expansion e;
    for (Index b = 0; b < blocks.size(); ++b) {
      const double factor = weight_std * std::sqrt(shares[b]);
      if (factor == 0) continue;
      if (blocks[b].variable != none)
        e.terms.push_back({.variable = blocks[b].variable, .coefficient = {factor}, .block = b});
      if (!blocks[b].constant.zero()) {
        Constant scaled;
        add_scaled(scaled, factor, blocks[b].constant);
        e.constants.push_back({std::move(scaled), b});
      }
    }
    if (bias_std != 0) e.constants.push_back({Constant{bias_std}, blocks.size()});
    return e;
  }

  /// A value in its finest terms: sources, rests, the centred input, and a constant.
  std::pair<std::map<Index, Coefficient>, Constant> split(const Value& value) {
    std::map<Index, Coefficient> terms;
    Constant constant;
    for (const auto& [piece, coefficient] : pieces(value, 1.0, constant))
      for (const auto& [atom, inner] : flats_[piece]) add_product(terms[atom], coefficient, inner);
    return {std::move(terms), std::move(constant)};
  }

 private:
  /// The nodes that the output needs, inputs first, in an order that does not depend on how the nodes
  /// are listed (so neither does any bit of the result).
  std::vector<Index> reachable() const {
    const auto& nodes = topology_.nodes();
    std::vector<Index> order;
    std::vector<std::pair<Index, Index>> stack{{topology_.output(), 0}};
    std::vector<bool> seen(nodes.size(), false);
    seen[topology_.output()] = true;
    while (!stack.empty()) {
      auto& [node, next] = stack.back();
      if (next == nodes[node].inputs.size()) {
        order.push_back(node);
        stack.pop_back();
        continue;
      }
      const Index input = nodes[node].inputs[next++];
      if (!seen[input]) {
        seen[input] = true;
        stack.emplace_back(input, 0);
      }
    }
    return order;
  }

  [[noreturn]] void fail(Index node, const std::string& problem) const {
    const auto& spec = topology_.nodes()[node];
    throw NoClosedForm("node '" + spec.name + "' (" + operation_name(spec.operation) +
                       ") has no closed form: " + problem);
  }

  Index add(VariableKind kind, Index node) {
    plan_.variables.push_back({.kind = kind, .name = topology_.nodes()[node].name, .node = node});
    supports_.emplace_back();
    flats_.emplace_back();
    group_of_.push_back(none);
    fan_ins_.emplace_back();
    gaussian_.push_back(kind == VariableKind::source || kind == VariableKind::gaussian);
    scaled_.push_back(false);
    const Index id = plan_.variables.size() - 1;
    if (kind == VariableKind::source || kind == VariableKind::rest || kind == VariableKind::centred_input)
      flats_[id][id].fixed = 1;
    return id;
  }

  VariableKind kind(Index variable) const { return plan_.variables[variable].kind; }
  bool gaussian(const Value& v) const {
    return v.constant.zero() && v.variable != none && gaussian_[v.variable];
  }

  std::vector<Value> evaluate(Index node) {
    const NodeSpec& spec = topology_.nodes()[node];
    return std::visit(detail::Overloaded{
                          [&](const InputOp&) { return std::vector<Value>{{input(node)}}; },
                          [&](const DenseOp& op) { return std::vector<Value>{{source(node, op)}}; },
                          [&](const ConvOp& op) {
                            refuse_flat(node);
                            return std::vector<Value>{{source(node, op)}};
                          },
                          [&](const AvgPoolOp&) { return pool(node); },
                          [&](const GlobalAvgPoolOp&) { return pool(node); },
                          [&](const FlattenOp&) {
                            std::vector<Value> blocks = values_[spec.inputs[0]];
                            for (Value& block : blocks) block.flat = true;
                            return blocks;
                          },
                          [&](const LayerNormOp&) { return normalise(node); },
                          [&](const ActivationOp& op) { return activate(node, op.activation); },
                          [&](const SumOp& op) { return add_up(node, op.coefficients); },
                          [&](const ConcatOp&) {
                            std::vector<Value> blocks;
                            for (const Index in : spec.inputs)
                              blocks.insert(blocks.end(), values_[in].begin(), values_[in].end());
                            return blocks;
                          },
                      },
                      spec.operation);
  }

  Index input(Index node) {
    input_ = add(VariableKind::input, node);
    supports_[input_].input = true;
    return input_;
  }

  Index centred_input() {
    if (centred_ == none) {
      centred_ = add(VariableKind::centred_input, plan_.variables[input_].node);
      supports_[centred_].input = true;
    }
    return centred_;
  }

  template <class Op>
  Index source(Index node, const Op& op) {
    const Index in = topology_.nodes()[node].inputs[0];
    std::vector<Value> blocks = values_[in];
    if (images_) flatten(node, blocks);
    Index group = none;
    if (!op.weights.empty()) {
      group = group_ids_.emplace(op.weights, group_ids_.size()).first->second;
      // The same weights on the same input are the same random function.
      for (const Index member : groups_[group])
        if (same_values(fan_ins_[member], blocks) && shares_of(member) == topology_.blocks(in)) return member;
      for (const Value& block : blocks) split(block);  // its parts must stand before it
    }
    const Index argument = images_ ? side_by_side(node, blocks, topology_.blocks(in), group != none) : none;
    const Index id = add(VariableKind::source, node);
    plan_.variables[id].argument = argument;
    if (images_)
      scaled_[id] = scaled_[argument];
    else
      plan_.variables[id].expansions.push_back(
          blockwise(blocks, topology_.blocks(in), op.weight_std, op.bias_std));
    fan_ins_[id] = blocks;
    group_of_[id] = group;
    // Classes: tied sources share one; it must not collide with the id of another source.
    supports_[id].sources = {group == none ? id : none / 2 + group};
    if (group != none) groups_[group].push_back(id);
    return id;
  }

  const std::vector<double>& shares_of(Index source) const {
    return topology_.blocks(topology_.nodes()[plan_.variables[source].node].inputs[0]);
  }

  static bool same_values(const std::vector<Value>& a, const std::vector<Value>& b) {
    if (a.size() != b.size()) return false;
    for (Index k = 0; k < a.size(); ++k)
      if (a[k].variable != b[k].variable || !a[k].constant.zero() || !b[k].constant.zero()) return false;
    return true;
  }

  std::vector<Value> activate(Index node, const ActivationPtr& activation) {
    const Index in = topology_.nodes()[node].inputs[0];
    if (const auto form = activation->angular(); form && form->degree == 1 && form->even == 0) {
      if (form->odd == 1) return values_[in];  // the identity
      std::vector<Value> blocks = values_[in];
      for (Value& block : blocks) {
        const bool flat = block.flat;
        block = combine(node, {{form->odd, block}});
        block.flat = flat;
      }
      return blocks;
    }
    std::vector<Value> blocks;
    for (const Value& block : values_[in]) {
      if (!gaussian(block))
        fail(node, "its input '" + topology_.nodes()[in].name + "' is not Gaussian (" + why_not_gaussian(in) +
                       "); put a dense node before the activation");
      blocks.push_back({activated(node, activation, block.variable)});
      blocks.back().flat = block.flat;
    }
    return blocks;
  }

  Index activated(Index node, const ActivationPtr& activation, Index argument) {
    argument = exact(node, argument);
    for (const Index known : activations_of_[argument])
      if (*plan_.variables[known].activation == *activation) return known;
    const Index id = add(VariableKind::activation, node);
    plan_.variables[id].activation = activation;
    plan_.variables[id].argument = argument;
    supports_[id].whole = true;
    activations_of_[argument].push_back(id);
    return id;
  }

  /// phi(g) - E phi - E[phi'] g of an activation variable.
  Index rest(Index whole) {
    const auto known = rests_.find(whole);
    if (known != rests_.end()) return known->second;
    const Variable& activation = plan_.variables[whole];
    const Index argument = activation.argument;
    const ActivationPtr function = activation.activation;
    const Index id = add(VariableKind::rest, activation.node);
    plan_.variables[id].activation = function;
    plan_.variables[id].argument = argument;
    plan_.variables[id].whole = whole;
    supports_[id].rests = supports_[argument].sources;
    return rests_[whole] = id;
  }

  std::string why_not_gaussian(Index node) const {
    const NodeSpec& spec = topology_.nodes()[node];
    if (std::holds_alternative<InputOp>(spec.operation)) return "it is the input";
    if (const auto* op = std::get_if<ActivationOp>(&spec.operation)) {
      const auto form = op->activation->angular();
      if (!(form && form->degree == 1 && form->even == 0)) return "it is an activation";
    }
    for (const Index in : spec.inputs) {
      bool all = true;
      for (const Value& block : values_[in]) all = all && gaussian(block);
      if (!all) return "'" + topology_.nodes()[in].name + "' in it is not: " + why_not_gaussian(in);
    }
    return "it is not a combination of dense outputs";
  }

  std::vector<Value> add_up(Index node, const std::vector<double>& coefficients) {
    const auto& inputs = topology_.nodes()[node].inputs;
    std::vector<Value> blocks;
    for (Index b = 0; b < values_[inputs[0]].size(); ++b) {
      const bool flat = values_[inputs[0]][b].flat;
      std::vector<std::pair<double, Value>> terms;
      for (Index k = 0; k < inputs.size(); ++k) terms.emplace_back(coefficients[k], values_[inputs[k]][b]);
      blocks.push_back(combine(node, terms));
      blocks.back().flat = flat;
    }
    return blocks;
  }

  /// sum_k c_k v_k on one block.
  Value combine(Index node, const std::vector<std::pair<double, Value>>& terms) {
    // The same value twice is the same random function: add the coefficients first.
    std::vector<std::pair<double, Value>> merged;
    bool gaussians = true;
    for (const auto& [c, v] : terms) {
      gaussians = gaussians && (gaussian(v));
      const auto same = std::find_if(merged.begin(), merged.end(), [&value = v](const auto& m) {
        return m.second.variable == value.variable && m.second.constant.zero() && value.constant.zero();
      });
      if (same != merged.end())
        same->first += c;
      else
        merged.emplace_back(c, v);
    }
    std::erase_if(merged, [](const auto& m) { return m.first == 0; });
    if (merged.size() == 1 && merged[0].first == 1) return merged[0].second;

    Constant constant;
    std::vector<std::pair<Index, Coefficient>> parts;
    for (const auto& [c, v] : merged)
      for (auto& piece : pieces(v, c, constant)) {
        const auto same =
            std::find_if(parts.begin(), parts.end(), [&](const auto& p) { return p.first == piece.first; });
        if (same != parts.end())
          add_scaled(same->second, 1, piece.second);
        else
          parts.push_back(std::move(piece));
      }
    return {linear(node, gaussians ? VariableKind::gaussian : VariableKind::mixture, parts),
            std::move(constant)};
  }

  /// c v as variables that never hold a whole activation; its deterministic part goes to `constant`.
  std::vector<std::pair<Index, Coefficient>> pieces(const Value& v, double c, Constant& constant) {
    add_scaled(constant, c, v.constant);
    if (v.variable == none) return {};
    switch (kind(v.variable)) {
      case VariableKind::input:
        constant.input += c;
        return {{centred_input(), {c}}};
      case VariableKind::activation: {
        constant.means.emplace_back(c, v.variable);
        Index argument = plan_.variables[v.variable].argument;
        if (kind(argument) == VariableKind::exact) argument = plan_.variables[argument].argument;
        return {{argument, {0, {{c, v.variable}}}}, {rest(v.variable), {c}}};
      }
      case VariableKind::pooled:
        return pooled_pieces(v.variable, c, constant);
      default:
        return {{v.variable, {c}}};
    }
  }

  // ---- images ----

  /// What a variable has of the one it is made from.
  void inherit(Index id, Index argument) {
    supports_[id] = supports_[argument];
    gaussian_[id] = gaussian_[argument];
    scaled_[id] = scaled_[argument];
  }
  void inherit(Index id, const std::vector<Value>& blocks) {
    for (const Value& block : blocks) {
      if (block.variable == none) continue;
      supports_[id].merge(supports_[block.variable]);
      supports_[id].whole = supports_[id].whole || supports_[block.variable].whole;
      scaled_[id] = scaled_[id] || scaled_[block.variable];
    }
  }

  void refuse_flat(Index node) const {
    const Index in = topology_.nodes()[node].inputs[0];
    for (const Value& block : values_[in])
      if (block.flat)
        throw TopologyError("node '" + topology_.nodes()[node].name + "' (" +
                            operation_name(topology_.nodes()[node].operation) + "): its input '" +
                            topology_.nodes()[in].name +
                            "' is flattened and has no positions; put it before");
  }

  /// Blocks as one variable of a position; the block itself where there is but one, unless `always`.
  Index side_by_side(Index node, const std::vector<Value>& blocks, const std::vector<double>& shares,
                     bool always = false) {
    if (!always && blocks.size() == 1 && blocks[0].variable != none && blocks[0].constant.zero())
      return blocks[0].variable;
    const Index id = add(VariableKind::fan_in, node);
    plan_.variables[id].expansions.push_back(blockwise(blocks, shares, 1.0, 0.0));
    inherit(id, blocks);
    if (std::any_of(blocks.begin(), blocks.end(), [](const Value& b) { return !b.constant.zero(); }))
      supports_[id].whole = true;
    return id;
  }

  /// Makes variables without positions of flattened blocks.
  void flatten(Index node, std::vector<Value>& blocks) {
    for (Value& block : blocks) {
      if (!block.flat || (block.variable == none && block.constant.zero())) continue;
      const Index argument = side_by_side(node, {block}, {1.0});
      const auto [known, fresh] = flattened_.emplace(argument, none);
      if (fresh) {
        const Index id = add(VariableKind::flattened, node);
        plan_.variables[id].argument = argument;
        inherit(id, argument);
        gaussian_[id] = false;
        flats_[id][id].fixed = 1;
        known->second = id;
      }
      block = {known->second};
    }
  }

  std::vector<Value> pool(Index node) {
    refuse_flat(node);
    std::vector<Value> blocks = values_[topology_.nodes()[node].inputs[0]];
    for (Value& block : blocks) {
      if (block.variable != none) block.variable = pooled(node, block.variable, {node});
      if (!block.constant.zero()) block.constant = pooled(std::move(block.constant), {node});
    }
    return blocks;
  }

  Constant pooled(Constant value, const std::vector<Index>& pools) {
    plan_.pooled_constants.push_back({std::move(value), pools});
    Constant constant;
    constant.pooled = {{1.0, plan_.pooled_constants.size() - 1}};
    return constant;
  }

  /// Means over the windows of the nodes `pools`, one after the other.
  Index pooled(Index node, Index argument, std::vector<Index> pools) {
    if (kind(argument) == VariableKind::pooled) {
      const Variable inner = plan_.variables[argument];
      pools.insert(pools.begin(), inner.pools.begin(), inner.pools.end());
      argument = inner.argument;
    }
    const auto known = pooled_.find({argument, pools});
    if (known != pooled_.end()) return known->second;
    const Index id = add(VariableKind::pooled, node);
    plan_.variables[id].argument = argument;
    plan_.variables[id].pools = pools;
    inherit(id, argument);
    scaled_[id] = true;
    flats_[id][id].fixed = 1;
    return pooled_[{argument, pools}] = id;
  }

  /// A pooled variable in a sum: pooling is linear, so it goes before the split of an activation.
  std::vector<std::pair<Index, Coefficient>> pooled_pieces(Index variable, double c, Constant& constant) {
    const Variable pool = plan_.variables[variable];
    if (kind(pool.argument) != VariableKind::activation && kind(pool.argument) != VariableKind::input)
      return {{variable, {c}}};
    Constant inner;
    std::vector<std::pair<Index, Coefficient>> parts;
    for (auto& [piece, coefficient] : pieces({pool.argument}, 1.0, inner)) {
      Index part = piece;
      if (!coefficient.slopes.empty())
        part = linear(pool.node, VariableKind::mixture, {{piece, coefficient}});
      if (coefficient.fixed == 0 && coefficient.slopes.empty()) continue;
      parts.push_back({pooled(pool.node, part, pool.pools), {c}});
    }
    add_scaled(constant, c, pooled(std::move(inner), pool.pools));
    return parts;
  }

  /// Centred and divided by the standard deviation over all channels of a position.
  std::vector<Value> normalise(Index node) {
    refuse_flat(node);
    const Index in = topology_.nodes()[node].inputs[0];
    std::vector<Value> centred;
    for (const Value& block : values_[in]) {
      Constant mean;
      const auto parts = pieces(block, 1.0, mean);
      if (!mean.zero() && values_[in].size() > 1)
        fail(node, "its input '" + topology_.nodes()[in].name +
                       "' has channel blocks of different means; normalise them before the concatenation");
      if (parts.empty()) {
        centred.push_back({});
        continue;
      }
      const bool alone = parts.size() == 1 && parts[0].second.slopes.empty() && parts[0].second.fixed == 1;
      const bool all =
          std::all_of(parts.begin(), parts.end(), [&](const auto& p) { return gaussian_[p.first]; });
      centred.push_back({alone ? parts[0].first
                               : linear(node, all ? VariableKind::gaussian : VariableKind::mixture, parts)});
    }
    if (std::all_of(centred.begin(), centred.end(), [](const Value& v) { return v.variable == none; }))
      return centred;
    const Index divisor = exact(node, side_by_side(node, centred, topology_.blocks(in)));
    std::vector<Value> blocks;
    for (const Value& block : centred) {
      blocks.emplace_back();
      if (block.variable == none) continue;
      const Index id = add(VariableKind::normalised, node);
      plan_.variables[id].argument = block.variable;
      plan_.variables[id].divisor = divisor;
      inherit(id, block.variable);
      flats_[id][id].fixed = 1;
      blocks.back().variable = id;
    }
    return blocks;
  }

  /// The variable with its true std, where it has but a scale.
  Index exact(Index node, Index argument) {
    if (!scaled_[argument]) return argument;
    const auto [known, fresh] = exact_.emplace(argument, none);
    if (fresh) {
      const Index id = add(VariableKind::exact, node);
      plan_.variables[id].argument = argument;
      inherit(id, argument);
      scaled_[id] = false;
      known->second = id;
    }
    return known->second;
  }

  static void add_product(Coefficient& to, const Coefficient& a, const Coefficient& b) {
    // One of the two is a plain number: slopes come from an activation once.
    if (a.slopes.empty())
      add_scaled(to, a.fixed, b);
    else
      add_scaled(to, b.fixed, a);
  }

  Index linear(Index node, VariableKind kind, std::vector<std::pair<Index, Coefficient>> parts) {
    std::map<Index, Coefficient> flat;
    for (const auto& [part, coefficient] : parts)
      for (const auto& [atom, inner] : flats_[part]) add_product(flat[atom], coefficient, inner);
    std::erase_if(flat,
                  [](const auto& entry) { return entry.second.fixed == 0 && entry.second.slopes.empty(); });
    if (kind == VariableKind::gaussian)
      for (const auto& [known, id] : gaussians_)
        if (equal(known, flat)) return id;

    Support support;
    bool orthogonal = true;
    for (const auto& [part, coefficient] : parts) {
      orthogonal = orthogonal && !support.correlated(supports_[part]);
      support.merge(supports_[part]);
    }
    const Index id = add(kind, node);
    for (const auto& [part, coefficient] : parts) scaled_[id] = scaled_[id] || scaled_[part];
    Expansion e;
    if (orthogonal) {
      for (auto& [part, coefficient] : parts)
        e.terms.push_back({.variable = part, .coefficient = std::move(coefficient)});
    } else {
      for (const auto& [atom, coefficient] : flat)
        e.terms.push_back({.variable = atom, .coefficient = coefficient});
      mark_correlated(e);
    }
    plan_.variables[id].expansions.push_back(std::move(e));
    supports_[id] = std::move(support);
    flats_[id] = std::move(flat);
    if (kind == VariableKind::gaussian) gaussians_.emplace_back(flats_[id], id);
    return id;
  }

  static bool equal(const std::map<Index, Coefficient>& a, const std::map<Index, Coefficient>& b) {
    return a.size() == b.size() &&
           std::equal(a.begin(), a.end(), b.begin(), [](const auto& x, const auto& y) {
             return x.first == y.first && x.second.fixed == y.second.fixed && x.second.slopes.empty() &&
                    y.second.slopes.empty();
           });
  }

 public:
  /// Finds the pairs of terms that are correlated, and sets `orthogonal` and `correlated` from them.
  void mark_correlated(Expansion& e) const {
    for (Index i = 0; i < e.terms.size(); ++i)
      for (Index j = i + 1; j < e.terms.size(); ++j)
        if (e.terms[i].block == e.terms[j].block &&
            supports_[e.terms[i].variable].correlated(supports_[e.terms[j].variable]))
          e.correlated.emplace_back(i, j);
    e.orthogonal = e.correlated.empty();
  }

 private:
  const Topology& topology_;
  Plan& plan_;
  bool images_;
  std::vector<std::vector<Value>> values_;           // by node, block
  std::vector<Support> supports_;                    // by variable, as the next three
  std::vector<std::map<Index, Coefficient>> flats_;  // over sources, rests, the centred input
  std::vector<Index> group_of_;
  std::vector<std::vector<Value>> fan_ins_;
  std::vector<bool> gaussian_;
  std::vector<bool> scaled_;
  std::map<Index, Index> flattened_, exact_;
  std::map<std::pair<Index, std::vector<Index>>, Index> pooled_;
  std::map<std::string, Index> group_ids_;
  std::map<Index, std::vector<Index>> groups_;
  std::map<Index, std::vector<Index>> activations_of_;
  std::map<Index, Index> rests_;
  std::vector<std::pair<std::map<Index, Coefficient>, Index>> gaussians_;
  Index input_ = none, centred_ = none;
};

}  // namespace plan
}  // namespace sst
