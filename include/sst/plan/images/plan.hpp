// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <variant>
#include <vector>

#include <sst/plan/plan.hpp>
#include <sst/topology/image_shape.hpp>
#include <sst/topology/topology.hpp>
#include <sst/version.hpp>

/// \file
/// What the kernel of images takes to compute, as data. docs/spatial.md derives the steps.
///
/// As for rows (plan/plan.hpp), but variables are random functions of a sample and a position p, and a
/// pair (u, v) has half-angle values h and tangents t per pair of positions. These are kept as planes: the
/// plane of displacement d holds (p, p + d) for all p, p + d modulo the grid, so that every plane is
/// full and all of them make up all pairs of positions.

/// What a topology compiled for images consists of, and what computes its kernel.
namespace sst {
inline namespace SST_ABI {
namespace spatial {

using plan::Index;
using plan::none;

/// A weighted sum of other variables.
inline bool is_linear(plan::VariableKind kind) {
  using enum plan::VariableKind;
  return kind == gaussian || kind == mixture || kind == fan_in || kind == readout;
}
/// An activation, whole or without its mean and linear part.
inline bool is_nonlinear(plan::VariableKind kind) {
  return kind == plan::VariableKind::activation || kind == plan::VariableKind::rest;
}

/// Numbers per sample and position: a table's column; `depth` of them side by side.
struct Column {
  Grid grid;        ///< its positions
  Index depth = 1;  ///< numbers for each position
  /// Numbers per sample.
  Index size() const { return grid.size() * depth; }
};

/// A weight of a linear variable: (coefficient x std of `variable`, or a constant) / std of `owner`.
struct WeightColumn {
  Index owner, column;                 ///< the linear variable, and where its weights are
  Index variable = none;               ///< none: a constant
  plan::Coefficient coefficient = {};  ///< where there is a variable
  plan::Constant constant = {};        ///< where there is none
};

/// What a source's windows read. Let a = weight_std/sqrt(h w) std of the fan-in, r its norm over a window's
/// row and s = sqrt(r's norm^2 + bias_std^2) the source's std. All columns are shares in a norm, by position
/// and tap.
struct WindowColumns {
  Window window;        ///< rows, columns
  Index biases = 0;     ///< 1 with a bias: its share bias_std / s comes after those of the taps
  Index across = none;  ///< planar windows pass over columns first: a_o / r,
  Index down = none;    ///< then over rows: r_o / s
  Index taps = none;    ///< others: a_o / s
  /// Whether rows and columns are passed over one after the other.
  bool planar() const { return across != none; }
};

/// The pair of the inputs.
struct InputStep {
  bool centred;  ///< the samples less their means over channels
};
/// plan::AngularStep and plan::DualStep of the pair `in`.
struct AngularStep {
  plan::AngularStep map;  ///< its coefficients, pairs and columns
};
/// As AngularStep, for any other activation.
struct DualStep {
  plan::DualStep map;  ///< its map, pairs and columns
};
/// h = sum_i (w_i - w_i')^2/4 + w_i w_i' h_i at one pair of positions; a term without a partner has one
/// weight.
struct LinearTerm {
  Index in = none;                  ///< none: deterministic, or without a partner
  Index left = none, right = none;  ///< columns of weights
  bool mirrored = false;            ///< the weights have opposite signs: as plan::AccumulateStep
};
/// The sum of linear terms.
struct LinearStep {
  std::vector<LinearTerm> terms;  ///< what is added
  bool exact;                     ///< otherwise h = 1/2 - sum_i w_i w_i' (1 - 2 h_i)/2
};
/// The same over the taps of the windows of two sources with the same weights, and their own tangent: t +=
/// weight_rate sum_i w_i w_i' (1 - 2 h_i) + bias_rate w_b w_b', where both rates are 1 t += 1 - 2h at the
/// end.
struct WindowStep {
  Index in;  ///< the pair of what the windows see
};
/// Sum of std std' h over the windows of pools, on one side or both.
struct PoolStep {
  Index in;          ///< the pair before the pools
  bool left, right;  ///< the sides that are pooled
};
/// The mean over p = p'.
struct FlattenStep {
  Index in;  ///< the pair before it is flattened
};
/// From a scale to the true standard deviation: c -> m m' c, m = scale/std.
struct ExactStep {
  Index in;          ///< the pair of the scaled variables
  bool left, right;  ///< the sides that have a scale
};
/// Uncorrelated.
struct IndependentStep {};

/// How a pair is computed.
using Step = std::variant<InputStep, AngularStep, DualStep, LinearStep, WindowStep, PoolStep, FlattenStep,
                          ExactStep, IndependentStep>;

/// The covariance of u at (x, p) and v at (x', p'), and which displacements of it are needed.
struct Pair {
  Index left, right;        ///< variables, at the left and at the right sample
  Grid grid = {};           ///< the positions p
  Step step = {};           ///< how it is computed
  bool tangent = false;     ///< its tangent kernel is wanted and not zero
  bool complement = false;  ///< (1 + c)/2 is carried too
  bool rounded = false;     ///< computed with cancellation: absolute, not relative accuracy in h
  std::string reason = {};  ///< why it is needed, for printing
  Index stage = 0;          ///< of the passes that computes it
  std::vector<unsigned char> needed = {};  ///< by displacement
};

}  // namespace spatial
}  // namespace SST_ABI
}  // namespace sst

namespace sst {
inline namespace SST_ABI {

/// A topology compiled for images of one shape; make one with `compile(topology, kernel, shape)`. Immutable.
struct SpatialPlan {
  std::string topology;                                      ///< its name
  ImageShape image;                                          ///< of the samples
  bool ntk = false;                                          ///< tangents are computed
  Plan base;                                                 ///< its variables
  std::vector<spatial::Grid> grids;                          ///< of each variable
  std::vector<spatial::Index> stages;                        ///< of each variable
  std::vector<bool> scaled;                                  ///< of each variable: its std is but a scale
  std::vector<spatial::WindowColumns> windows;               ///< of each variable; sources alone have one
  std::vector<std::vector<spatial::Window>> pools;           ///< of each variable; pooled ones have some
  std::vector<std::vector<spatial::Window>> constant_pools;  ///< of Plan::pooled_constants
  std::vector<spatial::Index> flat_columns, ratio_columns;   ///< of flattened and of exact variables
  std::vector<spatial::WeightColumn> weights;                ///< of the linear variables
  std::vector<spatial::Column> columns;                      ///< of the table of numbers per sample
  std::vector<spatial::Pair> pairs;                          ///< each after those it needs
  spatial::Index result = plan::none;                        ///< pair
  spatial::Index input_mean = plan::none;                    ///< column of mean_c(x)
  bool own_covariances = false;  ///< some variance takes the covariances of a sample with itself
  bool angular_only = true;      ///< nothing rounded, no dual maps: float keeps its accuracy

  /// The variable with this index.
  const plan::Variable& variable(spatial::Index v) const { return base.variables[v]; }
  /// What is divided: h and t do not see by what.
  spatial::Index undivided(spatial::Index v) const {
    while (variable(v).kind == plan::VariableKind::normalised) v = variable(v).argument;
    return v;
  }
  /// Pairs of positions, over all pairs of variables: what one pair of images costs.
  double entries() const {
    double total = 0;
    for (const auto& pair : pairs)
      for (const unsigned char need : pair.needed) total += need ? static_cast<double>(pair.grid.size()) : 0;
    return total;
  }
};

}  // namespace SST_ABI
}  // namespace sst
