// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// Kernels of images: their engines and the plans of their networks. See instantiate.hpp.

#include <sst/engine/images/tile_engine.hpp>
#include <sst/plan/images/compile_impl.hpp>
#include <sst/version.hpp>

namespace sst {
inline namespace SST_ABI {

namespace spatial {
SST_IMAGE_TEMPLATES(double)
SST_IMAGE_TEMPLATES(float)
}  // namespace spatial

}  // namespace SST_ABI
}  // namespace sst
