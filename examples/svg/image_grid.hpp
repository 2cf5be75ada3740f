// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include <Eigen/Core>

#include <sst/error.hpp>
#include <sst/topology/image_shape.hpp>
#include <svg/text.hpp>

/// \file
/// Small images side by side, as an SVG picture that needs no other file.

namespace svg {

/// An image of one channel, grey, or three: red, green, blue.
struct Picture {
  sst::ImageShape shape;      ///< 1 or 3 channels
  Eigen::RowVectorXd values;  ///< from 0, black, to 1; rows of pixels one after another, channels fastest
};

/// Rows of images under the names of their columns.
struct ImageGrid {
  std::string title = {};                       ///< above all
  std::vector<std::string> columns = {};        ///< their names; a blank is where a name may be broken
  std::vector<std::vector<Picture>> rows = {};  ///< each with a picture for each column
  double side = 84;                             ///< height of a picture, in pixels
};

namespace detail {

/// A colour of 32 levels a channel, which the eye takes for all.
inline std::string pixel_color(const Picture& picture, Eigen::Index pixel) {
  const auto channels = static_cast<Eigen::Index>(picture.shape.channels);
  std::string out = "#";
  for (Eigen::Index c = 0; c < 3; ++c) {
    const double value = picture.values[pixel * channels + (channels == 3 ? c : 0)];
    const auto byte = static_cast<unsigned>(std::lround(std::round(31 * value) * 255 / 31));
    out += {"0123456789abcdef"[byte >> 4U], "0123456789abcdef"[byte & 15U]};
  }
  return out;
}

/// Pixels as runs of one colour, a path a colour.
inline void draw_pixels(std::ostream& out, const Picture& picture) {
  const auto height = static_cast<Eigen::Index>(picture.shape.height);
  const auto width = static_cast<Eigen::Index>(picture.shape.width);
  std::map<std::string, std::string> paths;
  for (Eigen::Index y = 0; y < height; ++y)
    for (Eigen::Index x = 0, end = 0; x < width; x = end) {
      const std::string color = pixel_color(picture, y * width + x);
      for (end = x + 1; end < width && pixel_color(picture, y * width + end) == color;) ++end;
      paths[color] += 'M' + std::to_string(x) + ' ' + std::to_string(y) + 'h' + std::to_string(end - x) +
                      "v1h" + std::to_string(x - end) + 'z';
    }
  for (const auto& [color, path] : paths) out << "<path fill=\"" << color << "\" d=\"" << path << "\"/>\n";
}

}  // namespace detail

/// The grid as an SVG picture. Throws sst::DataError without rows, for a row that does not have a picture for
/// each column, for other channels or another number of values than the shape says, and for values outside of
/// 0 to 1.
inline std::string image_grid(const ImageGrid& grid) {
  using namespace detail;
  constexpr double margin = 16, gap = 8, title_size = 16, size = 12.5, line = 15;
  if (grid.rows.empty() || grid.columns.empty())
    throw sst::DataError("the grid has no pictures; give it columns and a row");
  double wide = 1;  // of the widest picture, in heights
  for (const auto& row : grid.rows) {
    if (row.size() != grid.columns.size())
      throw sst::DataError("a row of " + std::to_string(row.size()) + " pictures in a grid of " +
                           std::to_string(grid.columns.size()) + " columns; give a picture for each");
    for (const Picture& picture : row) {
      const bool channels = picture.shape.channels == 1 || picture.shape.channels == 3;
      if (!channels || picture.shape.size() == 0 ||
          picture.shape.size() != static_cast<std::size_t>(picture.values.size()) ||
          !(picture.values.minCoeff() >= 0 && picture.values.maxCoeff() <= 1))
        throw sst::DataError(
            "a picture of " + to_string(picture.shape) + " has " + std::to_string(picture.values.size()) +
            " values (it takes one for each pixel and channel, of 1 or 3 channels, from 0 to "
            "1); correct it");
      wide = std::max(wide,
                      static_cast<double>(picture.shape.width) / static_cast<double>(picture.shape.height));
    }
  }
  const double cell = grid.side * wide;
  std::vector<std::vector<std::string>> names;
  std::size_t lines = 0;
  for (const std::string& name : grid.columns) {
    names.push_back(wrap_text(name, cell / size));
    lines = std::max(lines, names.back().size());
  }
  const double top =
      margin + (grid.title.empty() ? 0 : title_size + 12) + line * static_cast<double>(lines) + 4;
  const auto columns = static_cast<double>(grid.columns.size()), rows = static_cast<double>(grid.rows.size());
  std::ostringstream out;
  open_svg(out,
           std::max(2 * margin + columns * (cell + gap) - gap,
                    2 * margin + 1.18 * title_size * text_width(grid.title)),
           top + rows * (grid.side + gap) - gap + margin, grid.title);
  draw_text(out, margin, margin + title_size, title_size, "start", grid.title, " font-weight=\"600\"");
  for (std::size_t j = 0; j < names.size(); ++j)
    for (std::size_t k = 0; k < names[j].size(); ++k)
      draw_text(out, margin + static_cast<double>(j) * (cell + gap) + cell / 2,
                top - 6 - line * static_cast<double>(names[j].size() - 1 - k), size, "middle", names[j][k]);
  for (std::size_t i = 0; i < grid.rows.size(); ++i)
    for (std::size_t j = 0; j < names.size(); ++j) {
      const Picture& picture = grid.rows[i][j];
      const double scale = grid.side / static_cast<double>(picture.shape.height);
      out << "<g shape-rendering=\"crispEdges\" transform=\"translate("
          << svg_number(margin + static_cast<double>(j) * (cell + gap)) << ' '
          << svg_number(top + static_cast<double>(i) * (grid.side + gap)) << ") scale(" << svg_number(scale)
          << ")\">\n";
      draw_pixels(out, picture);
      out << "</g>\n";
    }
  out << "</svg>\n";
  return out.str();
}

}  // namespace svg
