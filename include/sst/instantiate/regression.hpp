// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// Solvers, models and posteriors. See instantiate.hpp.

#include <sst/regression/classification_impl.hpp>
#include <sst/regression/gradient_flow_impl.hpp>
#include <sst/regression/model_impl.hpp>
#include <sst/regression/posterior_impl.hpp>
#include <sst/regression/solver_impl.hpp>
