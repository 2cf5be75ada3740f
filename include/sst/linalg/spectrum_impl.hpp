// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>
#include <vector>

#include <Eigen/Core>

#include <sst/base/compiled.hpp>
#include <sst/base/plain_text.hpp>
#include <sst/base/progress.hpp>
#include <sst/error.hpp>
#include <sst/linalg/band_form_impl.hpp>
#include <sst/linalg/bulge_chasing.hpp>
#include <sst/linalg/spectrum.hpp>
#include <sst/linalg/tridiagonal_qr.hpp>
#include <sst/version.hpp>

/// \file
/// The bodies of spectrum.hpp.

namespace sst {
inline namespace SST_ABI {

SST_COMPILED Spectrum::Spectrum(Eigen::MatrixXd kernel, double tolerance, const Execution& execution) {
  using Eigen::Index;
  // Shares of the time.
  const Execution first = detail::part_of(execution, 0, 0.3), second = detail::part_of(execution, 0.3, 0.6),
                  third = detail::part_of(execution, 0.6, 1);
  const auto report = [](const Execution& part, double share) {
    detail::tell(part.progress, "the eigendecomposition", share);
  };
  BandForm form(std::move(kernel), first);
  const Index n = form.size();
  const double size = static_cast<double>(n);
  // To a norm of 1, by a power of two, as in the band form.
  int exponent = 0;
  std::frexp(form.norm_, &exponent);
  exponent = std::clamp(exponent, -1000, 1000);
  const double scale = std::ldexp(1.0, -exponent);
  constexpr Index width = BandForm::width;
  band_detail::LowerBand band(n, 2 * width);
  for (Index at = 0; at < n; at += width) {
    const Index rows = std::min(width, n - at);
    for (Index j = 0; j < rows; ++j)
      band.block(at + j, at + j, rows - j, 1) = scale * form.diagonal_.block(at + j, j, rows - j, 1);
    for (Index j = 0; j < width && at > 0; ++j) {  // an upper triangle
      const Index filled = std::min(j + 1, rows);
      band.block(at, at - width + j, filled, 1) = scale * form.left_.block(at, j, filled, 1);
    }
  }
  vectors_ = std::move(form.basis_);
  band_detail::tridiagonalise(band, width, vectors_, execution.threads, [&](Index columns) {
    report(second, 1 - std::pow(1 - static_cast<double>(columns) / size, 2));
  });
  Eigen::VectorXd values = band.diagonal(0), off_diagonal = band.diagonal(1);
  tridiagonal_detail::Strips strips(vectors_, execution.threads);
  tridiagonal_detail::diagonalise(values, off_diagonal, strips, [&](Index found) {
    report(third, 1 - std::pow(1 - static_cast<double>(found) / size, 2));
  });
  std::vector<Index> order(static_cast<std::size_t>(n));
  std::iota(order.begin(), order.end(), Index{0});
  std::sort(order.begin(), order.end(),
            [&](Index a, Index b) { return std::pair(values[a], a) < std::pair(values[b], b); });
  values_ = values(order) * std::ldexp(1.0, exponent);
  strips.write(order, vectors_);
  const double least = values_[0], largest = values_[n - 1];
  if (least < -tolerance * std::abs(largest)) {
    detail::PlainText text;
    text << "the kernel has the eigenvalue " << least << " (its largest is " << largest
         << ", and a kernel has none below zero by more than rounding); check how it was made";
    throw NotPositiveDefinite(text.str(), 0, least);
  }
}

namespace regression_detail {

SST_COMPILED Eigen::VectorXd eigenvalues(const Spectrum& spectrum) { return spectrum.values().cwiseMax(0); }

SST_COMPILED Eigen::VectorXd regularised(const Eigen::VectorXd& d, double lambda) {
  const Eigen::VectorXd a = d.array() + lambda;
  Eigen::Index at = 0;
  const double least = a.minCoeff(&at);
  if (!(least > 4 * std::numeric_limits<double>::epsilon() * a.maxCoeff())) {
    detail::PlainText text;
    text << "the kernel with " << lambda << " on its diagonal has the eigenvalue " << least
         << " (the largest is " << a.maxCoeff()
         << ": it is singular in double); use a larger ridge, and look for duplicate rows";
    throw NotPositiveDefinite(text.str(), at, least);
  }
  return a;
}

SST_COMPILED double lambda_for(const Ridge& ridge, const Eigen::VectorXd& d) {
  return ridge.lambda_for(d.mean());
}

}  // namespace regression_detail

}  // namespace SST_ABI
}  // namespace sst
