// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include <Eigen/Core>

#include <sst/base/fingerprint.hpp>
#include <sst/io/store/compute.hpp>
#include <sst/io/store/directory.hpp>
#include <sst/version.hpp>

namespace sst {
inline namespace SST_ABI {
namespace store_detail {

static_assert(std::endian::native == std::endian::little, "tiles are written on little-endian hosts only");

/// A tile's file: 8 bytes "sst tile", the store's identity, the place (4 numbers of 64 bits), the entries
/// column by column, and the hash of all that stands before it.
template <class Scalar>
class TileFile {
 public:
  using Matrix = Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic>;

  TileFile(std::filesystem::path path, std::uint64_t identity, const TilePlace& place)
      : path_(std::move(path)), place_(place) {
    std::memcpy(start_.data(), "sst tile", 8);
    const std::array<std::uint64_t, 5> numbers{
        identity, static_cast<std::uint64_t>(place.row), static_cast<std::uint64_t>(place.rows),
        static_cast<std::uint64_t>(place.column), static_cast<std::uint64_t>(place.columns)};
    std::memcpy(start_.data() + 8, numbers.data(), sizeof numbers);
  }

  /// Bytes of the file of a tile.
  static std::uintmax_t size(const TilePlace& place) {
    return start_size + static_cast<std::uintmax_t>(place.rows * place.columns) * sizeof(Scalar) +
           sizeof(std::uint64_t);
  }

  bool exists() const {
    std::error_code ignored;
    return std::filesystem::exists(path_, ignored);
  }
  /// Whether there is a file of the right size, which its hash may still belie.
  bool is_whole() const {
    std::error_code error;
    return std::filesystem::file_size(path_, error) == size(place_) && !error;
  }

  void write(const Matrix& tile) const {
    std::string bytes(start_.data(), start_.size());
    bytes.append(reinterpret_cast<const char*>(tile.data()),
                 static_cast<std::size_t>(tile.size()) * sizeof(Scalar));
    const std::uint64_t hash = Fingerprint().add(bytes).value();
    bytes.append(reinterpret_cast<const char*>(&hash), sizeof hash);
    write_durably(path_, bytes);
  }

  /// Whether the tile was read: false for a file that is missing, of another size, of another store or
  /// place, or whose hash does not fit.
  bool read(Matrix& tile) const {
    if (!is_whole()) return false;
    std::ifstream in(path_, std::ios::binary);
    std::array<char, start_size> start{};
    std::uint64_t hash = 0;
    tile.resize(place_.rows, place_.columns);
    const std::size_t payload = static_cast<std::size_t>(tile.size()) * sizeof(Scalar);
    in.read(start.data(), start.size());
    in.read(reinterpret_cast<char*>(tile.data()), static_cast<std::streamsize>(payload));
    in.read(reinterpret_cast<char*>(&hash), sizeof hash);
    return in && start == start_ &&
           hash == Fingerprint().add(start.data(), start.size()).add(tile.data(), payload).value();
  }

 private:
  static constexpr std::size_t start_size = 48;
  std::filesystem::path path_;
  TilePlace place_;
  std::array<char, start_size> start_{};
};

}  // namespace store_detail
}  // namespace SST_ABI
}  // namespace sst
