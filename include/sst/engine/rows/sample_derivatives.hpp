// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <cstddef>
#include <utility>
#include <vector>

#include <Eigen/Core>

#include <sst/base/data_ref.hpp>
#include <sst/base/differences.hpp>
#include <sst/engine/rows/samples.hpp>
#include <sst/plan/plan.hpp>
#include <sst/version.hpp>

/// \file
/// How the numbers of samples change when these move.

namespace sst {
inline namespace SST_ABI {
namespace gram_detail {

using detail::no_norm;

/// The norms of tabulated samples, `no_norm` at least.
inline InputNorms<long double> norms_of(const Plan& plan, const Samples<double>& samples) {
  const auto n = static_cast<Eigen::Index>(samples.count);
  InputNorms<long double> out;
  const auto column = [&](Index c) {
    return Eigen::Map<const Eigen::ArrayXd>(samples.column(c), n).cast<long double>();
  };
  out.mean = column(plan.input_mean);
  for (const plan::Variable& v : plan.variables) {
    if (v.kind == plan::VariableKind::input) out.norm = column(v.columns.std);
    if (v.kind == plan::VariableKind::centred_input) out.centred = column(v.columns.std);
  }
  if (out.centred.size() == 0) out.centred.setZero(n);
  if (out.norm.size() == 0) out.norm = (out.mean.square() + out.centred.square()).sqrt();
  for (auto* list : {&out.norm, &out.centred}) *list = list->max(static_cast<long double>(no_norm));
  return out;
}

/// The samples of a, and in `norms` their norms; rows that have none get `no_norm`.
inline Samples<double> tabulate_moving(const Plan& plan, const DataRef& a, InputNorms<long double>& norms) {
  Samples<double> samples = tabulate<double>(plan, a);
  norms = norms_of(plan, samples);
  if ((norms.norm <= no_norm).any() || (has_centred(plan) && (norms.centred <= no_norm).any())) {
    const Samples<double> given =
        tabulate<double>(plan, InputNorms<double>{norms.norm.cast<double>(), norms.mean.cast<double>(),
                                                  norms.centred.cast<double>()});
    samples.columns = given.columns;
    samples.scale = given.scale;
  }
  return samples;
}

/// The numbers of samples and their derivatives in each direction, which are empty where that direction is
/// nothing to these samples.
struct SampleDerivatives {
  /// How far samples are moved: numbers have digits to spare.
  static constexpr double step = detail::difference_step / 4;

  Samples<double> samples;
  std::vector<Eigen::ArrayXXd> columns;  ///< a direction: padded x plan.columns
  std::vector<Eigen::ArrayXd> scale;     ///< a direction: of the outputs' standard deviations

  /// Samples that move in none of so many directions.
  SampleDerivatives(Samples<double> at_rest, int directions)
      : samples(std::move(at_rest)),
        columns(static_cast<std::size_t>(directions)),
        scale(static_cast<std::size_t>(directions)) {}

  /// In one direction, in which moved(by) are the same samples moved so far: by differences in extended
  /// precision.
  template <class Moved>
  void differentiate(int direction, Moved&& moved) {
    Eigen::Array<long double, Eigen::Dynamic, Eigen::Dynamic> table;
    Eigen::Array<long double, Eigen::Dynamic, 1> stds;
    for (const auto& [steps, weight] : detail::central_differences) {
      const Samples<long double> there = moved(static_cast<long double>(steps * step));
      const long double factor = static_cast<long double>(weight / (12 * step));
      if (table.size() == 0) {
        table.setZero(there.columns.rows(), there.columns.cols());
        stds.setZero(there.scale.size());
      }
      table += factor * there.columns;
      stds += factor * there.scale;
    }
    const auto n = static_cast<Eigen::Index>(samples.count), padded = samples.columns.rows();
    Eigen::ArrayXXd& column = columns[static_cast<std::size_t>(direction)];
    column.setZero(padded, samples.columns.cols());
    column.topRows(n) = table.topRows(n).cast<double>();
    Eigen::ArrayXd& std = scale[static_cast<std::size_t>(direction)];
    std.setZero(padded);
    std.head(n) = stds.head(n).cast<double>();
  }
};

/// The samples of x, and how they move in the first `count` of so many directions: at(d, by) is the plan
/// after a move of that length in direction d.
template <class PlanAt>
SampleDerivatives moving_by_plans(const Plan& plan, const DataRef& x, int directions, int count,
                                  PlanAt&& at) {
  InputNorms<long double> norms;
  SampleDerivatives out(tabulate_moving(plan, x, norms), directions);
  for (int d = 0; d < count; ++d)
    out.differentiate(d, [&](long double by) { return tabulate<long double>(at(d, by), norms); });
  return out;
}

}  // namespace gram_detail
}  // namespace SST_ABI
}  // namespace sst
