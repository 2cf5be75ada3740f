// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

/// \file
/// How a CSV is written, as options say it; table_options.hpp declares them.

namespace program {

struct TableOptions {
  std::string header = "auto", separator = "auto", decimal = "auto", encoding = "utf-8";
  std::vector<std::string> missing;
};

}  // namespace program
