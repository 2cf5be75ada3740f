// SPDX-License-Identifier: MIT
#include "../catch.hpp"
#include "../matrices.hpp"

#include <algorithm>
#include <set>

#include <Eigen/Core>
#include <Eigen/LU>

#include <sst/base/every.hpp>
#include <sst/selection/cross_validation.hpp>
#include <sst/selection/ridge_path.hpp>

namespace cross_validation_tests {

using Catch::Matchers::Contains;
using Eigen::Index;
using Eigen::MatrixXd;
using sst::Ridge;
using sst_test::Wide;

TEST_CASE("folds are a partition by the seeded permutation", "[selection]") {
  const auto splits = sst::k_fold(11, 4, 42);
  const auto order = sst::permutation(11, 42);
  REQUIRE(splits.size() == 4);
  std::set<Index> tested;
  std::size_t at = 0;
  for (std::size_t f = 0; f < 4; ++f) {
    CHECK(splits[f].test.size() == (f < 3 ? 3 : 2));
    CHECK(splits[f].train.size() + splits[f].test.size() == 11);
    CHECK(std::is_sorted(splits[f].test.begin(), splits[f].test.end()));
    CHECK(std::is_sorted(splits[f].train.begin(), splits[f].train.end()));
    for (std::size_t i = 0; i < splits[f].test.size(); ++i) {
      CHECK(std::count(splits[f].test.begin(), splits[f].test.end(), order[at]) == 1);
      CHECK(std::count(splits[f].train.begin(), splits[f].train.end(), order[at]) == 0);
      tested.insert(order[at++]);
    }
  }
  CHECK(tested.size() == 11);
  CHECK(sst::k_fold(11, 4, 43)[0].test != splits[0].test);
  CHECK_THROWS_WITH(sst::k_fold(5, 6, 0), Contains("6 folds of 5 rows"));
  CHECK_THROWS_WITH(sst::k_fold(5, 1, 0), Contains("1 folds"));
}

TEST_CASE("cross-validation equals a fit on every fold in long double", "[selection]") {
  std::srand(1);
  const Index n = 17;
  const MatrixXd f = MatrixXd::Random(n, n + 3), k = f * f.transpose(), y = MatrixXd::Random(n, 2);
  const std::vector<Ridge> ridges{Ridge::relative(1e-3), Ridge::absolute(0.5), Ridge::relative(10)};
  const auto splits = sst::k_fold(n, 3, 7);
  const auto found = cross_validate(k, y, ridges, splits);
  for (std::size_t r = 0; r < ridges.size(); ++r) {
    double total = 0;
    for (std::size_t s = 0; s < splits.size(); ++s) {
      const auto &train = splits[s].train, &test = splits[s].test;
      const MatrixXd inner = k(train, train), cross = k(test, train), targets = y(train, sst::every);
      Wide a = inner.cast<long double>();
      a.diagonal().array() += static_cast<long double>(ridges[r].lambda_for(inner.diagonal().mean()));
      const Wide expected =
          cross.cast<long double>() * a.fullPivLu().solve(targets.cast<long double>().eval());
      const MatrixXd predicted = found.predictions[r](test, sst::every), truth = y(test, sst::every);
      CHECK((predicted.cast<long double>() - expected).norm() < 1e-10L * expected.norm());
      const double error = (expected.cast<double>() - truth).squaredNorm();
      CHECK(found.fold_errors(static_cast<Index>(s), static_cast<Index>(r)) ==
            Approx(error / static_cast<double>(truth.size())).epsilon(1e-9));
      total += error;
    }
    CHECK(found.errors[static_cast<Index>(r)] == Approx(total / static_cast<double>(y.size())).epsilon(1e-9));
  }
  CHECK(found.errors.minCoeff() == found.errors[static_cast<Index>(found.best_ridge())]);
}

TEST_CASE("n folds are leave-one-out", "[selection]") {
  std::srand(4);
  const Index n = 9;
  const MatrixXd f = MatrixXd::Random(n, n + 3), k = f * f.transpose(), y = MatrixXd::Random(n, 1);
  const std::vector<Ridge> ridges{Ridge::absolute(0.1)};
  const auto found = cross_validate(k, y, ridges, sst::k_fold(n, static_cast<int>(n), 3));
  const auto path = ridge_path(sst::BandForm(k), y, ridges);
  CHECK((y - found.predictions[0] - path.leave_one_out[0]).norm() < 1e-10 * y.norm());
}

TEST_CASE("splits that do not fit are named", "[selection]") {
  const MatrixXd k = MatrixXd::Identity(4, 4), y = MatrixXd::Ones(4, 1);
  const std::vector<Ridge> ridges{Ridge::absolute(1)};
  CHECK_THROWS_WITH(cross_validate(k, y, ridges, {{{0, 1}, {2, 4}}}), Contains("row 4 of 4"));
  CHECK_THROWS_WITH(cross_validate(k, y, ridges, {{{0, 1}, {2, 3}}}), Contains("row 0 is tested 0 times"));
  CHECK_THROWS_WITH(cross_validate(k, y, ridges, {{{0, 1, 2}, {2, 3}}, {{2, 3}, {0, 1}}}),
                    Contains("trains on row 2"));
  CHECK_THROWS_WITH(cross_validate(k, y, {}, sst::k_fold(4, 2, 0)), Contains("no ridges"));
  CHECK_THROWS_WITH(cross_validate(k.leftCols(3), y, ridges, sst::k_fold(4, 2, 0)), Contains("square"));
}

}  // namespace cross_validation_tests
