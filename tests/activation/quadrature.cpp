// SPDX-License-Identifier: MIT
#include "../catch.hpp"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <numbers>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include <sst/activation/custom.hpp>
#include <sst/activation/dual.hpp>
#include <sst/activation/registry.hpp>

#include "dual.hpp"

namespace quadrature_tests {

namespace {

using Pair = sst_test::Dual<double>;
using Catch::Matchers::Contains;
using sst_test::at;

/// Cho and Saul 2009 for a pair of piecewise linear functions a z + b |z|.
Pair angular(sst::AngularForm f, sst::AngularForm g, double s, double t, double half) {
  const double theta = 2 * std::asin(std::sqrt(half)), pi = std::numbers::pi;
  return {s * t *
              (f.odd * g.odd * std::cos(theta) +
               f.even * g.even * 2 / pi * (std::sin(theta) + (pi / 2 - theta) * std::cos(theta))),
          f.odd * g.odd + f.even * g.even * (1 - 2 * theta / pi)};
}

sst::ActivationPtr named(const std::string& name) {
  if (name == "clip")
    return sst::custom(
        name, [](double z) { return std::clamp(z, -1.0, 1.0); },
        [](double z) { return std::abs(z) < 1 ? 1.0 : 0.0; }, {-1.0, 1.0});
  if (name == "hinge")
    return sst::custom(
        name, [](double z) { return std::max(z - 0.375, 0.0); },
        [](double z) { return z > 0.375 ? 1.0 : 0.0; }, {0.375});
  if (name == "elu") return std::make_shared<sst::Elu>();
  return sst::activation_registry().at(name).make({});
}

struct Reference {
  const char *left, *right;
  double s, t, half, value, derivative;
};

// Smooth pairs: the two-dimensional trapezoidal rule in 64-bit mantissas. The others: mpmath 1.3 with 25
// digits, one integral over the Gaussian of one function, the other one's conditional mean in closed form.
// clang-format off
const std::vector<Reference> references{
    {"tanh", "tanh", 0.5, 0.5, 0.25, 8.57133025268211212e-02, 6.91040327396186457e-01},
    {"tanh", "tanh", 1, 2, 0.125, 3.49713211282446682e-01, 2.61978517830272470e-01},
    {"tanh", "tanh", 2, 2, 1e-10, 6.35261234052179570e-01, 2.55950443070889704e-01},
    {"tanh", "tanh", 1.5, 0.3, 0.75, -9.58405695854796803e-02, 4.29926451351524532e-01},
    {"tanh", "tanh", 3, 3, 0.0009765625, 7.42124690287662080e-01, 1.71904083905851030e-01},
    {"tanh", "tanh", 2, 1, 0.9375, -4.17821696995040390e-01, 2.84503906676149075e-01},
    {"tanh", "tanh", 20, 20, 0.375, 1.60524192863565031e-01, 1.64015053370288944e-03},
    {"tanh", "tanh", 20, 1, 0.0625, 4.64987007283845684e-01, 3.32218839139284422e-02},
    {"sigmoid", "sigmoid", 0.5, 0.5, 0.25, 2.56967893477928318e-01, 5.57956080706622309e-02},
    {"sigmoid", "sigmoid", 1, 2, 0.125, 2.97777069238268021e-01, 3.30480799934633623e-02},
    {"sigmoid", "sigmoid", 2, 2, 1e-10, 3.48573622576240148e-01, 2.90251813992642175e-02},
    {"sigmoid", "sigmoid", 1.5, 0.3, 0.75, 2.40265146200968466e-01, 4.33384131588302938e-02},
    {"sigmoid", "sigmoid", 3, 3, 0.0009765625, 3.84797913491987899e-01, 2.06852747152163484e-02},
    {"sigmoid", "sigmoid", 2, 1, 0.9375, 1.93872890876115591e-01, 3.37811532505894947e-02},
    {"sigmoid", "sigmoid", 20, 20, 0.375, 2.89881002590865925e-01, 4.07372633253318538e-04},
    {"sigmoid", "sigmoid", 20, 1, 0.0625, 3.24971735953610868e-01, 4.69861009069809415e-03},
    {"swish", "swish", 0.5, 0.5, 0.25, 3.62949822148284873e-02, 2.75024069761262045e-01},
    {"swish", "swish", 1, 2, 0.125, 5.85823513253073322e-01, 3.67114521823387527e-01},
    {"swish", "swish", 2, 2, 1e-10, 1.75788986630567528e+00, 4.66425054772480601e-01},
    {"swish", "swish", 1.5, 0.3, 0.75, -4.42205261680160823e-02, 2.20846575843891559e-01},
    {"swish", "swish", 3, 3, 0.0009765625, 4.24071997166909208e+00, 4.93866750081004466e-01},
    {"swish", "swish", 2, 1, 0.9375, -1.94644843974975125e-01, 1.10627355265807921e-01},
    {"swish", "swish", 20, 20, 0.375, 9.01601328432858291e+01, 2.90545237628029985e-01},
    {"swish", "swish", 20, 1, 0.0625, 7.13415705286193069e+00, 3.83093116160606597e-01},
    {"softplus", "softplus", 0.5, 0.5, 0.25, 5.55127224209911780e-01, 2.56967893477928318e-01},
    {"softplus", "softplus", 1, 2, 0.125, 1.27115057996814123e+00, 2.97777069238268021e-01},
    {"softplus", "softplus", 2, 2, 1e-10, 2.32978146334544642e+00, 3.48573622576240148e-01},
    {"softplus", "softplus", 1.5, 0.3, 0.75, 5.96334836869628818e-01, 2.40265146200968466e-01},
    {"softplus", "softplus", 3, 3, 0.0009765625, 4.75288830081537163e+00, 3.84797913491987899e-01},
    {"softplus", "softplus", 2, 1, 0.9375, 4.71634787487273044e-01, 1.93872890876115591e-01},
    {"softplus", "softplus", 20, 20, 0.375, 9.11687007041662857e+01, 2.89881002590865925e-01},
    {"softplus", "softplus", 20, 1, 0.0625, 1.14744254858608114e+01, 3.24971735953610868e-01},
    {"relu", "erf", 1, 1, 0.25, 0.162867503967639974, 0.325735007935279948},
    {"relu", "erf", 1.3, 0.8, 0.01, 0.380817638109736876, 0.373643679464027547},
    {"relu", "erf", 0.7, 3, 0.6, -0.0543622662877287543, 0.129433967351735129},
    {"relu", "erf", 2, 0.5, 1e-10, 0.460658865869648866, 0.460658865961780639},
    {"relu", "erf", 1, 1, 0.96875, -0.305376569939324951, 0.325735007935279948},
    {"relu", "erf", 1, 100, 0.1, 0.319145845774732358, 0.00398932307218415447},
    {"relu", "tanh", 1, 1, 0.25, 0.151426377400539706, 0.302852754801079413},
    {"relu", "tanh", 1.3, 0.8, 0.01, 0.349083684399319939, 0.342507539638265246},
    {"relu", "tanh", 0.7, 3, 0.6, -0.0535149913213811735, 0.127416646003288508},
    {"relu", "tanh", 2, 0.5, 1e-10, 0.413241928201165689, 0.413241928283814075},
    {"relu", "tanh", 1, 1, 0.96875, -0.283924457626011949, 0.302852754801079413},
    {"relu", "tanh", 1, 100, 0.1, 0.319140700779478268, 0.00398925875974347835},
    {"relu", "elu", 1, 1, 0.25, 0.267627456565432694, 0.434199683190116979},
    {"relu", "elu", 1.3, 0.8, 0.01, 0.509631070072578946, 0.497060274912668944},
    {"relu", "elu", 0.7, 3, 0.6, 0.104137172346364528, 0.281503436521584859},
    {"relu", "elu", 2, 0.5, 1e-10, 0.4999999999, 0.499999999980052992},
    {"relu", "elu", 1, 1, 0.96875, -0.244891196913998926, 0.272054442789671697},
    {"relu", "elu", 1, 100, 0.1, 41.3170308204295278, 0.399556919111836584},
    {"relu", "swish", 1, 1, 0.25, 0.225125374951458331, 0.321611374540562989},
    {"relu", "swish", 1.3, 0.8, 0.01, 0.391791229303679667, 0.381206615454009101},
    {"relu", "swish", 0.7, 3, 0.6, 0.190823258517759741, 0.215608933446581276},
    {"relu", "swish", 2, 0.5, 1e-10, 0.342468088324128474, 0.342468088372674977},
    {"relu", "swish", 1, 1, 0.96875, -0.087686883392474667, 0.10604697412411284},
    {"relu", "swish", 1, 100, 0.1, 41.3544147802089705, 0.397618466713256914},
    {"clip", "clip", 1, 1, 0.25, 0.238169165800770654, 0.49797177783920799},
    {"hinge", "clip", 1, 1, 0.25, 0.119262478010226981, 0.231984284387663875},
    {"clip", "clip", 1, 1, 1e-10, 0.516058550825175917, 0.682685630842980695},
    {"hinge", "clip", 1, 1, 1e-10, 0.22641828082716652, 0.195174979395819154},
    {"clip", "clip", 0.75, 0.875, 1e-6, 0.426560844382206219, 0.746902091052884443},
    {"hinge", "clip", 0.75, 0.875, 1e-6, 0.140102360384605778, 0.181988584252429118},
    {"clip", "clip", 5, 5, 0.001, 0.88677097390281938, 0.138783209454546702},
    {"hinge", "clip", 5, 5, 0.001, 1.80713327921892059, 0.0495931189328201168},
    {"clip", "clip", 5, 0.5, 0.875, -0.288779762674804116, 0.158089353037455762},
    {"hinge", "clip", 5, 0.5, 0.875, -0.84037889324582568, 0.447432763643962081},
    {"clip", "clip", 1, 1e3, 0.3, 0.222211223936816119, 0.000578279872788556262},
    {"hinge", "clip", 1, 1e3, 0.3, 0.111649772855330553, 0.000272247471945323108},
    {"clip", "clip", 2, 2, 0.99999988079071044921875, -0.740513095524543689, 0.382730946382939687},
    {"hinge", "clip", 2, 2, 0.99999988079071044921875, -0.616734398851258107, 0.117096773118115911},
};
// clang-format on

/// sqrt(E phi^2) and sqrt(E phi'^2): what errors are relative to.
Pair norms(const sst::Activation& f, double s) {
  const auto p = sst::quadrature::profile(f, s);
  return {std::sqrt(p.second), std::sqrt(p.slope_second)};
}

}  // namespace

TEST_CASE("quadrature of smooth activations equals the integrals", "[activation]") {
  std::ifstream file(SST_TEST_DIR "/golden/activations.json");
  int checked = 0;
  for (const auto& c : nlohmann::json::parse(file)) {
    std::string name = c.at("activation");
    std::vector<double> parameters;
    if (const auto colon = name.find(':'); colon != std::string::npos) {
      parameters.push_back(std::stod(name.substr(colon + 1)));
      name.resize(colon);
    }
    const auto f = sst::activation_registry().at(name).make(parameters);
    const double s = c.at("left_std"), t = c.at("right_std"), half = c.at("half");
    INFO(name << ' ' << s << ' ' << t << ' ' << half);
    const auto x = at(*sst::quadrature_map(f, f), s, t, half);
    const double scale = std::sqrt(f->moments(s).second * f->moments(t).second);
    CHECK(std::abs(x.value - std::stod(c.at("value").get<std::string>())) < 1e-13 * scale);
    const double derivative = std::stod(c.at("derivative").get<std::string>());
    CHECK(std::abs(x.derivative - derivative) < 1e-12 * (1 + std::abs(derivative)));
    ++checked;
  }
  CHECK(checked >= 70);
}

TEST_CASE("quadrature splits at kinks: piecewise linear functions equal Cho and Saul", "[activation]") {
  const std::vector<sst::ActivationPtr> all{std::make_shared<sst::Relu>(), std::make_shared<sst::Abs>(),
                                            std::make_shared<sst::LeakyRelu>(0.3)};
  for (const auto& f : all)
    for (const auto& g : all) {
      const auto map = sst::quadrature_map(f, g);
      for (const double half : {0.0, 1e-12, 1e-5, 0.1, 0.5, 0.9, 1.0}) {
        INFO(f->name() << ' ' << g->name() << ' ' << half);
        const auto x = at(*map, 0.7, 1.9, half),
                   exact = angular(*f->angular(), *g->angular(), 0.7, 1.9, half);
        CHECK(std::abs(x.value - exact.value) < 1e-12);
        CHECK(std::abs(x.derivative - exact.derivative) < 1e-11);
      }
    }
}

TEST_CASE("pairs of different activations on correlated Gaussians", "[activation]") {
  // E[z erf(h)] = K E[erf'(h)] by Stein's lemma; relu = (z + |z|)/2 and E[|g| erf(h)] = 0 by symmetry.
  const auto relu = std::make_shared<sst::Relu>();
  const auto erf = std::make_shared<sst::Erf>();
  for (const double half : {0.01, 0.3, 0.8}) {
    const double s = 1.3, t = 0.8, k = s * t * (1 - 2 * half);
    const double exact = k * erf->moments(t).slope / 2;
    CHECK(at(*sst::dual_map(relu, erf), s, t, half).value == Approx(exact).epsilon(1e-11));
    CHECK(at(*sst::dual_map(erf, relu), t, s, half).value == Approx(exact).epsilon(1e-11));
  }
}

TEST_CASE("moments by quadrature equal closed forms, at any scale", "[activation]") {
  for (const double s : {1e-8, 1e-2, 1.0, 30.0, 1e4}) {
    INFO(s);
    const sst::Relu relu;
    const sst::Erf erf;
    const sst::Gelu gelu;
    for (const sst::Activation* f :
         {static_cast<const sst::Activation*>(&relu), static_cast<const sst::Activation*>(&erf),
          static_cast<const sst::Activation*>(&gelu)}) {
      const auto exact = f->moments(s), m = sst::quadrature_moments(*f, s);
      CHECK(m.second == Approx(exact.second).epsilon(1e-13).margin(0));
      CHECK(m.mean == Approx(exact.mean).epsilon(1e-12).margin(1e-13 * std::sqrt(exact.second)));
      CHECK(m.slope == Approx(exact.slope).epsilon(1e-12).margin(0));
    }
  }
  const sst::Tanh tanh;
  CHECK(tanh.moments(0.0).second == 0);
  CHECK(tanh.moments(0.0).slope == 1);
  CHECK(tanh.moments(1e6).second == Approx(1).epsilon(1e-5));
}

TEST_CASE("squares out of the range of double leave quadrature its digits", "[activation]") {
  const auto elu = named("elu"), relu = named("relu");
  for (const double std : {1e-90, 1e90}) {
    const auto large = at(*sst::quadrature_map(elu, elu), std, std, 0.3);
    // A line for small arguments, relu for large ones.
    const auto limit = at(*sst::dual_map(relu, relu), 1.0, 1.0, 0.3);
    CHECK(large.value / std / std == Approx(std > 1 ? limit.value : 0.4).epsilon(1e-12));
    CHECK(large.derivative == Approx(std > 1 ? limit.derivative : 1).epsilon(1e-12));
  }
  // E[phi'^2] of z^3 is no double, E[phi' psi'] is.
  const auto cube = std::make_shared<sst::Monomial>(3);
  CHECK(at(*sst::quadrature_map(named("erf"), cube), 1e-90, 1e-90, 0.0).derivative ==
        Approx(3e-180 * 2 / std::sqrt(std::acos(-1.0))).margin(0));
}

TEST_CASE("a tolerance out of range is refused", "[activation]") {
  const auto f = std::make_shared<sst::Tanh>();
  CHECK_THROWS_WITH(sst::quadrature_map(f, f, {.tolerance = 0}), Catch::Contains("tolerance"));
}

TEST_CASE("quadrature equals reference integrals", "[activation]") {
  for (const auto& r : references) {
    INFO(r.left << ' ' << r.right << ' ' << r.s << ' ' << r.t << ' ' << r.half);
    const auto f = named(r.left), g = named(r.right);
    const auto x = at(*sst::quadrature_map(f, g), r.s, r.t, r.half);
    const auto swapped = at(*sst::quadrature_map(g, f), r.t, r.s, r.half);
    const auto a = norms(*f, r.s), b = norms(*g, r.t);
    CHECK(std::abs(x.value - r.value) < 1e-14 * a.value * b.value);
    CHECK(std::abs(swapped.value - r.value) < 1e-14 * a.value * b.value);
    CHECK(std::abs(x.derivative - r.derivative) < 1e-14 * a.derivative * b.derivative);
    CHECK(std::abs(swapped.derivative - r.derivative) < 1e-14 * a.derivative * b.derivative);
  }
  CHECK(references.size() >= 70);
}

TEST_CASE("the tolerance is kept, from coarse to fine", "[activation]") {
  for (const double tolerance : {1e-3, 1e-6, 1e-9, 1e-14})
    for (const auto& r : references) {
      INFO(tolerance << ' ' << r.left << ' ' << r.right << ' ' << r.s << ' ' << r.t << ' ' << r.half);
      const auto f = named(r.left), g = named(r.right);
      const auto x = at(*sst::quadrature_map(f, g, {.tolerance = tolerance}), r.s, r.t, r.half);
      const auto a = norms(*f, r.s), b = norms(*g, r.t);
      CHECK(std::abs(x.value - r.value) < tolerance * a.value * b.value);
      CHECK(std::abs(x.derivative - r.derivative) < tolerance * a.derivative * b.derivative);
    }
}

TEST_CASE("quadrature equals closed forms at tiny and huge standard deviations", "[activation]") {
  for (const std::string name : {"erf", "gelu"}) {
    const auto f = named(name);
    const auto closed = f->closed_form_with(*f), numeric = sst::quadrature_map(f, f);
    for (const double s : {1e-8, 0.1, 6.0, 300.0, 1e4})
      for (const double t : {1e-8, 1.0, 1e4})
        for (const double half : {0.0, 1e-12, 1e-4, 0.2, 0.5, 0.95, 1.0}) {
          INFO(name << ' ' << s << ' ' << t << ' ' << half);
          const auto x = at(*numeric, s, t, half), exact = at(*closed, s, t, half);
          const auto a = norms(*f, s), b = norms(*f, t);
          CHECK(std::abs(x.value - exact.value) < 2e-13 * a.value * b.value);
          CHECK(std::abs(x.derivative - exact.derivative) < 2e-13 * a.derivative * b.derivative);
        }
  }
}

TEST_CASE("functions whose first Hermite coefficients vanish", "[activation]") {
  const auto f = named("cos");  // at 12 standard deviations its first 80 coefficients are below 1e-15
  const auto x = at(*sst::quadrature_map(f, f), 12.0, 12.0, 1e-4),
             exact = at(*sst::dual_map(f, f), 12.0, 12.0, 1e-4);
  CHECK(x.value == Approx(exact.value).epsilon(1e-12));
  CHECK(x.derivative == Approx(exact.derivative).epsilon(1e-12));
}

TEST_CASE("a kink at the origin needs no declaration", "[activation]") {
  const auto f = sst::custom(
      "quiet relu", [](double z) { return std::max(z, 0.0); }, [](double z) { return z > 0 ? 1.0 : 0.0; });
  const auto map = sst::quadrature_map(f, f);
  for (const double half : {0.0, 1e-3, 0.3}) {
    INFO(half);
    const auto x = at(*map, 1.0, 2.0, half), exact = angular({1, 0.5, 0.5}, {1, 0.5, 0.5}, 1.0, 2.0, half);
    CHECK(std::abs(x.value - exact.value) < 1e-13 * 2);
    CHECK(std::abs(x.derivative - exact.derivative) < 1e-13);
  }
}

TEST_CASE("undeclared kinks are an error that says where they are", "[activation]") {
  const auto clip = [](std::vector<double> kinks) {
    return sst::custom(
        "my clip", [](double z) { return std::clamp(z, -1.0, 1.0); },
        [](double z) { return std::abs(z) < 1 ? 1.0 : 0.0; }, std::move(kinks));
  };
  const double half = (1 - 0.999999) / 2;
  const auto quiet = clip({});
  // Near c = 1 it was off by 9e-9, in silence. A std of 1/2 has the kink at twice itself.
  for (const double std : {0.5, 1.0, 3.0, 100.0}) {
    INFO(std);
    CHECK_THROWS_WITH(
        at(*sst::quadrature_map(quiet, quiet), std, std, half),
        Contains("the activation 'my clip' bends or jumps near -1 (") && Contains("add the place to them"));
  }
  CHECK_THROWS_WITH(sst::quadrature_moments(*quiet, 3), Contains("bends or jumps near -1 ("));
  CHECK_THROWS_WITH(at(*sst::quadrature_map(clip({-1}), quiet), 3.0, 3.0, half), Contains("near 1 ("));
  const auto told = clip({-1, 1});
  CHECK(std::abs(at(*sst::quadrature_map(told, told), 3.0, 3.0, half).value - 0.82463684343293435) < 1e-13);

  const auto step = sst::custom(
      "step", [](double z) { return z > 0.5 ? 1.0 : 0.0; }, [](double) { return 0.0; });
  CHECK_THROWS_WITH(sst::quadrature_moments(*step, 1), Contains("near 0.5 ("));
  // A derivative that bends.
  for (const double size : {1.0, 0.1}) {
    const auto bent = sst::custom(
        "bent", [=](double z) { return z + size * std::abs(z - 0.7) * (z - 0.7); },
        [=](double z) { return 1 + 2 * size * std::abs(z - 0.7); });
    CHECK_THROWS_WITH(sst::quadrature_moments(*bent, 1), Contains("near 0.7"));
  }
  // What is steep and smooth is neither.
  const auto steep = sst::custom(
      "steep", [](double z) { return std::tanh(100 * (z - 0.3)); },
      [](double z) { return 100 / std::pow(std::cosh(100 * (z - 0.3)), 2); });
  for (const double std : {1e-3, 1.0, 1e3}) CHECK(std::isfinite(sst::quadrature_moments(*steep, std).mean));
}

TEST_CASE("a function that is not finite is an error or infinite, and ends", "[activation]") {
  const auto nan = sst::custom(
      "nan", [](double z) { return std::log(z); }, [](double z) { return 1 / z; });
  const auto huge = sst::custom(
      "huge", [](double z) { return std::exp(z); }, [](double z) { return std::exp(z); });
  CHECK_THROWS_WITH(at(*sst::quadrature_map(nan, nan), 1.0, 1.0, 0.25), Contains("bends or jumps near -"));
  CHECK_FALSE(std::isfinite(at(*sst::quadrature_map(huge, huge), 1e3, 1e3, 0.25).value));
}

TEST_CASE("the derivative map is the slope of the map in the covariance", "[activation]") {
  for (const std::string left : {"tanh", "elu", "clip", "swish"})
    for (const std::string right : {"tanh", "elu", "hinge"})
      for (const double half : {0.1, 0.4, 0.7}) {
        INFO(left << ' ' << right << ' ' << half);
        const auto map = sst::quadrature_map(named(left), named(right));
        const double s = 1.4, t = 0.9, step = 1e-3;
        const auto slope = [&](double h) {  // c = 1 - 2 half, K = s t c
          return (at(*map, s, t, half - h).value - at(*map, s, t, half + h).value) / (4 * h * s * t);
        };
        const double numeric = (4 * slope(step) - slope(2 * step)) / 3;
        CHECK(at(*map, s, t, half).derivative == Approx(numeric).epsilon(1e-8));
      }
}

TEST_CASE("a zero standard deviation is a constant", "[activation]") {
  for (const std::string left : {"sigmoid", "elu", "hinge", "relu"})
    for (const std::string right : {"softplus", "clip"}) {
      INFO(left << ' ' << right);
      const auto f = named(left), g = named(right);
      const auto map = sst::quadrature_map(f, g);
      for (const double half : {0.0, 0.3, 1.0}) {
        const auto x = at(*map, 0.0, 1.5, half);
        CHECK(x.value == Approx(f->value(0) * g->moments(1.5).mean).epsilon(1e-14).margin(1e-300));
        CHECK(x.derivative == Approx(f->derivative(0) * g->moments(1.5).slope).epsilon(1e-14).margin(1e-300));
        CHECK(at(*map, 0.0, 0.0, half).value == f->value(0) * g->value(0));
      }
    }
}

TEST_CASE("any number of threads gets the same bits, whatever was asked before", "[activation]") {
  constexpr int n = 60;
  for (const std::string name : {"tanh", "elu"}) {
    const auto f = named(name);
    const auto ask = [](const sst::DualMap& map, int i) {
      return at(map, 0.5 + 0.1 * (i % 7), 1.0 + 0.2 * (i % 5), 0.01 + 0.015 * i);
    };
    const auto serial = sst::quadrature_map(f, f), shared = sst::quadrature_map(f, f);
    std::vector<Pair> expected(n), got(n);
    for (int i = 0; i < n; ++i) expected[static_cast<std::size_t>(i)] = ask(*serial, i);
#pragma omp parallel for num_threads(4) schedule(dynamic)
    for (int i = n - 1; i >= 0; --i) got[static_cast<std::size_t>(i)] = ask(*shared, i);
    for (std::size_t i = 0; i < n; ++i) {
      CHECK(got[i].value == expected[i].value);
      CHECK(got[i].derivative == expected[i].derivative);
    }
  }
}

TEST_CASE("strips: many entries, without derivatives, in extended precision", "[activation]") {
  const auto f = named("elu"), g = named("tanh");
  const auto map = sst::quadrature_map(f, g);
  const std::vector<double> t{0.5, 1.5, 0.0}, half{0.25, 0.0, 0.75}, complement{0.75, 1.0, 0.25};
  std::vector<double> value(3), alone(3), derivative(3);
  map->evaluate({3, 1.25, t.data(), half.data(), complement.data(), value.data(), derivative.data()});
  map->evaluate({3, 1.25, t.data(), half.data(), complement.data(), alone.data(), nullptr});
  const std::vector<long double> tl(t.begin(), t.end()), hl(half.begin(), half.end()),
      cl(complement.begin(), complement.end());
  std::vector<long double> vl(3), dl(3);
  map->evaluate(sst::DualStrip<long double>{3, 1.25L, tl.data(), hl.data(), cl.data(), vl.data(), dl.data()});
  for (std::size_t i = 0; i < 3; ++i) {
    const auto one = at(*map, 1.25, t[i], half[i]);
    CHECK(value[i] == one.value);
    CHECK(derivative[i] == one.derivative);
    CHECK(alone[i] == Approx(value[i]).epsilon(1e-13).margin(1e-15));
    CHECK(static_cast<double>(vl[i]) == value[i]);
    CHECK(static_cast<double>(dl[i]) == derivative[i]);
  }
}

}  // namespace quadrature_tests
