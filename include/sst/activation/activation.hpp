// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <sst/version.hpp>

namespace sst {
inline namespace SST_ABI {

/// What an activation phi makes of one Gaussian z ~ N(0, std^2).
template <class Scalar>
struct Moments {
  Scalar second;  ///< E[phi(z)^2]
  Scalar mean;    ///< E[phi(z)]
  Scalar slope;   ///< E[phi'(z)], Stein's factor: E[phi(z) z] = std^2 E[phi'(z)]
};

/// A run of Gaussian pairs (g, h): one g, many h, all with mean zero.
///
/// The correlation c of a pair comes as half = (1 - c)/2 and complement = (1 + c)/2, so that pairs
/// near c = 1 and c = -1 keep all their digits. Arrays have `count` entries.
template <class Scalar>
struct DualStrip {
  std::size_t count;         ///< the number of pairs
  Scalar left_std;           ///< standard deviation of g
  const Scalar* right_std;   ///< standard deviations of the h
  const Scalar* half;        ///< (1 - c)/2, in [0, 1]
  const Scalar* complement;  ///< (1 + c)/2, in [0, 1]
  Scalar* value;             ///< out: E[phi(g) psi(h)]
  Scalar* derivative;        ///< out: E[phi'(g) psi'(h)]; null when nobody asks for it
};

/// How the duals E = E[phi(g) psi(h)] and D = E[phi'(g) psi'(h)] of a strip's pairs change with the standard
/// deviations s and t and with h = (1 - c)/2. Arrays have an entry a pair. By h that of E needs no place: it
/// is -2 s t D (Price 1958, "A Useful Theorem for Nonlinear Devices Having Gaussian Inputs").
struct DualPartials {
  double* value_left;   ///< out: s dE/ds
  double* value_right;  ///< out: t dE/dt
  double* slope_left;   ///< out: s dD/ds
  double* slope_right;  ///< out: t dD/dt
  double* slope_half;   ///< out: dD/dh; 0, the symmetric limit, where D has a kink at h = 0 and 1
};

/// The dual activation of a pair (phi, psi): how it maps covariances of Gaussians.
///
/// Source: Daniely, Frostig, Singer 2016, "Toward Deeper Understanding of Neural Networks", section 4.
class DualMap {
 public:
  virtual ~DualMap() = default;
  /// Writes `value` and, where asked for, `derivative` of every pair of the strip. Thread-safe.
  virtual void evaluate(const DualStrip<double>& strip) const = 0;
  /// Extended precision, for pairs where a downstream step would amplify the rounding of `double`.
  virtual void evaluate(const DualStrip<long double>& strip) const = 0;
  /// Writes the derivatives of every pair of the strip where they have a closed form; whether they have.
  virtual bool partials(const DualStrip<double>& strip, const DualPartials& out) const {
    (void)strip;
    (void)out;
    return false;
  }
};

/// phi(z) = linear z + absolute |z| (degree 1) or constant + sign sgn(z) (degree 0).
///
/// Activations of this form depend on a pair of Gaussians through their angle alone; the engine has
/// its fastest and most accurate path for them.
struct AngularForm {
  int degree;   ///< 1: piecewise linear; 0: piecewise constant
  double odd;   ///< the factor of z (degree 1) or sgn(z) (degree 0)
  double even;  ///< the factor of |z| (degree 1) or 1 (degree 0)
};

/// An activation function, applied channel by channel. Immutable and shared.
class Activation {
 public:
  virtual ~Activation() = default;

  /// The name used in files and messages, e.g. "relu".
  virtual std::string name() const = 0;
  /// Named parameters, in the order of their definition, e.g. {{"slope", 0.1}}.
  virtual std::vector<std::pair<std::string, double>> parameters() const { return {}; }

  /// phi(z); at a jump the mean of both sides.
  virtual double value(double z) const = 0;
  /// phi'(z); at a kink the mean of both sides.
  virtual double derivative(double z) const = 0;
  /// Where phi or phi' jumps, in ascending order. Quadrature splits there.
  virtual std::vector<double> kinks() const { return {}; }

  /// Set for activations of the angular form; everything else then follows from it.
  virtual std::optional<AngularForm> angular() const { return std::nullopt; }
  /// Symmetry, where it is known: phi(z) - phi(-z) is a multiple of z (relu, gelu, every even function);
  /// phi(z) + phi(-z) is constant (tanh, sigmoid, every odd function). Where one of a pair has the first
  /// and one the second, E[phi psi] = E phi E psi + E phi' E psi' K exactly: the rests are orthogonal.
  virtual bool linear_odd_part() const {
    return angular() && (angular()->degree == 1 || angular()->odd == 0);
  }
  /// The even part of phi is a constant, and so it adds nothing to the orthogonal rests.
  virtual bool constant_even_part() const {
    return angular() && (angular()->degree == 0 || angular()->even == 0);
  }

  /// Why the NTK through this activation does not exist; empty when it does.
  virtual std::string ntk_obstacle() const { return {}; }

  /// E[phi], E[phi'] and what follows from them under N(0, std^2); std >= 0.
  virtual Moments<double> moments(double std) const = 0;
  /// The same in extended precision.
  virtual Moments<long double> moments(long double std) const = 0;

  /// The dual map of (this, other) in closed form, or null when there is none.
  virtual std::shared_ptr<const DualMap> closed_form_with(const Activation& other) const {
    (void)other;
    return nullptr;
  }
};

/// How nodes and topologies hold an activation: shared and immutable.
using ActivationPtr = std::shared_ptr<const Activation>;

/// Same function: same name and parameters.
inline bool operator==(const Activation& a, const Activation& b) {
  return &a == &b || (a.name() == b.name() && a.parameters() == b.parameters());
}

}  // namespace SST_ABI
}  // namespace sst
