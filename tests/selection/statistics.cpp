// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include <sst/selection/bootstrap.hpp>
#include <sst/selection/distributions.hpp>
#include <sst/selection/friedman.hpp>
#include <sst/selection/paired_tests.hpp>
#include <sst/selection/ranks.hpp>

#include "../catch.hpp"

// Reference values without another source are of scipy 1.17.1.

namespace statistics_tests {

using Catch::Matchers::Contains;
using sst::Better;

namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr double infinity = std::numeric_limits<double>::infinity();

// Demsar 2006, table 6: ranks by AUC of C4.5, C4.5+m, C4.5+cf and C4.5+m+cf on 14 data sets.
Eigen::MatrixXd demsar() {
  Eigen::MatrixXd out(14, 4);
  out << 4, 3, 2, 1, 1, 2, 3, 4, 4, 1, 2, 3, 4, 1, 3, 2, 4, 2, 3, 1, 1, 2.5, 4, 2.5, 3, 2, 4, 1, 2.5, 2.5, 4,
      1, 4, 3, 2, 1, 2.5, 2.5, 2.5, 2.5, 4, 2.5, 1, 2.5, 3, 2, 4, 1, 4, 1, 2, 3, 3, 1, 4, 2;
  return out;
}

Eigen::VectorXd twelve() {
  return Eigen::VectorXd{{0.12, -0.31, 0.45, 0.50, -0.07, 0.81, 0.33, 0.95, -0.22, 0.61, 0.18, 1.02}};
}
Eigen::VectorXd ten() {
  return Eigen::VectorXd{{0.10, 0.05, -0.02, 0.07, 0.11, 0.00, 0.04, 0.08, -0.01, 0.06}};
}
Eigen::VectorXd zeros(Eigen::Index n) { return Eigen::VectorXd::Zero(n); }

void check_close(double found, double wanted, double tolerance = 1e-12) {
  INFO("found " << found << ", wanted " << wanted << ", relative difference " << found / wanted - 1);
  CHECK(std::abs(found - wanted) <= tolerance * std::abs(wanted));
}

}  // namespace

TEST_CASE("tails of chi-squared and F, small ones too", "[selection]") {
  // chi2.sf(x, df)
  check_close(sst::chi_squared_tail(9.28, 3), 0.025790724198756772);
  check_close(sst::chi_squared_tail(50, 2), 1.3887943864964e-11);
  check_close(sst::chi_squared_tail(700, 9), 6.916357838795454e-145);
  CHECK(sst::chi_squared_tail(0, 5) == 1);
  CHECK(sst::chi_squared_tail(infinity, 5) == 0);
  // f.sf(f, d1, d2)
  check_close(sst::f_tail(3.69, 3, 39), 0.01974409968948888);
  check_close(sst::f_tail(1000, 3, 39), 6.539254164383645e-37);
  check_close(sst::f_tail(0.2, 7, 200), 0.9851857246578298);
  check_close(sst::f_tail(20, 1, 1), 0.140048696093102);
  CHECK(sst::f_tail(0, 2, 3) == 1);
  CHECK(sst::f_tail(infinity, 2, 3) == 0);
  // With 2 degrees of freedom: exp(-x / 2) and (1 + 2 f / d2)^(-d2 / 2).
  for (const double x : {1e-3, 0.5, 3.0, 30.0, 1000.0}) {
    check_close(sst::chi_squared_tail(x, 2), std::exp(-x / 2));
    for (const double d2 : {1.0, 7.0, 400.0})
      check_close(sst::f_tail(x, 2, d2), std::exp(-d2 / 2 * std::log1p(2 * x / d2)));
  }
  CHECK_THROWS_WITH(sst::chi_squared_tail(-1, 3), Contains("never below 0"));
  CHECK_THROWS_WITH(sst::f_tail(nan, 3, 3), Contains("never below 0"));
  CHECK_THROWS_WITH(sst::f_tail(1, 0, 3), Contains("degrees of freedom"));
}

TEST_CASE("quantiles of Student's t distribution", "[selection]") {
  // t.ppf(p, df)
  check_close(sst::student_t_quantile(0.975, 9), 2.262157162798205);
  check_close(sst::student_t_quantile(0.025, 1), -12.706204736174705);
  check_close(sst::student_t_quantile(1e-20, 4), -131607.4012825853);
  check_close(sst::student_t_quantile(0.6, 250), 0.2536168815819393);
  CHECK(sst::student_t_quantile(0.5, 3) == 0);
  CHECK_THROWS_WITH(sst::student_t_quantile(0, 3), Contains("probability"));
  CHECK_THROWS_WITH(sst::student_t_quantile(0.5, nan), Contains("degrees of freedom"));
}

TEST_CASE("the studentized range with infinitely many degrees of freedom", "[selection]") {
  // studentized_range.sf(q, k, inf) and .isf(alpha, k, inf)
  check_close(sst::studentized_range_tail(3.633, 4), 0.0500149789953781, 1e-10);
  check_close(sst::studentized_range_tail(1, 10), 0.9994801305445359, 1e-10);
  check_close(sst::studentized_range_tail(8, 5), 1.5380313811430568e-07, 1e-7);  // 1 - cdf there
  check_close(sst::studentized_range_quantile(0.05, 4), 3.6331595749026278, 1e-10);
  check_close(sst::studentized_range_quantile(0.01, 100), 6.635541907441475, 1e-10);
  // The difference of two normal variables: erfc(q / 2).
  for (const double q : {0.01, 1.0, 5.0, 20.0})
    check_close(sst::studentized_range_tail(q, 2), std::erfc(q / 2));
  CHECK(sst::studentized_range_tail(0, 7) == Approx(1).epsilon(1e-13));
  CHECK(sst::studentized_range_tail(infinity, 7) == 0);
  CHECK_THROWS_WITH(sst::studentized_range_tail(1, 1), Contains("2 variables or more"));
  CHECK_THROWS_WITH(sst::studentized_range_quantile(1, 3), Contains("alpha"));
}

TEST_CASE("ranks share the average where results tie", "[selection]") {
  const Eigen::VectorXd values{{3, 1, 2, 2, 5, 2}};
  // rankdata
  CHECK(sst::ranks(values) == Eigen::VectorXd{{5, 1, 3, 3, 6, 3}});
  CHECK(sst::ranks(values, Better::larger) == Eigen::VectorXd{{2, 6, 4, 4, 1, 4}});
  CHECK(sst::ranks(Eigen::VectorXd{{infinity, 1, infinity}}) == Eigen::VectorXd{{2.5, 1, 2.5}});
  CHECK(sst::ranks(Eigen::VectorXd()).size() == 0);
  CHECK_THROWS_WITH(sst::ranks(Eigen::VectorXd{{1, nan}}), Contains("result 1 is NaN"));
  Eigen::MatrixXd bad = demsar();
  bad(3, 2) = nan;
  CHECK_THROWS_WITH(sst::average_ranks(bad, Better::smaller), Contains("data set 3: result 2 is NaN"));
  CHECK_THROWS_WITH(sst::average_ranks(bad.leftCols(1), Better::smaller), Contains("1 methods"));
  CHECK_THROWS_WITH(sst::average_ranks(bad.topRows(1), Better::smaller), Contains("1 data sets"));
}

TEST_CASE("Friedman's test on the example of Demsar 2006", "[selection]") {
  const sst::FriedmanTest test = sst::friedman_test(demsar(), Better::smaller);
  const std::vector<double> published{3.143, 2.000, 2.893, 1.964};
  for (Eigen::Index j = 0; j < 4; ++j)
    CHECK(std::abs(test.average_ranks[j] - published[static_cast<std::size_t>(j)]) < 5e-4);
  // Published without a correction of ties.
  const double uncorrected = test.chi_squared * test.tie_factor;
  CHECK(std::abs(uncorrected - 9.28) < 5e-3);
  CHECK(std::abs(13 * uncorrected / (14 * 3 - uncorrected) - 3.69) < 5e-3);
  // friedmanchisquare, and f.sf of F_F
  check_close(test.tie_factor, 1 - 78.0 / (14 * 60));
  check_close(test.chi_squared, 10.228346456692925);
  check_close(test.chi_squared_p, 0.016721580328441323);
  check_close(test.f, 4.1851301115241695);
  check_close(test.f_p, 0.011620659515310975);

  const sst::FriedmanTest turned = sst::friedman_test(-demsar(), Better::larger);
  CHECK(turned.average_ranks == test.average_ranks);
  CHECK(turned.f_p == test.f_p);
}

TEST_CASE("Friedman's test where all rows agree, and where all methods tie", "[selection]") {
  const Eigen::MatrixXd agree = Eigen::RowVector3d(0.1, 0.2, 0.3).replicate(5, 1);
  const sst::FriedmanTest test = sst::friedman_test(agree, Better::smaller);
  CHECK(test.chi_squared == Approx(10));
  CHECK(test.f == infinity);
  CHECK(test.f_p == 0);
  const sst::FriedmanTest ties = sst::friedman_test(Eigen::MatrixXd::Ones(5, 3), Better::smaller);
  CHECK(ties.chi_squared == 0);
  CHECK(ties.chi_squared_p == 1);
  CHECK(ties.f == 0);
  CHECK(ties.f_p == 1);
}

TEST_CASE("Nemenyi's critical difference and the groups that it leaves", "[selection]") {
  // Demsar 2006: table 5a, and the example, whose groups at 0.10 are in figure 1a.
  const std::vector<double> table{1.960, 2.343, 2.569, 2.728, 2.850, 2.949, 3.031, 3.102, 3.164};
  for (int k = 2; k <= 10; ++k)
    CHECK(std::abs(sst::studentized_range_quantile(0.05, k) / std::sqrt(2.0) -
                   table[static_cast<std::size_t>(k - 2)]) < 1.1e-3);
  CHECK(std::abs(sst::critical_difference(4, 14) - 1.25) < 5e-3);
  const double difference = sst::critical_difference(4, 14, 0.10);
  CHECK(std::abs(difference - 1.12) < 5e-3);
  const Eigen::VectorXd average = sst::average_ranks(demsar(), Better::smaller);
  using Groups = std::vector<std::vector<Eigen::Index>>;
  CHECK(sst::rank_cliques(average, difference) == Groups{{3, 1, 2}, {2, 0}});
  CHECK(sst::rank_cliques(average, sst::critical_difference(4, 14)) == Groups{{3, 1, 2, 0}});
  CHECK(sst::rank_cliques(Eigen::VectorXd{{1, 3, 2}}, 1).empty());  // by CD at least: they differ
  CHECK(sst::rank_cliques(Eigen::VectorXd{{5, 1, 1.5, 5.5, 3}}, 1) == Groups{{1, 2}, {0, 3}});

  CHECK_THROWS_WITH(sst::critical_difference(1, 10), Contains("2 of each at least"));
  CHECK_THROWS_WITH(sst::critical_difference(3, 1), Contains("2 of each at least"));
  CHECK_THROWS_WITH(sst::critical_difference(3, 10, nan), Contains("alpha"));
  CHECK_THROWS_WITH(sst::rank_cliques(Eigen::VectorXd{{1, nan}}, 1), Contains("2 finite ranks"));
  CHECK_THROWS_WITH(sst::rank_cliques(Eigen::VectorXd{{1, 2}}, 0), Contains("positive difference"));
}

TEST_CASE("Wilcoxon's test is exact for few pairs, ties or not", "[selection]") {
  // wilcoxon(x, method="exact")
  const sst::WilcoxonTest test = sst::wilcoxon_test(twelve(), zeros(12));
  CHECK(test.count == 12);
  CHECK(test.positive == 68);
  CHECK(test.negative == 10);
  CHECK(test.p == 0.02099609375);
  CHECK(test.exact);
  CHECK(sst::wilcoxon_test(zeros(12), twelve()).p == test.p);
  // wilcoxon(x without its zero, method=PermutationMethod(n_resamples=inf))
  const Eigen::VectorXd tied{{1, -1, 2, 2, -3, 4, 4, 4, 5, -2, 6, 0}};
  const sst::WilcoxonTest ties = sst::wilcoxon_test(tied, zeros(12));
  CHECK(ties.count == 11);
  CHECK(ties.negative == 11.5);
  CHECK(ties.p == 0.0556640625);
  // All of one sign: 2 / 2^n.
  check_close(sst::wilcoxon_test(Eigen::VectorXd::LinSpaced(100, 1, 100), zeros(100)).p,
              std::ldexp(1.0, -99));
  CHECK(sst::wilcoxon_test(zeros(5), zeros(5)).p == 1);
  CHECK(sst::wilcoxon_test(Eigen::VectorXd{{1, -1}}, zeros(2)).p == 1);
}

TEST_CASE("Wilcoxon's test of many pairs is that of the normal distribution", "[selection]") {
  Eigen::VectorXd many(150);
  for (int i = 1; i <= 150; ++i) many[i - 1] = (i * 37 % 101 - 40) / 8.0;
  // wilcoxon(x, method="approx", correction=False)
  const sst::WilcoxonTest test = sst::wilcoxon_test(many, zeros(150));
  CHECK(test.count == 148);
  CHECK(!test.exact);
  CHECK(test.negative == 3468.5);
  check_close(test.p, 9.081796204021409e-05);
}

TEST_CASE("Holm's correction", "[selection]") {
  const Eigen::VectorXd corrected = sst::holm_correction(Eigen::VectorXd{{0.01, 0.04, 0.03, 0.005, 0.9}});
  CHECK((corrected - Eigen::VectorXd{{0.04, 0.09, 0.09, 0.025, 0.9}}).cwiseAbs().maxCoeff() < 1e-15);
  CHECK(sst::holm_correction(Eigen::VectorXd{{0.6, 0.7}}) == Eigen::VectorXd{{1, 1}});
  CHECK_THROWS_WITH(sst::holm_correction(Eigen::VectorXd()), Contains("no p-values"));
  CHECK_THROWS_WITH(sst::holm_correction(Eigen::VectorXd{{0.1, nan}}), Contains("p-value 1"));
}

TEST_CASE("two methods of other lengths, one pair and numbers that are not finite are refused",
          "[selection]") {
  const Eigen::VectorXd two = zeros(2), three = zeros(3), bad{{1, infinity}};
  CHECK_THROWS_WITH(sst::wilcoxon_test(two, three), Contains("has 2 results and the second has 3"));
  CHECK_THROWS_WITH(sst::bayesian_signed_rank(zeros(1), zeros(1), 0), Contains("2 or more"));
  CHECK_THROWS_WITH(sst::compare_on_splits(two, bad, 9, 1, Better::larger), Contains("pair 1"));
  CHECK_THROWS_WITH(sst::bayesian_signed_rank(two, two, -1), Contains("practical equivalence"));
  CHECK_THROWS_WITH(sst::bayesian_signed_rank(two, two, nan), Contains("practical equivalence"));
  CHECK_THROWS_WITH(sst::bayesian_signed_rank(two, two, 0, 0, 0), Contains("0 draws"));
  CHECK_THROWS_WITH(sst::compare_on_splits(two, two, 0, 1, Better::larger), Contains("0 rows to train on"));
}

TEST_CASE("the Bayesian signed-rank test has the exact probabilities where they are known", "[selection]") {
  // Both differences are 1: right unless w_0^2 >= 1/2, w_0 ~ Beta(1/2, 2), beta.cdf(sqrt(1/2), 1/2, 2).
  const int draws = 200000;
  const auto two = sst::bayesian_signed_rank(Eigen::VectorXd{{1, 1}}, zeros(2), 0, 0, draws);
  CHECK(two.left == 0);
  CHECK(std::abs(two.right - 0.9640428441298919) < 4 * std::sqrt(0.25 / draws));
  CHECK(two.left + two.rope + two.right == Approx(1));
  // Differences about 0: left and right are alike.
  const auto even =
      sst::bayesian_signed_rank(Eigen::VectorXd{{1, -1, 2, -2, 3, -3}}, zeros(6), 0.1, 1, draws);
  CHECK(std::abs(even.left - even.right) < 4 * std::sqrt(1.0 / draws));
  // All within the region, however the weights fall.
  CHECK(sst::bayesian_signed_rank(ten(), zeros(10), 0.11).rope == 1);
  CHECK(sst::bayesian_signed_rank(zeros(3), zeros(3), 0).rope == 1);
}

TEST_CASE("the Bayesian signed-rank test against another Monte Carlo program", "[selection]") {
  // numpy: 2,000,000 draws of random.default_rng(1).dirichlet, and the double sums over all pairs.
  const int draws = 200000;
  const auto check = [&](const Eigen::VectorXd& d, double rope, double middle, double right) {
    const auto found = sst::bayesian_signed_rank(d, zeros(d.size()), rope, 3, draws);
    const double error = 4 * std::sqrt(0.25 / draws + 0.25 / 2000000);
    CHECK(std::abs(found.rope - middle) < error);
    CHECK(std::abs(found.right - right) < error);
    // The other way about, by other draws.
    const auto mirrored = sst::bayesian_signed_rank(zeros(d.size()), d, rope, 4, draws);
    CHECK(std::abs(mirrored.left - right) < error);
  };
  check(twelve(), 0.35, 0.4906655, 0.5093345);
  check(ten(), 0.031, 0.1887455, 0.8112545);
  check(Eigen::VectorXd{{0.3, -0.1, 0.2}}, 0.12, 0.583524, 0.416476);
  const auto once = sst::bayesian_signed_rank(ten(), zeros(10), 0.031, 7, 1000);
  const auto twice = sst::bayesian_signed_rank(ten(), zeros(10), 0.031, 7, 1000);
  CHECK(once.rope == twice.rope);
  CHECK(once.rope != sst::bayesian_signed_rank(ten(), zeros(10), 0.031, 8, 1000).rope);
}

TEST_CASE("methods compared over the splits of one data set", "[selection]") {
  // Nine rows to train on for each to test on; t.ppf(0.975, 9) * sqrt((1/10 + 1/9) * var(d, ddof=1))
  const sst::SplitComparison found = sst::compare_on_splits(ten(), zeros(10), 90, 10, Better::larger);
  check_close(found.difference.value, 0.048);
  check_close(found.difference.low, 0.0007995595660743732, 1e-11);
  check_close(found.difference.high, 0.09520044043392563);
  CHECK(found.wins == Approx(0.75));  // seven wins, a tie and two losses
  CHECK(sst::compare_on_splits(ten(), zeros(10), 90, 10, Better::smaller).wins == Approx(0.25));
}

TEST_CASE("bootstrap intervals of the mean and of any statistic", "[selection]") {
  // bootstrap((x,), np.mean, method="percentile"), 200,000 resamples: 0.1258 to 0.6017
  const sst::Interval mean = sst::bootstrap_mean(twelve(), 1);
  check_close(mean.value, twelve().mean());
  CHECK(std::abs(mean.low - 0.1258) < 0.01);
  CHECK(std::abs(mean.high - 0.6017) < 0.01);
  CHECK(sst::bootstrap_mean(twelve(), 1).low == mean.low);
  const sst::Interval largest =
      sst::bootstrap_interval(twelve(), [](const Eigen::VectorXd& x) { return x.maxCoeff(); });
  CHECK(largest.value == 1.02);
  CHECK(largest.high == 1.02);
  CHECK(largest.low == 0.61);  // the ninth of twelve: (9/12)^12 is 3.2 %, (8/12)^12 is 0.8 %
  CHECK_THROWS_WITH(sst::bootstrap_mean(zeros(1)), Contains("2 or more"));
  CHECK_THROWS_WITH(sst::bootstrap_mean(Eigen::VectorXd{{1, nan}}), Contains("all finite"));
  CHECK_THROWS_WITH(sst::bootstrap_mean(twelve(), 0, 0), Contains("0 resamples"));
  CHECK_THROWS_WITH(sst::bootstrap_interval(twelve(), [](const Eigen::VectorXd&) { return nan; }),
                    Contains("statistic is not finite"));
}

TEST_CASE("Kendall's tau-b and its interval", "[selection]") {
  const Eigen::VectorXd x{{3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8}}, y{{2, 7, 1, 8, 2, 8, 1, 8, 2, 8, 4, 5}};
  // kendalltau; bootstrap((x, y), kendalltau, paired=True, method="percentile"): -0.36 to 0.74
  const sst::Interval tau = sst::kendall_tau(x, y, 1, 4000);
  check_close(tau.value, 0.17109647770728875);
  CHECK(std::abs(tau.low + 0.360) < 0.03);
  CHECK(std::abs(tau.high - 0.735) < 0.03);
  const sst::Interval perfect = sst::kendall_tau(x, -x);
  CHECK(perfect.value == Approx(-1));
  CHECK(perfect.high == Approx(-1));
  CHECK_THROWS_WITH(sst::kendall_tau(x, y.head(3)), Contains("12 and 3 numbers"));
  CHECK_THROWS_WITH(sst::kendall_tau(x.head(2), y.head(2)), Contains("3 pairs or more"));
  CHECK_THROWS_WITH(sst::kendall_tau(x, zeros(12)), Contains("all numbers of one list are equal"));
}

}  // namespace statistics_tests
