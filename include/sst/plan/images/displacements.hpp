// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <set>
#include <utility>
#include <variant>
#include <vector>

#include <sst/plan/images/plan.hpp>
#include <sst/topology/image_shape.hpp>
#include <sst/topology/operation.hpp>
#include <sst/version.hpp>

/// \file
/// Which displacements of each pair the output needs, from the output back.

namespace sst {
inline namespace SST_ABI {
namespace spatial {

/// Fills the `needed` of a plan's pairs.
class Displacements {
 public:
  /// Keeps a reference to `plan` and writes into it.
  explicit Displacements(SpatialPlan& plan) : plan_(plan) {}

  /// Fills in `needed`, from the result back.
  void run() {
    for (Pair& pair : plan_.pairs) pair.needed.assign(pair.grid.size(), 0);
    plan_.pairs[plan_.result].needed[0] = 1;
    for (Pair& pair : plan_.pairs)  // variances of a sample with itself
      if (pair.left == pair.right && plan_.own_covariances) pair.needed[0] = 1;
    for (Index i = plan_.pairs.size(); i-- > 0;) {
      const Pair& pair = plan_.pairs[i];
      const auto same = [&](Index in) {
        for (Index d = 0; d < pair.needed.size(); ++d) plan_.pairs[in].needed[d] |= pair.needed[d];
      };
      std::visit(detail::Overloaded{
                     [](const InputStep&) {},
                     [&](const AngularStep& s) { same(s.map.in); },
                     [&](const DualStep& s) { same(s.map.in); },
                     [&](const LinearStep& s) {
                       for (const LinearTerm& t : s.terms)
                         if (t.in != none) same(t.in);
                     },
                     [&](const WindowStep& s) {
                       if (planar(plan_.windows[pair.left].window))
                         same(s.in);
                       else
                         through(pair, s.in, taps(plan_.windows[pair.left].window), {}, true);
                     },
                     [&](const PoolStep& s) {
                       through(pair, s.in, s.left ? pooled_positions(pair.left) : positions(pair.grid),
                               s.right ? pooled_positions(pair.right) : positions(pair.grid), false);
                     },
                     [&](const FlattenStep& s) { plan_.pairs[s.in].needed[0] |= pair.needed[0]; },
                     [&](const ExactStep& s) { same(s.in); },
                     [](const IndependentStep&) {},
                 },
                 pair.step);
    }
  }

 private:
  /// By axis and output position: the inputs seen, tap by tap (with `outside`).
  using Seen = std::array<std::vector<std::vector<Index>>, 2>;

  static Seen taps(const Window& window) {
    Seen seen;
    for (Index k = 0; k < 2; ++k)
      for (Index p = 0; p < window[k].out; ++p) {
        seen[k].emplace_back();
        for (Index o = 0; o < window[k].size; ++o) seen[k].back().push_back(window[k].at(p, o));
      }
    return seen;
  }
  static Seen positions(const Grid& grid) {
    Seen seen;
    for (Index p = 0; p < grid.height; ++p) seen[0].push_back({p});
    for (Index p = 0; p < grid.width; ++p) seen[1].push_back({p});
    return seen;
  }
  Seen pooled_positions(Index v) const {
    Seen seen = taps(plan_.pools[v].front());
    for (Index n = 1; n < plan_.pools[v].size(); ++n) {
      const Seen outer = taps(plan_.pools[v][n]);
      Seen both;
      for (Index k = 0; k < 2; ++k)
        for (const auto& window : outer[k]) {
          std::vector<Index> inner;
          for (const Index p : window)
            if (p != Axis::outside) inner.insert(inner.end(), seen[k][p].begin(), seen[k][p].end());
          std::sort(inner.begin(), inner.end());
          inner.erase(std::unique(inner.begin(), inner.end()), inner.end());
          both[k].push_back(std::move(inner));
        }
      seen = std::move(both);
    }
    return seen;
  }

  /// Marks the displacements of `in` that windows need: each tap with its own (`aligned`), or all with all.
  void through(const Pair& pair, Index in, const Seen& left, const Seen& right, bool aligned) {
    Pair& input = plan_.pairs[in];
    const auto along = [&](Index axis, Index d, Index out, Index size) {
      std::set<Index> found;
      const auto& b = aligned ? left : right;
      for (Index p = 0; p < out; ++p) {
        const auto &from = left[axis][p], &to = b[axis][(p + d) % out];
        for (Index i = 0; i < from.size(); ++i)
          for (Index j = aligned ? i : 0; j < (aligned ? i + 1 : to.size()); ++j)
            if (from[i] != Axis::outside && to[j] != Axis::outside)
              found.insert((to[j] + size - from[i]) % size);
      }
      return found;
    };
    std::vector<std::set<Index>> columns;
    for (Index d = 0; d < pair.grid.width; ++d)
      columns.push_back(along(1, d, pair.grid.width, input.grid.width));
    for (Index dy = 0; dy < pair.grid.height; ++dy) {
      const auto rows = along(0, dy, pair.grid.height, input.grid.height);
      for (Index dx = 0; dx < pair.grid.width; ++dx)
        if (pair.needed[dy * pair.grid.width + dx])
          for (const Index y : rows)
            for (const Index x : columns[dx]) input.needed[y * input.grid.width + x] = 1;
    }
  }

  SpatialPlan& plan_;
};

}  // namespace spatial
}  // namespace SST_ABI
}  // namespace sst
