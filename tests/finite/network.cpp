// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <Eigen/Core>

#include <sst/finite/network.hpp>
#include <sst/topology/node.hpp>

#include "../catch.hpp"

namespace network_tests {

namespace {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

/// Smooth and not of the angular form, so that differences are accurate and the general path is taken.
struct Sine final : sst::Activation {
  std::string name() const override { return "sin"; }
  double value(double z) const override { return std::sin(z); }
  double derivative(double z) const override { return std::cos(z); }
  sst::Moments<double> moments(double) const override { throw std::logic_error("not needed here"); }
  sst::Moments<long double> moments(long double) const override { throw std::logic_error("not needed here"); }
};

sst::Node sine(const sst::Node& h) { return activate(h, std::make_shared<Sine>()); }

const sst::DenseOptions with_bias{.weight_std = 1.3, .bias_std = 0.4};

sst::DenseOptions tied(const char* name) { return {.weight_std = 0.9, .bias_std = 0.5, .weights = name}; }

/// One topology for each thing that a node can do.
std::vector<sst::Topology> topologies() {
  using sst::Node;
  std::vector<sst::Topology> nets;
  nets.push_back(sst::trace([](Node x) { return dense(relu(dense(x, with_bias)), with_bias); }, "chain"));
  nets.push_back(sst::trace(
      [](Node x) {
        const auto a0 = sine(dense(x, with_bias)), h1 = dense(a0, with_bias);
        return sst::dense(sst::sum({a0, h1, relu(h1), a0}, {1, -0.5, 2, 0.25}), with_bias);
      },
      "sums after activations"));
  nets.push_back(sst::trace(
      [](Node x) {
        const auto h1 = dense(sine(dense(x, with_bias)), tied("W"));
        return dense(sine(h1 + dense(sine(h1), tied("W"))), with_bias);
      },
      "tied weights"));
  nets.push_back(sst::trace(
      [](Node x) {
        const auto h = dense(x, tied("W"));  // the input repeated, because the other member has the width
        return dense(sine(h), tied("W"));
      },
      "tied input and output"));
  nets.push_back(sst::trace([](Node x) { return dense(sine(dense(x, tied("W")) + dense(x, tied("W")))); },
                            "the input twice through the same weights"));
  nets.push_back(sst::trace(
      [](Node x) {
        const auto h0 = dense(x, with_bias), h1 = dense(sine(h0), with_bias);
        return dense(sine(sst::concat({sst::concat({h0, h1}), h0}, {0.3, 0.7})), with_bias);
      },
      "nested concat"));
  nets.push_back(sst::trace(
      [](Node x) {
        const auto h = dense(x, with_bias);
        return sst::dense(sst::concat({x, sum(x, sine(h)), sine(x)}), with_bias);
      },
      "the input in sum, concat and activation"));
  nets.push_back(sst::trace([](Node x) { return leaky_relu(dense(x, with_bias) + x, 0.1); }, "no read-out"));
  nets.push_back(sst::trace(
      [](Node x) {
        return sst::concat({dense(x), sine(dense(x))}, {0.3, 0.7});
      },
      "concat out"));
  nets.push_back(sst::trace([](Node x) { return x; }, "nothing but the input"));
  nets.push_back(sst::trace(
      [](Node x) {
        const sst::DenseOptions slow{
            .weight_std = 1.2, .bias_std = 0.3, .weights = "W", .weight_rate = 0.3, .bias_rate = 2};
        const auto h = dense(x, {.weight_rate = 0, .bias_rate = 0}), g = dense(sine(h), slow);
        return dense(sine(dense(sine(g), slow)), {.weight_rate = 0.5});
      },
      "rates"));
  return nets;
}

MatrixXd samples() {
  MatrixXd x(4, 3);
  x << 1, 0.4, -0.3, 0.2, 1.1, 0.8, -1.7, 0.3, 0.5, 0, 0, 0;
  return x;
}

}  // namespace

TEST_CASE("gradients agree with central differences", "[finite]") {
  for (const auto& net : topologies()) {
    sst::FiniteNetwork network(net, 3, {.width = 11, .outputs = 2, .seed = 3});
    const VectorXd theta = network.parameters();
    const double step = 1e-5;
    for (const Index channel : {Index{0}, network.channels() - 1}) {
      const MatrixXd gradient = network.jacobian(samples(), channel);
      REQUIRE(gradient.cols() == theta.size());
      double worst = 0;
      for (Index p = 0; p < theta.size(); ++p) {
        VectorXd moved = theta;
        moved[p] = theta[p] + step;
        network.set_parameters(moved);
        const VectorXd up = network.forward(samples()).col(channel);
        moved[p] = theta[p] - step;
        network.set_parameters(moved);
        const VectorXd down = network.forward(samples()).col(channel);
        worst = std::max(worst, ((up - down) / (2 * step) - gradient.col(p)).cwiseAbs().maxCoeff());
      }
      network.set_parameters(theta);
      INFO(net.name() << ", channel " << channel);
      CHECK(worst < 1e-8);
    }
  }
}

TEST_CASE("the empirical NTK is the Gram matrix of the gradients", "[finite]") {
  for (const auto& net : topologies()) {
    const sst::FiniteNetwork network(net, 3, {.width = 40, .outputs = 3, .seed = 5});
    const bool input_only = net.nodes().size() == 1;
    // Channels count by the share of their block: 12 of 40 have 0.3 of the width here, so equal shares do;
    // three inputs repeat in 40 channels 14, 13 and 13 times and have a third each.
    VectorXd share = VectorXd::Constant(network.channels(), 1 / static_cast<double>(network.channels()));
    if (net.name() == "no read-out")
      for (Index c = 0; c < 40; ++c) share[c] = 1.0 / 3 / (c % 3 == 0 ? 14 : 13);
    MatrixXd explicit_ntk = MatrixXd::Zero(4, 4), nngp = MatrixXd::Zero(4, 4);
    const MatrixXd u = network.forward(samples());
    for (Index c = 0; c < network.channels(); ++c) {
      const MatrixXd gradient = network.jacobian(samples(), c);
      explicit_ntk += share[c] * (gradient * network.rates().asDiagonal() * gradient.transpose());
      nngp += share[c] * u.col(c) * u.col(c).transpose();
    }
    INFO(net.name());
    CHECK((network.empirical_ntk(samples()) - explicit_ntk).norm() <= 1e-12 * explicit_ntk.norm());
    CHECK(network.empirical_nngp(samples()).isApprox(nngp, 1e-13));
    CHECK((explicit_ntk.norm() == 0) == input_only);
  }
}

TEST_CASE("a few channels of a dense output, and batches of many, average to the same NTK", "[finite]") {
  const auto net = topologies()[1];
  const sst::FiniteNetwork network(net, 3, {.width = 10, .outputs = 600});
  const MatrixXd x = samples();
  MatrixXd mean = MatrixXd::Zero(4, 4), first = mean;
  for (Index c = 0; c < 600; ++c) {
    const MatrixXd gradient = network.jacobian(x, c);
    mean += gradient * gradient.transpose() / 600;
    if (c < 2) first += gradient * gradient.transpose() / 2;
  }
  CHECK(network.empirical_ntk(x).isApprox(mean, 1e-12));
  CHECK(network.empirical_ntk(x, 2).isApprox(first, 1e-12));
}

TEST_CASE("infinitely many outputs are the mean of many", "[finite]") {
  const auto net = topologies()[1];
  const sst::FiniteNetwork network(net, 3, {.width = 20, .outputs = 40000});
  REQUIRE(network.has_readout());
  const MatrixXd expected = network.expected_nngp(samples()), mean = network.empirical_nngp(samples());
  // A mean over n Gaussian pairs has variance (K_ii K_jj + K_ij^2) / n.
  for (Index i = 0; i < 4; ++i)
    for (Index j = 0; j < 4; ++j) {
      const double k = expected(i, j);
      CHECK(std::abs(mean(i, j) - k) <= 4.5 * std::sqrt((expected(i, i) * expected(j, j) + k * k) / 40000));
    }
  const sst::FiniteNetwork none(topologies()[7], 3, {.width = 20});
  CHECK_FALSE(none.has_readout());
  CHECK(none.expected_nngp(samples()) == none.empirical_nngp(samples()));
}

TEST_CASE("the forward pass computes what the topology says", "[finite]") {
  const auto net = sst::trace([](sst::Node x) {
    const auto h = dense(x, with_bias).named("h"), s = sst::sum({x, relu(h)}, {0.5, 2}).named("s");
    return sst::dense(sst::concat({h, s}).named("c"), with_bias).named("y");
  });
  const MatrixXd x = samples();
  const sst::FiniteNetwork network(net, 3, {.width = 12, .outputs = 4, .seed = 1});
  const MatrixXd h = network.forward(x, "h"), s = network.forward(x, "s"), c = network.forward(x, "c");
  CHECK(network.forward(x, "x") == x);
  REQUIRE(h.cols() == 12);
  for (Index j = 0; j < 12; ++j)
    CHECK(s.col(j).isApprox(0.5 * x.col(j % 3) + 2 * h.col(j).cwiseMax(0), 1e-15));
  CHECK(c.leftCols(6) == h.leftCols(6));
  CHECK(c.rightCols(6) == s.leftCols(6));
  const VectorXd theta = network.parameters();
  const MatrixXd w = theta.segment(48, 48).reshaped(4, 12);
  const VectorXd b = theta.segment(96, 4);
  const MatrixXd y = (1.3 / std::sqrt(12.0) * c * w.transpose()).rowwise() + 0.4 * b.transpose();
  CHECK(network.forward(x).isApprox(y, 1e-14));
  CHECK(network.forward(x) == network.forward(x, "y"));
}

TEST_CASE("weights depend on the seed, and on the width only in number", "[finite]") {
  const auto net = sst::trace([](sst::Node x) { return dense(dense(x)); });
  const auto weights = [&](Index width, std::uint64_t seed) {
    const VectorXd theta =
        sst::FiniteNetwork(net, 3, {.width = width, .outputs = width, .seed = seed}).parameters();
    return MatrixXd(theta.segment(4 * width, width * width).reshaped(width, width));
  };
  CHECK(weights(7, 1) == weights(14, 1).topLeftCorner(7, 7));
  CHECK((weights(7, 1) - weights(7, 2)).cwiseAbs().minCoeff() > 0);
  // Fixed forever: results stay reproducible from one release to the next.
  CHECK(weights(7, 0)(0, 0) == Approx(-0.17625119350091892).epsilon(1e-14));
}

TEST_CASE("weights are standard normal and not correlated", "[finite]") {
  const auto net = sst::trace([](sst::Node x) { return dense(dense(x)); });
  const VectorXd z = sst::FiniteNetwork(net, 3, {.width = 1000, .outputs = 1000}).parameters();
  const auto n = static_cast<double>(z.size());
  const double root = std::sqrt(n);
  CHECK(std::abs(z.mean()) < 4 / root);
  CHECK(std::abs(z.squaredNorm() / n - 1) < 4 * std::sqrt(2.0) / root);
  CHECK(std::abs(z.array().cube().mean()) < 4 * std::sqrt(15.0) / root);
  CHECK(std::abs(z.array().square().square().mean() - 3) < 4 * std::sqrt(96.0) / root);
  for (const Index lag : {1, 2, 1000, 1001})
    CHECK(std::abs(z.head(z.size() - lag).dot(z.tail(z.size() - lag))) < 4 * root);
  CHECK(static_cast<double>((z.array().abs() < 1).count()) / n ==
        Approx(0.6826894921370859).margin(4 * 0.466 / root));
}

TEST_CASE("a network refuses what it cannot be", "[finite]") {
  const auto net = topologies()[0];
  CHECK_THROWS_AS(sst::FiniteNetwork(net, 0), sst::Error);
  CHECK_THROWS_AS(sst::FiniteNetwork(net, 3, {.width = 0}), sst::Error);
  CHECK_THROWS_AS(sst::FiniteNetwork(net, 3, {.outputs = 0}), sst::Error);
  const auto thin = sst::trace([](sst::Node x) {
    return sst::dense(sst::concat({dense(x), dense(x)}, {0.01, 0.99}));
  });
  CHECK_THROWS_AS(sst::FiniteNetwork(thin, 3, {.width = 20}), sst::Error);
  const auto skip = sst::trace([](sst::Node x) { return dense(x + dense(x)); });
  CHECK_THROWS_AS(sst::FiniteNetwork(skip, 30, {.width = 20}), sst::Error);

  sst::FiniteNetwork network(net, 3, {.width = 5, .outputs = 2});
  CHECK_THROWS_AS(network.forward(MatrixXd::Zero(2, 4)), sst::DataError);
  CHECK_THROWS_AS(network.forward(MatrixXd::Constant(2, 3, INFINITY)), sst::DataError);
  CHECK_THROWS_AS(network.forward(samples(), "nobody"), sst::TopologyError);
  CHECK_THROWS_AS(network.jacobian(samples(), 2), sst::Error);
  CHECK_THROWS_AS(network.empirical_ntk(samples(), 3), sst::Error);
  CHECK_THROWS_AS(network.set_parameters(VectorXd::Zero(3)), sst::Error);
  const sst::FiniteNetwork jump(sst::trace([](sst::Node x) { return dense(step(dense(x))); }), 3);
  CHECK_NOTHROW(jump.empirical_nngp(samples()));
  CHECK_THROWS_AS(jump.empirical_ntk(samples()), sst::Error);
}

}  // namespace network_tests
