// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

#include <Eigen/Core>

#include <sst/version.hpp>

namespace sst {
inline namespace SST_ABI {
namespace detail {

/// Asks for the cache line of an address, which need not be one of ours: nearer than memory, not in the way.
inline void fetch_ahead([[maybe_unused]] std::uintptr_t address) {
#ifdef __GNUC__
  __builtin_prefetch(reinterpret_cast<const void*>(address), 0, 2);
#endif
}

/// a x and a' z for vectors x and z, in one pass over a: what a block off the diagonal of a symmetric matrix
/// adds to a product, as itself and as its mirror image. What takes time is reading a: this does so once, and
/// asks for what comes two groups of columns later, line by line as memory has them: processors foresee
/// little of four short columns side by side.
template <class Scalar>
void mirrored_product(const Eigen::Map<const Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic>>& a,
                      const Eigen::Ref<const Eigen::Matrix<Scalar, Eigen::Dynamic, 1>>& x,
                      const Eigen::Ref<const Eigen::Matrix<Scalar, Eigen::Dynamic, 1>>& z,
                      Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic>& ax,
                      Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic>& az) {
  using Eigen::Index;
  constexpr Index width = 64 / sizeof(Scalar), together = 4;
  using Strip = Eigen::Array<Scalar, width, 1>;
  using From = Eigen::Map<const Strip>;
  ax.setZero(a.rows(), 1);
  az.setZero(a.cols(), 1);
  const Index rows = a.rows() / width * width, columns = a.cols() / together * together;
  const Scalar* const left = z.data();
  Scalar* const out = ax.data();
  for (Index c = 0; c < columns; c += together) {
    const Scalar* const v = a.data() + c * a.rows();
    const auto ahead = reinterpret_cast<std::uintptr_t>(v) +
                       sizeof(Scalar) * static_cast<std::uintptr_t>(2 * together * a.rows());
    const Scalar x0 = x[c], x1 = x[c + 1], x2 = x[c + 2], x3 = x[c + 3];
    Strip s0 = Strip::Zero(), s1 = s0, s2 = s0, s3 = s0;
    for (Index r = 0; r < rows; r += width) {
      for (Index k = 0; k < together; ++k)
        fetch_ahead(ahead + sizeof(Scalar) * static_cast<std::uintptr_t>(together * r + k * width));
      const Strip v0 = From(v + r), v1 = From(v + a.rows() + r), v2 = From(v + 2 * a.rows() + r),
                  v3 = From(v + 3 * a.rows() + r), w = From(left + r);
      Eigen::Map<Strip>(out + r) += v0 * x0 + v1 * x1 + v2 * x2 + v3 * x3;
      s0 += v0 * w, s1 += v1 * w, s2 += v2 * w, s3 += v3 * w;
    }
    az(c, 0) = s0.sum(), az(c + 1, 0) = s1.sum(), az(c + 2, 0) = s2.sum(), az(c + 3, 0) = s3.sum();
  }
  // What is left of rows, and of columns.
  const auto one_by_one = [&](Index first_row, Index first_column, Index last_column) {
    for (Index c = first_column; c < last_column; ++c) {
      const Scalar* const v = a.data() + c * a.rows();
      Scalar sum = 0;
      for (Index r = first_row; r < a.rows(); ++r) out[r] += v[r] * x[c], sum += v[r] * left[r];
      az(c, 0) += sum;
    }
  };
  one_by_one(rows, 0, columns);
  one_by_one(0, columns, a.cols());
}

}  // namespace detail
}  // namespace SST_ABI
}  // namespace sst
