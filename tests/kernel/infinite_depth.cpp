// SPDX-License-Identifier: MIT
#include <sst/kernel/infinite_depth.hpp>

#include <cmath>
#include <numbers>
#include <string>
#include <vector>

#include <Eigen/Core>
#include <Eigen/SparseCore>

#include <sst/ntk.hpp>

#include "../catch.hpp"
#include "../matrices.hpp"

namespace infinite_depth_tests {

using Catch::Matchers::Contains;
using Eigen::MatrixXd;
using sst::Kernel;
using sst_test::uniform;

namespace {

sst::KernelFunction make(const std::string& name, Kernel kernel, double number) {
  if (name == "sparse_shortcut") return sst::infinite_sparse_shortcut(kernel, number);
  if (name == "residual") return sst::infinite_residual(kernel, number);
  return sst::equilibrium(kernel, number);
}

const sst::DenseOptions he{.weight_std = std::numbers::sqrt2};

/// The largest difference of two kernels on a few samples.
double distance(const sst::KernelFunction& a, const sst::KernelFunction& b) {
  const MatrixXd x = uniform(6, 3, 5);
  const MatrixXd k = a.matrix(x), other = b.matrix(x);
  return (k - other).cwiseAbs().maxCoeff() / k.diagonal().maxCoeff();
}

}  // namespace

TEST_CASE("infinite depth: values to 20 digits", "[kernel]") {
  struct Reference {
    std::string name;
    double number, cosine, nngp, ntk;
  };
  // By mpmath: the sums to their end, the differential equation as integrals over the angle, the root.
  const std::vector<Reference> references{
      {"sparse_shortcut", 0.5, 0.99, 0.9902875701515990973, 1.8974706743292330092},
      {"sparse_shortcut", 0.5, 0.25, 0.39942849489645675171, 0.60674059675290860722},
      {"sparse_shortcut", 0.5, -0.75, -0.24976863032125229388, -0.24397107322044708731},
      {"sparse_shortcut", 0.9, 0.99, 0.99197337289753147115, 7.44495141121290465},
      {"sparse_shortcut", 0.9, 0.25, 0.73121161453588849794, 3.2189635387687822932},
      {"sparse_shortcut", 0.9, -0.75, 0.53866696284149836684, 2.5959800316536736651},
      {"residual", 1, 0.99, 0.99014845370088579843, 1.4577068866573864764},
      {"residual", 1, 0.25, 0.34193254580386345532, 0.42293534074053068485},
      {"residual", 1, -0.75, -0.41909660688866573158, -0.49133181346699209975},
      {"residual", 2.5, 0.99, 0.99087615151984659265, 3.7567823689651881718},
      {"residual", 2.5, 0.25, 0.62695659728072963656, 1.3015606698000360056},
      {"residual", 2.5, -0.75, 0.36610731208907060069, 0.47586435921144515529},
      {"equilibrium", 1, 0.99, 0.99028740097721404382, 1.8963753444322225496},
      {"equilibrium", 1, 0.25, 0.39571585839182493683, 0.57747809622997218084},
      {"equilibrium", 1, -0.75, -0.27945219557957248449, -0.35147840764495218614},
      {"equilibrium", 1.3, 0.99, 0.99132295554892109967, 5.2049246426315819743},
      {"equilibrium", 1.3, 0.25, 0.6282204079899252338, 1.5912485678485519767},
      {"equilibrium", 1.3, -0.75, 0.28326759434813336062, 0.56625047307367076254},
  };
  for (const Reference& r : references) {
    INFO(r.name << ' ' << r.number << ' ' << r.cosine);
    MatrixXd x(2, 2);
    x << 2, 0, r.cosine * 3, std::sqrt(1 - r.cosine * r.cosine) * 3;  // K = |x||x'| / d kappa, d = 2
    const double diagonal = make(r.name, Kernel::ntk, r.number).diagonal(x)[0] / 2;
    CHECK(make(r.name, Kernel::nngp, r.number).matrix(x)(0, 1) / 3 == Approx(r.nngp).margin(3e-14));
    CHECK(std::abs(make(r.name, Kernel::ntk, r.number).matrix(x)(0, 1) / 3 - r.ntk) < 3e-14 * diagonal);
  }
}

TEST_CASE("infinite depth: the limits of networks of many layers", "[kernel]") {
  for (const Kernel kernel : {Kernel::nngp, Kernel::ntk}) {
    const auto finite = [kernel](const sst::Topology& net) {
      return kernel == Kernel::ntk ? sst::ntk(net) : sst::nngp(net);
    };
    // Sixty taps leave 2^-60 of the variance.
    const sst::Topology taps = sst::trace([](sst::Node in) {
      sst::Node layer = dense(in), sum = std::sqrt(0.5) * layer;
      double share = 0.5;
      for (int l = 1; l < 60; ++l) {
        layer = dense(relu(layer), he);
        sum = sum + std::sqrt(share *= 0.5) * layer;
      }
      return sum;
    });
    CHECK(distance(sst::infinite_sparse_shortcut(kernel, 0.5), finite(taps)) < 1e-13);

    // Residual networks come nearer as 1 / L: extrapolated, as 1 / L^2.
    const auto blocks = [](int count) {
      return sst::trace([count](sst::Node in) {
        sst::Node layer = dense(in);
        for (int l = 0; l < count; ++l)
          layer = layer + dense(relu(layer), {.weight_std = 1.5 / std::sqrt(count)});
        return layer;
      });
    };
    const MatrixXd x = uniform(6, 3, 5);
    const double variance = std::exp(-1.5 * 1.5 / 2);
    const MatrixXd limit = sst::infinite_residual(kernel, 1.5).matrix(x);
    const MatrixXd few = variance * finite(blocks(40)).matrix(x),
                   many = variance * finite(blocks(80)).matrix(x);
    const double size = limit.diagonal().maxCoeff();
    const double near = (many - limit).cwiseAbs().maxCoeff() / size;
    CHECK((few - limit).cwiseAbs().maxCoeff() / size == Approx(2 * near).epsilon(0.08));
    CHECK((2 * many - few - limit).cwiseAbs().maxCoeff() / size < 0.06 * near);

    // A layer that feeds itself, eighty times over: 1/2^80 is left.
    const sst::Topology unrolled = sst::trace([](sst::Node in) {
      sst::Node layer = dense(in, {.weight_std = std::sqrt(0.5)});
      for (int l = 0; l < 80; ++l)
        layer = dense(relu(layer), {.weight_std = 1}) + dense(in, {.weight_std = std::sqrt(0.5)});
      return layer;
    });
    CHECK(distance(sst::equilibrium(kernel, 1), finite(unrolled)) < 1e-13);
  }
}

TEST_CASE("infinite depth: kernels as any others", "[kernel]") {
  const MatrixXd x = uniform(40, 4, 1), y = uniform(40, 1, 2), z = uniform(7, 4, 3);
  for (const std::string name : {"sparse_shortcut", "residual", "equilibrium"}) {
    INFO(name);
    const sst::KernelFunction ntk = make(name, Kernel::ntk, 0.9), nngp = make(name, Kernel::nngp, 0.9);
    CHECK_FALSE(ntk.is_its_own_prior());
    CHECK(ntk.prior().matrix(x) == nngp.matrix(x));
    CHECK(nngp.is_its_own_prior());
    CHECK(nngp.diagonal(x).isApprox(x.rowwise().squaredNorm() / 4, 1e-14));
    const MatrixXd k = ntk.matrix(x);
    CHECK(k == k.transpose());
    CHECK((ntk.matrix(z, x).row(3) - ntk.matrix(z.row(3), x)).norm() == 0);
    CHECK(ntk.matrix(3 * x).isApprox(9 * k, 1e-13));
    const Eigen::SparseMatrix<double, Eigen::RowMajor> sparse = x.sparseView();
    CHECK(ntk.matrix(sparse).isApprox(k, 1e-14));
    CHECK(ntk.matrix(z, sparse).isApprox(ntk.matrix(z, x), 1e-14));
    const sst::Model model = sst::fit(ntk, x, y, sst::Ridge::relative(1e-3));
    CHECK(model.predict_with_std(z).std.minCoeff() > 0);
    // Zero rows are zeros, and float is float.
    MatrixXd zero = x;
    zero.row(2).setZero();
    CHECK(ntk.matrix(zero).row(2).isZero(0));
    CHECK_THROWS_WITH(ntk.matrix(z.leftCols(2), x), Contains("2 columns"));
  }
  CHECK_THROWS_WITH(sst::infinite_sparse_shortcut(Kernel::ntk, 1),
                    Contains("ratio is 1; choose one above 0"));
  CHECK_THROWS_WITH(sst::infinite_residual(Kernel::ntk, 0), Contains("branch_std is 0"));
  CHECK_THROWS_WITH(sst::equilibrium(Kernel::ntk, 1.5), Contains("up to 1.4"));
}

}  // namespace infinite_depth_tests
