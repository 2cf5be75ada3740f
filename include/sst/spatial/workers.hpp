// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <cstddef>
#include <exception>
#include <memory>

#ifdef _OPENMP
#include <omp.h>
#endif

/// \file
/// Independent pieces of work on several threads, each with a worker of its own.

namespace sst::spatial {

/// `threads`, or as many as OpenMP takes where that is 0.
inline int thread_count(int threads) {
#ifdef _OPENMP
  return threads > 0 ? threads : omp_get_max_threads();
#else
  (void)threads;
  return 1;
#endif
}

/// work(worker, k) for k = 0 ... count - 1, each thread with a worker of its own; what is thrown passes
/// through.
template <class Worker, class Make, class Work>
void workers(std::size_t count, int threads, Make&& make, Work&& work) {
  std::exception_ptr failure;
  std::atomic<bool> stop{false};
  const auto total = static_cast<std::ptrdiff_t>(count);
  threads = thread_count(threads);
#ifdef _OPENMP
#pragma omp parallel num_threads(threads) if (total > 1)
#endif
  {
    std::unique_ptr<Worker> worker;
#ifdef _OPENMP
#pragma omp for schedule(dynamic)
#endif
    for (std::ptrdiff_t k = 0; k < total; ++k) {
      if (stop) continue;
      try {
        if (!worker) worker = make();
        work(*worker, static_cast<std::size_t>(k));
      } catch (...) {
#ifdef _OPENMP
#pragma omp critical(sst_spatial_failure)
#endif
        if (!failure) failure = std::current_exception();
        stop = true;
      }
    }
  }
  if (failure) std::rethrow_exception(failure);
}

/// work(k) for k = 0 ... count - 1, as `workers` but without a worker.
template <class Work>
void parallel(std::size_t count, int threads, Work&& work) {
  workers<int>(
      count, threads, [] { return std::make_unique<int>(0); }, [&](int&, std::size_t k) { work(k); });
}

}  // namespace sst::spatial
