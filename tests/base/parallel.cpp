// SPDX-License-Identifier: MIT
#include <atomic>
#include <cstddef>
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

}  // namespace parallel_tests
