// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <optional>

#include <Eigen/Core>

#include <sst/base/execution.hpp>
#include <sst/base/ranks.hpp>
#include <sst/pipeline/table_model.hpp>
#include <sst/regression/model.hpp>

#include "regress_settings.hpp"

/// \file
/// Where the work of regress is done: in this process. cluster_spreading.hpp has the same for many.

namespace program {

class Spreading {
 public:
  Spreading() = default;
  virtual ~Spreading() = default;
  Spreading(const Spreading&) = delete;
  Spreading& operator=(const Spreading&) = delete;

  /// Throws sst::Error for options that have no effect here.
  virtual void require(const Options&) const {}
  /// Whether this process writes what is to be written.
  virtual bool speaks() const { return true; }
  /// Those that share the work; none: there are no others.
  virtual std::shared_ptr<const sst::Ranks> ranks() const { return nullptr; }

  virtual sst::Model fit(const sst::KernelFunction& kernel, const sst::DataRef& x, const Eigen::MatrixXd& y,
                         const sst::Ridge& ridge, const sst::FitOptions& how) {
    return sst::fit(kernel, x, y, ridge, how);
  }
  /// Leave-one-out predictions of the model that was fitted last, where its factor is not in one process.
  virtual std::optional<Eigen::MatrixXd> left_out() const { return std::nullopt; }
  virtual Eigen::MatrixXd predict(const sst::TableModel& model, const Eigen::MatrixXd& samples,
                                  const sst::Execution& execution) const {
    return model.predict(samples, execution);
  }
};

}  // namespace program
