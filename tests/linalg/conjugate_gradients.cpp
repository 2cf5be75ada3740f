// SPDX-License-Identifier: MIT
#include "../catch.hpp"
#include "../matrices.hpp"
#include "../thread_ranks.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <mutex>
#include <numeric>
#include <vector>

#include <Eigen/Cholesky>
#include <Eigen/Core>
#include <Eigen/Eigenvalues>

#include <sst/kernel/kernel_operator.hpp>
#include <sst/kernel/network_kernel.hpp>
#include <sst/kernel/own_kernel.hpp>
#include <sst/linalg/conjugate_gradients.hpp>
#include <sst/linalg/randomly_pivoted_cholesky.hpp>
#include <sst/topology/families.hpp>

namespace conjugate_gradients_tests {

using Catch::Matchers::Contains;
using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

namespace {

using sst_test::same_bits;
using sst_test::Wide;

MatrixXd sphere(Index n, Index d) {
  std::srand(static_cast<unsigned>(n));
  return MatrixXd::Random(n, d).rowwise().normalized();
}

/// (K + lambda I)^-1 b.
MatrixXd exact(const MatrixXd& k, double lambda, const MatrixXd& b) {
  Wide a = k.cast<long double>();
  a.diagonal().array() += static_cast<long double>(lambda);
  return a.llt().solve(b.cast<long double>()).cast<double>();
}

const sst::KernelFunction kernel = sst::ntk(sst::sparse_shortcut(8));
auto tiles(const MatrixXd& x) { return kernel.interface().in_double(x)->tiles(); }
auto narrow_tiles(const MatrixXd& x) { return kernel.interface().in_float(x)->tiles(); }

/// Rows first, ..., first + count - 1 of these columns.
MatrixXd columns_of(const sst::SymmetricOperator& k, const std::vector<Index>& some, Index first,
                    Index count) {
  MatrixXd out(count, static_cast<Index>(some.size()));
  k.columns(some, first, out);
  return out;
}

/// Of a factor alone.
sst::LowRankFactor low_rank(const MatrixXd& f) {
  return {.factor = f, .first = 0, .pivots = {}, .residual = Eigen::VectorXd::Zero(f.rows())};
}

}  // namespace

TEST_CASE("an operator multiplies as its matrix does, with any number of threads", "[linalg]") {
  for (const Index n : {1, 40, 512, 513, 1100, 1700}) {
    const MatrixXd x = sphere(n, 5), right = MatrixXd::Random(n, 3);
    const MatrixXd k = kernel.matrix(x);
    const MatrixXd product = (k.cast<long double>() * right.cast<long double>()).cast<double>();
    const sst::KernelOperator<double> matrix_free(tiles(x), {.threads = 1});
    const sst::DenseOperator dense(k, 1);
    const std::vector<Index> some{n - 1, 0, n / 2};
    INFO("n " << n);
    CHECK((matrix_free.apply(right) - product).norm() <= 1e-12 * product.norm());
    CHECK((dense.apply(right) - product).norm() <= 1e-14 * product.norm());
    CHECK((matrix_free.diagonal() - k.diagonal()).norm() <= 1e-12 * k.diagonal().norm());
    const MatrixXd columns = columns_of(matrix_free, some, 0, n),
                   below = columns_of(matrix_free, some, n / 3, n - n / 3);
    CHECK((columns - columns_of(dense, some, 0, n)).norm() <= 1e-12 * k.norm());
    CHECK((below - columns.bottomRows(n - n / 3)).norm() <= 1e-12 * k.norm());
    CHECK(same_bits(columns_of(dense, some, 0, n).col(1), k.col(0)));
    CHECK(same_bits(columns_of(dense, some, n / 3, n - n / 3).col(1), k.col(0).tail(n - n / 3)));
    const auto in_float = sst::KernelOperator<float>(narrow_tiles(x)).apply(right);
    CHECK((in_float - product).norm() <= 1e-5 * product.norm());
    CHECK((in_float - product).norm() > 0);
    for (const int threads : {2, 3}) {
      const sst::KernelOperator<double> more(tiles(x), {.threads = threads});
      CHECK(same_bits(more.apply(right), matrix_free.apply(right)));
      CHECK(same_bits(columns_of(more, some, 0, n), columns));
      CHECK(same_bits(sst::DenseOperator(k, threads).apply(right), dense.apply(right)));
    }
  }
}

TEST_CASE("an operator multiplies alike whatever it keeps and whoever shares its tiles", "[linalg]") {
  const Index n = 1700;
  const MatrixXd x = sphere(n, 5), right = MatrixXd::Random(n, 3);
  const sst::KernelOperator<double> alone(tiles(x));
  const sst::KernelOperator<float> alone_in_float(narrow_tiles(x));
  const MatrixXd product = alone.apply(right), in_float = alone_in_float.apply(right);
  const std::vector<Index> some{n - 1, 0, n / 2};
  const double all = sst::KernelOperator<double>::bytes(n);
  CHECK(alone.kept_bytes() == 0);
  CHECK(alone.kept_fraction() == 0);
  for (const double memory : {1e5, 0.3 * all, 1.1 * all, 1e12}) {
    double last = 0;
    const sst::KernelOperator<double> keeping(
        tiles(x), {.memory = memory, .progress = [&](double done) { return (last = done) <= 1; }});
    INFO("memory " << memory);
    CHECK(keeping.kept_bytes() <= std::min(memory, 1.1 * all));
    CHECK((keeping.kept_fraction() == 1) == (memory > all));
    CHECK((last == 1) == (keeping.kept_bytes() > 0));
    CHECK(same_bits(keeping.apply(right), product));
    CHECK(same_bits(keeping.apply(right), product));
  }
  const sst::KernelOperator<double> whole(tiles(x), {.memory = all}), half(tiles(x), {.memory = all / 2});
  const sst::RoundedKernelOperator rounded(whole);
  const MatrixXd wanted = kernel.matrix(x).cast<float>().cast<double>() * right;
  CHECK((rounded.apply(right) - wanted).norm() <= 1e-6 * wanted.norm());
  CHECK(same_bits(columns_of(rounded, some, 3, 9), columns_of(alone, some, 3, 9)));
  CHECK(same_bits(rounded.diagonal(), alone.diagonal()));
  CHECK_THROWS_WITH(sst::RoundedKernelOperator(half), Contains("more memory"));
  CHECK_THROWS_AS(
      sst::KernelOperator<double>(tiles(x), {.memory = all, .progress = [](double) { return false; }}),
      sst::Cancelled);
  for (const int count : {1, 2, 3, 4, 12}) {
    std::vector<double> kept(static_cast<std::size_t>(count));
    std::mutex mutex;
    sst_test::as_ranks(count, [&](std::shared_ptr<const sst::Ranks> ranks) {
      const sst::KernelOperator<double> part(tiles(x), {.threads = 1, .memory = 0.2 * all, .ranks = ranks});
      const sst::KernelOperator<float> narrow(narrow_tiles(x), {.threads = 1, .ranks = ranks});
      const MatrixXd ours = part.apply(right), ours_in_float = narrow.apply(right);
      const std::lock_guard lock(mutex);
      kept[static_cast<std::size_t>(ranks->number())] = part.kept_bytes();
      INFO("rank " << ranks->number() << " of " << count);
      CHECK(same_bits(ours, product));
      CHECK(same_bits(ours_in_float, in_float));
      CHECK(same_bits(part.diagonal(), alone.diagonal()));
    });
    // The work is spread: ten tiles, of which each rank has its share.
    if (count == 12) CHECK(std::count(kept.begin(), kept.end(), 0.0) == 2);
    if (count == 4) CHECK(*std::min_element(kept.begin(), kept.end()) > 0);
  }
}

TEST_CASE("ranks that hold different numbers are told apart", "[linalg]") {
  const MatrixXd x = sphere(600, 5);
  CHECK_THROWS_WITH(sst_test::as_ranks(3,
                                       [&](std::shared_ptr<const sst::Ranks> ranks) {
                                         const sst::KernelOperator<double> k(tiles(x),
                                                                             {.threads = 1, .ranks = ranks});
                                         MatrixXd right = MatrixXd::Ones(600, 1);
                                         if (ranks->number() == 2) right(17, 0) += 1e-15;
                                         k.apply(right);
                                       }),
                    Contains("no longer hold the same numbers"));
}

TEST_CASE("a kernel that no positive semidefinite matrix has is refused", "[linalg]") {
  const auto odd =
      sst::kernel_function("odd", [](const auto& a, const auto& b) { return a[0] == b[0] ? 1e-6 : 1.0; });
  const MatrixXd x = Eigen::VectorXd::LinSpaced(2000, 0, 1);
  const sst::KernelOperator<double> k(odd.interface().in_double(x)->tiles());
  CHECK_THROWS_WITH(k.apply(MatrixXd::Ones(2000, 1)), Contains("not positive semidefinite"));
  MatrixXd infinite = MatrixXd::Ones(2000, 1);
  infinite(5, 0) = std::numeric_limits<double>::infinity();
  CHECK_THROWS_AS(sst::KernelOperator<double>(tiles(sphere(2000, 3))).apply(infinite),
                  sst::NotPositiveDefinite);
}

TEST_CASE("conjugate gradients solve several systems at once", "[linalg]") {
  const Index n = 300;
  const MatrixXd k = kernel.matrix(sphere(n, 4));
  const sst::DenseOperator dense(k);
  MatrixXd b = MatrixXd::Random(n, 4);
  b.col(1).setZero();
  b.col(2) *= 1e-200;
  b.col(3) = 1e150 * k.col(7);  // its solution takes fewer steps
  const double lambda = 0.1 * k.diagonal().mean();
  const auto result = conjugate_gradients(dense, lambda, b, {}, {.tolerance = 1e-12});
  CHECK(result.converged);
  CHECK(result.residuals.maxCoeff() <= 1e-12);
  CHECK(result.history.front() == 1);
  CHECK(result.history.size() == static_cast<std::size_t>(result.iterations) + 1);
  CHECK(result.x.col(1).norm() == 0);
  const MatrixXd x = exact(k, lambda, b);
  for (const Index c : {0, 2, 3})
    CHECK((result.x.col(c) - x.col(c)).stableNorm() <= 1e-9 * x.col(c).stableNorm());
  const auto alone = conjugate_gradients(dense, lambda, b.leftCols(1), {}, {.tolerance = 1e-12});
  CHECK((alone.x - x.col(0)).norm() <= 1e-9 * x.col(0).norm());
}

TEST_CASE("conjugate gradients begin where they are told to", "[linalg]") {
  const MatrixXd k = kernel.matrix(sphere(200, 4));
  const sst::DenseOperator dense(k);
  const MatrixXd b = MatrixXd::Random(200, 2);
  const auto first = conjugate_gradients(dense, 0.1, b, {}, {.tolerance = 1e-4});
  const auto then = conjugate_gradients(dense, 0.1, b, {}, {.tolerance = 1e-8, .start = first.x});
  CHECK(then.converged);
  CHECK(then.history.front() == Approx(first.residuals.maxCoeff()));
  CHECK(then.iterations < conjugate_gradients(dense, 0.1, b, {}, {.tolerance = 1e-8}).iterations);
  CHECK((then.x - exact(k, 0.1, b)).norm() <= 1e-6 * then.x.norm());
  CHECK_THROWS_WITH(conjugate_gradients(dense, 0.1, b, {}, {.start = MatrixXd::Zero(200, 1)}),
                    Contains("200 x 1"));
}

TEST_CASE("conjugate gradients say when they have not converged", "[linalg]") {
  const MatrixXd k = kernel.matrix(sphere(200, 4));
  const sst::DenseOperator dense(k);
  const MatrixXd b = MatrixXd::Random(200, 1);
  const auto limited = conjugate_gradients(dense, 1e-3, b, {}, {.tolerance = 1e-10, .iterations = 5});
  CHECK_FALSE(limited.converged);
  CHECK(limited.iterations == 5);
  CHECK_THAT(limited.message, Contains("limit of iterations"));
  const MatrixXd r = b - k * limited.x - 1e-3 * limited.x;
  CHECK(limited.residuals[0] == Approx(r.norm() / b.norm()).epsilon(1e-8));
  const auto impossible = conjugate_gradients(dense, 1e-3, b, {}, {.tolerance = 1e-18, .iterations = 5000});
  CHECK_FALSE(impossible.converged);
  CHECK(impossible.iterations < 5000);
  CHECK_THAT(impossible.message, Contains("rounding"));
}

TEST_CASE("products that are rounded by more than lambda lead no further, and are no error", "[linalg]") {
  const Index n = 60;
  std::srand(4);
  const MatrixXd f = MatrixXd::Random(n, 8), k = f * f.transpose(), b = MatrixXd::Random(n, 2);
  const double lambda = 1e-6;
  const MatrixXd rounded = k - 1e-4 * MatrixXd::Identity(n, n);  // with lambda it is indefinite
  const auto found =
      conjugate_gradients(sst::DenseOperator(rounded), sst::DenseOperator(k), lambda, b, {}, {});
  CHECK_FALSE(found.converged);
  CHECK(found.residuals.maxCoeff() <= 1);
  // The exact operator goes on from there.
  const auto rest =
      conjugate_gradients(sst::DenseOperator(k), lambda, b, {}, {.tolerance = 1e-6, .start = found.x});
  CHECK(rest.converged);
  CHECK_THROWS_AS(conjugate_gradients(sst::DenseOperator(rounded), lambda, b), sst::NotPositiveDefinite);
}

TEST_CASE("bad input of conjugate gradients is an error", "[linalg]") {
  const MatrixXd k = MatrixXd::Identity(4, 4), b = MatrixXd::Ones(4, 1);
  const sst::DenseOperator dense(k);
  CHECK_THROWS_WITH(conjugate_gradients(dense, 0, MatrixXd::Ones(3, 1)), Contains("3 rows"));
  CHECK_THROWS_WITH(conjugate_gradients(dense, -1, b), Contains("lambda -1"));
  CHECK_THROWS_WITH(conjugate_gradients(dense, 0, b, {}, {.tolerance = 0}), Contains("tolerance"));
  CHECK_THROWS_WITH(conjugate_gradients(dense, 0, b, {}, {.iterations = 0}), Contains("0 iterations"));
  CHECK_THROWS_AS(conjugate_gradients(dense, 0, b, {}, {.progress = [](double) { return false; }}),
                  sst::Cancelled);
  CHECK_THROWS_AS(conjugate_gradients(dense, 0, b * std::nan(""), {}), sst::DataError);
  const MatrixXd indefinite = -k, wide = MatrixXd::Ones(2, 3);
  CHECK_THROWS_AS(conjugate_gradients(sst::DenseOperator(indefinite), 0, b), sst::NotPositiveDefinite);
  CHECK_THROWS_WITH(conjugate_gradients(dense, 0, b, [](const MatrixXd& r) -> MatrixXd { return -r; }),
                    Contains("preconditioner"));
  CHECK_THROWS_WITH(sst::DenseOperator(wide), Contains("2 x 3"));
  CHECK_THROWS_WITH(columns_of(dense, {4}, 0, 3), Contains("column 4"));
  CHECK_THROWS_WITH(dense.apply(MatrixXd::Ones(3, 1)), Contains("3"));
}

TEST_CASE("randomly pivoted Cholesky explains a kernel by its columns", "[linalg]") {
  const Index n = 700;
  const MatrixXd k = kernel.matrix(sphere(n, 3));
  const sst::DenseOperator dense(k);
  double before = k.trace();
  for (const Index rank : {10, 100, 300}) {
    const auto low = randomly_pivoted_cholesky(dense, {.rank = rank, .block = 40, .seed = 5, .threads = 1});
    const MatrixXd rest = k - low.factor * low.factor.transpose();
    INFO("rank " << rank);
    CHECK(low.factor.cols() == rank);
    CHECK((rest.diagonal() - low.residual).cwiseAbs().maxCoeff() <= 1e-9);
    CHECK(rest.trace() < before);
    // Columns of pivots are exact: it interpolates.
    for (const Index pivot : low.pivots) CHECK(rest.col(pivot).norm() <= 1e-6 * k.col(pivot).norm());
    before = rest.trace();
    const auto threads =
        randomly_pivoted_cholesky(dense, {.rank = rank, .block = 40, .seed = 5, .threads = 3});
    CHECK(same_bits(threads.factor, low.factor));
    CHECK(randomly_pivoted_cholesky(dense, {.rank = rank, .block = 40, .seed = 6}).pivots != low.pivots);
  }
  // Within a factor of two of the best approximation: the trailing eigenvalues.
  const Eigen::SelfAdjointEigenSolver<MatrixXd> eigen(k, Eigen::EigenvaluesOnly);
  const auto low = randomly_pivoted_cholesky(dense, {.rank = 100, .block = 10});
  CHECK(low.residual.sum() <= 2 * eigen.eigenvalues().head(n - 100).sum());
}

TEST_CASE("a low-rank kernel is explained by its rank, and duplicates do no harm", "[linalg]") {
  std::srand(3);
  const MatrixXd x = MatrixXd::Random(200, 12).replicate(2, 1), k = x * x.transpose();
  const auto low = randomly_pivoted_cholesky(sst::DenseOperator(k), {.rank = 150, .block = 50});
  CHECK(low.factor.cols() <= 60);
  CHECK((k - low.factor * low.factor.transpose()).norm() <= 1e-7 * k.norm());
  const auto half =
      randomly_pivoted_cholesky(sst::DenseOperator(k), {.rank = 150, .block = 1, .tolerance = 0.5});
  CHECK(half.factor.cols() < 12);
  CHECK(half.residual.sum() <= 0.5 * k.trace());
}

TEST_CASE("the preconditioner is the inverse of F F' + mu I", "[linalg]") {
  std::srand(4);
  const Index n = 150, rank = 20;
  MatrixXd f = MatrixXd::Random(n, rank);
  for (Index c = 0; c < rank; ++c) f.col(c) *= std::pow(10.0, -0.3 * static_cast<double>(c));
  f.col(rank - 1) = f.col(0);  // rank - 1, in truth
  const MatrixXd r = MatrixXd::Random(n, 3);
  for (const double mu : {1.0, 1e-4, 1e-8}) {
    Wide m = f.cast<long double>() * f.cast<long double>().transpose();
    m.diagonal().array() += static_cast<long double>(mu);
    const MatrixXd wanted = m.llt().solve(r.cast<long double>()).cast<double>();
    const MatrixXd got = sst::LowRankPreconditioner(low_rank(f), mu, 1)(r);
    INFO("mu " << mu);
    CHECK((got - wanted).norm() <= 1e-13 / std::min(mu, 1e-2) * wanted.norm());
    CHECK(same_bits(sst::LowRankPreconditioner(low_rank(f), mu, 2)(r), got));
  }
}

TEST_CASE("ranks share the rows of a low-rank factor and of its inverse, to the bit", "[linalg]") {
  const Index n = 1700, rank = 150;
  const MatrixXd x = sphere(n, 5), r = MatrixXd::Random(n, 3);
  const sst::KernelOperator<double> k(tiles(x));
  const auto alone = randomly_pivoted_cholesky(k, {.rank = rank, .block = 40});
  const MatrixXd solved = sst::LowRankPreconditioner(alone, 0.01)(r);
  for (const int count : {1, 2, 3, 4, 6}) {  // of four panels: two of six ranks have no rows
    std::mutex mutex;
    std::vector<Index> rows(static_cast<std::size_t>(count));
    sst_test::as_ranks(count, [&](std::shared_ptr<const sst::Ranks> ranks) {
      const auto low =
          randomly_pivoted_cholesky(k, {.rank = rank, .block = 40, .threads = 1, .ranks = ranks});
      const MatrixXd ours = sst::LowRankPreconditioner(low, 0.01, 1, ranks)(r);
      const std::lock_guard lock(mutex);
      INFO("rank " << ranks->number() << " of " << count);
      rows[static_cast<std::size_t>(ranks->number())] = low.factor.rows();
      CHECK(low.pivots == alone.pivots);
      CHECK(same_bits(low.residual, alone.residual));
      CHECK(same_bits(low.factor, alone.factor.middleRows(low.first, low.factor.rows())));
      CHECK(same_bits(ours, solved));
    });
    CHECK(std::accumulate(rows.begin(), rows.end(), Index{0}) == n);
    CHECK(*std::max_element(rows.begin(), rows.end()) <= (n / 512 / count + 1) * 512);
  }
}

TEST_CASE("matrix-free, preconditioned: fewer iterations, the same answer", "[linalg]") {
  const Index n = 300;
  const MatrixXd x = sphere(n, 6), b = MatrixXd::Random(n, 2);
  const sst::KernelOperator<double> k(tiles(x));
  const double lambda = 1e-3 * k.diagonal().mean();
  const auto low = randomly_pivoted_cholesky(k, {.rank = 80});
  const sst::LowRankPreconditioner preconditioner(low, lambda + low.residual.mean());
  const MatrixXd whole = kernel.matrix(x);
  const auto plain = conjugate_gradients(sst::DenseOperator(whole), lambda, b, {}, {.tolerance = 1e-9});
  const auto faster = conjugate_gradients(k, lambda, b, preconditioner, {.tolerance = 1e-9});
  CHECK(faster.converged);
  CHECK(faster.iterations < plain.iterations / 2);
  const sst::KernelOperator<float> in_float(narrow_tiles(x));
  const auto refined =
      conjugate_gradients(in_float, k, lambda, b, preconditioner, {.tolerance = 1e-9, .reduction = 1e-4});
  CHECK(refined.converged);
  const MatrixXd wanted = exact(whole, lambda, b);
  CHECK((refined.x - wanted).norm() <= 1e-7 * wanted.norm());
  CHECK((faster.x - wanted).norm() <= 1e-7 * wanted.norm());
}

TEST_CASE("bad input of a low-rank factor is an error", "[linalg]") {
  const MatrixXd k = MatrixXd::Identity(3, 3), empty(0, 0), negative = -k;
  const sst::DenseOperator dense(k);
  CHECK_THROWS_WITH(randomly_pivoted_cholesky(dense, {.rank = 0}), Contains("rank 0"));
  CHECK_THROWS_WITH(randomly_pivoted_cholesky(dense, {.block = 0}), Contains("block 0"));
  CHECK_THROWS_AS(randomly_pivoted_cholesky(dense, {.progress = [](double) { return false; }}),
                  sst::Cancelled);
  CHECK_THROWS_WITH(randomly_pivoted_cholesky(sst::DenseOperator(empty)), Contains("empty"));
  CHECK_THROWS_WITH(randomly_pivoted_cholesky(sst::DenseOperator(negative)), Contains("row 0"));
  CHECK_THROWS_WITH(sst::LowRankPreconditioner(low_rank(k), 0), Contains("mu"));
  CHECK_THROWS_WITH(sst::LowRankPreconditioner(low_rank(MatrixXd::Ones(2, 3)), 1), Contains("2 x 3"));
  MatrixXd indefinite = k;
  indefinite(0, 1) = indefinite(1, 0) = 5;
  CHECK_THROWS_AS(randomly_pivoted_cholesky(sst::DenseOperator(indefinite)), sst::NotPositiveDefinite);
}

}  // namespace conjugate_gradients_tests
