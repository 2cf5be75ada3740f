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

}  // namespace detail
}  // namespace SST_ABI
}  // namespace sst
