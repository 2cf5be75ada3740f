// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <Eigen/Core>

#include <sst/base/file.hpp>
#include <sst/error.hpp>
#include <sst/io/store/compute.hpp>
#include <sst/version.hpp>

namespace sst {
inline namespace SST_ABI {

/// What a tile store holds. A store with another header is refused, since its tiles are other numbers.
struct TileStoreHeader {
  Eigen::Index rows = 0;                            ///< of the matrix; 1 or more
  Eigen::Index columns = 0;                         ///< of the matrix; 1 or more
  TileSymmetry symmetry = TileSymmetry::symmetric;  ///< whether half of the tiles are enough
  Eigen::Index tile = 128;      ///< rows and columns of a tile, 1 or more; the last ones may be smaller
  std::string data = {};        ///< Fingerprint of all that the samples are
  std::string topology = {};    ///< as JSON, say; one line
  std::string kernel = {};      ///< "ntk" or "nngp"
  std::string arithmetic = {};  ///< in which the kernel is computed: "double" or "float"
};

namespace store_detail {

/// The lines of header.txt: a name, what people call it, the value.
struct Field {
  std::string name, meaning, value;
};

/// A later version of the library may round differently, so its version is part of what a tile is.
inline std::vector<Field> fields(const TileStoreHeader& header, const std::string& scalar) {
  const auto version = std::to_string(SST_VERSION_MAJOR) + "." + std::to_string(SST_VERSION_MINOR) + "." +
                       std::to_string(SST_VERSION_PATCH);
  return {{"sst_tile_store", "format", "1"},
          {"version", "version of the library", version},
          {"rows", "number of rows", std::to_string(header.rows)},
          {"columns", "number of columns", std::to_string(header.columns)},
          {"symmetry", "symmetry", header.symmetry == TileSymmetry::symmetric ? "symmetric" : "general"},
          {"tile", "size of tiles", std::to_string(header.tile)},
          {"scalar", "scalar type", scalar},
          {"arithmetic", "precision", header.arithmetic},
          {"kernel", "kernel", header.kernel},
          {"data", "data set", header.data},
          {"topology", "topology", header.topology}};
}

inline void validate(const TileStoreHeader& header) {
  const auto fail = [](const std::string& what, const std::string& remedy) {
    throw DataError("a tile store cannot have " + what + "; " + remedy);
  };
  if (header.rows < 1 || header.columns < 1)
    fail(std::to_string(header.rows) + " rows and " + std::to_string(header.columns) + " columns",
         "give one or more of each");
  if (header.tile < 1) fail("tiles of " + std::to_string(header.tile) + " rows", "give one or more");
  if (header.symmetry == TileSymmetry::symmetric && header.rows != header.columns)
    fail("a symmetric matrix of " + std::to_string(header.rows) + " x " + std::to_string(header.columns),
         "make it square or general");
  for (const std::string* text : {&header.data, &header.topology, &header.kernel, &header.arithmetic})
    if (text->find_first_of("\r\n") != std::string::npos || text->find('\0') != std::string::npos)
      fail("a line break in its header", "write the topology on one line");
}

inline std::string to_text(const std::vector<Field>& fields) {
  std::string out;
  for (const Field& field : fields) out += field.name + ": " + field.value + "\n";
  return out;
}

/// Throws DataError that says what is different unless the file has exactly this text.
inline void require_same(const std::filesystem::path& directory, const std::filesystem::path& file,
                         const std::vector<Field>& expected) {
  const std::string store = "the store '" + directory.string() + "'";
  std::ifstream in(file, std::ios::binary);
  std::ostringstream bytes;
  bytes << in.rdbuf();
  const std::string text = bytes.str();
  if (!in || text.empty())
    throw DataError("cannot read '" + file.string() +
                    "' (it is empty or unreadable); check its rights, or remove " + store +
                    " and start again");
  if (text == to_text(expected)) return;

  std::istringstream lines(text);
  std::string line;
  for (const Field& field : expected) {
    const std::string prefix = field.name + ": ";
    if (!std::getline(lines, line) || !line.starts_with(prefix))
      throw DataError(store + " is damaged (its header.txt has no '" + field.name +
                      "' where it should be); remove it and start again");
    const std::string value = line.substr(prefix.size());
    if (value == field.value) continue;
    const bool is_short = value.size() <= 40 && field.value.size() <= 40;
    throw DataError(
        store + " belongs to another " + field.meaning +
        (is_short ? " (" + detail::quote(value) + ", not " + detail::quote(field.value) + ")" : "") +
        "; choose another directory, or remove it if its tiles are no longer needed");
  }
  throw DataError(store + " is damaged (its header.txt goes on after its end); remove it and start again");
}

}  // namespace store_detail
}  // namespace SST_ABI
}  // namespace sst
