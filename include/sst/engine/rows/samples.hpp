// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numbers>
#include <string>
#include <vector>

#include <Eigen/Core>

#include <sst/base/data_ref.hpp>
#include <sst/base/memory.hpp>
#include <sst/engine/rows/strip.hpp>
#include <sst/error.hpp>
#include <sst/plan/plan.hpp>
#include <sst/version.hpp>

namespace sst {
inline namespace SST_ABI {
namespace gram_detail {

/// Whether a plan looks at the samples less their means.
inline bool has_centred(const Plan& plan) {
  return std::any_of(plan.variables.begin(), plan.variables.end(),
                     [](const auto& v) { return v.kind == plan::VariableKind::centred_input; });
}

/// What a kernel of rows knows of each sample by itself.
template <class Scalar>
struct InputNorms {
  using Array = Eigen::Array<Scalar, Eigen::Dynamic, 1>;
  Array norm;     ///< |x| / sqrt(d)
  Array mean;     ///< of its entries
  Array centred;  ///< |x - mean| / sqrt(d)
};

/// Fills the per-sample table: the standard deviation of every variable at every sample, and the
/// weights with which linear variables combine others. Work is double or long double.
template <class Work>
class SampleTable {
 public:
  /// Throws Error for a plan that nothing was compiled into, and DataError where a variance overflows, or
  /// underflows to nothing.
  SampleTable(const Plan& plan, const DataRef& x, Index padding) : plan_(plan) {
    const auto padded = allocate(x.rows(), x.sparse() ? 0 : x.cols(), padding);
    prepare(samples_.unit, x, padded);
    if (has_centred(plan)) prepare(samples_.centred, x, padded);
    fill([&](Index i) {
      cell(plan_.input_mean, i) = mean(x, i);
      for (const plan::Variable& v : plan_.variables) {
        if (v.kind == plan::VariableKind::input) cell(v.columns.std, i) = normalise(x, i, 0, samples_.unit);
        if (v.kind == plan::VariableKind::centred_input)
          cell(v.columns.std, i) = normalise(x, i, cell(plan_.input_mean, i), samples_.centred);
      }
    });
    finish(samples_.unit);
    finish(samples_.centred);
  }
  /// The columns of samples of which these norms are known, and no angles. Throws as the other.
  SampleTable(const Plan& plan, const InputNorms<Work>& norms, Index padding) : plan_(plan) {
    const auto padded = allocate(norms.norm.size(), 1, padding);
    samples_.unit.dense.setOnes(padded, 1);  // each sample is at angle 0 with itself
    if (has_centred(plan)) samples_.centred = samples_.unit;
    fill([&](Index i) {
      const auto at = static_cast<Eigen::Index>(i);
      cell(plan_.input_mean, i) = norms.mean[at];
      for (const plan::Variable& v : plan_.variables) {
        if (v.kind == plan::VariableKind::input) cell(v.columns.std, i) = norms.norm[at];
        if (v.kind == plan::VariableKind::centred_input) cell(v.columns.std, i) = norms.centred[at];
      }
    });
  }

  Samples<Work> take() { return std::move(samples_); }

 private:
  Eigen::Index allocate(Eigen::Index count, Eigen::Index features, Index padding) {
    if (plan_.output == none)
      throw Error("the plan is empty (it was never compiled); make it with compile(topology, kernel)");
    samples_.count = static_cast<Index>(count);
    samples_.padded = (samples_.count + padding - 1) / padding * padding + padding;
    const auto padded = static_cast<Eigen::Index>(samples_.padded);
    require_memory(
        static_cast<double>(padded) * (static_cast<double>(plan_.columns) + static_cast<double>(features)) *
            sizeof(Work),
        "a table of " + std::to_string(count) + " samples for the plan of '" + plan_.topology + "'");
    samples_.columns.setZero(padded, static_cast<Eigen::Index>(plan_.columns));
    return padded;
  }
  /// Of the inputs input(i) fills the columns, the rest follows from them.
  template <class Input>
  void fill(Input&& input) {
    if (plan_.rounded_variances) {
      by_variable_.resize(plan_.variables.size());
      for (Index s = 0; s < plan_.steps.size(); ++s) {
        const Index pair = std::visit([](const auto& step) { return out_of(step); }, plan_.steps[s]);
        by_variable_[std::max(plan_.pairs[pair].left, plan_.pairs[pair].right)].push_back({pair, s});
      }
      // Eager sums are out of order here: a pair's steps together, pairs in ascending order.
      for (auto& steps : by_variable_) std::sort(steps.begin(), steps.end());
      for (Index p = 0; p < plan_.pairs.size(); ++p)
        pair_of_[{plan_.pairs[p].left, plan_.pairs[p].right}] = p;
    }
    StripMachine<Work> machine(plan_, samples_, samples_, false, false);
    for (Index i = 0; i < samples_.count; ++i) {
      input(i);
      sample(i, machine);
    }
    samples_.scale =
        samples_.columns.col(static_cast<Eigen::Index>(plan_.variables[plan_.output].columns.std));
  }

  static Index out_of(const plan::InputStep& s) { return s.pair; }
  template <class Step>
  static Index out_of(const Step& s) {
    return s.out;
  }
  Work& cell(Index column, Index i) { return samples_.columns.data()[column * samples_.padded + i]; }
  Work std_of(Index variable, Index i) { return cell(plan_.variables[variable].columns.std, i); }

  void sample(Index i, StripMachine<Work>& machine) {
    for (Index v = 0; v < plan_.variables.size(); ++v) {
      const plan::Variable& variable = plan_.variables[v];
      switch (variable.kind) {
        case plan::VariableKind::input:
        case plan::VariableKind::centred_input:
          break;
        case plan::VariableKind::activation: {
          const Work std = std_of(variable.argument, i);
          const auto m = variable.activation->moments(std);
          const auto form = variable.activation->angular();
          // The square of a representable number may not be one.
          cell(variable.columns.std, i) =
              form && form->degree == 1
                  ? std::hypot(static_cast<Work>(form->odd), static_cast<Work>(form->even)) * std
                  : std::sqrt(m.second);
          cell(variable.columns.mean, i) = m.mean;
          cell(variable.columns.slope, i) = m.slope;
          if (m.slope != 0 && std > 0 && cell(variable.columns.std, i) == 0) underflow(variable, i);
          break;
        }
        case plan::VariableKind::rest:
          cell(variable.columns.std, i) = rest_std(variable, i);
          break;
        default:
          linear(variable, i, machine);
      }
      if (!std::isfinite(cell(variable.columns.std, i)))
        throw DataError("sample " + std::to_string(i) + " makes the variance of node '" + variable.name +
                        "' overflow; scale the inputs down");
      if (plan_.rounded_variances && !by_variable_[v].empty()) {
        machine.position(i, i, 1, 0);
        for (const auto& [pair, step] : by_variable_[v]) machine.step(plan_.steps[step]);
      }
    }
  }

  [[noreturn]] static void underflow(const plan::Variable& variable, Index i) {
    throw DataError("sample " + std::to_string(i) + " makes the variance of node '" + variable.name +
                    "' underflow to zero; scale the inputs or the weights up");
  }

  static void prepare(UnitRows<Work>& rows, const DataRef& x, Eigen::Index padded) {
    rows.is_sparse = x.sparse();
    if (x.sparse()) {
      rows.sparse.resize(x.rows(), x.cols());
      rows.rest.setZero(padded, 1);
    } else {
      rows.dense.setZero(padded, x.cols());
    }
  }
  static void finish(UnitRows<Work>& rows) {
    if (rows.is_sparse) rows.sparse.finalize();
  }

  Work mean(const DataRef& x, Index i) const {
    Work total = 0;
    x.for_each(static_cast<Eigen::Index>(i),
               [&](Eigen::Index, double value) { total += static_cast<Work>(value); });
    return total / static_cast<Work>(x.cols());
  }

  /// Writes the row less `offset` at norm one; returns |row - offset| / sqrt(d).
  Work normalise(const DataRef& x, Index i, Work offset, UnitRows<Work>& to) const {
    const auto row = static_cast<Eigen::Index>(i);
    if (to.is_sparse) to.sparse.startVec(row);
    Work largest = 0, total = 0;
    Eigen::Index stored = 0;
    x.for_each(row, [&](Eigen::Index, double value) {
      largest = std::max(largest, std::abs(static_cast<Work>(value) - offset));
      ++stored;
    });
    const auto others = static_cast<Work>(x.cols() - stored);
    if (others > 0) largest = std::max(largest, std::abs(offset));
    if (largest == 0) return 0;
    x.for_each(row, [&](Eigen::Index, double value) {
      const Work scaled = (static_cast<Work>(value) - offset) / largest;
      total += scaled * scaled;
    });
    total += others * (offset / largest) * (offset / largest);
    const Work norm = std::sqrt(total);
    x.for_each(row, [&](Eigen::Index k, double value) {
      const Work unit = (static_cast<Work>(value) - offset) / largest / norm;
      if (to.is_sparse)
        to.sparse.insertBack(row, k) = unit;
      else
        to.dense(row, k) = unit;
    });
    if (to.is_sparse) to.rest(row, 0) = -offset / largest / norm;
    return largest * norm / std::sqrt(static_cast<Work>(x.cols()));
  }

  Work rest_std(const plan::Variable& rest, Index i) {
    if (const auto form = rest.activation->angular()) {
      const Work left = std::sqrt(1 - 2 / std::numbers::pi_v<Work>);
      if (form->degree == 1) return std::abs(static_cast<Work>(form->even)) * left * std_of(rest.argument, i);
      return std_of(rest.argument, i) > 0 ? std::abs(static_cast<Work>(form->odd)) * left : Work(0);
    }
    const plan::Columns& whole = plan_.variables[rest.whole].columns;
    const Work second = cell(whole.std, i) * cell(whole.std, i), m = cell(whole.mean, i);
    const Work linear = cell(whole.slope, i) * std_of(rest.argument, i);
    const Work variance = second - m * m - linear * linear;
    // Less than rounding: the activation is linear here.
    return variance > 4 * std::numeric_limits<Work>::epsilon() * second ? std::sqrt(variance) : Work(0);
  }

  Work evaluate(const plan::Coefficient& c, Index i) {
    Work value = static_cast<Work>(c.fixed);
    for (const auto& [factor, v] : c.slopes)
      value += static_cast<Work>(factor) * cell(plan_.variables[v].columns.slope, i);
    return value;
  }
  Work evaluate(const plan::Constant& c, Index i) {
    Work value = static_cast<Work>(c.fixed) + static_cast<Work>(c.input) * cell(plan_.input_mean, i);
    for (const auto& [factor, v] : c.means)
      value += static_cast<Work>(factor) * cell(plan_.variables[v].columns.mean, i);
    return value;
  }

  void linear(const plan::Variable& variable, Index i, StripMachine<Work>& machine) {
    Work scale = 0, variance = 0, inverse = 0;
    for (const plan::Expansion& e : variable.expansions) {
      raw_.clear();
      for (const auto& t : e.terms) raw_.push_back(evaluate(t.coefficient, i) * std_of(t.variable, i));
      for (const auto& c : e.constants) raw_.push_back(evaluate(c.value, i));
      if (e.kind == plan::Expansion::Kind::primary) {
        for (const Work r : raw_) scale = std::max(scale, std::abs(r));
        for (const auto& t : e.terms)
          if (scale == 0 && std_of(t.variable, i) > 0 && evaluate(t.coefficient, i) != 0)
            underflow(variable, i);
        if (scale > 0) {
          for (const Work r : raw_) variance += r / scale * (r / scale);
          for (const auto& [a, b] : e.correlated)
            variance += 2 * (raw_[a] / scale) * (raw_[b] / scale) * correlation(e, a, b, machine);
        }
        const Work std = scale * std::sqrt(std::max(variance, Work(0)));
        cell(variable.columns.std, i) = std;
        inverse = std > 0 ? 1 / std : Work(0);
      }
      Index k = 0;
      for (const auto& t : e.terms) put(t.column, i, raw_[k++], inverse, cell(variable.columns.std, i));
      for (const auto& c : e.constants) put(c.column, i, raw_[k++], inverse, cell(variable.columns.std, i));
    }
  }

  void put(Index column, Index i, Work raw, Work inverse, Work std) {
    if (column != none) cell(column, i) = inverse > 0 && std::isfinite(inverse) ? raw / std : Work(0);
  }

  Work correlation(const plan::Expansion& e, Index a, Index b, const StripMachine<Work>& machine) const {
    const Index pair = pair_of_.at({e.terms[a].variable, e.terms[b].variable});
    return 1 - 2 * machine.half(pair)[0];
  }

  const Plan& plan_;
  Samples<Work> samples_;
  std::vector<Work> raw_;
  std::vector<std::vector<std::pair<Index, Index>>> by_variable_;
  std::map<std::pair<Index, Index>, Index> pair_of_;
};

inline UnitRows<float> rounded(const UnitRows<double>& rows) {
  return {rows.dense.cast<float>(), rows.sparse.cast<float>(), rows.rest.cast<float>(), rows.is_sparse};
}

/// The per-sample table in the scalar of the strips; computed in double at least.
template <class Scalar>
Samples<Scalar> tabulate(const Plan& plan, const DataRef& x) {
  constexpr Index padding = StripMachine<Scalar>::length;
  if constexpr (std::is_same_v<Scalar, float>) {
    Samples<double> exact = SampleTable<double>(plan, x, padding).take();
    return {exact.count,
            exact.padded,
            rounded(exact.unit),
            rounded(exact.centred),
            exact.columns.cast<float>(),
            std::move(exact.scale)};
  } else {
    return SampleTable<Scalar>(plan, x, padding).take();
  }
}

/// The same of samples of which these norms are known, and no angles.
template <class Work>
Samples<Work> tabulate(const Plan& plan, const InputNorms<Work>& norms) {
  return SampleTable<Work>(plan, norms, StripMachine<Work>::length).take();
}

}  // namespace gram_detail
}  // namespace SST_ABI
}  // namespace sst
