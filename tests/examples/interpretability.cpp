// SPDX-License-Identifier: MIT
#include <cmath>
#include <vector>

#include <sst/ntk.hpp>
#include <sst/topology/spatial_families.hpp>

#include "../../examples/interpret_composites.hpp"
#include "../../examples/interpret_dice.hpp"
#include "../../examples/interpret_maps.hpp"
#include "../../examples/interpret_occlusion.hpp"
#include "../../examples/interpret_taps.hpp"
#include "../../examples/pair_table.hpp"
#include "../catch.hpp"

namespace interpretability_tests {

using Eigen::Index;
using interpret::Map;

TEST_CASE("percentiles are those of numpy", "[examples][interpretability]") {
  // numpy.percentile([3, 1, 2, 10], [0, 50, 80, 99, 100])
  const Eigen::RowVector4d x(3, 1, 2, 10);
  CHECK(interpret::percentile(x, 0) == 1);
  CHECK(interpret::percentile(x, 50) == Approx(2.5).epsilon(1e-15));
  CHECK(interpret::percentile(x, 80) == Approx(5.8).epsilon(1e-14));
  CHECK(interpret::percentile(x, 99) == Approx(9.79).epsilon(1e-14));
  CHECK(interpret::percentile(x, 100) == 10);
  CHECK(interpret::percentile(Eigen::RowVectorXd::Constant(1, 7), 80) == 7);
}

TEST_CASE("the Dice coefficient counts pixels above the percentile against the mask",
          "[examples][interpretability]") {
  const Eigen::RowVectorXd map = Eigen::RowVectorXd::LinSpaced(10, 0, 9);
  Eigen::RowVectorXd mask = Eigen::RowVectorXd::Zero(10);
  mask.tail(2).setOnes();
  CHECK(interpret::dice(map, mask, 80) == 1);                           // 8 and 9 are above 7.2
  CHECK(interpret::dice(map, mask, 99) == Approx(2.0 / 3));             // 9 alone
  CHECK(interpret::dice(-map, mask, 80) == 0);                          // nothing in common
  CHECK(interpret::dice(Eigen::RowVectorXd::Ones(10), mask, 80) == 0);  // a constant chooses nothing
  mask.head(2).setOnes();
  CHECK(interpret::dice(map, mask, 80) == Approx(2.0 * 2 / (2 + 4)));
  const Eigen::MatrixXd curves = interpret::dice_curves(map, mask);
  REQUIRE(curves.cols() == 20);
  CHECK(curves(0, 0) == interpret::dice(map, mask, 99));
  CHECK(curves(0, 19) == interpret::dice(map, mask, 80));
  // The best map chooses 2 of the 4 at the percentile 80, and 1 at 99.
  const Eigen::MatrixXd best = interpret::best_possible(mask);
  CHECK(best(0, 19) == Approx(2.0 * 2 / (2 + 4)));
  CHECK(best(0, 0) == Approx(2.0 * 1 / (1 + 4)));
}

TEST_CASE("composites show their items where the masks are, and are the same for the same seed",
          "[examples][interpretability]") {
  sst::Images items{{4, 4, 1}, Eigen::MatrixXd::Zero(30, 16), Eigen::VectorXi::LinSpaced(30, 0, 29)};
  for (Index i = 0; i < 30; ++i) {
    items.pixels(i, 5) =
        10 + static_cast<double>(i);  // three pixels in a corner, one of them too dark to count
    items.pixels(i, 6) = 20 + static_cast<double>(i);
    items.pixels(i, 9) = 1;
  }
  const interpret::Foregrounds made = interpret::composites(items, {.size = 9, .pieces = 3, .noise = 0.5}, 5);
  REQUIRE(made.images.pixels.cols() == 81);
  CHECK(made.images.labels == items.labels);
  for (Index i = 0; i < 30; ++i) {
    CHECK(made.masks.row(i).sum() == 2);
    const Eigen::RowVectorXd seen = made.masks.row(i).cwiseProduct(made.images.pixels.row(i));
    CHECK(seen.sum() == 30 + 2 * static_cast<double>(i));
  }
  CHECK(made.images.pixels.minCoeff() >= 0);
  CHECK(made.images.pixels.maxCoeff() <= 49);
  CHECK((made.masks.colwise().sum().array() > 0).count() > 20);  // at many places
  CHECK(interpret::composites(items, {9, 3, 0.5}, 5).images.pixels == made.images.pixels);
  CHECK(interpret::composites(items, {9, 3, 0.5}, 6).images.pixels != made.images.pixels);
  // Without noise and clutter nothing but the item is there.
  const interpret::Foregrounds bare = interpret::composites(items, {9, 0, 0}, 5);
  CHECK((bare.images.pixels.array() > 0).cast<double>().matrix() == bare.masks);

  CHECK_THROWS_AS(interpret::composites(items, {3, 3, 0.5}, 5), sst::DataError);
  items.pixels.row(7).setZero();
  CHECK_THROWS_AS(interpret::composites(items, {9, 3, 0.5}, 5), sst::DataError);
}

TEST_CASE("maps are rescaled to 0 to 1 and resized between the middles of pixels",
          "[examples][interpretability]") {
  Map map(1, 2);
  map << -1, 3;
  CHECK(interpret::rescaled(map) == Map((Map(1, 2) << 0, 1).finished()));
  CHECK(interpret::rescaled(Map::Constant(2, 2, 5)) == Map::Zero(2, 2));
  CHECK(interpret::resized(map, 1, 2) == map);
  CHECK(
      interpret::resized(map, 2, 4).isApprox(Map((Map(2, 4) << -1, 0, 2, 3, -1, 0, 2, 3).finished()), 1e-15));
  CHECK(interpret::resized(Map::Constant(1, 1, 4), 3, 3) == Map::Constant(3, 3, 4));
  const Map large = Map::Random(6, 8).cwiseAbs();
  CHECK(interpret::resized(large, 3, 4).sum() * 4 == Approx(large.sum()));  // means of pairs of pairs
}

TEST_CASE("full gradients are aggregated by absolute values, rescaled, resized and added",
          "[examples][interpretability]") {
  const sst::ImageShape shape{2, 2, 1};
  sst::FullGradients parts{
      Eigen::MatrixXd(1, 4), Eigen::MatrixXd(1, 6), {{"h", 0, 2, 2}, {"p", 4, 1, 1}, {"y", 5, 1, 1}}};
  parts.input << 1, -2, 0, 4;
  parts.layers << 0, -3, 1, 2, 9, 7;
  const Eigen::RowVector4d image(1, 1, 5, -1);
  // |x g| = 1 2 0 4 and |h| = 0 3 1 2; single positions are constant and say nothing.
  const Map map = interpret::full_gradient_map(parts, 0, image, shape);
  CHECK(map.isApprox(Map((Map(2, 2) << 0.25, 1.5, 1.0 / 3, 1 + 2.0 / 3).finished()), 1e-15));
  CHECK(interpret::gradient_map(parts.input.row(0), shape) == Map((Map(2, 2) << 1, 2, 0, 4).finished()));
  CHECK(interpret::gradient_map(parts.input.row(0), {1, 2, 2}) == Map((Map(1, 2) << 3, 4).finished()));
  const Eigen::MatrixXd sizes = interpret::part_sizes(parts, image);
  CHECK(sizes == (Eigen::RowVector4d(7, 6, 9, 7)).eval());
  CHECK(interpret::mean_shares(sizes).sum() == Approx(1));
}

TEST_CASE("baselines see the image's contrast, or nothing", "[examples][interpretability]") {
  CHECK(interpret::contrast_map(Eigen::RowVector4d(0, 0, 0, 4), {2, 2, 1}) ==
        Map((Map(2, 2) << 1, 1, 1, 3).finished()));
  const Map gaussian = interpret::centred_gaussian({5, 4, 3});
  CHECK(gaussian.isApprox(gaussian.reverse(), 1e-15));
  CHECK(gaussian(2, 1) == gaussian.maxCoeff());
  CHECK(gaussian(2, 1) == Approx(std::exp(-0.5 * 0.25)));  // half a pixel aside, of a deviation of one
}

TEST_CASE("occlusion fills one square after another with the mean of its channel",
          "[examples][interpretability]") {
  const interpret::Patches patches{{3, 4, 2}, 2};
  REQUIRE(patches.count() == 4);
  const Eigen::RowVectorXd image = Eigen::RowVectorXd::LinSpaced(24, 0, 23);  // means of the channels: 11, 12
  const Eigen::MatrixXd out = interpret::occluded(image, patches);
  Eigen::RowVectorXd second = image;
  for (const Index pixel : {2, 3, 6, 7}) second.segment(2 * pixel, 2) << 11, 12;
  CHECK(out.row(1) == second);
  Eigen::RowVectorXd last = image;
  for (const Index pixel : {10, 11}) last.segment(2 * pixel, 2) << 11, 12;
  CHECK(out.row(3) == last);
  const Map map = interpret::occlusion_map(1, Eigen::Vector4d(1, 0, 1, 1), {{4, 4, 1}, 2});
  CHECK(map(0, 3) == 1);
  CHECK(map(3, 0) == 0);
}

TEST_CASE("the kernels of the taps and the read-out's bias add up to the network's",
          "[examples][interpretability]") {
  const sst::ImageShape shape{4, 4, 1};
  const Eigen::MatrixXd x = Eigen::MatrixXd::Random(5, 16);
  for (const sst::ImageReadout readout : {sst::ImageReadout::flatten, sst::ImageReadout::global_avg_pool}) {
    const sst::ConvFamilyOptions layer{.bias_std = 0.5, .readout = readout};
    const std::vector<sst::Topology> nets{sst::conv_sparse_shortcut(4, layer, sst::Aggregation::concat),
                                          sst::dense_net({.blocks = 2, .layers = 2}, layer)};
    for (const sst::Topology& net : nets) {
      const auto taps = interpret::taps(net);
      REQUIRE(taps.size() == 3);
      for (const bool tangent : {false, true}) {
        const auto kernel = [&](const sst::Topology& of) {
          return (tangent ? sst::ntk(of, shape) : sst::nngp(of, shape)).matrix(x);
        };
        Eigen::MatrixXd sum = Eigen::MatrixXd::Constant(5, 5, 0.25);
        for (const interpret::Tap& tap : taps) sum += kernel(tap.net);
        CHECK(sum.isApprox(kernel(net), 1e-13));
      }
    }
    CHECK(interpret::taps(sst::conv_chain(3, layer)).empty());
  }
  CHECK(interpret::taps(sst::conv_sparse_shortcut(3, {}, sst::Aggregation::concat))[1].name == "h2");
}

TEST_CASE("pairs of methods are compared case by case", "[examples]") {
  Eigen::MatrixXd results(4, 3);
  results << 1, 0, 1, 2, 1, 1, 3, 3, 1, 4, 2, 1;
  const auto pairs = program::compare_pairs(results);
  REQUIRE(pairs.size() == 3);
  CHECK(pairs[0].first == 0);
  CHECK(pairs[0].second == 1);
  CHECK(pairs[0].difference == 1);
  CHECK(pairs[0].won == 3);
  CHECK(pairs[0].tied == 1);
  CHECK(pairs[0].lost == 0);
  CHECK(pairs[0].p == sst::wilcoxon_test(results.col(0), results.col(1)).p);
  CHECK(pairs[0].holm >= pairs[0].p);
  CHECK(program::pair_table({"a", "b", "c"}, pairs).size() == 3);
  CHECK(program::compare_pairs(results.topRows(1)).empty());
  CHECK(program::compare_pairs(results.leftCols(1)).empty());
}

}  // namespace interpretability_tests
