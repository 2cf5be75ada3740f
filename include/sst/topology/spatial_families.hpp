// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <utility>
#include <vector>

#include <sst/topology/families.hpp>
#include <sst/topology/node.hpp>
#include <sst/version.hpp>

/// \file
/// Families of convolutional topologies, for images (kernel/image_gram.hpp). `depth` counts conv layers; phi
/// stands for the activation. Batch normalisation, which the published networks have, has no closed form
/// (docs/spatial.md) and is left out. Every function throws TopologyError for a depth or an option out of
/// range.

namespace sst {
inline namespace SST_ABI {

/// What stands between the last feature maps and the read-out.
enum class ImageReadout {
  flatten,  ///< positions as channels: positions are compared with themselves alone, the cheapest kernel
  global_avg_pool,  ///< the mean over positions: all pairs of positions
  pool_flatten      ///< 2 x 2 means, then flatten: nearby positions
};

/// What all layers of a convolutional family have in common.
struct ConvFamilyOptions {
  double weight_std = 1.4142135623730951;                ///< >= 0; sqrt(2) keeps the variance under relu
  double bias_std = 0;                                   ///< >= 0; 0: no biases
  ActivationPtr activation = std::make_shared<Relu>();   ///< phi
  Extent window{3, 3};                                   ///< height and width of the conv layers' windows
  Padding padding = Padding::same;                       ///< of all conv layers
  ImageReadout readout = ImageReadout::global_avg_pool;  ///< from positions to the output
  int frozen_layers = 0;  ///< so many first layers do not learn (`freeze`), or `all_but_last`
};

namespace detail {

/// The layers of one convolutional family.
class ConvLayers {
 public:
  explicit ConvLayers(const ConvFamilyOptions& options) : options_(options) {
    if (!options.activation) throw TopologyError("the family's activation is missing; give one");
  }
  Node conv(const Node& h, const std::string& name) const { return conv(h, name, options_.window); }
  Node conv(const Node& h, const std::string& name, Extent window, Extent strides = {1, 1}) const {
    return sst::conv(h, {.weight_std = options_.weight_std,
                         .bias_std = options_.bias_std,
                         .weights = {},
                         .window = window,
                         .strides = strides,
                         .padding = options_.padding})
        .named(name);
  }
  Node phi(const Node& h, const std::string& name) const {
    return activate(h, options_.activation).named(name);
  }
  /// dense(read-out(h)).
  Node read_out(const Node& h) const {
    Node r = h;
    switch (options_.readout) {
      case ImageReadout::flatten:
        r = flatten(h).named("f");
        break;
      case ImageReadout::global_avg_pool:
        r = global_avg_pool(h).named("g");
        break;
      case ImageReadout::pool_flatten:
        r = flatten(avg_pool(h).named("p")).named("f");
    }
    return dense(r, {1.0, options_.bias_std, {}}).named("y");
  }

 private:
  const ConvFamilyOptions& options_;
};

}  // namespace detail

/// h_0 = conv(x), h_i = conv(phi(h_{i-1})): `depth` conv layers, then phi and the read-out. depth >= 1.
///
/// Novak et al. 2019, "Bayesian Deep Convolutional Networks with Many Channels are Gaussian Processes"; Arora
/// et al. 2019, "On Exact Computation with an Infinitely Wide Neural Net" (CNTK, with and without global
/// pooling). Throws TopologyError for a smaller depth.
inline Topology conv_chain(int depth, const ConvFamilyOptions& options = {}) {
  detail::require_depth("conv_chain", depth, 1);
  return detail::trace_family(
      options,
      [&](Node x) {
        const detail::ConvLayers layer(options);
        Node h = layer.conv(x, "h0");
        for (int i = 1; i < depth; ++i)
          h = layer.conv(layer.phi(h, detail::numbered("a", i - 1)), detail::numbered("h", i));
        return layer.read_out(layer.phi(h, "r"));
      },
      "conv-chain-" + std::to_string(depth));
}

/// h = conv(x); depth - 1 times h = skip h + branch conv(phi(h)); then phi and the read-out. depth >= 1.
///
/// He et al. 2016, "Identity Mappings in Deep Residual Networks", without batch normalisation. Throws
/// TopologyError for a smaller depth.
inline Topology conv_residual(int depth, const ConvFamilyOptions& options = {}, double skip = 1,
                              double branch = 1) {
  detail::require_depth("conv_residual", depth, 1);
  return detail::trace_family(
      options,
      [&](Node x) {
        const detail::ConvLayers layer(options);
        Node s = layer.conv(x, "h0");
        for (int i = 1; i < depth; ++i) {
          const Node h = layer.conv(layer.phi(s, detail::numbered("a", i - 1)), detail::numbered("h", i));
          s = sum({h, s}, {branch, skip}).named(detail::numbered("s", i));
        }
        return layer.read_out(layer.phi(s, "r"));
      },
      "conv-residual-" + std::to_string(depth));
}

/// Every layer feeds one last aggregation: h_0 = conv(x), h_i = conv(phi(h_{i-1})), then phi of the sum (or
/// concatenation) of the taps, and the read-out. depth >= 2.
///
/// Fan et al., arXiv 1811.09003, figure 1, with convolutions; options as those of `sparse_shortcut`. Throws
/// TopologyError for a smaller depth.
inline Topology conv_sparse_shortcut(int depth, const ConvFamilyOptions& options = {},
                                     Aggregation aggregation = Aggregation::sum,
                                     FirstLayer first_layer = FirstLayer::not_in_sum) {
  detail::require_depth("conv_sparse_shortcut", depth, 2);
  return detail::trace_family(
      options,
      [&](Node x) {
        const detail::ConvLayers layer(options);
        std::vector<Node> taps;
        Node h = layer.conv(x, "h0");
        if (first_layer == FirstLayer::in_sum) taps.push_back(h);
        for (int i = 1; i < depth; ++i) {
          h = layer.conv(layer.phi(h, detail::numbered("a", i - 1)), detail::numbered("h", i));
          taps.push_back(h);
        }
        const Node s = (aggregation == Aggregation::sum ? sum(taps) : concat(taps)).named("s");
        return layer.read_out(layer.phi(s, "r"));
      },
      std::string("conv-sparse-shortcut-") + (aggregation == Aggregation::sum ? "" : "concat-") +
          std::to_string(depth));
}

/// `nodes` nodes of a random graph, each h = conv(phi(sum of what feeds it)); what nobody feeds takes the
/// stem conv(x), what feeds nobody is summed before phi and the read-out. Edges point from low to high: the
/// `randomly_wired` of rows, on images. nodes >= 1, nodes + 1 conv layers.
///
/// Xie et al. 2019, "Exploring Randomly Wired Neural Networks for Image Recognition", section 3, at one
/// resolution, with sums of equal weights and full convolutions instead of separable ones. Throws
/// TopologyError where p, k or m do not make a graph of so many nodes.
inline Topology conv_randomly_wired(int nodes, const Wiring& wiring = {},
                                    const ConvFamilyOptions& options = {}) {
  const auto sources = detail::checked_wiring("conv_randomly_wired", nodes, wiring);
  return detail::trace_family(
      options,
      [&](Node x) {
        const detail::ConvLayers layer(options);
        const Node s = detail::wired(sources, layer.conv(x, "stem"), [&](int i, const Node& in) {
          return layer.conv(layer.phi(in, detail::numbered("a", i)), detail::numbered("h", i));
        });
        return layer.read_out(layer.phi(s, "r"));
      },
      "conv-randomly-wired-" + std::to_string(nodes));
}

/// How the blocks of `s3_net` and `dense_net` are wired.
struct BlockOptions {
  int blocks = 3;  ///< with a transition between each two
  int layers = 3;  ///< conv layers of a block
};

namespace detail {

/// stem; blocks, with conv 1 x 1 and 2 x 2 average pooling between each two; phi and the read-out.
template <class Block>
Topology blocks(const char* name, const BlockOptions& wiring, const ConvFamilyOptions& options,
                Block&& block) {
  require_depth((std::string(name) + " with blocks").c_str(), wiring.blocks, 1);
  require_depth((std::string(name) + " with blocks of layers").c_str(), wiring.layers, 1);
  return detail::trace_family(
      options,
      [&](Node x) {
        const ConvLayers layer(options);
        Node h = layer.conv(x, "stem");
        for (int b = 0; b < wiring.blocks; ++b) {
          const std::string prefix = numbered("b", b) + "_";
          h = concat(block(layer, h, prefix)).named(prefix + "out");
          if (b + 1 == wiring.blocks) break;
          h = layer.conv(layer.phi(h, prefix + "ta"), prefix + "t", {1, 1});
          h = avg_pool(h).named(prefix + "pool");
        }
        return layer.read_out(layer.phi(h, "r"));
      },
      std::string(name) + "-" + std::to_string(wiring.blocks) + "x" + std::to_string(wiring.layers));
}

}  // namespace detail

/// The S3-Net of Fan et al., arXiv 1811.09003: a stem; blocks in which each layer sees its predecessor alone
/// and whose output is the concatenation of its input and all its layers; transitions of phi, conv 1 x 1 and
/// 2 x 2 average pooling; phi and the read-out. Fractions of a concatenation are equal shares.
inline Topology s3_net(const BlockOptions& wiring = {}, const ConvFamilyOptions& options = {}) {
  return detail::blocks("s3-net", wiring, options,
                        [&](const detail::ConvLayers& layer, const Node& input, const std::string& prefix) {
                          std::vector<Node> all{input};
                          for (int i = 0; i < wiring.layers; ++i)
                            all.push_back(layer.conv(layer.phi(all.back(), prefix + detail::numbered("a", i)),
                                                     prefix + detail::numbered("h", i)));
                          return all;
                        });
}

/// DenseNet (Huang et al. 2017, "Densely Connected Convolutional Networks"): as `s3_net`, but each layer sees
/// the concatenation of the block's input and all layers before it.
inline Topology dense_net(const BlockOptions& wiring = {}, const ConvFamilyOptions& options = {}) {
  return detail::blocks("dense-net", wiring, options,
                        [&](const detail::ConvLayers& layer, const Node& input, const std::string& prefix) {
                          std::vector<Node> all{input};
                          for (int i = 0; i < wiring.layers; ++i) {
                            const Node c =
                                i == 0 ? input : concat(all).named(prefix + detail::numbered("c", i));
                            all.push_back(layer.conv(layer.phi(c, prefix + detail::numbered("a", i)),
                                                     prefix + detail::numbered("h", i)));
                          }
                          return all;
                        });
}

/// Myrtle networks (Shankar et al. 2020, "Neural Kernels Without Tangents", figure 2): 3 x 3 conv and phi,
/// with 2 x 2 average pooling after groups of layers, three of them for images of 32 x 32; then global
/// pooling and the read-out. layers: 5, 7 or 10, in groups of {2, 1, 1}, {2, 2, 2} and {3, 3, 3} conv layers
/// (and the read-out); TopologyError otherwise.
inline Topology myrtle(int layers, const ConvFamilyOptions& options = {}) {
  std::vector<int> groups;
  if (layers == 5)
    groups = {2, 1, 1};
  else if (layers == 7)
    groups = {2, 2, 2};
  else if (layers == 10)
    groups = {3, 3, 3};
  else
    throw TopologyError("myrtle of " + std::to_string(layers) + " layers does not exist; choose 5, 7 or 10");
  return detail::trace_family(
      options,
      [&](Node x) {
        const detail::ConvLayers layer(options);
        Node h = std::move(x);
        int i = 0;
        for (std::size_t g = 0; g < groups.size(); ++g) {
          for (int k = 0; k < groups[g]; ++k, ++i)
            h = layer.phi(layer.conv(h, detail::numbered("h", i)), detail::numbered("a", i));
          h = avg_pool(h).named(detail::numbered("p", static_cast<int>(g)));
        }
        return layer.read_out(h);
      },
      "myrtle-" + std::to_string(layers));
}

}  // namespace SST_ABI
}  // namespace sst
