// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <type_traits>
#include <variant>
#include <vector>

#include <Eigen/Core>

#include <sst/gram/angular_maps.hpp>
#include <sst/gram/pack.hpp>
#include <sst/spatial/program.hpp>
#include <sst/spatial/table.hpp>

namespace sst::spatial {

/// Whose left image a lane has: one for all lanes, or each its own right image.
enum class Left { one, own };

/// Which inputs, with which share, an output position averages; by axis.
struct PoolMap {
  struct Entry {
    Index position;
    double share;
  };
  std::array<std::vector<std::vector<Entry>>, 2> outputs;  ///< [axis][input]: the outputs that see it
};

inline PoolMap pool_map(const std::vector<Window>& pools, const Grid& grid) {
  PoolMap map;
  for (Index k = 0; k < 2; ++k) {
    auto& all = map.outputs[k];
    const Index size = k == 0 ? grid.height : grid.width;
    for (Index p = 0; p < size; ++p) all.push_back({{p, 1.0}});
    for (const Window& w : pools) {
      std::vector<std::vector<PoolMap::Entry>> next(w[k].in);
      for (Index out = 0; out < w[k].out; ++out)
        for (Index o = 0; o < w[k].size; ++o)
          if (const Index in = w[k].at(out, o); in != Axis::outside)
            next[in].push_back({out, 1 / static_cast<double>(w[k].size)});
      for (auto& entries : all) {
        std::vector<double> total(w[k].out, 0);
        for (const auto& e : entries)
          for (const auto& f : next[e.position]) total[f.position] += e.share * f.share;
        entries.clear();
        for (Index out = 0; out < total.size(); ++out)
          if (total[out] != 0) entries.push_back({out, total[out]});
      }
    }
  }
  return map;
}

/// What a program needs beside the data, made once.
template <class Scalar>
struct MachineMaps {
  explicit MachineMaps(const SpatialPlan& plan) : pools(plan.pairs.size()) {
    for (Index i = 0; i < plan.pairs.size(); ++i)
      if (const auto* s = std::get_if<PoolStep>(&plan.pairs[i].step)) {
        const Grid grid = plan.pairs[s->in].grid;
        const auto of = [&](Index v, bool pooled) {
          return pool_map(pooled ? plan.pools[v] : std::vector<Window>{}, grid);
        };
        pools[i] = {of(plan.pairs[i].left, s->left), of(plan.pairs[i].right, s->right)};
      }
  }
  std::vector<std::array<PoolMap, 2>> pools;  ///< of each pair: left, right
};

/// Runs a program for a few left images against a vector of right images.
template <class Scalar, Left left_mode>
class Machine {
 public:
  static constexpr Index L = lanes<Scalar>;
  /// h and t of a position are neighbours, so that a row of both is one stream of memory.
  static constexpr Index pitch = 2 * L;

  Machine(const SpatialPlan& plan, const Program& program, const MachineMaps<Scalar>& maps, Index batch)
      : plan_(plan), program_(program), maps_(maps) {
    row_numbers_ = program.rows * program.row_size;
    plane_numbers_ = program.planes * program.plane_size;
    each_ = 2 * (row_numbers_ + plane_numbers_ + program.kept);
    memory_.setZero(static_cast<Eigen::Index>(each_ * batch * pitch));
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
    total_.setZero(static_cast<Eigen::Index>(program.summed * batch * 2 * L));
    same_.assign(batch * L, 0);
    value_.resize(L);
    derivative_.resize(L);
    spare_.resize(L);
  }

  static double bytes(const Program& program, Index batch) {
    const double each = 2.0 * static_cast<double>(program.rows * program.row_size +
                                                  program.planes * program.plane_size + program.kept);
    return each * static_cast<double>(batch * pitch * sizeof(Scalar)) +
           static_cast<double>(program.summed * batch * 2 * L * sizeof(double));
  }

  /// `same`: by left image and lane, whether both images are the same one.
  void begin(const ImageTable<Scalar>* const* left, Index count, const ImageTable<Scalar>& right,
             const unsigned char* same) {
    left_ = left;
    count_ = count;
    right_ = &right;
    std::copy_n(same, count * L, same_.begin());
    std::fill_n(total_.data(), total_.size(), 0.0);
  }

  void run() {
    for (const Pass& pass : program_.passes) run(pass);
  }

  void run(const Pass& pass) {
    for (const Index d : pass.displacements) run(pass, d);
  }

  void run(const Pass& pass, Index d) {
    displace(pass, d);
    for (const auto& group : pass.groups)
      for (Index y = 0; y < pass.grid.height; ++y)
        for (Index b = 0; b < count_; ++b)
          for (const Item& item : group)
            if (needed(item)) execute(item, b, y);
  }

  /// One item over a whole plane.
  void run(const Pass& pass, const Item& item, Index d) {
    displace(pass, d);
    if (!needed(item)) return;
    for (Index y = 0; y < pass.grid.height; ++y)
      for (Index b = 0; b < count_; ++b) execute(item, b, y);
  }

  /// A pair's plane of the displacement that ran last; valid for planes and kept pairs.
  const Scalar* half(Index pair, Index b) { return row(pair, b, 0).half; }
  const Scalar* tangent(Index pair, Index b) { return row(pair, b, 0).tangent; }
  /// The result's, which is kept.
  std::pair<const Scalar*, const Scalar*> result(Index b) {
    d_ = 0;
    grid_ = {};
    const Row r = row(plan_.result, b, 0);
    return {r.half, r.tangent};
  }

 private:
  using P = gram_detail::Pack<Scalar>;

  struct Row {
    Scalar *half, *tangent, *complement;
  };
  struct Ring {
    bool used = false;
    Index place = 0;
  };

  static P all(double value) { return P::all(static_cast<Scalar>(value)); }

  bool needed(const Item& item) const {
    const Pair& p = plan_.pairs[item.pair];
    if (!item.scatter) return p.needed[d_] != 0;
    const auto* pool = std::get_if<PoolStep>(&p.step);
    return pool ? plan_.pairs[pool->in].needed[d_] != 0 : d_ == 0 && p.needed[0] != 0;
  }

  void displace(const Pass& pass, Index d) {
    d_ = d;
    grid_ = pass.grid;
    dy_ = d / grid_.width;
    dx_ = d % grid_.width;
  }

  Row rows_at(Index place, Index b, bool tangent, bool complement) {
    Scalar* at = memory_.data() + (b * each_ + place) * pitch;
    return {at, tangent ? at + L : nullptr, complement ? at + each_ / 2 * pitch : nullptr};
  }
  /// Where the numbers of a row are; kept pairs have all planes.
  Row row(Index pair, Index b, Index y) { return row(pair, b, y, d_); }
  Row row(Index pair, Index b, Index y, Index d) {
    const Storage& s = program_.storage[pair];
    const Pair& p = plan_.pairs[pair];
    Index place = 0;
    if (s.kind == Storage::Kind::row)
      place = s.slot * program_.row_size;
    else if (s.kind == Storage::Kind::plane)
      place = row_numbers_ + s.slot * program_.plane_size + y * p.grid.width;
    else
      place = row_numbers_ + plane_numbers_ + s.slot + program_.plane_of[pair][d] * p.grid.size() +
              y * p.grid.width;
    return rows_at(place, b, p.tangent, p.complement);
  }

  P left(const Scalar* column, Index position) const {
    if constexpr (left_mode == Left::own)
      return P::load(column + position * L);
    else
      return P::all(column[position]);
  }
  const Scalar* left_column(Index b, Index c) const { return left_[b]->column(c); }
  const Scalar* right_column(Index c) const { return right_->column(c); }

  /// f(x, right position) over a row: to the right end of the image, then from its left end on.
  template <class F>
  void along(Index y, F&& f) const {
    const Index base = (y + dy_) % grid_.height * grid_.width;
    for (Index x = 0; x < grid_.width - dx_; ++x) f(x, base + x + dx_);
    for (Index x = grid_.width - dx_; x < grid_.width; ++x) f(x, base + x + dx_ - grid_.width);
  }

  void execute(const Item& item, Index b, Index y) {
    if (item.scatter) {
      if (std::holds_alternative<PoolStep>(plan_.pairs[item.pair].step))
        add_pool(item.pair, b, y);
      else
        add_flat(item.pair, b, y);
      return;
    }
    std::visit([&](const auto& step) { this->compute(step, item.pair, b, y); }, plan_.pairs[item.pair].step);
  }

  void compute(const InputStep& s, Index pair, Index b, Index y) {
    const Row out = row(pair, b, y);
    const auto& from_left = s.centred ? left_[b]->centred : left_[b]->unit;
    const auto& from_right = s.centred ? right_->centred : right_->unit;
    const Index channels = plan_.image.channels;
    const P quarter = all(0.25), one = all(1);
    // (1 -+ c)/2 = |u -+ u'|^2/4 of unit vectors: nothing cancels, and identical pixels give zero.
    along(y, [&](Index x, Index q) {
      P minus = all(0), plus = minus;
      const Index p = (y * grid_.width + x) * channels;
      for (Index c = 0; c < channels; ++c) {
        const P u = left(from_left.data(), p + c), v = P::load(from_right.data() + (q * channels + c) * L);
        const P difference = u - v, sum = u + v;
        minus = fma(difference, difference, minus);
        plus = fma(sum, sum, plus);
      }
      min(minus * quarter, one).store(out.half + x * pitch);
      if (out.complement) min(plus * quarter, one).store(out.complement + x * pitch);
    });
  }

  void compute(const AngularStep& s, Index pair, Index b, Index y) {
    const Row in = row(s.map.in, b, y), out = row(pair, b, y);
    const bool angle = s.map.k_angle != 0;
    if (out.tangent)
      angle ? angular<true, true>(s.map, in, out) : angular<true, false>(s.map, in, out);
    else
      angle ? angular<false, true>(s.map, in, out) : angular<false, false>(s.map, in, out);
    if (s.map.left_std != none) constants_at_zero(s.map, out, b, y);
  }

  /// See StripMachine::angular.
  template <bool with_tangent, bool with_angle>
  void angular(const plan::AngularStep& s, const Row& in, const Row& out) const {
    const P k0 = all(s.k0), k_half = all(s.k_half), k_abs = all(s.k_abs), k_angle = all(s.k_angle);
    const P zero = all(0), one = all(1), d0 = all(s.d0 + s.d_angle), d_angle = all(-2 * s.d_angle);
    for (Index i = 0; i < grid_.width * pitch; i += pitch) {
      const P h = P::load(in.half + i);
      const P m = in.complement ? P::load(in.complement + i) : one - h;
      const P near = max(min(h, m), zero), root = sqrt(near);
      P value = fma(k_abs, fma(near * root, gram_detail::abs_map(near), near), fma(k_half, h, k0));
      if constexpr (with_tangent || with_angle) {
        P turn = root * gram_detail::angle_map(near, root);  // theta / pi
        turn = less(m, h, one - turn, turn);
        if constexpr (with_angle) value = fma(k_angle, turn, value);
        if constexpr (with_tangent) (fma(d_angle, turn, d0) * P::load(in.tangent + i)).store(out.tangent + i);
      }
      value.store(out.half + i);
    }
  }

  /// A Gaussian of variance 0 makes a constant of its activation, and a product of means of the pair.
  void constants_at_zero(const plan::AngularStep& s, const Row& out, Index b, Index y) {
    const auto at = [&](Index column, Index p, Index l) {
      return left_column(b, column)[left_mode == Left::own ? p * L + l : p];
    };
    along(y, [&](Index x, Index q) {
      const Index p = y * grid_.width + x;
      for (Index l = 0; l < L; ++l) {
        if (at(s.left_std, p, l) > 0 && right_column(s.right_std)[q * L + l] > 0) continue;
        const Scalar sizes = at(s.left_out, p, l) * right_column(s.right_out)[q * L + l];
        if (sizes > 0)
          out.half[x * pitch + l] =
              (1 - at(s.left_mean, p, l) * right_column(s.right_mean)[q * L + l] / sizes) / 2;
      }
    });
  }

  void compute(const DualStep& step, Index pair, Index b, Index y) {
    if constexpr (std::is_same_v<Scalar, double>) {
      const plan::DualStep& s = step.map;
      const Row in = row(s.in, b, y), out = row(pair, b, y);
      const bool rest = s.left_mean != none;
      along(y, [&](Index x, Index q) {
        const Index p = y * grid_.width + x;
        const double* half = in.half + x * pitch;
        for (Index l = 0; l < L; ++l) spare_[l] = in.complement ? in.complement[x * pitch + l] : 1 - half[l];
        const auto at = [&](Index column, Index l) {
          return left_column(b, column)[left_mode == Left::own ? p * L + l : p];
        };
        const double* right_std = right_column(s.right_std) + q * L;
        const Index runs = left_mode == Left::own ? L : 1;
        for (Index l = 0; l < runs; ++l)
          s.map->evaluate(DualStrip<double>{L / runs, at(s.left_std, l), right_std + l, half + l,
                                            spare_.data() + l, value_.data() + l,
                                            out.tangent ? derivative_.data() + l : nullptr});
        for (Index l = 0; l < L; ++l) {
          const double s0 = at(s.left_std, l), s1 = right_std[l], n0 = at(s.left_out, l),
                       n1 = right_column(s.right_out)[q * L + l];
          double h = 0.5, t = 0;
          if (n0 > 0 && n1 > 0) {
            double value = value_[l], derivative = out.tangent ? derivative_[l] : 0;
            if (rest) {
              const double slopes = at(s.left_slope, l) * right_column(s.right_slope)[q * L + l];
              value -= at(s.left_mean, l) * right_column(s.right_mean)[q * L + l] +
                       slopes * s0 * s1 * (1 - 2 * half[l]);
              derivative -= slopes;
            }
            h = std::clamp((1 - value / n0 / n1) / 2, 0.0, 1.0);
            if (s.self && d_ == 0 && same_[b * L + l]) h = 0;  // by definition, not by computation
            if (out.tangent) t = derivative * (s0 / n0) * (s1 / n1) * in.tangent[x * pitch + l];
          }
          out.half[x * pitch + l] = h;
          if (out.tangent) out.tangent[x * pitch + l] = t;
        }
      });
    }
  }

  void compute(const LinearStep& s, Index pair, Index b, Index y) {
    const Row out = row(pair, b, y);
    const P zero = all(0), one = all(1), quarter = all(0.25), middle = all(0.5);
    const Index numbers = grid_.width * pitch;
    const auto start = [&](Scalar* to, P value) {
      for (Index i = 0; to && i < numbers; i += pitch) value.store(to + i);
    };
    start(out.half, s.exact ? zero : middle);
    start(out.complement, s.exact ? zero : middle);
    start(out.tangent, zero);
    for (const LinearTerm& term : s.terms) {
      const Row in = term.in != none ? row(term.in, b, y) : Row{nullptr, nullptr, nullptr};
      const Scalar* from = term.left != none ? left_column(b, term.left) : nullptr;
      const Scalar* to = term.right != none ? right_column(term.right) : nullptr;
      along(y, [&](Index x, Index q) {
        const P w = from ? left(from, y * grid_.width + x) : zero, v = to ? P::load(to + q * L) : zero;
        const P both = w * v;
        const Index i = x * pitch;
        const P h_in = in.half ? P::load(in.half + i) : zero;
        const P h = P::load(out.half + i);
        if (s.exact) {
          const P gap = w - v, defect = gap * gap * quarter;
          fma(both, h_in, h + defect).store(out.half + i);
          if (out.complement) {
            const P m_in = in.complement ? P::load(in.complement + i) : one - h_in;
            fma(both, m_in, P::load(out.complement + i) + defect).store(out.complement + i);
          }
        } else {
          const P c = both * middle * (one - (h_in + h_in));
          (h - c).store(out.half + i);
          if (out.complement) (P::load(out.complement + i) + c).store(out.complement + i);
        }
        if (in.tangent) fma(both, P::load(in.tangent + i), P::load(out.tangent + i)).store(out.tangent + i);
      });
    }
    if (s.exact) return;
    for (Index i = 0; i < numbers; i += pitch) {
      min(max(P::load(out.half + i), zero), one).store(out.half + i);
      if (out.complement) min(max(P::load(out.complement + i), zero), one).store(out.complement + i);
    }
    if (plan_.pairs[pair].left == plan_.pairs[pair].right && !plan_.scaled[plan_.pairs[pair].left])
      identical(out, b);
  }

  /// A variable with itself at the same position of the same image: h = 0 by definition.
  void identical(const Row& out, Index b) const {
    if (d_ != 0) return;
    for (Index l = 0; l < L; ++l)
      for (Index x = 0; same_[b * L + l] && x < grid_.width; ++x) {
        out.half[x * pitch + l] = 0;
        if (out.complement) out.complement[x * pitch + l] = 1;
      }
  }

  void compute(const IndependentStep&, Index pair, Index b, Index y) {
    const Row out = row(pair, b, y);
    for (Index i = 0; i < grid_.width * pitch; i += pitch) all(0.5).store(out.half + i);
  }

  void compute(const ExactStep& s, Index pair, Index b, Index y) {
    const Row in = row(s.in, b, y), out = row(pair, b, y);
    const Pair& p = plan_.pairs[pair];
    const Scalar* from = s.left ? left_column(b, plan_.ratio_columns[p.left]) : nullptr;
    const Scalar* to = s.right ? right_column(plan_.ratio_columns[p.right]) : nullptr;
    const P zero = all(0), one = all(1), middle = all(0.5);
    // m m' (1 - 2h) = 1 - 2h', with m = 1 + e: h' = m m' h - (e + e' + e e')/2
    along(y, [&](Index x, Index q) {
      const P e = from ? left(from, y * grid_.width + x) : zero, f = to ? P::load(to + q * L) : zero;
      const P excess = fma(e, f, e + f), both = one + excess;
      const Index i = x * pitch;
      min(max(both * P::load(in.half + i) - middle * excess, zero), one).store(out.half + i);
      if (out.tangent) (both * P::load(in.tangent + i)).store(out.tangent + i);
    });
    if (p.left == p.right) identical(out, b);
  }

  // ---- windows ----

  /// Rows of a window first, then their sum: with shares w_o in the norm, h = sum_o w_o w_o' h_o + sum_o (w_o
  /// - w_o')^2/4, which has no negative terms. The tangent is the first part alone.
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
      const Row in = row(s.in, b, at), to = ring(pair, b, line % rows.size, with_m);
      const Scalar *from = left_column(b, left_columns.across), *other = right_column(right_columns.across);
      choose(with_t, with_m, [&](auto t, auto m) {
        if (left_columns.window[1].size == 3 && !left_columns.window[1].wrap)
          this->template across_three<t.value, m.value>(in, to, from, other, at);
        else
          this->template across<t.value, m.value>(left_columns.window[1], in, to, from, other, at);
      });
    }
    const Scalar *from = left_column(b, left_columns.down), *other = right_column(right_columns.down);
    const Row out = row(pair, b, y);
    lines_.resize(rows.size);
    for (Index o = 0; o < rows.size; ++o) lines_[o] = ring(pair, b, (y + o) % rows.size, with_m);
    choose(with_t, with_m, [&](auto t, auto m) {
      const Index biases = left_columns.biases;
      switch (rows.size) {
        case 1:
          return this->template down<1, t.value, m.value>(out, from, other, y, biases);
        case 3:
          return this->template down<3, t.value, m.value>(out, from, other, y, biases);
        default:
          return this->template down<0, t.value, m.value>(out, from, other, y, biases);
      }
    });
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

  /// The right image's numbers along a row: to the right end of the image, then from its left end on.
  struct Cursor {
    const Scalar *at, *begin, *end;
    Index step;
    Cursor(const Scalar* column, Index depth, const Machine& machine, Index y) : step(depth * L) {
      const Index width = machine.grid_.width;
      begin = column + (y + machine.dy_) % machine.grid_.height * width * step;
      end = begin + width * step;
      at = begin + machine.dx_ * step;
    }
    void next() {
      at += step;
      at = at == end ? begin : at;
    }
  };

  static constexpr Index left_step = left_mode == Left::own ? L : 1;
  static P left_of(const Scalar* at) {
    if constexpr (left_mode == Left::own)
      return P::load(at);
    else
      return P::all(*at);
  }

  /// Three taps without wrapping round, the input kept in registers. A tap outside an image has the share 0.
  template <bool with_t, bool with_m>
  void across_three(const Row& in, const Row& out, const Scalar* left_shares, const Scalar* right_shares,
                    Index y) const {
    struct Numbers {
      P h, t, m;
    };
    const P zero = all(0), quarter = all(0.25);
    const Index width = grid_.width;
    const Scalar* w = left_shares + y * width * 3 * left_step;
    Cursor cursor(right_shares, 3, *this, y);
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
      const P w0 = left_of(w), w1 = left_of(w + left_step), w2 = left_of(w + 2 * left_step);
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
    const Index taps = axis.size, width = grid_.width;
    const P zero = all(0), quarter = all(0.25);
    along(y, [&](Index x, Index q) {
      const Scalar *left_at = left_shares + (y * width + x) * taps * left_step,
                   *right_at = right_shares + q * taps * L;
      P gaps = zero, h = zero, t = zero, m = zero;
      for (Index o = 0; o < taps; ++o) {
        const P w = left_of(left_at + o * left_step), v = P::load(right_at + o * L), gap = w - v,
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

  /// A row of the output from the lines under its window.
  template <Index fixed, bool with_t, bool with_m>
  void down(const Row& out, const Scalar* left_shares, const Scalar* right_shares, Index y,
            Index biases) const {
    const Index taps = fixed ? fixed : lines_.size(), depth = taps + biases;
    // Local copies, which stores cannot change.
    const P zero = all(0), one = all(1), quarter = all(0.25);
    Row line[fixed ? fixed : 1];
    if constexpr (fixed > 0) std::copy_n(lines_.data(), fixed, line);
    const Row* lines = fixed > 0 ? line : lines_.data();
    const Row to = out;
    const bool with_bias = biases != 0;
    const Index numbers = grid_.width * pitch, left_depth = depth * left_step;
    const Scalar* w = left_shares + y * grid_.width * left_depth;
    Cursor cursor(right_shares, depth, *this, y);
    for (Index i = 0; i < numbers; i += pitch, w += left_depth, cursor.next()) {
      const Scalar* v = cursor.at;
      P gaps = zero, h = zero, t = zero, m = zero;
      if (with_bias) {
        const P own = left_of(w + taps * left_step), other = P::load(v + taps * L), gap = own - other;
        gaps = gap * gap;
        if constexpr (with_m) m = own * other;
      }
      for (Index o = 0; o < taps; ++o) {
        const P own = left_of(w + o * left_step), other = P::load(v + o * L), gap = own - other,
                both = own * other;
        gaps = fma(gap, gap, gaps);
        h = fma(both, P::load(lines[o].half + i), h);
        if constexpr (with_t) t = fma(both, P::load(lines[o].half + i + L), t);
        if constexpr (with_m) m = fma(both, P::load(lines[o].complement + i), m);
      }
      h = fma(gaps, quarter, h);
      h.store(to.half + i);
      if constexpr (with_m) fma(gaps, quarter, m).store(to.complement + i);
      if (!to.tangent) continue;
      const P kernel = one - (h + h);
      (with_t ? t + kernel : kernel).store(to.tangent + i);
    }
  }

  /// Windows that change the grid: all taps at once, from the planes that each of them is on.
  void gather(const WindowStep& s, Index pair, Index b, Index y) {
    const Pair &p = plan_.pairs[pair], &from = plan_.pairs[s.in];
    const WindowColumns &a = plan_.windows[p.left], &c = plan_.windows[p.right];
    const Axis &rows = a.window[0], &cols = a.window[1];
    const Row out = row(pair, b, y);
    const P zero = all(0), quarter = all(0.25), one = all(1);
    const Index y2 = (y + dy_) % grid_.height, taps = rows.size * cols.size, depth = taps + a.biases;
    const Scalar *from_taps = left_column(b, a.taps), *to_taps = right_column(c.taps);
    along(y, [&](Index x, Index q) {
      const Index x2 = q - y2 * grid_.width, at = y * grid_.width + x;
      P gaps = zero, h = zero, t = zero, m = zero;
      for (Index i = 0; i < rows.size; ++i)
        for (Index j = 0; j < cols.size; ++j) {
          const Index o = i * cols.size + j;
          const P w = left(from_taps, at * depth + o), v = P::load(to_taps + (q * depth + o) * L);
          const P gap = w - v, both = w * v;
          gaps = fma(gap, gap, gaps);
          const Index r = rows.at(y, i), r2 = rows.at(y2, i), k = cols.at(x, j), k2 = cols.at(x2, j);
          if (r == Axis::outside || r2 == Axis::outside || k == Axis::outside || k2 == Axis::outside)
            continue;
          const Index d = (r2 + from.grid.height - r) % from.grid.height * from.grid.width +
                          (k2 + from.grid.width - k) % from.grid.width;
          const Row in = row(s.in, b, r, d);
          h = fma(both, P::load(in.half + k * pitch), h);
          if (in.tangent) t = fma(both, P::load(in.tangent + k * pitch), t);
          if (out.complement) m = fma(both, P::load(in.complement + k * pitch), m);
        }
      if (a.biases != 0) {
        const P w = left(from_taps, at * depth + taps), v = P::load(to_taps + (q * depth + taps) * L),
                gap = w - v;
        gaps = fma(gap, gap, gaps);
        m = fma(w, v, m);
      }
      h = fma(gaps, quarter, h);
      h.store(out.half + x * pitch);
      if (out.complement) fma(gaps, quarter, m).store(out.complement + x * pitch);
      if (out.tangent) (t + (one - (h + h))).store(out.tangent + x * pitch);
    });
  }

  // ---- sums ----

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

  /// sum of std std' h and std std' t over the windows; in double.
  void add_pool(Index pair, Index b, Index y) {
    const auto& s = std::get<PoolStep>(plan_.pairs[pair].step);
    const Pair& p = plan_.pairs[pair];
    const Row in = row(s.in, b, y);
    const auto std_column = [&](Index v) { return plan_.variable(v).columns.std; };
    const auto argument = [&](Index v, bool pooled) { return pooled ? plan_.variable(v).argument : v; };
    const Scalar* own = left_column(b, std_column(argument(p.left, s.left)));
    const Scalar* other = right_column(std_column(argument(p.right, s.right)));
    const PoolMap &left_map = maps_.pools[pair][0], &right_map = maps_.pools[pair][1];
    const Index y2 = (y + dy_) % grid_.height;
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
          along(y, [&](Index x, Index q) {
            const P both = left(own, y * grid_.width + x) * P::load(other + q * L);
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
        along(y, [&](Index x, Index q) {
          const Index x2 = q - y2 * grid_.width;
          const P both = left(own, y * grid_.width + x) * P::load(other + q * L);
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
  static bool uniform(const PoolMap& map) {
    return std::all_of(map.outputs[1].begin(), map.outputs[1].end(), [&](const auto& entries) {
      return entries.size() == 1 && entries[0].share == map.outputs[1].front()[0].share;
    });
  }

  /// From sums over windows to h and t.
  void compute(const PoolStep&, Index pair, Index b, Index y) {
    const Pair& p = plan_.pairs[pair];
    const Row out = row(pair, b, y);
    const Scalar* own = left_column(b, plan_.variable(p.left).columns.std);
    const Scalar* other = right_column(plan_.variable(p.right).columns.std);
    const Index plane = program_.plane_of[pair][d_];
    along(y, [&](Index x, Index q) {
      const double* from = sums(pair, b, plane, y * grid_.width + x);
      for (Index l = 0; l < L; ++l) {
        const double sizes =
            static_cast<double>(
                own[left_mode == Left::own ? (y * grid_.width + x) * L + l : y * grid_.width + x]) *
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
    const Row in = row(s.in, b, y);
    const Scalar* from = left_column(b, plan_.flat_columns[p.left]);
    const Scalar* to = right_column(plan_.flat_columns[p.right]);
    const P zero = all(0), quarter = all(0.25);
    P gaps = zero, h = zero, t = zero;
    along(y, [&](Index x, Index q) {
      const P w = left(from, y * grid_.width + x), v = P::load(to + q * L), gap = w - v, both = w * v;
      gaps = fma(gap, gap, gaps);
      h = fma(both, P::load(in.half + x * pitch), h);
      if (in.tangent) t = fma(both, P::load(in.tangent + x * pitch), t);
    });
    double* sum = sums(pair, b, 0, 0);
    add(sum, fma(gaps, quarter, h));
    add(sum + L, t);
  }

  void compute(const FlattenStep&, Index pair, Index b, Index) {
    const Row out = row(pair, b, 0);
    const double* from = sums(pair, b, 0, 0);
    for (Index l = 0; l < L; ++l) {
      out.half[l] = static_cast<Scalar>(from[l]);
      if (out.tangent) out.tangent[l] = static_cast<Scalar>(from[L + l]);
      if (out.complement) out.complement[l] = 1 - out.half[l];
    }
  }

  const SpatialPlan& plan_;
  const Program& program_;
  const MachineMaps<Scalar>& maps_;
  Index each_ = 0, row_numbers_ = 0, plane_numbers_ = 0, ring_each_ = 0;
  Eigen::Array<Scalar, Eigen::Dynamic, 1> memory_, ring_memory_;
  Eigen::ArrayXd total_;
  std::vector<Ring> rings_;
  std::vector<Row> lines_;
  std::vector<unsigned char> same_;
  std::vector<double> value_, derivative_, spare_;

  const ImageTable<Scalar>* const* left_ = nullptr;
  const ImageTable<Scalar>* right_ = nullptr;
  Index count_ = 0, d_ = 0, dy_ = 0, dx_ = 0;
  Grid grid_ = {};
};

}  // namespace sst::spatial
