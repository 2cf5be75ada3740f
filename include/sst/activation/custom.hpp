// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <concepts>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <sst/activation/formula.hpp>
#include <sst/activation/smooth.hpp>
#include <sst/version.hpp>

namespace sst {
inline namespace SST_ABI {

/// A user's function has f(z).
template <class Function>
concept HasValue = requires(const Function& f, double z) {
  { f(z) } -> std::convertible_to<double>;
};

/// A user's function has f.derivative(z); the tangent kernel needs it.
template <class Function>
concept HasDerivative = requires(const Function& f, double z) {
  { f.derivative(z) } -> std::convertible_to<double>;
};

/// A user's function has f.name(), by which files and messages know it.
template <class Function>
concept HasName = requires(const Function& f) {
  { f.name() } -> std::convertible_to<std::string>;
};

/// What a user's activation has to offer.
template <class Function>
concept ActivationFunction = HasValue<Function> && HasDerivative<Function> && HasName<Function>;

/// A user's activation with parameters names them; two of one name and equal parameters are the same.
template <class Function>
concept HasParameters = requires(const Function& f) {
  { f.parameters() } -> std::convertible_to<std::vector<std::pair<std::string, double>>>;
};

/// A user's activation with jumps or bends tells where they are, so that quadrature splits there.
template <class Function>
concept HasKinks = requires(const Function& f) {
  { f.kinks() } -> std::convertible_to<std::vector<double>>;
};

/// A user's activation that knows E[f(g) f(h)], in double and long double, needs no quadrature for it.
template <class Function>
concept HasDual = requires(const Function& f, double x, long double y) {
  { f.dual(x, x, x, x) } -> std::convertible_to<double>;
  { f.dual(y, y, y, y) } -> std::convertible_to<long double>;
};

/// The same for E[f'(g) f'(h)].
template <class Function>
concept HasDualDerivative = requires(const Function& f, double x, long double y) {
  { f.dual_derivative(x, x, x, x) } -> std::convertible_to<double>;
  { f.dual_derivative(y, y, y, y) } -> std::convertible_to<long double>;
};

/// A user's function as an Activation; see `custom`.
template <ActivationFunction Function>
class Custom final : public QuadratureActivation {
  static_assert(HasDual<Function> == HasDualDerivative<Function>,
                "A closed form is a pair: give the activation both dual and dual_derivative, or neither.");

 public:
  /// Holds a copy of `function`, whose value() and derivative() have to be thread-safe.
  explicit Custom(Function function) : function_(std::move(function)) {}

  std::string name() const override { return function_.name(); }
  std::vector<std::pair<std::string, double>> parameters() const override {
    if constexpr (HasParameters<Function>)
      return function_.parameters();
    else
      return {};
  }
  double value(double z) const override { return function_(z); }
  double derivative(double z) const override { return function_.derivative(z); }
  std::vector<double> kinks() const override {
    if constexpr (HasKinks<Function>) {
      std::vector<double> points = function_.kinks();
      std::sort(points.begin(), points.end());
      return points;
    } else {
      return {};
    }
  }
  std::shared_ptr<const DualMap> closed_form_with(const Activation& other) const override {
    if constexpr (HasDual<Function>)
      if (*this == other && dynamic_cast<const Custom*>(&other)) return formula_map(Formula{function_});
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
/// Its duals come by quadrature, to 1e-13 of sqrt(E f^2 E f^2); what asks for them throws Error, with the
/// place, where f or f' bends or jumps unsaid (elsewhere than at 0). A function that knows them in closed
/// form has two more members, for S = double and long double, standard deviations s and t of g and h, half =
/// (1 - c)/2 and complement = (1 + c)/2 of their correlation c:
///
/// \code
/// struct Parabola {  // z^2 + 1
///   std::string name() const { return "parabola"; }
///   double operator()(double z) const { return z * z + 1; }
///   double derivative(double z) const { return 2 * z; }
///   template <class S>
///   S dual(S s, S t, S half, S complement) const {  // E[f(g) f(h)]
///     const S c = complement - half;
///     return 1 + s * s + t * t + s * s * t * t * (1 + 2 * c * c);
///   }
///   template <class S>
///   S dual_derivative(S s, S t, S half, S complement) const {  // E[f'(g) f'(h)]
///     return 4 * s * t * (complement - half);
///   }
/// };
/// \endcode
///
/// Two activations of one name and equal `parameters()` (optional, a list of named numbers) are taken for
/// the same function. What misses is a compile-time error that says so.
template <class Function>
ActivationPtr custom(Function function) {
  static_assert(HasValue<Function>,
                "An activation needs its value: add `double operator()(double z) const`.");
  static_assert(HasDerivative<Function>,
                "An activation needs its derivative, from which the NTK is made: add `double "
                "derivative(double z) const`.");
  static_assert(HasName<Function>,
                "An activation needs a name for messages: add `std::string name() const`.");
  if constexpr (ActivationFunction<Function>)
    return std::make_shared<Custom<Function>>(std::move(function));
  else
    return nullptr;  // not reached
}

/// The same from two functions: custom("softsign", f, derivative, {0.0}), the kinks last.
template <class Value, class Derivative>
requires std::invocable<const Value&, double> && std::invocable<const Derivative&, double> ActivationPtr
custom(std::string name, Value value, Derivative derivative, std::vector<double> kinks = {}) {
  struct Function {
    std::string label;
    Value f;
    Derivative slope;
    std::vector<double> points;
    std::string name() const { return label; }
    double operator()(double z) const { return f(z); }
    double derivative(double z) const { return slope(z); }
    std::vector<double> kinks() const { return points; }
  };
  return custom(Function{std::move(name), std::move(value), std::move(derivative), std::move(kinks)});
}

}  // namespace SST_ABI
}  // namespace sst
