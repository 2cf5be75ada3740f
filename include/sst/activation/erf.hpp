// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <numbers>

#include <sst/activation/blur.hpp>
#include <sst/version.hpp>

namespace sst {
inline namespace SST_ABI {

/// phi(z) = erf(z) = E sgn(z + xi/sqrt(2)).
///
/// E[phi phi] = (2/pi) asin(u), u = 2K / sqrt((1 + 2q)(1 + 2q')); E[phi' phi'] =
/// (4/pi) / sqrt((1 + 2q)(1 + 2q') - 4K^2). Source: Williams 1997, "Computing with Infinite Networks",
/// eq. (11). Evaluated without cancellation, at any size of q; accurate to a few units in the last place.
class Erf final : public BlurredActivation {
 public:
  Erf()
      : BlurredActivation(Blurred::single(BlurKind::sign, 0, 0, std::numbers::sqrt2_v<long double> / 2, 1)) {}
  std::string name() const override { return "erf"; }
  double value(double z) const override { return std::erf(z); }
  double derivative(double z) const override { return 2 * std::numbers::inv_sqrtpi * std::exp(-z * z); }
};

}  // namespace SST_ABI
}  // namespace sst
