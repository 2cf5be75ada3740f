// SPDX-License-Identifier: MIT
#pragma once

#include <Eigen/Core>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <sst/version.hpp>

namespace sst {
inline namespace SST_ABI {

/// The 64-bit hash FNV-1a of bytes that come in pieces. Any change of a single byte changes it; it
/// guards against damage and mix-ups, not against somebody who means to deceive.
/// Source: G. Fowler, L. C. Noll, P. Vo, "The FNV Non-Cryptographic Hash Algorithm".
class Fingerprint {
 public:
  /// Takes in `count` bytes.
  Fingerprint& add(const void* bytes, std::size_t count) {
    const auto* at = static_cast<const unsigned char*>(bytes);
    for (std::size_t i = 0; i < count; ++i) hash_ = (hash_ ^ at[i]) * 0x100000001B3U;
    return *this;
  }
  /// Takes in the bytes of a text.
  Fingerprint& add(std::string_view text) { return add(text.data(), text.size()); }
  /// The extents and the bits of every entry. 0 and -0 are not the same.
  Fingerprint& add(const Eigen::MatrixXd& matrix) {
    for (const Eigen::Index extent : {matrix.rows(), matrix.cols()}) add(&extent, sizeof extent);
    return add(matrix.data(), static_cast<std::size_t>(matrix.size()) * sizeof(double));
  }

  /// The hash of all that was taken in.
  std::uint64_t value() const { return hash_; }
  /// 16 hexadecimal digits.
  std::string text() const {
    std::string out;
    for (int shift = 60; shift >= 0; shift -= 4) out += "0123456789abcdef"[hash_ >> shift & 15U];
    return out;
  }

 private:
  std::uint64_t hash_ = 0xCBF29CE484222325U;
};

}  // namespace SST_ABI
}  // namespace sst
