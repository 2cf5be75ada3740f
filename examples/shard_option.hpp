// SPDX-License-Identifier: MIT
#pragma once

#include <charconv>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <optional>
#include <string>
#include <system_error>

#include <CLI/CLI.hpp>

#include <sst/error.hpp>
#include <sst/io/store/mount.hpp>
#include <sst/io/store/shard.hpp>

/// \file
/// Which shard of a store a run fills: the option --shard.

namespace program {

inline CLI::Option* add_shard(CLI::App& app, std::string& shard) {
  const CLI::Validator check(
      [](const std::string& text) -> std::string {
        if (text == "slurm") return "";
        try {
          sst::parse_shard(text);
        } catch (const sst::DataError& error) {
          return error.what();
        }
        return "";
      },
      "I/N|slurm");
  return app
      .add_option("--shard", shard,
                  "fill the part I of N of the store and stop, beside others that fill the rest; slurm: "
                  "of a job array, by its environment")
      ->check(check);
}

/// A whole number of the environment; none where there is none.
inline std::optional<int> environment_number(const char* name) {
  const char* const text = std::getenv(name);
  if (text == nullptr) return std::nullopt;
  int value = 0;
  const char* const end = text + std::strlen(text);
  const auto [stop, error] = std::from_chars(text, end, value);
  return error == std::errc() && stop == end ? std::optional(value) : std::nullopt;
}

/// The task of a SLURM job array that this process is. Throws sst::DataError outside of one, and in one whose
/// numbers have gaps, as that of tasks which are run again has.
inline sst::Shard slurm_shard() {
  const auto id = environment_number("SLURM_ARRAY_TASK_ID"),
             count = environment_number("SLURM_ARRAY_TASK_COUNT");
  const auto first = environment_number("SLURM_ARRAY_TASK_MIN"),
             last = environment_number("SLURM_ARRAY_TASK_MAX");
  const int step = environment_number("SLURM_ARRAY_TASK_STEP").value_or(1);
  if (!id || !count || !first)
    throw sst::DataError(
        "--shard slurm is not in a job array (SLURM_ARRAY_TASK_ID, _COUNT and _MIN are not set); start it by "
        "sbatch --array=1-N, or give --shard I/N");
  if (step < 1 || (last && *last - *first != (*count - 1) * step) || *id < *first ||
      (*id - *first) % step != 0 || (*id - *first) / step >= *count)
    throw sst::DataError("--shard slurm does not know which part task " + std::to_string(*id) +
                         " is (the numbers of the job array have gaps); give --shard I/N with the N of the "
                         "first array");
  return {(*id - *first) / step + 1, *count};
}

/// What the option says; 1/1 where it was not given.
inline sst::Shard shard_of(const std::string& option) {
  if (option.empty()) return {};
  return option == "slurm" ? slurm_shard() : sst::parse_shard(option);
}

/// A line on standard error where a shard relies on locks that other machines do not see.
inline void note_local_locks(const sst::Shard& shard, const std::string& folder) {
  const std::string why = shard.alone() ? "" : sst::why_locks_are_local(folder);
  if (!why.empty())
    std::cerr << "note: other machines do not see the locks of '" << folder << "' (" << why
              << "); start no shard twice, and no run alone while shards run\n";
}

}  // namespace program
