// SPDX-License-Identifier: MIT
#include "../../examples/uci_protocol.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <map>
#include <memory>
#include <numbers>
#include <string>
#include <utility>
#include <vector>

#include "../catch.hpp"
#include "../matrices.hpp"

namespace uci_protocol_tests {

using program::Choice;
using program::Protocol;
using program::UciSet;

/// The tangent of a ReLU chain by its recurrences, entry by entry, as Arora et al. 2020 print them.
double recurrence(const Eigen::VectorXd& a, const Eigen::VectorXd& b, int depth, int frozen) {
  const double aa = a.squaredNorm(), bb = b.squaredNorm(), ab = a.dot(b);
  double s = ab, t = 0, scale = 1;
  for (int layer = 0; layer < depth; ++layer) {
    if (layer >= frozen) t += s;
    if (layer + 1 == depth) break;
    const double norm = std::sqrt(aa * bb) * scale, c = std::clamp(s / norm, -1.0, 1.0), angle = std::acos(c);
    t *= (std::numbers::pi - angle) / (2 * std::numbers::pi);
    s = norm * (c * (std::numbers::pi - angle) + std::sqrt(1 - c * c)) / (2 * std::numbers::pi);
    scale /= 2;
  }
  return t;
}

TEST_CASE("the fifteen kernels of the protocol are those of its recurrences", "[examples][uci_protocol]") {
  const Eigen::MatrixXd x = sst_test::normal(7, 3, 1);
  const auto kernels = program::ntk_kernels(3);
  REQUIRE(kernels.size() == 15);
  CHECK(kernels[0].name == "L=1 L'=0");
  CHECK(kernels[14].name == "L=5 L'=4");
  std::size_t at = 0;
  for (int depth = 1; depth <= 5; ++depth)
    for (int frozen = 0; frozen < depth; ++frozen) {
      const Eigen::MatrixXd k = kernels[at++].kernel.matrix(x);
      for (Eigen::Index i = 0; i < 7; ++i)
        for (Eigen::Index j = 0; j < i; ++j)
          CHECK(k(i, j) == Approx(recurrence(x.row(i), x.row(j), depth, frozen)).epsilon(1e-12));
    }
}

TEST_CASE("radial kernels are what their names say", "[examples][uci_protocol]") {
  Eigen::MatrixXd x(2, 2);
  x << 0, 0, 3, 4;
  CHECK(program::radial_kernels("gaussian", 2, {0.5, 0.01})[1].kernel.matrix(x)(0, 1) ==
        Approx(std::exp(-0.25)));
  CHECK(program::radial_kernels("laplace", 1, {0.5})[0].kernel.matrix(x)(0, 1) == Approx(std::exp(-2.5)));
}

/// A learner that is told how good it is, by the first row that trains.
struct Told final : program::Learner {
  using Accuracies = std::map<Eigen::Index, std::vector<double>>;  // of the settings 0, 1, ...
  Told(const UciSet& set, Accuracies all) : Learner({}, set), told(std::move(all)) {}
  std::vector<double> accuracies(const sst::Split& split,
                                 const std::vector<double>& settings) const override {
    std::vector<double> out;
    for (const double setting : settings)
      out.push_back(told.at(split.train[0])[static_cast<std::size_t>(setting)]);
    return out;
  }
  Accuracies told;
};

/// Two kernels with the accuracies of each, told apart by what they are at equal rows.
program::Method told(const Told::Accuracies& one, const Told::Accuracies& two) {
  return {"told",
          [](Eigen::Index) {
            const auto constant = [](double value) {
              return sst::kernel_function("constant", [value](const auto&, const auto&) { return value; });
            };
            return std::vector<program::NamedKernel>{{"one", constant(1)}, {"two", constant(2)}};
          },
          [=](const Eigen::MatrixXd& k, const UciSet& set) -> std::unique_ptr<program::Learner> {
            return std::make_unique<Told>(set, k(0, 0) == 1 ? one : two);
          },
          {0, 1}};
}

UciSet made() {
  UciSet set;
  set.x = Eigen::MatrixXd::Ones(10, 1);
  set.labels.assign(10, 0);
  set.classes = 2;
  set.halves = {{0}, {1}};
  for (Eigen::Index f = 0; f < 4; ++f) set.folds[static_cast<std::size_t>(f)] = {{f + 1, 9, 8}, {7}};
  return set;
}

TEST_CASE("the published protocol chooses once, on the validation half", "[examples][uci_protocol]") {
  // Rows 1 to 4 begin the training rows of the folds.
  const Told::Accuracies one{{0, {0.5, 0.7}}, {1, {9, 0.1}}, {2, {9, 0.2}}, {3, {9, 0.3}}, {4, {9, 0.4}}};
  const Told::Accuracies two{{0, {0.7, 0.6}}, {1, {9, 9}}, {2, {9, 9}}, {3, {9, 9}}, {4, {9, 9}}};
  int steps = 0;
  const program::Outcome found =
      program::evaluate(made(), told(one, two), Protocol::published, [&] { ++steps; });
  REQUIRE(found.chosen.size() == 1);  // of equal choices the first
  CHECK(found.chosen[0].kernel == "one");
  CHECK(found.chosen[0].setting == 1);
  CHECK(found.chosen[0].validation == 0.7);
  CHECK(found.folds == std::array{0.1, 0.2, 0.3, 0.4});
  CHECK(found.accuracy() == Approx(0.25));
  CHECK(steps == 2);
}

TEST_CASE("the nested protocol chooses within the training rows of each fold", "[examples][uci_protocol]") {
  const Told::Accuracies one{{1, {0.9, 0.1}}, {2, {0.1, 0.8}}, {3, {0.1, 0.2}}, {4, {0.5, 0.5}}};
  const Told::Accuracies two{{1, {0.2, 0.1}}, {2, {0.3, 0.4}}, {3, {0.6, 0.1}}, {4, {0.4, 0.5}}};
  const program::Outcome found = program::evaluate(made(), told(one, two), Protocol::nested, [] {});
  REQUIRE(found.chosen.size() == 4);
  std::vector<std::pair<std::string, double>> chosen;
  for (const Choice& choice : found.chosen) chosen.emplace_back(choice.kernel, choice.setting);
  CHECK(chosen ==
        std::vector<std::pair<std::string, double>>{{"one", 0}, {"one", 1}, {"two", 0}, {"one", 0}});
  CHECK(found.folds == std::array{0.9, 0.8, 0.6, 0.5});
  const sst::Split inner = program::every_other({5, 6, 7});
  CHECK(inner.train == std::vector<Eigen::Index>{5, 7});
  CHECK(inner.test == std::vector<Eigen::Index>{6});
}

TEST_CASE("kernel regression has the class of the largest score", "[examples][uci_protocol]") {
  UciSet set;
  set.classes = 3;
  set.labels = {0, 1, 2, 0, 1, 2};
  Eigen::MatrixXd kernel = Eigen::MatrixXd::Identity(6, 6);
  kernel(3, 0) = kernel(4, 1) = kernel(5, 0) = 0.5;  // the last one is next to the first class
  const program::Regression regression(kernel, set);
  CHECK(regression.accuracies({{0, 1, 2}, {3, 4, 5}}, {0.1, 1})[1] == Approx(2.0 / 3));
}

TEST_CASE("a fingerprint changes with the rows, the splits and the settings", "[examples][uci_protocol]") {
  program::Method method = told({}, {});
  UciSet set = made();
  std::vector<std::string> all{program::fingerprint(set, method)};
  set.x(3, 0) = 2;
  all.push_back(program::fingerprint(set, method));
  set.folds[2].test[0] = 6;
  all.push_back(program::fingerprint(set, method));
  set.labels[2] = 1;
  all.push_back(program::fingerprint(set, method));
  method.settings[1] = 3;
  all.push_back(program::fingerprint(set, method));
  std::sort(all.begin(), all.end());
  CHECK(std::adjacent_find(all.begin(), all.end()) == all.end());
}

}  // namespace uci_protocol_tests
