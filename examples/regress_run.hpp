// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <memory>

/// \file
/// What regress and cluster_regression share: all but where the work is done.

namespace program {

class Spreading;

struct RegressProgram {
  const char* name;
  const char* about;
  std::function<std::unique_ptr<Spreading>()> spreading;  ///< called once the options are read
};

/// Runs one of them; its exit status.
int regress(int argc, char** argv, const RegressProgram& which);

}  // namespace program
