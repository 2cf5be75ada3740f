// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <utility>

#include <sst/activation/custom.hpp>
#include <sst/activation/erf.hpp>
#include <sst/activation/exponential.hpp>
#include <sst/activation/gelu.hpp>
#include <sst/activation/polynomial.hpp>
#include <sst/activation/smooth.hpp>
#include <sst/activation/trigonometric.hpp>
#include <sst/topology/node.hpp>

/// \file
/// Activations beyond the angular ones, as operations on symbolic nodes. `activate(h, custom(f))`
/// takes a function of one's own.

namespace sst {

inline Node erf(const Node& h) { return activate(h, std::make_shared<Erf>()); }
inline Node gelu(const Node& h) { return activate(h, std::make_shared<Gelu>()); }
inline Node sin(const Node& h) { return activate(h, std::make_shared<Sin>()); }
inline Node cos(const Node& h) { return activate(h, std::make_shared<Cos>()); }
inline Node rbf(const Node& h, double gamma) { return activate(h, std::make_shared<Rbf>(gamma)); }
inline Node sinusoid(const Node& h, double frequency, double sine, double cosine) {
  return activate(h, std::make_shared<Sinusoid>(frequency, sine, cosine));
}
inline Node gaussian(const Node& h, double rate = 1) {
  return activate(h, std::make_shared<GaussianBump>(rate));
}
inline Node exp(const Node& h, double rate = 1) { return activate(h, std::make_shared<Exp>(rate)); }
inline Node monomial(const Node& h, int degree) { return activate(h, std::make_shared<Monomial>(degree)); }
inline Node hermite(const Node& h, int degree) { return activate(h, std::make_shared<Hermite>(degree)); }
inline Node tanh(const Node& h) { return activate(h, std::make_shared<Tanh>()); }
inline Node sigmoid(const Node& h) { return activate(h, std::make_shared<Sigmoid>()); }
inline Node swish(const Node& h) { return activate(h, std::make_shared<Swish>()); }
inline Node elu(const Node& h, double alpha = 1) { return activate(h, std::make_shared<Elu>(alpha)); }
inline Node softplus(const Node& h) { return activate(h, std::make_shared<Softplus>()); }

}  // namespace sst
