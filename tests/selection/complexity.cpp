// SPDX-License-Identifier: MIT
#include "../catch.hpp"
#include "../matrices.hpp"

#include <Eigen/Core>
#include <Eigen/LU>

#include <sst/kernel/gram.hpp>
#include <sst/kernel/network_kernel.hpp>
#include <sst/selection/complexity.hpp>
#include <sst/topology/families.hpp>

namespace complexity_tests {

using Catch::Matchers::Contains;
using Eigen::Index;
using Eigen::MatrixXd;
using sst_test::Wide;

namespace {

MatrixXd kernel(Index n) {
  std::srand(2);
  const MatrixXd f = MatrixXd::Random(n, n + 5);
  return f * f.transpose();
}

}  // namespace

TEST_CASE("complexity measures against elimination in long double", "[selection]") {
  const Index n = 14;
  const MatrixXd k = kernel(n), y = MatrixXd::Random(n, 2);
  for (const double lambda : {0.0, 0.3}) {
    const auto found = complexity(sst::Spectrum(k), y, sst::Ridge::absolute(lambda));
    Wide a = k.cast<long double>();
    a.diagonal().array() += static_cast<long double>(lambda);
    const Wide inverse = a.fullPivLu().inverse(), wide_y = y.cast<long double>(), w = inverse * wide_y;
    for (Index o = 0; o < 2; ++o) {
      CHECK(
          found.scaled_norm[o] ==
          Approx(static_cast<double>(wide_y.col(o).dot(w.col(o)) * k.diagonal().mean() / n)).epsilon(1e-10));
      CHECK(found.rkhs_norm_squared[o] ==
            Approx(static_cast<double>(w.col(o).dot(k.cast<long double>() * w.col(o)))).epsilon(1e-10));
    }
    CHECK(found.effective_dimension ==
          Approx(static_cast<double>((k.cast<long double>() * inverse).trace())).epsilon(1e-10));
    CHECK(found.participation_ratio == Approx(k.trace() * k.trace() / k.squaredNorm()).epsilon(1e-12));
    CHECK(found.eigenvalues.sum() == Approx(k.trace()));
    CHECK(found.eigenvalues[0] >= found.eigenvalues[n - 1]);
  }
}

TEST_CASE("the scaled norm does not know the scale of the kernel", "[selection]") {
  const MatrixXd k = kernel(10), y = MatrixXd::Random(10, 1);
  CHECK(complexity(sst::Spectrum(k), y).scaled_norm[0] ==
        Approx(complexity(sst::Spectrum(1e6 * k), y).scaled_norm[0]).epsilon(1e-9));
}

TEST_CASE("kernel-target alignment", "[selection]") {
  const Index n = 12;
  const MatrixXd k = kernel(n), y = MatrixXd::Random(n, 3), t = y * y.transpose();
  CHECK(sst::kernel_target_alignment(k, y) ==
        Approx(k.cwiseProduct(t).sum() / (k.norm() * t.norm())).epsilon(1e-12));
  CHECK(sst::kernel_target_alignment(t, y) == Approx(1));
  const MatrixXd h = MatrixXd::Identity(n, n) - MatrixXd::Constant(n, n, 1.0 / n);
  const MatrixXd kc = h * k * h, tc = h * t * h;
  CHECK(sst::kernel_target_alignment(k, y, sst::Centring::centred) ==
        Approx(kc.cwiseProduct(tc).sum() / (kc.norm() * tc.norm())).epsilon(1e-12));
  CHECK(sst::kernel_target_alignment(1e200 * k, 1e-200 * y) == Approx(sst::kernel_target_alignment(k, y)));
  CHECK_THROWS_WITH(sst::kernel_target_alignment(k, MatrixXd::Zero(n, 1)), Contains("zero"));
  CHECK_THROWS_WITH(sst::kernel_target_alignment(k.leftCols(3), y), Contains("square"));
  CHECK_THROWS_WITH(complexity(sst::Spectrum(MatrixXd::Zero(3, 3)), MatrixXd::Ones(3, 1)), Contains("zero"));
}

TEST_CASE("complexity of a kernel function is that of its matrix", "[selection]") {
  std::srand(4);
  const MatrixXd x = MatrixXd::Random(9, 3), y = MatrixXd::Random(9, 1);
  const auto net = sst::chain(3, {.bias_std = 0.5});
  const auto k = gram(net, x);
  const auto ridge = sst::Ridge::relative(1e-3);
  for (const auto kernel : {sst::Kernel::nngp, sst::Kernel::ntk}) {
    const auto found = complexity(kernel == sst::Kernel::ntk ? sst::ntk(net) : sst::nngp(net), x, y, ridge);
    const auto expected = complexity(sst::Spectrum(kernel == sst::Kernel::ntk ? k.ntk : k.nngp), y, ridge);
    CHECK(found.scaled_norm[0] == Approx(expected.scaled_norm[0]).epsilon(1e-9));
    CHECK(found.effective_dimension == Approx(expected.effective_dimension).epsilon(1e-9));
  }
}

}  // namespace complexity_tests
