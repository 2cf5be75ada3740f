// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <numbers>

#include <sst/activation/blur.hpp>
#include <sst/version.hpp>

namespace sst {
inline namespace SST_ABI {

/// phi(z) = z Phi(z), Phi the normal distribution function (Hendrycks and Gimpel 2016).
///
/// With D = (1 + q)(1 + q') - K^2, P = 1/4 + asin(K / sqrt((1 + q)(1 + q'))) / 2 pi = E[Phi Phi] and
/// n = 1 / (2 pi sqrt D) = E[Phi' Phi']:
/// E[phi phi] = K P + n (q q' - K^2 + K^2 (1/(1+q) + 1/(1+q'))),
/// E[phi' phi'] = P + K n (1/(1+q) + 1/(1+q') + 1/D), by Stein's lemma.
/// Source: Tsuchida, Pearce, van der Heide, Roosta, Gallagher 2021, "Avoiding Kernel Fixed Points",
/// section 3.
class Gelu final : public BlurredActivation {
 public:
  Gelu() : BlurredActivation(Blurred::single(BlurKind::gate, 0, 0, 1, 1)) {}
  std::string name() const override { return "gelu"; }
  double value(double z) const override { return z * normal(z); }
  double derivative(double z) const override {
    // z times the density; written so that a huge z gives 0, not 0 times infinity.
    const double density = std::exp(-z * z / 2) * std::numbers::inv_sqrtpi / std::numbers::sqrt2;
    return normal(z) + (density == 0 ? 0 : z * density);
  }

 private:
  static double normal(double z) { return std::erfc(-z / std::numbers::sqrt2) / 2; }
};

}  // namespace SST_ABI
}  // namespace sst
