// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include <Eigen/Core>

#include <sst/base/parallel.hpp>
#include <sst/error.hpp>
#include <sst/version.hpp>

/// \file
/// The eigenvalues of a symmetric tridiagonal matrix by implicit QR steps with Wilkinson's shift (Golub and
/// Van Loan 2013, "Matrix Computations", algorithms 8.3.2 and 8.3.3). Rotations are recorded and then carried
/// out many sweeps at a time on a few rows of the basis, which stay in cache (Van Zee, van de Geijn and
/// Quintana-Orti 2014, "Restructuring the tridiagonal and bidiagonal QR algorithms for performance"). Rows
/// are independent, so nothing depends on the number of threads.

namespace sst {
inline namespace SST_ABI {
namespace tridiagonal_detail {

using Eigen::Index;
using Eigen::VectorXd;

/// Of columns x and y: to c x + s y and c y - s x.
struct Rotation {
  double c = 1, s = 0;
};

/// Rotations of columns first and first + 1, first + 1 and first + 2, and so on.
struct Sweep {
  Index first = 0;
  std::vector<Rotation> rotations = {};
};

/// Two sweeps in one pass over the columns: each is read and written once.
class Pass {
 public:
  /// The second sweep comes after the first.
  Pass(const Sweep& one, const Sweep& two) : first_(std::min(one.first, two.first)) {
    const auto end = [](const Sweep& sweep) {
      return sweep.first + static_cast<Index>(sweep.rotations.size());
    };
    const auto at = [&](const Sweep& sweep, Index column) {
      const bool inside = column >= sweep.first && column < end(sweep);
      return inside ? sweep.rotations[static_cast<std::size_t>(column - sweep.first)] : Rotation{};
    };
    for (Index column = first_; column <= std::max(end(one), end(two)); ++column)
      steps_.push_back({at(one, column), at(two, column - 1)});
  }

  /// Rows of a strip: two packets of the processor, since a rotation has to wait for the one before.
  static constexpr Index height = 2 * Eigen::internal::packet_traits<double>::size;

  /// On the columns of a strip of a basis, which follow each other.
  void carry_out(double* strip) const {
    double* column = strip + first_ * height;
    const Rotation begin = steps_.front().one, last = steps_.back().two;
    const Rows x = load(column), y = load(column + height);
    Rows behind = sum(begin.c, x, begin.s, y), ahead = sum(-begin.s, x, begin.c, y);
    for (std::size_t k = 1; k + 1 < steps_.size(); ++k, column += height) {
      const Rotation &one = steps_[k].one, &two = steps_[k].two;
      const Rows next = load(column + 2 * height), between = sum(one.c, ahead, one.s, next);
      ahead = sum(-one.s, ahead, one.c, next);
      store(column, sum(two.c, behind, two.s, between));
      behind = sum(-two.s, behind, two.c, between);
    }
    store(column, sum(last.c, behind, last.s, ahead));
    store(column + height, sum(-last.s, behind, last.c, ahead));
  }

 private:
  using Packet = Eigen::internal::packet_traits<double>::type;
  struct Rows {
    Packet upper, lower;
  };
  static Rows load(const double* x) {
    return {Eigen::internal::ploadu<Packet>(x), Eigen::internal::ploadu<Packet>(x + height / 2)};
  }
  static void store(double* to, const Rows& x) {
    Eigen::internal::pstoreu(to, x.upper);
    Eigen::internal::pstoreu(to + height / 2, x.lower);
  }
  /// a x + b y. What comes last in a sweep is x.
  static Rows sum(double a, const Rows& x, double b, const Rows& y) {
    using namespace Eigen::internal;
    const Packet of_x = pset1<Packet>(a), of_y = pset1<Packet>(b);
    return {pmadd(of_x, x.upper, pmul(of_y, y.upper)), pmadd(of_x, x.lower, pmul(of_y, y.lower))};
  }

  struct Step {
    Rotation one, two;  ///< of a column and the next, and of the one before it and that
  };
  Index first_;
  std::vector<Step> steps_;
};

/// A basis, n x n, by strips of a few rows, each of them column by column.
class Strips {
 public:
  /// A copy.
  Strips(const Eigen::MatrixXd& basis, int threads)
      : n_(basis.rows()), threads_(threads), entries_(Pass::height, count() * n_) {
    over_strips([&](Index row, Index rows, auto strip) {
      for (Index j = 0; j < n_; ++j) {
        strip.col(j).head(rows) = basis.col(j).segment(row, rows);
        strip.col(j).tail(Pass::height - rows).setZero();
      }
    });
  }
  /// Carries out sweeps on the columns.
  void rotate(const std::vector<Sweep>& sweeps) {
    std::vector<Pass> passes;
    for (std::size_t k = 0; k < sweeps.size(); k += 2)
      passes.emplace_back(sweeps[k], k + 1 < sweeps.size() ? sweeps[k + 1] : Sweep{sweeps[k].first});
    over_strips([&](Index, Index, auto strip) {
      for (const Pass& pass : passes) pass.carry_out(strip.data());
    });
  }
  /// The columns, in this order, into a matrix.
  void write(const std::vector<Index>& order, Eigen::MatrixXd& basis) {
    over_strips([&](Index row, Index rows, auto strip) {
      for (Index j = 0; j < n_; ++j)
        basis.col(j).segment(row, rows) = strip.col(order[static_cast<std::size_t>(j)]).head(rows);
    });
  }

 private:
  Index count() const { return (n_ + Pass::height - 1) / Pass::height; }
  /// work(row, rows, strip)
  template <class Work>
  void over_strips(Work&& work) {
    detail::parallel(static_cast<std::size_t>(count()), threads_, [&](std::size_t s) {
      const Index strip = static_cast<Index>(s), row = strip * Pass::height;
      work(row, std::min(Pass::height, n_ - row), entries_.middleCols(strip * n_, n_));
    });
  }

  Index n_;
  int threads_;
  Eigen::Matrix<double, Pass::height, Eigen::Dynamic> entries_;
};

/// The rotation that turns (x, z) into (r, 0).
inline Rotation rotation(double x, double z) {
  if (z == 0) return {};
  double r = std::sqrt(x * x + z * z);
  if (r < 1e-140) r = std::hypot(x, z);  // the squares have underflowed
  return {x / r, z / r};
}

/// One QR step on rows first to last of T with diagonal d and off-diagonals e.
inline Sweep qr_step(VectorXd& d, VectorXd& e, Index first, Index last) {
  // Wilkinson's shift: of the last 2 x 2 block the eigenvalue that is nearest to its last entry.
  const double half = 0.5 * (d[last - 1] - d[last]), off = e[last - 1];
  const double shift = d[last] - off / (half + std::copysign(std::hypot(half, off), half)) * off;
  Sweep sweep{first};
  sweep.rotations.reserve(static_cast<std::size_t>(last - first));
  double x = d[first] - shift, z = e[first];
  for (Index k = first; k < last; ++k) {
    const auto [c, s] = sweep.rotations.emplace_back(rotation(x, z));
    if (k > first) e[k - 1] = c * e[k - 1] + s * z;
    const double a = c * d[k] + s * e[k], b = c * e[k] + s * d[k + 1];
    const double f = c * e[k] - s * d[k], g = c * d[k + 1] - s * e[k];
    d[k] = c * a + s * b;
    d[k + 1] = c * g - s * f;
    e[k] = c * b - s * a;
    x = e[k];
    if (k + 1 < last) {
      z = s * e[k + 1];
      e[k + 1] *= c;
    }
  }
  return sweep;
}

/// The eigenvalues take the place of d, not in order, and e, the off-diagonals, becomes 0; q takes the
/// rotations from the right. `step` gets how many eigenvalues are found. Throws Error where they are not
/// after 30 n steps.
template <class Step>
void diagonalise(VectorXd& d, VectorXd& e, Strips& q, Step&& step) {
  constexpr double work_at_a_time = 1e9;  // rotations of numbers, a fraction of a second
  const Index n = d.size();
  // An off-diagonal of this size is what rounding has done already to a matrix of this norm.
  const double negligible = 0.5 * std::numeric_limits<double>::epsilon() *
                            std::max(d.cwiseAbs().maxCoeff(), n > 1 ? e.cwiseAbs().maxCoeff() : 0);
  std::vector<Sweep> sweeps;
  double work = 0;
  Index last = n - 1;
  const auto carry_out = [&] {
    q.rotate(sweeps);
    sweeps.clear();
    work = 0;
    step(n - 1 - last);
  };
  for (Index steps = 0; last > 0;) {
    if (std::abs(e[last - 1]) <= negligible) {
      e[--last] = 0;
      continue;
    }
    Index first = last - 1;
    while (first > 0 && std::abs(e[first - 1]) > negligible) --first;
    if (first > 0) e[first - 1] = 0;
    if (++steps > 30 * n)
      throw Error("the eigenvalues of the kernel of " + std::to_string(n) +
                  " rows did not converge (after 30 QR steps a value); check how it was made");
    sweeps.push_back(qr_step(d, e, first, last));
    work += static_cast<double>(last - first) * static_cast<double>(n);
    if (work > work_at_a_time || sweeps.size() == 64) carry_out();
  }
  carry_out();
}

}  // namespace tridiagonal_detail
}  // namespace SST_ABI
}  // namespace sst
