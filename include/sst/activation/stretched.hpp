// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <sst/activation/activation.hpp>
#include <sst/version.hpp>

namespace sst {
inline namespace SST_ABI {

/// phi(stretch z): how an activation of a multiple of a Gaussian is one of the Gaussian itself.
class StretchedActivation final : public Activation {
 public:
  /// `phi` is no StretchedActivation; `stretch` is finite and not zero.
  StretchedActivation(ActivationPtr phi, double stretch) : phi_(std::move(phi)), stretch_(stretch) {}

  /// phi.
  const ActivationPtr& function() const { return phi_; }
  /// The factor of z.
  double stretch() const { return stretch_; }

  std::string name() const override { return phi_->name(); }
  std::vector<std::pair<std::string, double>> parameters() const override {
    auto all = phi_->parameters();
    all.emplace_back("stretch", stretch_);
    return all;
  }
  double value(double z) const override { return phi_->value(stretch_ * z); }
  double derivative(double z) const override { return stretch_ * phi_->derivative(stretch_ * z); }
  std::vector<double> kinks() const override {
    auto points = phi_->kinks();
    for (double& z : points) z /= stretch_;
    std::sort(points.begin(), points.end());
    return points;
  }
  std::optional<AngularForm> angular() const override {
    auto form = phi_->angular();
    if (!form) return form;
    const double size = form->degree == 1 ? std::abs(stretch_) : 1;
    return AngularForm{form->degree, std::copysign(size, stretch_) * form->odd, size * form->even};
  }
  bool linear_odd_part() const override { return phi_->linear_odd_part(); }
  bool constant_even_part() const override { return phi_->constant_even_part(); }
  std::string ntk_obstacle() const override { return phi_->ntk_obstacle(); }
  Moments<double> moments(double std) const override { return moments_of(std); }
  Moments<long double> moments(long double std) const override { return moments_of(std); }

 private:
  template <class Scalar>
  Moments<Scalar> moments_of(Scalar std) const {
    auto m = phi_->moments(static_cast<Scalar>(std::abs(stretch_)) * std);
    m.slope *= static_cast<Scalar>(stretch_);
    return m;
  }

  ActivationPtr phi_;
  double stretch_;
};

/// phi(stretch z); phi itself for stretch 1.
inline ActivationPtr stretched(const ActivationPtr& phi, double stretch) {
  return stretch == 1 ? phi : std::make_shared<StretchedActivation>(phi, stretch);
}

namespace detail {

/// The dual of (phi(stretch z), psi(other z)) by that of (phi, psi): a negative stretch mirrors the
/// correlation.
class StretchedMap final : public DualMap {
 public:
  StretchedMap(std::shared_ptr<const DualMap> map, double stretch, double other)
      : map_(std::move(map)), stretch_(stretch), other_(other) {}
  void evaluate(const DualStrip<double>& strip) const override { run(strip); }
  void evaluate(const DualStrip<long double>& strip) const override { run(strip); }

 private:
  template <class Scalar>
  void run(const DualStrip<Scalar>& strip) const {
    const auto size = static_cast<Scalar>(std::abs(stretch_)), other = static_cast<Scalar>(std::abs(other_));
    const bool mirrored = (stretch_ < 0) != (other_ < 0);
    const Scalar slope = static_cast<Scalar>(stretch_) * static_cast<Scalar>(other_);
    std::array<Scalar, 64> right;
    for (std::size_t first = 0; first < strip.count; first += right.size()) {
      const std::size_t count = std::min(right.size(), strip.count - first);
      for (std::size_t l = 0; l < count; ++l) right[l] = other * strip.right_std[first + l];
      const Scalar *half = strip.half + first, *complement = strip.complement + first;
      Scalar* derivative = strip.derivative ? strip.derivative + first : nullptr;
      map_->evaluate(DualStrip<Scalar>{count, size * strip.left_std, right.data(),
                                       mirrored ? complement : half, mirrored ? half : complement,
                                       strip.value + first, derivative});
      for (std::size_t l = 0; derivative && l < count; ++l) derivative[l] *= slope;
    }
  }

  std::shared_ptr<const DualMap> map_;
  double stretch_, other_;
};

}  // namespace detail

}  // namespace SST_ABI
}  // namespace sst
