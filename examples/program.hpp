// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <csignal>
#include <exception>
#include <functional>
#include <iostream>
#include <new>
#include <string>
#include <utility>

#include <sys/resource.h>
#include <unistd.h>

#include <CLI/CLI.hpp>

#include <sst/error.hpp>

/// \file
/// What our programs share: exit statuses, one-line errors, progress on a terminal, Ctrl-C.

namespace program {

inline volatile std::sig_atomic_t interrupted = 0;

/// One line on a terminal that says how far a computation is; silent anywhere else. While there is one,
/// Ctrl-C stops the computation at its next step (Cancelled), and Ctrl-C again stops the program at once.
class Progress {
 public:
  Progress() : terminal_(isatty(STDERR_FILENO) == 1) {
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

  /// A function that the library calls with the fraction that is done; false asks it to stop.
  std::function<bool(double)> operator()(std::string what) {
    return [this, what = std::move(what)](double done) {
      if (interrupted) return false;
      const auto now = std::chrono::steady_clock::now();
      if (terminal_ && now - shown_ > std::chrono::milliseconds(100)) {
        std::cerr << "\r\033[K" << what << ' ' << static_cast<int>(100 * done) << " %" << std::flush;
        shown_ = now;
        drawn_ = true;
      }
      return true;
    };
  }

  /// Between computations: throws Cancelled after Ctrl-C, and leaves the terminal clean.
  void check() {
    clear();
    if (interrupted) throw sst::Cancelled("interrupted");
  }

 private:
  void clear() {
    if (drawn_) std::cerr << "\r\033[K" << std::flush;
    drawn_ = false;
  }

  bool terminal_, drawn_ = false;
  std::chrono::steady_clock::time_point shown_;
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
    return program::interrupted ? fail(128 + program::interrupted, "interrupted; no file was written")
                                : fail(1, error.what());
  } catch (const std::bad_alloc&) {
    return fail(1, "there is not enough memory for these data; use fewer rows");
  } catch (const std::exception& error) {
    return fail(1, error.what());
  }
}
