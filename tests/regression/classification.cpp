// SPDX-License-Identifier: MIT
#include "../catch.hpp"
#include "../matrices.hpp"

#include <cmath>
#include <sstream>
#include <string>
#include <vector>

#include <Eigen/Core>
#include <Eigen/LU>

#include <sst/base/every.hpp>
#include <sst/kernel/network_kernel.hpp>
#include <sst/kernel/own_kernel.hpp>
#include <sst/regression/classification.hpp>
#include <sst/selection/grid_search.hpp>

namespace classification_tests {

using Catch::Matchers::Contains;
using Eigen::Index;
using Eigen::MatrixXd;
using sst::Ridge;
using sst_test::Wide;

namespace {

/// Three overlapping clouds, the last one small.
struct Clouds {
  MatrixXd x;
  std::vector<std::string> labels;
  explicit Clouds(unsigned seed = 3, double noise = 0.9) {
    std::srand(seed);
    const std::vector<std::string> names{"wolf", "ant", "cat"};
    const std::vector<int> sizes{30, 30, 8};
    x = noise * MatrixXd::Random(68, 2);
    Index row = 0;
    for (std::size_t c = 0; c < 3; ++c)
      for (int i = 0; i < sizes[c]; ++i, ++row) {
        x(row, 0) += c == 0 ? 1 : c == 1 ? -1 : 0;
        x(row, 1) += c == 2 ? 1.3 : 0;
        labels.push_back(names[c]);
      }
  }
};

}  // namespace

TEST_CASE("labels are sorted, encoded and decoded; unknown ones are errors", "[regression]") {
  const sst::Classes<std::string> names({"b", "a", "c", "a"});
  CHECK(names.names() == std::vector<std::string>{"a", "b", "c"});
  CHECK(names.encode({"c", "a"}) == std::vector<std::size_t>{2, 0});
  CHECK(names.decode({2, 0}) == std::vector<std::string>{"c", "a"});
  CHECK_THROWS_WITH(names.encode({"a", "z"}), Contains("row 1 has the label 'z'"));
  const sst::Classes<int> numbers({10, -1, 9});
  CHECK(numbers.names() == std::vector<int>{-1, 9, 10});
  CHECK_THROWS_WITH(numbers.encode({11}), Contains("'11'"));
  CHECK_THROWS_WITH(sst::Classes<int>({1, 1}), Contains("1 classes"));
  const MatrixXd y = sst::one_hot({2, 0}, 3);
  CHECK(y.rowwise().sum().norm() < 1e-15);
  CHECK(y(0, 2) == Approx(2.0 / 3));
  CHECK(sst::largest_score(y) == std::vector<std::size_t>{2, 0});
  CHECK_THROWS_WITH(sst::one_hot({3}, 3), Contains("row 0 has class 3 of 3"));
}

TEST_CASE("weighted regression and its leave-one-out in long double", "[regression]") {
  std::srand(6);
  const Index n = 12;
  const MatrixXd f = MatrixXd::Random(n, n + 2), k = f * f.transpose(), y = MatrixXd::Random(n, 2);
  const Eigen::VectorXd w = Eigen::VectorXd::Random(n).array() + 1.5;
  // The samples of a precomputed kernel are their indices.
  const auto model =
      sst::fit(sst::precomputed_kernel(k), Eigen::VectorXd::LinSpaced(n, 0, static_cast<double>(n - 1)), y,
               Ridge::relative(0.05), {.sample_weights = w});
  const double lambda = model.lambda();
  Wide a = k.cast<long double>();
  a.diagonal() += (lambda * w.cwiseInverse()).cast<long double>();
  const Wide expected = a.fullPivLu().solve(y.cast<long double>().eval());
  CHECK((model.weights().cast<long double>() - expected).norm() < 1e-10L * expected.norm());
  const MatrixXd held = model.leave_one_out();
  // The minimum of sum w (y - f)^2 + lambda |f|^2: its gradient K (W (K c - y) + lambda c) vanishes.
  const MatrixXd c = model.weights();
  CHECK((w.asDiagonal() * (k * c - y) + lambda * c).norm() < 1e-10 * y.norm());
  for (Index i = 0; i < n; ++i) {
    std::vector<Index> others;
    for (Index j = 0; j < n; ++j)
      if (j != i) others.push_back(j);
    const std::vector<Index> one{i};
    const Wide inner = a(others, others), cross = a(one, others),
               rest = y.cast<long double>()(others, sst::every);
    const Wide left_out = cross * inner.fullPivLu().solve(rest);
    CHECK((held.row(i).cast<long double>() - left_out).norm() < 1e-9L * left_out.norm());
  }
  CHECK_THROWS_WITH(
      sst::fit(sst::precomputed_kernel(k), Eigen::VectorXd::LinSpaced(n, 0, static_cast<double>(n - 1)), y,
               Ridge::relative(1), {.sample_weights = Eigen::VectorXd::Zero(n)}),
      Contains("positive"));
}

namespace {

/// The log loss with one more sample, like the mean of the others but of another class.
double smoothed_loss(const MatrixXd& scores, const std::vector<std::size_t>& truth, double beta) {
  const MatrixXd p = sst::softmax(scores, beta);
  const auto n = static_cast<double>(scores.rows()), others = static_cast<double>(scores.cols() - 1);
  double loss = 0;
  for (Index i = 0; i < scores.rows(); ++i)
    for (Index c = 0; c < scores.cols(); ++c)
      loss -= std::log(p(i, c)) *
              (c == static_cast<Index>(truth[static_cast<std::size_t>(i)]) ? 1 : 1 / (n * others));
  return loss;
}

}  // namespace

TEST_CASE("the temperature minimises the log loss with one sample more", "[regression]") {
  std::srand(8);
  const MatrixXd noise = MatrixXd::Random(50, 3);
  std::vector<std::size_t> truth;
  for (std::size_t i = 0; i < 50; ++i) truth.push_back(i % 3);
  const MatrixXd scores = 0.4 * sst::one_hot(truth, 3) + noise;
  const double beta = sst::fit_inverse_temperature(scores, truth);
  const double least = smoothed_loss(scores, truth, beta);
  for (const double factor : {0.5, 0.9, 0.999, 1.001, 1.1, 2.0})
    CHECK(smoothed_loss(scores, truth, beta * factor) > least);
  CHECK(sst::fit_inverse_temperature(10 * scores, truth) == Approx(beta / 10).epsilon(1e-9));
  CHECK(sst::fit_inverse_temperature(-scores, truth) == 0);
  const double sure = sst::fit_inverse_temperature(sst::one_hot(truth, 3), truth);
  // Where every score is right, n samples justify no more than about n / (n + 1).
  const MatrixXd certain = sst::softmax(sst::one_hot(truth, 3), sure);
  for (Index i = 0; i < 50; ++i) CHECK(certain(i, i % 3) == Approx(50.0 / 51).epsilon(1e-9));
  // The mean loss by hand, from probabilities.
  const MatrixXd p = sst::softmax(scores, 1.7);
  double sum = 0;
  for (Index i = 0; i < 50; ++i) sum -= std::log(p(i, i % 3)) / 50;
  CHECK(sst::log_loss(scores, truth, 1.7) == Approx(sum));
  CHECK_THROWS_AS(sst::fit_inverse_temperature(scores, {0, 1}), sst::DataError);
  truth[7] = 3;
  CHECK_THROWS_WITH(sst::fit_inverse_temperature(scores, truth), Contains("row 7 has class 3 of 3"));
  CHECK_THROWS_WITH(sst::log_loss(scores, truth, 1), Contains("row 7 has class 3 of 3"));
}

TEST_CASE("a classifier: accuracy, calibration and class weights", "[regression]") {
  const Clouds train, test(77);
  const auto net = sst::chain(3, {.weight_std = 1.4, .bias_std = 0.5});
  const auto equal = sst::fit_classifier(sst::ntk(net), train.x, train.labels, Ridge::relative(0.3));
  const auto balanced = sst::fit_classifier(sst::ntk(net), train.x, train.labels, Ridge::relative(0.3),
                                            {.class_weights = sst::ClassWeights::balanced});
  const auto predicted = equal.predict(test.x);
  const auto found = confusion(equal.encoding(), test.labels, predicted);
  CHECK(found.counts.sum() == 68);
  CHECK(found.counts.row(2).sum() == 30);  // wolves
  CHECK(found.accuracy.value > 0.75);
  CHECK(found.accuracy.low < found.accuracy.value);
  CHECK(found.accuracy.value == Approx(found.counts.trace() / 68.0));
  CHECK(equal.leave_one_out_accuracy().value > 0.75);
  const auto fair = confusion(balanced.encoding(), test.labels, balanced.predict(test.x));
  CHECK(fair.counts(1, 1) >= found.counts(1, 1));
  CHECK(fair.counts.col(1).sum() > found.counts.col(1).sum());  // the rare class is chosen more often

  const MatrixXd p = equal.probabilities(test.x);
  CHECK((p.rowwise().sum().array() - 1).abs().maxCoeff() < 1e-14);
  CHECK(sst::largest_score(p) == equal.encoding().encode(predicted));
  // Better than no calibration on samples it has not seen.
  const auto truth = equal.encoding().encode(test.labels);
  CHECK(sst::log_loss(equal.scores(test.x), truth, equal.inverse_temperature()) <
        sst::log_loss(equal.scores(test.x), truth, 1));
  std::ostringstream text;
  text << found;
  CHECK_THAT(text.str(), Contains("wolf") && Contains("predicted"));
  CHECK_THROWS_AS(confusion(equal.encoding(), test.labels, std::vector<std::string>{"ant"}), sst::DataError);
}

TEST_CASE("balanced weights give every class the same total", "[regression]") {
  const auto w = sst::sample_weights({0, 0, 0, 1}, 2, sst::ClassWeights::balanced);
  CHECK(w.head(3).sum() == Approx(w[3]));
  CHECK(w.mean() == Approx(1));
}

TEST_CASE("two-fold selection is the squared error of two folds", "[regression]") {
  const Clouds d;
  const std::vector<sst::Candidate> all{{"one", sst::ntk(sst::chain(2))},
                                        {"two", sst::nngp(sst::chain(3, {.bias_std = 0.5}))}};
  const auto ridges = sst::relative_ridges(1e-3, 1, 4);
  const auto board = select_classifier(all, d.x, d.labels, ridges, 5);
  REQUIRE(board.entries.size() == 2);
  const sst::Classes<std::string> classes(d.labels);
  const auto& best = board.best();
  const auto expected =
      cross_validate(all[best.candidate].kernel, d.x, sst::one_hot(classes.encode(d.labels), 3), ridges,
                     sst::k_fold(68, 2, 5));
  CHECK(best.score == Approx(expected.errors.minCoeff()));
  CHECK(best.ridge == ridges[expected.best_ridge()]);
}

}  // namespace classification_tests
