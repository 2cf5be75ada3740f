// SPDX-License-Identifier: MIT
#pragma once

#include <iomanip>
#include <ostream>
#include <string>
#include <variant>

#include <sst/base/plain_text.hpp>
#include <sst/plan/plan.hpp>
#include <sst/topology/topology.hpp>
#include <sst/version.hpp>

namespace sst {
inline namespace SST_ABI {

namespace plan {

/// The kind's name, as plans print it.
inline std::string kind_name(VariableKind kind) {
  switch (kind) {
    case VariableKind::input:
      return "input";
    case VariableKind::centred_input:
      return "input less its mean";
    case VariableKind::source:
      return "dense output";
    case VariableKind::gaussian:
      return "sum of dense outputs";
    case VariableKind::activation:
      return "activation";
    case VariableKind::rest:
      return "activation less its linear part";
    case VariableKind::mixture:
      return "sum";
    case VariableKind::readout:
      return "output";
    case VariableKind::fan_in:
      return "input of a layer";
    case VariableKind::pooled:
      return "means over windows";
    case VariableKind::flattened:
      return "positions side by side";
    case VariableKind::normalised:
      return "normalised";
    case VariableKind::exact:
      return "pooled, with its own variance";
  }
  return "";
}

/// Additions and multiplications of a step, per pair of samples (a square root and the like count as
/// one; a dual map as 60). `features` is what an InputStep runs over.
inline double operations(const Plan& plan, const Step& step, std::size_t features) {
  const auto tangent = [&](Index pair) { return plan.pairs[pair].tangent ? 1.0 : 0.0; };
  return std::visit(
      detail::Overloaded{[&](const InputStep&) { return 3.0 * static_cast<double>(features) + 2; },
                         [&](const AngularStep& s) {
                           const bool angle = plan.pairs[s.out].tangent || s.k_angle != 0;
                           return 44.0 + (angle ? 37.0 : 0.0) + 3 * tangent(s.out);
                         },
                         [&](const DualStep& s) { return 60.0 + 6 * tangent(s.out); },
                         [&](const AccumulateStep& s) {
                           return (s.in != none ? 7.0 : 4.0) + (s.left_constant != none ? 3.0 : 0.0) +
                                  (plan.pairs[s.out].complement ? 4.0 : 0.0) +
                                  ((s.add_kernel && s.last ? 5.0 : 2.0) + (s.rate != 0 ? 5.0 : 0.0) +
                                   (s.constant_rate != 0 ? 3.0 : 0.0)) *
                                      tangent(s.out);
                         }},
      step);
}

}  // namespace plan

/// Operations per pair of samples, input products over `features` features included.
inline double operations(const Plan& plan, std::size_t features) {
  double total = 0;
  for (const plan::Step& step : plan.steps) total += plan::operations(plan, step, features);
  return total;
}

/// Which covariances the plan tracks and why, what each costs, and the totals.
inline std::ostream& operator<<(std::ostream& out, const Plan& plan) {
  out << "plan of '" << plan.topology << "' for the " << (plan.ntk ? "NTK and NNGP" : "NNGP") << ": "
      << plan.pairs.size() << " covariances in " << plan.steps.size() << " steps\n";
  std::vector<double> cost(plan.pairs.size(), 0);
  double total = 0;
  for (const plan::Step& step : plan.steps) {
    const plan::Index pair = std::visit(detail::Overloaded{[](const plan::InputStep& s) { return s.pair; },
                                                           [](const auto& s) { return s.out; }},
                                        step);
    // The product of the inputs depends on the data's width: not counted here.
    const double each = plan::operations(plan, step, 0);
    cost[pair] += each;
    total += each;
  }
  for (plan::Index p = 0; p < plan.pairs.size(); ++p) {
    const plan::Pair& pair = plan.pairs[p];
    const auto& left = plan.variables[pair.left];
    detail::PlainText what;
    what << left.name;
    if (pair.right != pair.left) what << " x " << plan.variables[pair.right].name;
    what << " (" << plan::kind_name(left.kind) << ')';
    out << "  " << std::left << std::setw(44) << what.str() << std::right << std::setw(4)
        << (1 + (pair.complement ? 1 : 0) + (pair.tangent ? 1 : 0)) << " numbers " << std::setw(5)
        << static_cast<long>(cost[p]) << " operations   " << pair.reason;
    if (pair.rounded) out << "; rounded";
    if (const std::string rates = detail::rates_text(left); plan.ntk && !rates.empty()) out << "; " << rates;
    out << '\n';
  }
  out << "  per pair of samples: " << plan.slot_count << " numbers alive at most, "
      << static_cast<long>(total)
      << " operations, and 3 a feature for the inputs; per sample: " << plan.columns << " numbers\n";
  if (plan.needs_extended)
    out << "  pairs of samples whose correlation rounds to 1 are computed in extended precision\n";
  return out;
}

}  // namespace SST_ABI
}  // namespace sst
