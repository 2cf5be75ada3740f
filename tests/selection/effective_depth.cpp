// SPDX-License-Identifier: MIT
#include <sst/selection/effective_depth.hpp>

#include <cmath>
#include <memory>

#include <Eigen/Core>

#include <sst/activation/erf.hpp>
#include <sst/ntk.hpp>
#include <sst/topology/families.hpp>
#include <sst/topology/rates.hpp>

#include "../catch.hpp"
#include "../matrices.hpp"

namespace effective_depth_tests {

using Catch::Matchers::Contains;
using sst_test::uniform;

TEST_CASE("the effective depth of a chain is the number of its layers", "[selection]") {
  const Eigen::MatrixXd x = uniform(5, 3, 1);
  for (const int depth : {1, 2, 5, 20}) {
    const sst::Topology net = sst::chain(depth, {.weight_std = 1.3, .bias_std = 0});
    CHECK(sst::effective_depth(net, x) == Approx(sst::layer_names(net).size()).epsilon(1e-13));
  }
  // No count where differences of signals grow.
  const auto large =
      sst::chain(5, {.weight_std = 3, .bias_std = 0, .activation = std::make_shared<sst::Erf>()});
  CHECK(sst::effective_depth(large, x) > 6);
}

TEST_CASE("paths count by the variance that they carry", "[selection]") {
  const Eigen::MatrixXd x = uniform(4, 3, 2);
  // One path of one layer and one of two, of variances 1 : 4, uncorrelated.
  const auto net = sst::trace([](sst::Node in) {
    return dense(in, {.weight_std = 1}) +
           dense(relu(dense(in, {.weight_std = std::sqrt(2.0)})), {.weight_std = 2});
  });
  CHECK(sst::effective_depth(net, x) == Approx((1 * 1 + 4 * 2) / 5.0).epsilon(1e-13));
  // Layers that do not learn do not count.
  CHECK(sst::effective_depth(sst::freeze(sst::chain(4), sst::all_but_last), x) == Approx(1).epsilon(1e-13));
  CHECK_THROWS_WITH(sst::effective_depth(net, Eigen::MatrixXd(Eigen::MatrixXd::Zero(2, 3))),
                    Contains("sample 0, counted from 0, has no variance"));
}

}  // namespace effective_depth_tests
