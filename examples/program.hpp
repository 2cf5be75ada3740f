// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <csignal>
#include <exception>
#include <iostream>
#include <new>
#include <string>
#include <utility>

#include <sys/resource.h>
#include <unistd.h>

#include <CLI/CLI.hpp>

#include <sst/base/duration.hpp>
#include <sst/error.hpp>

/// \file
/// What our programs share: exit statuses, one-line errors, progress on a terminal, Ctrl-C.

namespace program {

inline volatile std::sig_atomic_t interrupted = 0;

/// How far a computation is: on a terminal a line that changes, in a log a line a minute. While there is one,
/// Ctrl-C stops the computation at its next step (Cancelled), and Ctrl-C again stops the program at once.
class Progress {
 public:
  Progress() {
    const auto stop = [](int signal) {
      interrupted = signal;
      std::signal(signal, SIG_DFL);
    };
    std::signal(SIGINT, stop);
    std::signal(SIGTERM, stop);
  }
  ~Progress() { clear(); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// A function that the library calls with the fraction that is done, or with a ProgressEta; false asks it
  /// to stop.
  auto operator()(std::string what) { return Step{*this, std::move(what)}; }

  /// Between computations: throws Cancelled after Ctrl-C, and leaves the terminal clean.
  void check() {
    clear();
    if (interrupted) throw sst::Cancelled("interrupted");
  }

 private:
  using Clock = std::chrono::steady_clock;

  struct Step {
    Progress& progress;
    std::string what;
    bool operator()(double done) const { return progress.show(what, {.total = 1, .done = done}); }
    bool operator()(const sst::ProgressEta& eta) const { return progress.show(what, eta); }
  };

  bool show(const std::string& what, sst::ProgressEta eta) {
    if (interrupted) return false;
    const auto now = Clock::now();
    if (what != what_) {
      what_ = what;
      began_ = now;
    }
    if (now - shown_ < std::chrono::milliseconds(terminal_ ? 300 : 60000)) return true;
    shown_ = now;
    if (!(eta.seconds > 0)) eta.seconds = std::chrono::duration<double>(now - began_).count();
    std::cerr << (terminal_ ? "\r\033[K" : "") << what << ": " << eta.text() << (terminal_ ? "" : "\n")
              << std::flush;
    drawn_ = terminal_;
    return true;
  }

  void clear() {
    if (drawn_) std::cerr << "\r\033[K" << std::flush;
    drawn_ = false;
  }

  bool terminal_ = isatty(STDERR_FILENO) == 1, drawn_ = false;
  std::string what_;
  Clock::time_point began_, shown_ = Clock::now();
};

/// The most memory this program has held so far, in MiB.
inline double peak_memory() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
#ifdef __APPLE__
  return static_cast<double>(usage.ru_maxrss) / (1024 * 1024);
#else
  return static_cast<double>(usage.ru_maxrss) / 1024;
#endif
}

}  // namespace program

/// Runs `body` once the options are read. Exit status 0; 2 for a wrong option, with the usage on standard
/// error; 130 after Ctrl-C; 1 for anything else, with one line on standard error.
template <class Body>
int run_program(CLI::App& app, int argc, char** argv, Body&& body) {
  const auto fail = [&app](int status, std::string line) {
    for (char& c : line)
      if (c == '\n' || c == '\r') c = ' ';
    std::cerr << app.get_name() << ": " << line << '\n';
    return status;
  };
  const auto finish = [&fail] {
    if (std::cout.flush()) return 0;
    return fail(1, "cannot write to standard output; check where it goes and its room");
  };
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) {  // --help
      app.exit(error, std::cout, std::cerr);
      return finish();
    }
    std::cerr << app.get_name() << ": " << error.what() << "\n\n" << app.help();
    return 2;
  }
  try {
    body();
    return finish();
  } catch (const sst::Cancelled& error) {
    return program::interrupted ? fail(128 + program::interrupted, "interrupted; no result was written")
                                : fail(1, error.what());
  } catch (const std::bad_alloc&) {
    return fail(1, "there is not enough memory for these data; use fewer rows");
  } catch (const std::exception& error) {
    return fail(1, error.what());
  }
}
