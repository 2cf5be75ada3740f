// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <cstddef>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <sst/topology/topology.hpp>

/// \file
/// Networks whose read-out sees several layers side by side, layer by layer.

namespace interpret {

/// A layer that the read-out sees, and the network whose read-out sees it alone.
struct Tap {
  std::string name;
  sst::Topology net;
};

/// The taps of the last concatenation, which the read-out sees through nothing but pools, flattening and
/// activations with phi(c z) = c phi(z), c > 0, as in all families here; none without a concatenation. The
/// output adds up over blocks of channels, so that the kernel is the sum of the taps' kernels and the square
/// of the output's bias, which they leave out.
inline std::vector<Tap> taps(const sst::Topology& net) {
  std::vector<Tap> out;
  for (std::size_t i = net.nodes().size(); i-- > 0 && out.empty();) {
    const auto* concat = std::get_if<sst::ConcatOp>(&net.nodes()[i].operation);
    if (concat == nullptr) continue;
    for (std::size_t k = 0; k < concat->fractions.size(); ++k) {
      std::vector<sst::NodeSpec> nodes = net.nodes();
      const std::size_t tap = nodes[i].inputs[k];
      nodes[i].inputs = {tap};
      nodes[i].operation = sst::SumOp{{std::sqrt(concat->fractions[k])}};
      std::get<sst::DenseOp>(nodes[net.output()].operation).bias_std = 0;
      out.push_back({nodes[tap].name, {net.name() + "-" + nodes[tap].name, std::move(nodes), net.output()}});
    }
  }
  return out;
}

}  // namespace interpret
