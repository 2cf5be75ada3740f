// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <variant>

#include <sst/activation/activation.hpp>
#include <sst/plan/plan.hpp>
#include <sst/version.hpp>

/// \file
/// Plans that differ by weights alone.

namespace sst {
inline namespace SST_ABI {
namespace plan {

/// Whether two activations are the same function, as far as their values at some places tell: names do not
/// say what functions of one's own compute.
inline bool same_activation(const ActivationPtr& f, const ActivationPtr& g) {
  if (f == g) return true;
  if (!f || !g || f->name() != g->name() || f->parameters() != g->parameters()) return false;
  constexpr std::array<double, 8> places{-3.1, -1.7, -0.6, -0.1, 0.2, 0.9, 1.3, 2.9};
  return std::all_of(places.begin(), places.end(), [&](double z) { return f->value(z) == g->value(z); });
}

/// Whether two linear variables are written out in the same terms, whatever their coefficients.
inline bool same_terms(const Expansion& e, const Expansion& f) {
  return e.kind == f.kind && e.orthogonal == f.orthogonal && e.correlated == f.correlated &&
         std::equal(e.terms.begin(), e.terms.end(), f.terms.begin(), f.terms.end(),
                    [](const Term& s, const Term& t) {
                      return s.variable == t.variable && s.block == t.block && s.column == t.column;
                    }) &&
         std::equal(e.constants.begin(), e.constants.end(), f.constants.begin(), f.constants.end(),
                    [](const ConstantTerm& c, const ConstantTerm& d) {
                      return c.block == d.block && c.bias == d.bias && c.column == d.column;
                    });
}

/// Whether two random functions of a sample differ by coefficients alone.
inline bool same_variable(const Variable& u, const Variable& v) {
  return u.kind == v.kind && u.columns == v.columns && u.argument == v.argument && u.whole == v.whole &&
         same_activation(u.activation, v.activation) &&
         std::equal(u.expansions.begin(), u.expansions.end(), v.expansions.begin(), v.expansions.end(),
                    same_terms);
}

/// Whether two steps do the same; maps follow from the activations of the variables.
inline bool same_step(const Step& s, const Step& t) {
  if (s.index() != t.index()) return false;
  if (const auto* dual = std::get_if<DualStep>(&s)) {
    DualStep other = std::get<DualStep>(t);
    other.map = dual->map;
    return *dual == other;
  }
  return s == t;
}

}  // namespace plan

/// Whether two plans take the same steps, on numbers of samples that may differ: those of one topology with
/// other weights and biases.
inline bool same_steps(const Plan& a, const Plan& b) {
  return a.ntk == b.ntk && a.columns == b.columns && a.slot_count == b.slot_count && a.result == b.result &&
         a.input_mean == b.input_mean &&
         std::equal(a.variables.begin(), a.variables.end(), b.variables.begin(), b.variables.end(),
                    plan::same_variable) &&
         std::equal(a.pairs.begin(), a.pairs.end(), b.pairs.begin(), b.pairs.end(),
                    [](const plan::Pair& p, const plan::Pair& q) {
                      return p.left == q.left && p.right == q.right;
                    }) &&
         std::equal(a.steps.begin(), a.steps.end(), b.steps.begin(), b.steps.end(), plan::same_step);
}

}  // namespace SST_ABI
}  // namespace sst
