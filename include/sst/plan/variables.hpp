// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include <sst/plan/atoms.hpp>
#include <sst/plan/coefficients.hpp>
#include <sst/plan/plan.hpp>
#include <sst/plan/support.hpp>
#include <sst/plan/term_memory.hpp>
#include <sst/topology/topology.hpp>
#include <sst/version.hpp>

namespace sst {
inline namespace SST_ABI {
namespace plan {

/// The variables of a plan, each made once.
///
/// An activation is split as phi(g) = E phi + E[phi'] g + rest (Stein's lemma) where it meets others
/// in a sum; the rest of a phi whose odd part is linear is that of its even part, the same for h and -h (and
/// a multiple of that of |h|, where phi is piecewise linear). Constants, sources and rests are mutually
/// uncorrelated, sources unless their weights are tied, rests unless the Gaussians under them are correlated.
/// Sums of uncorrelated variables stay nested, so that a residual chain of depth L has O(L) terms.
///
/// On images variables are random functions of a position too, and three kinds more are atoms of sums:
/// pooled, normalised and flattened variables.
class Variables : public Atoms {
 public:
  /// Keeps references to both; writes into `plan`.
  Variables(const Topology& topology, Plan& plan)
      : Atoms(topology, plan), memory_(topology.name(), "sums", sizeof(Term)) {}

  /// A term for each block of a dense node's input (or of the output), and its bias.
  static Expansion blockwise(const std::vector<Value>& blocks, const std::vector<double>& shares,
                             double weight_std, double bias_std) {
    Expansion e;
    for (Index b = 0; b < blocks.size(); ++b) {
      const Number factor = weight_std * std::sqrt(shares[b]) * blocks[b].factor;
      if (factor == 0) continue;
      if (blocks[b].variable != none)
        e.terms.push_back({.variable = blocks[b].variable, .coefficient = {factor}, .block = b});
      if (!blocks[b].constant.zero()) {
        Constant scaled;
        add_scaled(scaled, factor, blocks[b].constant);
        e.constants.push_back({std::move(scaled), b});
      }
    }
    if (bias_std != 0) e.constants.push_back({Constant{bias_std}, blocks.size(), true});
    return e;
  }

  /// A value in its finest terms: sources, rests, the centred input, and a constant.
  std::pair<std::map<Index, Coefficient>, Constant> split(const Value& value) {
    std::map<Index, Coefficient> terms;
    Constant constant;
    for (const auto& [piece, coefficient] : pieces(value, constant))
      for (const auto& [atom, inner] : flats_[piece]) add_product(terms[atom], coefficient, inner);
    return {std::move(terms), std::move(constant)};
  }

  /// Finds the pairs of terms that are correlated, and sets `orthogonal` and `correlated` from them.
  void mark_correlated(Expansion& e) {
    std::vector<const Support*> supports;
    for (const Term& t : e.terms) supports.push_back(&supports_[t.variable]);
    e.orthogonal = Support::apart(supports);
    if (e.orthogonal) return;
    for (Index i = 0; i < e.terms.size(); ++i)
      for (Index j = i + 1; j < e.terms.size(); ++j)
        if (e.terms[i].block == e.terms[j].block &&
            supports_[e.terms[i].variable].correlated(supports_[e.terms[j].variable])) {
          memory_.add();
          e.correlated.emplace_back(i, j);
        }
    e.orthogonal = e.correlated.empty();
  }

 protected:
  /// sum_k c_k v_k on one block.
  Value combine(Index node, const std::vector<std::pair<Number, Value>>& terms) {
    // The same value twice is the same random function: add the coefficients first.
    std::vector<std::pair<Number, Value>> merged;
    std::multimap<Index, Index> places;  // in `merged`, by variable
    for (const auto& [c, v] : terms) {
      const auto [first, last] = places.equal_range(v.variable);
      const auto same = std::find_if(first, last, [&, &constant = v.constant](const auto& place) {
        return merged[place.second].second.constant == constant;
      });
      if (same != last) {
        merged[same->second].first += c * v.factor;
      } else {
        places.emplace(v.variable, merged.size());
        merged.emplace_back(c * v.factor, v);
      }
    }
    std::erase_if(merged, [](const auto& m) { return m.first == 0; });
    if (merged.size() == 1) {
      merged[0].second.factor = merged[0].first;
      return merged[0].second;
    }

    Constant constant;
    std::vector<std::pair<Index, Coefficient>> parts;
    std::map<Index, Index> place;  // in `parts`, by variable
    for (auto& [c, v] : merged) {
      v.factor = c;
      for (auto& piece : pieces(v, constant)) {
        const auto [known, fresh] = place.emplace(piece.first, parts.size());
        if (fresh)
          parts.push_back(std::move(piece));
        else
          add_scaled(parts[known->second].second, 1, piece.second);
      }
    }
    std::erase_if(parts, [](const auto& part) { return part.second.zero(); });
    return linear(node, std::move(parts), std::move(constant));
  }

  /// A value as variables that never hold a whole activation; its deterministic part is added to `constant`.
  std::vector<std::pair<Index, Coefficient>> pieces(const Value& v, Constant& constant) {
    add_scaled(constant, v.factor, v.constant);
    if (v.variable == none) return {};
    switch (kind(v.variable)) {
      case VariableKind::input:
        constant.input += v.factor;
        return {{centred_input(), {v.factor}}};
      case VariableKind::activation:
        return activation_pieces(v.variable, v.factor, constant);
      case VariableKind::pooled:
        return pooled_pieces(v.variable, v.factor, constant);
      default:
        return {{v.variable, {v.factor}}};
    }
  }

  /// Blocks as one variable of a position; the block itself where there is but one, unless `always`.
  Index side_by_side(Index node, const std::vector<Value>& blocks, const std::vector<double>& shares,
                     bool always = false) {
    if (!always && blocks.size() == 1 && blocks[0].variable != none && blocks[0].constant.zero() &&
        blocks[0].factor == 1)
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
      const Index argument = side_by_side(node, {{block.variable, block.constant}}, {1.0});
      const auto [known, fresh] = flattened_.emplace(argument, none);
      if (fresh) {
        const Index id = add(VariableKind::flattened, node);
        plan_.variables[id].argument = argument;
        inherit(id, argument);
        gaussian_[id] = false;
        flats_[id] = {{id, {1}}};
        known->second = id;
      }
      block = {known->second, {}, block.factor};
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
    flats_[id] = {{id, {1}}};
    return pooled_[{argument, pools}] = id;
  }

  /// A pooled variable in a sum: pooling is linear, so it goes before the split of an activation.
  std::vector<std::pair<Index, Coefficient>> pooled_pieces(Index variable, Number c, Constant& constant) {
    const Variable pool = plan_.variables[variable];
    if (kind(pool.argument) != VariableKind::activation && kind(pool.argument) != VariableKind::input)
      return {{variable, {c}}};
    Constant inner;
    std::vector<std::pair<Index, Coefficient>> parts;
    for (auto& [piece, coefficient] : pieces({pool.argument}, inner)) {
      Value part{piece, {}, coefficient.fixed};
      if (!coefficient.slopes.empty()) part = linear(pool.node, {{piece, coefficient}}, {});
      parts.push_back({pooled(pool.node, part.variable, pool.pools), {c * part.factor}});
    }
    add_scaled(constant, c, pooled(std::move(inner), pool.pools));
    return parts;
  }

  /// A sum of different variables and a constant.
  Value linear(Index node, std::vector<std::pair<Index, Coefficient>> parts, Constant constant) {
    const Sum sum = add_up(parts);
    Terms flat(sum.flat.begin(), sum.flat.end());
    std::erase_if(flat, [](const auto& entry) { return entry.second.zero(); });
    const bool gaussians = constant.zero() && std::all_of(flat.begin(), flat.end(), [&](const auto& entry) {
                             return gaussian(entry.first) && entry.second.slopes.empty();
                           });
    Number factor = 1;
    if (gaussians && !flat.empty()) {
      if (flat.size() == 1) return {flat.begin()->first, {}, flat.begin()->second.fixed};
      for (const Index known : gaussians_)
        if (const auto ratio = quotient(flat, flats_[known])) return {known, {}, *ratio};
      // Of u and -u, that is the variable whose first coefficient is positive.
      if (flat.begin()->second.fixed < 0) factor = -1;
      for (auto& [atom, coefficient] : flat) coefficient.fixed *= factor;
      for (auto& [part, coefficient] : parts) coefficient.fixed *= factor;
    }

    memory_.add(flat.size());
    const Index id = add(gaussians ? VariableKind::gaussian : VariableKind::mixture, node);
    for (const auto& [part, coefficient] : parts) scaled_[id] = scaled_[id] || scaled_[part];
    Expansion e;
    if (sum.orthogonal) {
      for (auto& [part, coefficient] : parts)
        e.terms.push_back({.variable = part, .coefficient = std::move(coefficient)});
    } else {
      for (const auto& [atom, coefficient] : flat)
        e.terms.push_back({.variable = atom, .coefficient = coefficient});
      mark_correlated(e);
    }
    plan_.variables[id].expansions.push_back(std::move(e));
    std::vector<const Support*> atoms;
    for (const auto& [atom, coefficient] : flat) atoms.push_back(&supports_[atom]);
    supports_[id] = Support::sum(atoms);
    flats_[id] = std::move(flat);
    if (gaussians && !flats_[id].empty()) gaussians_.push_back(id);
    return {id, std::move(constant), factor};
  }

 private:
  /// A sum of parts, over atoms.
  struct Sum {
    std::vector<std::pair<Index, Coefficient>> parts = {};
    std::map<Index, Coefficient> flat = {};
    Support support = {};    // of the parts
    bool orthogonal = true;  // no two parts are correlated
  };
  void extend(Sum& sum, const std::pair<Index, Coefficient>& part) const {
    for (const auto& [atom, inner] : flats_[part.first]) add_product(sum.flat[atom], part.second, inner);
    sum.orthogonal = sum.orthogonal && !sum.support.correlated(supports_[part.first]);
    if (sum.orthogonal) sum.support.merge(supports_[part.first]);
    sum.parts.push_back(part);
  }
  /// Networks that add up all earlier layers, again and again, have sums that begin like the one before.
  Sum add_up(const std::vector<std::pair<Index, Coefficient>>& parts) {
    const auto& begun = beginning_.parts;
    if (begun.size() >= parts.size() || !std::equal(begun.begin(), begun.end(), parts.begin()))
      beginning_ = {};
    while (beginning_.parts.size() + 1 < parts.size()) extend(beginning_, parts[beginning_.parts.size()]);
    Sum whole = beginning_;
    if (!parts.empty()) extend(whole, parts.back());
    return whole;
  }

  /// c where a = c b, both without slopes.
  static std::optional<Number> quotient(const Terms& a, const Terms& b) {
    if (a.size() != b.size()) return std::nullopt;
    const Number ratio = a.begin()->second.fixed / b.begin()->second.fixed;
    const auto same = [ratio](const auto& x, const auto& y) {
      return x.first == y.first && std::abs(x.second.fixed - ratio * y.second.fixed) <=
                                       4 * std::numeric_limits<Number>::epsilon() * std::abs(x.second.fixed);
    };
    return std::equal(a.begin(), a.end(), b.begin(), same) ? std::optional(ratio) : std::nullopt;
  }

  std::map<Index, Index> flattened_;
  std::map<std::pair<Index, std::vector<Index>>, Index> pooled_;
  std::vector<Index> gaussians_;
  TermMemory memory_;
  Sum beginning_;  // of the last sum: all parts but one
};

}  // namespace plan
}  // namespace SST_ABI
}  // namespace sst
