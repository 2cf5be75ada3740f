// SPDX-License-Identifier: MIT
#include "../catch.hpp"
#include "../matrices.hpp"

#include <cstdint>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#ifdef __GLIBC__
#include <malloc.h>
#endif

#include <Eigen/Core>

#include <sst/base/fingerprint.hpp>
#include <sst/cluster/mpi_ranks.hpp>
#include <sst/cluster/predict.hpp>
#include <sst/kernel/kernel_operator.hpp>
#include <sst/kernel/network_kernel.hpp>
#include <sst/linalg/randomly_pivoted_cholesky.hpp>
#include <sst/regression/model.hpp>
#include <sst/topology/families.hpp>

namespace mpi_ranks_tests {

using Catch::Matchers::Contains;
using Eigen::Index;
using Eigen::MatrixXd;
using sst_test::same_bits;

namespace {

const auto ranks = [] { return std::make_shared<const sst::MpiRanks>(); };
const sst::KernelFunction kernel = sst::ntk(sst::sparse_shortcut(4, {.weight_std = 1.4, .bias_std = 0.1}));

/// Bytes of this process, by a line of what Linux says of it.
double status(const std::string& which) {
  std::ifstream in("/proc/self/status");
  for (std::string line; std::getline(in, line);)
    if (line.starts_with(which + ":")) return 1024 * std::stod(line.substr(which.size() + 1));
  return 0;
}

}  // namespace

TEST_CASE("MPI adds and collects over ranks, however long the list", "[cluster]") {
  const auto all = ranks();
  const std::int64_t count = all->count(), large = std::int64_t{1} << 60;
  std::vector<std::int64_t> values((1 << 24) + 5, all->number() + 1);
  values.back() = all->number() == 0 ? large : 1;
  all->sum(values.data(), values.size());
  CHECK(values.front() == count * (count + 1) / 2);
  CHECK(values[1 << 24] == values.front());
  CHECK(values.back() == large + count - 1);
  std::vector<double> numbers(7);
  for (std::size_t k = 0; k < numbers.size(); ++k)
    if (all->takes(k)) numbers[k] = 0.1 * static_cast<double>(k + 1);
  all->collect(numbers.data(), numbers.size());
  for (std::size_t k = 0; k < numbers.size(); ++k) CHECK(numbers[k] == 0.1 * static_cast<double>(k + 1));
  CHECK(all->least(5.0 - all->number()) == 6.0 - all->count());
  CHECK(all->neighbours() == all->count());  // of one machine
}

TEST_CASE("an operator over ranks has the bits of one process", "[cluster]") {
  std::srand(1);
  const Index n = 2300;
  const MatrixXd x = MatrixXd::Random(n, 6), right = MatrixXd::Random(n, 2);
  const sst::KernelOperator<double> alone(kernel.interface().in_double(x)->tiles());
  const double part = sst::KernelOperator<double>::bytes(n) / ranks()->count();
  for (const double memory : {0.0, 0.5 * part, 2 * part}) {
    const sst::KernelOperator<double> spread(kernel.interface().in_double(x)->tiles(),
                                             {.memory = memory, .ranks = ranks()});
    INFO("memory " << memory << ", kept " << spread.kept_bytes());
    CHECK(same_bits(spread.apply(right), alone.apply(right)));
    CHECK(same_bits(spread.diagonal(), alone.diagonal()));
    CHECK((memory == 0 || spread.kept_bytes() > 0));
    CHECK(spread.kept_bytes() <= std::min(memory, 1.2 * part + 512 * 512 * 8));
  }
}

TEST_CASE("randomly pivoted Cholesky and conjugate gradients run over ranks as they are", "[cluster]") {
  std::srand(2);
  const Index n = 1500;
  const MatrixXd x = MatrixXd::Random(n, 6), y = MatrixXd::Random(n, 2), at = MatrixXd::Random(9, 6);
  const auto fitted = [&](std::shared_ptr<const sst::Ranks> with) {
    return sst::fit(
        kernel, x, y, sst::Ridge::relative(1e-3),
        {.solver = sst::Solver::conjugate_gradients, .rank = 50, .memory = 1e9, .ranks = std::move(with)});
  };
  const auto alone = fitted(nullptr), spread = fitted(ranks());
  CHECK(same_bits(spread.weights(), alone.weights()));
  CHECK(spread.report().iterations == alone.report().iterations);
  const MatrixXd mean = sst::predict(spread, at, *ranks());
  CHECK((mean - alone.predict(at)).norm() <= 1e-12 * mean.norm());
}

#ifdef __GLIBC__
TEST_CASE("a rank takes the memory that was stated", "[cluster]") {
  std::srand(3);
  const Index n = 7000;
  const MatrixXd x = MatrixXd::Random(n, 6), y = MatrixXd::Random(n, 2);
  const auto all = ranks();
  const sst::FitOptions options{
      .solver = sst::Solver::conjugate_gradients, .rank = 300, .memory = 1e9, .threads = 1, .ranks = all};
  const auto fitted = [&] { return sst::fit(kernel, x, y, sst::Ridge::relative(1e-2), options); };
  fitted();  // libraries take what they need once
  malloc_trim(0);
  std::ofstream("/proc/self/clear_refs") << 5;  // the peak from here on
  const double before = status("VmRSS");
  const auto model = fitted();
  const double used = status("VmHWM") - before, stated = model.report().memory;
  INFO("rank " << all->number() << " of " << all->count() << " used " << used << " bytes of " << stated);
  CHECK(stated <= options.memory);
  CHECK(used <= 1.15 * stated);
  CHECK(stated <= 1.3 * used);  // buffers are stated as if all were used
}
#endif

}  // namespace mpi_ranks_tests
