// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

#include <Eigen/Core>

#include <sst/version.hpp>

namespace sst {
inline namespace SST_ABI {

/// A layer with a bias, as a part of full gradients.
struct BiasedLayer {
  std::string name;         ///< of the layer's node; in a sum of kernels after its kernel: "ntk of net: y"
  Eigen::Index first = 0;   ///< its first column in FullGradients::layers
  Eigen::Index height = 1;  ///< rows of its map; 1 on rows of features
  Eigen::Index width = 1;   ///< columns of its map; 1 on rows of features
  /// Its columns: height x width.
  Eigen::Index size() const { return height * width; }
};

/// The parts of f(a) = sum_j W_j K(a, x_j) that come from the input and from each layer's bias, sample by
/// sample (Srinivas and Fleuret 2019, "Full-Gradient Representation for Neural Network Visualization", for
/// kernel machines). K is that of a network which is positively homogeneous of degree 1 in its input and
/// biases together, those of the sample a alone, so that by Euler's theorem
///
///     f(a) = a . df/da + sum_l beta_l df/dbeta_l
///
/// with beta_l the bias_std of layer l at a: in a convolutional network one at each position, whose parts are
/// the layer's map.
struct FullGradients {
  Eigen::MatrixXd input;            ///< df/da, m x d, in units of f per unit of the feature
  Eigen::MatrixXd layers;           ///< beta_l df/dbeta_l, m x the sizes of all layers, in units of f
  std::vector<BiasedLayer> biased;  ///< the layers with a bias, inputs first: what the columns are of

  /// The map of a layer at a sample, height x width, in units of f.
  Eigen::MatrixXd map(Eigen::Index sample, std::size_t layer) const {
    const BiasedLayer& of = biased[layer];
    const Eigen::RowVectorXd numbers = layers.row(sample).segment(of.first, of.size());
    using Rows = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
    return Eigen::Map<const Rows>(numbers.data(), of.height, of.width);
  }
  /// What the parts add up to, f at the samples a, m x d: a column of m numbers.
  Eigen::VectorXd total(const Eigen::MatrixXd& a) const {
    return a.cwiseProduct(input).rowwise().sum() + layers.rowwise().sum();
  }
};

}  // namespace SST_ABI
}  // namespace sst
