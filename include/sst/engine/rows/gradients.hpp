// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <Eigen/Core>

#include <sst/base/data_ref.hpp>
#include <sst/base/execution.hpp>
#include <sst/base/memory.hpp>
#include <sst/base/parallel.hpp>
#include <sst/engine/rows/derivative_machine.hpp>
#include <sst/engine/rows/samples.hpp>
#include <sst/error.hpp>
#include <sst/linalg/tile_tasks.hpp>
#include <sst/plan/kernel.hpp>
#include <sst/plan/plan.hpp>
#include <sst/version.hpp>

/// \file
/// Gradients of kernels of rows by the features of one side, summed over the other.
///
/// A plan's kernel is a function of the norms of both samples and of h = |u - u'|^2/4 between them at norm
/// one (and, where it looks at samples less their means, of the means, the norms and the h of those). Hence
/// with W_ij the weights, and r the norm of sample x
///
///     sum_j W_ij dK_ij/dx = (u sum_j W_ij dK/dln r + sum_j W_ij dK/dh r dh/dx)/r,   r dh/dx = -(u' - u + 2 h
///     u)/2:
///
/// products of matrices, and no loop over features.

namespace sst {
inline namespace SST_ABI {
namespace gram_detail {

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

/// The numbers of samples at given norms and angles, with derivatives in the directions `own` of `all`: by
/// fourth-order differences of the table in extended precision, at(k) being the norms at k steps in own[d].
template <class Table>
SampleDerivatives differentiate(Samples<double> samples, int all, const std::vector<int>& own,
                                Table&& table) {
  constexpr long double step = 1.0L / 512;
  SampleDerivatives out;
  out.columns.resize(static_cast<std::size_t>(all));
  out.scale.resize(static_cast<std::size_t>(all));
  for (const int d : own) {
    Eigen::Array<long double, Eigen::Dynamic, Eigen::Dynamic> columns;
    Eigen::Array<long double, Eigen::Dynamic, 1> scale;
    for (const auto& [k, weight] : {std::pair{-2, 1}, {-1, -8}, {1, 8}, {2, -1}}) {
      const Samples<long double> moved = table(d, static_cast<long double>(k) * step);
      const long double factor = static_cast<long double>(weight) / (12 * step);
      if (columns.size() == 0) {
        columns.setZero(moved.columns.rows(), moved.columns.cols());
        scale.setZero(moved.scale.size());
      }
      columns += factor * moved.columns;
      scale += factor * moved.scale;
    }
    auto& to = out.columns[static_cast<std::size_t>(d)];
    to.setZero(samples.columns.rows(), samples.columns.cols());
    const auto n = static_cast<Eigen::Index>(samples.count);
    to.topRows(n) = columns.topRows(n).cast<double>();
    auto& to_scale = out.scale[static_cast<std::size_t>(d)];
    to_scale.setZero(samples.columns.rows());
    to_scale.head(n) = scale.head(n).cast<double>();
  }
  out.samples = std::move(samples);
  return out;
}

/// Directions in which a sample moves: plain plans have the first two.
struct RowDirections {
  static constexpr int norm = 0, half = 1, mean = 2,
                       centred = 3;  // norm: ln |x|; of centred plans ln |x - mean|
};

/// Gradients of a plan's kernel; see the file's comment.
template <int directions>
class RowGradients {
 public:
  RowGradients(const Plan& plan, Kernel kernel, const DataRef& a, const DataRef& x)
      : plan_(plan), ntk_(kernel == Kernel::ntk), a_(moving(plan, a)), x_(resting(plan, x)) {
    const auto norms = norms_of(plan, a_.samples);
    const auto root = std::sqrt(static_cast<double>(a.cols()));
    length_ = norms.norm.cast<double>() * root;
    centred_length_ = norms.centred.cast<double>() * root;
    features_ = a.cols();
  }

  /// sum_j W_ij dK(a_i, x_j)/da_i; W: 1 x n, or one row for each row of a.
  Eigen::MatrixXd sum(const Eigen::MatrixXd& w, const Execution& execution) const {
    const auto m = a_.samples.count;
    Eigen::MatrixXd out = Eigen::MatrixXd::Zero(static_cast<Eigen::Index>(m), features_);
    constexpr Index rows = 64;
    const Index blocks = (m + rows - 1) / rows;
    detail::Counter progress(execution.progress, static_cast<double>(blocks), "the gradients of a kernel");
    detail::workers<Worker>(
        blocks, execution.threads, [&] { return std::make_unique<Worker>(*this); },
        [&](Worker& worker, std::size_t block) {
          const Index first = block * rows;
          worker.sum(w, first, std::min(rows, m - first), out);
          progress.add();
        });
    return out;
  }

 private:
  using Direction = RowDirections;
  static constexpr bool centred = directions > 2;

  static Samples<long double> moved(const Plan& plan, InputNorms<long double> norms, int direction,
                                    long double by) {
    if (direction == Direction::mean) {
      norms.mean += by * norms.norm;
      norms.norm = (norms.mean.square() + norms.centred.square()).sqrt();
    } else if (centred) {
      norms.centred *= 1 + by;
      norms.norm = (norms.mean.square() + norms.centred.square()).sqrt();
    } else {
      norms.norm *= 1 + by;
    }
    return tabulate<long double>(plan, norms);
  }
  static SampleDerivatives moving(const Plan& plan, const DataRef& a) {
    Samples<double> samples = tabulate<double>(plan, a);
    const auto norms = norms_of(plan, samples);
    std::vector<int> own{Direction::norm};
    if (centred) own.push_back(Direction::mean);
    if (norms.norm.minCoeff() <= no_norm || (centred && norms.centred.minCoeff() <= no_norm)) {
      const Samples<double> given =
          tabulate<double>(plan, InputNorms<double>{norms.norm.cast<double>(), norms.mean.cast<double>(),
                                                    norms.centred.cast<double>()});
      samples.columns = given.columns;
      samples.scale = given.scale;
    }
    return differentiate(std::move(samples), directions, own,
                         [&](int d, long double by) { return moved(plan, norms, d, by); });
  }
  static SampleDerivatives resting(const Plan& plan, const DataRef& x) {
    return differentiate(tabulate<double>(plan, x), directions, {},
                         [](int, long double) { return Samples<long double>{}; });
  }

  /// What one thread needs: sums over columns, block by block of rows.
  class Worker {
   public:
    explicit Worker(const RowGradients& of)
        : of_(of), machine_(of.plan_, of.a_, of.x_, {Direction::half, centred ? Direction::centred : -1}) {}

    void sum(const Eigen::MatrixXd& w, Index first, Index rows, Eigen::MatrixXd& out) {
      const cholesky_detail::SerialEigen within;  // the same sums for every number of threads
      constexpr Index tile = 256, length = DerivativeMachine<directions>::length;
      const Index n = of_.x_.samples.count;
      const auto count = static_cast<Eigen::Index>(rows), d = of_.features_;
      plain_.reset(count, d);
      shifted_.reset(count, d);
      mean_.setZero(count);
      for (Index col = 0; col < n; col += tile) {
        const Index cols = std::min(tile, n - col);
        machine_.tile(first, rows, col, cols);
        plain_.open(count, static_cast<Eigen::Index>(cols));
        shifted_.open(count, static_cast<Eigen::Index>(cols));
        for (Index i = 0; i < rows; ++i)
          for (Index j = col; j < col + cols; j += length) {
            const Index lanes = std::min(length, col + cols - j);
            machine_.run(first + i, j, lanes);
            strip(w, first + i, i, j, j - col, lanes);
          }
        const auto left = static_cast<Eigen::Index>(first), right = static_cast<Eigen::Index>(col);
        plain_.close(of_.a_.samples.unit, left, of_.x_.samples.unit, right);
        if (centred) shifted_.close(of_.a_.samples.centred, left, of_.x_.samples.centred, right);
      }
      for (Eigen::Index i = 0; i < count; ++i) {
        const auto at = static_cast<Eigen::Index>(first) + i;
        auto row = out.row(at);
        if (centred) {
          plain_.write(i, of_.a_.samples.unit, at, of_.length_[at], row);
          shifted_.write(i, of_.a_.samples.centred, at, of_.centred_length_[at], row);
          row.array() += mean_[i] / (of_.length_[at] * std::sqrt(static_cast<double>(d)));
        } else {
          plain_.write(i, of_.a_.samples.unit, at, of_.length_[at], row);
        }
      }
    }

   private:
    /// The part of the gradients that lies in one kind of unit rows: sum_j W (dK/dln r u + dK/dh r dh/dx).
    struct Sums {
      Eigen::ArrayXd along;     // of the sample's own unit row
      Eigen::MatrixXd others;   // sum_j of unit rows: d x rows
      Eigen::MatrixXd weights;  // of this tile: columns x rows
      struct Near {
        Eigen::Index row, column;
        double weight;
      };
      std::vector<Near> near;  // pairs whose difference a sum of all would lose

      void reset(Eigen::Index rows, Eigen::Index features) {
        along.setZero(rows);
        others.setZero(features, rows);
      }
      void open(Eigen::Index rows, Eigen::Index cols) { weights.setZero(cols, rows); }
      /// One pair: `by_norm` is W dK/dln r and `by_half` W dK/dh.
      void add(Eigen::Index row, Eigen::Index col, double by_norm, double by_half, double half) {
        along[row] += by_norm - by_half * half;
        if (half < 1e-4)
          near.push_back({row, col, -by_half / 2});
        else
          weights(col, row) = -by_half / 2;
      }
      /// The tile's pairs: `left` and `right` are its first samples.
      void close(const UnitRows<double>& own, Eigen::Index left, const UnitRows<double>& unit,
                 Eigen::Index right) {
        for (const Near& pair : near) {
          if (pair.weight == 0) continue;
          if (unit.is_sparse) {
            if (unit.rest(right + pair.column, 0) != 0 || own.rest(left + pair.row, 0) != 0) {
              weights(pair.column, pair.row) += pair.weight;
              continue;
            }
            const Eigen::SparseVector<double> gap =
                (unit.sparse.row(right + pair.column) - own.sparse.row(left + pair.row)).transpose();
            others.col(pair.row) += pair.weight * gap;
          } else {
            others.col(pair.row) +=
                pair.weight *
                (unit.dense.row(right + pair.column) - own.dense.row(left + pair.row)).matrix().transpose();
          }
        }
        near.clear();
        for (Eigen::Index i = 0; i < along.size(); ++i) along[i] -= weights.col(i).sum();
        if (!unit.is_sparse) {
          others.noalias() += unit.dense.middleRows(right, weights.rows()).matrix().transpose() * weights;
          return;
        }
        for (Eigen::Index j = 0; j < weights.rows(); ++j) {
          const double rest = unit.rest(right + j, 0);
          if (rest != 0) others += Eigen::VectorXd::Constant(others.rows(), rest) * weights.row(j);
          for (UnitRows<double>::Sparse::InnerIterator it(unit.sparse, right + j); it; ++it)
            others.row(it.col()) += (it.value() - rest) * weights.row(j);
        }
      }
      template <class Row>
      void write(Eigen::Index i, const UnitRows<double>& unit, Eigen::Index at, double length,
                 Row& out) const {
        out += others.col(i).transpose() / length;
        if (!unit.is_sparse) {
          out += along[i] / length * unit.dense.row(at).matrix();
          return;
        }
        const double rest = unit.rest(at, 0);
        if (rest != 0) out.array() += along[i] / length * rest;
        for (UnitRows<double>::Sparse::InnerIterator it(unit.sparse, at); it; ++it)
          out[it.col()] += along[i] / length * (it.value() - rest);
      }
    };

    void strip(const Eigen::MatrixXd& w, Index sample, Index row, Index first, Index col, Index lanes) {
      for (int d = 0; d < directions; ++d)
        machine_.derivative(of_.ntk_, d, slopes_[static_cast<std::size_t>(d)].data());
      const auto i = static_cast<Eigen::Index>(row);
      const Eigen::Index weights_row = w.rows() == 1 ? 0 : static_cast<Eigen::Index>(sample);
      for (Index l = 0; l < lanes; ++l) {
        const auto j = static_cast<Eigen::Index>(col + l);
        const double weight = w(weights_row, static_cast<Eigen::Index>(first + l));
        const double by_norm = weight * slopes_[Direction::norm][l];
        const double by_half = weight * slopes_[Direction::half][l];
        if constexpr (centred) {
          plain_.add(i, j, 0, by_half, machine_.input_half(false)[l]);
          shifted_.add(i, j, by_norm, weight * slopes_[Direction::centred][l], machine_.input_half(true)[l]);
          mean_[i] += weight * slopes_[Direction::mean][l];
        } else {
          plain_.add(i, j, by_norm, by_half, machine_.input_half(false)[l]);
        }
      }
    }

    const RowGradients& of_;
    DerivativeMachine<directions> machine_;
    Sums plain_, shifted_;
    Eigen::ArrayXd mean_;
    std::array<std::array<double, strip_length<double>>, directions> slopes_;
  };

  const Plan& plan_;
  bool ntk_;
  SampleDerivatives a_, x_;
  Eigen::ArrayXd length_, centred_length_;
  Eigen::Index features_ = 0;
};

/// sum_j W_ij dK(a_i, x_j)/da_i, m x d, of a plan's kernel; a: m x d, x: n x d, W: 1 x n or m x n. Throws
/// DataError, Error (memory), Cancelled.
inline Eigen::MatrixXd row_gradients(const Plan& plan, Kernel kernel, const DataRef& a, const DataRef& x,
                                     const Eigen::MatrixXd& w, const Execution& execution) {
  require_memory(8.0 * static_cast<double>(a.rows()) * static_cast<double>(a.cols()),
                 "the gradients at " + std::to_string(a.rows()) + " samples of " + std::to_string(a.cols()) +
                     " features");
  if (has_centred(plan)) return RowGradients<4>(plan, kernel, a, x).sum(w, execution);
  return RowGradients<2>(plan, kernel, a, x).sum(w, execution);
}

}  // namespace gram_detail
}  // namespace SST_ABI
}  // namespace sst
