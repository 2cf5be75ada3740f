// SPDX-License-Identifier: MIT
//
// Kernel regression and classification on one's own tables; docs/regress.md is its guide.

#include <memory>

#include "regress_run.hpp"
#include "spreading.hpp"

int main(int argc, char** argv) {
  return program::regress(argc, argv,
                          {"regress", "Kernel regression with exactly infinite networks, on your own table",
                           [] { return std::make_unique<program::Spreading>(); }});
}
