// SPDX-License-Identifier: MIT
#pragma once

#include <sst/plan/plan.hpp>
#include <sst/topology/topology.hpp>
#include <sst/version.hpp>

namespace sst {
inline namespace SST_ABI {

/// Compiles a topology for the given kernels.
///
/// Takes O(nodes) pairs for chains, residuals, sparse shortcuts and sums after activations; only
/// correlated activations (tied weights, activations of overlapping sums) need more.
/// Throws NoClosedForm, with the node and the reason, where the kernel has no closed form.
Plan compile(const Topology& topology, Kernel kernel);

}  // namespace SST_ABI
}  // namespace sst

#ifndef SST_EXTERN_TEMPLATES
#include <sst/plan/compile_impl.hpp>
#endif
