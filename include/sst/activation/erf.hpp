// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <numbers>

#include <sst/activation/activation.hpp>
#include <sst/activation/formula.hpp>

namespace sst {

/// phi(z) = erf(z).
///
/// E[phi phi] = (2/pi) asin(u), u = 2K / sqrt((1 + 2q)(1 + 2q')); E[phi' phi'] =
/// (4/pi) / sqrt((1 + 2q)(1 + 2q') - 4K^2). Source: Williams 1997, "Computing with Infinite Networks",
/// eq. (11). Evaluated without cancellation, at any size of q; accurate to a few units in the last place.
class Erf final : public Activation {
 public:
  std::string name() const override { return "erf"; }
  double value(double z) const override { return std::erf(z); }
  double derivative(double z) const override { return 2 * std::numbers::inv_sqrtpi * std::exp(-z * z); }
  Moments<double> moments(double std) const override { return moments_of(std); }
  Moments<long double> moments(long double std) const override { return moments_of(std); }

  std::shared_ptr<const DualMap> closed_form_with(const Activation& other) const override {
    return dynamic_cast<const Erf*>(&other) ? formula_map(Formula{}) : nullptr;
  }

 private:
  struct Formula {
    /// sqrt(1 - u^2), from 1 - u^2 = (1 - a^2) + a^2 (1 - b^2) + a^2 b^2 (1 - c^2), u = a b c.
    template <class S>
    static S cosine(S s, S t, S half, S complement) {
      const S p = 1 + 2 * s * s, r = 1 + 2 * t * t, a2 = 2 * s / p * s, b2 = 2 * t / r * t;
      return std::sqrt(1 / p + a2 / r + a2 * b2 * 4 * half * complement);
    }
    template <class S>
    S value(S s, S t, S half, S complement) const {
      const S root = std::sqrt(1 + 2 * s * s), other = std::sqrt(1 + 2 * t * t);
      const S u = 2 * (s / root) * (t / other) * (complement - half);
      return 2 / std::numbers::pi_v<S> * std::atan2(u, cosine(s, t, half, complement));
    }
    template <class S>
    S derivative(S s, S t, S half, S complement) const {
      return 4 / std::numbers::pi_v<S> / std::sqrt(1 + 2 * s * s) / std::sqrt(1 + 2 * t * t) /
             cosine(s, t, half, complement);
    }
  };

  template <class S>
  static Moments<S> moments_of(S s) {
    return {Formula{}.value(s, s, S(0), S(1)), S(0),
            2 * std::numbers::inv_sqrtpi_v<S> / std::sqrt(1 + 2 * s * s)};
  }
};

}  // namespace sst
