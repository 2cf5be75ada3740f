// SPDX-License-Identifier: MIT
#pragma once

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <sstream>
#include <string>
#include <vector>

#include <sst/error.hpp>
#include <sst/selection/friedman.hpp>
#include <svg/axis.hpp>
#include <svg/text.hpp>

/// \file
/// Average ranks of methods over many data sets as a picture: a critical difference diagram in SVG.

namespace svg {

namespace detail {

/// Draws one critical difference diagram: the axis of ranks at y = 0, all else relative to its left end.
class CriticalDifferenceDiagram {
 public:
  CriticalDifferenceDiagram(const std::vector<std::string>& methods, const Eigen::VectorXd& average_ranks,
                            double difference)
      : methods_(methods),
        ranks_(average_ranks),
        difference_(difference),
        cliques_(sst::rank_cliques(average_ranks, difference)),
        axis_(Scale::linear, 1, static_cast<double>(average_ranks.size()), 0, axis_width) {
    const auto count = static_cast<double>(ranks_.size());
    if (methods.size() != static_cast<std::size_t>(ranks_.size()))
      throw sst::DataError("there are names of " + std::to_string(methods.size()) + " methods and " +
                           std::to_string(ranks_.size()) + " average ranks; give one of each for a method");
    if (!(ranks_.minCoeff() >= 1 && ranks_.maxCoeff() <= count) || !std::isfinite(difference))
      throw sst::DataError(
          "an average rank is not from 1 to the number of methods, or the critical "
          "difference is infinite; give what average_ranks and critical_difference return");
  }

  std::string draw(const std::string& title) {
    const std::vector<Eigen::Index> order = sst::detail::best_first(ranks_, sst::Better::smaller);
    const std::size_t left_count = (order.size() + 1) / 2;
    double left = 0, right = 0;
    for (std::size_t i = 0; i < order.size(); ++i) {
      double& side = i < left_count ? left : right;
      side = std::max(side, text_width(label(order[i])) * label_size);
    }
    left += margin + reach;
    const double bar = axis_width * difference_ / static_cast<double>(ranks_.size() - 1);
    const double width = std::max({left + axis_width + reach + right + margin, left + bar + margin,
                                   margin + 1.18 * title_size * text_width(title) + margin});
    const double top = 16 + (title.empty() ? 0 : title_size + 16) + 56;
    open_svg(out_, width, top + row(left_count - 1) + 24, title);
    draw_text(out_, margin, 16 + title_size, title_size, "start", title, " font-weight=\"600\"");
    out_ << "<g transform=\"translate(" << n(left) << ' ' << n(top) << ")\">\n";
    line("M0 -43v8m0 -4H" + n(bar) + "m0 -4v8", "1.6");
    draw_text(out_, 0, -49, label_size, "start", "CD = " + n(difference_));
    std::string ticks = "M0 0H" + n(axis_width);
    for (const Tick& tick :
         axis_.ticks(std::max(30.0, axis_width / static_cast<double>(ranks_.size() - 1)))) {
      ticks += 'M' + n(axis_.pixel(tick.value)) + " 0v-6";
      draw_text(out_, axis_.pixel(tick.value), -11, label_size, "middle", tick.text);
    }
    line(ticks, "1.2");
    for (std::size_t i = 0; i < left_count; ++i) draw_method(order[i], row(i), true);
    for (std::size_t i = left_count; i < order.size(); ++i)
      draw_method(order[i], row(order.size() - 1 - i), false);
    for (std::size_t i = 0; i < cliques_.size(); ++i)
      line("M" + n(axis_.pixel(ranks_[cliques_[i].front()]) - 3) + ' ' +
               n(clique_step * (static_cast<double>(i) + 1)) + 'H' +
               n(axis_.pixel(ranks_[cliques_[i].back()]) + 3),
           "5");
    out_ << "</g>\n</svg>\n";
    return out_.str();
  }

 private:
  static constexpr double title_size = 16, label_size = 13, margin = 20, axis_width = 420, reach = 22;
  static constexpr double clique_step = 12, row_step = 21;

  static std::string n(double value) { return svg_number(value); }

  /// Where the i-th row of names stands, below all bars.
  double row(std::size_t i) const {
    return clique_step * static_cast<double>(cliques_.size()) + row_step * (static_cast<double>(i) + 1);
  }
  std::string label(Eigen::Index method) const {
    return methods_[static_cast<std::size_t>(method)] + " (" + n(ranks_[method]) + ')';
  }
  void line(const std::string& path, const char* width) {
    out_ << "<path fill=\"none\" stroke=\"#333\" stroke-width=\"" << width << "\" d=\"" << path << "\"/>\n";
  }
  /// From its rank down to its row, then aside to its name: outer ones above inner ones, so that none cross.
  void draw_method(Eigen::Index method, double y, bool on_left) {
    const double side = on_left ? 6 - reach : axis_width + reach - 6;
    line("M" + n(axis_.pixel(ranks_[method])) + " 0V" + n(y) + 'H' + n(side), "1.2");
    draw_text(out_, on_left ? -reach : axis_width + reach, y + 0.35 * label_size, label_size,
              on_left ? "end" : "start", label(method));
  }

  const std::vector<std::string>& methods_;
  const Eigen::VectorXd& ranks_;
  double difference_;
  std::vector<std::vector<Eigen::Index>> cliques_;
  Axis axis_;
  std::ostringstream out_;
};

}  // namespace detail

/// A critical difference diagram as an SVG picture (Demsar 2006, JMLR 7, section 3.2.4): an axis of average
/// ranks with the best method on the left, methods' names and ranks on both sides, the critical difference
/// above, and a thick bar below the axis for every group of methods that differ by less
/// (`sst::rank_cliques`). methods: k names; average_ranks: k numbers from 1 to k, as of `sst::average_ranks`;
/// difference: as of `sst::critical_difference`. Throws sst::DataError for others and fewer than 2 methods.
inline std::string critical_difference(const std::vector<std::string>& methods,
                                       const Eigen::VectorXd& average_ranks, double difference,
                                       const std::string& title = "") {
  return detail::CriticalDifferenceDiagram(methods, average_ranks, difference).draw(title);
}

}  // namespace svg
