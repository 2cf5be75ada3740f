// SPDX-License-Identifier: MIT
#pragma once

#include <map>
#include <string>

#include <sst/topology/families.hpp>

/// \file
/// Families of topologies on rows, by the names that options give them.

/// Makes a topology of so many layers.
using RowFamily = sst::Topology (*)(int, const sst::FamilyOptions&);
inline const std::map<std::string, RowFamily> row_families{
    {"chain", [](int depth, const sst::FamilyOptions& layer) { return sst::chain(depth, layer); }},
    {"residual", [](int depth, const sst::FamilyOptions& layer) { return sst::residual(depth, layer); }},
    {"sparse_shortcut",
     [](int depth, const sst::FamilyOptions& layer) { return sst::sparse_shortcut(depth, layer); }},
    {"densely_connected",
     [](int depth, const sst::FamilyOptions& layer) { return sst::densely_connected(depth, layer); }},
    {"identity_connected",
     [](int depth, const sst::FamilyOptions& layer) { return sst::identity_connected(depth, layer); }},
    {"recurrent", [](int depth, const sst::FamilyOptions& layer) { return sst::recurrent(depth, layer); }}};
