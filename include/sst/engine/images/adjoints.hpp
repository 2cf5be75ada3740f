// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#include <sst/plan/images/plan.hpp>
#include <sst/topology/image_shape.hpp>
#include <sst/version.hpp>

namespace sst {
inline namespace SST_ABI {
namespace spatial {

/// How a number changes with h and t of a pair at displacement 0: a plane each, lanes fastest; none: zeros.
struct Seed {
  Index pair;                         ///< which one
  std::vector<double> half, tangent;  ///< dF/dh and dF/dt
};

/// The layers with a bias: variables of a plan.
inline std::vector<Index> biased_layers(const SpatialPlan& plan) {
  std::vector<Index> found;
  for (Index v = 0; v < plan.base.variables.size(); ++v)
    if (plan.variable(v).kind == plan::VariableKind::source && plan.windows[v].biases != 0)
      found.push_back(v);
  return found;
}

/// How a number changes with the numbers of one image by position: with the logarithm of each standard
/// deviation and of each layer's bias, with means, slopes and weights themselves, and with the pixels at norm
/// one. `width` shares of each side by side, which add up.
///
/// Logarithms, since a weight is a quotient of two standard deviations: ln w = ln s_term - ln s_owner, so
/// that w dF/dw is added to the one and taken from the other, and nothing has to be divided.
class Adjoints {
 public:
  /// Zeros.
  Adjoints(const SpatialPlan& plan, Index width) : width_(width) {
    std::vector<bool> of_windows(plan.columns.size(), false);  // quotients, which are not stored
    for (const WindowColumns& w : plan.windows)
      for (const Index c : {w.across, w.down, w.taps})
        if (c != none) of_windows[c] = true;
    Index total = 0;
    const auto place = [&](std::vector<Index>& offsets, Index size) {
      offsets.push_back(total);
      total += size;
    };
    for (Index c = 0; c < plan.columns.size(); ++c)
      place(columns_, of_windows[c] ? 0 : plan.columns[c].size());
    biases_.assign(plan.base.variables.size(), none);
    for (const Index v : biased_layers(plan)) {
      biases_[v] = total;
      total += plan.grids[v].size();
    }
    for (int kind = 0; kind < 2; ++kind) place(pixels_, plan.image.size());
    numbers_.assign(total * width, 0);
  }

  /// Numbers of so many images' adjoints.
  Index size() const { return numbers_.size(); }
  /// By the numbers of column c; of a `std` column, by their logarithms.
  double* column(Index c) { return numbers_.data() + columns_[c] * width_; }
  /// By the logarithm of the bias of source v, position by position.
  double* bias(Index v) { return numbers_.data() + biases_[v] * width_; }
  /// By the pixels' directions (of `centred` ones), times their norms.
  double* pixels(bool centred) { return numbers_.data() + pixels_[centred ? 1 : 0] * width_; }

  /// Sets all to zero.
  void clear() { std::fill(numbers_.begin(), numbers_.end(), 0.0); }
  /// Adds those of `other`, whatever its width; this one's width is 1.
  void add(const Adjoints& other) {
    for (Index i = 0; i < numbers_.size(); ++i)
      for (Index l = 0; l < other.width_; ++l) numbers_[i] += other.numbers_[i * other.width_ + l];
  }

 private:
  Index width_;
  std::vector<Index> columns_, biases_, pixels_;
  std::vector<double> numbers_;
};

}  // namespace spatial
}  // namespace SST_ABI
}  // namespace sst
