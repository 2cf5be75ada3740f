// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <ios>
#include <string>
#include <utility>

#include <Eigen/Core>

#include <sst/base/plain_text.hpp>

/// \file
/// What a run will take, before it starts, and how people read it.

namespace program {

/// Seconds a pair of samples takes: so much for each sample of a tile, which is prepared anew for every tile,
/// and so much for each of its pairs. seconds(rows, columns): what a rectangle takes; `tile`: rows of a tile;
/// `threads`: on which a rectangle is computed.
template <class Seconds>
double time_pair(Eigen::Index tile, int threads, Seconds&& seconds) {
  constexpr Eigen::Index lanes = 16;  // what a vector holds at most
  constexpr double enough = 1;        // second
  struct Seen {
    double samples, pairs, seconds;
  } before{}, now{};
  for (Eigen::Index columns = 1;; columns *= 2) {
    const Eigen::Index rows = std::max(lanes * threads, columns);
    const double took = seconds(rows, columns);
    before =
        std::exchange(now, {static_cast<double>(rows + columns), static_cast<double>(rows * columns), took});
    if (before.pairs > 0 && (took > enough || columns >= tile)) break;
  }
  // Two tiles of other proportions give both; with noise one of them may be below 0.
  const double determinant = before.samples * now.pairs - now.samples * before.pairs;
  const double a_sample = std::clamp((before.seconds * now.pairs - now.seconds * before.pairs) / determinant,
                                     0.0, now.seconds / now.samples);
  const double a_pair = (now.seconds - a_sample * now.samples) / now.pairs;
  return a_pair + 2 * a_sample / static_cast<double>(tile);
}

/// "1.23 GB" for 1.23e9 bytes.
inline std::string format_bytes(double bytes) {
  std::size_t unit = 0;
  constexpr const char* units[]{"B", "kB", "MB", "GB", "TB", "PB"};
  for (; bytes >= 999.5 && unit < 5; ++unit) bytes /= 1000;
  sst::detail::PlainText text;
  text.precision(3);
  text << bytes;
  return text.str() + " " + units[unit];
}

/// 1234567 as "1,234,567".
inline std::string format_count(double count) {
  sst::detail::PlainText text;
  text << std::fixed;
  text.precision(0);
  text << count;
  std::string out = text.str();
  for (auto at = static_cast<std::ptrdiff_t>(out.size()) - 3; at > 0; at -= 3)
    out.insert(static_cast<std::size_t>(at), ",");
  return out;
}

}  // namespace program
