// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

#include <Eigen/Core>

#include <sst/version.hpp>

/// \file
/// Products of a large matrix and a vector, whose time is that of reading the matrix: once, and asked for
/// before it is needed.

namespace sst {
inline namespace SST_ABI {
namespace detail {

/// A block of a matrix, by columns.
template <class Scalar>
using Block = Eigen::Ref<const Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic>>;

/// Asks for the cache line of an address, which need not be one of ours: nearer than memory, not in the way.
inline void fetch_ahead([[maybe_unused]] std::uintptr_t address) {
#ifdef __GNUC__
  __builtin_prefetch(reinterpret_cast<const void*>(address), 0, 2);
#endif
}

/// Adds a x to `ax` where Across says so, and a' z to `az` where Down does, in one pass over a; pointers to
/// what the other takes may be null. Processors foresee little of four short columns side by side: this asks
/// for what comes two groups of columns later, line by line as memory has them.
template <bool Across, bool Down, class Scalar>
void one_pass(const Block<Scalar>& a, const Scalar* x, const Scalar* z, Scalar* ax, Scalar* az) {
  using Eigen::Index;
  constexpr Index width = 64 / sizeof(Scalar), together = 4;
  using Strip = Eigen::Array<Scalar, width, 1>;
  using From = Eigen::Map<const Strip>;
  const Index rows = a.rows() / width * width, columns = a.cols() / together * together;
  const auto address = [&](Index column) {
    return reinterpret_cast<std::uintptr_t>(a.data()) +
           sizeof(Scalar) * static_cast<std::uintptr_t>(column * a.outerStride());
  };
  Index ahead_column = 2 * together, ahead_row = 0;
  std::uintptr_t ahead = address(ahead_column);
  for (Index c = 0; c < columns; c += together) {
    const Scalar *const v0 = a.col(c).data(), *const v1 = a.col(c + 1).data(),
                        *const v2 = a.col(c + 2).data(), *const v3 = a.col(c + 3).data();
    Scalar x0 = 0, x1 = 0, x2 = 0, x3 = 0;
    if constexpr (Across) x0 = x[c], x1 = x[c + 1], x2 = x[c + 2], x3 = x[c + 3];
    Strip s0 = Strip::Zero(), s1 = s0, s2 = s0, s3 = s0;
    for (Index r = 0; r < rows; r += width) {
      for (Index k = 0; k < together; ++k) {
        fetch_ahead(ahead);
        ahead += sizeof(Strip), ahead_row += width;
        if (ahead_row >= a.rows()) ahead = address(++ahead_column), ahead_row = 0;
      }
      const Strip w0 = From(v0 + r), w1 = From(v1 + r), w2 = From(v2 + r), w3 = From(v3 + r);
      if constexpr (Across) Eigen::Map<Strip>(ax + r) += w0 * x0 + w1 * x1 + w2 * x2 + w3 * x3;
      if constexpr (Down) {
        const Strip w = From(z + r);
        s0 += w0 * w, s1 += w1 * w, s2 += w2 * w, s3 += w3 * w;
      }
    }
    if constexpr (Down)
      az[c] += s0.sum(), az[c + 1] += s1.sum(), az[c + 2] += s2.sum(), az[c + 3] += s3.sum();
  }
  // What is left of rows, and of columns.
  const auto one_by_one = [&](Index first_row, Index first_column, Index last_column) {
    for (Index c = first_column; c < last_column; ++c) {
      const Scalar* const v = a.col(c).data();
      Scalar sum = 0;
      for (Index r = first_row; r < a.rows(); ++r) {
        if constexpr (Across) ax[r] += v[r] * x[c];
        if constexpr (Down) sum += v[r] * z[r];
      }
      if constexpr (Down) az[c] += sum;
    }
  };
  one_by_one(rows, 0, columns);
  one_by_one(0, columns, a.cols());
}

/// a X; one_pass where X has one column.
template <class Scalar>
Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic> streamed_product(const Block<Scalar>& a,
                                                                       const Block<Scalar>& x) {
  using Matrix = Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic>;
  if (x.cols() != 1) return a * x;
  Matrix out = Matrix::Zero(a.rows(), 1);
  one_pass<true, false, Scalar>(a, x.data(), nullptr, out.data(), nullptr);
  return out;
}

/// a' Z; one_pass where Z has one column.
template <class Scalar>
Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic> streamed_transposed_product(const Block<Scalar>& a,
                                                                                  const Block<Scalar>& z) {
  using Matrix = Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic>;
  if (z.cols() != 1) return a.transpose() * z;
  Matrix out = Matrix::Zero(a.cols(), 1);
  one_pass<false, true, Scalar>(a, nullptr, z.data(), nullptr, out.data());
  return out;
}

/// a X and a' Z: what a block off the diagonal of a symmetric matrix adds to a product, as itself and as its
/// mirror image; one_pass for both where X and Z have one column.
template <class Scalar>
void mirrored_product(const Block<Scalar>& a, const Block<Scalar>& x, const Block<Scalar>& z,
                      Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic>& ax,
                      Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic>& az) {
  if (x.cols() != 1) {
    ax.noalias() = a * x;
    az.noalias() = a.transpose() * z;
    return;
  }
  ax.setZero(a.rows(), 1);
  az.setZero(a.cols(), 1);
  one_pass<true, true, Scalar>(a, x.data(), z.data(), ax.data(), az.data());
}

}  // namespace detail
}  // namespace SST_ABI
}  // namespace sst
