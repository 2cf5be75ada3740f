// SPDX-License-Identifier: MIT
#include "../catch.hpp"
#include "../matrices.hpp"

#include <atomic>
#include <cstdint>
#include <memory>

#include <Eigen/Core>

#include <sst/cluster/cost.hpp>
#include <sst/cluster/mpi_ranks.hpp>
#include <sst/cluster/spread_model.hpp>
#include <sst/kernel/own_kernel.hpp>
#include <sst/regression/model.hpp>

namespace {

/// What this process sends to one other, counted where BLACS calls MPI.
std::int64_t sent_bytes = 0, sent_messages = 0;

void count_message(int count, MPI_Datatype type) {
  int size = 0;
  PMPI_Type_size(type, &size);
  sent_bytes += std::int64_t{count} * size;
  ++sent_messages;
}

}  // namespace

extern "C" {
int MPI_Send(const void* data, int count, MPI_Datatype type, int to, int tag, MPI_Comm ranks) {
  count_message(count, type);
  return PMPI_Send(data, count, type, to, tag, ranks);
}
int MPI_Rsend(const void* data, int count, MPI_Datatype type, int to, int tag, MPI_Comm ranks) {
  count_message(count, type);
  return PMPI_Rsend(data, count, type, to, tag, ranks);
}
int MPI_Isend(const void* data, int count, MPI_Datatype type, int to, int tag, MPI_Comm ranks,
              MPI_Request* request) {
  count_message(count, type);
  return PMPI_Isend(data, count, type, to, tag, ranks, request);
}
}

namespace cost_tests {

using Eigen::MatrixXd;

namespace {

std::atomic<std::int64_t> pairs = 0;

/// A kernel that counts what is computed of it.
sst::KernelFunction counting() {
  return sst::kernel_function("counting", [](const auto& a, const auto& b) {
    ++pairs;
    return std::exp(-(a - b).squaredNorm());
  });
}

/// Of all ranks.
double mean(std::int64_t count, const sst::Ranks& ranks) {
  ranks.sum(&count, 1);
  return static_cast<double>(count) / ranks.count();
}

/// Counts what is sent.
class CountingRanks final : public sst::Ranks {
 public:
  explicit CountingRanks(const sst::MpiRanks& ranks) : Ranks(ranks.number(), ranks.count()), ranks_(ranks) {}
  void sum(std::int64_t* values, std::size_t count) const override {
    count_in(count), ranks_.sum(values, count);
  }
  void collect(double* values, std::size_t count) const override {
    count_in(count), ranks_.collect(values, count);
  }
  int neighbours() const override { return ranks_.neighbours(); }
  mutable double messages = 0, bytes = 0;

 private:
  void count_in(std::size_t count) const { ++messages, bytes += 8.0 * static_cast<double>(count); }
  const sst::MpiRanks& ranks_;
};

}  // namespace

TEST_CASE("the cost of conjugate gradients is what they do", "[cluster]") {
  const sst::MpiRanks mpi;
  const auto ranks = std::make_shared<const CountingRanks>(mpi);
  const Eigen::Index n = 2500;
  const MatrixXd x = sst_test::uniform(n, 3, 1), y = sst_test::uniform(n, 2, 2);
  pairs = 0;
  const auto model = sst::fit(
      counting(), x, y, sst::Ridge::relative(1e-2),
      {.solver = sst::Solver::conjugate_gradients, .rank = 200, .memory = 1e9, .threads = 1, .ranks = ranks});
  // Of all ranks: shares differ by a tile.
  const double done = mean(pairs, mpi), sent = ranks->bytes;
  const auto cost = sst::conjugate_gradient_cost(n, 2, 200, model.report().iterations, mpi.count());
  INFO(model.report().sentence);
  CHECK(done == Approx(cost.pairs).epsilon(0.01));
  const double most = -mpi.least(-model.report().memory);
  CHECK(most == Approx(cost.memory).epsilon(0.1));
  if (mpi.count() > 1) {
    CHECK(sent == Approx(cost.message_bytes).epsilon(0.15));
    CHECK(ranks->messages == Approx(cost.messages).epsilon(0.15));
  }
}

TEST_CASE("the cost of a factor over ranks is what it does", "[cluster]") {
  const auto mpi = std::make_shared<const sst::MpiRanks>();
  const Eigen::Index n = 1500;
  const MatrixXd x = MatrixXd::Random(n, 3), y = MatrixXd::Random(n, 1);
  pairs = 0;
  const auto tiles = counting().against(x).tiles();
  sent_bytes = sent_messages = 0;
  const sst::ScalapackCholesky factor(*tiles, Eigen::VectorXd::Constant(n, 0.01), mpi, {.threads = 1});
  const double bytes = mean(sent_bytes, *mpi), messages = mean(sent_messages, *mpi);
  const auto cost = sst::cholesky_cost(n, 1, mpi->count());
  CHECK(mean(pairs, *mpi) == Approx(cost.pairs).epsilon(0.02));
  if (mpi->count() > 1) {
    // From summed bytes to those that are sent.
    CHECK(bytes == Approx(cost.message_bytes * 2 * (mpi->count() - 1) / mpi->count()).epsilon(0.15));
    CHECK(messages == Approx(cost.messages).epsilon(0.35));
  }
}

TEST_CASE("rates are measured, the same in all ranks", "[cluster]") {
  const auto ranks = std::make_shared<const sst::MpiRanks>();
  const sst::MpiRanks& mpi = *ranks;
  const auto rates = sst::measure_rates(counting(), MatrixXd::Random(300, 3), mpi, 1);
  for (const double rate : {rates.pairs, rates.flops, rates.bytes, rates.new_bytes, rates.message_bytes,
                            rates.latency, sst::measure_factor_flops(rates, ranks)}) {
    CHECK(rate > 0);
    CHECK(std::isfinite(rate));
    CHECK(mpi.least(rate) == rate);
    CHECK(-mpi.least(-rate) == rate);
  }
}

}  // namespace cost_tests
