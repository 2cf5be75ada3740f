// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// The one include: topologies, their exact kernels, and regression, classification and selection with them.
/// Files, JSON and finite networks have headers of their own (io/, tables/, images/, pipeline/,
/// topology/json.hpp, finite/).

#include <sst/activation/angular.hpp>
#include <sst/error.hpp>
#include <sst/kernel/gram.hpp>
#include <sst/kernel/kernel_family.hpp>
#include <sst/kernel/network_kernel.hpp>
#include <sst/kernel/own_kernel.hpp>
#include <sst/plan/compile.hpp>
#include <sst/plan/print.hpp>
#include <sst/regression/classification.hpp>
#include <sst/regression/gradient_flow.hpp>
#include <sst/regression/model.hpp>
#include <sst/regression/posterior.hpp>
#include <sst/selection/choose.hpp>
#include <sst/selection/cross_validation.hpp>
#include <sst/selection/feature_learning.hpp>
#include <sst/selection/grid_search.hpp>
#include <sst/selection/permutation_importance.hpp>
#include <sst/selection/ridge_path.hpp>
#include <sst/selection/tune.hpp>
#include <sst/topology/activations.hpp>
#include <sst/topology/families.hpp>
#include <sst/topology/node.hpp>
#include <sst/topology/spatial_families.hpp>
#include <sst/topology/topology.hpp>
#include <sst/version.hpp>
