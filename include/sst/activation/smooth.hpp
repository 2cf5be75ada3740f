// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include <sst/activation/activation.hpp>
#include <sst/activation/quadrature.hpp>
#include <sst/error.hpp>

/// \file
/// Activations without a closed form for their duals; quadrature answers for them, to 1e-13
/// (quadrature.hpp).

namespace sst {

/// An activation that leaves its moments and duals to quadrature.
class QuadratureActivation : public Activation {
 public:
  Moments<double> moments(double std) const override { return quadrature_moments(*this, std); }
  /// In double; quadrature has no more digits to give.
  Moments<long double> moments(long double std) const override {
    const auto m = moments(static_cast<double>(std));
    return {m.second, m.mean, m.slope};
  }
};

/// phi(z) = tanh(z).
class Tanh final : public QuadratureActivation {
 public:
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
class Sigmoid final : public QuadratureActivation {
 public:
  std::string name() const override { return "sigmoid"; }
  double value(double z) const override { return detail::logistic(z); }
  double derivative(double z) const override { return detail::logistic(z) * detail::logistic(-z); }
};

/// phi(z) = z / (1 + exp(-z)) (Ramachandran, Zoph, Le 2017, "Searching for Activation Functions").
class Swish final : public QuadratureActivation {
 public:
  std::string name() const override { return "swish"; }
  double value(double z) const override { return z * detail::logistic(z); }
  double derivative(double z) const override {
    const double s = detail::logistic(z), rest = detail::logistic(-z);
    return s + (rest * s == 0 ? 0 : z * s * rest);
  }
};

/// phi(z) = log(1 + exp(z)).
class Softplus final : public QuadratureActivation {
 public:
  std::string name() const override { return "softplus"; }
  double value(double z) const override { return std::max(z, 0.0) + std::log1p(std::exp(-std::abs(z))); }
  double derivative(double z) const override { return detail::logistic(z); }
};

/// phi(z) = z for z > 0, alpha (exp(z) - 1) below; any finite alpha (Clevert, Unterthiner, Hochreiter 2016,
/// "Fast and Accurate Deep Network Learning by Exponential Linear Units", eq. (15)).
class Elu final : public QuadratureActivation {
 public:
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

}  // namespace sst
