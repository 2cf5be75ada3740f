// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <map>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include <Eigen/Core>

#include <sst/base/fingerprint.hpp>
#include <sst/base/memory.hpp>
#include <sst/base/parallel.hpp>
#include <sst/base/progress.hpp>
#include <sst/kernel/kernel_function.hpp>

#include "duration.hpp"
#include "study_scores.hpp"
#include "study_sets.hpp"
#include "study_store.hpp"
#include "study_topologies.hpp"

/// \file
/// What there is to compute, known before it starts.

namespace study {

/// A kernel of the study, of every network that has it.
struct Row {
  Network network;                 ///< the first one
  std::string kernel;              ///< ntk or nngp
  sst::KernelFunction function;    ///< computes it
  std::string fingerprint;         ///< what the kernel does
  std::vector<std::string> names;  ///< of all networks that have it, up to a factor

  std::string label() const { return kernel + " " + network.name + " (" + network.init + ")"; }
};

/// Sixteen digits that two kernels share when one is a multiple of the other, to nine digits on seven samples
/// of different norms: predictions with a ridge relative to the diagonal are then the same. Kernels of
/// infinite depth, which take seconds to make, are told apart by what they are called.
inline std::string kernel_fingerprint(const sst::KernelFunction& kernel, bool infinite) {
  if (infinite) return sst::Fingerprint().add(kernel.description()).text();
  Eigen::MatrixXd probe(7, 3);
  for (Eigen::Index i = 0; i < probe.rows(); ++i)
    for (Eigen::Index j = 0; j < probe.cols(); ++j)
      probe(i, j) = static_cast<double>((7 * i * i + 5 * j + 3 * i * j + 2) % 11 - 5) / 4;
  const Eigen::MatrixXd k = kernel.matrix(probe, {.threads = 1});
  sst::Fingerprint out;
  for (const double value : (k / k.diagonal().mean()).reshaped()) {
    std::array<char, 32> digits{};
    std::snprintf(digits.data(), digits.size(), "%.9e", value);
    out.add(digits.data());
  }
  return out.text();
}

/// Kernels and sets, and which outcomes are missing.
class Plan {
 public:
  Plan(const std::vector<Network>& networks, const std::vector<std::string>& kernels, std::vector<Set> sets,
       Protocol protocol)
      : sets_(std::move(sets)), protocol_(std::move(protocol)) {
    std::map<std::string, std::size_t> known;
    for (const std::string& kernel : kernels)
      for (const Network& network : networks) {
        ++networks_;
        const sst::KernelFunction function = kernel == "ntk" ? network.ntk : network.ntk.prior();
        const std::string fingerprint = kernel_fingerprint(function, network.depth == 0);
        const auto [at, fresh] = known.emplace(fingerprint, rows_.size());
        if (fresh) rows_.push_back({network, kernel, function, fingerprint, {}});
        rows_[at->second].names.push_back(kernel + " " + network.name + " (" + network.init + ")");
        of_[{kernel, network.init, network.name}] = at->second;
      }
    for (const Set& set : sets_) {
      sst::Fingerprint task;
      task.add("topology study 1 ").add(set.fingerprint()).add(protocol_.measures ? " measures" : " errors");
      for (const sst::Ridge& ridge : protocol_.ridges) task.add(" ").add(ridge.to_string());
      tasks_.push_back(task.text());
    }
  }

  const std::vector<Row>& rows() const { return rows_; }
  const std::vector<Set>& sets() const { return sets_; }
  const Protocol& protocol() const { return protocol_; }
  Store::Key key(std::size_t row, std::size_t set) const { return {rows_[row].fingerprint, tasks_[set]}; }

  /// The row of the chain as deep as this one, of the same kernel and initialisation; the row itself where
  /// there is none.
  std::size_t chain_of(std::size_t row) const {
    const Row& of = rows_[row];
    const auto at = of_.find({of.kernel, of.network.init, "chain-" + std::to_string(of.network.depth)});
    return at == of_.end() ? row : at->second;
  }

  /// Computes what the store lacks, one outcome a thread at a time.
  void run(Store& store, int threads, const sst::ProgressFunction& progress) const {
    const auto missing = missing_jobs(store);
    double total = 0;
    for (const auto& [row, set] : missing) total += cost(set);
    sst::detail::Counter counter(progress, total, "the study");
    sst::detail::parallel(missing.size(), threads, [&](std::size_t j) {
      const auto [row, set] = missing[j];
      store.append(key(row, set),
                   outcome(rows_[row].function, rows_[row].network.ntk, sets_[set], protocol_));
      counter.add(cost(set));
    });
  }

  /// Counts, and the time that one kernel takes on one set times what there is to do.
  void print(std::ostream& out, const Store* store, int threads) const {
    double operations = 0, pairs = 0, bytes = 0, left = 0;
    std::size_t middle = 0;
    for (std::size_t s = 0; s < sets_.size(); ++s) {
      const Work one = work(sets_[s], protocol_);
      operations += one.operations;
      pairs += one.pairs;
      bytes = std::max(bytes, one.bytes);
      if (std::abs(cost(s) - typical_cost) < std::abs(cost(middle) - typical_cost)) middle = s;
    }
    const auto missing = store ? missing_jobs(*store) : all_jobs();
    for (const auto& [row, set] : missing) left += cost(set);
    const auto count = static_cast<double>(rows_.size());
    threads = sst::detail::team_size(threads, static_cast<std::ptrdiff_t>(missing.size()));
    const auto now = [] { return std::chrono::steady_clock::now(); };
    const auto start = now();
    outcome(rows_[0].function, rows_[0].network.ntk, sets_[middle], protocol_);
    const double seconds = std::chrono::duration<double>(now() - start).count();
    const auto precision = out.precision(3);
    out << networks_ << " networks and kernels, " << rows_.size() << " of them different; " << sets_.size()
        << " data sets, " << protocol_.ridges.size() << " ridges: " << rows_.size() * sets_.size()
        << " outcomes, " << missing.size() << " to compute\n"
        << pairs * count / 1e9 << " billion pairs of samples, " << operations * count / 1e12
        << " Tflop of factors\nabout " << program::format_duration(seconds / cost(middle) * left / threads)
        << " on " << threads << (threads == 1 ? " thread, " : " threads, ") << bytes * threads / (1 << 20)
        << " MiB beside the data\n";
    out << std::flush;
    out.precision(precision);
  }
  /// Memory that one thread takes.
  double bytes() const {
    double most = 0;
    for (const Set& set : sets_) most = std::max(most, work(set, protocol_).bytes);
    return most;
  }

 private:
  using Jobs = std::vector<std::pair<std::size_t, std::size_t>>;  // rows and sets
  static constexpr double typical_cost = 1e9;  // of the set whose time is taken: a tenth of a second

  Jobs all_jobs() const {
    Jobs out;
    for (std::size_t r = 0; r < rows_.size(); ++r)
      for (std::size_t s = 0; s < sets_.size(); ++s) out.emplace_back(r, s);
    return out;
  }
  Jobs missing_jobs(const Store& store) const {
    Jobs out = all_jobs();
    std::erase_if(out, [&](const auto& job) { return store.find(key(job.first, job.second)) != nullptr; });
    return out;
  }
  /// In operations; a pair of samples takes as long as some hundred of a factor's.
  double cost(std::size_t set) const {
    const Work one = work(sets_[set], protocol_);
    return one.operations + 100 * one.pairs;
  }

  std::vector<Set> sets_;
  Protocol protocol_;
  std::vector<Row> rows_;
  std::vector<std::string> tasks_;  // fingerprints of sets and protocol
  std::map<std::array<std::string, 3>, std::size_t> of_;
  std::size_t networks_ = 0;
};

}  // namespace study
