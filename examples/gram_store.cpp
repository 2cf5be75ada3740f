// SPDX-License-Identifier: MIT
//
// The kernel matrix of any network in a store on disk, which many processes fill side by side, on any
// machines that see the folder; then the matrix in a file, or a regression with it. docs/cluster.md has a job
// array.

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <iostream>
#include <string>
#include <vector>

#ifdef _OPENMP
#include <omp.h>
#endif

#include <sst/base/parallel.hpp>
#include <sst/io/store/stored_matrix.hpp>
#include <sst/io/store/tile_store.hpp>

#include "duration.hpp"
#include "gram_fit.hpp"
#include "gram_options.hpp"
#include "gram_samples.hpp"
#include "gram_status.hpp"
#include "program.hpp"
#include "quantities.hpp"
#include "shard_option.hpp"
#include "tile_count.hpp"

namespace {

using Eigen::Index;

/// Pairs and bytes are exact, the time is what some rectangles take now.
template <class Scalar>
void plan(const gram::FillOptions& o, const sst::TileStoreHeader& header, const sst::Shard& shard,
          const sst::KernelTiles<Scalar>& tiles) {
  const int threads = sst::detail::team_size(o.threads, 1 << 12);
  const int within = tiles.parallel() ? threads : 1, at_once = threads / within;
  const double pair = program::time_pair(
      std::min({o.tile, header.rows, header.columns}), within, [&](Index wanted, Index columns) {
        const Index rows = std::min(wanted, header.rows);
        const auto start = std::chrono::steady_clock::now();
        double pairs = 0, seconds = 0;
        for (constexpr double enough = 0.05; seconds < enough;) {  // less is noise
          sst::detail::parallel(static_cast<std::size_t>(at_once), at_once, [&](std::size_t) {
            std::vector<Scalar> out(static_cast<std::size_t>(rows * columns));
            tiles.evaluate(header.rows - rows, rows, 0, columns, out.data(), rows);
          });
          pairs += static_cast<double>(at_once * rows * columns);
          seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
        }
        return seconds * static_cast<double>(wanted * columns) / pairs;
      });
  const auto n = static_cast<double>(header.rows), m = static_cast<double>(header.columns);
  const double pairs = tiles.symmetric() ? n * (n + 1) / 2 : n * m, own = pairs / shard.of;
  std::cout << program::format_count(pairs) << " pairs, "
            << program::format_bytes(sst::TileStore<Scalar>::bytes(header)) << " in the store; "
            << (shard.alone() ? "" : "a shard of " + std::to_string(shard.of) + ": ") << "some "
            << program::format_duration(own * pair) << " on " << threads
            << (threads == 1 ? " thread" : " threads") << " for the pairs\n";
}

template <class Scalar>
void fill(const gram::FillOptions& o, const sst::Shard& shard) {
  const sst::Topology topology = gram::network(o);
  const gram::Samples samples = gram::read_samples(o);
  const sst::TileStoreHeader header = gram::header(o, samples, topology);
  const auto tiles = gram::kernel_tiles<Scalar>(o, samples, topology);
  if (o.plan) return plan<Scalar>(o, header, shard, *tiles);
  program::note_local_locks(shard, o.store);
  program::Progress progress;
  sst::TileStore<Scalar> store(o.store, header, shard);
  program::TileCount count;
  count.add(store.fill(*tiles, {.threads = o.threads,
                                .progress = progress(shard.alone() ? "tiles" : "shard " + shard.text())}));
  progress.check();
  count.add(store);
  std::cout << count.text(shard, o.store)
            << (count.full() ? "; see gram_store assemble and gram_store fit\n"
                             : "; gram_store status says which shards are missing\n");
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"The kernel matrix of an infinitely wide network in a store that many processes fill",
               "gram_store"};
  app.require_subcommand(1);
  gram::FillOptions filling;
  gram::ReadOptions status, assembly;
  gram::FitOptions fitting;
  const CLI::App* const fills = gram::declare_fill(app, filling);
  const CLI::App* const says = gram::declare_status(app, status);
  const CLI::App* const assembles = gram::declare_assemble(app, assembly);
  gram::declare_fit(app, fitting);

  return run_program(app, argc, argv, [&] {
    const int threads = fills->parsed() ? filling.threads : fitting.threads;
#ifdef _OPENMP
    if (threads > 0) omp_set_num_threads(threads);
#endif
    if (fills->parsed()) {
      const sst::Shard shard = program::shard_of(filling.shard);
      filling.precision == "float" ? fill<float>(filling, shard) : fill<double>(filling, shard);
    } else if (says->parsed()) {
      gram::print_status(status);
    } else if (assembles->parsed()) {
      gram::assemble(assembly);
    } else {
      gram::fit(fitting);
    }
  });
}
