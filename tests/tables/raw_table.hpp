// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include <sst/tables/raw_table.hpp>

namespace sst_test {

/// The table that a file of this text, "t.csv", holds.
inline sst::RawTable raw_table(const std::string& text, const sst::CsvFormat& format = {}) {
  return sst::parse_raw_table(text, "t.csv", format);
}

}  // namespace sst_test
