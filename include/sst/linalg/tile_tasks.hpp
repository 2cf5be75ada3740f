// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdlib>

#include <Eigen/Core>

#include <sst/base/memory.hpp>
#include <sst/base/parallel.hpp>
#include <sst/base/plain_text.hpp>
#include <sst/error.hpp>
#include <sst/version.hpp>

#ifdef _OPENMP
#include <omp.h>
#endif

/// \file
/// Matrices by tiles: what is done to one, and how tiles become tasks that wait for each other.

namespace sst {
inline namespace SST_ABI {

#ifdef SST_USE_LAPACK
extern "C" {
void spotrf_(const char* triangle, const int* n, float* a, const int* stride, int* info);
void dpotrf_(const char* triangle, const int* n, double* a, const int* stride, int* info);
}
#endif

namespace cholesky_detail {

using detail::Failure;
using detail::team_size;
using Eigen::Index;

/// Fastest of 128 to 512, in double and float, where a level-2 cache holds 1 MiB.
inline constexpr Index default_tile = 256;
/// How many tiles one product takes in at once: a tile that is updated then stays in cache for so many steps.
inline constexpr Index tiles_a_product = 4;
/// Right-hand sides of one task.
inline constexpr Index columns_a_task = 256;

/// While it lives, Eigen's products in this thread and in the tasks it creates are serial: threads within
/// would compete with the tasks, and block, hence round, according to their number.
class SerialEigen {
 public:
#ifdef _OPENMP
  SerialEigen() : threads_(omp_get_max_threads()) {
    omp_set_num_threads(1);  // this thread's own setting, inherited by its tasks
    pinned_ = Eigen::nbThreads();
    if (pinned_ > 1) Eigen::setNbThreads(1);  // somebody had set Eigen's own, which is global
  }
  ~SerialEigen() {
    omp_set_num_threads(threads_);
    if (pinned_ > 1) Eigen::setNbThreads(pinned_);  // after it: Eigen 5 takes no more than OpenMP gives
  }

 private:
  int threads_;
  int pinned_ = 1;
#else
  SerialEigen() {}
#endif
 public:
  SerialEigen(const SerialEigen&) = delete;
  SerialEigen& operator=(const SerialEigen&) = delete;
};

/// Eigen allocates its packing buffers anew for every product. The C library of GNU returns blocks of that
/// size to the system, and takes back zeroed pages, until it has seen a larger block come and go. Once, and
/// not where memory is so scarce that the system should have it back.
inline void keep_buffers() {
  [[maybe_unused]] static const bool done = [] {
    constexpr std::size_t large = std::size_t{24} << 20;
    if (available_memory() < 20.0 * large) return false;
    void* volatile block = std::malloc(large);
    std::free(block);
    return true;
  }();
}

/// Part of a column-major matrix.
template <class Scalar>
using Block = Eigen::Map<Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic>, 0, Eigen::OuterStride<>>;
template <class Scalar>
using ConstBlock =
    Eigen::Map<const Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic>, 0, Eigen::OuterStride<>>;

template <class Scalar>
Block<Scalar> part(Block<Scalar> a, Index row, Index column, Index rows, Index columns) {
  return {a.data() + row + column * a.outerStride(), rows, columns, Eigen::OuterStride<>(a.outerStride())};
}

/// B := B L^-T. By halves, because Eigen's products are faster than its triangular solver.
template <class Scalar>
void divide_from_right(Block<Scalar> l, Block<Scalar> b) {
  const Index n = l.rows();
  if (n <= 8) {
    l.template triangularView<Eigen::Lower>().transpose().template solveInPlace<Eigen::OnTheRight>(b);
    return;
  }
  const Index half = (n / 2 + 7) / 8 * 8;
  auto left = part(b, 0, 0, b.rows(), half), right = part(b, 0, half, b.rows(), n - half);
  divide_from_right(part(l, 0, 0, half, half), left);
  right.noalias() -= left * part(l, half, 0, n - half, half).transpose();
  divide_from_right(part(l, half, half, n - half, n - half), right);
}

[[noreturn]] inline void throw_not_positive_definite(Index row, double pivot) {
  detail::PlainText text;
  text << "the matrix is not positive definite (the pivot of row " << row << ", counted from 0, is " << pivot
       << "); use a larger ridge, and look for duplicate rows";
  throw NotPositiveDefinite(text.str(), row, pivot);
}

/// A = L L^T of one tile, in place in the lower triangle; by halves as well. `first`: its first row in the
/// matrix.
template <class Scalar>
void factor_tile(Block<Scalar> a, Index first) {
  const Index n = a.rows();
  if (n > 16) {
    const Index half = (n / 2 + 7) / 8 * 8;
    auto below = part(a, half, 0, n - half, half), rest = part(a, half, half, n - half, n - half);
    factor_tile(part(a, 0, 0, half, half), first);
    divide_from_right(part(a, 0, 0, half, half), below);
    rest.template selfadjointView<Eigen::Lower>().rankUpdate(below, Scalar(-1));
    factor_tile(rest, first + half);
    return;
  }
  for (Index k = 0; k < n; ++k) {
    if (!(a(k, k) > 0)) throw_not_positive_definite(first + k, static_cast<double>(a(k, k)));
    a(k, k) = std::sqrt(a(k, k));
    const Index below = n - k - 1;
    a.col(k).tail(below) /= a(k, k);
    for (Index j = k + 1; j < n; ++j) a.col(j).tail(n - j) -= a(j, k) * a.col(k).tail(n - j);
  }
}

/// Calls create(failure), which creates tasks, in a team of so many threads, and waits for them. Throws their
/// first error. Master, not single: libgomp 12 leaks a table when a worker creates tasks.
template <class Create>
void run_tasks(int threads, Create&& create) {
  Failure failure;
  const auto begin = [&] {
    const SerialEigen serial;
    keep_buffers();
    create(failure);
#ifdef _OPENMP
#pragma omp taskwait
#endif
  };
#ifdef _OPENMP
  if (threads > 1 || omp_in_parallel()) {
#pragma omp parallel num_threads(threads) if (threads > 1)
#pragma omp master
    begin();
  } else  // a process that was forked has none of OpenMP's threads, and one needs none
#else
  (void)threads;
#endif
    begin();
  failure.rethrow();
}

/// Stands for a tile that is always there, in dependencies.
template <class Scalar>
inline const Scalar always = 0;

/// Creates the tasks of one tile: it takes in the `steps` tiles that are finished before it, a few at a time
/// and in their order, by update(first, last), and is then finished by finish().
///
/// The first entry of a tile stands for the tile in dependencies: `target` for this one, `left(last)` and
/// `right(last)` for the tiles whose being finished implies that all up to `last` are, `divisor` for what
/// finish() needs. Everything is copied into the tasks, which outlive this call.
template <class Scalar, class Finished, class Update, class Finish>
void tile_tasks(Failure* failure, Scalar* target, Index steps, const Finished& left, const Finished& right,
                const Scalar* divisor, Update update, Finish finish) {
  for (Index first = 0; first < steps; first += tiles_a_product) {
    const Index last = std::min(steps, first + tiles_a_product);
    const Scalar *const a = left(last), *const b = right(last);
    (void)a, (void)b;
#ifdef _OPENMP
#pragma omp task firstprivate(failure, first, last, update) depend(in : *a, *b) depend(inout : *target)
#endif
    failure->guard([&] { update(first, last); });
  }
  (void)target, (void)divisor;
#ifdef _OPENMP
#pragma omp task firstprivate(failure, finish) depend(in : *divisor) depend(inout : *target)
#endif
  failure->guard([&] { finish(); });
}

/// Throws DataError unless x is finite, in the lower triangle or (all of it) everywhere.
template <class Derived>
void require_finite(const Eigen::DenseBase<Derived>& x, bool lower, int threads, const char* name) {
  using Scalar = typename Derived::Scalar;
  bool finite = true;
  const Index rows = x.rows(), columns = x.cols();
  const auto sound = [&](Index j) {
    const auto column = x.col(j).tail(lower ? rows - j : rows).array();
    return (column - column).sum() == Scalar(0);  // inf - inf and nan - nan are nan
  };
#ifdef _OPENMP
  if (threads > 1) {
#pragma omp parallel for num_threads(threads) schedule(static, 16) reduction(&& : finite)
    for (Index j = 0; j < columns; ++j) finite = finite && sound(j);
  } else
#else
  (void)threads;
#endif
    for (Index j = 0; j < columns; ++j) finite = finite && sound(j);
  if (finite) return;
  for (Index j = 0; j < columns; ++j)
    for (Index i = lower ? j : 0; i < rows; ++i)
      if (!std::isfinite(x(i, j))) {
        detail::PlainText text;
        text << name << " has " << x(i, j) << " in row " << i << ", column " << j
             << " (counted from 0; only finite numbers can be solved with); check how it was made";
        throw DataError(text.str());
      }
}

}  // namespace cholesky_detail

}  // namespace SST_ABI
}  // namespace sst
