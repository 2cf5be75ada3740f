// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <chrono>
#include <csignal>
#include <string>
#include <thread>
#include <utility>

#include <poll.h>
#include <unistd.h>

#include <sst/base/output_file.hpp>

/// \file
/// Ctrl-C and SIGTERM: what is being done stops at its next step or, where that takes too long, at once.

namespace program {

/// The signal that asked the program to stop; 0: none.
inline std::atomic<int> interrupted = 0;

inline constexpr int undecided = -1;
/// With which status the program ends. Who decides it first says why on standard error.
inline std::atomic<int> verdict = undecided;

/// The first status that was decided on: this one, where there was none.
inline int decide(int status, bool& first) {
  int before = undecided;
  first = verdict.compare_exchange_strong(before, status);
  return first ? status : before;
}

/// Whether another process says why they end.
inline std::atomic<bool> silent = false;

inline std::string interruption(const std::string& name) {
  return name + ": interrupted; every file is as it was, or complete\n";
}

/// From here on Ctrl-C and SIGTERM set `interrupted`, by which long work stops at its next step. What has not
/// stopped after a third of a second, say a read from a device or a step that takes a minute, ends with the
/// program: a thread that does nothing else waits for the signal. To be called before there are other
/// threads.
inline void watch_for_signals(std::string name) {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGINT, SIGTERM}) {
    std::signal(signal, SIG_DFL);  // a shell's background jobs ignore Ctrl-C
    sigaddset(&signals, signal);
  }
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);  // all threads inherit it
  std::thread([signals, name = std::move(name)] {
    int signal = 0;
    sigwait(&signals, &signal);
    interrupted = signal;
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    bool first = false;
    const int status = decide(128 + signal, first);
    if (first) {
      sst::detail::Temporaries::all().remove_for_good();
      // Not by std::cerr, which a thread that cannot get rid of its words may hold.
      const std::string line = (isatty(STDERR_FILENO) ? "\r\033[K" : "") + interruption(name);
      pollfd out{STDERR_FILENO, POLLOUT, 0};
      if (!silent && poll(&out, 1, 0) == 1) [[maybe_unused]]
        const auto written = write(STDERR_FILENO, line.data(), line.size());
    } else {  // the program is ending by itself
      std::this_thread::sleep_for(std::chrono::milliseconds(300));
    }
    _exit(status);
  }).detach();
}

}  // namespace program
