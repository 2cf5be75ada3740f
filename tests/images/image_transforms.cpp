// SPDX-License-Identifier: MIT

#include <Eigen/Eigenvalues>
#include <random>
#include <string>

#include <sst/images/image_transforms.hpp>

#include "../catch.hpp"

namespace image_transforms_tests {

namespace {

using Catch::Matchers::Contains;

sst::Images random_images(Eigen::Index count, sst::ImageShape shape, unsigned seed) {
  std::mt19937 random(seed);
  std::uniform_int_distribution<int> byte(0, 255);
  sst::Images out{shape, Eigen::MatrixXd(count, static_cast<Eigen::Index>(shape.size())),
                  Eigen::VectorXi(count)};
  for (auto& value : out.pixels.reshaped()) value = byte(random);
  for (auto& label : out.labels) label = byte(random) % 3;
  return out;
}

double at(const sst::Images& images, Eigen::Index i, Eigen::Index y, Eigen::Index x, Eigen::Index c) {
  return images.pixels(i, (y * static_cast<Eigen::Index>(images.shape.width) + x) *
                                  static_cast<Eigen::Index>(images.shape.channels) +
                              c);
}

}  // namespace

TEST_CASE("standardising each image", "[images][image_transforms]") {
  const sst::Images images = random_images(5, {4, 3, 2}, 1), out = sst::standardize_each(images);
  for (Eigen::Index i = 0; i < 5; ++i) {
    CHECK(out.pixels.row(i).sum() == Approx(0).margin(1e-12));
    CHECK(out.pixels.row(i).squaredNorm() == Approx(24).epsilon(1e-13));
    // The same direction: differences of pixels are all scaled alike.
    const double scale = (images.pixels(i, 0) - images.pixels(i, 5)) / (out.pixels(i, 0) - out.pixels(i, 5));
    CHECK((images.pixels(i, 3) - images.pixels(i, 7)) ==
          Approx(scale * (out.pixels(i, 3) - out.pixels(i, 7))));
  }
  CHECK(out.labels == images.labels);
  sst::Images constant = images;
  for (const double value : {0.0, 0.1, 255.0}) {
    constant.pixels.row(3).setConstant(value);
    CHECK_THROWS_WITH(sst::standardize_each(constant), Contains("image 3, counted from 0, is constant"));
  }
}

TEST_CASE("standardising by channel", "[images][image_transforms]") {
  const sst::Images train = random_images(6, {3, 5, 3}, 2), test = random_images(2, {3, 5, 3}, 3);
  const sst::ChannelScale scale(train);
  for (Eigen::Index c = 0; c < 3; ++c) {
    double sum = 0, squares = 0;
    for (Eigen::Index i = 0; i < 6; ++i)
      for (Eigen::Index y = 0; y < 3; ++y)
        for (Eigen::Index x = 0; x < 5; ++x) sum += at(train, i, y, x, c);
    for (Eigen::Index i = 0; i < 6; ++i)
      for (Eigen::Index y = 0; y < 3; ++y)
        for (Eigen::Index x = 0; x < 5; ++x) squares += std::pow(at(train, i, y, x, c) - sum / 90, 2);
    CHECK(scale.mean()[c] == Approx(sum / 90).epsilon(1e-13));
    CHECK(scale.standard_deviation()[c] == Approx(std::sqrt(squares / 90)).epsilon(1e-13));
    CHECK(at(scale.apply(test), 1, 2, 4, c) ==
          Approx((at(test, 1, 2, 4, c) - sum / 90) / std::sqrt(squares / 90)).epsilon(1e-12));
  }
  CHECK_THROWS_WITH(scale.apply(random_images(1, {3, 5, 1}, 1)), Contains("scale of 3 channels"));
  sst::Images dead = train;
  for (Eigen::Index j = 1; j < dead.pixels.cols(); j += 3) dead.pixels.col(j).setConstant(7);
  CHECK_THROWS_WITH(sst::ChannelScale(dead), Contains("channel 1, counted from 0, is constant"));
  CHECK_THROWS_WITH(sst::ChannelScale(sst::first(train, 0)), Contains("there are no images"));
}

TEST_CASE("ZCA whitens and keeps the axes", "[images][image_transforms]") {
  const sst::Images train = random_images(40, {2, 2, 2}, 4);
  const sst::Zca zca(train, 1e-9);
  const Eigen::MatrixXd white = zca.apply(train).pixels;
  CHECK(white.colwise().mean().cwiseAbs().maxCoeff() < 1e-12);
  const Eigen::MatrixXd covariance = white.transpose() * white / 40;
  CHECK((covariance - Eigen::MatrixXd::Identity(8, 8)).cwiseAbs().maxCoeff() < 1e-7);

  // W (C + epsilon tr C / d) W = 1 and W is symmetric positive: it is the inverse square root.
  const double epsilon = 0.1;
  const Eigen::MatrixXd w = sst::Zca(train, epsilon).whitening();
  const Eigen::MatrixXd centred = train.pixels.rowwise() - train.pixels.colwise().mean();
  Eigen::MatrixXd c = centred.transpose() * centred / 40;
  c.diagonal().array() += epsilon * c.trace() / 8;
  CHECK((w * c * w - Eigen::MatrixXd::Identity(8, 8)).cwiseAbs().maxCoeff() < 1e-12);
  CHECK((w - w.transpose()).cwiseAbs().maxCoeff() < 1e-15);
  CHECK(Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd>(w).eigenvalues().minCoeff() > 0);

  // Fewer images than pixels: a singular covariance.
  CHECK(sst::Zca(sst::first(train, 3), 0.1).apply(train).pixels.allFinite());
  CHECK_THROWS_WITH(sst::Zca(train, 0), Contains("epsilon of ZCA is 0"));
  CHECK_THROWS_WITH(sst::Zca(train, NAN), Contains("epsilon of ZCA is nan"));
  CHECK_THROWS_WITH(sst::Zca(sst::first(train, 1), 0.1), Contains("all the same"));
  CHECK_THROWS_WITH(sst::Zca(sst::first(train, 0), 0.1), Contains("there are no images"));
  CHECK_THROWS_WITH(zca.apply(random_images(1, {2, 4, 1}, 1)), Contains("ZCA of images of 2 x 2 x 2"));
}

TEST_CASE("flips", "[images][image_transforms]") {
  for (const Eigen::Index width : {1, 4, 5}) {
    const sst::Images images = random_images(3, {2, static_cast<std::size_t>(width), 3}, 5),
                      mirrored = sst::flip_horizontally(images);
    for (Eigen::Index i = 0; i < 3; ++i)
      for (Eigen::Index y = 0; y < 2; ++y)
        for (Eigen::Index x = 0; x < width; ++x)
          for (Eigen::Index c = 0; c < 3; ++c)
            CHECK(at(mirrored, i, y, x, c) == at(images, i, y, width - 1 - x, c));
    const sst::Images both = sst::with_flips(images);
    CHECK(both.pixels.topRows(3) == images.pixels);
    CHECK(both.pixels.bottomRows(3) == mirrored.pixels);
    CHECK(both.labels.tail(3) == images.labels);
  }
}

TEST_CASE("down-sampling by area", "[images][image_transforms]") {
  // 28 -> 14: means of 2 x 2.
  const sst::Images images = random_images(2, {28, 28, 2}, 6), half = sst::downsample(images, 14, 14);
  CHECK(half.shape == sst::ImageShape{14, 14, 2});
  CHECK(half.labels == images.labels);
  for (Eigen::Index y = 0; y < 14; ++y)
    for (Eigen::Index c = 0; c < 2; ++c)
      CHECK(at(half, 1, y, 3, c) == (at(images, 1, 2 * y, 6, c) + at(images, 1, 2 * y + 1, 6, c) +
                                     at(images, 1, 2 * y, 7, c) + at(images, 1, 2 * y + 1, 7, c)) /
                                        4);
  CHECK(sst::downsample(images, 28, 28).pixels == images.pixels);

  // 3 -> 2 by hand: the middle line belongs to both, by half.
  const sst::Images three{{1, 3, 1}, Eigen::RowVector3d(3, 6, 12), {}};
  CHECK((sst::downsample(three, 1, 2).pixels - Eigen::RowVector2d(4, 10)).cwiseAbs().maxCoeff() < 1e-15);

  // Sizes that do not divide, against a fine grid: each old pixel as 8 x 5 equal ones, each new one
  // as the mean of the 28 x 11 that it covers.
  const sst::Images odd = random_images(1, {28, 11, 1}, 7), small = sst::downsample(odd, 8, 5);
  for (Eigen::Index y = 0; y < 8; ++y)
    for (Eigen::Index x = 0; x < 5; ++x) {
      double sum = 0;
      for (Eigen::Index fine_y = 28 * y; fine_y < 28 * (y + 1); ++fine_y)
        for (Eigen::Index fine_x = 11 * x; fine_x < 11 * (x + 1); ++fine_x)
          sum += at(odd, 0, fine_y / 8, fine_x / 5, 0);
      CHECK(at(small, 0, y, x, 0) == Approx(sum / (28 * 11)).epsilon(1e-13));
    }
  CHECK(small.pixels.mean() == Approx(odd.pixels.mean()).epsilon(1e-14));

  for (const auto& [height, width] : {std::pair{29, 28}, {28, 29}, {0, 5}, {5, 0}, {-1, 5}})
    CHECK_THROWS_WITH(sst::downsample(images, height, width), Contains("only down-sampling is possible"));
}

}  // namespace image_transforms_tests
