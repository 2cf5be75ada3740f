// SPDX-License-Identifier: MIT
#pragma once

#include <sst/engine/angular_maps.hpp>
#include <sst/engine/pack.hpp>
#include <sst/plan/plan.hpp>
#include <sst/version.hpp>

namespace sst {
inline namespace SST_ABI {
namespace gram_detail {

/// What an angular step makes of angles: h' and, where asked for, t'/t.
template <class Scalar, bool with_tangent, bool with_angle>
class AngularValues {
 public:
  using P = Pack<Scalar>;
  struct Values {
    P half;    ///< h'
    P factor;  ///< t'/t; of no meaning without tangents
  };

  explicit AngularValues(const plan::AngularStep& s)
      : k0_(constant(s.k0)),
        k_half_(constant(s.k_half)),
        k_abs_(constant(s.k_abs)),
        k_angle_(constant(s.k_angle)),
        d0_(constant(s.d0 + s.d_angle)),
        d_angle_(constant(-2 * s.d_angle)) {}

  /// h, and m = 1 - h to full relative accuracy where it is known so.
  EIGEN_ALWAYS_INLINE Values operator()(P h, P m) const {
    const P zero = constant(0), one = constant(1), near = max(min(h, m), zero), root = sqrt(near);
    if constexpr (with_tangent || with_angle) {
      const auto maps = angular_maps(near, root);
      P turn = root * maps.angle;  // theta / pi
      turn = less(m, h, one - turn, turn);
      const P half = value(h, near, root, maps.abs);
      return {with_angle ? fma(k_angle_, turn, half) : half, with_tangent ? fma(d_angle_, turn, d0_) : zero};
    } else {
      return {value(h, near, root, abs_map(near)), zero};
    }
  }

 private:
  static P constant(double value) { return P::all(static_cast<Scalar>(value)); }
  EIGEN_ALWAYS_INLINE P value(P h, P near, P root, P abs) const {
    return fma(k_abs_, fma(near * root, abs, near), fma(k_half_, h, k0_));
  }

  P k0_, k_half_, k_abs_, k_angle_, d0_, d_angle_;
};

}  // namespace gram_detail
}  // namespace SST_ABI
}  // namespace sst
