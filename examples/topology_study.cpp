// SPDX-License-Identifier: MIT
//
// Which topology is best? Every member of whole families, on many data sets, exactly: planned, resumable,
// and judged by tests over the data sets.

#include <array>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <filesystem>
#include <iostream>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

#include <CLI/CLI.hpp>

#include <sst/base/memory.hpp>
#include <sst/base/output_file.hpp>
#include <sst/error.hpp>
#include <sst/selection/ridge_path.hpp>

#include "options.hpp"
#include "program.hpp"
#include "study_plan.hpp"
#include "study_report.hpp"
#include "study_sets.hpp"
#include "study_statistics.hpp"
#include "study_store.hpp"
#include "study_topologies.hpp"

namespace {

struct Options {
  std::string study, folder;
  std::vector<std::string> csv, targets, sets, families = study::family_names(), kernels{"ntk", "nngp"};
  std::vector<std::string> inits{"1.5:0.05", "1:0.5"};
  int max_rows = 1000, depth = 8, wirings = 4, ridges = 10, splits = 4, threads = 0;
  double rope = 0.01;
  bool plan = false, measures = false;
};

/// "1.5:0.05": weight_std and bias_std.
std::optional<std::array<double, 2>> parse_init(const std::string& text) {
  std::array<double, 2> out{};
  const char *at = text.data(), *const end = at + text.size();
  for (double& value : out) {
    const auto [stop, error] = std::from_chars(at, end, value);
    if (error != std::errc() || !(value >= 0) || !std::isfinite(value)) return std::nullopt;
    at = stop;
    if (&value == out.data() && (at == end || *at++ != ':')) return std::nullopt;
  }
  return at == end && out[0] > 0 ? std::optional(out) : std::nullopt;
}

void declare(CLI::App& app, Options& o) {
  app.add_option("--study", o.study, "the folder of the study: its store and all that it finds");
  auto* csv = app.add_option("--csv", o.csv, "CSV files of numbers, a data set each (regression)");
  app.add_option("--target", o.targets, "the column to predict, of each CSV or of all")->needs(csv);
  csv->needs("--target");
  auto* folder = app.add_option("--uci", o.folder, "a folder of classification sets with their four folds");
  app.add_option("--sets", o.sets, "names of sets in it, a,b,...; all by default")
      ->delimiter(',')
      ->needs(folder);
  app.add_option("--max-rows", o.max_rows, "larger sets are left out, unless --sets names them")
      ->check(CLI::Range(2, 100000))
      ->capture_default_str();
  app.add_option("--splits", o.splits, "random splits of a CSV, a quarter to test on")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  app.add_option("--families", o.families, "of topologies, a,b,...; all by default")
      ->delimiter(',')
      ->check(CLI::IsMember(study::family_names()));
  app.add_option("--depth", o.depth, "the largest depth of families")
      ->check(CLI::Range(3, 10))
      ->capture_default_str();
  app.add_option("--wirings", o.wirings, "random graphs of each kind and size")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  app.add_option("--init", o.inits, "weight_std:bias_std, several: a,b,...")
      ->delimiter(',')
      ->check(CLI::Validator(
          [](const std::string& text) {
            return parse_init(text) ? std::string() : "'" + text + "' is not of the form 1.5:0.05";
          },
          "W:B"))
      ->capture_default_str();
  app.add_option("--kernels", o.kernels, "ntk, nngp or both")
      ->delimiter(',')
      ->check(CLI::IsMember({"ntk", "nngp"}))
      ->capture_default_str();
  app.add_option("--ridges", o.ridges, "so many, from 1e-4 to 10 times the mean diagonal")
      ->check(CLI::Range(1, 100))
      ->capture_default_str();
  app.add_option("--rope", o.rope, "differences of errors up to this are none for practice")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  app.add_flag("--measures", o.measures, "score measures of generalisation too; takes twice the time");
  app.add_flag("--plan", o.plan, "say what there is to compute, and do not");
  program::add_threads(app, o.threads);
  app.callback([&o] {
    if (o.csv.empty() && o.folder.empty()) throw CLI::RequiredError("--uci, or --csv,");
    if (o.study.empty() && !o.plan) throw CLI::RequiredError("--study, or --plan,");
    if (o.targets.size() > 1 && o.targets.size() != o.csv.size())
      throw CLI::ValidationError("--target has " + std::to_string(o.targets.size()) + " columns for " +
                                 std::to_string(o.csv.size()) + " files; give one, or one for each");
  });
}

std::vector<study::Set> sets(const Options& o) {
  std::vector<study::Set> out;
  if (!o.folder.empty()) out = study::class_sets(o.folder, o.sets, o.max_rows);
  for (std::size_t i = 0; i < o.csv.size(); ++i)
    out.push_back(study::table_set(o.csv[i], o.targets[o.targets.size() == 1 ? 0 : i], o.splits));
  return out;
}

study::Plan make_plan(const Options& o) {
  study::Families families{o.families, o.depth, o.wirings, {}};
  for (const std::string& init : o.inits) families.inits.push_back(*parse_init(init));
  return {
      study::networks(families), o.kernels, sets(o), {sst::relative_ridges(1e-4, 10, o.ridges), o.measures}};
}

}  // namespace

int main(int argc, char** argv) {
  Options o;
  CLI::App app{"Which topology is best? Whole families of them on many data sets, exactly", "topology_study"};
  declare(app, o);

  return run_program(app, argc, argv, [&] {
    namespace fs = std::filesystem;
    const study::Plan plan = make_plan(o);
    std::error_code error;
    if (!o.plan && !fs::create_directories(o.study, error) && error)
      throw sst::DataError("cannot make the folder '" + o.study + "' (" + error.message() +
                           "); choose another --study");
    std::optional<study::Store> store;
    if (!o.study.empty() && fs::exists(o.study)) store.emplace(fs::path(o.study) / "records");
    plan.print(std::cout, store ? &*store : nullptr, o.threads);
    if (o.plan) return;
    sst::detail::require_writable(fs::path(o.study) / "study.json");
    if (store->torn() > 0) std::cerr << store->torn() << " torn records in the store are left out\n";
    sst::require_memory(plan.bytes() * sst::detail::team_size(o.threads, 4096), "the study",
                        "use fewer threads or smaller sets");
    program::Progress progress;
    plan.run(*store, o.threads, progress("outcomes"));
    progress.check();
    const study::Findings found(plan, *store, {o.rope, o.threads});
    print(std::cout, plan, found, o.rope);
    write(o.study, plan, *store, found);
  });
}
