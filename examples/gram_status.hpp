// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <iostream>
#include <string>
#include <system_error>
#include <vector>

#include <Eigen/Core>
#include <nlohmann/json.hpp>

#include <sst/base/file.hpp>
#include <sst/error.hpp>
#include <sst/io/store/lock.hpp>
#include <sst/io/store/stored_matrix.hpp>

#include "gram_options.hpp"
#include "program.hpp"
#include "quantities.hpp"
#include "tile_count.hpp"

/// \file
/// What gram_store says of a store, and its matrix in a file.

namespace gram {

/// Calls use(stored) with the matrix of a store, whatever its scalar type is.
template <class Use>
auto with_store(const std::string& folder, Use&& use) {
  if (sst::read_store_header(folder).scalar == "float32") return use(sst::StoredMatrix<float>(folder));
  return use(sst::StoredMatrix<double>(folder));
}

/// Throws sst::DataError where tiles are missing.
template <class Scalar>
void require_full(const sst::StoredMatrix<Scalar>& stored) {
  program::TileCount count;
  count.add(stored);
  if (!count.full())
    throw sst::DataError("the store '" + stored.directory().string() + "' has " +
                         std::to_string(count.there) + " of " + std::to_string(count.all) +
                         " tiles; let gram_store fill compute the others first");
}

/// The network's name where its topology is JSON, else what the header has.
inline std::string network_name(const sst::TileStoreHeader& header) {
  const auto json = nlohmann::json::parse(header.topology, nullptr, false);
  if (json.is_object() && json.contains("name") && json["name"].is_string())
    return sst::detail::printable(json["name"].get<std::string>());
  return sst::detail::printable(header.topology);
}

/// "2 (3 of 4 tiles are missing), 7 (all 3)": the shards of so many that are not done.
template <class Scalar>
std::string missing_shards(const sst::StoredMatrix<Scalar>& stored, int of) {
  constexpr int most = 20;  // fit on a screen
  std::string out;
  int found = 0;
  for (int number = 1; number <= of; ++number) {
    const std::vector<Eigen::Index> own = stored.tiles_of({number, of});
    Eigen::Index missing = 0;
    for (const Eigen::Index k : own) missing += !stored.has(k);
    if (missing == 0 || ++found > most) continue;
    out += (out.empty() ? "" : ", ") + std::to_string(number) + " (" + std::to_string(missing) + " of " +
           std::to_string(own.size()) + ")";
  }
  return found > most ? out + " and " + std::to_string(found - most) + " more" : out;
}

/// Throws sst::DataError for tiles whose hash does not fit.
template <class Scalar>
void verify(const sst::StoredMatrix<Scalar>& stored, program::Progress& progress) {
  const auto step = progress("verifying tiles");
  typename sst::StoredMatrix<Scalar>::Matrix tile;
  Eigen::Index damaged = 0;
  std::string first;
  for (Eigen::Index k = 0; k < stored.tiles(); ++k) {
    try {
      if (stored.has(k)) stored.read(k, tile);
    } catch (const sst::DataError&) {
      if (damaged++ == 0)
        first = "row " + std::to_string(stored.place(k).row) + ", column " +
                std::to_string(stored.place(k).column);
    }
    step(static_cast<double>(k + 1) / static_cast<double>(stored.tiles()));
    if (program::interrupted) progress.check();
  }
  progress.check();
  if (damaged > 0)
    throw sst::DataError("the store '" + stored.directory().string() + "' has " + std::to_string(damaged) +
                         (damaged == 1 ? " damaged tile" : " damaged tiles") + ", the first at " + first +
                         "; let gram_store fill compute them again");
}

inline void print_status(const ReadOptions& o) {
  program::Progress progress;
  const std::string version = sst::read_store_header(o.store).version;
  with_store(o.store, [&](const auto& stored) {
    const sst::TileStoreHeader& header = stored.header();
    if (o.verify) verify(stored, progress);
    double bytes = 0;
    program::TileCount count;
    count.add(stored);
    for (const auto& entry : std::filesystem::directory_iterator(o.store)) {
      std::error_code gone;
      const auto size = entry.file_size(gone);
      if (!gone) bytes += static_cast<double>(size);
    }
    std::cout << header.kernel << " of " << network_name(header) << ", " << header.rows << " x "
              << header.columns
              << (header.symmetry == sst::TileSymmetry::symmetric ? ", symmetric" : ", general") << ", in "
              << header.arithmetic << ", by version " << version << "\nsamples " << header.data << "\n"
              << (count.full() ? "all " : std::to_string(count.there) + " of ") << count.all << " tiles of "
              << header.tile << " x " << header.tile << " are there" << (o.verify ? ", every hash fits" : "")
              << ", " << program::format_bytes(bytes) << "\n";
    if (count.full()) return;
    const int of = sst::store_detail::shards_of(std::filesystem::path(o.store));
    if (of > 1) std::cout << "missing in shards of " << of << ": " << missing_shards(stored, of) << "\n";
  });
}

inline void assemble(const ReadOptions& o) {
  program::try_outputs({o.output});
  program::Progress progress;
  with_store(o.store, [&](const auto& stored) {
    require_full(stored);
    stored.write_npy(o.output, {.progress = progress("assembling")});
  });
  progress.check();
}

}  // namespace gram
