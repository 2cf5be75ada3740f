// SPDX-License-Identifier: MIT
// Topology JSON: read, drawn, written, read again; small ones are compiled.
#include "fuzz.hpp"

#include <algorithm>
#include <optional>
#include <sstream>

#include <sst/plan/compile.hpp>
#include <sst/plan/images/compile.hpp>
#include <sst/plan/images/print.hpp>
#include <sst/plan/print.hpp>
#include <sst/topology/dot.hpp>
#include <sst/topology/json.hpp>

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const fuzz::Stopwatch stopwatch;
  const std::string text(reinterpret_cast<const char*>(data), size);
  std::optional<sst::Topology> read;
  if (!fuzz::succeeds([&] { read.emplace(sst::topology_from_text(text)); })) return 0;
  const sst::Topology& topology = *read;
  fuzz::require(!sst::to_dot(topology).empty(), "a topology can be drawn");
  const auto json = sst::to_json(topology);
  fuzz::require(sst::topology_from_text(json.dump()) == topology, "a topology reads back as it was written");
  fuzz::require(sst::to_json(sst::topology_from_json(json)).dump() == json.dump(),
                "a document writes back as it was read");

  if (topology.nodes().size() > 16) return 0;
  for (const sst::Kernel kernel : {sst::Kernel::nngp, sst::Kernel::ntk}) {
    std::ostringstream out;
    fuzz::succeeds([&] { out << sst::compile(topology, kernel); });
    fuzz::succeeds([&] { out << sst::compile(topology, kernel, {.height = 4, .width = 3, .channels = 2}); });
  }
  return 0;
}
