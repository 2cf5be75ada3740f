// SPDX-License-Identifier: MIT
#pragma once

#include <numbers>

#include <sst/engine/angular_maps.hpp>
#include <sst/engine/pack.hpp>
#include <sst/plan/plan.hpp>
#include <sst/version.hpp>

namespace sst {
inline namespace SST_ABI {
namespace gram_detail {

/// What an angular activation makes of h and t, h' = value and t' = factor t, and how both change with h. At
/// h = 0 and h = 1, where angles have kinks, `gain` and `bend` are the symmetric limits.
template <class Scalar>
struct AngularSlopes {
  Pack<Scalar> value;   ///< h'
  Pack<Scalar> gain;    ///< dh'/dh
  Pack<Scalar> factor;  ///< t'/t
  Pack<Scalar> bend;    ///< d(t'/t)/dh
};

/// Of h and m = 1 - h. With turn = theta/pi: d turn/dh = 1/(pi sqrt(h (1 - h))), and the map of |z| has the
/// derivative 1 - 2 turn.
template <class Scalar>
AngularSlopes<Scalar> angular_slopes(const plan::AngularStep& s, Pack<Scalar> h, Pack<Scalar> m) {
  using P = Pack<Scalar>;
  const auto constant = [](double value) { return P::all(static_cast<Scalar>(value)); };
  const P k0 = constant(s.k0), k_half = constant(s.k_half), k_abs = constant(s.k_abs);
  const P k_angle = constant(s.k_angle), zero = constant(0), one = constant(1);
  const P d0 = constant(s.d0 + s.d_angle), d_angle = constant(-2 * s.d_angle);
  const P inverse_pi = constant(std::numbers::inv_pi), tiny = constant(1e-300);
  const P near = max(min(h, m), zero), far = max(max(h, m), zero), root = sqrt(near);
  const auto maps = angular_maps(near, root);
  P turn = root * maps.angle;
  turn = less(m, h, one - turn, turn);
  const P turning = less(tiny, near, divide(inverse_pi, max(root * sqrt(far), tiny)), zero);
  return {fma(k_angle, turn, fma(k_abs, fma(near * root, maps.abs, near), fma(k_half, h, k0))),
          fma(k_angle, turning, fma(k_abs, one - (turn + turn), k_half)), fma(d_angle, turn, d0),
          d_angle * turning};
}

}  // namespace gram_detail
}  // namespace SST_ABI
}  // namespace sst
