// SPDX-License-Identifier: MIT
#pragma once

#include <charconv>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <system_error>
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
inline std::string own_version() {
  return std::to_string(SST_VERSION_MAJOR) + "." + std::to_string(SST_VERSION_MINOR) + "." +
         std::to_string(SST_VERSION_PATCH);
}

template <class Scalar>
constexpr const char* scalar_name() {
  return sizeof(Scalar) == 8 ? "float64" : "float32";
}

inline std::vector<Field> fields(const TileStoreHeader& header, const std::string& scalar,
                                 const std::string& version = own_version()) {
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
  constexpr Eigen::Index most = Eigen::Index{1} << 30;  // so that no number of bytes overflows
  if (header.rows < 1 || header.columns < 1 || header.rows > most || header.columns > most)
    fail(std::to_string(header.rows) + " rows and " + std::to_string(header.columns) + " columns",
         "give one or more of each, and 2^30 at most");
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

/// The bytes of header.txt. Throws DataError.
inline std::string header_text(const std::filesystem::path& directory) {
  const std::filesystem::path file = directory / "header.txt";
  std::error_code error;
  if (!std::filesystem::exists(file, error))
    throw DataError("'" + directory.string() +
                    "' is no tile store (it has no header.txt); name the folder of one");
  std::ifstream in(file, std::ios::binary);
  std::ostringstream bytes;
  bytes << in.rdbuf();
  const std::string text = bytes.str();
  if (!in || text.empty())
    throw DataError("cannot read '" + file.string() +
                    "' (it is empty or unreadable); check its rights, or remove the store '" +
                    directory.string() + "' and start again");
  return text;
}

/// Calls use(field, value) for the line of each of these fields. Throws DataError for other lines.
template <class Use>
void read_fields(const std::filesystem::path& directory, const std::string& text,
                 const std::vector<Field>& fields, Use&& use) {
  const auto fail = [&](const std::string& what) {
    throw DataError("the store '" + directory.string() + "' is damaged (its header.txt " + what +
                    "); remove it and start again");
  };
  std::istringstream lines(text);
  std::string line;
  for (const Field& field : fields) {
    const std::string prefix = field.name + ": ";
    if (!std::getline(lines, line) || !line.starts_with(prefix))
      fail("has no '" + field.name + "' where it should be");
    if (lines.eof()) fail("ends within a line");
    use(field, line.substr(prefix.size()));
  }
  if (lines.peek() != std::istringstream::traits_type::eof()) fail("goes on after its end");
}

/// Throws DataError unless a field has the value that is wanted.
inline void require_value(const std::filesystem::path& directory, const Field& wanted,
                          const std::string& found) {
  if (found == wanted.value) return;
  const bool is_short = found.size() <= 40 && wanted.value.size() <= 40;
  throw DataError(
      "the store '" + directory.string() + "' belongs to another " + wanted.meaning +
      (is_short ? " (" + detail::quote(found) + ", not " + detail::quote(wanted.value) + ")" : "") +
      "; choose another directory, or remove it if its tiles are no longer needed");
}

/// Throws DataError that says what is different unless header.txt has exactly these fields.
inline void require_same(const std::filesystem::path& directory, const std::vector<Field>& expected) {
  const std::string text = header_text(directory);
  read_fields(directory, text, expected,
              [&](const Field& field, const std::string& value) { require_value(directory, field, value); });
}

}  // namespace store_detail

/// What header.txt of a store that is there says.
struct FoundStore {
  TileStoreHeader header;    ///< what it holds
  std::string scalar = {};   ///< of its entries: "float64" or "float32"
  std::string version = {};  ///< of the library whose numbers they are
};

/// Reads header.txt, of any version of the library. Throws DataError for a directory that is no store, and
/// for a header that is damaged.
inline FoundStore read_store_header(const std::filesystem::path& directory) {
  const std::string text = store_detail::header_text(directory);
  std::map<std::string, std::string> found;
  store_detail::read_fields(directory, text, store_detail::fields({}, ""),
                            [&](const store_detail::Field& field, const std::string& value) {
                              if (field.name == "sst_tile_store")
                                store_detail::require_value(directory, field, value);
                              found[field.name] = value;
                            });
  const auto number = [&](const char* name) {
    const std::string& digits = found[name];
    Eigen::Index out = 0;  // of no matrix
    std::from_chars(digits.data(), digits.data() + digits.size(), out);
    return out;
  };
  FoundStore out{
      {.rows = number("rows"),
       .columns = number("columns"),
       .symmetry = found["symmetry"] == "symmetric" ? TileSymmetry::symmetric : TileSymmetry::general,
       .tile = number("tile"),
       .data = found["data"],
       .topology = found["topology"],
       .kernel = found["kernel"],
       .arithmetic = found["arithmetic"]},
      found["scalar"],
      found["version"]};
  if (store_detail::to_text(store_detail::fields(out.header, out.scalar, out.version)) != text ||
      (out.scalar != "float64" && out.scalar != "float32"))
    throw DataError("the store '" + directory.string() +
                    "' is damaged (its header.txt has a value that no store has); remove it and start again");
  store_detail::validate(out.header);
  return out;
}

}  // namespace SST_ABI
}  // namespace sst
