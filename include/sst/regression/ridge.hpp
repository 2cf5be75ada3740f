// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <sstream>
#include <string>

#include <sst/error.hpp>

namespace sst {

/// What is added to the diagonal of a kernel matrix before it is solved.
///
/// The two ways to say it cannot be mixed up: `Ridge::relative(r)` adds r times the mean of the
/// diagonal of the kernel that is solved, `Ridge::absolute(lambda)` adds lambda.
class Ridge {
 public:
  /// r >= 0 and finite; throws Error otherwise.
  static Ridge relative(double r) { return Ridge(r, true); }
  /// lambda >= 0 and finite; throws Error otherwise.
  static Ridge absolute(double lambda) { return Ridge(lambda, false); }

  /// The number to add, for a kernel whose diagonal has this mean.
  double lambda_for(double mean_diagonal) const { return relative_ ? value_ * mean_diagonal : value_; }

  bool is_relative() const { return relative_; }
  double value() const { return value_; }
  /// "relative:0.1" or "absolute:0.1"
  std::string to_string() const {
    std::ostringstream text;
    text.precision(17);
    text << (relative_ ? "relative:" : "absolute:") << value_;
    return text.str();
  }
  bool operator==(const Ridge&) const = default;

 private:
  Ridge(double value, bool relative) : value_(value), relative_(relative) {
    if (!(value >= 0) || !std::isfinite(value)) {
      std::ostringstream text;
      text << "the ridge is " << value << " (it has to be a finite number >= 0); choose another one";
      throw Error(text.str());
    }
  }
  double value_;
  bool relative_;
};

}  // namespace sst
