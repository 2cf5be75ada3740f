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
#include <sst/version.hpp>

/// \file
/// Activations beyond the angular ones, as operations on symbolic nodes. `activate(h, custom(f))`
/// takes a function of one's own.

namespace sst {
inline namespace SST_ABI {

/// erf(h), the error function (Erf).
inline Node erf(const Node& h) { return activate(h, std::make_shared<Erf>()); }
/// h Phi(h), Phi the normal distribution function (Gelu).
inline Node gelu(const Node& h) { return activate(h, std::make_shared<Gelu>()); }
/// sin(h) (Sin).
inline Node sin(const Node& h) { return activate(h, std::make_shared<Sin>()); }
/// cos(h) (Cos).
inline Node cos(const Node& h) { return activate(h, std::make_shared<Cos>()); }
/// sqrt(2) sin(sqrt(2 gamma) h + pi/4): the kernel is the Gaussian one (Rbf). Throws Error unless gamma is
/// finite and >= 0.
inline Node rbf(const Node& h, double gamma) { return activate(h, std::make_shared<Rbf>(gamma)); }
/// sine sin(frequency h) + cosine cos(frequency h) (Sinusoid). Throws Error unless all three are finite.
inline Node sinusoid(const Node& h, double frequency, double sine, double cosine) {
  return activate(h, std::make_shared<Sinusoid>(frequency, sine, cosine));
}
/// exp(-rate h^2) (GaussianBump). Throws Error unless the rate is finite and above 0.
inline Node gaussian(const Node& h, double rate = 1) {
  return activate(h, std::make_shared<GaussianBump>(rate));
}
/// exp(rate h) (Exp).
inline Node exp(const Node& h, double rate = 1) { return activate(h, std::make_shared<Exp>(rate)); }
/// h^degree (Monomial). Throws Error unless degree is from 0 to 32.
inline Node monomial(const Node& h, int degree) { return activate(h, std::make_shared<Monomial>(degree)); }
/// He_degree(h)/sqrt(degree!), normalised Hermite polynomial (Hermite). Throws Error unless degree is from
/// 0 to 32.
inline Node hermite(const Node& h, int degree) { return activate(h, std::make_shared<Hermite>(degree)); }
/// tanh(h) (Tanh).
inline Node tanh(const Node& h) { return activate(h, std::make_shared<Tanh>()); }
/// 1/(1 + exp(-h)) (Sigmoid).
inline Node sigmoid(const Node& h) { return activate(h, std::make_shared<Sigmoid>()); }
/// h/(1 + exp(-h)), also called SiLU (Swish).
inline Node swish(const Node& h) { return activate(h, std::make_shared<Swish>()); }
/// h for h > 0, alpha (exp(h) - 1) below (Elu). Throws Error unless alpha is finite.
inline Node elu(const Node& h, double alpha = 1) { return activate(h, std::make_shared<Elu>(alpha)); }
/// log(1 + exp(h)) (Softplus).
inline Node softplus(const Node& h) { return activate(h, std::make_shared<Softplus>()); }

}  // namespace SST_ABI
}  // namespace sst
