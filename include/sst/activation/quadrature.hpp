// SPDX-License-Identifier: MIT
#pragma once

#include <Eigen/Core>
#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <numbers>
#include <shared_mutex>
#include <unordered_map>
#include <utility>
#include <vector>

#include <sst/activation/activation.hpp>
#include <sst/activation/gauss_kronrod.hpp>
#include <sst/base/plain_text.hpp>
#include <sst/error.hpp>
#include <sst/version.hpp>

/// \file
/// Duals of activations without a closed form, by quadrature: adaptive, split at kinks, to a tolerance.

namespace sst {
inline namespace SST_ABI {

/// How closely duals without a closed form are computed.
struct QuadratureOptions {
  /// Error aimed at, relative to sqrt(E phi^2 E psi^2) (derivative: of phi' and psi'); 1e-14 to 1e-2.
  double tolerance = 1e-13;
};

namespace quadrature {

/// Beyond 12.5 standard deviations a Gaussian's square root is below 1e-16.
inline constexpr double reach = 12.5;

/// The density of N(0, 1) at z.
inline double density(double z) {
  return std::exp(-z * z / 2) * std::numbers::inv_sqrtpi / std::numbers::sqrt2;
}

/// Where phi(std z) deserves a cut, in units of std: its kinks and, so that a large std does not step over
/// what happens near the origin, a geometric sequence around it.
inline std::vector<double> marks(const Activation& phi, double std) {
  auto points = phi.kinks();
  if (std > 2)
    for (double z = 7.93; z < reach * std; z *= 64) {
      points.push_back(z);
      points.push_back(-z);
    }
  for (double& z : points) z /= std;
  return points;
}

/// The integrals of one function under N(0, std^2), and panels on which 31 nodes resolve it.
struct Profile {
  double second, mean, slope_second, slope;       ///< E phi^2, E phi, E phi'^2, E phi'
  std::vector<std::pair<double, double>> panels;  ///< left and right ends, in standard deviations
};

/// The profile of phi for this std (>= 0); of a constant for std = 0. Throws Error where phi has a kink that
/// it does not tell: quadrature is exact between kinks, and lost digits in silence at others.
inline Profile profile(const Activation& phi, double std) {
  const double at_zero = phi.value(0), slope_at_zero = phi.derivative(0);
  if (!(std > 0)) return {at_zero * at_zero, at_zero, slope_at_zero * slope_at_zero, slope_at_zero, {}};
  const auto f = [&](double z) {
    const double v = phi.value(std * z), d = phi.derivative(std * z), p = density(z);
    return Values<4>{v * v * p, v * p, d * d * p, d * p};
  };
  auto cuts = marks(phi, std);
  // At no simple multiple of std, so that they hide no kink.
  for (const double z : {-8.173, -4.091, -2.037, 0.0, 2.037, 4.091, 8.173}) cuts.push_back(z);
  // First the size of the integrals, then their digits.
  const auto rough = integrate<4>(f, -reach, reach, cuts, {1e300, 1e300, 1e300, 1e300});
  const auto scale = [](double x) { return 1e-16 * x + 1e-300; };
  // What is smooth needs no narrower panels, be they measured by phi's argument or by std.
  const double narrowest = std::min(1e-5 / std, 1e-4);
  Profile out{};
  try {
    const auto fine = integrate<4>(
        f, -reach, reach, cuts,
        {scale(rough[0]), scale(std::sqrt(rough[0])), scale(rough[2]), scale(std::sqrt(rough[2]))},
        &out.panels, narrowest);
    out.second = fine[0], out.mean = fine[1], out.slope_second = fine[2], out.slope = fine[3];
  } catch (const Unresolved& unresolved) {
    detail::PlainText text;
    text.precision(3);
    text << "the activation '" << phi.name() << "' bends or jumps near " << std * unresolved.at
         << " (or its last digits are noise there), which its kinks() do not tell; add the place to them";
    throw Error(text.str());
  }
  return out;
}

}  // namespace quadrature

/// E phi^2, E phi and E phi' for N(0, std^2), to some units of 1e-15 of E phi^2, its root and the root of
/// E phi'^2. Split at the kinks of phi; other features of phi should be wider than about 0.1.
inline Moments<double> quadrature_moments(const Activation& phi, double std) {
  const auto p = quadrature::profile(phi, std);
  return {p.second, p.mean, p.slope};
}

/// The dual of (phi, psi) as integrals.
///
/// Without kinks by Mehler's formula: with phi(s z) = sum_k a_k He_k(z)/sqrt(k!), E[phi psi] =
/// sum_k a_k b_k c^k, used where |c|^k times the tails, known from E phi^2 = sum_k a_k^2, is below the
/// tolerance. The coefficients of a standard deviation are computed once and kept (some 128 MB at most).
///
/// With kinks, or for large standard deviations near |c| = 1, in polar coordinates: g = s r sin b,
/// h = t r sin(b - theta), c = cos theta. There the integrand is smooth in the sectors between the zeros
/// of g and of h at any theta, so pairs near c = 1 and -1 cost and lose nothing; a kink elsewhere cuts
/// the radius, and the angles where a cut appears or two of them cross. At |c| = 1 it is one integral.
///
/// Thread-safe; the result does not depend on what was asked before. Works in double; extended precision
/// is answered in double. A zero standard deviation is the constant phi(0).
class QuadratureMap final : public DualMap {
 public:
  /// The map of (phi, psi). Throws Error unless the tolerance is from 1e-14 to 1e-2.
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
      const auto pair =
          evaluate(*left, *right, strip.half[l], strip.complement[l], strip.derivative != nullptr);
      strip.value[l] = pair[0];
      if (strip.derivative) strip.derivative[l] = pair[1];
    }
  }

  void evaluate(const DualStrip<long double>& strip) const override {
    const std::size_t n = strip.count;
    std::vector<double> buffer(5 * n);
    double* const at = buffer.data();
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
  static constexpr std::size_t terms = 1024;
  static constexpr double rounding = 4e-15;  // of E phi^2 against the sum of squares

  /// One function at one standard deviation: its integrals, and its Hermite coefficients when smooth.
  struct Expansion {
    double std, second, mean, slope_second, slope;
    double tail, slope_tail;                // bounds of the sums of squares left out
    std::vector<double> value, derivative;  // coefficients
  };
  struct Cache {
    std::shared_mutex lock;
    std::unordered_map<std::uint64_t, std::shared_ptr<const Expansion>> known;
    std::size_t size = 0;  // in doubles
  };

  std::shared_ptr<const Expansion> expansion(const Activation& f, double std, Cache& cache) const {
    const auto key = std::bit_cast<std::uint64_t>(std);
    {
      const std::shared_lock guard(cache.lock);
      if (const auto it = cache.known.find(key); it != cache.known.end()) return it->second;
    }
    auto fresh = std::make_shared<const Expansion>(expand(f, std));
    const std::size_t size = 24 + 2 * fresh->value.size();
    const std::unique_lock guard(cache.lock);
    if (cache.size + size > 8'000'000) {
      cache.known.clear();
      cache.size = 0;
    }
    const auto [it, added] = cache.known.emplace(key, std::move(fresh));
    if (added) cache.size += size;
    return it->second;
  }

  Expansion expand(const Activation& f, double std) const {
    const auto profile = quadrature::profile(f, std);
    Expansion e{std, profile.second, profile.mean, profile.slope_second, profile.slope, 0, 0, {}, {}};
    if (!smooth_) return e;
    if (!(std > 0)) {
      e.value = {e.mean};
      e.derivative = {e.slope};
      return e;
    }
    // Nodes on the panels that resolve f, no wider than 1 so that they resolve He_k as well.
    std::vector<double> at, weight;
    for (const auto& [a, b] : profile.panels) {
      const int pieces = static_cast<int>(std::ceil(b - a));
      for (int piece = 0; piece < pieces; ++piece) {
        const double radius = (b - a) / (2 * pieces), middle = a + (2 * piece + 1) * radius;
        for (const auto& node : quadrature::nodes)
          for (const double side : {-1.0, 1.0}) {
            if (node.at == 0 && side > 0) continue;
            at.push_back(middle + side * radius * node.at);
            weight.push_back(radius * node.kronrod);
          }
      }
    }
    const auto count = static_cast<Eigen::Index>(at.size());
    const Eigen::ArrayXd z = Eigen::Map<const Eigen::ArrayXd>(at.data(), count);
    Eigen::ArrayXd v(count), d(count), before = Eigen::ArrayXd::Zero(count), now(count), next(count);
    for (Eigen::Index i = 0; i < count; ++i) {
      const auto j = static_cast<std::size_t>(i);
      now[i] = std::sqrt(quadrature::density(z[i]));
      v[i] = weight[j] * now[i] * f.value(std * z[i]);
      d[i] = weight[j] * now[i] * f.derivative(std * z[i]);
    }
    // He_k/sqrt(k!) sqrt(density): bounded, by its three-term recurrence.
    double left = e.second, slope_left = e.slope_second;
    const double small = 1e-16 * std::sqrt(e.second), slope_small = 1e-16 * std::sqrt(e.slope_second);
    for (std::size_t k = 0, quiet = 0; k < terms; ++k) {
      const double a = (v * now).sum(), b = (d * now).sum(), order = static_cast<double>(k);
      e.value.push_back(a);
      e.derivative.push_back(b);
      left -= a * a;
      slope_left -= b * b;
      quiet = std::abs(a) <= small && std::abs(b) <= slope_small ? quiet + 1 : 0;
      // Nothing is left to rounding, and the last coefficients say that nothing will come.
      if (quiet >= 8 && left <= rounding * e.second && slope_left <= rounding * e.slope_second) return e;
      next = (z * now - std::sqrt(order) * before) / std::sqrt(order + 1);
      before.swap(now);
      now.swap(next);
    }
    e.tail = std::max(std::abs(left), rounding * e.second);
    e.slope_tail = std::max(std::abs(slope_left), rounding * e.slope_second);
    return e;
  }

  /// E[phi psi] and E[phi' psi'].
  std::array<double, 2> evaluate(const Expansion& f, const Expansion& g, double half, double complement,
                                 bool slopes) const {
    // Of each its own root: the product of two squares may be out of range.
    const double size = std::sqrt(f.second) * std::sqrt(g.second);
    const double slope_size = std::sqrt(f.slope_second) * std::sqrt(g.slope_second);
    if (f.std == 0 || g.std == 0) return {f.mean * g.mean, f.slope * g.slope};  // one of them is a constant
    if (smooth_) {
      const double c = complement - half, last = std::pow(std::abs(c), static_cast<double>(terms));
      const bool value_converged = last * std::sqrt(f.tail) * std::sqrt(g.tail) <= tolerance_ * size;
      const bool slope_converged =
          !slopes || last * std::sqrt(f.slope_tail) * std::sqrt(g.slope_tail) <= tolerance_ * slope_size;
      if (value_converged && slope_converged)
        return {series(f.value, g.value, c), slopes ? series(f.derivative, g.derivative, c) : 0};
    }
    // Most panels do better than they have to.
    const double digits = tolerance_ / 10;
    const quadrature::Values<2> limit{digits * size + 1e-300, slopes ? digits * slope_size + 1e-300 : 1e300};
    return half > 0 && complement > 0 ? polar(f.std, g.std, half, complement, slopes, limit)
                                      : line(f.std, half > 0 ? -g.std : g.std, slopes, limit);
  }

  static double series(const std::vector<double>& a, const std::vector<double>& b, double c) {
    double total = 0;
    for (std::size_t k = std::min(a.size(), b.size()); k-- > 0;) total = total * c + a[k] * b[k];
    return total;
  }

  quadrature::Values<2> product(double x, double y, bool slopes) const {
    return {phi_->value(x) * psi_->value(y), slopes ? phi_->derivative(x) * psi_->derivative(y) : 0};
  }

  /// |c| = 1: h = (t/s) g with t of either sign.
  quadrature::Values<2> line(double s, double t, bool slopes, const quadrature::Values<2>& limit) const {
    auto cuts = quadrature::marks(*phi_, s);
    for (const double mark : quadrature::marks(*psi_, std::abs(t))) cuts.push_back(t > 0 ? mark : -mark);
    for (const double z : {-5.0, 0.0, 5.0}) cuts.push_back(z);
    const auto f = [&](double z) {
      const double p = quadrature::density(z);
      const auto v = product(s * z, t * z, slopes);
      return quadrature::Values<2>{p * v[0], p * v[1]};
    };
    return quadrature::integrate<2>(f, -quadrature::reach, quadrature::reach, cuts, limit);
  }

  quadrature::Values<2> polar(double s, double t, double half, double complement, bool slopes,
                              const quadrature::Values<2>& limit) const {
    using std::numbers::pi;
    // g = s r sin b and h = side t r sin(b - turn): near the zeros, where a large std makes all the
    // difference, the sines keep their relative digits, also for c near -1.
    const bool acute = half <= complement;
    const double side = acute ? 1 : -1;
    const double turn = acute ? 2 * std::asin(std::sqrt(half)) : -2 * std::asin(std::sqrt(complement));
    const auto marks = quadrature::marks(*phi_, s), other_marks = quadrature::marks(*psi_, t);

    // Half a turn: (r, b + pi) is taken together with (r, b).
    std::vector<double> angles;
    const auto cut = [&](double b) { angles.insert(angles.end(), {b - pi, b, b + pi}); };
    cut(0);
    cut(turn);
    const auto appear = [&](const std::vector<double>& points, double shift) {
      for (const double point : points)
        for (const double radius : {1.0, 4.0, quadrature::reach})
          if (point != 0 && std::abs(point) < radius) {
            cut(shift - std::asin(point / radius));
            cut(shift + std::asin(point / radius));
          }
    };
    appear(marks, 0);
    appear(other_marks, turn);
    for (const double kink : phi_->kinks())
      for (const double other : psi_->kinks()) {
        const double u = kink / s, v = other / t;  // u h/t = v g/s
        const double below = acute ? (u - v) - 2 * u * half : 2 * u * complement - (u + v);
        if (u != 0) cut(std::atan(2 * u * std::sqrt(half * complement) / below));
      }

    std::vector<double> radii;
    const auto ray = [&](double b) {
      const double x = std::sin(b), y = side * std::sin(b - turn);
      const auto f = [&](double r) {
        const double weight = r * std::exp(-r * r / 2) / (2 * pi);
        const auto there = product(s * x * r, t * y * r, slopes),
                   back = product(-s * x * r, -t * y * r, slopes);
        return quadrature::Values<2>{weight * (there[0] + back[0]), weight * (there[1] + back[1])};
      };
      radii.assign({4.5});
      for (const double mark : marks) radii.push_back(std::abs(mark / x));
      for (const double mark : other_marks) radii.push_back(std::abs(mark / y));
      return quadrature::integrate<2>(f, 0, quadrature::reach, radii, limit);
    };
    return quadrature::integrate<2>(ray, (turn - pi) / 2, (turn + pi) / 2, angles, limit);
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

}  // namespace SST_ABI
}  // namespace sst
