// SPDX-License-Identifier: MIT
#include <algorithm>
#include <atomic>
#include <cstddef>
#include <functional>
#include <memory>
#include <stdexcept>
#include <vector>

#include <sst/base/parallel.hpp>

#include "../catch.hpp"

namespace parallel_tests {

TEST_CASE("every piece of work is done once, by a worker of the thread's own", "[base]") {
  for (const int threads : {0, 1, 3}) {
    std::vector<int> done(100, 0);
    std::atomic<int> made{0};
    sst::detail::workers<int>(
        done.size(), threads,
        [&] {
          ++made;
          return std::make_unique<int>(0);
        },
        [&](int& pieces, std::size_t k) { done[k] += ++pieces > 0 ? 1 : 0; });
    CHECK(done == std::vector<int>(100, 1));
    CHECK(made >= 1);
    CHECK(made <= sst::detail::team_size(threads, 100));
  }
}

TEST_CASE("what a piece of work throws passes through, and nothing is begun after it", "[base]") {
  std::atomic<int> begun{0};
  const auto work = [&](std::size_t k) {
    ++begun;
    if (k == 0) throw std::runtime_error("piece 0");
  };
  CHECK_THROWS_WITH(sst::detail::parallel(1000, 1, work), "piece 0");
  CHECK(begun == 1);
  CHECK_THROWS_WITH(sst::detail::parallel(1000, 3, work), "piece 0");
}

TEST_CASE("progress is told one thread at a time, and not after it has said no", "[base]") {
  std::vector<double> told;
  const std::function<bool(double)> until_half = [&](double done) {
    told.push_back(done);
    return done < 0.5;
  };
  sst::detail::Counter progress(until_half, 100, "the work");
  CHECK_THROWS_WITH(sst::detail::parallel(100, 4, [&](std::size_t) { progress.add(); }),
                    "the work was cancelled at 50 % (its progress function returned false); run it again");
  CHECK(told.size() == 50);
  CHECK(std::is_sorted(told.begin(), told.end()));

  const std::function<bool(double)> none;
  sst::detail::Counter untold(none, 1, "the work");
  untold.add();
}

}  // namespace parallel_tests
