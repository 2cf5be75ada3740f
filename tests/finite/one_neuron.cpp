// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <numbers>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <Eigen/Core>

#include <sst/error.hpp>
#include <sst/finite/one_neuron.hpp>
#include <sst/topology/families.hpp>

#include "../catch.hpp"
#include "../error_message.hpp"

namespace one_neuron_tests {

namespace {

using Eigen::Index;
using Eigen::VectorXd;
using sst::OneNeuronNetwork;
using Function = std::function<double(double)>;

/// The piecewise linear interpolant, by the piece that x is in and in extended precision.
double interpolant(const OneNeuronNetwork& network, double x) {
  const VectorXd &t = network.knots(), &y = network.values();
  const Index k = std::upper_bound(t.begin(), t.end(), x) - t.begin();
  if (k == 0) return y[0];
  if (k == t.size()) return y[k - 1];
  const long double left = t[k - 1], low = y[k - 1];
  return static_cast<double>(low + (y[k] - low) * ((x - left) / (t[k] - left)));
}

/// Smooth ones, steep ones, ones with kinks and a jump, a large constant, and noise.
std::vector<std::pair<std::string, Function>> functions() {
  return {{"sine", [](double x) { return std::sin(25 * x); }},
          {"exponential", [](double x) { return std::exp(3 * x); }},
          {"root", [](double x) { return std::sqrt(std::abs(x)); }},
          {"kink", [](double x) { return std::abs(x - 1.0 / 3); }},
          {"Runge's", [](double x) { return 1 / (1 + 25 * x * x); }},
          {"jump", [](double x) { return x < 0.4 ? 0.0 : 1.0; }},
          {"chirp", [](double x) { return std::sin(1 / (std::abs(x) + 0.01)); }},
          {"cusp", [](double x) { return std::cbrt(x - 0.7); }},
          {"offset", [](double x) { return 1e6 + x; }},
          {"noise", [](double x) { return std::remainder(1e6 * std::sin(1e7 * x), 1.0); }}};
}

/// Even ones on [0, 1], ones that crowd at 0, even ones around 0, and random ones.
std::vector<std::pair<std::string, VectorXd>> knots(Index count) {
  const VectorXd even = VectorXd::LinSpaced(count, 0, 1);
  VectorXd uneven(count);
  std::mt19937 random(3);
  for (double& t : uneven) t = std::generate_canonical<double, 53>(random);
  std::sort(uneven.begin(), uneven.end());
  return {{"even", even},
          {"crowded", even.array().pow(4)},
          {"around 0", 2 * even.array() - 1},
          {"random", uneven}};
}

/// 1,000 points of the knots' interval and a little beyond.
VectorXd points(const VectorXd& knots) {
  std::mt19937 random(7);
  const double first = knots[0], length = knots[knots.size() - 1] - first;
  VectorXd x(1000);
  for (double& value : x) value = first + length * (1.1 * std::generate_canonical<double, 53>(random) - 0.05);
  return x;
}

double error(const OneNeuronNetwork& network, const VectorXd& x, const VectorXd& output) {
  double worst = 0;
  for (Index i = 0; i < x.size(); ++i)
    worst = std::max(worst, std::abs(output[i] - interpolant(network, x[i])));
  return worst / network.values().cwiseAbs().maxCoeff();
}

}  // namespace

TEST_CASE("one neuron a layer with shortcuts is the interpolant to 1e-13", "[finite]") {
  for (const Index count : {2, 3, 10, 100, 1000})
    for (const auto& [placed, t] : knots(count))
      for (const auto& [name, f] : functions()) {
        const auto network = OneNeuronNetwork::interpolant(f, t);
        INFO(name << ", " << count << " knots, " << placed);
        const VectorXd x = points(t);
        CHECK(error(network, x, network.forward(x)) < 2e-14);
        CHECK(error(network, t, network.forward(t)) < 2e-14);
      }
}

TEST_CASE("it is constant beyond the knots", "[finite]") {
  const OneNeuronNetwork network(VectorXd{{-1, 0.5, 2}}, VectorXd{{3, -1, 7}});
  const VectorXd x{{-std::numeric_limits<double>::max(), -1, -0.25, 0.5, 2, 2.5, 1e300}};
  CHECK(network.forward(x).isApprox(VectorXd{{3, 3, 1, -1, 7, 7, 7}}, 1e-15));
  CHECK(network.forward(VectorXd()).size() == 0);
}

TEST_CASE("plain layers of width one are the same network", "[finite]") {
  for (const Index count : {2, 10, 100})
    for (const auto& [placed, t] : knots(count))
      for (const auto& [name, f] : functions()) {
        const auto network = OneNeuronNetwork::interpolant(f, t);
        const sst::FiniteNetwork plain = network.finite();
        const VectorXd& y = network.values();
        const Index last = count - 1;
        const double steepest =
            ((y.tail(last) - y.head(last)).array() / (t.tail(last) - t.head(last)).array()).abs().maxCoeff();
        // Each layer may round R_k by half a unit of the interval's length, which the slope makes larger.
        const double rounding =
            static_cast<double>(count) * (t[last] - t[0] + std::abs(t[0])) * steepest * 2.3e-16;
        INFO(name << ", " << count << " knots, " << placed);
        const VectorXd x = points(t);
        CHECK(error(network, x, plain.forward(x)) * y.cwiseAbs().maxCoeff() <
              rounding + 1e-14 * y.cwiseAbs().maxCoeff());
      }
}

TEST_CASE("the plain network has one neuron a layer, and a shortcut from each", "[finite]") {
  const OneNeuronNetwork network(VectorXd{{-1, 0.5, 2}}, VectorXd{{3, -1, 7}});
  const sst::FiniteNetwork plain = network.finite();
  CHECK(plain.width() == 1);
  CHECK(plain.input_dimension() == 1);
  CHECK(plain.channels() == 1);
  CHECK(plain.topology().depth() == 4);  // three neurons and the read-out
  CHECK(plain.parameter_count() == 12);
  CHECK(plain.topology().nodes()[plain.topology().output()].inputs.size() == 3);
  const VectorXd x{{-2, 0, 1, 4}};
  CHECK(plain.forward(x, "neuron 0") == VectorXd{{-1, 1, 2, 5}});
  CHECK(plain.forward(x, "neuron 1") == VectorXd{{-1.5, -0.5, 0.5, 3.5}});
  CHECK(plain.forward(x, "neuron 2") == VectorXd{{-1.5, -1.5, -1, 2}});
}

TEST_CASE("the error falls with the knots as the function's smoothness has it", "[finite]") {
  const auto worst = [](const Function& f, const VectorXd& t) {
    const auto network = OneNeuronNetwork::interpolant(f, t);
    const VectorXd x = VectorXd::LinSpaced(64 * (t.size() - 1) + 1, 0, 1);
    return (network.forward(x) - x.unaryExpr(f)).cwiseAbs().maxCoeff();
  };
  const auto sine = [](double x) { return std::sin(2 * std::numbers::pi * x); };
  const auto root = [](double x) { return std::sqrt(x); };
  const VectorXd few = VectorXd::LinSpaced(65, 0, 1), many = VectorXd::LinSpaced(257, 0, 1);
  CHECK(worst(sine, few) / worst(sine, many) == Approx(16).epsilon(0.01));
  CHECK(worst(root, few) / worst(root, many) == Approx(2).epsilon(0.01));
  CHECK(worst(root, few.array().pow(4)) / worst(root, many.array().pow(4)) > 12);
}

TEST_CASE("without shortcuts one neuron a layer is monotone, of three pieces at most", "[finite]") {
  const VectorXd x = VectorXd::LinSpaced(4001, -4, 4);
  std::vector<int> networks_of_pieces(4, 0);
  for (const int depth : {2, 3, 5, 9})
    for (std::uint64_t seed = 0; seed < 200; ++seed) {
      const sst::FiniteNetwork chain(sst::chain(depth, {.weight_std = 1.4, .bias_std = 1}), 1,
                                     {.width = 1, .seed = seed});
      const VectorXd y = chain.forward(x);
      const VectorXd steps = y.tail(y.size() - 1) - y.head(y.size() - 1);
      const double rounding = 1e-14 * (1 + y.cwiseAbs().maxCoeff());
      INFO("depth " << depth << ", seed " << seed);
      CHECK((steps.minCoeff() >= -rounding || steps.maxCoeff() <= rounding));
      // Steps are 0, then all alike, then 0: one kink at each end of these, within one step.
      const double full = steps.cwiseAbs().maxCoeff();
      int pieces = 1, partial = 0;
      for (Index i = 1; i < steps.size(); ++i) {
        const double before = std::abs(steps[i - 1]), after = std::abs(steps[i]);
        if ((before <= rounding) != (after <= rounding)) ++pieces;
        if (after > rounding && after < full - 2 * rounding) ++partial;
      }
      CHECK(partial <= 2);
      REQUIRE(pieces <= 3);
      ++networks_of_pieces[static_cast<std::size_t>(pieces)];
    }
  CHECK(networks_of_pieces[1] > 0);
  CHECK(networks_of_pieces[2] > 0);
  CHECK(networks_of_pieces[3] > 0);
}

TEST_CASE("knots and values that make no interpolant are refused", "[finite]") {
  const double nan = std::nan(""), huge = std::numeric_limits<double>::max();
  const auto message = [](const VectorXd& t, const VectorXd& y) {
    return sst_test::error_message<sst::DataError>([&] { OneNeuronNetwork(t, y); });
  };
  CHECK(message(VectorXd{{1}}, VectorXd{{1}}) ==
        "the number of knots is 1 (the first piece lies between two); give at least 2");
  CHECK(message(VectorXd{{1, 2}}, VectorXd{{1, 2, 3}}) == "there are 3 values for 2 knots; give one each");
  CHECK(message(VectorXd{{1, nan}}, VectorXd{{1, 2}}) == "knot 1 is not a finite number; replace it");
  CHECK(message(VectorXd{{1, 2}}, VectorXd{{nan, 2}}) ==
        "the value at knot 0 is not a finite number; replace it or leave the knot out");
  for (const double second : {1.0, 0.5})
    CHECK(message(VectorXd{{0, 1, second}}, VectorXd{{0, 0, 0}}) ==
          "knot 2 is not above the one before it; sort the knots and leave out repeated ones");
  CHECK(message(VectorXd{{0, 1e-300}}, VectorXd{{0, 1e300}}) ==
        "the slope before knot 1 is out of the range of double; scale the knots or the values");
  CHECK(message(VectorXd{{-huge, huge}}, VectorXd{{0, 1}}).starts_with("the slope before knot 1 "));
  const OneNeuronNetwork network(VectorXd{{0, 1}}, VectorXd{{0, 1}});
  CHECK(sst_test::error_message<sst::DataError>([&] {
          network.forward(VectorXd{{0, nan}});
        }) == "x[1] is not a finite number; replace it");
}

}  // namespace one_neuron_tests
