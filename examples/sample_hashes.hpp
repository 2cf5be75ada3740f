// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include <Eigen/Core>

#include <sst/base/fingerprint.hpp>

/// \file
/// Of which samples a stored kernel matrix is, as its header says it.

namespace program {

/// What lies between the hash of the rows and that of the columns.
inline constexpr const char* against = " against ";

/// A hash of the samples of K(X, X), or of those of the rows and of those of the columns. `shape`: of images.
inline std::string hash_samples(const std::string& shape, const Eigen::MatrixXd& columns,
                                const Eigen::MatrixXd* rows = nullptr) {
  const auto hash = [&](const Eigen::MatrixXd& x) { return sst::Fingerprint().add(shape).add(x).text(); };
  return (rows != nullptr ? hash(*rows) + against : "") + hash(columns);
}

}  // namespace program
