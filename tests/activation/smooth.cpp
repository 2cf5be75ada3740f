// SPDX-License-Identifier: MIT
#include "../catch.hpp"

#include <cmath>
#include <limits>
#include <memory>
#include <vector>

#include <sst/activation/smooth.hpp>

namespace smooth_tests {

namespace {

const std::vector<sst::ActivationPtr>& all() {
  static const std::vector<sst::ActivationPtr> list{
      std::make_shared<sst::Tanh>(),     std::make_shared<sst::Sigmoid>(), std::make_shared<sst::Swish>(),
      std::make_shared<sst::Softplus>(), std::make_shared<sst::Elu>(),     std::make_shared<sst::Elu>(0.3)};
  return list;
}

}  // namespace

TEST_CASE("the derivative is the slope of the value", "[activation]") {
  for (const auto& f : all())
    for (const double z : {-30.0, -3.0, -0.7, -0.01, 0.02, 0.5, 2.0, 25.0}) {
      INFO(f->name() << ' ' << z);
      const double step = 1e-3, wide = 2e-3;  // Richardson's extrapolation
      const double near = (f->value(z + step) - f->value(z - step)) / (2 * step);
      const double far = (f->value(z + wide) - f->value(z - wide)) / (2 * wide);
      CHECK(f->derivative(z) == Approx((4 * near - far) / 3).epsilon(1e-10).margin(1e-11));
    }
}

TEST_CASE("smooth activations are finite and right at any argument", "[activation]") {
  const sst::Tanh tanh;
  const sst::Sigmoid sigmoid;
  const sst::Swish swish;
  const sst::Softplus softplus;
  const sst::Elu elu(2.0);
  for (const double z : {1e3, 1e100, 1e300}) {
    INFO(z);
    CHECK(tanh.value(z) == 1);
    CHECK(tanh.value(-z) == -1);
    CHECK(tanh.derivative(z) == 0);
    CHECK(tanh.derivative(-z) == 0);
    CHECK(sigmoid.value(z) == 1);
    CHECK(sigmoid.value(-z) == 0);
    CHECK(sigmoid.derivative(-z) == 0);
    CHECK(swish.value(z) == z);
    CHECK(swish.value(-z) == 0);
    CHECK(swish.derivative(z) == 1);
    CHECK(swish.derivative(-z) == 0);
    CHECK(softplus.value(z) == z);
    CHECK(softplus.value(-z) == 0);
    CHECK(softplus.derivative(z) == 1);
    CHECK(elu.value(z) == z);
    CHECK(elu.value(-z) == -2);
    CHECK(elu.derivative(-z) == 0);
  }
  // Tails keep their relative digits.
  CHECK(sigmoid.value(-700) == Approx(std::exp(-700.0)).epsilon(1e-14).margin(0));
  CHECK(softplus.value(-700) == Approx(std::exp(-700.0)).epsilon(1e-14).margin(0));
  CHECK(swish.value(-700) == Approx(-700 * std::exp(-700.0)).epsilon(1e-14).margin(0));
  CHECK(tanh.derivative(300) == Approx(4 * std::exp(-600.0)).epsilon(1e-14).margin(0));
  CHECK(elu.value(-1e-12) == Approx(-2e-12).epsilon(1e-11).margin(0));
}

TEST_CASE("identities between smooth activations hold for their moments", "[activation]") {
  const sst::Tanh tanh;
  const sst::Sigmoid sigmoid;
  const sst::Swish swish;
  const sst::Softplus softplus;
  for (const double s : {1e-6, 0.3, 1.0, 7.0, 1e3}) {
    INFO(s);
    // sigmoid(z) = (1 + tanh(z/2)) / 2
    const auto m = sigmoid.moments(s), half = tanh.moments(s / 2);
    CHECK(m.mean == Approx(0.5).epsilon(1e-14));
    CHECK(m.second == Approx((1 + half.second) / 4).epsilon(1e-14));
    CHECK(m.slope == Approx(half.slope / 4).epsilon(1e-13));
    // softplus' = sigmoid; E[swish] = E[z sigmoid(z)] = s^2 E[sigmoid'] by Stein's lemma
    CHECK(softplus.moments(s).slope == Approx(m.mean).epsilon(1e-14));
    CHECK(swish.moments(s).mean ==
          Approx(s * s * m.slope).epsilon(1e-13).margin(2e-15 * std::sqrt(swish.moments(s).second)));
    CHECK(swish.moments(s).slope == Approx(0.5).epsilon(1e-13));
  }
}

TEST_CASE("moments in extended precision: more digits of the same where there is a closed form",
          "[activation]") {
  for (const auto& f : all()) {
    const auto exact = f->moments(1.3L);
    const auto rounded = f->moments(1.3);
    if (dynamic_cast<const sst::BlurredActivation*>(f.get())) {
      CHECK(static_cast<double>(exact.second) == Approx(rounded.second).epsilon(4e-16));
      CHECK(exact.second != static_cast<long double>(rounded.second));
    } else {
      CHECK(exact.second == static_cast<long double>(rounded.second));
    }
  }
}

TEST_CASE("elu: names, parameters, kink and errors", "[activation]") {
  const sst::Elu elu(0.3);
  CHECK(elu.parameters().front().second == 0.3);
  CHECK(elu.kinks() == std::vector<double>{0.0});
  CHECK(elu.derivative(0) == Approx(0.65));
  CHECK(sst::Elu(0) == sst::Elu(0));
  CHECK_FALSE(sst::Elu(0) == elu);
  CHECK_THROWS_AS(sst::Elu(std::numeric_limits<double>::infinity()), sst::Error);
}

}  // namespace smooth_tests
