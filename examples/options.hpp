// SPDX-License-Identifier: MIT
#pragma once

#include <charconv>
#include <cmath>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

#include <CLI/CLI.hpp>

#include <sst/linalg/ridge.hpp>

/// \file
/// Options that several of our programs have: one name, one meaning, one text.

namespace program {

inline CLI::Option* add_choice(CLI::App& app, const char* name, std::string& value,
                               const std::vector<std::string>& choices, const char* text) {
  return app.add_option(name, value, text)->check(CLI::IsMember(choices))->capture_default_str();
}

inline CLI::Option* add_kernel(CLI::App& app, std::string& kernel) {
  return add_choice(app, "--kernel", kernel, {"ntk", "nngp"}, "ntk: trained networks; nngp: Bayesian ones");
}

inline CLI::Option* add_precision(CLI::App& app, std::string& precision) {
  return add_choice(app, "--precision", precision, {"double", "float"}, "of the kernel");
}

inline CLI::Option* add_threads(CLI::App& app, int& threads) {
  return app.add_option("--threads", threads, "0: all; results do not depend on it")
      ->check(CLI::Range(0, 4096))
      ->capture_default_str();
}

/// "relative:0.1" or "absolute:1e-4"; anything else is none.
inline std::optional<sst::Ridge> parse_ridge(const std::string& text) {
  for (const std::string prefix : {"relative:", "absolute:"}) {
    if (!text.starts_with(prefix)) continue;
    double value = 0;
    const char* const end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data() + prefix.size(), end, value);
    if (error == std::errc() && stop == end && value >= 0 && std::isfinite(value))
      return prefix == "relative:" ? sst::Ridge::relative(value) : sst::Ridge::absolute(value);
  }
  return std::nullopt;
}

/// `automatic`: "auto" is allowed as well, for a program that can choose.
inline CLI::Option* add_ridge(CLI::App& app, std::string& ridge, bool automatic) {
  const std::string choices = automatic ? "relative:R, absolute:A, auto" : "relative:R, absolute:A";
  const CLI::Validator check(
      [=](const std::string& text) {
        return parse_ridge(text) || (automatic && text == "auto")
                   ? std::string()
                   : "'" + text + "' is none of " + choices + "; relative:0.1 is a tenth of the mean kernel";
      },
      automatic ? "relative:R|absolute:A|auto" : "relative:R|absolute:A");
  return app.add_option("--ridge", ridge, "relative:R, times the kernel's mean diagonal, or absolute:A")
      ->check(check)
      ->capture_default_str();
}

}  // namespace program
