// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <sst/activation/activation.hpp>
#include <sst/plan/plan.hpp>
#include <sst/plan/support.hpp>
#include <sst/topology/topology.hpp>
#include <sst/version.hpp>

namespace sst {
inline namespace SST_ABI {
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

/// to += a b, of which one is a plain number: slopes come from an activation once.
inline void add_product(Coefficient& to, const Coefficient& a, const Coefficient& b) {
  if (a.slopes.empty())
    add_scaled(to, a.fixed, b);
  else
    add_scaled(to, b.fixed, a);
}

/// What a node is on one channel block: one variable, plus (for mixtures) a deterministic part.
struct Value {
  Index variable = none;   ///< the random part, of mean zero unless `whole`
  Constant constant = {};  ///< the deterministic part
  bool flat = false;       ///< its positions are channels
};

/// The variables of a plan, each made once.
///
/// An activation is split as phi(g) = E phi + E[phi'] g + rest (Stein's lemma) where it meets others
/// in a sum. Constants, sources and rests are mutually uncorrelated, sources unless their weights are
/// tied, rests unless the Gaussians under them are correlated. Sums of uncorrelated variables stay
/// nested, so that a residual chain of depth L has O(L) terms.
///
/// On images variables are random functions of a position too, and three kinds more are atoms of sums:
/// pooled, normalised and flattened variables.
class Variables {
 public:
  /// Keeps references to both; writes into `plan`.
  Variables(const Topology& topology, Plan& plan) : topology_(topology), plan_(plan) {}

  /// What a variable depends on.
  const Support& support(Index variable) const { return supports_[variable]; }
  /// A Gaussian variable over its sources: their coefficients.
  const std::map<Index, Coefficient>& flat(Index variable) const { return flats_[variable]; }
  /// On images: whether a variable's std is but a scale, because it holds pooled parts.
  bool scaled(Index variable) const { return scaled_[variable]; }

  /// A term for each block of a dense node's input (or of the output), and its bias.
  static Expansion blockwise(const std::vector<Value>& blocks, const std::vector<double>& shares,
                             double weight_std, double bias_std) {
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

  /// Finds the pairs of terms that are correlated, and sets `orthogonal` and `correlated` from them.
  void mark_correlated(Expansion& e) const {
    for (Index i = 0; i < e.terms.size(); ++i)
      for (Index j = i + 1; j < e.terms.size(); ++j)
        if (e.terms[i].block == e.terms[j].block &&
            supports_[e.terms[i].variable].correlated(supports_[e.terms[j].variable]))
          e.correlated.emplace_back(i, j);
    e.orthogonal = e.correlated.empty();
  }

 protected:
  Index add(VariableKind kind, Index node) {
    plan_.variables.push_back({.kind = kind, .name = topology_.nodes()[node].name, .node = node});
    supports_.emplace_back();
    flats_.emplace_back();
    gaussian_.push_back(kind == VariableKind::source || kind == VariableKind::gaussian);
    scaled_.push_back(false);
    const Index id = plan_.variables.size() - 1;
    if (kind == VariableKind::source || kind == VariableKind::rest || kind == VariableKind::centred_input)
      flats_[id][id].fixed = 1;
    return id;
  }

  VariableKind kind(Index variable) const { return plan_.variables[variable].kind; }
  bool gaussian(Index variable) const { return gaussian_[variable]; }
  bool gaussian(const Value& v) const {
    return v.constant.zero() && v.variable != none && gaussian(v.variable);
  }

  /// The output of a dense or convolutional node; `group`, of those with the same weights, where there are
  /// others.
  Index add_source(Index node, Index argument, Index group) {
    const Index id = add(VariableKind::source, node);
    plan_.variables[id].argument = argument;
    if (argument != none) scaled_[id] = scaled_[argument];
    // Classes: tied sources share one; it must not collide with the id of another source.
    supports_[id].sources = {group == none ? id : none / 2 + group};
    return id;
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
    if (const auto known = rests_.find(whole); known != rests_.end()) return known->second;
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

  /// sum_k c_k v_k on one block.
  Value combine(Index node, const std::vector<std::pair<double, Value>>& terms) {
    // The same value twice is the same random function: add the coefficients first.
    std::vector<std::pair<double, Value>> merged;
    bool gaussians = true;
    for (const auto& [c, v] : terms) {
      gaussians = gaussians && gaussian(v);
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

  /// The variable divided by the standard deviation of another.
  Index normalised(Index node, Index argument, Index divisor) {
    const Index id = add(VariableKind::normalised, node);
    plan_.variables[id].argument = argument;
    plan_.variables[id].divisor = divisor;
    inherit(id, argument);
    flats_[id][id].fixed = 1;
    return id;
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

  const Topology& topology_;
  Plan& plan_;

 private:
  static bool equal(const std::map<Index, Coefficient>& a, const std::map<Index, Coefficient>& b) {
    return a.size() == b.size() &&
           std::equal(a.begin(), a.end(), b.begin(), [](const auto& x, const auto& y) {
             return x.first == y.first && x.second.fixed == y.second.fixed && x.second.slopes.empty() &&
                    y.second.slopes.empty();
           });
  }

  std::vector<Support> supports_;                    // by variable, as the next three
  std::vector<std::map<Index, Coefficient>> flats_;  // over sources, rests, the centred input
  std::vector<bool> gaussian_, scaled_;
  std::map<Index, Index> flattened_, exact_, rests_;
  std::map<std::pair<Index, std::vector<Index>>, Index> pooled_;
  std::map<Index, std::vector<Index>> activations_of_;
  std::vector<std::pair<std::map<Index, Coefficient>, Index>> gaussians_;
  Index input_ = none, centred_ = none;
};

}  // namespace plan
}  // namespace SST_ABI
}  // namespace sst
