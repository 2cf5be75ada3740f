// SPDX-License-Identifier: MIT
//
// regress, spread over processes; docs/cluster.md is its guide.

#include <memory>

#include "cluster_spreading.hpp"
#include "regress_run.hpp"

int main(int argc, char** argv) {
  return program::ClusterSpreading::end(program::regress(
      argc, argv,
      {"cluster_regression",
       "Kernel regression as regress does it, spread over processes: mpiexec -n 8 cluster_regression ...",
       [] { return std::make_unique<program::ClusterSpreading>(); }}));
}
