// SPDX-License-Identifier: MIT
#pragma once

#include <variant>
#include <vector>

#include <sst/plan/plan.hpp>
#include <sst/topology/operation.hpp>
#include <sst/version.hpp>

namespace sst {
inline namespace SST_ABI {
namespace plan {

/// Pairs share memory when their lives do not overlap.
inline void assign_slots(Plan& plan) {
  std::vector<Index> last_use(plan.pairs.size(), 0);
  for (Index s = 0; s < plan.steps.size(); ++s)
    std::visit(detail::Overloaded{[&](const InputStep& x) { last_use[x.pair] = s; },
                                  [&](const AngularStep& x) { last_use[x.in] = last_use[x.out] = s; },
                                  [&](const DualStep& x) { last_use[x.in] = last_use[x.out] = s; },
                                  [&](const AccumulateStep& x) {
                                    if (x.in != none) last_use[x.in] = s;
                                    last_use[x.out] = s;
                                  }},
               plan.steps[s]);
  last_use[plan.result] = plan.steps.size();
  std::vector<std::vector<Index>> ends(plan.steps.size() + 1);
  for (Index p = 0; p < plan.pairs.size(); ++p) ends[last_use[p]].push_back(p);

  plan.slots.assign(plan.pairs.size(), {});
  std::vector<Index> free;
  const auto take = [&] {
    if (free.empty()) return plan.slot_count++;
    const Index slot = free.back();
    free.pop_back();
    return slot;
  };
  const auto begin = [&](Index p) {
    Slots& slots = plan.slots[p];
    if (slots.half != none) return;
    slots.half = take();
    if (plan.pairs[p].complement) slots.complement = take();
    if (plan.pairs[p].tangent) slots.tangent = take();
  };
  for (Index s = 0; s < plan.steps.size(); ++s) {
    std::visit(
        detail::Overloaded{[&](const InputStep& x) { begin(x.pair); }, [&](const auto& x) { begin(x.out); }},
        plan.steps[s]);
    for (const Index p : ends[s]) {
      const Slots& slots = plan.slots[p];
      for (const Index slot : {slots.half, slots.complement, slots.tangent})
        if (slot != none) free.push_back(slot);
    }
  }
}

}  // namespace plan
}  // namespace SST_ABI
}  // namespace sst
