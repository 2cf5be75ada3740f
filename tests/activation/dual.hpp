// SPDX-License-Identifier: MIT
#pragma once

#include <sst/activation/activation.hpp>

namespace sst_test {

/// E[phi psi] and E[phi' psi'].
template <class Scalar>
struct Dual {
  Scalar value, derivative;
};

/// A dual map at one point.
template <class Scalar>
Dual<Scalar> at(const sst::DualMap& map, Scalar s, Scalar t, Scalar half, Scalar complement) {
  Dual<Scalar> out{};
  map.evaluate(sst::DualStrip<Scalar>{1, s, &t, &half, &complement, &out.value, &out.derivative});
  return out;
}
template <class Scalar>
Dual<Scalar> at(const sst::DualMap& map, Scalar s, Scalar t, Scalar half) {
  return at(map, s, t, half, 1 - half);
}

}  // namespace sst_test
