// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cmath>
#include <cstddef>
#include <numbers>
#include <type_traits>

#include <sst/engine/pack.hpp>
#include <sst/version.hpp>

/// \file
/// The two functions of the angle that every angular activation is made of, in half-angle form.
///
/// For a pair of Gaussians at angle theta let h = sin^2(theta/2) <= 1/2. Then
///
///     theta/pi = sqrt(h) T(h)                                   the map of sgn: (1 - E sgn sgn)/2
///     (1 - E|g||h|/(s s'))/2 = h + h sqrt(h) A(h)               the map of |z|
///
/// with T(h) = 2 asin(sqrt h) / (pi sqrt h) and A(h) = (theta - sin theta - 2 h theta)/(pi h sqrt h),
/// both analytic on [0, 1/2]. Beyond 1/2 both maps mirror (h -> 1 - h). Everything is a sum of terms
/// that do not cancel, so the maps keep full relative accuracy down to h = 0.
/// The coefficients interpolate at Chebyshev nodes on [0, 1/2] in 60 digits; relative errors:
/// 1.3e-16 (T, degree 17), 5e-17 (A, degree 16); in float 1.8e-8 (T, degree 7; A, degree 6).

namespace sst {
inline namespace SST_ABI {
namespace gram_detail {

template <class Scalar>
struct AngularCoefficients;

template <>
struct AngularCoefficients<double> {
  static constexpr std::array abs{
      -0.84882636315677514844,   -0.08488263631564939377,   -0.027283704535416860442,
      -0.012631344284049858754,  -0.0070333784436904602245, -0.0043819416760071064567,
      -0.0029519281427413877516, -0.002026344620095966534,  -0.0020566310752102874254,
      0.0016960279263513029977,  -0.012951168861728629608,  0.036264229460397026617,
      -0.083760949709534718365,  0.13252228197164721228,    -0.14471339063653972521,
      0.095650688594067032067,   -0.030573463767523679654};
  static constexpr std::array angle{
      0.63661977236758129622,   0.10610329539465757234,  0.047746482914549458771,  0.028420526655701856422,
      0.019341697383177886999,  0.01424388721307388018,  0.011023453040310762375,  0.0091833666103052798248,
      0.0047393977139786768482, 0.023401135798025039504, -0.078993253247991776935, 0.31513098125964184019,
      -0.85061188060270758226,  1.7400906292496110645,   -2.5300746753939144149,   2.5243030920944352252,
      -1.5414694256632967815,   0.44899105968978381584};
};

template <>
struct AngularCoefficients<float> {
  static constexpr std::array abs{-0.84882637290960324402F,  -0.08488073237064060528F,
                                  -0.027343388931528875279F, -0.011943846217846363884F,
                                  -0.010692329074910357441F, 0.0050763537453269152414F,
                                  -0.013510297405921147485F};
  static constexpr std::array angle{0.63661976518090565819F,   0.10610512889100737265F,
                                    0.047670817114153281855F,  0.029590627804546688384F,
                                    0.010651533025040013767F,  0.048090100883004607627F,
                                    -0.057350666775869579637F, 0.069820626244125145686F};
};

/// A polynomial in x, from its highest powers down: even and odd ones apart, which halves the chain of
/// dependent steps. Unrolled, inlined and with constant coefficients by construction, because at -O2
/// compilers leave a loop, a call and loads here.
template <const auto& coefficients, class Scalar>
struct Horner {
  static constexpr std::size_t even_top = (coefficients.size() - 1) / 2 * 2,
                               odd_top = (coefficients.size() - 2) / 2 * 2 + 1;
  Pack<Scalar> even = Pack<Scalar>::all(coefficients[even_top]);
  Pack<Scalar> odd = Pack<Scalar>::all(coefficients[odd_top]);

  /// The k-th step, from 1 on.
  template <std::size_t k>
  EIGEN_ALWAYS_INLINE void step(Pack<Scalar> square) {
    if constexpr (even_top >= 2 * k)
      even = fma(even, square, Pack<Scalar>::all(coefficients[even_top - 2 * k]));
    if constexpr (odd_top >= 2 * k) odd = fma(odd, square, Pack<Scalar>::all(coefficients[odd_top - 2 * k]));
  }
  EIGEN_ALWAYS_INLINE Pack<Scalar> value(Pack<Scalar> x) const { return fma(odd, x, even); }
};

/// Takes the steps of several polynomials in turn, given x^2: a processor that waits for one goes on with the
/// next.
template <std::size_t k = 1, class Scalar, class... Polynomials>
EIGEN_ALWAYS_INLINE void take_steps(Pack<Scalar> square, Polynomials&... polynomials) {
  (polynomials.template step<k>(square), ...);
  if constexpr (((Polynomials::even_top > 2 * k || Polynomials::odd_top > 2 * k) || ...))
    take_steps<k + 1>(square, polynomials...);
}

/// A(h) for h in [0, 1/2].
template <class Scalar>
EIGEN_ALWAYS_INLINE Pack<Scalar> abs_map(Pack<Scalar> h) {
  if constexpr (std::is_same_v<Scalar, long double>) {
    // No polynomial of this accuracy: the definition, and its Taylor series where it cancels.
    const long double pi = std::numbers::pi_v<long double>;
    if (h.p > 0.01L) {
      const long double root = std::sqrt(h.p), theta = 2 * std::asin(root);
      return (theta - 2 * root * std::sqrt(1 - h.p) - 2 * h.p * theta) / (pi * h.p * root);
    }
    // theta - 2 sqrt(h (1-h)) - 2 h theta = -(8/3) h^(3/2) 2F1(1/2, 1/2; 5/2; h)
    long double term = -8 / (3 * pi), total = term;
    for (int k = 0; k < 12; ++k) {
      term *= (k + 0.5L) * (k + 0.5L) / ((k + 2.5L) * static_cast<long double>(k + 1)) * h.p;
      total += term;
    }
    return total;
  } else {
    Horner<AngularCoefficients<Scalar>::abs, Scalar> map;
    take_steps(h * h, map);
    return map.value(h);
  }
}

/// T(h) for h in [0, 1/2], given sqrt(h).
template <class Scalar>
EIGEN_ALWAYS_INLINE Pack<Scalar> angle_map(Pack<Scalar> h, Pack<Scalar> root) {
  if constexpr (std::is_same_v<Scalar, long double>) {
    const long double pi = std::numbers::pi_v<long double>;
    return root.p > 0 ? 2 * std::asin(root.p) / (pi * root.p) : 2 / pi;
  } else {
    (void)root;
    Horner<AngularCoefficients<Scalar>::angle, Scalar> map;
    take_steps(h * h, map);
    return map.value(h);
  }
}

/// Both of them.
template <class Scalar>
struct AngularMaps {
  Pack<Scalar> abs, angle;
};
/// A(h) and T(h) for h in [0, 1/2], given sqrt(h): faster than one after the other.
template <class Scalar>
EIGEN_ALWAYS_INLINE AngularMaps<Scalar> angular_maps(Pack<Scalar> h, Pack<Scalar> root) {
  if constexpr (std::is_same_v<Scalar, long double>) {
    return {abs_map(h), angle_map(h, root)};
  } else {
    Horner<AngularCoefficients<Scalar>::abs, Scalar> abs;
    Horner<AngularCoefficients<Scalar>::angle, Scalar> angle;
    take_steps(h * h, abs, angle);
    return {abs.value(h), angle.value(h)};
  }
}

}  // namespace gram_detail
}  // namespace SST_ABI
}  // namespace sst
