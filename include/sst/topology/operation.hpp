// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <charconv>
#include <cstddef>
#include <string>
#include <variant>
#include <vector>

#include <sst/activation/activation.hpp>
#include <sst/version.hpp>

/// \file
/// What a node of a topology can do.

namespace sst {
inline namespace SST_ABI {

/// The sample itself: K = x.x'/d over its d channels, T = 0.
struct InputOp {
  bool operator==(const InputOp&) const = default;
};

/// weight_std/sqrt(n) W h + bias_std b, with W and b standard normal (NTK parameterization):
/// K = weight_std^2 K_h + bias_std^2, T = weight_rate weight_std^2 K_h + bias_rate bias_std^2 + weight_std^2
/// T_h.
struct DenseOp {
  double weight_std = 1;     ///< times 1/sqrt(n): the standard deviation of a weight; >= 0
  double bias_std = 0;       ///< the standard deviation of a bias; 0: none
  std::string weights = {};  ///< dense nodes of one non-empty name share W and b
  double weight_rate = 1;    ///< the learning rate of W, relative to the others'; >= 0; 0: frozen
  double bias_rate = 1;      ///< the learning rate of b, likewise
  bool operator==(const DenseOp&) const = default;
};

/// An activation function, channel by channel.
struct ActivationOp {
  ActivationPtr activation;  ///< never null
  /// The same function with the same parameters.
  bool operator==(const ActivationOp& other) const { return *activation == *other.activation; }
};

/// sum_i coefficients_i u_i.
struct SumOp {
  std::vector<double> coefficients;  ///< one for each input
  bool operator==(const SumOp&) const = default;
};

/// The channels of the inputs side by side; fractions_i of the width is u_i's.
struct ConcatOp {
  std::vector<double> fractions;  ///< one for each input, positive, of sum 1
  bool operator==(const ConcatOp&) const = default;
};

/// What a window sees beyond the edge: zeros (`same`: ceil(size / stride) positions, the zeros shared out on
/// both sides with the odd one at the end), nothing (`valid`: it stays inside), or the other side of the
/// image
/// (`circular`: the positions of `same`).
enum class Padding { same, valid, circular };

/// Height and width, in this order.
using Extent = std::array<int, 2>;

/// `dense` over each window of an image: weight_std/sqrt(channels h w) W patch + bias_std b. The variance is
/// divided by channels x h x w at a zero-padded edge as well.
struct ConvOp {
  double weight_std = 1;            ///< times 1/sqrt(channels h w): the standard deviation of a weight; >= 0
  double bias_std = 0;              ///< the standard deviation of a bias; 0: none
  std::string weights = {};         ///< conv nodes of one non-empty name share W and b
  Extent window{3, 3};              ///< height and width
  Extent strides{1, 1};             ///< down and across
  Padding padding = Padding::same;  ///< what the windows see beyond the edge
  double weight_rate = 1;           ///< the learning rate of W, relative to the others'; >= 0; 0: frozen
  double bias_rate = 1;             ///< the learning rate of b, likewise
  bool operator==(const ConvOp&) const = default;
};

/// The mean over each window; at a padded edge over the window's full size.
struct AvgPoolOp {
  Extent window{2, 2};               ///< height and width
  Extent strides{0, 0};              ///< zeros: the window's size
  Padding padding = Padding::valid;  ///< what the windows see beyond the edge
  bool operator==(const AvgPoolOp&) const = default;
};

/// The mean over all positions.
struct GlobalAvgPoolOp {
  bool operator==(const GlobalAvgPoolOp&) const = default;
};

/// Positions become channels.
struct FlattenOp {
  bool operator==(const FlattenOp&) const = default;
};

/// Less the mean over the channels, divided by their standard deviation; at each position by itself.
struct LayerNormOp {
  bool operator==(const LayerNormOp&) const = default;
};

/// What a node does with its inputs.
using Operation = std::variant<InputOp, DenseOp, ActivationOp, SumOp, ConcatOp, ConvOp, AvgPoolOp,
                               GlobalAvgPoolOp, FlattenOp, LayerNormOp>;

/// Operations that the engine for images computes (spatial/gram.hpp): those that see positions, and
/// layer_norm.
inline bool is_spatial(const Operation& operation) {
  return std::holds_alternative<ConvOp>(operation) || std::holds_alternative<AvgPoolOp>(operation) ||
         std::holds_alternative<GlobalAvgPoolOp>(operation) || std::holds_alternative<FlattenOp>(operation) ||
         std::holds_alternative<LayerNormOp>(operation);
}

/// One node of a topology: what it computes from which earlier nodes.
struct NodeSpec {
  std::string name;                 ///< unique in its topology; for messages, printing and files
  Operation operation;              ///< what it does with its inputs
  std::vector<std::size_t> inputs;  ///< indices of earlier nodes
  bool operator==(const NodeSpec&) const = default;
};

namespace detail {

template <class... Fs>
struct Overloaded : Fs... {
  using Fs::operator()...;
};
template <class... Fs>
Overloaded(Fs...) -> Overloaded<Fs...>;

/// The shortest text that reads back as the same number.
inline std::string format_number(double value) {
  std::array<char, 32> text{};
  for (int digits = 1;; ++digits) {
    char* const end =
        std::to_chars(text.data(), text.data() + text.size(), value, std::chars_format::general, digits).ptr;
    double back = 0;
    std::from_chars(text.data(), end, back);
    if (back == value || digits == 17) return {text.data(), end};
  }
}

}  // namespace detail

namespace detail {

/// Calls f with what a dense or conv node does; says whether the node is one.
template <class Op, class F>
bool visit_layer(Op& operation, F&& f) {
  if (auto* dense = std::get_if<DenseOp>(&operation)) return f(*dense), true;
  if (auto* conv = std::get_if<ConvOp>(&operation)) return f(*conv), true;
  return false;
}

/// "weight_rate 0.5, bias_rate 0", of those that are not 1.
template <class Layer>
std::string rates_text(const Layer& layer) {
  std::string text;
  const auto add = [&text](const char* name, double rate) {
    if (rate != 1) text += (text.empty() ? "" : ", ") + std::string(name) + ' ' + format_number(rate);
  };
  add("weight_rate", layer.weight_rate);
  add("bias_rate", layer.bias_rate);
  return text;
}

}  // namespace detail

/// The name of a node's operation as files write it: "dense", "relu", ...
inline std::string operation_name(const Operation& operation) {
  return std::visit(detail::Overloaded{
                        [](const InputOp&) { return std::string("input"); },
                        [](const DenseOp&) { return std::string("dense"); },
                        [](const ActivationOp& op) { return op.activation->name(); },
                        [](const SumOp&) { return std::string("sum"); },
                        [](const ConcatOp&) { return std::string("concat"); },
                        [](const ConvOp&) { return std::string("conv"); },
                        [](const AvgPoolOp&) { return std::string("avg_pool"); },
                        [](const GlobalAvgPoolOp&) { return std::string("global_avg_pool"); },
                        [](const FlattenOp&) { return std::string("flatten"); },
                        [](const LayerNormOp&) { return std::string("layer_norm"); },
                    },
                    operation);
}

/// The name of a padding as files write it.
inline std::string padding_name(Padding padding) {
  return padding == Padding::same ? "same" : padding == Padding::valid ? "valid" : "circular";
}

}  // namespace SST_ABI
}  // namespace sst
