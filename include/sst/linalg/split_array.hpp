// SPDX-License-Identifier: MIT
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>

#include <Eigen/Core>

#include <sst/version.hpp>

namespace sst {
inline namespace SST_ABI {

/// Doubles in two halves, what float holds of them and the rest: products that need no more digits read the
/// first half alone, and together they are the doubles, to the bit. 8 bytes an entry.
class SplitArray {
 public:
  /// Of no entries.
  SplitArray() = default;
  /// Of this many entries, which have no value yet.
  explicit SplitArray(Eigen::Index size) : heads_(size), rests_(size) {}

  Eigen::Index size() const { return heads_.size(); }  ///< entries
  /// What a number is as an entry: 0, of its sign, below 2^-126 in absolute value, where float has less of
  /// its digits, and the halves are another number.
  static double representable(double value) {
    // Without a branch, so that loops vectorise.
    const std::int64_t all = -static_cast<std::int64_t>(!(std::abs(value) < 0x1p-126));
    return std::bit_cast<double>(bits(value) & (all | bits(-0.0)));
  }
  /// Makes the entries from the first-th on those of `values` times `scale`, a power of two, as they are
  /// representable. False where one is above `bound` in absolute value (2^127 at the most), or not a number:
  /// then entries are good for nothing.
  [[nodiscard]] bool set(Eigen::Index first, const Eigen::MatrixXd& values, double scale, double bound) {
    const double* from = values.data();
    float* head = heads_.data() + first;
    std::int32_t* rest = rests_.data() + first;
    std::int64_t outside = 0;  // as wide as the entries: else the loop does not vectorise
    for (Eigen::Index k = 0; k < values.size(); ++k) {
      const double value = representable(from[k] * scale);
      outside |= !(std::abs(value) <= bound);
      head[k] = static_cast<float>(value);
      // Neighbours among the doubles have neighbouring bits; a float has 2^28 of them on either side.
      rest[k] = static_cast<std::int32_t>(bits(value) - bits(static_cast<double>(head[k])));
    }
    return !outside;
  }
  /// The entries rounded to float.
  const float* heads() const { return heads_.data(); }
  /// Puts the entries from the first-th on into `values`, as many as it has.
  void join(Eigen::Index first, Eigen::MatrixXd& values) const {
    double* to = values.data();
    const float* head = heads_.data() + first;
    const std::int32_t* rest = rests_.data() + first;
    for (Eigen::Index k = 0; k < values.size(); ++k)
      to[k] = std::bit_cast<double>(bits(static_cast<double>(head[k])) + rest[k]);
  }

 private:
  static std::int64_t bits(double value) { return std::bit_cast<std::int64_t>(value); }

  Eigen::VectorXf heads_;
  Eigen::Matrix<std::int32_t, Eigen::Dynamic, 1> rests_;
};

}  // namespace SST_ABI
}  // namespace sst
