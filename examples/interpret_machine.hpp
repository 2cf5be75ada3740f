// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include <Eigen/Core>

#include <sst/base/every.hpp>
#include <sst/images/images.hpp>
#include <sst/io/store/compute.hpp>
#include <sst/kernel/image_tiles.hpp>
#include <sst/ntk.hpp>

#include "interpret_occlusion.hpp"
#include "program.hpp"

/// \file
/// Classifiers whose scores are explained.

namespace interpret {

/// How kernels are computed.
struct Arithmetic {
  sst::Kernel kernel = sst::Kernel::ntk;
  bool single = false;  ///< in float, where no derivative is taken
  int threads = 0;
};

/// Kernel regression on one-hot labels less their means: the score of a class, and what it is made of.
class Machine {
 public:
  /// `train`: with labels of two classes or more.
  Machine(const sst::Topology& net, const sst::Images& train, const sst::Ridge& ridge,
          const Arithmetic& arithmetic, program::Progress& progress)
      : net_(net),
        kernel_(kernel_of(net, train.shape, arithmetic)),
        train_(train),
        arithmetic_(arithmetic),
        classes_(std::vector<int>(train.labels.begin(), train.labels.end())) {
    const auto labels = classes_.encode({train.labels.begin(), train.labels.end()});
    const Eigen::VectorXd places =
        Eigen::VectorXd::LinSpaced(train.count(), 0, static_cast<double>(train.count() - 1));
    weights_ = sst::fit(sst::precomputed_kernel(matrix(nullptr, progress(net.name() + ", kernel"))), places,
                        sst::one_hot(labels, classes_.size()), ridge, {.threads = arithmetic.threads})
                   .weights();
  }

  const sst::Topology& net() const { return net_; }
  const sst::Classes<int>& classes() const { return classes_; }
  /// What the score of one class for each image weighs the training images with: images x training images.
  Eigen::MatrixXd weights(const std::vector<std::size_t>& of) const {
    const std::vector<Index> columns(of.begin(), of.end());
    return weights_(sst::every, columns).transpose();
  }

  /// All scores, n x classes, in double whatever the arithmetic, as the parts are that add up to them.
  template <class Step>
  Eigen::MatrixXd scores(const Eigen::MatrixXd& images, const Step& step) const {
    return kernel_.matrix(images, train_.pixels, {arithmetic_.threads, step}) * weights_;
  }
  /// What another network's kernel makes of the same weights: for each image, of one class.
  template <class Step>
  Eigen::VectorXd score_by(const sst::Topology& net, const Eigen::MatrixXd& images,
                           const std::vector<std::size_t>& of, const Step& step) const {
    const sst::KernelFunction kernel = kernel_of(net, train_.shape, arithmetic_);
    return kernel.matrix(images, train_.pixels, {arithmetic_.threads, step})
        .cwiseProduct(weights(of))
        .rowwise()
        .sum();
  }
  /// The parts of the score of one class for each image.
  template <class Step>
  sst::FullGradients parts(const Eigen::MatrixXd& images, const std::vector<std::size_t>& of,
                           const Step& step) const {
    return kernel_.full_gradients(images, train_.pixels, weights(of), {arithmetic_.threads, step});
  }
  /// The score of one class for each image without one patch after another: n x patches.
  template <class Step>
  Eigen::MatrixXd without(const Eigen::MatrixXd& images, const std::vector<std::size_t>& of,
                          const Patches& patches, const Step& step) const {
    const Index n = images.rows(), count = patches.count();
    Eigen::MatrixXd all(n * count, images.cols());
    for (Index i = 0; i < n; ++i) all.middleRows(i * count, count) = occluded(images.row(i), patches);
    const Eigen::MatrixXd kernel = matrix(&all, step), weighing = weights(of);
    Eigen::MatrixXd out(n, count);
    for (Index i = 0; i < n; ++i)
      out.row(i) = (kernel.middleRows(i * count, count) * weighing.row(i).transpose()).transpose();
    return out;
  }

 private:
  static sst::KernelFunction kernel_of(const sst::Topology& net, const sst::ImageShape& shape,
                                       const Arithmetic& arithmetic) {
    return arithmetic.kernel == sst::Kernel::ntk ? sst::ntk(net, shape) : sst::nngp(net, shape);
  }
  /// K(rows, training images), or that of the training images.
  template <class Step>
  Eigen::MatrixXd matrix(const Eigen::MatrixXd* rows, const Step& step) const {
    return arithmetic_.single ? tiles<float>(rows, step) : tiles<double>(rows, step);
  }
  template <class Scalar, class Step>
  Eigen::MatrixXd tiles(const Eigen::MatrixXd* rows, const Step& step) const {
    const sst::TileOptions run{.threads = arithmetic_.threads, .progress = step};
    constexpr Index tile = 32;
    const auto compute = [&](const sst::ImageTiles<Scalar>& of, sst::TileSymmetry symmetry) {
      return Eigen::MatrixXd(sst::compute_by_tiles<Scalar>(of, symmetry, tile, run).template cast<double>());
    };
    const int threads = arithmetic_.threads;
    if (rows == nullptr)
      return compute({net_, arithmetic_.kernel, train_.shape, train_.pixels, threads},
                     sst::TileSymmetry::symmetric);
    return compute({net_, arithmetic_.kernel, train_.shape, *rows, train_.pixels, threads},
                   sst::TileSymmetry::general);
  }

  sst::Topology net_;
  sst::KernelFunction kernel_;
  sst::Images train_;
  Arithmetic arithmetic_;
  sst::Classes<int> classes_;
  Eigen::MatrixXd weights_;
};

}  // namespace interpret
