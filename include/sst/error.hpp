// SPDX-License-Identifier: MIT
#pragma once

#include <stdexcept>
#include <string>

#include <sst/version.hpp>

namespace sst {
inline namespace SST_ABI {

/// The base of everything this library throws on purpose.
///
/// Every message is one sentence: what is wrong, in brackets why, then what to do.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// A topology that is not well formed; the message names the node.
class TopologyError : public Error {
 public:
  using Error::Error;
};

/// A well-formed topology whose kernel has no closed form; the message names the node and the reason.
class NoClosedForm : public Error {
 public:
  using Error::Error;
};

/// Data that cannot be used; the message names the file, row and column where it has them.
class DataError : public Error {
 public:
  using Error::Error;
};

/// A matrix that had to be positive definite and is not.
class NotPositiveDefinite : public Error {
 public:
  /// `index`: 0-based row of the first pivot that is not positive; `value`: that pivot, or NaN.
  NotPositiveDefinite(const std::string& message, std::ptrdiff_t index, double value)
      : Error(message), pivot_index(index), pivot_value(value) {}

  std::ptrdiff_t pivot_index;  ///< 0-based row of the first pivot that is not positive
  double pivot_value;          ///< its value
};

/// A computation that its caller's progress function stopped.
class Cancelled : public Error {
 public:
  using Error::Error;
};

}  // namespace SST_ABI
}  // namespace sst
