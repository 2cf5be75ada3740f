// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <sst/topology/node.hpp>
#include <sst/topology/rates.hpp>
#include <sst/version.hpp>

/// \file
/// Families of topologies. `depth` is K, the number of dense layers on the longest path; phi stands
/// for the activation. Every function throws TopologyError for a depth or an option out of range.

namespace sst {
inline namespace SST_ABI {

/// What all layers of a family have in common.
struct FamilyOptions {
  double weight_std = 1;                                ///< of every dense layer; >= 0
  double bias_std = 0;                                  ///< of every dense layer, >= 0; 0: no biases
  ActivationPtr activation = std::make_shared<Relu>();  ///< phi
  int frozen_layers = 0;  ///< so many first dense layers do not learn (`freeze`), or `all_but_last`
};

/// What stands between the last sum and the read-out: an `activation` or `nothing`.
enum class BeforeReadout { activation, nothing };
/// Is a residual branch dense(phi(h)), `activation_first`, or phi(dense(h)), `dense_first`?
enum class BranchOrder { activation_first, dense_first };
/// Is the first dense layer's output one of the taps of a sparse shortcut (`in_sum`, `not_in_sum`)?
enum class FirstLayer { not_in_sum, in_sum };
/// Are layers tapped as dense outputs, `before_activation`, or as activations, `after_activation`?
enum class Tap { before_activation, after_activation };
/// Are the taps added (`sum`) or put side by side (`concat`)?
enum class Aggregation { sum, concat };

namespace detail {

/// The layers of one family, with the names that files use: h0, a0, h1, ...
class Layers {
 public:
  explicit Layers(const FamilyOptions& options) : options_(options) {
    if (!options.activation) throw TopologyError("the family's activation is missing; give one");
  }
  Node dense(const Node& h, const std::string& name, const std::string& weights = {}) const {
    return sst::dense(h, {options_.weight_std, options_.bias_std, weights}).named(name);
  }
  Node phi(const Node& h, const std::string& name) const {
    return activate(h, options_.activation).named(name);
  }

 private:
  const FamilyOptions& options_;
};

/// The network, with as many frozen layers as the family's options say.
template <class Options, class Network>
Topology trace_family(const Options& options, Network&& network, std::string name) {
  return freeze(trace(std::forward<Network>(network), std::move(name)), options.frozen_layers);
}

inline void require_depth(const char* family, int depth, int least) {
  if (depth < least)
    throw TopologyError(std::string(family) + " of depth " + std::to_string(depth) +
                        " does not exist; choose at least " + std::to_string(least));
}

inline std::string numbered(const char* stem, int i) { return std::string(stem) + std::to_string(i); }

}  // namespace detail

/// y = dense(phi(... phi(dense(x)))): K dense layers and no shortcuts. K >= 1.
///
/// Jacot et al. 2018, "Neural Tangent Kernel: Convergence and Generalization in Neural Networks". Throws
/// TopologyError for a smaller depth.
inline Topology chain(int depth, const FamilyOptions& options = {}) {
  detail::require_depth("chain", depth, 1);
  return detail::trace_family(
      options,
      [&](Node x) {
        const detail::Layers layer(options);
        Node h = layer.dense(x, depth == 1 ? "y" : "h0");
        for (int i = 1; i < depth; ++i)
          h = layer.dense(layer.phi(h, detail::numbered("a", i - 1)),
                          i + 1 == depth ? "y" : detail::numbered("h", i));
        return h;
      },
      "chain-" + std::to_string(depth));
}

/// What distinguishes one residual network from another.
struct ResidualOptions {
  BeforeReadout before_readout = BeforeReadout::activation;  ///< `nothing`: y = dense(h)
  /// alpha and beta of h = alpha h + beta branch(h): one number for all shortcuts, or one for each of the
  /// K - 2. beta = 1/sqrt(K) keeps deep networks stable (Hayou et al. 2021, "Stable ResNet").
  std::vector<double> skip = {1};
  std::vector<double> branch = {1};                   ///< beta; see `skip`
  BranchOrder order = BranchOrder::activation_first;  ///< of every branch
};

/// h = dense(x); K - 2 times h = alpha h + beta dense(phi(h)); y = dense(phi(h)). K >= 2.
///
/// He et al. 2016, "Identity Mappings in Deep Residual Networks", with identity shortcuts around single
/// layers, as in Fan et al. (arXiv 1811.09003); scaled branches as in Srivastava et al. 2015, "Highway
/// Networks", with fixed gates. Dense first, h = alpha h + beta phi(dense(h)) and y = dense(h): Yang and
/// Schoenholz 2017, "Mean Field Residual Networks"; an activation before that read-out, like one after
/// each sum, would have no closed form. Throws TopologyError for a wrong number of factors.
inline Topology residual(int depth, const FamilyOptions& options = {}, const ResidualOptions& shortcut = {}) {
  detail::require_depth("residual", depth, 2);
  const auto shortcuts = static_cast<std::size_t>(depth) - 2;
  const auto check = [&](const std::vector<double>& factors, const char* name) {
    if (factors.size() != 1 && factors.size() != shortcuts)
      throw TopologyError("residual: " + std::string(name) + " has " + std::to_string(factors.size()) +
                          " numbers (there are " + std::to_string(shortcuts) +
                          " shortcuts); give one, or one for each");
  };
  check(shortcut.skip, "skip");
  check(shortcut.branch, "branch");
  const auto factor = [](const std::vector<double>& factors, int i) {
    return factors.size() == 1 ? factors[0] : factors[static_cast<std::size_t>(i)];
  };
  const bool dense_first = shortcut.order == BranchOrder::dense_first;
  return detail::trace_family(
      options,
      [&](Node x) {
        const detail::Layers layer(options);
        Node s = layer.dense(x, "h0");
        for (int i = 0; i < depth - 2; ++i) {
          const std::string h = detail::numbered("h", i + 1), a = detail::numbered("a", i);
          const Node branch = dense_first ? layer.phi(layer.dense(s, h), a) : layer.dense(layer.phi(s, a), h);
          s = sum({branch, s}, {factor(shortcut.branch, i), factor(shortcut.skip, i)})
                  .named(detail::numbered("s", i));
        }
        if (!dense_first && shortcut.before_readout == BeforeReadout::activation) s = layer.phi(s, "r");
        return layer.dense(s, "y");
      },
      "residual-" + std::to_string(depth));
}

/// What distinguishes one sparse shortcut from another.
struct SparseShortcutOptions {
  FirstLayer first_layer = FirstLayer::not_in_sum;           ///< the paper's figure: in_sum; its code: not
  BeforeReadout before_readout = BeforeReadout::activation;  ///< the paper's figure: nothing; its code: yes
  Aggregation aggregation = Aggregation::sum;                ///< its networks for images: concat
  Tap tap = Tap::before_activation;                          ///< of the layers that are aggregated
};

/// Every layer feeds one last aggregation ("S3"): h0 = dense(x), h_i = dense(phi(h_{i-1})) for
/// i = 1..K-2, y = dense(phi(h_1 + ... + h_{K-2})). K >= 3 (2 with the first layer in the sum).
///
/// Fan et al., "On a Sparse Shortcut Topology of Artificial Neural Networks", arXiv 1811.09003,
/// figure 1 and section "NTK domain"; the options are what the paper and its code leave open.
/// With taps after the activation there is none before the read-out: it would have no closed form. Throws
/// TopologyError for a smaller depth.
inline Topology sparse_shortcut(int depth, const FamilyOptions& options = {},
                                const SparseShortcutOptions& shortcut = {}) {
  const bool with_first = shortcut.first_layer == FirstLayer::in_sum;
  detail::require_depth("sparse_shortcut", depth, with_first ? 2 : 3);
  return detail::trace_family(
      options,
      [&](Node x) {
        const detail::Layers layer(options);
        const bool after = shortcut.tap == Tap::after_activation;
        std::vector<Node> taps;
        Node h = layer.dense(x, "h0");
        if (with_first && !after) taps.push_back(h);
        for (int i = 0; i < depth - 2; ++i) {
          const Node a = layer.phi(h, detail::numbered("a", i));
          if (after && (i > 0 || with_first)) taps.push_back(a);
          h = layer.dense(a, detail::numbered("h", i + 1));
          if (!after) taps.push_back(h);
        }
        if (after) taps.push_back(layer.phi(h, detail::numbered("a", depth - 2)));
        Node s = (shortcut.aggregation == Aggregation::sum ? sum(taps) : concat(taps)).named("s");
        if (!after && shortcut.before_readout == BeforeReadout::activation) s = layer.phi(s, "r");
        return layer.dense(s, "y");
      },
      "sparse-shortcut-" + std::to_string(depth));
}

/// What the read-out of a densely or identity connected network sees: `all_layers` or the `last_layer` alone.
enum class DenseReadout { all_layers, last_layer };

/// h_{k+1} = dense(phi(concat(h_0, ..., h_k))), in equal shares; K >= 2.
///
/// Huang et al. 2017, "Densely Connected Convolutional Networks", without convolution. Throws TopologyError
/// for a smaller depth.
inline Topology densely_connected(int depth, const FamilyOptions& options = {},
                                  DenseReadout readout = DenseReadout::all_layers) {
  detail::require_depth("densely_connected", depth, 2);
  return detail::trace_family(
      options,
      [&](Node x) {
        const detail::Layers layer(options);
        std::vector<Node> h{layer.dense(x, "h0")};
        for (int i = 0; i < depth - 2; ++i) {
          const Node c = concat(h).named(detail::numbered("c", i));
          h.push_back(layer.dense(layer.phi(c, detail::numbered("a", i)), detail::numbered("h", i + 1)));
        }
        const Node last = readout == DenseReadout::all_layers ? concat(h).named("c") : h.back();
        return layer.dense(layer.phi(last, "r"), "y");
      },
      "densely-connected-" + std::to_string(depth));
}

/// All-to-all identity shortcuts: z_k = z_0 + ... + z_{k-1} + dense(phi(z_{k-1})), read out from the last
/// or from z_0 + ... + z_{K-2}. The branches are correlated, which adding branch kernels would miss. The
/// share of z_0 doubles with every layer, so the kernel grows about fourfold a layer. K >= 2.
///
/// The unweighted dense summation of Zhang et al. 2021, "ResNet or DenseNet? Introducing Dense Shortcuts to
/// ResNet", without convolution and normalization. Throws TopologyError for a smaller depth.
inline Topology identity_connected(int depth, const FamilyOptions& options = {},
                                   DenseReadout readout = DenseReadout::last_layer) {
  detail::require_depth("identity_connected", depth, 2);
  return detail::trace_family(
      options,
      [&](Node x) {
        const detail::Layers layer(options);
        std::vector<Node> z{layer.dense(x, "z0")};
        for (int i = 0; i < depth - 2; ++i) {
          std::vector<Node> terms = z;
          terms.push_back(
              layer.dense(layer.phi(z.back(), detail::numbered("a", i)), detail::numbered("h", i + 1)));
          z.push_back(sum(terms).named(detail::numbered("z", i + 1)));
        }
        const Node last = readout == DenseReadout::all_layers ? sum(z).named("s") : z.back();
        return layer.dense(layer.phi(last, "r"), "y");
      },
      "identity-connected-" + std::to_string(depth));
}

/// A recurrent network on a constant input, unrolled: h_0 = U x, h_t = W phi(h_{t-1}) + U x with one W
/// and one U for all `steps`, read out by y = dense(phi(h_steps)).
///
/// Alemohammad et al. 2021, "The Recurrent Neural Tangent Kernel". steps >= 1. Throws TopologyError
/// otherwise.
inline Topology recurrent(int steps, const FamilyOptions& options = {}) {
  detail::require_depth("recurrent", steps, 1);
  return detail::trace_family(
      options,
      [&](Node x) {
        const detail::Layers layer(options);
        const Node u = layer.dense(x, "u");
        Node h = u;
        for (int t = 0; t < steps; ++t)
          h = sum(layer.dense(layer.phi(h, detail::numbered("a", t)), detail::numbered("w", t), "W"), u)
                  .named(detail::numbered("h", t + 1));
        return layer.dense(layer.phi(h, "r"), "y");
      },
      "recurrent-" + std::to_string(steps));
}

/// A random graph for `randomly_wired`.
struct Wiring {
  /// Which random graph.
  enum class Model {
    erdos_renyi,     ///< each edge with probability p
    watts_strogatz,  ///< a ring of k neighbours (even), each edge rewired with probability p
    barabasi_albert  ///< each new node joins m others, in proportion to their degree
  };
  Model model = Model::watts_strogatz;  ///< which random graph
  double p = 0.75;                      ///< a probability, 0 to 1
  int k = 4;                            ///< even, from 2, below the number of nodes; see Model
  int m = 3;                            ///< from 1, below the number of nodes; see Model
  std::uint32_t seed = 0;               ///< the same seed gives the same graph on every machine
};

namespace detail {

/// Edges (from, to), from < to, of a random graph; the same on every platform.
inline std::vector<std::vector<int>> wire(int nodes, const Wiring& wiring) {
  std::mt19937 words(wiring.seed);
  const auto uniform = [&] { return static_cast<double>(words()) * 0x1p-32; };
  const auto below = [&](int n) { return static_cast<int>(uniform() * n); };
  std::vector<std::vector<bool>> edge(static_cast<std::size_t>(nodes),
                                      std::vector<bool>(static_cast<std::size_t>(nodes), false));
  const auto at = [&](int a, int b) -> std::vector<bool>::reference {
    return edge[static_cast<std::size_t>(std::min(a, b))][static_cast<std::size_t>(std::max(a, b))];
  };
  switch (wiring.model) {
    case Wiring::Model::erdos_renyi:
      for (int a = 0; a < nodes; ++a)
        for (int b = a + 1; b < nodes; ++b) at(a, b) = uniform() < wiring.p;
      break;
    case Wiring::Model::watts_strogatz:
      for (int step = 1; step <= wiring.k / 2; ++step)
        for (int a = 0; a < nodes; ++a) at(a, (a + step) % nodes) = true;
      for (int step = 1; step <= wiring.k / 2; ++step)
        for (int a = 0; a < nodes; ++a) {
          if (uniform() >= wiring.p) continue;
          const int b = (a + step) % nodes;
          int degree = 0;
          for (int c = 0; c < nodes; ++c) degree += c != a && at(a, c) ? 1 : 0;
          if (degree == nodes - 1) continue;  // nowhere else to go
          int c = below(nodes);
          while (c == a || at(a, c)) c = below(nodes);
          at(a, b) = false;
          at(a, c) = true;
        }
      break;
    case Wiring::Model::barabasi_albert: {
      std::vector<int> ends;  // each node as often as it has edges
      for (int a = wiring.m; a < nodes; ++a)
        for (int made = 0; made < wiring.m;) {
          const int b =
              a == wiring.m ? made : ends[static_cast<std::size_t>(below(static_cast<int>(ends.size())))];
          if (b == a || at(a, b)) continue;
          at(a, b) = true;
          ends.push_back(a);
          ends.push_back(b);
          ++made;
        }
      break;
    }
  }
  std::vector<std::vector<int>> sources(static_cast<std::size_t>(nodes));
  for (int b = 0; b < nodes; ++b)
    for (int a = 0; a < b; ++a)
      if (at(a, b)) sources[static_cast<std::size_t>(b)].push_back(a);
  return sources;
}

/// What feeds each node of the graph. Throws TopologyError where p, k or m do not make one of so many nodes.
inline std::vector<std::vector<int>> checked_wiring(const std::string& family, int nodes,
                                                    const Wiring& wiring) {
  if (nodes < 1)
    throw TopologyError(family + " of " + std::to_string(nodes) + " nodes does not exist; choose at least 1");
  if (!(wiring.p >= 0 && wiring.p <= 1))
    throw TopologyError(family + ": p is " + format_number(wiring.p) +
                        " but a probability; choose 0 <= p <= 1");
  if (wiring.model == Wiring::Model::watts_strogatz &&
      (wiring.k < 2 || wiring.k % 2 != 0 || wiring.k >= nodes))
    throw TopologyError(family + ": k is " + std::to_string(wiring.k) + " for " + std::to_string(nodes) +
                        " nodes; Watts-Strogatz needs an even k with 2 <= k < nodes");
  if (wiring.model == Wiring::Model::barabasi_albert && (wiring.m < 1 || wiring.m >= nodes))
    throw TopologyError(family + ": m is " + std::to_string(wiring.m) + " for " + std::to_string(nodes) +
                        " nodes; Barabasi-Albert needs 1 <= m < nodes");
  return wire(nodes, wiring);
}

/// The graph: node i is layer(i, sum of what feeds it), the stem where nobody does; what feeds nobody is
/// summed.
template <class Layer>
Node wired(const std::vector<std::vector<int>>& sources, const Node& stem, Layer&& layer) {
  std::vector<Node> h;
  std::vector<bool> used(sources.size(), false);
  for (std::size_t i = 0; i < sources.size(); ++i) {
    std::vector<Node> in;
    for (const int from : sources[i]) {
      in.push_back(h[static_cast<std::size_t>(from)]);
      used[static_cast<std::size_t>(from)] = true;
    }
    if (in.empty()) in.push_back(stem);
    const int number = static_cast<int>(i);
    h.push_back(layer(number, in.size() == 1 ? in[0] : sum(in).named(numbered("s", number))));
  }
  std::vector<Node> ends;
  for (std::size_t i = 0; i < h.size(); ++i)
    if (!used[i]) ends.push_back(h[i]);
  return ends.size() == 1 ? ends[0] : sum(ends).named("s");
}

}  // namespace detail

/// `nodes` random-graph nodes, each h = dense(phi(sum of what feeds it)); what nobody feeds takes the
/// stem dense(x), what feeds nobody is summed before the read-out. Edges point from low to high.
///
/// Xie et al. 2019, "Exploring Randomly Wired Neural Networks for Image Recognition", section 3. Throws
/// TopologyError where p, k or m do not make a graph of so many nodes.
inline Topology randomly_wired(int nodes, const Wiring& wiring, const FamilyOptions& options = {}) {
  const auto sources = detail::checked_wiring("randomly_wired", nodes, wiring);
  return detail::trace_family(
      options,
      [&](Node x) {
        const detail::Layers layer(options);
        const Node s = detail::wired(sources, layer.dense(x, "stem"), [&](int i, const Node& in) {
          return layer.dense(layer.phi(in, detail::numbered("a", i)), detail::numbered("h", i));
        });
        return layer.dense(layer.phi(s, "r"), "y");
      },
      "randomly-wired-" + std::to_string(nodes));
}

}  // namespace SST_ABI
}  // namespace sst
