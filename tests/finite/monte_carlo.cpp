// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <memory>
#include <numbers>
#include <stdexcept>
#include <string>
#include <vector>

#include <Eigen/Core>

#include <sst/finite/monte_carlo.hpp>
#include <sst/topology/node.hpp>

#if defined(_OPENMP)
#include <omp.h>
#endif

#include "../catch.hpp"

namespace monte_carlo_tests {

namespace {

using Eigen::MatrixXd;
using Options = sst::MonteCarloOptions;
using Kernels = Options::Kernels;
constexpr auto richardson = Options::Extrapolation::richardson;

MatrixXd matrix(std::initializer_list<std::initializer_list<double>> rows) { return MatrixXd(rows); }

/// The first samples and kernel entries of the 22-digit references in tests/golden/kernels.json.
struct Golden {
  MatrixXd x, nngp, ntk;
};

const Golden relu_plus_identity_golden{
    matrix({{1.0, 0.4, -0.3}, {0.2, 1.1, 0.8}}),
    matrix({{1.0416666666666667, 0.3843197859034045}, {0.3843197859034045, 1.5750000000000002}}),
    matrix({{2.0833333333333335, 0.68990656535599}, {0.68990656535599, 3.1500000000000004}})};

const Golden dense_shortcut_golden{
    matrix({{1.0, 0.4, -0.3}, {0.2, 1.1, 0.8}}),
    matrix({{0.9375, 0.5444151502597586}, {0.5444151502597586, 1.4175000000000002}}),
    matrix({{1.9791666666666667, 0.748322366539637}, {0.748322366539637, 2.9925000000000006}})};

const Golden post_activation_sum_golden{
    matrix({{1.8267565599574231, -3.0783319101980338, 0.9580639753088469, 0.06963722766094482,
             1.3182500241810684, 0.385629249998389},
            {1.8272586275861753, 0.0317437591517664, -0.5162294444924808, 0.5804849213397179,
             0.43210686133773885, -0.35683935740335093},
            {-0.24730382198818454, 0.7194406781853278, 0.7043159938619936, -0.4939342302351804,
             -0.3677137240199963, -1.8067903895865323}}),
    matrix({{15.873767527394861, 6.578439662375186, 5.442480068593902},
            {6.578439662375186, 4.575504170473574, 3.1654332970906807},
            {5.442480068593902, 3.1654332970906807, 5.033943300978621}}),
    matrix({{34.128726776872924, 9.310266652547076, 5.654269171847085},
            {9.310266652547076, 9.759862060977124, 3.6254556028821217},
            {5.654269171847085, 3.6254556028821217, 10.748603816424387}})};

const Golden tied_golden{matrix({{0.6955197700381686, -0.9794741683587314, -1.5734903329477068,
                                  -2.924970571840865, -0.35323216358269055, 1.2476063726111246},
                                 {0.03307262346929485, 0.5118440276808229, 1.0232382136634648,
                                  -0.8821458480598934, 2.6522866971695453, -0.8769082522563802},
                                 {0.3735530621878692, 2.7395808181161874, -0.11425241215164042,
                                  0.11429451370904192, -0.5118795445527522, 0.33452648360440757}}),
                         matrix({{7.201729058466107, 3.802364588618486, 3.4027615739320396},
                                 {3.802364588618486, 5.117726808862868, 2.9990656310293446},
                                 {3.4027615739320396, 2.9990656310293446, 4.2149963908758235}}),
                         matrix({{22.12717030130758, 6.019414443289752, 5.283987296256333},
                                 {6.019414443289752, 15.652392546307368, 4.905333865905599},
                                 {5.283987296256333, 4.905333865905599, 12.84770755120895}})};

const Golden input_skip_golden{matrix({{-0.5947236978403764, 0.630783487419836, 1.0393541232237575,
                                        1.0309217445385483, 1.8178460987289433, -0.3851893808502385},
                                       {0.5441771887526803, -0.36622168185723664, -1.4248485130063353,
                                        -0.7038591205388717, 0.1361623384532617, -0.9151747291399203},
                                       {-0.19147101971894068, 1.1202500757479104, 0.5704516907585605,
                                        0.5723436551805909, 0.34512242791942843, -0.1752757919726442}}),
                               matrix({{6.559384342567748, -0.47728230388356135, 2.8784504383516367},
                                       {-0.47728230388356135, 2.8969365251158017, -0.3774007699568913},
                                       {2.8784504383516367, -0.3774007699568913, 2.077230560168023}}),
                               matrix({{13.053949700584448, -0.8276035010091946, 5.327744383352633},
                                       {-0.8276035010091946, 6.67799933023913, -0.6699505868478551},
                                       {5.327744383352633, -0.6699505868478551, 4.071138158651346}})};

const Golden concat_shares_golden{matrix({{1.101262453505847, 0.3384312766461778, -0.5399715152535035,
                                           -1.2602418568524327, -1.8946212698392553, 0.018638290983285614},
                                          {-0.8105670995116028, -0.8721559599345132, -0.22196950708389104,
                                           -0.05184602813201771, -2.2767828157758307, 0.9251465905764266},
                                          {-2.026845605910026, 1.8596241085543468, 0.5905681115998624,
                                           -0.47184451813331413, 1.342996537380774, 0.020786461917443023}}),
                                  matrix({{1.5843035440324829, 1.0470099927088272, 0.39110788106835215},
                                          {1.0470099927088272, 1.7401083066794905, 0.48228362167466843},
                                          {0.39110788106835215, 0.48228362167466843, 2.2722293636720083}}),
                                  matrix({{4.217143649344271, 2.0868770210568126, 0.24311812444646605},
                                          {2.0868770210568126, 4.640483039789676, 0.42114034509421044},
                                          {0.24311812444646605, 0.42114034509421044, 6.086316916002727}})};

void check(const sst::Topology& net, const Golden& golden, Options options, double bound = 4) {
  const auto estimate = sst::monte_carlo(net, golden.x, options);
  INFO("NNGP\n"
       << estimate.nngp.mean << "\nof\n"
       << golden.nngp << "\nstandard errors\n"
       << estimate.nngp.standard_error);
  INFO("NTK\n"
       << estimate.ntk.mean << "\nof\n"
       << golden.ntk << "\nstandard errors\n"
       << estimate.ntk.standard_error);
  CHECK(estimate.nngp.largest_deviation(golden.nngp) <= bound);
  CHECK(estimate.ntk.largest_deviation(golden.ntk) <= bound);
  // Sharp enough to see a dropped cross term.
  CHECK(estimate.nngp.standard_error.norm() < 0.015 * golden.nngp.norm());
  CHECK(estimate.ntk.standard_error.norm() < 0.015 * golden.ntk.norm());
}

/// Pairs of widths 32 and 64, without a visible bias.
const Options narrow_pairs{.width = 32, .networks = 6000, .outputs = 4, .extrapolation = richardson};

const sst::DenseOptions with_bias{.weight_std = 1.3, .bias_std = 0.2};

sst::Node tied(const sst::Node& h) { return dense(h, {.weight_std = 1.3, .bias_std = 0.2, .weights = "W"}); }

struct Gelu final : sst::Activation {
  std::string name() const override { return "gelu"; }
  double value(double z) const override { return z / 2 * std::erfc(-z / std::numbers::sqrt2); }
  double derivative(double z) const override {
    return std::erfc(-z / std::numbers::sqrt2) / 2 +
           z * std::exp(-z * z / 2) / std::sqrt(2 * std::numbers::pi);
  }
  sst::Moments<double> moments(double) const override { throw std::logic_error("not needed here"); }
  sst::Moments<long double> moments(long double) const override { throw std::logic_error("not needed here"); }
};

}  // namespace

TEST_CASE("a chain of one relu layer is unbiased at any width", "[finite]") {
  const double s = 1.4, b = 0.3;
  const auto net = sst::trace([&](sst::Node x) {
    return dense(relu(dense(x, {.weight_std = s, .bias_std = b})), {.weight_std = s, .bias_std = b});
  });
  const MatrixXd x = matrix({{1, 0.4, -0.3}, {0.2, 1.1, 0.8}, {-2, 0.1, 0}});
  // Cho and Saul 2009, n = 1 and n = 0, for the first layer's covariance q.
  const MatrixXd q = (s * s / 3 * (x * x.transpose())).array() + b * b;
  MatrixXd nngp(3, 3), ntk(3, 3);
  for (int i = 0; i < 3; ++i)
    for (int j = 0; j < 3; ++j) {
      const double p = std::sqrt(q(i, i) * q(j, j)), theta = std::acos(std::min(1.0, q(i, j) / p));
      nngp(i, j) = s * s * p * (std::sin(theta) + (std::numbers::pi - theta) * std::cos(theta)) /
                       (2 * std::numbers::pi) +
                   b * b;
      ntk(i, j) = nngp(i, j) + s * s * (std::numbers::pi - theta) / (2 * std::numbers::pi) * q(i, j);
    }
  for (const Eigen::Index width : {3, 64}) {
    const auto estimate = sst::monte_carlo(net, x, {.width = width, .networks = 4000, .outputs = 4});
    CHECK(estimate.nngp.largest_deviation(nngp) <= 4);
    CHECK(estimate.ntk.largest_deviation(ntk) <= 4);
  }
}

TEST_CASE("relu(h) + h is one function of h", "[finite]") {
  const auto net = sst::trace([](sst::Node x) {
    const auto h = dense(x);
    return dense(relu(h) + h);
  });
  check(net, relu_plus_identity_golden, narrow_pairs);
}

TEST_CASE("a shortcut from the first dense layer keeps its correlation", "[finite]") {
  const auto net = sst::trace([](sst::Node x) {
    const auto h0 = dense(x);
    return dense(relu(sum(sum(h0, dense(relu(h0))), h0)));
  });
  check(net, dense_shortcut_golden, narrow_pairs);
}

TEST_CASE("sums after activations keep the product of the means", "[finite]") {
  const auto net = sst::trace([](sst::Node x) {
    const auto a0 = relu(dense(x, with_bias)), a1 = relu(dense(a0, with_bias)),
               a2 = relu(dense(a1, with_bias));
    return dense(sum(a0, a1, a2), with_bias);
  });
  check(net, post_activation_sum_golden, narrow_pairs);
}

TEST_CASE("tied weights are one random matrix", "[finite]") {
  const auto net = sst::trace([](sst::Node x) {
    const auto h1 = tied(relu(dense(x, with_bias)));
    return dense(relu(h1 + tied(relu(h1))), with_bias);
  });
  check(net, tied_golden, narrow_pairs);
}

TEST_CASE("the input in a sum fills the width", "[finite]") {
  const auto net = sst::trace([](sst::Node x) {
    const auto a0 = activate(dense(x, with_bias), std::make_shared<Gelu>());
    return dense(sum(x, dense(a0, with_bias), a0), with_bias);
  });
  // 32 is no multiple of 6: the shares of the input's channels are exact nevertheless.
  check(net, input_skip_golden, narrow_pairs);
}

TEST_CASE("concatenation keeps its shares", "[finite]") {
  const auto net = sst::trace([](sst::Node x) {
    const auto h0 = dense(x, with_bias), h1 = dense(relu(h0), with_bias);
    return sst::dense(sst::leaky_relu(sst::concat({h0, h1}, {0.25, 0.75}), 0.2), with_bias);
  });
  // A quarter of 30 channels is no whole number: the shares are exact nevertheless.
  Options options = narrow_pairs;
  options.width = GENERATE(30, 32);
  check(net, concat_shares_golden, options);
}

TEST_CASE("a nested concatenation takes a part of every block", "[finite]") {
  // concat(concat(a, b), c) of halves is a, b, c with shares 1/4, 1/4, 1/2: K adds up with these.
  const auto kernel = [](bool nested) {
    const auto net = sst::trace([nested](sst::Node x) {
      const auto a = relu(dense(x)), b = dense(x), c = abs(dense(x));
      return sst::dense(nested ? sst::concat({sst::concat({a, b}), c})
                               : sst::concat({a, b, c}, {0.25, 0.25, 0.5}));
    });
    return sst::monte_carlo(net, relu_plus_identity_golden.x, {.width = 64, .networks = 10});
  };
  const auto nested = kernel(true), flat = kernel(false);
  CHECK(nested.nngp.mean.isApprox(flat.nngp.mean, 1e-14));
  CHECK(nested.ntk.mean.isApprox(flat.ntk.mean, 1e-14));
}

TEST_CASE("Richardson's extrapolation removes the bias of narrow networks", "[finite]") {
  const auto net = sst::trace([](sst::Node x) {
    const auto h1 = tied(relu(dense(x, with_bias)));
    return dense(relu(h1 + tied(relu(h1))), with_bias);
  });
  const Options narrow{.width = 16, .networks = 4000, .outputs = 4};
  Options corrected = narrow;
  corrected.extrapolation = richardson;
  const auto plain = sst::monte_carlo(net, tied_golden.x, narrow);
  const auto better = sst::monte_carlo(net, tied_golden.x, corrected);
  CHECK(plain.ntk.largest_deviation(tied_golden.ntk) > 5);
  CHECK((better.ntk.mean - tied_golden.ntk).norm() < 0.5 * (plain.ntk.mean - tied_golden.ntk).norm());
}

TEST_CASE("Monte Carlo does not depend on the number of threads, to the last bit", "[finite]") {
  const auto net = sst::trace([](sst::Node x) { return dense(relu(dense(relu(dense(x))))); });
  const MatrixXd& x = tied_golden.x;
  const Options options{.width = 48, .networks = 13, .seed = 7, .extrapolation = richardson};
  const auto reference = sst::monte_carlo(net, x, options);
#if defined(_OPENMP)
  const int before = omp_get_max_threads();
  for (const int threads : {1, 2, 3, 8}) {
    omp_set_num_threads(threads);
    std::vector<Eigen::Index> order;
    const auto again = sst::monte_carlo(
        net, x, options, [&](Eigen::Index i, const MatrixXd&, const MatrixXd&) { order.push_back(i); });
    CHECK((again.nngp.mean.array() == reference.nngp.mean.array()).all());
    CHECK((again.nngp.standard_error.array() == reference.nngp.standard_error.array()).all());
    CHECK((again.ntk.mean.array() == reference.ntk.mean.array()).all());
    CHECK((again.ntk.standard_error.array() == reference.ntk.standard_error.array()).all());
    CHECK(order.size() == 13);
    CHECK(std::is_sorted(order.begin(), order.end()));
  }
  omp_set_num_threads(before);
#endif
  auto other = options;
  other.seed = 8;
  CHECK_FALSE(sst::monte_carlo(net, x, other).nngp.mean.isApprox(reference.nngp.mean, 1e-6));
}

TEST_CASE("the observer sees the samples that the estimate is made of", "[finite]") {
  const auto net = sst::trace([](sst::Node x) { return dense(relu(dense(x))); });
  std::vector<double> seen;
  const auto estimate = sst::monte_carlo(
      net, tied_golden.x, {.width = 8, .networks = 5},
      [&](Eigen::Index, const MatrixXd&, const MatrixXd& ntk) { seen.push_back(ntk(0, 1)); });
  double mean = 0, squares = 0;
  for (const double value : seen) mean += value / 5;
  for (const double value : seen) squares += (value - mean) * (value - mean);
  CHECK(estimate.ntk.mean(0, 1) == Approx(mean).epsilon(1e-14));
  CHECK(estimate.ntk.standard_error(0, 1) == Approx(std::sqrt(squares / 20)).epsilon(1e-13));
}

TEST_CASE("Monte Carlo says how far it is and can be stopped", "[finite]") {
  const auto net = sst::trace([](sst::Node x) { return dense(relu(dense(x))); });
  std::vector<double> seen;
  Options options{.width = 8, .networks = 20, .threads = 2};
  options.progress = [&](double done) {
    seen.push_back(done);
    return true;
  };
  const auto whole = sst::monte_carlo(net, tied_golden.x, options);
  CHECK(seen.size() == 20);
  CHECK(std::is_sorted(seen.begin(), seen.end()));
  CHECK(seen.back() == 1);
  options.threads = 1;
  const auto alone = sst::monte_carlo(net, tied_golden.x, options);
  CHECK((whole.ntk.mean.array() == alone.ntk.mean.array()).all());
  options.progress = [](double done) { return done < 0.5; };
  CHECK_THROWS_AS(sst::monte_carlo(net, tied_golden.x, options), sst::Cancelled);
}

TEST_CASE("Monte Carlo gives what was asked for and refuses what it cannot do", "[finite]") {
  const auto net = sst::trace([](sst::Node x) { return dense(relu(dense(x))); });
  const auto step_net = sst::trace([](sst::Node x) { return dense(step(dense(x))); });
  const MatrixXd& x = tied_golden.x;
  const auto nngp_only = sst::monte_carlo(step_net, x, {.width = 8, .networks = 4, .kernels = Kernels::nngp});
  CHECK(nngp_only.ntk.mean.size() == 0);
  CHECK(nngp_only.nngp.mean.rows() == 3);
  const auto ntk_only = sst::monte_carlo(net, x, {.width = 8, .networks = 4, .kernels = Kernels::ntk});
  CHECK(ntk_only.nngp.mean.size() == 0);
  CHECK(ntk_only.ntk.mean.rows() == 3);

  CHECK_THROWS_AS(sst::monte_carlo(step_net, x, {.width = 8, .networks = 4}), sst::Error);
  CHECK_THROWS_AS(sst::monte_carlo(net, x, {.networks = 1}), sst::Error);
  CHECK_THROWS_AS(sst::monte_carlo(net, x, {.width = 0}), sst::Error);
  CHECK_THROWS_AS(sst::monte_carlo(net, x, {.outputs = 0}), sst::Error);
  CHECK_THROWS_AS(sst::monte_carlo(net, MatrixXd::Constant(2, 3, NAN), {}), sst::DataError);
  CHECK_THROWS_AS(sst::monte_carlo(net, x, {.width = 8, .networks = 4},
                                   [](Eigen::Index, const MatrixXd&, const MatrixXd&) {
                                     throw std::runtime_error("stop");
                                   }),
                  std::runtime_error);
  CHECK_THROWS_AS(nngp_only.nngp.largest_deviation(MatrixXd::Zero(2, 2)), sst::Error);
  CHECK(std::isinf(nngp_only.nngp.largest_deviation(MatrixXd::Constant(3, 3, NAN))));
}

}  // namespace monte_carlo_tests
