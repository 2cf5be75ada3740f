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
#include <vector>

#include <sst/base/output_file.hpp>
#include <sst/error.hpp>
#include <svg/axis.hpp>
#include <svg/plot.hpp>
#include <svg/text.hpp>

/// \file
/// Functions of one variable as SVG files: curves, bands around them, several panels side by side.

namespace svg {

/// A function of x by its values, drawn as a line without markers. Where a point's `error` is not 0 there is
/// a band of that half width around it: twice the standard deviation of a posterior, say.
struct Curve {
  std::string name;                ///< for the legend; curves of one name share a colour and an entry
  std::vector<Point> points = {};  ///< in the order in which the line connects them
  bool dashed = false;             ///< the line alone, not the band
};

/// One of the plots that stand side by side.
struct Panel {
  std::string title = {};           ///< above it
  std::vector<Curve> curves = {};   ///< later ones on top
  std::vector<Point> samples = {};  ///< dots on top, with error bars where `error` is not 0
};

/// Curves in panels of one size and one pair of axes, with one legend below, as one self-contained SVG file.
///
///     svg::CurvePlot plot{.x_label = "x", .y_label = "f(x)", .samples = "data"};
///     plot.panels = {{"posterior", {{"mean and two standard deviations", {{0, 1, 0.2}, {1, 3, 0.1}}}},
///     {{0.5, 2}}}}; plot.write("posterior.svg");
///
/// Colours are those of `Plot`.
struct CurvePlot {
  std::string title = {};          ///< above all panels
  std::string x_label = {};        ///< below the panels
  std::string y_label = {};        ///< beside the y axis
  std::string samples = {};        ///< what the dots are, for the legend
  std::vector<Panel> panels = {};  ///< from left to right
  double width = 330;              ///< of each panel, in pixels, 100 to 10000; labels and legend come on top
  double height = 280;             ///< of each panel, in pixels, 100 to 10000
  std::optional<std::array<double, 2>> x_range = {};  ///< from the data by default; the rest is clipped
  std::optional<std::array<double, 2>> y_range = {};  ///< from curves, bands and samples by default

  /// Throws DataError, with panel, curve and point, for numbers that are not finite and negative errors; and
  /// without panels or points, for an empty range, a size out of range and a failed write.
  void write(std::ostream& out) const;
  /// Writes a file; one of that name is replaced when the new one is complete.
  void write(const std::filesystem::path& path) const;
};

namespace detail {

/// Draws one CurvePlot.
class SvgCurves {
 public:
  SvgCurves(const CurvePlot& plot, std::ostream& out)
      : plot_(plot), out_(out), x_(axis_of(true)), y_(axis_of(false)) {
    for (const Panel& panel : plot.panels)
      for (const Curve& curve : panel.curves) {
        const std::size_t at = entry_of(curve);
        if (at == entries_.size()) entries_.push_back({&curve, false});
        entries_[at].band = entries_[at].band || has_band(curve);
      }
  }

  void draw() {
    const std::vector<Tick> x_ticks = x_.ticks(72), y_ticks = y_.ticks(44);
    double label_width = 0;
    for (const Tick& tick : y_ticks) label_width = std::max(label_width, tick.width() * tick_size);
    const auto panels = static_cast<double>(plot_.panels.size());
    const double left = 16 + (plot_.y_label.empty() ? 0 : label_size + 12) + label_width + 10;
    const double inner = panels * plot_.width + (panels - 1) * gap;
    const auto title = wrap_text(plot_.title, inner / (bold * title_size));
    const bool titled = std::any_of(plot_.panels.begin(), plot_.panels.end(),
                                    [](const Panel& panel) { return !panel.title.empty(); });
    const double top = 20 + static_cast<double>(title.size()) * 1.3 * title_size + (titled ? 28 : 0);
    const double x_title = plot_.height + 10 + tick_size + (plot_.x_label.empty() ? 0 : 12 + label_size);
    const double total_height = top + x_title + 18 + layout_legend(inner, x_title + 30);
    const double total_width = left + inner + 28;

    open_svg(out_, total_width, total_height, plot_.title);
    out_ << "<g transform=\"translate(" << n(left) << ' ' << n(top) << ")\">\n";
    for (std::size_t i = 0; i < title.size(); ++i)
      text(0, static_cast<double>(i) * 1.3 * title_size + title_size + 20 - top, title_size, "start",
           title[i], " font-weight=\"600\"");
    for (std::size_t i = 0; i < plot_.panels.size(); ++i) {
      out_ << "<g transform=\"translate(" << n(static_cast<double>(i) * (plot_.width + gap)) << " 0)\">\n";
      draw_panel(plot_.panels[i], x_ticks, y_ticks, i == 0);
      out_ << "</g>\n";
    }
    text(inner / 2, x_title, label_size, "middle", plot_.x_label);
    text(0, 0, label_size, "middle", plot_.y_label,
         " transform=\"translate(" + n(label_size + 16 - left) + ' ' + n(plot_.height / 2) +
             ") rotate(-90)\"");
    draw_legend();
    out_ << "</g>\n</svg>\n";
  }

 private:
  static constexpr double title_size = 17, label_size = 14.5, tick_size = 13, legend_size = 13.5;
  static constexpr double bold = 1.18;  // how much wider bold text is
  static constexpr double gap = 40, sample = 30, row = 22;

  struct Entry {
    const Curve* curve;
    bool band;
    double x = 0, y = 0;
  };

  static std::string n(double value) { return svg_number(value); }
  static bool has_band(const Curve& curve) {
    return std::any_of(curve.points.begin(), curve.points.end(), [](const auto& p) { return p.error > 0; });
  }

  /// Validates everything that one axis shows and finds its range.
  Axis axis_of(bool horizontal) const {
    const double pixels = horizontal ? plot_.width : plot_.height;
    const std::string name = horizontal ? "x" : "y";
    if (!(pixels >= 100 && pixels <= 10000))
      throw sst::DataError(std::string("the panels' ") + (horizontal ? "width" : "height") + " is " +
                           std::to_string(pixels) + " pixels (the range is 100 to 10000); change it");
    double low = std::numeric_limits<double>::infinity(), high = -low;
    const auto include = [&](const std::vector<Point>& points, const std::string& what) {
      for (std::size_t i = 0; i < points.size(); ++i) {
        const Point& p = points[i];
        const double value = horizontal ? p.x : p.y, error = horizontal ? 0 : p.error;
        const std::string where = what + ", point " + std::to_string(i) + ": ";
        if (!std::isfinite(value)) throw sst::DataError(where + name + " is not finite; leave the point out");
        if (!std::isfinite(error) || error < 0)
          throw sst::DataError(where +
                               "the error is negative or not finite; it is half the width of the band");
        low = std::min(low, value - error);
        high = std::max(high, value + error);
      }
    };
    for (std::size_t i = 0; i < plot_.panels.size(); ++i) {
      const std::string panel = "panel " + std::to_string(i) + ", ";
      for (const Curve& curve : plot_.panels[i].curves)
        include(curve.points, panel + "curve '" + curve.name + "'");
      include(plot_.panels[i].samples, panel + "samples");
    }
    if (!(low <= high)) throw sst::DataError("the panels have no points; add a curve with points");
    const auto& wanted = horizontal ? plot_.x_range : plot_.y_range;
    if (wanted) {
      low = (*wanted)[0], high = (*wanted)[1];
    } else if (!horizontal || low == high) {
      const double margin = high > low ? 0.05 * (high - low) : std::max(0.1 * std::abs(low), 1e-6);
      low -= margin, high += margin;
    }
    if (!(high - low > 1e-12 * std::max(std::abs(low), std::abs(high))) || !std::isfinite(high - low))
      throw sst::DataError("the panels' " + name +
                           " range is empty or too wide to divide; give {low, high}, finite and apart");
    return horizontal ? Axis(Scale::linear, low, high, 0, pixels) : Axis(Scale::linear, low, high, pixels, 0);
  }

  std::size_t entry_of(const Curve& curve) const {
    const auto at = std::find_if(entries_.begin(), entries_.end(),
                                 [&](const Entry& e) { return e.curve->name == curve.name; });
    return static_cast<std::size_t>(at - entries_.begin());
  }
  // The last colour is that of the samples.
  const char* color(const Curve& curve) const {
    return plot_colors[entry_of(curve) % (plot_colors.size() - 1)];
  }

  void draw_panel(const Panel& panel, const std::vector<Tick>& x_ticks, const std::vector<Tick>& y_ticks,
                  bool first) {
    text(plot_.width / 2, -12, label_size, "middle", panel.title, " font-weight=\"600\"");
    out_ << "<path fill=\"none\" stroke=\"#e2e2e2\" d=\"";
    for (const Tick& tick : x_ticks) out_ << 'M' << n(x_.pixel(tick.value)) << " 0V" << n(plot_.height);
    for (const Tick& tick : y_ticks) out_ << "M0 " << n(y_.pixel(tick.value)) << 'H' << n(plot_.width);
    out_ << "\"/>\n<path fill=\"none\" stroke=\"#444\" stroke-width=\"1.2\" d=\"M0 0V" << n(plot_.height)
         << 'H' << n(plot_.width);
    for (const Tick& tick : x_ticks) out_ << 'M' << n(x_.pixel(tick.value)) << ' ' << n(plot_.height) << "v5";
    if (first)
      for (const Tick& tick : y_ticks) out_ << "M-5 " << n(y_.pixel(tick.value)) << "h5";
    out_ << "\"/>\n";
    for (const Tick& tick : x_ticks)
      text(x_.pixel(tick.value), plot_.height + 9 + tick_size, tick_size, "middle", tick.text, "",
           tick.exponent);
    if (first)
      for (const Tick& tick : y_ticks)
        text(-10, y_.pixel(tick.value) + 0.36 * tick_size, tick_size, "end", tick.text, "", tick.exponent);
    out_ << "<svg width=\"" << n(plot_.width) << "\" height=\"" << n(plot_.height)
         << "\" overflow=\"hidden\">\n";
    for (const Curve& curve : panel.curves) draw_band(curve);
    for (const Curve& curve : panel.curves) draw_curve(curve);
    out_ << "</svg>\n";
    draw_samples(panel.samples);
  }

  void draw_band(const Curve& curve) {
    if (!has_band(curve)) return;
    out_ << "<path fill=\"" << color(curve) << "\" fill-opacity=\"0.2\" d=\"";
    const auto& points = curve.points;
    for (std::size_t i = 0; i < points.size(); ++i)
      out_ << (i ? 'L' : 'M') << n(x_.pixel(points[i].x)) << ' '
           << n(y_.pixel(points[i].y + points[i].error));
    for (std::size_t i = points.size(); i-- > 0;)
      out_ << 'L' << n(x_.pixel(points[i].x)) << ' ' << n(y_.pixel(points[i].y - points[i].error));
    out_ << "Z\"/>\n";
  }

  void draw_curve(const Curve& curve) {
    if (curve.points.empty()) return;
    open_line(curve);
    for (std::size_t i = 0; i < curve.points.size(); ++i)
      out_ << (i ? 'L' : 'M') << n(x_.pixel(curve.points[i].x)) << ' ' << n(y_.pixel(curve.points[i].y));
    out_ << "\"/>\n";
  }

  void open_line(const Curve& curve) {
    out_ << "<path fill=\"none\" stroke=\"" << color(curve)
         << "\" stroke-width=\"2.2\" stroke-linejoin=\"round\""
         << (curve.dashed ? " stroke-dasharray=\"7 4.5\"" : "") << " d=\"";
  }

  void draw_samples(const std::vector<Point>& points) {
    for (const Point& p : points) {
      if (!x_.contains(p.x) || !y_.contains(p.y)) continue;
      if (p.error > 0)
        out_ << "<path fill=\"none\" stroke=\"#222\" stroke-width=\"1.4\" d=\"M" << n(x_.pixel(p.x)) << ' '
             << n(y_.pixel(p.y - p.error)) << 'V' << n(y_.pixel(p.y + p.error)) << "\"/>\n";
      dot(x_.pixel(p.x), y_.pixel(p.y));
    }
  }

  void dot(double x, double y) {
    out_ << "<circle cx=\"" << n(x) << "\" cy=\"" << n(y)
         << "\" r=\"4\" fill=\"#222\" stroke=\"#fff\" stroke-width=\"1.2\"/>\n";
  }

  /// Places the entries in rows of at most `width` from `y` on; returns their height.
  double layout_legend(double width, double y) {
    double x = 0;
    bool any = false;
    const auto place = [&](const std::string& name) {
      const double wide = sample + 8 + text_width(name) * legend_size;
      if (x > 0 && x + wide > width) x = 0, y += row;
      const std::array<double, 2> at{x, y};
      x += wide + 22;
      any = true;
      return at;
    };
    const double start = y;
    for (Entry& entry : entries_)
      if (!entry.curve->name.empty()) {
        const auto at = place(entry.curve->name);
        entry.x = at[0], entry.y = at[1];
      }
    if (!plot_.samples.empty()) samples_at_ = place(plot_.samples);
    return any ? y - start + row + 6 : 0;
  }

  void draw_legend() {
    for (const Entry& entry : entries_) {
      if (entry.curve->name.empty()) continue;
      if (entry.band)
        out_ << "<rect x=\"" << n(entry.x) << "\" y=\"" << n(entry.y - 7) << "\" width=\"" << n(sample)
             << "\" height=\"14\" fill=\"" << color(*entry.curve) << "\" fill-opacity=\"0.2\"/>\n";
      open_line(*entry.curve);
      out_ << 'M' << n(entry.x) << ' ' << n(entry.y) << 'h' << n(sample) << "\"/>\n";
      text(entry.x + sample + 8, entry.y + 0.35 * legend_size, legend_size, "start", entry.curve->name);
    }
    if (plot_.samples.empty()) return;
    dot(samples_at_[0] + sample / 2, samples_at_[1]);
    text(samples_at_[0] + sample + 8, samples_at_[1] + 0.35 * legend_size, legend_size, "start",
         plot_.samples);
  }

  void text(double x, double y, double size, const char* anchor, const std::string& words,
            const std::string& attributes = "", const std::string& exponent = "") {
    draw_text(out_, x, y, size, anchor, words, attributes, exponent);
  }

  const CurvePlot& plot_;
  std::ostream& out_;
  Axis x_, y_;
  std::vector<Entry> entries_;
  std::array<double, 2> samples_at_{};
};

}  // namespace detail

inline void CurvePlot::write(std::ostream& out) const {
  detail::SvgCurves(*this, out).draw();
  out.flush();
  if (!out) throw sst::DataError("cannot write the curves (the stream failed); check it and its room");
}

inline void CurvePlot::write(const std::filesystem::path& path) const {
  sst::detail::write_file(path, [this](std::ostream& out) { detail::SvgCurves(*this, out).draw(); });
}

}  // namespace svg
