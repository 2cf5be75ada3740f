// SPDX-License-Identifier: MIT
#include "../catch.hpp"

#include <cmath>
#include <fstream>
#include <string>

#include <nlohmann/json.hpp>

#include <sst/activation/dual.hpp>
#include <sst/activation/registry.hpp>

#include "dual.hpp"

namespace closed_forms_tests {

namespace {

using sst_test::activation;

template <class Scalar>
sst_test::Dual<Scalar> dual(const sst::ActivationPtr& f, const sst::ActivationPtr& g, Scalar s, Scalar t,
                            Scalar half, Scalar complement) {
  return sst_test::at(*sst::dual_map(f, g), s, t, half, complement);
}

}  // namespace

TEST_CASE("closed forms equal the integrals that define them", "[activation]") {
  std::ifstream file(SST_TEST_DIR "/golden/activations.json");
  int checked = 0;
  for (const auto& c : nlohmann::json::parse(file)) {
    const auto f = activation(c.at("activation"));
    if (!f->closed_form_with(*f)) continue;  // those of tests/activation/quadrature.cpp
    const double s = c.at("left_std"), t = c.at("right_std"), half = c.at("half");
    INFO(f->name() << ' ' << s << ' ' << t << ' ' << half);
    const auto exact = dual<double>(f, f, s, t, half, 1 - half);
    const double scale = std::sqrt(f->moments(s).second * f->moments(t).second);
    CHECK(std::abs(exact.value - std::stod(c.at("value").get<std::string>())) < 4e-15 * scale);
    const double derivative = std::stod(c.at("derivative").get<std::string>());
    CHECK(std::abs(exact.derivative - derivative) < 1e-14 * (1 + std::abs(derivative)));
    const auto more = dual<long double>(f, f, static_cast<long double>(s), static_cast<long double>(t),
                                        static_cast<long double>(half), 1 - static_cast<long double>(half));
    CHECK(static_cast<double>(more.value) == Approx(exact.value).epsilon(1e-14).margin(1e-15 * scale));
    ++checked;
  }
  CHECK(checked >= 40);
}

TEST_CASE("closed forms at zero and at huge standard deviations stay finite", "[activation]") {
  for (const std::string name : {"erf", "gelu", "sin", "cos", "rbf:0.7"}) {
    INFO(name);
    const auto f = activation(name);
    for (const double s : {0.0, 1e-90, 1e-8, 1e8, 1e60})
      for (const double half : {0.0, 0.3, 1.0}) {
        const auto x = dual<double>(f, f, s, s, half, 1 - half);
        CHECK(std::isfinite(x.value));
        CHECK(std::isfinite(x.derivative));
      }
  }
}

TEST_CASE("sine and cosine are orthogonal, and know each other", "[activation]") {
  const auto sin = activation("sin"), cos = activation("cos");
  CHECK(std::abs(dual<double>(sin, cos, 1.0, 1.3, 0.2, 0.8).value) < 1e-16);
}

TEST_CASE("activations out of range are refused", "[activation]") {
  CHECK_THROWS_AS(sst::Rbf(-1), sst::Error);
  CHECK_THROWS_AS(sst::Monomial(2.5), sst::Error);
  CHECK_THROWS_AS(sst::Hermite(33), sst::Error);
  CHECK_THROWS_AS(sst::Polynomial({}), sst::Error);
}

}  // namespace closed_forms_tests
