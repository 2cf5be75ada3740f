// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <optional>
#include <utility>

#include <sst/kernel/kernel_function.hpp>
#include <sst/kernel/path.hpp>
#include <sst/plan/kernel.hpp>
#include <sst/topology/image_shape.hpp>
#include <sst/topology/topology.hpp>
#include <sst/version.hpp>

/// \file
/// The kernels of networks as values: of rows, and of images.

namespace sst {
inline namespace SST_ABI {

/// What kernels are computed in, `in_double` or `in_float`; held, and solved with, they are in double.
enum class Precision { in_double, in_float };

/// How a network's kernel is computed.
struct NetworkOptions {
  Precision precision = Precision::in_double;  ///< of the kernel between samples
  Path path = Path::automatic;                 ///< on rows: by steps or by a radial profile; see Path
};

/// What a network's kernel is: all that it takes to make it again.
struct NetworkKernel {
  Topology topology;                ///< the network
  Kernel kernel = Kernel::ntk;      ///< which of its kernels
  std::optional<ImageShape> shape;  ///< of its samples, where they are images
  NetworkOptions options = {};      ///< how it is computed
};

/// The network that a kernel is of; null for kernels of another kind, sums among them.
std::shared_ptr<const NetworkKernel> network_of(const KernelFunction& kernel);

/// A kernel of a network, from all that it is. Throws NoClosedForm (node and reason).
KernelFunction network_kernel(NetworkKernel network);

/// The neural tangent kernel of a network on rows of features (Jacot et al. 2018, "Neural Tangent Kernel",
/// eq. (6), at infinite width): T(x, x') = E[<grad f(x), grad f(x')>]; its prior is the NNGP. Throws
/// NoClosedForm.
inline KernelFunction ntk(const Topology& topology, const NetworkOptions& options = {}) {
  return network_kernel({topology, Kernel::ntk, std::nullopt, options});
}
/// The covariance kernel of a network's outputs on rows of features (Lee et al. 2018, "Deep Neural Networks
/// as Gaussian Processes"): K(x, x') = E[f(x) f(x')]. Throws NoClosedForm.
inline KernelFunction nngp(const Topology& topology, const NetworkOptions& options = {}) {
  return network_kernel({topology, Kernel::nngp, std::nullopt, options});
}
/// The neural tangent kernel of a network on images, a row of H x W x C numbers each, channels fastest.
/// Throws NoClosedForm, TopologyError.
inline KernelFunction ntk(const Topology& topology, const ImageShape& shape,
                          const NetworkOptions& options = {}) {
  return network_kernel({topology, Kernel::ntk, shape, options});
}
/// The covariance kernel of a network's outputs on images, a row of H x W x C numbers each, channels fastest.
/// Throws NoClosedForm, TopologyError.
inline KernelFunction nngp(const Topology& topology, const ImageShape& shape,
                           const NetworkOptions& options = {}) {
  return network_kernel({topology, Kernel::nngp, shape, options});
}

}  // namespace SST_ABI
}  // namespace sst

#ifndef SST_EXTERN_TEMPLATES
#include <sst/kernel/network_kernel_impl.hpp>
#endif
