// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include <sst/error.hpp>
#include <svg/text.hpp>

/// \file
/// Numbers of named things as a picture: panels of bars in SVG.

namespace svg {

/// Bars below one another under a title, in the order given, each from 0 to its value.
struct BarPanel {
  std::string title;
  std::vector<std::string> names;
  std::vector<double> values;       ///< one each, finite, 0 or more
  std::optional<double> reference;  ///< a value to compare with, drawn as a line across the bars
  std::string reference_name = {};
  std::size_t most = 30;  ///< so many are drawn; how many were not is said below them
};

/// Panels of bars below one another as an SVG picture. Bars of a panel share a scale; numbers have four
/// significant digits. Throws sst::DataError where a panel has no bars, other numbers of names and values,
/// or a value that is negative or not finite.
inline std::string bars(const std::vector<BarPanel>& panels, const std::string& title = "") {
  using namespace detail;
  constexpr double title_size = 16, size = 13, margin = 20, row = 20, longest = 320, gap = 18;
  const auto count = [](const BarPanel& panel) { return std::min(panel.most, panel.names.size()); };
  double left = 0, right = 0, words = text_width(title);
  for (const BarPanel& panel : panels) {
    if (panel.names.empty() || panel.names.size() != panel.values.size())
      throw sst::DataError("a panel has " + std::to_string(panel.names.size()) + " names and " +
                           std::to_string(panel.values.size()) + " values; give one of each for a bar");
    for (std::size_t i = 0; i < panel.values.size(); ++i)
      if (!(panel.values[i] >= 0 && std::isfinite(panel.values[i])))
        throw sst::DataError("the bar of '" + panel.names[i] + "' has the value " +
                             std::to_string(panel.values[i]) + "; give one from 0 on that is finite");
    for (std::size_t i = 0; i < count(panel); ++i) {
      left = std::max(left, size * text_width(panel.names[i]));
      right = std::max(right, size * text_width(short_number(panel.values[i])));
    }
    words = std::max(words, text_width(panel.title));
  }
  left += margin + 8;

  std::ostringstream drawn;
  double top = 16;
  const auto write = [&](double x, const char* anchor, const std::string& text, const char* how = "") {
    draw_text(drawn, x, top + row / 2 + 0.35 * size, size, anchor, text, how);
  };
  if (!title.empty()) {
    draw_text(drawn, margin, top + title_size, title_size, "start", title, " font-weight=\"600\"");
    top += title_size + 16;
  }
  for (const BarPanel& panel : panels) {
    write(margin, "start", panel.title, " font-weight=\"600\"");
    const double first = top += row;
    double largest = panel.reference.value_or(0);
    for (std::size_t i = 0; i < count(panel); ++i) largest = std::max(largest, panel.values[i]);
    const auto length = [&](double value) { return largest > 0 ? longest * (value / largest) : 0; };
    for (std::size_t i = 0; i < count(panel); ++i, top += row) {
      write(left - 8, "end", panel.names[i]);
      drawn << "<rect x=\"" << svg_number(left) << "\" y=\"" << svg_number(top + 3) << "\" width=\""
            << svg_number(length(panel.values[i])) << "\" height=\"" << svg_number(row - 6)
            << "\" fill=\"#0072b2\"/>\n";
      write(left + length(panel.values[i]) + 6, "start", short_number(panel.values[i]));
    }
    if (panel.reference) {
      drawn << "<path fill=\"none\" stroke=\"#d55e00\" stroke-width=\"1.6\" d=\"M"
            << svg_number(left + length(*panel.reference)) << ' ' << svg_number(first) << 'V'
            << svg_number(top + 4) << "\"/>\n";
      write(left, "start", panel.reference_name + " " + short_number(*panel.reference), " fill=\"#d55e00\"");
      top += row;
    }
    if (const std::size_t others = panel.names.size() - count(panel); others > 0) {
      write(left, "start", "and " + std::to_string(others) + " more");
      top += row;
    }
    top += gap;
  }
  std::ostringstream out;
  open_svg(out, std::max(left + longest + 8 + right + margin, 2 * margin + 1.18 * title_size * words), top,
           title);
  out << drawn.str() << "</svg>\n";
  return out.str();
}

}  // namespace svg
