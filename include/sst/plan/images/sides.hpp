// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <map>
#include <utility>
#include <vector>

#include <sst/error.hpp>
#include <sst/plan/images/plan.hpp>
#include <sst/plan/normal_form.hpp>
#include <sst/version.hpp>

/// \file
/// Variables written out as sums, in the form that the other side of a pair asks for.

namespace sst {
inline namespace SST_ABI {
namespace spatial {

/// A weighted term of a sum, and its channel block.
struct SideTerm {
  Index variable;                 ///< the variable that is weighted
  plan::Coefficient coefficient;  ///< its weight
  Index block;                    ///< where it is
  Index column = none;            ///< per-sample weights, as in plan::Term
};
/// A deterministic term of a sum, and its channel block.
struct SideConstant {
  plan::Constant value;  ///< what is added
  Index block;           ///< where it is
  Index column = none;   ///< per-sample weights, as in plan::ConstantTerm
};

/// A variable as a sum; `orthogonal`: its terms are uncorrelated.
struct Side {
  std::vector<SideTerm> terms;          ///< the random part
  std::vector<SideConstant> constants;  ///< the deterministic part
  bool orthogonal = true;               ///< no two terms are correlated
};

/// Writes variables out, each form once.
class Sides {
 public:
  /// Short for the kinds of variables.
  using Kind = plan::VariableKind;
  /// As it is planned (`primary`), over its atoms (`flat`), by `pieces` of activations, the pieces block by
  /// block (`split`), or not at all (`itself`).
  enum class Form { primary, flat, pieces, split, itself };

  /// Keeps references to both.
  Sides(plan::NormalForm& form, SpatialPlan& plan) : form_(form), plan_(plan) {}

  /// Whether all blocks are activations, which can then stay whole.
  bool wholes(Index v) const {
    if (kind(v) != Kind::fan_in) return false;
    const plan::Expansion& e = plan_.variable(v).expansions.front();
    return e.constants.empty() && std::all_of(e.terms.begin(), e.terms.end(), [&](const plan::Term& t) {
             return kind(t.variable) == Kind::activation || kind(t.variable) == Kind::flattened;
           });
  }
  /// The form in which a variable meets a fan-in of shared weights.
  Form blockwise(Index v, bool whole) const {
    if (kind(v) == Kind::fan_in) return whole ? Form::primary : Form::split;
    if (is_linear(kind(v))) return Form::flat;
    return kind(v) == Kind::activation || kind(v) == Kind::input ? Form::pieces : Form::itself;
  }

  /// Variable v in this form; valid as long as this object. Throws NoClosedForm, with the node, where a part
  /// would come after the whole.
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

 private:
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
          "node '" + plan_.variable(v).name +
          "' meets a sum under shared weights after it was flattened, which is not computed; give the "
          "layers weights of their own");
  }

  const plan::Variable& var(Index v) const { return plan_.variable(v); }
  Kind kind(Index v) const { return plan_.variable(v).kind; }

  plan::NormalForm& form_;
  SpatialPlan& plan_;
  std::map<std::pair<Index, Form>, Side> sides_;
};

}  // namespace spatial
}  // namespace SST_ABI
}  // namespace sst
