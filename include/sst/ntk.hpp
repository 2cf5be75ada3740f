// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// The one include: topologies, their exact kernels, and regression with them.
/// Files, JSON, reports and finite networks have headers of their own (data/, topology/json.hpp,
/// report/, finite/).

#include <sst/activation/angular.hpp>
#include <sst/error.hpp>
#include <sst/kernel/gram.hpp>
#include <sst/plan/compile.hpp>
#include <sst/plan/print.hpp>
#include <sst/regression/model.hpp>
#include <sst/topology/activations.hpp>
#include <sst/topology/families.hpp>
#include <sst/topology/node.hpp>
#include <sst/topology/topology.hpp>
#include <sst/version.hpp>
