// SPDX-License-Identifier: MIT
#include "../catch.hpp"
#include "../matrices.hpp"

#include <cmath>
#include <fstream>
#include <numeric>
#include <optional>

#include <Eigen/LU>
#include <Eigen/SparseCore>
#include <nlohmann/json.hpp>

#include <sst/base/every.hpp>
#include <sst/io/csv.hpp>
#include <sst/ntk.hpp>
#include <sst/selection/split.hpp>

namespace model_tests {

using Eigen::MatrixXd;

using sst_test::uniform;

namespace {

sst::KernelFunction of(const sst::Topology& net, sst::Kernel kernel,
                       sst::Precision precision = sst::Precision::in_double) {
  return sst::network_kernel({net, kernel, std::nullopt, {.precision = precision}});
}

}  // namespace

TEST_CASE("predictions equal a direct solve, several outputs at once", "[regression]") {
  const auto net = sst::residual(4, {.weight_std = 1.5, .bias_std = 0.1});
  const MatrixXd x = uniform(60, 4, 1), y = uniform(60, 3, 2), x_new = uniform(2100, 4, 3);
  for (const auto kernel : {sst::Kernel::nngp, sst::Kernel::ntk}) {
    const auto model = sst::fit(of(net, kernel), x, y, sst::Ridge::relative(0.05));
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
  const auto model = sst::fit(sst::ntk(sst::chain(3, {.bias_std = 0.3})), x, y, sst::Ridge::absolute(0));
  CHECK((model.predict(x) - y).cwiseAbs().maxCoeff() < 1e-8);
}

TEST_CASE("a kernel in float is solved in double", "[regression]") {
  const auto net = sst::chain(4, {.weight_std = 1.4, .bias_std = 0.1});
  const MatrixXd x = uniform(80, 5, 6), y = uniform(80, 2, 7), x_new = uniform(10, 5, 8);
  const MatrixXd exact = sst::fit(sst::ntk(net), x, y, sst::Ridge::relative(0.1)).predict(x_new);
  const auto narrow = sst::ntk(net, {.precision = sst::Precision::in_float});
  CHECK(narrow.matrix(x) == sst::gram<float>(net, x).ntk.cast<double>());
  const auto model = sst::fit(narrow, x, y, sst::Ridge::relative(0.1));
  CHECK((model.predict(x_new) - exact).cwiseAbs().maxCoeff() < 1e-4);
  CHECK((model.predict(x_new) - exact).cwiseAbs().maxCoeff() > 0);
  CHECK(model.predict_with_std(x_new).std.minCoeff() >= 0);
  // Without a ridge that float resolves, the message says what is to blame.
  const MatrixXd many = uniform(200, 1, 6);
  try {
    sst::fit(sst::nngp(sst::chain(3), {.precision = sst::Precision::in_float}), many, many,
             sst::Ridge::relative(1e-9), {.solver = sst::Solver::cholesky});
    FAIL("a kernel that float makes indefinite was factored");
  } catch (const sst::NotPositiveDefinite& error) {
    CHECK_THAT(error.what(), Catch::Contains("float") && Catch::Contains("double"));
  }
}

TEST_CASE("training data that cannot be used is refused in one sentence", "[regression]") {
  const auto net = sst::chain(3);
  const auto ridge = sst::Ridge::relative(0.1);
  const auto fit = [&](const MatrixXd& x, const MatrixXd& y, sst::Ridge r) {
    return sst::fit(sst::nngp(net), x, y, r);
  };
  CHECK_THROWS_WITH(fit(MatrixXd(0, 3), MatrixXd(0, 1), ridge), Catch::Contains("no training samples"));
  CHECK_THROWS_WITH(fit(uniform(4, 3, 1), uniform(5, 1, 1), ridge),
                    Catch::Contains("4 training samples and 5 rows"));
  CHECK_THROWS_WITH(fit(uniform(4, 3, 1), MatrixXd(4, 0), ridge), Catch::Contains("no columns"));
  MatrixXd y = uniform(4, 1, 1);
  y(2, 0) = std::numeric_limits<double>::infinity();
  CHECK_THROWS_WITH(fit(uniform(4, 3, 1), y, ridge), Catch::Contains("row 2, column 0"));
  CHECK_THROWS_WITH(fit(uniform(4, 3, 1), uniform(4, 1, 1), ridge).predict(uniform(2, 4, 1)),
                    Catch::Contains("4 columns and the model was trained on 3"));
  // By the row that it is of the whole, whatever the batches.
  MatrixXd many = uniform(3000, 3, 1);
  many(2500, 1) = std::numeric_limits<double>::quiet_NaN();
  const sst::Model model = fit(uniform(4, 3, 1), uniform(4, 1, 1), ridge);
  CHECK_THROWS_WITH(model.predict(many), Catch::Contains("row 2500, column 1, counted from 0"));
  CHECK_THROWS_WITH(model.predict_with_std(many), Catch::Contains("row 2500, column 1, counted from 0"));
}

TEST_CASE("nothing depends on the number of threads, whatever the solver and the outputs", "[regression]") {
  const auto net = sst::chain(3, {.weight_std = 1.4, .bias_std = 0.1});
  const MatrixXd x = uniform(700, 5, 1), y = uniform(700, 48, 2), x_new = uniform(600, 5, 3);
  for (const auto precision : {sst::Precision::in_double, sst::Precision::in_float})
    for (const auto solver : {sst::Solver::cholesky, sst::Solver::mixed, sst::Solver::conjugate_gradients})
      for (const Eigen::Index outputs : {1, 8, 48}) {
        const auto run = [&](int threads) {
          const auto model = sst::fit(sst::ntk(net, {.precision = precision}), x, y.leftCols(outputs),
                                      sst::Ridge::relative(1e-3), {.solver = solver, .threads = threads});
          const sst::Execution execution{.threads = threads};
          const auto band =
              model.predict_with_std(x_new.topRows(40), sst::ObservationNoise::excluded, execution);
          const auto left_out = model.leave_one_out_with_std(sst::ObservationNoise::included, execution);
          MatrixXd all(640 + 1400, outputs);
          all << model.predict(x_new, execution), band.std, left_out.mean, left_out.std;
          return all;
        };
        const MatrixXd one = run(1);
        INFO(name(solver) << ", " << outputs << " outputs");
        for (const int threads : {2, 3, 7, 16}) CHECK(run(threads) == one);
      }
}

TEST_CASE("a model is in proportion to its targets, whatever their size", "[regression]") {
  const MatrixXd x = uniform(40, 3, 1), y = uniform(40, 2, 2), x_new = uniform(5, 3, 3);
  for (const auto solver : {sst::Solver::cholesky, sst::Solver::mixed, sst::Solver::conjugate_gradients}) {
    const auto predict = [&](double scale) -> MatrixXd {
      return sst::fit(sst::ntk(sst::chain(3, {.bias_std = 0.3})), x, scale * y, sst::Ridge::relative(0.1),
                      {.solver = solver})
                 .predict(x_new) /
             scale;
    };
    const MatrixXd one = predict(1);
    for (const double scale : {0x1p-600, 0x1p700}) CHECK(predict(scale) == one);
    for (const double scale : {1e-170, 1e200})
      CHECK((predict(scale) - one).norm() <
            (solver == sst::Solver::conjugate_gradients ? 1e-5 : 1e-12) * one.norm());
  }
}

TEST_CASE("equal rows without a ridge that resolves them are refused by their numbers", "[regression]") {
  MatrixXd x = uniform(20, 3, 1);
  x.row(13) = x.row(4);
  const MatrixXd y = uniform(20, 1, 2);
  const auto kernel = sst::ntk(sst::chain(3, {.bias_std = 0.3}));
  for (const auto solver : {sst::Solver::cholesky, sst::Solver::mixed, sst::Solver::conjugate_gradients})
    for (const auto ridge : {sst::Ridge::absolute(0), sst::Ridge::relative(1e-16)}) {
      CHECK_THROWS_WITH(sst::fit(kernel, x, y, ridge, {.solver = solver}), Catch::Contains("rows 4 and 13"));
      CHECK_THROWS_WITH(sst::fit(kernel, x.sparseView(), y, ridge, {.solver = solver}),
                        Catch::Contains("rows 4 and 13"));
    }
  CHECK(sst::fit(kernel, x, y, sst::Ridge::relative(1e-9)).predict(x).allFinite());
}

TEST_CASE("a request costs no accuracy: any split of the rows predicts the same", "[regression]") {
  const auto net = sst::residual(4, {.weight_std = 1.5, .bias_std = 0.1});
  const MatrixXd x = uniform(500, 4, 1), y = uniform(500, 1, 2), x_new = uniform(1500, 4, 3);
  const auto model = sst::fit(sst::ntk(net), x, y, sst::Ridge::relative(0.05));
  const MatrixXd whole = model.predict(x_new);
  const auto band = model.predict_with_std(x_new);
  CHECK((band.mean - whole).norm() < 1e-13 * whole.norm());
  for (Eigen::Index i = 0; i < 1500; i += 137)
    CHECK((model.predict(x_new.middleRows(i, 1)) - whole.row(i)).norm() < 1e-12 * whole.norm());
  const auto noisy = model.predict_with_std(x_new, sst::ObservationNoise::included);
  CHECK((noisy.std.cwiseAbs2().array() - band.std.cwiseAbs2().array() - model.lambda()).abs().maxCoeff() <
        1e-12);
  const MatrixXd covariance = model.covariance(x_new.topRows(30));
  CHECK(covariance == covariance.transpose());
  CHECK((covariance.diagonal().cwiseSqrt() - band.std.topRows(30)).norm() < 1e-9);
}

TEST_CASE("leave-one-out, evidence and appended rows are those of refits", "[regression]") {
  const auto kernel = sst::nngp(sst::chain(3, {.weight_std = 1.3, .bias_std = 0.2}));
  const MatrixXd x = uniform(25, 3, 1), y = uniform(25, 2, 2);
  const auto model = sst::fit(kernel, x, y, sst::Ridge::absolute(0.3));
  const MatrixXd left_out = model.leave_one_out();
  for (const Eigen::Index i : {0, 7, 24}) {
    std::vector<Eigen::Index> rest;
    for (Eigen::Index j = 0; j < 25; ++j)
      if (j != i) rest.push_back(j);
    const auto without = sst::fit(kernel, MatrixXd(x(rest, sst::every)), MatrixXd(y(rest, sst::every)),
                                  sst::Ridge::absolute(0.3));
    CHECK((without.predict(x.row(i)) - left_out.row(i)).norm() < 1e-11);
  }
  const auto path = ridge_path(kernel, x, y, {sst::Ridge::absolute(0.3)});
  CHECK((model.log_marginal_likelihood().transpose() - path.log_marginal_likelihood.row(0)).norm() < 1e-10);

  auto grown = sst::fit(kernel, x.topRows(20), y.topRows(20), sst::Ridge::absolute(0.3));
  const auto before = grown;
  grown.append(x.bottomRows(5), y.bottomRows(5));
  CHECK(grown.samples() == 25);
  CHECK(before.samples() == 20);
  CHECK((grown.weights() - model.weights()).norm() < 1e-11);
  CHECK((grown.predict_with_std(x).std - model.predict_with_std(x).std).norm() < 1e-8);
  CHECK_THROWS_WITH(grown.append(x.leftCols(2), y),
                    Catch::Contains("2 columns and the model was trained on 3"));
  CHECK_THROWS_WITH(grown.append(x, y.leftCols(1)), Catch::Contains("25 x 1"));
  CHECK(grown.samples() == 25);
}

TEST_CASE("samples may be sparse, of floats, rows of another matrix, or temporaries", "[regression]") {
  const auto kernel = sst::ntk(sst::chain(3, {.bias_std = 0.2}));
  MatrixXd x = uniform(30, 6, 1);
  x = (x.array() > 0.2).select(x, 0);
  const MatrixXd y = uniform(30, 1, 2);
  const MatrixXd dense = sst::fit(kernel, x, y, sst::Ridge::relative(0.1)).predict(x);
  Eigen::SparseMatrix<double> sparse = x.sparseView();
  const auto model = sst::fit(kernel, sparse, y, sst::Ridge::relative(0.1));
  CHECK(model.x().sparse());
  CHECK((model.predict(sparse) - dense).norm() < 1e-12);
  CHECK((model.predict(x) - dense).norm() < 1e-12);
  const Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor> narrow = x.cast<float>();
  CHECK((sst::fit(kernel, narrow, y, sst::Ridge::relative(0.1)).predict(narrow) - dense).norm() < 1e-5);
  auto grown = sst::fit(kernel, sparse, y, sst::Ridge::relative(0.1));
  grown.append(sparse.topRows(3).eval(), y.topRows(3));
  CHECK(grown.x().sparse());
  CHECK(grown.samples() == 33);
}

TEST_CASE("the paper's comparison, every golden value", "[regression]") {
  std::ifstream file(SST_TEST_DIR "/golden/expressibility.json");
  const auto golden = nlohmann::json::parse(file).at("mse");
  const auto data =
      sst::split_target(sst::read_csv(SST_TEST_DIR "/../examples/data/boston_housing.csv"), "medv");
  const auto split = sst::train_test_split(data.x.rows(), 0.1, 13);
  const MatrixXd x = data.x(split.train, sst::every), y = data.y(split.train, sst::every);
  const MatrixXd x_test = data.x(split.test, sst::every), y_test = data.y(split.test, sst::every);
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
        const auto model = sst::fit(of(topology, which), x, y, sst::Ridge::relative(0.1));
        CHECK(error(model.predict(x_test)) == Approx(value.get<double>()).epsilon(1e-11).margin(0));
        const auto single =
            sst::fit(of(topology, which, sst::Precision::in_float), x, y, sst::Ridge::relative(0.1));
        CHECK(error(single.predict(x_test)) == Approx(value.get<double>()).epsilon(1e-4).margin(0));
        ++checked;
      }
  CHECK(checked == 84);
}

TEST_CASE("leave-one-out standard deviations are those of refits", "[regression]") {
  const auto net = sst::chain(3, {.weight_std = 1.3, .bias_std = 0.2});
  const MatrixXd x = uniform(25, 3, 1), y = uniform(25, 2, 2);
  const Eigen::VectorXd weights = uniform(25, 1, 3).array() + 2;
  for (const auto& kernel : {sst::nngp(net), sst::ntk(net), sst::ntk(net) + sst::nngp(net)})
    for (const bool weighted : {false, true}) {
      const auto fit = [&](const std::vector<Eigen::Index>& rows) {
        sst::FitOptions options;
        if (weighted) options.sample_weights = weights(rows);
        return sst::fit(kernel, MatrixXd(x(rows, sst::every)), MatrixXd(y(rows, sst::every)),
                        sst::Ridge::absolute(0.3), options);
      };
      std::vector<Eigen::Index> all(25);
      std::iota(all.begin(), all.end(), Eigen::Index{0});
      const auto model = fit(all);
      const auto function = model.leave_one_out_with_std(sst::ObservationNoise::excluded);
      const auto observed = model.leave_one_out_with_std();
      CHECK((function.mean - model.leave_one_out()).norm() == 0);
      for (const Eigen::Index i : {0, 7, 24}) {
        auto rest = all;
        rest.erase(rest.begin() + i);
        const auto alone = fit(rest).predict_with_std(x.row(i));
        CHECK((alone.std - function.std.row(i)).norm() < 1e-10);
        const double noise = 0.3 / (weighted ? weights[i] : 1);
        CHECK(std::abs(observed.std(i, 0) - std::hypot(alone.std(0, 0), std::sqrt(noise))) < 1e-10);
      }
    }
}

TEST_CASE("amplitudes make standard deviations as large as leave-one-out errors", "[regression]") {
  const auto net = sst::chain(3, {.weight_std = 1.3, .bias_std = 0.2});
  const MatrixXd x = uniform(60, 3, 1), x_new = uniform(5, 3, 4);
  MatrixXd y = uniform(60, 3, 2);
  y.col(1) *= 1e-170;
  y.col(2).setZero();
  for (const auto& kernel : {sst::nngp(net), sst::ntk(net)}) {
    const auto plain = sst::fit(kernel, x, y, sst::Ridge::absolute(0.3));
    auto model = plain;
    CHECK(plain.amplitudes() == Eigen::RowVectorXd::Ones(3));
    model.fit_amplitudes();
    const Eigen::RowVectorXd s = model.amplitudes();
    CHECK(s[2] == 1);
    const auto left_out = model.leave_one_out_with_std();
    for (const Eigen::Index o : {0, 1}) {
      const Eigen::ArrayXd z = (y - left_out.mean).col(o).array() / left_out.std.col(o).array();
      CHECK(z.square().mean() == Approx(1).epsilon(1e-12));
    }
    CHECK(model.predict(x_new) == plain.predict(x_new));
    const auto before = plain.predict_with_std(x_new), after = model.predict_with_std(x_new);
    CHECK((after.std - before.std * s.asDiagonal()).norm() <= 1e-15 * after.std.norm());
    // Again changes nothing, and one output alone has the same.
    model.fit_amplitudes();
    CHECK((model.amplitudes() - s).norm() < 1e-13 * s.norm());
    auto alone = sst::fit(kernel, x, y.col(0), sst::Ridge::absolute(0.3));
    alone.fit_amplitudes();
    CHECK(alone.amplitudes()[0] == Approx(s[0]).epsilon(1e-12));
    // It is the model of s^2 times kernel and lambda.
    const auto scaled = sst::fit(s[0] * s[0] * kernel, x, y.col(0), sst::Ridge::absolute(0.3 * s[0] * s[0]));
    CHECK((scaled.predict_with_std(x_new).std - alone.predict_with_std(x_new).std).norm() < 1e-10);
    CHECK(scaled.log_marginal_likelihood()[0] == Approx(alone.log_marginal_likelihood()[0]).epsilon(1e-10));
    if (kernel.is_its_own_prior()) {
      MatrixXd a = kernel.matrix(x);
      a.diagonal().array() += 0.3;
      const MatrixXd inverse = a.inverse();
      const Eigen::VectorXd w = inverse * y.col(0);
      CHECK(s[0] * s[0] == Approx((w.array().square() / inverse.diagonal().array()).mean()).epsilon(1e-10));
    }
  }
  sst::Model::Parts parts{sst::nngp(net), x, y, y, sst::Ridge::absolute(1), 1};
  parts.amplitudes = Eigen::RowVectorXd::Ones(2);
  CHECK_THROWS_WITH(sst::Model(parts), Catch::Contains("2 amplitudes for 3 outputs"));
}

}  // namespace model_tests
