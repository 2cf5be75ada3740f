// SPDX-License-Identifier: MIT
#include <cmath>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <Eigen/Core>
#include <Eigen/SparseCore>

#include <sst/activation/custom.hpp>
#include <sst/kernel/infinite_depth.hpp>
#include <sst/kernel/kernel_family.hpp>
#include <sst/kernel/network_kernel.hpp>
#include <sst/kernel/own_kernel.hpp>
#include <sst/topology/activations.hpp>
#include <sst/topology/families.hpp>
#include <sst/topology/node.hpp>
#include <sst/topology/spatial_families.hpp>

#include "../catch.hpp"
#include "../matrices.hpp"
#include "derivative_reference.hpp"
#include "every_activation.hpp"

namespace parameter_derivative_tests {

using Catch::Matchers::Contains;
using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;
using sst::Kernel;
using sst_reference::of_few_bits;
using sst_test::uniform;

namespace {

using Nets = std::function<sst::Topology(const VectorXd&)>;

sst::KernelFamily family(const Nets& nets, Kernel kernel) {
  return {[nets, kernel](const VectorXd& p) {
            return sst::network_kernel({nets(p), kernel, std::nullopt, {}});
          },
          {}};
}

/// By differences of kernels in long double, where numbers of few bits move by powers of two.
double worst(const Nets& nets, Kernel kernel, const VectorXd& p, const MatrixXd& a, const MatrixXd& x) {
  const sst::ImageShape shape{1, 1, static_cast<std::size_t>(a.cols())};
  const auto found = parameter_derivatives(family(nets, kernel), p, a, x);
  REQUIRE(found.size() == static_cast<std::size_t>(p.size()));
  double off = 0;
  for (Index k = 0; k < p.size(); ++k) {
    MatrixXd expected(a.rows(), x.rows());
    for (Index i = 0; i < a.rows(); ++i)
      for (Index j = 0; j < x.rows(); ++j)
        expected(i, j) = static_cast<double>(sst_reference::difference([&](sst_reference::Real by) {
          VectorXd moved = p;
          moved[k] += static_cast<double>(by);
          const auto both =
              sst_reference::Reference(nets(moved), shape, a.row(i).transpose(), x.row(j).transpose(), {})
                  .output(0, 1);
          return kernel == Kernel::ntk ? both.t : both.k;
        }));
    off = std::max(off, (found[static_cast<std::size_t>(k)] - expected).cwiseAbs().maxCoeff() /
                            expected.cwiseAbs().maxCoeff());
  }
  return off;
}

/// Standard deviations, a coefficient and a share of one network each: what comes together after an
/// activation, side by side, through shared weights, and around layers.
struct Case {
  const char* name;
  Nets nets;
  VectorXd p;
};
std::vector<Case> cases() {
  const VectorXd stds = Eigen::Vector3d(1.25, 0.375, 0.75);
  return {
      {"chain",
       [](const VectorXd& p) {
         return sst::trace([&](sst::Node x) {
           const sst::Node h = dense(relu(dense(x, {.weight_std = p[0], .bias_std = p[1]})),
                                     {.weight_std = p[2], .bias_std = p[1]});
           return dense(erf(h), {.weight_std = p[0]});
         });
       },
       stds},
      {"sum after an activation, with coefficients",
       [](const VectorXd& p) {
         return sst::trace([&](sst::Node x) {
           const sst::Node h = dense(x, {.weight_std = p[0], .bias_std = p[1]});
           const sst::Node s = sst::sum({relu(h), dense(gelu(h)), relu(dense(relu(h)))}, {p[2], 1.5, -p[1]});
           return dense(relu(dense(s)), {.weight_std = p[0]});
         });
       },
       stds},
      {"side by side, shares",
       [](const VectorXd& p) {
         return sst::trace([&](sst::Node x) {
           const sst::Node h = dense(x, {.weight_std = 1.5, .bias_std = p[1]});
           const sst::Node g = dense(relu(h), {.weight_std = p[0]});
           return dense(relu(dense(sst::concat({h, g}, {p[2], 1 - p[2]}))), {.weight_std = p[0]});
         });
       },
       stds},
      {"tied weights",
       [](const VectorXd& p) {
         return sst::trace([&](sst::Node x) {
           const sst::DenseOptions tied{.weight_std = p[0], .bias_std = p[1], .weights = "w"};
           sst::Node h = dense(x, {.weight_std = p[2]});
           for (int i = 0; i < 3; ++i) h = dense(relu(h), tied);
           return dense(relu(h));
         });
       },
       stds},
      {"residual with the input",
       [](const VectorXd& p) {
         return sst::trace([&](sst::Node x) {
           const sst::Node h = relu(dense(x, {.weight_std = p[0], .bias_std = p[1]}));
           return dense(relu(dense(sst::sum({x, h}, {p[2], 1}))) + gelu(dense(x)));
         });
       },
       stds}};
}

}  // namespace

TEST_CASE("derivatives by weights, biases, coefficients and shares are those in long double", "[kernel]") {
  const MatrixXd a = of_few_bits(uniform(3, 4, 1)), x = of_few_bits(2 * uniform(4, 4, 2));
  for (const Case& c : cases())
    for (const Kernel kernel : {Kernel::nngp, Kernel::ntk}) {
      INFO(c.name << (kernel == Kernel::ntk ? ", ntk" : ", nngp"));
      CHECK(worst(c.nets, kernel, c.p, a, x) < 1e-9);
    }
}

TEST_CASE("they hold for every activation that has an NTK", "[kernel]") {
  const MatrixXd a = of_few_bits(uniform(2, 3, 3)), x = of_few_bits(uniform(3, 3, 4));
  sst_test::for_every_activation([&](const std::string& name, const sst::ActivationPtr& phi, Kernel kernel) {
    INFO(name << (kernel == Kernel::ntk ? ", ntk" : ", nngp"));
    const Nets nets = [&phi](const VectorXd& p) {
      return sst::chain(2, {.weight_std = p[0], .bias_std = p[1], .activation = phi});
    };
    CHECK(worst(nets, kernel, Eigen::Vector2d(1.25, 0.375), a, x) < 1e-9);
  });
}

TEST_CASE("derivatives of x against itself are symmetric, and those of x against x, at any thread count",
          "[kernel]") {
  MatrixXd x = uniform(150, 5, 5);
  x.row(7).setZero();
  x.row(9) = x.row(8);
  x.row(11) = -x.row(10);
  const Case c = cases()[1];
  for (const Kernel kernel : {Kernel::nngp, Kernel::ntk}) {
    const auto f = family(c.nets, kernel);
    const auto own = parameter_derivatives(f, c.p, x, {.threads = 1}),
               cross = parameter_derivatives(f, c.p, x, x);
    const auto sparse = parameter_derivatives(f, c.p, Eigen::SparseMatrix<double>(x.sparseView()));
    const auto threads = parameter_derivatives(f, c.p, x, {.threads = 3});
    for (std::size_t k = 0; k < 3; ++k) {
      CHECK(own[k].allFinite());
      CHECK(sst_test::same_bits(own[k], MatrixXd(own[k].transpose())));
      CHECK(sst_test::same_bits(own[k], threads[k]));
      CHECK((own[k] - cross[k]).cwiseAbs().maxCoeff() <= 1e-12 * own[k].cwiseAbs().maxCoeff());
      CHECK((own[k] - sparse[k]).cwiseAbs().maxCoeff() <= 1e-11 * own[k].cwiseAbs().maxCoeff());
    }
  }
}

TEST_CASE("what is no weight is differentiated too", "[kernel]") {
  const MatrixXd x = uniform(6, 3, 6);
  const auto k = [](const VectorXd& p) {
    const auto wave = sst::custom(
        "wave", [w = p[0]](double z) { return std::sin(w * z); },
        [w = p[0]](double z) { return w * std::cos(w * z); });
    const sst::Topology own = sst::chain(1, {.activation = wave});
    const sst::Topology leaky = sst::chain(2, {.activation = std::make_shared<sst::LeakyRelu>(p[1])});
    const sst::Topology slow = sst::trace([&](sst::Node in) {
      return dense(relu(dense(in, {.weight_rate = p[2]})), {.weight_std = p[3], .bias_std = 0.5});
    });
    return p[4] * sst::nngp(own) + p[1] * sst::ntk(leaky) + sst::ntk(slow);
  };
  VectorXd p(5);
  p << 0.75, 0.25, 0.5, 1.25, 2;
  const auto found = parameter_derivatives(sst::KernelFamily{k, {}}, p, x);
  REQUIRE(found.size() == 5);
  for (Index i = 0; i < 5; ++i) {
    MatrixXd expected = MatrixXd::Zero(6, 6);
    const double step = 1.0 / 256;
    for (const auto& [steps, weight] : sst::detail::central_differences) {
      VectorXd moved = p;
      moved[i] += steps * step;
      expected += weight / (12 * step) * k(moved).matrix(x);
    }
    INFO("parameter " << i);
    CHECK((found[static_cast<std::size_t>(i)] - expected).norm() <= 1e-8 * (1 + expected.norm()));
  }
}

TEST_CASE("kernels of other kinds have derivatives by their numbers", "[kernel]") {
  const MatrixXd x = uniform(5, 16, 7);
  const sst::KernelFamily rbf{[](const VectorXd& p) {
                                return sst::kernel_function("rbf", [w = p[0]](const auto& a, const auto& b) {
                                  return std::exp(-w * (a - b).squaredNorm());
                                });
                              },
                              {}};
  const VectorXd at = VectorXd::Constant(1, 0.5);
  const MatrixXd k = rbf.at(at).matrix(x), found = parameter_derivatives(rbf, at, x).front();
  for (Index i = 0; i < 5; ++i)
    for (Index j = 0; j < 5; ++j)
      CHECK(found(i, j) == Approx(-(x.row(i) - x.row(j)).squaredNorm() * k(i, j)).margin(1e-10));
  const sst::KernelFamily images{
      [](const VectorXd& p) {
        return sst::ntk(sst::conv_chain(2, {.weight_std = p[0]}), sst::ImageShape{4, 4, 1});
      },
      {}};
  const VectorXd std = VectorXd::Constant(1, 1.25);
  // The kernel of two convolutions is of degree 4 in weight_std.
  const MatrixXd theta = images.at(std).matrix(x), slope = parameter_derivatives(images, std, x).front();
  CHECK((slope - 4 / 1.25 * theta).norm() <= 1e-10 * theta.norm());
}

TEST_CASE("derivatives refuse what kernels refuse", "[kernel]") {
  const Case c = cases()[0];
  const auto f = family(c.nets, Kernel::ntk);
  const MatrixXd x = uniform(4, 3, 8);
  CHECK_THROWS_WITH(parameter_derivatives(f, c.p, uniform(2, 2, 9), x), Contains("the same features"));
  MatrixXd bad = x;
  bad(1, 2) = std::nan("");
  CHECK_THROWS_WITH(parameter_derivatives(f, c.p, bad), Contains("row 1, column 2"));
  CHECK_THROWS_AS(parameter_derivatives(f, c.p, x, {.progress = [](double) { return false; }}),
                  sst::Cancelled);
  const sst::KernelFamily one{[](const VectorXd&) { return sst::ntk(sst::chain(2)); }, {}};
  CHECK(parameter_derivatives(one, VectorXd(0), x).empty());
}

}  // namespace parameter_derivative_tests
