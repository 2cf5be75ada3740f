// SPDX-License-Identifier: MIT
#include <sst/images/flip_average.hpp>

#include <cmath>
#include <vector>

#include <Eigen/Core>

#include <sst/io/store/compute.hpp>
#include <sst/kernel/image_gram.hpp>
#include <sst/kernel/own_kernel.hpp>
#include <sst/regression/model.hpp>
#include <sst/topology/spatial_families.hpp>

#include "../catch.hpp"
#include "../images.hpp"

namespace flip_average_tests {

namespace {

using Eigen::Index;
using Eigen::MatrixXd;

constexpr sst::ImageShape shape{4, 6, 2};

MatrixXd flipped(const MatrixXd& x) { return sst::flip_horizontally({shape, x, {}}).pixels; }

template <class Scalar>
MatrixXd all(const sst::FlipAverageTiles<Scalar>& tiles) {
  Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic> out(static_cast<Index>(tiles.rows()),
                                                            static_cast<Index>(tiles.cols()));
  tiles.evaluate(0, tiles.rows(), 0, tiles.cols(), out.data(), tiles.rows());
  return out.template cast<double>();
}

std::vector<sst::Topology> networks() {
  sst::ConvFamilyOptions global{.bias_std = 0.2}, flat{.bias_std = 0.2};
  flat.readout = sst::ImageReadout::flatten;
  sst::ConvFamilyOptions local = flat;
  local.readout = sst::ImageReadout::pool_flatten;
  return {sst::conv_chain(3, global), sst::conv_sparse_shortcut(4, flat), sst::conv_residual(3, local),
          sst::conv_randomly_wired(4, {.k = 2}, global)};
}

}  // namespace

TEST_CASE("a kernel averaged over flips is the mean over both sides", "[images][flip_average]") {
  const MatrixXd x = sst_test::images(5, shape), y = sst_test::images(9, shape).bottomRows(4);
  for (const auto& net : networks())
    for (const auto kernel : {sst::Kernel::nngp, sst::Kernel::ntk}) {
      INFO(net.name());
      const auto k = [&](const MatrixXd& a, const MatrixXd& b) {
        return sst::gram(net, kernel, shape, a, b);
      };
      const auto mean = [&](const MatrixXd& a, const MatrixXd& b) -> MatrixXd {
        return (k(a, b) + k(a, flipped(b)) + k(flipped(a), b) + k(flipped(a), flipped(b))) / 4;
      };
      const MatrixXd averaged = all(sst::FlipAverageTiles<double>(net, kernel, shape, x));
      CHECK((averaged - mean(x, x)).norm() < 1e-13 * averaged.norm());
      CHECK((averaged - averaged.transpose()).norm() < 1e-14 * averaged.norm());
      const sst::FlipAverageTiles<double> tiles(net, kernel, shape, y, x);
      CHECK((all(tiles) - mean(y, x)).norm() < 1e-13 * averaged.norm());
      MatrixXd piece = MatrixXd::Zero(3, 2);
      tiles.evaluate(1, 2, 3, 2, piece.data(), 3);
      CHECK(piece.topRows(2) == all(tiles).block(1, 3, 2, 2));
      CHECK(piece.row(2).isZero(0));
      const MatrixXd single = all(sst::FlipAverageTiles<float>(net, kernel, shape, x));
      CHECK((single - averaged).norm() < 1e-5 * averaged.norm());
    }
}

TEST_CASE("a kernel averaged over flips predicts as the doubled data do", "[images][flip_average]") {
  const MatrixXd x = sst_test::images(6, shape), x_new = sst_test::images(10, shape).bottomRows(4);
  const MatrixXd labels = MatrixXd::Random(6, 2);
  MatrixXd doubled(12, x.cols()), twice(12, 2);
  doubled << x, flipped(x);
  twice << labels, labels;
  const double ridge = 0.02;
  for (const auto& net : networks()) {
    INFO(net.name());
    const auto by_doubling =
        sst::fit(sst::precomputed_kernel(sst::gram(net, sst::Kernel::ntk, shape, doubled)),
                 MatrixXd(Eigen::VectorXd::LinSpaced(12, 0, 11)), twice, sst::Ridge::absolute(ridge));
    const sst::FlipAverageTiles<double> averaged(net, sst::Kernel::ntk, shape, x);
    const auto by_averaging = sst::fit(
        sst::precomputed_kernel(sst::compute_by_tiles<double>(averaged, sst::TileSymmetry::symmetric, 4)),
        MatrixXd(Eigen::VectorXd::LinSpaced(6, 0, 5)), labels, sst::Ridge::absolute(ridge / 2));
    const MatrixXd expected = sst::gram(net, sst::Kernel::ntk, shape, x_new, doubled) * by_doubling.weights();
    const MatrixXd found =
        all(sst::FlipAverageTiles<double>(net, sst::Kernel::ntk, shape, x_new, x)) * by_averaging.weights();
    CHECK((found - expected).norm() < 1e-11 * expected.norm());
  }
}

TEST_CASE("networks that see mirror images in another way are refused", "[images][flip_average]") {
  sst::ConvFamilyOptions options;
  options.readout = sst::ImageReadout::pool_flatten;
  const sst::Topology net = sst::conv_chain(2, options);
  const MatrixXd odd = MatrixXd::Random(3, 4 * 5 * 2), other = MatrixXd::Random(3, 4 * 6 * 2);
  CHECK_THROWS_WITH(sst::FlipAverageTiles<double>(net, sst::Kernel::ntk, {4, 5, 2}, odd),
                    Catch::Contains("sees mirror images of 4 x 5 x 2 in another way"));
  CHECK_THROWS_WITH(sst::FlipAverageTiles<double>(net, sst::Kernel::ntk, {4, 5, 2}, other),
                    Catch::Contains("has 48 columns"));
}

}  // namespace flip_average_tests
