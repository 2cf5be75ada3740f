// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <functional>
#include <vector>

#include <sst/error.hpp>

#include "catch.hpp"

namespace sst_test {

/// Work that takes a progress function tells ascending fractions up to 1, and ends with Cancelled at each of
/// them when it is told to: no step later. Returns the fractions.
template <class Work>
std::vector<double> cancelled_at_each_step(Work&& work) {
  std::vector<double> seen;
  work([&](double done) {
    seen.push_back(done);
    return true;
  });
  REQUIRE_FALSE(seen.empty());
  CHECK(std::is_sorted(seen.begin(), seen.end()));
  CHECK(seen.back() == Approx(1));
  for (std::size_t stop = 0; stop < seen.size(); ++stop) {
    std::size_t calls = 0;
    CHECK_THROWS_AS(work([&](double) { return calls++ < stop; }), sst::Cancelled);
    CHECK(calls == stop + 1);
  }
  return seen;
}

}  // namespace sst_test
