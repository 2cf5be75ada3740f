// SPDX-License-Identifier: MIT
#include "../catch.hpp"

#include <cmath>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <sst/activation/custom.hpp>
#include <sst/activation/dual.hpp>
#include <sst/ntk.hpp>

#include "dual.hpp"

namespace custom_tests {

namespace {

struct Softsign {
  std::string name() const { return "softsign"; }
  double operator()(double z) const { return z / (1 + std::abs(z)); }
  double derivative(double z) const { return 1 / ((1 + std::abs(z)) * (1 + std::abs(z))); }
  std::vector<double> kinks() const { return {0.0}; }
};

/// z^2 + offset, which knows its dual; counts on nobody calling its value for it.
struct Parabola {
  double offset = 1;
  std::string name() const { return "parabola"; }
  std::vector<std::pair<std::string, double>> parameters() const { return {{"offset", offset}}; }
  double operator()(double z) const { return z * z + offset; }
  double derivative(double z) const { return 2 * z; }
  template <class S>
  S dual(S s, S t, S half, S complement) const {
    const S c = complement - half, a = static_cast<S>(offset);
    return a * a + a * (s * s + t * t) + s * s * t * t * (1 + 2 * c * c);
  }
  template <class S>
  S dual_derivative(S s, S t, S half, S complement) const {
    return 4 * s * t * (complement - half);
  }
};

struct NoDerivative {
  std::string name() const { return "none"; }
  double operator()(double z) const { return z; }
};

static_assert(sst::ActivationFunction<Softsign> && sst::HasKinks<Softsign> && !sst::HasDual<Softsign>);
static_assert(sst::ActivationFunction<Parabola> && sst::HasDual<Parabola> &&
              sst::HasDualDerivative<Parabola>);
static_assert(sst::HasParameters<Parabola> && !sst::HasKinks<Parabola>);
static_assert(!sst::ActivationFunction<NoDerivative> && !sst::HasDerivative<NoDerivative>);

using sst_test::at;

}  // namespace

TEST_CASE("a user's activation goes through its own members", "[activation]") {
  const auto f = sst::custom(Softsign{});
  CHECK(f->name() == "softsign");
  CHECK(f->parameters().empty());
  CHECK(f->value(-3) == -0.75);
  CHECK(f->derivative(1) == 0.25);
  CHECK(f->kinks() == std::vector<double>{0.0});
  CHECK(f->ntk_obstacle().empty());
  CHECK_FALSE(f->angular());
  CHECK_FALSE(f->closed_form_with(*f));
}

TEST_CASE("a user's activation without a closed form has duals by quadrature", "[activation]") {
  const auto f = sst::custom(Softsign{});
  const auto map = sst::dual_map(f, f);
  for (const double s : {1e-8, 0.4, 1.0, 30.0}) {
    INFO(s);
    CHECK(at(*map, s, s, 0.0).value == Approx(f->moments(s).second).epsilon(1e-12).margin(0));
    CHECK(at(*map, s, s, 1.0).value == Approx(-f->moments(s).second).epsilon(1e-12).margin(0));
    CHECK(std::abs(at(*map, s, 2.0, 0.5).value) < 1e-13);
  }
}

TEST_CASE("a user's closed form is used instead of quadrature, in both precisions", "[activation]") {
  const auto f = sst::custom(Parabola{});
  const auto closed = f->closed_form_with(*f);
  REQUIRE(closed);
  const auto numeric = sst::quadrature_map(f, f);
  for (const double half : {0.0, 1e-9, 0.3, 0.5, 1.0}) {
    INFO(half);
    const auto exact = at(*closed, 0.8, 1.1, half), other = at(*numeric, 0.8, 1.1, half);
    CHECK(exact.value == Approx(other.value).epsilon(1e-13));
    CHECK(exact.derivative == Approx(other.derivative).epsilon(1e-12).margin(1e-13));
  }
  const long double s = 0.8L, t = 1.1L;
  // To a unit in the last place or two: compilers may evaluate constants in another order.
  CHECK(std::abs(at(*closed, s, t, 0.0L).value - Parabola{}.dual(s, t, 0.0L, 1.0L)) < 2e-18L);
}

TEST_CASE("users' activations are the same when name, parameters and type are", "[activation]") {
  const auto f = sst::custom(Parabola{1}), g = sst::custom(Parabola{1}), other = sst::custom(Parabola{2});
  CHECK(*f == *g);
  CHECK_FALSE(*f == *other);
  CHECK(f->closed_form_with(*g));
  CHECK_FALSE(f->closed_form_with(*other));  // by quadrature: E[(g^2 + 1)(h^2 + 2)] at c = 0
  CHECK(at(*sst::dual_map(f, other), 1.0, 1.0, 0.5).value == Approx(6).epsilon(1e-13));
}

TEST_CASE("a user's activation from two functions", "[activation]") {
  const auto f = sst::custom(
      "clip", [](double z) { return std::min(std::max(z, -1.0), 1.0); },
      [](double z) { return std::abs(z) < 1   ? 1.0
                            : std::abs(z) > 1 ? 0.0
                                              : 0.5; }, {1.0, -1.0});
  CHECK(f->kinks() == std::vector<double>{-1.0, 1.0});  // in order, whatever the user's order
  // E[clip'] = P(|z| < 1/s) = erf(1/(s sqrt 2)), E[clip^2] by parts
  for (const double s : {0.2, 1.0, 5.0}) {
    INFO(s);
    const double inside = std::erf(1 / (s * std::sqrt(2.0)));
    const double edge = 2 / s * std::exp(-1 / (2 * s * s)) / std::sqrt(2 * std::acos(-1.0));
    CHECK(f->moments(s).slope == Approx(inside).epsilon(1e-14));
    CHECK(f->moments(s).second == Approx(s * s * (inside - edge) + 1 - inside).epsilon(1e-13));
  }
  const auto map = sst::dual_map(f, f);
  CHECK(at(*map, 1.0, 1.0, 0.0).value == Approx(f->moments(1.0).second).epsilon(1e-13));
}

TEST_CASE("a user's exception leaves the quadrature unharmed", "[activation]") {
  const auto f = sst::custom(
      "moody", [](double z) { return z > 1e3 ? throw std::runtime_error("too large") : z; },
      [](double) { return 1.0; });
  const auto map = sst::quadrature_map(f, f);
  CHECK_THROWS_WITH(at(*map, 1e4, 1.0, 0.2), "too large");
  CHECK(at(*map, 1.0, 1.0, 0.25).value == Approx(0.5));
}

TEST_CASE("a user's activation inside a network", "[activation]") {
  const Eigen::MatrixXd x = Eigen::MatrixXd::Random(4, 3);
  for (const auto& f : {sst::custom(Softsign{}), sst::custom(Parabola{})}) {
    const auto net = sst::trace([&](sst::Node in) { return dense(activate(dense(in), f)); });
    const auto k = sst::gram(net, x);
    CHECK(k.ntk.allFinite());
    CHECK(k.ntk == k.ntk.transpose());
  }
}

}  // namespace custom_tests
