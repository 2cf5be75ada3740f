// SPDX-License-Identifier: MIT
#pragma once

#include <bit>
#include <cstdint>

#include <Eigen/Core>

#include <sst/version.hpp>

namespace sst {
inline namespace SST_ABI {

/// A matrix of doubles in two halves, what float holds of its entries and the rest: products that need no
/// more digits read the first half alone, and together they are the doubles, to the bit. 8 bytes an entry.
class SplitMatrix {
 public:
  /// Of no entries.
  SplitMatrix() = default;
  /// values: rows x columns, each 0, or from 2^-126 to 2^127 in absolute value, where float has all of its
  /// digits; without them the halves are another number.
  explicit SplitMatrix(const Eigen::MatrixXd& values)
      : head_(values.rows(), values.cols()), rest_(values.rows(), values.cols()) {
    const double* from = values.data();
    float* head = head_.data();
    std::int32_t* rest = rest_.data();
    for (Eigen::Index k = 0; k < values.size(); ++k) {
      head[k] = static_cast<float>(from[k]);
      // Neighbours among the doubles have neighbouring bits; a float has 2^28 of them on either side.
      rest[k] = static_cast<std::int32_t>(bits(from[k]) - bits(static_cast<double>(head[k])));
    }
  }

  Eigen::Index rows() const { return head_.rows(); }  ///< of the matrix
  Eigen::Index cols() const { return head_.cols(); }  ///< of the matrix
  /// The entries rounded to float: rows x columns.
  const Eigen::MatrixXf& head() const { return head_; }
  /// Puts the entries into `values`, rows x columns.
  void join(Eigen::MatrixXd& values) const {
    values.resize(head_.rows(), head_.cols());
    double* to = values.data();
    const float* head = head_.data();
    const std::int32_t* rest = rest_.data();
    for (Eigen::Index k = 0; k < values.size(); ++k)
      to[k] = std::bit_cast<double>(bits(static_cast<double>(head[k])) + rest[k]);
  }

 private:
  static std::int64_t bits(double value) { return std::bit_cast<std::int64_t>(value); }

  Eigen::MatrixXf head_;
  Eigen::Matrix<std::int32_t, Eigen::Dynamic, Eigen::Dynamic> rest_;
};

}  // namespace SST_ABI
}  // namespace sst
