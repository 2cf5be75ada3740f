// SPDX-License-Identifier: MIT
#include "../catch.hpp"
#include "../matrices.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <Eigen/Cholesky>
#include <Eigen/Core>
#include <Eigen/Eigenvalues>

#include <sst/linalg/cholesky.hpp>

#ifdef _OPENMP
#include <omp.h>
#endif

namespace cholesky_tests {

using Catch::Matchers::Contains;
using Eigen::Index;
using sst::Cholesky;
using sst_test::same_bits;

namespace {

template <class Scalar>
using Matrix = Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic>;

/// Positive definite with condition number of about 1/ridge.
template <class Scalar>
Matrix<Scalar> positive_definite(Index n, double ridge = 0.1) {
  std::srand(static_cast<unsigned>(n) + 1);
  const Matrix<Scalar> x = Matrix<Scalar>::Random(n, n + 3);
  Matrix<Scalar> a = x * x.transpose() / static_cast<Scalar>(n + 3);
  a.diagonal().array() += static_cast<Scalar>(ridge);
  return a;
}

template <class Scalar>
Matrix<Scalar> lower(const Cholesky<Scalar>& factor) {
  return factor.lower();
}

/// Sizes around the boundaries of tiles, and of groups of them.
std::vector<Index> sizes(Index tile) {
  return {0, 1, 2, tile - 1, tile, tile + 1, 2 * tile, 3 * tile + 5, 4 * tile + 1, 9 * tile + 3};
}

}  // namespace

TEMPLATE_TEST_CASE("the factor reproduces the matrix", "[linalg]", float, double, long double) {
  using Scalar = TestType;
  const Scalar eps = std::numeric_limits<Scalar>::epsilon();
  for (const Index tile : {1, 7, 16, 40})
    for (const Index n : sizes(tile)) {
      if (n < 0) continue;
      const Matrix<Scalar> a = positive_definite<Scalar>(n);
      const Cholesky<Scalar> factor(Matrix<Scalar>(a), {.tile = tile});
      const Matrix<Scalar> l = lower(factor);
      INFO("tile " << tile << ", n " << n);
      REQUIRE(factor.size() == n);
      CHECK((l * l.transpose() - a).norm() <= 2 * eps * static_cast<Scalar>(n) * a.norm());
      CHECK((n == 0 || l.diagonal().minCoeff() > 0));
    }
}

TEMPLATE_TEST_CASE("default tiles: residuals of factor, solve and determinant", "[linalg]", float, double) {
  using Scalar = TestType;
  const Scalar eps = std::numeric_limits<Scalar>::epsilon();
  for (const Index n : {300, 1100}) {
    const Matrix<Scalar> a = positive_definite<Scalar>(n);
    const Cholesky<Scalar> factor{Matrix<Scalar>(a)};
    const Matrix<Scalar> l = lower(factor);
    CHECK((l * l.transpose() - a).norm() <= eps * static_cast<Scalar>(n) * a.norm());
    for (const Index columns : {1, 3, 300}) {
      const Matrix<Scalar> b = Matrix<Scalar>::Random(n, columns);
      const Matrix<Scalar> x = factor.solve(b);
      CHECK((a * x - b).norm() <= eps * static_cast<Scalar>(n) * a.norm() * x.norm());
    }
    const Eigen::MatrixXd wide = a.template cast<double>();
    const double expected = 2 * Eigen::MatrixXd(wide.llt().matrixL()).diagonal().array().log().sum();
    CHECK(factor.log_determinant() == Approx(expected).epsilon(static_cast<double>(eps) * 100));
  }
}

TEMPLATE_TEST_CASE("solving around the boundaries of tiles", "[linalg]", float, double, long double) {
  using Scalar = TestType;
  const Scalar eps = std::numeric_limits<Scalar>::epsilon();
  for (const Index tile : {1, 7, 16})
    for (const Index n : sizes(tile)) {
      const Matrix<Scalar> a = positive_definite<Scalar>(n);
      const Cholesky<Scalar> factor(Matrix<Scalar>(a), {.tile = tile});
      for (const Index columns : {0, 1, 2, 257}) {
        const Matrix<Scalar> b = Matrix<Scalar>::Random(n, columns);
        INFO("tile " << tile << ", n " << n << ", columns " << columns);
        const Matrix<Scalar> x = factor.solve(b);
        CHECK((a * x - b).norm() <= 4 * eps * static_cast<Scalar>(n) * a.norm() * x.norm());
        const Matrix<Scalar> y = factor.solve_lower(b);
        CHECK((lower(factor) * y - b).norm() <=
              4 * eps * static_cast<Scalar>(n) * lower(factor).norm() * y.norm());
      }
    }
}

TEST_CASE("the Cholesky factor and solution do not depend on the number of threads", "[linalg]") {
  const auto check = [](auto scalar, Index n, Index tile) {
    using Scalar = decltype(scalar);
    const Matrix<Scalar> a = positive_definite<Scalar>(n);
    const Matrix<Scalar> b = Matrix<Scalar>::Random(n, 300);
    const Cholesky<Scalar> one(Matrix<Scalar>(a), {.tile = tile, .threads = 1});
    const Matrix<Scalar> x = one.solve(b), y = one.solve(b.col(0));
    for (const int threads : {2, 3, 4, 0}) {
      INFO("n " << n << ", tile " << tile << ", threads " << threads);
      const Cholesky<Scalar> many(Matrix<Scalar>(a), {.tile = tile, .threads = threads});
      CHECK(same_bits(lower(many), lower(one)));
      CHECK(same_bits(many.solve(b), x));
      CHECK(same_bits(many.solve(b.col(0)), y));
      CHECK(many.log_determinant() == one.log_determinant());
    }
  };
  for (const Index tile : {16, 30}) check(0.0, 9 * tile + 3, tile), check(0.0F, 9 * tile + 3, tile);
  check(0.0, 1000, 0);
  check(0.0F, 1000, 0);
}

#ifdef _OPENMP
TEST_CASE("neither Eigen's own threads nor an enclosing parallel region change the factor", "[linalg]") {
  const Index n = 1000;
  const Eigen::MatrixXd a = positive_definite<double>(n);
  // Tiles that Eigen would gladly cut up among threads.
  const sst::CholeskyOptions options{.tile = 400, .threads = 1};
  const Eigen::MatrixXd expected = lower(Cholesky<double>(Eigen::MatrixXd(a), options));
  const int threads = omp_get_max_threads();

  omp_set_num_threads(4);
  CHECK(same_bits(lower(Cholesky<double>(Eigen::MatrixXd(a), options)), expected));
  CHECK(omp_get_max_threads() == 4);
  omp_set_num_threads(threads);

  omp_set_num_threads(3);
  Eigen::setNbThreads(3);
  CHECK(same_bits(lower(Cholesky<double>(Eigen::MatrixXd(a), options)), expected));
  CHECK(Eigen::nbThreads() == 3);
  Eigen::setNbThreads(0);
  omp_set_num_threads(threads);

  std::vector<Eigen::MatrixXd> factors(3);
#pragma omp parallel for num_threads(3)
  for (int i = 0; i < 3; ++i)
    factors[static_cast<std::size_t>(i)] = lower(Cholesky<double>(Eigen::MatrixXd(a), {.tile = 400}));
  for (const Eigen::MatrixXd& factor : factors) CHECK(same_bits(factor, expected));
}
#endif

TEST_CASE("small matrices by hand", "[linalg]") {
  const Cholesky<double> none{Eigen::MatrixXd(0, 0)};
  CHECK(none.log_determinant() == 0);
  CHECK(none.solve(Eigen::MatrixXd(0, 3)).cols() == 3);

  const Cholesky<double> one{Eigen::MatrixXd::Constant(1, 1, 9.0)};
  CHECK(one.storage()(0, 0) == 3);
  CHECK(one.solve(Eigen::MatrixXd::Constant(1, 2, 18.0)) == Eigen::MatrixXd::Constant(1, 2, 2.0));
  CHECK(one.log_determinant() == Approx(std::log(9.0)));

  Eigen::MatrixXd a(2, 2);
  a << 4, 2, 2, 10;
  Eigen::VectorXd b(2);
  b << 8, 22;
  const Cholesky<double> two{Eigen::MatrixXd(a), {.tile = 1}};
  CHECK(two.storage()(1, 0) == 1);
  CHECK(two.storage()(1, 1) == 3);
  const Eigen::VectorXd x = two.solve(b);  // a vector in, a vector out
  CHECK(x(0) == Approx(1));
  CHECK(x(1) == Approx(2));
  CHECK(two.solve_lower(b).squaredNorm() == Approx(b.dot(x)));
}

TEST_CASE("only the lower triangle is read, and no other buffer is used for the factor", "[linalg]") {
  const Index n = 53;
  const Eigen::MatrixXd a = positive_definite<double>(n);
  const Cholesky<double> expected(Eigen::MatrixXd(a), {.tile = 16});
  const double junk = std::numeric_limits<double>::quiet_NaN();
  Eigen::MatrixXd half = a;
  half.triangularView<Eigen::StrictlyUpper>().setConstant(junk);
  const double* const buffer = half.data();
  const Cholesky<double> factor(std::move(half), {.tile = 16});
  CHECK(factor.storage().data() == buffer);
  CHECK(same_bits(lower(factor), lower(expected)));
  CHECK(std::isnan(factor.storage()(0, n - 1)));
  CHECK(same_bits(factor.solve(a), expected.solve(a)));
}

TEST_CASE("right-hand sides in place, as blocks and expressions", "[linalg]") {
  const Index n = 40;
  const Eigen::MatrixXd a = positive_definite<double>(n);
  const Cholesky<double> factor(Eigen::MatrixXd(a), {.tile = 16});
  const Eigen::MatrixXd b = Eigen::MatrixXd::Random(n, 5);
  const Eigen::MatrixXd x = factor.solve(b);

  Eigen::MatrixXd wide = Eigen::MatrixXd::Zero(n + 2, 7);
  wide.block(1, 1, n, 5) = b;
  factor.solve_in_place(wide.block(1, 1, n, 5));
  CHECK(same_bits(wide.block(1, 1, n, 5), x));
  wide.block(1, 1, n, 5).setZero();
  CHECK(wide.isZero(0));

  Eigen::VectorXd v = b.col(2);
  factor.solve_in_place(v);
  CHECK((v - x.col(2)).norm() <= 1e-13 * x.col(2).norm());
  CHECK(same_bits(factor.solve(2 * b), 2 * x));
  const Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor> rows = b;
  CHECK(same_bits(factor.solve(rows), x));
}

TEST_CASE("the first pivot that is not positive is named", "[linalg]") {
  const Index n = 100;
  for (const Index tile : {Index{1}, Index{16}, Index{33}, std::numeric_limits<Index>::max()})
    for (const Index bad : {0, 1, 15, 16, 17, 50, 98, 99})
      for (const int threads : {1, 3}) {
        // L is the unit lower triangle of ones with a pivot of -2 at `bad`; every number is a small integer.
        Eigen::VectorXd pivots = Eigen::VectorXd::Ones(n);
        pivots(bad) = -2;
        pivots(n - 1) = std::min(pivots(n - 1), -1.0);
        const Eigen::MatrixXd ones = Eigen::MatrixXd::Ones(n, n).triangularView<Eigen::Lower>();
        Eigen::MatrixXd a = ones * pivots.asDiagonal() * ones.transpose();
        INFO("tile " << tile << ", bad " << bad << ", threads " << threads);
        try {
          const Cholesky<double> factor(std::move(a), {.tile = tile, .threads = threads});
          FAIL("no error");
        } catch (const sst::NotPositiveDefinite& error) {
          CHECK(error.pivot_index == bad);
          CHECK(error.pivot_value == -2);
          CHECK_THAT(error.what(), Contains("row " + std::to_string(bad) + ","));
          CHECK_THAT(error.what(), Contains("larger ridge"));
        }
      }
}

TEST_CASE("duplicate rows are an error, and a ridge cures it", "[linalg]") {
  Eigen::MatrixXd x(4, 3);
  x << 2, 2, 1, 1, 2, 6, 2, 2, 1, 7, 0, 1;  // chosen so that no step rounds
  Eigen::MatrixXd a = x * x.transpose();
  try {
    const Cholesky<double> factor{Eigen::MatrixXd(a)};
    FAIL("no error");
  } catch (const sst::NotPositiveDefinite& error) {
    CHECK(error.pivot_index == 2);
    CHECK(error.pivot_value == 0);
  }
  a.diagonal().array() += 1e-6;
  CHECK_NOTHROW(Cholesky<double>(std::move(a)));
}

TEST_CASE("the condition number has a lower bound in the factor", "[linalg]") {
  CHECK(Cholesky<double>(Eigen::MatrixXd(0, 0)).condition_at_least() == 1);
  const Eigen::VectorXd diagonal = Eigen::VectorXd::LinSpaced(30, 1e-8, 4);
  CHECK(Cholesky<double>(Eigen::MatrixXd(diagonal.asDiagonal())).condition_at_least() == Approx(4e8));
  for (const double ridge : {1e-1, 1e-6, 1e-12}) {
    const Eigen::MatrixXd x = Eigen::MatrixXd::Random(60, 20);
    Eigen::MatrixXd a = x * x.transpose();
    a.diagonal().array() += ridge;
    const Eigen::VectorXd values = Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd>(a).eigenvalues();
    const double bound = Cholesky<double>(std::move(a)).condition_at_least();
    CHECK(bound > 0.01 / ridge);
    if (ridge > 1e-10) CHECK(bound <= values(59) / values(0) * (1 + 1e-4));
  }
}

TEST_CASE("the zero matrix and an overflow are errors, never NaN", "[linalg]") {
  CHECK_THROWS_AS(Cholesky<double>(Eigen::MatrixXd(Eigen::MatrixXd::Zero(5, 5))), sst::NotPositiveDefinite);
  Eigen::MatrixXf a = Eigen::MatrixXf::Identity(40, 40);
  a(30, 2) = 1e30F;  // its square overflows
  try {
    const Cholesky<float> factor(std::move(a), {.tile = 16});
    FAIL("no error");
  } catch (const sst::NotPositiveDefinite& error) {
    CHECK(error.pivot_index == 30);
  }
}

TEST_CASE("entries that are not finite are named by row and column", "[linalg]") {
  const double infinity = std::numeric_limits<double>::infinity();
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const Index n = 70;
  const Eigen::MatrixXd good = positive_definite<double>(n);
  for (const double bad : {nan, infinity, -infinity})
    for (const auto& [row, column] :
         std::vector<std::pair<Index, Index>>{{0, 0}, {69, 0}, {40, 17}, {69, 69}})
      for (const int threads : {1, 2}) {
        Eigen::MatrixXd a = good;
        a(row, column) = bad;
        a(69, 69) = bad;  // a later one
        CHECK_THROWS_AS(Cholesky<double>(Eigen::MatrixXd(a), {.tile = 16, .threads = threads}),
                        sst::DataError);
        CHECK_THROWS_WITH(
            Cholesky<double>(std::move(a), {.tile = 16, .threads = threads}),
            Contains("row " + std::to_string(row)) && Contains("column " + std::to_string(column)));
      }
  const Cholesky<double> factor{Eigen::MatrixXd(good)};
  Eigen::MatrixXd b = Eigen::MatrixXd::Ones(n, 3);
  b(5, 2) = nan;
  CHECK_THROWS_WITH(factor.solve(b), Contains("right-hand side") && Contains("row 5, column 2"));
  CHECK_THROWS_WITH(factor.solve_lower(b), Contains("row 5, column 2"));
}

TEST_CASE("shapes and options that make no sense are refused", "[linalg]") {
  CHECK_THROWS_WITH(Cholesky<double>(Eigen::MatrixXd(Eigen::MatrixXd::Ones(3, 4))), Contains("3 x 4"));
  CHECK_THROWS_AS(Cholesky<double>(Eigen::MatrixXd(Eigen::MatrixXd::Identity(3, 3)), {.tile = -1}),
                  sst::Error);
  const Cholesky<double> factor{Eigen::MatrixXd(Eigen::MatrixXd::Identity(3, 3))};
  CHECK_THROWS_AS(factor.solve(Eigen::MatrixXd(Eigen::MatrixXd::Ones(4, 1))), sst::DataError);
}

TEST_CASE("a Cholesky factorization tells its progress and can be cancelled", "[linalg]") {
  const Eigen::MatrixXd a = positive_definite<double>(100);
  for (const int threads : {1, 3}) {
    std::vector<double> fractions;
    const auto record = [&](double fraction) {
      fractions.push_back(fraction);
      return true;
    };
    const Cholesky<double> factor(Eigen::MatrixXd(a), {.tile = 16, .threads = threads, .progress = record});
    REQUIRE(fractions.size() == 7);
    CHECK(std::is_sorted(fractions.begin(), fractions.end()));
    CHECK(fractions.front() > 0);
    CHECK(fractions.back() == 1);

    int calls = 0;
    const auto stop = [&](double) { return ++calls < 3; };
    CHECK_THROWS_AS(Cholesky<double>(Eigen::MatrixXd(a), {.tile = 16, .threads = threads, .progress = stop}),
                    sst::Cancelled);
    CHECK(calls == 3);

    const auto fail = [](double) -> bool { throw std::runtime_error("the caller's own"); };
    CHECK_THROWS_WITH(
        Cholesky<double>(Eigen::MatrixXd(a), {.tile = 16, .threads = threads, .progress = fail}),
        "the caller's own");
  }
}

}  // namespace cholesky_tests
