// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <Eigen/Core>

#include <sst/base/memory.hpp>
#include <sst/base/parallel.hpp>
#include <sst/base/progress.hpp>
#include <sst/cluster/block_cyclic.hpp>
#include <sst/cluster/cost.hpp>
#include <sst/cluster/mpi_ranks.hpp>
#include <sst/cluster/rates.hpp>
#include <sst/error.hpp>
#include <sst/kernel/kernel_function.hpp>
#include <sst/linalg/cholesky.hpp>
#include <sst/linalg/operator.hpp>
#include <sst/version.hpp>

/// \file
/// A Cholesky factor that ranks hold together, by ScaLAPACK, with which programs that include this link.

namespace sst {
inline namespace SST_ABI {

namespace scalapack_detail {

using Eigen::Index;

extern "C" {
int Csys2blacs_handle(MPI_Comm);
void Cfree_blacs_system_handle(int);
void Cblacs_gridinit(int*, const char*, int, int);
void Cblacs_gridinfo(int, int*, int*, int*, int*);
void Cblacs_gridexit(int);
int numroc_(const int*, const int*, const int*, const int*, const int*);
void descinit_(int*, const int*, const int*, const int*, const int*, const int*, const int*, const int*,
               const int*, int*);
void pdpotrf_(const char*, const int*, double*, const int*, const int*, const int*, int*);
void pdpotrs_(const char*, const int*, const int*, const double*, const int*, const int*, const int*, double*,
              const int*, const int*, const int*, int*);
void pdtrsm_(const char*, const char*, const char*, const char*, const int*, const int*, const double*,
             const double*, const int*, const int*, const int*, double*, const int*, const int*, const int*);
void pdtrtri_(const char*, const char*, const int*, double*, const int*, const int*, const int*, int*);
void dpotrf_(const char*, const int*, double*, const int*, int*);
void dpotrs_(const char*, const int*, const int*, const double*, const int*, double*, const int*, int*);
}

/// The ranks as a grid.
class RankGrid {
 public:
  explicit RankGrid(std::shared_ptr<const MpiRanks> ranks) : ranks_(std::move(ranks)) {
    // Of its own: BLACS has one handle a communicator, and the first grid of several would take it along.
    MPI_Comm_dup(ranks_->communicator(), &communicator_);
    context = system_ = Csys2blacs_handle(communicator_);
    rows = grid_rows(ranks_->count());
    columns = ranks_->count() / rows;
    Cblacs_gridinit(&context, "Row", rows, columns);
    int r = 0, c = 0;
    Cblacs_gridinfo(context, &r, &c, &row, &column);
  }
  ~RankGrid() {
    Cblacs_gridexit(context);
    Cfree_blacs_system_handle(system_);
    MPI_Comm_free(&communicator_);
  }
  RankGrid(const RankGrid&) = delete;
  RankGrid& operator=(const RankGrid&) = delete;
  const MpiRanks& ranks() const { return *ranks_; }

 private:
  std::shared_ptr<const MpiRanks> ranks_;
  MPI_Comm communicator_ = MPI_COMM_NULL;
  int system_ = 0;

 public:
  int context = 0, rows = 1, columns = 1, row = 0, column = 0;  ///< and this rank's place
};

/// A matrix in blocks that go round the grid in both directions; of a rank, those it has, close together.
struct SpreadMatrix {
  SpreadMatrix(const RankGrid& on, Index rows, Index columns, int side)
      : grid(&on), n(static_cast<int>(rows)), m(static_cast<int>(columns)), size(side) {
    const int zero = 0;
    const int height = numroc_(&n, &size, &grid->row, &zero, &grid->rows);
    const int width = numroc_(&m, &size, &grid->column, &zero, &grid->columns);
    stride = std::max(1, height);
    if (static_cast<double>(stride) * width > std::numeric_limits<int>::max())
      throw Error("a rank's share of a matrix of " + std::to_string(n) + " x " + std::to_string(m) + ", " +
                  std::to_string(height) + " x " + std::to_string(width) +
                  " numbers, is more than ScaLAPACK counts; use more ranks");
    require_memory(sizeof(double) * static_cast<double>(stride) * width,
                   "this rank's share of a matrix of " + std::to_string(n) + " x " + std::to_string(m),
                   "use more ranks, or conjugate gradients");
    local = Eigen::MatrixXd::Zero(stride, width);
    int info = 0;
    descinit_(descriptor, &n, &m, &size, &size, &zero, &zero, &grid->context, &stride, &info);
  }

  /// A block of this rank: where in the whole, and where in `local`.
  struct Block {
    Index row, rows, column, columns, local_row, local_column;
  };
  std::vector<Block> blocks() const {
    std::vector<Block> out;
    for (Index c = grid->column, lc = 0; c * size < m; c += grid->columns, lc += size)
      for (Index r = grid->row, lr = 0; r * size < n; r += grid->rows, lr += size)
        out.push_back({r * size, std::min<Index>(size, n - r * size), c * size,
                       std::min<Index>(size, m - c * size), lr, lc});
    return out;
  }
  /// This rank's part of a matrix that all have.
  void take(const Eigen::MatrixXd& whole) {
    for (const Block& b : blocks())
      local.block(b.local_row, b.local_column, b.rows, b.columns) =
          whole.block(b.row, b.column, b.rows, b.columns);
  }
  /// The matrix in all ranks.
  Eigen::MatrixXd whole() const {
    Eigen::MatrixXd out = Eigen::MatrixXd::Zero(n, m);
    for (const Block& b : blocks())
      out.block(b.row, b.column, b.rows, b.columns) =
          local.block(b.local_row, b.local_column, b.rows, b.columns);
    grid->ranks().collect(out.data(), static_cast<std::size_t>(out.size()));
    return out;
  }

  const RankGrid* grid;
  int n, m, size, stride = 1;  ///< stride: of the columns of local
  Eigen::MatrixXd local;
  int descriptor[9]{};
};

/// A = L L^T, in the lower triangle; 0, or the row of a pivot that is not positive, counted from 1.
inline int factorize(SpreadMatrix& a) {
  const int one = 1;
  int info = 0;
  if (a.grid->ranks().count() == 1)  // the same by LAPACK takes two thirds of the time
    dpotrf_("L", &a.n, a.local.data(), &a.stride, &info);
  else
    pdpotrf_("L", &a.n, a.local.data(), &one, &one, a.descriptor, &info);
  return info;
}

}  // namespace scalapack_detail

/// The Cholesky factor of K + D, a kernel matrix with a positive diagonal added, in blocks over the ranks of
/// MPI (ScaLAPACK: Blackford et al. 1997, "ScaLAPACK Users' Guide"). Kernel values are computed where they
/// are stored; of the kernel no rank has more than its share, n^2 / ranks numbers.
///
/// All ranks call the same functions with the same arguments in the same order, and have the results. Digits
/// beyond the accuracy of a Cholesky factorization depend on the number of ranks. A rank's BLAS should have
/// one thread, or as many as it has cores to itself; the filling uses OpenMP's.
class ScalapackCholesky {
 public:
  using Index = Eigen::Index;        ///< of rows and columns
  using MatrixXd = Eigen::MatrixXd;  ///< right-hand sides

  /// tiles: of K(X, X), n x n; diagonal: of D, n numbers. progress: of the filling, by this rank's share.
  /// Throws NotPositiveDefinite, in all ranks alike; Error (memory; more than ScaLAPACK counts), DataError,
  /// Cancelled.
  ScalapackCholesky(const KernelTiles<double>& tiles, const Eigen::VectorXd& diagonal,
                    std::shared_ptr<const MpiRanks> ranks, const Execution& execution = {})
      : grid_(std::make_shared<const scalapack_detail::RankGrid>(std::move(ranks))),
        a_(*grid_, tiles.rows(), tiles.rows(), block) {
    const auto blocks = a_.blocks();
    detail::Counter progress(execution.progress, static_cast<double>(blocks.size()), "the kernel matrix");
    using Workspace = typename KernelTiles<double>::Workspace;
    detail::workers<Workspace>(
        blocks.size(), execution.threads, [&] { return tiles.workspace(); },
        [&](Workspace& workspace, std::size_t k) {
          const auto& b = blocks[k];
          if (b.row >= b.column) {
            auto here = a_.local.block(b.local_row, b.local_column, b.rows, b.columns);
            tiles.evaluate(b.row, b.rows, b.column, b.columns,
                           {&here.coeffRef(0, 0), nullptr, here.outerStride()}, workspace);
            if (b.row == b.column) here.diagonal() += diagonal.segment(b.row, b.rows);
          }
          progress.add();
        });
    trace_ = this->diagonal().sum();
    const int info = scalapack_detail::factorize(a_);
    if (info > 0) cholesky_detail::throw_not_positive_definite(info - 1, this->diagonal()[info - 1]);
  }

  /// n.
  Index size() const { return a_.n; }
  /// Of K + D.
  double trace() const { return trace_; }
  /// Bytes of each rank's share of a kernel of n rows, at the most.
  static double bytes(Index n, int ranks) {
    const int rows = scalapack_detail::grid_rows(ranks);
    const auto side = [&](int parts) {
      const Index blocks = (n + block - 1) / block;
      return static_cast<double>((blocks + parts - 1) / parts * block);
    };
    return sizeof(double) * side(rows) * side(ranks / rows);
  }

  /// A^-1 b, n x m. Throws DataError for other rows.
  MatrixXd solve(const MatrixXd& b) const {
    operator_detail::require_rows(b.rows(), size());
    scalapack_detail::SpreadMatrix x(*grid_, b.rows(), b.cols(), block);
    x.take(b);
    const int one = 1;
    int info = 0;
    if (grid_->ranks().count() == 1)
      scalapack_detail::dpotrs_("L", &a_.n, &x.m, a_.local.data(), &a_.stride, x.local.data(), &x.stride,
                                &info);
    else if (b.cols() > 0)
      scalapack_detail::pdpotrs_("L", &a_.n, &x.m, a_.local.data(), &one, &one, a_.descriptor, x.local.data(),
                                 &one, &one, x.descriptor, &info);
    return x.whole();
  }
  /// L^-1 b, n x m. Throws DataError for other rows.
  MatrixXd solve_lower(const MatrixXd& b) const {
    operator_detail::require_rows(b.rows(), size());
    scalapack_detail::SpreadMatrix x(*grid_, b.rows(), b.cols(), block);
    x.take(b);
    const int one = 1;
    const double unit = 1;
    if (b.cols() > 0)
      scalapack_detail::pdtrsm_("L", "L", "N", "N", &a_.n, &x.m, &unit, a_.local.data(), &one, &one,
                                a_.descriptor, x.local.data(), &one, &one, x.descriptor);
    return x.whole();
  }
  /// log det A = 2 sum_i log L_ii.
  double log_determinant() const { return 2 * diagonal().array().log().sum(); }
  /// The diagonal of A^-1, a column of n numbers: n^3 / 3 multiplications, and the memory of a second factor.
  Eigen::VectorXd inverse_diagonal() const {
    scalapack_detail::SpreadMatrix inverse = a_;
    const int one = 1;
    int info = 0;
    scalapack_detail::pdtrtri_("L", "N", &a_.n, inverse.local.data(), &one, &one, inverse.descriptor, &info);
    // A^-1 = L^-T L^-1: sums of squares of columns. Each block of rows by itself, so that no two ranks add.
    const Index rows = (a_.n + block - 1) / block;
    MatrixXd parts = MatrixXd::Zero(rows, a_.n);
    for (const auto& b : inverse.blocks()) {
      if (b.row < b.column) continue;
      MatrixXd here = inverse.local.block(b.local_row, b.local_column, b.rows, b.columns);
      if (b.row == b.column) here.triangularView<Eigen::StrictlyUpper>().setZero();
      parts.row(b.row / block).segment(b.column, b.columns) = here.colwise().squaredNorm();
    }
    grid_->ranks().collect(parts.data(), static_cast<std::size_t>(parts.size()));
    return parts.colwise().sum().transpose();
  }

 private:
  static constexpr int block = scalapack_detail::block;

  /// Of what is stored, in all ranks.
  Eigen::VectorXd diagonal() const {
    Eigen::VectorXd out = Eigen::VectorXd::Zero(a_.n);
    for (const auto& b : a_.blocks())
      for (Index i = 0; b.row == b.column && i < b.rows; ++i)
        out[b.row + i] = a_.local(b.local_row + i, b.local_column + i);
    grid_->ranks().collect(out.data(), static_cast<std::size_t>(out.size()));
    return out;
  }

  std::shared_ptr<const scalapack_detail::RankGrid> grid_;
  scalapack_detail::SpreadMatrix a_;
  double trace_ = 0;
};

/// RankRates::factor_flops while all ranks make a factor together, of 1,536 rows for one of them and as many
/// numbers a rank for more: what waiting for one another takes is in it, what messages take by `rates` is
/// not. All ranks call it at the same time and have the same.
inline double measure_factor_flops(const RankRates& rates, std::shared_ptr<const MpiRanks> ranks) {
  using namespace scalapack_detail;
  const auto side = static_cast<int>(1536 * std::sqrt(ranks->count()));
  const RankGrid grid(std::move(ranks));
  SpreadMatrix a(grid, side, side, scalapack_detail::block);
  const auto make = [&] {
    for (const auto& b : a.blocks()) {
      auto here = a.local.block(b.local_row, b.local_column, b.rows, b.columns);
      here.setConstant(0.5);
      if (b.row == b.column) here.diagonal().setConstant(side);
    }
  };
  const double filling = rates_detail::seconds(grid.ranks(), make),
               both = rates_detail::seconds(grid.ranks(), [&] { make(), factorize(a); });
  RankCost cost = cholesky_cost(side, 0, grid.ranks().count());
  const double flops = std::exchange(cost.factor_flops, 0);
  cost.pairs = cost.memory = 0;
  const double took = both - filling, messages = cost.seconds(rates);
  return flops / std::max(took - messages, took / 2);
}

}  // namespace SST_ABI
}  // namespace sst
