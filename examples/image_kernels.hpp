// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <ostream>
#include <string>
#include <system_error>
#include <type_traits>
#include <vector>

#include <Eigen/Core>

#include <sst/images/flip_average.hpp>
#include <sst/io/npy.hpp>
#include <sst/io/store/tile_store.hpp>
#include <sst/kernel/image_tiles.hpp>
#include <sst/topology/json.hpp>

#include "image_data.hpp"
#include "image_options.hpp"
#include "program.hpp"
#include "sample_hashes.hpp"
#include "shard_option.hpp"
#include "tile_count.hpp"

/// \file
/// The kernel matrices of image_classification, from its store where there is one.

/// Kernel matrices and what they cost.
struct Kernels {
  Eigen::MatrixXd train, test;  // train x train, test x train
  double pairs = 0, seconds = 0;
};

namespace kernels_detail {

/// The images to train on with themselves, or those to test on with them.
enum class Part { train, test };

/// What the store of a part holds.
inline sst::TileStoreHeader header(const Candidate& candidate, const Experiment& e, Part part,
                                   const Options& options) {
  return {.rows = (part == Part::test ? e.test : e.train).count(),
          .columns = e.train.count(),
          .symmetry = part == Part::test ? sst::TileSymmetry::general : sst::TileSymmetry::symmetric,
          .tile = options.side(),
          .data = program::hash_samples(sst::to_string(e.train.shape), e.train.pixels,
                                        part == Part::test ? &e.test.pixels : nullptr),
          .topology = sst::to_json(candidate.topology).dump(),
          .kernel = candidate.kernel + (options.flips() ? " averaged over flips" : ""),
          .arithmetic = options.precision};
}

/// The folder of a part's store.
inline fs::path place(const Candidate& candidate, Part part, const Options& options) {
  return fs::path(options.store) /
         (candidate.topology.name() + "-" + candidate.kernel + "-" + options.pool +
          (options.flips() ? "-flips" : "") + (part == Part::test ? "-test" : "-train"));
}

/// What progress calls it.
inline std::string what(const Candidate& candidate, Part part) {
  return candidate.topology.name() + (part == Part::test ? ", test" : ", train");
}

/// Calls use(tiles) with what computes the rectangles of K(rows, columns), or K(rows, rows) for one data set.
template <class Scalar, class Use>
auto with_tiles(const Candidate& candidate, const sst::Images& rows, const sst::Images& columns,
                const Options& options, Use&& use) {
  const sst::Kernel kernel = candidate.kernel == "ntk" ? sst::Kernel::ntk : sst::Kernel::nngp;
  const auto make = [&](auto type) {
    using Tiles = typename decltype(type)::type;
    if (&rows == &columns)
      return use(Tiles(candidate.topology, kernel, rows.shape, rows.pixels, options.threads));
    return use(Tiles(candidate.topology, kernel, rows.shape, rows.pixels, columns.pixels, options.threads));
  };
  return options.flips() ? make(std::type_identity<sst::FlipAverageTiles<Scalar>>())
                         : make(std::type_identity<sst::ImageTiles<Scalar>>());
}

/// The store of a part, for this run, or for its shard.
template <class Scalar>
sst::TileStore<Scalar> open_store(const Candidate& candidate, Part part, const Options& options,
                                  const sst::TileStoreHeader& holds) {
  std::error_code error;
  fs::create_directories(options.store, error);
  if (error)
    throw sst::DataError("cannot make the folder '" + options.store + "' (" + error.message() +
                         "); choose another --store");
  return sst::TileStore<Scalar>(place(candidate, part, options), holds, program::shard_of(options.shard));
}

/// One matrix, from the store where there is one.
template <class Scalar>
Eigen::MatrixXd matrix(const Candidate& candidate, const Experiment& e, Part part, const Options& options,
                       program::Progress& progress, Kernels& cost) {
  const sst::TileOptions run{.threads = options.threads, .progress = progress(what(candidate, part))};
  const sst::TileStoreHeader holds = header(candidate, e, part, options);
  const bool keep = part == Part::train && !options.gram.empty();
  sst::TileReport report;
  const auto compute = [&](const auto& tiles) -> Eigen::MatrixXd {
    if (options.store.empty()) {
      const auto k = sst::compute_by_tiles<Scalar>(tiles, holds.symmetry, options.side(), run, &report);
      if (keep) sst::write_npy(options.gram, k);
      return k.template cast<double>();
    }
    sst::TileStore<Scalar> store = open_store<Scalar>(candidate, part, options, holds);
    report = store.fill(tiles, run);
    if (keep) store.write_npy(options.gram);
    return store.assemble().template cast<double>();
  };
  Eigen::MatrixXd out =
      with_tiles<Scalar>(candidate, part == Part::test ? e.test : e.train, e.train, options, compute);
  progress.check();
  cost.pairs += report.entries;
  cost.seconds += report.seconds;
  return out;
}

template <class Scalar>
Kernels kernels(const Candidate& candidate, const Experiment& e, const Options& options,
                program::Progress& progress) {
  Kernels out;
  out.train = matrix<Scalar>(candidate, e, Part::train, options, progress, out);
  if (e.test.count() > 0) out.test = matrix<Scalar>(candidate, e, Part::test, options, progress, out);
  return out;
}

/// Fills a shard of the stores of a candidate, and counts their tiles.
template <class Scalar>
void fill_shard(const Candidate& candidate, const Experiment& e, const Options& options,
                program::Progress& progress, program::TileCount& count) {
  for (const Part part : {Part::train, Part::test}) {
    const sst::Images& rows = part == Part::test ? e.test : e.train;
    if (rows.count() == 0) continue;
    auto store = open_store<Scalar>(candidate, part, options, header(candidate, e, part, options));
    const sst::TileOptions run{.threads = options.threads,
                               .progress = progress(what(candidate, part) + ", shard " + options.shard)};
    with_tiles<Scalar>(candidate, rows, e.train, options,
                       [&](const auto& tiles) { count.add(store.fill(tiles, run)); });
    progress.check();
    count.add(store);
  }
}

}  // namespace kernels_detail

/// Fills a shard of the stores of all candidates, and says what is there then.
inline void fill_shards(std::ostream& out, const std::vector<Candidate>& candidates, const Experiment& e,
                        const Options& options, program::Progress& progress) {
  program::note_local_locks(program::shard_of(options.shard), options.store);
  program::TileCount count;
  for (const Candidate& candidate : candidates)
    if (options.precision == "float")
      kernels_detail::fill_shard<float>(candidate, e, options, progress, count);
    else
      kernels_detail::fill_shard<double>(candidate, e, options, progress, count);
  out << count.text(program::shard_of(options.shard), options.store)
      << (count.full() ? "; the same command without --shard goes on from them\n"
                       : "; run the other shards, then the same command without --shard\n");
}

/// The kernel of a candidate among the images to train on, and between them and those to test on.
inline Kernels compute_kernels(const Candidate& candidate, const Experiment& e, const Options& options,
                               program::Progress& progress) {
  return options.precision == "float" ? kernels_detail::kernels<float>(candidate, e, options, progress)
                                      : kernels_detail::kernels<double>(candidate, e, options, progress);
}
