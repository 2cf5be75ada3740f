// SPDX-License-Identifier: MIT
//
// Tests that run as several processes: mpiexec -n 3 sst_cluster_tests. Every rank runs every test.

#define CATCH_CONFIG_RUNNER
#include "../catch.hpp"

#include <sst/cluster/mpi_ranks.hpp>

int main(int argc, char** argv) {
  MPI_Init(&argc, &argv);
  int failed = Catch::Session().run(argc, argv), most = 0;
  MPI_Allreduce(&failed, &most, 1, MPI_INT, MPI_MAX, MPI_COMM_WORLD);
  MPI_Finalize();
  return most;
}
