// SPDX-License-Identifier: MIT
#include <svg/axis.hpp>

#include <string>
#include <vector>

#include "../catch.hpp"

namespace axis_tests {

namespace {

std::vector<std::string> texts(const std::vector<svg::detail::Tick>& ticks) {
  std::vector<std::string> out;
  for (const auto& tick : ticks)
    out.push_back(tick.text + (tick.exponent.empty() ? "" : "^" + tick.exponent));
  return out;
}

}  // namespace

TEST_CASE("linear ticks are round numbers", "[svg][axis]") {
  using svg::detail::linear_ticks;
  using V = std::vector<std::string>;
  const std::string minus = "\xE2\x88\x92", times = "\xC3\x97";
  CHECK(texts(linear_ticks(3.7, 10.3, 7)) == V{"4", "5", "6", "7", "8", "9", "10"});
  CHECK(texts(linear_ticks(-1, 1, 4)) == V{minus + "1.0", minus + "0.5", "0", "0.5", "1.0"});
  CHECK(texts(linear_ticks(0, 0.3, 3)) == V{"0", "0.1", "0.2", "0.3"});
  CHECK(texts(linear_ticks(36.1, 36.4, 4)) == V{"36.1", "36.2", "36.3", "36.4"});
  CHECK(texts(linear_ticks(0, 40000, 2)) == V{"0", "20000", "40000"});
  CHECK(texts(linear_ticks(0, 4e7, 2)) == V{"0", "2" + times + "10^7", "4" + times + "10^7"});
  CHECK(texts(linear_ticks(-2e-7, 2e-7, 2)) ==
        V{minus + "2" + times + "10^" + minus + "7", "0", "2" + times + "10^" + minus + "7"});
  for (const double span : {1e-9, 0.37, 1.0, 2.5, 99.0, 1e12})
    for (const double low : {-3.3, 0.0, 17.0}) {
      const auto ticks = linear_ticks(low, low + span, 6);
      INFO(low << ' ' << span);
      CHECK(ticks.size() >= 2);
      CHECK(ticks.size() <= 8);
      for (const auto& tick : ticks)
        CHECK((tick.value >= low - 1e-6 * span && tick.value <= low + span * (1 + 1e-6)));
    }
}

TEST_CASE("log ticks are powers of ten, or 1, 2, 5", "[svg][axis]") {
  using svg::detail::log_ticks;
  using V = std::vector<std::string>;
  const std::string minus = "\xE2\x88\x92";
  CHECK(texts(log_ticks(0.9, 1100, 7)) == V{"1", "10", "100", "1000"});
  CHECK(texts(log_ticks(0.9, 60, 7)) == V{"1", "2", "5", "10", "20", "50"});
  CHECK(texts(log_ticks(1e-9, 1e-5, 5)) == V{"10^" + minus + "9", "10^" + minus + "8", "10^" + minus + "7",
                                             "10^" + minus + "6", "10^" + minus + "5"});
  CHECK(texts(log_ticks(30, 40, 4)) == V{"30", "35", "40"});
  CHECK(log_ticks(1e-300, 1e300, 6).size() <= 7);
}

}  // namespace axis_tests
