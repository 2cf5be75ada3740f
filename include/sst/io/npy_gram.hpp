// SPDX-License-Identifier: MIT
#pragma once

#include <cerrno>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <string>
#include <system_error>
#include <vector>

#include <Eigen/Core>

#include <sst/base/file.hpp>
#include <sst/base/output_file.hpp>
#include <sst/error.hpp>
#include <sst/io/npy.hpp>
#include <sst/kernel/gram.hpp>
#include <sst/version.hpp>

namespace sst {
inline namespace SST_ABI {

/// Writes one kernel matrix to an .npy file tile by tile (column-major, "fortran_order"), so that it may be
/// larger than memory: a few tiles a thread are all that is held.
///
/// The disk's free space is checked first, and a file of that name is replaced when the new one is complete.
/// Throws DataError, Cancelled.
template <class Scalar, class Arithmetic>
void write_gram_npy(const std::filesystem::path& path, const GramTiles<Scalar, Arithmetic>& tiles,
                    Kernel kernel, const GramOptions& options = {}) {
  namespace fs = std::filesystem;
  const std::string header = detail::npy_header<Scalar>(tiles.rows(), tiles.cols(), false);
  const double bytes = static_cast<double>(tiles.rows()) * static_cast<double>(tiles.cols()) * sizeof(Scalar);
  std::error_code error;
  const fs::path folder = path.has_parent_path() ? path.parent_path() : fs::path(".");
  if (const auto space = fs::space(folder, error); !error && bytes > static_cast<double>(space.available))
    throw DataError("cannot write '" + path.string() + "' (it takes " + std::to_string(bytes / 1e9) +
                    " GB, and " + std::to_string(static_cast<double>(space.available) / 1e9) +
                    " GB are free there); use float, fewer samples or another disk");

  detail::OutputFile file(path);
  std::ostream& out = file.stream();
  out.write(header.data(), static_cast<std::streamsize>(header.size()));
  const auto put = [&](Eigen::Index row, Eigen::Index col, const Scalar* values, Eigen::Index count) {
    const auto at =
        static_cast<std::streamoff>(header.size()) +
        (static_cast<std::streamoff>(col) * tiles.rows() + row) * static_cast<std::streamoff>(sizeof(Scalar));
    out.seekp(at);
    out.write(reinterpret_cast<const char*>(values), static_cast<std::streamsize>(sizeof(Scalar)) * count);
  };
  std::mutex one_at_a_time;
  for_each_tile(
      tiles, {kernel},
      [&](const GramTile<Scalar>& tile) {
        using Matrix = Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic>;
        const auto values = kernel == Kernel::nngp ? tile.nngp() : tile.ntk();
        const bool mirrored = tiles.symmetric() && tile.row != tile.col;
        const Matrix transposed = mirrored ? Matrix(values.transpose()) : Matrix();
        const std::lock_guard lock(one_at_a_time);
        for (Eigen::Index c = 0; c < tile.cols; ++c)
          put(tile.row, tile.col + c, values.col(c).data(), tile.rows);
        for (Eigen::Index c = 0; c < transposed.cols(); ++c)
          put(tile.col, tile.row + c, transposed.col(c).data(), tile.cols);
        file.check();
      },
      options);
  file.commit();
}

}  // namespace SST_ABI
}  // namespace sst
