// SPDX-License-Identifier: MIT
#include "../catch.hpp"

#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <sst/topology/spatial_families.hpp>

namespace spatial_families_tests {

namespace {

using Catch::Matchers::Contains;
using Wires = std::vector<std::pair<std::string, std::vector<std::string>>>;

/// Every node up to the read-out with the names of what feeds it.
Wires wires(const sst::Topology& net) {
  Wires out;
  for (const auto& spec : net.nodes()) {
    if (spec.name == "r") break;
    out.emplace_back(spec.name, std::vector<std::string>());
    for (const auto from : spec.inputs) out.back().second.push_back(net.nodes()[from].name);
  }
  return out;
}

std::size_t convolutions(const sst::Topology& net) {
  std::size_t count = 0;
  for (const auto& spec : net.nodes()) count += std::holds_alternative<sst::ConvOp>(spec.operation) ? 1U : 0U;
  return count;
}

}  // namespace

TEST_CASE("randomly wired convolutions have the graph of the rows' family", "[topology]") {
  using enum sst::Wiring::Model;
  for (const auto model : {watts_strogatz, erdos_renyi, barabasi_albert})
    for (const std::uint32_t seed : {0U, 7U}) {
      const sst::Wiring wiring{.model = model, .p = 0.5, .seed = seed};
      const auto net = sst::conv_randomly_wired(12, wiring);
      CHECK(net.name() == "conv-randomly-wired-12");
      CHECK(wires(net) == wires(sst::randomly_wired(12, wiring)));
      CHECK(net == sst::conv_randomly_wired(12, wiring));
      CHECK(convolutions(net) == 13);
    }
  CHECK(wires(sst::conv_randomly_wired(12, {.seed = 1})) != wires(sst::conv_randomly_wired(12, {.seed = 2})));
  CHECK(wires(sst::conv_randomly_wired(1, {.model = erdos_renyi})) ==
        Wires{{"x", {}}, {"stem", {"x"}}, {"a0", {"stem"}}, {"h0", {"a0"}}});
}

TEST_CASE("randomly wired convolutions: errors", "[topology]") {
  CHECK_THROWS_WITH(sst::conv_randomly_wired(0), Contains("conv_randomly_wired of 0 nodes"));
  CHECK_THROWS_WITH(sst::conv_randomly_wired(9, {.p = -1}), Contains("conv_randomly_wired: p is -1"));
  CHECK_THROWS_WITH(sst::conv_randomly_wired(4), Contains("k is 4 for 4 nodes"));
}

}  // namespace spatial_families_tests
