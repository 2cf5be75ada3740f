// SPDX-License-Identifier: MIT
#include "../catch.hpp"
#include "../little_memory.hpp"
#include "../matrices.hpp"

#include <cmath>

#include <Eigen/Eigenvalues>

#include <sst/ntk.hpp>

#include "golden.hpp"

namespace gram_tests {

using Eigen::MatrixXd;

namespace {

MatrixXd random_rows(Eigen::Index n, Eigen::Index d, unsigned seed) {
  return 2 * sst_test::uniform(n, d, seed);
}

bool plain(const sst::Topology& net) {  // chains, residuals, shortcuts, DenseNets: no correlated activations
  return sst::compile(net, sst::Kernel::ntk).angular_only;
}

}  // namespace

TEST_CASE("the golden kernels are met to 1e-13 in double and 2e-6 in float", "[kernel]") {
  for (const GoldenCase& c : golden_cases("kernels.json")) {
    INFO(c.topology.name());
    const bool square = c.x2.size() == 0;
    const auto k = square ? sst::gram(c.topology, c.x) : sst::gram(c.topology, c.x, c.x2);
    CHECK(relative_error(k.nngp, c.nngp) < 1e-13);
    CHECK(relative_error(k.ntk, c.ntk) < 1e-13);
    const auto f = square ? sst::gram<float>(c.topology, c.x) : sst::gram<float>(c.topology, c.x, c.x2);
    CHECK(relative_error(f.nngp, c.nngp) < 2e-6);
    CHECK(relative_error(f.ntk, c.ntk) < 2e-6);
  }
}

TEST_CASE("hard rows: near-duplicates, antipodal, collinear, zero; deep; of size 1e+-90", "[kernel]") {
  for (const GoldenCase& c : golden_cases("hard.json")) {
    INFO(c.topology.name());
    const double bar = plain(c.topology) ? 1e-13 : 1e-9, float_bar = plain(c.topology) ? 2e-6 : 1e-3;
    const auto k = sst::gram(c.topology, c.x);
    CHECK(relative_error(k.nngp, c.nngp) < bar);
    CHECK(relative_error(k.ntk, c.ntk) < bar);
    const auto f = sst::gram<double, float>(c.topology, c.x);  // the range of double, the arithmetic of float
    CHECK(relative_error(f.nngp, c.nngp) < float_bar);
    CHECK(relative_error(f.ntk, c.ntk) < float_bar);
  }
}

TEST_CASE("every kernel is symmetric, positive semidefinite and bounded by its diagonal", "[kernel]") {
  for (const GoldenCase& c : golden_cases("kernels.json")) {
    INFO(c.topology.name());
    const MatrixXd x = random_rows(40, 6, 3);
    const auto k = sst::gram(c.topology, x);
    for (const MatrixXd& m : {k.nngp, k.ntk}) {
      CHECK(m == m.transpose());
      const Eigen::SelfAdjointEigenSolver<MatrixXd> eigen(m, Eigen::EigenvaluesOnly);
      CHECK(eigen.eigenvalues().minCoeff() > -1e-13 * eigen.eigenvalues().maxCoeff());
      for (Eigen::Index i = 0; i < m.rows(); ++i)
        for (Eigen::Index j = 0; j < m.cols(); ++j)
          CHECK(std::abs(m(i, j)) <= std::sqrt(m(i, i) * m(j, j)) * (1 + 1e-14));
    }
  }
}

TEST_CASE("the diagonal follows the one-point rule of relu", "[kernel]") {
  // K = s^2 q/2 + b^2 and T = K + s^2 T/2 layer by layer at one point.
  const double s = 1.5, b = 0.3;
  const MatrixXd x = random_rows(20, 5, 4);
  const auto k = sst::gram(sst::chain(6, {.weight_std = s, .bias_std = b}), x);
  for (Eigen::Index i = 0; i < x.rows(); ++i) {
    double q = s * s * x.row(i).squaredNorm() / 5 + b * b, t = q;
    for (int layer = 1; layer < 6; ++layer) {
      q = s * s * q / 2 + b * b;
      t = q + s * s * t / 2;
    }
    CHECK(k.nngp(i, i) == Approx(q).epsilon(1e-14));
    CHECK(k.ntk(i, i) == Approx(t).epsilon(1e-14));
  }
}

TEST_CASE("a rectangular kernel is the block of the square one", "[kernel]") {
  for (const GoldenCase& c : golden_cases("kernels.json")) {
    INFO(c.topology.name());
    const MatrixXd x = random_rows(150, 6, 5);
    const auto whole = sst::gram(c.topology, x);
    const auto part = sst::gram(c.topology, x.topRows(47).eval(), x.bottomRows(103).eval());
    CHECK((whole.nngp.topRightCorner(47, 103) - part.nngp).cwiseAbs().maxCoeff() <=
          1e-14 * whole.nngp.diagonal().maxCoeff());
    CHECK((whole.ntk.topRightCorner(47, 103) - part.ntk).cwiseAbs().maxCoeff() <=
          1e-14 * whole.ntk.diagonal().maxCoeff());
    // The same rows in both sets are recognised as such.
    const auto again = sst::gram(c.topology, x, x);
    CHECK((again.ntk - whole.ntk).cwiseAbs().maxCoeff() <= 2e-14 * whole.ntk.diagonal().maxCoeff());
  }
}

TEST_CASE("the number of threads and the order of the nodes do not change a bit", "[kernel]") {
  const MatrixXd x = random_rows(301, 6, 6);
  for (const GoldenCase& c : golden_cases("kernels.json")) {
    INFO(c.topology.name());
    const auto one = sst::gram(c.topology, x, sst::GramOptions{.threads = 1});
    for (const int threads : {2, 3, 4}) {
      const auto more = sst::gram(c.topology, x, sst::GramOptions{.threads = threads});
      CHECK(one.nngp == more.nngp);
      CHECK(one.ntk == more.ntk);
    }
  }
  // Two branches, listed in either order.
  const auto net = [](bool swapped) {
    using namespace sst;
    const auto dense = [](std::string name, std::size_t in) {
      return NodeSpec{std::move(name), DenseOp{1.4, 0.1}, {in}};
    };
    const ActivationOp relu{std::make_shared<Relu>()};
    std::vector<NodeSpec> nodes{{"x", InputOp{}, {}}};
    nodes.push_back(swapped ? dense("b", 0) : dense("a", 0));
    nodes.push_back(swapped ? dense("a", 0) : dense("b", 0));
    const std::size_t a = swapped ? 2 : 1, b = swapped ? 1 : 2;
    nodes.push_back({"r", relu, {a}});
    nodes.push_back({"s", SumOp{{1.0, 0.5}}, {3, b}});
    nodes.push_back(dense("y", 4));
    return Topology("two branches", nodes, 5);
  };
  CHECK(sst::gram(net(false), x).ntk == sst::gram(net(true), x).ntk);
}

TEST_CASE("a node used twice is the same random function", "[kernel]") {
  const MatrixXd x = random_rows(9, 3, 7);
  const auto h = sst::trace([](sst::Node n) { return dense(n, {.weight_std = 1.3, .bias_std = 0.2}); });
  const auto twice = sst::trace([](sst::Node n) {
    const auto h0 = dense(n, {.weight_std = 1.3, .bias_std = 0.2});
    return sum(h0, h0);
  });
  const auto k = sst::gram(h, x), k2 = sst::gram(twice, x);
  CHECK((k2.nngp - 4 * k.nngp).cwiseAbs().maxCoeff() < 1e-14 * k2.nngp.maxCoeff());
  CHECK((k2.ntk - 4 * k.ntk).cwiseAbs().maxCoeff() < 1e-14 * k2.ntk.maxCoeff());
}

TEST_CASE("networks of relu without biases are homogeneous", "[kernel]") {
  const MatrixXd x = random_rows(12, 4, 8);
  const auto net = sst::residual(7, {.weight_std = 1.2, .bias_std = 0});
  const auto k = sst::gram(net, x), scaled = sst::gram(net, MatrixXd(1e3 * x));
  CHECK((scaled.ntk - 1e6 * k.ntk).cwiseAbs().maxCoeff() < 1e-13 * scaled.ntk.maxCoeff());
}

TEST_CASE("bad data is refused in one sentence", "[kernel]") {
  const auto net = sst::chain(3);
  MatrixXd x = random_rows(5, 3, 9);
  x(3, 1) = std::nan("");
  CHECK_THROWS_WITH(sst::gram(net, x), Catch::Contains("row 3, column 1"));
  CHECK_THROWS_WITH(sst::gram(net, random_rows(5, 3, 9), random_rows(5, 4, 9)),
                    Catch::Contains("3 and 4 columns"));
  CHECK_THROWS_WITH(sst::gram(net, MatrixXd(4, 0)), Catch::Contains("no columns"));
  CHECK(sst::gram(net, MatrixXd(0, 3)).ntk.size() == 0);
  CHECK(sst::gram(net, random_rows(1, 3, 9)).ntk.size() == 1);
  CHECK_THROWS_WITH(sst::gram<float>(net, MatrixXd(1e30 * random_rows(5, 3, 9))),
                    Catch::Contains("overflows"));
}

TEST_CASE("a Gram matrix reports its progress and can be cancelled", "[kernel]") {
  const MatrixXd x = random_rows(700, 3, 10);
  double last = 0;
  sst::gram(sst::chain(3), x, sst::GramOptions{.threads = 1, .progress = [&](double f) {
                                                 CHECK(f > last);
                                                 last = f;
                                                 return true;
                                               }});
  CHECK(last == 1.0);
  int calls = 0;  // once more on no thread, however many have a tile under way
  CHECK_THROWS_WITH(
      sst::gram(sst::chain(3), x,
                sst::GramOptions{.threads = 4, .progress = [&](double) { return ++calls < 2; }}),
      Catch::Contains("the Gram matrix was cancelled at") && Catch::Contains("run it again"));
  CHECK(calls == 2);
  struct Own {};
  const auto own = [](double) -> bool { throw Own(); };
  CHECK_THROWS_AS(sst::gram(sst::chain(3), x, sst::GramOptions{.threads = 4, .progress = own}), Own);
}

TEST_CASE("sign and step of a zero row are their value at zero", "[kernel]") {
  MatrixXd x = random_rows(4, 3, 11);
  x.row(2).setZero();
  const auto net = [](auto phi) {
    return sst::trace([&](sst::Node n) { return dense(phi(dense(n, {.weight_std = 1.7}))); });
  };
  const auto nngp = [&](const sst::Topology& t) {
    return sst::gram(sst::compile(t, sst::Kernel::nngp), sst::Kernel::nngp, x);
  };
  const MatrixXd k = nngp(net([](auto h) { return step(h); })), s = nngp(net([](auto h) { return sign(h); }));
  CHECK(k(2, 2) == Approx(0.25).epsilon(1e-15));
  CHECK(k(0, 2) == Approx(0.25).epsilon(1e-15));
  CHECK(k(0, 0) == Approx(0.5).epsilon(1e-15));
  CHECK(s.col(2).cwiseAbs().maxCoeff() == 0);
  CHECK(s(0, 0) == Approx(1).epsilon(1e-15));
  // A step beside the relu of the same node: E[step relu] at the zero row is phi(0) E relu.
  const MatrixXd both = nngp(sst::trace([](sst::Node n) {
    const auto h = dense(n, {.weight_std = 1.7});
    return step(h) + relu(h);
  }));
  const double std = 1.7 * x.row(0).norm() / std::sqrt(3), mean = std / std::sqrt(2 * std::acos(-1));
  CHECK(both(0, 2) == Approx(0.25 + 0.5 * mean).epsilon(1e-14));
}

TEST_CASE("smooth activations at inputs of size 1e+-90", "[kernel]") {
  const MatrixXd x = random_rows(4, 3, 12);
  const auto gelu = sst::trace([](sst::Node n) { return dense(sst::gelu(dense(n, {})), {}); });
  const auto relu = sst::trace([](sst::Node n) { return dense(sst::relu(dense(n, {})), {}); });
  const auto big = sst::gram(gelu, MatrixXd(1e90 * x)), limit = sst::gram(relu, MatrixXd(1e90 * x));
  CHECK(big.ntk.isApprox(limit.ntk, 1e-13));
  CHECK(big.nngp.isApprox(limit.nngp, 1e-13));
  const auto small = sst::gram(gelu, MatrixXd(1e-90 * x));
  CHECK(small.ntk.allFinite());
  CHECK(small.nngp.allFinite());
}

TEST_CASE("sparse rows of 2e9 columns take memory for their entries", "[kernel]") {
  constexpr int few = 40, many = 2'000'000'000;
  Eigen::MatrixXd dense = Eigen::MatrixXd::Random(9, few);
  Eigen::SparseMatrix<double, Eigen::RowMajor> sparse(9, many);
  for (Eigen::Index i = 0; i < dense.rows(); ++i) {
    sparse.startVec(i);
    for (int k = 0; k < few; ++k)
      if ((i + k) % 3 == 0)
        dense(i, k) = 0;
      else
        sparse.insertBack(i, k * (many / few)) = dense(i, k) * std::sqrt(double{many} / few);
  }
  sparse.finalize();
  const auto expected = sst::gram(sst::chain(3), dense);
  const sst_test::LittleMemory little(2e9);
  const auto found = sst::gram(sst::chain(3), sparse);
  CHECK((found.ntk - expected.ntk).norm() < 1e-14 * expected.ntk.norm());
}

}  // namespace gram_tests
