// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <utility>

#include <sst/activation/activation.hpp>
#include <sst/activation/formula.hpp>
#include <sst/error.hpp>
#include <sst/version.hpp>

namespace sst {
inline namespace SST_ABI {

/// phi(z) = sine sin(f z) + cosine cos(f z): any sinusoid, with the frequency f. A sin(f z + p) has
/// sine = A cos p and cosine = A sin p.
///
/// For two of them with frequencies f and g, D- = Var(f u - g v)/2 and D+ = Var(f u + g v)/2:
/// E = sine sine' (exp(-D-) - exp(-D+))/2 + cosine cosine' (exp(-D-) + exp(-D+))/2,
/// from the characteristic function of a Gaussian (the mixed terms vanish by symmetry). D- and D+ are
/// sums of squares in the half-angle form, so nothing cancels and nothing overflows.
class Sinusoid : public Activation {
 public:
  /// sine sin(frequency z) + cosine cos(frequency z). Throws Error unless all three are finite.
  Sinusoid(long double frequency, double sine, double cosine)
      : frequency_(std::abs(frequency)), sine_(frequency < 0 ? -sine : sine), cosine_(cosine) {
    if (!std::isfinite(frequency) || !std::isfinite(sine) || !std::isfinite(cosine))
      throw Error("the frequency or an amplitude of a sinusoid is not finite; choose finite ones");
  }

  std::string name() const override { return "sinusoid"; }
  std::vector<std::pair<std::string, double>> parameters() const override {
    return {{"frequency", frequency()}, {"sine", sine_}, {"cosine", cosine_}};
  }
  double value(double z) const override {
    return sine_ * std::sin(frequency() * z) + cosine_ * std::cos(frequency() * z);
  }
  double derivative(double z) const override {
    return frequency() * (sine_ * std::cos(frequency() * z) - cosine_ * std::sin(frequency() * z));
  }
  Moments<double> moments(double std) const override { return moments_of(std); }
  Moments<long double> moments(long double std) const override { return moments_of(std); }

  std::shared_ptr<const DualMap> closed_form_with(const Activation& other) const override {
    const auto* wave = dynamic_cast<const Sinusoid*>(&other);
    return wave ? formula_map(
                      Formula{frequency_, wave->frequency_, sine_ * wave->sine_, cosine_ * wave->cosine_})
                : nullptr;
  }

  bool linear_odd_part() const override { return sine_ == 0; }
  bool constant_even_part() const override { return cosine_ == 0; }

  /// The frequency, never negative.
  double frequency() const { return static_cast<double>(frequency_); }
  /// The amplitude of sin(frequency z).
  double sine() const { return sine_; }
  /// The amplitude of cos(frequency z).
  double cosine() const { return cosine_; }

 private:
  struct Formula {
    long double f, g;       // frequencies
    double sines, cosines;  // products of the two sides' amplitudes

    /// (exp(-D-) - exp(-D+))/2 and their mean; D+ - D- is 2 f g K, so that small variances keep their digits.
    template <class S>
    std::pair<S, S> odd_and_even(S s, S t, S half, S complement) const {
      const S a = static_cast<S>(f) * s, b = static_cast<S>(g) * t, gap = (a - b) * (a - b) / 2;
      const S near = std::exp(-(gap + 2 * a * b * half)), far = std::exp(-(gap + 2 * a * b * complement));
      const S k = a * b * (complement - half);
      return {k >= 0 ? -near * std::expm1(-2 * k) / 2 : far * std::expm1(2 * k) / 2, (near + far) / 2};
    }
    template <class S>
    S value(S s, S t, S half, S complement) const {
      const auto [odd, even] = odd_and_even(s, t, half, complement);
      return static_cast<S>(sines) * odd + static_cast<S>(cosines) * even;
    }
    template <class S>
    S derivative(S s, S t, S half, S complement) const {
      const auto [odd, even] = odd_and_even(s, t, half, complement);
      return static_cast<S>(f) * static_cast<S>(g) *
             (static_cast<S>(sines) * even + static_cast<S>(cosines) * odd);
    }
  };

  template <class S>
  Moments<S> moments_of(S s) const {
    const S f = static_cast<S>(frequency_), decay = std::exp(-f * f * s * s / 2);
    const S p = static_cast<S>(sine_), r = static_cast<S>(cosine_);
    // (p^2 (1 - e) + r^2 (1 + e))/2 with e = exp(-2 f^2 s^2); expm1 keeps small variances.
    const S e = std::expm1(-2 * f * f * s * s);
    return {(r * r * (2 + e) - p * p * e) / 2, r * decay, f * p * decay};
  }

  long double frequency_;  // in full: that of Rbf is a root
  double sine_, cosine_;
};

/// phi(z) = sin(z).
class Sin final : public Sinusoid {
 public:
  Sin() : Sinusoid(1, 1, 0) {}
  std::string name() const override { return "sin"; }
  std::vector<std::pair<std::string, double>> parameters() const override { return {}; }
};

/// phi(z) = cos(z).
class Cos final : public Sinusoid {
 public:
  Cos() : Sinusoid(1, 0, 1) {}
  std::string name() const override { return "cos"; }
  std::vector<std::pair<std::string, double>> parameters() const override { return {}; }
};

/// The random Fourier feature sqrt(2) sin(sqrt(2 gamma) z + pi/4), whose dual is the Gaussian kernel
/// exp(-gamma (q + q' - 2K)). Rahimi and Recht 2007, "Random Features for Large-Scale Kernel Machines".
class Rbf final : public Sinusoid {
 public:
  /// gamma >= 0; throws Error otherwise.
  explicit Rbf(double gamma)
      : Sinusoid(std::sqrt(2 * static_cast<long double>(check(gamma))), 1, 1), gamma_(gamma) {}
  std::string name() const override { return "rbf"; }
  std::vector<std::pair<std::string, double>> parameters() const override { return {{"gamma", gamma_}}; }

 private:
  static double check(double gamma) {
    if (!(gamma >= 0) || !std::isfinite(gamma))
      throw Error("the gamma of rbf is negative or not finite; choose gamma >= 0");
    return gamma;
  }
  double gamma_;
};

}  // namespace SST_ABI
}  // namespace sst
