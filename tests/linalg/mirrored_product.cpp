// SPDX-License-Identifier: MIT
#include "../catch.hpp"

#include <cstdlib>

#include <Eigen/Core>

#include <sst/linalg/mirrored_product.hpp>

namespace {

/// Against long double, for matrices of this many rows and columns.
template <class Scalar>
void check(Eigen::Index rows, Eigen::Index columns, double tolerance) {
  using Matrix = Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic>;
  using Exact = Eigen::Matrix<long double, Eigen::Dynamic, Eigen::Dynamic>;
  const Matrix a = Matrix::Random(rows, columns), x = Matrix::Random(columns, 1), z = Matrix::Random(rows, 1);
  Matrix ax, az;
  sst::detail::mirrored_product<Scalar>({a.data(), rows, columns}, x.col(0), z.col(0), ax, az);
  const Exact exact = a.template cast<long double>();
  const Exact ax_error = exact * x.template cast<long double>() - ax.template cast<long double>(),
              az_error = exact.transpose() * z.template cast<long double>() - az.template cast<long double>();
  INFO(rows << " x " << columns);
  CHECK(static_cast<double>(ax_error.norm()) <= tolerance * static_cast<double>(rows + columns));
  CHECK(static_cast<double>(az_error.norm()) <= tolerance * static_cast<double>(rows + columns));
}

}  // namespace

TEST_CASE("a block and its mirror image multiply in one pass, whatever the shape", "[linalg]") {
  std::srand(5);
  for (const Eigen::Index rows : {1, 7, 8, 16, 31, 512, 513})
    for (const Eigen::Index columns : {1, 3, 4, 5, 64, 511, 512}) {
      check<float>(rows, columns, 1e-7);
      check<double>(rows, columns, 1e-16);
    }
}
