// SPDX-License-Identifier: MIT
#pragma once

#include <sstream>
#include <string>

#include <sst/tables/raw_table.hpp>

namespace sst_test {

/// The table that a file of this text, "t.csv", holds.
inline sst::RawTable raw_table(const std::string& text) {
  std::istringstream in(text);
  return sst::read_raw_table(in, "t.csv");
}

}  // namespace sst_test
