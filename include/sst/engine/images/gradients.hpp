// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <Eigen/Core>

#include <sst/base/differences.hpp>
#include <sst/base/execution.hpp>
#include <sst/base/memory.hpp>
#include <sst/base/parallel.hpp>
#include <sst/base/progress.hpp>
#include <sst/engine/images/adjoints.hpp>
#include <sst/engine/images/image_range.hpp>
#include <sst/engine/images/image_table.hpp>
#include <sst/engine/images/pool_map.hpp>
#include <sst/engine/images/reverse_machine.hpp>
#include <sst/engine/images/table_reverse.hpp>
#include <sst/engine/images/tables.hpp>
#include <sst/plan/images/compile.hpp>
#include <sst/plan/images/plan.hpp>
#include <sst/plan/images/program.hpp>
#include <sst/plan/kernel.hpp>
#include <sst/topology/image_shape.hpp>
#include <sst/topology/topology.hpp>
#include <sst/version.hpp>

/// \file
/// Gradients of kernels of images by the pixels and the biases of one side, summed over the other: in
/// reverse, first through the pairs, then, once for all of them, through the image's own numbers.

namespace sst {
inline namespace SST_ABI {
namespace spatial {

/// Gradients of the kernel of a topology, in double.
class ImageGradients {
 public:
  /// Compiles the topology. Throws NoClosedForm and TopologyError as `compile` does.
  ImageGradients(const Topology& topology, Kernel kernel, const ImageShape& shape)
      : topology_(topology),
        kernel_(kernel),
        plan_(compile(topology, kernel, shape)),
        program_(Programmer(plan_, false).write()),
        maps_(plan_),
        tabulator_(topology_, plan_, maps_) {}
  ImageGradients(const ImageGradients&) = delete;
  ImageGradients& operator=(const ImageGradients&) = delete;

  /// What is computed.
  const SpatialPlan& plan() const { return plan_; }

  /// Of sum_j W_ij K(a_i, x_j).
  struct Sums {
    Eigen::MatrixXd input;   ///< by the numbers of a_i: m x H W C
    Eigen::MatrixXd layers;  ///< by the logarithm of each bias at a_i: m x the positions of biased_layers
  };
  /// W: 1 x n, or a row for each row of a. Throws DataError, Error (memory, before it is spent), Cancelled.
  Sums sum(const Eigen::MatrixXd& a, const Eigen::MatrixXd& x, const Eigen::MatrixXd& w,
           const Execution& execution) const {
    const auto m = static_cast<Index>(a.rows()), n = static_cast<Index>(x.rows());
    Index positions = 0;
    for (const Index v : biased_layers(plan_)) positions += plan_.grids[v].size();
    Sums out{Eigen::MatrixXd(a.rows(), a.cols()),
             Eigen::MatrixXd(a.rows(), static_cast<Eigen::Index>(positions))};
    require_memory(bytes(std::min(m, lefts), std::min(n, rights), execution.threads),
                   "the gradients at " + std::to_string(m) + " images by " + std::to_string(n));
    detail::Counter progress(execution.progress, static_cast<double>(m) * static_cast<double>(n),
                             "the gradients of a kernel");
    for (Index first = 0; first < m; first += lefts) {
      const ImageRange left{&a, first, std::min(lefts, m - first)};
      const Tables tables = tabulator_.tables(left, execution.threads, detail::no_norm);
      std::vector<ImageTable<double>> singles(left.count);
      for (Index k = 0; k < tables.size(); ++k)
        spread(plan_, tables[k], singles.data() + k * L, std::min(L, left.count - k * L));
      std::vector<Adjoints> adjoints(left.count, Adjoints(plan_, 1));
      for (Index from = 0; from < n; from += rights)
        pairs(left, singles, {&x, from, std::min(rights, n - from)}, w, execution.threads, progress,
              adjoints);
      detail::workers<ReverseMachine>(
          left.count, execution.threads, [&] { return machine(); },
          [&](ReverseMachine& machine, Index i) {
            const ImageTable<double> own = join<double>(plan_, tables, i, i + 1);
            TableReverse back(plan_, singles[i], own, machine, adjoints[i]);
            back.run();
            const auto row = static_cast<Eigen::Index>(first + i);
            out.input.row(row) = back.pixels();
            Eigen::Index at = 0;
            for (const Index v : biased_layers(plan_))
              for (Index p = 0; p < plan_.grids[v].size(); ++p)
                out.layers(row, at++) = adjoints[i].bias(v)[p];
          });
    }
    return out;
  }

 private:
  static constexpr Index L = ReverseMachine::L;
  static constexpr Index lefts = 16;              ///< images that are worked on together
  static constexpr Index group = 8;               ///< vectors of right images that make a task
  static constexpr Index rights = 8 * group * L;  ///< right images whose tables are held

  std::unique_ptr<ReverseMachine> machine() const {
    return std::make_unique<ReverseMachine>(plan_, program_, maps_);
  }

  double bytes(Index left, Index right, int threads) const {
    const Index tasks = left * ((right + group * L - 1) / (group * L));
    const double one = static_cast<double>(Adjoints(plan_, 1).size() * sizeof(double));
    const auto team = static_cast<double>(detail::team_size(threads, static_cast<std::ptrdiff_t>(tasks)));
    return static_cast<double>(left + right + 2 * L) * 2 * table_bytes(plan_, sizeof(double)) +
           static_cast<double>(left + tasks) * one +
           team *
               (ReverseMachine::bytes(program_) + tabulator_.machine_bytes() + static_cast<double>(L) * one);
  }

  /// Adds what the pairs of two ranges make of the left images' adjoints.
  void pairs(const ImageRange& left, const std::vector<ImageTable<double>>& singles, const ImageRange& right,
             const Eigen::MatrixXd& w, int threads, detail::Counter& progress,
             std::vector<Adjoints>& adjoints) const {
    const Tables tables = tabulator_.tables(right, threads);
    std::vector<ImageTable<double>> blocks((right.count + L - 1) / L);
    detail::parallel(blocks.size(), threads,
                     [&](Index b) { blocks[b] = join<double>(plan_, tables, b * L, right.count); });
    const Index groups = (blocks.size() + group - 1) / group;
    std::vector<std::unique_ptr<Adjoints>> parts(left.count * groups);
    struct Worker {
      std::unique_ptr<ReverseMachine> machine;
      Adjoints wide;
    };
    detail::workers<Worker>(
        parts.size(), threads,
        [&] {
          return std::make_unique<Worker>(Worker{machine(), Adjoints(plan_, L)});
        },
        [&](Worker& worker, Index task) {
          const Index i = task / groups, begin = task % groups * group,
                      end = std::min(blocks.size(), begin + group);
          worker.wide.clear();
          for (Index b = begin; b < end; ++b)
            pair(left, i, singles[i], right, b * L, blocks[b], w, *worker.machine, worker.wide);
          parts[task] = std::make_unique<Adjoints>(plan_, 1);
          parts[task]->add(worker.wide);
          progress.add(static_cast<double>(std::min(right.count, end * L) - begin * L));
        });
    for (Index task = 0; task < parts.size(); ++task) adjoints[task / groups].add(*parts[task]);
  }

  /// K = s s' (1 - 2h), T = s s' t of the output.
  void pair(const ImageRange& left, Index i, const ImageTable<double>& image, const ImageRange& right,
            Index first, const ImageTable<double>& images, const Eigen::MatrixXd& w, ReverseMachine& machine,
            Adjoints& to) const {
    std::array<unsigned char, L> same{};
    std::array<double, L> weights{};
    const auto row = w.rows() == 1 ? Eigen::Index{0} : static_cast<Eigen::Index>(left.first + i);
    for (Index l = 0; l < L && first + l < right.count; ++l) {
      same[l] = same_image(left, i, right, first + l);
      weights[l] =
          w(row, static_cast<Eigen::Index>(right.first + first + l)) * image.scale[0] * images.scale[l];
    }
    if (std::all_of(weights.begin(), weights.end(), [](double v) { return v == 0; })) return;
    machine.begin(image, images, same.data());
    const auto [half, tangent] = machine.result();
    Seed seed{plan_.result, std::vector<double>(L, 0), std::vector<double>(L, 0)};
    double* log = to.column(plan_.variable(plan_.base.output).columns.std);
    for (Index l = 0; l < L; ++l) {
      if (kernel_ == Kernel::ntk) {
        seed.tangent[l] = weights[l];
        if (tangent) log[l] += weights[l] * tangent[l];
      } else {
        seed.half[l] = -2 * weights[l];
        log[l] += weights[l] * (1 - 2 * half[l]);
      }
    }
    machine.reverse({seed}, to);
  }

  Topology topology_;
  Kernel kernel_;
  SpatialPlan plan_;
  Program program_;
  PoolMaps maps_;
  Tabulator tabulator_;
};

}  // namespace spatial
}  // namespace SST_ABI
}  // namespace sst
