// SPDX-License-Identifier: MIT
#pragma once

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include <sst/base/parallel.hpp>
#include <sst/base/progress.hpp>
#include <sst/error.hpp>
#include <sst/finite/network.hpp>
#include <sst/finite/random.hpp>
#include <sst/topology/topology.hpp>
#include <sst/version.hpp>

namespace sst {
inline namespace SST_ABI {

/// The mean of a kernel over independent random networks, and the standard error of that mean.
struct KernelEstimate {
  Eigen::MatrixXd mean;            ///< over the networks
  Eigen::MatrixXd standard_error;  ///< of that mean, entry by entry

  /// The largest |mean - exact| / standard_error of all entries. A difference of rounding size (1e-12
  /// of the largest entry) counts as none: some entries have no randomness. Throws Error for another shape.
  double largest_deviation(const Eigen::MatrixXd& exact) const {
    if (exact.rows() != mean.rows() || exact.cols() != mean.cols())
      throw Error("the exact kernel is " + std::to_string(exact.rows()) + " x " +
                  std::to_string(exact.cols()) + " (the estimate is " + std::to_string(mean.rows()) + " x " +
                  std::to_string(mean.cols()) + "); compare kernels of the same samples");
    if (!exact.allFinite() || !mean.allFinite()) return std::numeric_limits<double>::infinity();
    const double rounding = exact.size() > 0 ? 1e-12 * exact.cwiseAbs().maxCoeff() : 0;
    double largest = 0;
    for (Eigen::Index i = 0; i < exact.size(); ++i) {
      const double difference = std::abs(mean.reshaped()[i] - exact.reshaped()[i]);
      if (difference > rounding) largest = std::max(largest, difference / standard_error.reshaped()[i]);
    }
    return largest;
  }
};

/// Options of `monte_carlo`.
struct MonteCarloOptions {
  /// Which kernels are computed: the `nngp`, the `ntk`, or `both`.
  enum class Kernels { nngp, ntk, both };
  /// What is averaged: `none`: the kernels at the width, K(n) = K + O(1/n); `richardson`:
  /// 2 K(2n) - K(n) = K + O(1/n^2), of a pair of networks that share the weights they have in common
  /// (Richardson's extrapolation).
  enum class Extrapolation { none, richardson };

  Eigen::Index width = 128;         ///< channels of the nodes (and twice that, under Richardson); at least 1
  Eigen::Index networks = 256;      ///< independent networks (pairs); at least 2
  std::uint64_t seed = 0;           ///< network i has a key of its own made of (seed, i)
  Eigen::Index outputs = 8;         ///< channels of a dense output in the NTK's average; at least 1
  Kernels kernels = Kernels::both;  ///< which kernels
  Extrapolation extrapolation = Extrapolation::none;  ///< how the error of finite width is reduced
  std::optional<ImageShape> image = {};               ///< samples are images of this shape
  /// 0: as many as OpenMP gives. The result does not depend on it, to the last bit.
  int threads = 0;
  ProgressFunction progress = {};  ///< of all of it
};

/// What `monte_carlo` returns; a kernel that was not asked for is 0 x 0.
struct MonteCarlo {
  KernelEstimate nngp;  ///< the mean and standard error of K
  KernelEstimate ntk;   ///< the mean and standard error of T
};

/// Called with (i, NNGP, NTK) of network i, for i = 0, 1, ... in this order, by the calling thread.
using NetworkObserver = std::function<void(Eigen::Index, const Eigen::MatrixXd&, const Eigen::MatrixXd&)>;

namespace detail {

/// Mean and sum of squared deviations, one sample at a time.
/// Source: Welford 1962, "Note on a Method for Calculating Corrected Sums of Squares and Products".
class RunningMean {
 public:
  void add(const Eigen::MatrixXd& sample) {
    if (++count_ == 1) mean_ = squares_ = Eigen::MatrixXd::Zero(sample.rows(), sample.cols());
    const Eigen::MatrixXd step = sample - mean_;
    mean_ += step / static_cast<double>(count_);
    squares_.array() += step.array() * (sample - mean_).array();
  }
  KernelEstimate estimate() const {
    const auto n = static_cast<double>(count_);
    return {mean_, (squares_ / (n * (n - 1))).cwiseSqrt()};
  }

 private:
  Eigen::Index count_ = 0;
  Eigen::MatrixXd mean_, squares_;
};

/// Both kernels of one network; those not asked for stay empty.
inline void add_kernels(const Topology& topology, const Eigen::MatrixXd& x, const MonteCarloOptions& options,
                        Eigen::Index width, std::uint64_t seed, double factor, Eigen::MatrixXd& nngp,
                        Eigen::MatrixXd& ntk) {
  using Kernels = MonteCarloOptions::Kernels;
  const FiniteNetwork network(
      topology, x.cols(), {.width = width, .outputs = options.outputs, .seed = seed, .image = options.image});
  const auto add = [factor](Eigen::MatrixXd& sum, const Eigen::MatrixXd& kernel) {
    if (sum.size() == 0) sum = Eigen::MatrixXd::Zero(kernel.rows(), kernel.cols());
    sum += factor * kernel;
  };
  if (options.kernels != Kernels::ntk) add(nngp, network.expected_nngp(x));
  if (options.kernels == Kernels::nngp) return;
  const auto* dense = std::get_if<DenseOp>(&topology.nodes()[topology.output()].operation);
  add(ntk, network.empirical_ntk(x, dense ? std::min(options.outputs, network.channels()) : 0));
}

}  // namespace detail

/// Estimates NNGP and NTK of any topology from random networks of finite width: the oracle of the exact
/// kernels, and the only kernel there is where no closed form exists.
///
/// The NNGP is averaged over infinitely many outputs (FiniteNetwork::expected_nngp), the NTK over `outputs`.
/// The standard error is that of the mean over networks; it knows nothing of the bias O(1/width), which
/// Extrapolation::richardson takes away up to O(1/width^2). Rows of x are samples; the kernels are
/// rows(x) x rows(x).
///
/// At a given cost many narrow networks are better than few wide ones, once the bias is gone: pairs of
/// widths 32 and 64 with Richardson, 6000 of them, come to 1 % of the kernels of depth 3 in about a second.
///
/// Parallel over networks; the result is the same to the last bit for any number of threads.
/// Throws Error for an option out of range or an NTK that does not exist, DataError for x, Cancelled; what
/// the observer throws passes through.
inline MonteCarlo monte_carlo(const Topology& topology, const Eigen::MatrixXd& x,
                              const MonteCarloOptions& options = {}, const NetworkObserver& observer = {}) {
  if (options.networks < 2)
    throw Error("the number of networks is " + std::to_string(options.networks) +
                " (a standard error needs at least 2); raise it");
  if (options.outputs < 1)
    throw Error("the number of outputs is " + std::to_string(options.outputs) +
                " (the NTK is an average over at least 1); raise it");
  const bool richardson = options.extrapolation == MonteCarloOptions::Extrapolation::richardson;

  // A batch at a time in parallel, then added up in the order of networks; memory bounds the batch.
  struct Sample {
    Eigen::MatrixXd nngp, ntk;
  };
  const Eigen::Index entries = std::max<Eigen::Index>(1, x.rows() * x.rows());
  const Eigen::Index batch = std::clamp<Eigen::Index>((1 << 21) / entries, 16, 1024);
  detail::RunningMean nngp, ntk;
  detail::Counter progress(options.progress, static_cast<double>(options.networks),
                           "the Monte Carlo estimate");
  for (Eigen::Index first = 0; first < options.networks; first += batch) {
    std::vector<Sample> samples(static_cast<std::size_t>(std::min(batch, options.networks - first)));
    detail::parallel(samples.size(), options.threads, [&](std::size_t k) {
      const std::uint64_t seed = detail::subkey(options.seed, static_cast<std::uint64_t>(first) + k);
      const double factor = richardson ? -1 : 1;
      detail::add_kernels(topology, x, options, options.width, seed, factor, samples[k].nngp, samples[k].ntk);
      if (richardson)
        detail::add_kernels(topology, x, options, 2 * options.width, seed, 2, samples[k].nngp,
                            samples[k].ntk);
      progress.add();
    });
    for (std::size_t k = 0; k < samples.size(); ++k) {
      if (samples[k].nngp.size() > 0) nngp.add(samples[k].nngp);
      if (samples[k].ntk.size() > 0) ntk.add(samples[k].ntk);
      if (observer) observer(first + static_cast<Eigen::Index>(k), samples[k].nngp, samples[k].ntk);
    }
  }
  return {nngp.estimate(), ntk.estimate()};
}

}  // namespace SST_ABI
}  // namespace sst
