// SPDX-License-Identifier: MIT
#include "../catch.hpp"

#include <cmath>
#include <fstream>
#include <numbers>

#include <nlohmann/json.hpp>

#include <sst/activation/custom.hpp>
#include <sst/activation/registry.hpp>
#include <sst/ntk.hpp>

namespace {

struct Pair {
  double value, derivative;
};

Pair at(const sst::DualMap& map, double s, double t, double half) {
  const double complement = 1 - half;
  Pair out{};
  map.evaluate({1, s, &t, &half, &complement, &out.value, &out.derivative});
  return out;
}

/// Cho and Saul 2009 for a pair of piecewise linear functions a z + b |z|.
Pair angular(sst::AngularForm f, sst::AngularForm g, double s, double t, double half) {
  const double theta = 2 * std::asin(std::sqrt(half)), pi = std::numbers::pi;
  return {s * t * (f.odd * g.odd * std::cos(theta) +
                   f.even * g.even * 2 / pi * (std::sin(theta) + (pi / 2 - theta) * std::cos(theta))),
          f.odd * g.odd + f.even * g.even * (1 - 2 * theta / pi)};
}

struct Softsign {
  std::string name() const { return "softsign"; }
  double operator()(double z) const { return z / (1 + std::abs(z)); }
  double derivative(double z) const { return 1 / ((1 + std::abs(z)) * (1 + std::abs(z))); }
  std::vector<double> kinks() const { return {0.0}; }
};

/// z^2 + 1, which knows its dual: E = 1 + s^2 + t^2 + s^2 t^2 (1 + 2 c^2), E' = 4 s t c.
struct Parabola {
  std::string name() const { return "parabola"; }
  double operator()(double z) const { return z * z + 1; }
  double derivative(double z) const { return 2 * z; }
  template <class S>
  S dual(S s, S t, S half, S complement) const {
    const S c = complement - half;
    return 1 + s * s + t * t + s * s * t * t * (1 + 2 * c * c);
  }
  template <class S>
  S dual_derivative(S s, S t, S half, S complement) const {
    return 4 * s * t * (complement - half);
  }
};

}  // namespace

TEST_CASE("quadrature of smooth activations equals the integrals", "[activation]") {
  std::ifstream file(SST_TEST_DIR "/golden/activations.json");
  int checked = 0;
  for (const auto& c : nlohmann::json::parse(file)) {
    std::string name = c.at("activation");
    std::vector<double> parameters;
    if (const auto colon = name.find(':'); colon != std::string::npos) {
      parameters.push_back(std::stod(name.substr(colon + 1)));
      name.resize(colon);
    }
    const auto f = sst::activation_registry().at(name).make(parameters);
    const double s = c.at("left_std"), t = c.at("right_std"), half = c.at("half");
    INFO(name << ' ' << s << ' ' << t << ' ' << half);
    const auto x = at(*sst::quadrature_map(f, f), s, t, half);
    const double scale = std::sqrt(f->moments(s).second * f->moments(t).second);
    CHECK(std::abs(x.value - std::stod(c.at("value").get<std::string>())) < 1e-13 * scale);
    const double derivative = std::stod(c.at("derivative").get<std::string>());
    CHECK(std::abs(x.derivative - derivative) < 1e-12 * (1 + std::abs(derivative)));
    ++checked;
  }
  CHECK(checked >= 70);
}

TEST_CASE("quadrature splits at kinks: piecewise linear functions equal Cho and Saul", "[activation]") {
  const std::vector<sst::ActivationPtr> all{std::make_shared<sst::Relu>(), std::make_shared<sst::Abs>(),
                                            std::make_shared<sst::LeakyRelu>(0.3)};
  for (const auto& f : all)
    for (const auto& g : all) {
      const auto map = sst::quadrature_map(f, g);
      for (const double half : {0.0, 1e-12, 1e-5, 0.1, 0.5, 0.9, 1.0}) {
        INFO(f->name() << ' ' << g->name() << ' ' << half);
        const auto x = at(*map, 0.7, 1.9, half), exact = angular(*f->angular(), *g->angular(), 0.7, 1.9, half);
        CHECK(std::abs(x.value - exact.value) < 1e-12);
        CHECK(std::abs(x.derivative - exact.derivative) < 1e-11);
      }
    }
}

TEST_CASE("pairs of different activations on correlated Gaussians", "[activation]") {
  // E[z erf(h)] = K E[erf'(h)] by Stein's lemma; relu = (z + |z|)/2 and E[|g| erf(h)] = 0 by symmetry.
  const auto relu = std::make_shared<sst::Relu>();
  const auto erf = std::make_shared<sst::Erf>();
  for (const double half : {0.01, 0.3, 0.8}) {
    const double s = 1.3, t = 0.8, k = s * t * (1 - 2 * half);
    const double exact = k * erf->moments(t).slope / 2;
    CHECK(at(*sst::dual_map(relu, erf), s, t, half).value == Approx(exact).epsilon(1e-11));
    CHECK(at(*sst::dual_map(erf, relu), t, s, half).value == Approx(exact).epsilon(1e-11));
  }
}

TEST_CASE("moments by quadrature equal closed forms, at any scale", "[activation]") {
  for (const double s : {1e-8, 1e-2, 1.0, 30.0, 1e4}) {
    INFO(s);
    const sst::Relu relu;
    const sst::Erf erf;
    const sst::Gelu gelu;
    for (const sst::Activation* f : {static_cast<const sst::Activation*>(&relu),
                                     static_cast<const sst::Activation*>(&erf),
                                     static_cast<const sst::Activation*>(&gelu)}) {
      const auto exact = f->moments(s), m = sst::quadrature_moments(*f, s);
      CHECK(m.second == Approx(exact.second).epsilon(1e-13).margin(0));
      CHECK(m.mean == Approx(exact.mean).epsilon(1e-12).margin(1e-13 * std::sqrt(exact.second)));
      CHECK(m.slope == Approx(exact.slope).epsilon(1e-12).margin(0));
    }
  }
  const sst::Tanh tanh;
  CHECK(tanh.moments(0.0).second == 0);
  CHECK(tanh.moments(0.0).slope == 1);
  CHECK(tanh.moments(1e6).second == Approx(1).epsilon(1e-5));
}

TEST_CASE("laws of duals by quadrature", "[activation]") {
  for (const std::string name : {"tanh", "sigmoid", "swish", "softplus"}) {
    INFO(name);
    const auto f = sst::activation_registry().at(name).make({});
    const auto map = sst::quadrature_map(f, f);
    for (const double s : {0.0, 1e-6, 0.5, 4.0, 50.0}) {
      INFO(s);
      const auto m = f->moments(s);
      CHECK(at(*map, s, s, 0.0).value == Approx(m.second).epsilon(1e-12).margin(1e-300));
      CHECK(at(*map, s, 1.0, 0.5).value == Approx(m.mean * f->moments(1.0).mean).epsilon(1e-11).margin(1e-13));
      CHECK(at(*map, s, 1.0, 0.2).value == Approx(at(*map, 1.0, s, 0.2).value).epsilon(1e-11).margin(1e-13));
    }
    CHECK(f->derivative(0.3) == Approx((f->value(0.3 + 1e-6) - f->value(0.3 - 1e-6)) / 2e-6).epsilon(1e-8));
    for (const double z : {-1e300, -800.0, 800.0}) {
      CHECK_FALSE(std::isnan(f->value(z)));
      CHECK_FALSE(std::isnan(f->derivative(z)));
    }
  }
}

TEST_CASE("a tolerance out of range is refused", "[activation]") {
  const auto f = std::make_shared<sst::Tanh>();
  CHECK_THROWS_WITH(sst::quadrature_map(f, f, {.tolerance = 0}), Catch::Contains("tolerance"));
}

TEST_CASE("a user's own activation: by quadrature, or by its own closed form", "[activation]") {
  const auto softsign = sst::custom(Softsign{});
  const auto map = sst::dual_map(softsign, softsign);
  CHECK(at(*map, 1.0, 1.0, 0.0).value == Approx(softsign->moments(1.0).second).epsilon(1e-12));
  CHECK(std::abs(at(*map, 1.0, 2.0, 0.5).value) < 1e-13);

  const auto parabola = sst::custom(Parabola{});
  CHECK(parabola->closed_form_with(*parabola));
  CHECK_FALSE(softsign->closed_form_with(*softsign));
  const auto exact = at(*sst::dual_map(parabola, parabola), 0.8, 1.1, 0.3);
  const auto numeric = at(*sst::quadrature_map(parabola, parabola), 0.8, 1.1, 0.3);
  CHECK(exact.value == Approx(numeric.value).epsilon(1e-12));
  CHECK(exact.derivative == Approx(numeric.derivative).epsilon(1e-12));

  const auto net = sst::trace([&](sst::Node x) { return dense(activate(dense(x), softsign)); });
  const auto k = sst::gram(net, Eigen::MatrixXd(Eigen::MatrixXd::Random(4, 3)));
  CHECK(k.ntk.allFinite());
  CHECK(k.ntk == k.ntk.transpose());
}
