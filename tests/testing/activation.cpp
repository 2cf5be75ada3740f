// SPDX-License-Identifier: MIT
#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include <sst/activation/custom.hpp>
#include <sst/activation/registry.hpp>
#include <sst/testing/activation.hpp>

#include "../catch.hpp"

namespace testing_activation_tests {

using Catch::Matchers::Contains;
using sst::testing::violations;

namespace {

std::string found(const sst::ActivationPtr& phi) {
  std::string all;
  for (const auto& sentence : violations(phi)) all += sentence + '\n';
  return all;
}

/// z^2 with a dual that may be wrong by a factor.
struct Square {
  double factor = 1;
  std::string name() const { return "square"; }
  double operator()(double z) const { return z * z; }
  double derivative(double z) const { return 2 * z; }
  template <class S>
  S dual(S s, S t, S half, S complement) const {
    const S c = complement - half;
    return static_cast<S>(factor) * s * s * t * t * (1 + 2 * c * c);
  }
  template <class S>
  S dual_derivative(S s, S t, S half, S complement) const {
    return static_cast<S>(factor) * 4 * s * t * (complement - half);
  }
};

/// sin, with what a test gives it.
struct Sine : sst::QuadratureActivation {
  bool wrong_moments = false, wrong_symmetry = false, jump_allowed = false;
  std::string name() const override { return "sine"; }
  double value(double z) const override { return jump_allowed && z > 1 ? 2 : std::sin(z); }
  double derivative(double z) const override { return jump_allowed && z > 1 ? 0 : std::cos(z); }
  std::vector<double> kinks() const override {
    return jump_allowed ? std::vector<double>{1.0} : std::vector<double>{};
  }
  std::string ntk_obstacle() const override { return {}; }
  bool linear_odd_part() const override { return wrong_symmetry; }
  sst::Moments<double> moments(double std) const override {
    auto out = QuadratureActivation::moments(std);
    if (wrong_moments) out.slope *= 1.01;
    return out;
  }
  sst::Moments<long double> moments(long double std) const override {
    return QuadratureActivation::moments(std);
  }
};

template <class Change>
sst::ActivationPtr sine(Change&& change) {
  auto out = std::make_shared<Sine>();
  change(*out);
  return out;
}

}  // namespace

TEST_CASE("right activations of one's own break no law", "[testing]") {
  CHECK(found(sst::custom(Square{})) == "");
  CHECK(found(sine([](Sine&) {})) == "");
  CHECK(found(sst::custom(
            "clip", [](double z) { return std::min(std::max(z, -1.0), 1.0); },
            [](double z) { return std::abs(z) < 1   ? 1.0
                                  : std::abs(z) > 1 ? 0.0
                                                    : 0.5; }, {-1.0, 1.0})) ==
        "");
}

TEST_CASE("each fault of an activation is named in a sentence", "[testing]") {
  const auto bent = [](double at_one, std::vector<double> kinks) {
    return sst::custom(
        "bent", [](double z) { return std::abs(z - 0.5); },
        [=](double z) { return z > 0.5   ? 1.0
                               : z < 0.5 ? -1.0
                                         : at_one; }, std::move(kinks));
  };
  CHECK(found(bent(0, {0.5})) == "");
  CHECK_THAT(found(bent(1, {0.5})), Contains("at a kink the derivative is the mean of both sides (z = 0.5"));
  CHECK_THAT(found(bent(0, {})), Contains("the derivative jumps at kinks alone (z = 0."));
  CHECK_THAT(found(sst::custom(
                 "", [](double z) { return z; }, [](double) { return 1.0; })),
             Contains("the name is one line"));
  CHECK_THAT(found(sst::custom(
                 "log", [](double z) { return std::log(z); }, [](double z) { return 1 / z; })),
             Contains("the value is a number everywhere"));
  CHECK_THAT(found(sst::custom(Square{1.01})), Contains("E[phi psi] is its integral") &&
                                                   Contains("E[phi' psi'] is its integral") &&
                                                   Contains("with itself E[phi phi] is E[phi^2]"));
  CHECK_THAT(found(sine([](Sine& f) { f.wrong_moments = true; })),
             Contains("the slope is E[phi(z) z] / std^2"));
  CHECK_THAT(found(sine([](Sine& f) { f.wrong_symmetry = true; })), Contains("linear_odd_part"));
  CHECK_THAT(found(sine([](Sine& f) { f.jump_allowed = true; })), Contains("what jumps has an ntk_obstacle"));
}

TEST_CASE("pairs are held to the laws of pairs", "[testing]") {
  const auto tanh = sst::parse_activation("tanh");
  CHECK(violations(tanh, sst::custom(Square{})) == std::vector<std::string>{});
  const auto wrong = sine([](Sine& f) { f.wrong_moments = true; });
  CHECK_THAT(violations(tanh, wrong).front(),
             Contains("without correlation E[phi' psi'] is E[phi'] E[psi']"));
}

}  // namespace testing_activation_tests
