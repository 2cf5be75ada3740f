// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <utility>

#include <sst/activation/activation.hpp>
#include <sst/version.hpp>

namespace sst {
inline namespace SST_ABI {

/// A dual map from a formula for one pair of Gaussians.
///
/// Formula has `template <class S> S value(S s, S t, S half, S complement) const` (E[phi(g) psi(h)] for
/// standard deviations s and t and correlation complement - half) and the same as `derivative`
/// (E[phi'(g) psi'(h)]); S is double or long double.
template <class Formula>
class FormulaMap final : public DualMap {
 public:
  /// Holds a copy of `formula`, which has to be thread-safe.
  explicit FormulaMap(Formula formula) : formula_(std::move(formula)) {}
  void evaluate(const DualStrip<double>& strip) const override { run(strip); }
  void evaluate(const DualStrip<long double>& strip) const override { run(strip); }

 private:
  template <class Scalar>
  void run(const DualStrip<Scalar>& strip) const {
    const Scalar s = strip.left_std;
    for (std::size_t l = 0; l < strip.count; ++l)
      strip.value[l] = formula_.value(s, strip.right_std[l], strip.half[l], strip.complement[l]);
    if (!strip.derivative) return;
    for (std::size_t l = 0; l < strip.count; ++l)
      strip.derivative[l] = formula_.derivative(s, strip.right_std[l], strip.half[l], strip.complement[l]);
  }

  Formula formula_;
};

/// A FormulaMap of this formula, as nodes and plans hold it.
template <class Formula>
std::shared_ptr<const DualMap> formula_map(Formula formula) {
  return std::make_shared<FormulaMap<Formula>>(std::move(formula));
}

}  // namespace SST_ABI
}  // namespace sst
