// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <string>
#include <variant>
#include <vector>

#include <sst/error.hpp>
#include <sst/topology/operation.hpp>
#include <sst/topology/topology.hpp>
#include <sst/version.hpp>

namespace sst {
inline namespace SST_ABI {

/// Throws Error, with the node, unless the output is positively homogeneous of degree 1 in the input and all
/// biases together: every activation that it depends on is known to have phi(c z) = c phi(z) for c > 0 (relu,
/// leaky_relu, abs, identity), and nothing is normalised.
inline void require_positively_homogeneous(const Topology& topology) {
  const auto& nodes = topology.nodes();
  std::vector<bool> used(nodes.size(), false);
  used[topology.output()] = true;
  for (std::size_t i = nodes.size(); i-- > 0;) {
    if (!used[i]) continue;
    for (const std::size_t in : nodes[i].inputs) used[in] = true;
    bool scales = !std::holds_alternative<LayerNormOp>(nodes[i].operation);
    if (const auto* op = std::get_if<ActivationOp>(&nodes[i].operation)) {
      const auto form = op->activation->angular();
      scales = form && form->degree == 1;
    }
    if (!scales)
      throw Error("node '" + nodes[i].name + "' (" + operation_name(nodes[i].operation) +
                  ") is not positively homogeneous (a prediction is the sum of its parts only where every "
                  "node scales with its input); use relu, leaky_relu or abs there and no layer_norm, or "
                  "ask for gradients by the input alone");
  }
}

}  // namespace SST_ABI
}  // namespace sst
