// SPDX-License-Identifier: MIT
#include <sst/regression/class_measures.hpp>

#include <cmath>
#include <cstddef>
#include <limits>
#include <random>
#include <vector>

#include <Eigen/Core>

#include "../catch.hpp"

namespace class_measures_tests {

using Catch::Matchers::Contains;
using Eigen::MatrixXd;
using Classes = std::vector<std::size_t>;

TEST_CASE("hits are counted", "[regression]") {
  CHECK(sst::hits({0, 2, 1, 1}, {0, 1, 1, 2}) == 2);
  CHECK(sst::hits({}, {}) == 0);
  CHECK_THROWS_AS(sst::hits({0}, {0, 1}), sst::DataError);
}

TEST_CASE("the calibration error by hand", "[regression]") {
  // Bins of 0.1: 0.9 twice, right once, and 0.65, right: |1.8 - 1| + |0.65 - 1| over 3.
  const MatrixXd p{{0.9, 0.1}, {0.1, 0.9}, {0.65, 0.35}};
  CHECK(sst::expected_calibration_error(p, {0, 0, 0}, 10) == Approx((0.8 + 0.35) / 3).epsilon(1e-14));
  // A bin holds its upper end, and probabilities of 0 and 1 have a place.
  CHECK(sst::expected_calibration_error(MatrixXd{{0.5, 0.5}, {0.4, 0.6}}, {0, 0}, 2) ==
        Approx((0.5 + 0.6) / 2).epsilon(1e-14));
  CHECK(sst::expected_calibration_error(MatrixXd{{1, 0}}, {0}) == 0);
  CHECK(sst::expected_calibration_error(MatrixXd{{1, 0}}, {1}) == 1);
  CHECK(sst::expected_calibration_error(MatrixXd{{0}}, {0}) == 1);
  CHECK_THROWS_WITH(sst::expected_calibration_error(MatrixXd{{1.5, -0.5}}, {0}),
                    Contains("outside of [0, 1]"));
  CHECK_THROWS_WITH(sst::expected_calibration_error(p, {0, 0}), Contains("3 rows of probabilities and 2"));
  CHECK_THROWS_WITH(sst::expected_calibration_error(p, {0, 2, 0}), Contains("row 1 has class 2 of 2"));
  CHECK_THROWS_WITH(sst::expected_calibration_error(p, {0, 0, 0}, 0), Contains("0 bins"));
}

TEST_CASE("classes drawn by their probabilities are calibrated up to chance", "[regression]") {
  std::mt19937 words(1);
  const auto draw = [&] { return static_cast<double>(words()) / 4294967296.0; };
  const Eigen::Index n = 100000;
  MatrixXd p(n, 2);
  Classes truth;
  for (Eigen::Index i = 0; i < n; ++i) {
    p(i, 0) = draw();
    p(i, 1) = 1 - p(i, 0);
    truth.push_back(draw() < p(i, 0) ? 0 : 1);
  }
  CHECK(sst::expected_calibration_error(p, truth) < 2 * std::sqrt(15.0 / static_cast<double>(n)));
}

TEST_CASE("the area under the curve is the share of pairs in order", "[regression]") {
  std::mt19937 words(2);
  Eigen::VectorXd scores(60);
  std::vector<bool> is_class;
  for (double& score : scores) {
    score = static_cast<double>(words() % 20);  // with ties
    is_class.push_back(words() % 3 == 0);
  }
  double pairs = 0, order = 0;
  for (Eigen::Index i = 0; i < 60; ++i)
    for (Eigen::Index j = 0; j < 60; ++j)
      if (is_class[static_cast<std::size_t>(i)] && !is_class[static_cast<std::size_t>(j)]) {
        ++pairs;
        order += scores[i] > scores[j] ? 1 : scores[i] == scores[j] ? 0.5 : 0;
      }
  CHECK(sst::area_under_curve(scores, is_class) == Approx(order / pairs).epsilon(1e-14));
  CHECK(sst::area_under_curve(-scores, is_class) == Approx(1 - order / pairs).epsilon(1e-14));
  // Of two classes both columns tell the same; classes that do not occur are left out.
  MatrixXd both(60, 3);
  both << scores, -scores, scores;
  Classes truth;
  for (const bool one : is_class) truth.push_back(one ? 0 : 1);
  CHECK(sst::mean_area_under_curve(both, truth) == Approx(order / pairs).epsilon(1e-14));
  CHECK_THROWS_WITH(sst::area_under_curve(scores, std::vector<bool>(60, true)), Contains("60 of 60 rows"));
  CHECK_THROWS_WITH(sst::mean_area_under_curve(both, Classes(60, 1)), Contains("all rows are of one class"));
  scores[3] = std::numeric_limits<double>::quiet_NaN();
  CHECK_THROWS_WITH(sst::area_under_curve(scores, is_class), Contains("not finite"));
}

TEST_CASE("balanced accuracy counts every class the same", "[regression]") {
  CHECK(sst::balanced_accuracy({0, 0, 0, 0}, {0, 0, 0, 1}) == 0.5);
  CHECK(sst::balanced_accuracy({0, 1, 3, 3}, {0, 0, 3, 3}) == 0.75);
  CHECK_THROWS_WITH(sst::balanced_accuracy({0}, {0, 1}), Contains("1 predicted and 2 true"));
}

}  // namespace class_measures_tests
