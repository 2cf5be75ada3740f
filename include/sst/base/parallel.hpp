// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <exception>
#include <memory>

#ifdef _OPENMP
#include <omp.h>
#endif

#include <sst/version.hpp>

/// \file
/// Independent pieces of work on several threads: their number and their first error.

namespace sst {
inline namespace SST_ABI {
namespace detail {

/// Threads for so many independent pieces of work: `wanted`, or as many as OpenMP gives where that is 0.
inline int team_size(int wanted, std::ptrdiff_t pieces) {
#ifdef _OPENMP
  if (wanted <= 0) wanted = omp_get_max_threads();
#else
  wanted = 1;
#endif
  return static_cast<int>(std::clamp<std::ptrdiff_t>(pieces, 1, wanted));
}

/// The first error of several tasks. It must not leave the task it happened in, so it waits here.
class Failure {
 public:
  /// Does `work`, unless something has failed already.
  template <class Work>
  void guard(Work&& work) noexcept {
    if (failed_.load(std::memory_order_relaxed)) return;
    try {
      work();
    } catch (...) {
      if (!failed_.exchange(true)) error_ = std::current_exception();
    }
  }
  /// To be called when all tasks have ended.
  void rethrow() const {
    if (error_) std::rethrow_exception(error_);
  }

 private:
  std::atomic<bool> failed_ = false;
  std::exception_ptr error_;
};

/// work(worker, k) for k = 0 ... count - 1, each thread with a worker of its own from make(). The first error
/// ends it and is thrown.
template <class Worker, class Make, class Work>
void workers(std::size_t count, int threads, Make&& make, Work&& work) {
  Failure failure;
  const auto total = static_cast<std::ptrdiff_t>(count);
  threads = team_size(threads, total);
  const auto next = [&](std::unique_ptr<Worker>& worker, std::ptrdiff_t k) {
    failure.guard([&] {
      if (!worker) worker = make();
      work(*worker, static_cast<std::size_t>(k));
    });
  };
  if (threads == 1) {  // without OpenMP, whose threads a process that was forked does not have
    std::unique_ptr<Worker> worker;
    for (std::ptrdiff_t k = 0; k < total; ++k) next(worker, k);
  } else {
#ifdef _OPENMP
#pragma omp parallel num_threads(threads)
#endif
    {
      std::unique_ptr<Worker> worker;
#ifdef _OPENMP
#pragma omp for schedule(dynamic)
#endif
      for (std::ptrdiff_t k = 0; k < total; ++k) next(worker, k);
    }
  }
  failure.rethrow();
}

/// work(k) for k = 0 ... count - 1, as `workers` but without a worker.
template <class Work>
void parallel(std::size_t count, int threads, Work&& work) {
  workers<int>(
      count, threads, [] { return std::make_unique<int>(0); }, [&](int&, std::size_t k) { work(k); });
}

}  // namespace detail
}  // namespace SST_ABI
}  // namespace sst
