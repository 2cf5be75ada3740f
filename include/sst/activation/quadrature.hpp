// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <numbers>
#include <shared_mutex>
#include <unordered_map>
#include <utility>
#include <vector>

#include <sst/activation/activation.hpp>
#include <sst/error.hpp>

/// \file
/// Duals of activations without a closed form, by quadrature: adaptive, split at kinks, to a tolerance.

namespace sst {

struct QuadratureOptions {
  /// Error aimed at, relative to sqrt(E phi^2 E psi^2); 1e-14 to 1e-2.
  double tolerance = 1e-13;
};

namespace quadrature {

/// Beyond 12.5 standard deviations a Gaussian's square root is below 1e-16.
inline constexpr double reach = 12.5;

inline double density(double z) { return std::exp(-z * z / 2) * std::numbers::inv_sqrtpi / std::numbers::sqrt2; }

/// Gauss-Legendre nodes and weights on [-1, 1], by Newton's method on the Legendre polynomial.
struct GaussLegendre {
  static constexpr int n = 20;
  std::array<double, n> node{}, weight{};
  GaussLegendre() {
    for (int i = 0; i < n; ++i) {
      double x = std::cos(std::numbers::pi * (i + 0.75) / (n + 0.5)), slope = 1;
      for (int step = 0; step < 50; ++step) {
        double p0 = 1, p1 = x;
        for (int k = 2; k <= n; ++k) p0 = std::exchange(p1, ((2 * k - 1) * x * p1 - (k - 1) * p0) / k);
        slope = n * (x * p1 - p0) / (x * x - 1);
        const double change = p1 / slope;
        x -= change;
        if (std::abs(change) < 1e-16) break;
      }
      node[static_cast<std::size_t>(i)] = x;
      weight[static_cast<std::size_t>(i)] = 2 / ((1 - x * x) * slope * slope);
    }
  }
  static const GaussLegendre& rule() {
    static const GaussLegendre rule;
    return rule;
  }
};

template <std::size_t n>
using Values = std::array<double, n>;

/// Several integrals over [a, b] at once, bisected until halving a panel changes none of them by more
/// than `tolerance` (absolute, per integral).
template <std::size_t n, class Function>
class Adaptive {
 public:
  Adaptive(const Function& f, const Values<n>& tolerance) : f_(f), tolerance_(tolerance) {}

  Values<n> over(double a, double b) const { return refine(a, b, panel(a, b), 0); }

 private:
  Values<n> panel(double a, double b) const {
    const auto& rule = GaussLegendre::rule();
    Values<n> total{};
    const double middle = (a + b) / 2, radius = (b - a) / 2;
    for (std::size_t i = 0; i < rule.node.size(); ++i) {
      const Values<n> v = f_(middle + radius * rule.node[i]);
      for (std::size_t k = 0; k < n; ++k) total[k] += rule.weight[i] * radius * v[k];
    }
    return total;
  }
  Values<n> refine(double a, double b, const Values<n>& whole, int depth) const {
    const double middle = (a + b) / 2;
    Values<n> left = panel(a, middle), right = panel(middle, b);
    bool good = true;
    for (std::size_t k = 0; k < n; ++k)
      good = good && std::abs(left[k] + right[k] - whole[k]) <= tolerance_[k];
    if (!good && depth < 40) {
      left = refine(a, middle, left, depth + 1);
      right = refine(middle, b, right, depth + 1);
    }
    for (std::size_t k = 0; k < n; ++k) left[k] += right[k];
    return left;
  }

  const Function& f_;
  Values<n> tolerance_;
};

/// Integrals over [-reach, reach], split at the given points.
template <std::size_t n, class Function>
Values<n> integrate(const Function& f, std::vector<double> cuts, const Values<n>& tolerance) {
  for (const double point : {-reach, -4.0, 0.0, 4.0, reach}) cuts.push_back(point);
  std::erase_if(cuts, [](double z) { return !(std::abs(z) <= reach); });
  std::sort(cuts.begin(), cuts.end());
  Values<n> total{};
  const Adaptive<n, Function> adaptive(f, tolerance);
  for (std::size_t i = 0; i + 1 < cuts.size(); ++i) {
    if (cuts[i + 1] - cuts[i] < 1e-15) continue;
    const Values<n> part = adaptive.over(cuts[i], cuts[i + 1]);
    for (std::size_t k = 0; k < n; ++k) total[k] += part[k];
  }
  return total;
}

inline std::vector<double> scaled(std::vector<double> points, double factor) {
  for (double& p : points) p *= factor;
  return points;
}

/// Where to split an integral of phi(std z): at its kinks, and, seen from a large std, around the
/// origin, where activations do what they do.
inline std::vector<double> landmarks(const Activation& phi, double std) {
  auto points = phi.kinks();
  if (std > 2)
    for (const double z : {1.0, 4.0, 16.0, 64.0}) {
      points.push_back(z);
      points.push_back(-z);
    }
  return scaled(std::move(points), 1 / std);
}

}  // namespace quadrature

/// E phi^2, E phi and E phi' for N(0, std^2), to some units of 1e-15 of E phi^2 and its root; split at
/// the kinks of phi.
inline Moments<double> quadrature_moments(const Activation& phi, double std) {
  if (!(std > 0)) {
    const double value = phi.value(0);
    return {value * value, value, phi.derivative(0)};
  }
  const auto f = [&](double z) {
    const double v = phi.value(std * z), p = quadrature::density(z);
    return quadrature::Values<3>{v * v * p, v * p, phi.derivative(std * z) * p};
  };
  const auto cuts = quadrature::landmarks(phi, std);
  // First the size of the integrals, then their digits.
  const auto rough = quadrature::integrate<3>(f, cuts, {1e300, 1e300, 1e300});
  const double scale = std::sqrt(std::abs(rough[0])) + 1e-300;
  const auto fine = quadrature::integrate<3>(
      f, cuts, {1e-16 * std::abs(rough[0]) + 1e-300, 1e-16 * scale, 1e-16 * (scale / std + std::abs(rough[2]))});
  return {fine[0], fine[1], fine[2]};
}

/// The dual of (phi, psi) as integrals.
///
/// Without kinks by Mehler's formula: with phi(s z) = sum_k a_k He_k(z)/sqrt(k!), E[phi psi] =
/// sum_k a_k b_k c^k, cut where the two tails times |c|^k are below the tolerance. With kinks, or
/// where that takes more than 256 terms (large standard deviations near |c| = 1), as nested adaptive
/// Gauss-Legendre integrals, split at the kinks of both functions. Works in double; extended precision is
/// answered in double.
class QuadratureMap final : public DualMap {
 public:
  QuadratureMap(ActivationPtr phi, ActivationPtr psi, QuadratureOptions options)
      : phi_(std::move(phi)), psi_(std::move(psi)), tolerance_(options.tolerance) {
    if (!(tolerance_ >= 1e-14 && tolerance_ <= 1e-2))
      throw Error("the quadrature tolerance is out of range; choose one from 1e-14 to 1e-2");
    smooth_ = phi_->kinks().empty() && psi_->kinks().empty();
  }

  void evaluate(const DualStrip<double>& strip) const override {
    const auto left = expansion(*phi_, strip.left_std, left_);
    for (std::size_t l = 0; l < strip.count; ++l) {
      const auto right = expansion(*psi_, strip.right_std[l], right_);
      const auto pair = evaluate(*left, *right, strip.half[l], strip.complement[l], strip.derivative != nullptr);
      strip.value[l] = pair[0];
      if (strip.derivative) strip.derivative[l] = pair[1];
    }
  }

  void evaluate(const DualStrip<long double>& strip) const override {
    std::vector<double> buffer(6 * strip.count);
    double* const at = buffer.data();
    const std::size_t n = strip.count;
    for (std::size_t l = 0; l < n; ++l) {
      at[l] = static_cast<double>(strip.right_std[l]);
      at[n + l] = static_cast<double>(strip.half[l]);
      at[2 * n + l] = static_cast<double>(strip.complement[l]);
    }
    evaluate(DualStrip<double>{n, static_cast<double>(strip.left_std), at, at + n, at + 2 * n, at + 3 * n,
                               strip.derivative ? at + 4 * n : nullptr});
    for (std::size_t l = 0; l < n; ++l) {
      strip.value[l] = at[3 * n + l];
      if (strip.derivative) strip.derivative[l] = at[4 * n + l];
    }
  }

 private:
  static constexpr std::size_t terms = 256;

  /// One function at one standard deviation: its moments, and its Hermite coefficients when smooth.
  struct Expansion {
    double std;
    double second, slope_second;           // E phi^2, E phi'^2
    double tail, slope_tail;               // of these, beyond `terms`
    std::vector<double> value, derivative;  // coefficients
  };
  struct Cache {
    mutable std::shared_mutex lock;
    std::unordered_map<std::uint64_t, std::shared_ptr<const Expansion>> known;
  };

  std::shared_ptr<const Expansion> expansion(const Activation& f, double std, Cache& cache) const {
    const auto key = std::bit_cast<std::uint64_t>(std);
    {
      const std::shared_lock guard(cache.lock);
      if (const auto it = cache.known.find(key); it != cache.known.end()) return it->second;
    }
    auto fresh = std::make_shared<const Expansion>(expand(f, std));
    const std::unique_lock guard(cache.lock);
    if (cache.known.size() >= 20000) cache.known.clear();  // some 80 MB
    return cache.known.emplace(key, std::move(fresh)).first->second;
  }

  Expansion expand(const Activation& f, double std) const {
    Expansion e{std, quadrature_moments(f, std).second, 0, 0, 0, {}, {}};
    if (!smooth_) return e;
    // The trapezoidal rule converges geometrically for analytic functions under a Gaussian.
    constexpr double step = 1.0 / 64;
    e.value.assign(terms, 0);
    e.derivative.assign(terms, 0);
    for (double z = -quadrature::reach; z <= quadrature::reach; z += step) {
      const double v = f.value(std * z), d = f.derivative(std * z);
      const double root = std::sqrt(quadrature::density(z));
      e.slope_second += step * d * d * root * root;
      // He_k/sqrt(k!) sqrt(density): bounded, by its three-term recurrence.
      double before = 0, h = root;
      for (std::size_t k = 0; k < terms; ++k) {
        e.value[k] += step * v * h * root;
        e.derivative[k] += step * d * h * root;
        const auto order = static_cast<double>(k);
        before = std::exchange(h, (z * h - std::sqrt(order) * before) / std::sqrt(order + 1));
      }
    }
    e.tail = e.second;
    e.slope_tail = e.slope_second;
    for (std::size_t k = 0; k < terms; ++k) {
      e.tail -= e.value[k] * e.value[k];
      e.slope_tail -= e.derivative[k] * e.derivative[k];
    }
    // What is left is the tail or rounding.
    e.tail = std::max(e.tail, 4e-16 * e.second);
    e.slope_tail = std::max(e.slope_tail, 4e-16 * e.slope_second);
    return e;
  }

  /// E[phi psi] and E[phi' psi'].
  std::array<double, 2> evaluate(const Expansion& f, const Expansion& g, double half, double complement,
                                 bool slopes) const {
    if (smooth_) {
      const double c = complement - half, last = std::pow(std::abs(c), static_cast<double>(terms));
      const bool value_converged = last * std::sqrt(f.tail * g.tail) <= tolerance_ * std::sqrt(f.second * g.second);
      const bool slope_converged = !slopes || last * std::sqrt(f.slope_tail * g.slope_tail) <=
                                                  tolerance_ * std::sqrt(f.slope_second * g.slope_second);
      if (value_converged && slope_converged)
        return {series(f.value, g.value, c), slopes ? series(f.derivative, g.derivative, c) : 0};
    }
    return nested(f, g, half, complement);
  }

  static double series(const std::vector<double>& a, const std::vector<double>& b, double c) {
    double total = 0;
    for (std::size_t k = terms; k-- > 0;) total = total * c + a[k] * b[k];
    return total;
  }

  std::array<double, 2> nested(const Expansion& f, const Expansion& g, double half, double complement) const {
    const double s = f.std, t = g.std, c = complement - half, r = 2 * std::sqrt(half * complement);
    const double size = std::sqrt(f.second * g.second) + 1e-300;
    const double digits = tolerance_ / 10;
    const auto derivative_size = [&](double std, double second) {
      return std > 0 ? std::sqrt(second) / std : std::abs(phi_->derivative(0));
    };
    const double slope_size = derivative_size(s, f.second) * derivative_size(t, g.second) + 1e-300;
    const quadrature::Values<2> tolerance{digits * size, digits * slope_size};
    if (s == 0 || t == 0) {  // one of the two is a constant
      const double a = s == 0 ? phi_->value(0) : quadrature_moments(*phi_, s).mean;
      const double b = t == 0 ? psi_->value(0) : quadrature_moments(*psi_, t).mean;
      const double da = s == 0 ? phi_->derivative(0) : quadrature_moments(*phi_, s).slope;
      const double db = t == 0 ? psi_->derivative(0) : quadrature_moments(*psi_, t).slope;
      return {a * b, da * db};
    }
    auto outer_cuts = quadrature::landmarks(*phi_, s);
    const auto kinks = quadrature::scaled(psi_->kinks(), 1 / t), marks = quadrature::landmarks(*psi_, t);
    if (c != 0)
      for (const double mark : marks) outer_cuts.push_back(mark / c);
    for (const double k : kinks)
      if (c != 0)
        for (const double width : {0.0, 1.0, 4.0, 12.0})  // the inner integral changes over some r around k/c
          for (const double side : {-1.0, 1.0}) outer_cuts.push_back((k + side * width * r) / c);
    if (r < 1e-12) {  // |c| = 1 to rounding: one integral
      const auto line = [&](double z) {
        const double p = quadrature::density(z);
        return quadrature::Values<2>{phi_->value(s * z) * psi_->value(t * c * z) * p,
                                     phi_->derivative(s * z) * psi_->derivative(t * c * z) * p};
      };
      return quadrature::integrate<2>(line, outer_cuts, tolerance);
    }
    const auto outer = [&](double z) {
      const double p = quadrature::density(z), v = phi_->value(s * z), d = phi_->derivative(s * z);
      if (p == 0 || (v == 0 && d == 0)) return quadrature::Values<2>{0, 0};
      const auto inner = [&](double y) {
        const double q = quadrature::density(y), x = t * (c * z + r * y);
        return quadrature::Values<2>{psi_->value(x) * q, psi_->derivative(x) * q};
      };
      std::vector<double> cuts;
      for (const double mark : marks) cuts.push_back((mark - c * z) / r);
      const auto limit = [&](double wanted, double factor) {
        return factor > 0 ? wanted / 4 / factor : 1e300;
      };
      const auto mean = quadrature::integrate<2>(
          inner, std::move(cuts), {limit(tolerance[0], std::abs(v) * p), limit(tolerance[1], std::abs(d) * p)});
      return quadrature::Values<2>{v * p * mean[0], d * p * mean[1]};
    };
    return quadrature::integrate<2>(outer, std::move(outer_cuts), tolerance);
  }

  ActivationPtr phi_, psi_;
  double tolerance_;
  bool smooth_ = false;
  mutable Cache left_, right_;
};

/// The dual of any two activations by quadrature; see QuadratureMap.
inline std::shared_ptr<const DualMap> quadrature_map(ActivationPtr phi, ActivationPtr psi,
                                                     QuadratureOptions options = {}) {
  return std::make_shared<QuadratureMap>(std::move(phi), std::move(psi), options);
}

}  // namespace sst
