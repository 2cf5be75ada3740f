// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <functional>
#include <utility>

#include <Eigen/Core>

#include <sst/base/differences.hpp>
#include <sst/kernel/full_gradients.hpp>
#include <sst/plan/kernel.hpp>
#include <sst/topology/image_shape.hpp>
#include <sst/topology/topology.hpp>

#include "image_reference.hpp"

/// Derivatives of sum_j w_j K(a, x_j) at one sample by central differences of fourth order in long double:
/// 1e-12 of the kernel's size.
namespace sst_reference {

/// df(t)/dt at t = 0, with steps of a power of two.
inline Real difference(const std::function<Real(Real)>& f) {
  constexpr Real step = 0x1p-10L;
  Real total = 0;
  for (const auto& [steps, weight] : sst::detail::central_differences)
    total += static_cast<Real>(weight) * f(static_cast<Real>(steps) * step);
  return total / (12 * step);
}

/// By the numbers of a, and by the logarithm of the bias of every layer of `biased`, position by position.
/// The numbers of a have few bits, so that steps are exact.
inline std::pair<Eigen::RowVectorXd, Eigen::RowVectorXd> derivatives(
    const sst::Topology& net, sst::Kernel kernel, const sst::ImageShape& shape, const Eigen::VectorXd& a,
    const Eigen::MatrixXd& x, const Eigen::RowVectorXd& w, const std::vector<sst::BiasedLayer>& biased = {}) {
  const auto f = [&](const Eigen::VectorXd& at, const BiasFactor& bias) {
    Real total = 0;
    for (Eigen::Index j = 0; j < x.rows(); ++j) {
      const auto both = Reference(net, shape, at, x.row(j).transpose(), bias).output(0, 1);
      total += static_cast<Real>(w[j]) * (kernel == sst::Kernel::ntk ? both.t : both.k);
    }
    return total;
  };
  Eigen::RowVectorXd input(a.size()), layers(0);
  for (Eigen::Index k = 0; k < a.size(); ++k)
    input[k] = static_cast<double>(difference([&](Real by) {
      Eigen::VectorXd moved = a;
      moved[k] += static_cast<double>(by);
      return f(moved, {});
    }));
  for (const sst::BiasedLayer& layer : biased)
    for (Eigen::Index p = 0; p < layer.size(); ++p) {
      layers.conservativeResize(layers.size() + 1);
      layers[layers.size() - 1] = static_cast<double>(difference([&](Real by) {
        return f(a, [&](std::size_t node, std::size_t position) {
          const bool here = net.nodes()[node].name == layer.name && position == static_cast<std::size_t>(p);
          return here ? 1 + by : Real(1);
        });
      }));
    }
  return {input, layers};
}

/// Numbers of few bits.
inline Eigen::MatrixXd of_few_bits(const Eigen::MatrixXd& x) { return (x * 4096).array().round() / 4096; }

}  // namespace sst_reference
