// SPDX-License-Identifier: MIT
#pragma once

#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <ios>
#include <string>
#include <string_view>
#include <system_error>

#include <sst/error.hpp>

/// \file
/// What the fuzz targets share. A target reads one input; what must never happen ends the process.

namespace fuzz {

/// Says what does not hold and stops: libFuzzer keeps the input.
inline void require(bool holds, const std::string& what) {
  if (holds) return;
  std::fprintf(stderr, "property does not hold: %s\n", what.c_str());
  std::abort();
}

/// Runs `body`; false when it throws an Error, whose message has to be one line. Every other exception
/// leaves the target and is a finding.
template <class Body>
bool succeeds(Body&& body) {
  try {
    body();
    return true;
  } catch (const sst::Error& error) {
    const std::string_view message = error.what();
    require(!message.empty(), "an error says something");
    require(message.find_first_of("\r\n") == std::string_view::npos, "an error is one line");
    return false;
  }
}

/// Processor time, not the clock's, since the machine may be busy: no input takes a second.
class Stopwatch {
 public:
  ~Stopwatch() { require(std::clock() - start_ < CLOCKS_PER_SEC, "an input takes less than a second"); }

 private:
  std::clock_t start_ = std::clock();
};

/// A folder of this process alone, in memory where the system has such a place.
inline const std::filesystem::path& folder() {
  struct Folder {
    std::filesystem::path path;
    Folder() {
      const std::filesystem::path memory = "/dev/shm";
      const auto base =
          std::filesystem::is_directory(memory) ? memory : std::filesystem::temp_directory_path();
      path = base / ("sst-fuzz-" + std::to_string(::getpid()));
      std::filesystem::create_directories(path);
    }
    ~Folder() {
      std::error_code ignored;
      std::filesystem::remove_all(path, ignored);
    }
  };
  static const Folder one;
  return one.path;
}

inline std::filesystem::path write(const std::filesystem::path& path, std::string_view bytes) {
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  out.close();
  require(static_cast<bool>(out), "there is room for the input");
  return path;
}

/// An input of several parts: a part is its length in two bytes (the low one first) and its bytes; the
/// last one ends with the input, whatever its length says.
class Parts {
 public:
  Parts(const std::uint8_t* data, std::size_t size) : rest_(reinterpret_cast<const char*>(data), size) {}

  /// A byte of settings; 0 behind the end.
  std::uint8_t byte() {
    const auto part = take(1);
    return part.empty() ? std::uint8_t{0} : static_cast<std::uint8_t>(part[0]);
  }
  bool more() const { return rest_.size() >= 2; }
  std::string_view next() {
    const std::size_t low = byte(), high = byte();
    return take(low | high << 8U);
  }
  std::string_view rest() const { return rest_; }

 private:
  std::string_view take(std::size_t count) {
    const std::string_view part = rest_.substr(0, count);
    rest_.remove_prefix(part.size());
    return part;
  }

  std::string_view rest_;
};

/// Equal to the bit: NaN equals itself, 0 differs from -0.
template <class A, class B>
bool same_bits(const A& a, const B& b) {
  return a.rows() == b.rows() && a.cols() == b.cols() &&
         (a.size() == 0 ||
          std::memcmp(a.data(), b.data(), static_cast<std::size_t>(a.size()) * sizeof(*a.data())) == 0);
}

}  // namespace fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
