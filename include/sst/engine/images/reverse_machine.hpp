// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <utility>
#include <variant>
#include <vector>

#include <Eigen/Core>

#include <sst/activation/dual_derivatives.hpp>
#include <sst/engine/angular_slopes.hpp>
#include <sst/engine/images/adjoints.hpp>
#include <sst/engine/images/image_table.hpp>
#include <sst/engine/images/machine.hpp>
#include <sst/engine/images/planes.hpp>
#include <sst/engine/images/pool_map.hpp>
#include <sst/engine/images/terms.hpp>
#include <sst/plan/images/plan.hpp>
#include <sst/plan/images/program.hpp>
#include <sst/topology/image_shape.hpp>
#include <sst/version.hpp>

/// \file
/// The steps of a plan backwards: from h and t of some pairs to the numbers of the left image.

namespace sst {
inline namespace SST_ABI {
namespace spatial {

/// Runs a program of planes that share no memory for one left image against a vector of right ones, and
/// then backwards, displacement by displacement: what lived for one is computed again.
class ReverseMachine {
 public:
  static constexpr Index L = lanes<double>;  ///< right images that are computed side by side

  /// Keeps references to all three. The program's pairs share no memory.
  ReverseMachine(const SpatialPlan& plan, const Program& program, const PoolMaps& maps)
      : plan_(plan),
        program_(program),
        maps_(maps),
        forward_(plan, program, maps, 1),
        values_(forward_.planes()),
        slopes_(plan, program, 1),
        sums_(static_cast<Eigen::Index>(program.summed * 2 * L)) {
    for (const Pair& pair : plan.pairs) kinked_.push_back(kinked(pair.left) && kinked(pair.right));
  }

  /// Bytes that a machine takes.
  static double bytes(const Program& program) {
    return Machine<double, Left::one>::bytes(program, 1) +
           spatial::Planes<double, Left::one>::bytes(program, 1) +
           static_cast<double>(program.summed * 2 * L * sizeof(double));
  }

  /// Forwards. `same`: by lane, whether both images are the same one.
  void begin(const ImageTable<double>& left, const ImageTable<double>& right, const unsigned char* same) {
    left_ = &left;
    right_ = &right;
    forward_.begin(&left_, 1, right, same);
    forward_.run();
  }
  /// h and t of the output.
  std::pair<const double*, const double*> result() { return forward_.result(0); }
  /// h of a pair at displacement 0: a plane.
  const double* half(Index pair) {
    for (const Pass& pass : program_.passes)
      if (contains(pass, pair)) again(pass, 0);
    return forward_.half(pair, 0);
  }

  /// Backwards: adds to `to`, which is as wide as there are lanes.
  void reverse(const std::vector<Seed>& seeds, Adjoints& to) {
    to_ = &to;
    slopes_.clear();
    sums_.setZero();
    for (Index k = program_.passes.size(); k-- > 0;) {
      const Pass& pass = program_.passes[k];
      for (Index i = pass.displacements.size(); i-- > 0;) {
        const Index d = pass.displacements[i];
        again(pass, d);
        slopes_.displace(pass.grid, d);
        slopes_.clear_displacement();
        for (const Seed& seed : seeds)
          if (d == 0 && contains(pass, seed.pair)) plant(seed);
        for (Index n = pass.items.size(); n-- > 0;)
          if (forward_.needed(pass.items[n], d))
            for (Index y = 0; y < pass.grid.height; ++y) backwards(pass.items[n], y);
      }
    }
  }

 private:
  using Planes = spatial::Planes<double, Left::one>;
  using P = Planes::P;
  using Row = Planes::Row;
  static constexpr Index pitch = Planes::pitch;
  static P all(double value) { return P::all(value); }
  static void add(double* to, P value) { (P::load(to) + value).store(to); }

  bool kinked(Index v) const {
    const auto& phi = plan_.variable(v).activation;
    return phi && !phi->kinks().empty();
  }
  static bool contains(const Pass& pass, Index pair) {
    return std::any_of(pass.items.begin(), pass.items.end(),
                       [&](const Item& item) { return item.pair == pair && !item.scatter; });
  }
  /// What lives for one displacement; sums are there already.
  void again(const Pass& pass, Index d) {
    values_.displace(pass.grid, d);
    for (const Item& item : pass.items)
      if (!item.scatter) forward_.run(pass, item, d);
  }
  void plant(const Seed& seed) {
    const Grid& grid = plan_.pairs[seed.pair].grid;
    const Row out = slopes_.row(seed.pair, 0, 0);
    for (Index p = 0; p < grid.size(); ++p) {
      if (!seed.half.empty()) add(out.half + p * pitch, P::load(seed.half.data() + p * L));
      if (out.tangent && !seed.tangent.empty())
        add(out.tangent + p * pitch, P::load(seed.tangent.data() + p * L));
    }
  }
  Index std_column(Index v) const { return plan_.variable(v).columns.std; }
  /// By the logarithms of the standard deviations of v.
  double* log_std(Index v) { return to_->column(std_column(v)); }
  double* sums(Index pair, Index plane, Index position) {
    return sums_.data() + (program_.sums[pair] + plane * plan_.pairs[pair].grid.size() + position) * 2 * L;
  }

  void backwards(const Item& item, Index y) {
    const Index pair = item.pair;
    const Pair& p = plan_.pairs[pair];
    if (item.scatter) {
      if (const auto* pool = std::get_if<PoolStep>(&p.step))
        scatter(*pool, pair, y);
      else
        scatter(std::get<FlattenStep>(p.step), pair, y);
      return;
    }
    const Row value = values_.row(pair, 0, y), slope = slopes_.row(pair, 0, y);
    const Index at = y * values_.grid().width;
    values_.along(y, [&](Index x, Index q) {
      const P h = P::load(slope.half + x * pitch),
              t = slope.tangent ? P::load(slope.tangent + x * pitch) : all(0);
      const Place place{pair, y, x, at + x, q};
      std::visit([&](const auto& s) { step(s, place, value, h, t); }, p.step);
    });
  }

  /// A pair of positions of a pair: row and column of the left one, and both positions.
  struct Place {
    Index pair, y, x, left, right;
  };

  /// u' - u + 2 h u is the part of u' that is at right angles to u, the left pixel.
  void step(const InputStep& s, const Place& at, const Row& value, P h, P) {
    const auto& from_left = s.centred ? left_->centred : left_->unit;
    const auto& from_right = s.centred ? right_->centred : right_->unit;
    const Index channels = plan_.image.channels;
    const P half = P::load(value.half + at.x * pitch), share = all(-0.5) * h;
    double* to = to_->pixels(s.centred) + at.left * channels * L;
    for (Index c = 0; c < channels; ++c) {
      const P u = all(from_left[at.left * channels + c]),
              v = P::load(from_right.data() + (at.right * channels + c) * L);
      add(to + c * L, share * (v - u + (half + half) * u));
    }
  }

  void step(const AngularStep& s, const Place& at, const Row&, P h, P t) {
    const Row in = values_.row(s.map.in, 0, at.y), to = slopes_.row(s.map.in, 0, at.y);
    const Index i = at.x * pitch;
    const P half = P::load(in.half + i);
    const auto slopes = gram_detail::angular_slopes<double>(
        s.map, half, in.complement ? P::load(in.complement + i) : all(1) - half);
    P gain = slopes.gain;
    if (s.map.left_std != none)  // a constant where the right Gaussian has no variance
      gain = gram_detail::less(all(0), P::load(right_->column(s.map.right_std) + at.right * L), gain, all(0));
    P sum = gain * h;
    if (to.tangent) {
      sum = fma(slopes.bend * P::load(in.tangent + i), t, sum);
      add(to.tangent + i, slopes.factor * t);
    }
    add(to.half + i, sum);
  }

  /// h' = (1 - V/(n n'))/2 and t' = D (s/n) (s'/n') t, V less means and slopes where the pair is one of
  /// rests.
  void step(const DualStep& step, const Place& at, const Row& value, P h, P t) {
    const plan::DualStep& s = step.map;
    const Pair& p = plan_.pairs[at.pair];
    const Row in = values_.row(s.in, 0, at.y), to = slopes_.row(s.in, 0, at.y);
    const Index i = at.x * pitch;
    const bool rest = s.left_mean != none;
    const auto left = [&](Index c) { return c == none ? 0.0 : left_->column(c)[at.left]; };
    const auto right = [&](Index c, Index l) {
      return c == none ? 0.0 : right_->column(c)[at.right * L + l];
    };
    std::array<double, L> complement, by_half, by_tangent;
    for (Index l = 0; l < L; ++l) complement[l] = in.complement ? in.complement[i + l] : 1 - in.half[i + l];
    const double *right_std = right_->column(s.right_std) + at.right * L, a = left(s.left_std),
                 n = left(s.left_out);
    duals_.evaluate(*s.map, {L, a, right_std, in.half + i, complement.data(), nullptr, nullptr},
                    kinked_[at.pair]);
    h.store(by_half.data());
    t.store(by_tangent.data());
    double* log_in = log_std(plan_.variable(p.left).argument) + at.left * L;
    double* log_out = log_std(p.left) + at.left * L;
    for (Index l = 0; l < L; ++l) {
      const double b = right_std[l], m = right(s.right_out, l);
      if (!(n > 0 && m > 0)) continue;
      const double c = 1 - 2 * in.half[i + l], tangent = in.tangent ? in.tangent[i + l] : 0;
      const double slopes = left(s.left_slope) * right(s.right_slope, l), factor = (a / n) * (b / m);
      const double slope = duals_.slope[l] - slopes;
      const double by_value = -by_half[l] / (2 * n * m), by_slope = by_tangent[l] * factor * tangent;
      to.half[i + l] += -2 * a * b * slope * by_value + by_slope * duals_.slope_half[l];
      if (to.tangent) to.tangent[i + l] += by_tangent[l] * slope * factor;
      log_in[l] +=
          by_value * (duals_.value_left[l] - slopes * a * b * c) + by_slope * (duals_.slope_left[l] + slope);
      log_out[l] += by_half[l] * (1 - 2 * value.half[at.x * pitch + l]) / 2 - by_slope * slope;
      if (!rest) continue;
      to_->column(s.left_mean)[at.left * L + l] -= by_value * right(s.right_mean, l);
      to_->column(s.left_slope)[at.left * L + l] -=
          right(s.right_slope, l) * (by_value * a * b * c + by_slope);
    }
  }

  /// h += w v h_in and t += w v t_in at number i of a row: adds to the adjoints of what is `in`, and returns
  /// that of w.
  P term(const Row& in, const Row& to, Index i, P w, P v, P h, P t) const {
    P by_weight = v * P::load(in.half + i) * h;
    add(to.half + i, w * v * h);
    if (!in.tangent) return by_weight;
    add(to.tangent + i, w * v * t);
    return fma(v * P::load(in.tangent + i), t, by_weight);
  }

  void step(const LinearStep& s, const Place& at, const Row&, P h, P t) {
    for (const LinearTerm& part : s.terms) {
      if (part.left == none) continue;
      const P w = all(left_->column(part.left)[at.left]);
      const P v = part.right != none ? P::load(right_->column(part.right) + at.right * L) : all(0);
      P by_weight = all(0.5) * (s.exact ? w - v : all(0) - v) * h;
      if (part.in != none)
        by_weight = by_weight + term(values_.row(part.in, 0, at.y), slopes_.row(part.in, 0, at.y),
                                     at.x * pitch, w, v, h, t);
      add(to_->column(part.left) + at.left * L, by_weight);
    }
  }

  /// Windows that change the grid and those that do not, tap by tap.
  void step(const WindowStep& s, const Place& at, const Row&, P h, P t) {
    const Pair &p = plan_.pairs[at.pair], &from = plan_.pairs[s.in];
    const WindowColumns &a = plan_.windows[p.left], &b = plan_.windows[p.right];
    const Axis &rows = a.window[0], &cols = a.window[1];
    const plan::Variable& source = plan_.variable(p.left);
    const P weight_rate = all(source.weight_rate), bias_rate = all(source.bias_rate), half = all(0.5);
    const Index y2 = at.right / values_.grid().width, x2 = at.right % values_.grid().width;
    double* log_in = log_std(source.argument);
    P total = all(0);
    for (Index i = 0; i < rows.size; ++i)
      for (Index j = 0; j < cols.size; ++j) {
        const Index r = rows.at(at.y, i), k = cols.at(at.x, j);
        if (r == Axis::outside || k == Axis::outside) continue;
        const P w = all(window_share(a, *left_, at.y, at.x, i, j, 0));
        const Index r2 = rows.at(y2, i), k2 = cols.at(x2, j);
        P by_weight = half * w * h;
        if (r2 != Axis::outside && k2 != Axis::outside) {
          const P v = right_share(b, y2, x2, i, j);
          const Index d = (r2 + from.grid.height - r) % from.grid.height * from.grid.width +
                          (k2 + from.grid.width - k) % from.grid.width;
          by_weight = fma(half * (w - v), h, weight_rate * v * t) +
                      term(values_.row(s.in, 0, r, d), slopes_.row(s.in, 0, r, d), k * pitch, w, v,
                           h - (weight_rate + weight_rate) * t, t);
        }
        const P by_log = w * by_weight;
        add(log_in + (r * from.grid.width + k) * L, by_log);
        total = total + by_log;
      }
    if (a.biases != 0) {
      const P w = all(bias_share(a, *left_, at.left, 0)), v = P::load(&bias_share(b, *right_, at.right, 0));
      const P by_log = w * fma(half * (w - v), h, bias_rate * v * t);
      add(to_->bias(p.left) + at.left * L, by_log);
      total = total + by_log;
    }
    add(log_std(p.left) + at.left * L, all(0) - total);
  }
  P right_share(const WindowColumns& c, Index y, Index x, Index i, Index j) const {
    if (!c.planar()) return P::load(&tap_share(c, *right_, y, x, i, j, 0));
    return P::load(&row_share(c, *right_, y, x, i, 0)) * P::load(&tap_share(c, *right_, y, x, i, j, 0));
  }

  /// h and t are sums over the sizes.
  void step(const PoolStep&, const Place& at, const Row& value, P h, P t) {
    const Pair& p = plan_.pairs[at.pair];
    const double own = left_->column(std_column(p.left))[at.left];
    const double* other = right_->column(std_column(p.right)) + at.right * L;
    double* to = sums(at.pair, program_.plane_of[at.pair][values_.displacement()], at.left);
    const P sizes = all(own) * P::load(other), zero = all(0);
    const P inverse = gram_detail::less(zero, sizes, divide(all(1), sizes), zero);
    (h * inverse).store(to);
    (t * inverse).store(to + L);
    P total = h * P::load(value.half + at.x * pitch);
    if (value.tangent) total = fma(t, P::load(value.tangent + at.x * pitch), total);
    add(log_std(p.left) + at.left * L, zero - total);
  }
  void scatter(const PoolStep& s, Index pair, Index y) {
    const Pair& p = plan_.pairs[pair];
    const Index own_variable = s.left ? plan_.variable(p.left).argument : p.left;
    const Index other_variable = s.right ? plan_.variable(p.right).argument : p.right;
    const double *own = left_->column(std_column(own_variable)),
                 *other = right_->column(std_column(other_variable));
    const PoolMap &left_map = maps_.pools[pair][0], &right_map = maps_.pools[pair][1];
    const Row in = values_.row(s.in, 0, y), to = slopes_.row(s.in, 0, y);
    const Index width = values_.grid().width, y2 = values_.right_row(y);
    values_.along(y, [&](Index x, Index q) {
      P h = all(0), t = h;
      for (const auto& row : left_map.outputs[0][y])
        for (const auto& row2 : right_map.outputs[0][y2])
          for (const auto& col : left_map.outputs[1][x])
            for (const auto& col2 : right_map.outputs[1][q - y2 * width]) {
              const Index d = (row2.position + p.grid.height - row.position) % p.grid.height * p.grid.width +
                              (col2.position + p.grid.width - col.position) % p.grid.width;
              const Index plane = program_.plane_of[pair][d];
              if (plane == none) continue;
              const double* from = sums(pair, plane, row.position * p.grid.width + col.position);
              const P share = all(row.share * row2.share * col.share * col2.share);
              h = fma(share, P::load(from), h);
              t = fma(share, P::load(from + L), t);
            }
      const P both = all(own[y * width + x]) * P::load(other + q * L);
      P total = h * P::load(in.half + x * pitch);
      add(to.half + x * pitch, both * h);
      if (in.tangent) {
        total = fma(t, P::load(in.tangent + x * pitch), total);
        add(to.tangent + x * pitch, both * t);
      }
      add(log_std(own_variable) + (y * width + x) * L, both * total);
    });
  }

  void step(const FlattenStep&, const Place& at, const Row&, P h, P t) {
    double* to = sums(at.pair, 0, 0);
    h.store(to);
    t.store(to + L);
  }
  void scatter(const FlattenStep& s, Index pair, Index y) {
    const Pair& p = plan_.pairs[pair];
    const double *from = left_->column(plan_.flat_columns[p.left]),
                 *to_right = right_->column(plan_.flat_columns[p.right]);
    const P h = P::load(sums(pair, 0, 0)), t = P::load(sums(pair, 0, 0) + L);
    const Row in = values_.row(s.in, 0, y), to = slopes_.row(s.in, 0, y);
    const Index width = values_.grid().width;
    double* log_in = log_std(plan_.variable(p.left).argument) + y * width * L;
    P total = all(0);
    values_.along(y, [&](Index x, Index q) {
      const P w = all(from[y * width + x]), v = P::load(to_right + q * L);
      const P by_weight = fma(all(0.5) * (w - v), h, term(in, to, x * pitch, w, v, h, t));
      add(log_in + x * L, w * by_weight);
      total = fma(w, by_weight, total);
    });
    add(log_std(p.left), all(0) - total);
  }

  /// 1 - 2h' = m m' (1 - 2h) and t' = m m' t, m the scale over the true standard deviation.
  void step(const ExactStep& s, const Place& at, const Row& value, P h, P t) {
    const Pair& p = plan_.pairs[at.pair];
    const Row to = slopes_.row(s.in, 0, at.y);
    const Index i = at.x * pitch;
    const P one = all(1);
    const P m = s.left ? one + all(left_->column(plan_.ratio_columns[p.left])[at.left]) : one;
    const P m2 = s.right ? one + P::load(right_->column(plan_.ratio_columns[p.right]) + at.right * L) : one;
    add(to.half + i, m * m2 * h);
    if (to.tangent) add(to.tangent + i, m * m2 * t);
    if (!s.left) return;
    P by_log = h * (P::load(value.half + i) - all(0.5));
    if (value.tangent) by_log = fma(t, P::load(value.tangent + i), by_log);
    add(log_std(plan_.variable(p.left).argument) + at.left * L, by_log);
    add(log_std(p.left) + at.left * L, all(0) - by_log);
  }
  void step(const IndependentStep&, const Place&, const Row&, P, P) {}

  const SpatialPlan& plan_;
  const Program& program_;
  const PoolMaps& maps_;
  Machine<double, Left::one> forward_;
  Planes& values_;  // forwards
  Planes slopes_;   // of F by these
  Eigen::ArrayXd sums_;
  std::vector<bool> kinked_;
  DualDerivatives duals_;
  const ImageTable<double>* left_ = nullptr;
  const ImageTable<double>* right_ = nullptr;
  Adjoints* to_ = nullptr;
};

}  // namespace spatial
}  // namespace SST_ABI
}  // namespace sst
