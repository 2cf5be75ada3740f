// SPDX-License-Identifier: MIT
#pragma once

#include <cstdlib>

#include <Eigen/Core>

#include <sst/kernel/network_kernel.hpp>
#include <sst/topology/families.hpp>

/// \file
/// What solvers are timed on, the same in all programs.

/// n rows of 20 features, a smooth target, and a network with biases (no profile).
struct LargeProblem {
  explicit LargeProblem(Eigen::Index n) {
    std::srand(1);
    x = Eigen::MatrixXd::Random(n, 20);
    y = target(x);
  }
  static Eigen::VectorXd target(const Eigen::MatrixXd& x) {
    return (2 * x.col(0)).array().sin() + x.col(1).array() * x.col(2).array();
  }

  Eigen::MatrixXd x;
  Eigen::VectorXd y;
  sst::KernelFunction kernel = sst::ntk(sst::sparse_shortcut(4, {.weight_std = 1.4, .bias_std = 0.1}));
};
