// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <numbers>
#include <string>
#include <vector>

#include <Eigen/Core>

#include <sst/base/compiled.hpp>
#include <sst/error.hpp>
#include <sst/linalg/product.hpp>
#include <sst/linalg/spectrum.hpp>
#include <sst/regression/targets.hpp>
#include <sst/selection/ridge_path.hpp>
#include <sst/version.hpp>

/// \file
/// The bodies of ridge_path.hpp.

namespace sst {
inline namespace SST_ABI {

SST_COMPILED std::vector<Ridge> relative_ridges(double least, double largest, int count) {
  if (!(least > 0 && largest >= least && std::isfinite(largest) && count >= 1))
    throw Error("the ridges run from " + std::to_string(least) + " to " + std::to_string(largest) + " in " +
                std::to_string(count) + " steps; give 0 < least <= largest and at least one step");
  std::vector<Ridge> ridges;
  for (int i = 0; i < count; ++i) {
    const double share = count == 1 ? 0 : static_cast<double>(i) / (count - 1);
    ridges.push_back(Ridge::relative(least * std::pow(largest / least, share)));
  }
  return ridges;
}

SST_COMPILED RidgePath ridge_path(const Spectrum& spectrum, const Eigen::MatrixXd& y,
                                  const std::vector<Ridge>& ridges) {
  using Eigen::Index;
  const Eigen::MatrixXd& v = spectrum.vectors();
  const Index n = v.rows(), outputs = y.cols(), count = static_cast<Index>(ridges.size());
  regression_detail::require_targets(n, y);
  if (ridges.empty()) throw DataError("the path has no ridges; give at least one");
  const Eigen::VectorXd d = regression_detail::eigenvalues(spectrum);
  const Eigen::MatrixXd q = detail::product(v.transpose(), y);

  RidgePath path;
  path.ridges = ridges;
  path.gcv.resize(count, outputs);
  path.log_marginal_likelihood.resize(count, outputs);
  path.effective_dimension.resize(count);
  path.leave_one_out_error.resize(count, outputs);
  Eigen::MatrixXd inverse(n, count), scaled(n, count * outputs);  // 1 / (d + lambda), q / (d + lambda)
  for (Index r = 0; r < count; ++r) {
    const double lambda = regression_detail::lambda_for(ridges[static_cast<std::size_t>(r)], d);
    path.lambdas.push_back(lambda);
    const Eigen::ArrayXd a = regression_detail::regularised(d, lambda);
    inverse.col(r) = a.inverse();
    scaled.middleCols(r * outputs, outputs) = q.array().colwise() / a;
    // I - H = lambda A^-1, and the lambdas cancel.
    const double trace = inverse.col(r).sum(), log_determinant = a.log().sum();
    path.effective_dimension[r] = (d.array() / a).sum();
    for (Index o = 0; o < outputs; ++o) {
      const auto s = scaled.col(r * outputs + o);
      path.gcv(r, o) = static_cast<double>(n) * s.squaredNorm() / (trace * trace);
      path.log_marginal_likelihood(r, o) = -0.5 * (q.col(o).dot(s) + log_determinant +
                                                   static_cast<double>(n) * std::log(2 * std::numbers::pi));
    }
  }

  path.leave_one_out.assign(ridges.size(), Eigen::MatrixXd(n, outputs));
  detail::over_rows(n, 0, [&](Index first, Index rows) {
    const Eigen::MatrixXd block = v.middleRows(first, rows);
    const Eigen::MatrixXd weights = block * scaled, diagonal = block.cwiseAbs2() * inverse;
    for (Index r = 0; r < count; ++r)
      path.leave_one_out[static_cast<std::size_t>(r)].middleRows(first, rows) =
          weights.middleCols(r * outputs, outputs).array().colwise() / diagonal.col(r).array();
  });
  for (Index r = 0; r < count; ++r)
    path.leave_one_out_error.row(r) =
        path.leave_one_out[static_cast<std::size_t>(r)].colwise().squaredNorm() / static_cast<double>(n);
  return path;
}

SST_COMPILED RidgePath ridge_path(const KernelFunction& kernel, const DataRef& x, const Eigen::MatrixXd& y,
                                  const std::vector<Ridge>& ridges, const Execution& execution) {
  regression_detail::require_targets(x.rows(), y);
  return ridge_path(Spectrum(kernel.matrix(x, execution)), y, ridges);
}

SST_COMPILED Eigen::VectorXd scores(const RidgePath& path, Criterion criterion) {
  switch (criterion) {
    case Criterion::leave_one_out:
      return path.leave_one_out_error.rowwise().mean();
    case Criterion::gcv:
      return path.gcv.rowwise().mean();
    case Criterion::log_marginal_likelihood:
      break;
  }
  return -path.log_marginal_likelihood.rowwise().sum();
}

SST_COMPILED std::size_t best_ridge(const RidgePath& path, Criterion criterion) {
  Eigen::Index at = 0;
  scores(path, criterion).minCoeff(&at);
  return static_cast<std::size_t>(at);
}

}  // namespace SST_ABI
}  // namespace sst
