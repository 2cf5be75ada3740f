// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cstddef>
#include <sstream>
#include <string>

#include <sst/plan/images/compile.hpp>
#include <sst/plan/images/print.hpp>
#include <sst/topology/spatial_families.hpp>

#include "../../catch.hpp"

namespace displacements_tests {

namespace {

using sst::ImageShape;
using sst::Kernel;
using sst::Node;

std::size_t needed(const sst::SpatialPlan& plan, const std::string& name) {
  for (const auto& pair : plan.pairs)
    if (plan.variable(pair.left).name == name)
      return static_cast<std::size_t>(std::count(pair.needed.begin(), pair.needed.end(), 1));
  return 0;
}

}  // namespace

TEST_CASE("images: only the displacements that the read-out needs are planned", "[plan]") {
  const ImageShape size{8, 8, 3};
  const auto flat =
      sst::compile(sst::conv_chain(4, {.readout = sst::ImageReadout::flatten}), Kernel::ntk, size);
  CHECK(needed(flat, "h0") == 1);
  CHECK(flat.entries() < 64 * 10);
  const auto near =
      sst::compile(sst::conv_chain(4, {.readout = sst::ImageReadout::pool_flatten}), Kernel::ntk, size);
  CHECK(needed(near, "h0") == 9);
  const auto all = sst::compile(sst::conv_chain(4), Kernel::ntk, size);
  CHECK(needed(all, "h0") == 64);
  const auto strided = sst::compile(sst::trace([](Node x) {
                                      const auto h = conv(conv(x).named("a"), {.strides = {2, 2}});
                                      return dense(global_avg_pool(relu(h)));
                                    }),
                                    Kernel::ntk, size);
  CHECK(needed(strided, "a") == 16);  // even ones
  std::ostringstream text;
  text << near;
  CHECK_THAT(text.str(), Catch::Contains("9 of 64 displacements") && Catch::Contains("8 x 8"));
}

}  // namespace displacements_tests
