// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>

#include <sst/activation/activation.hpp>
#include <sst/activation/formula.hpp>

namespace sst {

/// phi(z) = exp(rate z).
///
/// E = exp((a^2 q + b^2 q' + 2abK)/2) and E[phi' psi'] = a b E for the rates a and b: the moment
/// generating function of a Gaussian. Overflows where the kernel itself does.
class Exp final : public Activation {
 public:
  explicit Exp(double rate = 1) : rate_(rate) {}
  std::string name() const override { return "exp"; }
  std::vector<std::pair<std::string, double>> parameters() const override { return {{"rate", rate_}}; }
  double value(double z) const override { return std::exp(rate_ * z); }
  double derivative(double z) const override { return rate_ * std::exp(rate_ * z); }
  Moments<double> moments(double std) const override { return moments_of(std); }
  Moments<long double> moments(long double std) const override { return moments_of(std); }

  std::shared_ptr<const DualMap> closed_form_with(const Activation& other) const override {
    const auto* exp = dynamic_cast<const Exp*>(&other);
    return exp ? formula_map(Formula{rate_, exp->rate_}) : nullptr;
  }

 private:
  struct Formula {
    double a, b;
    template <class S>
    S value(S s, S t, S half, S complement) const {
      const S u = static_cast<S>(a) * s, v = static_cast<S>(b) * t;
      return std::exp(u * v < 0 ? (u + v) * (u + v) / 2 - 2 * u * v * half
                                : (u - v) * (u - v) / 2 + 2 * u * v * complement);
    }
    template <class S>
    S derivative(S s, S t, S half, S complement) const {
      return static_cast<S>(a) * static_cast<S>(b) * value(s, t, half, complement);
    }
  };

  template <class S>
  Moments<S> moments_of(S s) const {
    const S u = static_cast<S>(rate_) * s, mean = std::exp(u * u / 2);
    return {std::exp(2 * u * u), mean, static_cast<S>(rate_) * mean};
  }

  double rate_;
};

}  // namespace sst
