// SPDX-License-Identifier: MIT
#include "../catch.hpp"

#include <cstdlib>

#include <Eigen/Core>

#include <sst/linalg/one_pass.hpp>

namespace {

/// Against long double, for blocks of this many rows and columns, and so many vectors.
template <class Scalar>
void check(Eigen::Index rows, Eigen::Index columns, Eigen::Index vectors, double tolerance) {
  using Matrix = Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic>;
  using Exact = Eigen::Matrix<long double, Eigen::Dynamic, Eigen::Dynamic>;
  const Matrix around = Matrix::Random(rows + 5, columns + 2), many = Matrix::Random(rows + columns, vectors);
  const auto a = around.block(3, 1, rows, columns);
  const auto x = many.topRows(columns), z = many.bottomRows(rows);
  const Exact exact = a.template cast<long double>(), ax = exact * x.template cast<long double>(),
              az = exact.transpose() * z.template cast<long double>();
  const auto require_near = [&](const Matrix& found, const Exact& wanted) {
    INFO(rows << " x " << columns << ", " << vectors << " vectors");
    REQUIRE(found.cols() == vectors);
    CHECK(static_cast<double>((found.template cast<long double>() - wanted).norm()) <=
          tolerance * static_cast<double>((rows + columns) * vectors));
  };
  require_near(sst::detail::streamed_product<Scalar>(a, x), ax);
  require_near(sst::detail::streamed_transposed_product<Scalar>(a, z), az);
  Matrix across, down;
  sst::detail::mirrored_product<Scalar>(a, x, z, across, down);
  require_near(across, ax);
  require_near(down, az);
}

}  // namespace

TEST_CASE("a block and its mirror image multiply in one pass, whatever the shape", "[linalg]") {
  std::srand(5);
  for (const Eigen::Index vectors : {1, 3})
    for (const Eigen::Index rows : {1, 7, 8, 16, 31, 512, 513})
      for (const Eigen::Index columns : {1, 3, 4, 5, 64, 511, 512}) {
        check<float>(rows, columns, vectors, 1e-7);
        check<double>(rows, columns, vectors, 1e-16);
      }
}
