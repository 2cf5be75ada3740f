// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <utility>

#include <sst/activation/activation.hpp>
#include <sst/activation/blur.hpp>
#include <sst/activation/quadrature.hpp>
#include <sst/activation/stretched.hpp>
#include <sst/version.hpp>

namespace sst {
inline namespace SST_ABI {

namespace detail {

/// (phi, psi) by the map of (psi, phi).
class SwappedMap final : public DualMap {
 public:
  explicit SwappedMap(std::shared_ptr<const DualMap> map) : map_(std::move(map)) {}
  void evaluate(const DualStrip<double>& strip) const override { run(strip); }
  void evaluate(const DualStrip<long double>& strip) const override { run(strip); }

 private:
  template <class Scalar>
  void run(const DualStrip<Scalar>& strip) const {
    for (std::size_t l = 0; l < strip.count; ++l)
      map_->evaluate(DualStrip<Scalar>{1, strip.right_std[l], &strip.left_std, strip.half + l,
                                       strip.complement + l, strip.value + l,
                                       strip.derivative ? strip.derivative + l : nullptr});
  }
  std::shared_ptr<const DualMap> map_;
};

/// E[phi psi] = E phi E psi + E phi' E psi' K, for pairs whose rests are orthogonal
/// (Activation::linear_odd_part).
class OrthogonalMap final : public DualMap {
 public:
  OrthogonalMap(ActivationPtr phi, ActivationPtr psi) : phi_(std::move(phi)), psi_(std::move(psi)) {}
  void evaluate(const DualStrip<double>& strip) const override { run(strip); }
  void evaluate(const DualStrip<long double>& strip) const override { run(strip); }

 private:
  template <class Scalar>
  static std::pair<Scalar, Scalar> mean_and_slope(const Activation& f, Scalar std) {
    if (const auto* blurred = dynamic_cast<const BlurredActivation*>(&f)) return blurred->mean_and_slope(std);
    const auto m = f.moments(std);
    return {m.mean, m.slope};
  }
  template <class Scalar>
  void run(const DualStrip<Scalar>& strip) const {
    const Scalar s = strip.left_std;
    const auto [mean, slope] = mean_and_slope(*phi_, s);
    for (std::size_t l = 0; l < strip.count; ++l) {
      const Scalar t = strip.right_std[l], c = strip.complement[l] - strip.half[l];
      const auto [other_mean, other_slope] = mean_and_slope(*psi_, t);
      strip.value[l] = mean * other_mean + slope * other_slope * s * t * c;
      if (strip.derivative) strip.derivative[l] = slope * other_slope;
    }
  }
  ActivationPtr phi_, psi_;
};

/// Mixtures have some 800 pairs of terms. In double their Hermite series is faster where it is short.
class MixtureMap final : public DualMap {
 public:
  MixtureMap(std::shared_ptr<const DualMap> exact, std::shared_ptr<const DualMap> series)
      : exact_(std::move(exact)), series_(std::move(series)) {}
  void evaluate(const DualStrip<long double>& strip) const override { exact_->evaluate(strip); }
  void evaluate(const DualStrip<double>& strip) const override {
    const auto short_series = [&](std::size_t l) { return strip.left_std <= 2 && strip.right_std[l] <= 2; };
    for (std::size_t first = 0, last = 0; first < strip.count; first = last) {
      for (last = first + 1; last < strip.count && short_series(last) == short_series(first);) ++last;
      (short_series(first) ? series_ : exact_)
          ->evaluate({last - first, strip.left_std, strip.right_std + first, strip.half + first,
                      strip.complement + first, strip.value + first,
                      strip.derivative ? strip.derivative + first : nullptr});
    }
  }

 private:
  std::shared_ptr<const DualMap> exact_, series_;
};

}  // namespace detail

/// The dual map of (phi, psi): in closed form where there is one, else by quadrature to the tolerance
/// (1e-13 of sqrt(E phi^2 E psi^2) unless given).
///
/// Closed forms: what the two activations know of each other (closed_form_with); pairs of a function with
/// linear odd part (relu, gelu, swish, softplus, even functions, ...) and one with constant even part (erf,
/// tanh, sigmoid, sin, sign, ...); pairs within {erf, tanh, sigmoid, sign, step}, {gelu, swish, relu, ...}
/// and {softplus, relu, ...} (blur.hpp).
inline std::shared_ptr<const DualMap> dual_map(const ActivationPtr& phi, const ActivationPtr& psi,
                                               QuadratureOptions options = {}) {
  const auto *of_phi = dynamic_cast<const StretchedActivation*>(phi.get()),
             *of_psi = dynamic_cast<const StretchedActivation*>(psi.get());
  if (of_phi || of_psi)
    return std::make_shared<detail::StretchedMap>(
        dual_map(of_phi ? of_phi->function() : phi, of_psi ? of_psi->function() : psi, options),
        of_phi ? of_phi->stretch() : 1, of_psi ? of_psi->stretch() : 1);
  if ((phi->linear_odd_part() && psi->constant_even_part()) ||
      (psi->linear_odd_part() && phi->constant_even_part()))
    return std::make_shared<detail::OrthogonalMap>(phi, psi);
  if (auto map = blur_map(*phi, *psi)) {
    const auto terms = [](const Activation& f) {
      const auto* blurred = dynamic_cast<const BlurredActivation*>(&f);
      return blurred ? blurred->blurred().terms.size() : 1;
    };
    if (terms(*phi) * terms(*psi) < 100) return map;
    return std::make_shared<detail::MixtureMap>(std::move(map),
                                                quadrature_map(phi, psi, {.tolerance = 1e-14}));
  }
  if (auto map = phi->closed_form_with(*psi)) return map;
  if (auto map = psi->closed_form_with(*phi)) return std::make_shared<detail::SwappedMap>(std::move(map));
  return quadrature_map(phi, psi, options);
}

}  // namespace SST_ABI
}  // namespace sst
