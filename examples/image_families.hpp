// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include <sst/error.hpp>
#include <sst/topology/spatial_families.hpp>

/// \file
/// Families of topologies on images, by the names that options give them.

/// Makes a topology of so many convolutions; the seed is that of random wiring.
using Family = std::function<sst::Topology(int depth, const sst::ConvFamilyOptions&, std::uint32_t seed)>;

// Three blocks, the stem and two transitions: 3 layers + 3 convolutions.
inline sst::BlockOptions three_blocks(const char* name, int depth) {
  if (depth < 6 || depth % 3 != 0)
    throw sst::TopologyError(std::string(name) + " of depth " + std::to_string(depth) +
                             " does not exist (it has three blocks); choose 6, 9, 12, ...");
  return {.blocks = 3, .layers = depth / 3 - 1};
}

inline const std::vector<std::pair<std::string, Family>>& families() {
  using Layer = const sst::ConvFamilyOptions&;
  using Seed = std::uint32_t;
  static const std::vector<std::pair<std::string, Family>> all{
      {"plain", [](int depth, Layer layer, Seed) { return sst::conv_chain(depth, layer); }},
      {"residual", [](int depth, Layer layer, Seed) { return sst::conv_residual(depth, layer); }},
      {"densely_connected", [](int depth, Layer layer,
                               Seed) { return sst::dense_net({.blocks = 1, .layers = depth - 1}, layer); }},
      {"sparse_shortcut",
       [](int depth, Layer layer, Seed) { return sst::conv_sparse_shortcut(depth, layer); }},
      {"sparse_shortcut_concat",
       [](int depth, Layer layer, Seed) {
         return sst::conv_sparse_shortcut(depth, layer, sst::Aggregation::concat);
       }},
      {"randomly_wired",
       [](int depth, Layer layer, Seed seed) {
         if (depth < 6)
           throw sst::TopologyError(
               "randomly_wired of depth " + std::to_string(depth) +
               " does not exist (each of its nodes has four neighbours); choose 6 or more");
         return sst::conv_randomly_wired(depth - 1, {.seed = seed}, layer);
       }},
      {"s3_net",
       [](int depth, Layer layer, Seed) { return sst::s3_net(three_blocks("s3_net", depth), layer); }},
      {"dense_net",
       [](int depth, Layer layer, Seed) { return sst::dense_net(three_blocks("dense_net", depth), layer); }},
      {"myrtle", [](int depth, Layer layer, Seed) { return sst::myrtle(depth, layer); }}};
  return all;
}

inline std::vector<std::string> family_names() {
  std::vector<std::string> names;
  for (const auto& [name, family] : families()) names.push_back(name);
  return names;
}

// A topology of a family, by the names of the family and of the read-out.
inline sst::Topology make_topology(const std::string& name, int depth, const std::string& pool,
                                   double weight_std, double bias_std, std::uint32_t seed) {
  sst::ConvFamilyOptions layer;
  layer.weight_std = weight_std;
  layer.bias_std = bias_std;
  layer.readout = pool == "global"  ? sst::ImageReadout::global_avg_pool
                  : pool == "local" ? sst::ImageReadout::pool_flatten
                                    : sst::ImageReadout::flatten;
  const auto known =
      std::find_if(families().begin(), families().end(), [&](const auto& f) { return f.first == name; });
  return known->second(depth, layer, seed);
}
