// SPDX-License-Identifier: MIT
//
// The accuracy of "exact on every graph" on every path: features by products, sparse rows, radial profiles.
#include "../catch.hpp"
#include "../matrices.hpp"

#include <cmath>

#include <sst/engine/rows/profile.hpp>
#include <sst/ntk.hpp>
#include <sst/topology/activations.hpp>

#include "golden.hpp"

namespace paths_tests {

using Eigen::MatrixXd;

namespace {

struct Bars {
  double full, single;
};
Bars bars(const sst::Topology& net) {
  return sst::compile(net, sst::Kernel::ntk).angular_only ? Bars{1e-13, 2e-6} : Bars{1e-9, 1e-3};
}

/// Every feature `times` times: x.x'/d stays as it is.
MatrixXd repeated(const MatrixXd& x, int times) { return x.replicate(1, times); }

MatrixXd unit_rows(Eigen::Index n, Eigen::Index d, unsigned seed) {
  MatrixXd x = sst_test::uniform(n, d, seed);
  x.row(1) = -x.row(0);
  x.row(2) = x.row(0);
  x(2, 0) += 1e-9;
  x.row(4) = -x.row(3);
  x(4, 1) += 1e-7;
  return x.rowwise().normalized();
}

void check(const sst::GramMatrices<double>& k, const sst::GramMatrices<double>& f, const GoldenCase& c) {
  const auto [full, single] = bars(c.topology);
  CHECK(relative_error(k.nngp, c.nngp) < full);
  CHECK(relative_error(k.ntk, c.ntk) < full);
  CHECK(relative_error(f.nngp, c.nngp) < single);
  CHECK(relative_error(f.ntk, c.ntk) < single);
}

}  // namespace

TEST_CASE("many features, by products: golden values and hard rows keep their bars", "[kernel]") {
  for (const char* file : {"kernels.json", "hard.json"})
    for (const GoldenCase& c : golden_cases(file)) {
      if (c.x2.size() != 0) continue;
      INFO(c.topology.name());
      const MatrixXd x = repeated(c.x, 16);
      check(sst::gram(c.topology, x), sst::gram<double, float>(c.topology, x), c);
    }
}

TEST_CASE("sparse rows: golden values and hard rows keep their bars", "[kernel]") {
  for (const char* file : {"kernels.json", "hard.json"})
    for (const GoldenCase& c : golden_cases(file)) {
      if (c.x2.size() != 0) continue;
      INFO(c.topology.name());
      const Eigen::SparseMatrix<double> x = c.x.sparseView(0, 0);
      check(sst::gram(c.topology, x), sst::gram<double, float>(c.topology, x), c);
    }
}

TEST_CASE("sparse rows give what dense ones do", "[kernel]") {
  MatrixXd x = unit_rows(300, 50, 1);
  for (Eigen::Index i = 0; i < x.rows(); ++i)
    for (Eigen::Index k = 0; k < x.cols(); ++k)
      if ((7 * i + 3 * k) % 11 > 2) x(i, k) = 0;  // stored entries of different rows overlap in part
  x.row(7).setZero();
  x.row(9) = x.row(8);
  const Eigen::SparseMatrix<double, Eigen::RowMajor> sparse = x.sparseView(0, 0);
  const auto plain = sst::residual(4, {.weight_std = 1.3, .bias_std = 0.2});
  const auto centred = sst::trace([](sst::Node n) {  // reads the mean of the input's channels
    return dense(relu(dense(n, {.weight_std = 1.3})) + n, {.bias_std = 0.1});
  });
  for (const auto& net : {plain, centred}) {
    INFO(net.name());
    const auto a = sst::gram(net, x), b = sst::gram(net, sparse);
    CHECK((a.ntk - b.ntk).cwiseAbs().maxCoeff() < 2e-14 * a.ntk.maxCoeff());
    CHECK((a.nngp - b.nngp).cwiseAbs().maxCoeff() < 2e-14 * a.nngp.maxCoeff());
    const auto cross = sst::gram(net, sparse, x.topRows(20).sparseView(0, 0));
    CHECK((cross.ntk - b.ntk.leftCols(20)).cwiseAbs().maxCoeff() < 2e-14 * a.ntk.maxCoeff());
  }
  Eigen::SparseMatrix<double> bad = sparse;
  bad.coeffRef(3, 4) = std::nan("");
  CHECK_THROWS_WITH(sst::gram(plain, bad), Catch::Contains("row 3, column 4"));
}

TEST_CASE("profiles of homogeneous networks: golden values and hard rows keep their bars", "[kernel]") {
  int seen = 0;
  for (const char* file : {"kernels.json", "hard.json"})
    for (const GoldenCase& c : golden_cases(file)) {
      const auto plan = sst::compile(c.topology, sst::Kernel::ntk);
      if (c.x2.size() != 0 || sst::radial(plan) != sst::Radial::homogeneous) continue;
      INFO(c.topology.name());
      ++seen;
      const sst::GramOptions options{.path = sst::Path::profile};
      check(sst::gram(c.topology, c.x, options), sst::gram<double, float>(c.topology, c.x, options), c);
    }
  CHECK(seen >= 3);
}

TEST_CASE("profiles equal the direct path, at every angle and both ends", "[kernel]") {
  const MatrixXd x = unit_rows(120, 5, 2);
  using namespace sst;
  const std::vector<Topology> nets{chain(12, {.weight_std = 1.5, .bias_std = 0}),
                                   sparse_shortcut(50, {.weight_std = 1.5, .bias_std = 0.05}),
                                   residual(20, {.weight_std = 1.2, .bias_std = 0.5}),
                                   densely_connected(6, {.weight_std = 1.4, .bias_std = 0.1}),
                                   trace([](Node n) {
                                     return dense(erf(dense(erf(dense(n, {1.5, 0.1})), {1.5, 0.1})));
                                   }),
                                   trace([](Node n) {
                                     return dense(tanh(dense(sin(dense(n, {2, 0})), {2, 0.3})));
                                   })};
  for (const auto& net : nets) {
    INFO(net);
    const auto direct = gram(net, x, GramOptions{.path = Path::direct});
    const auto profile = gram(net, x, GramOptions{.path = Path::profile});
    const auto single = gram<float>(net, x, GramOptions{.path = Path::profile});
    const double n = direct.nngp.maxCoeff(), t = direct.ntk.maxCoeff();
    CHECK((direct.nngp - profile.nngp).cwiseAbs().maxCoeff() < 3e-14 * n);
    CHECK((direct.ntk - profile.ntk).cwiseAbs().maxCoeff() < 3e-14 * t);
    CHECK((direct.nngp - single.nngp.cast<double>()).cwiseAbs().maxCoeff() < 1e-6 * n);
    CHECK((direct.ntk - single.ntk.cast<double>()).cwiseAbs().maxCoeff() < 1e-6 * t);
    CHECK(profile.ntk == profile.ntk.transpose());
  }
}

TEST_CASE("a profile is chosen where it applies and the matrix is large", "[kernel]") {
  using namespace sst;
  const auto homogeneous = compile(chain(5, {.bias_std = 0}), Kernel::ntk);
  const auto biased = compile(chain(5, {.bias_std = 0.1}), Kernel::ntk);
  const auto with_mean = compile(trace([](Node n) { return dense(relu(dense(n)) + n); }), Kernel::ntk);
  const MatrixXd unit = unit_rows(300, 4, 3), other = MatrixXd(2.5 * unit),
                 mixed = unit_rows(300, 4, 4).array() * 3 + 1;
  const auto path = [](const Plan& plan, const MatrixXd& x) { return GramTiles<double>(plan, x).path(); };
  CHECK(path(homogeneous, mixed) == Path::profile);
  CHECK(path(biased, unit) == Path::profile);
  CHECK(path(biased, mixed) == Path::direct);
  CHECK(path(with_mean, unit) == Path::direct);
  CHECK(path(biased, unit.topRows(20)) == Path::direct);
  CHECK(GramTiles<double>(biased, unit, other).path() == Path::direct);  // two norms
  CHECK(GramTiles<double>(homogeneous, unit, Path::direct).path() == Path::direct);
  CHECK_THROWS_WITH(GramTiles<double>(biased, mixed, Path::profile), Catch::Contains("different norms"));
  CHECK_THROWS_WITH(GramTiles<double>(with_mean, unit, Path::profile), Catch::Contains("mean over channels"));
  CHECK_THROWS_WITH(Profile<double>(compile(chain(3, {.weight_std = 0}), Kernel::ntk)),
                    Catch::Contains("zero"));
}

TEST_CASE("an output that no parameter reaches has an NTK of zero, on every path and at every size",
          "[kernel]") {
  using namespace sst;
  const std::vector<Topology> nets{trace([](Node n) { return n; }), trace([](Node n) { return n + n; }),
                                   trace([](Node n) { return concat(n, n); }),
                                   trace([](Node n) { return concat(n, n - n); }),
                                   trace([](Node n) { return -2 * identity(n); })};
  for (const Topology& net : nets)
    for (const Eigen::Index n : {5, 256}) {
      INFO(net << n);
      const MatrixXd x = sst_test::uniform(n, 9, 7);
      const auto k = gram(net, x);
      CHECK(k.ntk.cwiseAbs().maxCoeff() == 0);
      CHECK(k.nngp(0, 1) == Approx(k.nngp(0, 0) / x.row(0).squaredNorm() * x.row(0).dot(x.row(1))));
      CHECK(gram<float>(net, x).ntk.norm() == 0);
      CHECK(gram(compile(net, Kernel::ntk), Kernel::ntk, x, x.topRows(3)).norm() == 0);
      CHECK(gram<float, float>(net, x.sparseView(0, 0)).ntk.norm() == 0);
      CHECK_THROWS_AS(gram(net, x, GramOptions{.path = Path::profile}), Error);
    }
  CHECK_THROWS_WITH(Profile<double>(compile(nets[0], Kernel::ntk)),
                    Catch::Contains("no parameter that learns reaches its output"));
}

TEST_CASE("a profile evaluates a matrix of angles", "[kernel]") {
  using namespace sst;
  const MatrixXd x = unit_rows(70, 4, 5);
  const MatrixXd angles = input_angles<double>(x);
  MatrixXd out;
  for (const int depth : {3, 7, 30}) {
    const auto plan = compile(sparse_shortcut(depth, {.weight_std = 1.5, .bias_std = 0}), Kernel::ntk);
    const Profile<double> profile(plan, 0.5);  // |x|/sqrt(d) = 1/2
    profile.evaluate(Kernel::ntk, angles, out);
    const MatrixXd k = gram(plan, Kernel::ntk, x, GramOptions{.path = Path::direct});
    CHECK((out - k).cwiseAbs().maxCoeff() < 3e-14 * k.maxCoeff());
    CHECK(profile(Kernel::ntk, 0) == Approx(k(0, 0)).epsilon(1e-13));
    CHECK(profile(Kernel::nngp, std::acos(-1)) ==
          Approx(gram(plan, Kernel::nngp, x)(0, 1)).margin(1e-13 * k(0, 0)));
  }
  CHECK(std::abs(angles(0, 0)) == 0);
  CHECK(angles(0, 1) == -std::numeric_limits<double>::min());  // antipodal
}

}  // namespace paths_tests
