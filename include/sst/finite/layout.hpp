// SPDX-License-Identifier: MIT
#pragma once

#include <Eigen/Core>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <sst/error.hpp>
#include <sst/topology/image_shape.hpp>
#include <sst/topology/operation.hpp>
#include <sst/topology/topology.hpp>
#include <sst/version.hpp>

/// \file
/// A topology at finite width, before any number is drawn: which channels and positions each node has, and
/// from where its argument takes them.

namespace sst {
inline namespace SST_ABI {

/// Options of a FiniteNetwork.
struct FiniteOptions {
  Eigen::Index width = 256;  ///< channels of every node but the input and the read-out; at least 1
  Eigen::Index outputs = 1;  ///< channels of the read-out (see FiniteNetwork::channels); at least 1
  std::uint64_t seed = 0;    ///< equal seeds, equal weights
  /// Samples are images of this shape, channels fastest; without, rows of numbers.
  std::optional<ImageShape> image = {};
};

namespace detail {

/// The channels and positions of every node; see FiniteNetwork for the rules.
class FiniteLayout {
 public:
  using Index = Eigen::Index;
  using Matrix = Eigen::MatrixXd;

  /// Where a node's argument takes its channels from: argument[row + r] += coefficient u[channels[r]].
  struct Edge {
    std::size_t node;
    Index row;
    std::vector<Index> channels;
    double coefficient;
  };
  struct Layer {
    std::vector<Edge> edges;
    Index arguments = 0;            ///< channels of the argument: of all edges together
    std::vector<Index> offsets;     ///< where the channel blocks begin, and the number of channels
    std::vector<bool> holds_input;  ///< by block: whether the input's channels are repeated in it
    std::size_t group = 0;          ///< dense, conv: its weights
    Eigen::VectorXd root_share;  ///< dense, conv: square roots of the argument channels' shares, tap by tap
    Index positions = 1;
    Index taps = 1;              ///< dense, conv: positions of the argument that one position sees
    std::vector<Index> sources;  ///< dense, conv: which these are, by position and tap; outside: -1
    Matrix means;                ///< pools: positions x positions of the argument
  };
  /// What dense and conv have in common.
  struct Op {
    double weight_std, bias_std, weight_rate, bias_rate;
    const std::string* weights;
    bool learns() const { return weight_std * weight_rate > 0 || bias_std * bias_rate > 0; }
  };

  /// Throws Error when a size is below 1 or the width too small for the blocks of a concatenation, or for the
  /// input's channels where these have to fill it; and for an output that has several positions.
  FiniteLayout(Topology topology, Index input_dimension, const FiniteOptions& options);

  const Topology& topology() const { return topology_; }
  /// Channels of the input, at each of so many positions.
  Index input_channels() const { return dimension_; }
  Index input_positions() const { return pixels_; }
  Index width() const { return options_.width; }
  /// Whether the output is a dense node that no other node uses or shares weights with.
  bool has_readout() const { return readout_; }
  /// Of nodes with the same weights.
  std::size_t groups() const { return groups_; }

  std::size_t nodes() const { return layers_.size(); }
  const Layer& layer(std::size_t i) const { return layers_[i]; }
  const NodeSpec& node(std::size_t i) const { return topology_.nodes()[i]; }
  std::optional<Op> dense(std::size_t i) const {
    std::optional<Op> found;
    detail::visit_layer(node(i).operation, [&](const auto& op) {
      found = Op{op.weight_std, op.bias_std, op.weight_rate, op.bias_rate, &op.weights};
    });
    return found;
  }
  /// By node, whether its value changes in training.
  std::vector<bool> learning() const;
  bool is_norm(std::size_t i) const { return std::holds_alternative<LayerNormOp>(node(i).operation); }
  bool is_input(std::size_t i) const { return std::holds_alternative<InputOp>(node(i).operation); }
  Index channels(std::size_t i) const { return layers_[i].offsets.back(); }
  /// The share of each channel of the node, by which kernels and norms weigh them.
  Eigen::VectorXd shares(std::size_t i) const { return shares(i, layers_[i].offsets); }

  /// What the node takes, of values by node: channels x (samples positions).
  Matrix argument(std::size_t i, const std::vector<Matrix>& values) const;
  /// What W is multiplied by: patches of the argument, each channel by the square root of its share.
  Matrix scaled_argument(std::size_t i, const std::vector<Matrix>& values) const {
    return layers_[i].root_share.asDiagonal() * patches(i, argument(i, values));
  }
  Matrix patches(std::size_t i, Matrix z) const;
  Matrix unpatch(std::size_t i, const Matrix& patches) const;
  static Matrix over_positions(const Matrix& z, const Matrix& means);

  [[noreturn]] void fail(std::size_t i, const std::string& problem) const {
    throw Error("node '" + node(i).name + "' (" + operation_name(node(i).operation) + ") " + problem);
  }

 private:
  Index positions_of_argument(std::size_t i) const { return layers_[node(i).inputs[0]].positions; }
  void place(std::size_t i, const std::vector<spatial::NodeShape>& shapes);
  std::vector<Index> block_offsets(std::size_t i) const;
  Eigen::VectorXd shares(std::size_t i, const std::vector<Index>& offsets) const;
  Edge edge(std::size_t from, const std::vector<Index>& to, std::size_t first_block,
            double coefficient) const;
  void build_layer(std::size_t i, bool takes_plain_input);

  Topology topology_;
  Index dimension_;  ///< channels of the input
  Index pixels_ = 1;
  FiniteOptions options_;
  bool readout_ = false;
  std::size_t groups_ = 0;
  std::vector<Layer> layers_;
};

inline FiniteLayout::FiniteLayout(Topology topology, Index input_dimension, const FiniteOptions& options)
    : topology_(std::move(topology)), dimension_(input_dimension), options_(options) {
  const auto positive = [](Index value, const char* what) {
    if (value < 1)
      throw Error(std::string(what) + " is " + std::to_string(value) +
                  " (a network needs at least 1); raise it");
  };
  positive(dimension_, "the input dimension");
  positive(options_.width, "the width");
  positive(options_.outputs, "the number of outputs");
  if (options_.image && options_.image->size() != static_cast<std::size_t>(dimension_))
    throw Error("the input dimension is " + std::to_string(dimension_) + " (images of " +
                to_string(*options_.image) + " have " + std::to_string(options_.image->size()) +
                " numbers); give that");
  if (!options_.image)
    for (std::size_t i = 0; i < topology_.nodes().size(); ++i)
      if (is_spatial(node(i).operation) && !is_norm(i))
        fail(i, "works on images; give the options their shape");
  const ImageShape image = options_.image.value_or(ImageShape{1, 1, static_cast<std::size_t>(dimension_)});
  pixels_ = static_cast<Index>(image.height * image.width);
  dimension_ = static_cast<Index>(image.channels);
  const auto shapes = spatial::shapes(topology_, image);

  const std::size_t count = topology_.nodes().size();
  layers_.resize(count);
  std::vector<bool> plain;           // by group: every member takes the input itself
  std::vector<std::size_t> members;  // by group
  std::map<std::string, std::size_t> shared;
  std::size_t uses_of_output = 0;
  for (std::size_t i = 0; i < count; ++i) {
    for (const std::size_t input : node(i).inputs) uses_of_output += input == topology_.output() ? 1U : 0U;
    if (!dense(i)) continue;
    std::size_t group = members.size();
    if (!dense(i)->weights->empty()) group = shared.emplace(*dense(i)->weights, group).first->second;
    if (group == members.size()) {
      members.push_back(0);
      plain.push_back(true);
    }
    layers_[i].group = group;
    ++members[group];
    plain[group] = plain[group] && is_input(node(i).inputs[0]);
  }
  const std::size_t out = topology_.output();
  readout_ = dense(out) && uses_of_output == 0 && members[layers_[out].group] == 1;

  groups_ = members.size();
  for (std::size_t i = 0; i < count; ++i) {
    place(i, shapes);
    build_layer(i, dense(i) && plain[layers_[i].group]);
  }
  if (layers_[out].positions != 1)
    fail(out, "is the output and has " + std::to_string(layers_[out].positions) +
                  " positions; put flatten or global_avg_pool and a dense node after it");
}

/// Positions of a node, and which ones of its argument each of them sees.
inline void FiniteLayout::place(std::size_t i, const std::vector<spatial::NodeShape>& shapes) {
  Layer& layer = layers_[i];
  for (const spatial::Grid& grid : shapes[i].blocks)
    if (!(grid == shapes[i].blocks[0]))
      fail(i,
           "holds flattened blocks of different sizes, which finite networks cannot draw; flatten nodes of "
           "one size");
  layer.positions = static_cast<Index>(shapes[i].blocks[0].size());
  if (is_input(i)) return;
  const spatial::NodeShape& from = shapes[node(i).inputs[0]];
  const spatial::Grid in = from.blocks[0];
  for (const std::size_t input : node(i).inputs)
    if (!(shapes[input].blocks[0] == in))
      fail(i, "joins nodes of different positions, which finite networks cannot draw; give them one shape");
  const bool pool = std::holds_alternative<AvgPoolOp>(node(i).operation) ||
                    std::holds_alternative<GlobalAvgPoolOp>(node(i).operation);
  if (!dense(i) && !pool) return;
  const spatial::Window w = dense(i) && from.flat ? spatial::whole(in) : spatial::window_of(node(i), in);
  layer.taps = static_cast<Index>(w[0].size * w[1].size);
  for (std::size_t y = 0; y < w[0].out; ++y)
    for (std::size_t x = 0; x < w[1].out; ++x)
      for (std::size_t r = 0; r < w[0].size; ++r)
        for (std::size_t s = 0; s < w[1].size; ++s) {
          const std::size_t a = w[0].at(y, r), b = w[1].at(x, s);
          const bool outside = a == spatial::Axis::outside || b == spatial::Axis::outside;
          layer.sources.push_back(outside ? -1 : static_cast<Index>(a * in.width + b));
        }
  if (!pool) return;
  layer.means = Matrix::Zero(layer.positions, static_cast<Index>(in.size()));
  for (Index p = 0; p < layer.positions; ++p)
    for (Index t = 0; t < layer.taps; ++t)
      if (const Index q = layer.sources[static_cast<std::size_t>(p * layer.taps + t)]; q >= 0)
        layer.means(p, q) += 1 / static_cast<double>(layer.taps);
}

/// What each position sees, tap below tap: from arguments x (samples positions) to (taps arguments) x ...
inline Eigen::MatrixXd FiniteLayout::patches(std::size_t i, Matrix z) const {
  const Layer& layer = layers_[i];
  const Index before = positions_of_argument(i);
  if (layer.taps == 1 && layer.positions == before) return z;
  const Index samples = z.cols() / before, rows = z.rows();
  Matrix out = Matrix::Zero(rows * layer.taps, samples * layer.positions);
  for (Index s = 0; s < samples; ++s)
    for (Index p = 0; p < layer.positions; ++p)
      for (Index t = 0; t < layer.taps; ++t)
        if (const Index q = layer.sources[static_cast<std::size_t>(p * layer.taps + t)]; q >= 0)
          out.col(s * layer.positions + p).segment(t * rows, rows) = z.col(s * before + q);
  return out;
}

inline std::vector<bool> FiniteLayout::learning() const {
  std::vector<bool> learns(nodes(), false);
  for (std::size_t i = 0; i < nodes(); ++i) {
    const auto op = dense(i);
    learns[i] = op && op->learns();
    for (const std::size_t input : node(i).inputs) learns[i] = learns[i] || learns[input];
  }
  return learns;
}

/// The transpose of `patches`.
inline Eigen::MatrixXd FiniteLayout::unpatch(std::size_t i, const Matrix& from) const {
  const Layer& layer = layers_[i];
  const Index before = positions_of_argument(i);
  if (layer.taps == 1 && layer.positions == before) return from;
  const Index samples = from.cols() / layer.positions, rows = from.rows() / layer.taps;
  Matrix out = Matrix::Zero(rows, samples * before);
  for (Index s = 0; s < samples; ++s)
    for (Index p = 0; p < layer.positions; ++p)
      for (Index t = 0; t < layer.taps; ++t)
        if (const Index q = layer.sources[static_cast<std::size_t>(p * layer.taps + t)]; q >= 0)
          out.col(s * before + q) += from.col(s * layer.positions + p).segment(t * rows, rows);
  return out;
}

/// A linear map of the positions of each sample.
inline Eigen::MatrixXd FiniteLayout::over_positions(const Matrix& z, const Matrix& means) {
  const Index samples = z.cols() / means.cols();
  Matrix out(z.rows(), samples * means.rows());
  for (Index s = 0; s < samples; ++s)
    out.middleCols(s * means.rows(), means.rows()).noalias() =
        z.middleCols(s * means.cols(), means.cols()) * means.transpose();
  return out;
}

inline std::vector<Eigen::Index> FiniteLayout::block_offsets(std::size_t i) const {
  if (is_input(i)) return {0, dimension_};
  if (readout_ && i == topology_.output()) return {0, options_.outputs};
  std::vector<Index> offsets{0};
  double share = 0;
  for (const double block : topology_.blocks(i)) {
    share += block;
    offsets.push_back(static_cast<Index>(std::floor(share * static_cast<double>(options_.width) + 0.5)));
    if (offsets.back() == offsets[offsets.size() - 2])
      fail(i, "has a channel block of share " + detail::format_number(block) +
                  " (less than one channel of width " + std::to_string(options_.width) +
                  "); raise the width");
  }
  offsets.back() = options_.width;
  return offsets;
}

inline Eigen::VectorXd FiniteLayout::shares(std::size_t i, const std::vector<Index>& offsets) const {
  Eigen::VectorXd share(offsets.back());
  for (std::size_t k = 0; k + 1 < offsets.size(); ++k) {
    const Index size = offsets[k + 1] - offsets[k];
    const double block = topology_.blocks(i)[k];
    share.segment(offsets[k], size).setConstant(block / static_cast<double>(size));
    if (!layers_[i].holds_input[k]) continue;
    if (size < dimension_)
      fail(i, "holds the input's " + std::to_string(dimension_) + " channels in a block of " +
                  std::to_string(size) + " (they have to fill it at least once); raise the width");
    for (Index c = 0; c < size; ++c) {
      const Index copies = (size - 1 - c % dimension_) / dimension_ + 1;
      share[offsets[k] + c] = block / static_cast<double>(dimension_ * copies);
    }
  }
  return share;
}

/// The channels of `from` that go to the blocks `first_block`... of the offsets `to`: in each block from
/// the first on, and again from the first where these are too few.
inline FiniteLayout::Edge FiniteLayout::edge(std::size_t from, const std::vector<Index>& to,
                                             std::size_t first_block, double coefficient) const {
  Edge result{from, to[first_block], {}, coefficient};
  const std::vector<Index>& offsets = layers_[from].offsets;
  for (std::size_t k = 0; k + 1 < offsets.size(); ++k)
    for (Index c = 0; c < to[first_block + k + 1] - to[first_block + k]; ++c)
      result.channels.push_back(offsets[k] + c % (offsets[k + 1] - offsets[k]));
  return result;
}

inline void FiniteLayout::build_layer(std::size_t i, bool takes_plain_input) {
  Layer& layer = layers_[i];
  const std::vector<std::size_t>& inputs = node(i).inputs;
  layer.offsets = block_offsets(i);
  layer.arguments = layer.offsets.back();
  layer.holds_input.assign(layer.offsets.size() - 1, is_input(i));
  if (is_input(i)) return;

  if (dense(i)) {
    const std::vector<Index> fan_in = is_input(inputs[0]) && !takes_plain_input
                                          ? std::vector<Index>{0, options_.width}
                                          : layers_[inputs[0]].offsets;
    layer.edges.push_back(edge(inputs[0], fan_in, 0, 1));
    layer.arguments = fan_in.back();
    const Eigen::VectorXd share = shares(inputs[0], fan_in) / static_cast<double>(layer.taps);
    layer.root_share = share.cwiseSqrt().replicate(layer.taps, 1);
  } else if (std::holds_alternative<ConcatOp>(node(i).operation)) {
    std::size_t block = 0;
    for (const std::size_t input : inputs) {
      layer.edges.push_back(edge(input, layer.offsets, block, 1));
      for (const bool holds : layers_[input].holds_input) layer.holds_input[block++] = holds;
    }
  } else {
    const auto* sum = std::get_if<SumOp>(&node(i).operation);
    for (std::size_t k = 0; k < inputs.size(); ++k) {
      layer.edges.push_back(edge(inputs[k], layer.offsets, 0, sum ? sum->coefficients[k] : 1));
      for (std::size_t b = 0; b < layer.holds_input.size(); ++b)
        layer.holds_input[b] = layer.holds_input[b] || layers_[inputs[k]].holds_input[b];
    }
  }
}

inline Eigen::MatrixXd FiniteLayout::argument(std::size_t i, const std::vector<Matrix>& values) const {
  Matrix z = Matrix::Zero(layers_[i].arguments, values[layers_[i].edges.front().node].cols());
  for (const Edge& e : layers_[i].edges)
    for (Index column = 0; column < z.cols(); ++column)
      for (std::size_t r = 0; r < e.channels.size(); ++r)
        z(e.row + static_cast<Index>(r), column) += e.coefficient * values[e.node](e.channels[r], column);
  return z;
}

}  // namespace detail

}  // namespace SST_ABI
}  // namespace sst
