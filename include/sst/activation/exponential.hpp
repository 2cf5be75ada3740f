// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>

#include <sst/activation/activation.hpp>
#include <sst/activation/blur.hpp>
#include <sst/activation/formula.hpp>
#include <sst/activation/trigonometric.hpp>
#include <sst/error.hpp>
#include <sst/version.hpp>

namespace sst {
inline namespace SST_ABI {

/// phi(z) = exp(rate z).
///
/// E = exp((a^2 q + b^2 q' + 2abK)/2) and E[phi' psi'] = a b E for the rates a and b: the moment
/// generating function of a Gaussian. Overflows where the kernel itself does.
/// With a sinusoid of frequency f: E[e^{ag} (sine sin fh + cosine cos fh)] =
/// exp((a^2 q - f^2 q')/2) (sine sin afK + cosine cos afK).
class Exp final : public Activation {
 public:
  /// `rate`: a in exp(a z).
  explicit Exp(double rate = 1) : rate_(rate) {}
  std::string name() const override { return "exp"; }
  std::vector<std::pair<std::string, double>> parameters() const override { return {{"rate", rate_}}; }
  double value(double z) const override { return std::exp(rate_ * z); }
  double derivative(double z) const override { return rate_ * std::exp(rate_ * z); }
  Moments<double> moments(double std) const override { return moments_of(std); }
  Moments<long double> moments(long double std) const override { return moments_of(std); }

  std::shared_ptr<const DualMap> closed_form_with(const Activation& other) const override {
    if (const auto* exp = dynamic_cast<const Exp*>(&other)) return formula_map(Formula{rate_, exp->rate_});
    if (const auto* wave = dynamic_cast<const Sinusoid*>(&other))
      return formula_map(WithWave{rate_, wave->frequency(), wave->sine(), wave->cosine()});
    return nullptr;
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

  struct WithWave {
    double rate, frequency, sine, cosine;
    template <class S>
    S wave(S s, S t, S half, S complement, double sines, double cosines) const {
      const S u = static_cast<S>(rate) * s, v = static_cast<S>(frequency) * t,
              angle = u * v * (complement - half);
      const S size = std::exp((u - v) * (u + v) / 2);
      if (size == 0) return 0;
      return size * (static_cast<S>(sines) * std::sin(angle) + static_cast<S>(cosines) * std::cos(angle));
    }
    template <class S>
    S value(S s, S t, S half, S complement) const {
      return wave(s, t, half, complement, sine, cosine);
    }
    template <class S>
    S derivative(S s, S t, S half, S complement) const {
      return static_cast<S>(rate) * static_cast<S>(frequency) * wave(s, t, half, complement, -cosine, sine);
    }
  };

  template <class S>
  Moments<S> moments_of(S s) const {
    const S u = static_cast<S>(rate_) * s, mean = std::exp(u * u / 2);
    return {std::exp(2 * u * u), mean, static_cast<S>(rate_) * mean};
  }

  double rate_;
};

/// phi(z) = exp(-rate z^2), a bump.
///
/// E[phi psi] = ((1 + 2aq)(1 + 2bq') - 4abK^2)^(-1/2) for the rates a and b, E[phi' psi'] = 4abK times its
/// cube: Gaussian integrals. In blurred form, with a = 1/(2 width^2), so that nothing cancels.
class GaussianBump final : public Activation {
 public:
  /// rate > 0 and finite; throws Error otherwise.
  explicit GaussianBump(double rate = 1) : rate_(rate) {
    if (!(rate > 0) || !std::isfinite(rate))
      throw Error("the rate of gaussian is not positive and finite; choose one above 0");
  }
  std::string name() const override { return "gaussian"; }
  std::vector<std::pair<std::string, double>> parameters() const override { return {{"rate", rate_}}; }
  double value(double z) const override { return std::exp(-rate_ * z * z); }
  double derivative(double z) const override {
    const double bump = value(z);
    return bump == 0 ? 0 : -2 * rate_ * z * bump;
  }
  Moments<double> moments(double std) const override { return moments_of(std); }
  Moments<long double> moments(long double std) const override { return moments_of(std); }
  bool linear_odd_part() const override { return true; }

  std::shared_ptr<const DualMap> closed_form_with(const Activation& other) const override {
    const auto* bump = dynamic_cast<const GaussianBump*>(&other);
    return bump ? formula_map(Formula{rate_, bump->rate_}) : nullptr;
  }

 private:
  struct Formula {
    double a, b;
    template <class S>
    static detail::Spread<S> spread(S std, double rate) {
      return {std, 1 / std::sqrt(2 * static_cast<S>(rate))};
    }
    template <class S>
    S value(S s, S t, S half, S complement) const {
      const auto f = spread(s, a), g = spread(t, b);
      return f.noise * g.noise / detail::Angle<S>(f, g, half, complement).sine;
    }
    template <class S>
    S derivative(S s, S t, S half, S complement) const {
      const auto f = spread(s, a), g = spread(t, b);
      const detail::Angle<S> angle(f, g, half, complement);
      const S root = f.noise / angle.sine * g.noise;
      return 2 * std::sqrt(static_cast<S>(a)) * std::sqrt(static_cast<S>(b)) * angle.cosine / angle.sine *
             root * root;
    }
  };

  template <class S>
  Moments<S> moments_of(S s) const {
    const Formula formula{rate_, rate_};
    return {formula.value(s, s, S(0), S(1)), formula.spread(s, rate_).noise, S(0)};
  }

  double rate_;
};

}  // namespace SST_ABI
}  // namespace sst
