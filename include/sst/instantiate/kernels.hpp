// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// Kernels of rows, and kernel functions of all kinds. See instantiate.hpp.

#include <sst/kernel/gram.hpp>
#include <sst/kernel/infinite_depth_impl.hpp>
#include <sst/kernel/kernel_function_impl.hpp>
#include <sst/kernel/network_kernel_impl.hpp>
#include <sst/kernel/tiles_impl.hpp>
#include <sst/plan/compile_impl.hpp>
#include <sst/version.hpp>

namespace sst {
inline namespace SST_ABI {

namespace gram_detail {
SST_TILES_TEMPLATES(double, double)
SST_TILES_TEMPLATES(float, float)
SST_TILES_TEMPLATES(double, float)
}  // namespace gram_detail

SST_GRAM_TEMPLATES(, double)
SST_GRAM_TEMPLATES(, float)

}  // namespace SST_ABI
}  // namespace sst
