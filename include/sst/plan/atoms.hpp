// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include <sst/activation/activation.hpp>
#include <sst/activation/angular.hpp>
#include <sst/activation/stretched.hpp>
#include <sst/plan/coefficients.hpp>
#include <sst/plan/plan.hpp>
#include <sst/plan/support.hpp>
#include <sst/topology/topology.hpp>
#include <sst/version.hpp>

/// \file
/// The variables that sums are made of, and how an activation falls into them.

namespace sst {
inline namespace SST_ABI {
namespace plan {

/// What a node is on one channel block: factor (variable + constant). A multiple of a node is no variable of
/// its own, so that what is done with h, -h and 2h is done with h.
struct Value {
  Index variable = none;   ///< the random part, of mean zero unless `whole`
  Constant constant = {};  ///< the deterministic part
  Number factor = 1;       ///< of both; not 0
  bool flat = false;       ///< its positions are channels
};

/// A sum of variables, those in ascending order.
using Terms = std::vector<std::pair<Index, Coefficient>>;

/// The variables of a plan that are no sums, each made once.
class Atoms {
 public:
  /// Keeps references to both; writes into `plan`.
  Atoms(const Topology& topology, Plan& plan) : topology_(topology), plan_(plan) {}

  /// What a variable depends on.
  const Support& support(Index variable) const { return supports_[variable]; }
  /// A Gaussian variable over its sources: their coefficients.
  const Terms& flat(Index variable) const { return flats_[variable]; }
  /// On images: whether a variable's std is but a scale, because it holds pooled parts.
  bool scaled(Index variable) const { return scaled_[variable]; }

 protected:
  Index add(VariableKind kind, Index node) {
    plan_.variables.push_back({.kind = kind, .name = topology_.nodes()[node].name, .node = node});
    supports_.emplace_back();
    flats_.emplace_back();
    gaussian_.push_back(kind == VariableKind::source || kind == VariableKind::gaussian);
    scaled_.push_back(false);
    const Index id = plan_.variables.size() - 1;
    if (kind == VariableKind::source || kind == VariableKind::rest || kind == VariableKind::centred_input)
      flats_[id] = {{id, {1}}};
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

  /// phi of a Gaussian value: phi(factor g) as an activation of g. Signs of odd and even functions, and the
  /// sizes that a piecewise linear function hands on, are taken out of the argument.
  Value activated(Index node, const ActivationPtr& phi, const Value& gaussian) {
    Value value;
    auto stretch = static_cast<double>(gaussian.factor);
    const bool even = phi->linear_odd_part() && phi->derivative(0) == 0;
    const bool odd = phi->constant_even_part() && phi->value(0) == 0;
    if (stretch < 0 && odd) value.factor = -1;
    if (odd || even) stretch = std::abs(stretch);
    if (const auto form = phi->angular()) {
      if (form->degree == 1) value.factor *= std::abs(gaussian.factor);
      stretch = stretch < 0 ? -1 : 1;
    }
    value.variable = activation_of(node, stretched(phi, stretch), exact(node, gaussian.variable));
    return value;
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
    const auto& sources = supports_[argument].sources;
    if (!function->constant_even_part()) supports_[id].even_rests = sources;
    if (!function->linear_odd_part()) supports_[id].odd_rests = sources;
    return rests_[whole] = id;
  }

  /// c phi(g) = c (E phi + E[phi'] g + rest). What is the same for all Gaussians is a plain number: E phi' of
  /// a function whose odd part is linear, E phi of one whose even part is constant.
  std::vector<std::pair<Index, Coefficient>> activation_pieces(Index whole, Number c, Constant& constant) {
    const auto [factor, same] = unit(whole);
    const ActivationPtr phi = plan_.variables[whole].activation;
    Index argument = plan_.variables[whole].argument;
    if (kind(argument) == VariableKind::exact) argument = plan_.variables[argument].argument;
    Coefficient slope;
    if (phi->constant_even_part())
      constant.fixed += c * phi->value(0);
    else
      add_factor(constant.means, c * factor, same);
    if (phi->linear_odd_part())
      slope.fixed = c * phi->derivative(0);
    else
      add_factor(slope.slopes, c * factor, same);
    std::vector<std::pair<Index, Coefficient>> parts;
    if (!slope.zero()) parts.push_back({argument, std::move(slope)});
    if (factor != 0) parts.push_back({rest(same), {c * factor}});
    return parts;
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
    const auto [known, fresh] = normalised_.emplace(std::pair{argument, divisor}, none);
    if (fresh) {
      const Index id = add(VariableKind::normalised, node);
      plan_.variables[id].argument = argument;
      plan_.variables[id].divisor = divisor;
      inherit(id, argument);
      flats_[id] = {{id, {1}}};
      known->second = id;
    }
    return known->second;
  }

  const Topology& topology_;
  Plan& plan_;
  std::vector<Support> supports_;  // by variable, as the next two
  std::vector<Terms> flats_;       // over sources, rests, the centred input
  std::vector<bool> gaussian_, scaled_;

 private:
  Index activation_of(Index node, const ActivationPtr& phi, Index argument) {
    for (const Index known : activations_of_[argument])
      if (*plan_.variables[known].activation == *phi) return known;
    const Index id = add(VariableKind::activation, node);
    plan_.variables[id].activation = phi;
    plan_.variables[id].argument = argument;
    supports_[id].whole = true;
    activations_of_[argument].push_back(id);
    return id;
  }

  /// What the rest of an activation is a multiple of: |g|, sgn g, or phi(|c| g) for phi(c g).
  std::pair<Number, Index> unit(Index whole) {
    const Index node = plan_.variables[whole].node, argument = plan_.variables[whole].argument;
    const ActivationPtr phi = plan_.variables[whole].activation;
    if (const auto form = phi->angular()) {
      if (form->degree == 1) return {form->even, activation_of(node, std::make_shared<Abs>(), argument)};
      return {form->odd, activation_of(node, std::make_shared<Sign>(), argument)};
    }
    const auto* multiple = dynamic_cast<const StretchedActivation*>(phi.get());
    if (!multiple || multiple->stretch() > 0 || !(phi->linear_odd_part() || phi->constant_even_part()))
      return {1, whole};
    return {phi->linear_odd_part() ? 1 : -1,
            activation_of(node, stretched(multiple->function(), -multiple->stretch()), argument)};
  }

  std::map<Index, Index> exact_, rests_;
  std::map<std::pair<Index, Index>, Index> normalised_;
  std::map<Index, std::vector<Index>> activations_of_;
  Index input_ = none, centred_ = none;
};

}  // namespace plan
}  // namespace SST_ABI
}  // namespace sst
