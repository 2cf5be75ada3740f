// SPDX-License-Identifier: MIT
#include <cmath>
#include <cstdint>

#include <Eigen/Core>

#include <sst/finite/random.hpp>

#include "../catch.hpp"

namespace random_tests {

TEST_CASE("splitmix64 has its published values", "[finite]") {
  // The first three outputs of Vigna's reference implementation from state 0.
  CHECK(sst::detail::splitmix(0) == 0xE220A8397B1DCDAFU);
  CHECK(sst::detail::splitmix(0x9E3779B97F4A7C15U) == 0x6E789E6AA1B965F4U);
  CHECK(sst::detail::splitmix(2 * std::uint64_t{0x9E3779B97F4A7C15U}) == 0x06C45D188009454FU);
}

TEST_CASE("normal numbers depend on the key alone, and a longer run starts with the shorter one",
          "[finite]") {
  Eigen::VectorXd some(7), more(20000), other(7);
  sst::detail::fill_normal(some, 5);
  sst::detail::fill_normal(more, 5);
  sst::detail::fill_normal(other, sst::detail::subkey(5, 0));
  CHECK(more.head(7) == some);
  CHECK(other != some);
  // Moments to five standard errors: those of z, z^2 and z^4 are 1, sqrt(2) and sqrt(96) over sqrt(n).
  const double error = 5 / std::sqrt(20000.0);
  CHECK(std::abs(more.mean()) < error);
  CHECK(std::abs(more.array().square().mean() - 1) < error * std::sqrt(2.0));
  CHECK(std::abs(more.array().pow(4).mean() - 3) < error * std::sqrt(96.0));
}

}  // namespace random_tests
