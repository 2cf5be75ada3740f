// SPDX-License-Identifier: MIT
#pragma once

#include <sst/error.hpp>
#include <sst/plan/normal_form.hpp>
#include <sst/plan/pairs.hpp>
#include <sst/plan/plan.hpp>
#include <sst/plan/slots.hpp>
#include <sst/plan/steps.hpp>
#include <sst/topology/operation.hpp>
#include <sst/topology/topology.hpp>
#include <sst/version.hpp>

namespace sst {
inline namespace SST_ABI {

/// Compiles a topology for the given kernels.
///
/// Takes O(nodes) pairs for chains, residuals, sparse shortcuts and sums after activations; only
/// correlated activations (tied weights, activations of overlapping sums) need more.
/// Throws NoClosedForm, with the node and the reason, where the kernel has no closed form.
inline Plan compile(const Topology& topology, Kernel kernel) {
  for (const NodeSpec& node : topology.nodes())
    if (is_spatial(node.operation))
      throw NoClosedForm(
          "node '" + node.name + "' (" + operation_name(node.operation) +
          ") works on images (rows without a shape have no positions); give the images' shape");
  Plan plan;
  plan.topology = topology.name();
  plan.ntk = kernel == Kernel::ntk;
  plan::NormalForm form(topology, plan);
  plan.output = form.output();
  if (plan.ntk) form.refuse_tied_readout(plan.output);
  plan::StepMaker(form, plan, plan::PairFinder(topology, form, plan).run()).run();
  plan::assign_slots(plan);
  return plan;
}

}  // namespace SST_ABI
}  // namespace sst
