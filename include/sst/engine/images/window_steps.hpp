// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <type_traits>
#include <variant>
#include <vector>

#include <Eigen/Core>

#include <sst/engine/images/planes.hpp>
#include <sst/plan/images/plan.hpp>
#include <sst/plan/images/program.hpp>
#include <sst/topology/image_shape.hpp>
#include <sst/version.hpp>

/// \file
/// Windows: convolutions, from the planes of the input to those of the output.

namespace sst {
inline namespace SST_ABI {
namespace spatial {

/// The steps of a row that take a window of the input. Planar windows pass over columns into a ring of
/// lines, as many as the window has rows, and then over these.
template <class Scalar, Left left_mode>
class WindowSteps {
 public:
  /// Keeps references; rings for batches of `batch` left images.
  WindowSteps(const SpatialPlan& plan, const Program& program, spatial::Planes<Scalar, left_mode>& planes,
              Index batch)
      : plan_(plan), planes_(planes) {
    rings_.resize(plan.pairs.size());
    Index ring_numbers = 0;
    for (Index i = 0; i < plan.pairs.size(); ++i)
      if (std::holds_alternative<WindowStep>(plan.pairs[i].step) &&
          plan.windows[plan.pairs[i].left].planar()) {
        const Window& w = plan.windows[plan.pairs[i].left].window;
        ring_numbers = std::max(ring_numbers, 2 * w[0].size * w[1].out);
        rings_[i].used = true;
      }
    // One ring for each window of a group; groups follow one another, so they share them.
    Index most = 0;
    for (const Pass& pass : program.passes)
      for (const auto& group : pass.groups) {
        Index number = 0;
        for (const Item& item : group)
          if (!item.scatter && rings_[item.pair].used) rings_[item.pair].place = number++ * ring_numbers;
        most = std::max(most, number);
      }
    ring_each_ = most * ring_numbers;
    ring_memory_.setZero(static_cast<Eigen::Index>(ring_each_ * batch * pitch));
  }

  /// Rows of a window first, then their sum: with shares w_o in the norm, h = sum_o w_o w_o' h_o + sum_o (w_o
  /// - w_o')^2/4, which has no negative terms. The tangent is the first part alone, and what the weights add.
  void compute(const WindowStep& s, Index pair, Index b, Index y) {
    const Pair& p = plan_.pairs[pair];
    const WindowColumns &left_columns = plan_.windows[p.left], &right_columns = plan_.windows[p.right];
    if (!left_columns.planar()) return gather(s, pair, b, y);
    const Axis& rows = left_columns.window[0];
    const bool with_t = plan_.pairs[s.in].tangent, with_m = p.complement;
    // Rows of the input, passed over column by column, until the window's last one.
    for (Index line = y == 0 ? 0 : y + rows.size - 1; line < y + rows.size; ++line) {
      const Index at = line_at(rows, line);
      if (at == Axis::outside) continue;
      const Row in = planes_.row(s.in, b, at), to = ring(pair, b, line % rows.size, with_m);
      const Scalar *from = planes_.left_column(b, left_columns.across),
                   *other = planes_.right_column(right_columns.across);
      choose(with_t, with_m, [&](auto t, auto m) {
        if (left_columns.window[1].size == 3 && !left_columns.window[1].wrap)
          this->template across_three<t.value, m.value>(in, to, from, other, at);
        else
          this->template across<t.value, m.value>(left_columns.window[1], in, to, from, other, at);
      });
    }
    const Scalar *from = planes_.left_column(b, left_columns.down),
                 *other = planes_.right_column(right_columns.down);
    const Row out = planes_.row(pair, b, y);
    lines_.resize(rows.size);
    for (Index o = 0; o < rows.size; ++o) lines_[o] = ring(pair, b, (y + o) % rows.size, with_m);
    const plan::Variable& source = plan_.variable(p.left);
    choose(with_t, with_m, [&](auto t, auto m) {
      const Index biases = left_columns.biases;
      const double rate = common_rate(source);
      switch (rows.size) {
        case 1:
          return this->template down<1, t.value, m.value>(out, from, other, y, biases, rate);
        case 3:
          return this->template down<3, t.value, m.value>(out, from, other, y, biases, rate);
        default:
          return this->template down<0, t.value, m.value>(out, from, other, y, biases, rate);
      }
    });
    if (out.tangent && source.weight_rate != source.bias_rate) learn(source, out, from, other, y);
  }

 private:
  using Planes = spatial::Planes<Scalar, left_mode>;
  using P = typename Planes::P;
  using Row = typename Planes::Row;
  static constexpr Index L = Planes::L, pitch = Planes::pitch;
  static P all(double value) { return Planes::all(value); }

  using Cursor = typename Planes::Cursor;
  static constexpr Index left_step = Planes::left_step;

  struct Ring {
    bool used = false;
    Index place = 0;
  };

  /// The rate of both the weights and the bias; 0 where they differ and `learn` takes them one by one.
  static double common_rate(const plan::Variable& source) {
    return source.weight_rate == source.bias_rate ? source.weight_rate : 0;
  }

  template <class F>
  static void choose(bool with_t, bool with_m, F&& f) {
    using Yes = std::true_type;
    using No = std::false_type;
    if (with_m)
      with_t ? f(Yes{}, Yes{}) : f(No{}, Yes{});
    else
      with_t ? f(Yes{}, No{}) : f(No{}, No{});
  }

  /// The input row on a window's line: line = y + tap.
  static Index line_at(const Axis& rows, Index line) {
    return rows.at(line < rows.size ? 0 : line - rows.size + 1, line < rows.size ? line : rows.size - 1);
  }

  Row ring(Index pair, Index b, Index line, bool complement) {
    const Window& w = plan_.windows[plan_.pairs[pair].left].window;
    const Index size = w[0].size * w[1].out;
    Scalar* at = ring_memory_.data() + (b * ring_each_ + rings_[pair].place + line * w[1].out) * pitch;
    return {at, at + L, complement ? at + size * pitch : nullptr};
  }

  /// Three taps without wrapping round, the input kept in registers. A tap outside an image has the share 0.
  template <bool with_t, bool with_m>
  void across_three(const Row& in, const Row& out, const Scalar* left_shares, const Scalar* right_shares,
                    Index y) const {
    struct Numbers {
      P h, t, m;
    };
    const P zero = all(0), quarter = all(0.25);
    const Index width = planes_.grid().width;
    const Scalar* w = left_shares + y * width * 3 * left_step;
    Cursor cursor(right_shares, 3, planes_, y);
    const Row from = in, to = out;  // local copies, which stores cannot change
    const auto load = [&](Index x) {
      Numbers n{P::load(from.half + x * pitch), zero, zero};
      if constexpr (with_t) n.t = P::load(from.half + x * pitch + L);
      if constexpr (with_m) n.m = P::load(from.complement + x * pitch);
      return n;
    };
    Numbers before{zero, zero, zero}, here = load(0);
    for (Index x = 0; x < width; ++x, w += 3 * left_step, cursor.next()) {
      const Numbers after = x + 1 < width ? load(x + 1) : Numbers{zero, zero, zero};
      const Scalar* v = cursor.at;
      const P w0 = Planes::left(w, 0), w1 = Planes::left(w + left_step, 0),
              w2 = Planes::left(w + 2 * left_step, 0);
      const P v0 = P::load(v), v1 = P::load(v + L), v2 = P::load(v + 2 * L);
      const P g0 = w0 - v0, g1 = w1 - v1, g2 = w2 - v2, p0 = w0 * v0, p1 = w1 * v1, p2 = w2 * v2;
      const P gaps = fma(g0, g0, fma(g1, g1, g2 * g2)) * quarter;
      fma(p0, before.h, fma(p1, here.h, fma(p2, after.h, gaps))).store(to.half + x * pitch);
      if constexpr (with_t) fma(p0, before.t, fma(p1, here.t, p2 * after.t)).store(to.half + x * pitch + L);
      if constexpr (with_m)
        fma(p0, before.m, fma(p1, here.m, fma(p2, after.m, gaps))).store(to.complement + x * pitch);
      before = here;
      here = after;
    }
  }

  template <bool with_t, bool with_m>
  void across(const Axis& axis, const Row& in, const Row& out, const Scalar* left_shares,
              const Scalar* right_shares, Index y) const {
    const Index taps = axis.size, width = planes_.grid().width;
    const P zero = all(0), quarter = all(0.25);
    planes_.along(y, [&](Index x, Index q) {
      const Scalar *left_at = left_shares + (y * width + x) * taps * left_step,
                   *right_at = right_shares + q * taps * L;
      P gaps = zero, h = zero, t = zero, m = zero;
      for (Index o = 0; o < taps; ++o) {
        const P w = Planes::left(left_at + o * left_step, 0), v = P::load(right_at + o * L), gap = w - v,
                both = w * v;
        gaps = fma(gap, gap, gaps);
        const Index i = axis.at(x, o);
        if (i == Axis::outside) continue;
        h = fma(both, P::load(in.half + i * pitch), h);
        if constexpr (with_t) t = fma(both, P::load(in.tangent + i * pitch), t);
        if constexpr (with_m) m = fma(both, P::load(in.complement + i * pitch), m);
      }
      fma(gaps, quarter, h).store(out.half + x * pitch);
      if constexpr (with_t) t.store(out.tangent + x * pitch);
      if constexpr (with_m) fma(gaps, quarter, m).store(out.complement + x * pitch);
    });
  }

  /// A row of the output from the lines under its window. `rate`: how fast the layer's own weights learn.
  template <Index fixed, bool with_t, bool with_m>
  void down(const Row& out, const Scalar* left_shares, const Scalar* right_shares, Index y, Index biases,
            double rate) const {
    const Index taps = fixed ? fixed : lines_.size(), depth = taps + biases;
    // Local copies, which stores cannot change.
    const P zero = all(0), one = all(1), quarter = all(0.25), learning = all(rate);
    Row line[fixed ? fixed : 1];
    if constexpr (fixed > 0) std::copy_n(lines_.data(), fixed, line);
    const Row* lines = fixed > 0 ? line : lines_.data();
    const Row to = out;
    const bool with_bias = biases != 0;
    const Index numbers = planes_.grid().width * pitch, left_depth = depth * left_step;
    const Scalar* w = left_shares + y * planes_.grid().width * left_depth;
    Cursor cursor(right_shares, depth, planes_, y);
    for (Index i = 0; i < numbers; i += pitch, w += left_depth, cursor.next()) {
      const Scalar* v = cursor.at;
      P gaps = zero, h = zero, t = zero, m = zero;
      if (with_bias) {
        const P own = Planes::left(w + taps * left_step, 0), other = P::load(v + taps * L), gap = own - other;
        gaps = gap * gap;
        if constexpr (with_m) m = own * other;
      }
      for (Index o = 0; o < taps; ++o) {
        const P own = Planes::left(w + o * left_step, 0), other = P::load(v + o * L), gap = own - other,
                both = own * other;
        gaps = fma(gap, gap, gaps);
        h = fma(both, P::load(lines[o].half + i), h);
        if constexpr (with_t) t = fma(both, P::load(lines[o].half + i + L), t);
        if constexpr (with_m) m = fma(both, P::load(lines[o].complement + i), m);
      }
      h = fma(gaps, quarter, h);
      h.store(to.half + i);
      if constexpr (with_m) fma(gaps, quarter, m).store(to.complement + i);
      if (to.tangent) fma(learning, one - (h + h), t).store(to.tangent + i);
    }
  }

  /// Adds the own tangent of weights and a bias that learn at different rates to a row.
  void learn(const plan::Variable& source, const Row& out, const Scalar* left_shares,
             const Scalar* right_shares, Index y) const {
    const Index taps = lines_.size(), depth = taps + 1, numbers = planes_.grid().width * pitch;
    const P one = all(1), weight_rate = all(source.weight_rate), bias_rate = all(source.bias_rate);
    const Scalar* w = left_shares + y * planes_.grid().width * depth * left_step;
    Cursor cursor(right_shares, depth, planes_, y);
    for (Index i = 0; i < numbers; i += pitch, w += depth * left_step, cursor.next()) {
      const auto both = [&](Index o) {
        return Planes::left(w + o * left_step, 0) * P::load(cursor.at + o * L);
      };
      P t = fma(bias_rate, both(taps), P::load(out.tangent + i));
      for (Index o = 0; o < taps; ++o) {
        const P h = P::load(lines_[o].half + i);
        t = fma(weight_rate * both(o), one - (h + h), t);
      }
      t.store(out.tangent + i);
    }
  }

  /// Windows that change the grid: all taps at once, from the planes that each of them is on.
  void gather(const WindowStep& s, Index pair, Index b, Index y) {
    const Pair &p = plan_.pairs[pair], &from = plan_.pairs[s.in];
    const WindowColumns &a = plan_.windows[p.left], &c = plan_.windows[p.right];
    const Axis &rows = a.window[0], &cols = a.window[1];
    const Row out = planes_.row(pair, b, y);
    const plan::Variable& source = plan_.variable(p.left);
    const bool apart = source.weight_rate != source.bias_rate;
    const P zero = all(0), quarter = all(0.25), one = all(1), rate = all(common_rate(source));
    const P weight_rate = all(source.weight_rate), bias_rate = all(source.bias_rate);
    const Index y2 = planes_.right_row(y), taps = rows.size * cols.size, depth = taps + a.biases;
    const Scalar *from_taps = planes_.left_column(b, a.taps), *to_taps = planes_.right_column(c.taps);
    planes_.along(y, [&](Index x, Index q) {
      const Index x2 = q - y2 * planes_.grid().width, at = y * planes_.grid().width + x;
      P gaps = zero, h = zero, t = zero, m = zero;
      for (Index i = 0; i < rows.size; ++i)
        for (Index j = 0; j < cols.size; ++j) {
          const Index o = i * cols.size + j;
          const P w = Planes::left(from_taps, at * depth + o), v = P::load(to_taps + (q * depth + o) * L);
          const P gap = w - v, both = w * v;
          gaps = fma(gap, gap, gaps);
          const Index r = rows.at(y, i), r2 = rows.at(y2, i), k = cols.at(x, j), k2 = cols.at(x2, j);
          if (r == Axis::outside || r2 == Axis::outside || k == Axis::outside || k2 == Axis::outside)
            continue;
          const Index d = (r2 + from.grid.height - r) % from.grid.height * from.grid.width +
                          (k2 + from.grid.width - k) % from.grid.width;
          const Row in = planes_.row(s.in, b, r, d);
          const P before = P::load(in.half + k * pitch);
          h = fma(both, before, h);
          if (in.tangent) t = fma(both, P::load(in.tangent + k * pitch), t);
          if (apart) t = fma(weight_rate * both, one - (before + before), t);
          if (out.complement) m = fma(both, P::load(in.complement + k * pitch), m);
        }
      if (a.biases != 0) {
        const P w = Planes::left(from_taps, at * depth + taps), v = P::load(to_taps + (q * depth + taps) * L),
                gap = w - v;
        gaps = fma(gap, gap, gaps);
        m = fma(w, v, m);
        if (apart) t = fma(bias_rate * w, v, t);
      }
      h = fma(gaps, quarter, h);
      h.store(out.half + x * pitch);
      if (out.complement) fma(gaps, quarter, m).store(out.complement + x * pitch);
      if (out.tangent) fma(rate, one - (h + h), t).store(out.tangent + x * pitch);
    });
  }

  const SpatialPlan& plan_;
  Planes& planes_;
  Index ring_each_ = 0;
  Eigen::Array<Scalar, Eigen::Dynamic, 1> ring_memory_;
  std::vector<Ring> rings_;
  std::vector<Row> lines_;
};

}  // namespace spatial
}  // namespace SST_ABI
}  // namespace sst
