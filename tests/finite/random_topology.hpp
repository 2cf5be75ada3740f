// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <map>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <sst/topology/node.hpp>
#include <sst/topology/rates.hpp>

namespace sst_test {

/// What random_topology may build with.
struct RandomTopologyOptions {
  std::vector<sst::ActivationPtr> activations;
  int operations = 8;  ///< nodes before the leaves are gathered
  int depth = 3;       ///< dense layers on a path before the leaves are gathered
};

/// A random graph that has a closed form: sums before and after activations (of one node taken twice, and
/// of the input), tied weights, concatenations of unequal shares with activations on their blocks, and
/// sub-networks used in several places. Equal seeds, equal graphs, on every platform.
class RandomTopology {
 public:
  RandomTopology(std::uint32_t seed, RandomTopologyOptions options)
      : words_(seed), options_(std::move(options)), name_("random-" + std::to_string(seed)) {}

  sst::Topology operator()() {
    return sst::trace([this](const sst::Node& x) { return network(x); }, name_);
  }

 private:
  struct Item {
    sst::Node node;
    bool gaussian;               // may an activation take it?
    std::vector<double> blocks;  // shares of the width
    int depth = 0;
    int uses = 0;
  };

  double uniform(double low, double high) {
    return low + (high - low) * static_cast<double>(words_()) * 0x1p-32;
  }
  bool chance(double p) { return uniform(0, 1) < p; }
  std::size_t below(std::size_t n) { return static_cast<std::size_t>(uniform(0, static_cast<double>(n))); }

  /// An item that fulfils the condition, an unused or late one with preference; items_.size() if none does.
  template <class Condition>
  std::size_t pick(const Condition& condition) {
    std::vector<std::size_t> urn;
    for (std::size_t i = 0; i < items_.size(); ++i)
      if (condition(items_[i]))
        urn.insert(urn.end(), (items_[i].uses == 0 ? 3U : 1U) + (i + 3 > items_.size() ? 1U : 0U), i);
    return urn.empty() ? items_.size() : urn[below(urn.size())];
  }

  sst::Node use(std::size_t i) {
    ++items_[i].uses;
    return items_[i].node;
  }

  sst::Node fresh_dense(const sst::Node& h) {
    return dense(h, {.weight_std = uniform(0.8, 1.5), .bias_std = chance(0.5) ? uniform(0.1, 0.5) : 0.0});
  }

  void add_dense() {
    const std::size_t i = pick([&](const Item& item) { return item.depth < options_.depth; });
    if (i == items_.size()) return;
    const sst::Node h = use(i);
    // Shared weights see one layout of blocks: what is side by side with what is not defined otherwise.
    const std::string layout = std::to_string(static_cast<int>(8 * items_[i].blocks.front()));
    const sst::Node y = !chance(0.45) ? fresh_dense(h)
                        : chance(0.6)
                            ? dense(h, {.weight_std = 1.2, .bias_std = 0.3, .weights = "A" + layout})
                            : dense(h, {.weight_std = 0.9, .bias_std = 0.0, .weights = "B" + layout});
    items_.push_back({y, true, {1.0}, items_[i].depth + 1});
  }

  void add_activation() {
    const std::size_t i = pick([](const Item& item) { return item.gaussian; });
    if (i == items_.size()) return;
    const sst::Node y = activate(use(i), options_.activations[below(options_.activations.size())]);
    items_.push_back({y, false, items_[i].blocks, items_[i].depth});
  }

  void add_sum() {
    const std::size_t first = pick([](const Item&) { return true; });
    const bool keep_gaussian =
        items_[first].gaussian && chance(0.5);  // else activations would hardly meet sums
    const auto fits = [&](const Item& item) {
      return item.blocks == items_[first].blocks && (item.gaussian || !keep_gaussian);
    };
    Item sum{items_[first].node, true, items_[first].blocks};
    std::vector<sst::Node> terms;
    std::vector<double> coefficients;
    for (std::size_t k = 0, n = 2 + below(2); k < n; ++k) {
      const std::size_t i = k == 0 ? first : pick(fits);
      terms.push_back(use(i));
      coefficients.push_back(chance(0.4) ? 1.0 : uniform(0.4, 1.2) * (chance(0.3) ? -1 : 1));
      sum.gaussian = sum.gaussian && items_[i].gaussian;
      sum.depth = std::max(sum.depth, items_[i].depth);
    }
    sum.node = sst::sum(terms, coefficients);
    items_.push_back(sum);
  }

  void add_concat() {
    const auto whole = [](const Item& item) { return item.blocks.size() == 1; };
    const std::size_t i = pick(whole), j = pick(whole);
    // Shares that whole channels of the narrow networks have.
    const double share = chance(0.5) ? 0.25 : chance(0.5) ? 0.625 : 0.5;
    const sst::Node y = sst::concat({use(i), use(j)}, {share, 1 - share});
    items_.push_back({y,
                      items_[i].gaussian && items_[j].gaussian,
                      {share, 1 - share},
                      std::max(items_[i].depth, items_[j].depth)});
  }

  sst::Node network(const sst::Node& x) {
    items_ = {{x, false, {1.0}}};
    add_dense();
    for (int k = 1; k < options_.operations; ++k) {
      const double dice = uniform(0, 1);
      if (dice < 0.3)
        add_dense();
      else if (dice < 0.6)
        add_activation();
      else if (dice < 0.85)
        add_sum();
      else
        add_concat();
    }
    std::vector<sst::Node> leaves;
    bool gaussian = true;
    for (Item& item : items_) {
      if (item.uses > 0) continue;
      const bool whole = item.blocks.size() == 1;
      leaves.push_back(whole ? item.node : fresh_dense(item.node));
      gaussian = gaussian && (item.gaussian || !whole);
    }
    sst::Node last = leaves.size() == 1 ? leaves.front() : sum(leaves);
    if (gaussian) last = activate(last, options_.activations[below(options_.activations.size())]);
    return fresh_dense(last);
  }

  std::mt19937 words_;
  RandomTopologyOptions options_;
  std::string name_;
  std::vector<Item> items_;
};

inline sst::Topology random_topology(std::uint32_t seed, RandomTopologyOptions options) {
  return RandomTopology(seed, std::move(options))();
}

/// The same graph with rates: a quarter of the weights and biases frozen, a quarter at 1, others from 1/4
/// to 4.
inline sst::Topology random_rates(const sst::Topology& topology, std::mt19937& words) {
  const auto uniform = [&words] { return static_cast<double>(words()) * 0x1p-32; };
  std::map<std::string, std::pair<double, double>> shared;
  return sst::detail::with_layers(topology, [&](std::size_t, auto& layer) {
    const auto rate = [&] {
      const double dice = uniform();
      return dice < 0.25 ? 0.0 : dice < 0.5 ? 1.0 : std::exp2(4 * uniform() - 2);
    };
    std::pair<double, double> rates{rate(), rate()};
    if (!layer.weights.empty()) rates = shared.emplace(layer.weights, rates).first->second;
    layer.weight_rate = rates.first;
    layer.bias_rate = rates.second;
  });
}

}  // namespace sst_test
