// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include <sst/activation/activation.hpp>
#include <sst/activation/blur.hpp>
#include <sst/activation/quadrature.hpp>
#include <sst/error.hpp>
#include <sst/version.hpp>

/// \file
/// Activations made of the logistic function, which is a mixture of normal distribution functions: duals
/// and moments are sums of closed forms (blur.hpp). And those that quadrature answers for (quadrature.hpp).

namespace sst {
inline namespace SST_ABI {

namespace detail {
/// By how much phi jumps at one of its kinks; 0 where it only bends.
inline double jump(const Activation& phi, double kink) {
  const double infinity = std::numeric_limits<double>::infinity();
  const double before = phi.value(std::nextafter(kink, -infinity));
  const double after = phi.value(std::nextafter(kink, infinity));
  const double rounding = 1e-9 * (std::abs(before) + std::abs(after) + 1e-6);
  return std::abs(after - before) > rounding ? after - before : 0;
}
}  // namespace detail

/// An activation that leaves its moments and duals to quadrature. Where it jumps (at one of its kinks), E
/// phi' has the height of the jump times the density there, as Stein's lemma wants it, and there is no NTK.
class QuadratureActivation : public Activation {
 public:
  Moments<double> moments(double std) const override {
    auto m = quadrature_moments(*this, std);
    if (std > 0)
      for (const double kink : kinks())
        m.slope += detail::jump(*this, kink) * quadrature::density(kink / std) / std;
    return m;
  }
  std::string ntk_obstacle() const override {
    for (const double kink : kinks())
      if (detail::jump(*this, kink) != 0) return name() + " jumps, so a network cannot be trained through it";
    return {};
  }
  /// In double; quadrature has no more digits to give.
  Moments<long double> moments(long double std) const override {
    const auto m = moments(static_cast<double>(std));
    return {m.second, m.mean, m.slope};
  }
};

/// phi(z) = tanh(z) = 2 logistic(2z) - 1.
class Tanh final : public BlurredActivation {
 public:
  Tanh()
      : BlurredActivation({BlurKind::sign, 0, 0, detail::logistic_mixture(0.5, 1.0),
                           detail::logistic_mixture(0.5L, 1.0L)}) {}
  std::string name() const override { return "tanh"; }
  double value(double z) const override { return std::tanh(z); }
  double derivative(double z) const override {
    const double c = std::cosh(z);
    return 1 / (c * c);
  }
};

namespace detail {
/// 1 / (1 + exp(-z)), without overflow.
inline double logistic(double z) {
  const double e = std::exp(-std::abs(z));
  return z >= 0 ? 1 / (1 + e) : e / (1 + e);
}
}  // namespace detail

/// phi(z) = 1 / (1 + exp(-z)), the logistic function.
class Sigmoid final : public BlurredActivation {
 public:
  Sigmoid()
      : BlurredActivation({BlurKind::sign, 0.5, 0, detail::logistic_mixture(1.0, 0.5),
                           detail::logistic_mixture(1.0L, 0.5L)}) {}
  std::string name() const override { return "sigmoid"; }
  double value(double z) const override { return detail::logistic(z); }
  double derivative(double z) const override { return detail::logistic(z) * detail::logistic(-z); }
};

/// phi(z) = z / (1 + exp(-z)) (Ramachandran, Zoph, Le 2017, "Searching for Activation Functions").
class Swish final : public BlurredActivation {
 public:
  Swish()
      : BlurredActivation({BlurKind::gate, 0, 0, detail::logistic_mixture(1.0, 1.0),
                           detail::logistic_mixture(1.0L, 1.0L)}) {}
  std::string name() const override { return "swish"; }
  double value(double z) const override { return z * detail::logistic(z); }
  double derivative(double z) const override {
    const double s = detail::logistic(z), rest = detail::logistic(-z);
    return s + (rest * s == 0 ? 0 : z * s * rest);
  }
};

/// phi(z) = log(1 + exp(z)).
class Softplus final : public BlurredActivation {
 public:
  Softplus()
      : BlurredActivation({BlurKind::ramp, 0, 0, detail::logistic_mixture(1.0, 1.0),
                           detail::logistic_mixture(1.0L, 1.0L)}) {}
  std::string name() const override { return "softplus"; }
  double value(double z) const override { return std::max(z, 0.0) + std::log1p(std::exp(-std::abs(z))); }
  double derivative(double z) const override { return detail::logistic(z); }
};

/// phi(z) = z for z > 0, alpha (exp(z) - 1) below; any finite alpha (Clevert, Unterthiner, Hochreiter 2016,
/// "Fast and Accurate Deep Network Learning by Exponential Linear Units", eq. (15)).
class Elu final : public QuadratureActivation {
 public:
  /// `alpha`: minus the limit at -infinity. Throws Error unless it is finite.
  explicit Elu(double alpha = 1) : alpha_(alpha) {
    if (!std::isfinite(alpha))
      throw Error("elu needs a finite alpha (it scales the negative side); choose one such as 1");
  }
  std::string name() const override { return "elu"; }
  std::vector<std::pair<std::string, double>> parameters() const override { return {{"alpha", alpha_}}; }
  double value(double z) const override { return z > 0 ? z : alpha_ * std::expm1(z); }
  double derivative(double z) const override {
    return z > 0 ? 1 : z < 0 ? alpha_ * std::exp(z) : (1 + alpha_) / 2;
  }
  std::vector<double> kinks() const override { return {0.0}; }

 private:
  double alpha_;
};

}  // namespace SST_ABI
}  // namespace sst
