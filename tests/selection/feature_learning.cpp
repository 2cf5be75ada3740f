// SPDX-License-Identifier: MIT
#include "../catch.hpp"
#include "../matrices.hpp"

#include <cmath>
#include <vector>

#include <Eigen/Core>

#include <sst/kernel/network_kernel.hpp>
#include <sst/kernel/own_kernel.hpp>
#include <sst/regression/model.hpp>
#include <sst/selection/feature_learning.hpp>
#include <sst/topology/families.hpp>

namespace feature_learning_tests {

using Catch::Matchers::Contains;
using Eigen::Index;
using Eigen::MatrixXd;
using sst_test::uniform;

namespace {

const sst::KernelFunction kernel = sst::ntk(sst::chain(2, {.weight_std = 1.2, .bias_std = 0.3}));
const sst::Ridge ridge = sst::Ridge::relative(1e-2);

/// Two directions among `features` matter.
struct Data {
  MatrixXd x, y, x_new, y_new;
  explicit Data(Index features, Index rows = 300)
      : x(std::sqrt(3.0) * uniform(rows, features, 1)), x_new(std::sqrt(3.0) * uniform(300, features, 2)) {
    y = f(x) + 0.02 * uniform(rows, 1, 3);
    y_new = f(x_new);
  }
  static MatrixXd f(const MatrixXd& x) {
    return (1.5 * x.col(0)).array().sin() + 0.5 * x.col(1).array() * x.col(0).array();
  }
  double error(const MatrixXd& transform, const sst::Ridge& with) const {
    const MatrixXd found = sst::fit(kernel, x * transform, y, with).predict(x_new * transform);
    return (found - y_new).squaredNorm() / y_new.squaredNorm();
  }
};

}  // namespace

TEST_CASE("two features of fifty are found, and errors fall with what they are", "[selection]") {
  const Data data(50, 600);
  const auto found = sst::learn_features(kernel, data.x, data.y, ridge);
  CHECK(found.rows == 600);
  CHECK(found.best >= 2);
  CHECK(found.importance().sum() == Approx(1));
  CHECK(found.importance().head(2).sum() > 0.9);
  CHECK(found.transform.isApprox(found.transform.transpose(), 0));
  CHECK((data.x * found.transform).norm() == Approx(data.x.norm()));
  for (std::size_t round = 1; round <= found.best; ++round)
    CHECK(found.errors[round] < found.errors[round - 1]);
  const double before = data.error(MatrixXd::Identity(50, 50), ridge);
  CHECK(data.error(found.transform, found.ridge) < before / 9);  // squares: threefold in the error itself
  CHECK(found.errors[found.best] < found.errors[0] / 9);
}

TEST_CASE("learned features turn with the samples", "[selection]") {
  // K depends on lengths and angles alone: samples that are rotated give features that are.
  const Data data(6, 80);
  const MatrixXd mixed = uniform(6, 6, 9);
  MatrixXd q = mixed;  // by Gram and Schmidt
  for (Index j = 0; j < 6; ++j) {
    for (Index k = 0; k < j; ++k) q.col(j) -= q.col(k).dot(q.col(j)) * q.col(k);
    q.col(j).normalize();
  }
  const auto plain = sst::learn_features(kernel, data.x, data.y, ridge, {.rounds = 2, .ridge = false});
  const auto turned = sst::learn_features(kernel, data.x * q, data.y, ridge, {.rounds = 2, .ridge = false});
  CHECK(turned.best == plain.best);
  CHECK(turned.transform.isApprox(q.transpose() * plain.transform * q, 1e-9));
  CHECK(plain.ridge == ridge);
}

TEST_CASE("features that are all of use stay as they are where learning does not help", "[selection]") {
  const MatrixXd x = uniform(60, 3, 4), y = uniform(60, 2, 5);  // noise
  const auto found = sst::learn_features(kernel, x, y, sst::Ridge::relative(1), {.ridge = false});
  if (found.best == 0) CHECK(found.transform == MatrixXd::Identity(3, 3));
  CHECK(found.errors.size() <= 6);
  const auto none = sst::learn_features(kernel, x, MatrixXd::Zero(60, 1), ridge);
  CHECK(none.best == 0);
  CHECK(none.transform == MatrixXd::Identity(3, 3));
}

TEST_CASE("learned features do not depend on the number of threads", "[selection]") {
  const Data data(7, 200);
  const auto one = sst::learn_features(kernel, data.x, data.y, ridge, {.rounds = 2, .threads = 1});
  for (const int threads : {2, 3, 7}) {
    const auto many = sst::learn_features(kernel, data.x, data.y, ridge, {.rounds = 2, .threads = threads});
    CHECK(many.transform == one.transform);
    CHECK(many.errors == one.errors);
  }
}

TEST_CASE("learning features begins no round that would end too late", "[selection]") {
  const Data data(4, 60);
  const auto hurried = sst::learn_features(kernel, data.x, data.y, ridge, {.seconds = 1e-9});
  CHECK(hurried.out_of_time);
  CHECK(hurried.best == 0);
  CHECK(hurried.errors.size() == 1);
  CHECK(hurried.transform == MatrixXd::Identity(4, 4));
  const auto patient = sst::learn_features(kernel, data.x, data.y, ridge, {.rounds = 2, .seconds = 1e6});
  CHECK_FALSE(patient.out_of_time);
  CHECK(patient.transform == sst::learn_features(kernel, data.x, data.y, ridge, {.rounds = 2}).transform);
}

TEST_CASE("feature learning says what it cannot do", "[selection][error]") {
  const Data data(4, 40);
  CHECK_THROWS_WITH(sst::learn_features(kernel, data.x, data.y, ridge, {.rounds = 0}),
                    Contains("learned in 0 rounds") && Contains("1 round or more"));
  CHECK_THROWS_WITH(sst::learn_features(kernel, data.x, data.y, ridge, {.seconds = -1}),
                    Contains("limit of time"));
  CHECK_THROWS_AS(sst::learn_features(kernel, data.x, data.y.topRows(3), ridge), sst::DataError);
  const auto own =
      sst::kernel_function("dot", [](const auto& a, const auto& b) { return 1 + std::pow(a.dot(b), 2); });
  CHECK_THROWS_AS(sst::learn_features(own, data.x, data.y, ridge), sst::Error);
  MatrixXd twice(80, 4);
  twice << data.x, data.x;
  MatrixXd targets(80, 1);
  targets << data.y, data.y;
  CHECK_THROWS_WITH(sst::learn_features(kernel, twice, targets, sst::Ridge::absolute(0), {.ridge = false}),
                    Contains("singular under the ridge"));
  int calls = 0;
  CHECK_THROWS_AS(
      sst::learn_features(kernel, data.x, data.y, ridge, {.progress = [&](double) { return ++calls < 2; }}),
      sst::Cancelled);
}

}  // namespace feature_learning_tests
