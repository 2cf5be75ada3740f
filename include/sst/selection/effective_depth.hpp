// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include <Eigen/Core>

#include <sst/base/data_ref.hpp>
#include <sst/error.hpp>
#include <sst/kernel/network_kernel.hpp>
#include <sst/topology/topology.hpp>
#include <sst/version.hpp>

namespace sst {
inline namespace SST_ABI {

/// How many layers of weights a signal passes on its way to the output, in the mean:
/// (1/n) sum_i Theta(x_i, x_i) / Sigma(x_i, x_i) with the tangent kernel Theta and the variance Sigma of the
/// output.
///
/// Theta is a sum over layers. In a network without biases whose activations are positively homogeneous, a
/// layer adds E[(f's part that passes it)^2]: all of Sigma in a chain, so that the number is the count of
/// its layers, and the shares of the paths, each as long as it is, where paths branch (the paths of Veit,
/// Wilber and Belongie 2016, "Residual Networks Behave Like Ensembles of Relatively Shallow Networks",
/// exact at infinite width, with what branches have in common). Of other networks it is this ratio and no
/// count: larger than the number of layers where differences of signals grow from layer to layer. Layers that
/// do not learn (rate 0) do not count.
///
/// x: n x features. Accuracy: that of the kernels. Throws DataError where the output has no variance (a row
/// of zeros, without biases), and what the kernels throw.
inline double effective_depth(const Topology& topology, const DataRef& x) {
  const Eigen::VectorXd tangent = ntk(topology).diagonal(x), variance = nngp(topology).diagonal(x);
  Eigen::Index least = 0;
  if (x.rows() == 0 || !(variance.minCoeff(&least) > 0))
    throw DataError("sample " + std::to_string(least) +
                    ", counted from 0, has no variance at the output (the sample is zero, or there is none); "
                    "leave it out, or give the network biases");
  return (tangent.array() / variance.array()).mean();
}

}  // namespace SST_ABI
}  // namespace sst
