// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <deque>
#include <utility>

#include <Eigen/Core>

#include <sst/base/deadline.hpp>
#include <sst/version.hpp>

/// \file
/// Minima of smooth functions within bounds, from their gradients.

namespace sst {
inline namespace SST_ABI {

/// When `minimise` ends.
struct MinimiseOptions {
  int steps = 100;          ///< no more of them
  double tolerance = 1e-4;  ///< of what one step gains, in the units of the function
  double seconds = 0;       ///< after which no step begins; 0: no limit
};

/// What `minimise` found.
struct Minimum {
  Eigen::VectorXd at;      ///< p numbers
  double value = 0;        ///< there
  double start = 0;        ///< where it began
  int steps = 0;           ///< taken
  int evaluations = 0;     ///< of the function
  bool converged = false;  ///< no step gains more; otherwise steps or seconds ran out
};

/// A local minimum of f within lower <= x <= upper, p x 1 each: projected steps of limited-memory BFGS
/// (Nocedal and Wright 2006, "Numerical Optimization", algorithm 7.4) with backtracking; variables that a
/// bound holds rest. f(x, gradient) returns the value, infinite where there is none, and writes the gradient,
/// p x 1. No library of this kind is both headers alone and a package of Debian.
template <class Function>
Minimum minimise(Function&& f, Eigen::VectorXd x, const Eigen::VectorXd& lower, const Eigen::VectorXd& upper,
                 const MinimiseOptions& options = {}) {
  constexpr std::size_t memory = 10;
  struct Update {
    Eigen::VectorXd step, change;  // of x and of the gradient
    double product;
  };
  std::deque<Update> updates;
  Eigen::VectorXd gradient(x.size()), next_gradient(x.size());
  x = x.cwiseMax(lower).cwiseMin(upper);
  const Deadline deadline(options.seconds);
  Minimum out;
  out.start = out.value = f(x, gradient);
  out.evaluations = 1;
  for (; out.steps < options.steps && deadline.left() > 0 && std::isfinite(out.value); ++out.steps) {
    // What leads out of the bounds rests.
    Eigen::ArrayXd free = Eigen::ArrayXd::Ones(x.size());
    for (Eigen::Index i = 0; i < x.size(); ++i)
      if ((x[i] <= lower[i] && gradient[i] > 0) || (x[i] >= upper[i] && gradient[i] < 0)) free[i] = 0;
    Eigen::VectorXd direction = -(gradient.array() * free).matrix();
    if (direction.squaredNorm() == 0) {
      out.converged = true;
      break;
    }
    std::deque<double> weights;
    for (auto u = updates.rbegin(); u != updates.rend(); ++u) {
      weights.push_front(u->step.dot(direction) / u->product);
      direction -= weights.front() * u->change;
    }
    if (!updates.empty()) direction *= updates.back().product / updates.back().change.squaredNorm();
    for (std::size_t k = 0; k < updates.size(); ++k)
      direction += updates[k].step * (weights[k] - updates[k].change.dot(direction) / updates[k].product);
    direction.array() *= free;
    if (!(direction.dot(gradient) < 0)) {  // the curvature misleads
      updates.clear();
      direction = -(gradient.array() * free).matrix();
    }
    // At most one unit in any variable, which are logarithms as a rule.
    double length = std::min(1.0, 1 / direction.cwiseAbs().maxCoeff());
    Eigen::VectorXd next = x;
    double value = out.value;
    bool better = false;
    for (int halvings = 0; halvings < 12 && !better; ++halvings, length /= 3) {
      next = (x + length * direction).cwiseMax(lower).cwiseMin(upper);
      value = f(next, next_gradient);
      ++out.evaluations;
      better = value <= out.value + 1e-4 * gradient.dot(next - x);
    }
    if (!better) {
      if (updates.empty()) {
        out.converged = true;
        break;
      }
      updates.clear();  // once more, along the gradient
      continue;
    }
    Update update{next - x, next_gradient - gradient, 0};
    update.product = update.step.dot(update.change);
    if (update.product > 1e-10 * update.step.norm() * update.change.norm()) {
      updates.push_back(std::move(update));
      if (updates.size() > memory) updates.pop_front();
    }
    const double gain = out.value - value;
    x = next;
    out.value = value;
    std::swap(gradient, next_gradient);
    if (gain < options.tolerance) {
      ++out.steps;
      out.converged = true;
      break;
    }
  }
  out.at = std::move(x);
  return out;
}

}  // namespace SST_ABI
}  // namespace sst
