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
  /// Of a pair, with near = min(h, 1 - h).
  struct Angles {
    P near, root;  ///< near and its square root
    P abs;         ///< what the map of |z| makes of near
    P turn;        ///< theta / pi
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
    if constexpr (with_tangent || with_angle) return at(h, angles(h, m));
    const P near = max(min(h, m), constant(0));
    return {value(h, near, sqrt(near), abs_map(near)), constant(0)};
  }
  EIGEN_ALWAYS_INLINE static Angles angles(P h, P m) {
    const P near = max(min(h, m), constant(0)), root = sqrt(near);
    const auto maps = angular_maps(near, root);
    const P turn = root * maps.angle;
    return {near, root, maps.abs, less(m, h, constant(1) - turn, turn)};
  }
  EIGEN_ALWAYS_INLINE Values at(P h, const Angles& a) const {
    const P half = value(h, a.near, a.root, a.abs);
    return {with_angle ? fma(k_angle_, a.turn, half) : half,
            with_tangent ? fma(d_angle_, a.turn, d0_) : constant(0)};
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
