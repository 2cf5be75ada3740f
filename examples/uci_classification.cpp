// SPDX-License-Identifier: MIT
//
// The protocol of Arora et al. 2020, "Harnessing the Power of Infinitely Wide Deep Nets on Small-data Tasks",
// on a folder of UCI sets: kernels of networks with frozen layers, Gaussian and Laplace kernels beside them,
// support vector machines and kernel regression, and the same without the leak of its choices.

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <iostream>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <sst/base/parallel.hpp>
#include <sst/base/progress.hpp>

#include "options.hpp"
#include "program.hpp"
#include "uci_protocol.hpp"
#include "uci_report.hpp"
#include "uci_results.hpp"
#include "uci_sets.hpp"

namespace {

using namespace program;

struct Task {
  const UciSet& set;
  const Method& method;
  Protocol protocol;
};

/// The sets of these names, those with few rows first: the last ones take most of the time.
std::vector<UciSet> read_sets(const std::string& folder, const std::vector<std::string>& names) {
  std::vector<UciSet> sets;
  for (const std::string& name : std::set<std::string>(names.begin(), names.end()))
    sets.push_back(read_uci_set(folder, name));
  std::sort(sets.begin(), sets.end(), [](const UciSet& a, const UciSet& b) {
    return std::pair(a.x.rows(), a.name) < std::pair(b.x.rows(), b.name);
  });
  return sets;
}

/// The results of all tasks, in their order; what the file has is not done again.
std::vector<Result> carry_out(const std::vector<Task>& tasks, ResultFile& file, int threads,
                              const sst::ProgressFunction& progress) {
  const auto square = [](const Task& task) { return std::pow(static_cast<double>(task.set.x.rows()), 2); };
  std::vector<Result> results(tasks.size());
  std::vector<std::size_t> open;
  double work = 0;
  for (std::size_t i = 0; i < tasks.size(); ++i)
    if (const auto known = file.find(tasks[i].set, tasks[i].method, tasks[i].protocol)) {
      results[i] = *known;
    } else {
      open.push_back(i);
      work += square(tasks[i]) * static_cast<double>(tasks[i].method.kernels(1).size());
    }
  sst::detail::Counter counter(progress, work, "the run");
  sst::detail::parallel(open.size(), threads, [&](std::size_t k) {
    const auto& [set, method, protocol] = tasks[open[k]];
    const auto began = std::chrono::steady_clock::now();
    const Outcome outcome = evaluate(set, method, protocol, [&] { counter.add(square(tasks[open[k]])); });
    results[open[k]] = {set.name, method.name, protocol, set.x.rows(), set.x.cols(), set.classes, outcome};
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - began;
    file.append(results[open[k]], fingerprint(set, method), seconds.count());
  });
  return results;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"Kernels of infinitely wide networks on UCI sets, by the protocol of Arora et al. 2020",
               "uci_classification"};
  std::string folder, csv, json, resume;
  std::vector<std::string> sets, methods, protocols{"published"};
  int threads = 0;
  const std::vector<Method> all_methods = uci_methods();
  std::vector<std::string> method_names;
  for (const Method& method : all_methods) method_names.push_back(method.name);
  app.add_option("--folder", folder, "the folder of the sets, NAME/NAME.txt each")->required();
  app.add_option("--sets", sets, "only these: a,b")->delimiter(',');
  app.add_option("--methods", methods, "only these: a,b")->delimiter(',')->check(CLI::IsMember(method_names));
  app.add_option("--protocols", protocols,
                 "what choices are made on; published: the validation half; nested: each training fold")
      ->delimiter(',')
      ->check(CLI::IsMember({"published", "nested"}))
      ->capture_default_str();
  app.add_option("--csv", csv, "write a row for each set and method to this file");
  app.add_option("--json", json, "write the same to this file, with every choice");
  app.add_option("--resume", resume,
                 "a file for every result as soon as it is there; what it has is not done again");
  program::add_threads(app, threads);

  app.callback([&] { require_own_outputs({}, {{"--csv", csv}, {"--json", json}, {"--resume", resume}}); });
  return run_program(app, argc, argv, [&] {
    try_outputs({csv, json, resume});
    ResultFile file(resume);
    const std::vector<UciSet> data = read_sets(folder, sets.empty() ? uci_names(folder) : sets);
    const auto wanted = [](const std::vector<std::string>& names, const std::string& name) {
      return names.empty() || std::find(names.begin(), names.end(), name) != names.end();
    };
    std::vector<Task> tasks;
    for (const UciSet& set : data)
      for (const Method& method : all_methods)
        for (const Protocol protocol : {Protocol::published, Protocol::nested})
          if (wanted(methods, method.name) && wanted(protocols, protocol_name(protocol)))
            tasks.push_back({set, method, protocol});

    Progress progress;
    const std::vector<Result> results = carry_out(tasks, file, threads, progress("sets"));
    progress.check();
#ifndef SST_WITH_LIBSVM
    std::cout << "This program was built without libsvm: there are no support vector machines.\n";
#endif
    for (const Protocol protocol : {Protocol::published, Protocol::nested})
      if (wanted(protocols, protocol_name(protocol))) std::cout << Comparison(results, protocol);
    if (!csv.empty()) write_output(csv, [&](std::ostream& out) { write_csv(out, results); });
    if (!json.empty()) write_output(json, [&](std::ostream& out) { write_json(out, results); });
  });
}
