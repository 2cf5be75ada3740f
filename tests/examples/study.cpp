// SPDX-License-Identifier: MIT
#include "../../examples/study_plan.hpp"
#include "../../examples/study_store.hpp"
#include "../../examples/study_topologies.hpp"

#include <algorithm>
#include <filesystem>
#include <limits>
#include <set>
#include <string>
#include <vector>

#include "../catch.hpp"
#include "../folder.hpp"

namespace study_tests {

using study::Network;

namespace {

std::vector<Network> networks(std::vector<std::string> families, int depth = 5) {
  return study::networks({std::move(families), depth, 2, {{1.5, 0.05}}});
}

std::string fingerprint(const std::vector<Network>& all, const std::string& name) {
  const auto at = std::find_if(all.begin(), all.end(), [&](const Network& n) { return n.name == name; });
  REQUIRE(at != all.end());
  return study::kernel_fingerprint(at->ntk, false);
}

}  // namespace

TEST_CASE("families have all of their members, and chains as deep as they are", "[examples]") {
  const auto count = [](const std::vector<Network>& all, const std::string& family) {
    return std::count_if(all.begin(), all.end(), [&](const Network& n) { return n.family == family; });
  };
  const auto taps = networks({"taps"}, 8), pairs = networks({"pairs"});
  CHECK(count(taps, "taps") == 120 + 12);  // subsets that are not empty; the paper's two at each depth
  CHECK(count(pairs, "pairs") == 1 + 7 + 63);
  CHECK(count(pairs, "chain") == 4);
  for (const Network& n : taps) CHECK(n.name.find("-" + std::to_string(n.depth)) != std::string::npos);
}

TEST_CASE("every network of a study has a name of its own", "[examples]") {
  std::set<std::string> names;
  for (const Network& n :
       networks({"chain", "taps", "concat", "pairs", "spans", "dense", "after", "random"})) {
    INFO(n.name);
    CHECK(names.insert(n.name).second);
  }
}

TEST_CASE("identical topologies are recognised, multiples among them", "[examples]") {
  const auto all = networks({"chain", "taps", "spans", "dense", "pairs"});
  CHECK(fingerprint(all, "taps-3-0") == fingerprint(all, "residual-3"));
  CHECK(fingerprint(all, "taps-5-1.2") == fingerprint(all, "sparse-shortcut-5"));
  CHECK(fingerprint(all, "pairs-4-5") == fingerprint(all, "residual-4"));
  CHECK(fingerprint(all, "pairs-4-4") != fingerprint(all, "residual-4"));
  const auto kernel = all[0].ntk;
  CHECK(study::kernel_fingerprint(3.0 * kernel, false) == study::kernel_fingerprint(kernel, false));
}

TEST_CASE("a store gives back what it was given, to the bit, and no torn records", "[examples]") {
  const sst_test::Folder folder;
  const std::filesystem::path file = folder.path / "records";
  study::Outcome outcome{1.0 / 3, {}, {study::Scores{0.1}, study::Scores{1e-300}}};
  outcome.chosen.fill(std::numeric_limits<double>::infinity());
  const study::Store::Key first{"0123456789abcdef", "fedcba9876543210"}, second{first.second, first.first};
  {
    study::Store store(file);
    CHECK(store.find(first) == nullptr);
    store.append(first, outcome);
    store.append(second, outcome);
  }
  std::filesystem::resize_file(file, std::filesystem::file_size(file) - 3);
  {
    study::Store store(file);
    CHECK(store.torn() == 1);
    CHECK(store.find(second) == nullptr);
    REQUIRE(store.find(first) != nullptr);
    CHECK(store.find(first)->effective_depth == outcome.effective_depth);
    CHECK(store.find(first)->chosen == outcome.chosen);
    CHECK(store.find(first)->ridges == outcome.ridges);
    store.append(second, outcome);
  }
  CHECK(study::Store(file).find(second) != nullptr);
}

}  // namespace study_tests
