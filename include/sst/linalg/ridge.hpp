// SPDX-License-Identifier: MIT
#pragma once

#include <charconv>
#include <cmath>
#include <string>

#include <sst/error.hpp>
#include <sst/version.hpp>

namespace sst {
inline namespace SST_ABI {

/// What is added to the diagonal of a kernel before it is solved: K + lambda I.
///
/// Relative and absolute are two things, and a ridge says which it is:
/// \code
/// sst::Ridge::relative(0.1)   // lambda = 0.1 times the mean of the kernel's diagonal
/// sst::Ridge::absolute(0.01)  // lambda = 0.01, in the units of the kernel
/// \endcode
/// A relative ridge gives the same predictions when the kernel is multiplied by a constant. As
/// observation noise of the Gaussian process, lambda is a variance.
class Ridge {
 public:
  /// Whether the number is a multiple of the mean diagonal (`relative`) or lambda itself (`absolute`).
  enum class Scale { relative, absolute };

  /// lambda = factor x mean diagonal of the kernel that is solved. Throws Error unless factor is finite and
  /// >= 0.
  static Ridge relative(double factor) { return Ridge(Scale::relative, factor); }
  /// lambda itself. Throws Error unless it is finite and >= 0.
  static Ridge absolute(double lambda) { return Ridge(Scale::absolute, lambda); }

  /// Relative or absolute.
  Scale scale() const { return scale_; }
  /// The factor of a relative ridge, the lambda of an absolute one.
  double value() const { return value_; }

  /// The lambda for a kernel with this mean diagonal. Throws Error when that is not finite or is negative
  /// (whatever the scale: such a kernel is not one), or when the product overflows.
  double lambda_for(double mean_diagonal) const {
    if (!std::isfinite(mean_diagonal) || mean_diagonal < 0)
      throw Error("the mean diagonal of the kernel is " + text(mean_diagonal) +
                  " (a kernel's diagonal holds finite variances); check the kernel");
    if (scale_ == Scale::absolute) return value_;
    const double lambda = value_ * mean_diagonal;
    if (!std::isfinite(lambda))
      throw Error("the ridge " + to_string() + " of a kernel with mean diagonal " + text(mean_diagonal) +
                  " is too large for a double; use a smaller one");
    return lambda;
  }

  /// "relative:0.1" or "absolute:0.01", with as many digits as give the same value back.
  std::string to_string() const { return std::string(name(scale_)) + ":" + text(value_); }

  friend bool operator==(const Ridge&, const Ridge&) = default;

 private:
  Ridge(Scale scale, double value) : scale_(scale), value_(value) {
    if (!std::isfinite(value) || value < 0)
      throw Error(std::string("the ") + name(scale) + " ridge is " + text(value) +
                  " (it has to be finite and not negative); give it a number >= 0");
    value_ += 0.0;  // -0 prints as 0
  }
  static const char* name(Scale scale) { return scale == Scale::relative ? "relative" : "absolute"; }
  static std::string text(double value) {
    char digits[32];
    return {digits, std::to_chars(digits, digits + sizeof digits, value).ptr};
  }

  Scale scale_;
  double value_;
};

}  // namespace SST_ABI
}  // namespace sst
