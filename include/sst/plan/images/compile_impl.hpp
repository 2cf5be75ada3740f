// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <variant>
#include <vector>

#include <sst/base/compiled.hpp>
#include <sst/plan/images/columns.hpp>
#include <sst/plan/images/compile.hpp>
#include <sst/plan/images/displacements.hpp>
#include <sst/plan/images/pairs.hpp>
#include <sst/plan/images/placement.hpp>
#include <sst/plan/images/plan.hpp>
#include <sst/plan/normal_form.hpp>
#include <sst/topology/image_shape.hpp>
#include <sst/topology/topology.hpp>
#include <sst/version.hpp>

/// \file
/// The bodies of compile.hpp.

namespace sst {
inline namespace SST_ABI {
namespace spatial {

/// From the normal form of a topology to the pairs that reach the output and their displacements.
class Planner {
 public:
  /// Keeps references to the topology and to `plan`, and writes into the latter. Throws as `compile` does.
  Planner(const Topology& topology, const ImageShape& image, Kernel kernel, SpatialPlan& plan)
      : topology_(topology),
        plan_(plan),
        shapes_(shapes(topology, image)),
        form_(topology, plan.base, plan::NormalForm::Samples::images) {
    plan_.topology = topology.name();
    plan_.image = image;
    plan_.ntk = plan_.base.ntk = kernel == Kernel::ntk;
  }

  /// Fills in the plan. Throws NoClosedForm where there is no closed form, no NTK, or positions are left
  /// over.
  void run() {
    plan_.base.output = form_.output();
    Placement(topology_, shapes_, form_, plan_).run();
    if (plan_.ntk) form_.refuse_tied_readout(plan_.base.output);
    PairFinder(form_, plan_).run();
    describe_pairs();
    Displacements(plan_).run();
    ColumnMaker(topology_, plan_).run();
  }

 private:
  using Kind = plan::VariableKind;

  /// What each pair carries, and when it is computed.
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
      std::visit(detail::Overloaded{
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
                         pair.complement = pair.complement && (in(t.in).complement || t.mirrored || !s.exact);
                         after(in(t.in), 0);
                       }
                       plan_.own_covariances = plan_.own_covariances || (pair.left == pair.right && !s.exact);
                     },
                     [&](const WindowStep& s) {
                       follow(in(s.in));
                       const plan::Variable& source = plan_.variable(pair.left);
                       pair.tangent =
                           pair.tangent || (plan_.ntk && (source.weight_rate != 0 || source.bias_rate != 0));
                       pair.complement = in(s.in).complement;
                       after(in(s.in), planar(plan_.windows[pair.left].window) ? 0 : 1);
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
      if (pair.tangent && is_nonlinear(kind(pair.left)))
        for (const Index v : {pair.left, pair.right})
          if (is_nonlinear(kind(v))) form_.refuse_ntk_obstacle(v);
      plan_.angular_only = plan_.angular_only && !pair.rounded;
    }
  }

  Kind kind(Index v) const { return plan_.variable(v).kind; }

  const Topology& topology_;
  SpatialPlan& plan_;
  std::vector<NodeShape> shapes_;
  plan::NormalForm form_;
};

}  // namespace spatial

SST_COMPILED SpatialPlan compile(const Topology& topology, Kernel kernel, const ImageShape& image) {
  SpatialPlan plan;
  spatial::Planner(topology, image, kernel, plan).run();
  return plan;
}

}  // namespace SST_ABI
}  // namespace sst
