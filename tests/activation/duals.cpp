// SPDX-License-Identifier: MIT
#include "../catch.hpp"

#include <cmath>
#include <fstream>
#include <limits>
#include <memory>
#include <numbers>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include <sst/activation/custom.hpp>
#include <sst/activation/dual.hpp>
#include <sst/activation/registry.hpp>
#include <sst/testing/activation.hpp>

#include "dual.hpp"

namespace duals_tests {

namespace {

using sst_test::at;

/// As sst_test::activation, and two more that files cannot name.
sst::ActivationPtr make(const std::string& text) {
  if (text.starts_with("gaussian:")) return std::make_shared<sst::GaussianBump>(std::stod(text.substr(9)));
  if (text == "wave") return std::make_shared<sst::Sinusoid>(-1.3, 0.4, 0.9);
  return sst_test::activation(text);
}

const std::vector<std::string> everything{
    "identity",  "relu",    "abs",     "leaky_relu:0.2", "erf",        "gelu", "sin",        "cos",
    "rbf:0.7",   "exp:0.3", "elu:1",   "elu:0.5",        "gaussian:2", "wave", "monomial:3", "hermite:4",
    "hermite:0", "tanh",    "sigmoid", "swish",          "softplus",   "sign", "step",       "monomial:1"};

/// Whether quadrature has to answer for the pair.
bool numeric(const sst::ActivationPtr& f, const sst::ActivationPtr& g) {
  const auto map = sst::dual_map(f, g);
  return dynamic_cast<const sst::QuadratureMap*>(map.get()) && !sst::blur_map(*f, *g);
}

double size(const sst::ActivationPtr& f, double std) { return std::sqrt(f->moments(std).second); }

/// A tanh that says nothing of its structure.
struct PlainTanh {
  std::string name() const { return "plain tanh"; }
  double operator()(double z) const { return std::tanh(z); }
  double derivative(double z) const { return 1 / (std::cosh(z) * std::cosh(z)); }
};

/// sgn(z - 1), which jumps, and whose E phi' is 2 N(1; 0, q).
struct ShiftedSign {
  std::string name() const { return "shifted sign"; }
  double operator()(double z) const { return z > 1 ? 1 : z < 1 ? -1 : 0; }
  double derivative(double) const { return 0; }
  std::vector<double> kinks() const { return {1.0}; }
};

}  // namespace

TEST_CASE("duals equal 22-digit references, in double and in extended precision", "[activation]") {
  std::ifstream file(SST_TEST_DIR "/golden/duals.json");
  int checked = 0;
  for (const auto& row : nlohmann::json::parse(file)) {
    const auto f = make(row.at("left")), g = make(row.at("right"));
    const double s = row.at("left_std"), t = row.at("right_std"), half = row.at("half");
    INFO(f->name() << ' ' << g->name() << ' ' << s << ' ' << t << ' ' << half);
    const bool closed = !numeric(f, g);
    const auto map = sst::dual_map(f, g);
    const auto x = at<double>(*map, s, t, half), swapped = at<double>(*sst::dual_map(g, f), t, s, half);
    const auto more = at<long double>(*map, s, t, half);
    const double scale = size(f, s) * size(g, t);
    // The coefficients of a Hermite polynomial are rounded to double.
    const bool extended = std::numeric_limits<long double>::digits >= 64 && closed &&
                          f->name() != "hermite" && g->name() != "hermite";
    const long double value = std::stold(row.at("value").get<std::string>());
    CHECK(std::abs(x.value - static_cast<double>(value)) <= (closed ? 2e-15 : 1e-13) * scale);
    CHECK(std::abs(swapped.value - static_cast<double>(value)) <= (closed ? 2e-15 : 1e-13) * scale);
    CHECK(static_cast<double>(std::abs(more.value - value)) <= (extended ? 2e-18
                                                                : closed ? 2e-15
                                                                         : 1e-13) *
                                                                   scale);
    if (row.contains("derivative")) {
      const long double derivative = std::stold(row.at("derivative").get<std::string>());
      const double slopes = 1 + static_cast<double>(std::abs(derivative));
      CHECK(std::abs(x.derivative - static_cast<double>(derivative)) <= (closed ? 5e-15 : 1e-12) * slopes);
      CHECK(std::abs(swapped.derivative - static_cast<double>(derivative)) <=
            (closed ? 5e-15 : 1e-12) * slopes);
      CHECK(static_cast<double>(std::abs(more.derivative - derivative)) <= (extended ? 5e-18
                                                                            : closed ? 5e-15
                                                                                     : 1e-12) *
                                                                               slopes);
    }
    ++checked;
  }
  CHECK(checked >= 200);
}

TEST_CASE("every activation keeps the laws of activations", "[activation]") {
  for (const std::string& name : everything) {
    INFO(name);
    const auto f = make(name);
    CHECK(sst::testing::violations(f, numeric(f, f) ? 1e-12 : 1e-14) == std::vector<std::string>{});
  }
}

TEST_CASE("every pair of activations keeps the laws of pairs", "[activation]") {
  for (const std::string& left : everything)
    for (const std::string& right : everything) {
      if (left > right) continue;
      INFO(left << ' ' << right);
      CHECK(sst::testing::violations(make(left), make(right)) == std::vector<std::string>{});
    }
}

TEST_CASE("huge and tiny arguments of smooth activations: sign, relu and lines", "[activation]") {
  const auto value = [](const std::string& f, double s, double t, double half) {
    return at<double>(*sst::dual_map(make(f), make(f)), s, t, half).value;
  };
  for (const double half : {0.0, 1e-9, 0.2, 0.7}) {
    INFO(half);
    for (const std::string name : {"tanh", "erf"}) {
      CHECK(value(name, 1e30, 2e30, half) == Approx(value("sign", 1, 2, half)).epsilon(1e-14));
      const double slope = make(name)->derivative(0);
      CHECK(value(name, 1e-30, 2e-30, half) ==
            Approx(slope * slope * 2e-60 * (1 - 2 * half)).epsilon(1e-13).margin(0));
    }
    for (const std::string name : {"swish", "gelu", "softplus"})
      CHECK(value(name, 1e30, 2e30, half) == Approx(value("relu", 1e30, 2e30, half)).epsilon(1e-13));
  }
}

TEST_CASE("quadrature equals the closed forms at any standard deviation", "[activation]") {
  // Steep functions of a large argument are what a grid resolves last.
  for (const std::string name : {"tanh", "swish", "erf", "gelu", "softplus"}) {
    const auto f = make(name);
    const auto map = sst::quadrature_map(f, f);
    const auto exact = sst::blur_map(*f, *f);
    for (const double s : {1e-3, 0.5, 1.99, 2.01, 30.0, 1e3, 1e6})
      for (const double half : {0.0, 1e-24, 1e-6, 0.05, 0.3, 0.9, 1.0}) {
        INFO(name << ' ' << s << ' ' << half);
        const auto x = at<double>(*map, s, 1.3 * s, half), y = at<double>(*exact, s, 1.3 * s, half);
        CHECK(std::abs(x.value - y.value) <= 1e-13 * size(f, s) * size(f, 1.3 * s));
        CHECK(x.derivative == Approx(y.derivative).epsilon(1e-12).margin(1e-14));
      }
  }
}

TEST_CASE("a user's smooth function is as good as the library's", "[activation]") {
  const auto plain = sst::custom(PlainTanh{}), tanh = make("tanh");
  for (const double s : {0.3, 1.0, 40.0, 1e4}) {
    INFO(s);
    CHECK(plain->moments(s).second == Approx(tanh->moments(s).second).epsilon(1e-13));
    for (const double half : {0.0, 1e-8, 0.1, 0.6, 1.0}) {
      const auto x = at<double>(*sst::dual_map(plain, plain), s, 2.0, half);
      const auto y = at<double>(*sst::dual_map(tanh, tanh), s, 2.0, half);
      const auto mixed = at<double>(*sst::dual_map(plain, make("relu")), s, 2.0, half);
      const auto exact = at<double>(*sst::dual_map(tanh, make("relu")), s, 2.0, half);
      CHECK(x.value == Approx(y.value).epsilon(1e-12).margin(1e-13));
      CHECK(x.derivative == Approx(y.derivative).epsilon(1e-11).margin(1e-13));
      CHECK(mixed.value == Approx(exact.value).epsilon(1e-12).margin(1e-13));
      CHECK(mixed.derivative == Approx(exact.derivative).epsilon(1e-11).margin(1e-13));
    }
  }
}

TEST_CASE("a jump counts in Stein's factor and forbids the NTK", "[activation]") {
  const auto f = sst::custom(ShiftedSign{});
  const double density = std::exp(-1 / (2 * 1.5 * 1.5)) / std::sqrt(2 * std::numbers::pi) / 1.5;
  CHECK(f->moments(1.5).slope == Approx(2 * density).epsilon(1e-13));
  CHECK(f->ntk_obstacle().find("shifted sign") == 0);
  CHECK(sst::Elu().ntk_obstacle().empty());
  // E[phi(g) h] = E phi' K.
  const double k = 1.5 * 0.8 * (1 - 2 * 0.2);
  CHECK(at<double>(*sst::dual_map(f, make("identity")), 1.5, 0.8, 0.2).value ==
        Approx(2 * density * k).epsilon(1e-12));
}

TEST_CASE("sinusoids of any frequency and phase", "[activation]") {
  // -1.3 is the frequency 1.3 with the sine turned.
  const auto wave = std::make_shared<sst::Sinusoid>(-1.3, 0.4, 0.9);
  CHECK(wave->value(0.8) == Approx(0.4 * std::sin(-1.3 * 0.8) + 0.9 * std::cos(1.3 * 0.8)));
  const auto numeric_map = sst::quadrature_map(wave, make("sin"));
  const auto map = sst::dual_map(wave, make("sin"));
  for (const double half : {0.0, 0.2, 0.9}) {
    const auto x = at<double>(*map, 0.7, 1.6, half), y = at<double>(*numeric_map, 0.7, 1.6, half);
    CHECK(x.value == Approx(y.value).epsilon(1e-12).margin(1e-14));
    CHECK(x.derivative == Approx(y.derivative).epsilon(1e-12).margin(1e-14));
  }
}

}  // namespace duals_tests
