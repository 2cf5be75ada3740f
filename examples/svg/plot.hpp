// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <filesystem>
#include <limits>
#include <optional>
#include <ostream>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <sst/base/output_file.hpp>
#include <sst/error.hpp>
#include <svg/axis.hpp>
#include <svg/text.hpp>

/// \file
/// Plots as SVG files.

namespace svg {

/// A point of a plot; `error` is the half length of its vertical error bar, 0 for none.
struct Point {
  double x;          ///< in the units of the x axis
  double y;          ///< in the units of the y axis
  double error = 0;  ///< half the length of its error bar, >= 0
};

/// How a series is drawn.
enum class Style {
  line,    ///< a line with filled markers
  dashed,  ///< a dashed line without markers
  markers  ///< hollow markers without a line
};

/// Points that belong together. Lines connect them in the order given.
struct Series {
  std::string name;                       ///< for the legend; a series without a name is not in it
  std::vector<Point> points;              ///< in the order in which lines connect them
  Style style = Style::line;              ///< lines or markers
  std::optional<std::size_t> color = {};  ///< number in the palette; the place among the series by default
};

/// Where the legend stands: `right` of the plotting area or `below` it.
enum class Legend { right, below };

/// A line or scatter plot for papers and READMEs, written as one self-contained SVG file.
///
///     svg::Plot plot{.title = "Boston housing", .x_label = "depth", .y_label = "mean squared error"};
///     plot.series.push_back({"residual", {{4, 39.8}, {5, 38.8}, {6, 38.1}}});
///     plot.write("mse.svg");
///
/// Ticks are at round numbers, the legend stands outside of the plotting area, and the colours are
/// those of Okabe and Ito (2008), "Color Universal Design", which colour-blind readers tell apart;
/// after seven of them the markers change from circles to squares, diamonds and triangles.
struct Plot {
  std::string title = {};           ///< above the plotting area
  std::string x_label = {};         ///< below the x axis
  std::string y_label = {};         ///< beside the y axis
  std::vector<Series> series = {};  ///< in the order of the legend
  Scale x_scale = Scale::linear;    ///< of the x axis
  Scale y_scale = Scale::linear;    ///< of the y axis
  Legend legend = Legend::right;    ///< where the legend stands
  double width = 520;   ///< of the plotting area, in pixels, 100 to 10000; labels and legend come on top
  double height = 340;  ///< of the plotting area, in pixels, 100 to 10000
  std::optional<std::array<double, 2>> x_range =
      {};  ///< from the data by default; what lies outside is clipped
  std::optional<std::array<double, 2>> y_range = {};  ///< from the data and error bars by default

  /// Throws DataError, with the series and the point, for numbers that are not finite, not positive on
  /// a log axis, and negative errors; and for a plot without points, an empty range and a failed write.
  void write(std::ostream& out) const;
  /// Writes a file; one of that name is replaced when the new one is complete.
  void write(const std::filesystem::path& path) const;
};

namespace detail {

/// Okabe and Ito's colours, and a grey that is nearly black.
inline constexpr std::array<const char*, 7> plot_colors{"#0072b2", "#d55e00", "#009e73", "#cc79a7",
                                                        "#e69f00", "#56b4e9", "#333333"};

/// Draws one plot.
class SvgPlot {
 public:
  SvgPlot(const Plot& plot, std::ostream& out)
      : plot_(plot), out_(out), x_(axis_of(true)), y_(axis_of(false)) {}

  void draw() {
    const std::vector<Tick> x_ticks = x_.ticks(72), y_ticks = y_.ticks(44);
    double label_width = 0;
    for (const Tick& tick : y_ticks) label_width = std::max(label_width, tick.width() * tick_size);
    const bool has_legend =
        std::any_of(plot_.series.begin(), plot_.series.end(), [](const auto& s) { return !s.name.empty(); });
    const bool beside = has_legend && plot_.legend == Legend::right;
    const bool below = has_legend && !beside;

    const std::vector<std::string> title = wrap_text(plot_.title, plot_.width / (bold * title_size));
    const double left = 16 + (plot_.y_label.empty() ? 0 : label_size + 12) + label_width + 10;
    const double top = 20 + static_cast<double>(title.size()) * title_size * 1.3 + (title.empty() ? 0 : 8);
    const double x_title = plot_.height + 10 + tick_size + (plot_.x_label.empty() ? 0 : 12 + label_size);
    const double x_overhang = x_ticks.empty() ? 0 : x_ticks.back().width() * tick_size / 2;
    layout_legend(beside, below, x_title + 26);
    double title_width = 0;
    for (const std::string& line : title)
      title_width = std::max(title_width, text_width(line) * bold * title_size);
    const double total_width = left + std::max({plot_.width + 24 + x_overhang / 2, title_width + 20,
                                                (beside ? plot_.width + 24 : 0) + legend_width_ + 20});
    const double total_height =
        top + std::max(x_title + 18 + (below ? legend_height_ + 14 : 0), beside ? legend_height_ + 8 : 0);

    open_svg(out_, total_width, total_height, plot_.title);
    out_ << "<g transform=\"translate(" << n(left) << ' ' << n(top) << ")\">\n";
    for (std::size_t i = 0; i < title.size(); ++i)
      text(0, static_cast<double>(i) * title_size * 1.3 + title_size + 20 - top, title_size, "start",
           title[i], " font-weight=\"600\"");
    draw_axes(x_ticks, y_ticks);
    text(plot_.width / 2, x_title, label_size, "middle", plot_.x_label);
    const double y_title = label_size + 16 - left;
    text(0, 0, label_size, "middle", plot_.y_label,
         " transform=\"translate(" + n(y_title) + ' ' + n(plot_.height / 2) + ") rotate(-90)\"");
    // Lines are clipped to the plotting area; markers inside are drawn whole.
    out_ << "<svg width=\"" << n(plot_.width) << "\" height=\"" << n(plot_.height)
         << "\" overflow=\"hidden\">\n";
    for (std::size_t i = 0; i < plot_.series.size(); ++i) draw_errors(i);
    for (std::size_t i = 0; i < plot_.series.size(); ++i) draw_line(i);
    out_ << "</svg>\n";
    for (std::size_t i = 0; i < plot_.series.size(); ++i) draw_markers(i);
    for (const Entry& entry : legend_) draw_entry(entry);
    out_ << "</g>\n</svg>\n";
  }

 private:
  static constexpr double title_size = 17, label_size = 14.5, tick_size = 13, legend_size = 13.5;
  static constexpr double bold = 1.18;  // how much wider bold text is
  static constexpr double sample = 30, legend_line = 22, radius = 4.2;

  struct Entry {
    std::size_t series;
    double x, y;  ///< of the sample's left end
    std::vector<std::string> lines;
  };

  static std::string n(double value) { return svg_number(value); }

  /// Validates everything that one axis shows and finds its range.
  Axis axis_of(bool horizontal) const {
    const std::string name = horizontal ? "x" : "y";
    const Scale scale = horizontal ? plot_.x_scale : plot_.y_scale;
    const bool log = scale == Scale::log;
    const double pixels = horizontal ? plot_.width : plot_.height;
    if (!(pixels >= 100 && pixels <= 10000))
      throw sst::DataError(std::string("the plot's ") + (horizontal ? "width" : "height") + " is " +
                           std::to_string(pixels) + " pixels (the range is 100 to 10000); change it");
    double low = std::numeric_limits<double>::infinity(), high = -low;
    const auto include = [&](double value) {
      if (!std::isfinite(value) || (log && value <= 0)) return;
      low = std::min(low, value);
      high = std::max(high, value);
    };
    for (const Series& s : plot_.series)
      for (std::size_t i = 0; i < s.points.size(); ++i) {
        const Point& p = s.points[i];
        const double value = horizontal ? p.x : p.y;
        const std::string where = "series '" + s.name + "', point " + std::to_string(i) + ": ";
        if (!std::isfinite(value)) throw sst::DataError(where + name + " is not finite; leave the point out");
        if (log && value <= 0)
          throw sst::DataError(where + name +
                               " is not positive (the axis is logarithmic); use a linear axis");
        if (!std::isfinite(p.error) || p.error < 0)
          throw sst::DataError(where +
                               "the error is negative or not finite; it is half the length of the bar");
        include(value);
        if (!horizontal) {
          include(value - p.error);
          include(value + p.error);
        }
      }
    if (!(low <= high)) throw sst::DataError("the plot has no points; add a series with points");

    const auto& wanted = horizontal ? plot_.x_range : plot_.y_range;
    if (wanted) {
      std::tie(low, high) = std::pair{(*wanted)[0], (*wanted)[1]};
      if (!std::isfinite(low) || !std::isfinite(high) || !(low < high) || (log && low <= 0))
        throw sst::DataError("the plot's " + name +
                             "_range is empty or does not fit the axis; give {low, high}, finite" +
                             (log ? " and positive" : ""));
    } else if (log) {
      const double margin = std::max(std::log10(high / low) * 0.05, 0.02);
      low = std::max(low * std::pow(10.0, -margin), std::numeric_limits<double>::min());
      high = std::min(high * std::pow(10.0, margin), std::numeric_limits<double>::max());
    } else {
      // One value has no range of its own.
      const double size = std::max(std::abs(low), std::abs(high));
      const double margin = high - low > 1e-9 * size ? 0.05 * (high - low) : size > 0 ? 0.1 * size : 1;
      low -= margin;
      high += margin;
    }
    if (!std::isfinite(high - low) ||
        !(high - low > std::max(1e-12 * std::max(std::abs(low), std::abs(high)), 1e-300)))
      throw sst::DataError("the plot's " + name +
                           " values span a range that double cannot divide; rescale them");
    return horizontal ? Axis(scale, low, high, 0, pixels) : Axis(scale, low, high, pixels, 0);
  }

  void layout_legend(bool beside, bool below, double y) {
    double x = beside ? plot_.width + 24 : 0;
    if (beside) y = legend_line / 2;
    const double start = y;
    for (std::size_t i = 0; i < plot_.series.size() && (beside || below); ++i) {
      if (plot_.series[i].name.empty()) continue;
      const double room = beside ? 240 : plot_.width - sample - 8;
      Entry entry{i, x, y, wrap_text(plot_.series[i].name, room / legend_size)};
      if (entry.lines.empty()) continue;
      double width = 0;
      for (const std::string& line : entry.lines) width = std::max(width, text_width(line) * legend_size);
      width += sample + 8;
      const double height = legend_line + static_cast<double>(entry.lines.size() - 1) * legend_size * 1.2;
      if (beside) {
        y += height;
        legend_width_ = std::max(legend_width_, width);
        legend_height_ = y - start + legend_line / 2;
      } else {
        if (x > 0 && x + width > plot_.width) {
          entry.x = x = 0;
          entry.y = y += row_height_;
          row_height_ = 0;
        }
        legend_width_ = std::max(legend_width_, x + width);
        x += width + 22;
        row_height_ = std::max(row_height_, height);
        legend_height_ = y - start + row_height_;
      }
      legend_.push_back(std::move(entry));
    }
  }

  void draw_axes(const std::vector<Tick>& x_ticks, const std::vector<Tick>& y_ticks) {
    const auto line = [this](double x1, double y1, double x2, double y2) {
      out_ << 'M' << n(x1) << ' ' << n(y1) << 'L' << n(x2) << ' ' << n(y2);
    };
    const auto grid = [&](const char* color, const auto& xs, const auto& ys, const auto& value) {
      if (xs.empty() && ys.empty()) return;
      out_ << "<path fill=\"none\" stroke=\"" << color << "\" d=\"";
      for (const auto& tick : xs) line(x_.pixel(value(tick)), 0, x_.pixel(value(tick)), plot_.height);
      for (const auto& tick : ys) line(0, y_.pixel(value(tick)), plot_.width, y_.pixel(value(tick)));
      out_ << "\"/>\n";
    };
    grid("#f2f2f2", x_.minor_ticks(), y_.minor_ticks(), [](double value) { return value; });
    grid("#e2e2e2", x_ticks, y_ticks, [](const Tick& tick) { return tick.value; });
    out_ << "<path fill=\"none\" stroke=\"#444\" stroke-width=\"1.2\" d=\"M0 0V" << n(plot_.height) << 'H'
         << n(plot_.width);
    for (const Tick& tick : x_ticks)
      line(x_.pixel(tick.value), plot_.height, x_.pixel(tick.value), plot_.height + 5);
    for (const Tick& tick : y_ticks) line(-5, y_.pixel(tick.value), 0, y_.pixel(tick.value));
    out_ << "\"/>\n";
    for (const Tick& tick : x_ticks)
      text(x_.pixel(tick.value), plot_.height + 9 + tick_size, tick_size, "middle", tick.text, "",
           tick.exponent);
    for (const Tick& tick : y_ticks)
      text(-10, y_.pixel(tick.value) + 0.36 * tick_size, tick_size, "end", tick.text, "", tick.exponent);
  }

  void text(double x, double y, double size, const char* anchor, const std::string& words,
            const std::string& attributes = "", const std::string& exponent = "") {
    draw_text(out_, x, y, size, anchor, words, attributes, exponent);
  }

  std::size_t color_index(std::size_t i) const { return plot_.series[i].color.value_or(i); }
  const char* color(std::size_t i) const { return plot_colors[color_index(i) % plot_colors.size()]; }

  void draw_errors(std::size_t i) {
    std::string path;
    for (const Point& p : plot_.series[i].points) {
      if (p.error <= 0) continue;
      const double x = x_.pixel(p.x);
      const double low = p.y - p.error;
      // On a log axis a bar that reaches zero leaves the picture at the bottom.
      const bool open = plot_.y_scale == Scale::log && low <= 0;
      const double bottom = open ? plot_.height + 10 : y_.pixel(low), top = y_.pixel(p.y + p.error);
      path += 'M' + n(x) + ' ' + n(bottom) + 'V' + n(top) + 'M' + n(x - 4) + ' ' + n(top) + "h8";
      path += 'M' + n(x - 4) + ' ' + n(bottom) + "h8";
    }
    if (!path.empty())
      out_ << "<path fill=\"none\" stroke=\"" << color(i)
           << "\" stroke-width=\"1.4\" stroke-opacity=\"0.75\" d=\"" << path << "\"/>\n";
  }

  void draw_line(std::size_t i) {
    const Series& s = plot_.series[i];
    if (s.style == Style::markers || s.points.empty()) return;
    out_ << "<path fill=\"none\" stroke=\"" << color(i) << "\" stroke-width=\"2.2\" stroke-linejoin=\"round\""
         << (s.style == Style::dashed ? " stroke-dasharray=\"7 4.5\"" : " stroke-linecap=\"round\"")
         << " d=\"";
    for (std::size_t k = 0; k < s.points.size(); ++k)
      out_ << (k ? 'L' : 'M') << n(x_.pixel(s.points[k].x)) << ' ' << n(y_.pixel(s.points[k].y));
    out_ << "\"/>\n";
  }

  void draw_markers(std::size_t i) {
    const Series& s = plot_.series[i];
    if (s.style == Style::dashed) return;
    open_markers(i);
    for (const Point& p : s.points)
      if (x_.contains(p.x) && y_.contains(p.y)) marker(i, x_.pixel(p.x), y_.pixel(p.y));
    out_ << "</g>\n";
  }

  void open_markers(std::size_t i) {
    if (plot_.series[i].style == Style::markers) {
      out_ << "<g fill=\"#fff\" stroke=\"" << color(i) << "\" stroke-width=\"1.9\">\n";
    } else {
      out_ << "<g fill=\"" << color(i) << "\" stroke=\"#fff\" stroke-width=\"1.2\">\n";
    }
  }

  void marker(std::size_t i, double x, double y) {
    constexpr double r = radius;
    switch (color_index(i) / 7 % 4) {
      case 0:
        out_ << "<circle cx=\"" << n(x) << "\" cy=\"" << n(y) << "\" r=\"" << n(r) << "\"/>\n";
        return;
      case 1:
        out_ << "<rect x=\"" << n(x - 0.9 * r) << "\" y=\"" << n(y - 0.9 * r) << "\" width=\"" << n(1.8 * r)
             << "\" height=\"" << n(1.8 * r) << "\"/>\n";
        return;
      case 2:
        out_ << "<path d=\"M" << n(x) << ' ' << n(y - 1.3 * r) << "L" << n(x + 1.3 * r) << ' ' << n(y) << "L"
             << n(x) << ' ' << n(y + 1.3 * r) << "L" << n(x - 1.3 * r) << ' ' << n(y) << "Z\"/>\n";
        return;
      default:
        out_ << "<path d=\"M" << n(x) << ' ' << n(y - 1.3 * r) << "L" << n(x + 1.2 * r) << ' '
             << n(y + 0.9 * r) << "L" << n(x - 1.2 * r) << ' ' << n(y + 0.9 * r) << "Z\"/>\n";
    }
  }

  void draw_entry(const Entry& entry) {
    const Series& s = plot_.series[entry.series];
    if (s.style != Style::markers)
      out_ << "<path fill=\"none\" stroke=\"" << color(entry.series) << "\" stroke-width=\"2.2\""
           << (s.style == Style::dashed ? " stroke-dasharray=\"7 4.5\"" : "") << " d=\"M" << n(entry.x) << ' '
           << n(entry.y) << 'h' << n(sample) << "\"/>\n";
    if (s.style != Style::dashed) {
      open_markers(entry.series);
      marker(entry.series, entry.x + sample / 2, entry.y);
      out_ << "</g>\n";
    }
    for (std::size_t k = 0; k < entry.lines.size(); ++k)
      text(entry.x + sample + 8, entry.y + (0.35 + 1.2 * static_cast<double>(k)) * legend_size, legend_size,
           "start", entry.lines[k]);
  }

  const Plot& plot_;
  std::ostream& out_;
  Axis x_, y_;
  std::vector<Entry> legend_;
  double legend_width_ = 0, legend_height_ = 0, row_height_ = 0;
};

}  // namespace detail

inline void Plot::write(std::ostream& out) const {
  detail::SvgPlot(*this, out).draw();
  out.flush();
  if (!out) throw sst::DataError("cannot write the plot (the stream failed); check it and its room");
}

inline void Plot::write(const std::filesystem::path& path) const {
  sst::detail::write_file(path, [this](std::ostream& out) { detail::SvgPlot(*this, out).draw(); });
}

}  // namespace svg
