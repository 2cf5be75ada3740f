// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <type_traits>
#include <vector>

#include <sst/activation/activation.hpp>
#include <sst/base/differences.hpp>
#include <sst/engine/angular_values.hpp>
#include <sst/engine/images/planes.hpp>
#include <sst/plan/images/plan.hpp>
#include <sst/version.hpp>

/// \file
/// What happens at one pair of positions: inputs, activations and sums of nodes.

namespace sst {
inline namespace SST_ABI {
namespace spatial {

/// The steps of a row that see each pair of positions by itself.
template <class Scalar, Left left_mode>
class PointSteps {
  using Planes = spatial::Planes<Scalar, left_mode>;
  using P = typename Planes::P;
  using Row = typename Planes::Row;
  static constexpr Index L = Planes::L, pitch = Planes::pitch;
  static P all(double value) { return Planes::all(value); }

 public:
  /// Keeps references to both.
  PointSteps(const SpatialPlan& plan, spatial::Planes<Scalar, left_mode>& planes)
      : plan_(plan), planes_(planes), value_(L), derivative_(L), spare_(L) {}

  /// Row y of the inputs' pair, for left image b.
  void compute(const InputStep& s, Index pair, Index b, Index y) {
    const Row out = planes_.row(pair, b, y);
    const auto& from_left = s.centred ? planes_.left_image(b).centred : planes_.left_image(b).unit;
    const auto& from_right = s.centred ? planes_.right_image().centred : planes_.right_image().unit;
    const Index channels = plan_.image.channels;
    const P quarter = all(0.25), one = all(1);
    // (1 -+ c)/2 = |u -+ u'|^2/4 of unit vectors: nothing cancels, and identical pixels give zero.
    planes_.along(y, [&](Index x, Index q) {
      P minus = all(0), plus = minus;
      const Index p = (y * planes_.grid().width + x) * channels;
      for (Index c = 0; c < channels; ++c) {
        const P u = Planes::left(from_left.data(), p + c),
                v = P::load(from_right.data() + (q * channels + c) * L);
        const P difference = u - v, sum = u + v;
        minus = fma(difference, difference, minus);
        plus = fma(sum, sum, plus);
      }
      min(minus * quarter, one).store(out.half + x * pitch);
      if (out.complement) min(plus * quarter, one).store(out.complement + x * pitch);
    });
    if constexpr (left_mode == Left::one) without_direction(pair, out, b, y);
  }

  /// Row y of an angular activation, for left image b.
  void compute(const AngularStep& s, Index pair, Index b, Index y) {
    const Row in = planes_.row(s.map.in, b, y), out = planes_.row(pair, b, y);
    const bool angle = s.map.k_angle != 0;
    if (out.tangent)
      angle ? angular<true, true>(s.map, in, out) : angular<true, false>(s.map, in, out);
    else
      angle ? angular<false, true>(s.map, in, out) : angular<false, false>(s.map, in, out);
    if (s.map.left_std != none) constants_at_zero(s.map, out, b, y);
  }

  /// Row y of any other activation, for left image b.
  void compute(const DualStep& step, Index pair, Index b, Index y) {
    if constexpr (std::is_same_v<Scalar, double>) {
      const plan::DualStep& s = step.map;
      const Row in = planes_.row(s.in, b, y), out = planes_.row(pair, b, y);
      const bool rest = s.left_mean != none;
      planes_.along(y, [&](Index x, Index q) {
        const Index p = y * planes_.grid().width + x;
        const double* half = in.half + x * pitch;
        for (Index l = 0; l < L; ++l) spare_[l] = in.complement ? in.complement[x * pitch + l] : 1 - half[l];
        const auto at = [&](Index column, Index l) {
          return Planes::left(planes_.left_column(b, column), p, l);
        };
        const double* right_std = planes_.right_column(s.right_std) + q * L;
        const Index runs = left_mode == Left::own ? L : 1;
        for (Index l = 0; l < runs; ++l)
          s.map->evaluate(DualStrip<double>{L / runs, at(s.left_std, l), right_std + l, half + l,
                                            spare_.data() + l, value_.data() + l,
                                            out.tangent ? derivative_.data() + l : nullptr});
        for (Index l = 0; l < L; ++l) {
          const double s0 = at(s.left_std, l), s1 = right_std[l], n0 = at(s.left_out, l),
                       n1 = planes_.right_column(s.right_out)[q * L + l];
          double h = 0.5, t = 0;
          if (n0 > 0 && n1 > 0) {
            double value = value_[l], derivative = out.tangent ? derivative_[l] : 0;
            if (rest) {
              const double slopes = at(s.left_slope, l) * planes_.right_column(s.right_slope)[q * L + l];
              value -= at(s.left_mean, l) * planes_.right_column(s.right_mean)[q * L + l] +
                       slopes * s0 * s1 * (1 - 2 * half[l]);
              derivative -= slopes;
            }
            h = std::clamp((1 - value / n0 / n1) / 2, 0.0, 1.0);
            if (s.self && planes_.displacement() == 0 && planes_.same(b, l))
              h = 0;  // by definition, not by computation
            if (out.tangent) t = derivative * (s0 / n0) * (s1 / n1) * in.tangent[x * pitch + l];
          }
          out.half[x * pitch + l] = h;
          if (out.tangent) out.tangent[x * pitch + l] = t;
        }
      });
    }
  }

  /// Row y of a sum, for left image b.
  void compute(const LinearStep& s, Index pair, Index b, Index y) {
    const Row out = planes_.row(pair, b, y);
    const P zero = all(0), one = all(1), quarter = all(0.25), middle = all(0.5);
    const Index numbers = planes_.grid().width * pitch;
    const auto start = [&](Scalar* to, P value) {
      for (Index i = 0; to && i < numbers; i += pitch) value.store(to + i);
    };
    start(out.half, s.exact ? zero : middle);
    start(out.complement, s.exact ? zero : middle);
    start(out.tangent, zero);
    for (const LinearTerm& term : s.terms) {
      const Row in = term.in != none ? planes_.row(term.in, b, y) : Row{nullptr, nullptr, nullptr};
      const Scalar* from = term.left != none ? planes_.left_column(b, term.left) : nullptr;
      const Scalar* to = term.right != none ? planes_.right_column(term.right) : nullptr;
      planes_.along(y, [&](Index x, Index q) {
        const P w = from ? Planes::left(from, y * planes_.grid().width + x) : zero,
                v = to ? P::load(to + q * L) : zero;
        const P both = w * v;
        const Index i = x * pitch;
        const P h_in = in.half ? P::load(in.half + i) : zero;
        const P h = P::load(out.half + i);
        if (s.exact) {
          const P u = term.mirrored ? zero - v : v, gap = w - u, share = w * u, defect = gap * gap * quarter;
          const P m_in = in.complement ? P::load(in.complement + i) : one - h_in;
          fma(share, term.mirrored ? m_in : h_in, h + defect).store(out.half + i);
          if (out.complement) {
            const P m = P::load(out.complement + i), sum = w + v;
            (in.half ? fma(share, term.mirrored ? h_in : m_in, m + defect) : fma(sum * quarter, sum, m))
                .store(out.complement + i);
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
      planes_.identical(out, b);
  }

  /// Row y of an uncorrelated pair: h = 1/2 and t = 0.
  void compute(const IndependentStep&, Index pair, Index b, Index y) {
    const Row out = planes_.row(pair, b, y);
    for (Index i = 0; i < planes_.grid().width * pitch; i += pitch) all(0.5).store(out.half + i);
  }

  /// Row y of a pair with its true standard deviations, for left image b.
  void compute(const ExactStep& s, Index pair, Index b, Index y) {
    const Row in = planes_.row(s.in, b, y), out = planes_.row(pair, b, y);
    const Pair& p = plan_.pairs[pair];
    const Scalar* from = s.left ? planes_.left_column(b, plan_.ratio_columns[p.left]) : nullptr;
    const Scalar* to = s.right ? planes_.right_column(plan_.ratio_columns[p.right]) : nullptr;
    const P zero = all(0), one = all(1), middle = all(0.5);
    // m m' (1 - 2h) = 1 - 2h', with m = 1 + e: h' = m m' h - (e + e' + e e')/2
    planes_.along(y, [&](Index x, Index q) {
      const P e = from ? Planes::left(from, y * planes_.grid().width + x) : zero,
              f = to ? P::load(to + q * L) : zero;
      const P excess = fma(e, f, e + f), both = one + excess;
      const Index i = x * pitch;
      min(max(both * P::load(in.half + i) - middle * excess, zero), one).store(out.half + i);
      if (out.tangent) (both * P::load(in.tangent + i)).store(out.tangent + i);
    });
    if (p.left == p.right) planes_.identical(out, b);
  }

 private:
  /// A left pixel of norm detail::no_norm is at right angles to all others.
  void without_direction(Index pair, const Row& out, Index b, Index y) const {
    const Scalar* std = planes_.left_column(b, plan_.variable(plan_.pairs[pair].left).columns.std);
    for (Index x = 0; x < planes_.grid().width; ++x) {
      const Scalar norm = std[y * planes_.grid().width + x];
      if (!(norm > 0 && norm <= static_cast<Scalar>(detail::no_norm))) continue;
      all(0.5).store(out.half + x * pitch);
      if (out.complement) all(0.5).store(out.complement + x * pitch);
    }
  }

  template <bool with_tangent, bool with_angle>
  void angular(const plan::AngularStep& s, const Row& in, const Row& out) const {
    const gram_detail::AngularValues<Scalar, with_tangent, with_angle> values(s);
    const P one = all(1);
    for (Index i = 0; i < planes_.grid().width * pitch; i += pitch) {
      const P h = P::load(in.half + i);
      const auto to = values(h, in.complement ? P::load(in.complement + i) : one - h);
      if constexpr (with_tangent) (to.factor * P::load(in.tangent + i)).store(out.tangent + i);
      to.half.store(out.half + i);
    }
  }

  /// A Gaussian of variance 0 makes a constant of its activation, and a product of means of the pair.
  void constants_at_zero(const plan::AngularStep& s, const Row& out, Index b, Index y) {
    const auto at = [&](Index column, Index p, Index l) {
      return Planes::left(planes_.left_column(b, column), p, l);
    };
    planes_.along(y, [&](Index x, Index q) {
      const Index p = y * planes_.grid().width + x;
      for (Index l = 0; l < L; ++l) {
        if (at(s.left_std, p, l) > 0 && planes_.right_column(s.right_std)[q * L + l] > 0) continue;
        const Scalar sizes = at(s.left_out, p, l) * planes_.right_column(s.right_out)[q * L + l];
        if (sizes > 0)
          out.half[x * pitch + l] =
              (1 - at(s.left_mean, p, l) * planes_.right_column(s.right_mean)[q * L + l] / sizes) / 2;
      }
    });
  }

  const SpatialPlan& plan_;
  Planes& planes_;
  std::vector<double> value_, derivative_, spare_;
};

}  // namespace spatial
}  // namespace SST_ABI
}  // namespace sst
