// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

#include <sst/activation/activation.hpp>
#include <sst/activation/registry.hpp>

namespace sst_test {

/// "relu", or "rbf:0.7" with its parameter, as files would say it.
inline sst::ActivationPtr activation(const std::string& text) {
  const auto colon = text.find(':');
  std::vector<double> values;
  if (colon != std::string::npos) values.push_back(std::stod(text.substr(colon + 1)));
  return sst::activation_registry().at(text.substr(0, colon)).make(values);
}

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
