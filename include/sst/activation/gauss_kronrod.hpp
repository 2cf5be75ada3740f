// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <utility>
#include <vector>

#include <sst/version.hpp>

/// \file
/// Adaptive integration of several functions at once, by Kronrod's rule of 31 nodes.

/// The integrals behind activations without a closed form.
namespace sst {
inline namespace SST_ABI {
namespace quadrature {

/// A node of a rule on [-1, 1] and its weights.
struct Node {
  /// Where; the weight of Kronrod's rule; that of Gauss's (0 where it has no node).
  double at, kronrod, gauss;
};

/// The 31 nodes of Kronrod's extension of the 15-point Gauss rule on [-1, 1], the positive half and 0.
/// Source: Kronrod 1965, "Nodes and Weights of Quadrature Formulas"; recomputed to 20 digits from the
/// Stieltjes polynomial.
inline constexpr std::array<Node, 16> nodes{{
    {0.99800229869339706029, 0.0053774798729233489878, 0},
    {0.98799251802048542849, 0.015007947329316122538, 0.030753241996117268355},
    {0.96773907567913913426, 0.025460847326715320187, 0},
    {0.93727339240070590431, 0.035346360791375846222, 0.070366047488108124709},
    {0.89726453234408190088, 0.044589751324764876608, 0},
    {0.8482065834104272162, 0.053481524690928087265, 0.10715922046717193501},
    {0.79041850144246593297, 0.062009567800670640285, 0},
    {0.72441773136017004742, 0.06985412131872825871, 0.13957067792615431445},
    {0.65099674129741697053, 0.076849680757720378894, 0},
    {0.57097217260853884754, 0.083080502823133021038, 0.16626920581699393355},
    {0.48508186364023968069, 0.088564443056211770647, 0},
    {0.3941513470775633699, 0.093126598170825321225, 0.18616100001556221103},
    {0.29918000715316881217, 0.096642726983623678505, 0},
    {0.2011940939974345223, 0.099173598721791959332, 0.19843148532711157646},
    {0.10114206691871749903, 0.10076984552387559504, 0},
    {0, 0.10133000701479154902, 0.20257824192556127288},
}};

/// The integrals of n functions, or the functions at one point.
template <std::size_t n>
using Values = std::array<double, n>;

/// Thrown at a panel that would have to be bisected further than there is reason to.
struct Unresolved {
  double at;  ///< the panel's middle
};

/// Several integrals over [a, b] at once, bisected until each panel's estimated error is below
/// `tolerance` (absolute, per integral) or at rounding. Throws Unresolved where a panel narrower than
/// `narrowest` does not do.
///
/// The error estimate is that of QUADPACK (Piessens et al. 1983): the difference of the two rules, to
/// the power 3/2 in units of the spread of f.
template <std::size_t n, class Function>
class Adaptive {
 public:
  /// Keeps references: `f` has to outlive it.
  Adaptive(const Function& f, const Values<n>& tolerance, double narrowest)
      : f_(f), tolerance_(tolerance), narrowest_(narrowest) {}

  /// Adds the integrals over [a, b] to `total`, and the panels that were used to `panels` (left and right
  /// ends). Throws Unresolved.
  void add(double a, double b, Values<n>& total, std::vector<std::pair<double, double>>* panels = nullptr,
           int depth = 0) const {
    const double middle = (a + b) / 2, radius = (b - a) / 2;
    std::array<Values<n>, 31> f;
    Values<n> kronrod{}, gauss{}, size{}, spread{};
    for (std::size_t i = 0; i < 31; ++i) {
      const Node& node = nodes[std::min(i, 30 - i)];
      f[i] = f_(middle + (i < 16 ? -radius : radius) * node.at);
      for (std::size_t k = 0; k < n; ++k) {
        kronrod[k] += node.kronrod * f[i][k];
        gauss[k] += node.gauss * f[i][k];
        size[k] += node.kronrod * std::abs(f[i][k]);
      }
    }
    bool good = true;
    for (std::size_t k = 0; k < n && good; ++k) {
      const double difference = radius * std::abs(kronrod[k] - gauss[k]);
      // Not `<=`: a NaN or an infinity of the function is the answer, and no reason to bisect.
      if (!(difference > tolerance_[k] && difference > 1e-15 * radius * size[k])) continue;
      for (std::size_t i = 0; i < 31; ++i)
        spread[k] += radius * nodes[std::min(i, 30 - i)].kronrod * std::abs(f[i][k] - kronrod[k] / 2);
      good = spread[k] * std::pow(200 * difference / spread[k], 1.5) <= tolerance_[k];
    }
    if (!good && b - a < narrowest_) throw Unresolved{middle};
    if (!good && depth < 40) {
      add(a, middle, total, panels, depth + 1);
      add(middle, b, total, panels, depth + 1);
      return;
    }
    if (panels) panels->push_back({a, b});
    for (std::size_t k = 0; k < n; ++k) total[k] += radius * kronrod[k];
  }

 private:
  const Function& f_;
  Values<n> tolerance_;
  double narrowest_;
};

/// Integrals over [lowest, highest], split at those of `cuts` inside. `panels` receives the panels used; a
/// function that asks for narrower ones than `narrowest` is Unresolved.
template <std::size_t n, class Function>
Values<n> integrate(const Function& f, double lowest, double highest, std::vector<double>& cuts,
                    const Values<n>& tolerance, std::vector<std::pair<double, double>>* panels = nullptr,
                    double narrowest = 0) {
  std::erase_if(cuts, [&](double z) { return !(z > lowest && z < highest); });
  cuts.push_back(lowest);
  cuts.push_back(highest);
  std::sort(cuts.begin(), cuts.end());
  Values<n> total{};
  const Adaptive<n, Function> adaptive(f, tolerance, narrowest);
  for (std::size_t i = 0; i + 1 < cuts.size(); ++i)
    if (cuts[i + 1] - cuts[i] > 1e-15) adaptive.add(cuts[i], cuts[i + 1], total, panels);
  return total;
}

}  // namespace quadrature
}  // namespace SST_ABI
}  // namespace sst
