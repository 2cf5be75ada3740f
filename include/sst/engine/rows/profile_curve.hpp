// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <functional>
#include <limits>
#include <numbers>
#include <ostream>
#include <utility>
#include <vector>

#include <Eigen/Core>

#include <sst/engine/rows/strip.hpp>
#include <sst/error.hpp>
#include <sst/version.hpp>

namespace sst {
inline namespace SST_ABI {

/// One kernel of a network as a function of the angle between two inputs, compiled to polynomials.
///
/// With t = tan(theta/4) = sqrt h'/(1 + sqrt(1 - h')) of h' = alpha (1 - c)/2 and u = t/(t + b), the kernel
/// is a polynomial in u (or one on each of several pieces of equal length). The two constants move
/// singularities away, so that the degree hardly grows with depth: composing layers brings one towards theta
/// = -3 pi/depth, which b sends far off; a bias puts a pair of them beside theta = pi, and alpha, the share
/// of the input in the variance of the first layer, makes that layer's angle the variable, which never gets
/// there. Kernels of smooth activations are analytic in c, and have u = h' instead.
template <class Scalar>
class ProfileCurve {
 public:
  /// The numbers that one instruction takes.
  using P = gram_detail::Pack<Scalar>;
  /// Angles as h or 1 - h, where the curve is fitted.
  using Points = Eigen::Array<long double, Eigen::Dynamic, 1>;
  /// The kernel at many pairs (h, 1 - h).
  using Function = std::function<Eigen::ArrayXd(const Points& half, const Points& complement)>;

  /// Fits f to `tolerance` times |f(0)|, trying every alpha in `contractions`.
  ProfileCurve(const Function& f, const std::vector<double>& contractions, double tolerance) {
    fit(f, contractions, tolerance);
  }

  /// Of the polynomials.
  int degree() const { return degree_; }
  /// How many polynomials.
  int pieces() const { return pieces_; }
  double scale() const { return scale_; }              ///< the value at angle 0
  double error() const { return error_; }              ///< largest seen at points of its own, over scale()
  double shift() const { return shift_; }              ///< b; infinite: u = a
  double contraction() const { return contraction_; }  ///< alpha

  /// The kernel over scale() at (1 -+ c)/2, `count` of them (whole packs).
  void evaluate(const Scalar* half, const Scalar* complement, Scalar* value, std::size_t count) const {
    constexpr std::size_t unroll = 4;  // hides the latency of one polynomial behind the others
    std::size_t j = 0;
    for (; j + unroll * width <= count; j += unroll * width)
      packs<unroll>(half + j, complement + j, value + j);
    for (; j < count; j += width) packs<1>(half + j, complement + j, value + j);
  }

 private:
  static constexpr auto width = static_cast<std::size_t>(P::size);

  template <std::size_t n>
  void packs(const Scalar* half, const Scalar* complement, Scalar* out) const {
    std::array<P, n> x, square, even, odd;
    for (std::size_t r = 0; r < n; ++r)  // [-1, 1], or [0, pieces]
      x[r] = fma(variable(P::load(half + r * width), P::load(complement + r * width)), P::all(stretch_),
                 P::all(offset_));
    if (pieces_ > 1) {
      for (std::size_t r = 0; r < n; ++r) piecewise(x[r], out + r * width);
      return;
    }
    // Even and odd powers apart: twice as many chains of dependent steps, half as long.
    std::size_t k = coefficients_.size();
    even.fill(P::all(k % 2 == 1 ? coefficients_[--k] : Scalar(0)));
    odd.fill(P::all(Scalar(0)));
    for (std::size_t r = 0; r < n; ++r) square[r] = x[r] * x[r];
    while (k > 0) {
      k -= 2;
      const auto c = P::all(coefficients_[k]), d = P::all(coefficients_[k + 1]);
      for (std::size_t r = 0; r < n; ++r) {
        even[r] = fma(even[r], square[r], c);
        odd[r] = fma(odd[r], square[r], d);
      }
    }
    for (std::size_t r = 0; r < n; ++r) fma(odd[r], x[r], even[r]).store(out + r * width);
  }

  /// u
  P variable(P half, P complement) const {
    if (contraction_ != 1) {  // 1 - alpha h = (1 - h) + (1 - alpha) h
      complement = fma(P::all(static_cast<Scalar>(1 - contraction_)), half, complement);
      half = half * P::all(static_cast<Scalar>(contraction_));
    }
    if (smooth_) return half;
    const auto root = sqrt(half), other = P::all(Scalar(1)) + sqrt(complement);
    return divide(root, std::isinf(shift_) ? other : fma(other, P::all(static_cast<Scalar>(shift_)), root));
  }

  void piecewise(P x, Scalar* out) const {
    std::array<Scalar, width> at;
    x.store(at.data());
    for (std::size_t l = 0; l < width; ++l) {
      const int piece = std::clamp(static_cast<int>(at[l]), 0, pieces_ - 1);
      const Scalar t = 2 * (at[l] - static_cast<Scalar>(piece)) - 1;
      const Scalar* c = coefficients_.data() + piece * (degree_ + 1);
      Scalar value = c[degree_];
      for (int k = degree_; k-- > 0;) value = value * t + c[k];
      out[l] = value;
    }
  }

  /// t (or h') at h = 1, and u there.
  long double last() const {
    const auto alpha = static_cast<long double>(contraction_);
    return smooth_ ? alpha : std::sqrt(alpha) / (1 + std::sqrt(1 - alpha));
  }
  double end() const {
    const auto t = static_cast<double>(last());
    return smooth_ || std::isinf(shift_) ? t : t / (t + shift_);
  }
  /// f at points u.
  Eigen::ArrayXd values(const Function& f, const Eigen::ArrayXd& u) const {
    Points half(u.size()), complement(u.size());
    const auto alpha = static_cast<long double>(contraction_), t1 = last();
    for (Eigen::Index k = 0; k < u.size(); ++k) {
      const long double v = u[k], b = static_cast<long double>(shift_);
      const long double t = std::min(smooth_ || std::isinf(shift_) ? v : v * b / (1 - v), t1);
      // h' = 4 t^2/(1 + t^2)^2, and the difference of h' at t1 and t in factors.
      const auto sine = [](long double x) { return 2 * x / (1 + x * x); };
      half[k] = (smooth_ ? t : sine(t) * sine(t)) / alpha;
      complement[k] = smooth_ ? 1 - half[k]
                              : (sine(t1) + sine(t)) * 2 * (t1 - t) * (1 - t * t1) /
                                    ((1 + t * t) * (1 + t1 * t1)) / alpha;
    }
    return f(half, complement) / scale_;
  }

  /// Coefficients of Chebyshev polynomials of f on the p-th of n pieces.
  std::vector<double> chebyshev(const Function& f, int p, int n, int degree) const {
    const int points = degree + 1;
    Eigen::ArrayXd u(points);
    for (int k = 0; k < points; ++k)
      u[k] = (p + (std::cos(std::numbers::pi * (k + 0.5) / points) + 1) / 2) / n * end();
    const Eigen::ArrayXd y = values(f, u);
    std::vector<double> c(static_cast<std::size_t>(points));
    for (int j = 0; j < points; ++j) {
      double sum = 0;
      for (int k = 0; k < points; ++k)
        sum += y[k] * std::cos(std::numbers::pi * ((j * (2 * k + 1)) % (4 * points)) / (2.0 * points));
      c[static_cast<std::size_t>(j)] = (j ? 2 : 1) * sum / points;
    }
    return c;
  }

  /// The smallest degree whose remainder is below the tolerance; the full one if there is none.
  static int needed(const std::vector<double>& c, double tolerance) {
    double rest = 0;
    auto degree = static_cast<int>(c.size()) - 1;
    while (degree > 1 && (rest += std::abs(c[static_cast<std::size_t>(degree)])) < tolerance) --degree;
    return degree;
  }

  /// Chebyshev to monomials, in extended precision.
  static std::vector<Scalar> monomials(const std::vector<double>& c, int degree) {
    const auto n = static_cast<std::size_t>(degree) + 1;
    std::vector<long double> before(n, 0), now(n, 0), sum(n, 0);
    before[0] = 1;
    if (n > 1) now[1] = 1;
    sum[0] = c[0];
    for (std::size_t j = 1; j < n; ++j) {
      for (std::size_t k = 0; k < n; ++k) sum[k] += static_cast<long double>(c[j]) * now[k];
      std::vector<long double> next(n, 0);
      for (std::size_t k = 0; k < n; ++k) next[k] = (k ? 2 * now[k - 1] : 0) - before[k];
      before = std::move(now);
      now = std::move(next);
    }
    return {sum.begin(), sum.end()};
  }

  void fit(const Function& f, const std::vector<double>& contractions, double tolerance) {
    constexpr int most = 64, most_of_a_piece = 24, most_pieces = 64;
    constexpr double infinity = std::numeric_limits<double>::infinity();
    scale_ = f(Points::Zero(1), Points::Ones(1))[0];
    if (!(scale_ != 0))
      throw Error(
          "the kernel is zero at angle 0, so that a profile has nothing to scale by; compute it directly");
    int best = most + 1;
    ProfileCurve chosen = *this;
    for (const double alpha : contractions)
      for (const bool smooth : {false, true})
        for (const double b : {infinity, 3.0, 1.5, 0.7, 0.5, 0.35, 0.25, 0.18, 0.12, 0.08}) {
          contraction_ = alpha;
          smooth_ = smooth;
          shift_ = b;
          if (const int n = needed(chebyshev(f, 0, 1, most), tolerance / 4); n < best) {
            best = n;
            chosen = *this;
          }
        }
    *this = chosen;
    degree_ = best;
    for (pieces_ = 1; pieces_ <= most_pieces; pieces_ *= 2, degree_ = most_of_a_piece) {
      stretch_ = static_cast<Scalar>((pieces_ == 1 ? 2 : pieces_) / end());
      offset_ = static_cast<Scalar>(pieces_ == 1 ? -1 : 0);
      coefficients_.clear();
      for (int p = 0; p < pieces_; ++p) {
        const auto c = monomials(chebyshev(f, p, pieces_, pieces_ == 1 ? most : degree_), degree_);
        coefficients_.insert(coefficients_.end(), c.begin(), c.end());
      }
      error_ = check(f);
      if (error_ <= tolerance) return;
    }
    pieces_ /= 2;
  }

  /// The largest error at points between those of the fit, near both ends too.
  double check(const Function& f) const {
    std::vector<double> halves;
    for (int k = 0; k < 251; ++k) halves.push_back((k + std::numbers::phi - 1) / 252.0);
    for (int k = 1; k <= 40; ++k) {
      halves.push_back(std::pow(10.0, -0.4 * k));
      halves.push_back(1 - halves.back());
    }
    while (halves.size() % width != 0) halves.push_back(1);
    // What the polynomial is given: numbers of its own precision.
    const Eigen::Array<Scalar, Eigen::Dynamic, 1> half =
        Eigen::Map<const Eigen::ArrayXd>(halves.data(), static_cast<Eigen::Index>(halves.size()))
            .template cast<Scalar>();
    const Eigen::ArrayXd exact =
        f(half.template cast<long double>(), (1 - half).template cast<long double>().eval()) / scale_;
    const Eigen::Array<Scalar, Eigen::Dynamic, 1> complement = 1 - half;
    Eigen::Array<Scalar, Eigen::Dynamic, 1> value(half.size());
    evaluate(half.data(), complement.data(), value.data(), halves.size());
    const double error = (value.template cast<double>() - exact).abs().maxCoeff();
    return std::isfinite(error) ? error : std::numeric_limits<double>::infinity();
  }

  double shift_ = 0, contraction_ = 1, scale_ = 1, error_ = 0;
  bool smooth_ = false;
  int degree_ = 0, pieces_ = 1;
  Scalar stretch_ = 0, offset_ = 0;
  std::vector<Scalar> coefficients_;  // pieces x (degree + 1), lowest first
};

}  // namespace SST_ABI
}  // namespace sst
