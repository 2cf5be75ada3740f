// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include <sst/base/plain_text.hpp>
#include <sst/kernel/infinite_depth.hpp>
#include <sst/kernel/kernel_function.hpp>
#include <sst/kernel/network_kernel.hpp>
#include <sst/topology/families.hpp>
#include <sst/topology/topology.hpp>

/// \file
/// The topologies of a study: whole families, every member of them.

namespace study {

/// A topology with one initialisation.
struct Network {
  std::string name;         ///< such as taps-6-0.3: depth 6, layers 0 and 3 feed the last one too
  std::string family;       ///< such as taps
  int depth = 0;            ///< dense layers on its longest path; 0: infinitely many
  std::string init;         ///< weight_std and bias_std
  sst::KernelFunction ntk;  ///< its tangent kernel, whose prior is the NNGP
  bool showcase = false;    ///< one of the few that the diagram of ranks shows
};

/// What a study is made of.
struct Families {
  std::vector<std::string> names;            ///< which ones
  int depth = 8;                             ///< the largest one
  int wirings = 4;                           ///< random graphs of each kind and size
  std::vector<std::array<double, 2>> inits;  ///< weight_std and bias_std
};

/// Those with names of their own first: a kernel that several networks have goes by the first.
inline const std::vector<std::string>& family_names() {
  static const std::vector<std::string> names{"chain",  "taps",  "spans",  "dense",   "after",
                                              "concat", "pairs", "random", "infinite"};
  return names;
}

namespace detail {

using sst::Node;

/// h_0 = dense(x), h_i = dense(phi(h_{i-1})) for i = 1 .. K-2, and what stands before the last layer.
template <class Last>
sst::Topology layered(int depth, const sst::FamilyOptions& options, std::string name, Last&& last) {
  return sst::trace(
      [&](Node x) {
        const sst::detail::Layers layer(options);
        std::vector<Node> h{layer.dense(x, "h0")};
        for (int i = 1; i < depth - 1; ++i)
          h.push_back(layer.dense(layer.phi(h.back(), sst::detail::numbered("a", i - 1)),
                                  sst::detail::numbered("h", i)));
        return layer.dense(layer.phi(last(h), "r"), "y");
      },
      std::move(name));
}

/// The layers that the bits of `mask` name, and the last one, feed the last activation. depth >= 3.
inline sst::Topology taps(int depth, unsigned mask, sst::Aggregation aggregation,
                          const sst::FamilyOptions& options) {
  const bool adds = aggregation == sst::Aggregation::sum;
  std::string name = (adds ? "taps-" : "concat-") + std::to_string(depth);
  for (int i = 0; i < depth - 2; ++i)
    if (mask >> i & 1U) name += (name.find('-') == name.rfind('-') ? "-" : ".") + std::to_string(i);
  return layered(depth, options, name, [&](const std::vector<Node>& h) {
    std::vector<Node> in;
    for (std::size_t i = 0; i + 1 < h.size(); ++i)
      if (mask >> i & 1U) in.push_back(h[i]);
    in.push_back(h.back());
    return in.size() == 1 ? in[0] : (adds ? sum(in) : concat(in)).named("s");
  });
}

/// z_0 = dense(x), z_k = dense(phi(z_{k-1})) + those z_i, i < k, that the bits of `mask` name: pairs in the
/// order (0, 1), (0, 2), (1, 2), (0, 3), ... depth >= 3.
inline sst::Topology pairs(int depth, unsigned mask, const sst::FamilyOptions& options) {
  std::string name = "pairs-" + std::to_string(depth);
  return sst::trace(
      [&](Node x) {
        const sst::detail::Layers layer(options);
        std::vector<Node> z{layer.dense(x, "z0")};
        unsigned bit = 0;
        for (int k = 1; k < depth - 1; ++k) {
          std::vector<Node> in{layer.dense(layer.phi(z.back(), sst::detail::numbered("a", k - 1)),
                                           sst::detail::numbered("h", k))};
          for (int i = 0; i < k; ++i)
            if (mask >> bit++ & 1U) in.push_back(z[static_cast<std::size_t>(i)]);
          z.push_back(in.size() == 1 ? in[0] : sum(in).named(sst::detail::numbered("z", k)));
        }
        return layer.dense(layer.phi(z.back(), "r"), "y");
      },
      name + "-" + std::to_string(mask));
}

/// Identity shortcuts around `span` layers each, as many as fit; layers that are left over have none.
inline sst::Topology spans(int depth, int span, const sst::FamilyOptions& options) {
  return sst::trace(
      [&](Node x) {
        const sst::detail::Layers layer(options);
        Node z = layer.dense(x, "h0"), start = z;
        for (int k = 1; k < depth - 1; ++k) {
          z = layer.dense(layer.phi(z, sst::detail::numbered("a", k - 1)), sst::detail::numbered("h", k));
          if (k % span == 0) start = z = sum(z, start).named(sst::detail::numbered("z", k));
        }
        return layer.dense(layer.phi(z, "r"), "y");
      },
      "span" + std::to_string(span) + "-" + std::to_string(depth));
}

/// Collects networks under one initialisation.
class Collector {
 public:
  Collector(std::vector<Network>& out, std::array<double, 2> init, bool showcase)
      : options_{.weight_std = init[0], .bias_std = init[1]}, out_(out), showcase_(showcase) {
    sst::detail::PlainText text;
    text << "w " << init[0] << " b " << init[1];
    init_ = text.str();
  }
  const sst::FamilyOptions& options() const { return options_; }

  void add(const char* family, const sst::Topology& topology, bool showcase = false) {
    out_.push_back({topology.name(), family, static_cast<int>(topology.depth()), init_,
                    sst::ntk(topology, {.path = sst::Path::direct}), showcase && showcase_});
  }
  /// A variant of what the library calls by the same name.
  void add_variant(const char* family, const sst::Topology& topology, const std::string& variant) {
    add(family, sst::Topology(topology.name() + "-" + variant, topology.nodes(), topology.output()));
  }

 private:
  sst::FamilyOptions options_;
  std::vector<Network>& out_;
  bool showcase_;
  std::string init_;
};

inline void add_classics(Collector& to, const std::string& family, int depth) {
  using namespace sst;
  const FamilyOptions& layer = to.options();
  for (int k = 3; k <= depth; ++k) {
    const bool show = k == 5 || k == 8;
    if (family == "taps") {
      to.add("taps", sparse_shortcut(k, layer), show);
      to.add_variant("taps", sparse_shortcut(k, layer, {.first_layer = FirstLayer::in_sum}), "first");
    } else if (family == "spans") {
      to.add("spans", residual(k, layer), show);
    } else if (family == "dense") {
      to.add("dense", densely_connected(k, layer), show);
      to.add_variant("dense", densely_connected(k, layer, DenseReadout::last_layer), "last");
      to.add("dense", identity_connected(k, layer), show);
      to.add_variant("dense", identity_connected(k, layer, DenseReadout::all_layers), "all");
    } else if (family == "after") {
      for (const Aggregation aggregation : {Aggregation::sum, Aggregation::concat})
        for (const FirstLayer first : {FirstLayer::not_in_sum, FirstLayer::in_sum})
          to.add_variant(
              "after",
              sparse_shortcut(k, layer, {first, BeforeReadout::nothing, aggregation, Tap::after_activation}),
              std::string(aggregation == Aggregation::sum ? "after" : "after-concat") +
                  (first == FirstLayer::in_sum ? "-first" : ""));
    }
  }
}

inline void add_random(Collector& to, int depth, int wirings) {
  using enum sst::Wiring::Model;
  for (int nodes = 4; nodes <= depth; nodes += 2)
    for (int seed = 0; seed < wirings; ++seed) {
      const auto number = static_cast<std::uint32_t>(seed);
      for (const sst::Wiring& wiring : {sst::Wiring{.model = erdos_renyi, .p = 0.5, .seed = number},
                                        sst::Wiring{.model = watts_strogatz, .k = 2, .seed = number},
                                        sst::Wiring{.model = barabasi_albert, .m = 2, .seed = number}}) {
        const char* const model = wiring.model == erdos_renyi      ? "erdos-renyi-"
                                  : wiring.model == watts_strogatz ? "watts-strogatz-"
                                                                   : "barabasi-albert-";
        const sst::Topology drawn = sst::randomly_wired(nodes, wiring, to.options());
        to.add("random", sst::Topology(model + std::to_string(nodes) + "-" + std::to_string(seed),
                                       drawn.nodes(), drawn.output()));
      }
    }
}

inline void add_family(Collector& to, const std::string& family, const Families& wanted) {
  const auto subsets = [](int bits) { return 1U << static_cast<unsigned>(bits); };
  add_classics(to, family, wanted.depth);
  if (family == "taps" || family == "concat")
    for (int k = 3; k <= wanted.depth; ++k)
      for (unsigned mask = 1; mask < subsets(k - 2); ++mask)
        to.add(
            family.c_str(),
            taps(k, mask, family == "taps" ? sst::Aggregation::sum : sst::Aggregation::concat, to.options()));
  if (family == "pairs")
    for (int k = 3; k <= std::min(5, wanted.depth); ++k)
      for (unsigned mask = 1; mask < subsets((k - 1) * (k - 2) / 2); ++mask)
        to.add("pairs", pairs(k, mask, to.options()));
  if (family == "spans")
    for (int k = 4; k <= wanted.depth; ++k)
      for (const int span : {2, 3})
        if (span <= k - 2) to.add("spans", spans(k, span, to.options()));
  if (family == "random") add_random(to, wanted.depth, wanted.wirings);
}

/// Networks of infinite depth; they have no biases, and no standard deviations but their own.
inline void add_infinite(std::vector<Network>& out) {
  const auto add = [&](const char* name, const char* what, double value, bool showcase, auto&& make) {
    sst::detail::PlainText text;
    text << what << " " << value;
    out.push_back({name, "infinite", 0, text.str(), make(sst::Kernel::ntk, value), showcase});
  };
  for (const double ratio : {0.5, 0.75, 0.9})
    add("infinite-sparse-shortcut", "ratio", ratio, ratio == 0.75, sst::infinite_sparse_shortcut);
  for (const double branch : {0.5, 1.0, 2.0, 3.0})
    add("infinite-residual", "branch", branch, branch == 1, sst::infinite_residual);
  for (const double weight : {0.5, 1.0, 1.25}) add("equilibrium", "w", weight, weight == 1, sst::equilibrium);
}

}  // namespace detail

/// All of them: chains first, one of each depth that another network has (they are what others are held
/// against), then the families in the order of `family_names`.
inline std::vector<Network> networks(const Families& wanted) {
  const auto has = [&](const std::string& name) {
    return std::find(wanted.names.begin(), wanted.names.end(), name) != wanted.names.end();
  };
  std::vector<Network> out;
  bool first = true;
  for (const auto& init : wanted.inits) {
    std::vector<Network> others;
    detail::Collector to(others, init, first);
    for (const std::string& family : family_names())
      if (has(family)) detail::add_family(to, family, wanted);
    int deepest = has("chain") ? wanted.depth : 0;
    for (const Network& network : others) deepest = std::max(deepest, network.depth);
    detail::Collector chains(out, init, first);
    for (int k = 2; k <= deepest; ++k)
      chains.add("chain", sst::chain(k, to.options()), k == 2 || k == 3 || k == 5 || k == 8);
    out.insert(out.end(), others.begin(), others.end());
    first = false;
  }
  if (has("infinite")) detail::add_infinite(out);
  return out;
}

}  // namespace study
