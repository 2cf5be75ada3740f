// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <functional>
#include <memory>

#include <Eigen/Core>

#include <sst/engine/images/image_range.hpp>
#include <sst/plan/images/plan.hpp>
#include <sst/plan/kernel.hpp>
#include <sst/topology/image_shape.hpp>
#include <sst/topology/topology.hpp>
#include <sst/version.hpp>

/// \file
/// What computes kernels between ranges of images, in whatever arithmetic.

namespace sst {
inline namespace SST_ABI {
namespace spatial {

/// Computes kernels of images. Immutable: threads can share one.
class ImageEngine {
 public:
  /// Of images.
  using Index = std::size_t;
  /// Which entries of (left image, right image), both as rows of their data sets, are wanted.
  using Wanted = std::function<bool(Index left, Index right)>;
  /// Takes an entry: left and right image, NNGP and NTK.
  using Store = std::function<void(Index left, Index right, double nngp, double ntk)>;
  /// Called by several threads when a part is done, with the number of its entries; what it throws stops.
  using Report = std::function<void(Index)>;

  virtual ~ImageEngine() = default;
  /// What is computed.
  virtual const SpatialPlan& plan() const = 0;
  /// Bytes that evaluate() takes for so many images on either side on `threads` threads.
  virtual double bytes(Index left, Index right, Index threads) const = 0;
  /// The variances of the outputs at the images of a range, a column of as many rows.
  virtual Eigen::VectorXd variances(const ImageRange& range, int threads) const = 0;
  /// All entries of left x right that `wanted` tells, each handed to `store` once. Throws what
  /// `report` throws.
  virtual void evaluate(const ImageRange& left, const ImageRange& right, const Wanted& wanted,
                        const Store& store, int threads, const Report& report = {}) const = 0;
};

/// The engine in the arithmetic of Scalar, double or float; float gives way to double where it would not keep
/// float's accuracy. Throws NoClosedForm and TopologyError as `compile` does.
template <class Scalar>
std::unique_ptr<const ImageEngine> image_engine(const Topology& topology, Kernel kernel,
                                                const ImageShape& shape);

}  // namespace spatial
}  // namespace SST_ABI
}  // namespace sst

#ifndef SST_EXTERN_TEMPLATES
#include <sst/engine/images/tile_engine.hpp>
#endif
