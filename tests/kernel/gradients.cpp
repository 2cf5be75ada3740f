// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cmath>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <Eigen/Core>
#include <Eigen/SparseCore>

#include <sst/kernel/network_kernel.hpp>
#include <sst/kernel/own_kernel.hpp>
#include <sst/regression/model.hpp>
#include <sst/topology/activations.hpp>
#include <sst/topology/families.hpp>
#include <sst/topology/node.hpp>

#include "../catch.hpp"
#include "../finite/random_topology.hpp"
#include "../matrices.hpp"
#include "every_activation.hpp"

namespace gradient_tests {

using Catch::Matchers::Contains;
using Eigen::Index;
using Eigen::MatrixXd;
using sst::Kernel;
using sst_test::uniform;

namespace {

/// Numbers of few bits, so that steps of a power of two are exact.
MatrixXd rounded(const MatrixXd& x) { return (x * 4096).array().round() / 4096; }

/// sum_j W_ij dK(a_i, x_j)/da_i by fourth-order central differences: 1e-11 of the kernel's size.
MatrixXd differences(const sst::KernelFunction& k, const MatrixXd& a, const MatrixXd& x, const MatrixXd& w,
                     double step = 1.0 / 1024) {
  MatrixXd out = MatrixXd::Zero(a.rows(), a.cols());
  const auto columns = k.against(x);
  for (Index f = 0; f < a.cols(); ++f)
    for (const auto& [times, weight] : {std::pair{-2, 1.0}, {-1, -8.0}, {1, 8.0}, {2, -1.0}}) {
      MatrixXd moved = a;
      moved.col(f).array() += times * step;
      const MatrixXd values = columns.matrix(moved);
      for (Index i = 0; i < a.rows(); ++i)
        out(i, f) += weight / (12 * step) * values.row(i).dot(w.row(w.rows() == 1 ? 0 : i));
    }
  return out;
}

double relative(const MatrixXd& found, const MatrixXd& expected) {
  return (found - expected).rowwise().norm().cwiseQuotient(expected.rowwise().norm()).maxCoeff();
}

sst::KernelFunction of(const sst::Topology& net, Kernel kernel) {
  return sst::network_kernel({net, kernel, std::nullopt, {}});
}

const sst::Topology plain = sst::chain(3, {.weight_std = 1.2, .bias_std = 0.3});
/// The input meets its own image in a sum, so that its mean matters.
const sst::Topology centred = sst::trace([](sst::Node x) {
  const sst::Node h = relu(dense(x, {.bias_std = 0.2}));
  return dense(relu(dense(x + h)) + gelu(dense(x)));
});

}  // namespace

TEST_CASE("gradients of kernels are what differences give, for every activation that has an NTK",
          "[kernel]") {
  const MatrixXd a = rounded(uniform(3, 4, 1)), x = rounded(2 * uniform(30, 4, 2)), w = uniform(3, 30, 3);
  sst_test::for_every_activation([&](const std::string& name, const sst::ActivationPtr& phi, Kernel kernel) {
    INFO(name << (kernel == Kernel::ntk ? ", ntk" : ", nngp"));
    const auto k = of(sst::chain(2, {.weight_std = 1.2, .bias_std = 0.3, .activation = phi}), kernel);
    CHECK(relative(k.gradients(a, x, w), differences(k, a, x, w)) < 1e-9);
  });
}

TEST_CASE("gradients of random graphs are what differences give", "[kernel]") {
  std::vector<sst::ActivationPtr> some{std::make_shared<sst::Relu>(), std::make_shared<sst::LeakyRelu>(0.2),
                                       std::make_shared<sst::Abs>(),  std::make_shared<sst::Erf>(),
                                       std::make_shared<sst::Gelu>(), std::make_shared<sst::Sin>()};
  const MatrixXd a = rounded(uniform(3, 5, 4)), x = rounded(uniform(20, 5, 5)), w = uniform(1, 20, 6);
  for (unsigned seed = 0; seed < 24; ++seed) {
    const sst::Topology net = sst_test::random_topology(seed, {.activations = some});
    const auto k = of(net, seed % 2 ? Kernel::ntk : Kernel::nngp);
    const MatrixXd expected = differences(k, a, x, w);
    if (expected.norm() < 1e-8) continue;  // a network that does not see its input
    INFO(net.name());
    CHECK(relative(k.gradients(a, x, w), expected) < 1e-8);
  }
}

TEST_CASE("gradients of networks whose layers learn at rates of their own", "[kernel]") {
  const MatrixXd a = rounded(uniform(3, 5, 24)), x = rounded(uniform(20, 5, 25)), w = uniform(1, 20, 26);
  const auto net = sst::trace([](sst::Node in) {
    const sst::Node h =
        relu(dense(in, {.weight_std = 1.3, .bias_std = 0.4, .weight_rate = 0.3, .bias_rate = 2}));
    const sst::Node g = gelu(dense(h, {.bias_std = 0.2, .weight_rate = 0}));
    return dense(sst::concat({h, g}), {.bias_std = 0.5, .bias_rate = 0});
  });
  const auto k = sst::ntk(net);
  CHECK(relative(k.gradients(a, x, w), differences(k, a, x, w)) < 1e-9);
}

TEST_CASE("gradients take rows of any number of features, dense or sparse, by tiles", "[kernel]") {
  for (const sst::Topology& net : {plain, centred})
    for (const Index d : {1, 3, 40}) {
      INFO(net.name() << ", " << d << " features");
      MatrixXd a = rounded(uniform(70, d, 7)), x = rounded(uniform(300, d, 8));
      a = (a.array().abs() > 0.5).select(a, 0.0);
      x = (x.array().abs() > 0.3).select(x, 0.0);
      const MatrixXd w = uniform(70, 300, 9);
      for (const Kernel kernel : {Kernel::nngp, Kernel::ntk}) {
        const auto k = of(net, kernel);
        const MatrixXd found = k.gradients(a, x, w);
        const Eigen::SparseMatrix<double> sparse_a = a.sparseView(), sparse_x = x.sparseView();
        CHECK(relative(k.gradients(sparse_a, sparse_x, w), found) < 1e-11);
        CHECK(relative(k.gradients(a, sparse_x, w), found) < 1e-11);
        CHECK(relative(k.gradients(sparse_a, x, w), found) < 1e-11);
        CHECK(k.gradients(MatrixXd(0, d), x, w.topRows(0)).rows() == 0);
        if (d == 1) continue;  // kinks everywhere
        const MatrixXd few = a.topRows(3);
        CHECK(relative(found.topRows(3), differences(k, few, x, w.topRows(3))) < 1e-8);
      }
    }
}

TEST_CASE("gradients at a zero row are those of a network that has biases", "[kernel]") {
  const MatrixXd a = MatrixXd::Zero(1, 3), x = rounded(uniform(20, 3, 10)), w = uniform(1, 20, 11);
  for (const Kernel kernel : {Kernel::nngp, Kernel::ntk})
    for (const Index d : {3}) {
      const auto k = of(plain, kernel);
      CHECK(relative(k.gradients(a, x, w), differences(k, a, x, w)) < 1e-9);
      CHECK(k.gradients(a, x, w).cols() == d);
      // Without biases the function has a kink there; what comes is finite.
      CHECK(of(sst::chain(2), kernel).gradients(a, x, w).allFinite());
      CHECK(of(centred, kernel).gradients(MatrixXd::Constant(1, 3, 0.5), x, w).allFinite());
    }
}

TEST_CASE("at a training row the gradient is the mean of both sides", "[kernel]") {
  const MatrixXd x = rounded(uniform(5, 6, 12)), w = Eigen::RowVectorXd::Unit(5, 2);
  for (const sst::Topology& net : {sst::chain(2), plain, centred}) {
    const auto k = of(net, Kernel::ntk);
    const MatrixXd a = x.row(2), found = k.gradients(a, x, w);
    const double step = 0x1p-20;
    for (Index f = 0; f < 6; ++f) {
      MatrixXd more = a, less = a;
      more(0, f) += step;
      less(0, f) -= step;
      const double both = (k.matrix(more, x)(0, 2) - k.matrix(less, x)(0, 2)) / (2 * step);
      CHECK(std::abs(found(0, f) - both) < 1e-5 * found.norm());
    }
  }
}

TEST_CASE("close to a training row gradients keep their digits", "[kernel]") {
  // One layer of ReLU without biases: T = 2 |x||x'| (2 cos t (pi - t) + sin t) / (pi d) by its angle t; the
  // angle's gradient by x is of length 1/|x|, away from x'.
  const auto k = of(sst::chain(2, {.weight_std = std::sqrt(2.0)}), Kernel::ntk);
  for (const Index d : {4, 12})
    for (const double gap : {1e-2, 1e-5, 1e-9}) {
      const MatrixXd x = rounded(uniform(1, d, 13));
      const MatrixXd a = x + gap * uniform(1, d, 14);
      const auto u = sst_test::wide(x), v = sst_test::wide(a);
      const long double nu = u.norm(), nv = v.norm();
      const sst_test::Wide difference = v / nv - u / nu;
      const long double half = difference.squaredNorm() / 4, t = 2 * std::asin(std::sqrt(half));
      const long double pi = std::acos(-1.0L), scale = nu * nv / static_cast<long double>(d);
      const long double value = (2 * std::cos(t) * (pi - t) + std::sin(t)) / (2 * pi);
      const long double slope = -(2 * std::sin(t) * (pi - t) + std::cos(t)) / (2 * pi);
      // The tangent towards u, at v.
      sst_test::Wide towards = u / nu - v / nv * (1 - 2 * half);
      towards /= towards.norm();
      const sst_test::Wide expected = scale * 4 * (value / nv * (v / nv) - slope / nv * towards);
      const MatrixXd found = k.gradients(a, x, MatrixXd::Ones(1, 1));
      INFO(d << " features, gap " << gap << ", " << found << " for " << expected.cast<double>());
      CHECK(relative(found, expected.cast<double>()) < 1e-6);
    }
}

TEST_CASE("gradients do not depend on the number of threads", "[kernel]") {
  const MatrixXd a = uniform(150, 9, 15), x = uniform(400, 9, 16), w = uniform(1, 400, 17);
  for (const sst::Topology& net : {plain, centred}) {
    const auto k = of(net, Kernel::ntk);
    const MatrixXd one = k.gradients(a, x, w, {.threads = 1});
    for (const int threads : {2, 3, 7})
      CHECK(sst_test::same_bits(one, k.gradients(a, x, w, {.threads = threads})));
  }
}

TEST_CASE("sums of kernels and kernels of one's own have gradients, others say that they have none",
          "[kernel]") {
  const auto f = [](const auto& a, const auto& b) { return std::exp(-(a - b).squaredNorm()); };
  const auto slope = [f](const auto& a, const auto& b) -> Eigen::VectorXd { return -2 * f(a, b) * (a - b); };
  const auto gauss = sst::kernel_function("gauss", f, slope);
  const MatrixXd a = rounded(uniform(4, 5, 18)), x = rounded(uniform(20, 5, 19)), w = uniform(4, 20, 20);
  CHECK(relative(gauss.gradients(a, x, w), differences(gauss, a, x, w)) < 1e-9);
  CHECK(relative(gauss.gradients(a, Eigen::SparseMatrix<double>(x.sparseView()), w),
                 gauss.gradients(a, x, w)) < 1e-14);
  const auto sum = 0.5 * sst::ntk(plain) + 2 * gauss;
  CHECK(relative(sum.gradients(a, x, w), differences(sum, a, x, w)) < 1e-9);
  const auto bare = sst::kernel_function("bare", f);
  CHECK_THROWS_WITH((bare + gauss).gradients(a, x, w), Contains("'bare' has no derivatives"));
  CHECK_THROWS_WITH(gauss.gradients(a, x, w.leftCols(3)), Contains("weights of gradients are 4 x 3"));
  CHECK_THROWS_AS(gauss.gradients(a, x.leftCols(3), w), sst::DataError);
}

TEST_CASE("a model's input gradients are those of its predictions", "[kernel]") {
  const MatrixXd x = rounded(uniform(40, 4, 21)), y = uniform(40, 2, 22), a = rounded(uniform(3, 4, 23));
  for (const auto solver : {sst::Solver::cholesky, sst::Solver::conjugate_gradients}) {
    const auto model = sst::fit(sst::ntk(plain), x, y, sst::Ridge::relative(0.1), {.solver = solver});
    const double step = 1.0 / 1024;
    for (Index output = 0; output < 2; ++output) {
      const MatrixXd found = model.input_gradients(a, output);
      for (Index f = 0; f < 4; ++f) {
        Eigen::VectorXd expected = Eigen::VectorXd::Zero(3);
        for (const auto& [times, weight] : {std::pair{-2, 1.0}, {-1, -8.0}, {1, 8.0}, {2, -1.0}}) {
          MatrixXd moved = a;
          moved.col(f).array() += times * step;
          expected += weight / (12 * step) * model.predict(moved).col(output);
        }
        CHECK((found.col(f) - expected).norm() < 1e-8 * found.norm());
      }
    }
    CHECK_THROWS_WITH(model.input_gradients(a, 2), Contains("outputs 0 to 1 and not 2"));
  }
}

}  // namespace gradient_tests
