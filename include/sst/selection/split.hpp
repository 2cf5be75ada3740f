// SPDX-License-Identifier: MIT
#pragma once

#include <Eigen/Core>
#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numeric>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <sst/base/every.hpp>
#include <sst/error.hpp>
#include <sst/version.hpp>

namespace sst {
inline namespace SST_ABI {

/// A random permutation of 0, ..., n - 1, the same as numpy's `RandomState(seed).permutation(n)`.
///
/// MT19937 seeded with `seed`, then Fisher-Yates from the last index down; each index is drawn by
/// rejection from the lowest bits of 32-bit words (numpy's `random_interval`), so every permutation is
/// equally likely. n = 0 ... 2^32; throws DataError otherwise.
inline std::vector<Eigen::Index> permutation(Eigen::Index n, std::uint32_t seed) {
  if (n < 0 || static_cast<std::uint64_t>(n) > std::uint64_t{1} << 32U)
    throw DataError("cannot permute " + std::to_string(n) +
                    " rows (the range is 0 to 2^32); check the count");
  std::vector<Eigen::Index> order(static_cast<std::size_t>(n));
  std::iota(order.begin(), order.end(), Eigen::Index{0});
  std::mt19937 words(seed);
  for (std::size_t last = order.size(); last-- > 1;) {
    const std::uint32_t mask =
        std::numeric_limits<std::uint32_t>::max() >> std::countl_zero(static_cast<std::uint32_t>(last));
    std::size_t draw = 0;
    do draw = static_cast<std::uint32_t>(words()) & mask;
    while (draw > last);
    std::swap(order[draw], order[last]);
  }
  return order;
}

namespace detail {

inline std::string shortest(double value) {
  std::array<char, 32> text;
  return {text.data(), std::to_chars(text.data(), text.data() + text.size(), value).ptr};
}

}  // namespace detail

/// Which rows train and which test.
///
/// Eigen takes them as they are: `x(split.train, sst::every)`.
struct Split {
  std::vector<Eigen::Index> train;  ///< rows, counted from 0
  std::vector<Eigen::Index> test;   ///< rows, counted from 0
};

/// Splits n rows at random, the same as scikit-learn's `train_test_split(test_size, random_state)`.
///
/// With p = permutation(n, random_state), the first ceil(test_size n) entries of p are the test rows
/// and the others, in their order, the training rows. `test_size` is a share, in (0, 1). Throws
/// DataError when it is not, or when no row is left to train on.
inline Split train_test_split(Eigen::Index n, double test_size, std::uint32_t random_state) {
  if (!(test_size > 0 && test_size < 1))
    throw DataError("test_size is " + detail::shortest(test_size) +
                    " (it is the share of rows to test on); choose it between 0 and 1, both excluded");
  if (n < 1) throw DataError("cannot split " + std::to_string(n) + " rows; give two or more");
  const auto tests = static_cast<Eigen::Index>(std::ceil(test_size * static_cast<double>(n)));
  if (tests >= n)
    throw DataError("test_size " + detail::shortest(test_size) + " of " + std::to_string(n) +
                    " rows leaves none to train on (it is rounded up); choose a smaller one or add rows");
  const std::vector<Eigen::Index> order = permutation(n, random_state);
  return {{order.begin() + tests, order.end()}, {order.begin(), order.begin() + tests}};
}

}  // namespace SST_ABI
}  // namespace sst
