// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// The choice of kernels, ridges and scales. See instantiate.hpp.

#include <sst/selection/choose_impl.hpp>
#include <sst/selection/complexity_impl.hpp>
#include <sst/selection/cross_validation_impl.hpp>
#include <sst/selection/feature_learning_impl.hpp>
#include <sst/selection/grid_search_impl.hpp>
#include <sst/selection/permutation_importance_impl.hpp>
#include <sst/selection/ridge_path_impl.hpp>
#include <sst/selection/tune_impl.hpp>
