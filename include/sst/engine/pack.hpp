// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <type_traits>

#include <Eigen/Core>

#include <sst/version.hpp>

namespace sst {
inline namespace SST_ABI {
namespace gram_detail {

/// As many scalars as one instruction of the compiler's target handles: Eigen's packets, so that
/// loops are vectorised by construction at any optimisation level and without fast-math flags.
/// Types without vector instructions (long double) are packs of one.
template <class Scalar>
struct Pack {
  using Packet = typename Eigen::internal::packet_traits<Scalar>::type;
  static constexpr int size = Eigen::internal::unpacket_traits<Packet>::size;

  Packet p;

  Pack() = default;
  Pack(Packet packet) : p(packet) {}
  static Pack all(Scalar value) { return Eigen::internal::pset1<Packet>(value); }
  static Pack load(const Scalar* from) { return Eigen::internal::ploadu<Packet>(from); }
  void store(Scalar* to) const { Eigen::internal::pstoreu(to, p); }

  friend Pack operator+(Pack a, Pack b) { return Eigen::internal::padd(a.p, b.p); }
  friend Pack operator-(Pack a, Pack b) { return Eigen::internal::psub(a.p, b.p); }
  friend Pack operator*(Pack a, Pack b) { return Eigen::internal::pmul(a.p, b.p); }
};

/// a b + c
template <class Scalar>
Pack<Scalar> fma(Pack<Scalar> a, Pack<Scalar> b, Pack<Scalar> c) {
  return Eigen::internal::pmadd(a.p, b.p, c.p);
}
template <class Scalar>
Pack<Scalar> min(Pack<Scalar> a, Pack<Scalar> b) {
  return Eigen::internal::pmin(a.p, b.p);
}
template <class Scalar>
Pack<Scalar> max(Pack<Scalar> a, Pack<Scalar> b) {
  return Eigen::internal::pmax(a.p, b.p);
}
/// Correctly rounded. Eigen's own, in float and with AVX-512, refines an estimate: less accurate, and slower
/// between other arithmetic than the divider, which works beside it.
template <class Scalar>
Pack<Scalar> sqrt(Pack<Scalar> a) {
  if constexpr (Pack<Scalar>::size == 1) {
    return std::sqrt(a.p);
#if defined(__AVX512F__)
  } else if constexpr (std::is_same_v<Scalar, float>) {
    return Pack<Scalar>(_mm512_sqrt_ps(a.p));
  } else if constexpr (std::is_same_v<Scalar, double>) {
    return Pack<Scalar>(_mm512_sqrt_pd(a.p));
#elif defined(__AVX__)
  } else if constexpr (std::is_same_v<Scalar, float>) {
    return Pack<Scalar>(_mm256_sqrt_ps(a.p));
#elif defined(__SSE2__)
  } else if constexpr (std::is_same_v<Scalar, float>) {
    return Pack<Scalar>(_mm_sqrt_ps(a.p));
#endif
  } else {
    return Eigen::internal::psqrt(a.p);
  }
}
/// The smallest of its scalars.
template <class Scalar>
Scalar least(Pack<Scalar> a) {
  return Eigen::internal::predux_min(a.p);
}
/// The sum of its scalars.
template <class Scalar>
Scalar total(Pack<Scalar> a) {
  return Eigen::internal::predux(a.p);
}
/// a / b
template <class Scalar>
Pack<Scalar> divide(Pack<Scalar> a, Pack<Scalar> b) {
  return Eigen::internal::pdiv(a.p, b.p);
}
/// a < b ? yes : no
template <class Scalar>
Pack<Scalar> less(Pack<Scalar> a, Pack<Scalar> b, Pack<Scalar> yes, Pack<Scalar> no) {
  if constexpr (Pack<Scalar>::size == 1)
    return a.p < b.p ? yes : no;
  else
    return Eigen::internal::pselect(Eigen::internal::pcmp_lt(a.p, b.p), yes.p, no.p);
}

}  // namespace gram_detail
}  // namespace SST_ABI
}  // namespace sst
