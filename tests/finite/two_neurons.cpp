// SPDX-License-Identifier: MIT
// The construction of docs/experiments.md for two variables: networks two neurons wide with shortcuts.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numbers>
#include <utility>
#include <vector>

#include <Eigen/Core>

#include <sst/finite/network.hpp>
#include <sst/topology/node.hpp>

#include "../catch.hpp"

namespace two_neuron_tests {

namespace {

using Eigen::Index;
using Eigen::Matrix2d;
using Eigen::MatrixXd;
using Eigen::Vector2d;
using Eigen::VectorXd;

double f(const Vector2d& x) { return std::sin(3 * x[0]) * std::cos(2 * x[1]); }
Vector2d gradient(const Vector2d& x) {
  return {3 * std::cos(3 * x[0]) * std::cos(2 * x[1]), -2 * std::sin(3 * x[0]) * std::sin(2 * x[1])};
}

/// A projection onto the half plane n.x <= r, and the slope of the output along n beyond it.
struct Cut {
  Vector2d normal;
  double radius, slope;
};

/// Circles from the outside in, each by directions that halve the angles between those before them.
std::vector<Cut> cuts(int circles) {
  std::vector<Cut> out;
  for (int circle = circles - 1; circle >= 0; --circle) {
    const double radius = circle / static_cast<double>(circles), middle = radius + 0.5 / circles;
    int directions = 4;
    while (directions < std::numbers::pi * std::sqrt(circle / 2.0 + 1)) directions *= 2;
    for (int i = 0; i < directions; ++i) {
      double turn = 0.618 * circle / directions;
      for (int bit = 1, share = 2; bit < directions; bit *= 2, share *= 2)
        if (i & bit) turn += 1.0 / share;
      const Vector2d n(std::cos(2 * std::numbers::pi * turn), std::sin(2 * std::numbers::pi * turn));
      out.push_back({n, radius, n.dot(gradient(middle * n))});
    }
  }
  return out;
}

/// The layers z = relu(r - n.x, 4 + t.x), t at right angles to n, in which x = n (r - z_0) + t (z_1 - 4) is
/// the projected point; shortcuts add slope n.(x before - x behind) to the output.
sst::FiniteNetwork network(const std::vector<Cut>& cuts) {
  const double root = std::numbers::sqrt2;  // by which layers of width two divide their weights
  const sst::DenseOptions layer{.weight_std = root, .bias_std = 1};
  std::vector<double> parameters;
  const auto give = [&](const Matrix2d& weights, const Vector2d& bias) {
    parameters.insert(parameters.end(), weights.reshaped().begin(), weights.reshaped().end());
    parameters.insert(parameters.end(), bias.begin(), bias.end());
  };
  const auto only_first = [](const Vector2d& row) {
    Matrix2d weights = Matrix2d::Zero();
    weights.row(0) = row.transpose();
    return weights;
  };
  const sst::Topology topology = sst::trace([&](sst::Node h) {
    Matrix2d back = Matrix2d::Identity();  // x = back z + origin
    Vector2d origin(-4, -4);
    h = relu(dense(h, layer));
    give(Matrix2d::Identity(), {4, 4});
    Vector2d last = Vector2d::Zero();  // the cut behind the shortcut's layer, less the one before it
    std::vector<sst::Node> shortcuts;
    for (std::size_t l = 0; l <= cuts.size(); ++l) {
      const Vector2d next = l < cuts.size() ? Vector2d(cuts[l].slope * cuts[l].normal) : Vector2d::Zero();
      shortcuts.push_back(dense(h, layer));
      give(only_first(back.transpose() * (next - last)), {(next - last).dot(origin), 0});
      if (l == cuts.size()) break;
      const Vector2d n = cuts[l].normal, t(-n[1], n[0]);
      Matrix2d forward;
      forward << -n.transpose(), t.transpose();
      h = relu(dense(h, layer));
      give(forward * back, forward * origin + Vector2d(cuts[l].radius, 4));
      back = forward.transpose();
      origin = cuts[l].radius * n - 4 * t;
      last = next;
    }
    return dense(sum(shortcuts), layer);
  });
  parameters.insert(parameters.end(), {1, 0, f({0, 0})});
  sst::FiniteNetwork out(topology, 2, {.width = 2});
  out.set_parameters(Eigen::Map<const VectorXd>(parameters.data(), static_cast<Index>(parameters.size())));
  return out;
}

MatrixXd disc() {
  MatrixXd x(600, 2);  // a sunflower's seeds
  for (Index i = 0; i < x.rows(); ++i) {
    const double radius = std::sqrt((static_cast<double>(i) + 0.5) / 600),
                 angle = 2.399963229728653 * static_cast<double>(i);
    x.row(i) << radius * std::cos(angle), radius * std::sin(angle);
  }
  return x;
}

}  // namespace

TEST_CASE("with shortcuts two neurons a layer approximate a function of two variables", "[finite]") {
  const MatrixXd x = disc();
  for (const auto& [circles, bound] :
       {std::pair{10, 0.2}, std::pair{20, 0.1}, std::pair{40, 0.05}, std::pair{80, 0.03}}) {
    const std::vector<Cut> found = cuts(circles);
    const sst::FiniteNetwork net = network(found);
    const VectorXd y = net.forward(x);
    double worst = 0, apart = 0;
    for (Index i = 0; i < x.rows(); ++i) {
      Vector2d at = x.row(i);
      double projected = f({0, 0});
      for (const Cut& cut : found) {
        const double beyond = std::max(0.0, cut.normal.dot(at) - cut.radius);
        projected += cut.slope * beyond;
        at -= beyond * cut.normal;
      }
      apart = std::max(apart, std::abs(y[i] - projected));
      worst = std::max(worst, std::abs(y[i] - f(x.row(i))));
    }
    INFO(circles << " circles, " << found.size() + 1 << " layers, error " << worst);
    CHECK(net.width() == 2);
    CHECK(apart < 1e-11);
    CHECK(worst < bound);
  }
}

}  // namespace two_neuron_tests
