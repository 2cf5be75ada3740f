// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <exception>
#include <iostream>
#include <memory>
#include <optional>
#include <streambuf>
#include <string>
#include <thread>

#include <Eigen/Core>

#include <sst/base/execution.hpp>
#include <sst/cluster/mpi_ranks.hpp>
#include <sst/cluster/predict.hpp>
#include <sst/cluster/spread_model.hpp>
#include <sst/error.hpp>
#include <sst/pipeline/table_model.hpp>

#include "interrupt.hpp"
#include "regress_settings.hpp"
#include "spreading.hpp"

/// \file
/// Where the work of cluster_regression is done: in the processes that mpiexec started.

namespace program {

/// Every process reads the files and comes to the same choices; what is dear is shared, and the first writes.
class ClusterSpreading final : public Spreading {
 public:
  /// The exit status; after a failure the other processes, which may wait for this one, end too.
  static int end(int status) {
    int started = 0, finished = 0;
    MPI_Initialized(&started);
    MPI_Finalized(&finished);
    if (status != 0 && started && !finished) MPI_Abort(MPI_COMM_WORLD, status);
    return status;
  }

  ClusterSpreading() {
    int threads = 0;  // MPI is called by one of them
    MPI_Init_thread(nullptr, nullptr, MPI_THREAD_FUNNELED, &threads);
    ranks_ = std::make_shared<const sst::MpiRanks>();
    if (speaks()) return;
    silent = true;
    for (std::ostream* stream :
         {static_cast<std::ostream*>(&std::cout), static_cast<std::ostream*>(&std::cerr)})
      stream->rdbuf(&nowhere_);
  }
  ~ClusterSpreading() override {
    spread_.reset();
    if (std::uncaught_exceptions() == 0) {
      ranks_.reset();
      MPI_Finalize();
    } else if (!speaks()) {  // what goes wrong in all processes, the first one says
      std::this_thread::sleep_for(std::chrono::seconds(2));
      silent = false;
    }
    std::cout.rdbuf(out_);
    std::cerr.rdbuf(err_);
  }

  /// What takes the factor in one process, or one standard input.
  void require(const Options& o) const override {
    const auto refuse = [](const std::string& what, const std::string& why) {
      throw sst::Error(what + " is not for several processes (" + why +
                       "); save the model with --save, and let regress --load go on with it on one machine");
    };
    if (o.std) refuse("--std", "it takes the factor in one process");
    if (o.interval > 0) refuse("--interval", "it takes the factor in one process");
    if (o.classify) refuse("--classify", "probabilities take the factor in one process");
    if (o.factor) refuse("--save-factor", "no process has all of it");
    if (o.seconds > 0) refuse("--seconds", "their clocks differ, and with them what each would choose");
    if (!o.load.empty() && !o.train.empty())
      refuse("--train with --load", "it takes the factor in one process");
    if (o.train == "-" || o.test == "-")
      throw sst::Error("standard input reaches one process alone; give files that all of them see");
  }
  bool speaks() const override { return ranks_->number() == 0; }
  std::shared_ptr<const sst::Ranks> ranks() const override { return ranks_; }

  /// By a factor that processes hold together, where Cholesky is asked for.
  sst::Model fit(const sst::KernelFunction& kernel, const sst::DataRef& x, const Eigen::MatrixXd& y,
                 const sst::Ridge& ridge, const sst::FitOptions& how) override {
    if (how.solver != sst::Solver::cholesky) return sst::fit(kernel, x, y, ridge, how);
    spread_.emplace(kernel, x, y, ridge, ranks_, sst::Execution{how.threads, how.progress});
    return spread_->model();
  }
  std::optional<Eigen::MatrixXd> left_out() const override {
    return spread_ ? std::optional<Eigen::MatrixXd>(spread_->leave_one_out()) : std::nullopt;
  }
  Eigen::MatrixXd predict(const sst::TableModel& model, const Eigen::MatrixXd& samples,
                          const sst::Execution& execution) const override {
    return model.unscaled(sst::predict(model.model, model.scaled(samples), *ranks_, execution));
  }

 private:
  struct Nowhere final : std::streambuf {
    int overflow(int c) override { return traits_type::not_eof(c); }
  } nowhere_;
  std::streambuf *out_ = std::cout.rdbuf(), *err_ = std::cerr.rdbuf();
  std::shared_ptr<const sst::MpiRanks> ranks_;
  std::optional<sst::SpreadModel> spread_;
};

}  // namespace program
