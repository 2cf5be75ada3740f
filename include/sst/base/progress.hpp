// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <exception>
#include <functional>
#include <mutex>
#include <string>
#include <utility>

#include <sst/error.hpp>
#include <sst/version.hpp>

namespace sst {
inline namespace SST_ABI {

/// Called from time to time, by one thread at a time, with the fraction of the work that is done, which never
/// falls; returning false cancels (throws Cancelled). None: nothing is told.
using ProgressFunction = std::function<bool(double)>;

namespace detail {

/// Tells so far as `what`, "the Gram matrix", is done. Throws Cancelled where the progress function returns
/// false.
inline void tell(const ProgressFunction& progress, const std::string& what, double done) {
  if (!progress || progress(done)) return;
  throw Cancelled(what + " was cancelled at " + std::to_string(std::lround(100 * done)) +
                  " % (its progress function returned false); run it again");
}

/// The part of what `whole` tells from `from` to `to`. `whole` has to outlive it.
inline ProgressFunction part_of(const ProgressFunction& whole, double from, double to) {
  if (!whole) return {};
  return [&whole, from, to](double done) { return whole(from + (to - from) * done); };
}

/// The progress of work in stages that take about so much of its time. It does not go back where a stage
/// does, or is gone through twice: a factor in double, after one in float was of no use.
class Stages {
 public:
  /// Keeps a reference.
  explicit Stages(const ProgressFunction& whole) : whole_(whole) {}
  /// Of the stage from `from` to `to`. This has to outlive it.
  ProgressFunction operator()(double from, double to) {
    if (!whole_) return {};
    return [this, from, to](double done) {
      return whole_(reached_ = std::max(reached_, from + (to - from) * done));
    };
  }

 private:
  const ProgressFunction& whole_;
  double reached_ = 0;
};

/// Counts what several threads have done, and tells the fraction of it.
class Counter {
 public:
  /// `total`: what there is to do. `what`, for the message: "the Gram matrix".
  Counter(ProgressFunction progress, double total, std::string what)
      : progress_(std::move(progress)), total_(total), what_(std::move(what)) {}

  /// So much more is done. Throws Cancelled where the progress function returns false, and what it throws;
  /// from then on in every thread, which so ends what it is about.
  void add(double more = 1) {
    if (!progress_) return;
    const std::lock_guard lock(mutex_);
    if (stopped_) std::rethrow_exception(stopped_);
    done_ += more;
    try {
      tell(progress_, what_, std::min(1.0, done_ / total_));
    } catch (...) {
      stopped_ = std::current_exception();
      throw;
    }
  }

 private:
  ProgressFunction progress_;
  double total_, done_ = 0;
  std::exception_ptr stopped_;
  std::string what_;
  std::mutex mutex_;
};

}  // namespace detail
}  // namespace SST_ABI
}  // namespace sst
