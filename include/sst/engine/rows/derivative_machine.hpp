// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <variant>
#include <vector>

#include <Eigen/Core>

#include <sst/activation/dual_derivatives.hpp>
#include <sst/engine/angular_slopes.hpp>
#include <sst/engine/pack.hpp>
#include <sst/engine/rows/input_pairs.hpp>
#include <sst/engine/rows/moving_sides.hpp>
#include <sst/engine/rows/sample_derivatives.hpp>
#include <sst/engine/rows/strip.hpp>
#include <sst/plan/plan.hpp>
#include <sst/version.hpp>

/// \file
/// The steps of a plan with their derivatives: forward mode, in a few directions at a time.

namespace sst {
inline namespace SST_ABI {
namespace gram_detail {

/// Where the derivatives of the samples' own h are 1: directions, or -1.
struct PairDirections {
  int half = -1;     ///< of h between the samples
  int centred = -1;  ///< of h between the samples less their means
};

/// Runs a plan over strips as StripMachine does, and carries with each h and t its derivatives. At h = 0 and
/// h = 1, where angles have kinks, these are the symmetric limits. Pairs of samples whose h cancels are not
/// computed again in extended precision.
template <int directions>
class DerivativeMachine : MovingSides {
 public:
  static constexpr Index length = MovingSides::length;

  DerivativeMachine(const Plan& plan, const SampleDerivatives& left, const SampleDerivatives& right,
                    const PairDirections& pairs)
      : MovingSides(left, right),
        plan_(plan),
        pairs_(pairs),
        inputs_(left.samples.unit, right.samples.unit),
        centred_inputs_(left.samples.centred, right.samples.centred) {
    buffer_.setZero(static_cast<Eigen::Index>(plan.slot_count * slot_size));
    for (auto& half : input_half_) half.fill(0.5);  // of inputs that the plan does not look at
    const auto kinked = [&](Index v) {
      const auto& phi = plan.variables[v].activation;
      return phi && !phi->kinks().empty();
    };
    for (const plan::Pair& pair : plan.pairs) kinked_.push_back(kinked(pair.left) && kinked(pair.right));
    for (int d = 0; d < directions; ++d)
      if (moves(d) || d == pairs.half || d == pairs.centred) active_ = d + 1;
  }

  /// Announces that the next strips lie in this tile of left and right samples.
  void tile(Index left, Index lefts, Index right, Index rights) {
    inputs_.tile(left, lefts, right, rights);
    if (has_centred(plan_)) centred_inputs_.tile(left, lefts, right, rights);
  }

  /// Left sample i against right samples first .. first + count - 1 (count <= length).
  void run(Index i, Index first, Index count) {
    place(i, first);
    count_ = count;
    lanes_ = (count + width - 1) / width * width;
    identical_.assign(lanes_, 0);
    for (const plan::Step& s : plan_.steps) std::visit([this](const auto& x) { this->execute(x); }, s);
  }

  /// Of the last strip, lane by lane: dK/d(direction), of the NTK where `ntk`.
  void derivative(bool ntk, int direction, double* out) {
    const Buffers result = buffers(plan_.result);
    const double *value = ntk ? result.tangent : result.half,
                 *slope = value + static_cast<Index>(direction + 1) * stride;
    const double s = left_scale(), ds = left_scale(direction);
    for (Index l = 0; l < count_; ++l) {
      const double t = right_scale(l), dt = right_scale(direction, l);
      const double v = ntk ? value[l] : 1 - 2 * value[l], dv = ntk ? slope[l] : -2 * slope[l];
      out[l] = (ds * t + s * dt) * v + s * t * dv;
    }
  }
  /// h of the samples themselves in the last strip, or of them less their means.
  const double* input_half(bool centred) const { return input_half_[centred].data(); }

 private:
  static constexpr Index width = static_cast<Index>(P::size);
  static constexpr Index stride = length;  // from a value to its first derivative
  static constexpr Index slot_size = (1 + directions) * length;

  struct Buffers {
    double *half, *complement, *tangent;
  };
  double* at(Index slot) { return slot == none ? nullptr : buffer_.data() + slot * slot_size; }
  Buffers buffers(Index pair) {
    const plan::Slots& s = plan_.slots[pair];
    return {at(s.half), at(s.complement), plan_.ntk ? at(s.tangent) : nullptr};
  }
  static P constant(double value) { return P::all(value); }

  void execute(const plan::InputStep& s) {
    const Buffers out = buffers(s.pair);
    (s.centred ? centred_inputs_ : inputs_).strip(i_, first_, lanes_, out.half, out.complement);
    const Index std = plan_.variables[plan_.pairs[s.pair].left].columns.std;
    if (left(std) <= no_norm) {  // at right angles to all others
      std::fill_n(out.half, lanes_, 0.5);
      if (out.complement) std::fill_n(out.complement, lanes_, 0.5);
    }
    std::copy_n(out.half, lanes_, input_half_[s.centred].data());
    const int own = s.centred ? pairs_.centred : pairs_.half;
    for (int d = 0; d < active_; ++d) std::fill_n(slope(out.half, d), lanes_, d == own ? 1.0 : 0.0);
    for (Index l = 0; l < count_; ++l)
      if (out.half[l] == 0 && left(std) == right(std)[l] &&
          left(plan_.input_mean) == right(plan_.input_mean)[l])
        identical_[l] = 1;
  }

  static double* slope(double* value, int d) { return value + static_cast<Index>(d + 1) * stride; }

  /// As StripMachine; see AngularSlopes.
  void execute(const plan::AngularStep& s) {
    const Buffers in = buffers(s.in), out = buffers(s.out);
    const auto one = constant(1);
    for (Index j = 0; j < lanes_; j += width) {
      const auto h = P::load(in.half + j);
      const auto slopes = angular_slopes<double>(s, h, in.complement ? P::load(in.complement + j) : one - h);
      std::array<P, directions> dh;
      for (int d = 0; d < active_; ++d) dh[index(d)] = P::load(slope(in.half, d) + j);
      if (out.tangent) {
        const auto t = P::load(in.tangent + j), bend = slopes.bend * t;
        for (int d = 0; d < active_; ++d)
          fma(bend, dh[index(d)], slopes.factor * P::load(slope(in.tangent, d) + j))
              .store(slope(out.tangent, d) + j);
        (slopes.factor * t).store(out.tangent + j);
      }
      slopes.value.store(out.half + j);
      for (int d = 0; d < active_; ++d) (slopes.gain * dh[index(d)]).store(slope(out.half, d) + j);
    }
    if (s.left_std != none) constants_at_zero(s, out);
  }
  static constexpr std::size_t index(int d) { return static_cast<std::size_t>(d); }

  void constants_at_zero(const plan::AngularStep& s, const Buffers& out) const {
    for (Index l = 0; l < count_; ++l) {
      if (left(s.left_std) > 0 && right(s.right_std)[l] > 0) continue;
      const double sizes = left(s.left_out) * right(s.right_out)[l];
      if (!(sizes > 0)) continue;
      out.half[l] = (1 - left(s.left_mean) * right(s.right_mean)[l] / sizes) / 2;
      for (int d = 0; d < active_; ++d) slope(out.half, d)[l] = 0;
    }
  }

  /// h' = (1 - V/(n n'))/2 and t' = D (s/n) (s'/n') t, V less means and slopes where the pair is one of
  /// rests.
  void execute(const plan::DualStep& s) {
    const Buffers in = buffers(s.in), out = buffers(s.out);
    if (!in.complement)
      for (Index l = 0; l < count_; ++l) complement_[l] = 1 - in.half[l];
    const DualStrip<double> strip{.count = count_,
                                  .left_std = left(s.left_std),
                                  .right_std = right(s.right_std),
                                  .half = in.half,
                                  .complement = in.complement ? in.complement : complement_.data(),
                                  .value = nullptr,
                                  .derivative = nullptr};
    partials_.evaluate(*s.map, strip, kinked_[s.out]);
    const bool rest = s.left_mean != none;
    for (Index l = 0; l < lanes_; ++l) {
      const bool alive = l < count_ && left(s.left_out) > 0 && right(s.right_out)[l] > 0;
      if (alive) {
        dual(s, in, out, l, rest);
        continue;
      }
      out.half[l] = 0.5;
      if (out.tangent) out.tangent[l] = 0;
      for (int d = 0; d < active_; ++d) {
        slope(out.half, d)[l] = 0;
        if (out.tangent) slope(out.tangent, d)[l] = 0;
      }
    }
  }
  void dual(const plan::DualStep& s, const Buffers& in, const Buffers& out, Index l, bool rest) {
    const double a = left(s.left_std), b = right(s.right_std)[l], n = left(s.left_out),
                 m = right(s.right_out)[l];
    const double h = in.half[l], c = 1 - 2 * h, t = out.tangent ? in.tangent[l] : 0;
    double value = partials_.value[l], slope_value = partials_.slope[l], slopes = 0;
    if (rest) {
      slopes = left(s.left_slope) * right(s.right_slope)[l];
      value -= left(s.left_mean) * right(s.right_mean)[l] + slopes * a * b * c;
      slope_value -= slopes;
    }
    const double ratio = value / n / m, factor = (a / n) * (b / m);
    for (int d = 0; d < active_; ++d) {
      const double dh = slope(in.half, d)[l];
      const double da = relative(left(s.left_std, d), a), db = relative(right(s.right_std, d, l), b);
      const double dn = left(s.left_out, d) / n, dm = right(s.right_out, d, l) / m;
      double dv =
          -2 * a * b * partials_.slope[l] * dh + partials_.value_left[l] * da + partials_.value_right[l] * db;
      double dd = partials_.slope_half[l] * dh + partials_.slope_left[l] * da + partials_.slope_right[l] * db;
      if (rest) {
        const double turn =
            left(s.left_slope, d) * right(s.right_slope)[l] + left(s.left_slope) * right(s.right_slope, d, l);
        dv -= left(s.left_mean, d) * right(s.right_mean)[l] + left(s.left_mean) * right(s.right_mean, d, l) +
              a * b * (turn * c + slopes * (c * (da + db) - 2 * dh));
        dd -= turn;
      }
      slope(out.half, d)[l] = -(dv / n / m - ratio * (dn + dm)) / 2;
      if (out.tangent)
        slope(out.tangent, d)[l] =
            factor * (t * (dd + slope_value * (da + db - dn - dm)) + slope_value * slope(in.tangent, d)[l]);
    }
    out.half[l] = s.self && identical_[l] ? 0 : std::clamp((1 - ratio) / 2, 0.0, 1.0);
    if (out.tangent) out.tangent[l] = slope_value * factor * t;
  }
  static double relative(double slope, double value) { return value > 0 ? slope / value : 0; }

  void execute(const plan::AccumulateStep& s) {
    if (s.exact)
      s.left == none || s.right == none ? unmatched(s) : matched(s);
    else
      rounded(s);
    if (s.rate != 0 || s.constant_rate != 0) learn(s);
    if (s.last) finish(s);
  }

  /// t += rate w v (1 - 2 h_in); a deterministic term has h_in = 0.
  void learn(const plan::AccumulateStep& s) {
    const Buffers out = buffers(s.out);
    if (!out.tangent) return;
    const Buffers in = s.in != none ? buffers(s.in) : Buffers{nullptr, nullptr, nullptr};
    const auto one = constant(1), zero = constant(0), rate = constant(s.rate),
               rate2 = constant(s.constant_rate);
    const auto w = P::all(left(s.left));
    const bool extra = s.left_constant != none;
    const auto w2 = extra ? P::all(left(s.left_constant)) : zero;
    for (Index j = 0; j < lanes_; j += width) {
      const auto v = P::load(right(s.right) + j), half = in.half ? P::load(in.half + j) : zero;
      const auto c = one - (half + half), v2 = extra ? P::load(right(s.right_constant) + j) : zero;
      for (int d = 0; d < active_; ++d) {
        auto dt = rate * fma(P::all(left(s.left, d)), v, w * right_pack(s.right, d, j)) * c;
        if (in.half) dt = dt - rate * w * v * constant(2) * P::load(slope(in.half, d) + j);
        if (extra)
          dt = fma(rate2, fma(P::all(left(s.left_constant, d)), v2, w2 * right_pack(s.right_constant, d, j)),
                   dt);
        add(false, dt, slope(out.tangent, d) + j);
      }
      add(false, fma(rate * w, v * c, rate2 * w2 * v2), out.tangent + j);
    }
  }

  /// h += (w - v)^2/4 + w v h_in, t += w v t_in; mirrored: v and h_in of minus the right variable. A
  /// deterministic term has h_in = 0; a constant beside a term adds (w2 - v2)^2/4.
  void matched(const plan::AccumulateStep& s) {
    const Buffers out = buffers(s.out);
    const bool extra = s.left_constant != none, term = s.in != none;
    const Buffers in = term ? buffers(s.in) : Buffers{zeros(), nullptr, nullptr};
    const double *weights = right(s.right), *weights2 = extra ? right(s.right_constant) : zeros();
    const double* tangents = in.tangent ? in.tangent : zeros();
    const auto sign = constant(s.mirrored ? -1 : 1), quarter = constant(0.25), middle = constant(0.5);
    const auto zero = constant(0), one = constant(1), w = P::all(left(s.left));
    const auto w2 = extra ? P::all(left(s.left_constant)) : zero;
    const auto opposite = [&](Index j) {
      return in.complement ? P::load(in.complement + j) : one - P::load(in.half + j);
    };
    for (int d = 0; d < active_; ++d) {
      const auto dw = P::all(left(s.left, d)), dw2 = extra ? P::all(left(s.left_constant, d)) : zero;
      const double *moved = right(s.right, d), *moved2 = extra ? right(s.right_constant, d) : zeros();
      const double* dhalf = term ? slope(in.half, d) : zeros();
      const double* dtangent = in.tangent ? slope(in.tangent, d) : zeros();
      double *to = slope(out.half, d), *to_tangent = out.tangent ? slope(out.tangent, d) : nullptr;
      for (Index j = 0; j < lanes_; j += width) {
        const auto v = sign * P::load(weights + j), dv = sign * P::load(moved + j), turned = w * v * sign;
        const auto dboth = fma(dw, v, w * dv), gap2 = w2 - P::load(weights2 + j);
        const auto sum = fma(gap2, dw2 - P::load(moved2 + j), (w - v) * (dw - dv));
        const auto inner = term && s.mirrored ? opposite(j) : P::load(in.half + j);
        add(s.first, fma(turned, P::load(dhalf + j), fma(sum, middle, dboth * inner)), to + j);
        if (to_tangent)
          add(s.first, fma(turned, P::load(dtangent + j), dboth * sign * P::load(tangents + j)),
              to_tangent + j);
      }
    }
    for (Index j = 0; j < lanes_; j += width) {
      const auto v = sign * P::load(weights + j), both = w * v, gap = w - v;
      const auto v2 = P::load(weights2 + j), gap2 = w2 - v2, half = P::load(in.half + j);
      const auto square = gap * gap, defect = fma(gap2, gap2, square);
      add(s.first, fma(both, term && s.mirrored ? opposite(j) : half, defect * quarter), out.half + j);
      if (out.complement) {  // (w + v)^2/4 of what has no h_in
        const auto sum = w + v, sum2 = w2 + v2, total = fma(sum2, sum2, term ? square : sum * sum);
        auto m = total * quarter;
        if (term) m = fma(both, s.mirrored ? half : opposite(j), m);
        add(s.first, m, out.complement + j);
      }
      if (out.tangent) add(s.first, both * sign * P::load(tangents + j), out.tangent + j);
    }
  }
  static void add(bool first, P value, double* to) { (first ? value : value + P::load(to)).store(to); }

  /// A term that only one side has.
  void unmatched(const plan::AccumulateStep& s) {
    const Buffers out = buffers(s.out);
    const bool lefts = s.left != none;
    for (Index j = 0; j < lanes_; j += width) {
      const auto w = lefts             ? P::all(left(s.left))
                     : s.right != none ? P::load(right(s.right) + j)
                                       : constant(0);
      for (int d = 0; d < active_; ++d) {
        const auto dw = lefts             ? P::all(left(s.left, d))
                        : s.right != none ? right_pack(s.right, d, j)
                                          : constant(0);
        add(s.first, constant(0.5) * w * dw, slope(out.half, d) + j);
        if (out.tangent && s.first) constant(0).store(slope(out.tangent, d) + j);
      }
      add(s.first, constant(0.25) * w * w, out.half + j);
      if (out.complement) add(s.first, constant(0.25) * w * w, out.complement + j);
      if (out.tangent && s.first) constant(0).store(out.tangent + j);
    }
  }

  /// h -= w v (1 - 2 h_in)/2, from h = 1/2.
  void rounded(const plan::AccumulateStep& s) {
    const Buffers out = buffers(s.out);
    const Buffers in = s.in != none ? buffers(s.in) : Buffers{nullptr, nullptr, nullptr};
    const auto one = constant(1), middle = constant(0.5), zero = constant(0);
    const bool matched = s.left != none && s.right != none;
    const auto w = s.left != none ? P::all(left(s.left)) : zero;
    for (Index j = 0; j < lanes_; j += width) {
      const auto v = s.right != none ? P::load(right(s.right) + j) : zero, both = w * v;
      const auto half = in.half ? P::load(in.half + j) : zero, c = one - (half + half);
      const auto tangent = in.tangent ? P::load(in.tangent + j) : zero;
      for (int d = 0; d < active_; ++d) {
        const auto dboth = matched ? fma(P::all(left(s.left, d)), v, w * right_pack(s.right, d, j)) : zero;
        auto dh = zero - middle * dboth * c;
        if (in.half) dh = fma(both, P::load(slope(in.half, d) + j), dh);
        add(s.first, dh, slope(out.half, d) + j);
        if (!out.tangent) continue;
        auto dt = dboth * tangent;
        if (in.tangent) dt = fma(both, P::load(slope(in.tangent, d) + j), dt);
        add(s.first, dt, slope(out.tangent, d) + j);
      }
      const auto c_sum = both * middle * c;
      ((s.first ? middle : P::load(out.half + j)) - c_sum).store(out.half + j);
      if (out.complement)
        ((s.first ? middle : P::load(out.complement + j)) + c_sum).store(out.complement + j);
      if (out.tangent) add(s.first, both * tangent, out.tangent + j);
    }
  }

  void finish(const plan::AccumulateStep& s) {
    const Buffers out = buffers(s.out);
    if (!s.exact)
      for (Index l = 0; l < lanes_; ++l) {
        const bool same = s.self && identical_[l];
        out.half[l] = same ? 0 : std::clamp(out.half[l], 0.0, 1.0);
        if (out.complement) out.complement[l] = same ? 1 : std::clamp(out.complement[l], 0.0, 1.0);
      }
    if (!s.add_kernel || !out.tangent) return;
    const auto one = constant(1), twice = constant(-2);
    for (Index j = 0; j < lanes_; j += width) {
      add(false, fma(twice, P::load(out.half + j), one), out.tangent + j);
      for (int d = 0; d < active_; ++d)
        add(false, twice * P::load(slope(out.half, d) + j), slope(out.tangent, d) + j);
    }
  }

  const Plan& plan_;
  PairDirections pairs_;
  InputPairs<double> inputs_, centred_inputs_;
  std::vector<bool> kinked_;
  Eigen::ArrayXd buffer_;
  int active_ = 0;  // directions, up to the last one in which anything moves
  std::array<double, length> complement_;
  std::array<std::array<double, length>, 2> input_half_;
  DualDerivatives partials_;
  std::vector<unsigned char> identical_;
  Index lanes_ = 0, count_ = 0;
};

}  // namespace gram_detail
}  // namespace SST_ABI
}  // namespace sst
