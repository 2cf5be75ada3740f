// SPDX-License-Identifier: MIT
#pragma once

#include <charconv>
#include <string>
#include <string_view>
#include <system_error>

#include <sst/base/file.hpp>
#include <sst/error.hpp>
#include <sst/version.hpp>

namespace sst {
inline namespace SST_ABI {

/// One of several runs that fill a tile store at the same time, each with tiles of its own, on any machine
/// that sees the folder. 1/1 is a run alone.
struct Shard {
  int number = 1;  ///< from 1 to `of`
  int of = 1;      ///< how many there are, 1 or more

  /// Whether all tiles are this run's.
  bool alone() const { return of == 1; }
  /// "3/16"
  std::string text() const { return std::to_string(number) + "/" + std::to_string(of); }
  friend bool operator==(const Shard&, const Shard&) = default;
};

/// Throws DataError for a shard that does not exist, such as 5/4.
inline void validate(const Shard& shard) {
  if (shard.number < 1 || shard.number > shard.of)
    throw DataError("there is no shard " + shard.text() +
                    " (they are counted from 1 to as many as there are); choose one of them");
}

/// The shard of a text such as "3/16": its number, from 1, and how many there are. Throws DataError for any
/// other text.
inline Shard parse_shard(std::string_view text) {
  Shard out{0, 0};
  const char* const end = text.data() + text.size();
  const auto [slash, first] = std::from_chars(text.data(), end, out.number);
  if (first == std::errc() && slash != end && *slash == '/') {
    const auto [stop, second] = std::from_chars(slash + 1, end, out.of);
    if (second == std::errc() && stop == end && out.number >= 1 && out.number <= out.of) return out;
  }
  throw DataError(detail::quote(text) +
                  " is no shard (its number, from 1, and how many there are); write the third of 16 as 3/16");
}

}  // namespace SST_ABI
}  // namespace sst
