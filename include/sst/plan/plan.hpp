// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <limits>
#include <memory>
#include <ostream>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <sst/activation/activation.hpp>
#include <sst/plan/kernel.hpp>
#include <sst/version.hpp>

/// \file
/// What a topology's kernel takes to compute, as data: variables (random functions of a sample), the
/// pairs of them whose covariance is needed, and the steps that compute those, in order.
///
/// Everything is normalised. A variable u has a standard deviation s_u(x) per sample; a pair (u, v)
/// has, per pair of samples, the half-angle value h = (1 - c)/2 of the correlation c and the
/// normalised tangent t, so that K = s_u s_v' (1 - 2h) and T = s_u s_v' t. docs/mathematics.md
/// derives the steps.

namespace sst {
inline namespace SST_ABI {

/// What a compiled topology consists of. Computing kernels takes none of it by name.
namespace plan {

/// A position in one of the plan's lists.
using Index = std::size_t;
/// The index of nothing.
inline constexpr Index none = std::numeric_limits<Index>::max();

/// A coefficient: in extended precision, since sums of them may cancel.
using Number = long double;
/// (factor, index): factors of the same index are added up.
using Factors = std::vector<std::pair<Number, Index>>;

/// fixed + sum_k factor_k E[phi_k'](x): a coefficient that may depend on the sample through the
/// Stein factors of activations.
struct Coefficient {
  Number fixed = 0;     ///< the part that is the same for all samples
  Factors slopes = {};  ///< of activation variables
  /// Whether it is 0 for every sample.
  bool zero() const { return fixed == 0 && slopes.empty(); }
  /// Whether the two are the same sum.
  friend bool operator==(const Coefficient&, const Coefficient&) = default;
};

/// fixed + sum_k factor_k E[phi_k](x) + input_factor mean_c(x): the deterministic part of a value.
struct Constant {
  Number fixed = 0;     ///< the part that is the same for all samples
  Number input = 0;     ///< input_factor
  Factors means = {};   ///< of activation variables
  Factors pooled = {};  ///< of Plan::pooled_constants
  /// Whether it is 0 for every sample.
  bool zero() const { return fixed == 0 && input == 0 && means.empty() && pooled.empty(); }
  /// Whether the two are the same sum.
  friend bool operator==(const Constant&, const Constant&) = default;
};

/// The deterministic part of what pools take, after the pools `nodes` one after the other.
struct PooledConstant {
  Constant value;            ///< what the first pool takes
  std::vector<Index> nodes;  ///< the pooling nodes, in order
};

/// One random function of the sample that the plan tracks.
enum class VariableKind {
  input,          ///< the sample
  centred_input,  ///< the sample less its mean over channels
  source,         ///< output of a dense node: Gaussian
  gaussian,       ///< a linear combination of sources
  activation,     ///< phi(g) as a whole
  rest,           ///< phi(g) - E phi - E[phi'] g
  mixture,        ///< a linear combination of sources, rests and the centred input
  readout,        ///< the output, when it is none of the above: blocks side by side
  // On images (spatial/):
  fan_in,      ///< what a source multiplies, at one position: blocks side by side
  pooled,      ///< means over windows of `argument`
  flattened,   ///< `argument`, positions side by side
  normalised,  ///< `argument` divided by the standard deviation of `divisor`
  exact        ///< `argument`, whose std is but a scale (that of pooled parts), with its true std
};

/// A term of a linear variable: coefficient times another variable.
struct Term {
  Index variable;           ///< the variable that is weighted
  Coefficient coefficient;  ///< its weight
  Index block = 0;          ///< channel block of the dense node's input
  double start = 0;         ///< where in the input's width the variable's first channel is
  Index column = none;      ///< per-sample weights coefficient s_variable / s_owner
};

/// A deterministic term of a linear variable.
struct ConstantTerm {
  Constant value;       ///< what is added
  Index block = 0;      ///< channel block of the dense node's input
  bool bias = false;    ///< the dense node's own bias
  Index column = none;  ///< per-sample weights value / s_owner
};

/// A linear variable written out over others; several may exist for one variable.
struct Expansion {
  /// Over which variables it is written.
  enum class Kind {
    primary,  ///< over the largest variables that are mutually uncorrelated
    flat,     ///< a Gaussian over its sources
    tied      ///< a source over what every source of its shared weights is written in
  };
  Kind kind = Kind::primary;     ///< which one this is
  std::vector<Term> terms = {};  ///< the random and the deterministic part
  std::vector<ConstantTerm> constants = {};
  bool orthogonal = true;                                ///< no two terms are correlated
  std::vector<std::pair<Index, Index>> correlated = {};  ///< otherwise: which (positions i < j)
};

/// Per-sample numbers of a variable, as columns of the sample table; `none` where not needed.
struct Columns {
  Index std = none;    ///< s, the standard deviation
  Index mean = none;   ///< activation: E phi
  Index slope = none;  ///< activation: E phi'
  /// Whether all of it is the same.
  friend bool operator==(const Columns&, const Columns&) = default;
};

/// A random function of the sample, and all that the steps need of it.
struct Variable {
  VariableKind kind;                       ///< what it is
  std::string name;                        ///< of the node it stems from
  Index node = none;                       ///< that node
  ActivationPtr activation = nullptr;      ///< activation, rest
  Index argument = none;                   ///< activation, rest: the Gaussian variable; rest: see `whole`
  Index whole = none;                      ///< rest: its activation variable
  Index divisor = none;                    ///< normalised
  std::vector<Index> pools = {};           ///< pooled: the nodes, one after the other
  std::vector<Expansion> expansions = {};  ///< linear kinds; the first one defines the variance
  Columns columns = {};                    ///< where its per-sample numbers are
  /// source: how fast its weights and its bias learn, relative to the rest; one that it does not have has the
  /// rate of the other
  double weight_rate = 1, bias_rate = 1;
};

/// The covariance between two variables, u at the left sample and v at the right one.
struct Pair {
  Index left, right;        ///< variables, at the left and at the right sample
  bool tangent = false;     ///< its tangent kernel is wanted and not zero
  bool complement = false;  ///< (1 + c)/2 is carried beside (1 - c)/2: correlations near -1 occur
  bool rounded = false;     ///< computed with cancellation: absolute, not relative accuracy in h
  std::string reason;       ///< why it is needed, for printing
};

/// Numbers that live in L1 while a strip of sample pairs passes through the steps.
struct Slots {
  /// Where h, (1 + c)/2 and t are; `none`: not carried.
  Index half = none, complement = none, tangent = none;
};

/// The pair of the inputs themselves.
struct InputStep {
  Index pair;    ///< the pair that it fills
  bool centred;  ///< the samples less their means over channels
  /// Whether all of it is the same.
  friend bool operator==(const InputStep&, const InputStep&) = default;
};

/// An angular activation on a pair of Gaussians:
/// h' = k0 + k_half h + k_abs A(h) + k_angle theta/pi,  t' = (d0 + d_angle (1 - 2 theta/pi)) t,
/// with A the half-angle map of |z| and theta the angle of the pair.
struct AngularStep {
  Index in, out;                      ///< pairs: of the Gaussians, of the results
  double k0, k_half, k_abs, k_angle;  ///< of the formula for h'
  double d0, d_angle;                 ///< of the formula for t'
  bool check;                         ///< h may be rounded: tell pairs that need extended precision
  /// Columns as in DualStep, set where a Gaussian of variance 0 gives a constant other than 0 (the step
  /// function): there E is the product of the means.
  Index left_std = none, right_std = none, left_out = none, right_out = none;
  Index left_mean = none, right_mean = none;  ///< columns: of the means
  /// Whether all of it is the same.
  friend bool operator==(const AngularStep&, const AngularStep&) = default;
};

/// Any other activation on a pair of Gaussians, through its dual map.
struct DualStep {
  Index in, out;                       ///< pairs: of the Gaussians, of the results
  std::shared_ptr<const DualMap> map;  ///< of both activations
  Index left_std, right_std;           ///< columns: of the Gaussians
  Index left_out, right_out;           ///< columns: of the results
  Index left_mean = none, right_mean = none, left_slope = none, right_slope = none;  ///< rests
  bool self;  ///< the same variable on both sides: h = 0 on identical samples by definition
  /// Whether all of it is the same.
  friend bool operator==(const DualStep&, const DualStep&) = default;
};

/// Adds one term to a pair of linear variables, weights w (left) and w' (right):
/// exact:    h += (w - w')^2/4 + w w' h_in,   t += w w' t_in
/// mirrored: h += (w + w')^2/4 - w w' (1 - h_in): the same where w w' < 0, again without a difference
/// rounded:  h -= w w' (1 - 2 h_in)/2, from h = 1/2
/// A dense layer's own weights and bias add t += 1 - 2h in the end where both learn at the rate 1
/// (`add_kernel`), else t += rate w w' (1 - 2 h_in) with each term.
struct AccumulateStep {
  Index out;          ///< the pair that is summed up
  Index in;           ///< `none`: a deterministic term, or one without a partner on the other side
  Index left, right;  ///< columns of weights; one of them `none`: no partner
  Index left_constant = none, right_constant = none;  ///< columns of a deterministic term added on the way
  bool exact = true;                                  ///< otherwise the formula `rounded`
  bool mirrored = false;                              ///< with `exact`: the weights have opposite signs
  bool first = false;                                 ///< starts the sum
  bool last = false;                                  ///< ends it
  bool add_kernel = false;                            ///< with `last`: t += 1 - 2h
  double rate = 0;           ///< without add_kernel: that of the term's own weights, 0 where they are none
  double constant_rate = 0;  ///< that of the deterministic term added on the way
  bool self = false;         ///< the same variable on both sides
  /// Whether all of it is the same.
  friend bool operator==(const AccumulateStep&, const AccumulateStep&) = default;
};

/// One thing to do with the numbers of a pair of samples.
using Step = std::variant<InputStep, AngularStep, DualStep, AccumulateStep>;

}  // namespace plan

/// A topology compiled: see the file's comment. Immutable; make one with `compile`.
struct Plan {
  std::string topology;                                ///< its name
  bool ntk = false;                                    ///< tangents are computed
  std::vector<plan::Variable> variables;               ///< the random functions that are tracked
  std::vector<plan::PooledConstant> pooled_constants;  ///< on images
  std::vector<plan::Pair> pairs;                       ///< the covariances that are needed
  std::vector<plan::Slots> slots;                      ///< of each pair
  std::vector<plan::Step> steps;                       ///< in the order in which they run
  plan::Index output = plan::none;                     ///< variable
  plan::Index result = plan::none;                     ///< pair
  plan::Index columns = 0;                             ///< per-sample numbers
  plan::Index input_mean = plan::none;                 ///< column of mean_c(x)
  plan::Index slot_count = 0;                          ///< how many numbers the slots of all pairs take
  bool rounded_variances = false;                      ///< some variance needs covariances between variables
  bool needs_extended = false;  ///< some pairs may have to be recomputed in extended precision
  bool angular_only = true;     ///< no DualStep and nothing rounded: float keeps its accuracy
};

}  // namespace SST_ABI
}  // namespace sst
