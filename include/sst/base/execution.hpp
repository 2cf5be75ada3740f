// SPDX-License-Identifier: MIT
#pragma once

#include <sst/base/progress.hpp>
#include <sst/version.hpp>

namespace sst {
inline namespace SST_ABI {

/// How work is carried out; what comes of it does not depend on it, to the last bit.
struct Execution {
  int threads = 0;                 ///< 0: as many as OpenMP gives
  ProgressFunction progress = {};  ///< of all of it
};

namespace detail {

/// The part of the work that takes its progress from `from` to `to`. `whole` has to outlive it.
inline Execution part_of(const Execution& whole, double from, double to) {
  return {whole.threads, part_of(whole.progress, from, to)};
}

/// The part of the work that is `count` of `total` pieces alike, after `first` of them.
inline Execution pieces_of(const Execution& whole, auto first, auto count, auto total) {
  const auto begin = static_cast<double>(first), all = static_cast<double>(total);
  return part_of(whole, begin / all, (begin + static_cast<double>(count)) / all);
}

}  // namespace detail
}  // namespace SST_ABI
}  // namespace sst
