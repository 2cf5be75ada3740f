// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <numbers>

#include <sst/activation/activation.hpp>
#include <sst/plan/plan.hpp>
#include <sst/version.hpp>

namespace sst {
inline namespace SST_ABI {
namespace plan {

/// The coefficients of an angular step, or of that of the rests; derivation in docs/mathematics.md.
inline AngularStep angular_step(const AngularForm& f, const AngularForm& g, bool rest) {
  AngularStep s{};
  const double root = std::sqrt(2 / std::numbers::pi), square = 2 / std::numbers::pi;
  if (rest) {
    const double scale = 1 / (1 - square);
    if (f.degree != g.degree) {  // even against odd: uncorrelated
      s.k0 = 0.5;
      return s;
    }
    const double sign = f.degree == 1 ? (f.even * g.even < 0 ? -1 : 1) : (f.odd * g.odd < 0 ? -1 : 1);
    s.k0 = sign < 0 ? 1 : 0;
    if (f.degree == 1) {
      s.k_abs = sign * scale;
      s.d_angle = sign * scale;
    } else {
      s.k_angle = sign * scale;
      s.k_half = -sign * square * scale;
    }
    return s;
  }
  const double nf = std::hypot(f.odd, f.even), ng = std::hypot(g.odd, g.even);
  if (nf == 0 || ng == 0) return s;  // the zero function
  const double of = f.odd / nf, ef = f.even / nf, og = g.odd / ng, eg = g.even / ng;
  if (f.degree != g.degree) {
    s.k0 = (1 - root * (of * og + ef * eg)) / 2;
    s.k_half = root * of * og;
    return s;
  }
  s.k0 = ((of - og) * (of - og) + (ef - eg) * (ef - eg)) / 4;
  if (f.degree == 1) {
    s.k_half = of * og;
    s.k_abs = ef * eg;
    s.d0 = of * og;
    s.d_angle = ef * eg;
  } else {
    s.k_angle = of * og;
  }
  return s;
}

}  // namespace plan
}  // namespace SST_ABI
}  // namespace sst
