// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#ifndef OMPI_SKIP_MPICXX
/// Open MPI without its old C++ functions, which would have to be linked with.
#define OMPI_SKIP_MPICXX 1
#endif
#ifndef MPICH_SKIP_MPICXX
/// The same of MPICH.
#define MPICH_SKIP_MPICXX 1
#endif
#include <mpi.h>

#include <sst/base/ranks.hpp>
#include <sst/version.hpp>

/// \file
/// Ranks by MPI: include this header and link with MPI, which nothing else of the library needs.

namespace sst {
inline namespace SST_ABI {

/// The processes of an MPI communicator as ranks.
///
/// \code
/// MPI_Init(nullptr, nullptr);
/// const auto ranks = std::make_shared<const sst::MpiRanks>();
/// auto model = sst::fit(kernel, x, y, ridge, {.solver = sst::Solver::conjugate_gradients, .ranks = ranks});
/// \endcode
/// MPI has to be there from before it is made until after it is gone. Errors of MPI are what the communicator
/// makes of them: by default all processes end. An error or a cancellation that one rank alone meets leaves
/// the others waiting for it: end them by MPI_Abort.
class MpiRanks final : public Ranks {
 public:
  /// Of all processes of `communicator`, each of which makes one.
  explicit MpiRanks(MPI_Comm communicator = MPI_COMM_WORLD)
      : Ranks(number_in(communicator), count_in(communicator)), neighbours_(neighbours_in(communicator)) {
    MPI_Comm_dup(communicator, &communicator_);  // so that nobody else's messages are taken for ours
  }
  ~MpiRanks() override { MPI_Comm_free(&communicator_); }

  void sum(std::int64_t* values, std::size_t count) const override { add(values, count, MPI_INT64_T); }
  void collect(double* values, std::size_t count) const override { add(values, count, MPI_DOUBLE); }
  int neighbours() const override { return neighbours_; }
  MPI_Comm communicator() const { return communicator_; }  ///< of these ranks alone

 private:
  static int number_in(MPI_Comm communicator) {
    int number = 0;
    MPI_Comm_rank(communicator, &number);
    return number;
  }
  static int count_in(MPI_Comm communicator) {
    int count = 0;
    MPI_Comm_size(communicator, &count);
    return count;
  }
  static int neighbours_in(MPI_Comm communicator) {
    MPI_Comm here = MPI_COMM_NULL;
    MPI_Comm_split_type(communicator, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &here);
    const int count = count_in(here);
    MPI_Comm_free(&here);
    return count;
  }

  template <class Number>
  void add(Number* values, std::size_t count, MPI_Datatype type) const {
    constexpr std::size_t most = 1 << 24;  // MPI counts in int, and copies what it is given
    for (std::size_t first = 0; first < count; first += most)
      MPI_Allreduce(MPI_IN_PLACE, values + first, static_cast<int>(std::min(most, count - first)), type,
                    MPI_SUM, communicator_);
  }

  MPI_Comm communicator_ = MPI_COMM_NULL;
  int neighbours_;
};

}  // namespace SST_ABI
}  // namespace sst
