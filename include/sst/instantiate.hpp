// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// For programs of many translation units: most of what the compiler does for this library, done once.
///
/// One .cpp file of the program includes this header and nothing else; everything is compiled with
/// -DSST_EXTERN_TEMPLATES. Kernels, Cholesky factorizations and models in double and float are then compiled
/// in that file alone. It has to be compiled with the same options as the others. Nothing else changes.

#include <sst/engine/images/tile_engine.hpp>
#include <sst/kernel/infinite_depth_impl.hpp>
#include <sst/kernel/kernel_function_impl.hpp>
#include <sst/kernel/network_kernel_impl.hpp>
#include <sst/kernel/tiles_impl.hpp>
#include <sst/linalg/band_form_impl.hpp>
#include <sst/linalg/spectrum_impl.hpp>
#include <sst/ntk.hpp>
#include <sst/plan/compile_impl.hpp>
#include <sst/plan/images/compile_impl.hpp>
#include <sst/regression/classification_impl.hpp>
#include <sst/regression/gradient_flow_impl.hpp>
#include <sst/regression/model_impl.hpp>
#include <sst/regression/posterior_impl.hpp>
#include <sst/regression/solver_impl.hpp>
#include <sst/selection/choose_impl.hpp>
#include <sst/selection/complexity_impl.hpp>
#include <sst/selection/cross_validation_impl.hpp>
#include <sst/selection/feature_learning_impl.hpp>
#include <sst/selection/grid_search_impl.hpp>
#include <sst/selection/permutation_importance_impl.hpp>
#include <sst/selection/ridge_path_impl.hpp>
#include <sst/selection/tune_impl.hpp>
#include <sst/version.hpp>

namespace sst {
inline namespace SST_ABI {

namespace spatial {
SST_IMAGE_TEMPLATES(double)
SST_IMAGE_TEMPLATES(float)
}  // namespace spatial

namespace gram_detail {
SST_TILES_TEMPLATES(double, double)
SST_TILES_TEMPLATES(float, float)
SST_TILES_TEMPLATES(double, float)
}  // namespace gram_detail

SST_GRAM_TEMPLATES(, double)
SST_GRAM_TEMPLATES(, float)
SST_CHOLESKY_TEMPLATES(, double)
SST_CHOLESKY_TEMPLATES(, float)

}  // namespace SST_ABI
}  // namespace sst
