// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <map>
#include <string>

#include <sst/io/csv_format.hpp>
#include <sst/pipeline/encoding.hpp>
#include <sst/tables/raw_table.hpp>

#include "table_options.hpp"

/// \file
/// What a report says about a table: how it was read, and what of it was left out.

namespace program {

/// What is not as in most CSV files; empty where all is.
inline std::string describe(const sst::RawTable& table) {
  std::string text;
  const auto say = [&](const std::string& what) { text += (text.empty() ? "" : ", ") + what; };
  for (const auto& [name, letter] : separators)
    if (letter == table.format.separator && letter != ',') say("separated by " + name);
  if (table.format.decimal == ',') say("decimals with a comma");
  if (table.format.encoding == sst::CsvEncoding::latin1) say("Latin-1");
  if (table.columns.empty()) say("no header, row 1 is a sample");
  return text;
}

/// "3 with no value in column 2 ('b'), 1 with ..."
inline std::string list_counts(const std::map<std::string, std::size_t>& counts) {
  std::string text;
  for (const auto& [what, count] : counts)
    text += (text.empty() ? "" : ", ") + std::to_string(count) + " with " + what;
  return text;
}

/// Categories that look as if they stood for a missing value; empty where there are none.
inline std::string doubtful_categories(const sst::TableEncoding& encoding) {
  std::string text;
  for (std::size_t c = 0; c < encoding.columns.size(); ++c)
    for (const std::string& category : encoding.columns[c].categories)
      if (sst::detail::may_stand_for_missing(category))
        text += (text.empty() ? "" : ", ") + sst::detail::quote(category) + " in " +
                sst::detail::column_place(c, encoding.columns[c].name);
  return text;
}

}  // namespace program
