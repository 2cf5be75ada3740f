// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

#include "table_settings.hpp"

/// \file
/// What the options of regress say; regress_options.hpp declares them.

struct Options {
  std::string train, test, topology, family = "sparse_shortcut", kernel = "ntk", ridge = "auto";
  std::string activation = "relu", precision = "double", save, load, output, json, svg;
  std::string solver = "automatic", missing = "error", text = "error", constant = "error",
              duplicate = "error";
  std::string missing_target = "error", unknown = "error", choose = "yes", standardize = "all", tune = "no";
  std::vector<std::string> target, ignore, categorical;
  program::TableOptions table;
  int depth = 8, threads = 0, choice_rows = 1024, feature_learning = 0;
  double weight_std = 1.5, bias_std = 0.05, interval = 0, seconds = 0;
  unsigned seed = 0;
  bool classify = false, std = false, factor = false, importance = false;
  /// Which of them were given, and so are not chosen.
  bool fixed_family = false, fixed_depth = false, fixed_activation = false, fixed_weight_std = false,
       fixed_bias_std = false, fixed_kernel = false;
};
