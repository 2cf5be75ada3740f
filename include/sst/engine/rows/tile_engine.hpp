// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <memory>

#include <Eigen/Core>

#include <sst/version.hpp>

/// \file
/// What computes tiles of kernel matrices of rows, whatever computes it.

namespace sst {
inline namespace SST_ABI {

/// A tile of kernel matrices in memory: column-major, `stride` scalars from column to column. Null where
/// nobody asks.
template <class Scalar>
struct TileView {
  Scalar* nngp = nullptr;   ///< covariances
  Scalar* ntk = nullptr;    ///< tangents
  Eigen::Index stride = 0;  ///< scalars from column to column
};

namespace gram_detail {

using Index = std::size_t;  ///< of samples, pairs and columns

/// Computes tiles of one kernel matrix; one is shared by all threads.
template <class Scalar>
class TileEngine {
 public:
  virtual ~TileEngine() = default;
  /// What one thread needs for itself.
  struct Workspace {
    virtual ~Workspace() = default;
  };
  virtual std::unique_ptr<Workspace> workspace() const = 0;
  /// `lower`: the tile lies on the diagonal, and what is above need not be computed.
  virtual void evaluate(Index row0, Index rows, Index col0, Index cols, TileView<Scalar> out, bool lower,
                        Workspace& workspace) const = 0;
  /// K(x, x), the NNGP, of the samples of the rows.
  virtual Eigen::VectorXd row_variances() const = 0;
};

}  // namespace gram_detail
}  // namespace SST_ABI
}  // namespace sst
