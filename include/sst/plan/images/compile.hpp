// SPDX-License-Identifier: MIT
#pragma once

#include <sst/plan/images/plan.hpp>
#include <sst/plan/kernel.hpp>
#include <sst/topology/image_shape.hpp>
#include <sst/topology/topology.hpp>
#include <sst/version.hpp>

/// \file
/// From a topology to the plan of its kernel of images.

namespace sst {
inline namespace SST_ABI {

/// Compiles a topology for images of one shape: pairs of variables, and the displacements each needs.
/// Throws NoClosedForm or TopologyError, with the node and the reason.
SpatialPlan compile(const Topology& topology, Kernel kernel, const ImageShape& image);

}  // namespace SST_ABI
}  // namespace sst

#ifndef SST_EXTERN_TEMPLATES
#include <sst/plan/images/compile_impl.hpp>
#endif
