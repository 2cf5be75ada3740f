// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstddef>
#include <limits>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <sst/error.hpp>
#include <sst/topology/operation.hpp>
#include <sst/topology/topology.hpp>
#include <sst/version.hpp>

namespace sst {
inline namespace SST_ABI {

/// The shape of images: a sample is a row of height x width x channels numbers, channels fastest.
struct ImageShape {
  std::size_t height = 1;    ///< rows of pixels
  std::size_t width = 1;     ///< pixels of a row
  std::size_t channels = 1;  ///< numbers of a pixel
  /// Numbers of an image. Throws DataError where there are more than can be counted.
  inline std::size_t size() const;
  bool operator==(const ImageShape&) const = default;
};

/// "height x width x channels".
inline std::string to_string(const ImageShape& s) {
  return std::to_string(s.height) + " x " + std::to_string(s.width) + " x " + std::to_string(s.channels);
}

inline std::size_t ImageShape::size() const {
  std::size_t left = std::numeric_limits<std::ptrdiff_t>::max();
  for (const std::size_t side : {height, width, channels}) {
    if (side == 0) return 0;
    left /= side;
  }
  if (left == 0)
    throw DataError("images of " + to_string(*this) +
                    " have more numbers than a machine can count; give the height, width and channels that "
                    "the data have");
  return height * width * channels;
}

namespace spatial {

/// The positions of a node's value.
struct Grid {
  std::size_t height = 1;  ///< rows of positions
  std::size_t width = 1;   ///< positions of a row
  /// The number of positions.
  std::size_t size() const { return height * width; }
  bool operator==(const Grid&) const = default;
};

/// "height x width".
inline std::string to_string(const Grid& g) {
  return std::to_string(g.height) + " x " + std::to_string(g.width);
}

/// Windows along one axis: output position P sees the inputs P stride + o - before, o = 0 ... size - 1.
struct Axis {
  /// Positions of the input and of the output; the window, its step, and the padding before the first input.
  std::size_t in = 1, out = 1, size = 1, stride = 1, before = 0;
  bool wrap = false;  ///< beyond an edge comes the other side
  static constexpr std::size_t outside = std::numeric_limits<std::size_t>::max();  ///< no input: padding

  /// The input position of tap o at output P; `outside` beyond a padded edge.
  std::size_t at(std::size_t position, std::size_t tap) const {
    const std::size_t shifted = position * stride + tap;
    if (wrap) return (shifted + before * (in - 1)) % in;  // - before, modulo in
    return shifted < before || shifted - before >= in ? outside : shifted - before;
  }
  /// Displacements pass unchanged: what one displacement of the output needs is the same one of the input.
  bool planar() const { return stride == 1 && in == out; }
};

/// Windows over a grid: rows, then columns.
using Window = std::array<Axis, 2>;

/// The windows along one axis of `in` positions; out = 0 where no window fits.
inline Axis make_axis(std::size_t in, int size, int stride, Padding padding) {
  Axis axis{in,
            0,
            static_cast<std::size_t>(size),
            static_cast<std::size_t>(stride),
            0,
            padding == Padding::circular};
  if (padding == Padding::valid) {
    axis.out = in < axis.size ? 0 : (in - axis.size) / axis.stride + 1;
    return axis;
  }
  axis.out = (in + axis.stride - 1) / axis.stride;
  const std::size_t needed = (axis.out - 1) * axis.stride + axis.size;
  axis.before = needed > in ? (needed - in) / 2 : 0;
  return axis;
}

/// Windows of `size` (height, width) over a grid.
inline Window make_window(const Grid& in, const Extent& size, const Extent& strides, Padding padding) {
  return {make_axis(in.height, size[0], strides[0], padding),
          make_axis(in.width, size[1], strides[1], padding)};
}

/// The window over the whole grid, whose output is one position.
inline Window whole(const Grid& in) {
  return {Axis{in.height, 1, in.height, 1, 0, false}, Axis{in.width, 1, in.width, 1, 0, false}};
}

/// The windows of a conv or pooling node over a grid; of a dense node, one position each.
inline Window window_of(const NodeSpec& node, const Grid& in) {
  if (const auto* conv = std::get_if<ConvOp>(&node.operation))
    return make_window(in, conv->window, conv->strides, conv->padding);
  if (const auto* pool = std::get_if<AvgPoolOp>(&node.operation))
    return make_window(in, pool->window, pool->strides, pool->padding);
  if (std::holds_alternative<GlobalAvgPoolOp>(node.operation)) return whole(in);
  return make_window(in, {1, 1}, {1, 1}, Padding::valid);
}

/// Whether a window keeps the grid, displacement by displacement.
inline bool planar(const Window& window) { return window[0].planar() && window[1].planar(); }
/// The positions of the windows' outputs.
inline Grid out_of(const Window& window) { return {window[0].out, window[1].out}; }

/// What a node's value is: blocks of channels with positions, or (flattened) with the positions as channels.
struct NodeShape {
  std::vector<Grid> blocks;  ///< the grid of each block of channels
  bool flat = false;         ///< positions have become channels
};

/// The shape of every node for images of the given size. Throws TopologyError with the node's name.
inline std::vector<NodeShape> shapes(const Topology& topology, const ImageShape& image) {
  if (image.size() == 0)
    throw DataError("images of " + to_string(image) +
                    " have no pixels; give height, width and channels of at least 1");
  std::vector<NodeShape> all;
  for (const NodeSpec& node : topology.nodes()) {
    const auto fail = [&](const std::string& problem) {
      throw TopologyError("node '" + node.name + "' (" + operation_name(node.operation) + "): " + problem);
    };
    const auto name = [&](std::size_t k) { return topology.nodes()[node.inputs[k]].name; };
    NodeShape shape =
        node.inputs.empty() ? NodeShape{{Grid{image.height, image.width}}} : all[node.inputs[0]];
    const bool vector = shape.flat || shape.blocks[0].size() == 1;
    if (std::holds_alternative<ConvOp>(node.operation) || std::holds_alternative<AvgPoolOp>(node.operation)) {
      if (shape.flat) fail("its input '" + name(0) + "' is flattened and has no positions; put it before");
      const Grid in = shape.blocks[0], out = out_of(window_of(node, in));
      if (out.size() == 0)
        fail("its window does not fit into the " + to_string(in) + " positions of '" + name(0) +
             "'; make it smaller or pad");
      const std::size_t blocks = std::holds_alternative<ConvOp>(node.operation) ? 1 : shape.blocks.size();
      shape.blocks.assign(blocks, out);
    } else if (std::holds_alternative<GlobalAvgPoolOp>(node.operation)) {
      if (shape.flat) fail("its input '" + name(0) + "' is flattened and has no positions; put it before");
      shape.blocks.assign(shape.blocks.size(), Grid{});
    } else if (std::holds_alternative<FlattenOp>(node.operation)) {
      shape.flat = shape.flat || shape.blocks[0].size() > 1;
    } else if (std::holds_alternative<DenseOp>(node.operation)) {
      shape = {{shape.flat ? Grid{} : shape.blocks[0]}};
    } else if (std::holds_alternative<LayerNormOp>(node.operation)) {
      if (shape.flat) fail("its input '" + name(0) + "' is flattened and has no positions; put it before");
    } else {
      const bool concat = std::holds_alternative<ConcatOp>(node.operation);
      for (std::size_t k = 1; k < node.inputs.size(); ++k) {
        const NodeShape& other = all[node.inputs[k]];
        const bool other_vector = other.flat || other.blocks[0].size() == 1;
        const bool fits = concat ? (vector && other_vector) ||
                                       (!vector && !other_vector && other.blocks[0] == shape.blocks[0])
                                 : other.flat == shape.flat && other.blocks == shape.blocks;
        const auto text = [](const NodeShape& s) {
          return to_string(s.blocks[0]) + (s.flat ? " flattened" : "");
        };
        if (!fits)
          fail("joins '" + name(0) + "' of " + text(all[node.inputs[0]]) + " positions and '" + name(k) +
               "' of " + text(other) + "; give them one shape");
        if (concat) {
          shape.blocks.insert(shape.blocks.end(), other.blocks.begin(), other.blocks.end());
          shape.flat = shape.flat || other.flat;
        }
      }
    }
    all.push_back(std::move(shape));
  }
  return all;
}

}  // namespace spatial
}  // namespace SST_ABI
}  // namespace sst
