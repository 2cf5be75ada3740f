// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <barrier>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include <sst/base/ranks.hpp>

namespace sst_test {

/// Threads that do what ranks do.
class ThreadRanks final : public sst::Ranks {
 public:
  struct Shared {
    explicit Shared(int count) : gate(count) {}
    std::barrier<> gate;
    std::mutex mutex;
    std::vector<std::int64_t> integers;
    std::vector<double> numbers;
  };
  ThreadRanks(std::shared_ptr<Shared> shared, int number, int count)
      : Ranks(number, count), shared_(std::move(shared)) {}

  void sum(std::int64_t* values, std::size_t count) const override { add(shared_->integers, values, count); }
  void collect(double* values, std::size_t count) const override { add(shared_->numbers, values, count); }
  int neighbours() const override { return count(); }

 private:
  template <class Number>
  void add(std::vector<Number>& total, Number* values, std::size_t size) const {
    if (number() == 0) total.assign(size, Number(0));
    shared_->gate.arrive_and_wait();
    {
      const std::lock_guard lock(shared_->mutex);
      std::transform(values, values + size, total.begin(), total.begin(), std::plus<>());
    }
    shared_->gate.arrive_and_wait();
    std::copy(total.begin(), total.end(), values);
    shared_->gate.arrive_and_wait();
  }

  std::shared_ptr<Shared> shared_;
};

/// Calls work(ranks) in so many threads at once. The error of the first rank that has one is thrown.
template <class Work>
void as_ranks(int count, Work&& work) {
  const auto shared = std::make_shared<ThreadRanks::Shared>(count);
  std::vector<std::exception_ptr> errors(static_cast<std::size_t>(count));
  std::vector<std::thread> threads;
  for (int number = 0; number < count; ++number)
    threads.emplace_back([&, number] {
      try {
        work(std::make_shared<const ThreadRanks>(shared, number, count));
      } catch (...) {
        errors[static_cast<std::size_t>(number)] = std::current_exception();
      }
    });
  for (std::thread& thread : threads) thread.join();
  for (const std::exception_ptr& error : errors)
    if (error) std::rethrow_exception(error);
}

}  // namespace sst_test
