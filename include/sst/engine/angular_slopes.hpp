// SPDX-License-Identifier: MIT
#pragma once

#include <numbers>

#include <sst/engine/angular_values.hpp>
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
  using Values = AngularValues<Scalar, true, true>;
  using P = Pack<Scalar>;
  const auto constant = [](double value) { return P::all(static_cast<Scalar>(value)); };
  const P zero = constant(0), one = constant(1), tiny = constant(1e-300);
  const auto angles = Values::angles(h, m);
  const auto values = Values(s).at(h, angles);
  const P far = max(max(h, m), zero), sine = max(angles.root * sqrt(far), tiny);
  const P turning = less(tiny, angles.near, divide(constant(std::numbers::inv_pi), sine), zero);
  const P gain = fma(constant(s.k_abs), one - (angles.turn + angles.turn), constant(s.k_half));
  return {values.half, fma(constant(s.k_angle), turning, gain), values.factor,
          constant(-2 * s.d_angle) * turning};
}

}  // namespace gram_detail
}  // namespace SST_ABI
}  // namespace sst
