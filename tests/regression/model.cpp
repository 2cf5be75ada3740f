// SPDX-License-Identifier: MIT
#include "../catch.hpp"
#include "../matrices.hpp"

#include <fstream>

#include <Eigen/LU>
#include <nlohmann/json.hpp>

#include <sst/io/csv.hpp>
#include <sst/ntk.hpp>
#include <sst/selection/split.hpp>

namespace model_tests {

using Eigen::MatrixXd;

using sst_test::uniform;

TEST_CASE("predictions equal a direct solve, several outputs at once", "[regression]") {
  const auto net = sst::residual(4, {.weight_std = 1.5, .bias_std = 0.1});
  const MatrixXd x = uniform(60, 4, 1), y = uniform(60, 3, 2), x_new = uniform(2100, 4, 3);
  for (const auto kernel : {sst::Kernel::nngp, sst::Kernel::ntk}) {
    const auto model = sst::fit(net, kernel, x, y, sst::Ridge::relative(0.05));
    const auto k = sst::gram(net, x), cross = sst::gram(net, x_new, x);
    const bool ntk = kernel == sst::Kernel::ntk;
    MatrixXd a = ntk ? k.ntk : k.nngp;
    const double lambda = 0.05 * a.diagonal().mean();
    CHECK(model.lambda() == Approx(lambda));
    a.diagonal().array() += lambda;
    const MatrixXd direct = (ntk ? cross.ntk : cross.nngp) * a.partialPivLu().solve(y);
    CHECK((model.predict(x_new) - direct).cwiseAbs().maxCoeff() < 1e-11);
  }
}

TEST_CASE("without a ridge a regression interpolates", "[regression]") {
  const MatrixXd x = uniform(30, 3, 4), y = uniform(30, 1, 5);
  const auto model =
      sst::fit(sst::chain(3, {.bias_std = 0.3}), sst::Kernel::ntk, x, y, sst::Ridge::absolute(0));
  CHECK((model.predict(x) - y).cwiseAbs().maxCoeff() < 1e-8);
}

TEST_CASE("a float kernel may be solved in double or in float", "[regression]") {
  const auto net = sst::chain(4, {.weight_std = 1.4, .bias_std = 0.1});
  const MatrixXd x = uniform(80, 5, 6), y = uniform(80, 2, 7), x_new = uniform(10, 5, 8);
  const MatrixXd exact = sst::fit(net, sst::Kernel::ntk, x, y, sst::Ridge::relative(0.1)).predict(x_new);
  for (const auto solve : {sst::SolvePrecision::full, sst::SolvePrecision::kernel}) {
    const auto model =
        sst::fit<float>(net, sst::Kernel::ntk, x, y, sst::Ridge::relative(0.1), {.solve = solve});
    CHECK((model.predict(x_new) - exact).cwiseAbs().maxCoeff() < 1e-4);
  }
}

TEST_CASE("training data that cannot be used is refused in one sentence", "[regression]") {
  const auto net = sst::chain(3);
  const auto ridge = sst::Ridge::relative(0.1);
  const auto fit = [&](const MatrixXd& x, const MatrixXd& y, sst::Ridge r) {
    return sst::fit(net, sst::Kernel::nngp, x, y, r);
  };
  CHECK_THROWS_WITH(fit(MatrixXd(0, 3), MatrixXd(0, 1), ridge), Catch::Contains("no training samples"));
  CHECK_THROWS_WITH(fit(uniform(4, 3, 1), uniform(5, 1, 1), ridge),
                    Catch::Contains("4 training samples and 5 rows"));
  CHECK_THROWS_WITH(fit(uniform(4, 3, 1), MatrixXd(4, 0), ridge), Catch::Contains("no columns"));
  MatrixXd y = uniform(4, 1, 1);
  y(2, 0) = std::numeric_limits<double>::infinity();
  CHECK_THROWS_WITH(fit(uniform(4, 3, 1), y, ridge), Catch::Contains("row 2, column 0"));
  // The Gram matrix of x x' is then ones, exactly, and the second pivot 0; otherwise rounding decides.
  const auto linear = sst::trace([](sst::Node x) { return dense(x, {.weight_std = 1, .bias_std = 0}); });
  const MatrixXd ones = MatrixXd::Ones(4, 1);
  CHECK_THROWS_AS(sst::fit(linear, sst::Kernel::nngp, ones, uniform(4, 1, 1), sst::Ridge::absolute(0)),
                  sst::NotPositiveDefinite);
  CHECK_THROWS_WITH(fit(uniform(4, 3, 1), uniform(4, 1, 1), ridge).predict(uniform(2, 4, 1)),
                    Catch::Contains("4 and 3 columns"));
}

TEST_CASE("the paper's comparison, every golden value", "[regression]") {
  std::ifstream file(SST_TEST_DIR "/golden/expressibility.json");
  const auto golden = nlohmann::json::parse(file).at("mse");
  const auto data =
      sst::split_target(sst::read_csv(SST_TEST_DIR "/../examples/data/boston_housing.csv"), "medv");
  const auto split = sst::train_test_split(data.x.rows(), 0.1, 13);
  const MatrixXd x = data.x(split.train, Eigen::all), y = data.y(split.train, Eigen::all);
  const MatrixXd x_test = data.x(split.test, Eigen::all), y_test = data.y(split.test, Eigen::all);
  const sst::FamilyOptions layer{.weight_std = 1.5, .bias_std = 0.05};
  using sst::BeforeReadout, sst::FirstLayer;
  const auto net = [&](const std::string& name, int depth) {
    if (name == "residual") return sst::residual(depth, layer);
    if (name == "sparse_shortcut") return sst::sparse_shortcut(depth, layer);
    if (name == "sparse_shortcut_with_h0")
      return sst::sparse_shortcut(depth, layer, {.first_layer = FirstLayer::in_sum});
    if (name == "figure_residual")
      return sst::residual(depth, layer, {.before_readout = BeforeReadout::nothing});
    if (name == "figure_sparse_shortcut")
      return sst::sparse_shortcut(
          depth, layer, {.first_layer = FirstLayer::in_sum, .before_readout = BeforeReadout::nothing});
    REQUIRE(name == "chain");
    return sst::chain(depth, layer);
  };
  int checked = 0;
  for (const auto& [name, kernels] : golden.items())
    for (const auto& [kernel, values] : kernels.items())
      for (const auto& [depth, value] : values.items()) {
        const auto which = kernel == "ntk" ? sst::Kernel::ntk : sst::Kernel::nngp;
        const auto topology = net(name, std::stoi(depth));
        CHECK(topology.depth() == std::stoul(depth));
        const auto error = [&](const MatrixXd& mean) { return (mean - y_test).squaredNorm() / 51; };
        const auto model = sst::fit(topology, which, x, y, sst::Ridge::relative(0.1));
        CHECK(error(model.predict(x_test)) == Approx(value.get<double>()).epsilon(1e-11).margin(0));
        const auto single = sst::fit<float>(topology, which, x, y, sst::Ridge::relative(0.1));
        CHECK(error(single.predict(x_test)) == Approx(value.get<double>()).epsilon(1e-4).margin(0));
        ++checked;
      }
  CHECK(checked == 84);
}

}  // namespace model_tests
