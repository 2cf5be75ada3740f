// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cstddef>
#include <vector>

#include <sst/base/execution.hpp>
#include <sst/base/parallel.hpp>
#include <sst/base/progress.hpp>

#include "../catch.hpp"

namespace progress_tests {

TEST_CASE("progress is told one thread at a time, and not after it has said no", "[base]") {
  std::vector<double> told;
  const auto until_half = [&](double done) {
    told.push_back(done);
    return done < 0.5;
  };
  sst::detail::Counter progress(until_half, 100, "the work");
  CHECK_THROWS_WITH(sst::detail::parallel(100, 4, [&](std::size_t) { progress.add(); }),
                    "the work was cancelled at 50 % (its progress function returned false); run it again");
  CHECK(told.size() == 50);
  CHECK(std::is_sorted(told.begin(), told.end()));

  sst::detail::Counter untold({}, 1, "the work");
  untold.add();
}

TEST_CASE("a part of the work tells its part of the whole", "[base]") {
  std::vector<double> told;
  const sst::Execution whole{.threads = 3, .progress = [&](double done) {
                               told.push_back(done);
                               return done < 0.5;
                             }};
  const sst::Execution half = sst::detail::part_of(whole, 0.5, 1),
                       quarter = sst::detail::part_of(half, 0, 0.5);
  CHECK(quarter.threads == 3);
  CHECK_FALSE(quarter.progress(0));
  CHECK_FALSE(quarter.progress(0.5));
  CHECK_FALSE(half.progress(1));
  CHECK(told == std::vector<double>{0.5, 0.625, 1});
  CHECK_FALSE(sst::detail::part_of(sst::Execution{}, 0, 0.5).progress);
}

}  // namespace progress_tests
