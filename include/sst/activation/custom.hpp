// SPDX-License-Identifier: MIT
#pragma once

#include <concepts>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <sst/activation/formula.hpp>
#include <sst/activation/smooth.hpp>

namespace sst {

/// What a user's activation has to offer: f(z), f.derivative(z) and f.name().
template <class Function>
concept ActivationFunction = requires(const Function& f, double z) {
  { f(z) } -> std::convertible_to<double>;
  { f.derivative(z) } -> std::convertible_to<double>;
  { f.name() } -> std::convertible_to<std::string>;
};

/// A user's activation with jumps or bends tells where they are, so that quadrature splits there.
template <class Function>
concept HasKinks = requires(const Function& f) {
  { f.kinks() } -> std::convertible_to<std::vector<double>>;
};

/// A user's activation that knows its dual needs no quadrature.
template <class Function>
concept HasDual = requires(const Function& f, double x, long double y) {
  { f.dual(x, x, x, x) } -> std::convertible_to<double>;
  { f.dual(y, y, y, y) } -> std::convertible_to<long double>;
  { f.dual_derivative(x, x, x, x) } -> std::convertible_to<double>;
  { f.dual_derivative(y, y, y, y) } -> std::convertible_to<long double>;
};

/// A user's function as an Activation; see `custom`.
template <ActivationFunction Function>
class Custom final : public QuadratureActivation {
 public:
  explicit Custom(Function function) : function_(std::move(function)) {}

  std::string name() const override { return function_.name(); }
  double value(double z) const override { return function_(z); }
  double derivative(double z) const override { return function_.derivative(z); }
  std::vector<double> kinks() const override {
    if constexpr (HasKinks<Function>)
      return function_.kinks();
    else
      return {};
  }
  std::shared_ptr<const DualMap> closed_form_with(const Activation& other) const override {
    if constexpr (HasDual<Function>)
      if (name() == other.name() && dynamic_cast<const Custom*>(&other)) return formula_map(Formula{function_});
    (void)other;
    return nullptr;
  }

 private:
  struct Formula {
    Function function;
    template <class S>
    S value(S s, S t, S half, S complement) const {
      return function.dual(s, t, half, complement);
    }
    template <class S>
    S derivative(S s, S t, S half, S complement) const {
      return function.dual_derivative(s, t, half, complement);
    }
  };
  Function function_;
};

/// An activation from a small object of one's own.
///
/// \code
/// struct Softsign {
///   std::string name() const { return "softsign"; }
///   double operator()(double z) const { return z / (1 + std::abs(z)); }
///   double derivative(double z) const { return 1 / ((1 + std::abs(z)) * (1 + std::abs(z))); }
///   std::vector<double> kinks() const { return {0.0}; }  // optional: where f or f' bends or jumps
/// };
/// auto net = sst::trace([](sst::Node x) { return dense(activate(dense(x), sst::custom(Softsign{}))); });
/// \endcode
///
/// Its duals come by quadrature, to 1e-13. A function that knows them in closed form has two more members,
/// for S = double and long double, standard deviations s and t, half = (1 - c)/2, complement = (1 + c)/2:
/// `template <class S> S dual(S s, S t, S half, S complement) const`, E[f(g) f(h)], and `dual_derivative`,
/// E[f'(g) f'(h)]. Two activations of one name are taken for the same function: parameters belong in the name.
template <ActivationFunction Function>
ActivationPtr custom(Function function) {
  return std::make_shared<Custom<Function>>(std::move(function));
}

}  // namespace sst
