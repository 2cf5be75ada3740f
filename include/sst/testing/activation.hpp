// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <sst/activation/activation.hpp>
#include <sst/activation/angular.hpp>
#include <sst/activation/dual.hpp>
#include <sst/activation/gauss_kronrod.hpp>
#include <sst/activation/quadrature.hpp>
#include <sst/activation/smooth.hpp>
#include <sst/base/plain_text.hpp>
#include <sst/testing/findings.hpp>
#include <sst/version.hpp>

/// \file
/// The laws that every activation keeps, for tests of activations of one's own.

namespace sst {
inline namespace SST_ABI {
namespace testing {
namespace detail {

/// What quadrature is held to; its own tolerance is 1e-13.
inline constexpr double quadrature_digits = 1e-12;

/// E[phi psi] and E[phi' psi'].
template <class Scalar>
struct Dual {
  Scalar value, derivative;
};

template <class Scalar>
Dual<Scalar> dual_at(const DualMap& map, Scalar s, Scalar t, Scalar half) {
  const Scalar complement = 1 - half;
  Dual<Scalar> out{};
  map.evaluate(DualStrip<Scalar>{1, s, &t, &half, &complement, &out.value, &out.derivative});
  return out;
}

/// sqrt(E phi^2).
inline double size(const Activation& phi, double std) { return std::sqrt(phi.moments(std).second); }

/// Whether phi jumps somewhere; derivatives then leave something out.
inline bool jumps(const Activation& phi) {
  const auto kinks = phi.kinks();
  return std::any_of(kinks.begin(), kinks.end(), [&](double at) {
    const double step = 1e-9 * (1 + std::abs(at));
    return std::abs(phi.value(at + step) - phi.value(at - step)) > 1e-6;
  });
}

/// Whether phi and phi' of numbers of this size have squares, and integrals, where quadrature has to find
/// them: it would follow every wave that there may be.
inline bool within_reach(const Activation& phi, double std, bool integrated) {
  if (integrated && std > 1e3) return false;
  const auto small = [](double x) { return std::abs(x) < 1e150; };
  const double z = quadrature::reach * std;
  return small(phi.value(z)) && small(phi.value(-z)) && small(phi.derivative(z)) && small(phi.derivative(-z));
}

/// The laws of a function and of its moments.
class ActivationLaws {
 public:
  ActivationLaws(const Activation& phi, double tolerance, Findings& found)
      : phi_(phi), tolerance_(tolerance), found_(found) {}

  /// What the function itself has to keep.
  void function() {
    const std::string name = phi_.name();
    found_.require(!name.empty() && name.find('\n') == std::string::npos, "the name is one line", "it is '",
                   name, "'");
    kinks();
    slope();
    steady([&](double z) { return phi_.value(z); }, "the value jumps at kinks alone");
    steady([&](double z) { return phi_.derivative(z); }, "the derivative jumps at kinks alone");
    symmetry();
    found_.require(!jumps(phi_) || !phi_.ntk_obstacle().empty(), "what jumps has an ntk_obstacle",
                   "it is empty");
    for (const double z : {800.0, 1e100, 1e300})
      for (const double at : {z, -z}) {
        found_.require(!std::isnan(phi_.value(at)), "the value is a number everywhere", "z = ", at);
        found_.require(!std::isnan(phi_.derivative(at)), "the derivative is a number everywhere", "z = ", at);
      }
  }

  /// What its integrals have to keep.
  void integrals() {
    limits();
    for (const double s : {1e-3, 0.7, 1.0, 3.0}) moments(s);
    const double zero = phi_.value(0);
    if (!jumps(phi_))
      found_.near(phi_.moments(0.0).second, zero * zero, tolerance_ * (1 + zero * zero),
                  "without variance E[phi^2] is phi(0)^2");
  }

 private:
  void kinks() {
    const auto points = phi_.kinks();
    for (std::size_t k = 0; k + 1 < points.size(); ++k)
      found_.require(points[k] < points[k + 1], "kinks ascend", points[k], " before ", points[k + 1]);
    for (const double at : points) {
      const double step = 1e-9 * (1 + std::abs(at));
      const auto mean = [&](const auto& f) { return (f(at - step) + f(at + step)) / 2; };
      const double value = mean([&](double z) { return phi_.value(z); });
      const double derivative = mean([&](double z) { return phi_.derivative(z); });
      found_.near(phi_.value(at), value, 1e-6 * (1 + std::abs(value)),
                  "at a kink the value is the mean of both sides", "z = ", at, ": ");
      found_.near(phi_.derivative(at), derivative, 1e-6 * (1 + std::abs(derivative)),
                  "at a kink the derivative is the mean of both sides", "z = ", at, ": ");
    }
  }

  void slope() {
    const auto points = phi_.kinks();
    const double step = 1e-4;
    for (const double z : {-30.0, -3.0, -0.7, -0.01, 0.02, 0.5, 2.0, 25.0}) {
      if (std::any_of(points.begin(), points.end(), [&](double at) { return std::abs(z - at) < 3 * step; }))
        continue;
      const auto secant = [&](double h) { return (phi_.value(z + h) - phi_.value(z - h)) / (2 * h); };
      const double expected = (4 * secant(step) - secant(2 * step)) / 3;  // Richardson's extrapolation
      found_.near(phi_.derivative(z), expected,
                  1e-7 * (1 + std::abs(expected)) + 1e-10 * std::abs(phi_.value(z)),
                  "the derivative is the slope of the value", "z = ", z, ": ");
    }
  }

  /// Where f changes most, however closely one looks, there is a kink or no jump.
  template <class F>
  void steady(const F& f, const std::string& law) {
    const auto points = phi_.kinks();
    for (int step = -800; step < 800; ++step) {
      double from = step * 0.01, to = from + 0.01, left = f(from), right = f(to);
      if (std::any_of(points.begin(), points.end(), [&](double at) { return from <= at && at <= to; }))
        continue;
      while (to - from > 1e-9) {
        const double middle = (from + to) / 2, value = f(middle);
        const bool in_left = std::abs(value - left) > std::abs(right - value);
        (in_left ? to : from) = middle;
        (in_left ? right : left) = value;
      }
      found_.near(right, left, 1e-5 * (1 + std::abs(left)), law, "z = ", from, ": ");
    }
  }

  void symmetry() {
    const std::optional<AngularForm> form = phi_.angular();
    const auto odd = [&](double z) { return (phi_.value(z) - phi_.value(-z)) / 2; };
    const auto even = [&](double z) { return (phi_.value(z) + phi_.value(-z)) / 2; };
    for (const double z : {0.01, 0.3, 2.0, 9.0}) {
      const double near = tolerance_ * (1 + std::abs(phi_.value(z)) + std::abs(phi_.value(-z)));
      if (form) {
        const double power = form->degree == 1 ? z : 1;
        found_.near(odd(z), form->odd * power, near, "the angular form is the function", "odd part at ", z,
                    ": ");
        found_.near(even(z), form->even * power, near, "the angular form is the function", "even part at ", z,
                    ": ");
      }
      if (phi_.linear_odd_part())
        found_.near(odd(z), odd(1) * z, near, "linear_odd_part: phi(z) - phi(-z) is a multiple of z",
                    "z = ", z, ": ");
      if (phi_.constant_even_part())
        found_.near(even(z), even(1), near, "constant_even_part: phi(z) + phi(-z) is constant", "z = ", z,
                    ": ");
    }
  }

  void limits() {
    const bool integrated = dynamic_cast<const QuadratureActivation*>(&phi_) != nullptr;
    for (const double s : {0.0, 1e-90, 1e-20, 1e20, 1e77, 1e90}) {
      if (!within_reach(phi_, s, integrated)) continue;
      const auto m = phi_.moments(s);
      found_.require(std::isfinite(m.second) && std::isfinite(m.mean) && std::isfinite(m.slope),
                     "moments are finite where the function's squares are", "std ", s, ": ", m.second, ", ",
                     m.mean, ", ", m.slope);
    }
  }

  void moments(double s) {
    const auto m = phi_.moments(s);
    const auto wide = phi_.moments(static_cast<long double>(s));
    const auto q = quadrature_moments(phi_, s);
    const double root = std::sqrt(q.second), loose = std::max(tolerance_, quadrature_digits);
    found_.near(m.second, q.second, loose * q.second, "E[phi^2] is its integral", "std ", s, ": ");
    found_.near(m.mean, q.mean, loose * root, "E[phi] is its integral", "std ", s, ": ");
    // By Stein, since the integral of phi' knows nothing of jumps.
    auto cuts = quadrature::marks(phi_, s);
    const auto stein = [&](double z) {
      return quadrature::Values<1>{phi_.value(s * z) * z / s * quadrature::density(z)};
    };
    const double slope =
        quadrature::integrate<1>(stein, -quadrature::reach, quadrature::reach, cuts, {1e-14 * root / s})[0];
    found_.near(m.slope, slope, loose * (std::abs(slope) + root / s), "the slope is E[phi(z) z] / std^2",
                "std ", s, ": ");
    const double near = tolerance_ * (1 + root / s);
    found_.near(static_cast<double>(wide.second), m.second, tolerance_ * m.second,
                "moments in extended precision are those in double", "second, std ", s, ": ");
    found_.near(static_cast<double>(wide.mean), m.mean, tolerance_ * root,
                "moments in extended precision are those in double", "mean, std ", s, ": ");
    found_.near(static_cast<double>(wide.slope), m.slope, near,
                "moments in extended precision are those in double", "slope, std ", s, ": ");
  }

  const Activation& phi_;
  const double tolerance_;
  Findings& found_;
};

/// The laws of the dual of a pair.
class DualLaws {
 public:
  DualLaws(const ActivationPtr& phi, const ActivationPtr& psi, double tolerance, Findings& found)
      : phi_(phi),
        psi_(psi),
        map_(dual_map(phi, psi)),
        swapped_(dual_map(psi, phi)),
        closed_(phi->closed_form_with(*psi)),
        integrals_(quadrature_map(phi, psi)),
        integrated_(dynamic_cast<const QuadratureMap*>(map_.get()) != nullptr),
        jumps_(jumps(*phi) || jumps(*psi)),
        derivatives_(!(jumps_ && integrated_)),
        tolerance_(tolerance),
        found_(found) {}

  void check() {
    for (const double s : {1e-3, 0.6, 2.5})
      for (const double half : {0.0, 1e-9, 0.2, 0.5, 0.85, 1.0}) pair(s, 1.7, half);
    for (const double s : {1e-90, 1e-20, 1e20, 1e77, 1e90})
      for (const double t : {0.0, 1e-90, 1.0, s}) limits(s, t);
    ends();
    strip();
  }

 private:
  void pair(double s, double t, double half) {
    sst::detail::PlainText text;
    text << "stds " << s << " and " << t << ", half " << half << ": ";
    const std::string at = text.str();
    const double scale = size(*phi_, s) * size(*psi_, t), loose = std::max(tolerance_, quadrature_digits);
    const auto x = dual_at(*map_, s, t, half);
    found_.near(x.value, dual_at(*swapped_, t, s, half).value, tolerance_ * scale, "E[phi psi] is E[psi phi]",
                at);
    found_.require(std::abs(x.value) <= scale * (1 + tolerance_), "E[phi psi]^2 <= E[phi^2] E[psi^2]", at,
                   x.value, " and at most ", scale);
    if (closed_)
      found_.near(dual_at(*closed_, s, t, half).value, x.value, loose * scale,
                  "the closed form is the integral", at);
    if (derivatives_ && half > 0.1 && half < 0.9 && s > 0.1) slope(s, t, half, x.derivative, scale, at);
    if (integrated_) return;
    const auto integral = dual_at(*integrals_, s, t, half);
    found_.near(x.value, integral.value, loose * scale, "E[phi psi] is its integral", at);
    if (!jumps_)
      found_.near(x.derivative, integral.derivative, 10 * loose * slopes(s, t),
                  "E[phi' psi'] is its integral", at);
    const auto wide = dual_at<long double>(*map_, s, t, half);
    found_.near(static_cast<double>(wide.value), x.value, tolerance_ * (scale + std::abs(x.value)),
                "extended precision gives what double gives", at);
  }

  /// By differences in half; c = 1 - 2 half, and the covariance is s t c.
  void slope(double s, double t, double half, double derivative, double scale, const std::string& at) {
    const double step = 1e-5;
    const double up = dual_at(*map_, s, t, half - step).value, down = dual_at(*map_, s, t, half + step).value;
    found_.near(derivative, (up - down) / (4 * step * s * t),
                1e-5 * std::abs(derivative) + 1e-7 * (1 + scale / (s * t)),
                "E[phi' psi'] is the slope of E[phi psi] in the covariance", at);
  }

  /// sqrt(E phi'^2 E psi'^2).
  double slopes(double s, double t) const {
    return std::sqrt(quadrature::profile(*phi_, s).slope_second) *
           std::sqrt(quadrature::profile(*psi_, t).slope_second);
  }

  void limits(double s, double t) {
    if (!within_reach(*phi_, s, integrated_) || !within_reach(*psi_, t, integrated_)) return;
    for (const double half : {0.0, 1e-24, 0.3, 1.0}) {
      const auto x = dual_at(*map_, s, t, half);
      found_.require(std::isfinite(x.value) && (jumps_ || std::isfinite(x.derivative)),
                     "duals are finite where the functions' squares are", "stds ", s, " and ", t, ", half ",
                     half, ": ", x.value, ", ", x.derivative);
    }
  }

  /// What moments and values know of it.
  void ends() {
    for (const double s : {1e-3, 0.6, 2.5}) {
      const double t = 0.9, scale = size(*phi_, s) * size(*psi_, t);
      const auto a = phi_->moments(s), b = psi_->moments(t);
      const auto free = dual_at(*map_, s, t, 0.5);
      found_.near(free.value, a.mean * b.mean, tolerance_ * scale,
                  "without correlation E[phi psi] is E[phi] E[psi]", "stds ", s, " and ", t, ": ");
      if (derivatives_)
        found_.near(free.derivative, a.slope * b.slope,
                    10 * std::max(tolerance_, quadrature_digits) * (1 + std::abs(a.slope * b.slope)),
                    "without correlation E[phi' psi'] is E[phi'] E[psi']", "stds ", s, " and ", t, ": ");
      if (*phi_ == *psi_)
        found_.near(dual_at(*map_, s, s, 0.0).value, a.second, tolerance_ * a.second,
                    "with itself E[phi phi] is E[phi^2]", "std ", s, ": ");
    }
    const double t = 0.9, expected = phi_->value(0) * psi_->moments(t).mean;
    found_.near(dual_at(*map_, 0.0, t, 0.3).value, expected, tolerance_ * (1 + std::abs(expected)),
                "without variance phi is phi(0)");
  }

  /// Entries of a strip do not know of each other, nor of whether derivatives are asked for.
  void strip() {
    const double s = 1.25, t[] = {0.5, 1.5, 0.0}, half[] = {0.25, 0.0, 0.75},
                 complement[] = {0.75, 1.0, 0.25};
    double value[3], derivative[3], alone[3];
    map_->evaluate({3, s, t, half, complement, value, derivative});
    map_->evaluate({3, s, t, half, complement, alone, nullptr});
    for (std::size_t l = 0; l < 3; ++l) {
      const double near = tolerance_ * size(*phi_, s) * size(*psi_, t[l]) + 1e-300;
      found_.near(value[l], dual_at(*map_, s, t[l], half[l]).value, near,
                  "entries of a strip are those alone", "entry ", l, ": ");
      found_.near(alone[l], value[l], near, "values are the same without derivatives", "entry ", l, ": ");
    }
  }

  const ActivationPtr phi_, psi_;
  const std::shared_ptr<const DualMap> map_, swapped_, closed_, integrals_;
  const bool integrated_, jumps_;
  const bool derivatives_;  // integrals leave out what jumps add to them, and such NTKs are refused
  const double tolerance_;
  Findings& found_;
};

}  // namespace detail

/// The laws of duals that the pair (phi, psi) breaks, as sentences; none when it is right.
///
/// E[phi psi] and E[phi' psi'] are their integrals, whether `dual_map` or `closed_form_with` gives them;
/// the first is the same with both sides exchanged, keeps Cauchy and Schwarz, and has the second as its slope
/// in the covariance; correlations of 1 and 0, and standard deviations of 0, are what moments and values say;
/// nothing overflows where the functions' squares do not (where duals are integrals: up to 1,000); extended
/// precision and strips give the same. `tolerance`: relative to sqrt(E phi^2 E psi^2); integrals are held to
/// 1e-12 at the best.
inline std::vector<std::string> violations(const ActivationPtr& phi, const ActivationPtr& psi,
                                           double tolerance = 1e-12) {
  Findings found;
  found.runs("nothing is thrown", [&] { detail::DualLaws(phi, psi, tolerance, found).check(); });
  return found.sentences();
}

/// The laws of activations that phi breaks, as sentences; none when it is right.
///
/// Its derivative is the slope of its value; at kinks, which ascend, both are the means of their sides, and
/// they jump nowhere else; angular form and symmetries are those of the value; a jump is an obstacle to the
/// NTK; moments are their integrals; nothing is NaN, and moments are finite where the function's squares are;
/// and the laws of the pair (phi, phi) hold. Integrals are asked for only when the function itself is right.
/// `tolerance` as there.
inline std::vector<std::string> violations(const ActivationPtr& phi, double tolerance = 1e-12) {
  Findings found;
  found.runs("nothing is thrown", [&] {
    detail::ActivationLaws laws(*phi, tolerance, found);
    laws.function();
    if (!found.sentences().empty()) return;  // its integrals may have no end
    laws.integrals();
    detail::DualLaws(phi, phi, tolerance, found).check();
  });
  return found.sentences();
}

}  // namespace testing
}  // namespace SST_ABI
}  // namespace sst
