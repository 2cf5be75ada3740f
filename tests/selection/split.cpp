// SPDX-License-Identifier: MIT
#include <sst/selection/split.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numeric>
#include <vector>

#include <sst/base/every.hpp>

#include "../catch.hpp"

namespace split_tests {

using Indices = std::vector<Eigen::Index>;

namespace {

// FNV-1a over the entries: one number that stands for a long permutation.
std::uint64_t digest(const Indices& order) {
  std::uint64_t hash = 0xcbf29ce484222325U;
  for (const Eigen::Index i : order) hash = (hash ^ static_cast<std::uint64_t>(i)) * 0x100000001b3U;
  return hash;
}

Indices head(const Indices& order, std::ptrdiff_t n) { return {order.begin(), order.begin() + n}; }

}  // namespace

TEST_CASE("permutation is numpy's RandomState(seed).permutation(n)", "[selection][split]") {
  // Printed by numpy 2.4.6.
  CHECK(sst::permutation(0, 13).empty());
  CHECK(sst::permutation(1, 0) == Indices{0});
  CHECK(sst::permutation(1, 4294967295U) == Indices{0});
  CHECK(sst::permutation(2, 0) == Indices{1, 0});
  CHECK(sst::permutation(2, 1) == Indices{0, 1});
  CHECK(sst::permutation(2, 4294967295U) == Indices{0, 1});
  CHECK(sst::permutation(3, 0) == Indices{2, 1, 0});
  CHECK(sst::permutation(3, 1) == Indices{0, 2, 1});
  CHECK(sst::permutation(3, 42) == Indices{0, 1, 2});
  CHECK(sst::permutation(10, 0) == Indices{2, 8, 4, 9, 1, 6, 7, 3, 0, 5});
  CHECK(sst::permutation(10, 1) == Indices{2, 9, 6, 4, 0, 3, 1, 7, 8, 5});
  CHECK(sst::permutation(10, 13) == Indices{3, 5, 6, 1, 4, 7, 8, 9, 0, 2});
  CHECK(sst::permutation(10, 42) == Indices{8, 1, 5, 0, 7, 2, 9, 4, 3, 6});
  CHECK(sst::permutation(10, 123456789) == Indices{7, 0, 6, 3, 4, 5, 9, 1, 2, 8});
  CHECK(sst::permutation(10, 2147483648U) == Indices{7, 0, 2, 6, 9, 8, 5, 3, 1, 4});
  CHECK(sst::permutation(10, 4294967295U) == Indices{6, 9, 5, 1, 8, 0, 7, 4, 2, 3});
}

TEST_CASE("long permutations are numpy's to the last entry", "[selection][split]") {
  struct Golden {
    std::uint32_t seed;
    Eigen::Index n;
    std::uint64_t digest;
  };
  // numpy 2.4.6; n on both sides of a power of two, where the mask changes.
  for (const Golden& golden : {Golden{0, 64, 0xc048b951b6c78469U},
                               {0, 65, 0x49e309888611c933U},
                               {0, 506, 0xb17e7ca3ab139dc6U},
                               {0, 1000, 0xec1900e185b845cdU},
                               {0, 100000, 0x141694935fe7b52fU},
                               {1, 1000, 0x95ff52b25075433bU},
                               {13, 64, 0xc348f2bf163cca69U},
                               {13, 65, 0x6fce26436a616901U},
                               {13, 506, 0x267b5ab383d2c978U},
                               {13, 1000, 0xa761a726b8cadc17U},
                               {42, 100000, 0xda482e525a9e8bebU},
                               {123456789, 1000, 0xc7fe2e8072e966b3U},
                               {2147483648U, 1000, 0xeb66ad3c64b6f749U},
                               {4294967295U, 506, 0xf20e3ac0bd1af536U},
                               {4294967295U, 1000, 0x9a2f9dd53251418dU},
                               {4294967295U, 100000, 0x762cfcd61952bc3U}}) {
    INFO("seed " << golden.seed << ", n " << golden.n);
    const Indices order = sst::permutation(golden.n, golden.seed);
    CHECK(digest(order) == golden.digest);
    Indices sorted = order, all(order.size());
    std::sort(sorted.begin(), sorted.end());
    std::iota(all.begin(), all.end(), Eigen::Index{0});
    CHECK(sorted == all);
  }
  CHECK(head(sst::permutation(1000, 0), 8) == Indices{993, 859, 298, 553, 672, 971, 27, 231});
}

TEST_CASE("the published split of Boston housing", "[selection][split][golden]") {
  // "protocol" of tests/golden/expressibility.json.
  const sst::Split split = sst::train_test_split(506, 0.1, 13);
  CHECK(split.test.size() == 51);
  CHECK(split.train.size() == 455);
  CHECK(head(split.test, 10) == Indices{477, 451, 29, 0, 312, 333, 58, 155, 362, 374});
  CHECK(head(split.train, 10) == Indices{214, 162, 106, 432, 351, 107, 192, 157, 221, 210});
}

TEST_CASE("train_test_split is scikit-learn's", "[selection][split]") {
  // Printed by scikit-learn's train_test_split(np.arange(n), test_size=..., random_state=...).
  const sst::Split a = sst::train_test_split(10, 0.25, 0);
  CHECK(a.train == Indices{9, 1, 6, 7, 3, 0, 5});
  CHECK(a.test == Indices{2, 8, 4});
  const sst::Split b = sst::train_test_split(7, 0.5, 4294967295U);
  CHECK(b.train == Indices{4, 2, 3});
  CHECK(b.test == Indices{1, 5, 0, 6});
  const sst::Split c = sst::train_test_split(100, 0.29, 42);  // 0.29 * 100 is below 29 in double
  CHECK(c.test.size() == 29);
  CHECK(head(c.train, 10) == Indices{72, 11, 47, 85, 28, 93, 5, 66, 65, 35});
  CHECK(head(c.test, 10) == Indices{83, 53, 70, 45, 44, 39, 22, 80, 10, 0});
  const sst::Split d = sst::train_test_split(2, 0.01, 1);
  CHECK(d.train == Indices{1});
  CHECK(d.test == Indices{0});
  const sst::Split e = sst::train_test_split(1000, 0.001, 7);
  CHECK(head(e.train, 10) == Indices{334, 271, 802, 216, 408, 812, 94, 487, 170, 24});
  CHECK(e.test == Indices{778});
}

TEST_CASE("Eigen takes the rows of a split", "[selection][split]") {
  const sst::Split split = sst::train_test_split(4, 0.25, 3);
  const Eigen::MatrixXd x = Eigen::MatrixXd::Random(4, 3);
  const Eigen::MatrixXd train = x(split.train, sst::every);
  REQUIRE(train.rows() == 3);
  for (Eigen::Index i = 0; i < 3; ++i) CHECK(train.row(i) == x.row(split.train[static_cast<std::size_t>(i)]));
}

TEST_CASE("arguments of a split out of range", "[selection][split][error]") {
  constexpr double nan = std::numeric_limits<double>::quiet_NaN();
  for (const double size : {0.0, 1.0, -0.1, 51.0, nan}) {
    INFO(size);
    CHECK_THROWS_AS(sst::train_test_split(506, size, 13), sst::DataError);
  }
  CHECK_THROWS_WITH(sst::train_test_split(506, 1.5, 13),
                    "test_size is 1.5 (it is the share of rows to test on); choose it between 0 and 1, "
                    "both excluded");
  CHECK_THROWS_WITH(sst::train_test_split(0, 0.5, 13), "cannot split 0 rows; give two or more");
  CHECK_THROWS_WITH(sst::train_test_split(-3, 0.5, 13), "cannot split -3 rows; give two or more");
  CHECK_THROWS_WITH(sst::train_test_split(1, 0.5, 13),
                    "test_size 0.5 of 1 rows leaves none to train on (it is rounded up); choose a smaller "
                    "one or add rows");
  CHECK_THROWS_AS(sst::train_test_split(4, 0.9, 13), sst::DataError);
  CHECK_THROWS_WITH(sst::permutation(-1, 0),
                    "cannot permute -1 rows (the range is 0 to 2^32); check the count");
  CHECK_THROWS_AS(sst::permutation((Eigen::Index{1} << 32) + 1, 0), sst::DataError);
}

}  // namespace split_tests
