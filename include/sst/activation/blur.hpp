// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <memory>
#include <numbers>
#include <optional>
#include <utility>
#include <vector>

#include <sst/activation/activation.hpp>
#include <sst/version.hpp>

/// \file
/// Activations that are a sign, a gate or a ramp seen through Gaussian noise, and sums of those: erf,
/// gelu, relu, tanh, sigmoid, swish, softplus, step, ... One closed form each serves all their pairs.

namespace sst {
inline namespace SST_ABI {

/// What is blurred, with the standard normal xi and the normal distribution function Phi.
enum class BlurKind {
  sign,  ///< E sgn(z + width xi) = erf(z / (sqrt(2) width))
  gate,  ///< z Phi(z / width); at width 0 this is relu
  ramp,  ///< E relu(z + width xi) = z Phi(z / width) + width Phi'(z / width)
};

/// One term: weight times the unit of this width (>= 0).
template <class Scalar>
struct Blur {
  Scalar width, weight;  ///< the standard deviation of the blur (>= 0), and the factor
};

/// phi(z) = constant + linear z + sum_i weight_i unit(z; width_i); a sign has linear = 0, a gate and a
/// ramp have constant = 0.
struct Blurred {
  BlurKind kind;                            ///< the unit of all terms
  double constant = 0, linear = 0;          ///< what is not a blurred unit
  std::vector<Blur<double>> terms;          ///< the sum, in double
  std::vector<Blur<long double>> extended;  ///< the same for extended precision

  /// `terms` or `extended`, by the precision.
  template <class Scalar>
  const std::vector<Blur<Scalar>>& of() const {
    if constexpr (std::is_same_v<Scalar, double>)
      return terms;
    else
      return extended;
  }
  /// One term, in both precisions.
  static Blurred single(BlurKind kind, double constant, double linear, long double width, double weight) {
    return {kind, constant, linear, {{static_cast<double>(width), weight}}, {{width, weight}}};
  }
};

namespace detail {

/// The logistic distribution function as a mixture of normal ones, sum_i weight_i Phi(z / width_i).
///
/// It is one with width 2k and k distributed as in the limit of Kolmogorov and Smirnov (Andrews and Mallows
/// 1974, "Scale Mixtures of Normal Distributions", section 3). That density falls off like
/// exp(-2k^2) and exp(-pi^2/8k^2), so the trapezoidal rule in log k converges geometrically: 29 terms give
/// 3e-16, 37 terms 1e-19, uniformly in z. The widths are multiplied by `scale`, the weights by `weight`.
template <class Scalar>
std::vector<Blur<Scalar>> logistic_mixture(Scalar scale, Scalar weight) {
  constexpr bool extended = std::is_same_v<Scalar, long double>;
  const auto step = static_cast<Scalar>(extended ? 0.095L : 0.115L);
  const auto smallest = static_cast<Scalar>(extended ? 1e-21L : 1e-18L);
  const Scalar pi = std::numbers::pi_v<Scalar>;
  std::vector<Blur<Scalar>> mixture;
  for (int i = -24; i <= 24; ++i) {
    const Scalar k = std::exp(step * static_cast<Scalar>(i)), k2 = k * k;
    Scalar density = 0;  // two series of the same function, each where it is short
    for (int j = 1; j <= 8; ++j) {
      const auto n = static_cast<Scalar>(j), odd = (2 * n - 1) * pi;
      density += k > 1
                     ? (j % 2 ? 8 : -8) * n * n * k * std::exp(-2 * n * n * k2)
                     : std::sqrt(2 * pi) / k2 * (odd * odd / (4 * k2) - 1) * std::exp(-odd * odd / (8 * k2));
    }
    if (k * density * step > smallest) mixture.push_back({2 * k * scale, k * density * step * weight});
  }
  return mixture;
}

/// z + width xi for z = std x: its standard deviation, and the shares of z and of the noise in it.
template <class Scalar>
struct Spread {
  Scalar total, signal, noise;

  Spread() = default;
  Spread(Scalar std, Scalar width) : total(std::sqrt(std * std + width * width)), signal(0), noise(1) {
    if (width == 0) total = std;  // std^2 may underflow
    if (total > 0) signal = std / total, noise = width / total;
  }
};

/// The correlation of two blurred Gaussians and sqrt(1 - correlation^2), a sum of positive terms:
/// 1 - (a b c)^2 = (1 - a^2) + a^2 (1 - b^2) + a^2 b^2 (1 - c^2).
template <class Scalar>
struct Angle {
  Scalar cosine, sine;

  Angle(const Spread<Scalar>& f, const Spread<Scalar>& g, Scalar half, Scalar complement)
      : cosine(f.signal * g.signal * (complement - half)) {
    const Scalar a = f.signal * g.noise, b = f.signal * g.signal;
    sine = std::sqrt(f.noise * f.noise + a * a + 4 * b * b * half * complement);
  }
};

template <class Scalar>
struct ValueAndSlope {
  Scalar value, derivative;
};

/// E[unit unit'] and E[unit_z unit'_z] of one pair of terms; s and t are the standard deviations.
/// Signs: Williams 1997 (erf); gates: Tsuchida et al. 2021 (gelu); ramps: Cho and Saul 2009 (relu, n = 1).
template <BlurKind kind, class Scalar>
ValueAndSlope<Scalar> blurred_pair(Scalar s, Scalar t, const Spread<Scalar>& f, const Spread<Scalar>& g,
                                   Scalar half, Scalar complement) {
  const Angle<Scalar> angle(f, g, half, complement);
  const Scalar pi = std::numbers::pi_v<Scalar>, sine = angle.sine, cosine = angle.cosine;
  if constexpr (kind == BlurKind::sign) {
    return {2 / pi * std::atan2(cosine, sine), 2 / pi / f.total / g.total / sine};
  } else {
    // The probability that both are positive, 1/4 + asin(cosine)/2 pi, without its cancellation.
    const Scalar both = std::atan2(sine, -cosine) / (2 * pi);
    const Scalar c = complement - half;
    if constexpr (kind == BlurKind::ramp)
      return {s * t * c * both + f.total * g.total * sine / (2 * pi), both};
    const Scalar noise = f.noise * f.noise + g.noise * g.noise;
    if (sine == 0) return {s * t * c * both, both};
    const Scalar ratio = f.noise / sine * g.noise;
    return {s * (t * (c * both +
                      f.signal * g.signal * (4 * half * complement + c * c * noise) / (2 * pi * sine))),
            both + cosine / (2 * pi * sine) * (noise + ratio * ratio)};
  }
}

/// The derivatives of both by ln s, ln t and c, of one pair of terms; DualPartials has their use.
struct PairPartials {
  double value_left = 0, value_right = 0, slope_left = 0, slope_right = 0, slope_cosine = 0;

  void add(double factor, const PairPartials& other) {
    value_left += factor * other.value_left;
    value_right += factor * other.value_right;
    slope_left += factor * other.slope_left;
    slope_right += factor * other.slope_right;
    slope_cosine += factor * other.slope_cosine;
  }
};

/// By ln s the shares change as signal' = signal noise^2 and (noise^2)' = -2 signal^2 noise^2, hence
/// cosine' = cosine noise^2; by c cosine' = signal signal'. What is singular at sine = 0 is 0 there.
template <BlurKind kind>
PairPartials blurred_pair_partials(double s, double t, const Spread<double>& f, const Spread<double>& g,
                                   double half, double complement) {
  const Angle<double> angle(f, g, half, complement);
  const double pi = std::numbers::pi, sine = angle.sine, cosine = angle.cosine, c = complement - half;
  const double inverse = sine > 0 ? 1 / sine : 0, inverse2 = inverse * inverse, shares = f.signal * g.signal;
  const double f2 = f.noise * f.noise, g2 = g.noise * g.noise, fs = f.signal * f.signal,
               gs = g.signal * g.signal;
  const double apart = 4 * half * complement;
  PairPartials out;
  if constexpr (kind == BlurKind::sign) {
    const double value = 2 / pi * cosine * inverse, slope = 2 / pi / f.total / g.total * inverse;
    out.value_left = value * f2;
    out.value_right = value * g2;
    out.slope_left = -slope * fs * (g2 + gs * apart) * inverse2;
    out.slope_right = -slope * gs * (f2 + fs * apart) * inverse2;
    out.slope_cosine = slope * cosine * shares * inverse2;
  } else {
    const double both = std::atan2(sine, -cosine) / (2 * pi), k = s * t * c * both, unit = inverse / (2 * pi);
    if constexpr (kind == BlurKind::ramp) {
      const double root = f.total * g.total * sine / (2 * pi);
      out.value_left = k + fs * root;
      out.value_right = k + gs * root;
      out.slope_left = unit * cosine * f2;
      out.slope_right = unit * cosine * g2;
      out.slope_cosine = unit * shares;
    } else {
      const double noise = f2 + g2, ratio2 = f2 * g2 * inverse2, x = noise + ratio2;
      const double bend = cosine * cosine * inverse2, u = apart + c * c * noise;
      const auto value = [&](double own_noise, double own_signal) {
        return k + s * t * unit *
                       (c * cosine * own_noise + shares * (u * (1 + own_noise + bend * own_noise) -
                                                           2 * c * c * own_signal * own_noise));
      };
      const auto slope = [&](double own_noise, double own_signal) {
        const double change = -2 * own_signal * (own_noise + ratio2) + 2 * ratio2 * bend * own_noise;
        return unit * cosine * (own_noise * (1 + x + x * bend) + change);
      };
      out.value_left = value(f2, fs);
      out.value_right = value(g2, gs);
      out.slope_left = slope(f2, fs);
      out.slope_right = slope(g2, gs);
      out.slope_cosine = unit * shares * (1 + x + x * bend + 2 * ratio2 * bend);
    }
  }
  return out;
}

/// All pairs of terms of two functions of one kind.
template <BlurKind kind>
class BlurMap final : public DualMap {
 public:
  BlurMap(Blurred f, Blurred g) : f_(std::move(f)), g_(std::move(g)) {}
  void evaluate(const DualStrip<double>& strip) const override { run(strip); }
  void evaluate(const DualStrip<long double>& strip) const override { run(strip); }
  bool partials(const DualStrip<double>& strip, const DualPartials& out) const override {
    const double s = strip.left_std;
    std::vector<Spread<double>> left;
    for (const auto& term : f_.terms) left.emplace_back(s, term.width);
    for (std::size_t l = 0; l < strip.count; ++l) {
      const double t = strip.right_std[l], half = strip.half[l], complement = strip.complement[l];
      PairPartials sum;
      sum.value_left = sum.value_right = linear<double>() * s * t * (complement - half);
      for (const auto& term : g_.terms) {
        const Spread<double> right(t, term.width);
        for (std::size_t i = 0; i < left.size(); ++i)
          sum.add(term.weight * f_.terms[i].weight,
                  blurred_pair_partials<kind>(s, t, left[i], right, half, complement));
      }
      out.value_left[l] = sum.value_left;
      out.value_right[l] = sum.value_right;
      out.slope_left[l] = sum.slope_left;
      out.slope_right[l] = sum.slope_right;
      out.slope_half[l] = -2 * sum.slope_cosine;
    }
    return true;
  }

 private:
  /// Stein's lemma for the linear parts; the slope of a gate and of a ramp is 1/2.
  template <class Scalar>
  Scalar linear() const {
    if (kind == BlurKind::sign) return 0;
    const auto p = static_cast<Scalar>(f_.linear), r = static_cast<Scalar>(g_.linear);
    return p * r + (p * total(g_.of<Scalar>()) + r * total(f_.of<Scalar>())) / 2;
  }
  template <class Scalar>
  static Scalar total(const std::vector<Blur<Scalar>>& terms) {
    Scalar sum = 0;
    for (const auto& term : terms) sum += term.weight;
    return sum;
  }

  template <class Scalar>
  void run(const DualStrip<Scalar>& strip) const {
    const auto &f = f_.of<Scalar>(), &g = g_.of<Scalar>();
    const Scalar s = strip.left_std;
    std::vector<Spread<Scalar>> left;
    for (const auto& term : f) left.emplace_back(s, term.width);
    const Scalar linear = this->linear<Scalar>();
    const Scalar constant = static_cast<Scalar>(f_.constant) * static_cast<Scalar>(g_.constant);
    for (std::size_t l = 0; l < strip.count; ++l) {
      const Scalar t = strip.right_std[l], half = strip.half[l], complement = strip.complement[l];
      ValueAndSlope<Scalar> sum{constant + linear * s * t * (complement - half), linear};
      for (const auto& term : g) {
        const Spread<Scalar> right(t, term.width);
        ValueAndSlope<Scalar> inner{0, 0};
        for (std::size_t i = 0; i < f.size(); ++i) {
          const auto pair = blurred_pair<kind>(s, t, left[i], right, half, complement);
          inner.value += f[i].weight * pair.value;
          inner.derivative += f[i].weight * pair.derivative;
        }
        sum.value += term.weight * inner.value;
        sum.derivative += term.weight * inner.derivative;
      }
      strip.value[l] = sum.value;
      if (strip.derivative) strip.derivative[l] = sum.derivative;
    }
  }

  Blurred f_, g_;
};

}  // namespace detail

/// The dual map of two functions of one kind in closed form, to a few units in the last place of
/// sqrt(E phi^2 E psi^2), in double and in extended precision, for standard deviations from 0 to 1e150.
inline std::shared_ptr<const DualMap> blur_map(Blurred f, Blurred g) {
  switch (f.kind) {
    case BlurKind::sign:
      return std::make_shared<detail::BlurMap<BlurKind::sign>>(std::move(f), std::move(g));
    case BlurKind::gate:
      return std::make_shared<detail::BlurMap<BlurKind::gate>>(std::move(f), std::move(g));
    default:
      return std::make_shared<detail::BlurMap<BlurKind::ramp>>(std::move(f), std::move(g));
  }
}

/// An activation given by its blurred form; duals and moments follow from it.
class BlurredActivation : public Activation {
 public:
  /// The sum of blurred units that this activation is.
  const Blurred& blurred() const { return blurred_; }

  Moments<double> moments(double std) const override { return moments_of(std); }
  Moments<long double> moments(long double std) const override { return moments_of(std); }
  /// E phi and E phi', which cost less than all moments.
  template <class Scalar>
  std::pair<Scalar, Scalar> mean_and_slope(Scalar std) const {
    auto mean = static_cast<Scalar>(blurred_.constant), slope = static_cast<Scalar>(blurred_.linear);
    const Scalar root = std::sqrt(2 * std::numbers::pi_v<Scalar>);
    for (const auto& term : blurred_.of<Scalar>()) {
      const detail::Spread<Scalar> spread(std, term.width);
      if (blurred_.kind == BlurKind::sign) {
        if (spread.total > 0) slope += term.weight * 2 / root / spread.total;
      } else {
        mean += term.weight * (blurred_.kind == BlurKind::gate ? std * spread.signal : spread.total) / root;
        slope += term.weight / 2;
      }
    }
    return {mean, slope};
  }
  bool linear_odd_part() const override { return blurred_.kind != BlurKind::sign; }
  bool constant_even_part() const override { return blurred_.kind == BlurKind::sign; }

  std::shared_ptr<const DualMap> closed_form_with(const Activation& other) const override;

 protected:
  explicit BlurredActivation(Blurred blurred)
      : blurred_(std::move(blurred)), self_(blur_map(blurred_, blurred_)) {}

 private:
  template <class Scalar>
  Moments<Scalar> moments_of(Scalar std) const {
    const Scalar half = 0, complement = 1;
    const auto [mean, slope] = mean_and_slope(std);
    Moments<Scalar> m{0, mean, slope};
    self_->evaluate(DualStrip<Scalar>{1, std, &std, &half, &complement, &m.second, nullptr});
    return m;
  }

  Blurred blurred_;
  std::shared_ptr<const DualMap> self_;
};

/// `f` in blurred form of this kind, if it has one. relu and its relatives have two: as a gate and as a
/// ramp of width 0.
inline std::optional<Blurred> blurred_form(const Activation& f, BlurKind kind) {
  if (const auto* blurred = dynamic_cast<const BlurredActivation*>(&f))
    return blurred->blurred().kind == kind ? std::optional(blurred->blurred()) : std::nullopt;
  const auto form = f.angular();
  if (!form || (form->degree == 0) != (kind == BlurKind::sign)) return std::nullopt;
  if (form->degree == 0) return Blurred::single(kind, form->even, 0, 0, form->odd);
  return Blurred::single(kind, 0, form->odd - form->even, 0, 2 * form->even);
}

/// The dual of two activations that have a blurred form of the same kind; null for others.
inline std::shared_ptr<const DualMap> blur_map(const Activation& f, const Activation& g) {
  for (const auto kind : {BlurKind::sign, BlurKind::gate, BlurKind::ramp}) {
    auto left = blurred_form(f, kind), right = blurred_form(g, kind);
    if (left && right) return blur_map(*std::move(left), *std::move(right));
  }
  return nullptr;
}

inline std::shared_ptr<const DualMap> BlurredActivation::closed_form_with(const Activation& other) const {
  return blur_map(*this, other);
}

}  // namespace SST_ABI
}  // namespace sst
