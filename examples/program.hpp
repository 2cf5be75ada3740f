// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <csignal>
#include <cstddef>
#include <exception>
#include <fstream>
#include <initializer_list>
#include <ios>
#include <iostream>
#include <limits>
#include <new>
#include <ostream>
#include <string>
#include <utility>

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <CLI/CLI.hpp>

#include <sst/base/output_file.hpp>
#include <sst/error.hpp>
#include <sst/version.hpp>

#include "duration.hpp"
#include "interrupt.hpp"

/// \file
/// What our programs share: exit statuses, one-line errors, progress on a terminal.

namespace program {

/// "22.5 % done, 3 min 20 s left": `before` of it was done when these seconds began.
inline std::string progress_text(double done, double before, double seconds) {
  const auto permille = static_cast<long>(1000 * done);
  std::string text = std::to_string(permille / 10) + "." + std::to_string(permille % 10) + " % done";
  if (done > before && seconds > 0)
    text += ", " + format_duration(seconds / (done - before) * (1 - done)) + " left";
  return text;
}

/// How far a computation is: on a terminal a line that changes, in a log a line a minute. After Ctrl-C the
/// computation stops at its next step (Cancelled).
class Progress {
 public:
  Progress() = default;
  ~Progress() { clear(); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// A function that the library calls with the fraction that is done; false asks it to stop. What is done
  /// at the first call, a store's tiles for example, does not count for the time that is left.
  auto operator()(std::string what) { return Step{*this, std::move(what)}; }

  /// Between computations: throws Cancelled after Ctrl-C, and leaves the terminal clean.
  void check() {
    clear();
    check_signals();
  }
  /// Within one: throws Cancelled after Ctrl-C.
  void check_signals() {
    if (!interrupted) return;
    clear();
    throw sst::Cancelled("interrupted");
  }

 private:
  using Clock = std::chrono::steady_clock;

  struct Step {
    Progress& progress;
    std::string what;
    bool operator()(double done) const {
      return progress.show(
          what, done, [&](double seconds, double before) { return progress_text(done, before, seconds); });
    }
    /// Of work that nobody knows the end of.
    bool operator()(const std::string& done) const {
      return progress.show(what, 0, [&](double, double) { return done; });
    }
  };

  /// text(seconds since this began, what was done then) says how far it is.
  template <class Text>
  bool show(const std::string& what, double done, Text&& text) {
    if (interrupted) return false;
    const auto now = Clock::now();
    if (what != what_) {
      what_ = what;
      began_ = now;
      before_ = done;
    }
    if (now - shown_ < std::chrono::milliseconds(terminal_ ? 300 : 60000)) return true;
    shown_ = now;
    std::cerr << (terminal_ ? "\r\033[K" : "") << what << ": "
              << text(std::chrono::duration<double>(now - began_).count(), before_) << (terminal_ ? "" : "\n")
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
  double before_ = 0;
  Clock::time_point began_, shown_ = Clock::now();
};

/// The most memory this program has held so far, in MiB: its own, not that of the one which started it.
inline double peak_memory() {
  std::ifstream status("/proc/self/status");
  for (std::string key; status >> key; status.ignore(std::numeric_limits<std::streamsize>::max(), '\n'))
    if (double kib = 0; key == "VmHWM:" && status >> kib) return kib / 1024;
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
#ifdef __APPLE__
  return static_cast<double>(usage.ru_maxrss) / (1024 * 1024);
#else
  return static_cast<double>(usage.ru_maxrss) / 1024;
#endif
}

/// Standard streams that are closed stay so: no file that is opened later takes their numbers, and with them
/// what is meant for a terminal. A file that grows beyond what is allowed is an error like a full disk.
inline void guard_streams() {
  for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
    if (fcntl(stream, F_GETFD) == -1) {  // its number is the lowest free one; reads and writes fail
      [[maybe_unused]] const int taken = open("/dev/null", stream == STDIN_FILENO ? O_WRONLY : O_RDONLY);
    }
  std::signal(SIGXFSZ, SIG_IGN);
}

/// Lets fill(stream) write a file, or standard output where it is called "-".
template <class Fill>
void write_output(const std::string& file, Fill&& fill) {
  if (file == "-")
    fill(static_cast<std::ostream&>(std::cout));
  else
    sst::detail::write_file(file, fill);
}

/// Throws sst::DataError for files that could not be written, before the work that leads to them.
inline void try_outputs(std::initializer_list<std::string> files) {
  for (const std::string& file : files)
    if (!file.empty() && file != "-") sst::detail::require_writable(file);
}

/// The library names a setting as "(missing: drop)"; a program that has it as an option says "(--missing
/// drop)", and "(--classify)" for a flag.
inline std::string name_options(const CLI::App& app, std::string message) {
  for (std::size_t at = message.find('('); at != message.npos; at = message.find('(', at + 1)) {
    const std::size_t end = message.find_first_not_of("abcdefghijklmnopqrstuvwxyz-", at + 1);
    if (end == message.npos || message.compare(end, 2, ": ") != 0) continue;
    const std::string name = "--" + message.substr(at + 1, end - at - 1);
    const CLI::Option* option = app.get_option_no_throw(name);
    for (const CLI::App* command : app.get_subcommands())
      if (option == nullptr) option = command->get_option_no_throw(name);
    if (option == nullptr) continue;
    const bool flag = option->get_items_expected_max() == 0 && message.compare(end, 5, ": yes") == 0;
    message.replace(at + 1, end + (flag ? 5 : 1) - at - 1, name);
  }
  return message;
}

/// A message on one line that does nothing to a terminal, whatever names of files it has.
inline std::string one_line(const std::string& message) {
  std::string out;
  for (const char c : message) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '\n' || c == '\r' || c == '\t')
      out += ' ';
    else if (byte < 0x20 || byte == 0x7F)
      out += {'\\', 'x', "0123456789abcdef"[byte >> 4U], "0123456789abcdef"[byte & 15U]};
    else
      out += c;
  }
  return out;
}

}  // namespace program

/// Runs `body` once the options are read. Exit status 0; 2 for a wrong option, 130 after Ctrl-C, 143 after
/// SIGTERM, within a second, 1 for anything else, each with one line on standard error.
template <class Body>
int run_program(CLI::App& app, int argc, char** argv, Body&& body) {
  const auto end = [](int status, const std::string& text) {
    bool first = false;
    status = program::decide(status, first);
    if (first) std::cerr << text;
    return status;
  };
  const auto fail = [&](const std::string& message, int status = 1) {
    return end(status, app.get_name() + ": " + program::one_line(message) + '\n');
  };
  app.set_version_flag("--version", app.get_name() + " " + std::to_string(SST_VERSION_MAJOR) + "." +
                                        std::to_string(SST_VERSION_MINOR) + "." +
                                        std::to_string(SST_VERSION_PATCH));
  const auto finish = [&] {
    if (std::cout.flush()) return end(0, "");
    return fail("cannot write to standard output; check where it goes and its room");
  };
  program::guard_streams();
  program::watch_for_signals(app.get_name());
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) {  // --help or --version
      app.exit(error, std::cout, std::cerr);
      return finish();
    }
    std::string command = app.get_name();
    for (const CLI::App* sub : app.get_subcommands()) command += " " + sub->get_name();
    return fail(std::string(error.what()) + "; " + command + " --help lists the options", 2);
  }
  try {
    body();
    return finish();
  } catch (const sst::Cancelled& error) {
    const int signal = program::interrupted;
    return signal ? end(128 + signal, program::interruption(app.get_name())) : fail(error.what());
  } catch (const std::bad_alloc&) {
    return fail("there is not enough memory for these data; use fewer rows");
  } catch (const std::exception& error) {
    return fail(program::name_options(app, error.what()));
  }
}
