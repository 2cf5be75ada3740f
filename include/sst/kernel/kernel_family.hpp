// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <vector>

#include <Eigen/Core>

#include <sst/base/data_ref.hpp>
#include <sst/base/execution.hpp>
#include <sst/kernel/kernel_function.hpp>
#include <sst/version.hpp>

/// \file
/// Kernels that depend on numbers, and their derivatives by these.

namespace sst {
inline namespace SST_ABI {

/// Kernels by p numbers, and where to begin: logarithms of standard deviations, of weights of sums, or
/// whatever changes a kernel visibly when it changes by 1.
///
/// \code
/// const sst::KernelFamily family{[](const Eigen::VectorXd& p) {
///   return sst::ntk(sst::chain(3, {.weight_std = std::exp(p[0]), .bias_std = std::exp(p[1])}));
/// }, Eigen::Vector2d(0, -1)};
/// \endcode
struct KernelFamily {
  std::function<KernelFunction(const Eigen::VectorXd&)> at;  ///< of p numbers
  Eigen::VectorXd start = {};                                ///< p numbers
};

namespace kernel_detail {

inline std::vector<KernelLine> lines_through(const KernelFamily& family, const Eigen::VectorXd& at) {
  std::vector<KernelLine> lines;
  for (Eigen::Index k = 0; k < at.size(); ++k)
    lines.push_back([&family, &at, k](double t) {
      Eigen::VectorXd moved = at;
      moved[k] += t;
      return family.at(moved);
    });
  return lines;
}

}  // namespace kernel_detail

/// dK(a_i, x_j)/dp_k where the family's numbers p are `at`: a matrix of m x n for each of them; a: m x d, x:
/// n x d. What the numbers may be: whatever the family makes of them, each weight_std, bias_std, coefficient
/// of a sum or share of a concatenation, by layer or shared, the factors of a sum of kernels.
///
/// Of networks on rows whose numbers change weights and biases alone, exactly but for differences in extended
/// precision of what belongs to single samples (1e-11 of K, or of what cancels in it), in about one kernel's
/// time each. Of all other kernels, and of numbers that change an activation, a rate or the graph, by fourth
/// order differences of four kernels: 1e-10 of K in double. Throws what the family and its kernels
/// throw, DataError, Error (memory), Cancelled.
inline std::vector<Eigen::MatrixXd> parameter_derivatives(const KernelFamily& family,
                                                          const Eigen::VectorXd& at, const DataRef& a,
                                                          const DataRef& x, const Execution& execution = {}) {
  return family.at(at).derivatives(kernel_detail::lines_through(family, at), a, x, execution);
}
/// dK(x_i, x_j)/dp_k where the family's numbers p are `at`, n x n and symmetric, for each of them; x: n x d.
/// Throws as the other.
inline std::vector<Eigen::MatrixXd> parameter_derivatives(const KernelFamily& family,
                                                          const Eigen::VectorXd& at, const DataRef& x,
                                                          const Execution& execution = {}) {
  return family.at(at).derivatives(kernel_detail::lines_through(family, at), x, execution);
}

}  // namespace SST_ABI
}  // namespace sst
