// SPDX-License-Identifier: MIT
#pragma once

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <numbers>
#include <numeric>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <sst/error.hpp>
#include <sst/spatial/shape.hpp>
#include <sst/topology/topology.hpp>

namespace sst {

/// Options of a FiniteNetwork.
struct FiniteOptions {
  Eigen::Index width = 256;  ///< channels of every node but the input and the read-out; at least 1
  Eigen::Index outputs = 1;  ///< channels of the read-out (see FiniteNetwork::channels); at least 1
  std::uint64_t seed = 0;    ///< equal seeds, equal weights
  /// Samples are images of this shape, channels fastest; without, rows of numbers.
  std::optional<ImageShape> image = {};
};

namespace detail {

/// splitmix64 (Steele, Lea, Flood 2014, "Fast Splittable Pseudorandom Number Generators"): one step.
inline std::uint64_t splitmix(std::uint64_t z) {
  z += 0x9E3779B97F4A7C15U;
  z = (z ^ (z >> 30U)) * 0xBF58476D1CE4E5B9U;
  z = (z ^ (z >> 27U)) * 0x94D049BB133111EBU;
  return z ^ (z >> 31U);
}

/// A key for item `index` of what `key` stands for.
inline std::uint64_t subkey(std::uint64_t key, std::uint64_t index) {
  return splitmix(splitmix(key) + index);
}

/// Standard normal numbers from `key`, two at a time (Box and Muller 1958): a longer run starts with
/// the shorter one. Unlike std::normal_distribution the same on every platform, up to the rounding
/// of its log, sin and cos.
template <class Vector>
void fill_normal(Vector&& out, std::uint64_t key) {
  const auto uniform = [&key] {  // in (0, 1]
    const std::uint64_t bits = splitmix(key);
    key += 0x9E3779B97F4A7C15U;
    return static_cast<double>((bits >> 11U) + 1) * 0x1p-53;
  };
  for (Eigen::Index i = 0; i < out.size(); i += 2) {
    const double radius = std::sqrt(-2 * std::log(uniform()));
    const double angle = 2 * std::numbers::pi * uniform();
    out[i] = radius * std::cos(angle);
    if (i + 1 < out.size()) out[i + 1] = radius * std::sin(angle);
  }
}

}  // namespace detail

/// A topology as an ordinary random network of finite width: forward, exact gradients by reverse
/// mode, and the kernels these have at this width. As the width grows the kernels tend to the exact
/// ones, with a fluctuation O(1/sqrt(width)) of one network and a bias O(1/width).
///
/// Every dense node (or every group of dense nodes of one `weights` name) has standard normal W and b
/// in the NTK parameterization, weight_std/sqrt(fan_in) W h + bias_std b. Any valid topology will do,
/// also one that has no closed form.
///
/// Shapes: rows of X are samples. A node has `width` channels, except:
///  * the input, which has its own d where a dense takes it (unless that dense shares its weights with
///    one that takes another node), and whose d channels repeat to fill the width anywhere else;
///  * a read-out, which has `outputs` channels: the output node, when it is a dense node that no other
///    node uses or shares weights with.
/// A concatenation takes the first round(fraction * width) channels of each block of each input, rounded
/// so that they add up to the width. What rounding does to the shares, of blocks and of the input's
/// repeated channels, is undone in the next dense: it weighs channels so that each block has its exact
/// share and each channel of the input the same share, which is 1/sqrt(fan_in) wherever numbers divide.
///
/// On images a node has these channels at each of its positions; the input has those of a pixel, and the
/// output has to have one position (dense, or global_avg_pool).
///
/// W(i, j) depends on the seed, the node, i and j but not on the width, so that networks of one seed
/// and different widths are correlated (monte_carlo.hpp makes use of it).
class FiniteNetwork {
 public:
  using Index = Eigen::Index;
  using Matrix = Eigen::MatrixXd;

  /// Draws the weights. Throws Error when a size is below 1 or the width too small for the blocks of
  /// a concatenation, or for the input's channels where these have to fill it.
  FiniteNetwork(Topology topology, Index input_dimension, const FiniteOptions& options = {});

  const Topology& topology() const { return topology_; }
  /// The columns of X: those of the input, at all positions of images.
  Index input_dimension() const { return dimension_ * pixels_; }
  Index width() const { return options_.width; }
  /// The channels of the output node: `outputs` for a read-out, else the width (d for the input itself).
  Index channels() const { return channels(topology_.output()); }
  /// Whether the output is a dense node that no other node uses or shares weights with.
  bool has_readout() const { return readout_; }

  /// The output node's channels: rows(X) x channels(). Throws DataError when X has another number of
  /// columns than the network has inputs or a value that is not finite; so do all functions of X.
  Matrix forward(const Matrix& x) const {
    return evaluate(x, topology_.output())[topology_.output()].transpose();
  }
  /// The channels of the node of this name. Throws TopologyError when there is none.
  Matrix forward(const Matrix& x, std::string_view node) const;

  /// sum_c p_c u_c(x) u_c(x') at the output, p_c = 1/channels (or its block's share by channel).
  Matrix empirical_nngp(const Matrix& x) const;

  /// The mean of empirical_nngp over the read-out's own weights, weight_std^2 sum_c p_c h_c h_c' + bias_std^2
  /// over its inputs h: what infinitely many outputs would give. Without a read-out, empirical_nngp.
  Matrix expected_nngp(const Matrix& x) const;

  /// sum_c p_c sum_theta du_c(x)/dtheta du_c(x')/dtheta at the output, to rounding; the parameters'
  /// gradients are never formed. `channels`: average over so many channels only (a dense output's are
  /// exchangeable), since the work is proportional to them; 0 for all.
  /// Throws Error when an activation has no derivative to train through or `channels` is not possible.
  Matrix empirical_ntk(const Matrix& x, Index channels = 0) const;

  /// d u_channel(x) / d theta at the output: rows(X) x parameter_count(), in the order of parameters().
  Matrix jacobian(const Matrix& x, Index channel) const;

  /// All W (column by column) and b, group by group in the order in which dense nodes first use them.
  Eigen::VectorXd parameters() const;
  void set_parameters(const Eigen::VectorXd& parameters);
  Index parameter_count() const;

 private:
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
    double weight_std, bias_std;
    const std::string* weights;
  };
  struct Weights {
    Matrix matrix;
    Eigen::VectorXd bias;
  };

  const NodeSpec& node(std::size_t i) const { return topology_.nodes()[i]; }
  std::optional<Op> dense(std::size_t i) const {
    if (const auto* op = std::get_if<DenseOp>(&node(i).operation))
      return Op{op->weight_std, op->bias_std, &op->weights};
    if (const auto* op = std::get_if<ConvOp>(&node(i).operation))
      return Op{op->weight_std, op->bias_std, &op->weights};
    return std::nullopt;
  }
  bool is_norm(std::size_t i) const { return std::holds_alternative<LayerNormOp>(node(i).operation); }
  bool is_input(std::size_t i) const { return std::holds_alternative<InputOp>(node(i).operation); }
  Index channels(std::size_t i) const { return layers_[i].offsets.back(); }
  Matrix scaled_argument(std::size_t i, const std::vector<Matrix>& values) const {
    return layers_[i].root_share.asDiagonal() * patches(i, argument(i, values));
  }
  Index positions_of_argument(std::size_t i) const { return layers_[node(i).inputs[0]].positions; }
  Matrix patches(std::size_t i, Matrix z) const;
  Matrix unpatch(std::size_t i, const Matrix& patches) const;
  Matrix normalised(std::size_t i, const Matrix& z) const;
  Matrix norm_backward(std::size_t i, const Matrix& z, const Matrix& delta) const;
  static Matrix over_positions(const Matrix& z, const Matrix& means);
  void place(std::size_t i, const std::vector<spatial::NodeShape>& shapes);

  std::vector<Index> block_offsets(std::size_t i) const;
  Eigen::VectorXd shares(std::size_t i, const std::vector<Index>& offsets) const;
  Edge edge(std::size_t from, const std::vector<Index>& to, std::size_t first_block,
            double coefficient) const;
  void build_layer(std::size_t i, bool takes_plain_input);
  void check(const Matrix& x) const;
  std::vector<Matrix> evaluate(const Matrix& x, std::size_t target) const;
  std::vector<Matrix> backward(const std::vector<Matrix>& values, Index first, Index count) const;
  Matrix argument(std::size_t i, const std::vector<Matrix>& values) const;
  static Matrix activate(const Activation& phi, Matrix z);
  static Matrix derivative(const Activation& phi, Matrix z);
  [[noreturn]] void fail(std::size_t i, const std::string& problem) const {
    throw Error("node '" + node(i).name + "' (" + operation_name(node(i).operation) + ") " + problem);
  }

  Topology topology_;
  Index dimension_;  ///< channels of the input
  Index pixels_ = 1;
  FiniteOptions options_;
  bool readout_ = false;
  std::vector<Layer> layers_;
  std::vector<Weights> weights_;
};

inline FiniteNetwork::FiniteNetwork(Topology topology, Index input_dimension, const FiniteOptions& options)
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

  weights_.resize(members.size());
  for (std::size_t i = 0; i < count; ++i) {
    place(i, shapes);
    build_layer(i, dense(i) && plain[layers_[i].group]);
    if (!dense(i)) continue;
    Weights& weights = weights_[layers_[i].group];
    if (weights.bias.size() > 0) continue;
    const std::uint64_t key = detail::subkey(options_.seed, layers_[i].group);
    weights.bias.resize(channels(i));
    detail::fill_normal(weights.bias, detail::subkey(key, std::numeric_limits<std::uint64_t>::max()));
    const Index arguments = layers_[i].arguments;
    weights.matrix.resize(channels(i), arguments * layers_[i].taps);
    for (Index j = 0; j < weights.matrix.cols(); ++j) {
      const auto tap = static_cast<std::uint64_t>(j / arguments),
                 from = static_cast<std::uint64_t>(j % arguments);
      detail::fill_normal(weights.matrix.col(j), detail::subkey(key, from + (tap << 32U)));
    }
  }
  if (layers_[out].positions != 1)
    fail(out, "is the output and has " + std::to_string(layers_[out].positions) +
                  " positions; put flatten or global_avg_pool and a dense node after it");
}

/// Positions of a node, and which ones of its argument each of them sees.
inline void FiniteNetwork::place(std::size_t i, const std::vector<spatial::NodeShape>& shapes) {
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
inline Eigen::MatrixXd FiniteNetwork::patches(std::size_t i, Matrix z) const {
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

/// The transpose of `patches`.
inline Eigen::MatrixXd FiniteNetwork::unpatch(std::size_t i, const Matrix& from) const {
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
inline Eigen::MatrixXd FiniteNetwork::over_positions(const Matrix& z, const Matrix& means) {
  const Index samples = z.cols() / means.cols();
  Matrix out(z.rows(), samples * means.rows());
  for (Index s = 0; s < samples; ++s)
    out.middleCols(s * means.rows(), means.rows()).noalias() =
        z.middleCols(s * means.cols(), means.cols()) * means.transpose();
  return out;
}

/// Layer norm: (z - m)/d with the mean m and the standard deviation d over channels, by their shares.
inline Eigen::MatrixXd FiniteNetwork::normalised(std::size_t i, const Matrix& z) const {
  const Eigen::VectorXd share = shares(i, layers_[i].offsets);
  Matrix out = z.rowwise() - share.transpose() * z;
  for (Index c = 0; c < out.cols(); ++c) {
    const double std = std::sqrt(share.dot(out.col(c).cwiseAbs2()));
    if (std > 0) out.col(c) /= std;
  }
  return out;
}

/// With n = (z - m)/d: the gradient is (delta - share (1.delta) - share n (n.delta))/d.
inline Eigen::MatrixXd FiniteNetwork::norm_backward(std::size_t i, const Matrix& z,
                                                    const Matrix& delta) const {
  const Eigen::VectorXd share = shares(i, layers_[i].offsets);
  const Matrix n = normalised(i, z);
  Matrix out(delta.rows(), delta.cols());
  for (Index c = 0; c < delta.cols(); ++c) {
    const Index s = c % z.cols();
    const double mean = share.dot(z.col(s)),
                 variance = share.dot((z.col(s).array() - mean).square().matrix());
    out.col(c) = (delta.col(c) - share * delta.col(c).sum() -
                  share.cwiseProduct(n.col(s)) * n.col(s).dot(delta.col(c))) /
                 std::sqrt(variance);
  }
  return out;
}

inline std::vector<Eigen::Index> FiniteNetwork::block_offsets(std::size_t i) const {
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

inline Eigen::VectorXd FiniteNetwork::shares(std::size_t i, const std::vector<Index>& offsets) const {
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
inline FiniteNetwork::Edge FiniteNetwork::edge(std::size_t from, const std::vector<Index>& to,
                                               std::size_t first_block, double coefficient) const {
  Edge result{from, to[first_block], {}, coefficient};
  const std::vector<Index>& offsets = layers_[from].offsets;
  for (std::size_t k = 0; k + 1 < offsets.size(); ++k)
    for (Index c = 0; c < to[first_block + k + 1] - to[first_block + k]; ++c)
      result.channels.push_back(offsets[k] + c % (offsets[k + 1] - offsets[k]));
  return result;
}

inline void FiniteNetwork::build_layer(std::size_t i, bool takes_plain_input) {
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

inline void FiniteNetwork::check(const Matrix& x) const {
  if (x.cols() != input_dimension())
    throw DataError("the samples have " + std::to_string(x.cols()) + " columns (the network has " +
                    std::to_string(input_dimension()) + " inputs); give one column for each");
  for (Index column = 0; column < x.cols(); ++column)
    for (Index row = 0; row < x.rows(); ++row)
      if (!std::isfinite(x(row, column)))
        throw DataError("row " + std::to_string(row) + ", column " + std::to_string(column) +
                        " of the samples is not a finite number (networks cannot skip values); replace it");
}

inline Eigen::MatrixXd FiniteNetwork::argument(std::size_t i, const std::vector<Matrix>& values) const {
  Matrix z = Matrix::Zero(layers_[i].arguments, values[layers_[i].edges.front().node].cols());
  for (const Edge& e : layers_[i].edges)
    for (Index column = 0; column < z.cols(); ++column)
      for (std::size_t r = 0; r < e.channels.size(); ++r)
        z(e.row + static_cast<Index>(r), column) += e.coefficient * values[e.node](e.channels[r], column);
  return z;
}

inline Eigen::MatrixXd FiniteNetwork::activate(const Activation& phi, Matrix z) {
  if (const auto form = phi.angular()) {
    if (form->degree == 1) return form->odd * z.array() + form->even * z.array().abs();
    return form->even + form->odd * z.array().sign();
  }
  return z.unaryExpr([&phi](double value) { return phi.value(value); });
}

inline Eigen::MatrixXd FiniteNetwork::derivative(const Activation& phi, Matrix z) {
  if (const auto form = phi.angular(); form && form->degree == 1)
    return form->odd + form->even * z.array().sign();
  return z.unaryExpr([&phi](double value) { return phi.derivative(value); });
}

/// Channels x samples of every node that `target` depends on; nothing for the others.
inline std::vector<Eigen::MatrixXd> FiniteNetwork::evaluate(const Matrix& x, std::size_t target) const {
  check(x);
  std::vector<bool> needed(layers_.size(), false);
  needed[target] = true;
  for (std::size_t i = target + 1; i-- > 0;)
    if (needed[i])
      for (const std::size_t input : node(i).inputs) needed[input] = true;

  std::vector<Matrix> values(layers_.size());
  for (std::size_t i = 0; i <= target; ++i) {
    if (!needed[i]) continue;
    if (is_input(i)) {
      values[i] = x.transpose().reshaped(dimension_, pixels_ * x.rows());
    } else if (const auto op = dense(i)) {
      const Weights& weights = weights_[layers_[i].group];
      values[i].noalias() = weights.matrix * (op->weight_std * scaled_argument(i, values));
      values[i].colwise() += op->bias_std * weights.bias;
    } else if (const auto* act = std::get_if<ActivationOp>(&node(i).operation)) {
      values[i] = activate(*act->activation, argument(i, values));
    } else if (layers_[i].means.size() > 0) {
      values[i] = over_positions(argument(i, values), layers_[i].means);
    } else if (is_norm(i)) {
      values[i] = normalised(i, argument(i, values));
    } else {
      values[i] = argument(i, values);
    }
  }
  return values;
}

/// d u_c / d node for the output's channels c = first, ..., first + count - 1: by node, channels of the
/// node x (count * samples), samples fastest; nothing for the input and nodes not on the way.
inline std::vector<Eigen::MatrixXd> FiniteNetwork::backward(const std::vector<Matrix>& values, Index first,
                                                            Index count) const {
  const std::size_t out = topology_.output();
  const Index samples = values[out].cols();
  std::vector<Matrix> deltas(layers_.size());
  deltas[out] = Matrix::Zero(channels(), count * samples);
  for (Index c = 0; c < count; ++c) deltas[out].row(first + c).segment(c * samples, samples).setOnes();

  for (std::size_t i = out + 1; i-- > 0;) {
    if (deltas[i].size() == 0 || is_input(i)) continue;
    Matrix passed;  // in place of deltas[i], with respect to the node's argument
    if (const auto op = dense(i)) {
      if (is_input(node(i).inputs[0])) continue;
      passed.noalias() = weights_[layers_[i].group].matrix.transpose() * deltas[i];
      passed = unpatch(i, op->weight_std * layers_[i].root_share.asDiagonal() * passed);
    } else if (const auto* act = std::get_if<ActivationOp>(&node(i).operation)) {
      if (const std::string obstacle = act->activation->ntk_obstacle(); !obstacle.empty())
        fail(i, "has no gradient (" + obstacle + "); ask for the NNGP alone");
      const Matrix slope = derivative(*act->activation, argument(i, values));
      passed = deltas[i];
      for (Index c = 0; c < count; ++c)
        passed.middleCols(c * slope.cols(), slope.cols()).array() *= slope.array();
    } else if (layers_[i].means.size() > 0) {
      passed = over_positions(deltas[i], layers_[i].means.transpose());
    } else if (is_norm(i)) {
      passed = norm_backward(i, argument(i, values), deltas[i]);
    }
    const Matrix& delta = passed.size() > 0 ? passed : deltas[i];
    for (const Edge& e : layers_[i].edges) {
      if (is_input(e.node)) continue;
      Matrix& sum = deltas[e.node];
      if (sum.size() == 0) sum = Matrix::Zero(channels(e.node), count * samples * layers_[e.node].positions);
      for (Index column = 0; column < sum.cols(); ++column)
        for (std::size_t r = 0; r < e.channels.size(); ++r)
          sum(e.channels[r], column) += e.coefficient * delta(e.row + static_cast<Index>(r), column);
    }
  }
  return deltas;
}

inline Eigen::MatrixXd FiniteNetwork::forward(const Matrix& x, std::string_view name) const {
  for (std::size_t i = 0; i < layers_.size(); ++i)
    if (node(i).name == name) return evaluate(x, i)[i].transpose();
  throw TopologyError("no node '" + std::string(name) + "' in topology '" + topology_.name() +
                      "'; name one it has");
}

inline Eigen::MatrixXd FiniteNetwork::empirical_nngp(const Matrix& x) const {
  const std::size_t out = topology_.output();
  const Matrix u = shares(out, layers_[out].offsets).cwiseSqrt().asDiagonal() * evaluate(x, out)[out];
  return u.transpose() * u;
}

inline Eigen::MatrixXd FiniteNetwork::expected_nngp(const Matrix& x) const {
  if (!readout_) return empirical_nngp(x);
  const std::size_t out = topology_.output();
  const Op op = *dense(out);
  const Matrix h = op.weight_std * scaled_argument(out, evaluate(x, node(out).inputs[0]));
  return (h.transpose() * h).array() + op.bias_std * op.bias_std;
}

inline Eigen::MatrixXd FiniteNetwork::empirical_ntk(const Matrix& x, Index requested) const {
  const std::size_t out = topology_.output();
  if (requested < 0 || requested > channels() || (requested > 0 && requested < channels() && !dense(out)))
    fail(out, "cannot be averaged over " + std::to_string(requested) + " of its " +
                  std::to_string(channels()) +
                  " channels (only those of a dense output are exchangeable); ask for 0, which means all");
  const Index count = requested > 0 ? requested : channels();
  const std::vector<Matrix> values = evaluate(x, out);

  // The gradient of shared weights is a sum over the nodes that share them, so the kernel is a sum over
  // pairs of nodes: s^2 (h.h') (delta.delta') for W, which is an outer product by sample, and
  // b^2 (delta.delta') for the bias.
  struct Pair {
    std::size_t left, right;
    Matrix inner;
  };
  std::vector<Pair> pairs;
  std::vector<Matrix> scaled(layers_.size());
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    if (!dense(i) || values[i].size() == 0) continue;
    const Op op = *dense(i);
    scaled[i] = op.weight_std * scaled_argument(i, values);
    for (std::size_t j = 0; j <= i; ++j) {
      if (scaled[j].size() == 0 || layers_[j].group != layers_[i].group) continue;
      Matrix inner = scaled[j].transpose() * scaled[i];
      inner.array() += op.bias_std * op.bias_std;
      pairs.push_back({j, i, std::move(inner)});
    }
  }

  const Eigen::VectorXd share = requested > 0
                                    ? Eigen::VectorXd::Constant(count, 1 / static_cast<double>(count))
                                    : shares(out, layers_[out].offsets);
  const Index samples = x.rows();
  const Index batch = std::max<Index>(1, 1024 / std::max<Index>(1, samples));  // bounds the memory
  Matrix ntk = Matrix::Zero(samples, samples);
  for (Index first = 0; first < count; first += batch) {
    const Index size = std::min(batch, count - first);
    const std::vector<Matrix> deltas = backward(values, first, size);
    for (const Pair& pair : pairs) {
      const Index rows = pair.inner.rows(), columns = pair.inner.cols();  // samples x positions
      Matrix outer = Matrix::Zero(rows, columns);
      for (Index c = 0; c < size; ++c)
        outer.noalias() += share[first + c] * deltas[pair.left].middleCols(c * rows, rows).transpose() *
                           deltas[pair.right].middleCols(c * columns, columns);
      outer.array() *= pair.inner.array();
      Matrix sum(samples, samples);
      for (Index a = 0; a < samples; ++a)
        for (Index b = 0; b < samples; ++b)
          sum(a, b) =
              outer.block(a * (rows / samples), b * (columns / samples), rows / samples, columns / samples)
                  .sum();
      ntk += sum;
      if (pair.left != pair.right) ntk += sum.transpose();
    }
  }
  return ntk;
}

inline Eigen::MatrixXd FiniteNetwork::jacobian(const Matrix& x, Index channel) const {
  if (channel < 0 || channel >= channels())
    fail(topology_.output(), "has no channel " + std::to_string(channel) + " (it has " +
                                 std::to_string(channels()) + "); count from 0");
  const std::vector<Matrix> values = evaluate(x, topology_.output());
  const std::vector<Matrix> deltas = backward(values, channel, 1);
  std::vector<Index> begin(weights_.size(), 0);
  for (std::size_t g = 0; g + 1 < weights_.size(); ++g)
    begin[g + 1] = begin[g] + weights_[g].matrix.size() + weights_[g].bias.size();

  Matrix result = Matrix::Zero(x.rows(), parameter_count());
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    if (!dense(i) || deltas[i].size() == 0) continue;
    const Matrix h = dense(i)->weight_std * scaled_argument(i, values);
    const Index rows = channels(i), first = begin[layers_[i].group], positions = layers_[i].positions;
    for (Index c = 0; c < h.cols(); ++c) {
      const Index s = c / positions;
      for (Index j = 0; j < h.rows(); ++j)
        result.row(s).segment(first + j * rows, rows) += h(j, c) * deltas[i].col(c).transpose();
      result.row(s).segment(first + h.rows() * rows, rows) +=
          dense(i)->bias_std * deltas[i].col(c).transpose();
    }
  }
  return result;
}

inline Eigen::Index FiniteNetwork::parameter_count() const {
  return std::accumulate(weights_.begin(), weights_.end(), Index{0}, [](Index sum, const Weights& weights) {
    return sum + weights.matrix.size() + weights.bias.size();
  });
}

inline Eigen::VectorXd FiniteNetwork::parameters() const {
  Eigen::VectorXd result(parameter_count());
  Index at = 0;
  for (const Weights& weights : weights_) {
    result.segment(at, weights.matrix.size()) = weights.matrix.reshaped();
    at += weights.matrix.size();
    result.segment(at, weights.bias.size()) = weights.bias;
    at += weights.bias.size();
  }
  return result;
}

inline void FiniteNetwork::set_parameters(const Eigen::VectorXd& parameters) {
  if (parameters.size() != parameter_count())
    throw Error("got " + std::to_string(parameters.size()) + " parameters (the network has " +
                std::to_string(parameter_count()) + "); give as many as parameters() returns");
  Index at = 0;
  for (Weights& weights : weights_) {
    weights.matrix.reshaped() = parameters.segment(at, weights.matrix.size());
    at += weights.matrix.size();
    weights.bias = parameters.segment(at, weights.bias.size());
    at += weights.bias.size();
  }
}

}  // namespace sst
