// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>

#include <Eigen/Core>

#include <sst/topology/image_shape.hpp>

namespace sst_test {

/// Images that differ, with neighbouring pixels that do.
inline Eigen::MatrixXd images(Eigen::Index count, const sst::ImageShape& shape) {
  Eigen::MatrixXd x(count, static_cast<Eigen::Index>(shape.size()));
  for (Eigen::Index j = 0; j < x.cols(); ++j)
    for (Eigen::Index i = 0; i < count; ++i)
      x(i, j) = std::sin(0.9 * static_cast<double>(i) + 2.3 * static_cast<double>(j) +
                         0.4 * static_cast<double>(i * j));
  return x;
}

}  // namespace sst_test
