// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include <sst/activation/activation.hpp>
#include <sst/error.hpp>
#include <sst/version.hpp>

namespace sst {
inline namespace SST_ABI {

/// phi(z) = sum_j coefficients_j z^j, of degree 32 at most.
///
/// With phi(s z) = sum_k a_k(s) He_k(z)/sqrt(k!) in Hermite polynomials, Mehler's formula gives
/// E[phi psi] = sum_k a_k b_k c^k, and the same for the derivatives: finite sums, exact to rounding.
/// Source: O'Donnell 2014, "Analysis of Boolean Functions", proposition 11.31.
class Polynomial : public Activation {
 public:
  /// The largest degree.
  static constexpr std::size_t max_degree = 32;

  /// Throws Error for no coefficients, too many, or one that is not finite.
  explicit Polynomial(std::vector<double> coefficients) : coefficients_(std::move(coefficients)) {
    if (coefficients_.empty() || coefficients_.size() > max_degree + 1)
      throw Error("a polynomial activation has 1 to 33 coefficients; give that many");
    for (const double c : coefficients_)
      if (!std::isfinite(c))
        throw Error("a coefficient of the polynomial activation is not finite; replace it");
    for (std::size_t j = 1; j < coefficients_.size(); ++j)
      slopes_.push_back(static_cast<double>(j) * coefficients_[j]);
    if (slopes_.empty()) slopes_.push_back(0);
  }

  std::string name() const override { return "polynomial"; }
  std::vector<std::pair<std::string, double>> parameters() const override {
    std::vector<std::pair<std::string, double>> all;
    for (std::size_t j = 0; j < coefficients_.size(); ++j)
      all.emplace_back("z^" + std::to_string(j), coefficients_[j]);
    return all;
  }
  double value(double z) const override { return horner(coefficients_, z); }
  double derivative(double z) const override { return horner(slopes_, z); }
  Moments<double> moments(double std) const override { return moments_of(std); }
  Moments<long double> moments(long double std) const override { return moments_of(std); }

  bool linear_odd_part() const override { return zero_from(3); }
  bool constant_even_part() const override { return zero_from(2); }

  std::shared_ptr<const DualMap> closed_form_with(const Activation& other) const override {
    const auto* polynomial = dynamic_cast<const Polynomial*>(&other);
    if (!polynomial) return nullptr;
    return std::make_shared<Map>(*this, *polynomial);
  }

 private:
  /// Whether every second coefficient from `first` on is zero.
  bool zero_from(std::size_t first) const {
    for (std::size_t j = first; j < coefficients_.size(); j += 2)
      if (coefficients_[j] != 0) return false;
    return true;
  }

  template <class S>
  using Expansion = std::array<S, max_degree + 1>;

  static double horner(const std::vector<double>& p, double z) {
    double value = 0;
    for (std::size_t j = p.size(); j-- > 0;) value = value * z + p[j];
    return value;
  }

  /// a_k(s) for k < p.size(): z^j = sum_k j! / (2^m m! k!) He_k(z) with 2m = j - k.
  template <class S>
  static Expansion<S> expand(const std::vector<double>& p, S s) {
    Expansion<S> a{};
    S power = 1;  // s^j
    for (std::size_t j = 0; j < p.size(); ++j, power *= s) {
      if (p[j] == 0) continue;
      S term = static_cast<S>(p[j]) * power;  // times j!/(2^m m! sqrt(k!)), from m = 0 up
      S root = 1;
      for (std::size_t i = 2; i <= j; ++i) root *= std::sqrt(static_cast<S>(i));
      term *= root;  // j! / sqrt(j!)
      for (std::size_t m = 0, k = j;; ++m, k -= 2) {
        a[k] += term;
        if (k < 2) break;
        term *= std::sqrt(static_cast<S>(k) * static_cast<S>(k - 1)) / (2 * static_cast<S>(m + 1));
      }
    }
    return a;
  }

  template <class S>
  Moments<S> moments_of(S s) const {
    const auto a = expand(coefficients_, s), d = expand(slopes_, s);
    S second = 0;
    for (std::size_t k = coefficients_.size(); k-- > 0;) second += a[k] * a[k];
    return {second, a[0], d[0]};
  }

  class Map final : public DualMap {
   public:
    Map(const Polynomial& f, const Polynomial& g)
        : f_(f.coefficients_), g_(g.coefficients_), df_(f.slopes_), dg_(g.slopes_) {}
    void evaluate(const DualStrip<double>& strip) const override { run(strip); }
    void evaluate(const DualStrip<long double>& strip) const override { run(strip); }

   private:
    template <class S>
    void run(const DualStrip<S>& strip) const {
      sum(f_, g_, strip, strip.value);
      if (strip.derivative) sum(df_, dg_, strip, strip.derivative);
    }
    template <class S>
    static void sum(const std::vector<double>& f, const std::vector<double>& g, const DualStrip<S>& strip,
                    S* out) {
      const auto a = expand(f, strip.left_std);
      for (std::size_t l = 0; l < strip.count; ++l) {
        const auto b = expand(g, strip.right_std[l]);
        const S c = strip.complement[l] - strip.half[l];
        S value = 0;
        for (std::size_t k = std::min(f.size(), g.size()); k-- > 0;) value = value * c + a[k] * b[k];
        out[l] = value;
      }
    }
    std::vector<double> f_, g_, df_, dg_;
  };

  std::vector<double> coefficients_, slopes_;
};

namespace detail {
inline std::size_t polynomial_degree(double degree, const char* what) {
  if (!(degree >= 0 && degree <= static_cast<double>(Polynomial::max_degree)) || degree != std::floor(degree))
    throw Error(std::string("the degree of ") + what + " is not a whole number from 0 to 32; choose one");
  return static_cast<std::size_t>(degree);
}
}  // namespace detail

/// phi(z) = z^degree, degree 0 to 32.
class Monomial final : public Polynomial {
 public:
  /// Throws Error unless `degree` is a whole number from 0 to 32.
  explicit Monomial(double degree) : Polynomial(make(degree)), degree_(degree) {}
  std::string name() const override { return "monomial"; }
  std::vector<std::pair<std::string, double>> parameters() const override { return {{"degree", degree_}}; }

 private:
  static std::vector<double> make(double degree) {
    std::vector<double> p(detail::polynomial_degree(degree, "monomial") + 1, 0.0);
    p.back() = 1;
    return p;
  }
  double degree_;
};

/// phi(z) = He_degree(z) / sqrt(degree!), the normalised probabilists' Hermite polynomial, degree 0 to
/// 32: at standard deviation 1 its dual is c^degree.
class Hermite final : public Polynomial {
 public:
  /// Throws Error unless `degree` is a whole number from 0 to 32.
  explicit Hermite(double degree) : Polynomial(make(degree)), degree_(degree) {}
  std::string name() const override { return "hermite"; }
  std::vector<std::pair<std::string, double>> parameters() const override { return {{"degree", degree_}}; }

 private:
  static std::vector<double> make(double degree) {
    const std::size_t n = detail::polynomial_degree(degree, "hermite");
    std::vector<double> before{1.0}, p{1.0};
    for (std::size_t k = 0; k < n; ++k) {  // sqrt(k+1) h_{k+1} = z h_k - sqrt(k) h_{k-1}
      std::vector<double> next(k + 2, 0.0);
      for (std::size_t j = 0; j <= k; ++j) next[j + 1] += p[j];
      if (k > 0)
        for (std::size_t j = 0; j < k; ++j) next[j] -= std::sqrt(static_cast<double>(k)) * before[j];
      for (double& v : next) v /= std::sqrt(static_cast<double>(k + 1));
      before = std::exchange(p, std::move(next));
    }
    return p;
  }
  double degree_;
};

}  // namespace SST_ABI
}  // namespace sst
