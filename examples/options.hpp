// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <filesystem>
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

inline void add_layer_stds(CLI::App& app, double& weight_std, double& bias_std) {
  app.add_option("--weight-std", weight_std, "of every layer")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  app.add_option("--bias-std", bias_std, "of every layer")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
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

/// An option that names a file, and the name.
struct NamedFile {
  std::string option, file;
};

/// Throws CLI::ValidationError where an output is an input, is named twice, or lies in `folder`, whose files
/// are the program's own, and where two outputs go to standard output. Other streams, devices and pipes are
/// nobody's.
inline void require_own_outputs(const std::vector<NamedFile>& inputs, const std::vector<NamedFile>& outputs,
                                const NamedFile& folder = {}) {
  namespace fs = std::filesystem;
  std::error_code ignored;
  const auto place = [&](const std::string& file) {
    fs::path out = fs::weakly_canonical(fs::absolute(file, ignored), ignored);
    return out.has_filename() ? out : out.parent_path();
  };
  const auto file = [&](const NamedFile& named) {
    if (named.file.empty() || named.file == "-") return false;
    const fs::file_status status = fs::status(named.file, ignored);
    return !fs::exists(status) || fs::is_regular_file(status) || fs::is_directory(status);
  };
  const auto same = [&](const NamedFile& a, const NamedFile& b) {
    return place(a.file) == place(b.file) || fs::equivalent(a.file, b.file, ignored);
  };
  const auto within = [&](const NamedFile& named) {
    const fs::path outer = place(folder.file), inner = place(named.file);
    return std::mismatch(outer.begin(), outer.end(), inner.begin(), inner.end()).first == outer.end();
  };
  const auto refuse = [](const NamedFile& a, const std::string& what) {
    throw CLI::ValidationError(a.option + " '" + a.file + "' " + what + "; choose another name");
  };
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j)
      if (outputs[i].file == "-" && outputs[j].file == "-")
        throw CLI::ValidationError(outputs[j].option + " and " + outputs[i].option +
                                   " cannot both go to standard output");
    if (!file(outputs[i])) continue;
    for (const NamedFile& input : inputs)
      if (file(input) && same(outputs[i], input))
        refuse(outputs[i], "is the file that " + input.option + " reads");
    for (std::size_t j = 0; j < i; ++j)
      if (file(outputs[j]) && same(outputs[i], outputs[j]))
        refuse(outputs[i], "is the file that " + outputs[j].option + " writes");
    if (file(folder) && within(outputs[i]))
      refuse(outputs[i], "lies in the folder that " + folder.option + " writes");
  }
  for (const NamedFile& input : inputs)
    if (file(folder) && file(input) && within(input) && !fs::is_directory(input.file, ignored))
      refuse(folder, "holds the file that " + input.option + " reads");
}

}  // namespace program
