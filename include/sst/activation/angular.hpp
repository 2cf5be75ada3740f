// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <numbers>

#include <sst/activation/activation.hpp>
#include <sst/version.hpp>

namespace sst {
inline namespace SST_ABI {

/// The activations that see only the angle between two Gaussians: z, |z|, sgn z and 1 and their
/// combinations of one degree (identity, relu, leaky relu, abs, sign, step).
///
/// Sources: Cho and Saul 2009, "Kernel Methods for Deep Learning", eqs. (1)-(6) (degree 0 and 1).
/// The engine evaluates their duals in the half-angle form (docs/mathematics.md), to rounding.
class AngularActivation : public Activation {
 public:
  /// degree 1: odd z + even |z|; degree 0: odd sgn(z) + even.
  explicit AngularActivation(AngularForm form) : form_(form) {}

  std::optional<AngularForm> angular() const override { return form_; }

  double value(double z) const override {
    if (form_.degree == 1) return form_.odd * z + form_.even * std::abs(z);
    return form_.even + form_.odd * (z > 0 ? 1.0 : z < 0 ? -1.0 : 0.0);
  }
  double derivative(double z) const override {
    if (form_.degree == 0) return 0;
    return form_.odd + form_.even * (z > 0 ? 1.0 : z < 0 ? -1.0 : 0.0);
  }
  std::vector<double> kinks() const override { return {0.0}; }

  std::string ntk_obstacle() const override {
    if (form_.degree == 1) return {};
    return name() +
           " has derivative zero almost everywhere and a jump, so a network cannot be trained through it";
  }

  Moments<double> moments(double std) const override { return moments_of(std); }
  Moments<long double> moments(long double std) const override { return moments_of(std); }

 private:
  template <class Scalar>
  Moments<Scalar> moments_of(Scalar std) const {
    const auto odd = static_cast<Scalar>(form_.odd), even = static_cast<Scalar>(form_.even);
    const Scalar root = std::sqrt(Scalar(2) / std::numbers::pi_v<Scalar>);  // E|z| for std 1
    if (form_.degree == 1) return {(odd * odd + even * even) * std * std, even * root * std, odd};
    if (std == 0) return {even * even, even, Scalar(0)};  // phi(0), as sgn 0 = 0
    return {odd * odd + even * even, even, odd * root / std};
  }

  AngularForm form_;
};

/// phi(z) = z.
class Identity final : public AngularActivation {
 public:
  Identity() : AngularActivation({1, 1.0, 0.0}) {}
  std::string name() const override { return "identity"; }
  std::vector<double> kinks() const override { return {}; }
};

/// phi(z) = max(z, 0). Dual: sqrt(q q') (sin t + (pi - t) cos t) / 2 pi (Cho and Saul 2009, n = 1).
class Relu final : public AngularActivation {
 public:
  Relu() : AngularActivation({1, 0.5, 0.5}) {}
  std::string name() const override { return "relu"; }
};

/// phi(z) = max(z, 0) + slope min(z, 0); any finite slope.
class LeakyRelu final : public AngularActivation {
 public:
  /// `slope`: that of the negative side; any finite number.
  explicit LeakyRelu(double slope)
      : AngularActivation({1, (1 + slope) / 2, (1 - slope) / 2}), slope_(slope) {}
  std::string name() const override { return "leaky_relu"; }
  std::vector<std::pair<std::string, double>> parameters() const override { return {{"slope", slope_}}; }

 private:
  double slope_;
};

/// phi(z) = |z|.
class Abs final : public AngularActivation {
 public:
  Abs() : AngularActivation({1, 0.0, 1.0}) {}
  std::string name() const override { return "abs"; }
};

/// phi(z) = positive max(z, 0) + negative min(z, 0): any pair of slopes.
class PiecewiseLinear final : public AngularActivation {
 public:
  /// `positive` and `negative`: the slopes of the two sides; any finite numbers.
  PiecewiseLinear(double positive, double negative)
      : AngularActivation({1, (positive + negative) / 2, (positive - negative) / 2}),
        positive_(positive),
        negative_(negative) {}
  std::string name() const override { return "piecewise_linear"; }
  std::vector<std::pair<std::string, double>> parameters() const override {
    return {{"positive", positive_}, {"negative", negative_}};
  }

 private:
  double positive_, negative_;
};

/// phi(z) = sgn z (0 at 0). NNGP only.
class Sign final : public AngularActivation {
 public:
  Sign() : AngularActivation({0, 1.0, 0.0}) {}
  std::string name() const override { return "sign"; }
};

/// phi(z) = 1 for z > 0, 0 for z < 0 (1/2 at 0). NNGP only.
class Step final : public AngularActivation {
 public:
  Step() : AngularActivation({0, 0.5, 0.5}) {}
  std::string name() const override { return "step"; }
};

}  // namespace SST_ABI
}  // namespace sst
