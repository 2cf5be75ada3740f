// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <variant>

#include <Eigen/Core>

#include <sst/engine/images/planes.hpp>
#include <sst/engine/images/pool_map.hpp>
#include <sst/plan/images/plan.hpp>
#include <sst/plan/images/program.hpp>
#include <sst/version.hpp>

/// \file
/// Sums over positions: pools and flattened nodes.

namespace sst {
inline namespace SST_ABI {
namespace spatial {

/// The steps that add rows to the sums of a later pass, in double, and those that read these.
template <class Scalar, Left left_mode>
class SumSteps {
 public:
  /// Keeps references to all; sums for batches of `batch` left images.
  SumSteps(const SpatialPlan& plan, const Program& program, const PoolMaps& maps,
           spatial::Planes<Scalar, left_mode>& planes, Index batch)
      : plan_(plan), program_(program), maps_(maps), planes_(planes) {
    total_.setZero(static_cast<Eigen::Index>(program.summed * batch * 2 * L));
  }

  /// Bytes of the sums for such batches.
  static double bytes(const Program& program, Index batch) {
    return static_cast<double>(program.summed * batch * 2 * L * sizeof(double));
  }

  /// Sets all sums to zero, for the next images.
  void begin() { std::fill_n(total_.data(), total_.size(), 0.0); }

  /// sum of std std' h and std std' t over the windows; in double.
  void add_pool(Index pair, Index b, Index y) {
    const auto& s = std::get<PoolStep>(plan_.pairs[pair].step);
    const Pair& p = plan_.pairs[pair];
    const Row in = planes_.row(s.in, b, y);
    const auto std_column = [&](Index v) { return plan_.variable(v).columns.std; };
    const auto argument = [&](Index v, bool pooled) { return pooled ? plan_.variable(v).argument : v; };
    const Scalar* own = planes_.left_column(b, std_column(argument(p.left, s.left)));
    const Scalar* other = planes_.right_column(std_column(argument(p.right, s.right)));
    const PoolMap &left_map = maps_.pools[pair][0], &right_map = maps_.pools[pair][1];
    const Index y2 = planes_.right_row(y);
    const P zero = all(0);
    const bool whole_row = p.grid.width == 1 && left_map.outputs[1].front().size() == 1 &&
                           right_map.outputs[1].front().size() == 1 && uniform(left_map) &&
                           uniform(right_map);
    for (const auto& row_out : left_map.outputs[0][y])
      for (const auto& row_out2 : right_map.outputs[0][y2]) {
        const double rows = row_out.share * row_out2.share;
        const Index dy = (row_out2.position + p.grid.height - row_out.position) % p.grid.height;
        if (whole_row) {
          const Index plane = program_.plane_of[pair][dy];
          if (plane == none) continue;
          P h = zero, t = zero;
          planes_.along(y, [&](Index x, Index q) {
            const P both = Planes::left(own, y * planes_.grid().width + x) * P::load(other + q * L);
            h = fma(both, P::load(in.half + x * pitch), h);
            if (in.tangent) t = fma(both, P::load(in.tangent + x * pitch), t);
          });
          const P share =
              all(rows * left_map.outputs[1].front()[0].share * right_map.outputs[1].front()[0].share);
          double* to = sums(pair, b, plane, row_out.position);
          add(to, share * h);
          if (in.tangent) add(to + L, share * t);
          continue;
        }
        planes_.along(y, [&](Index x, Index q) {
          const Index x2 = q - y2 * planes_.grid().width;
          const P both = Planes::left(own, y * planes_.grid().width + x) * P::load(other + q * L);
          const P h = both * P::load(in.half + x * pitch),
                  t = in.tangent ? both * P::load(in.tangent + x * pitch) : zero;
          for (const auto& out : left_map.outputs[1][x])
            for (const auto& out2 : right_map.outputs[1][x2]) {
              const Index dx = (out2.position + p.grid.width - out.position) % p.grid.width;
              const Index plane = program_.plane_of[pair][dy * p.grid.width + dx];
              if (plane == none) continue;
              const P share = all(rows * out.share * out2.share);
              double* to = sums(pair, b, plane, row_out.position * p.grid.width + out.position);
              add(to, share * h);
              if (in.tangent) add(to + L, share * t);
            }
        });
      }
  }

  /// From sums over windows to h and t.
  void compute(const PoolStep&, Index pair, Index b, Index y) {
    const Pair& p = plan_.pairs[pair];
    const Row out = planes_.row(pair, b, y);
    const Scalar* own = planes_.left_column(b, plan_.variable(p.left).columns.std);
    const Scalar* other = planes_.right_column(plan_.variable(p.right).columns.std);
    const Index plane = program_.plane_of[pair][planes_.displacement()];
    planes_.along(y, [&](Index x, Index q) {
      const double* from = sums(pair, b, plane, y * planes_.grid().width + x);
      for (Index l = 0; l < L; ++l) {
        const double sizes = static_cast<double>(Planes::left(own, y * planes_.grid().width + x, l)) *
                             static_cast<double>(other[q * L + l]);
        out.half[x * pitch + l] = sizes > 0 ? static_cast<Scalar>(from[l] / sizes) : Scalar(0);
        if (out.tangent)
          out.tangent[x * pitch + l] = sizes > 0 ? static_cast<Scalar>(from[L + l] / sizes) : Scalar(0);
      }
    });
  }

  /// h = sum_p (w_p - w_p')^2/4 + w_p w_p' h_p: positions are channels.
  void add_flat(Index pair, Index b, Index y) {
    const auto& s = std::get<FlattenStep>(plan_.pairs[pair].step);
    const Pair& p = plan_.pairs[pair];
    const Row in = planes_.row(s.in, b, y);
    const Scalar* from = planes_.left_column(b, plan_.flat_columns[p.left]);
    const Scalar* to = planes_.right_column(plan_.flat_columns[p.right]);
    const P zero = all(0), quarter = all(0.25);
    P gaps = zero, h = zero, t = zero;
    planes_.along(y, [&](Index x, Index q) {
      const P w = Planes::left(from, y * planes_.grid().width + x), v = P::load(to + q * L), gap = w - v,
              both = w * v;
      gaps = fma(gap, gap, gaps);
      h = fma(both, P::load(in.half + x * pitch), h);
      if (in.tangent) t = fma(both, P::load(in.tangent + x * pitch), t);
    });
    double* sum = sums(pair, b, 0, 0);
    add(sum, fma(gaps, quarter, h));
    add(sum + L, t);
  }

  /// Reads a flattened pair's sums, which are complete.
  void compute(const FlattenStep&, Index pair, Index b, Index) {
    const Row out = planes_.row(pair, b, 0);
    const double* from = sums(pair, b, 0, 0);
    for (Index l = 0; l < L; ++l) {
      out.half[l] = static_cast<Scalar>(from[l]);
      if (out.tangent) out.tangent[l] = static_cast<Scalar>(from[L + l]);
      if (out.complement) out.complement[l] = 1 - out.half[l];
    }
  }

 private:
  using Planes = spatial::Planes<Scalar, left_mode>;
  using P = typename Planes::P;
  using Row = typename Planes::Row;
  static constexpr Index L = Planes::L, pitch = Planes::pitch;
  static P all(double value) { return Planes::all(value); }

  double* sums(Index pair, Index b, Index plane, Index position) {
    return total_.data() +
           (b * program_.summed + program_.sums[pair] + plane * plan_.pairs[pair].grid.size() + position) *
               2 * L;
  }
  static void add(double* to, P value) {
    Scalar each[L];
    value.store(each);
    for (Index l = 0; l < L; ++l) to[l] += static_cast<double>(each[l]);
  }

  static bool uniform(const PoolMap& map) {
    return std::all_of(map.outputs[1].begin(), map.outputs[1].end(), [&](const auto& entries) {
      return entries.size() == 1 && entries[0].share == map.outputs[1].front()[0].share;
    });
  }

  const SpatialPlan& plan_;
  const Program& program_;
  const PoolMaps& maps_;
  Planes& planes_;
  Eigen::ArrayXd total_;
};

}  // namespace spatial
}  // namespace SST_ABI
}  // namespace sst
