// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <fstream>
#include <iostream>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>

#include <sst/base/file.hpp>
#include <sst/io/csv_format.hpp>
#include <sst/io/text_file.hpp>
#include <sst/tables/raw_table.hpp>
#ifdef SST_WITH_ZLIB
#include <sst/io/gzip.hpp>
#endif

#include "options.hpp"
#include "table_settings.hpp"

/// \file
/// How our programs read tables: standard input, packed files, and the options that say how a CSV is written.

namespace program {

/// An option that may be given several times, each time with one value that is taken as it is.
inline CLI::Option* add_words(CLI::App& app, const char* name, std::vector<std::string>& words,
                              const char* text) {
  return app.add_option(name, words, text)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->allow_extra_args(false);
}

inline const std::map<std::string, char> separators{{"auto", '\0'}, {"comma", ','}, {"semicolon", ';'},
                                                    {"tab", '\t'},  {"bar", '|'},   {"blank", ' '}};

/// Declares them; they have an effect on CSV files alone.
inline std::vector<CLI::Option*> add_table_options(CLI::App& app, TableOptions& o) {
  std::vector<std::string> names;
  for (const auto& [name, letter] : separators) names.push_back(name);
  return {
      add_choice(app, "--header", o.header, {"auto", "yes", "no"},
                 "row 1 of a CSV has names; auto: by evidence"),
      add_choice(app, "--separator", o.separator, names, "between fields; blank: runs of blanks and tabs"),
      add_choice(app, "--decimal", o.decimal, {"auto", "point", "comma"}, "before decimals"),
      add_choice(app, "--encoding", o.encoding, {"utf-8", "latin-1"}, "of names and text"),
      add_words(app, "--na", o.missing, "one more word for a missing value; again for others")};
}

/// `known`: names that the table should have.
inline sst::CsvFormat csv_format(const TableOptions& o,
                                 std::optional<std::vector<std::string>> known = std::nullopt) {
  sst::CsvFormat format;
  if (o.header != "auto") format.header = o.header == "yes" ? sst::CsvHeader::yes : sst::CsvHeader::no;
  if (o.decimal != "auto") format.decimal = o.decimal == "comma" ? ',' : '.';
  if (o.encoding == "latin-1") format.encoding = sst::CsvEncoding::latin1;
  format.separator = separators.at(o.separator);
  format.missing = o.missing;
  format.known = std::move(known);
  return format;
}

/// What a file is called in messages and reports.
inline std::string input_name(const std::string& file) { return file == "-" ? "standard input" : file; }

/// The bytes of a file, or of standard input where it is called "-", unpacked where they are gzip.
inline std::string read_input(const std::string& file) {
  std::string bytes =
      file == "-" ? sst::detail::read_all(std::cin, input_name(file)) : sst::detail::read_all(file);
#ifdef SST_WITH_ZLIB
  if (sst::is_gzip(bytes)) return sst::unpack_gzip(bytes, input_name(file));
#endif
  return bytes;
}

/// The table of a file; `known`: names that it should have.
inline sst::RawTable read_table(const std::string& file, const TableOptions& o,
                                std::optional<std::vector<std::string>> known = std::nullopt) {
  return sst::parse_raw_table(read_input(file), input_name(file), csv_format(o, std::move(known)));
}

/// The columns that an option names: each of its words is a name or an index, or several of them between
/// commas; a name with commas in it comes first.
inline std::vector<std::string> split_names(const std::vector<std::string>& words,
                                            const std::vector<std::string>& columns) {
  std::vector<std::string> names;
  for (const std::string& word : words)
    for (std::size_t at = 0; at < word.size();) {
      std::size_t end = word.size();
      while (end != word.npos && end > at &&
             std::find(columns.begin(), columns.end(), word.substr(at, end - at)) == columns.end())
        end = end > at + 1 ? word.rfind(',', end - 1) : word.npos;
      if (end == word.npos || end <= at) end = std::min(word.find(',', at), word.size());
      if (end > at) names.push_back(word.substr(at, end - at));
      at = end + 1;
    }
  return names;
}

}  // namespace program
