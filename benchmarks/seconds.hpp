// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>

/// \file
/// How long work takes by the clock: for ratios within one run.

template <class Work>
double seconds(Work&& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}
