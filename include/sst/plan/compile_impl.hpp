// SPDX-License-Identifier: MIT
#pragma once

#include <sst/base/compiled.hpp>
#include <sst/error.hpp>
#include <sst/plan/compile.hpp>
#include <sst/plan/normal_form.hpp>
#include <sst/plan/pairs.hpp>
#include <sst/plan/slots.hpp>
#include <sst/plan/steps.hpp>
#include <sst/topology/operation.hpp>
#include <sst/version.hpp>

/// \file
/// The bodies of compile.hpp.

namespace sst {
inline namespace SST_ABI {

SST_COMPILED Plan compile(const Topology& topology, Kernel kernel) {
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
