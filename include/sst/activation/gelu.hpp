// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <numbers>

#include <sst/activation/activation.hpp>
#include <sst/activation/formula.hpp>

namespace sst {

/// phi(z) = z Phi(z), Phi the normal distribution function (Hendrycks and Gimpel 2016).
///
/// With D = (1 + q)(1 + q') - K^2, P = 1/4 + asin(K / sqrt((1 + q)(1 + q'))) / 2 pi = E[Phi Phi] and
/// n = 1 / (2 pi sqrt D) = E[Phi' Phi']:
/// E[phi phi] = K P + n (q q' - K^2 + K^2 (1/(1+q) + 1/(1+q'))),
/// E[phi' phi'] = P + K n (1/(1+q) + 1/(1+q') + 1/D), by Stein's lemma.
/// Source: Tsuchida, Pearce, van der Heide, Roosta, Gallagher 2021, "Avoiding Kernel Fixed Points",
/// section 3.
class Gelu final : public Activation {
 public:
  std::string name() const override { return "gelu"; }
  double value(double z) const override { return z * normal(z); }
  double derivative(double z) const override {
    // z times the density; written so that a huge z gives 0, not 0 times infinity.
    const double density = std::exp(-z * z / 2) * std::numbers::inv_sqrtpi / std::numbers::sqrt2;
    return normal(z) + (density == 0 ? 0 : z * density);
  }
  Moments<double> moments(double std) const override { return moments_of(std); }
  Moments<long double> moments(long double std) const override { return moments_of(std); }

  std::shared_ptr<const DualMap> closed_form_with(const Activation& other) const override {
    return dynamic_cast<const Gelu*>(&other) ? formula_map(Formula{}) : nullptr;
  }

 private:
  static double normal(double z) { return std::erfc(-z / std::numbers::sqrt2) / 2; }

  struct Formula {
    template <class S>
    struct Parts {
      S k, both, density, inverses, d;
    };
    template <class S>
    static Parts<S> parts(S s, S t, S half, S complement) {
      const S p = 1 + s * s, r = 1 + t * t, root = std::sqrt(p), other = std::sqrt(r);
      const S a2 = s / p * s, b2 = t / r * t, c = complement - half;
      const S cosine2 = 1 / p + a2 / r + a2 * b2 * 4 * half * complement;  // D / ((1+q)(1+q'))
      const S cosine = std::sqrt(cosine2);
      const S angle = std::atan2((s / root) * (t / other) * c, cosine);
      const S pi = std::numbers::pi_v<S>;
      return {s * t * c, S(0.25) + angle / (2 * pi), 1 / (2 * pi * root * other * cosine), 1 / p + 1 / r,
              p * r * cosine2};
    }
    template <class S>
    S value(S s, S t, S half, S complement) const {
      const auto x = parts(s, t, half, complement);
      return x.k * x.both + x.density * (s * s * t * t * 4 * half * complement + x.k * x.k * x.inverses);
    }
    template <class S>
    S derivative(S s, S t, S half, S complement) const {
      const auto x = parts(s, t, half, complement);
      return x.both + x.k * x.density * (x.inverses + 1 / x.d);
    }
  };

  template <class S>
  static Moments<S> moments_of(S s) {
    const S root = std::sqrt(2 * std::numbers::pi_v<S>);
    return {Formula{}.value(s, s, S(0), S(1)), s * s / std::sqrt(1 + s * s) / root, S(0.5)};
  }
};

}  // namespace sst
