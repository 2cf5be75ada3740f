// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <optional>

#include <Eigen/Core>

#include <sst/base/execution.hpp>
#include <sst/base/ranks.hpp>
#include <sst/pipeline/table_model.hpp>
#include <sst/regression/model.hpp>

#include "regress_options.hpp"

/// \file
/// Where the work of regress is done: in this process. spreading_mpi.hpp has the same for many.

namespace program {

class Spreading {
 public:
  static constexpr const char* program = "regress";
  static constexpr const char* about = "Kernel regression with exactly infinite networks, on your own table";
  /// The exit status, once nothing more is to be done.
  static int end(int status) { return status; }

  /// Throws sst::Error for options that have no effect here.
  void require(const Options&) const {}
  /// Whether this process writes what is to be written.
  bool speaks() const { return true; }
  /// Those that share the work; none: there are no others.
  std::shared_ptr<const sst::Ranks> ranks() const { return nullptr; }

  sst::Model fit(const sst::KernelFunction& kernel, const sst::DataRef& x, const Eigen::MatrixXd& y,
                 const sst::Ridge& ridge, const sst::FitOptions& how) {
    return sst::fit(kernel, x, y, ridge, how);
  }
  /// Leave-one-out predictions of the model that was fitted last, where its factor is not in one process.
  std::optional<Eigen::MatrixXd> left_out() const { return std::nullopt; }
  Eigen::MatrixXd predict(const sst::TableModel& model, const Eigen::MatrixXd& samples,
                          const sst::Execution& execution) const {
    return model.predict(samples, execution);
  }
};

}  // namespace program
