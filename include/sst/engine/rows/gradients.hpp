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
#include <sst/base/progress.hpp>
#include <sst/engine/rows/derivative_machine.hpp>
#include <sst/engine/rows/sample_derivatives.hpp>
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
///     sum_j W_ij dK_ij/dx = (u sum_j W_ij dK/dln r + sum_j W_ij dK/dh r dh/dx)/r,
///     r dh/dx = -(u' - u + 2 h u)/2:
///
/// products of matrices, and no loop over features.

namespace sst {
inline namespace SST_ABI {
namespace gram_detail {

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
      : plan_(plan),
        ntk_(kernel == Kernel::ntk),
        a_(moving(plan, a)),
        x_(tabulate<double>(plan, x), directions) {
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
    InputNorms<long double> norms;
    Samples<double> samples = tabulate_moving(plan, a, norms);
    SampleDerivatives out(std::move(samples), directions);
    const auto at = [&](int d) { return [&, d](long double by) { return moved(plan, norms, d, by); }; };
    out.differentiate(Direction::norm, at(Direction::norm));
    if (centred) out.differentiate(Direction::mean, at(Direction::mean));
    return out;
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
        plain_.write(i, of_.a_.samples.unit, at, of_.length_[at], row);
        if (!centred) continue;
        shifted_.write(i, of_.a_.samples.centred, at, of_.centred_length_[at], row);
        row.array() += mean_[i] / (of_.length_[at] * std::sqrt(static_cast<double>(d)));
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
  const DataRef rows = a.stored(x.sparse());  // pairs are of two dense or two sparse rows
  if (has_centred(plan)) return RowGradients<4>(plan, kernel, rows, x).sum(w, execution);
  return RowGradients<2>(plan, kernel, rows, x).sum(w, execution);
}

}  // namespace gram_detail
}  // namespace SST_ABI
}  // namespace sst
