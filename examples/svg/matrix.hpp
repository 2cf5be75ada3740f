// SPDX-License-Identifier: MIT
#pragma once

#include <Eigen/Core>
#include <algorithm>
#include <cstddef>
#include <sstream>
#include <string>
#include <vector>

#include <sst/error.hpp>
#include <sst/selection/ranks.hpp>
#include <svg/text.hpp>

/// \file
/// Results of methods on data sets as a picture: a matrix of numbers, shaded by rank, in SVG.

namespace svg {

/// Results as an SVG picture: a row for each data set and a column for each method; the better a cell's rank
/// within its row, the darker it is, ties alike. Below are the average ranks, shaded by their ranks. Numbers
/// have four significant digits. data_sets: N names; methods: k names; results: N x k. Throws sst::DataError
/// where the sizes do not fit, for fewer than 2 data sets or 2 methods, and where a result is NaN.
inline std::string results_matrix(const std::vector<std::string>& data_sets,
                                  const std::vector<std::string>& methods, const Eigen::MatrixXd& results,
                                  sst::Better better, const std::string& title = "") {
  using namespace detail;
  constexpr double title_size = 16, size = 13, margin = 20, row_height = 24;
  const Eigen::MatrixXd ranks = sst::rank_rows(results, better);
  const Eigen::Index rows = results.rows(), columns = results.cols();
  if (static_cast<Eigen::Index>(data_sets.size()) != rows ||
      static_cast<Eigen::Index>(methods.size()) != columns)
    throw sst::DataError("there are names of " + std::to_string(data_sets.size()) + " data sets and " +
                         std::to_string(methods.size()) + " methods for results of " + std::to_string(rows) +
                         " and " + std::to_string(columns) + "; give a name for each row and each column");
  std::vector<std::string> names = data_sets;
  names.emplace_back("average rank");
  Eigen::MatrixXd shown(rows + 1, columns), shades(rows + 1, columns);
  const Eigen::RowVectorXd average = ranks.colwise().mean();
  shown << results, average;
  shades << ranks, sst::ranks(average).transpose();

  double left = 0, cell = 40;
  for (const std::string& name : names) left = std::max(left, text_width(name) * size);
  for (const std::string& name : methods) cell = std::max(cell, text_width(name) * size + 14);
  for (const double value : shown.reshaped())
    cell = std::max(cell, text_width(short_number(value)) * size + 14);
  left += margin + 10;
  const double top = 16 + (title.empty() ? 0 : title_size + 16) + row_height;
  const auto middle = [&](Eigen::Index j) { return left + cell * (static_cast<double>(j) + 0.5); };
  // The average ranks stand a little apart.
  const auto row_top = [&](Eigen::Index i) {
    return top + row_height * static_cast<double>(i) + (i == rows ? 6 : 0);
  };

  std::ostringstream out;
  open_svg(out,
           std::max(left + cell * static_cast<double>(columns) + margin,
                    2 * margin + 1.18 * title_size * text_width(title)),
           row_top(rows) + row_height + 16, title);
  draw_text(out, margin, 16 + title_size, title_size, "start", title, " font-weight=\"600\"");
  for (Eigen::Index j = 0; j < columns; ++j)
    draw_text(out, middle(j), top - 8, size, "middle", methods[static_cast<std::size_t>(j)]);
  for (Eigen::Index i = 0; i <= rows; ++i) {
    const double baseline = row_top(i) + row_height / 2 + 0.35 * size;
    draw_text(out, left - 10, baseline, size, "end", names[static_cast<std::size_t>(i)]);
    for (Eigen::Index j = 0; j < columns; ++j) {
      const double shade =  // light enough for dark numbers
          0.6 * (static_cast<double>(columns) - shades(i, j)) / static_cast<double>(columns - 1);
      out << "<rect x=\"" << svg_number(middle(j) - cell / 2) << "\" y=\"" << svg_number(row_top(i))
          << "\" width=\"" << svg_number(cell) << "\" height=\"" << svg_number(row_height)
          << "\" fill=\"#0072b2\" fill-opacity=\"" << svg_number(shade) << "\" stroke=\"#fff\"/>\n";
      draw_text(out, middle(j), baseline, size, "middle", short_number(shown(i, j)));
    }
  }
  out << "</svg>\n";
  return out.str();
}

}  // namespace svg
