// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <type_traits>
#include <variant>
#include <vector>

#include <Eigen/Core>

#include <sst/engine/angular_values.hpp>
#include <sst/engine/pack.hpp>
#include <sst/engine/rows/input_pairs.hpp>
#include <sst/plan/plan.hpp>
#include <sst/version.hpp>

namespace sst {
inline namespace SST_ABI {
namespace gram_detail {

using plan::Index;
using plan::none;

/// The per-sample numbers of a data set: unit rows and the plan's columns. All arrays are
/// sample-contiguous and padded with zeros to whole strips.
template <class Scalar>
struct Samples {
  using Array = Eigen::Array<Scalar, Eigen::Dynamic, Eigen::Dynamic>;

  Index count = 0;   ///< samples
  Index padded = 0;  ///< rows of the arrays
  UnitRows<Scalar> unit;
  UnitRows<Scalar> centred;  ///< the same for rows less their mean; empty when the plan has no use for it
  Array columns;             ///< padded x plan.columns
  /// Standard deviation of the output, in double at least: it may not fit the scalar.
  Eigen::Array<std::conditional_t<std::is_same_v<Scalar, float>, double, Scalar>, Eigen::Dynamic, 1> scale;

  const Scalar* column(Index c) const { return columns.data() + c * padded; }
};

/// How long a strip is: its buffers take 1 KiB each, so that a plan's worth of them stays in L1.
template <class Scalar>
inline constexpr Index strip_length = std::is_same_v<Scalar, long double> ? 1 : 1024 / sizeof(Scalar);

/// Correlations closer to +-1 than this (in (1 -+ c)/2) are recomputed in extended precision where the
/// plan cannot avoid cancellation: above it, rounding of double costs at most 2e-13 in the angle.
inline constexpr double near_one = 1e-6;

/// Runs a plan's steps over strips: one left sample against consecutive right samples.
template <class Scalar>
class StripMachine {
 public:
  /// With `shared_slots` pairs reuse memory as the plan says; without, all of them stay readable, and a strip
  /// has no more lanes than a pack.
  StripMachine(const Plan& plan, const Samples<Scalar>& left, const Samples<Scalar>& right,
               bool shared_slots = true, bool tangents = true)
      : plan_(plan),
        left_(left),
        right_(right),
        inputs_(left.unit, right.unit),
        centred_inputs_(left.centred, right.centred),
        tangents_(tangents && plan.ntk),
        stride_(shared_slots ? length : width),
        track_identical_(!plan.angular_only) {
    if (shared_slots) {
      slots_ = plan.slots;
    } else {
      slots_.resize(plan.pairs.size());
      for (Index p = 0; p < slots_.size(); ++p) slots_[p] = {3 * p, 3 * p + 1, 3 * p + 2};
    }
    const Index slots = shared_slots ? plan.slot_count : 3 * plan.pairs.size();
    buffer_.resize(static_cast<Eigen::Index>(slots * stride_));
    value_.resize(static_cast<Eigen::Index>(length));
    derivative_.resize(static_cast<Eigen::Index>(length));
    ones_.setZero(static_cast<Eigen::Index>(length));
  }

  static constexpr Index length = std::max<Index>(strip_length<Scalar>, Pack<Scalar>::size);

  /// Announces that the next strips lie in this tile of left and right samples.
  void tile(Index left, Index lefts, Index right, Index rights) {
    inputs_.tile(left, lefts, right, rights);
    if (!left_.centred.empty()) centred_inputs_.tile(left, lefts, right, rights);
  }

  /// Left sample i against right samples first .. first + count - 1 (count <= length). `same`: which of
  /// the lanes is sample i itself, or `none`. `unsure`: lanes that need extended precision are set.
  void run(Index i, Index first, Index count, Index same, unsigned char* unsure = nullptr) {
    position(i, first, count, same, unsure);
    for (const plan::Step& s : plan_.steps) step(s);
  }
  /// The steps at given angles: (1 -+ c)/2 of the inputs instead of two samples' own. For plans whose
  /// results depend on the inputs through their angle alone; per-sample numbers are those of sample 0.
  void run_at(const Scalar* half, const Scalar* complement, Index count) {
    position(0, 0, count, none);
    for (const plan::Step& s : plan_.steps) {
      if (const auto* input = std::get_if<plan::InputStep>(&s)) {
        const Buffers out = buffers(input->pair);
        std::copy_n(half, lanes_, out.half);
        if (out.complement) std::copy_n(complement, lanes_, out.complement);
      } else {
        step(s);
      }
    }
  }
  void position(Index i, Index first, Index count, Index same, unsigned char* unsure = nullptr) {
    i_ = i;
    first_ = first;
    lanes_ = (count + width - 1) / width * width;
    unsure_ = unsure;
    count_ = count;
    if (track_identical_) {
      identical_.assign(lanes_, 0);
      if (same != none) identical_[same] = 1;
    }
  }
  void step(const plan::Step& s) {
    std::visit([this](const auto& x) { this->execute(x); }, s);
  }

  /// Of the last strip: (1 - c)/2 of a pair, and its normalised tangent.
  const Scalar* half(Index pair) const { return at(slots_[pair].half); }
  const Scalar* tangent(Index pair) const { return at(slots_[pair].tangent); }

 private:
  using P = Pack<Scalar>;
  static constexpr Index width = P::size;

  Scalar* at(Index slot) { return slot == none ? nullptr : buffer_.data() + slot * stride_; }
  const Scalar* at(Index slot) const { return slot == none ? nullptr : buffer_.data() + slot * stride_; }
  Scalar left(Index column) const { return left_.column(column)[i_]; }
  const Scalar* right(Index column) const { return right_.column(column) + first_; }

  struct Buffers {
    Scalar* half;
    Scalar* complement;
    Scalar* tangent;
  };
  Buffers buffers(Index pair) {
    const auto& s = slots_[pair];
    const auto& p = plan_.pairs[pair];
    return {at(s.half), p.complement ? at(s.complement) : nullptr,
            p.tangent && tangents_ ? at(s.tangent) : nullptr};
  }

  void execute(const plan::InputStep& s) {
    const Buffers out = buffers(s.pair);
    (s.centred ? centred_inputs_ : inputs_).strip(i_, first_, lanes_, out.half, out.complement);
    if (track_identical_) mark_identical(s, out);
  }

  /// Lanes in which both samples are the same one: there h of a variable with itself is 0 by
  /// definition, also where a step could only compute it to rounding.
  void mark_identical(const plan::InputStep& s, const Buffers& out) {
    const Index std_column = plan_.variables[plan_.pairs[s.pair].left].columns.std;
    for (Index l = 0; l < count_; ++l)
      if (out.half[l] == 0 && left(std_column) == right(std_column)[l] &&
          left(plan_.input_mean) == right(plan_.input_mean)[l])
        identical_[l] = 1;
  }

  void execute(const plan::AngularStep& s) {
    const bool angle = s.k_angle != 0;
    if (s.check && unsure_) mark_unsure(s.in);
    const Buffers in = buffers(s.in), out = buffers(s.out);
    if (out.tangent)
      angle ? angular<true, true>(s, in, out) : angular<true, false>(s, in, out);
    else
      angle ? angular<false, true>(s, in, out) : angular<false, false>(s, in, out);
    if (s.left_std != none) constants_at_zero(s, out);
  }

  /// A Gaussian of variance 0 makes a constant of its activation, and a product of means of the pair.
  void constants_at_zero(const plan::AngularStep& s, const Buffers& out) const {
    const Scalar *std = right(s.right_std), *size = right(s.right_out), *mean = right(s.right_mean);
    for (Index l = 0; l < count_; ++l) {
      if (left(s.left_std) > 0 && std[l] > 0) continue;
      const Scalar sizes = left(s.left_out) * size[l];
      if (sizes > 0) out.half[l] = (1 - left(s.left_mean) * mean[l] / sizes) / 2;
    }
  }

  template <bool with_tangent, bool with_angle>
  void angular(const plan::AngularStep& s, const Buffers& in, const Buffers& out) const {
    const AngularValues<Scalar, with_tangent, with_angle> values(s);
    const auto one = constant(1);
    for (Index j = 0; j < lanes_; j += width) {
      const auto h = P::load(in.half + j);
      const auto to = values(h, in.complement ? P::load(in.complement + j) : one - h);
      if constexpr (with_tangent) (to.factor * P::load(in.tangent + j)).store(out.tangent + j);
      to.half.store(out.half + j);
    }
  }

  static P constant(double value) { return P::all(static_cast<Scalar>(value)); }

  void mark_unsure(Index pair) {
    const Buffers in = buffers(pair);
    for (Index l = 0; l < count_; ++l) {
      if (identical_[l] && plan_.pairs[pair].left == plan_.pairs[pair].right) continue;
      const Scalar m = in.complement ? in.complement[l] : 1 - in.half[l];
      if (std::min(in.half[l], m) < Scalar(near_one)) unsure_[l] = 1;
    }
  }

  void execute(const plan::DualStep& s) {
    if constexpr (!std::is_same_v<Scalar, float>) {
      const Buffers in = buffers(s.in), out = buffers(s.out);
      const Scalar* complement = in.complement;
      if (!complement) {
        for (Index l = 0; l < count_; ++l) derivative_[static_cast<Eigen::Index>(l)] = 1 - in.half[l];
        ones_ = derivative_;
        complement = ones_.data();
      }
      s.map->evaluate(DualStrip<Scalar>{count_, left(s.left_std), right(s.right_std), in.half, complement,
                                        value_.data(), out.tangent ? derivative_.data() : nullptr});
      const bool rest = s.left_mean != none;
      const Scalar s0 = left(s.left_std), n0 = left(s.left_out);
      const Scalar *s1 = right(s.right_std), *n1 = right(s.right_out);
      for (Index l = 0; l < lanes_; ++l) {
        Scalar h = Scalar(0.5), t = 0;
        if (l < count_ && n0 > 0 && n1[l] > 0) {
          const auto e = static_cast<Eigen::Index>(l);
          Scalar value = value_[e], derivative = out.tangent ? derivative_[e] : 0;
          if (rest) {
            const Scalar slopes = left(s.left_slope) * right(s.right_slope)[l];
            value -= left(s.left_mean) * right(s.right_mean)[l] + slopes * s0 * s1[l] * (1 - 2 * in.half[l]);
            derivative -= slopes;
          }
          h = std::clamp((1 - value / n0 / n1[l]) / 2, Scalar(0), Scalar(1));
          if (s.self && identical_[l]) h = 0;  // by definition, not by computation
          if (out.tangent) t = derivative * (s0 / n0) * (s1[l] / n1[l]) * in.tangent[l];
        }
        out.half[l] = h;
        if (out.tangent) out.tangent[l] = t;
      }
    }
  }

  void execute(const plan::AccumulateStep& s) {
    if (s.exact)
      s.left == none || s.right == none ? unmatched(s) : s.mirrored ? matched<true>(s) : matched<false>(s);
    else
      rounded(s);
    if (s.rate != 0 || s.constant_rate != 0) learn(s);
    if (s.last) finish(s);
  }

  /// t += rate w w' (1 - 2 h_in); a deterministic term has h_in = 0.
  void learn(const plan::AccumulateStep& s) {
    Scalar* tangent = buffers(s.out).tangent;
    if (!tangent) return;
    const Scalar* half = s.in != none ? buffers(s.in).half : nullptr;
    const auto one = constant(1);
    const auto rate = P::all(static_cast<Scalar>(s.rate) * left(s.left));
    const Scalar* weights = right(s.right);
    const bool extra = s.left_constant != none;
    const auto rate2 = extra ? P::all(static_cast<Scalar>(s.constant_rate) * left(s.left_constant)) : rate;
    const Scalar* weights2 = extra ? right(s.right_constant) : nullptr;
    for (Index j = 0; j < lanes_; j += width) {
      auto own = rate * P::load(weights + j);
      if (half) {
        const auto h = P::load(half + j);
        own = own * (one - (h + h));
      }
      if (extra) own = fma(rate2, P::load(weights2 + j), own);
      (P::load(tangent + j) + own).store(tangent + j);
    }
  }

  /// h += (w - w')^2/4 + w w' h_in, t += w w' t_in; a deterministic term has h_in = 0. Mirrored: w' and h_in
  /// are those of minus the right variable. A loop for each of the numbers, short enough for the compiler to
  /// take the cases out of it.
  template <bool mirrored>
  void matched(const plan::AccumulateStep& s) {
    const Buffers out = buffers(s.out);
    const Buffers in = s.in != none ? buffers(s.in) : Buffers{nullptr, nullptr, nullptr};
    const auto w = P::all(left(s.left)), quarter = constant(0.25), zero = constant(0), one = constant(1);
    const Scalar* weights = right(s.right);
    const bool extra = s.left_constant != none;
    const auto w2 = extra ? P::all(left(s.left_constant)) : zero;
    const Scalar* weights2 = extra ? right(s.right_constant) : nullptr;
    const bool first = s.first, close = s.last && s.add_kernel;
    const Index lanes = lanes_;
    const auto weight = [&](Index j) {
      return mirrored ? zero - P::load(weights + j) : P::load(weights + j);
    };
    const auto opposite = [&](Index j) {
      return in.complement ? P::load(in.complement + j) : one - P::load(in.half + j);
    };
    for (Index j = 0; j < lanes; j += width) {
      const auto v = weight(j), gap = w - v;
      auto defect = gap * gap;
      if (extra) {
        const auto gap2 = w2 - P::load(weights2 + j);
        defect = fma(gap2, gap2, defect);
      }
      auto h = first ? defect * quarter : fma(defect, quarter, P::load(out.half + j));
      if (in.half) h = fma(w * v, mirrored ? opposite(j) : P::load(in.half + j), h);
      h.store(out.half + j);
    }
    if (out.complement)
      for (Index j = 0; j < lanes; j += width) {  // (w + w')^2/4 of what has no h_in
        const auto v = weight(j), own = in.half ? w - v : w + v;
        auto total = own * own;
        if (extra) {
          const auto sum2 = w2 + P::load(weights2 + j);
          total = fma(sum2, sum2, total);
        }
        auto m = first ? total * quarter : fma(total, quarter, P::load(out.complement + j));
        if (in.half) m = fma(w * v, mirrored ? P::load(in.half + j) : opposite(j), m);
        m.store(out.complement + j);
      }
    if (out.tangent)
      for (Index j = 0; j < lanes; j += width) {
        auto t = first ? zero : P::load(out.tangent + j);
        if (in.tangent) t = fma(w * P::load(weights + j), P::load(in.tangent + j), t);
        if (close) {
          const auto h = P::load(out.half + j);
          t = t + (one - (h + h));
        }
        t.store(out.tangent + j);
      }
  }

  /// A term that only one side has.
  void unmatched(const plan::AccumulateStep& s) {
    const Buffers out = buffers(s.out);
    const auto quarter = constant(0.25), zero = constant(0);
    const auto w = s.left != none ? P::all(left(s.left)) : zero;
    const Scalar* weights = s.right != none ? right(s.right) : nullptr;
    for (Index j = 0; j < lanes_; j += width) {
      const auto gap = weights ? P::load(weights + j) : w;
      const auto defect = gap * gap * quarter;
      (s.first ? defect : P::load(out.half + j) + defect).store(out.half + j);
      if (out.complement) (s.first ? defect : P::load(out.complement + j) + defect).store(out.complement + j);
      if (out.tangent && s.first) zero.store(out.tangent + j);
    }
  }

  /// h -= w w' (1 - 2 h_in)/2 from h = 1/2: correlated terms, absolute accuracy only.
  void rounded(const plan::AccumulateStep& s) {
    const Buffers out = buffers(s.out);
    const Buffers in = s.in != none ? buffers(s.in) : Buffers{nullptr, nullptr, nullptr};
    const auto one = constant(1), middle = constant(0.5), zero = constant(0);
    const auto w = s.left != none ? P::all(left(s.left)) : zero;
    const Scalar* weights = s.right != none ? right(s.right) : nullptr;
    for (Index j = 0; j < lanes_; j += width) {
      const auto both = weights ? w * P::load(weights + j) : zero;
      auto c = both * middle;
      if (in.half) {
        const auto h = P::load(in.half + j);
        c = c * (one - (h + h));
      }
      ((s.first ? middle : P::load(out.half + j)) - c).store(out.half + j);
      if (out.complement) ((s.first ? middle : P::load(out.complement + j)) + c).store(out.complement + j);
      if (out.tangent) {
        auto t = s.first ? zero : P::load(out.tangent + j);
        if (in.tangent) t = fma(both, P::load(in.tangent + j), t);
        t.store(out.tangent + j);
      }
    }
  }

  void finish(const plan::AccumulateStep& s) {
    const Buffers out = buffers(s.out);
    const auto one = constant(1), zero = constant(0);
    if (!s.exact) {
      for (Index j = 0; j < lanes_; j += width) {
        min(max(P::load(out.half + j), zero), one).store(out.half + j);
        if (out.complement) min(max(P::load(out.complement + j), zero), one).store(out.complement + j);
      }
      if (s.self)
        for (Index l = 0; l < count_; ++l)
          if (identical_[l]) {
            out.half[l] = 0;
            if (out.complement) out.complement[l] = 1;
          }
    }
    const bool closed = s.exact && s.left != none && s.right != none;
    if (s.add_kernel && out.tangent && !closed)
      for (Index j = 0; j < lanes_; j += width) {
        const auto h = P::load(out.half + j);
        (P::load(out.tangent + j) + (one - (h + h))).store(out.tangent + j);
      }
  }

  const Plan& plan_;
  const Samples<Scalar>& left_;
  const Samples<Scalar>& right_;
  InputPairs<Scalar> inputs_, centred_inputs_;
  bool tangents_;
  Index stride_;  // from slot to slot
  std::vector<plan::Slots> slots_;
  Eigen::Array<Scalar, Eigen::Dynamic, 1> buffer_, value_, derivative_, ones_;
  Index i_ = 0, first_ = 0, lanes_ = 0, count_ = 0;
  bool track_identical_;
  std::vector<unsigned char> identical_;
  unsigned char* unsure_ = nullptr;
};

}  // namespace gram_detail
}  // namespace SST_ABI
}  // namespace sst
