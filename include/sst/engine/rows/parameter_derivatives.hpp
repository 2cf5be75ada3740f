// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <Eigen/Core>

#include <sst/base/data_ref.hpp>
#include <sst/base/execution.hpp>
#include <sst/base/parallel.hpp>
#include <sst/base/progress.hpp>
#include <sst/engine/rows/derivative_machine.hpp>
#include <sst/engine/rows/sample_derivatives.hpp>
#include <sst/engine/rows/samples.hpp>
#include <sst/plan/kernel.hpp>
#include <sst/plan/plan.hpp>
#include <sst/version.hpp>

/// \file
/// Derivatives of kernels of rows by numbers that a plan's coefficients depend on.
///
/// Steps have no coefficients of their own: what depends on weights and biases are numbers of single samples.
/// These are differentiated by differences in extended precision, and pairs of samples exactly.

namespace sst {
inline namespace SST_ABI {
namespace gram_detail {

/// Plans along a line, of the same steps: that at 0 is where derivatives are taken.
using PlanLine = std::function<std::shared_ptr<const Plan>(double)>;

/// The derivatives of a plan's kernel along a few lines.
template <int directions>
class ParameterDerivatives {
 public:
  /// Along `count` lines, `directions` at the most; without `a`, of x against itself. Keeps a reference to
  /// the plan.
  ParameterDerivatives(const Plan& plan, Kernel kernel, const DataRef* a, const DataRef& x,
                       const PlanLine* lines, int count)
      : plan_(plan), ntk_(kernel == Kernel::ntk), count_(count), x_(moving(plan, x, lines, count)) {
    if (a) a_ = moving(plan, *a, lines, count);
  }

  /// Into `count` matrices, m x n: a column is of one sample of x. Without `a` what is above the diagonal may
  /// be left as it is.
  void fill(Eigen::MatrixXd* out, const Execution& execution) const {
    using Machine = DerivativeMachine<directions>;
    constexpr Index columns = 64, tile = 256, length = Machine::length;
    const SampleDerivatives& rows = a_ ? *a_ : x_;
    const Index m = rows.samples.count, n = x_.samples.count, blocks = (n + columns - 1) / columns;
    detail::Counter progress(execution.progress, static_cast<double>(blocks), "the derivatives of a kernel");
    detail::workers<Machine>(
        blocks, execution.threads,
        [&] { return std::make_unique<Machine>(plan_, x_, rows, PairDirections{}); },
        [&](Machine& machine, std::size_t block) {
          const Index begin = block * columns, end = std::min(n, begin + columns);
          for (Index row = a_ ? 0 : begin; row < m; row += tile) {
            const Index count = std::min(tile, m - row);
            machine.tile(begin, end - begin, row, count);
            for (Index j = begin; j < end; ++j)
              for (Index i = row; i < row + count; i += length) {
                machine.run(j, i, std::min(length, row + count - i));
                for (int d = 0; d < count_; ++d)
                  machine.derivative(ntk_, d,
                                     &out[d](static_cast<Eigen::Index>(i), static_cast<Eigen::Index>(j)));
              }
          }
          progress.add();
        });
  }

 private:
  static SampleDerivatives moving(const Plan& plan, const DataRef& x, const PlanLine* lines, int count) {
    return moving_by_plans(plan, x, directions, count,
                           [&](int d, long double by) { return Plan(*lines[d](static_cast<double>(by))); });
  }

  const Plan& plan_;
  bool ntk_;
  int count_;
  SampleDerivatives x_;
  std::optional<SampleDerivatives> a_;
};

/// dK(a_i, x_j)/dt along each line, or the lower triangle of dK(x_i, x_j)/dt without a: matrices of m x n
/// that are there already, `lines.size()` of them; a: m x d, x: n x d, both dense or both sparse. Throws
/// Cancelled.
inline void parameter_derivatives(const Plan& plan, Kernel kernel, const DataRef* a, const DataRef& x,
                                  const std::vector<PlanLine>& lines, Eigen::MatrixXd* out,
                                  const Execution& execution) {
  const auto run = [&]<int directions>(std::size_t first, std::size_t count, const Execution& part) {
    ParameterDerivatives<directions>(plan, kernel, a, x, lines.data() + first, static_cast<int>(count))
        .fill(out + first, part);
  };
  for (std::size_t first = 0; first < lines.size();) {
    const std::size_t count = std::min<std::size_t>(4, lines.size() - first);
    const Execution part = detail::pieces_of(execution, first, count, lines.size());
    if (count > 2)
      run.template operator()<4>(first, count, part);
    else
      run.template operator()<2>(first, count, part);
    first += count;
  }
}

}  // namespace gram_detail
}  // namespace SST_ABI
}  // namespace sst
